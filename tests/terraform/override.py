"""The override file that points a copy of a stack at the simulated AWS.

Terraform merges `*_override.tf.json` over the module: a backend replaces the module's, a provider
block is merged argument by argument, where a nested block replaces all blocks of its type. So the
stack's own region, `allowed_account_ids`, `assume_role` and `default_tags` stay as generated.
https://developer.hashicorp.com/terraform/language/files/override
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.terraform.generated import CompiledStack

FILE = "landform_rig_override.tf.json"


def override(stack: CompiledStack) -> dict[str, Any]:
    """The override as a JSON value: local state, and one block per AWS provider block."""
    blocks = [_provider(stack, block) for block in _blocks(stack.document)]
    return {"terraform": {"backend": {"local": {}}}, "provider": {"aws": blocks}}


def write_override(stack: CompiledStack, copy: Path) -> None:
    """Write it into the copy of the stack."""
    (copy / FILE).write_text(json.dumps(override(stack), indent=2), encoding="utf-8")


def _blocks(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    blocks = document["provider"]["aws"]
    return blocks if isinstance(blocks, list) else [blocks]


def _provider(stack: CompiledStack, block: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {
        "skip_credentials_validation": True,
        "skip_metadata_api_check": "true",
        "s3_use_path_style": True,
        "max_retries": 2,
    }
    if "alias" in block:
        merged = {"alias": block["alias"], **merged}
    if not block.get("assume_role"):
        # Ambient credentials: here the role is what says in which account we are.
        role = f"arn:aws:iam::{stack.account}:role/rig"
        merged["assume_role"] = [{"role_arn": role}]
    return merged
