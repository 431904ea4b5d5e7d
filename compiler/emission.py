"""From compiled blueprints to the output folder: what would change, and the change.

All organisations are planned before the first is written, so that an error in one leaves all as
they are. Files are read and written by `compiler.tree`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.compilation import Compiled
from compiler.diagnostics import Diagnostic
from compiler.removal import bury, orphans
from compiler.tree import Changes, apply_changes, plan_changes, stacks_present


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One organisation's folder: its files, how they differ from the disk, what stands against it."""

    root: Path
    tree: Mapping[str, bytes]
    changes: Changes
    diagnostics: tuple[Diagnostic, ...]


def plan(compiled: Compiled, out: Path, *, prune: bool = False) -> Output:
    """What compiling to `out` would change; writes nothing.

    Stacks on disk that no component makes any more are errors unless `prune`.
    """
    root = out / compiled.organization
    made = {stack.path for stack in compiled.stacks}
    removed = compiled.world.removed
    present = stacks_present(root, besides=made - set(removed))
    documents = {path: old.document for path, old in present.items() if old.document}
    buried, needed = bury(compiled, documents)
    gone = orphans(compiled, present, root, prune=prune)
    tree = buried.tree()
    changes, found = plan_changes(root, tree)
    return Output(root=root, tree=tree, changes=changes, diagnostics=(*needed, *gone, *found))


def apply(outputs: Sequence[Output]) -> tuple[Diagnostic, ...]:
    """Write every organisation; stops at the first that cannot be written."""
    for output in outputs:
        found = apply_changes(output.root, output.tree, output.changes)
        if found:
            return found
    return ()


def joined(outputs: Iterable[Output]) -> Changes:
    """The changes of all organisations, with paths from the output folder down."""

    def paths(kind: str) -> tuple[str, ...]:
        return tuple(
            f"{output.root.name}/{path}"
            for output in outputs
            for path in getattr(output.changes, kind)
        )

    outputs = list(outputs)
    return Changes(
        added=paths("added"), changed=paths("changed"), removed=paths("removed"), same=paths("same")
    )
