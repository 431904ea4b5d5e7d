"""What AWS services may do: become roles, and use topics, queues, functions, keys.

A service acts for whoever makes it act, so its statements name for whom, and allow no more than
such a policy is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.access.rules.records import Finding, Statement
from compiler.data import iam

# Services that say for whom they become a role, and the condition keys of which one is needed.
# With one role for each rule or pipeline it is the ARN: the account alone would let every other
# rule or pipeline of the account have the role too.
# Source, read on 2026-11-21: the page "Cross-service confused deputy prevention" of each service's
# user or developer guide (Amazon ECS: "Task IAM role"; Step Functions: "Prevent cross-service
# confused deputy issue").
_EITHER = ("aws:sourceaccount", "aws:sourcearn")
SENDERS: Mapping[str, tuple[str, ...]] = {
    "bedrock.amazonaws.com": _EITHER,
    "codebuild.amazonaws.com": _EITHER,
    "codepipeline.amazonaws.com": ("aws:sourcearn",),
    "ecs-tasks.amazonaws.com": _EITHER,
    "events.amazonaws.com": ("aws:sourcearn",),
    "pipes.amazonaws.com": ("aws:sourcearn",),
    "sagemaker.amazonaws.com": _EITHER,
    "scheduler.amazonaws.com": _EITHER,
    "states.amazonaws.com": _EITHER,
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
    """E823: a role that a service becomes for other accounts, or for all that it has in this one."""
    if statement.side != "trust" or not statement.allows:
        return
    for kind, name in statement.principals:
        needed = SENDERS.get(name) if kind == "Service" else None
        if needed is not None and not _asks_for(statement, needed):
            yield statement.finding(
                "E823",
                f"{name} becomes the role for "
                + ("anybody" if needed == _EITHER else "anything that it runs in this account"),
                f"add {' or '.join(_written(key) for key in needed)} with what it acts for",
            )


def _asks_for(statement: Statement, keys: tuple[str, ...]) -> bool:
    """Whether one of the keys must have a value of this account."""
    return any(
        all(_is_own(value, statement.policy.account) for value in condition.values)
        for condition in statement.demanding(*keys)
        if condition.values
    )


def _is_own(value: str, account: str) -> bool:
    """Whether an account, or the ARN of a source, is of that account and names something."""
    if value.startswith("${"):
        return True
    parts = value.split(":", 5)
    if len(parts) < 6:
        return value == account if account else value.isdigit()
    named = parts[5].strip("*?/:") not in ("", "rule", "pipeline", "schedule", "pipe")
    return named and (parts[4] == account if account else parts[4].isdigit())


def _written(key: str) -> str:
    return {"aws:sourceaccount": "aws:SourceAccount", "aws:sourcearn": "aws:SourceArn"}[key]


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
