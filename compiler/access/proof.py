"""The proof: what the generated policies allow across accounts is what the ledger says.

`prove` takes root modules and the ledger's edges, gives findings. Shown is: each edge is allowed in
its natural context, each statement that an edge names exists, each permission that a policy gives
to a principal by name belongs to an edge, and each service may become the role that it works as.
No effects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from compiler.access import natural
from compiler.access.evaluation import (
    Decision,
    Document,
    Link,
    Policies,
    Request,
    collect,
    decide,
)
from compiler.access.evaluation.implied import implied
from compiler.access.evaluation.text import like
from compiler.access.ledger import Edge, Evidence
from compiler.access.proof_alike import follows
from compiler.access.proof_index import Found, Index, admitted, covered, holding, index
from compiler.access.proof_services import request as becoming
from compiler.access.proof_services import uses
from compiler.access.rules.exceptions import PLAIN_ROOT
from compiler.data.iam import managed_policy, managed_policy_path
from compiler.terraform.document import Json

Documents = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Where the ledger and the policies differ. `stack` is one of the component to blame.

    `address` is the policy's there, with the `sid` of its statement, or `grant.<id>`.
    """

    code: str
    message: str
    hint: str
    stack: str
    address: str = ""
    sid: str = ""


def gather(documents: Documents, edges: Sequence[Edge], organization: str | None) -> Policies:
    """The policies of the documents, with all that decides about the edges.

    A resource account that is an id is no account of the blueprint: AWS's own, open to every caller.
    """
    return collect(
        documents,
        managed=_managed,
        organizations=_organizations(documents, edges, organization),
        provided={e.resource_account for e in edges if e.resource_account.isdigit()},
    )


def prove(
    documents: Documents, edges: Sequence[Edge], organization: str | None
) -> tuple[Finding, ...]:
    """Everything in which the ledger and the policies differ; `organization` is AWS's id of it."""
    return prove_known(documents, gather(documents, edges, organization), edges)


def prove_known(
    documents: Documents, policies: Policies, edges: Sequence[Edge]
) -> tuple[Finding, ...]:
    """The same with what `gather` gave."""
    known = index(policies, edges)
    judge = Judge(known.policies)
    found: list[Finding] = []
    for edge in edges:
        lacking = list(_absent(known, edge)) or [*_halved(known, edge), *_loosened(known, edge)]
        found += lacking or _refused(known, judge, edge)
    found += _undeclared(known)
    found += _untrusted(known, judge, documents, edges)
    return tuple(found)


class Judge:
    """Decides requests with all that they imply; what several requests imply is decided once.

    `own` are the statements behind the last answer, without those behind what it implied.
    """

    def __init__(self, policies: Policies) -> None:
        self.own: tuple[Link, ...] = ()
        self._policies = policies
        self._implied: dict[tuple[str, str, str, str], Decision] = {}

    def decide(self, request: Request) -> tuple[Request, Decision]:
        """The answer, and the request that it is about: the first that isn't allowed."""
        answer = decide(self._policies, request)
        if answer.denied and request.absent:
            # What it lacks, the caller could send.
            answer = decide(self._policies, replace(request, absent=frozenset()))
        if not answer.allowed:
            return request, answer
        chain = self.own = answer.chain
        for each in implied(self._policies, request):
            further = self._further(each)
            if not further.allowed:
                return each, further
            chain += further.chain
        return request, Decision("allowed", chain)

    def _further(self, request: Request) -> Decision:
        via = str(sorted(request.context.items()))
        place = (request.principal, request.action, request.resource, via)
        if place not in self._implied:
            self._implied[place] = decide(self._policies, request)
        return self._implied[place]


def _managed(arn: str) -> Document | None:
    """AWS's policy of that ARN; with another path than AWS gives it, it is none."""
    _, found, name = arn.partition(":iam::aws:policy/")
    if not found or managed_policy_path(name) != f"/{name}".removesuffix(name.rpartition("/")[2]):
        return None
    return managed_policy(arn)


