"""Blueprints with model hubs in many shapes, compiled once each, their names built anew.

Names, ARNs and sets of accounts come from the blueprint by the documented rules, not from the
compiler: the tests compare the two.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from compiler.access.ledger import ledger
from compiler.compilation import Compiled, compile_blueprints
from tests.kinds.documents import Module, accounts_of
from tests.terraform.policies import Account

ORG = "o-abc123defg"
ACCOUNTS: Mapping[str, Any] = {
    "models": {"id": "111111111111"},
    "lab": {"id": "222222222222"},
    "shop": {"id": "333333333333", "unit": "prod"},
    "payments": {"id": "444444444444", "unit": "prod"},
    "prod-1": {"id": "555555555555"},
    "prod1": {"id": "666666666666"},
    "a-b": {"id": "777777777777"},
    "b": {"id": "888888888888"},
    "web": {"id": "999999999999"},
}
CHURN: Mapping[str, Any] = {"artifacts": "churn/", "repository": "churn-serving"}
FRAUD: Mapping[str, Any] = {"image": {"builtin": "xgboost", "version": "1.7-1"}}
ENDPOINT: Mapping[str, Any] = {"name": "churn", "instance": "ml.m6i.xlarge", "min": 2, "max": 6}
ON_APPROVAL: Mapping[str, Any] = {"group": "churn", "to": ["shop"], "endpoint": ENDPOINT}
PINNED: Mapping[str, Any] = {
    "group": "fraud",
    "to": ["payments"],
    "endpoint": {"name": "Fraud-live", "instance": "ml.m6i.large"},
    "promote": {"pinned": 7},
}
HUB: Mapping[str, Any] = {
    "kind": "model-hub",
    "account": "models",
    "groups": {"churn": CHURN, "fraud": FRAUD},
    "deployments": [ON_APPROVAL],
}
NETWORK = {"subnet_ids": ["subnet-0123abcd"], "security_group_ids": ["sg-0123abcd"]}


def many(count: int) -> dict[str, Any]:
    """So many accounts more."""
    return {f"target-{n:02d}": {"id": f"{n + 1:02d}0000000000"} for n in range(20, 20 + count)}


# What each variant changes: `hub` and `other` are keys of the components models and other,
# the rest of the organisation.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "one": {},
    "unit": {"hub": {"deployments": [{**ON_APPROVAL, "to": {"unit": "prod"}}]}},
    "pinned": {"hub": {"deployments": [{**PINNED, "to": ["shop", "payments"]}]}},
    "pinned-ambient": {"hub": {"deployments": [PINNED]}, "deploy": None},
    "pinned-by": {
        "hub": {
            "deployments": [
                {**PINNED, "promote": {"pinned": 12, "by": "ci/terraform"}},
                {**PINNED, "endpoint": {"name": "two", "instance": "ml.m6i.large", "max": 3}},
            ]
        }
    },
    "mixed": {
        "hub": {
            "deployments": [
                {**ON_APPROVAL, "to": ["shop", "payments", "models"]},
                {**PINNED, "to": ["payments", "models"]},
            ],
            "alerts": {"notify": ["ops@acme.example"]},
        }
    },
    "central": {
        "hub": {
            "deployments": [
                {
                    **ON_APPROVAL,
                    "to": "models",
                    "invoke_by": [{"account": "web", "role": "checkout-api"}, "batch"],
                }
            ],
            "alerts": {"notify": ["ops@acme.example"]},
        }
    },
    "people": {
        "hub": {
            "register_from": [
                "lab",
                {"account": "lab", "role": "team/trainer"},
                {"account": ["shop", "web"], "role": "Trainer", "groups": ["churn"]},
            ],
            "approve_by": ["ml-lead", {"role": "team/ml_lead"}],
            "deployments": [
                {
                    **ON_APPROVAL,
                    "to": ["shop", "payments"],
                    "invoke_by": [
                        {"account": "web", "role": "team/checkout-api"},
                        {"account": "shop", "role": "checkout-api"},
                        "local",
                    ],
                },
                {**PINNED, "invoke_by": [{"account": "web", "role": "team/checkout-api"}]},
            ],
        }
    },
    "without-org": {
        "org": None,
        "hub": {
            "register_from": [{"account": "lab", "role": "trainer"}],
            "deployments": [
                {**ON_APPROVAL, "invoke_by": [{"account": "web", "role": "api"}]},
                PINNED,
            ],
        },
    },
    "sydney": {"region": "ap-southeast-2", "hub": {"deployments": [ON_APPROVAL, PINNED]}},
    "govcloud": {
        "partition": "aws-us-gov",
        "region": "us-gov-west-1",
        "hub": {"deployments": [ON_APPROVAL, PINNED]},
    },
    "china": {
        "partition": "aws-cn",
        "region": "cn-north-1",
        "hub": {"deployments": [ON_APPROVAL, PINNED]},
    },
    "two-hubs": {
        "hub": {"deployments": [{**ON_APPROVAL, "to": ["shop", "payments"]}]},
        "other": {
            "groups": {"churn": {"repository": "other/churn"}},
            "deployments": [
                {**ON_APPROVAL, "to": ["shop"], "endpoint": {**ENDPOINT, "name": "churn-two"}}
            ],
        },
    },
    "alike": {
        "hub": {
            "deployments": [
                {**ON_APPROVAL, "to": ["prod-1", "prod1", "b"]},
                {**ON_APPROVAL, "to": ["a-b"]},
                {**ON_APPROVAL, "to": ["b"], "endpoint": {**ENDPOINT, "name": "churn-a"}},
            ]
        }
    },
    "gpu": {
        "hub": {
            "deployments": [
                {**ON_APPROVAL, "endpoint": {**ENDPOINT, "instance": "ml.g5.xlarge"}},
                {**PINNED, "endpoint": {"name": "fraud", "instance": "ml.g5.xlarge", "max": 2}},
            ]
        }
    },
    "network": {
        "hub": {
            "deployments": [
                {
                    **deployment,
                    "endpoint": {
                        **deployment["endpoint"],
                        "network": NETWORK,
                        "capture": {"percentage": 20, "s3_uri": f"s3://acme-capture/{name}"},
                    },
                }
                for name, deployment in (("churn", ON_APPROVAL), ("fraud", PINNED))
            ]
        }
    },
    "repositories": {
        "hub": {
            "groups": {
                "churn": {"repository": {"name": "serving", "existing": True}},
                "churn-2": {"repository": {"name": "serving", "existing": True}},
                "fraud": {"repository": "serving/fraud", "image": FRAUD["image"]},
                "idle": {},
            },
            "deployments": [ON_APPROVAL, PINNED],
        }
    },
    "fifty": {
        "accounts": many(50),
        "hub": {"deployments": [{**ON_APPROVAL, "to": sorted(many(50))}]},
    },
}


def blueprint(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The whole blueprint of a variant."""
    aws = {"id": changes.get("org", ORG), "partition": changes.get("partition", "aws")}
    components = {"models": {**HUB, **changes.get("hub", {})}}
    if "other" in changes:
        components["other"] = {**HUB, **changes["other"]}
    value = {
        "landform": 1,
        "organization": {"name": "acme", "aws": {k: v for k, v in aws.items() if v}},
        "defaults": {
            "aws": {"region": changes.get("region", "eu-west-1")},
            "tags": {"owner": "ml-platform"},
        },
        "units": {"prod": {}},
        "accounts": {**ACCOUNTS, **changes.get("accounts", {})},
        "deploy": changes.get("deploy", {"aws": {"role": "landform-deploy"}}),
        "components": components,
    }
    return {key: item for key, item in value.items() if item is not None}


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of one account, as the blueprint has it."""

    hubs: Hubs
    component: str
    account: str
    given: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.given["endpoint"]["name"])

    @property
    def pinned(self) -> int | None:
        promote = self.given.get("promote", "on-approval")
        return None if promote == "on-approval" else int(promote["pinned"])

    def _role(self, part: str) -> str:
        start = f"acme-{self.component}-{part}-{self.name.lower()}"
        here = self.hubs.id(self.account)
        arns = [a for a in self.hubs.roles() if a.split(":")[4] == here]
        # Where two labels would read alike, a hash follows.
        (found,) = [a for a in arns if a.endswith(f"/{start}") or self._hashed(a, start)]
        return found

    def _hashed(self, arn: str, start: str) -> bool:
        before, _, digest = arn.rpartition("/")[2].rpartition("-")
        return before == start and len(digest) == 8

    @property
    def execution(self) -> str:
        return self._role("execution")

    @property
    def deployer(self) -> str:
        return self._role("deployer")

    @property
    def invoker(self) -> str:
        return self._role("invoker")

    @property
    def maker(self) -> str:
        """Who makes models of the hub's versions: the function, or Terraform's role."""
        if self.pinned is None:
            return self.deployer
        default = "OrganizationAccountAccessRole"
        role = self.hubs.blueprint.get("deploy", {}).get("aws", {}).get("role", default)
        return self.hubs.role(self.account, self.given["promote"].get("by", role))

    @property
    def arn(self) -> str:
        return self.hubs.arn(self.account, "sagemaker", f"endpoint/{self.name.lower()}")

    @property
    def group(self) -> str:
        return self.hubs.group(self.component, self.given["group"])

    @property
    def packages(self) -> str:
        return self.group.replace("-group/", "/")

    @property
    def settings(self) -> Mapping[str, Any]:
        """The group's inputs."""
        found: Mapping[str, Any] = self.hubs.component(self.component)["groups"][
            self.given["group"]
        ]
        return found

    @property
    def prefix(self) -> str:
        return str(self.settings.get("artifacts", f"{self.given['group']}/"))

    @property
    def repository(self) -> str | None:
        """The ARN of the hub's repository."""
        given = self.settings.get("repository")
        name = given["name"] if isinstance(given, dict) else given
        return self.hubs.arn("models", "ecr", f"repository/{name}") if name else None

    @property
    def callers(self) -> list[str]:
        """The ARNs of the roles that may call it."""
        found = []
        for given in self.given.get("invoke_by", []):
            role = given if isinstance(given, str) else given["role"]
            account = self.account if isinstance(given, str) else given.get("account", self.account)
            found.append(self.hubs.role(account, role))
        return found

    @property
    def module(self) -> Module:
        return self.hubs.modules[f"aws/{self.account}/{self.component}"]


