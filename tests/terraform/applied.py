"""An organisation as it stands in the simulated AWS, beside what its ledger says.

Pure: gives the policies read back, the attributes in Terraform's state, and the ledger's edges with
their patterns turned into the real things (a key's ARN is known only after the apply).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.terraform.conditions import like
from tests.terraform.generated import CompiledOrganisation
from tests.terraform.ledger import Edge, Evidence
from tests.terraform.policies import Account, Document, Role

State = Mapping[str, Mapping[str, Any]]

# Policies that name a thing of their own stack: its type and attribute, the policy's argument.
NAMED = {
    "aws_cloudwatch_event_bus_policy": ("aws_cloudwatch_event_bus", "name", "event_bus_name"),
    "aws_sagemaker_model_package_group_policy": (
        "aws_sagemaker_model_package_group",
        "model_package_group_name",
        "model_package_group_name",
    ),
}


def read_state(file: Path) -> State:
    """The attributes of each managed resource by address (`aws_kms_key.artifacts`)."""
    resources = json.loads(file.read_text(encoding="utf-8"))["resources"]
    return {
        f"{resource['type']}.{resource['name']}": resource["instances"][0]["attributes"]
        for resource in resources
        if resource["mode"] == "managed" and resource["instances"]
    }


@dataclass(frozen=True)
class Applied:
    """An applied organisation: `accounts` by id, `states` by stack path."""

    organisation: CompiledOrganisation
    accounts: Mapping[str, Account]
    states: Mapping[str, State]

    @cached_property
    def edges(self) -> list[Edge]:
        """The edges of the ledger."""
        return list(self.organisation.edges)

    @cached_property
    def ids(self) -> dict[str, str]:
        """The ids of the accounts by name."""
        return {stack.path.split("/")[1]: stack.account for stack in self.organisation.stacks}

    @cached_property
    def roles(self) -> dict[str, Role]:
        """Every role by ARN."""
        return {r.arn: r for account in self.accounts.values() for r in account.roles.values()}

    @cached_property
    def administrators(self) -> set[str]:
        """Roles with a managed policy of AWS: in their own account they may do almost all."""
        return {
            arn for arn, role in self.roles.items() if any(":policy/" in p for p in role.identity)
        }

    @cached_property
    def organization_id(self) -> str | None:
        """The organisation's id that the policies ask for; None when they ask for none."""
        texts = json.dumps([stack.document.get("locals", {}) for stack in self.organisation.stacks])
        found = set(_values(json.loads(texts), "aws:PrincipalOrgID"))
        assert len(found) <= 1, f"several organisations: {found}"
        return next(iter(found), None)

    def attributes(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """The attributes of every resource of a type."""
        for state in self.states.values():
            for address, found in state.items():
                if address.startswith(f"{kind}."):
                    yield found

    def owner(self, resource: str) -> str:
        """The id of the account that a thing lies in."""
        bucket = resource.split("/")[0]
        named = resource.split(":")[4]
        return named or next(id for id, a in self.accounts.items() if bucket in a.resources)

    def owner_of(self, edge: Edge) -> str:
        """The id of the account that an edge's resource lies in, also one that isn't ours."""
        return self.ids.get(edge.account, edge.account)

    def crosses(self, edge: Edge) -> bool:
        """Whether principal and resource lie in different accounts."""
        return edge.principal.split(":")[4] != self.owner_of(edge)

    def provided(self, edge: Edge) -> bool:
        """Whether the resource is AWS's own (a registry of built-in images): its policy is not ours."""
        return self.owner_of(edge) not in self.accounts

    def things(self, edge: Edge) -> list[str]:
        """The real resources of an edge; where none exists yet, a name that its pattern covers."""
        if ":key/" in edge.resource:
            return self.keys(edge)
        if edge.resource == "*":
            service = edge.actions[0].split(":")[0]
            partition = edge.principal.split(":")[1]
            return [f"arn:{partition}:{service}:{self.region(edge)}:{self.owner_of(edge)}:x"]
        if "*" not in edge.resource:
            return [edge.resource]
        real = [arn for arn in self._arns if like(arn, edge.resource)]
        return real or [edge.resource.replace("*", "x")]

    def keys(self, edge: Edge) -> list[str]:
        """The keys that an edge means by `key/*`: those whose policies it rests on."""
        on_keys = [s for s in edge.statements if s.side == "key"]
        return sorted({self.states[s.stack][s.address]["arn"] for s in on_keys})

    def region(self, edge: Edge) -> str:
        """The region of the stack that an edge's first statement is in."""
        path = edge.statements[0].stack
        return next(s.region for s in self.organisation.stacks if s.path == path)

    @cached_property
    def _arns(self) -> list[str]:
        states = self.states.values()
        found = {str(a["arn"]) for state in states for a in state.values() if a.get("arn")}
        return sorted(found - self.roles.keys())

    def covers(self, edge: Edge, action: str, resource: str) -> bool:
        """Whether the ledger's edge says yes to this action on this real resource."""
        named = any(like(action.lower(), pattern.lower()) for pattern in edge.actions)
        if not named or self.owner_of(edge) != self.owner(resource):
            return False
        if ":key/" in edge.resource:
            return resource in self.keys(edge)
        return like(resource, edge.resource)

    def statement(self, evidence: Evidence) -> dict[str, Any]:
        """The one statement, read back, that the ledger points at."""
        policy = self.policy(evidence)
        found = [s for s in policy["Statement"] if s.get("Sid") == evidence.sid]
        assert len(found) == 1, f"{len(found)} statements are {evidence}"
        return dict(found[0])

    def policy(self, evidence: Evidence) -> Document:
        """The policy that stands in AWS for an address of a stack."""
        home = next(s.account for s in self.organisation.stacks if s.path == evidence.stack)
        account, kind = self.accounts[home], evidence.address.split(".")[0]
        given = self.states[evidence.stack][evidence.address]
        if evidence.side == "identity":
            return account.roles[given["role"]].identity[given["name"]]
        if evidence.side == "trust":
            return account.roles[given["name"]].trust
        if evidence.side == "key":
            return account.keys[given["arn"]].policy
        if kind in NAMED:
            return account.resources[self._named(evidence, kind, given)]
        return account.resources[self._policed(kind, given)]

    def _named(self, evidence: Evidence, kind: str, given: Mapping[str, Any]) -> str:
        """The ARN of the thing in the same stack that a policy resource names."""
        thing, attribute, argument = NAMED[kind]
        return next(
            str(made["arn"])
            for address, made in self.states[evidence.stack].items()
            if address.startswith(f"{thing}.") and made[attribute] == given[argument]
        )

    def _policed(self, kind: str, given: Mapping[str, Any]) -> str:
        """The ARN of the thing that a policy resource is attached to."""
        if kind == "aws_s3_bucket_policy":
            return next(
                a["arn"] for a in self.attributes("aws_s3_bucket") if a["bucket"] == given["bucket"]
            )
        if kind == "aws_ecr_repository_policy":
            repositories = self.attributes("aws_ecr_repository")
            return next(
                a["arn"]
                for a in repositories
                if (a["name"], a["registry_id"]) == (given["repository"], given["registry_id"])
            )
        raise NotImplementedError(kind)


def _values(value: Any, key: str) -> Iterator[str]:
    """The texts that stand under a key, anywhere in a JSON value."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == key:
                yield from item if isinstance(item, list) else [item]
            else:
                yield from _values(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, key)
