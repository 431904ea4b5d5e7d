"""Which statements of a bundle speak of a request, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field

from compiler.access.evaluation.conditions import conditions_hold
from compiler.access.evaluation.context import Ask
from compiler.access.evaluation.principals import Level, level, may_mean
from compiler.access.evaluation.records import Bundle, Statement
from compiler.access.evaluation.text import arn_like
from compiler.access.evaluation.truth import Truth, any_of, conjunction, disjunction, negation
from compiler.data.arns import overlaps


@dataclass(slots=True)
class Tally:
    """What a bundle says: `allowed` by level, `denied`, and the statements behind both.

    An identity policy has no principals; its statements are counted as DIRECT.
    """

    allowed: dict[Level, Truth] = field(default_factory=dict)
    denied: Truth = False
    allowing: list[tuple[Level, Statement, Truth]] = field(default_factory=list)
    denying: list[tuple[Statement, Truth]] = field(default_factory=list)

    def allows(self, *levels: Level) -> Truth:
        """Whether a statement allows at one of these levels."""
        return any_of(self.allowed.get(each, False) for each in levels)


def tally(bundle: Bundle, ask: Ask, *, named: bool, bounded: bool = False) -> Tally:
    """What the bundle's statements say of the request.

    `named`: they are of a resource policy, so their principals count; `bounded`: the caller has a
    permissions boundary.
    """
    found = Tally()
    for statement in bundle.of(ask.action):
        means = Level.DIRECT
        applies: Truth = True
        if named and not statement.unknown:
            means, applies = _addressed(statement, ask, bounded=bounded)
            if applies is False:
                continue
        applies = conjunction(applies, speaks(statement, ask))
        if applies is False:
            continue
        if statement.allows:
            found.allowed[means] = disjunction(found.allowed.get(means, False), applies)
            found.allowing.append((means, statement, applies))
        else:
            found.denied = disjunction(found.denied, applies)
            found.denying.append((statement, applies))
    return found


def speaks(statement: Statement, ask: Ask) -> Truth:
    """Whether the statement's resource and conditions fit; its action does."""
    if statement.unknown:
        return statement.unknown
    found = names_resource(statement, ask)
    if found is False or not statement.conditions:
        return found
    return conjunction(found, conditions_hold(statement.conditions, ask))


def names_action(statement: Statement, ask: Ask) -> bool:
    """Whether the statement is certainly about the action; upper and lower case are one."""
    return not statement.unknown and statement.speaks_of(ask.action)


def names_resource(statement: Statement, ask: Ask) -> Truth:
    """Whether the statement is about the resource; one that allows, about the whole of a pattern."""
    resource = ask.resource
    if ask.whole and statement.allows:
        if statement.not_resource:
            pattern = ask.request.whole
            if any(not e.variables and overlaps(pattern, e.text) for e in statement.resources):
                return False
        else:
            resource = ask.whole
    found = any_of(each.matches(arn_like, resource, ask) for each in statement.resources)
    return negation(found) if statement.not_resource else found


def _addressed(statement: Statement, ask: Ask, *, bounded: bool) -> tuple[Level, Truth]:
    """Whether the statement's Principal means the caller, and how."""
    means = level(ask.caller, statement.principals)
    unsure = may_mean(ask.caller, statement.unknown_principals)
    if statement.not_principal:
        return Level.DIRECT, _excepted(statement, ask, means, unsure, bounded=bounded)
    if means is not Level.NONE:
        # A Deny reaches everyone of an account that it names.
        return means, True
    return Level.DIRECT, unsure or False


def _excepted(
    statement: Statement, ask: Ask, means: Level, unsure: frozenset[str], *, bounded: bool
) -> Truth:
    """Whether a statement with NotPrincipal applies.

    It always denies a principal with a permissions boundary. Whether naming a role without its
    account and session excepts it depends on the service. Source: IAM user guide, "AWS JSON
    policy elements: NotPrincipal".
    """
    if bounded and not statement.allows:
        return True
    if unsure:
        return unsure
    if means is Level.NONE:
        return True
    if means is Level.DIRECT:
        return False
    account = f"account/{ask.caller.account}"
    if means is Level.ROLE and account in statement.principals and ask.caller.kind == "role":
        return False
    return frozenset({"NotPrincipal"})
