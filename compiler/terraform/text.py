"""The text of a JSON file as Landform writes it: one value, one text, made for reading and diffing.

Takes a JSON value (dicts, lists or tuples, strings, numbers, booleans, None), gives a string;
no effects. Two-space indent, a newline at the end, non-ASCII characters as they are. Keys are sorted,
but for the few places where a reader looks for something first: the sections of a root module,
IAM policies and their statements, Step Functions states, and a resource's meta-arguments, which
come last. A list of scalars stays on one line where it fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring
from typing import Final

from compiler.terraform.document import SECTIONS, Json

WIDTH: Final = 100

# Whole numbers up to here are the same in every JSON reader (RFC 8259, section 6).
EXACT: Final = 2**53 - 1

_Order = dict[str, int]


def _order(first: Iterable[str], last: Iterable[str] = ()) -> _Order:
    ranks = {key: rank for rank, key in enumerate(first, start=-1000)}
    return ranks | {key: rank for rank, key in enumerate(last, start=1)}


# Where a mapping stands, as far as the order of its keys depends on it.
_ROOT, _TYPES, _NAMES, _BODY, _ELSEWHERE = range(5)

_ROOT_ORDER = _order(("version", "organization", *SECTIONS))
_BODY_ORDER = _order((), last=("depends_on", "lifecycle"))
_PLAIN_ORDER: _Order = {}

# A mapping with the key on the left has its keys in the order on the right. Policies: the order
# of the IAM User Guide, "Grammar of the IAM JSON policy language". States: the order in which
# the Amazon States Language specification introduces the fields.
_SHAPES: Final[tuple[tuple[str, _Order], ...]] = (
    ("Statement", _order(("Version", "Id", "Statement"))),
    (
        "Effect",
        _order(
            (
                *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
                *("Resource", "NotResource", "Condition"),
            )
        ),
    ),
    ("StartAt", _order(("Comment", "QueryLanguage", "StartAt", "States"))),
    ("Type", _order(("Type", "Comment", "Resource"), last=("Retry", "Catch", "Next", "End"))),
)


def canonical(value: Json) -> str:
    """The text of `value`; reading it back gives an equal value.

    Raises TypeError, with the place, for what JSON cannot hold: NaN and infinities, keys that
    are not strings, lone surrogates, other types. That is a defect of the caller.
    """
    parts: list[str] = []
    try:
        _write(value, "\n", 1, _ROOT, parts)
    except TypeError:
        raise TypeError(
            _complaint(value, "value") or "the value changed while it was read"
        ) from None
    parts.append("\n")
    text = "".join(parts)
    if not text.isascii():
        _refuse_surrogates(text)
    return text


def _write(value: Json, newline: str, column: int, place: int, parts: list[str]) -> None:
    """Append the text of `value`. `newline` is a line break with the current indent, `column`
    what already stands on the line, counted with the comma that may follow."""
    kind = type(value)
    if kind is str:
        parts.append(encode_basestring(value))  # type: ignore[arg-type]
    elif kind is dict:
        _write_mapping(value, newline, place, parts)  # type: ignore[arg-type]
    elif kind is list or kind is tuple:
        _write_list(value, newline, column, parts)  # type: ignore[arg-type]
    elif isinstance(value, Mapping):
        _write_mapping(value, newline, place, parts)
    elif isinstance(value, list | tuple):
        _write_list(value, newline, column, parts)
    else:
        parts.append(_scalar(value))


def _write_mapping(mapping: Mapping[str, Json], newline: str, place: int, parts: list[str]) -> None:
    if not mapping:
        parts.append("{}")
        return
    inner = newline + "  "
    before = "{" + inner
    for key in _sorted_keys(mapping, place):
        label = encode_basestring(key) + ": "
        parts.append(before + label)
        _write(mapping[key], inner, len(inner) + len(label), _below(place, key), parts)
        before = "," + inner
    parts.append(newline + "}")


def _write_list(
    items: list[Json] | tuple[Json, ...], newline: str, column: int, parts: list[str]
) -> None:
    if not items:
        parts.append("[]")
        return
    inner = newline + "  "
    texts = _scalars(items)
    if texts is None:
        before = "[" + inner
        for item in items:
            parts.append(before)
            _write(item, inner, len(inner), _ELSEWHERE, parts)
            before = "," + inner
        parts.append(newline + "]")
    elif column + sum(map(len, texts)) + 2 * len(texts) <= WIDTH:
        parts.append("[" + ", ".join(texts) + "]")
    else:
        parts.append("[" + inner + ("," + inner).join(texts) + newline + "]")


def _scalars(items: list[Json] | tuple[Json, ...]) -> list[str] | None:
    """The texts of the items, or None if one of them is a mapping or a list."""
    texts: list[str] = []
    for item in items:
        if type(item) is str:
            texts.append(encode_basestring(item))
        elif isinstance(item, Mapping | list | tuple):
            return None
        else:
            texts.append(_scalar(item))
    return texts


def _scalar(value: object) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        return encode_basestring(value)
    # The base classes' own repr: a number that remembers how it was written is still a number.
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _decimal(value)
    raise TypeError


def _decimal(value: float) -> str:
    """Whole floats without `.0`, so that the text is the same whether or not a JavaScript
    program, which knows one kind of number, had the value in between."""
    if value != value or value in (float("inf"), float("-inf")):
        raise TypeError
    if value.is_integer() and abs(value) <= EXACT:
        return int.__repr__(int(value))
    return float.__repr__(value)


def _sorted_keys(mapping: Mapping[str, Json], place: int) -> list[str]:
    ranks = _ranks(mapping, place)
    for key in mapping:
        if not isinstance(key, str):
            raise TypeError
    if not ranks:
        return sorted(mapping)
    return sorted(mapping, key=lambda key: (ranks.get(key, 0), key))


def _ranks(mapping: Mapping[str, Json], place: int) -> _Order:
    if place == _ROOT:
        return _ROOT_ORDER
    if place == _BODY:
        return _BODY_ORDER
    for marker, order in _SHAPES:
        if marker in mapping:
            return order
    return _PLAIN_ORDER


def _below(place: int, key: str) -> int:
    if place == _ROOT:
        return _TYPES if key in ("resource", "data") else _ELSEWHERE
    if place == _TYPES:
        return _NAMES
    return _BODY if place == _NAMES else _ELSEWHERE


def _complaint(value: object, path: str) -> str | None:
    """What in `value` JSON cannot hold, and where; None if nothing."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"{path}: the key {key!r} is {type(key).__name__}, not a string"
            if found := _complaint(item, f"{path}.{key}"):
                return found
        return None
    if isinstance(value, list | tuple):
        found_in = (_complaint(item, f"{path}[{index}]") for index, item in enumerate(value))
        return next(filter(None, found_in), None)
    try:
        _scalar(value)
    except TypeError:
        return f"{path}: JSON has no {type(value).__name__} {value!r}"
    return None


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 20) : error.end + 20]
        raise TypeError(f"half a character (a lone surrogate) in {around!r}") from None
