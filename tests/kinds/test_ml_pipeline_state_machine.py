"""The state machine: valid Amazon States Language, fed by what the pipeline and Terraform give it.

And its CloudFormation template, which the pipeline deploys: valid by cfn-lint, and small enough.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from compiler.kinds.endpoints.deployer.release import Request
from tests.kinds.pipeline import Pipeline
from tests.kinds.test_ml_pipeline_acceptance import machine
from tests.kinds.variants import VARIANTS, component, pipeline

CLOUDFORMATION = [
    name
    for name, changes in VARIANTS.items()
    if component(changes).get("state_machine", "cloudformation") == "cloudformation"
]
TASK_KEYS = {
    "Type",
    "Resource",
    "Parameters",
    "ResultSelector",
    "ResultPath",
    "Retry",
    "Next",
    "End",
}
EXECUTION = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"


def paths(value: Any) -> Iterator[str]:
    """Every JSONPath in a payload template, also inside intrinsic functions."""
    if isinstance(value, list):
        for item in value:
            yield from paths(item)
    if isinstance(value, dict):
        for key, item in value.items():
            if key.endswith(".$"):
                yield from re.findall(r"(?<!\$)\$\.[\w.]+", item)
            else:
                yield from paths(item)


def train_action(p: Pipeline) -> dict[str, Any]:
    (found,) = [a for _, a in p.actions() if a["provider"] == "StepFunctions"]
    return found


def settings(p: Pipeline) -> dict[str, Any]:
    parameter = p.module(p.training).body("aws_ssm_parameter", "settings")
    found: dict[str, Any] = json.loads(parameter["value"])
    return found


def look_up(value: Any, path: str) -> Any:
    for step in path.split(".")[1:]:
        value = value[step]
    return value


def network_of(p: Pipeline) -> str:
    """The train state that a run of these settings comes to, by the rules of the Choice state."""
    states = machine(p)["States"]
    state = states[states["ReadSettings"]["Next"]]
    (rule,) = state["Choices"]
    assert rule["IsPresent"] is True
    document = {"read": {"settings": settings(p)}}
    try:
        look_up(document, rule["Variable"])
    except KeyError:
        return str(state["Default"])
    return str(rule["Next"])


@pytest.mark.parametrize("name", VARIANTS)
def test_structure(name: str) -> None:
    states = machine(pipeline(name))["States"]
    seen, ahead = set(), [machine(pipeline(name))["StartAt"]]
    while ahead:
        at = ahead.pop()
        seen.add(at)
        state = states[at]
        if state["Type"] == "Choice":
            assert set(state) == {"Type", "Choices", "Default"}
            ahead += [state["Default"], *(rule["Next"] for rule in state["Choices"])]
            continue
        assert set(state) <= TASK_KEYS
        assert state["Type"] == "Task"
        assert ("Next" in state) != ("End" in state)
        ahead += [state["Next"]] if "Next" in state else []
    assert seen == set(states) == {"ReadSettings", "Where", "Train", "TrainInNetwork", "Release"}
    ends = [name for name, state in states.items() if "End" in state]
    assert ends == ["Release"]


def test_the_template_does_not_depend_on_the_network() -> None:
    """So that the one in the team's source stays right when the blueprint moves training."""
    inside, outside = pipeline("network"), pipeline("connection")
    assert "network" in settings(inside)
    assert "network" not in settings(outside)
    assert machine(inside) == machine(outside)
    assert (network_of(inside), network_of(outside)) == ("TrainInNetwork", "Train")


@pytest.mark.parametrize("name", VARIANTS)
def test_the_two_train_states_differ_in_the_network_only(name: str) -> None:
    states = machine(pipeline(name))["States"]
    inside = states["TrainInNetwork"]
    plain = {k: v for k, v in inside["Parameters"].items() if k != "VpcConfig.$"}
    assert {**inside, "Parameters": plain} == states["Train"]
    assert inside["Parameters"]["VpcConfig.$"] == "$.read.settings.network"


@pytest.mark.parametrize("name", VARIANTS)
def test_paths_lead_somewhere(name: str) -> None:
    """Each path is in the pipeline's input, the settings, or what a state before left."""
    p = pipeline(name)
    action = train_action(p)["configuration"]
    assert action["InputType"] == "Literal"
    document: dict[str, Any] = json.loads(action["Input"])
    assert document["kms_key_arn"] == p.key
    states = machine(p)["States"]
    read = states["ReadSettings"]
    assert read["ResultPath"] == "$.read"
    document["read"] = {"settings": settings(p)}
    train = states[network_of(p)]
    for path in paths(train["Parameters"]):
        assert look_up(document, path) is not None, path
    trained = train["ResultPath"].removeprefix("$.")
    document[trained] = dict.fromkeys(
        (key.removesuffix(".$") for key in train["ResultSelector"]), "x"
    )
    found = list(paths(states["Release"]["Parameters"]))
    assert found
    for path in found:
        assert look_up(document, path) is not None, path


