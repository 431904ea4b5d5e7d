"""IAM condition blocks: the operators that generated policies may use, for tests only.

Written from the IAM user guide, independently of the compiler's own evaluator:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
An operator that is not here raises NotImplementedError: a judge must not guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

# Condition keys to values, in any letter case; a list is a multivalued key.
Context = Mapping[str, str | Sequence[str]]


def conditions_hold(block: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Whether every operator and every key of a statement's `Condition` holds."""
    return all(
        _holds(operator, key, strings(wanted), context)
        for operator, keys in block.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, key: str, wanted: list[str], context: Context) -> bool:
    quantifier, _, name = operator.rpartition(":")
    present = lookup(context, key)
    if name == "Null":
        return (present is None) == (wanted[0].lower() == "true")
    if present is None:
        # IfExists and negated operators hold where the key is absent, as does an empty ForAll.
        absent_holds = name.endswith("IfExists") or quantifier == "ForAllValues"
        return absent_holds or (_negated(name) and quantifier != "ForAnyValue")
    return _compare(quantifier, name.removesuffix("IfExists"), wanted, present, context)


def _compare(
    quantifier: str, name: str, wanted: list[str], present: list[str], context: Context
) -> bool:
    positive, negated = name.replace("Not", "", 1), _negated(name)
    test = _OPERATORS.get(positive)
    if test is None or quantifier not in ("", "ForAnyValue", "ForAllValues"):
        raise NotImplementedError(f"condition operator {quantifier}:{name}")
    expected = [substitute(value, context) for value in wanted]
    results = [any(test(value, want) for want in expected) != negated for value in present]
    every = quantifier == "ForAllValues" or (negated and not quantifier)
    return all(results) if every else any(results)


def _negated(name: str) -> bool:
    return name.startswith(("StringNot", "ArnNot", "NumericNot"))


def like(value: str, pattern: str) -> bool:
    """Match with IAM's wildcards: `*` any text, `?` one character, nothing else is special."""
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = ("." if c == "?" else ".*" if c == "*" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _arn_like(value: str, pattern: str) -> bool:
    """ArnEquals and ArnLike are the same: the six parts match one by one, with wildcards."""
    values, patterns = value.split(":", 5), pattern.split(":", 5)
    return len(values) == len(patterns) and all(map(like, values, patterns))


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, want: value == want,
    "StringEqualsIgnoreCase": lambda value, want: value.lower() == want.lower(),
    "StringLike": like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda value, want: value.lower() == want.lower(),
    "NumericEquals": lambda value, want: float(value) == float(want),
    "NumericLessThan": lambda value, want: float(value) < float(want),
    "NumericLessThanEquals": lambda value, want: float(value) <= float(want),
    "NumericGreaterThan": lambda value, want: float(value) > float(want),
}


def substitute(text: str, context: Context) -> str:
    """Replace policy variables; one without a value keeps its text and so matches nothing."""

    def value(match: re.Match[str]) -> str:
        if match[1] in ("*", "?", "$"):
            return match[1]
        found = lookup(context, match[1])
        return found[0] if found else match[0]

    return re.sub(r"\$\{([^}]+)\}", value, text)


def lookup(context: Context, key: str) -> list[str] | None:
    """The values of a condition key, whose name has no letter case; None when absent."""
    for name, value in context.items():
        if name.lower() == key.lower():
            return strings(value)
    return None


def strings(value: Any) -> list[str]:
    """A JSON string, boolean, number or list of these, as a list of strings."""
    items = list(value) if isinstance(value, list | tuple) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