@dataclass(frozen=True)
class Hubs:
    """One compiled variant."""

    name: str
    blueprint: Mapping[str, Any]
    compiled: Compiled

    @property
    def organization(self) -> str | None:
        found: str | None = self.blueprint["organization"]["aws"].get("id")
        return found

    @property
    def partition(self) -> str:
        return str(self.blueprint["organization"]["aws"]["partition"])

    @property
    def region(self) -> str:
        return str(self.blueprint["defaults"]["aws"]["region"])

    @property
    def suffix(self) -> str:
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    @property
    def components(self) -> list[str]:
        return list(self.blueprint["components"])

    def component(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.blueprint["components"][name]
        return found

    def id(self, account: str) -> str:
        return str(self.blueprint["accounts"][account]["id"])

    def arn(self, account: str, service: str, resource: str, *, region: bool = True) -> str:
        where = self.region if region else ""
        return f"arn:{self.partition}:{service}:{where}:{self.id(account)}:{resource}"

    def role(self, account: str, name: str) -> str:
        return self.arn(account, "iam", f"role/{name}", region=False)

    def group(self, component: str, name: str) -> str:
        return self.arn("models", "sagemaker", f"model-package-group/acme-{component}-{name}")

    def bucket(self, component: str) -> str:
        return f"arn:{self.partition}:s3:::acme-{component}-artifacts-{self.id('models')}"

    def key(self, component: str) -> str:
        keys = self.accounts[self.id("models")].keys.values()
        (found,) = [k.arn for k in keys if f"alias/acme-{component}-artifacts" in k.aliases]
        return found

    @cached_property
    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(self, component, account, deployment)
            for component in self.components
            for deployment in self.component(component)["deployments"]
            for account in self._accounts(deployment["to"])
        ]

    def _accounts(self, to: Any) -> list[str]:
        if isinstance(to, str):
            return [to]
        if isinstance(to, dict):
            return [n for n, a in self.blueprint["accounts"].items() if a.get("unit") == to["unit"]]
        return list(to)

    def registrars(self) -> Iterator[tuple[str, str, str]]:
        """(role ARN, component, group) of each role that registers: named, or the hub's own there."""
        for component in self.components:
            groups = self.component(component)["groups"]
            for given in self.component(component).get("register_from", []):
                entry = given if isinstance(given, dict) else {"account": given}
                role = entry.get("role", f"acme-{component}-register")
                for account in self._accounts(entry["account"]):
                    for group in entry.get("groups", groups):
                        yield self.role(account, role), component, group

    def approvers(self, component: str) -> list[str]:
        found = self.component(component).get("approve_by", [])
        names = [each if isinstance(each, str) else each["role"] for each in found]
        return [self.role("models", name) for name in names]

    @cached_property
    def modules(self) -> dict[str, Module]:
        return {
            stack.path: Module(
                stack.path,
                stack.account_id,
                stack.region,
                self.partition,
                self.compiled.documents[stack.path],
                {asset.path: asset.content for asset in stack.assets},
            )
            for stack in self.compiled.stacks
        }

    def hub_module(self, component: str) -> Module:
        return self.modules[f"aws/models/{component}"]

    @cached_property
    def edges(self) -> list[dict[str, Any]]:
        found: Any = ledger(self.compiled.edges)["edges"]
        return list(found)

    @cached_property
    def accounts(self) -> dict[str, Account]:
        return accounts_of(self.modules.values(), {e["principal"]["arn"] for e in self.edges})

    def roles(self) -> dict[str, Any]:
        return {r.arn: r for account in self.accounts.values() for r in account.roles.values()}

    def identity(self, role: str) -> list[dict[str, Any]]:
        """The statements of a role's identity policies."""
        policies = self.roles()[role].identity.values()
        return [statement for policy in policies for statement in policy["Statement"]]

    def statements(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Every statement with where it stands and its side."""
        for module in self.modules.values():
            for (address, side), policy in module.policies().items():
                for statement in policy["Statement"]:
                    yield f"{module.path} {address}", side, statement


@cache
def hubs(name: str) -> Hubs:
    """A variant, compiled."""
    return compiled(blueprint(VARIANTS[name]), name)


def compiled(value: Mapping[str, Any], name: str = "") -> Hubs:
    """A blueprint with hubs, which must be free of problems."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(yaml.safe_dump(value, sort_keys=False))
        compilation = compile_blueprints(path)
    assert not compilation.diagnostics, "\n".join(map(str, compilation.diagnostics))
    return Hubs(name, value, compilation.blueprints[0])
