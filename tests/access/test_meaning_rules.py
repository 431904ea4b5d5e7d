"""The rules of meaning: requests are tried on the policies of whole root modules."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from compiler.access.rules import check_policies

Body = dict[str, Any]
HERE, REGION = "111111111111", "eu-west-1"
BUCKET = "arn:aws:s3:::acme-data"
ROLE = f"arn:aws:iam::{HERE}:role/deploy"
ISSUER = "token.actions.githubusercontent.com"
HEADER = "s3:x-amz-server-side-encryption"
OURS = ("E822", "E826", "E827", "E828")


def stack(resources: Body, **more: Body) -> dict[str, Body]:
    provider = {"aws": [{"region": REGION, "allowed_account_ids": [HERE], **more}]}
    return {"aws/shared/own": {"provider": provider, "resource": copy.deepcopy(resources)}}


def _text(statements: tuple[Body, ...]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def found(documents: dict[str, Body]) -> list[tuple[str, str, str]]:
    return [
        (finding.code, finding.address, finding.message)
        for finding in check_policies(documents)
        if finding.code in OURS
    ]


# Buckets


def deny(action: str, condition: Body, **more: Any) -> Body:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": [BUCKET, f"{BUCKET}/*"],
        "Condition": condition,
        **more,
    }


def upload(condition: Body) -> Body:
    return deny("s3:PutObject", condition, Resource=f"{BUCKET}/*")


TRANSPORT = deny("s3:*", {"Bool": {"aws:SecureTransport": "false"}})
ALGORITHM = upload({"Null": {HEADER: "false"}, "StringNotEquals": {HEADER: "aws:kms"}})
KEY = upload(
    {
        "Null": {f"{HEADER}-aws-kms-key-id": "false"},
        "StringNotEquals": {f"{HEADER}-aws-kms-key-id": "${aws_kms_key.data.arn}"},
    }
)
CUSTOMER = upload({"Null": {f"{HEADER}-customer-algorithm": "false"}})
GUARDS = (TRANSPORT, ALGORITHM, KEY, CUSTOMER)


PLAIN_GUARDS = (TRANSPORT, CUSTOMER)


def bucket(*statements: Body, key: bool = True) -> dict[str, Body]:
    default = {"sse_algorithm": "aws:kms", "kms_master_key_id": "${aws_kms_key.data.arn}"}
    rule = {
        "apply_server_side_encryption_by_default": [default if key else {"sse_algorithm": "AES256"}]
    }
    identity = {"bucket": "${aws_s3_bucket.data.id}"}
    resources: Body = {
        "aws_kms_key": {"data": {"description": "data"}},
        "aws_s3_bucket": {"data": {"bucket": "acme-data"}},
        "aws_s3_bucket_server_side_encryption_configuration": {
            "data": {**identity, "rule": [rule]}
        },
    }
    if statements:
        resources["aws_s3_bucket_policy"] = {"data": {**identity, "policy": _text(statements)}}
    return stack(resources)


def test_a_guarded_bucket_is_silent() -> None:
    assert found(bucket(*GUARDS)) == []
    assert found(bucket(*PLAIN_GUARDS, key=False)) == []
    assert {code for code, _, _ in found(bucket(TRANSPORT, key=False))} == {"E822"}


def test_guards_written_otherwise_are_guards() -> None:
    """Two statements for one, ARNs by reference, an operator that says the same."""
    on_bucket = {**TRANSPORT, "Resource": "${aws_s3_bucket.data.arn}"}
    on_objects = {
        **TRANSPORT,
        "Resource": "${aws_s3_bucket.data.arn}/*",
        "Condition": {"StringNotEquals": {"aws:SecureTransport": "true"}},
    }
    assert found(bucket(on_bucket, on_objects, *GUARDS[1:])) == []


@pytest.mark.parametrize("missing", range(4))
def test_each_guard_is_needed(missing: int) -> None:
    left = [guard for number, guard in enumerate(GUARDS) if number != missing]
    said = [(code, address) for code, address, _ in found(bucket(*left))]
    assert set(said) == {("E822", "aws_s3_bucket.data")}


def test_a_bucket_without_policy_is_found() -> None:
    assert {code for code, _, _ in found(bucket())} == {"E822"}


@pytest.mark.parametrize(
    "wrong",
    [
        {**TRANSPORT, "Resource": BUCKET},
        {**TRANSPORT, "Resource": f"{BUCKET}/*"},
        {**TRANSPORT, "Action": "s3:Get*"},
        {**TRANSPORT, "Principal": {"AWS": f"arn:aws:iam::{HERE}:root"}},
        {**TRANSPORT, "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {**TRANSPORT, "Effect": "Allow"},
        {key: value for key, value in TRANSPORT.items() if key != "Condition"},
    ],
)
def test_a_guard_that_guards_less_or_more_is_found(wrong: Body) -> None:
    assert {code for code, _, _ in found(bucket(wrong, *GUARDS[1:]))} == {"E822"}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("operator", ["Null", "StringNotEquals"])
def test_a_guard_of_uploads_needs_both_conditions(number: int, operator: str) -> None:
    """Without one it refuses uploads without headers, without the other those with the right ones."""
    wrong = copy.deepcopy(GUARDS[number])
    del wrong["Condition"][operator]
    guards = [*GUARDS[:number], wrong, *GUARDS[number + 1 :]]
    messages = [message for _, _, message in found(bucket(*guards))]
    assert messages
    assert all(message.endswith("are refused") for message in messages)


@pytest.mark.parametrize("resource", ["*", "arn:aws:s3:::acme-other/*", "arn:aws:s3:::acme-data*"])
def test_a_bucket_policy_is_about_its_bucket(resource: str) -> None:
    foreign = deny("s3:DeleteObject", {"Null": {"aws:SourceVpce": "false"}}, Resource=resource)
    assert [(c, a) for c, a, _ in found(bucket(*GUARDS, foreign))] == [
        ("E827", "aws_s3_bucket_policy.data")
    ]


# Calls of services


def admits(service: str, action: str, resource: str, condition: Body) -> Body:
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": action,
        "Resource": resource,
        "Condition": condition,
    }


def source(arn: str) -> Body:
    return {
        "ArnEquals": {"aws:SourceArn": arn},
        "StringEquals": {"aws:SourceAccount": HERE},
    }


TOPIC = f"arn:aws:sns:{REGION}:{HERE}:alerts"
QUEUE = f"arn:aws:sqs:{REGION}:{HERE}:dead"
RULE = f"arn:aws:events:{REGION}:{HERE}:rule/hub/approved"
BUS_RULE: Body = {"name": "approved", "event_bus_name": "${aws_cloudwatch_event_bus.hub.name}"}
TARGET: Body = {"rule": "${aws_cloudwatch_event_rule.a.name}", "event_bus_name": "hub"}


def topic(*statements: Body, key: Body | None = None) -> Body:
    made: Body = {
        "aws_sns_topic": {"alerts": {"name": "alerts"}},
        "aws_sns_topic_policy": {
            "alerts": {"arn": "${aws_sns_topic.alerts.arn}", "policy": _text(statements)}
        },
    }
    if key is not None:
        made["aws_sns_topic"]["alerts"]["kms_master_key_id"] = "${aws_kms_key.a.arn}"
        made["aws_kms_key"] = {"a": {"policy": _text((key,))}}
    return made


def alarm() -> tuple[Body, Body]:
    """An alarm, and the statement that lets it publish."""
    arn = f"arn:aws:cloudwatch:{REGION}:{HERE}:alarm:errors"
    made = {"errors": {"alarm_name": "errors", "alarm_actions": ["${aws_sns_topic.alerts.arn}"]}}
    statement = admits("cloudwatch.amazonaws.com", "sns:Publish", TOPIC, source(arn))
    return {"aws_cloudwatch_metric_alarm": made, **topic(statement)}, statement


def event() -> tuple[Body, Body]:
    """A rule of a bus of its own to a queue of letters that could not be delivered."""
    statement = admits("events.amazonaws.com", "sqs:SendMessage", QUEUE, source(RULE))
    function = "${aws_lambda_function.f.arn}"
    return {
        "aws_cloudwatch_event_bus": {"hub": {"name": "hub"}},
        "aws_cloudwatch_event_rule": {"a": BUS_RULE},
        "aws_cloudwatch_event_target": {
            "a": {
                **TARGET,
                "arn": function,
                "dead_letter_config": [{"arn": "${aws_sqs_queue.dead.arn}"}],
            }
        },
        "aws_lambda_function": {"f": {"function_name": "f"}},
        "aws_lambda_permission": {
            "f": {
                "function_name": "f",
                "action": "lambda:InvokeFunction",
                "principal": "events.amazonaws.com",
                "source_arn": "${aws_cloudwatch_event_rule.a.arn}",
            }
        },
        "aws_sqs_queue": {"dead": {"name": "dead"}},
        "aws_sqs_queue_policy": {
            "dead": {"queue_url": "${aws_sqs_queue.dead.url}", "policy": _text((statement,))}
        },
    }, statement


def log_group() -> tuple[Body, Body]:
    arn = f"arn:aws:logs:{REGION}:{HERE}:log-group:/aws/own"
    condition = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn}}
    actions = [
        "kms:Decrypt*",
        "kms:Describe*",
        "kms:Encrypt*",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*",
    ]
    statement = admits(f"logs.{REGION}.amazonaws.com", "", "*", condition) | {"Action": actions}
    return {
        "aws_cloudwatch_log_group": {
            "a": {"name": "/aws/own", "kms_key_id": "${aws_kms_key.a.arn}"}
        },
        "aws_kms_key": {"a": {"policy": _text((statement,))}},
    }, statement


def subscription() -> tuple[Body, Body]:
    statement = admits("sns.amazonaws.com", "sqs:SendMessage", QUEUE, source(TOPIC))
    return {
        **topic(admits("budgets.amazonaws.com", "sns:Publish", TOPIC, source(TOPIC))),
        "aws_sns_topic_subscription": {
            "a": {
                "topic_arn": "${aws_sns_topic.alerts.arn}",
                "protocol": "sqs",
                "endpoint": "${aws_sqs_queue.dead.arn}",
            }
        },
        "aws_sqs_queue": {"dead": {"name": "dead", "policy": _text((statement,))}},
    }, statement


def notification() -> tuple[Body, Body]:
    statement = admits("s3.amazonaws.com", "sns:Publish", TOPIC, source(BUCKET))
    return {
        **topic(statement),
        "aws_s3_bucket_notification": {
            "a": {
                "bucket": "acme-data",
                "topic": [{"topic_arn": TOPIC, "events": ["s3:ObjectCreated:*"]}],
            }
        },
    }, statement


CALLERS = [alarm, event, log_group, subscription, notification]


@pytest.mark.parametrize("caller", CALLERS, ids=lambda c: c.__name__)
def test_a_service_that_is_admitted_is_silent(caller: Callable[[], tuple[Body, Body]]) -> None:
    assert found(stack(caller()[0])) == []


@pytest.mark.parametrize("caller", CALLERS, ids=lambda c: c.__name__)
def test_a_service_that_is_not_admitted_is_found(caller: Callable[[], tuple[Body, Body]]) -> None:
    """Another service, another source, nothing at all."""
    resources, statement = caller()
    before = _text((statement,))
    conditions = statement["Condition"]
    other = {op: dict.fromkeys(keys, "arn:aws:x:y:1:z") for op, keys in conditions.items()}
    for wrong in (
        {**statement, "Principal": {"Service": "iot.amazonaws.com"}},
        {**statement, "Condition": other},
        {**statement, "Effect": "Deny"},
    ):
        made = _replaced(resources, before, _text((wrong,)))
        assert {code for code, _, _ in found(stack(made))} == {"E826"}, wrong


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, old, new) for item in value]
    return new if value == old else value


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:GenerateDataKey*"])
def test_who_publishes_to_an_encrypted_topic_needs_its_key(action: str) -> None:
    alarms, statement = alarm()
    use = admits("cloudwatch.amazonaws.com", "", "*", {}) | {
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]
    }
    assert found(stack({**alarms, **topic(statement, key=use)})) == []
    less = {**use, "Action": [each for each in use["Action"] if each != action]}
    messages = [message for _, _, message in found(stack({**alarms, **topic(statement, key=less)}))]
    assert len(messages) == 1
    assert f"may not {action.removesuffix('*')} on " in messages[0]


def test_of_what_is_not_made_here_nothing_is_said() -> None:
    elsewhere = f"arn:aws:sns:{REGION}:222222222222:theirs"
    made = {"errors": {"alarm_name": "errors", "alarm_actions": [elsewhere]}}
    assert found(stack({"aws_cloudwatch_metric_alarm": made})) == []


def test_a_target_with_a_role_is_not_called_by_the_service_itself() -> None:
    with_role = {**TARGET, "arn": "${aws_sns_topic.alerts.arn}", "role_arn": ROLE}
    rules = {
        "aws_cloudwatch_event_target": {"a": with_role},
        "aws_cloudwatch_event_rule": {"a": BUS_RULE},
    }
    other = topic(admits("s3.amazonaws.com", "sns:Publish", TOPIC, source(BUCKET)))
    assert found(stack({**rules, **other})) == []
    del with_role["role_arn"]
    assert {code for code, _, _ in found(stack({**rules, **other}))} == {"E826"}


# The role that Terraform works as

WORKFLOW: Body = {
    "Effect": "Allow",
    "Principal": {"Federated": f"arn:aws:iam::{HERE}:oidc-provider/{ISSUER}"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
        "StringEquals": {
            f"{ISSUER}:aud": "sts.amazonaws.com",
            f"{ISSUER}:sub": "repo:a/b:ref:refs/heads/main",
        }
    },
}
ITSELF: Body = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{HERE}:root"},
    "Action": "sts:AssumeRole",
    "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}},
}
PEOPLE: Body = {
    **ITSELF,
    "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE.replace("deploy", "ops")}},
}
OWN: Body = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}


def deploying(*trust: Body, own: bool = True) -> dict[str, Body]:
    resources: Body = {
        "aws_iam_role": {"deploy": {"name": "deploy", "assume_role_policy": _text(trust)}}
    }
    if own:
        resources["aws_iam_role_policy"] = {"deploy": {"role": "deploy", "policy": _text((OWN,))}}
    return stack(resources, assume_role=[{"role_arn": ROLE}])


def test_a_role_that_terraform_can_work_as_is_silent() -> None:
    assert found(deploying(WORKFLOW, ITSELF)) == []
    assert found(deploying(PEOPLE, own=False)) == []


@pytest.mark.parametrize(
    "documents",
    [
        deploying(WORKFLOW),
        deploying(ITSELF),
        deploying(WORKFLOW, ITSELF, own=False),
        deploying(WORKFLOW, {**ITSELF, "Principal": {"AWS": "arn:aws:iam::222222222222:root"}}),
    ],
)
def test_a_role_that_nobody_can_apply_in_is_found(documents: dict[str, Body]) -> None:
    assert [(c, a) for c, a, _ in found(documents)] == [("E828", "aws_iam_role.deploy")]


def test_only_a_role_that_a_provider_names_must_admit_itself() -> None:
    for trust, codes in (((WORKFLOW,), []), ((ITSELF,), ["E828"])):
        (path, document) = next(iter(deploying(*trust).items()))
        del document["provider"]["aws"][0]["assume_role"]
        assert [code for code, _, _ in found({path: document})] == codes
