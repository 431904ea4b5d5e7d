"""Blueprints of `model-catalog` in many shapes, compiled once each and read back.

A variant says what it changes in one blueprint; `catalog(name)` compiles it. Names, ARNs and the sets
of accounts come from the blueprint by the documented rules, not from the compiler.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from compiler.access.ledger import ledger
from compiler.compilation import Compilation, Compiled, compile_blueprints
from compiler.diagnostics import Diagnostic

ORG = "o-abc123defg"
HUB = "111111111111"
NOTEBOOK = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  InstanceType: {Type: String, Default: ml.t3.medium}
Resources:
  Notebook:
    Type: AWS::SageMaker::NotebookInstance
    Properties:
      InstanceType: !Ref InstanceType
      RoleArn: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/acme-catalog-notebook-run"
"""
GROUP = json.dumps(
    {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Group": {
                "Type": "AWS::SageMaker::ModelPackageGroup",
                "Properties": {"ModelPackageGroupName": "research"},
            }
        },
    }
)
FILES = {"templates/notebook.yaml": NOTEBOOK, "group.json": GROUP}
UNITS: Mapping[str, Any] = {
    "platform": {},
    "workloads/dev": {"aws": {"ou": "ou-ab12-11111111"}},
    "workloads/prod": {"aws": {"ou": "ou-ab12-22222222"}},
}
ACCOUNTS: Mapping[str, Any] = {
    "management": {"id": "100000000001"},
    "shared": {"id": HUB, "unit": "platform"},
    "dev": {"id": "222222222222", "unit": "workloads/dev"},
    "dev-us": {"id": "333333333333", "unit": "workloads/dev"},
    "prod": {"id": "444444444444", "unit": "workloads/prod"},
}
MODEL: Mapping[str, Any] = {
    "from": {"hub": "models", "group": "churn"},
    "versions": [{"name": "v1", "deprecated": True, "package": 3}, {"name": "v2"}],
    "parameters": {"instance": ["ml.m6i.large", "ml.m6i.xlarge"], "max_instances": 4},
}
TEAM: Mapping[str, Any] = {
    "template": "templates/notebook.yaml",
    "versions": [{"name": "v1"}],
    "parameters": {"instance": ["ml.t3.medium"]},
    "permissions": [
        {
            "actions": ["sagemaker:CreateNotebookInstance", "sagemaker:DeleteNotebookInstance"],
            "resources": ["sagemaker:notebook-instance/research-*"],
        }
    ],
}
BARE: Mapping[str, Any] = {
    "template": "group.json",
    "versions": [{"name": "v1"}],
    "permissions": [
        {
            "actions": ["sagemaker:CreateModelPackageGroup"],
            "resources": ["sagemaker:model-package-group/research"],
        }
    ],
}
COMPONENT: Mapping[str, Any] = {
    "kind": "model-catalog",
    "account": "shared",
    "management_account": "management",
    "portfolio": {"name": "Approved models", "provider": "ML Platform"},
    "share_to": {"unit": "workloads/*"},
    "launch_role": "model-launch",
    "audience": [{"role": "team/data-scientist"}, "analyst"],
    "products": {"churn-endpoint": MODEL, "notebook": TEAM},
    "tag_options": {"cost-center": ["research", "sales"]},
    "budget": {"monthly_usd": 500},
}
HUB_COMPONENT: Mapping[str, Any] = {
    "kind": "model-hub",
    "account": "shared",
    "groups": {
        "churn": {"repository": "churn-serving"},
        "fraud": {"image": {"builtin": "xgboost", "version": "1.7-1"}},
    },
}
FIFTY = {
    f"spoke-{n}": {"id": f"{500000000000 + n}", "unit": f"workloads/u{n % 7}"} for n in range(50)
}

