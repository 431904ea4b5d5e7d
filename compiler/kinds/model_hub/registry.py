"""The hub's account: who registers and approves, and how the targets hear of it."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.access.parties import Events, Packages, Role
from compiler.access.policy import Conditions, Statement, policy
from compiler.kinds.endpoints.resources import ALARM_PERIOD_SECONDS
from compiler.kinds.model_hub.names import apart, identifier
from compiler.kinds.model_hub.places import Parties, Site
from compiler.kinds.model_hub.uses import (
    describes_packages,
    publishes_artifacts,
    registers_versions,
)
from compiler.kinds.parts import service_trust
from compiler.terraform.stack import JsonText, Value, reference

# Of an event pattern. Source: EventBridge quotas, "Event pattern size".
PATTERN_LIMIT = 2048
PATTERN_ROOM = 300
# Names over the limit (63 for groups, 64 for rules) keep their start of so many characters.
RULE_START = 54
RETENTION_SECONDS = 14 * 24 * 3600
# An event that a target did not take is tried again for so long; the deployer looks every hour anyway.
RETRY_SECONDS = 3600
RETRIES = 50
UNDELIVERED_ALARM = "undelivered"
SOURCE = "aws.sagemaker"
CHANGE = "SageMaker Model Package State Change"
# A later rejection is as much news as an approval.
DECIDED = ("Approved", "Rejected")
# What an approver may make of a version, in a call that says so: nothing else of it.
STATUSES = (*DECIDED, "PendingManualApproval")


def people(parties: Parties) -> None:
    """Who registers versions, who approves them."""
    _registrars(parties)
    _approvers(parties)


def _registrars(parties: Parties) -> None:
    """Roles that the blueprint names, and ours in accounts that it names; once for each group."""
    inputs, hub = parties.inputs, parties.hub
    found: dict[tuple[str, str], Role] = {}
    for registrar in inputs.register_from:
        for account in registrar.account:
            role = parties.registrar(account, registrar.role)
            for name in sorted(registrar.groups or hub.groups):
                found.setdefault((role.label, name), role)
    labels = apart(found)
    for (label, name), role in found.items():
        prefix, group = f"{labels[label, name]}-{name}", hub.groups[name]
        registers_versions(parties.draft, prefix, role, group, approved=False)
        publishes_artifacts(parties.draft, prefix, role, group)
    for role in parties.registers.values():
        account = parties.draft.organization.accounts[role.place.account]
        arn = "ARN of the role that registers versions, for jobs and pipelines of SageMaker"
        parties.draft.output(account, "register_role_arn", role.arn, arn)


def _approvers(parties: Parties) -> None:
    draft, inputs, hub = parties.draft, parties.inputs, parties.hub
    approvers = {
        each.role: parties.existing(inputs.account, each.role) for each in inputs.approve_by
    }
    for role in approvers.values():
        for name, group in sorted(hub.groups.items()):
            draft.grant(
                f"{role.label}-approves-{name}",
                role,
                ("sagemaker:UpdateModelPackage",),
                Packages(group.group),
                {"StringEquals": {"sagemaker:ModelApprovalStatus": list(STATUSES)}},
            )
            describes_packages(draft, f"{role.label}-approves-{name}", role, group)


def rule_name(parties: Parties, site: Site) -> str:
    """The name of the hub's rule for a target account."""
    return parties.draft.name(f"approvals-{site.account.name}", "aws_cloudwatch_event_rule")


def pattern(parties: Parties, names: set[str]) -> dict[str, Value]:
    """The events of these groups of the hub."""
    groups = [parties.hub.groups[name].group.group for name in sorted(names)]
    return decisions(groups, _start(parties.draft.prefix("")))


def decisions(groups: Sequence[str], start: str) -> dict[str, Value]:
    """Approvals and rejections in these groups; of all that start so, where naming each is too long."""
    named: list[Value] = list(groups)
    if sum(len(group) + 3 for group in groups) > PATTERN_LIMIT - PATTERN_ROOM:
        named = [{"prefix": start}]
    return {
        "source": [SOURCE],
        "detail-type": [CHANGE],
        "detail": {"ModelPackageGroupName": named, "ModelApprovalStatus": list(DECIDED)},
    }


