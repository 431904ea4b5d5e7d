"""Findings of a public scanner in the output that are accepted, each with its reason.

The scanner is checkov; `scan.yaml` beside this module is the list. A test of the rig scans what the
examples compile to: a finding that is not listed fails it, and so does a line without a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One check that resources of a type in stacks of these kinds may fail, and why."""

    check: str
    type: str
    kinds: tuple[str, ...]
    reason: str


@cache
def accepted() -> tuple[Accepted, ...]:
    """All of them, in the order of the file."""
    text = (files("compiler.kinds") / "scan.yaml").read_text(encoding="utf-8")
    return tuple(
        Accepted(
            check=row["check"], type=row["type"], kinds=tuple(row["kinds"]), reason=row["reason"]
        )
        for row in yaml.safe_load(text)
    )
