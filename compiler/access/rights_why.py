"""Who has access beside policies, and by which resources: answers to questions about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from compiler.access.evaluation import Decision, Request
from compiler.access.evaluation.decide import Link
from compiler.access.evaluation.rights import Given
from compiler.access.ledger import Right
from compiler.terraform.document import Json


def decide(given: Sequence[Given], request: Request) -> tuple[Decision, str]:
    """Whether `principal` has `action`, the name of a right, on `resource`; and in which namespaces,
    "" for all of it."""
    wanted = request.principal, request.action, request.resource
    own = [each for each in given if (each.principal, each.name, each.resource) == wanted]
    if not own:
        words = f"nothing gives {request.principal} {request.action} on {request.resource}"
        return Decision("denied", (), missing=(words,)), ""
    chain = tuple(
        Link(each.stack, address, "", each.side, "Allow")
        for each in own
        for address in each.addresses
    )
    where = {namespace for each in own for namespace in each.namespaces}
    narrow = ", ".join(sorted(where)) if all(each.namespaces for each in own) else ""
    unknown = frozenset(reference for each in own for reference in each.unknown)
    if all(each.unknown for each in own):
        return Decision("depends", chain, depends_on=unknown), narrow
    return Decision("allowed", tuple(dict.fromkeys(chain))), narrow


def held(given: Iterable[Given], principal: str, resource: str) -> tuple[Given, ...]:
    """What the principal has on the resource."""
    return tuple(g for g in given if (g.principal, g.resource) == (principal, resource))


def names(given: Iterable[Given], entries: Iterable[Right]) -> set[str]:
    """The name of every right."""
    return {each.name for each in _all(given, entries)}


def principals(given: Iterable[Given], entries: Iterable[Right]) -> set[str]:
    """Everybody who has a right."""
    return {each.principal for each in _all(given, entries)}


def resources(
    given: Iterable[Given], entries: Iterable[Right], principal: str = "", name: str = ""
) -> set[str]:
    """Everything that a right is on; with `principal` and `name`, that one's."""
    return {
        each.resource
        for each in _all(given, entries)
        if (not principal or each.principal == principal) and (not name or each.name == name)
    }


def _all(given: Iterable[Given], entries: Iterable[Right]) -> Iterator[Given | Right]:
    yield from given
    yield from entries


def json(given: Given) -> dict[str, Json]:
    """As in the answer to a question."""
    return {
        "right": given.name,
        "namespaces": list(given.namespaces),
        "stack": given.stack,
        "address": given.address,
        "side": given.side,
    }
