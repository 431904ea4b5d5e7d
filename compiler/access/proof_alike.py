"""Which requests of an edge need no decision of their own, as another's answer holds for them.

An edge often has many actions in one statement. Where the statements that allow the one name the
other as well, and none that denies tells them apart, both are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.access.evaluation.context import ALIAS_ACTIONS, Request
from compiler.access.evaluation.decide import Link
from compiler.access.evaluation.implied import needs
from compiler.access.evaluation.owners import policy_of
from compiler.access.evaluation.records import Policies, Statement
from compiler.access.proof_index import Index


def follows(known: Index, allowed: Request, chain: tuple[Link, ...], request: Request) -> bool:
    """Whether `request` is certainly allowed, as `allowed` is by the statements of `chain`.

    Both are of one principal on one resource.
    """
    first, second = allowed.action.lower(), request.action.lower()
    service = first.partition(":")[0]
    if service == "sts" or {first, second} & ALIAS_ACTIONS or needs(first) != needs(second):
        return False  # which policy decides, or which key is meant, depends on the action
    if service != second.partition(":")[0] or allowed.context != request.context:
        return False
    for link in chain:
        found = known.found.get((link.stack, link.address, link.side, link.sid), ())
        if not found or not all(_certainly(each.statement, second) for each in found):
            return False
    return not any(
        statement.speaks_of(second) and not _certainly(statement, first)
        for statement in _denying(known.policies, request)
    )


def _certainly(statement: Statement, action: str) -> bool:
    return not statement.unknown and statement.speaks_of(action)


def _denying(policies: Policies, request: Request) -> Iterator[Statement]:
    """Every statement that may deny something to this principal, or on this resource."""
    account, _, name = request.principal.split(":", 4)[4].partition(":")
    who = policies.principals.get((account, f"role/{name.rsplit('/', 1)[-1]}"))
    holder = policies.holders.get(policy_of(request.action.lower(), request.resource) or "")
    for bundle in (
        who.identity if who else None,
        who.boundary if who else None,
        holder.policy if holder else None,
    ):
        yield from bundle.denying if bundle is not None else ()
