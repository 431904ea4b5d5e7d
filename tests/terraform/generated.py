"""Compiled organisations on disk: `generated/<organisation>/manifest.json` and its AWS stacks.

Reads files, gives records; no effects. The manifest's format is in the reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class CompiledStack:
    """One root module: its folder, path in the manifest, account and region, and its content."""

    folder: Path
    path: str
    account: str
    region: str
    wave: int
    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The path as the name of a folder."""
        return self.path.replace("/", "--")

    def resources(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The managed resources of one type, by their Terraform name."""
        return dict(self.document.get("resource", {}).get(kind, {}))

    @property
    def types(self) -> frozenset[str]:
        """The types of the managed resources."""
        return frozenset(self.document.get("resource", {}))


@dataclass(frozen=True, slots=True)
class CompiledOrganisation:
    """The AWS stacks of one organisation, in wave order."""

    name: str
    stacks: tuple[CompiledStack, ...]

    @property
    def waves(self) -> list[list[CompiledStack]]:
        """The stacks by wave, ascending: those of one wave need no order among themselves."""
        numbers = sorted({stack.wave for stack in self.stacks})
        return [[stack for stack in self.stacks if stack.wave == wave] for wave in numbers]

    @property
    def existing_roles(self) -> list[tuple[str, str]]:
        """(account id, role name) of the roles that the stacks use but none of them creates."""
        made = {
            (stack.account, role.get("name"))
            for stack in self.stacks
            for role in stack.resources("aws_iam_role").values()
        }
        named = {
            (stack.account, str(user.get("role")))
            for stack in self.stacks
            for kind in ("aws_iam_role_policy", "aws_iam_role_policy_attachment")
            for user in stack.resources(kind).values()
        }
        return sorted(pair for pair in named - made if "${" not in pair[1])


def read_organisation(folder: Path) -> CompiledOrganisation:
    """The organisation in `generated/<name>`; KeyError or OSError where the tree is broken."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    stacks = [_stack(folder, entry) for entry in manifest["stacks"] if entry["cloud"] == "aws"]
    ordered = sorted(stacks, key=lambda stack: (stack.wave, stack.path))
    return CompiledOrganisation(manifest["organization"], tuple(ordered))


def read_organisations(root: Path) -> list[CompiledOrganisation]:
    """Every organisation below `generated/` that has stacks on AWS; empty when there is none."""
    found: Iterable[Path] = sorted(root.glob("*/manifest.json"))
    organisations = [read_organisation(manifest.parent) for manifest in found]
    return [organisation for organisation in organisations if organisation.stacks]


def _stack(root: Path, entry: Mapping[str, Any]) -> CompiledStack:
    folder = root / entry["path"]
    document = json.loads((folder / "main.tf.json").read_text(encoding="utf-8"))
    return CompiledStack(
        folder, entry["path"], entry["id"], entry["region"], entry["wave"], document
    )
