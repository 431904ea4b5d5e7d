"""`model-hub`: one registry of models, deployed to many accounts."""

from __future__ import annotations

from compiler.kinds.draft import Draft
from compiler.kinds.model_hub.inputs import Inputs
from compiler.kinds.model_hub.names import parties
from compiler.organization.kind import Kind


def build(draft: Draft) -> None:
    """Declare every party first, then what each account holds."""
    parties(draft)


KIND = Kind(
    name="model-hub",
    summary="One registry of models, deployed to many accounts (SageMaker, EventBridge, Lambda)",
    inputs=Inputs,
    build=build,
    home="account",
)
