"""Regular expressions of a team: what they match, which are refused, and that none takes for ever."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.blueprint.patterns import matcher, wrong

SLOW = ["(a+)+b", "(a*)*b", "(a|aa)+b", "(a|a?)+b"]


@pytest.mark.parametrize("pattern", SLOW)
def test_no_pattern_tries_for_ever(pattern: str) -> None:
    assert wrong(pattern) is None
    matches = matcher(pattern)
    assert not matches("a" * 100_000)
    assert matches("a" * 100_000 + "b")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("[", "unclosed character class"),
        ("(?!x)a", "look-around, including look-ahead and look-behind, is not supported"),
        (r"(a)\1", "backreferences are not supported"),
        ("a)(b", "unopened group"),
        ("(a{1000}){1000}", "Compiled regex exceeds size limit of 10485760 bytes."),
    ],
)
def test_why_a_pattern_cannot_be_used(pattern: str, why: str) -> None:
    assert wrong(pattern) == why


PATTERNS = [
    r"\d{2,}", r"\D", r"\w+", r"[\w-]+", r"[^\s]*", r"\S+", r"a|b", "a$", "^a", ".", "[a-z]*",
    r"\\d", r"\ba", r"a\Z", r"(?i)ab", "ä?", "",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@given(
    st.one_of(
        st.text(max_size=4),
        st.text(alphabet="ab12ABä٣\\d_- \n\x0b\x85", max_size=4),
        st.sampled_from(["12", "a", "\\d", "ab"]),
    )
)
def test_a_pattern_means_what_it_does_in_json_schema(pattern: str, text: str) -> None:
    """The whole text, and only the letters and digits of ASCII."""
    assert matcher(pattern)(text) == (re.fullmatch(pattern, text, re.ASCII) is not None)
