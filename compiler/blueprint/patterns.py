"""Regular expressions that a team writes, held against texts in time that grows with the text only.

Python's own engine tries every way to match: `(a+)+b` and forty letters take it years. The engine
here is that of pydantic, Rust's: it has no look-arounds and no references back, and never tries twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

# As in JSON Schema, and in Python with `re.ASCII`: letters and digits of other scripts are none.
_ASCII = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[0-9A-Za-z_]",
    "W": "[^0-9A-Za-z_]",
    "s": r"[ \t\n\r\f\v]",
    "S": r"[^ \t\n\r\f\v]",
    "b": r"(?-u:\b)",
    "B": r"(?-u:\B)",
    "Z": r"\z",
}


def wrong(pattern: str) -> str | None:
    """Why it is no regular expression that can be used, or None."""
    try:
        # Alone, too: `a)(b` is sound between parentheses only.
        _engine(_ascii(pattern))
        _engine(_whole(pattern))
    except SchemaError as error:
        said = str(error).strip().splitlines()[-1]
        return said.removeprefix("error: ").replace("SchemaError: ", "").strip()
    return None


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether it matches the whole of a text. The pattern must be one that can be used."""
    engine = _engine(_whole(pattern))

    def matches(text: str) -> bool:
        try:
            engine.validate_python(text)
        except ValidationError:
            return False
        return True

    return matches


@cache
def _engine(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _whole(pattern: str) -> str:
    return rf"\A(?:{_ascii(pattern)})\z"


def _ascii(pattern: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ASCII.get(found[1], found[0]), pattern, flags=re.DOTALL)
