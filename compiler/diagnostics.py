"""What can be wrong with a blueprint, as values.

A pass returns diagnostics beside its result; it never prints, exits or raises for a user's mistake.
This module knows positions and messages, and nothing of the rest of the compiler: everything may
import it. Codes and their explanations are in `codes`, rendering is in `cli.render`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of one source file.

    `path` is shown as it is: relative to the working directory where possible, forward slashes.
    Lines and columns count from 1, in characters; `end_column` is exclusive, and belongs to
    `end_line`.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem: a stable code, a sentence, where it is, and what to do about it.

    `span` is None only where no file is to blame (a missing folder, say). `related` are further
    places worth a look, each with a label such as "first defined here".
    """

    code: str
    message: str
    span: Span | None = None
    hint: str | None = None
    related: tuple[tuple[str, Span], ...] = ()

    @property
    def severity(self) -> str:
        """`"error"`, or `"warning"` for codes that start with W."""
        return "warning" if self.code.startswith("W") else "error"


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort by position, then code and message; drop exact doubles."""

    def key(diagnostic: Diagnostic) -> tuple[object, ...]:
        span = diagnostic.span
        place = (1, *span) if span else (0,)
        return (*place, diagnostic.code, diagnostic.message)

    return tuple(sorted(dict.fromkeys(diagnostics), key=key))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them stops the compiler."""
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was probably meant to be, or None.

    >>> nearest("prodction", ["training", "production"])
    'production'
    """
    close = difflib.get_close_matches(word, sorted(candidates), n=1, cutoff=0.6)
    return close[0] if close else None
