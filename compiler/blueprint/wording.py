"""The sentences about values that do not fit their type or limits, in one voice.

Takes the kind and context of a pydantic error with the value, gives words; no effects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from compiler.diagnostics import nearest

LONGEST = 60

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}

_LIMITS: dict[str, Callable[[Any], str]] = {
    "greater_than": lambda c: f"above {c['gt']}",
    "greater_than_equal": lambda c: f"at least {c['ge']}",
    "less_than": lambda c: f"below {c['lt']}",
    "less_than_equal": lambda c: f"at most {c['le']}",
    "literal_error": lambda c: c["expected"].replace(chr(39), chr(34)),
}

_BOUNDS: dict[str, Callable[[Any], str]] = {
    "greater_than": lambda c: f"raise it above {c['gt']}",
    "greater_than_equal": lambda c: f"raise it to {c['ge']} or more",
    "less_than": lambda c: f"lower it below {c['lt']}",
    "less_than_equal": lambda c: f"lower it to {c['le']} or less",
}

_SIZES: dict[str, Callable[[Any], str]] = {
    "too_short": lambda c: f"must have at least {_counted(c['min_length'], 'item')}",
    "too_long": lambda c: f"must have at most {_counted(c['max_length'], 'item')}",
    "string_too_short": lambda c: "must not be empty",
    "string_too_long": lambda c: f"must have at most {_counted(c['max_length'], 'character')}",
}

_YAML_1_1 = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def expected(kind: str, context: Mapping[str, Any]) -> str | None:
    """What completes "must be …" if the error is about a value's type or range."""
    if kind == "several":
        return str(context["expected"])
    if kind in _LIMITS:
        return _LIMITS[kind](context)
    return _TYPES.get(kind)


def sentence(kind: str, context: Mapping[str, Any], value: object) -> tuple[str, str]:
    """The code and the words that follow the name of the value."""
    wanted = expected(kind, context)
    if wanted:
        code = "E204" if kind in _LIMITS else "E203"
        return code, f"must be {wanted}, not {written(value)}"
    if isinstance(value, str) and kind in ("too_short", "too_long"):
        kind = f"string_{kind}"
    if kind in _SIZES:
        return "E204", _SIZES[kind](context)
    raise AssertionError(f"no sentence for pydantic's {kind}")


def hint_for(kind: str, context: Mapping[str, Any], value: object) -> str | None:
    """What to do about a value of the wrong type, where that can be told."""
    wanted = _TYPES.get(kind)
    if wanted == "a mapping" and isinstance(value, str):
        return "write its keys below it, indented"
    if wanted == "a mapping" and value in (None, []):
        return "write its keys below it, indented; {} where it has none"
    if value is None:
        return "give it a value, or leave it out"
    if wanted == "text" and isinstance(value, bool):
        return f'in quotes it is text: "{str(value).lower()}"'
    if wanted == "a list" and isinstance(value, str):
        return f"a list of one is [{value}]" if len(value) <= LONGEST else "write it in brackets"
    if wanted == "a list" and isinstance(value, dict):
        return 'start each item with "- "'
    if wanted == "true or false":
        return _hint_of_boolean(value)
    if isinstance(value, str) and wanted in ("a whole number", "a number"):
        return "write it without quotes" if re.fullmatch(r"-?[0-9.]+", value) else None
    if kind == "literal_error":
        guess = nearest(str(value).lower(), re.findall(r"'([^']*)'", context["expected"]))
        return f'did you mean "{guess}"?' if guess else "write one of these as it stands here"
    return _BOUNDS[kind](context) if kind in _BOUNDS else None


def _hint_of_boolean(value: object) -> str | None:
    if isinstance(value, str):
        meant = _YAML_1_1.get(value.lower(), value.lower())
        return f"write {meant}, without quotes" if meant in ("true", "false") else None
    return f"write {str(bool(value)).lower()}" if value in (0, 1) else None


def hint_for_computed(kind: str, value: object) -> str | None:
    """The same for what an expression gives: quotes are not to blame."""
    wanted = _TYPES.get(kind)
    if wanted == "text" and isinstance(value, bool | int | float):
        return 'for text, end the expression so: "{{ … | string }}"'
    if wanted in ("a whole number", "a number") and isinstance(value, str):
        return 'for a number, end the expression so: "{{ … | int }}"'
    if wanted == "true or false":
        return "for true or false, compare it: \"{{ … == 'yes' }}\""
    return None


def written(value: object) -> str:
    """A value as a message shows it."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    return str(value)


def quoted(text: str) -> str:
    """A text in quotes, shortened where it is long."""
    return f'"{text}"' if len(text) <= LONGEST else f'"{text[: LONGEST - 3]}…"'


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
