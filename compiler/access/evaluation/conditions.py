"""Condition operators, with the documented meaning of missing and of several values.

Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Conditions with
multiple context keys or values".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from compiler.access.evaluation.patterns import Context, Pattern
from compiler.access.evaluation.text import HOLE, Test, arn_like, equal, like
from compiler.access.evaluation.truth import Truth, all_of, any_of, conjunction, negation


@dataclass(frozen=True, slots=True)
class Operator:
    """`test` gives for a policy's value the test of a request's value."""

    test: Callable[[str], Test]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One key under one operator. `quantifier` is "", "foranyvalue" or "forallvalues"."""

    name: str
    key: str
    operator: Operator | None
    quantifier: str
    if_exists: bool
    values: tuple[Pattern, ...]


@lru_cache(maxsize=256)
def operator(name: str) -> tuple[str, Operator | None, bool] | None:
    """Quantifier, operator (None for Null) and IfExists of an operator's name; None: no such.

    >>> operator("ForAnyValue:StringLikeIfExists")[0::2]
    ('foranyvalue', True)
    """
    quantifier, colon, rest = name.lower().rpartition(":")
    if colon and quantifier not in ("foranyvalue", "forallvalues"):
        return None
    bare = rest.removesuffix("ifexists")
    if bare == "null":
        return None if bare != rest else (quantifier, None, False)
    known = OPERATORS.get(bare)
    return None if known is None else (quantifier, known, bare != rest)


def holds(condition: Condition, context: Context) -> Truth:
    """Whether the request fulfils the condition."""
    values = context.get(condition.key)
    if isinstance(values, frozenset):
        if condition.operator is None and context.always(condition.key):
            return _null(condition, missing=False, context=context)
        return values
    if condition.operator is None:
        return _null(condition, missing=not values, context=context)
    if not values:
        return _missing(condition)
    if condition.quantifier == "forallvalues":
        return all_of(_one(condition, value, context) for value in values)
    if condition.quantifier == "foranyvalue":
        return any_of(_one(condition, value, context) for value in values)
    if len(values) > 1:
        # Several values without a set operator: the documentation leaves the result open.
        return frozenset({condition.key})
    return _one(condition, values[0], context)


def holds_without(condition: Condition) -> bool:
    """Whether a request that lacks the key fulfils the condition."""
    if condition.operator is None:
        return any(each.text.lower() == "true" for each in condition.values)
    return _missing(condition)


def _missing(condition: Condition) -> bool:
    if condition.if_exists or condition.quantifier == "forallvalues":
        return True
    if condition.quantifier == "foranyvalue" or condition.operator is None:
        return False
    return condition.operator.negated


def _null(condition: Condition, *, missing: bool, context: Context) -> Truth:
    wanted = "true" if missing else "false"
    return any_of(each.matches(_boolean, wanted, context) for each in condition.values)


def _one(condition: Condition, value: str, context: Context) -> Truth:
    """One value of the request against all of the policy: any, or for a negated one none."""
    known = condition.operator
    if known is None:
        return False
    found = any_of(each.matches(known.test, value, context) for each in condition.values)
    return negation(found) if known.negated else found


def conditions_hold(conditions: tuple[Condition, ...], context: Context) -> Truth:
    """All of them."""
    result: Truth = True
    for each in conditions:
        result = conjunction(result, holds(each, context))
        if result is False:
            return False
    return result


def _folded(text: str) -> Test:
    test = equal(text.lower())
    return lambda value: test(value.lower())


def _boolean(text: str) -> Test:
    return _folded(text)


def number(text: str) -> float | None:
    """The number that the text is, if it is one."""
    try:
        return float(text)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def moment(text: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 date or of such a number."""
    seconds = number(text)
    if seconds is not None:
        return seconds
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found.timestamp()


def _compared(
    read: Callable[[str], float | None], test: Callable[[float, float], bool]
) -> Callable[[str], Test]:
    """A test of order; `test` takes the request's value first."""

    def made(text: str) -> Test:
        if HOLE in text:
            return lambda value: read(value) is not None
        bound = read(text)

        def check(value: str) -> bool:
            given = read(value)
            return bound is not None and given is not None and test(given, bound)

        return check

    return made


@lru_cache(maxsize=4096)
def _within(text: str) -> Test:
    if HOLE in text:
        return lambda value: _address(value) is not None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return lambda value: False
    return lambda value: (given := _address(value)) is not None and given in network


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _bytes(text: str) -> Test:
    if HOLE in text:
        return lambda value: True
    wanted = _decoded(text)
    return lambda value: wanted is not None and _decoded(value) == wanted


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _ordered(prefix: str, read: Callable[[str], float | None]) -> dict[str, Operator]:
    same = _compared(read, lambda given, bound: given == bound)
    return {
        f"{prefix}equals": Operator(same),
        f"{prefix}notequals": Operator(same, negated=True),
        f"{prefix}lessthan": Operator(_compared(read, lambda given, bound: given < bound)),
        f"{prefix}lessthanequals": Operator(_compared(read, lambda given, bound: given <= bound)),
        f"{prefix}greaterthan": Operator(_compared(read, lambda given, bound: given > bound)),
        f"{prefix}greaterthanequals": Operator(
            _compared(read, lambda given, bound: given >= bound)
        ),
    }


OPERATORS: dict[str, Operator] = {
    "stringequals": Operator(equal),
    "stringnotequals": Operator(equal, negated=True),
    "stringequalsignorecase": Operator(_folded),
    "stringnotequalsignorecase": Operator(_folded, negated=True),
    "stringlike": Operator(like),
    "stringnotlike": Operator(like, negated=True),
    "arnequals": Operator(arn_like),
    "arnlike": Operator(arn_like),
    "arnnotequals": Operator(arn_like, negated=True),
    "arnnotlike": Operator(arn_like, negated=True),
    "bool": Operator(_boolean),
    "ipaddress": Operator(_within),
    "notipaddress": Operator(_within, negated=True),
    "binaryequals": Operator(_bytes),
    **_ordered("numeric", number),
    **_ordered("date", moment),
}
