"""Pairs of revisions: where they are, and what one delta must be to its mirror."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from compiler.access.delta import Change, Delta, Snapshot, delta
from compiler.access.delta.records import Kind
from compiler.revision import from_path

CASES = Path(__file__).parent.parent / "cases" / "diff"
OTHER: dict[Kind, Kind] = {
    "gained": "lost",
    "lost": "gained",
    "widened": "narrowed",
    "narrowed": "widened",
}


def cases() -> list[str]:
    return sorted(path.name for path in CASES.iterdir())


def inside(side: Path) -> Path:
    """What a side holds: a blueprint's file, a folder of several, or generated output."""
    single = side / "blueprint.yaml"
    if single.is_file():
        return single
    (folder,) = side.iterdir()
    return folder


def sides(case: Path) -> tuple[dict[str, Snapshot], dict[str, Snapshot]]:
    before, after = (from_path(inside(case / side), side) for side in ("before", "after"))
    assert not before.failed, "\n".join(map(str, before.diagnostics))
    assert not after.failed, "\n".join(map(str, after.diagnostics))
    return dict(before.snapshots), dict(after.snapshots)


def deltas(before: dict[str, Snapshot], after: dict[str, Snapshot]) -> list[Delta]:
    nothing = Snapshot()
    names = sorted({*before, *after})
    return [delta(n, before.get(n, nothing), after.get(n, nothing)) for n in names]


def mirrored(change: Change) -> Change:
    return replace(
        change,
        kind=OTHER[change.kind],
        before=change.after,
        after=change.before,
    )


def same(one: Delta, other: Delta) -> bool:
    """The same changes, whatever their order."""
    return sorted(map(repr, one.changes)) == sorted(map(repr, other.changes))
