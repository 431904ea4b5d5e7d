"""What stays though its stack has another name, and what there is in one revision only.

Stacks that were renamed keep their state: their access is not lost and gained again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from compiler.access.delta.records import Snapshot
from compiler.access.evaluation.records import Policies
from compiler.access.ledger import Edge, Entry
from compiler.terraform.document import Json


def followed(before: Snapshot, after: Snapshot) -> Snapshot:
    """The earlier revision with the paths that its stacks have in the later one."""
    here = {
        after.states.get(path, path): path
        for path in after.documents.keys() - before.documents.keys()
    }
    moves = {
        path: here[state]
        for path in before.documents.keys() - after.documents.keys()
        if (state := before.states.get(path, path)) in here
    }
    if not moves:
        return before
    return replace(
        before,
        documents={moves.get(path, path): each for path, each in before.documents.items()},
        edges=tuple(_entry(entry, moves) for entry in before.edges),
        places={moves.get(path, path): span for path, span in before.places.items()},
    )


def made_only(one: Snapshot, policies: Policies, other: Policies) -> frozenset[str]:
    """The ARNs of what the stacks of `one` make and the other revision's don't.

    What they adopt was there before. What another revision gives a policy, it knows.
    """
    adopted = {
        (stack, str(block["to"]))
        for stack, document in one.documents.items()
        for block in _blocks(document.get("import"))
        if "to" in block
    }
    made = {arn for place, arn in policies.arns.items() if place not in adopted}
    known = {principal.arn for principal in other.principals.values()}
    return frozenset(made - other.holders.keys() - known)


def _blocks(value: Json) -> Iterator[Mapping[str, Json]]:
    for each in value if isinstance(value, list | tuple) else ():
        if isinstance(each, Mapping):
            yield each


def _entry(entry: Entry, moves: Mapping[str, str]) -> Entry:
    if not isinstance(entry, Edge):
        return replace(entry, stack=moves.get(entry.stack, entry.stack))
    statements = tuple(
        replace(each, stack=moves.get(each.stack, each.stack)) for each in entry.statements
    )
    return replace(entry, statements=statements)
