"""What is read from Terraform: references, symbols, escapes, and what stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from compiler.access.evaluation import Decision, Policies, Request, collect, decide, decide_all
from compiler.access.evaluation.module import module
from compiler.access.evaluation.text import HOLE, Partial

OWN, OTHER = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{OWN}:role/worker"
GUEST = f"arn:aws:iam::{OTHER}:role/guest"


def stack(account: str, resources: Mapping[str, Any], **local_values: Any) -> dict[str, Any]:
    provider = {"allowed_account_ids": [account], "region": "eu-west-1"}
    return {"provider": {"aws": [provider]}, "locals": local_values, "resource": dict(resources)}


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def worker(policy: Any, *, account: str = OWN, name: str = "worker", **more: Any) -> dict[str, Any]:
    """A stack of a role with one inline policy."""
    resources = {
        "aws_iam_role": {"it": {"name": name, "assume_role_policy": "{}", **more}},
        "aws_iam_role_policy": {"it": {"role": "${aws_iam_role.it.name}", "policy": policy}},
    }
    return stack(account, resources)


def may(
    known: Policies, action: str, resource: str, principal: str = ROLE, **more: Any
) -> Decision:
    asked = Request(
        principal=principal, action=action, resource=resource, context=more, complete=True
    )
    return decide(known, asked)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${local.name}-${local.deep.list[1]}", "acme-b"),
        ('${local.deep["list"][0]}', "a"),
        ("$${aws:username} %%{x}", "${aws:username} %{x}"),
        ("${aws_iam_role.it.arn}", f"arn:aws:iam::{OWN}:role/team/worker"),
        ("${aws_iam_role.it.name}", "worker"),
        ("${aws_s3_bucket.it.arn}/data/*", "arn:aws:s3:::acme-data/data/*"),
        ("${aws_s3_bucket.it.id}", "acme-data"),
        ("${aws_kms_key.it.arn}", f"arn:aws:kms:eu-west-1:{OWN}:key/<aws/own/it/aws_kms_key.it>"),
        ("${aws_kms_key.it.key_id}", "<aws/own/it/aws_kms_key.it>"),
        ("${aws_sqs_queue.it.url}", f"https://sqs.eu-west-1.amazonaws.com/{OWN}/jobs"),
        ("${aws_sqs_queue.it.arn}", f"arn:aws:sqs:eu-west-1:{OWN}:jobs"),
        ("${aws_ssm_parameter.it.arn}", f"arn:aws:ssm:eu-west-1:{OWN}:parameter/a/b"),
        ("${data.aws_caller_identity.current.account_id}", OWN),
        ("${data.aws_region.current.name}", "eu-west-1"),
    ],
)
def test_texts_that_are_known(text: str, value: str) -> None:
    assert reading().text(text) == value


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("${var.name}", "var.name"),
        ("${local.missing}", "local.missing"),
        ("${aws_vpc.main.id}", "aws_vpc.main.id"),
        ("${lower(local.name)}", "lower(local.name)"),
        ('${format("%s}", local.name)}', 'format("%s}", local.name)'),
        ("${aws_sns_topic.many[0].arn}", "aws_sns_topic.many[0].arn"),
        ("${local.cycle}", "local.cycle"),
        ("%{ if true }x", "%{if true}"),
    ],
)
def test_texts_that_are_not_known(text: str, reference: str) -> None:
    found = reading().text(text)
    assert isinstance(found, Partial)
    assert found.unknown == {reference}
    assert HOLE in found.text


def reading() -> Any:
    resources = {
        "aws_iam_role": {"it": {"name": "worker", "path": "/team/"}},
        "aws_kms_key": {"it": {}},
        "aws_s3_bucket": {"it": {"bucket": "${local.name}-data"}},
        "aws_sns_topic": {"many": {"name": "t", "count": 2}},
        "aws_sqs_queue": {"it": {"name": "jobs"}},
        "aws_ssm_parameter": {"it": {"name": "/a/b"}},
        "aws_vpc": {"main": {}},
    }
    document = stack(OWN, resources, name="acme", deep={"list": ["a", "b"]}, cycle="${local.cycle}")
    return module("aws/own/it", document)


def test_policy_as_json_text() -> None:
    known = collect(
        {"aws/own/it": worker('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')}
    )
    assert may(known, "sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{OWN}:jobs").allowed


def test_an_unknown_resource_makes_the_answer_depend_on_it() -> None:
    known = collect({"aws/own/it": worker(allow("states:*", "arn:aws:states:*:*:${var.machine}"))})
    machine = f"arn:aws:states:eu-west-1:{OWN}:stateMachine:train"
    answer = may(known, "states:StartExecution", machine)
    assert (answer.verdict, answer.depends_on) == ("depends", {"var.machine"})
    assert may(known, "states:StartExecution", machine.replace("states", "sns")).denied


def test_a_policy_of_an_unknown_role_may_be_anyones() -> None:
    found = worker(allow("s3:GetObject"))
    found["resource"]["aws_iam_role_policy"]["x"] = {"role": "${var.role}", "policy": allow("*")}
    pipeline = f"arn:aws:codepipeline:eu-west-1:{OWN}:release"
    answer = may(collect({"aws/own/it": found}), "codepipeline:GetPipeline", pipeline)
    assert (answer.verdict, answer.depends_on) == ("depends", {"var.role"})


def test_roles_attach_across_stacks_of_an_account() -> None:
    policy = {"name": "p", "path": "/x/", "policy": "${jsonencode(local.p)}"}
    attachment = {"role": "worker", "policy_arn": "${aws_iam_policy.p.arn}"}
    own = stack(
        OWN,
        {"aws_iam_policy": {"p": policy}, "aws_iam_role_policy_attachment": {"a": attachment}},
        p=allow("sns:Publish"),
    )
    known = collect({"aws/own/it": worker(allow("s3:GetObject")), "aws/own/more": own})
    answer = may(known, "sns:Publish", f"arn:aws:sns:eu-west-1:{OWN}:t")
    assert answer.allowed
    assert [(each.stack, each.address) for each in answer.chain] == [
        ("aws/own/more", "aws_iam_policy.p")
    ]


def owned(resources: Mapping[str, Any], action: str, **local_values: Any) -> Policies:
    """Resources of one account, and a role of another that may do the action anywhere."""
    own = stack(OWN, resources, **local_values)
    return collect(
        {"aws/own/it": own, "aws/other/it": worker(allow(action), account=OTHER, name="guest")}
    )


GUESTS = {"AWS": f"arn:aws:iam::{OTHER}:root"}


def named(action: str, resource: str) -> dict[str, Any]:
    return allow(action, resource, Principal=GUESTS)


PLACE = f"eu-west-1:{OWN}"
RESOURCES = [
    (
        {
            "aws_sqs_queue": {"it": {"name": "jobs"}},
            "aws_sqs_queue_policy": {
                "it": {
                    "queue_url": "${aws_sqs_queue.it.id}",
                    "policy": named("sqs:*", "${aws_sqs_queue.it.arn}"),
                }
            },
        },
        "sqs:SendMessage",
        f"arn:aws:sqs:{PLACE}:jobs",
    ),
    (
        {"aws_sns_topic": {"it": {"name": "news", "policy": named("sns:Publish", "*")}}},
        "sns:Publish",
        f"arn:aws:sns:{PLACE}:news",
    ),
    (
        {
            "aws_lambda_function": {"it": {"function_name": "score"}},
            "aws_lambda_permission": {
                "it": {
                    "function_name": "${aws_lambda_function.it.function_name}",
                    "action": "lambda:InvokeFunction",
                    "principal": OTHER,
                }
            },
        },
        "lambda:InvokeFunction",
        f"arn:aws:lambda:{PLACE}:function:score",
    ),
    (
        {
            "aws_cloudwatch_event_bus": {"it": {"name": "models"}},
            "aws_cloudwatch_event_bus_policy": {
                "it": {
                    "event_bus_name": "${aws_cloudwatch_event_bus.it.name}",
                    "policy": named("events:PutEvents", "${aws_cloudwatch_event_bus.it.arn}"),
                }
            },
        },
        "events:PutEvents",
        f"arn:aws:events:{PLACE}:event-bus/models",
    ),
    (
        {"aws_cloudwatch_event_permission": {"it": {"principal": OTHER, "statement_id": "S"}}},
        "events:PutEvents",
        f"arn:aws:events:{PLACE}:event-bus/default",
    ),
    (
        {
            "aws_sagemaker_model_package_group": {"it": {"model_package_group_name": "churn"}},
            "aws_sagemaker_model_package_group_policy": {
                "it": {
                    "model_package_group_name": "churn",
                    "resource_policy": named(
                        "sagemaker:DescribeModelPackage",
                        f"arn:aws:sagemaker:{PLACE}:model-package/churn/*",
                    ),
                }
            },
        },
        "sagemaker:DescribeModelPackage",
        f"arn:aws:sagemaker:{PLACE}:model-package/churn/3",
    ),
    (
        {
            "aws_ecr_repository": {"it": {"name": "serving"}},
            "aws_ecr_repository_policy": {
                "it": {
                    "repository": "${aws_ecr_repository.it.name}",
                    "policy": named("ecr:BatchGetImage", "*"),
                }
            },
        },
        "ecr:BatchGetImage",
        f"arn:aws:ecr:{PLACE}:repository/serving",
    ),
    (
        {
            "aws_kms_key": {"it": {}},
            "aws_kms_key_policy": {
                "it": {"key_id": "${aws_kms_key.it.key_id}", "policy": named("kms:Decrypt", "*")}
            },
        },
        "kms:Decrypt",
        f"arn:aws:kms:{PLACE}:key/<aws/own/it/aws_kms_key.it>",
    ),
]


@pytest.mark.parametrize(("resources", "action", "arn"), RESOURCES, ids=[r[1] for r in RESOURCES])
def test_resource_policies(resources: dict[str, Any], action: str, arn: str) -> None:
    known = owned(resources, action)
    assert known.problems == ()
    answer = may(known, action, arn, GUEST)
    assert answer.allowed, answer
    assert [each.side for each in answer.chain] == [
        "identity",
        "key" if action.startswith("kms") else "resource",
    ]
    assert not may(known, action, arn, GUEST.replace(OTHER, "333333333333")).allowed
    silent = {
        kind: body
        for kind, body in resources.items()
        if not kind.endswith(("policy", "permission"))
    }
    if silent and "aws_sns_topic" not in silent:
        assert may(owned(silent, action), action, arn, GUEST).denied


def test_a_permission_for_a_service_holds_for_its_source_only() -> None:
    rule = f"arn:aws:events:{PLACE}:rule/nightly"
    known = owned(
        {
            "aws_cloudwatch_event_rule": {"it": {"name": "nightly"}},
            "aws_lambda_function": {"it": {"function_name": "score"}},
            "aws_lambda_permission": {
                "it": {
                    "function_name": "${aws_lambda_function.it.arn}",
                    "action": "lambda:InvokeFunction",
                    "principal": "events.amazonaws.com",
                    "source_arn": "${aws_cloudwatch_event_rule.it.arn}",
                }
            },
        },
        "sns:Publish",
    )
    call = ("lambda:InvokeFunction", f"arn:aws:lambda:{PLACE}:function:score")
    service = "events.amazonaws.com"
    assert may(known, *call, service, **{"aws:SourceArn": rule}).allowed
    assert may(known, *call, service, **{"aws:SourceArn": rule + "s"}).denied
    assert may(known, *call, service).denied


def test_aliases_admit_only_the_key_they_name() -> None:
    """The identity half that names a key by its alias, as Landform writes it across accounts."""
    alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/data"}}
    keys = {
        "aws_kms_key": {name: {"policy": named("kms:Decrypt", "*")} for name in ("data", "other")},
        "aws_kms_alias": {
            name: {"name": f"alias/{name}", "target_key_id": f"${{aws_kms_key.{name}.key_id}}"}
            for name in ("data", "other")
        },
    }
    guest = worker(
        allow("kms:Decrypt", f"arn:aws:kms:{PLACE}:key/*", Condition=alias),
        account=OTHER,
        name="guest",
    )
    known = collect({"aws/own/it": stack(OWN, keys), "aws/other/it": guest})
    for name, verdict in (("data", "allowed"), ("other", "denied")):
        key = known.arns["aws/own/it", f"aws_kms_key.{name}"]
        assert may(known, "kms:Decrypt", key, GUEST).verdict == verdict
        by_alias = f"arn:aws:kms:{PLACE}:alias/{name}"
        assert may(known, "kms:Decrypt", by_alias, GUEST).verdict == verdict
    keys["aws_kms_alias"]["data"]["name"] = "${var.alias}"
    unsure = collect({"aws/own/it": stack(OWN, keys), "aws/other/it": guest})
    answer = may(unsure, "kms:Decrypt", key, GUEST)
    assert (answer.verdict, answer.depends_on) == ("depends", {"var.alias"})


def test_an_encrypted_bucket_needs_its_key_too() -> None:
    """CDK's published gap: a bucket's grant across accounts without the key's half."""
    encryption = {
        "bucket": "${aws_s3_bucket.it.id}",
        "rule": [
            {
                "apply_server_side_encryption_by_default": [
                    {"kms_master_key_id": "${aws_kms_key.it.arn}", "sse_algorithm": "aws:kms"}
                ]
            }
        ],
    }
    resources = {
        "aws_kms_key": {"it": {}},
        "aws_s3_bucket": {"it": {"bucket": "data"}},
        "aws_s3_bucket_policy": {
            "it": {"bucket": "data", "policy": named("s3:GetObject", "arn:aws:s3:::data/*")}
        },
        "aws_s3_bucket_server_side_encryption_configuration": {"it": encryption},
    }
    asked = Request(
        principal=GUEST, action="s3:GetObject", resource="arn:aws:s3:::data/x", complete=True
    )
    known = owned(resources, "*")
    assert decide(known, asked).allowed
    whole = decide_all(known, asked)
    assert whole.denied
    assert "aws_kms_key" in whole.missing[0]
    resources["aws_kms_key"]["it"]["policy"] = named("kms:Decrypt", "*")
    assert decide_all(owned(resources, "*"), asked).allowed
