"""What services call because a resource asks them to, and whether they may.

An alarm has CloudWatch publish to a topic, a rule has EventBridge send to a queue, a log group has
CloudWatch Logs use a key. No role takes part, so the policy of what is called must admit the service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.access.evaluation import Policies, Request, decide
from compiler.access.evaluation.implied import implied
from compiler.access.evaluation.module import Module, Resource, module
from compiler.access.rules.exceptions import SOURCELESS
from compiler.access.rules.records import Finding
from compiler.data import dns_suffix
from compiler.terraform.document import Json

# What is called, by the service of its ARN.
_ACTIONS = {
    "events": "events:PutEvents",
    "lambda": "lambda:InvokeFunction",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
}
# Source: CloudWatch Logs user guide, "Encrypt log data in CloudWatch Logs using AWS KMS".
_LOG_ACTIONS = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


@dataclass(frozen=True, slots=True)
class Call:
    """A service's call: `source` is the ARN of what it acts for, which `address` makes."""

    stack: str
    address: str
    argument: str
    service: str
    action: str
    target: str
    context: Mapping[str, str]


def calls(policies: Policies, documents: Mapping[str, Mapping[str, Json]]) -> Iterator[Finding]:
    """E826: every call that a policy of these stacks does not admit, with its use of keys."""
    for stack, document in documents.items():
        found = module(stack, document) if stack.startswith("aws/") else None
        for call in _calls(found) if found is not None else ():
            refused = _refused(policies, call)
            if refused is not None:
                yield Finding(
                    code="E826",
                    message=f"{call.service} may not {refused.action} on {refused.resource}",
                    hint="admit the service in that policy, for exactly this source",
                    stack=call.stack,
                    address=call.address,
                    argument=call.argument,
                    sid="",
                )


def _refused(policies: Policies, call: Call) -> Request | None:
    """The request that is not allowed; of what is not made here nothing is known."""
    if call.target not in policies.holders:
        return None
    first = Request(
        principal=call.service,
        action=call.action,
        resource=call.target,
        context=call.context,
        complete=True,
    )
    for request in (first, *implied(policies, first)):
        if request.resource in policies.holders and decide(policies, request).denied:
            return request
    return None


def _calls(found: Module) -> Iterator[Call]:
    for kind in found.types():
        for resource in found.resources(kind) if kind in _CALLERS else ():
            yield from _CALLERS[kind](found, resource)


def _call(
    found: Module, resource: Resource, argument: str, service: str, source: Json, target: Json
) -> Iterator[Call]:
    """The call of a service to something by its ARN, where both are known."""
    arn, origin = found.text(target), found.text(source)
    if not isinstance(arn, str) or not isinstance(origin, str) or arn.count(":") < 5:
        return
    called = arn.split(":")[2]
    action = _ACTIONS.get(called)
    if action is None:
        return
    if called == "lambda":
        arn = ":".join(arn.split(":")[:7])  # a version or an alias has the function's policy
    context: dict[str, str] = {}
    if (called, service) not in SOURCELESS:
        context = {"aws:SourceAccount": found.account, "aws:SourceArn": origin}
    yield Call(found.stack, resource.address, argument, service, action, arn, context)


def _alarm(found: Module, resource: Resource) -> Iterator[Call]:
    arn = found.arn(resource)
    if not isinstance(arn, str):
        return
    for argument in ("alarm_actions", "insufficient_data_actions", "ok_actions"):
        for target in _listed(resource.arguments.get(argument)):
            text = found.text(target)
            function = isinstance(text, str) and ":lambda:" in text
            service = "lambda.alarms" if function else "cloudwatch"
            yield from _call(found, resource, argument, f"{service}.amazonaws.com", arn, target)


def _rule(found: Module, resource: Resource) -> Iterator[Call]:
    """Targets without a role; messages that could not be delivered never have one."""
    given = resource.arguments
    bus = found.text(given.get("event_bus_name", "default"))
    name = found.text(given.get("rule"))
    if not isinstance(bus, str) or not isinstance(name, str):
        return
    bus = bus.rpartition("/")[2]
    rule = name if bus == "default" else f"{bus}/{name}"
    source = f"arn:{found.partition}:events:{found.region}:{found.account}:rule/{rule}"
    service = "events.amazonaws.com"
    if "role_arn" not in given:
        yield from _call(found, resource, "arn", service, source, given.get("arn"))
    for block in _listed(given.get("dead_letter_config")):
        if isinstance(block, Mapping):
            argument = "dead_letter_config"
            yield from _call(found, resource, argument, service, source, block.get("arn"))


def _notification(found: Module, resource: Resource) -> Iterator[Call]:
    bucket = found.text(resource.arguments.get("bucket"))
    source = found.arn_of("aws_s3_bucket", bucket)
    if not isinstance(source, str):
        return
    for argument, name in (
        ("lambda_function", "lambda_function_arn"),
        ("queue", "queue_arn"),
        ("topic", "topic_arn"),
    ):
        for block in _listed(resource.arguments.get(argument)):
            if isinstance(block, Mapping):
                service = "s3.amazonaws.com"
                yield from _call(found, resource, argument, service, source, block.get(name))


def _subscription(found: Module, resource: Resource) -> Iterator[Call]:
    given = resource.arguments
    if given.get("protocol") in ("lambda", "sqs"):
        yield from _call(
            found,
            resource,
            "endpoint",
            "sns.amazonaws.com",
            given.get("topic_arn"),
            given.get("endpoint"),
        )


def _log_group(found: Module, resource: Resource) -> Iterator[Call]:
    given, arn = resource.arguments.get("kms_key_id"), found.arn(resource)
    key = None if given is None else found.arn_of("aws_kms_key", found.text(given))
    if not isinstance(key, str) or not isinstance(arn, str):
        return
    service = f"logs.{found.region}.{dns_suffix(found.partition)}"
    context = {"kms:EncryptionContext:aws:logs:arn": arn}
    for action in _LOG_ACTIONS:
        yield Call(found.stack, resource.address, "kms_key_id", service, action, key, context)


_CALLERS: Mapping[str, Callable[[Module, Resource], Iterator[Call]]] = {
    "aws_cloudwatch_event_target": _rule,
    "aws_cloudwatch_log_group": _log_group,
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_s3_bucket_notification": _notification,
    "aws_sns_topic_subscription": _subscription,
}


def _listed(value: Json) -> Sequence[Json]:
    """A list, or a block that stands without one."""
    if value is None or isinstance(value, str):
        return () if value is None else (value,)
    return value if isinstance(value, Sequence) else (value,)
