"""An independent judge of access: a public evaluator, and the policies as it wants them.

Nothing of the evaluator under test is used to gather the policies: they are read from the JSON.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler.data.iam import managed_policy

PACKAGE = "@cloud-copilot/iam-simulate@0.1.173"
SCRIPT = Path(__file__).with_name("judge.mjs")
_SYMBOL = re.compile(r"\$\{(aws_kms_key|aws_codeconnections_connection)\.(\w+)\.arn\}")


class UnavailableError(Exception):
    """The judge can't be installed here."""


def install(folder: Path) -> Path:
    """The package with its dependencies, in a folder of its own."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise UnavailableError("npm or node is not on PATH")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=180)
    except (subprocess.SubprocessError, OSError) as error:
        raise UnavailableError(f"npm can't install {PACKAGE}: {error}") from error
    return folder


class Judge:
    """A running judge: one simulation in, one answer out."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, simulation: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(simulation) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def running(folder: Path) -> Iterator[Judge]:
    node = shutil.which("node")
    assert node is not None
    process = subprocess.Popen(
        [node, str(SCRIPT), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
    )
    try:
        yield Judge(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


@dataclass
class Gathered:
    """The policies of an example by the ARN of their holder."""

    identity: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    boundary: dict[str, dict[str, Any]] = field(default_factory=dict)
    resource: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)


def symbol(stack: str, document: Mapping[str, Any], kind: str, name: str) -> str:
    """The ARN that stands for a key or a connection, whose id only AWS knows."""
    provider = document["provider"]["aws"][0]
    service = "kms" if kind == "aws_kms_key" else "codeconnections"
    path = "key" if kind == "aws_kms_key" else "connection"
    account = provider["allowed_account_ids"][0]
    return f"arn:aws:{service}:{provider['region']}:{account}:{path}/<{stack}/{kind}.{name}>"


def gather(documents: Mapping[str, Mapping[str, Any]]) -> Gathered:
    found = Gathered()
    for stack, document in documents.items():
        _Reader(stack, document, found).read()
    return found


@dataclass
class _Reader:
    stack: str
    document: Mapping[str, Any]
    found: Gathered

    def read(self) -> None:
        for name, role in self._all("aws_iam_role"):
            arn = f"arn:aws:iam::{self.account}:role/{role['name']}"
            self.found.resource[arn] = self._local(f"iam_role_{name}_assume_role_policy")
            if "permissions_boundary" in role:
                named = role["permissions_boundary"].split(".")[1]
                self.found.boundary[arn] = self._local(f"iam_policy_{named}")
        for name, attached in self._all("aws_iam_role_policy"):
            own = re.fullmatch(r"\$\{aws_iam_role\.(\w+)\.name\}", attached["role"])
            made = self.document["resource"].get("aws_iam_role", {})
            role_name = made[own[1]]["name"] if own else attached["role"]
            local = self._local(f"iam_role_policy_{name}")
            self.found.identity.setdefault((self.account, role_name), []).append(local)
        for _, attached in self._all("aws_iam_role_policy_attachment"):
            own = re.fullmatch(r"\$\{aws_iam_role\.(\w+)\.name\}", attached["role"])
            made = self.document["resource"].get("aws_iam_role", {})
            role_name = made[own[1]]["name"] if own else attached["role"]
            contents = managed_policy(attached["policy_arn"])
            assert contents is not None
            self.found.identity.setdefault((self.account, role_name), []).append(dict(contents))
        for name, bucket in self._all("aws_s3_bucket"):
            self.found.owners[bucket["bucket"]] = self.account
            if f"s3_bucket_policy_{name}" in self.document["locals"]:
                local = self._local(f"s3_bucket_policy_{name}")
                self.found.resource[f"arn:aws:s3:::{bucket['bucket']}"] = local
        for name, _ in self._all("aws_kms_key"):
            arn = symbol(self.stack, self.document, "aws_kms_key", name)
            self.found.resource[arn] = self._local(f"kms_key_{name}")
        for _, alias in self._all("aws_kms_alias"):
            named = alias["target_key_id"].split(".")[1]
            arn = symbol(self.stack, self.document, "aws_kms_key", named)
            self.found.aliases.setdefault(arn, []).append(alias["name"])
        for kind, service in (("sns_topic", "sns"), ("ecr_repository", "ecr")):
            for name, made in self._all(f"aws_{kind}"):
                place = f"{self.region}:{self.account}"
                path = "repository/" if service == "ecr" else ""
                if f"{kind}_policy_{name}" in self.document["locals"]:
                    arn = f"arn:aws:{service}:{place}:{path}{made['name']}"
                    self.found.resource[arn] = self._local(f"{kind}_policy_{name}")

        for name, group in self._all("aws_sagemaker_model_package_group"):
            local = f"sagemaker_model_package_group_policy_{name}_resource_policy"
            if local in self.document["locals"]:
                path = f"model-package-group/{group['model_package_group_name']}"
                arn = f"arn:aws:sagemaker:{self.region}:{self.account}:{path}"
                self.found.resource[arn] = self._local(local)
        for name, bus in self._all("aws_cloudwatch_event_bus"):
            local = f"cloudwatch_event_bus_policy_{name}"
            if local in self.document["locals"]:
                arn = f"arn:aws:events:{self.region}:{self.account}:event-bus/{bus['name']}"
                self.found.resource[arn] = self._local(local)

    @property
    def account(self) -> str:
        return str(self.document["provider"]["aws"][0]["allowed_account_ids"][0])

    @property
    def region(self) -> str:
        return str(self.document["provider"]["aws"][0]["region"])

    def _all(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        return list(self.document["resource"].get(kind, {}).items())

    def _local(self, name: str) -> dict[str, Any]:
        text = json.dumps(self.document["locals"][name])
        text = _SYMBOL.sub(lambda m: symbol(self.stack, self.document, m[1], m[2]), text)
        assert "${" not in text
        return dict(json.loads(text))


def holder(resource: str) -> str:
    """The ARN of what carries the policy for a resource."""
    if ":model-package/" in resource:
        return resource.replace(":model-package/", ":model-package-group/").rpartition("/")[0]
    return resource.partition("/")[0] if resource.startswith("arn:aws:s3:::") else resource


def simulation(
    found: Gathered,
    principal: str,
    action: str,
    resource: str,
    context: Mapping[str, str | tuple[str, ...]],
    organizations: Mapping[str, str],
) -> dict[str, Any]:
    """A request as the judge wants it, with the context keys that AWS itself would add."""
    parts = resource.split(":")
    caller = principal.split(":")[4] if principal.startswith("arn:") else ""
    owner = found.owners.get(parts[5].partition("/")[0], caller) if len(parts) > 5 else caller
    owner = parts[4] if len(parts) > 4 and parts[4] else owner
    implied: dict[str, Any] = {"aws:SecureTransport": "true", "aws:ResourceAccount": owner}
    if caller:
        implied |= {"aws:PrincipalArn": principal, "aws:PrincipalAccount": caller}
        if caller in organizations:
            implied["aws:PrincipalOrgID"] = organizations[caller]
    if resource in found.aliases:
        implied["kms:ResourceAliases"] = found.aliases[resource]
    whole = {
        "request": {
            "principal": principal,
            "action": action,
            "resource": {"resource": resource, "accountId": owner},
            "contextVariables": {**implied, **context},
        },
        "identityPolicies": [
            {"name": f"p{place}", "policy": policy}
            for place, policy in enumerate(
                found.identity.get((caller, principal.rsplit("/", 1)[-1]), [])
            )
        ],
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
    }
    policy = found.resource.get(holder(resource))
    if policy is not None and not action.lower().startswith("iam:"):
        whole["resourcePolicy"] = policy
    if principal in found.boundary:
        whole["permissionBoundaryPolicies"] = [
            {"name": "boundary", "policy": found.boundary[principal]}
        ]
    return whole
