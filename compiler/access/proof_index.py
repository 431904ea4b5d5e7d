"""Statements by their place, edges by the statements that they rest on, and who is meant by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compiler.access.evaluation.records import Policies, Statement
from compiler.access.evaluation.text import arn_like, like
from compiler.access.ledger import Edge, Evidence
from compiler.terraform.stack import Value

# Stack, address, side and sid, as evidence names a statement.
Place = tuple[str, str, str, str]

# Operators that let through only the values they name, if the key must be there.
_NAMING = frozenset({"arnequals", "arnlike", "stringequals", "stringlike"})


@dataclass(frozen=True, slots=True)
class Found:
    """A statement, and the ARN of the principal or resource that has it."""

    statement: Statement
    owner: str
    account: str


@dataclass(slots=True)
class Index:
    """What the policies say, by place; which edges rest on it."""

    policies: Policies
    found: dict[Place, list[Found]] = field(default_factory=dict)
    edges: dict[Place, list[Edge]] = field(default_factory=dict)

    def of(self, evidence: Evidence) -> list[Found]:
        """The statements that the evidence names."""
        return self.found.get(place_of(evidence), [])

    def all(self) -> Iterator[tuple[Place, Found]]:
        """Every statement, in the order of the stacks."""
        for place, several in self.found.items():
            for found in several:
                yield place, found


def index(policies: Policies, edges: Iterable[Edge]) -> Index:
    """The index of these policies and edges."""
    made = Index(policies)
    for principal in policies.principals.values():
        for statement in principal.identity.statements:
            _add(made, Found(statement, principal.arn, principal.account))
    for holder in policies.holders.values():
        for statement in holder.policy.statements:
            _add(made, Found(statement, holder.arn, holder.account))
    for edge in edges:
        for evidence in edge.statements:
            made.edges.setdefault(place_of(evidence), []).append(edge)
    return made


def _add(made: Index, found: Found) -> None:
    source = found.statement.source
    place = (source.stack, source.address, source.side, found.statement.sid)
    made.found.setdefault(place, []).append(found)


def place_of(evidence: Evidence) -> Place:
    """Where the evidence points."""
    return evidence.stack, evidence.address, evidence.side, evidence.sid


def admitted(found: Found, *, declared: bool) -> Iterator[str]:
    """Whom a resource policy's statement admits: ARNs, `account/…`, `*` and the like.

    Services are left out, they are no principals of the ledger. So is all of the owner's own account
    where no edge rests on the statement: it leaves the matter to identity policies.
    """
    statement = found.statement
    if statement.not_principal or statement.unknown or statement.unknown_principals:
        yield "*"
        return
    narrowed = _principal_arns(statement)
    for form in sorted(statement.principals):
        kind, _, account = form.partition("/")
        if kind == "service":
            continue
        if form == f"account/{found.account}" and narrowed is None and not declared:
            continue
        if kind == "federated" and account.split(":")[4:5] == [found.account]:
            continue
        if narrowed is None or not (form == "*" or kind == "account"):
            yield form
        else:
            yield from (arn for arn in narrowed if form == "*" or arn.split(":")[4:5] == [account])


def _principal_arns(statement: Statement) -> tuple[str, ...] | None:
    """The principals that the conditions name; None where they don't."""
    for condition in statement.conditions:
        if condition.key != "aws:principalarn" or condition.if_exists or condition.quantifier:
            continue
        if condition.name.lower() in _NAMING and not any(v.unknown for v in condition.values):
            return tuple(value.text for value in condition.values)
    return None


def covered(edges: Iterable[Edge], action: str, resource: str) -> bool:
    """Whether one of the edges has this action and resource of a statement, wildcards included."""
    return any(_has_action(edge, action) and within(edge.resource_arn, resource) for edge in edges)


def _has_action(edge: Edge, action: str) -> bool:
    return any(
        known.lower() == action or ("*" in known and like(known.lower())(action))
        for known in edge.actions
    )


def within(wider: str, narrower: str) -> bool:
    """Whether each ARN of one pattern is one of the other.

    >>> within("arn:aws:s3:::b/data/*", "arn:aws:s3:::b/data/x/*"), within("a*", "*")
    (True, False)
    """
    if wider in (narrower, "*"):
        return True
    # `?` would take a `*` for one letter.
    return "*" in wider and "?" not in wider and arn_like(wider)(narrower)


def holding(statement: Statement, name: str, key: str, value: Value) -> bool:
    """Whether the statement has the condition: the operator `name` on `key` with these values.

    Values that Terraform evaluates are not compared.
    """
    several = value if isinstance(value, list | tuple) else (value,)
    texts = {each for each in several if isinstance(each, str) and "${" not in each}
    return any(
        each.name.lower() == name.lower()
        and each.key == key.lower()
        and (len(texts) < len(several) or {found.text for found in each.values} == texts)
        for each in statement.conditions
    )
