"""What an expression may do: the filters, tests, methods and operators, each within limits.

Everything is an allow-list: what is not named here does not exist. Filters and tests are Jinja2's
own, called on plain copies of their input; those whose result can be far larger than their input
are checked before they run. Left out on purpose: `random` (same input, same bytes), `format`, `%`
on text, `center` and `wordwrap` (width bombs), `attr`, `xmlattr`, `urlize`, `pprint` and the rest
that a blueprint has no use for.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import cast

from jinja2 import StrictUndefined, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from compiler.blueprint.limits import (
    MAXIMUM_BITS,
    MAXIMUM_ITEMS,
    Budget,
    Missing,
    Refused,
    Value,
    check_size,
    is_mapping,
    text,
)
from compiler.diagnostics import nearest

FILTERS = [
    "abs",
    "capitalize",
    "count",
    "dictsort",
    "first",
    "float",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "max",
    "min",
    "replace",
    "reverse",
    "round",
    "sort",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
]
TESTS = [
    "boolean",
    "divisibleby",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
    "upper",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
]
# Of these, the ones that would take a list for Python's notation of it.
_TEXT_FILTERS = ("capitalize", "indent", "lower", "replace", "title", "trim", "upper")
# These work item by item or on what is missing, and are in `evaluation`.
OTHER_FILTERS = ("d", "default", "map", "reject", "rejectattr", "select", "selectattr")
OTHER_TESTS = ("defined", "undefined")
TEXT_METHODS = [
    "capitalize",
    "casefold",
    "count",
    "endswith",
    "find",
    "index",
    "isalnum",
    "isalpha",
    "isdecimal",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "isupper",
    "join",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
]
LIST_METHODS = ("count", "index")
MAPPING_METHODS = ("get", "items", "keys", "values")

# What Python raises for operands that don't fit.
FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, TemplateError)

# A width, a number of decimals, a base.
_MAXIMUM_ARGUMENT = {"indent": 1_000, "zfill": 1_000, "round": 15}


class Environment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, stricter: parts are looked up in data only, never on Python objects."""

    def getattr(self, obj: Value, attribute: str) -> Value:
        """As `getitem`: a filter's `attribute='name'` means a key."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Value, argument: Value) -> Value:
        """The part, or Jinja2's undefined."""
        part = lookup(obj, argument, "it")
        return self.undefined(obj=obj, name=str(argument)) if isinstance(part, Missing) else part


def environment() -> Environment:
    """A sandbox without globals, with only the filters and tests named above."""
    made = Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False, cache_size=0
    )
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.tests = {name: made.tests[name] for name in TESTS}
    return made


_ENVIRONMENT = environment()


# -------------------------------------------------------------------- parts


def lookup(value: Value, key: Value, label: str) -> Value:
    """`value.key` or `value[key]`; Missing where there is none. `label` is how `value` is called.

    A mapping's keys come before everything: a variable may be called `items`.
    """
    if isinstance(value, Missing):
        raise value.problem
    if is_mapping(value):
        if isinstance(key, str | int | float | bool | None):
            try:
                return cast(Mapping[Value, Value], value)[key]
            except KeyError:
                pass
        return _missing_key(value, key, label)
    if isinstance(key, str) and key.startswith("_"):
        raise private(key)
    if isinstance(value, str | list | tuple) and isinstance(key, int):
        if -len(value) <= key < len(value):
            return value[key]
        problem = (
            f"{label} has {len(value)} items; there is no number {shown(key)} (the first is 0)"
        )
        return Missing(Refused("E102", problem, "give a smaller number"))
    hint = f"call it: {key}()" if key in _methods(value) else None
    return Missing(
        Refused("E102", f'{label} is {kind(value)} and has no "{shown(key)}"', hint, str(key))
    )


def _missing_key(value: Mapping[str, Value], key: Value, label: str) -> Missing:
    if isinstance(key, str) and key.startswith("_"):
        raise private(key)
    names = [name for name in value.keys() if isinstance(name, str)]  # noqa: SIM118
    prefix = f"{label}." if label.isidentifier() or "." in label else ""
    hint = suggestion(str(key), names, prefix) or f"{label} has no keys at all"
    return Missing(Refused("E102", f'"{shown(key)}" is not in {label}', hint, str(key)))


