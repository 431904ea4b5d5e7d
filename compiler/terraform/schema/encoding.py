"""Schema records as short JSON values, and back; with the differences of an older version.

A block is an object: name → entry. The entry of an attribute is a short string, its flag
(`r` required, `o` optional, `b` optional and computed, `c` computed, `n` none of them) and its
type (`s` string, `n` number, `b` bool, `a` dynamic, `l`/`e`/`m` list, set, map of what follows);
a type that holds an object is `[flag, type]` with a JSON object for the object. The entry of a
nested block is its own object with the key "" for `nesting minimum maximum`, such as `l01` or `e1`.

What differs in the older version: a string gets `|` and the older string (`bs|`: not in the older
one, `|os`: only there). Entries that are not strings, and changes between attribute and block,
are `["|", newer, older]` with null for absent. Nested blocks in both are merged entry by entry.

Pure functions; no effects.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from compiler.terraform.schema.records import Attribute, Block, Kind, NestedBlock, Nesting, Type

Side = Literal[0, 1]  # the newer, the older version
NEWER: Side = 0
OLDER: Side = 1

# JSON values: the grammar above is checked by the tests, not by the type checker.
Encoded = Any

_NESTING: Mapping[str, Nesting] = {"l": "list", "e": "set", "m": "map", "1": "single"}
_KINDS: Mapping[str, Kind] = {"s": "string", "n": "number", "b": "bool", "a": "dynamic"}
_COLLECTIONS: Mapping[str, Kind] = {"l": "list", "e": "set", "m": "map"}
_LETTER = {word: letter for table in (_NESTING, _KINDS) for letter, word in table.items()}


def encode_block(block: Block) -> dict[str, Encoded]:
    """One version of a block."""
    attributes = {name: _encode_attribute(a) for name, a in block.attributes.items()}
    blocks = {name: _encode_nested(n) for name, n in block.blocks.items()}
    return dict(sorted({**attributes, **blocks}.items()))


def _encode_nested(nested: NestedBlock) -> dict[str, Encoded]:
    limits = f"{nested.minimum}{'' if nested.maximum is None else nested.maximum}"
    return {"": _LETTER[nested.nesting] + limits, **encode_block(nested.block)}


def _encode_attribute(attribute: Attribute) -> Encoded:
    flag = "n"
    if attribute.required:
        flag = "r"
    elif attribute.optional:
        flag = "b" if attribute.computed else "o"
    elif attribute.computed:
        flag = "c"
    type_ = _encode_type(attribute.type)
    return flag + type_ if isinstance(type_, str) else [flag, type_]


def _encode_type(type_: Type) -> Encoded:
    if type_.kind == "object":
        return {name: _encode_type(field) for name, field in type_.fields.items()}
    if type_.element is None:
        return _LETTER[type_.kind]
    element = _encode_type(type_.element)
    letter = _LETTER[type_.kind]
    return letter + element if isinstance(element, str) else [letter, element]


def merge(newer: Encoded, older: Encoded) -> Encoded:
    """Two versions of one entry as one; None stands for a version that lacks it."""
    if newer == older:
        return newer
    if isinstance(newer, dict) and isinstance(older, dict):
        names = sorted(newer.keys() | older.keys())
        return {name: merge(newer.get(name), older.get(name)) for name in names}
    if all(side is None or isinstance(side, str) for side in (newer, older)):
        return f"{newer or ''}|{older or ''}"
    return ["|", newer, older]


def select(entry: Encoded, side: Side) -> Encoded:
    """The newer or the older version of a merged entry, or None where that lacks it.

    Only the outermost level is taken apart: the entries of a nested block stay merged.
    """
    if isinstance(entry, str):
        both = entry.split("|")
        return (both[side] if len(both) > 1 else entry) or None
    if isinstance(entry, list) and entry[0] == "|":
        return entry[1 + side]
    return entry


def decode_block(entries: Mapping[str, Encoded], side: Side) -> Block:
    """One version of a merged block."""
    attributes: dict[str, Attribute] = {}
    blocks: dict[str, NestedBlock] = {}
    for name, merged in entries.items():
        entry = select(merged, side)
        if entry is None or name == "":
            continue
        if isinstance(entry, dict):
            header = select(entry[""], side)
            maximum = int(header[2:]) if len(header) > 2 else None
            blocks[name] = NestedBlock(
                _NESTING[header[0]], int(header[1]), maximum, decode_block(entry, side)
            )
        elif isinstance(entry, str):
            attributes[name] = _simple_attribute(entry)
        else:
            attributes[name] = _attribute(entry[0], _decode_type(entry[1]))
    return Block(attributes, blocks)


def differs(entry: Encoded) -> bool:
    """Whether the two versions of a merged entry differ anywhere in it."""
    if isinstance(entry, str):
        return "|" in entry
    if isinstance(entry, dict):
        return any(differs(child) for child in entry.values())
    return bool(entry[0] == "|")


@cache
def _simple_attribute(code: str) -> Attribute:
    return _attribute(code[0], _decode_type(code[1:]))


def _attribute(flag: str, type_: Type) -> Attribute:
    return Attribute(type_, flag == "r", flag in "ob", flag in "cb")


def _decode_type(code: Encoded) -> Type:
    if isinstance(code, dict):
        return Type("object", fields={name: _decode_type(field) for name, field in code.items()})
    if isinstance(code, list):
        return Type(_COLLECTIONS[code[0]], _decode_type(code[1]))
    if len(code) > 1:
        return Type(_COLLECTIONS[code[0]], _decode_type(code[1:]))
    return Type(_KINDS[code])
