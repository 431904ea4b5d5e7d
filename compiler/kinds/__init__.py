"""The catalog: one module or package per kind of component, listed here."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.kinds import account_baseline, ml_pipeline
from compiler.organization.kind import Kind

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (account_baseline.KIND, ml_pipeline.KIND)}
