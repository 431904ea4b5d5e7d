"""Blueprints of `model-serving` in many shapes, compiled once each, and their documents.

A variant is a name and what it changes in one blueprint: keys of the component under `serve`, and
`top` for the whole.
"""

from __future__ import annotations

import copy
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from compiler.access.ledger import ledger
from compiler.compilation import Compilation, compile_blueprints
from compiler.terraform.stack import Stack

EXAMPLE = Path(__file__).parents[2] / "blueprints" / "model-serving.yaml"
SUBNETS = {"vpc_id": "vpc-0abc1234", "subnet_ids": ["subnet-0abc1234", "subnet-0abc1235"]}
LONG = "a-name-of-as-many-as-31-charact"
BASE: dict[str, Any] = {
    "landform": 1,
    "organization": {"name": "acme", "aws": {"id": "o-abc123defg"}},
    "defaults": {"aws": {"region": "eu-west-1"}},
    "accounts": {
        "shared": {"id": "111111111111"},
        "production": {"id": "333333333333"},
        "delivery": {"id": "555555555555"},
    },
    "components": {
        "models": {
            "kind": "model-hub",
            "account": "shared",
            "groups": {
                "churn": {"artifacts": "churn/", "repository": "churn-serving"},
                "vision": {"artifacts": "vision/", "repository": "team/vision"},
            },
        },
        "serve": {
            "kind": "model-serving",
            "account": "production",
            "name": "serve",
            "version": "1.35",
            "network": SUBNETS,
            "pools": {
                "system": {"instance": "m7i.large", "min": 2, "max": 4},
                "gpu": {"instance": "g6.xlarge", "min": 0, "max": 8},
            },
            "workloads": {
                "churn": {
                    "namespace": "churn",
                    "service_account": "server",
                    "reads": {"hub": "models", "group": "churn"},
                    "image": "churn-serving",
                    "replicas": 2,
                    "gpu": 0,
                }
            },
            "access": [
                {"role": "platform-admin", "level": "admin"},
                {"role": "ml-deployer", "level": "edit", "namespaces": ["churn"]},
            ],
        },
    },
}

