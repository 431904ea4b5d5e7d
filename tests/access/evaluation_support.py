"""Examples, edges and their natural requests, for the tests of the access evaluator."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from compiler.access.evaluation import Policies, Request, collect

GENERATED = Path(__file__).parents[2] / "generated"
EXAMPLES = ("acme", "article")
# Accounts in which AWS keeps the images of SageMaker's built-in algorithms; see the edges that
# pull them. Everything else in the examples belongs to the organisation.
PROVIDED = frozenset({"141502667606"})
OUTSIDE = "999999999999"


@cache
def documents(example: str) -> dict[str, dict[str, Any]]:
    base = GENERATED / example
    return {
        path.parent.relative_to(base).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(base.glob("aws/**/main.tf.json"))
    }


def accounts(example: str) -> tuple[str, ...]:
    manifest = json.loads((GENERATED / example / "manifest.json").read_text(encoding="utf-8"))
    return tuple(sorted({stack["id"] for stack in manifest["stacks"] if stack["cloud"] == "aws"}))


def organizations(example: str) -> dict[str, str]:
    return dict.fromkeys(accounts(example), "o-abc123defg")


def collected(example: str, found: Mapping[str, Mapping[str, Any]]) -> Policies:
    return collect(found, organizations=organizations(example), provided=PROVIDED)


@cache
def policies(example: str) -> Policies:
    return collected(example, documents(example))


@cache
def edges(example: str) -> tuple[dict[str, Any], ...]:
    ledger = json.loads((GENERATED / example / "access.json").read_text(encoding="utf-8"))
    return tuple(edge for edge in ledger["edges"] if edge["principal"]["cloud"] == "aws")


def statements(
    found: Mapping[str, Mapping[str, Any]], stack: str, address: str
) -> list[dict[str, Any]]:
    """The statements of one policy of a document, to look at or to change."""
    kind, _, name = address.partition(".")
    short = kind.removeprefix("aws_")
    suffix = "_assume_role_policy" if kind == "aws_iam_role" else ""
    return found[stack]["locals"][f"{short}_{name}{suffix}"]["Statement"]


def without(
    found: Mapping[str, Mapping[str, Any]], evidence: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """The documents without one statement."""
    changed = dict(found)
    changed[evidence["stack"]] = copy.deepcopy(dict(found[evidence["stack"]]))
    body = statements(changed, evidence["stack"], evidence["address"])
    kept = [each for each in body if each["Sid"] != evidence["sid"]]
    assert len(kept) == len(body) - 1, evidence
    body[:] = kept
    return changed


def requests(example: str, edge: Mapping[str, Any]) -> Iterator[Request]:
    """The calls that an edge is there for, as AWS would make them: context and all."""
    known = policies(example)
    resource = _resource(known, edge)
    for action in edge["actions"]:
        name = {"kms:ReEncrypt*": "kms:ReEncryptFrom"}.get(action, action.replace("*", ""))
        yield Request(
            principal=edge["principal"]["arn"],
            action=name,
            resource=resource,
            context=_context(example, edge, name, resource),
            complete=True,
        )


def _resource(known: Policies, edge: Mapping[str, Any]) -> str:
    """The edge's resource; for one that only the cloud knows the name of, its symbol."""
    arn: str = edge["resource"]["arn"]
    for evidence in edge["statements"]:
        if ":kms:" in arn and evidence["side"] == "key":
            return known.arns[evidence["stack"], evidence["address"]]
        if ":codeconnections:" in arn:
            return known.arns[evidence["stack"], "aws_codeconnections_connection.source"]
    if ":logs:" in arn and arn.endswith(":*"):
        return arn.removesuffix("*").removesuffix("log-stream:") + "log-stream:x"
    return arn if arn == "*" else arn.replace("*", "x")


def _context(example: str, edge: Mapping[str, Any], action: str, resource: str) -> dict[str, str]:
    """The condition keys that the call carries."""
    region = resource.split(":")[3] if resource != "*" else ""
    fixed = {
        "application-autoscaling": {
            "application-autoscaling:service-namespace": "sagemaker",
            "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
        },
        "iam:CreateServiceLinkedRole": {
            "iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"
        },
        "kms:CreateGrant": {"kms:GrantIsForAWSResource": "true"},
    }
    service = action.partition(":")[0]
    if action in fixed or service in fixed:
        return fixed.get(action) or fixed[service]
    if action == "iam:PassRole":
        return {"iam:PassedToService": _trusted_service(example, resource)}
    if action == "s3:ListBucket":
        return {
            "s3:prefix": "data/x" if "lists-data" in edge["id"] else _pipeline_prefix(example, edge)
        }
    if action == "cloudwatch:PutMetricData":
        kind = "Endpoints" if "serve" in edge["id"] else "TrainingJobs"
        return {"cloudwatch:namespace": f"/aws/sagemaker/{kind}"}
    if service == "kms":
        return {"kms:ViaService": f"s3.{region}.amazonaws.com"}
    return {}


def _pipeline_prefix(example: str, edge: Mapping[str, Any]) -> str:
    """CodePipeline keeps at most 20 letters of the pipeline's name."""
    return f"{example}-{edge['component']}-pipeline"[:20]


def _trusted_service(example: str, role_arn: str) -> str:
    """The service that the passed role trusts."""
    for stack, document in documents(example).items():
        for name, role in document["resource"].get("aws_iam_role", {}).items():
            account = document["provider"]["aws"][0]["allowed_account_ids"][0]
            if role_arn == f"arn:aws:iam::{account}:role/{role['name']}":
                found = statements(documents(example), stack, f"aws_iam_role.{name}")
                return next(
                    each["Principal"]["Service"] for each in found if "Service" in each["Principal"]
                )
    raise LookupError(role_arn)
