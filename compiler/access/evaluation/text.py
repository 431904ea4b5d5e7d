"""Texts of policies: wildcards, ARNs by segment, and parts that only the cloud knows.

A text with parts that could not be resolved is a `Partial`: a `HOLE` stands for each of them. A
hole matches anything, so "does not match" is certain and "matches" depends on what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

# Characters of the private-use area, which neither IAM nor Terraform allow in names.
HOLE = "\ue000"
STAR = "\ue001"  # a `*` that is meant literally: from `${*}` or from a variable's value
QUESTION = "\ue002"
# Any text, in what is matched: only a `*` covers it.
ANYTHING = "\ue003"
# A letter that no name and no pattern has, so that nothing but a wildcard matches it.
FRESH = "\ue004"
_SPECIAL = re.compile(f"[*?{HOLE}{STAR}{QUESTION}]")

Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Partial:
    """A text with holes; `unknown` says what would fill them, as Terraform writes it."""

    text: str
    unknown: frozenset[str]


Text = str | Partial


def unknown(reference: str) -> Partial:
    """A text of which nothing is known."""
    return Partial(HOLE, frozenset({reference}))


def joined(parts: list[Text]) -> Text:
    """The parts as one text."""
    if all(isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    text = "".join(part if isinstance(part, str) else part.text for part in parts)
    names = [part.unknown for part in parts if isinstance(part, Partial)]
    return Partial(text, frozenset().union(*names))


def split(text: Text) -> tuple[str, frozenset[str]]:
    """The characters, and what is unknown in them."""
    return (text, frozenset()) if isinstance(text, str) else (text.text, text.unknown)


def literal(value: str) -> str:
    """A value whose wildcards mean themselves."""
    return value.replace("*", STAR).replace("?", QUESTION)


@lru_cache(maxsize=8192)
def like(pattern: str) -> Test:
    """Matching with `*` and `?`; upper and lower case differ.

    >>> like("data/*")("data/a/b"), like("data/?")("data/ab")
    (True, False)
    """
    special = _SPECIAL.search(pattern)
    if special is None:
        return pattern.__eq__
    if special.group() == "*" and special.end() == len(pattern):
        prefix = pattern[:-1]
        return lambda value: value.startswith(prefix)
    return _compiled(pattern, {"*": ".*", "?": f"[^{ANYTHING}]"})


@lru_cache(maxsize=8192)
def equal(pattern: str) -> Test:
    """Equality; only holes match anything."""
    special = _SPECIAL.search(pattern)
    if special is None:
        return pattern.__eq__
    return _compiled(pattern, {})


@lru_cache(maxsize=8192)
def arn_like(pattern: str) -> Test:
    """Matching of ARNs segment by segment; a wildcard does not pass a colon before the sixth.

    Segments that an incomplete ARN lacks match anything.

    >>> arn_like("arn:aws:s3:::logs/*")("arn:aws:s3:::logs/a:b/c")
    True
    >>> arn_like("arn:aws:*:role/x")("arn:aws:iam::111111111111:role/x")
    False
    """
    if _SPECIAL.search(pattern) is None and pattern.count(":") >= 5:
        return pattern.__eq__
    if HOLE in pattern or not pattern.startswith("arn:"):
        return like(pattern)
    tests = [like(part) for part in pattern.split(":", 5)]

    def test(value: str) -> bool:
        parts = value.split(":", 5)
        return len(parts) == 6 and all(each(part) for each, part in zip(tests, parts, strict=False))

    return test


def _compiled(pattern: str, wildcards: dict[str, str]) -> Test:
    meanings = {HOLE: ".*", STAR: r"\*", QUESTION: r"\?", **wildcards}
    source = "".join(meanings.get(letter) or re.escape(letter) for letter in pattern)
    match = re.compile(source, re.DOTALL).fullmatch
    return lambda value: match(value) is not None