# What the first is made of. The blueprint of the repository is a variant too.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "contract": {},
    "example": {},
    "created": {"network": {"create": {"cidr": "10.20.0.0/16", "zones": 2, "nat": "one"}}},
    "closed": {
        "network": {"create": {"cidr": "10.20.0.0/20", "nat": "none"}},
        "pools": {
            "arm": {"instance": "m7g.large", "min": 2, "max": 4, "os": "bottlerocket"},
            "gpu": {"instance": "g5g.xlarge", "max": 2, "desired": 1, "os": "bottlerocket"},
        },
        "workloads": {
            "on": {
                "image": "ghcr.io/acme/server:1.2",
                "gpu": 1,
                "replicas": 1,
                "max_replicas": 1,
                "env": {"MODE": 'yes, "100%" ${HOME} \u00a0\U0001f600', "EMPTY": ""},
                "callers": ["10.0.0.0/8", "checkout"],
            },
            "arm-only": {"image": "ghcr.io/acme/other", "tag": "3", "pool": "arm"},
        },
    },
    "open": {
        "api": {"public_from": ["203.0.113.0/24"], "private_from": ["10.8.0.0/16", "10.9.0.0/16"]},
        "network": {
            "create": {
                "cidr": "10.20.0.0/18",
                "zones": ["eu-west-1a", "eu-west-1c"],
                "endpoints": True,
                "flow_logs": False,
            }
        },
        "addons": {
            "aws-ebs-csi-driver": {},
            "amazon-cloudwatch-observability": {},
            "vpc-cni": {"version": "v1.20.4-eksbuild.1"},
        },
        "support": "extended",
        "version": "1.33",
        "zonal_shift": True,
    },
    "people": {
        "access": [
            {"role": "platform-admin", "level": "admin"},
            {"role": "team/viewer", "level": "view"},
            {"role": "7-of-9", "level": "view"},
            {"role": "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_01", "level": "admin"},
            {
                "role": "ops",
                "account": "delivery",
                "level": "admin",
                "namespaces": ["churn", "kube-system"],
            },
            {"role": "ci/deployer", "account": "delivery", "level": "edit", "assume": "deploy"},
        ],
    },
    "one-account": {"account": "shared"},
    "created-by": {"created_by": "ci/terraform"},
    "others-image": {
        "workloads": {
            "churn": {
                "reads": {"hub": "models", "group": "churn"},
                "image": "team/vision",
                "digest": "sha256:" + "0123456789abcdef" * 4,
            },
            "second": {
                "namespace": "churn",
                "service_account": "second",
                "reads": {"hub": "models", "group": "vision", "path": "teams/v7/"},
                "image": "team/vision",
                "tag": "2.0",
            },
        }
    },
    "govcloud": {
        "top": {
            "organization": {"name": "acme", "aws": {"partition": "aws-us-gov"}},
            "defaults": {"aws": {"region": "us-gov-west-1"}},
        },
        "network": {"create": {"cidr": "10.20.0.0/16", "zones": 3}},
    },
    "china": {
        "top": {
            "organization": {"name": "acme", "aws": {"partition": "aws-cn"}},
            "defaults": {"aws": {"region": "cn-north-1"}},
        },
        "network": {"create": {"cidr": "10.20.0.0/16", "zones": 2}},
    },
    "long": {
        "name": None,
        "component": LONG,
        "top": {"organization": {"name": "an-organization-of-31-character"}},
        "pools": {LONG: {"instance": "c7i.xlarge", "min": 1, "max": 1}},
        "workloads": {
            LONG: {"reads": {"hub": "models", "group": "vision"}, "image": "team/vision"},
            "node": {"image": "acme.example:5000/x", "tag": "1", "gpu": 0},
            "a--b": {"image": "acme.example:5000/x@sha256:" + "a" * 64},
        },
        "access": [{"role": "A_Role+with=odd,signs.@-and-path", "level": "admin"}],
    },
    "each": {"account": None, "for_each": {"accounts": ["delivery", "production"]}},
    "deploy-role": {"top": {"deploy": {"aws": {"role": "landform-deploy"}}}},
    "bare": {"workloads": None, "api": {}, "log_retention_days": 1, "name": None},
}


