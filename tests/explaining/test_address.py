"""What can be asked about."""

from __future__ import annotations

import pytest

from compiler.explaining.address import InBlueprint, InStack, read

STACK = "aws/shared/churn"


@pytest.mark.parametrize(
    "text",
    [
        STACK,
        f"{STACK}/",
        f"acme/{STACK}",
        f"generated/acme/{STACK}",
        f"./generated/acme/{STACK}/main.tf.json",
    ],
)
def test_stacks(text: str) -> None:
    found = read(text)
    assert isinstance(found, InStack)
    assert (found.stack, found.cloud, found.address, found.path) == (STACK, "aws", None, ())
    assert found.organization == ("acme" if "acme" in text else None)


@pytest.mark.parametrize(
    ("text", "address", "path"),
    [
        ("aws_kms_key.artifacts", "aws_kms_key.artifacts", ()),
        ("data.aws_region.here.name", "data.aws_region.here", ("name",)),
        ("output.pipeline", "output.pipeline", ()),
        ("aws_x.y.a.0.b", "aws_x.y", ("a", "0", "b")),
        ("aws_x.y.a[0].b", "aws_x.y", ("a", "0", "b")),
        ('aws_x.y.a["k.k"]', "aws_x.y", ("a", "k.k")),
        ("aws_x.y-z", "aws_x.y-z", ()),
    ],
)
def test_parts(text: str, address: str, path: tuple[str, ...]) -> None:
    found = read(f"{STACK}:{text}")
    assert isinstance(found, InStack)
    assert (found.stack, found.address, found.path) == (STACK, address, path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accounts.shared", ("accounts", "shared", ())),
        ("accounts.shared.vars.a", ("accounts", "shared", ("vars", "a"))),
        ("components.churn.deploy", ("components", "churn", ("deploy",))),
        ("projects.train-eu", ("projects", "train-eu", ())),
    ],
)
def test_values(text: str, expected: tuple[str, str, tuple[str, ...]]) -> None:
    found = read(text)
    assert isinstance(found, InBlueprint)
    assert (found.section, found.name, found.path) == expected
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    ["", "aws", "aws/shared", "azure/a/b", "units.prod", "accounts", f"{STACK}:x", "a.b", "{"],
)
def test_neither(text: str) -> None:
    assert read(text) is None