def suggestion(word: str, names: Sequence[str], prefix: str = "") -> str | None:
    """Which of `names` was meant, or what there is; None without names."""
    close = nearest(word, names)
    if close:
        return f'did you mean "{prefix}{close}"?'
    shown = sorted(names)[:8]
    more = ", …" if len(names) > len(shown) else ""
    return f"there are: {', '.join(shown)}{more}" if shown else None


def private(name: str) -> Refused:
    """The refusal for Python's internals."""
    return Refused(
        "E105",
        f'"{shown(name)}" is not available: names with "_" first are internals',
        "use a key of the blueprint",
        name,
    )


def kind(value: Value) -> str:
    """What `value` is, in a blueprint's words."""
    if isinstance(value, bool):
        return "true or false"
    names = ((str, "text"), (int | float, "a number"), (list | tuple, "a list"))
    for types, name in names:
        if isinstance(value, types):
            return name
    return "null" if value is None else "a mapping"


# -------------------------------------------------------------------- methods


def _methods(value: Value) -> Sequence[str]:
    if isinstance(value, str):
        return TEXT_METHODS
    if isinstance(value, list | tuple):
        return LIST_METHODS
    return MAPPING_METHODS if is_mapping(value) else ()


def call_method(
    value: Value, name: str, args: list[Value], kwargs: dict[str, Value], budget: Budget
) -> Value:
    """`value.name(…)` for the methods that are allowed."""
    if name.startswith("_"):
        raise private(name)
    if name not in _methods(value):
        hint = suggestion(name, _methods(value))
        raise Refused("E105", f'"{name}" is no method that {kind(value)} has here', hint, name)
    plain = budget.settle(value)
    _guard(name, [plain, *args], kwargs)
    result = _attempt(name, plain, lambda: getattr(plain, name)(*args, **kwargs))
    return budget.settle(result)


# -------------------------------------------------------------------- filters and tests


def call_filter(
    name: str, value: Value, args: list[Value], kwargs: dict[str, Value], budget: Budget
) -> Value:
    """`value | name(…)`; `value` and arguments are settled."""
    if name not in FILTERS:
        raise _unknown("filter", name, [*FILTERS, *OTHER_FILTERS])
    budget.spend(4)
    if name == "string":
        return budget.settle(text(value))
    if name == "tojson":
        return budget.settle(json.dumps(value, ensure_ascii=False))
    if name == "join" and isinstance(value, list) and not (len(args) > 1 or "attribute" in kwargs):
        value = [text(item) for item in value]
    elif name in _TEXT_FILTERS:
        value = text(value)
    _guard(name, [value, *args], kwargs)
    result = _attempt(name, value, lambda: _ENVIRONMENT.call_filter(name, value, args, kwargs))
    if isinstance(result, Undefined):
        return Missing(
            Refused(
                "E107",
                f'"{name}" has nothing to take: the list is empty',
                "add `| default(…)`",
                name,
            )
        )
    return budget.settle(result)


def call_test(name: str, value: Value, args: list[Value], budget: Budget) -> bool:
    """`value is name(…)`; `value` and arguments are settled."""
    if name not in TESTS:
        raise _unknown("test", name, [*TESTS, *OTHER_TESTS])
    budget.spend(4)
    return bool(_attempt(name, value, lambda: _ENVIRONMENT.call_test(name, value, args)))


def _unknown(what: str, name: str, names: list[str]) -> Refused:
    words = [known for known in names if known.isidentifier()]
    return Refused(
        "E105",
        f'the {what} "{shown(name)}" is not available in a blueprint',
        suggestion(name, words),
        name,
    )


def _attempt(name: str, value: Value, action: Callable[[], Value]) -> Value:
    """The result of `action` on `value`; generators and views as lists.

    They run here, inside the `try`, to at most one item over the limit.
    """
    try:
        result = action()
        if isinstance(result, str | int | float | complex | list | tuple | Undefined | None):
            return result
        if is_mapping(result):
            return result
        return list(islice(cast("Iterable[Value]", result), MAXIMUM_ITEMS + 1))
    except FAILURES as error:
        raise _failed(name, value, error) from error