@pytest.mark.parametrize("name", VARIANTS)
def test_the_parameter_is_the_one_that_is_made(name: str) -> None:
    p = pipeline(name)
    parameter = p.module(p.training).body("aws_ssm_parameter", "settings")
    assert machine(p)["States"]["ReadSettings"]["Parameters"] == {"Name": parameter["name"]}
    assert len(parameter["value"]) <= 4096
    assert "{{" not in parameter["value"]


@pytest.mark.parametrize("name", VARIANTS)
def test_training_job_by_the_api_s_model(name: str) -> None:
    """What the state passes, put together, is a valid request of CreateTrainingJob."""
    p = pipeline(name)
    parameters = machine(p)["States"][network_of(p)]["Parameters"]
    document = {
        **json.loads(train_action(p)["configuration"]["Input"]),
        "read": {"settings": settings(p)},
    }
    prefix = train_action(p)["configuration"]["ExecutionNamePrefix"]
    request = _filled(parameters, document, f"{prefix}-{EXECUTION}")
    shape = _operation("sagemaker", "CreateTrainingJob").input_shape
    report = botocore.validate.ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    assert len(request["TrainingJobName"]) <= 63
    bucket = p.bucket.rpartition(":")[2]
    output = {"S3OutputPath": f"s3://{bucket}/models/{prefix}-{EXECUTION}", "KmsKeyId": p.key}
    assert request["OutputDataConfig"] == output
    assert request["RoleArn"] == p.train
    assert ("VpcConfig" in request) == ("network" in p.given["train"])
    resources = request["ResourceConfig"]
    assert ("VolumeKmsKeyId" in resources) == (not resources["InstanceType"].startswith("ml.g5"))


@pytest.mark.parametrize("name", VARIANTS)
def test_what_training_answers_has_the_paths(name: str) -> None:
    """`.sync` answers as DescribeTrainingJob does."""
    selector = machine(pipeline(name))["States"]["Train"]["ResultSelector"]
    for path in selector.values():
        shape = _operation("sagemaker", "DescribeTrainingJob").output_shape
        for step in path.split(".")[1:]:
            shape = shape.members[step]


@pytest.mark.parametrize("name", VARIANTS)
def test_manifest_by_the_api_s_model(name: str) -> None:
    """No header of encryption, so that the bucket's default key is used."""
    p = pipeline(name)
    parameters = machine(p)["States"]["Release"]["Parameters"]
    members = _operation("s3", "PutObject").input_shape.members
    assert {key.removesuffix(".$") for key in parameters} <= set(members)
    assert set(parameters) == {"Bucket", "Key.$", "ContentType", "Body"}
    encryption = p.module(p.shared).body(
        "aws_s3_bucket_server_side_encryption_configuration", "artifacts"
    )
    (default,) = encryption["rule"][0]["apply_server_side_encryption_by_default"]
    assert default == {"sse_algorithm": "aws:kms", "kms_master_key_id": p.key}
    assert parameters["Bucket"] == p.bucket.rpartition(":")[2]
    body = {key.removesuffix(".$") for key in parameters["Body"]}
    assert parameters["Body"]["run.$"] == "$$.Execution.Name"
    wanted = {"version", "run", "training_job", "image", "model_data", "revision"}
    assert body == wanted


@pytest.mark.parametrize("name", VARIANTS)
def test_the_deployer_reads_the_same_manifest(name: str) -> None:
    """Its key is what the deployer makes of the run's ARN, the Train action's output variable."""
    p = pipeline(name)
    prefix = train_action(p)["configuration"]["ExecutionNamePrefix"]
    run = f"{prefix}-{EXECUTION}"
    written = machine(p)["States"]["Release"]["Parameters"]
    key = _filled({"Key.$": written["Key.$"]}, {}, run)["Key"]
    bucket = p.bucket.rpartition(":")[2]
    for _, action in p.actions():
        if action["provider"] != "Lambda":
            continue
        parameters = json.loads(action["configuration"]["UserParameters"])
        variable = f"#{{{train_action(p)['namespace']}.ExecutionArn}}"
        assert parameters == {"bucket": bucket, "kms_key_arn": p.key, "run": variable}
        arn = p.arn(p.training, "states", f"execution:acme-churn-train:{run}")
        request = Request.of(json.dumps({**parameters, "run": arn}))
        assert (request.bucket, request.key) == (written["Bucket"], key)
        assert request.models == f"s3://{bucket}/models/{run}/"


