"""Canonical text: one value, one text, that reads back as the value."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.blueprint.nodes import WrittenFloat, WrittenInt
from compiler.terraform.text import EXACT, WIDTH, canonical

characters = st.characters(exclude_categories=["Cs"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(characters)
)
names = st.text(characters) | st.sampled_from(
    ["Statement", "Effect", "Sid", "Type", "resource", "data", "depends_on", "version", "//"]
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=30
)


@given(values)
def test_parsing_the_text_gives_the_value(value):
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(names, values), st.randoms(use_true_random=False))
def test_the_order_of_keys_in_the_value_does_not_matter(value: dict, shuffle: random.Random):
    keys = list(value)
    shuffle.shuffle(keys)
    assert canonical({key: value[key] for key in keys}) == canonical(value)


def test_a_root_module_reads_in_the_designed_order():
    document = {
        "output": {"a": {"value": "x", "description": "d"}},
        "resource": {
            "aws_s3_bucket": {
                "b": {"lifecycle": {}, "depends_on": [], "tags": {"z": 1, "a": 2}, "bucket": "x"},
                "a": {},
            }
        },
        "provider": {"aws": [{"region": "eu-west-1"}]},
        "//": {"landform": {}},
        "locals": {
            "p": {
                "Statement": [
                    {
                        "Resource": "*",
                        "Action": "a:b",
                        "Condition": {},
                        "Effect": "Allow",
                        "Sid": "S",
                    }
                ],
                "Version": "2012-10-17",
            }
        },
        "terraform": {"required_version": ">= 1.5"},
    }
    assert (
        canonical(document)
        == """{
  "//": {
    "landform": {}
  },
  "terraform": {
    "required_version": ">= 1.5"
  },
  "provider": {
    "aws": [
      {
        "region": "eu-west-1"
      }
    ]
  },
  "locals": {
    "p": {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "S",
          "Effect": "Allow",
          "Action": "a:b",
          "Resource": "*",
          "Condition": {}
        }
      ]
    }
  },
  "resource": {
    "aws_s3_bucket": {
      "a": {},
      "b": {
        "bucket": "x",
        "tags": {
          "a": 2,
          "z": 1
        },
        "depends_on": [],
        "lifecycle": {}
      }
    }
  },
  "output": {
    "a": {
      "description": "d",
      "value": "x"
    }
  }
}
"""
    )


def test_a_tag_named_depends_on_is_sorted_like_any_other():
    body = {"tags": {"lifecycle": "x", "name": "y"}, "lifecycle": {}}
    text = canonical({"resource": {"aws_x": {"y": body}}})
    assert text.index('"lifecycle": "x"') < text.index('"name"') < text.index('"lifecycle": {}')


def test_manifest_and_ledger_start_with_their_version():
    assert canonical({"stacks": [], "organization": "a", "version": 1}) == (
        '{\n  "version": 1,\n  "organization": "a",\n  "stacks": []\n}\n'
    )


@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_a_list_is_folded_exactly_where_it_would_pass_the_width(spare):
    fixed = len('  "k": ["a", "') + len('"],')
    text = canonical({"k": ["a", "x" * (WIDTH - fixed - spare)], "l": 1})
    assert ('["a", ' in text) == (spare >= 0)
    assert max(map(len, text.splitlines())) <= WIDTH


def test_text_is_kept_as_it_is():
    assert canonical(["é😀", "${a}", "$${a}", "%%{if}", "\u2028"]) == (
        '["é😀", "${a}", "$${a}", "%%{if}", "\u2028"]\n'
    )


def test_numbers():
    assert canonical([1.0, -0.0, 1e6, 1.5, 1e-7, 1, True]) == (
        "[1, 0, 1000000, 1.5, 1e-07, 1, true]\n"
    )
    assert canonical([EXACT, 2**53, float(2**53)]) == f"[{2**53 - 1}, {2**53}, {float(2**53)!r}]\n"
    assert canonical([WrittenInt(12, "012"), WrittenFloat(1.3, "1.30")]) == "[12, 1.3]\n"


def test_tuples_are_lists():
    assert canonical({"a": (1, ({},))}) == canonical({"a": [1, [{}]]})


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"a": [1, float("nan")]}, r"value\.a\[1\]: JSON has no float nan"),
        ({"a": float("-inf")}, r"value\.a: JSON has no float -inf"),
        ({"a": {1: 2}}, r"value\.a: the key 1 is int"),
        ({"a": {1: 2, "b": 3}}, r"value\.a: the key 1 is int"),
        ({"a": {"b": {3}}}, r"value\.a\.b: JSON has no set"),
        ([b"x"], r"value\[0\]: JSON has no bytes"),
        ({"a": "\ud800"}, "lone surrogate"),
        (object(), "value: JSON has no object"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(value, complaint):
    with pytest.raises(TypeError, match=complaint):
        canonical(value)
