"""The proof for access beside policies: what the files give is in the ledger, and nothing else is.

`prove_rights` takes root modules and the ledger's entries, gives findings. An entry is true when the
resource that it names gives exactly its principal exactly its right, there and in these namespaces,
and rests on the very resources that it lists. No effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.access.evaluation.rights import Documents, Given, rights
from compiler.access.ledger import Right, right_text
from compiler.access.proof import Finding

_Place = tuple[str, str]


def prove_rights(documents: Documents, entries: Sequence[Right]) -> tuple[Finding, ...]:
    """Everything in which the ledger and the files differ."""
    standing: dict[_Place, list[Given]] = {}
    for given in rights(documents):
        standing.setdefault((given.stack, given.address), []).append(given)
    declared: dict[_Place, list[Right]] = {}
    found: list[Finding] = []
    for entry in entries:
        place = entry.stack, entry.addresses[-1]
        declared.setdefault(place, []).append(entry)
        found += _untrue(standing.get(place, []), entry)
    for place, several in standing.items():
        known = declared.get(place, [])
        # An entry that something else stands for was told as that entry's difference.
        told = sum(not any(says(given, entry) for given in several) for entry in known)
        more = [given for given in several if not any(says(given, entry) for entry in known)]
        for given in more[told:]:
            found += _undeclared(given)
    return tuple(found)


def says(given: Given, entry: Right) -> bool:
    """Whether the files give exactly what the entry says."""
    return (
        *(given.stack, given.side, given.principal, given.name, given.resource),
        *(given.namespaces, frozenset(given.addresses), given.sid),
    ) == (
        *(entry.stack, entry.side, entry.principal, entry.name, entry.resource),
        *(entry.namespaces, frozenset(entry.addresses), entry.sid),
    ) and set(entry.conditions) <= set(given.conditions)


def _untrue(standing: Sequence[Given], entry: Right) -> Iterator[Finding]:
    """An entry that nothing gives, or that is given otherwise."""
    address = entry.addresses[-1]
    if not standing:
        yield Finding(
            code="E832",
            message=f"{entry.id}: there is no {address} in {entry.stack} that gives it",
            hint="write the resource that the entry names, or take the entry out",
            stack=entry.stack,
            address=address,
        )
    elif not any(says(given, entry) for given in standing):
        yield Finding(
            code="E831",
            message=f"{entry.id}: {entry.stack} {address} {difference(standing[0], entry)}",
            hint="the resource and its entry in the ledger are to say the same",
            stack=entry.stack,
            address=address,
        )


def difference(given: Given, entry: Right) -> str:
    """The first thing in which they differ, in words."""
    there = right_text(given.side, given.name, given.namespaces)
    for what, has, declared in (
        ("the principal", given.principal, entry.principal),
        ("the right", there, entry.text),
        ("what it is on", given.resource, entry.resource),
    ):
        if has != declared:
            return f'has {what} "{has}", and "{declared}" is declared'
    free = sorted(set(entry.conditions) - set(given.conditions))
    if free:
        return f"does not ask for {free[0]}, which is declared"
    if given.sid != entry.sid:
        return f'says so in the statement "{given.sid}", and "{entry.sid}" is declared'
    lacking = sorted(set(entry.addresses) - set(given.addresses))
    if lacking:
        return f"rests on {lacking[0]}, which is not there or is about something else"
    more = sorted(set(given.addresses) - set(entry.addresses))
    return f"rests on {more[0] if more else given.side} too, which is not declared"


def _undeclared(given: Given) -> Iterator[Finding]:
    what = right_text(given.side, given.name, given.namespaces)
    yield Finding(
        code="E833",
        message=f"{given.stack} {given.address}: gives {given.principal} {what} on "
        f"{given.resource}, and no edge says so",
        hint="declare it beside the resource, or take it out",
        stack=given.stack,
        address=given.address,
    )