def _failed(name: str, value: Value, error: Exception) -> Refused:
    """What Python says, in a blueprint's words where its own are about Python."""
    reason = str(error)
    if isinstance(error, TypeError) and re.search(r"\(\) (takes|missing|got)", reason):
        return Refused(
            "E107",
            f'"{name}" is given the wrong arguments',
            f'see Jinja2\'s manual on "{name}"',
            name,
        )
    if "not supported between instances" in reason:
        message = f'"{name}" cannot compare values of different types'
        return Refused("E107", message, "make all of them text or all numbers", name)
    if isinstance(error, ZeroDivisionError):
        return Refused("E107", f'"{name}" divides by zero', "check the divisor", name)
    if isinstance(error, OverflowError):
        return Refused("E106", f'"{name}" makes a number that is too large', None, name)
    detail = f": {shown(reason)}" if isinstance(error, ValueError) else ""
    return Refused(
        "E107", f'"{name}" does not work on {kind(value)}{detail}', "check what it is given", name
    )


def shown(word: Value) -> str:
    """`word` for a message: the start of it if it is long."""
    string = str(word)
    return string if len(string) <= 60 else string[:59] + "…"


def _guard(name: str, args: list[Value], kwargs: dict[str, Value]) -> None:
    """Refuse what would make a huge value out of small ones, before it does.

    `args` starts with the value itself.
    """
    if name == "replace":
        _guard_replace([*args, *kwargs.values()])
    elif name == "join":
        _guard_join([*args, *kwargs.values()])
    elif name in _MAXIMUM_ARGUMENT:
        for argument in [*args[1:], *kwargs.values()]:
            if isinstance(argument, int) and abs(argument) > _MAXIMUM_ARGUMENT[name]:
                raise Refused(
                    "E106",
                    f'"{name}" by {shown(argument)} is too much',
                    "give a smaller number",
                    name,
                )
        if name == "indent":
            check_size(_indented(args, kwargs))
    elif name == "sum" and (len(args) > 2 or "start" in kwargs):
        start = kwargs.get("start", args[2] if len(args) > 2 else 0)
        if not isinstance(start, int | float):
            raise Refused("E105", '"sum" adds numbers only', "use `+` for lists", name)


def _indented(args: list[Value], kwargs: dict[str, Value]) -> int:
    width = kwargs.get("width", args[1] if len(args) > 1 else 4)
    lines = str(args[0]).count("\n") + 1
    return len(str(args[0])) + lines * (width if isinstance(width, int) else len(str(width)))


def _guard_replace(args: list[Value]) -> None:
    texts = [str(argument) for argument in args]
    if len(texts) >= 3:
        check_size(len(texts[0]) + texts[0].count(texts[1]) * len(texts[2]))


def _guard_join(args: list[Value]) -> None:
    """For the filter (list, separator) and for the method (separator, list)."""
    items = max((len(a) if isinstance(a, list) else 0 for a in args), default=0)
    texts = [len(a) for a in args if isinstance(a, str)]
    if not items and len(texts) > 1:
        items = max(texts)
    check_size(items * max(texts, default=0))


# -------------------------------------------------------------------- operators

_NUMERIC: dict[str, Callable[[Value, Value], Value]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


def binary(sign: str, left: Value, right: Value) -> Value:
    """`left sign right` for settled operands; the result is still to be settled."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if not numbers and not _is_series_operation(sign, left, right):
        hint = "use `~` to join texts" if isinstance(left, str) or isinstance(right, str) else None
        message = f'"{sign}" does not work on {kind(left)} and {kind(right)}'
        raise Refused("E107", message, hint)
    if sign == "**" and isinstance(left, int) and isinstance(right, int):
        check_power(left, right)
    return _attempt(sign, left, lambda: _NUMERIC[sign](left, right))


def _is_series_operation(sign: str, left: Value, right: Value) -> bool:
    """Text and lists can be added to their like, and repeated, within limits."""
    if sign == "+":
        for types in (str, list):
            if isinstance(left, types) and isinstance(right, types):
                check_size(len(left) + len(right))
                return True
    if sign == "*":
        for series, times in ((left, right), (right, left)):
            if isinstance(series, str | list) and isinstance(times, int):
                check_size(len(series) * times)
                return True
    return False


def check_power(base: int, exponent: int) -> None:
    """Refuse a power before it is computed."""
    if abs(base) > 1 and abs(exponent) * base.bit_length() > MAXIMUM_BITS:
        raise Refused("E106", '"**" makes a number that is too large', "write the number out")