def _organizations(
    documents: Documents, edges: Iterable[Edge], organization: str | None
) -> dict[str, str]:
    """The blueprint's accounts are all of its organisation."""
    if organization is None:
        return {}
    ids = {edge.principal_arn.split(":")[4] for edge in edges}
    for document in documents.values():
        provider = document.get("provider")
        aws = provider.get("aws") if isinstance(provider, Mapping) else None
        for block in aws if isinstance(aws, list | tuple) else ():
            listed = block.get("allowed_account_ids") if isinstance(block, Mapping) else None
            ids |= {str(each) for each in listed} if isinstance(listed, list | tuple) else set()
    return dict.fromkeys(sorted(ids), organization)


def _absent(known: Index, edge: Edge) -> Iterator[Finding]:
    """Statements that the edge names and nothing has."""
    if not edge.statements:
        yield Finding(
            code="E832",
            message=f"{edge.id}: no statement is named that grants it",
            hint="declare it as a grant, which writes its statements",
            stack="",
            address=_grant(edge),
        )
    for evidence in edge.statements:
        if not known.of(evidence):
            yield Finding(
                code="E832",
                message=f"{edge.id}: there is no statement {evidence.sid} in {evidence.stack} "
                f"{evidence.address} ({evidence.side})",
                hint=f"the {evidence.side} half is missing: write the policy with the statements "
                "of its grants",
                stack=evidence.stack,
                address=_grant(edge),
            )


def _halved(known: Index, edge: Edge) -> Iterator[Finding]:
    """Actions that the statements of one side lack, also where AWS would ask only the other side."""
    sides: dict[str, list[Evidence]] = {}
    for evidence in edge.statements:
        sides.setdefault(evidence.side, []).append(evidence)
    for side, several in sides.items():
        named = {a for each in several for found in known.of(each) for a in found.statement.actions}
        services = {action.partition(":")[0] for action in named}
        for action in edge.actions:
            wanted = action.lower()
            if wanted.partition(":")[0] not in services and side != "identity":
                continue  # the key's half of an edge on a bucket
            if wanted not in named and not any(like(each)(wanted) for each in named):
                yield Finding(
                    code="E832",
                    message=f"{edge.id}: no {side} statement of it names {action}",
                    hint="look at " + "; ".join(f"{e.stack} {e.address} {e.sid}" for e in several),
                    stack=several[0].stack,
                    address=_grant(edge),
                )
                return


def _loosened(known: Index, edge: Edge) -> Iterator[Finding]:
    """Conditions that a statement was declared with and lacks, or has with other values."""
    for evidence in edge.statements:
        for operator, keys in evidence.conditions.items():
            for key, value in keys.items():
                if all(
                    holding(found.statement, operator, key, value) for found in known.of(evidence)
                ):
                    continue
                yield Finding(
                    code="E832",
                    message=f"{edge.id}: the condition {operator} {key} of {evidence.sid} is not as "
                    f"declared in {evidence.stack} {evidence.address} ({evidence.side})",
                    hint="write the policy with the statements of its grants",
                    stack=evidence.stack,
                    address=_grant(edge),
                )
                return


def _refused(known: Index, judge: Judge, edge: Edge) -> Iterator[Finding]:
    """The first action of the edge that the policies don't allow."""
    last: tuple[Request, tuple[Link, ...]] | None = None
    for request in natural.requests(known, edge):
        if last is not None and follows(known, *last, request):
            continue
        asked, answer = judge.decide(request)
        if answer.allowed:
            last = request, judge.own
        if answer.allowed or _rests_on_own_account(edge, answer):
            continue
        halves = missing_halves(edge, answer)
        named = halves or edge.statements
        yield Finding(
            code="E831",
            message=f"{edge.id}: {asked.principal} may not {asked.action} on {asked.about}: "
            f"{why_not(answer)}",
            hint="look at " + "; ".join(f"{e.stack} {e.address} {e.sid} ({e.side})" for e in named),
            stack=named[0].stack,
            address=_grant(edge),
        )
        return


def _grant(edge: Edge) -> str:
    return f"grant.{edge.id.partition('/')[2]}"


def _rests_on_own_account(edge: Edge, answer: Decision) -> bool:
    """Whether only the policy is unknown of something that the principal's account has already.

    An ARN of S3 holds no account, so the judge cannot tell; the ledger's edge can. As for all of an
    account that no stack makes, its policy is taken not to deny; that it allows what the principal's
    own policies don't is not.
    """
    if edge.resource_account != edge.principal_account or answer.own is not True:
        return False
    return bool(answer.depends_on) and all(e.startswith("policy of ") for e in answer.depends_on)


