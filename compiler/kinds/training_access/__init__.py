"""`training-access`: to be replaced."""

from __future__ import annotations

from pydantic import Field

from compiler.blueprint.shapes import Shape
from compiler.kinds.draft import Draft
from compiler.kinds.inputs import Projects
from compiler.organization.kind import Kind


class Inputs(Shape):
    """Inputs."""

    projects: Projects = Field(description="the projects")


def build(draft: Draft) -> None:
    """Build."""


KIND = Kind(
    name="training-access",
    summary="The same access to training clusters everywhere (GKE, Vertex AI)",
    inputs=Inputs,
    build=build,
    home="projects",
)
