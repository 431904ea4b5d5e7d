"""What a scalar's text is as a value, by YAML 1.2's core schema.

Takes text, style, tag and the kind that the schema gives the text; gives the value, or the text and
why it is refused. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

from compiler.blueprint.nodes import ScalarValue, WrittenFloat, WrittenInt

# How YAML's own tags start.
CORE = "tag:yaml.org,2002:"
# Characters of a number: Python itself refuses whole numbers of over 4,300 digits.
MAXIMUM_DIGITS = 100

# Code, message, hint.
Problem = tuple[str, str, str]


def tag_problem(tag: str) -> Problem:
    """Why a tag is refused."""
    shown = tag.replace(CORE, "!!")
    return (
        "E016",
        f'"{shown}" is a tag that Landform does not know',
        f'delete "{shown}"; quote the value if it shall be text',
    )


def scalar_value(
    text: str, quoted: bool, tag: str | None, kind_of: Callable[[str], str]
) -> tuple[ScalarValue, Problem | None]:
    """The value of a scalar; `kind_of` says what a plain text is: str, int, float, bool or null."""
    if tag is None:
        if quoted:
            return text, None
        kind = kind_of(text)
    elif tag in ("!", CORE + "str"):
        return text, None
    else:
        kind = tag.removeprefix(CORE)
        if kind not in ("int", "float", "bool", "null"):
            return text, tag_problem(tag)
        if kind_of(text) not in ((kind, "int") if kind == "float" else (kind,)):
            return text, ("E016", f'"{text}" is not what its tag "!!{kind}" says', "delete the tag")
    if kind in ("int", "float"):
        return _number(text, kind)
    if kind == "bool":
        return text.lower() == "true", None
    return (None, None) if kind == "null" else (text, None)


def _number(text: str, kind: str) -> tuple[ScalarValue, Problem | None]:
    if len(text) > MAXIMUM_DIGITS:
        return text, (
            "E021",
            f"a number of {len(text):,} characters; at most {MAXIMUM_DIGITS} were expected",
            "quote it if it is text",
        )
    if kind == "int":
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return WrittenInt(int(text, base) if base != 10 else int(text), text), None
    number = float(text) if text.lstrip("+-")[:2].lower() not in (".i", ".n") else float("nan")
    if not isfinite(number):
        return text, (
            "E021",
            f'"{text}" is not a finite number',
            "write a number, or quote it if it is text",
        )
    return WrittenFloat(number, text), None


def literal_indent(text: str, lines: Sequence[str], start: int) -> int | None:
    """The indentation of a literal block with that text, whose lines are those from `start` on.

    None where a line is not, character for character, what the file has behind the indentation.
    """
    rows = text.rstrip("\n").split("\n")
    written = lines[start : start + len(rows)]
    if len(written) < len(rows):
        return None
    indent = next((len(w) - len(row) for w, row in zip(written, rows, strict=True) if row), 0)
    same = all(
        w[indent:] == row and not w[:indent].strip(" ")
        for w, row in zip(written, rows, strict=True)
    )
    return indent if indent >= 0 and same else None
