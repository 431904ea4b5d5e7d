"""Compiled organisations on disk: `generated/<organisation>/manifest.json` and its AWS stacks.

Reads files, gives records; no effects. The manifest's format is in the reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.terraform.ledger import Edge, read_ledger


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
    def count(self) -> int:
        """How many managed resources there are as long as no variable is given."""
        found = self.document.get("resource", {}).values()
        return sum("count" not in body for named in found for body in named.values())

    @property
    def types(self) -> frozenset[str]:
        """The types of the managed resources."""
        return frozenset(self.document.get("resource", {}))


@dataclass(frozen=True, slots=True)
class CompiledOrganisation:
    """The AWS stacks of one organisation, in wave order, and the edges of its ledger."""

    name: str
    stacks: tuple[CompiledStack, ...]
    edges: tuple[Edge, ...] = ()

    @property
    def waves(self) -> list[list[CompiledStack]]:
        """The stacks by wave, ascending: those of one wave need no order among themselves."""
        numbers = sorted({stack.wave for stack in self.stacks})
        return [[stack for stack in self.stacks if stack.wave == wave] for wave in numbers]

    @property
    def existing_roles(self) -> list[tuple[str, str]]:
        """(account id, role name with its path) of the roles that the stacks use but do not create."""
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
        existing = (pair for pair in named - made if "${" not in pair[1])
        return sorted((account, self._with_path(account, name)) for account, name in existing)

    @property
    def existing_clusters(self) -> list[tuple[str, str, str]]:
        """(account id, region, cluster) of the EKS clusters with access entries that none makes."""
        made = {
            (stack.account, stack.region, cluster["name"])
            for stack in self.stacks
            for cluster in stack.resources("aws_eks_cluster").values()
        }
        named = {
            (stack.account, stack.region, str(entry["cluster_name"]))
            for stack in self.stacks
            for entry in stack.resources("aws_eks_access_entry").values()
        }
        return sorted(each for each in named - made if "${" not in each[2])

    @property
    def existing_buckets(self) -> list[tuple[str, str]]:
        """(account id, bucket) of the buckets that edges name but none of the stacks creates."""
        ids = {stack.path.split("/")[1]: stack.account for stack in self.stacks}
        made = {
            bucket.get("bucket")
            for stack in self.stacks
            for bucket in stack.resources("aws_s3_bucket").values()
        }
        named = {
            (ids[edge.account], edge.resource.split(":::")[1].split("/")[0])
            for edge in self.edges
            if ":s3:::" in edge.resource
        }
        return sorted(pair for pair in named if pair[1] not in made)

    def _with_path(self, account: str, name: str) -> str:
        """A role's name as the ledger's ARNs have it: `team/approver`."""
        principals = {edge.principal for edge in self.edges}
        known = (arn.split(":role/")[1] for arn in principals if f":{account}:role/" in arn)
        return next((path for path in known if path.rpartition("/")[2] == name), name)


def read_organisation(folder: Path) -> CompiledOrganisation:
    """The organisation in `generated/<name>`; KeyError or OSError where the tree is broken."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    stacks = [_stack(folder, entry) for entry in manifest["stacks"] if entry["cloud"] == "aws"]
    ordered = sorted(stacks, key=lambda stack: (stack.wave, stack.path))
    edges = tuple(read_ledger(folder))
    return CompiledOrganisation(manifest["organization"], tuple(ordered), edges)


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