@pytest.mark.parametrize("name", VARIANTS)
def test_the_deployer_takes_the_image_that_trains(name: str) -> None:
    p = pipeline(name)
    for account in p.production:
        function = p.module(account).body("aws_lambda_function", "deployer")
        assert function["environment"][0]["variables"]["IMAGE"] == settings(p)["image"]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_approval_names_what_is_deployed(name: str) -> None:
    """The same run as the deploy actions; not longer than it may be once it is filled in."""
    p = pipeline(name)
    (approval,) = [a for stage, a in p.actions() if stage == "Approve"]
    question = approval["configuration"]["CustomData"]
    runs = [
        json.loads(a["configuration"]["UserParameters"])["run"]
        for _, a in p.actions()
        if a["provider"] == "Lambda"
    ]
    assert set(runs) == {"#{Train.ExecutionArn}"}
    variable = {"s3": "#{Source.VersionId}"}.get(p.source, "#{Source.CommitId}")
    assert runs[0] in question
    assert variable in question
    for account in p.production:
        assert account in question
    arn = p.arn(p.training, "states", f"execution:acme-churn-train:acme-churn-{EXECUTION}")
    assert len(question.replace(runs[0], arn).replace(variable, "0" * 40)) <= 1000


@pytest.mark.parametrize("name", VARIANTS)
def test_the_source_s_variables(name: str) -> None:
    """Output variables by the action reference: CommitId of repositories, VersionId of S3."""
    p = pipeline(name)
    (source,) = [a for stage, a in p.actions() if stage == "Source"]
    revision = json.loads(train_action(p)["configuration"]["Input"])["revision"]
    variable = {"s3": "VersionId"}.get(p.source, "CommitId")
    assert revision == f"#{{{source['namespace']}.{variable}}}"


@pytest.mark.parametrize("name", CLOUDFORMATION)
def test_template_by_cfn_lint(name: str) -> None:
    p = pipeline(name)
    text = p.module(p.shared).assets["assets/source/state-machine.json"].decode()
    # The linter's pattern of a task's resource knows the partition aws only.
    known = text.replace(f"arn:{p.partition}:states:::", "arn:aws:states:::")
    assert not _linted(known, p.region)
    assert len(text.encode()) <= 51_200


@cache
def _linted(text: str, region: str) -> tuple[str, ...]:
    """What cfn-lint says; most variants have the same template, and it takes a second."""
    return tuple(map(str, lint(text, config=ManualArgs(regions=[region]))))


def test_cfn_lint_judges() -> None:
    text = pipeline("connection").module("shared").assets["assets/source/state-machine.json"]
    broken = text.decode().replace('"Type": "Task"', '"Type": "Chore"')
    assert _linted(broken, "eu-west-1")


@pytest.mark.parametrize("name", CLOUDFORMATION)
def test_the_stack_is_given_what_the_template_asks(name: str) -> None:
    p = pipeline(name)
    (action,) = [a for _, a in p.actions() if a["provider"] == "CloudFormation"]
    configuration = action["configuration"]
    template = json.loads(p.module(p.shared).assets["assets/source/state-machine.json"])
    assert set(json.loads(configuration["ParameterOverrides"])) == set(template["Parameters"])
    assert configuration["RoleArn"] == p.stack_role
    assert configuration["ActionMode"] == "CREATE_UPDATE"
    assert "Capabilities" not in configuration  # the template makes no IAM resources
    assert action["input_artifacts"] == ["Source"]
    assert configuration["TemplatePath"] == "Source::state-machine.json"
    zipped = zipfile.ZipFile(io.BytesIO(p.module(p.shared).assets["assets/source.zip"]))
    assert json.loads(zipped.read("state-machine.json")) == template


@pytest.mark.parametrize("name", CLOUDFORMATION)
def test_the_stack_s_machine_is_the_one_that_is_started(name: str) -> None:
    p = pipeline(name)
    (action,) = [a for _, a in p.actions() if a["provider"] == "CloudFormation"]
    overrides = json.loads(action["configuration"]["ParameterOverrides"])
    started = train_action(p)["configuration"]["StateMachineArn"]
    assert started == p.arn(p.training, "states", f"stateMachine:{overrides['StateMachineName']}")
    assert overrides["RoleArn"] == p.machine_role
    group = p.module(p.training).body("aws_cloudwatch_log_group", "state_machine")
    assert overrides["LogGroupArn"] == p.arn(p.training, "logs", f"log-group:{group['name']}:*")
    run = {a["name"]: a["run_order"] for stage, a in p.actions() if stage == "Train"}
    assert run == {"StateMachine": 1, "Train": 2}


def _filled(value: Any, document: dict[str, Any], name: str) -> Any:
    """A payload template with its paths looked up."""
    if isinstance(value, list):
        return [_filled(item, document, name) for item in value]
    if not isinstance(value, dict):
        return value
    filled = {}
    for key, item in value.items():
        if not key.endswith(".$"):
            filled[key] = _filled(item, document, name)
        elif item == "$$.Execution.Name":
            filled[key[:-2]] = name
        elif item.startswith("States.Format("):
            text, path = re.fullmatch(r"States\.Format\('([^']+)', ([^)]+)\)", item).groups()
            assert path == "$$.Execution.Name"
            filled[key[:-2]] = text.replace("{}", name)
        else:
            filled[key[:-2]] = look_up(document, item)
    return filled


@cache
def _operation(service: str, operation: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(operation)
