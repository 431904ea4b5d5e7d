"""Patterns of resources and condition values: wildcards, policy variables, unknown parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from compiler.access.evaluation.text import HOLE, QUESTION, STAR, Test, Text, literal, split
from compiler.access.evaluation.truth import Truth

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
# IAM user guide, "IAM policy elements: variables and tags", special characters.
_CHARACTERS = {"*": STAR, "?": QUESTION, "$": "$"}


class Context(Protocol):
    """The request as patterns and conditions see it."""

    def get(self, key: str) -> tuple[str, ...] | frozenset[str] | None:
        """The values of a key in lower case; None: it is absent; a set: what it depends on."""

    def always(self, key: str) -> bool:
        """Whether the key is certainly there, even if its value isn't known."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text of a policy; `variables` are its parts at odd places, as re.split gives them."""

    text: str
    unknown: frozenset[str] = frozenset()
    variables: tuple[str, ...] = ()

    def matches(self, test: Callable[[str], Test], value: str, context: Context) -> Truth:
        """Whether `value` fits, as `test` (like, equal, arn_like) compiles the text."""
        text, lacking = self.text, self.unknown
        if self.variables:
            filled = _filled(self.variables, context)
            if filled is None:
                return False
            text, lacking = filled[0], lacking | filled[1]
        if not test(text)(value):
            return False
        return lacking or True


@lru_cache(maxsize=8192)
def pattern(text: Text, *, variables: bool) -> Pattern:
    """The pattern of a policy's text; policy variables are known since version 2012-10-17."""
    letters, lacking = split(text)
    if not variables or "${" not in letters:
        return Pattern(letters, lacking)
    parts = _VARIABLE.split(letters)
    for place in range(1, len(parts), 2):
        if parts[place] in _CHARACTERS:
            parts[place - 1] += _CHARACTERS[parts[place]]
            parts[place] = ""
    if any(parts[1::2]):
        return Pattern(letters, lacking, tuple(parts))
    return Pattern("".join(parts), lacking)


def _filled(parts: tuple[str, ...], context: Context) -> tuple[str, frozenset[str]] | None:
    """The text with the variables' values; None when one of them is absent from the request."""
    text, lacking = "", frozenset[str]()
    for place, part in enumerate(parts):
        if place % 2 == 0 or not part:
            text += part
            continue
        key, _, default = part.partition(",")
        values = context.get(key.strip().lower())
        if isinstance(values, frozenset):
            text, lacking = text + HOLE, lacking | values
        elif values is not None and len(values) == 1:
            text += literal(values[0])
        elif default:
            text += literal(default.strip().strip("'"))
        else:
            return None
    return text, lacking
