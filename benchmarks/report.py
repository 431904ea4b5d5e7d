"""The page and the plot of what was measured."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Taken

HEAD = """\
# How fast

Written by `make bench`. All figures of a table are of one run, so compare the ratios: the seconds depend on the
machine, {machine}.

An organisation of N accounts: the baseline in each, a pipeline for each three, a hub for each thirty, and a Google
project for each ten. The *floor* is `json.dumps` of the same documents and the same files written by the standard
library: nothing can be faster than that. Memory is that of all processes together. Where the load
is above the number of cores, as other programs ran, seconds beside the floor say too much: a compile waits for two cores,
the floor for one, and for a shorter time. Processor seconds are less disturbed.

A large blueprint is compiled in shares of some hundred stacks (`compiler/shares.py`): what belongs together is built,
checked and printed, and let go. What is unchanged since an earlier compile is not built again, as long as its files
stand in the output folder. `diff` compares everything with everything, and holds it all.

![seconds by accounts](performance.svg)
"""

TAIL = """\
## What more is possible

Of a cold compile of 3,000 accounts the process that builds and checks is busy all the time, the engine's two thirds of
it. Of the first, rules and proof take a third, building a fifth, schemas and the engine's own rules a tenth. A second process
that builds would halve what is left, for some 250 MiB more; so would fewer passes over the same statement. The engine
takes about 4 ms a stack, of which Node's files are a third. Of its memory 60 MiB are a Node that does nothing but start
the other one, in jsii. An organisation all of whose components speak of one account is one share: memory then
holds all of it (1.7 GiB with 3,000 accounts).

## On several machines

`landform compile --executor dask://HOST:PORT` has the stacks put through CDKTF on the workers of a Dask cluster
(`pip install 'landform[dask]'` there and here, the same version of Landform). All else is done where the command runs.

