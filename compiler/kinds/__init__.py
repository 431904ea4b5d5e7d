"""The catalog: one module or package per kind of component, listed here."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.kinds import (
    account_baseline,
    ml_pipeline,
    model_catalog,
    model_hub,
    model_serving,
    project_baseline,
    training_access,
)
from compiler.organization.kind import Kind

_CATALOG = (
    account_baseline,
    ml_pipeline,
    model_catalog,
    model_hub,
    model_serving,
    project_baseline,
    training_access,
)

KINDS: Mapping[str, Kind] = {module.KIND.name: module.KIND for module in _CATALOG}
