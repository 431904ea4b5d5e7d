"""What AWS services ask for around a component: logs, metrics, topics, network interfaces."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.access.parties import Key, Own, Place, Role
from compiler.access.policy import Conditions, Statement, policy
from compiler.kinds.draft import Draft
from compiler.organization.records import Account
from compiler.terraform.names import labels
from compiler.terraform.stack import Value, reference


def log_encryption(place: Place, *log_groups: str) -> Statement:
    """Lets CloudWatch Logs encrypt these log groups with a key.

    Source: CloudWatch Logs user guide, "Encrypt log data using AWS KMS".
    """
    arns: list[Value] = [place.arn("logs", f"log-group:{name}") for name in log_groups]
    return Statement(
        sid="EncryptLogs",
        principal={"Service": f"logs.{place.region}.{place.suffix}"},
        actions=(
            "kms:Decrypt*",
            "kms:Describe*",
            "kms:Encrypt*",
            "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
        ),
        resources=("*",),
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arns}},
    )


def topic_encryption(service: str) -> Statement:
    """Lets a service publish to topics that a key encrypts.

    No aws:SourceArn here: not every service sends it to KMS; the topic's policy has it.
    Source: SNS developer guide, "Enable compatibility between event sources from AWS services and
    encrypted topics".
    """
    name = service.partition(".")[0].capitalize()
    return Statement(
        sid=f"PublishFrom{name}",
        principal={"Service": service},
        actions=("kms:Decrypt", "kms:GenerateDataKey*"),
        resources=("*",),
    )


def topic(
    draft: Draft,
    account: Account,
    name: str,
    part: str,
    key: Key,
    emails: Sequence[str],
    publishers: Sequence[Statement] = (),
) -> str:
    """An encrypted topic with e-mail subscriptions, and its policy where services publish to it.

    Gives the topic's ARN. Each address gets a message that it must confirm.
    """
    topic_name = draft.name(part, "aws_sns_topic")
    arn = draft.place(account).arn("sns", topic_name)
    topic_arn = reference(f"aws_sns_topic.{name}", "arn")
    draft.add(
        account,
        "aws_sns_topic",
        name,
        {"name": topic_name, "kms_master_key_id": reference(key.address, "arn")},
    )
    if publishers:
        draft.add(
            account, "aws_sns_topic_policy", name, {"arn": topic_arn, "policy": policy(publishers)}
        )
    for email, label in labels(emails).items():
        draft.add(
            account,
            "aws_sns_topic_subscription",
            f"{name}_{label}",
            {"topic_arn": topic_arn, "protocol": "email", "endpoint": email},
        )
    return arn


def publishing(
    service: str, topic_arn: str, account_id: str, source_arns: Sequence[str] | None
) -> Statement:
    """Lets a service publish to a topic on behalf of these resources.

    `source_arns` is None for EventBridge, which sends none: a condition would drop every message.
    Source: EventBridge user guide, "Using resource-based policies", Amazon SNS permissions: no
    Condition blocks in topic policies.
    """
    conditions: Conditions = {}
    if source_arns is not None:
        conditions = {
            "ArnEquals": {"aws:SourceArn": list(source_arns)},
            "StringEquals": {"aws:SourceAccount": account_id},
        }
    return Statement(
        sid="Publish",
        principal={"Service": service},
        actions=("sns:Publish",),
        resources=(topic_arn,),
        conditions=conditions,
    )


def sagemaker_runtime(draft: Draft, role: Role, what: str, log_group: str) -> None:
    """What every SageMaker role does: logs and metrics of its own kind of work.

    `what` is `TrainingJobs` or `Endpoints`. All training jobs share a log group, each endpoint has
    its own. Source: SageMaker developer guide, "How to use SageMaker AI execution roles", "Log
    groups and streams that Amazon SageMaker AI sends to Amazon CloudWatch Logs".
    """
    name, place = role.label, role.place
    group = place.arn("logs", f"log-group:{log_group}")
    draft.grant(
        f"{name}-makes-log-streams",
        role,
        ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams"),
        Own(place, f"{group}:*"),
    )
    draft.grant(
        f"{name}-writes-logs", role, ("logs:PutLogEvents",), Own(place, f"{group}:log-stream:*")
    )
    draft.grant(
        f"{name}-writes-metrics",
        role,
        ("cloudwatch:PutMetricData",),
        Own(place, "*"),
        {"StringLike": {"cloudwatch:namespace": f"/aws/sagemaker/{what}*"}},
    )


def network_interfaces(
    draft: Draft, role: Role, subnet_ids: Sequence[str], security_group_ids: Sequence[str]
) -> None:
    """What a SageMaker role needs to place its work in subnets of the account.

    Source: SageMaker developer guide, "How to use SageMaker AI execution roles", private VPC.
    """
    name, place = role.label, role.place
    draft.grant(
        f"{name}-describes-network",
        role,
        (
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ),
        Own(place, "*"),
    )
    draft.grant(
        f"{name}-makes-interfaces",
        role,
        (
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ),
        Own(place, place.arn("ec2", "network-interface/*")),
    )
    places = [f"subnet/{id}" for id in subnet_ids]
    places += [f"security-group/{id}" for id in security_group_ids]
    for index, resource in enumerate(places, start=1):
        draft.grant(
            f"{name}-uses-network-{index}",
            role,
            ("ec2:CreateNetworkInterface",),
            Own(place, place.arn("ec2", resource)),
        )
