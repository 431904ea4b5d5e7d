"""From compiled blueprints to the output folder: what would change, and the change.

All organisations are planned before the first is written, so that an error in one leaves all as
they are. Files are read and written by `compiler.tree`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.cache import digests
from compiler.compilation import Compiled
from compiler.diagnostics import Diagnostic
from compiler.files import Files
from compiler.removal import before, bury, lost_organization, orphans, renamed_organizations
from compiler.tree import Changes, apply_changes, plan_changes
from compiler.tree_present import organizations_present


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One organisation's folder: its files, how they differ from the disk, what stands against it."""

    root: Path
    tree: Mapping[str, bytes]
    changes: Changes
    diagnostics: tuple[Diagnostic, ...]

    @property
    def digests(self) -> Mapping[str, str]:
        """The SHA-256 of each file, in hexadecimal."""
        tree = self.tree
        return tree.digests if isinstance(tree, Files) else digests(tree)


def plan(compiled: Compiled, out: Path, *, prune: bool = False) -> Output:
    """What compiling to `out` would change; writes nothing.

    Stacks on disk that no component makes any more are errors unless `prune`.
    """
    root = out / compiled.organization
    if compiled.partial:
        changes, found = plan_changes(root, compiled.tree())
        return Output(root=root, tree=compiled.tree(), changes=changes, diagnostics=found)
    old = before(compiled, root)
    buried, needed = bury(compiled, old)
    gone = orphans(buried, old, prune=prune)
    tree = buried.tree()
    changes, found = plan_changes(root, tree)
    return Output(root=root, tree=tree, changes=changes, diagnostics=(*needed, *gone, *found))


def plan_all(
    blueprints: Sequence[Compiled], out: Path, *, prune: bool = False, several: bool = False
) -> list[Output]:
    """The same for all blueprints of a run; with what is wrong with their organisations' names.

    `several` says that they are all of a folder, so that nobody else makes what stands in `out`.
    """
    outputs = [plan(one, out, prune=prune) for one in blueprints]
    if outputs and not prune and (found := tuple(renamed_organizations(blueprints, out))):
        outputs[0] = replace(outputs[0], diagnostics=(*outputs[0].diagnostics, *found))
        return outputs
    if several and not any(one.partial for one in blueprints):
        own = {one.organization for one in blueprints}
        lost = organizations_present(out, besides=own)
        outputs += [_dropped(out / name, prune) for name in lost]
    return outputs


def _dropped(root: Path, prune: bool) -> Output:
    """The folder of an organisation that no blueprint makes any more."""
    changes, found = plan_changes(root, {})
    lost = lost_organization(root, prune=prune)
    return Output(root=root, tree={}, changes=changes, diagnostics=(*lost, *found))


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