# `catalog` changes the component, the other keys the blueprint.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "units": {},
    "without-organization-id": {"org": None},
    "without-management": {"catalog": {"management_account": None}},
    "management-is-hub": {"catalog": {"management_account": "shared"}},
    "without-ous": {"units": {"platform": {}, "workloads/dev": {}, "workloads/prod": {}}},
    "part-of-a-unit": {"catalog": {"share_to": {"unit": "workloads/*", "except": "dev-us"}}},
    "units-within-units": {
        "units": {
            "platform": {},
            "workloads": {"aws": {"ou": "ou-ab12-00000000"}},
            "workloads/dev": {"aws": {"ou": "ou-ab12-11111111"}},
            "workloads/dev/lab": {},
            "workloads/prod": {},
        },
        "accounts": {
            **ACCOUNTS,
            "dev-us": {"id": "333333333333", "unit": "workloads/dev/lab"},
            "outer": {"id": "555555555555", "unit": "workloads"},
        },
        "catalog": {"share_to": {"unit": "workloads/**"}},
    },
    "an-inner-unit-not": {
        "units": {
            "platform": {},
            "workloads": {"aws": {"ou": "ou-ab12-00000000"}},
            "workloads/dev": {},
        },
        "accounts": {
            "management": ACCOUNTS["management"],
            "shared": ACCOUNTS["shared"],
            "outer": {"id": "555555555555", "unit": "workloads"},
            "inner": {"id": "666666666666", "unit": "workloads/dev"},
        },
        "catalog": {"share_to": ["outer"]},
    },
    "whole-organization": {
        "units": {"all": {"aws": {"ou": "r-ab12"}}},
        "accounts": {name: {**given, "unit": "all"} for name, given in ACCOUNTS.items()},
        "catalog": {"share_to": "**"},
    },
    "hub-launches": {"catalog": {"share_to": ["dev", "shared"]}},
    "audience-in-hub": {"catalog": {"audience": [{"role": "curator", "account": "shared"}, "lab"]}},
    "audience-of-one-account": {
        "catalog": {"audience": ["analyst", {"role": "lab", "account": "dev"}]},
    },
    "audience-of-one-account-only": {
        "catalog": {"audience": [{"role": "lab", "account": "dev-us"}]},
    },
    "audience-everywhere-and-in-one-account": {
        "catalog": {"audience": ["lab", {"role": "lab", "account": "dev"}]},
    },
    "audience-twice": {
        "catalog": {
            "share_to": ["dev", "shared"],
            "audience": ["lab", {"role": "lab", "account": "shared"}],
        }
    },
    "one-account": {
        "catalog": {"share_to": "shared", "management_account": None, "budget": None},
        "org": None,
    },
    "models-only": {
        "catalog": {
            "products": {
                "churn-endpoint": MODEL,
                "fraud": {**MODEL, "from": {"hub": "models", "group": "fraud"}},
            },
            "launch_role": None,
        }
    },
    "any-instances": {
        "catalog": {
            "products": {
                "churn-endpoint": {**MODEL, "parameters": {}},
                "fraud": {
                    **MODEL,
                    "from": {"hub": "models", "group": "fraud"},
                    "parameters": {"max_instances": 3},
                },
            }
        }
    },
    "templates-only": {"catalog": {"products": {"notebook": TEAM}}},
    "a-template-reads": {
        "catalog": {
            "products": {
                "churn-endpoint": MODEL,
                "notebook": {**TEAM, "reads": [{"hub": "models", "group": "fraud"}]},
            }
        }
    },
    "one-role-for-models": {
        "catalog": {
            "products": {
                "churn-endpoint": {**MODEL, "runs_as": "scoring"},
                "fraud": {
                    **MODEL,
                    "from": {"hub": "models", "group": "fraud"},
                    "runs_as": "scoring",
                },
                "notebook": TEAM,
            }
        }
    },
    "nothing-passed": {"catalog": {"products": {"group": BARE}, "tag_options": {}}},
    "fifty": {
        "accounts": {**ACCOUNTS, **FIFTY},
        "units": {**UNITS, **{f"workloads/u{n}": {} for n in range(7)}},
    },
    "govcloud": {
        "partition": "aws-us-gov",
        "region": "us-gov-west-1",
        "catalog": {"budget": None},
    },
    "china": {"partition": "aws-cn", "region": "cn-north-1", "catalog": {"budget": None}},
    "deployed-by-a-role": {"more": {"deploy": {"aws": {"role": "landform-deploy"}}}},
    "deployed-without-organization-id": {
        "org": None,
        "more": {"deploy": {"aws": {"role": "landform-deploy"}}},
    },
    "deployed-in-hub": {
        "catalog": {"management_account": "shared"},
        "more": {"deploy": {"aws": {"role": "landform-deploy"}}},
    },
}