def missing_halves(edge: Edge, answer: Decision) -> tuple[Evidence, ...]:
    """The edge's statements on the sides that don't allow; none where what denies is a statement."""
    if answer.denied and not answer.missing:
        return ()
    present = {link.side for link in answer.chain if link.effect == "Allow"}
    return tuple(each for each in edge.statements if each.side not in present)


def why_not(answer: Decision) -> str:
    """The reason of an answer that isn't "allowed", in words."""
    if answer.missing:
        return "; ".join(answer.missing)
    if answer.denied:
        denying = (f"{link.stack} {link.address} {link.sid}" for link in answer.chain)
        return "denied by " + ", ".join(denying)
    return "it depends on " + ", ".join(sorted(answer.depends_on))


def _undeclared(known: Index) -> Iterator[Finding]:
    for place, found in known.all():
        if not found.statement.allows:
            continue
        edges = known.edges.get(place, [])
        if found.statement.source.side == "identity":
            yield from _own_excess(found, edges)
        elif found.statement.source.side in ("resource", "trust", "key"):
            yield from _admitted_excess(found, edges)


def _own_excess(found: Found, edges: list[Edge]) -> Iterator[Finding]:
    """More than the ledger says in the policy of a role; what people attach is theirs."""
    source = found.statement.source
    if "_attachment." in source.address or found.statement.unknown:
        return
    own = [edge for edge in edges if _same(edge.principal_arn, found.owner)]
    what = _excess(found, own)
    if what:
        yield _finding("E834", found, f"gives {found.owner} {what}")


def _same(edge_arn: str, arn: str) -> bool:
    """The same role; the path of one that exists already is not known."""
    here, there = edge_arn.split(":", 5), arn.split(":", 5)
    return here[4] == there[4] and here[5].rsplit("/", 1)[-1] == there[5].rsplit("/", 1)[-1]


def _admitted_excess(found: Found, edges: list[Edge]) -> Iterator[Finding]:
    """Principals, or permissions of them, that no edge has."""
    for principal in admitted(found, declared=bool(edges)):
        if principal == found.owner and set(found.statement.actions) == {"sts:assumerole"}:
            continue  # a role that may become itself: its own policy says so, and the ledger
        own = [edge for edge in edges if edge.principal_arn == principal]
        account = principal.removeprefix("account/")
        if account != principal and _plain_root(found):
            own = [edge for edge in edges if edge.principal_arn.split(":")[4] == account]
        what = _excess(found, own)
        if what:
            yield _finding("E833", found, f"admits {principal} to {what}")


def _untrusted(
    known: Index, judge: Judge, documents: Documents, edges: Sequence[Edge]
) -> Iterator[Finding]:
    """Services that may not become the role that they work as."""
    for use in uses(known, documents, edges):
        _, answer = judge.decide(becoming(known, use))
        if not answer.allowed:
            yield Finding(
                code="E835",
                message=f"{use.by}: {use.service} works as {use.role}, which doesn't trust it: "
                f"{why_not(answer)}",
                hint=f"the trust half is missing: admit {use.service} in the role's trust policy",
                stack=use.stack,
                address=use.by,
            )


def _plain_root(found: Found) -> bool:
    return found.statement.source.address.partition(".")[0] in PLAIN_ROOT


def _excess(found: Found, edges: list[Edge]) -> str:
    """The first action and resource of the statement that none of the edges has, or ""."""
    statement = found.statement
    if statement.unknown or statement.not_action or statement.not_resource:
        return "more than can be listed"
    own = statement.source.side in ("key", "trust") or ":ecr:" in found.owner
    for resource in statement.resources:
        text = found.owner if own and resource.text == "*" else resource.text
        for action in statement.actions:
            if not covered(edges, action, text):
                return f"{action} on {text}"
    return ""


def _finding(code: str, found: Found, text: str) -> Finding:
    statement = found.statement
    source = statement.source
    sid = statement.sid or "(without a Sid)"
    return Finding(
        code=code,
        message=f"{source.stack} {source.address} {sid} ({source.side}): {text}, and no edge says so",
        hint="declare the whole permission as a grant, or take it out of the policy",
        stack=source.stack,
        address=source.address,
        sid=statement.sid,
    )
