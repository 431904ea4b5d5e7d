"""Two pipelines of the same accounts, one's name the beginning of the other's: nothing is shared.

`churn` and `churn-x` are compiled together; each role of one is asked for everything that the other
makes, also at run time.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.compilation import Compiled, compile_blueprints
from tests.kinds.documents import Module, accounts_of
from tests.kinds.variants import blueprint
from tests.terraform.evaluate import evaluate
from tests.terraform.policies import Account

NAMES = ("churn", "churn-x")
UUID = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
RELEASE = "0a1b2c3d-0123456789ab"
SHARED, TRAINING, PRODUCTION = "111111111111", "222222222222", "333333333333"


@cache
def both() -> Compiled:
    value = blueprint({"alerts": {"notify": ["ops@acme.example"]}})
    other: dict[str, Any] = {**value["components"]["churn"]}
    other["deploy"] = {**other["deploy"], "endpoint": "Churn-live-x"}
    value["components"]["churn-x"] = other
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(yaml.safe_dump(value, sort_keys=False))
        compilation = compile_blueprints(path)
    assert not compilation.diagnostics, "\n".join(map(str, compilation.diagnostics))
    return compilation.blueprints[0]


@cache
def modules() -> tuple[Module, ...]:
    compiled = both()
    return tuple(
        Module(
            stack.path,
            stack.account_id,
            stack.region,
            "aws",
            compiled.documents[stack.path],
            {},
        )
        for stack in compiled.stacks
    )


@cache
def accounts() -> dict[str, Account]:
    return accounts_of(modules(), {edge.principal_arn for edge in both().edges})


def made(name: str) -> list[tuple[str, str]]:
    """What a pipeline makes, by name, with what one could do to it."""
    endpoint = {"churn": "churn-live", "churn-x": "churn-live-x"}[name]
    sagemaker = f"arn:aws:sagemaker:eu-west-1:{PRODUCTION}"
    watch = f"arn:aws:cloudwatch:eu-west-1:{PRODUCTION}:alarm"
    job = f"arn:aws:sagemaker:eu-west-1:{TRAINING}:training-job/acme-{name}-{UUID}"
    states = f"arn:aws:states:eu-west-1:{TRAINING}"
    bucket = f"arn:aws:s3:::acme-{name}-artifacts-{SHARED}"
    run = f"acme-{name}-{UUID}"
    # Named by the endpoint as it was registered; SageMaker's ARNs are in lower case.
    scaling = f"{watch}:TargetTracking-endpoint/{endpoint.capitalize()}/variant/AllTraffic-High-1"
    deployer = f"arn:aws:lambda:eu-west-1:{PRODUCTION}:function:acme-{name}-deployer"
    return [
        *((f"sagemaker:{a}TrainingJob", job) for a in ("Create", "Describe", "Stop")),
        ("sagemaker:AddTags", job),
        ("sagemaker:CreateModel", f"{sagemaker}:model/acme-{name}-{RELEASE}"),
        ("sagemaker:AddTags", f"{sagemaker}:model/acme-{name}-{RELEASE}"),
        ("sagemaker:CreateEndpointConfig", f"{sagemaker}:endpoint-config/acme-{name}-{RELEASE}"),
        ("sagemaker:UpdateEndpoint", f"{sagemaker}:endpoint-config/acme-{name}-{RELEASE}"),
        *(
            (f"sagemaker:{a}Endpoint", f"{sagemaker}:endpoint/{endpoint}")
            for a in ("Update", "Delete")
        ),
        ("cloudwatch:DescribeAlarms", f"{watch}:acme-{name}-endpoint-errors"),
        ("cloudwatch:DescribeAlarms", f"{watch}:acme-{name}-endpoint-latency"),
        ("cloudwatch:DeleteAlarms", scaling),
        ("states:StartExecution", f"{states}:stateMachine:acme-{name}-train"),
        ("states:DescribeExecution", f"{states}:execution:acme-{name}-train:{run}"),
        ("states:UpdateStateMachine", f"{states}:stateMachine:acme-{name}-train"),
        (
            "cloudformation:DeleteStack",
            f"arn:aws:cloudformation:eu-west-1:{TRAINING}:stack/acme-{name}-train/1",
        ),
        (
            "ssm:GetParameter",
            f"arn:aws:ssm:eu-west-1:{TRAINING}:parameter/landform/acme/{name}/train",
        ),
        ("lambda:InvokeFunction", deployer),
        (
            "logs:PutLogEvents",
            f"arn:aws:logs:eu-west-1:{PRODUCTION}:log-group:/aws/lambda/acme-{name}-deployer:log-stream:a",
        ),
        ("s3:PutObject", f"{bucket}/releases/{run}/manifest.json"),
        ("s3:GetObject", f"{bucket}/models/{run}/model.tar.gz"),
    ]


def doers(name: str, action: str, resource: str) -> set[str]:
    """The roles of a pipeline that may do it."""
    own = {
        role.arn
        for account in accounts().values()
        for role in account.roles.values()
        if _component(role.arn) == name
    }
    assert len(own) > 8
    context = {"aws:PrincipalOrgID": "o-abc123defg"}
    return {r for r in own if evaluate(accounts(), r, action, resource, context).allowed}


def _component(arn: str) -> str | None:
    role = arn.rpartition("/")[2]
    if not role.startswith("acme-churn-"):
        return None
    return "churn-x" if role.startswith("acme-churn-x-") else "churn"


@pytest.mark.parametrize(("name", "other"), [NAMES, NAMES[::-1]])
def test_no_role_acts_on_what_the_other_makes(name: str, other: str) -> None:
    for action, resource in made(other):
        assert doers(other, action, resource), f"nobody of {other} may {action} on {resource}"
        assert not doers(name, action, resource), (action, resource)


def test_alarms_of_the_one_do_not_publish_to_the_other_s_topic() -> None:
    for name, other in (NAMES, NAMES[::-1]):
        (policy,) = [
            body["policy"]
            for module in modules()
            if module.path == f"aws/production/{name}"
            for body in module.resources("aws_sns_topic_policy").values()
        ]
        assert f':alarm:acme-{name}-endpoint-errors"' in policy
        assert f':alarm:acme-{other}-endpoint-errors"' not in policy
        assert "*" not in policy