@dataclass(frozen=True)
class Serving:
    """A compiled variant: `component` is the cluster's, `account` its account's name."""

    blueprint: Mapping[str, Any]
    compilation: Compilation
    component: str

    @property
    def given(self) -> Mapping[str, Any]:
        """The component's inputs."""
        found: Mapping[str, Any] = self.blueprint["components"][self.component]
        return found

    @property
    def workloads(self) -> Mapping[str, Any]:
        """The workloads of the blueprint."""
        return self.given.get("workloads") or {}

    @property
    def account(self) -> str:
        """The cluster's account; of several the first."""
        found = self.given.get("account") or self.given["for_each"]["accounts"][0]
        return str(found)

    def id(self, account: str) -> str:
        """An account's id."""
        return str(self.blueprint["accounts"][account]["id"])

    @property
    def partition(self) -> str:
        """The AWS partition."""
        return str(self.blueprint["organization"].get("aws", {}).get("partition", "aws"))

    @property
    def region(self) -> str:
        """The region of everything."""
        return str(self.blueprint["defaults"]["aws"]["region"])

    @property
    def cluster_name(self) -> str:
        """The cluster's name, by the documented rule."""
        plain = f"{self.blueprint['organization']['name']}-{self.component}"
        return str(self.given.get("name") or plain)

    @property
    def cluster_arn(self) -> str:
        """The cluster's ARN, built anew."""
        account = self.id(self.account)
        return f"arn:{self.partition}:eks:{self.region}:{account}:cluster/{self.cluster_name}"

    @property
    def stack(self) -> Stack:
        """The cluster's stack."""
        path = f"aws/{self.account}/{self.component}"
        (found,) = [s for s in self.compilation.blueprints[0].stacks if s.path == path]
        return found

    def document(self, path: str | None = None) -> dict[str, Any]:
        """The document of a stack, by default the cluster's."""
        found: Any = self.compilation.blueprints[0].documents[path or self.stack.path]
        return dict(found)

    def all(self, type_: str, path: str | None = None) -> dict[str, dict[str, Any]]:
        """The resources of a type by name, as they are written."""
        return dict(self.document(path)["resource"].get(type_, {}))

    def policy(self, text: str, path: str | None = None) -> dict[str, Any]:
        """The document behind an argument with a policy."""
        local = re.fullmatch(r"\$\{jsonencode\(local\.(\w+)\)\}", text)
        assert local, text
        found: dict[str, Any] = self.document(path)["locals"][local[1]]
        return found

    def trust(self, name: str) -> list[dict[str, Any]]:
        """The statements of a role's trust policy."""
        policy = self.policy(self.all("aws_iam_role")[name]["assume_role_policy"])
        return list(policy["Statement"])

    def attached(self, role: str) -> set[str]:
        """The names of AWS's policies on a role."""
        return {
            body["policy_arn"].rpartition("/")[2]
            for body in self.all("aws_iam_role_policy_attachment").values()
            if body["role"] == f"${{aws_iam_role.{role}.name}}"
        }

    def outputs(self) -> dict[str, Any]:
        """The outputs' values."""
        return {name: body["value"] for name, body in self.document()["output"].items()}

    def edges(self) -> list[dict[str, Any]]:
        """The ledger."""
        found: Any = ledger(self.compilation.blueprints[0].edges)["edges"]
        return list(found)

    def files(self) -> dict[str, bytes]:
        """The manifests by their file's name."""
        prefix = "assets/manifests/"
        return {
            asset.path.removeprefix(prefix): asset.content
            for asset in self.stack.assets
            if asset.path.startswith(prefix)
        }

    def manifests(self) -> dict[str, dict[str, Any]]:
        """The manifests, read."""
        return {name: copy.deepcopy(_read(content)) for name, content in self.files().items()}

    def objects(self, kind: str) -> dict[str, dict[str, Any]]:
        """The Kubernetes objects of a kind, by namespace and name."""
        return {
            f"{body['metadata'].get('namespace', '')}/{body['metadata']['name']}": body
            for body in self.manifests().values()
            if body["kind"] == kind
        }


@cache
def _read(content: bytes) -> dict[str, Any]:
    """A manifest: tests read the same many times."""
    found: dict[str, Any] = yaml.safe_load(content)
    return found


def blueprint(**changes: Any) -> dict[str, Any]:
    """The blueprint with changes of the cluster; None takes a key away."""
    changes = dict(changes)
    top, name = changes.pop("top", {}), changes.pop("component", "serve")
    serve = {**BASE["components"]["serve"], **changes}
    components = {
        "models": BASE["components"]["models"],
        name: {key: value for key, value in serve.items() if value is not None},
    }
    return {**BASE, "components": components, **top}


def compiled(value: Mapping[str, Any]) -> Compilation:
    """A blueprint, compiled."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(yaml.safe_dump(dict(value), allow_unicode=True), encoding="utf-8")
        return compile_blueprints(path)


@cache
def serving(name: str) -> Serving:
    """A variant, which must have no problems."""
    changes = VARIANTS[name]
    value = blueprint(**changes)
    if name == "example":
        value = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    found = compiled(value)
    assert not found.diagnostics, [d.message for d in found.diagnostics]
    return Serving(value, found, changes.get("component", "serve"))


def problems(**changes: Any) -> Iterator[tuple[str, str]]:
    """The codes and messages of a blueprint with changes."""
    for diagnostic in compiled(blueprint(**changes)).diagnostics:
        yield diagnostic.code, diagnostic.message


def addresses(value: Any) -> set[str]:
    """The resources that a value refers to."""
    return set(re.findall(r"\$\{(aws_\w+\.\w+)", json.dumps(value)))
