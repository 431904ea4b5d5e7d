"""`project-baseline`: to be replaced."""

from __future__ import annotations

from pydantic import Field

from compiler.blueprint.shapes import Shape
from compiler.kinds.draft import Draft
from compiler.kinds.inputs import OneProject
from compiler.organization.kind import Kind


class Inputs(Shape):
    """Inputs."""

    project: OneProject = Field(description="the project")


def build(draft: Draft) -> None:
    """Build."""


KIND = Kind(
    name="project-baseline",
    summary="What every project gets: services, audit logs, federation, budgets",
    inputs=Inputs,
    build=build,
    home="project",
    per="project",
)
