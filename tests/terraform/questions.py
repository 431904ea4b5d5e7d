"""What every role of an applied organisation is asked, and the natural circumstances of each request.

The things are those that stand in the simulated AWS, so that what the ledger forgets is asked too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.circumstances import Circumstances, circumstances, services
from tests.terraform.applied import Applied
from tests.terraform.evaluate import Side, Verdict, evaluate

OBJECT_ACTIONS = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject")
KEY_ACTIONS = (
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
)
# The prefixes of a pipeline's bucket, one that belongs to nobody, and an address that looks like data.
PREFIXES = ("data/", "models/", "releases/", "source/", "elsewhere/", "database/")
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "aws_cloudwatch_event_bus": ("events:PutEvents",),
    "aws_codecommit_repository": ("codecommit:GetCommit", "codecommit:GitPush"),
    "aws_codepipeline": ("codepipeline:StartPipelineExecution", "codepipeline:GetPipelineState"),
    "aws_ecr_repository": (
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "ecr:PutImage",
    ),
    "aws_lambda_function": ("lambda:InvokeFunction", "lambda:UpdateFunctionCode"),
    "aws_sagemaker_endpoint": ("sagemaker:InvokeEndpoint", "sagemaker:UpdateEndpoint"),
    "aws_sagemaker_model_package_group": (
        "sagemaker:CreateModelPackage",
        "sagemaker:DescribeModelPackageGroup",
        "sagemaker:PutModelPackageGroupPolicy",
    ),
    "aws_s3_bucket": ("s3:GetBucketVersioning", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
    "aws_sfn_state_machine": ("states:StartExecution",),
    "aws_sns_topic": ("sns:Publish", "sns:Subscribe"),
    "aws_sqs_queue": ("sqs:SendMessage", "sqs:ReceiveMessage"),
    "aws_ssm_parameter": ("ssm:GetParameter", "ssm:PutParameter"),
}
# What versions of a group are asked for; they are made at run time, so one is made up.
VERSION_ACTIONS = (
    "sagemaker:CreateModel",
    "sagemaker:CreateModelPackage",
    "sagemaker:DescribeModelPackage",
    "sagemaker:ListModelPackages",
    "sagemaker:UpdateModelPackage",
)


@dataclass(frozen=True, slots=True)
class Question:
    """May somebody do `action` on `resource`, in one of these circumstances?"""

    action: str
    resource: str
    circumstances: Circumstances = ({},)
    prefix: str = ""


def questions(applied: Applied) -> list[Question]:
    """All that is of interest in the organisation's accounts."""
    return [
        *_roles(applied),
        *_buckets(applied),
        *_keys(applied),
        *_others(applied),
        *_versions(applied),
    ]


def ask(
    applied: Applied,
    principal: str,
    question: Question,
    *,
    administrator: bool = False,
    organization: str | None = None,
) -> Verdict:
    """The answer; `organization` is the principal's, by default the one of the policies."""
    member = organization or applied.organization_id
    outer = {"aws:PrincipalOrgID": member} if member else {}
    verdicts = [
        evaluate(
            applied.accounts,
            principal,
            question.action,
            question.resource,
            {**outer, **inner},
            administrator=administrator,
        )
        for inner in question.circumstances
    ]
    return next((verdict for verdict in verdicts if verdict.allowed), _joined(verdicts))


def _joined(verdicts: list[Verdict]) -> Verdict:
    """Refused in all circumstances; a side that grants in one of them is kept."""
    identity = next((v.identity for v in verdicts if v.identity.grants), Side())
    resource = next((v.resource for v in verdicts if v.resource.grants), Side())
    return Verdict(False, identity, resource)


def natural(applied: Applied, action: str, resource: str) -> Circumstances:
    """The circumstances in which a service of AWS makes this request."""
    return circumstances(
        action, resource, lambda role: services(applied.roles[role].trust["Statement"])
    )


def listing(bucket: str, prefix: str) -> Question:
    """May somebody list what lies below a prefix?"""
    return Question("s3:ListBucket", bucket, ({"s3:prefix": prefix},), prefix)


def _roles(applied: Applied) -> Iterator[Question]:
    for arn in applied.roles:
        yield Question("sts:AssumeRole", arn)
        yield Question("iam:PassRole", arn, natural(applied, "iam:PassRole", arn))


def _keys(applied: Applied) -> Iterator[Question]:
    for account in applied.accounts.values():
        for arn in account.keys:
            for action in KEY_ACTIONS:
                yield Question(action, arn, natural(applied, action, arn))


def _buckets(applied: Applied) -> Iterator[Question]:
    for given in applied.attributes("aws_s3_bucket"):
        for prefix in prefixes(applied, given["arn"]):
            yield listing(given["arn"], prefix)
            for action in OBJECT_ACTIONS:
                yield Question(action, f"{given['arn']}/{prefix}x", prefix=prefix)


def prefixes(applied: Applied, bucket: str) -> list[str]:
    """The fixed prefixes, those that the ledger knows, and those of the pipelines' artifacts."""
    known = (e.resource.removeprefix(f"{bucket}/") for e in applied.edges)
    ledger = {p.rstrip("*") for p in known if not p.startswith(("arn:", "*"))}
    # CodePipeline shortens the pipeline's name to 20 characters.
    artifacts = {f"{p['name'][:20]}/Source/" for p in applied.attributes("aws_codepipeline")}
    return sorted({*PREFIXES, *ledger, *artifacts})


def _others(applied: Applied) -> Iterator[Question]:
    for kind, actions in ACTIONS.items():
        for given in applied.attributes(kind):
            for action in actions:
                yield Question(action, _arn(given), natural(applied, action, _arn(given)))


def _versions(applied: Applied) -> Iterator[Question]:
    for given in applied.attributes("aws_sagemaker_model_package_group"):
        version = f"{_arn(given).replace('-package-group/', '-package/')}/1"
        for action in VERSION_ACTIONS:
            yield Question(action, version, natural(applied, action, version))


def _arn(given: Mapping[str, Any]) -> str:
    return str(given["arn"])
