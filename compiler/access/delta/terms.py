"""Conditions as values that can be compared: which of two asks for more, and what would meet them.

A `Term` is one key under one operator. Terms of a statement that are certain for the principal and
the resource in question (`aws:PrincipalArn` and the like) are left out, so that a statement which
many roles share differs for none of them when another joins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compiler.access.delta.overlap import ANY, generic
from compiler.access.evaluation.conditions import OPERATORS, Condition, holds
from compiler.access.evaluation.context import DERIVED, Ask
from compiler.access.evaluation.records import Statement
from compiler.access.evaluation.text import HOLE
from compiler.access.proof_index import within
from compiler.access.rules.exceptions import GLOBAL_NAMES
from compiler.data import iam

# Derived keys that guard against a change of the world, or that only a service's call carries: they
# stay in, whatever their value is today.
KEPT = frozenset(
    {
        "aws:principalorgid",
        "aws:requestedregion",
        "aws:resourceorgid",
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "kms:resourcealiases",
    }
)
_FIXED = DERIVED - KEPT
_GLOBAL = {name.lower(): name for name in GLOBAL_NAMES}
_CONTEXT = "kms:EncryptionContext:"
_SAME = {"arnequals": "arnlike", "arnnotequals": "arnnotlike"}
_LIKE = frozenset({"stringlike", "arnlike"})
_NOT_LIKE = frozenset({"stringnotlike", "arnnotlike"})


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """`operator` is in lower case, `quantifier` "", "foranyvalue" or "forallvalues"."""

    key: str
    operator: str
    quantifier: str
    if_exists: bool
    values: tuple[str, ...]
    name: str

    @property
    def text(self) -> str:
        """As a person reads it."""
        shown = ", ".join(value.replace(HOLE, "…") for value in self.values)
        return f"{self.name} {spelled_key(self.key)} = {shown}"


Terms = frozenset[Term]


def terms(statement: Statement, ask: Ask) -> Terms | None:
    """What the statement asks of a request that its principal and resource leave open.

    None: these two never meet its conditions.
    """
    found = []
    for condition in statement.conditions:
        if condition.key in _FIXED and ask.caller.kind != "anonymous":
            truth = holds(condition, ask)
            if truth is False:
                return None
            if truth is True:
                continue
        found.append(_term(condition))
    return frozenset(found)


def _term(condition: Condition) -> Term:
    name = condition.name.lower().rpartition(":")[2].removesuffix("ifexists")
    name = _SAME.get(name, name)
    values = tuple(sorted({value.text for value in condition.values}))
    if not any(letter in value for value in values for letter in "*?"):
        name = {"stringlike": "stringequals", "stringnotlike": "stringnotequals"}.get(name, name)
    return Term(
        key=condition.key,
        operator=name,
        quantifier=condition.quantifier,
        if_exists=condition.if_exists,
        values=values,
        name=condition.name,
    )


def implies(strict: Term, loose: Term) -> bool:
    """Whether a request that meets the first meets the second, as far as their texts show."""
    if (strict.key, strict.quantifier) != (loose.key, loose.quantifier):
        return False
    if strict.if_exists and not loose.if_exists:
        return False
    if _negated(strict.operator) != _negated(loose.operator):
        return False
    if _negated(loose.operator):
        return all(any(_has(loose, strict, w, v) for w in strict.values) for v in loose.values)
    return all(any(_has(strict, loose, w, v) for w in loose.values) for v in strict.values)


def _has(inner: Term, outer: Term, wider: str, narrower: str) -> bool:
    """Whether one value admits all that the other does; `outer` is the term of the wider."""
    if outer.operator in _LIKE or outer.operator in _NOT_LIKE:
        kin = {outer.operator, outer.operator.replace("like", "equals")}
        return inner.operator in kin and within(wider, narrower)
    return inner.operator == outer.operator and wider == narrower


def _negated(name: str) -> bool:
    known = OPERATORS.get(name)
    return known is not None and known.negated


def missing(strict: Terms, loose: Terms) -> Terms:
    """The terms of the second that nothing in the first implies."""
    return frozenset(term for term in loose if not any(implies(each, term) for each in strict))


def loosest(alternatives: Iterable[Terms]) -> frozenset[Terms]:
    """Without those that ask for all that another one asks for, and more."""
    kept: list[Terms] = []
    for one in sorted(set(alternatives), key=lambda found: (len(found), sorted(found))):
        if missing(one, one) or not any(not missing(one, other) for other in kept):
            kept.append(one)
    return frozenset(kept)


@dataclass(frozen=True, slots=True)
class Sample:
    """A request's context that meets terms; not `whole` where no value for a key is certain."""

    context: dict[str, str]
    whole: bool


