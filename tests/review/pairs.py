"""Pairs of revisions in `tests/cases/diff`, read once for all tests of a case."""

from __future__ import annotations

from functools import cache

from compiler.access.delta import Snapshot, delta
from compiler.cli.diff_report import Compared
from compiler.diff import Revision, compare
from compiler.diff.affected import Affected, affected
from compiler.revision import Side, from_path
from tests.access.delta_support import CASES, inside


@cache
def sides(name: str) -> tuple[Side, Side]:
    """Both sides of a case; the working directory must be the case's folder."""
    before, after = (from_path(inside(CASES / name / side), side) for side in ("before", "after"))
    assert not before.failed, "\n".join(map(str, before.diagnostics))
    assert not after.failed, "\n".join(map(str, after.diagnostics))
    return before, after


def compared(before: Side, after: Side) -> list[Compared]:
    """What `landform diff` compares."""
    nothing, none = Snapshot(), Revision()
    return [
        Compared(
            difference=compare(
                name, before.revisions.get(name, none), after.revisions.get(name, none)
            ),
            delta=delta(
                name, before.snapshots.get(name, nothing), after.snapshots.get(name, nothing)
            ),
        )
        for name in sorted({*before.revisions, *after.revisions})
    ]


def all_affected(before: Side, after: Side) -> list[Affected]:
    """What `landform affected` finds."""
    none = Revision()
    return [
        one
        for name in sorted({*before.revisions, *after.revisions})
        for one in affected(name, before.revisions.get(name, none), after.revisions.get(name, none))
    ]
