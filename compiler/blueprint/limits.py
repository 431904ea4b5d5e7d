"""What an expression may cost, and what a value in one may be.

Pure: takes values, gives plain copies of them or raises `Refused`, which `expressions` turns into a
diagnostic. The limits keep one scalar's evaluation under about 0.2 s and 50 MB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TypeGuard

# Characters of a text, and characters and items of a list or mapping with all that is in it.
MAXIMUM_SIZE = 65_536
MAXIMUM_ITEMS = 10_000
# Of a whole number. Those of a file have at most 100 digits, 333 bits.
MAXIMUM_BITS = 512
MAXIMUM_DEPTH = 100
# Steps of one scalar: a node of the expression, an item that is looked at, 32 characters.
MAXIMUM_STEPS = 200_000

# What a value can be inside an expression. Mappings of the scope need not be dicts.
Value = object

_SURROGATE = re.compile("[\ud800-\udfff]")


class Refused(Exception):
    """A part of an expression that is wrong or not allowed.

    `word` is the name in the expression's text that the message is about, if it is about one.
    """

    def __init__(self, code: str, message: str, hint: str | None = None, word: str | None = None):
        super().__init__(message)
        self.code, self.message, self.hint, self.word = code, message, hint, word


@dataclass(frozen=True, slots=True)
class Missing:
    """A name or part that does not exist: `default` and `is defined` take it, nothing else does."""

    problem: Refused


class Budget:
    """The steps that are left for one scalar."""

    def __init__(self) -> None:
        self._left = MAXIMUM_STEPS

    def spend(self, steps: int) -> None:
        """Raises Refused when nothing is left."""
        self._left -= steps
        if self._left < 0:
            raise too_large("the expression takes too many steps")

    def settle(self, value: Value) -> Value:
        """A plain copy of `value`: dicts, lists and scalars within the limits.

        Raises Refused for a missing, foreign or oversized value.
        """
        copy, _ = self._settle(value, 0, MAXIMUM_SIZE)
        return copy

    def _settle(self, value: Value, depth: int, room: int) -> tuple[Value, int]:
        """The copy, and how much of `room` is left."""
        self.spend(1)
        if isinstance(value, str):
            room -= len(value)
            if room < 0:
                raise too_large(f"a text grows over {MAXIMUM_SIZE:,} characters")
            self.spend(len(value) // 32)
            _check_text(value)
            # A subclass of str could carry behaviour of its own.
            return (value if type(value) is str else str.__str__(value)), room
        if value is None or isinstance(value, bool | int | float):
            return _number(value), room - 1
        if depth >= MAXIMUM_DEPTH:
            raise too_large(f"a value is nested over {MAXIMUM_DEPTH} levels deep")
        if isinstance(value, list | tuple):
            return self._list(value, depth, room)
        if is_mapping(value):
            return self._mapping(value, depth, room)
        if isinstance(value, Missing):
            raise value.problem
        raise Refused("E107", "the expression gives no text, number, list or mapping")

    def _list(
        self, value: list[Value] | tuple[Value, ...], depth: int, room: int
    ) -> tuple[Value, int]:
        _check_count(len(value), room)
        items = []
        for item in value:
            copy, room = self._settle(item, depth + 1, room - 1)
            items.append(copy)
        return items, room

    def _mapping(self, value: Mapping[str, Value], depth: int, room: int) -> tuple[Value, int]:
        keys = list(value.keys())
        _check_count(len(keys), room)
        entries: dict[str, Value] = {}
        for key in keys:
            if not isinstance(key, str):
                raise Refused("E107", f'"{key}" as a key is no text', "quote the key")
            _, room = self._settle(key, depth + 1, room - 1)
            entries[key], room = self._settle(value[key], depth + 1, room)
        return entries, room


def is_mapping(value: Value) -> TypeGuard[Mapping[str, Value]]:
    """Whether `value` has keys: a mapping, or an object with mapping access."""
    if isinstance(value, Mapping):
        return True
    kind = type(value)
    return hasattr(kind, "keys") and hasattr(kind, "__getitem__")


def text(value: Value) -> str:
    """`value` as it is written into a text: numbers as in the file, `true`, `false`.

    Raises Refused for null, lists and mappings: Python's notation of them is nobody's wish.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Missing):
        raise value.problem
    if value is None:
        raise Refused(
            "E108", "null stands where text is needed", "give a text: `| default('…', true)`"
        )
    what = "a list" if isinstance(value, list | tuple) else "a mapping"
    raise Refused(
        "E108",
        f"{what} stands where text is needed",
        "use `| join(',')` or `| tojson`, or make it the whole value",
    )


def too_large(message: str) -> Refused:
    """The refusal for every limit."""
    return Refused("E106", message, "write the value out, or make the expression smaller")


def check_size(size: int) -> None:
    """Refuse a result before it is made. `size` in characters or items."""
    if size > MAXIMUM_SIZE:
        raise too_large(
            f"the expression makes a value of over {MAXIMUM_SIZE:,} characters or items"
        )


def _check_text(value: str) -> None:
    if not value.isascii() and _SURROGATE.search(value):
        raise Refused(
            "E107", "the text has half a character (a surrogate)", "write the whole character"
        )


def _check_count(count: int, room: int) -> None:
    if count > min(MAXIMUM_ITEMS, room):
        raise too_large(f"a list or mapping grows over {MAXIMUM_ITEMS:,} items")


def _number(value: bool | int | float | None) -> bool | int | float | None:
    if isinstance(value, int) and value.bit_length() > MAXIMUM_BITS:
        raise too_large("a number grows too large")
    if isinstance(value, float) and not isfinite(value):
        raise Refused("E107", f"the expression gives {value}, which is not a finite number")
    return value
