"""Who has access beside policies, and by which resources: answers to questions about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from compiler.access import natural
from compiler.access.evaluation import Decision, Request
from compiler.access.evaluation.decide import Link
from compiler.access.evaluation.rights import Given
from compiler.access.ledger import Right
from compiler.access.proof_index import Index
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
    own = [each for each in given if each.side != "trust"]
    return tuple(g for g in own if (g.principal, g.resource) == (principal, resource))


def trusting(
    entries: Iterable[Right], principal: str, action: str, resource: str
) -> tuple[Right, ...]:
    """The entries by which a service, or an identity provider, may become the role."""
    return tuple(
        each
        for each in entries
        if (each.side, each.principal, each.resource) == ("trust", principal, resource)
        and action.lower() in each.name.lower().split("+")
    )


def request(known: Index, entry: Right, action: str) -> Request:
    """As the service calls for the role's own account, or as the provider's token says it."""
    holder = known.policies.holders.get(entry.resource)
    own = [s for s in (holder.policy.statements if holder else ()) if s.sid == entry.sid]
    context = natural.context(natural.conditions(own, action))
    if not entry.principal.startswith("arn:"):
        context = {**context, **natural.source(own, entry.resource.split(":")[4])}
    return Request(
        principal=entry.principal,
        action=action,
        resource=entry.resource,
        context=context,
    )


def names(given: Iterable[Given], entries: Iterable[Right]) -> set[str]:
    """The name of every right that stands in no policy."""
    return {each.name for each in _all(given, entries) if each.side != "trust"}


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