def sample(wanted: Terms, ask: Ask) -> Sample | None:
    """Values of the keys that the caller chooses; what follows from the request is left out.

    None where the terms speak of another resource than this.
    """
    found: dict[str, str] = {}
    whole = True
    for term in sorted(wanted):
        derived = ask.get(term.key) if term.key in DERIVED else frozenset[str]()
        # Of nobody known is asked what somebody who meets the terms would be.
        asked = isinstance(derived, frozenset) or ask.caller.kind == "anonymous"
        if not asked:
            continue
        if _of_known_key(term, ask):
            return None
        value = next(_values(term), "")
        if value is None:
            continue
        if value and HOLE not in value and not _elsewhere(term, ask):
            found.setdefault(term.key, value)
        else:
            whole = False
    return Sample(found, whole)


def _of_known_key(term: Term, ask: Ask) -> bool:
    """Whether the term asks for the alias of a key that a stack makes, and this is another key."""
    if term.key != "kms:resourcealiases":
        return False
    known = {alias for several in ask.policies.aliases.values() for alias in several}
    return bool(known & set(term.values))


def _elsewhere(term: Term, ask: Ask) -> bool:
    """Whether the key belongs to a principal or resource that the blueprint doesn't know."""
    known = ask.caller.kind != "anonymous"
    return known and term.key in ("aws:principalorgid", "aws:resourceorgid")


def _values(term: Term) -> Iterator[str | None]:
    """What would meet the term: a value, None for the key's absence, nothing where that is open."""
    name = term.operator
    if _negated(name):
        yield None
    elif name == "null":
        yield None if "true" in term.values else ANY
    elif name in _LIKE:
        yield from (generic(value) for value in term.values)
    elif name == "ipaddress":
        yield from (value.partition("/")[0] for value in term.values)
    elif name.startswith(("numericlessthan", "numericgreaterthan")):
        step = 0 if name.endswith("equals") else 1 if "greater" in name else -1
        yield from (_moved(value, step) for value in term.values)
    elif not name.startswith("date") or name.endswith("equals"):
        yield from term.values


def _moved(number: str, step: int) -> str:
    try:
        return str(int(number) + step)
    except ValueError:
        return ""


def spelled_key(key: str) -> str:
    """A condition key as AWS writes it: `aws:PrincipalOrgID`."""
    if key in _GLOBAL:
        return _GLOBAL[key]
    if key.startswith(_CONTEXT.lower()):
        return _CONTEXT + key[len(_CONTEXT) :]
    service = iam.service(key.partition(":")[0])
    named = service.condition_keys if service is not None else ()
    return next((name for name in named if name.lower() == key), key)


def spelled(action: str) -> str:
    """An action as AWS writes it; policies are read in lower case.

    >>> spelled("s3:getobject"), spelled("kms:generatedatakey*"), spelled("*")
    ('s3:GetObject', 'kms:GenerateDataKey*', '*')
    """
    known = iam.action(action)
    if known is not None:
        return known.name
    fixed = action.rstrip("*")
    if "*" not in fixed and "?" not in fixed and fixed.partition(":")[2]:
        for match in iam.matching_actions(action):
            return match.name[: len(fixed)] + action[len(fixed) :]
    return action
