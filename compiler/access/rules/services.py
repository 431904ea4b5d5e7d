"""What AWS services may do: become roles, and use topics, queues, functions, keys.

A service acts for whoever makes it act, so its statements name for whom, and allow no more than
such a policy is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from compiler.access.rules.records import Finding, Statement
from compiler.data import iam

# Services that say for whom they become a role, and condition keys of which a statement needs one of
# each group. With one role for each rule, pipeline or cluster it is the ARN: the account alone would
# let all others of the account have the role too. Of pods it is the tags of their session.
# Source, read on 2026-11-21: the page "Cross-service confused deputy prevention" of each service's
# user or developer guide (Amazon ECS: "Task IAM role"; Step Functions: "Prevent cross-service
# confused deputy issue"; VPC: "IAM role for publishing flow logs"; EKS, pods: "Create IAM role with
# trust policy required by EKS Pod Identity").
_SOURCES = ("aws:SourceAccount", "aws:SourceArn")
_EITHER = (_SOURCES,)
_ARN = (("aws:SourceArn",),)
SENDERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "bedrock.amazonaws.com": _EITHER,
    "codebuild.amazonaws.com": _EITHER,
    "codepipeline.amazonaws.com": _ARN,
    "ecs-tasks.amazonaws.com": _EITHER,
    "eks.amazonaws.com": _ARN,
    "events.amazonaws.com": _ARN,
    "pipes.amazonaws.com": _ARN,
    "pods.eks.amazonaws.com": (
        ("aws:RequestTag/eks-cluster-name", "aws:RequestTag/eks-cluster-arn"),
        ("aws:RequestTag/kubernetes-namespace",),
        ("aws:RequestTag/kubernetes-service-account",),
    ),
    "sagemaker.amazonaws.com": _EITHER,
    "scheduler.amazonaws.com": _EITHER,
    "states.amazonaws.com": _EITHER,
    "vpc-flow-logs.amazonaws.com": _EITHER,
}

# Actions with which a role is become, by the kind of principal; beside them what a service needs.
# Source: IAM user guide, "Grant permissions to pass session tags", and EKS user guide, "Create IAM
# role with trust policy required by EKS Pod Identity".
BECOMING: Mapping[str, frozenset[str]] = {
    "Federated": frozenset(("sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")),
    "Service": frozenset(("sts:AssumeRole",)),
}
TAGGING: Mapping[str, frozenset[str]] = {
    "pods.eks.amazonaws.com": frozenset(("sts:AssumeRole", "sts:TagSession")),
}

# What services do with something of ours, by the service whose policy it is.
# Source: the page on resource-based policies, or on permissions of services, in the guide of each:
# SNS "Example cases", SQS "Custom policies", Lambda "Resource-based policy examples", EventBridge
# "Using resource-based policies", KMS "Permissions for AWS services in key policies", S3 "Bucket
# policy examples", ECR "Private repository policy examples".
USES: Mapping[str, frozenset[str]] = {
    "ecr": frozenset(
        (
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        )
    ),
    "events": frozenset(("events:PutEvents",)),
    "kms": frozenset(
        (
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeCustomKeyStores",  # known by no key: what `kms:Describe*` holds beside
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyPair",
            "kms:GenerateDataKeyPairWithoutPlaintext",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        )
    ),
    "lambda": frozenset(("lambda:InvokeFunction",)),
    "s3": frozenset(
        (
            "s3:GetBucketAcl",
            "s3:GetBucketLocation",
            "s3:GetObject",
            "s3:GetObjectVersion",
            "s3:ListBucket",
            "s3:PutObject",
        )
    ),
    "secretsmanager": frozenset(("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")),
    "sns": frozenset(("sns:Publish",)),
    "sqs": frozenset(("sqs:SendMessage",)),
}


def any_customer(statement: Statement) -> Iterator[Finding]:
    """E823: a role that a service becomes for others than the account, or the resource, it is for."""
    if statement.side != "trust" or not statement.allows:
        return
    for kind, name in statement.principals:
        if kind != "Service":
            continue
        for keys in SENDERS.get(name, ()):
            if not _asks_for(statement, keys):
                yield statement.finding(
                    "E823",
                    f"{name} becomes the role whatever {' or '.join(keys)} it sends",
                    f"add {' or '.join(keys)} with what it acts for",
                )
        for condition in statement.demanding(*map(str.lower, _SOURCES)):
            for value in condition.values:
                if not _may_be_own(value, statement.policy.account):
                    yield statement.finding(
                        "E823",
                        f"{name} never acts for {value} with a role of this account",
                        "name the role's own account: a service becomes roles of its resource's account",
                    )


def _asks_for(statement: Statement, keys: tuple[str, ...]) -> bool:
    """Whether one of the keys must have a value that says something."""
    account = statement.policy.account
    return any(
        condition.values and all(_says(value, condition.key, account) for value in condition.values)
        for condition in statement.demanding(*map(str.lower, keys))
    )


def _says(value: str, key: str, account: str) -> bool:
    if key not in _SOURCES or value.startswith("${"):
        return bool(value.strip("*?"))
    parts = value.split(":", 5)
    if len(parts) < 6:
        return value == account if account else value.isdigit()
    # What follows the type is the name: rule/nightly.
    named = re.split("[/:]", parts[5], maxsplit=1)[-1].strip("*?/")
    return bool(named) and parts[4].isdigit()


def _may_be_own(value: str, account: str) -> bool:
    parts = value.split(":", 5)
    owner = parts[4] if len(parts) == 6 else value
    return not account or not owner.isdigit() or owner == account


def further_actions(statement: Statement) -> Iterator[Finding]:
    """E825: a service or an identity provider that may do more, or less, than it does there."""
    if not statement.allows or statement.side not in ("trust", "resource", "key"):
        return
    for kind, name in statement.principals:
        known = _known(statement, kind, name)
        if known is None:
            continue
        for pattern in statement.actions:
            more = [a.name for a in iam.matching_actions(pattern) if a.name not in known]
            if more:
                yield statement.finding(
                    "E825",
                    f"{name} may {more[0]}, which it has no use for there",
                    f"name what it does: {', '.join(sorted(known))}",
                )
        lacking = TAGGING.get(name, frozenset()) - set(statement.actions)
        if lacking and statement.side == "trust":
            yield statement.finding(
                "E825",
                f"{name} cannot become the role without {min(lacking)}",
                "add the action to the statement",
            )


def _known(statement: Statement, kind: str, name: str) -> frozenset[str] | None:
    """The actions that such a principal has in such a policy; None where we don't know."""
    if statement.side == "trust":
        return TAGGING.get(name) or BECOMING.get(kind)
    return USES.get(statement.policy.service) if kind == "Service" else None
