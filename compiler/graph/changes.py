"""What differs from another revision, laid over a graph: stacks, their resources, and access.

The comparison is that of `compiler.diff`. Stacks that are gone are drawn where they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compiler.access.delta import Snapshot, delta
from compiler.diff import Revision, StackView, compare
from compiler.diff.compare import resources
from compiler.diff.records import Action, ResourceChange, StackAction, StackChange
from compiler.graph.records import Graph, Home, Stack, Status, Touched

# A stack with the state of another one is not new, and a tombstone is as good as gone.
_STACKS: Mapping[StackAction, Status] = {
    "added": "added",
    "removed": "removed",
    "orphaned": "removed",
    "dropped": "removed",
    "moved": "changed",
    "changed": "changed",
}
_RESOURCES: Mapping[Action, Status] = {
    "create": "added",
    "destroy": "removed",
    "change": "changed",
    "move": "changed",
    "import": "changed",
}


def compared(
    graph: Graph,
    before: tuple[Revision, Snapshot],
    after: tuple[Revision, Snapshot],
    since: str,
) -> Graph:
    """The graph of `after`, with what `before` had otherwise; both of the graph's organisation."""
    found = compare(graph.organization, before[0], after[0])
    changes = {change.path: change for change in found.stacks}
    stacks = [_marked(stack, changes.pop(stack.path, None)) for stack in graph.stacks]
    homes = dict(graph.homes)
    for change in changes.values():
        stack, home = _gone(change)
        homes.setdefault(home.key, home)
        stacks.append(stack)
    return replace(
        graph,
        stacks=tuple(sorted(stacks, key=lambda stack: stack.path)),
        homes=dict(sorted(homes.items())),
        since=since,
        access=delta(graph.organization, before[1], after[1]).changes,
    )


def _marked(stack: Stack, change: StackChange | None) -> Stack:
    if change is None:
        return stack
    status = _STACKS[change.action]
    # Of a stack that is new every resource is; it is enough to say so of the stack.
    touched = () if status == "added" else tuple(map(_touched, change.resources))
    return replace(stack, status=status, touched=touched, origin=change.origin or "")


def _gone(change: StackChange) -> tuple[Stack, Home]:
    """The stack as it was, and its account or project."""
    view: StackView = change.view
    home = Home(cloud=view.cloud, name=view.home, id=view.id)
    stack = Stack(
        path=view.path,
        home=home.key,
        region=view.region,
        component=view.component,
        kind=view.kind,
        wave=None,
        depends_on=(),
        resources=tuple(sorted(resources(view.document))),
        declared=view.span,
        status="removed",
    )
    return stack, home


def _touched(change: ResourceChange) -> Touched:
    moved = (f"was {change.origin}",) if change.origin else ()
    imported = (f"is imported: {change.identity}",) if change.identity else ()
    replaced = (f"may be replaced: {', '.join(change.replaces)}",) if change.replaces else ()
    return Touched(
        address=change.address,
        status=_RESOURCES[change.action],
        parts=tuple(edit.path for edit in change.edits),
        notes=(*moved, *imported, *replaced),
    )
