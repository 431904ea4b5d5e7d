"""A graph for a terminal: the stacks below accounts and units, then who has access where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from compiler.access.delta import KINDS, MARKS
from compiler.graph.links import Level, links
from compiler.graph.records import CHANGES, SIGNS, STATUSES, Graph, Home, Stack
from compiler.graph.tree import Unit, stacks_by_home, tree

NOWHERE = "(in no unit)"


def as_text(graph: Graph, level: Level = "stack") -> str:
    """`level` says what a line stands for."""
    lines = [headline(graph)]
    if graph.since:
        lines.append(f"since {graph.since}: {changes(graph)}")
    root, by_home = tree(graph), stacks_by_home(graph.stacks)
    for unit in root.all():
        if level == "unit":
            lines += _unit(unit, by_home)
        elif unit.homes:
            lines += ["", unit.path or NOWHERE]
            for home in unit.homes:
                lines += _home(graph, home, by_home[home.key], level)
    lines += _access(graph, "unit" if level == "unit" else "account")
    return "\n".join(lines) + "\n"


def headline(graph: Graph) -> str:
    """How much there is."""
    applied = [stack for stack in graph.stacks if stack.wave is not None]
    homes = len({stack.home for stack in applied})
    places = "1 account or project" if homes == 1 else f"{homes} accounts and projects"
    parts = [
        f"{count(len(applied), 'stack')} in {places}",
        count(len({stack.wave for stack in applied}), "wave"),
        count(len(graph.entries), "grant"),
    ]
    return f"{graph.organization}: {', '.join(parts)}"


def changes(graph: Graph) -> str:
    """How much differs from the other revision."""
    stacks = _counted(graph.stacks)
    kinds = Counter(change.kind for change in graph.access)
    access = [f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind]]
    given = [change for change in graph.access if change.more]
    marks = [f"{n} {mark}" for mark in MARKS if (n := sum(c.marked(mark) for c in given))]
    said = [f"stacks: {', '.join(stacks) or 'no difference'}"]
    said.append(f"access: {', '.join(access) or 'no difference'}")
    if marks:
        said.append(f"of what was given: {', '.join(marks)}")
    return "; ".join(said)


def _unit(unit: Unit, by_home: dict[str, list[Stack]]) -> Iterator[str]:
    inside = [home for each in unit.all() for home in each.homes] if unit.path else unit.homes
    if not inside:
        return
    stacks = [stack for home in inside for stack in by_home[home.key]]
    indent = "  " * unit.path.count("/")
    homes = f"{len(inside)} accounts and projects" if len(inside) > 1 else "1 account or project"
    yield f"{indent}{unit.path or NOWHERE}: {homes}, {summary(stacks)}"


def _home(graph: Graph, home: Home, stacks: Sequence[Stack], level: Level) -> Iterator[str]:
    name = f"  {home.key} ({home.id})"
    if level == "account":
        yield f"{name}: {summary(stacks)}"
        return
    yield name
    rows = [_row(graph, stack) for stack in stacks]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"    {cells}".rstrip()


def _row(graph: Graph, stack: Stack) -> tuple[str, ...]:
    sign = (SIGNS[stack.status],) if graph.since else ()
    wave = "gone" if stack.wave is None else f"wave {stack.wave}"
    size = count(stack.size, "resource")
    return (*sign, stack.component, stack.kind, wave, size, "; ".join(_notes(stack)))


def _notes(stack: Stack) -> Iterator[str]:
    if stack.touched:
        yield touched(stack)
    if stack.depends_on:
        own = f"{stack.home}/"
        yield f"after {', '.join(path.removeprefix(own) for path in stack.depends_on)}"


def touched(stack: Stack) -> str:
    """`+1 ~2`: how many parts of a changed stack are new, other or gone."""
    counts = Counter(each.status for each in stack.touched)
    return " ".join(f"{SIGNS[status]}{counts[status]}" for status in STATUSES if counts[status])


def summary(stacks: Iterable[Stack]) -> str:
    """`5 stacks, waves 0 to 3, 120 resources`, and how many changed."""
    stacks = list(stacks)
    waves = sorted({stack.wave for stack in stacks if stack.wave is not None})
    parts = [count(len(stacks), "stack")]
    if waves:
        several = f"waves {waves[0]} to {waves[-1]}"
        parts.append(several if len(waves) > 1 else f"wave {waves[0]}")
    parts.append(count(sum(stack.size for stack in stacks), "resource"))
    return ", ".join([*parts, *_counted(stacks)])


def _counted(stacks: Iterable[Stack]) -> list[str]:
    """`2 added`, `1 moved`."""
    found = Counter(stack.change for stack in stacks)
    return [f"{found[change]} {change}" for change in CHANGES if found[change]]


def _access(graph: Graph, level: Level) -> Iterator[str]:
    joined = [link for link in links(graph, level) if link.grants]
    if not joined:
        return
    yield ""
    yield f"access between {'units' if level == 'unit' else 'accounts and projects'}"
    rows = [(link.source or NOWHERE, link.target or NOWHERE, link.grants) for link in joined]
    first = max(len(source) for source, _, _ in rows)
    second = max(len(target) for _, target, _ in rows)
    for source, target, grants in rows:
        yield f"  {source:<{first}} -> {target:<{second}}  {count(len(grants), 'grant')}"


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
