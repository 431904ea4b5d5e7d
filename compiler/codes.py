"""The record of a diagnostic code; the codes themselves stand beside the passes that give them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a diagnostic code means, as `landform explain CODE` shows it.

    `code` is the stable name (`E402`), `title` one short line, `explanation` 2-4 sentences: what it
    means, why it matters, what to do. `wrong` and `right` are a failing and a passing example.
    """

    code: str
    title: str
    explanation: str
    wrong: str
    right: str