def blueprint(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The whole blueprint of a variant."""
    aws = {"id": changes.get("org", ORG), "partition": changes.get("partition", "aws")}
    given = {**COMPONENT, **changes.get("catalog", {})}
    return {
        "landform": 1,
        "organization": {"name": "acme", "aws": {k: v for k, v in aws.items() if v}},
        "defaults": {
            "aws": {"region": changes.get("region", "eu-west-1")},
            "tags": {"owner": "ml-platform"},
        },
        "units": dict(changes.get("units", UNITS)),
        "accounts": dict(changes.get("accounts", ACCOUNTS)),
        "components": {
            "models": dict(HUB_COMPONENT),
            "catalog": {k: v for k, v in given.items() if v is not None},
        },
        **changes.get("more", {}),
    }


@dataclass(frozen=True)
class Catalog:
    """A compiled variant."""

    name: str
    blueprint: Mapping[str, Any]
    compiled: Compiled

    @property
    def given(self) -> Mapping[str, Any]:
        """The component's inputs."""
        found: Mapping[str, Any] = self.blueprint["components"]["catalog"]
        return found

    @property
    def partition(self) -> str:
        return str(self.blueprint["organization"]["aws"]["partition"])

    @property
    def region(self) -> str:
        return str(self.blueprint["defaults"]["aws"]["region"])

    @property
    def launch_role(self) -> str:
        return str(self.given.get("launch_role", "acme-catalog-launch"))

    @cached_property
    def launching(self) -> list[str]:
        """The accounts that launch, by the documented rules."""
        wanted = self.given["share_to"]
        accounts = self.blueprint["accounts"]
        if wanted == "**":
            found = list(accounts)
        elif isinstance(wanted, dict):
            prefix = wanted["unit"].removesuffix("/**").removesuffix("*")
            found = [
                name
                for name, given in accounts.items()
                if given.get("unit", "").startswith(prefix) and name != wanted.get("except")
            ]
        else:
            found = [wanted] if isinstance(wanted, str) else list(wanted)
        named = [each.get("account") for each in self.given["audience"] if isinstance(each, dict)]
        return sorted({*found, *(name for name in named if name == "shared")})

    def id(self, account: str) -> str:
        return str(self.blueprint["accounts"][account]["id"])

    def users(self, account: str) -> list[str]:
        """The roles, with their paths, that launch in an account."""
        found = []
        for each in self.given["audience"]:
            given = each if isinstance(each, dict) else {"role": each}
            if given.get("account", account) == account:
                found.append(str(given["role"]))
        return sorted(set(found))

    def arn(self, account: str, service: str, resource: str, *, region: bool = True) -> str:
        where = self.region if region else ""
        return f"arn:{self.partition}:{service}:{where}:{self.id(account)}:{resource}"

    def role(self, account: str, name: str) -> str:
        return self.arn(account, "iam", f"role/{name}", region=False)

    @property
    def runs(self) -> dict[str, set[str]]:
        """The roles that what is launched runs as, with the groups of which each reads the models."""
        found: dict[str, set[str]] = {}
        for name, product in self.given["products"].items():
            if name != "group":
                named = [product["from"]] if "from" in product else product.get("reads", [])
                role = f"acme-catalog-{product.get('runs_as', name)}-run"
                found.setdefault(role, set()).update(each["group"] for each in named)
        return found

    def stack(self, account: str, component: str = "catalog") -> dict[str, Any]:
        """The document of a stack with its JSON texts put in."""
        document: Any = json.loads(
            json.dumps(self.compiled.documents[f"aws/{account}/{component}"])
        )
        return dict(_with_locals(document, document.get("locals", {})))

    @cached_property
    def hub(self) -> dict[str, Any]:
        return self.stack("shared")

    def resources(self, type: str, account: str = "shared") -> dict[str, Any]:
        """Every resource of a type in a stack of the catalog."""
        found: dict[str, Any] = self.stack(account).get("resource", {}).get(type, {})
        return found

    @cached_property
    def assets(self) -> dict[str, str]:
        """The files beside the catalog's own stack."""
        (stack,) = [s for s in self.compiled.stacks if s.path == "aws/shared/catalog"]
        return {asset.path: asset.content.decode() for asset in stack.assets}

    def templates(self) -> Iterator[tuple[str, str, str]]:
        """Every version's (address, template URL, text); those of the products themselves too."""
        for name, body in self.resources("aws_servicecatalog_product").items():
            (first,) = body["provisioning_artifact_parameters"]
            yield name, first["template_url"], self._text(first["template_url"])
        for name, body in self.resources("aws_servicecatalog_provisioning_artifact").items():
            yield name, body["template_url"], self._text(body["template_url"])

    def _text(self, url: str) -> str:
        (name,) = re.findall(r"aws_s3_object\.([\w-]+)\.key", url)
        source = self.resources("aws_s3_object")[name]["source"]
        return self.assets[source.removeprefix("${path.module}/")]

    @cached_property
    def edges(self) -> dict[str, dict[str, Any]]:
        """The edges of access.json that the catalog declares, by id."""
        found: Any = ledger(self.compiled.edges)["edges"]
        return {edge["id"]: edge for edge in found if edge["component"] == "catalog"}

    def statements(self, account: str, role: str) -> list[dict[str, Any]]:
        """The identity statements of a role of an account, by its name in Terraform."""
        found = self.resources("aws_iam_role_policy", account).get(role)
        return list(found["policy"]["Statement"]) if found else []


def _with_locals(value: Any, local: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _with_locals(item, local) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_locals(item, local) for item in value]
    match = (
        re.fullmatch(r"\$\{jsonencode\(local\.(\w+)\)\}", value) if isinstance(value, str) else None
    )
    return local[match[1]] if match else value


@cache
def catalog(name: str) -> Catalog:
    """A variant, compiled."""
    return compiled(blueprint(VARIANTS[name]), name)


def compiled(value: Mapping[str, Any], name: str = "") -> Catalog:
    """A blueprint with a catalog called catalog, which must be free of problems."""
    compilation = _compiled(value, {})
    assert not compilation.diagnostics, "\n".join(map(str, compilation.diagnostics))
    return Catalog(name, value, compilation.blueprints[0])


def problems(
    value: Mapping[str, Any], files: Mapping[str, str] | None = None
) -> tuple[Diagnostic, ...]:
    """What is wrong with a blueprint, with some files beside it changed."""
    return tuple(_compiled(value, files or {}).diagnostics)


def _compiled(value: Mapping[str, Any], files: Mapping[str, str]) -> Compilation:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(yaml.safe_dump(value, sort_keys=False))
        for file, text in {**FILES, **files}.items():
            (Path(folder) / file).parent.mkdir(exist_ok=True)
            (Path(folder) / file).write_text(text)
        return compile_blueprints(path)
