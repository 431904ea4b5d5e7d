"""Constraints on providers: those without any version that the schemas are known of are refused."""

from __future__ import annotations

import pytest

from compiler.blueprint.models import AWS_VERSIONS
from compiler.blueprint.versions import overlap


@pytest.mark.parametrize(
    ("constraint", "known"),
    [
        ("~> 6.0", True),
        ("~> 6.25.0", True),
        ("~> 5.99", True),
        ("~> 5.99.0", False),
        ("~> 5", True),
        ("~> 4.0", False),
        (">= 4.0", True),
        (">= 7.0", False),
        ("> 6.99.99", True),
        ("= 5.99.0", False),
        ("5.100.0", True),
        ("5.100.0, != 5.100.0", False),
        (">= 5.100.0, != 5.100.0, != 5.100.1", True),
        ("< 6", True),
        ("<= 5.100", True),
        ("< 5.100.0", False),
        ("> 6.0.0-beta1", True),
    ],
)
def test_some_version_is_known(constraint: str, known: bool) -> None:
    assert overlap(constraint, AWS_VERSIONS) is known
