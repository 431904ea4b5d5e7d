"""Blueprints of `ml-pipeline` in many shapes, compiled once each, for the acceptance tests.

A variant is a name and what it changes in one blueprint. `pipeline(name)` compiles it and reads the
generated documents back as Terraform would.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from compiler.compilation import compile_blueprints
from tests.kinds.pipeline import Pipeline

ORG = "o-abc123defg"
ACCOUNTS = {
    "shared": {"id": "111111111111"},
    "training": {"id": "222222222222"},
    "production": {"id": "333333333333"},
    "second": {"id": "444444444444"},
    "third": {"id": "555555555555"},
    "fourth": {"id": "666666666666"},
    "fifth": {"id": "777777777777"},
}
CONNECTION = {"codeconnections": {"repository": "acme/churn", "branch": "main"}}
CODECOMMIT = {"codecommit": {"repository": "churn", "branch": "main"}}
S3 = {"s3": {"key": "source/churn.zip"}}
BUILTIN = {"builtin": "xgboost", "version": "1.7-1"}
OWN = {"repository": "churn", "tag": "1.4.2"}
ALL = ["production", "second", "third", "fourth", "fifth"]

COMPONENT: Mapping[str, Any] = {
    "kind": "ml-pipeline",
    "shared": "shared",
    "training": "training",
    "production": ["production"],
    "source": CONNECTION,
    "train": {
        "image": BUILTIN,
        "instance": "ml.m6i.xlarge",
        "hyperparameters": {"num_round": "50"},
    },
    "deploy": {"endpoint": "Churn-live", "instance": "ml.m6i.large", "min": 1, "max": 4},
    "approval": {"notify": ["leads@acme.example"], "by": ["team/approver"]},
}

NETWORK = {"subnet_ids": ["subnet-0123abcd"], "security_group_ids": ["sg-0123abcd"]}

# What each variant changes: keys of the component, `train`/`deploy` merged; `org`, `region`,
# `partition` change the organisation.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "connection": {},
    "connection-terraform": {"state_machine": "terraform"},
    "codecommit": {"source": CODECOMMIT},
    "codecommit-terraform": {"source": CODECOMMIT, "state_machine": "terraform"},
    "s3": {"source": S3},
    "s3-terraform-two": {
        "source": S3,
        "state_machine": "terraform",
        "production": ["production", "second"],
    },
    "five": {"production": ALL, "alerts": {"notify": ["ops@acme.example"]}},
    "data-prefix": {"train": {"data": "data/churn/2026/"}, "uploaders": ["data/engineer"]},
    "own-image": {"train": {"image": OWN}, "source": CODECOMMIT},
    "own-image-five": {"train": {"image": OWN}, "production": ALL, "state_machine": "terraform"},
    "without-org": {"org": None},
    "without-org-own-image": {"org": None, "train": {"image": OWN}, "source": S3},
    "local-storage": {
        "train": {"instance": "ml.g5.xlarge"},
        "deploy": {"instance": "ml.g5.xlarge"},
        "alerts": {"notify": ["ops@acme.example"]},
    },
    "network": {
        "train": {"network": NETWORK},
        "deploy": {
            "network": NETWORK,
            "capture": {"percentage": 20, "s3_uri": "s3://acme-capture/churn"},
        },
    },
    "uploaders": {
        "source": S3,
        "uploaders": ["data/engineer", {"role": "feeder", "account": "training"}],
        "source_uploaders": ["ci/publisher", {"role": "releaser", "account": "training"}],
    },
    "one-account": {"training": "shared", "production": "shared"},
    "one-account-terraform": {
        "training": "shared",
        "production": "shared",
        "state_machine": "terraform",
        "source": S3,
        "train": {"image": OWN},
        "org": None,
    },
    "training-is-production": {"production": ["training", "production"], "train": {"image": OWN}},
    "sydney": {"region": "ap-southeast-2", "source": CODECOMMIT},
    "govcloud": {"partition": "aws-us-gov", "region": "us-gov-west-1"},
    "china": {"partition": "aws-cn", "region": "cn-north-1", "source": S3},
}


def component(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The component with a variant's changes."""
    own = {k: v for k, v in changes.items() if k not in ("org", "region", "partition")}
    merged = {**COMPONENT, **own}
    for key in ("train", "deploy"):
        merged[key] = {**COMPONENT[key], **changes.get(key, {})}
    return merged


def blueprint(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The whole blueprint of a variant."""
    aws = {"id": changes.get("org", ORG), "partition": changes.get("partition", "aws")}
    return {
        "landform": 1,
        "organization": {"name": "acme", "aws": {k: v for k, v in aws.items() if v}},
        "defaults": {
            "aws": {"region": changes.get("region", "eu-west-1")},
            "tags": {"owner": "ml-platform"},
        },
        "accounts": dict(ACCOUNTS),
        "components": {"churn": component(changes)},
    }


@cache
def pipeline(name: str) -> Pipeline:
    """A variant, compiled."""
    return compiled(blueprint(VARIANTS[name]), name)


def compiled(value: Mapping[str, Any], name: str = "") -> Pipeline:
    """A blueprint of one pipeline called churn, which must be free of problems."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(yaml.safe_dump(value, sort_keys=False))
        compilation = compile_blueprints(path)
    assert not compilation.diagnostics, "\n".join(map(str, compilation.diagnostics))
    return Pipeline(name, value, compilation.blueprints[0])