def _start(name: str) -> str:
    """What all names start with that go on after `name`, also those that were shortened."""
    return name if len(name) <= RULE_START else name[:RULE_START].rstrip("-")


def routing(parties: Parties, notified: list[Value]) -> None:
    """One rule for each target account that follows approvals, to that account's bus."""
    sites = [site for site in parties.sites if site.bus]
    if not sites:
        return
    draft, account = parties.draft, parties.inputs.account
    place = draft.place(account)
    # Rules that are called alike; names of 50 rules would be too long for a trust policy.
    rules = place.arn("events", f"rule/{_start(draft.prefix('approvals-'))}*")
    role = draft.role(
        account,
        "events",
        "events",
        "Tells target accounts of approvals and rejections",
        [service_trust("events.amazonaws.com", account.id, rules)],
    )
    queue = _undelivered(parties, rules, notified)
    # Source: EventBridge user guide, "Using IAM policy conditions in Amazon EventBridge".
    news: Conditions = {"StringEquals": {"events:detail-type": CHANGE, "events:source": SOURCE}}
    for site in sites:
        assert site.bus is not None
        label = identifier(site.account.name)
        draft.grant(
            f"events-tell-{site.account.name}", role, ("events:PutEvents",), Events(site.bus, news)
        )
        rule = draft.add(
            account,
            "aws_cloudwatch_event_rule",
            f"approvals_{label}",
            {
                "name": rule_name(parties, site),
                "description": f"Approvals and rejections that concern {site.account.name}",
                "event_pattern": JsonText(
                    pattern(parties, {each.group.name for each in site.following})
                ),
            },
        )
        draft.add(
            account,
            "aws_cloudwatch_event_target",
            f"approvals_{label}",
            {
                "rule": reference(rule, "name"),
                "target_id": "bus",
                "arn": site.bus.arn,
                "role_arn": reference("aws_iam_role.events", "arn"),
                "dead_letter_config": [{"arn": reference(queue, "arn")}],
                "retry_policy": [
                    {
                        "maximum_event_age_in_seconds": RETRY_SECONDS,
                        "maximum_retry_attempts": RETRIES,
                    }
                ],
            },
            depends_on=("aws_iam_role_policy.events",),
        )


def undelivered_alarm(parties: Parties) -> list[str]:
    """The name of the alarm of events that did not arrive, where any are sent."""
    any_sent = any(site.bus for site in parties.sites)
    return [parties.draft.prefix(UNDELIVERED_ALARM)] if any_sent else []


def _undelivered(parties: Parties, rules: str, notified: list[Value]) -> str:
    """The queue of events that no target took, and its alarm; gives the queue's address."""
    draft, account = parties.draft, parties.inputs.account
    name = draft.name(UNDELIVERED_ALARM, "aws_sqs_queue")
    arn = draft.place(account).arn("sqs", name)
    queue = draft.add(
        account,
        "aws_sqs_queue",
        "undelivered",
        {
            "name": name,
            "message_retention_seconds": RETENTION_SECONDS,
            "sqs_managed_sse_enabled": True,
        },
    )
    statement = Statement(
        sid="Undelivered",
        principal={"Service": "events.amazonaws.com"},
        actions=("sqs:SendMessage",),
        resources=(arn,),
        conditions={
            "ArnLike": {"aws:SourceArn": rules},
            "StringEquals": {"aws:SourceAccount": account.id},
        },
    )
    draft.add(
        account,
        "aws_sqs_queue_policy",
        "undelivered",
        {"queue_url": reference(queue, "id"), "policy": policy([statement])},
    )
    draft.add(
        account,
        "aws_cloudwatch_metric_alarm",
        "undelivered",
        {
            "alarm_name": draft.prefix(UNDELIVERED_ALARM),
            "alarm_description": "A target account was not told of an approval or a rejection",
            "namespace": "AWS/SQS",
            "metric_name": "ApproximateNumberOfMessagesVisible",
            "dimensions": {"QueueName": name},
            "statistic": "Maximum",
            "comparison_operator": "GreaterThanThreshold",
            "threshold": 0,
            "evaluation_periods": 1,
            "period": ALARM_PERIOD_SECONDS,
            "treat_missing_data": "notBreaching",
            "alarm_actions": notified or None,
            "ok_actions": notified or None,
        },
    )
    return queue
