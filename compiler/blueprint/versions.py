"""Version constraints of Terraform: whether two of them have a version in common. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

Version = tuple[int, ...]

_PART = re.compile(r"(=|!=|>=?|<=?|~>)?\s*([0-9]+(?:\.[0-9]+){0,2})(?:-[0-9A-Za-z.-]+)?")
_COMPARED: dict[str, Callable[[Version, Version], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def overlap(one: str, other: str) -> bool:
    """Whether some version satisfies both constraints.

    >>> overlap("~> 5.90", ">= 5.100.0, < 7.0.0")
    True
    >>> overlap("~> 4.0", ">= 5.100.0, < 7.0.0")
    False
    """
    parts = [found.groups() for text in (one, other) for found in _PART.finditer(text)]
    named = [_whole(version) for _, version in parts]
    # The lowest version that satisfies all is one that is named, or the next one after it.
    lowest = [*named, *((*version[:-1], version[-1] + 1) for version in named)]
    return any(all(_satisfies(v, sign or "=", c) for sign, c in parts) for v in lowest)


def _satisfies(version: Version, sign: str, constraint: str) -> bool:
    if sign == "~>":
        # All but the last of the numbers that are written must be the same.
        same = constraint.count(".")
        wanted = _whole(constraint)
        return version[:same] == wanted[:same] and version >= wanted
    return _COMPARED[sign](version, _whole(constraint))


def _whole(text: str) -> Version:
    numbers = [int(number) for number in text.split(".")]
    return tuple([*numbers, 0, 0][:3])
