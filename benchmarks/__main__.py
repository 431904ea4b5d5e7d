"""`make bench`: measure, and write docs/performance.md and docs/performance.svg.

Times of one run are compared with each other only: the machine may be busy with something else.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.floor import floor
from benchmarks.hundred import write_blueprint
from benchmarks.measure import Taken, run
from benchmarks.organisation import blueprint, one_line_changed
from benchmarks.report import Size, Small, Typed, page, plot

ROOT = Path(__file__).parent.parent
LANDFORM = (sys.executable, "-m", "compiler")
SIZES = (300, 3000)
TYPED_STACKS = 100
REPEATS = 5


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="numbers of accounts")
    parser.add_argument("--typed", type=int, default=TYPED_STACKS, help="stacks of it, 0: none")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", action="store_true", help="write the page in docs/ as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="landform-bench-") as name:
        scratch = Path(name)
        sizes = [size(accounts, arguments.jobs, scratch) for accounts in arguments.sizes]
        typed = typed_program(arguments.typed, arguments.jobs, scratch) if arguments.typed else None
        text = page(sizes, small(scratch), typed)
    sys.stdout.write(text)
    if arguments.write:
        (ROOT / "docs" / "performance.md").write_text(text, encoding="utf-8")
        (ROOT / "docs" / "performance.svg").write_text(plot(sizes), encoding="utf-8")


def size(accounts: int, jobs: int, scratch: Path) -> Size:
    """All measures of the organisation with that many accounts."""
    note(f"{accounts} accounts")
    source, out = scratch / "blueprint.yaml", scratch / "out"
    source.write_text(blueprint(accounts), encoding="utf-8")
    compile_ = _compile(source, out, scratch / "cache", jobs)
    _unpack_engine(scratch)
    cold = compile_()
    lowest = floor(out, scratch / "floor")
    same = compile_()
    validate = run((*LANDFORM, "validate", str(source)), _environment(scratch / "cache"))
    source.write_text(one_line_changed(source.read_text(encoding="utf-8")), encoding="utf-8")
    changed = compile_()
    source.write_text(one_line_changed(source.read_text(encoding="utf-8"), 5), encoding="utf-8")
    diff = run(
        (*LANDFORM, "diff", str(source), "--from", str(out)), _environment(scratch / "cache")
    )
    files = [path for path in out.rglob("*") if path.is_file()]
    made = Size(
        accounts=accounts,
        stacks=sum(path.name == "main.tf.json" for path in files),
        megabytes=sum(path.stat().st_size for path in files) / 1e6,
        floor=lowest,
        cold=cold,
        same=same,
        changed=changed,
        validate=validate,
        diff=diff,
    )
    _clear(out, scratch / "cache")
    return made


def small(scratch: Path) -> Small:
    """One account with one component, beside what it imports at the least: medians."""
    note("one account")
    source, out, cache = scratch / "small.yaml", scratch / "small", scratch / "cache"
    source.write_text(
        'landform: 1\norganization: {name: small}\naccounts: {one: {id: "111111111111"}}\n'
        "defaults: {aws: {region: eu-west-1}}\ncomponents:\n  baseline:\n"
        '    kind: account-baseline\n    for_each: {accounts: "**"}\n',
        encoding="utf-8",
    )
    compile_ = _compile(source, out, cache, 1)

    def cold() -> Taken:
        # The engine's own code stays unpacked: that is once for each machine.
        _clear(out, *(each for each in (cache / "landform").glob("*") if each.name != "engine"))
        return compile_()

    def imports(names: str) -> Taken:
        return run((sys.executable, "-c", f"import {names}"), _environment(scratch / "engine"))

    compile_()
    imports("cdktf")
    rounds = [
        (cold(), imports("cdktf"), compile_(), imports("click, pydantic, yaml, jinja2"))
        for _ in range(REPEATS)
    ]
    middle = [median(taken.wall for taken in column) for column in zip(*rounds, strict=True)]
    return Small(cold=middle[0], cdktf=middle[1], same=middle[2], libraries=middle[3])


def typed_program(stacks: int, jobs: int, scratch: Path) -> Typed:
    """The same resources as an ordinary program of the typed bindings."""
    note(f"{stacks} typed stacks")
    folder, out = scratch / "hundred", scratch / "hundred-out"
    write_blueprint(folder, stacks)
    _unpack_engine(scratch)
    ours = _compile(folder, out, scratch / "cache", jobs)()
    made = scratch / "typed"

    def program(number: int) -> Taken:
        command = (sys.executable, "-m", "benchmarks.hundred", str(number), str(made))
        return run(command, _environment(scratch / "engine"))

    program(1)  # unpacks, too
    theirs = program(stacks)
    for number in range(stacks):
        here = out / "hundred" / "aws" / f"a{number:05}" / "hundred" / "main.tf.json"
        there = made / "stacks" / f"a{number:05}" / "cdk.tf.json"
        if _resources(here) != _resources(there):
            raise SystemExit(f"stack {number} differs between Landform and the typed program")
    _clear(out, made)
    return Typed(stacks=stacks, ours=ours, theirs=theirs)


def _resources(path: Path) -> object:
    resources = json.loads(path.read_bytes())["resource"]
    for several in resources.values():
        for body in several.values():
            body.pop("//", None)
    return resources


def _compile(source: Path, out: Path, cache: Path, jobs: int) -> Callable[[], Taken]:
    command = (*LANDFORM, "compile", str(source), "--out", str(out), "--jobs", str(jobs))
    return lambda: run(command, _environment(cache))


def _environment(cache: Path) -> dict[str, str]:
    """A cache of this run only, so that nothing of earlier ones helps."""
    node = {"JSII_NODE": _node()}
    return {**os.environ, **node, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}


def _node() -> str:
    from compiler.terraform.synth import node_binary

    return node_binary()


def _unpack_engine(scratch: Path) -> None:
    """The engine unpacks its code once for each machine: not a part of any compile."""
    source, out = scratch / "first.yaml", scratch / "first"
    source.write_text(blueprint(3), encoding="utf-8")
    _compile(source, out, scratch / "cache", 1)()
    _clear(out)


def _clear(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def note(text: str) -> None:
    """Say what is measured now."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
