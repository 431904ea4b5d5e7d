"""`model-catalog`: to be replaced."""

from __future__ import annotations

from pydantic import Field

from compiler.blueprint.shapes import Shape
from compiler.kinds.draft import Draft
from compiler.kinds.inputs import OneAccount
from compiler.organization.kind import Kind


class Inputs(Shape):
    """Inputs."""

    account: OneAccount = Field(description="the account")


def build(draft: Draft) -> None:
    """Build."""


KIND = Kind(
    name="model-catalog",
    summary="Approved models offered over the organisation (Service Catalog)",
    inputs=Inputs,
    build=build,
    home="account",
)
