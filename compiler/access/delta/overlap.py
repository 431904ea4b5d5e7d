"""What two patterns have in common, and a text that stands for all of a pattern.

`*` and `?` are the wildcards; a part that only the cloud knows may be any text. ARNs are compared
segment by segment, as the evaluation does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product

from compiler.access.evaluation.text import FRESH, HOLE, like

# For `*`: longer than what a row of `?` in a policy stands for.
ANY = FRESH * 33
_SEGMENTS = 6
_START = "arn:"


def generic(pattern: str) -> str:
    """A text of the pattern that another pattern has only if it has all of them."""
    return pattern.replace("*", ANY).replace("?", FRESH)


@lru_cache(maxsize=65536)
def meets(one: str, other: str) -> tuple[str, ...]:
    """Patterns that together are the intersection; none where it is empty.

    >>> meets("arn:aws:s3:::*/keep/*", "arn:aws:s3:::lab/*")
    ('arn:aws:s3:::lab/*/keep/*', 'arn:aws:s3:::lab/keep/*')
    >>> meets("a*", "*b"), meets("ab", "a?"), meets("a", "b*")
    (('a*b',), ('ab',), ())
    """
    if one == other or other == "*":
        return (one,)
    if one == "*":
        return (other,)
    if not one.startswith(_START) or not other.startswith(_START) or HOLE in one + other:
        return _common(one, other)
    found = [_common(*pair) for pair in zip(_segments(one), _segments(other), strict=True)]
    return tuple(":".join(parts) for parts in product(*found))


def _segments(arn: str) -> list[str]:
    """Six; those that an incomplete ARN lacks are any."""
    parts = arn.split(":", _SEGMENTS - 1)
    return parts + ["*"] * (_SEGMENTS - len(parts))


@lru_cache(maxsize=65536)
def _common(one: str, other: str) -> tuple[str, ...]:
    if not _wild(one) and not _wild(other):
        return (one,) if one == other else ()
    for wider, narrower in ((one, other), (other, one)):
        if _has(wider, narrower):
            return (narrower,)
    start = 0
    for letter, second in zip(one, other, strict=False):
        if letter != second or _wild(letter):
            break
        start += 1
    found = _widest(_meet(one[start:], other[start:], {}))
    return tuple(one[:start] + rest for rest in found)


def _meet(one: str, other: str, known: dict[tuple[str, str], tuple[str, ...]]) -> tuple[str, ...]:
    """All interleavings, from the front; `known` are those of the ends that were asked before."""
    place = (one, other)
    if place not in known:
        known[place] = _widest(_steps(one, other, known))
    return known[place]


def _steps(one: str, other: str, known: dict[tuple[str, str], tuple[str, ...]]) -> Iterator[str]:
    if not one or not other:
        if not (one + other).strip(f"*{HOLE}"):
            yield ""
        return
    first, second = one[0], other[0]
    stars = (_star(first), _star(second))
    if stars == (True, True):
        for ends in ((one[1:], other), (one, other[1:])):
            yield from (_starred(rest, first) for rest in _meet(*ends, known))
    elif stars[0]:
        yield from _meet(one[1:], other, known)
        yield from (second + rest for rest in _meet(one, other[1:], known))
    elif stars[1]:
        yield from _steps(other, one, known)
    elif first == second or "?" in (first, second):
        letter = second if first == "?" else first
        yield from (letter + rest for rest in _meet(one[1:], other[1:], known))


def _starred(rest: str, star: str) -> str:
    return rest if rest[:1] == star else star + rest


def _star(letter: str) -> bool:
    return letter in ("*", HOLE)


def _wild(text: str) -> bool:
    return any(letter in text for letter in ("*", "?", HOLE))


def _widest(patterns: Iterable[str]) -> tuple[str, ...]:
    """Without those that another one has in it."""
    kept: list[str] = []
    for one in sorted(set(patterns), key=lambda each: (-each.count("*"), each)):
        if not any(_has(wider, one) for wider in kept):
            kept.append(one)
    return tuple(kept)


def _has(wider: str, narrower: str) -> bool:
    """Whether it certainly has all texts of the other."""
    test = like(wider)
    shortest = narrower.replace("*", "").replace("?", FRESH)
    return test(generic(narrower)) and test(shortest)