`landform compile --shard 2/5` compiles the second fifth of a large blueprint: its stacks' files, without the manifest and the
access ledger, which only a compile of the whole can write. With `--check`, each of five CI jobs looks at its own.
`landform plan --shard 2/5` plans each fifth stack of those that were chosen, from the second on; the plans that the jobs
save are applied job by job.
"""

MEASURES = ("floor", "cold", "same", "changed", "validate", "diff")
WORDS = {
    "floor": "the floor",
    "cold": "`compile`, nothing there yet",
    "same": "`compile`, nothing changed",
    "changed": "`compile`, one line changed",
    "validate": "`validate`",
    "diff": "`diff` of one line changed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The measures of one organisation."""

    accounts: int
    stacks: int
    megabytes: float
    floor: Taken
    cold: Taken
    same: Taken
    changed: Taken
    validate: Taken
    diff: Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """Seconds of one account with one component, and of imports."""

    cold: float
    cdktf: float
    same: float
    libraries: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The same stacks by Landform and by a program of the typed bindings."""

    stacks: int
    ours: Taken
    theirs: Taken


def page(sizes: Sequence[Size], small: Small, typed: Typed | None) -> str:
    """docs/performance.md."""
    parts = [HEAD.format(machine=_machine())]
    parts += [_table(size) for size in sizes]
    if len(sizes) > 1:
        parts.append(_growth(sizes[0], sizes[-1]))
    parts.append(_small(small))
    if typed is not None:
        parts.append(_typed(typed))
    parts.append(TAIL)
    return "\n".join(parts)


def _table(size: Size) -> str:
    lines = [
        f"## {size.accounts:,} accounts: {size.stacks:,} stacks, {size.megabytes:,.0f} MB\n",
        "| | seconds | to floor | processor seconds | to floor | peak MiB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in MEASURES:
        taken: Taken = getattr(size, name)
        peak = f"{taken.peak:,.0f}" if taken.peak else ""
        lines.append(
            f"| {WORDS[name]} | {taken.wall:.2f} | {taken.wall / size.floor.wall:.1f} "
            f"| {taken.cpu:.2f} | {taken.cpu / size.floor.cpu:.1f} | {peak} |"
        )
    return "\n".join(lines) + "\n"


def _growth(first: Size, last: Size) -> str:
    """The exponent b of accounts ** b, from the smallest to the largest size."""
    steps = math.log(last.accounts / first.accounts)
    time = math.log(last.cold.cpu / first.cold.cpu) / steps
    memory = math.log(last.cold.peak / first.cold.peak) / steps
    return (
        f"From {first.accounts:,} to {last.accounts:,} accounts the processor seconds of a cold compile grow "
        f"with the exponent {time:.2f}, the memory with {memory:.2f}.\n"
    )


def _small(small: Small) -> str:
    return (
        "## One account with one component\n\n"
        "Medians of five.\n\n"
        "| | seconds | beside | seconds | ratio |\n| --- | --- | --- | --- | --- |\n"
        f"| nothing there yet | {small.cold:.2f} | `import cdktf` | {small.cdktf:.2f} "
        f"| {small.cold / small.cdktf:.1f} |\n"
        f"| nothing changed | {small.same:.2f} | `import click, pydantic, yaml, jinja2` "
        f"| {small.libraries:.2f} | {small.same / small.libraries:.1f} |\n"
    )


def _typed(typed: Typed) -> str:
    ours, theirs = typed.ours, typed.theirs
    return (
        f"## {typed.stacks} stacks of 100 resources, beside an ordinary CDKTF program\n\n"
        "The program (`benchmarks/hundred.py`) makes the same resources with the typed bindings; that they are "
        "the same is compared. Landform also parses, checks schemas, rules and access.\n\n"
        "| | seconds | processor seconds | peak MiB |\n| --- | --- | --- | --- |\n"
        f"| typed bindings | {theirs.wall:.1f} | {theirs.cpu:.1f} | {theirs.peak:,.0f} |\n"
        f"| Landform | {ours.wall:.1f} | {ours.cpu:.1f} | {ours.peak:,.0f} |\n"
        f"| ratio | {theirs.wall / ours.wall:.1f} | {theirs.cpu / ours.cpu:.1f} "
        f"| {theirs.peak / ours.peak:.1f} |\n"
    )


def _machine() -> str:
    model = "an unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}, load {load:.1f} at the end"


WIDTH, HEIGHT, EDGE = 640, 360, 60
COLOURS = {
    "floor": "#888888",
    "cold": "#c0392b",
    "same": "#27ae60",
    "changed": "#2980b9",
    "validate": "#8e44ad",
    "diff": "#e67e22",
}


def plot(sizes: Sequence[Size]) -> str:
    """Processor seconds by accounts, both axes logarithmic."""
    points = {
        name: [(size.accounts, max(getattr(size, name).cpu, 0.01)) for size in sizes]
        for name in MEASURES
    }
    xs = [math.log10(size.accounts) for size in sizes]
    ys = [math.log10(y) for line in points.values() for _, y in line]
    left, right = math.floor(min(xs)), math.ceil(max(xs))
    low, high = math.floor(min(ys)), math.ceil(max(ys))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - left) / max(right - left, 1) * (WIDTH - 4 * EDGE)
        up = (y - low) / max(high - low, 1) * (HEIGHT - 2 * EDGE)
        return round(EDGE + across, 1), round(HEIGHT - EDGE - up, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for power in range(left, right + 1):
        x, y = place(power, low)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(low, high + 1):
        x, y = place(left, power)
        parts.append(f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">{10.0**power:g}</text>')
        end = place(right, power)[0]
        parts.append(f'<line x1="{x}" y1="{y}" x2="{end}" y2="{y}" stroke="#dddddd"/>')
    for row, (name, line) in enumerate(points.items()):
        placed = [place(math.log10(x), math.log10(y)) for x, y in line]
        path = " ".join(f"{x},{y}" for x, y in placed)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        )
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{COLOURS[name]}"/>' for x, y in placed]
        label = WORDS[name].replace("`", "")
        at = EDGE + 18 * row
        parts.append(
            f'<text x="{WIDTH - 2.8 * EDGE}" y="{at}" fill="{COLOURS[name]}">{label}</text>'
        )
    parts.append(f'<text x="{EDGE}" y="{EDGE / 2}">processor seconds by accounts</text>')
    parts.append("</svg>\n")
    return "\n".join(parts)
