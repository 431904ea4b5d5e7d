"""Agreement with an evaluator that is not ours, on requests near the edges of the examples.

hypothesis takes an edge's call and changes up to three things in it; the judge and the evaluator
answer alike, or the disagreement is one of `EXPLAINED`.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.access.evaluation import Decision, Policies, Request, decide
from tests.access import evaluation_judge
from tests.access.evaluation_support import (
    EXAMPLES,
    OUTSIDE,
    PROVIDED,
    collected,
    documents,
    edges,
    organizations,
    requests,
)
from tests.needs import lacking

REQUESTS = 2500
# The judge's list of actions lacks that they know versions of models (SageMaker developer guide,
# "Cross-account model package groups": the policy names CreateModel on model-package/…).
UNJUDGED = frozenset({"sagemaker:CreateModel", "sagemaker:CreateModelPackage"})
NO_SUCH_RESOURCE = {"message": "no.resource.types"}
VARIANTS = ("plain", "bounded", "forbidding")
# What permissions boundaries say in the two variants that have them.
BOUNDARIES: dict[str, list[dict[str, Any]]] = {
    "bounded": [{"Effect": "Allow", "Action": ["s3:*", "sts:*", "kms:D*"], "Resource": "*"}],
    "forbidding": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "NotAction": ["s3:Get*", "iam:*", "kms:*"], "Resource": "*"},
    ],
}


@dataclass(frozen=True)
class Explained:
    """A disagreement that is right: what the two say, when, and why."""

    ours: str
    judges: str
    applies: Callable[[Request, Decision], bool]
    reason: str


EXPLAINED = {
    "resource of AWS": Explained(
        "allowed",
        "ImplicitlyDenied",
        lambda asked, _: owner(asked.resource) in PROVIDED,
        "The repository policy of SageMaker's built-in images is AWS's own. `provided` states "
        "that it admits every caller; the judge takes a policy that it isn't given for none.",
    ),
    "policy not in the documents": Explained(
        "depends",
        "ImplicitlyDenied",
        lambda _, answer: any(each.startswith("policy of ") for each in answer.depends_on),
        "The resource isn't made by any stack, so whether it has a policy is not known; the "
        "judge takes a policy that it isn't given for none.",
    ),
    "role that exists already": Explained(
        "depends",
        "ImplicitlyDenied",
        lambda _, answer: any("olicies of " in each for each in answer.depends_on),
        "The role isn't made by any stack, so its own policies are not known; the judge takes "
        "what it is given for all of them.",
    ),
    "root user": Explained(
        "allowed",
        "ImplicitlyDenied",
        lambda asked, _: asked.principal.endswith(":root"),
        "The root user of an account has full access to it without any identity policy (IAM user "
        "guide, 'AWS account root user'); the judge asks for an identity policy.",
    ),
}


def owner(resource: str) -> str:
    return (resource.split(":") + [""] * 5)[4]


@cache
def variant(example: str, name: str) -> dict[str, dict[str, Any]]:
    """The example, with a permissions boundary on every role in two of the variants."""
    found = copy.deepcopy(documents(example))
    if name == "plain":
        return found
    policy = {"Version": "2012-10-17", "Statement": BOUNDARIES[name]}
    for document in found.values():
        boundary = {"name": "limits", "policy": "${jsonencode(local.iam_policy_limits)}"}
        document["resource"].setdefault("aws_iam_policy", {})["limits"] = boundary
        document.setdefault("locals", {})["iam_policy_limits"] = policy
        for role in document["resource"].get("aws_iam_role", {}).values():
            role["permissions_boundary"] = "${aws_iam_policy.limits.arn}"
    return found


@cache
def known(example: str, name: str) -> Policies:
    return collected(example, variant(example, name))


@cache
def gathered(example: str, name: str) -> evaluation_judge.Gathered:
    return evaluation_judge.gather(variant(example, name))


@cache
def calls(example: str) -> tuple[Request, ...]:
    """The calls of all edges, but for those that the judge cannot be asked: the older name of an
    action on connections, and objects of whatever bucket, which it takes for each single one.
    """
    asked = (each for edge in edges(example) for each in requests(example, edge))
    return tuple(
        each
        for each in asked
        if each.action != "codestar-connections:UseConnection"
        and not (each.resource == "*" and each.action.startswith("s3:"))
    )


def altered(asked: Request, example: str, draw: random.Random) -> Request:
    """The request with one thing changed."""
    return draw.choice(CHANGES)(asked, example, draw)


def _other_principal(asked: Request, example: str, draw: random.Random) -> Request:
    return replace(asked, principal=draw.choice(calls(example)).principal)


def _other_account(asked: Request, example: str, draw: random.Random) -> Request:
    parts = asked.principal.split(":")
    parts[4] = draw.choice([*organizations(example), OUTSIDE])
    return replace(asked, principal=":".join(parts))


def _account_root(asked: Request, example: str, draw: random.Random) -> Request:
    if asked.action.startswith("sts:"):
        return asked
    parts = asked.principal.split(":")
    return replace(asked, principal=":".join([*parts[:5], "root"]))


def _other_action(asked: Request, example: str, draw: random.Random) -> Request:
    """An action of the same service, one that knows the type of the resource."""
    if asked.resource == "*":
        return asked
    service, name = asked.action.split(":")
    others = {
        "s3": ["GetObject", "PutObject", "DeleteObject", "GetObjectVersion", "PutObjectAcl"],
        "kms": [
            "Decrypt",
            "Encrypt",
            "GenerateDataKey",
            "DescribeKey",
            "CreateGrant",
            "DisableKey",
        ],
        "sts": ["AssumeRole", "TagSession"],
        "iam": ["PassRole", "GetRole", "DeleteRole"],
        "sns": ["Publish", "Subscribe"],
        "ecr": ["BatchGetImage", "PutImage"],
    }.get(service, [name])
    if service == "s3" and "/" not in asked.resource:
        others = ["ListBucket", "GetBucketLocation", "DeleteBucket"]
    chosen = draw.choice(others)
    return replace(asked, action=f"{service}:{chosen.upper() if draw.random() < 0.1 else chosen}")


def _other_resource(asked: Request, example: str, draw: random.Random) -> Request:
    """Another resource of the same kind: another prefix, bucket, key, role."""
    if asked.resource == "*":
        return asked
    if asked.resource.startswith("arn:aws:s3:::") and draw.random() < 0.6:
        bucket, slash, _ = asked.resource.partition("/")
        prefix = draw.choice(["data/", "models/", "releases/", "source/", "", "Data/"])
        return replace(asked, resource=f"{bucket}/{prefix}y" if slash else bucket)
    service, slash = asked.resource.split(":")[2], "/" in asked.resource
    alike = sorted(
        {
            each.resource
            for each in calls(example)
            if each.resource.split(":")[2:3] == [service]
            and ("/" in each.resource) == slash
            and _same_type(each.action, asked.action)
        }
    )
    return replace(asked, resource=draw.choice(alike)) if alike else asked


def _same_type(one: str, other: str) -> bool:
    """Whether the actions are about the same type of resource."""
    service = one.partition(":")[0]
    alike = service == other.partition(":")[0] and service in (
        "ecr",
        "iam",
        "kms",
        "s3",
        "sns",
        "sts",
    )
    return alike or one.lower() == other.lower()


def _other_context(asked: Request, example: str, draw: random.Random) -> Request:
    region = draw.choice(["eu-west-1", "eu-central-1", "us-east-1"])
    values: dict[str, tuple[str, ...]] = {
        "aws:PrincipalOrgID": ("o-other00000", "o-abc123defg"),
        "aws:SecureTransport": ("false", "true"),
        "s3:x-amz-server-side-encryption": ("AES256", "aws:kms"),
        "s3:x-amz-server-side-encryption-aws-kms-key-id": (
            f"arn:aws:kms:{region}:111111111111:key/other",
        ),
        "kms:ViaService": (f"s3.{region}.amazonaws.com", f"ec2.{region}.amazonaws.com"),
        "kms:GrantIsForAWSResource": ("false", "true"),
        "iam:PassedToService": ("ec2.amazonaws.com", "sagemaker.amazonaws.com"),
        "s3:prefix": ("data/y", "other/", ""),
        "cloudwatch:namespace": ("/aws/sagemaker/Endpoints", "other"),
    }
    services = {"s3": "s3:", "kms": "kms:", "iam": "iam:", "cloudwatch": "cloudwatch:"}
    own = services.get(asked.action.partition(":")[0], "aws:")
    keys = [key for key in values if key.startswith(("aws:", own))]
    key = draw.choice(keys)
    return replace(asked, context={**asked.context, key: draw.choice(values[key])})


def _less_context(asked: Request, example: str, draw: random.Random) -> Request:
    if not asked.context:
        return _other_context(asked, example, draw)
    gone = draw.choice(sorted(asked.context))
    return replace(asked, context={k: v for k, v in asked.context.items() if k != gone})


CHANGES = (
    _other_principal,
    _other_account,
    _account_root,
    _other_action,
    _other_resource,
    _other_context,
    _less_context,
)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[evaluation_judge.Judge]:
    try:
        folder = evaluation_judge.install(tmp_path_factory.mktemp("judge"))
    except evaluation_judge.UnavailableError as missing:
        lacking(str(missing))
    with evaluation_judge.running(folder) as found:
        yield found


@pytest.mark.rig
def test_agreement_with_an_independent_judge(judge: evaluation_judge.Judge) -> None:
    answers: Counter[tuple[str, str]] = Counter()
    explained: Counter[str] = Counter()
    unjudged: Counter[str] = Counter()

    @settings(
        max_examples=REQUESTS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(
        st.sampled_from(EXAMPLES),
        st.sampled_from(VARIANTS),
        st.integers(0, 10**6),
        st.integers(0, 3),
        st.randoms(use_true_random=False),
    )
    def agree(example: str, name: str, place: int, changes: int, draw: random.Random) -> None:
        asked = calls(example)[place % len(calls(example))]
        for _ in range(changes):
            asked = altered(asked, example, draw)
        answer = decide(known(example, name), asked)
        simulation = evaluation_judge.simulation(
            gathered(example, name),
            asked.principal,
            asked.action,
            asked.resource,
            asked.context,
            organizations(example),
        )
        theirs = judge(simulation)
        if theirs["errors"] == NO_SUCH_RESOURCE:
            unjudged[asked.action.casefold()] += 1
            return
        assert theirs["result"] != "error", (asked, theirs)
        answers[answer.verdict, theirs["result"]] += 1
        if answer.allowed == (theirs["result"] == "Allowed") and answer.verdict != "depends":
            return
        reasons = [
            label
            for label, each in EXPLAINED.items()
            if (each.ours, each.judges) == (answer.verdict, theirs["result"])
            and each.applies(asked, answer)
        ]
        assert reasons, (name, asked, answer, theirs)
        explained[reasons[0]] += 1

    agree()
    assert set(unjudged) <= {action.casefold() for action in UNJUDGED}
    assert sum(answers.values()) - sum(explained.values()) >= 2000
    assert answers["allowed", "Allowed"] >= 200
    assert answers["denied", "ImplicitlyDenied"] >= 200
    assert answers["denied", "ExplicitlyDenied"] >= 50
