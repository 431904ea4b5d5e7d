"""What was collected: statements, principals, and resources with their policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.access.evaluation.conditions import Condition
from compiler.access.evaluation.patterns import Pattern
from compiler.access.evaluation.text import Text, like
from compiler.terraform.document import Json

# A policy document as JSON: {"Version": …, "Statement": […]}
Document = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a policy stands. `side` is identity, boundary, trust, resource or key."""

    stack: str
    address: str
    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, ready to be matched.

    `actions` are in lower case. `principals` are normal forms (see `principals.py`), empty in an
    identity policy. `unknown` is not empty when nothing is known of the statement but its place:
    it may allow or deny anything.
    """

    source: Source
    sid: str
    allows: bool
    actions: tuple[str, ...] = ()
    not_action: bool = False
    resources: tuple[Pattern, ...] = ()
    not_resource: bool = False
    principals: frozenset[str] = frozenset()
    unknown_principals: tuple[Text, ...] = ()
    not_principal: bool = False
    conditions: tuple[Condition, ...] = ()
    unknown: frozenset[str] = frozenset()

    def speaks_of(self, action: str) -> bool:
        """Whether it is about the action, in lower case, or may be."""
        if self.unknown:
            return True
        hit = action in self.actions or any(
            like(each)(action) for each in self.actions if "*" in each or "?" in each
        )
        return hit is not self.not_action


@dataclass(frozen=True, slots=True)
class Bundle:
    """The statements of one holder, looked up by action."""

    statements: tuple[Statement, ...]
    _by_action: dict[str, tuple[Statement, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _denying: list[tuple[Statement, ...]] = field(default_factory=list, compare=False, repr=False)

    def of(self, action: str) -> tuple[Statement, ...]:
        """The statements that are about an action, in lower case, or may be."""
        found = self._by_action.get(action)
        if found is None:
            found = tuple(each for each in self.statements if each.speaks_of(action))
            self._by_action[action] = found
        return found

    @property
    def denying(self) -> tuple[Statement, ...]:
        """The statements that may deny."""
        if not self._denying:
            self._denying.append(tuple(s for s in self.statements if not s.allows or s.unknown))
        return self._denying[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A role or user of an account, with the policies attached to it.

    `made` is false for one that exists already: Landform knows only the policies that it attaches.
    """

    arn: str
    account: str
    made: bool
    stack: str
    address: str
    identity: Bundle
    boundary: Bundle | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A resource that can have a policy of its own, and that policy."""

    arn: str
    account: str
    stack: str
    address: str
    policy: Bundle


@dataclass(frozen=True, slots=True)
class Problem:
    """A policy that AWS would refuse, or that could not be read."""

    stack: str
    address: str
    sid: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Everything that decides about access in one organisation's stacks.

    `accounts` are those of the stacks, `organizations` the AWS organisation by account,
    `principals` is by account and kind/name (`role/acme-churn`), `holders` by ARN, `aliases` by
    the ARN of the key, `keys` by the ARN of the alias, `encryption` gives the key of a bucket, topic
    or queue. `provided` are accounts of AWS whose resources are open to every caller. `arns` are
    the ARNs of everything that the stacks make, by stack path and address.
    """

    accounts: frozenset[str]
    organizations: Mapping[str, str]
    principals: Mapping[tuple[str, str], Principal]
    holders: Mapping[str, Holder]
    aliases: Mapping[str, tuple[str, ...]]
    unknown_aliases: Mapping[str, frozenset[str]]
    keys: Mapping[str, str]
    encryption: Mapping[str, Text]
    provided: frozenset[str]
    arns: Mapping[tuple[str, str], str]
    problems: tuple[Problem, ...]
