"""The tool that asks the provider what is replaced: its wire format and its values."""

from __future__ import annotations

import json

import pytest

from compiler.diff.replacing import table
from compiler.terraform.schema.index import open_index
from tools import replacements


def test_messages() -> None:
    inner = replacements.field(1, b"name")
    message = replacements.field(2, inner) + b"\x08\x96\x01" + replacements.field(2, b"x" * 300)
    found = replacements.fields(message)
    assert found == {1: [150], 2: [inner, b"x" * 300]}
    # A path of two steps, of which the first names an attribute.
    path = replacements.field(1, replacements.field(1, b"rule")) + replacements.field(
        1, b"\x18\x01"
    )
    assert replacements._root(path) == "rule"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "c0"),
        (True, "c3"),
        (False, "c2"),
        (11, "d3000000000000000b"),
        (-1, "d3ffffffffffffffff"),
        ("é", "db00000002c3a9"),
        ([1], "dd00000001d30000000000000001"),
        ({"a": None}, "df00000001db0000000161c0"),
    ],
)
def test_values_in_messagepack(value: object, text: str) -> None:
    """By the specification: https://github.com/msgpack/msgpack/blob/master/spec.md."""
    assert replacements.packed(value).hex() == text


def test_a_resource_with_only_what_is_required() -> None:
    schema = open_index().resource("aws_ecr_repository")
    assert schema is not None
    assert schema.older is not None
    whole = replacements.filled(schema.older, None)
    assert whole["encryption_configuration"][0]["kms_key"] == "aaa"
    least = replacements.filled(schema.older, ("encryption_configuration", "kms_key"))
    assert least["name"] == "aaa"
    assert least["image_tag_mutability"] is None
    assert least["encryption_configuration"][0] == {"encryption_type": None, "kms_key": "aaa"}
    assert replacements.configured(whole, schema.older)["repository_url"] is None


def test_the_table_is_as_the_tool_writes_it() -> None:
    text = replacements.TABLE.read_text(encoding="utf-8")
    assert replacements.written(json.loads(text)) == text
    assert len([name for name in table() if name.startswith("aws_")]) > 80
