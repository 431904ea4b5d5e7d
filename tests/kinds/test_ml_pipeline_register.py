"""`register`: an approved model becomes a version of a model hub's group."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.compilation import compile_blueprints
from tests.kinds.hubs import Hubs, blueprint
from tests.kinds.hubs import compiled as compiled_hubs
from tests.kinds.variants import component
from tests.terraform.evaluate import evaluate

OWN = {"train": {"image": {"repository": "churn", "tag": "1", "existing": True}}}
REGISTER = {"register": {"hub": "models", "group": "churn"}}
BUILTIN_GROUP = {"image": {"builtin": "xgboost", "version": "1.7-1"}}
OWN_GROUP = {"repository": {"name": "churn", "existing": True}}


def value(
    *,
    hub: dict[str, Any] | None = None,
    pipeline: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A hub in the account models and a pipeline whose shared account is tools."""
    group = {**BUILTIN_GROUP, "artifacts": "churn/"}
    made = blueprint(
        {
            **changes,
            "hub": {
                "groups": {"churn": group},
                "register_from": ["tools"],
                "deployments": [],
                **(hub or {}),
            },
        }
    )
    made["accounts"] = {**made["accounts"], "tools": {"id": "121212121212"}}
    places = {"shared": "tools", "training": "lab", "production": ["shop"]}
    made["components"]["churn"] = component({**places, **REGISTER, **(pipeline or {})})
    return made


CASES: dict[str, dict[str, Any]] = {
    "two-accounts": {},
    "in-the-hub": {"pipeline": {"shared": "models"}, "hub": {"register_from": []}},
    "own-image": {
        "pipeline": {"shared": "models", **OWN},
        "hub": {"groups": {"churn": OWN_GROUP}},
    },
    "without-org": {"org": None},
    "china": {
        "partition": "aws-cn",
        "region": "cn-north-1",
        "pipeline": {"source": {"s3": {"key": "source/a.zip"}}},
    },
    "one-account": {
        "pipeline": {"training": "tools", "production": ["tools"]},
        "hub": {"account": "tools", "register_from": []},
    },
    "narrowed": {"hub": {"register_from": [{"account": "tools", "groups": ["churn"]}]}},
}

every = pytest.mark.parametrize("name", CASES)


@cache
def compiled(name: str) -> Hubs:
    return compiled_hubs(value(**CASES[name]), name)


def shared(h: Hubs) -> str:
    return str(h.component("churn")["shared"])


def hub_account(h: Hubs) -> str:
    return str(h.component("models")["account"])


def registrar(h: Hubs) -> str:
    return h.role(shared(h), "acme-churn-registrar")


def group(h: Hubs) -> str:
    return h.arn(hub_account(h), "sagemaker", "model-package-group/acme-models-churn")


@every
def test_it_stands_between_approval_and_deployment(name: str) -> None:
    h = compiled(name)
    pipeline = h.modules[f"aws/{shared(h)}/churn"].body("aws_codepipeline", "pipeline")
    stages = [stage["name"] for stage in pipeline["stage"]]
    assert stages[:4] == ["Source", "Train", "Approve", "Register"]
    assert stages[4].startswith("Deploy-")
    (action,) = pipeline["stage"][3]["action"]
    assert (action["provider"], action.get("role_arn")) == ("Lambda", None)
    assert action["configuration"]["FunctionName"] == "acme-churn-registrar"
    assert action["configuration"]["UserParameters"] == deploy(pipeline)["UserParameters"]


def deploy(pipeline: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pipeline["stage"][4]["action"][0]["configuration"]
    return found


@every
def test_the_function_is_told_the_hub_s_names(name: str) -> None:
    h = compiled(name)
    module = h.modules[f"aws/{shared(h)}/churn"]
    function = module.body("aws_lambda_function", "registrar")
    variables = function["environment"][0]["variables"]
    assert variables["GROUP_ARN"] == group(h)
    assert variables["HUB_BUCKET"] == f"acme-models-artifacts-{h.id(hub_account(h))}"
    assert variables["HUB_PREFIX"] == "churn/"
    assert function["timeout"] == 900
    assert "dead_letter_config" not in function
    assert "assets/registrar.zip" in module.assets
    training = h.modules[f"aws/{h.component('churn')['training']}/churn"]
    settings = json.loads(training.body("aws_ssm_parameter", "settings")["value"])
    assert variables["IMAGE"] == settings["image"]


def questions(h: Hubs) -> list[tuple[str, str, dict[str, str]]]:
    bucket = f"arn:{h.partition}:s3:::acme-models-artifacts-{h.id(hub_account(h))}"
    packages = group(h).replace("-group/", "/")
    approved = {"sagemaker:ModelApprovalStatus": "Approved"}
    return [
        ("s3:PutObject", f"{bucket}/churn/run/model.tar.gz", {}),
        ("s3:GetObject", f"{bucket}/churn/run/model.tar.gz", {}),
        ("sagemaker:CreateModelPackage", group(h), approved),
        ("sagemaker:CreateModelPackage", f"{packages}/1", approved),
        ("sagemaker:DescribeModelPackageGroup", group(h), {}),
    ]


@every
def test_the_registrar_may_and_nobody_else_of_the_pipeline(name: str) -> None:
    h = compiled(name)
    for action, resource, context in questions(h):
        asked = {**context, "aws:PrincipalOrgID": h.organization or "o-x"}
        for role in h.roles():
            if "/acme-churn-" in role:
                verdict = evaluate(h.accounts, role, action, resource, asked)
                assert verdict.allowed == (role == registrar(h)), (role, action)


@every
def test_both_halves_are_written(name: str) -> None:
    h = compiled(name)
    crossing = shared(h) != hub_account(h)
    for action, resource, context in questions(h):
        asked = {**context, "aws:PrincipalOrgID": h.organization or "o-x"}
        verdict = evaluate(h.accounts, registrar(h), action, resource, asked)
        assert verdict.identity.grants
        assert verdict.resource.grants == crossing


@every
def test_the_pipeline_invokes_it_and_it_reports_by_itself(name: str) -> None:
    h = compiled(name)
    function = h.arn(shared(h), "lambda", "function:acme-churn-registrar")
    invoking = {
        role
        for role in h.roles()
        for s in h.identity(role)
        if s["Action"] == ["lambda:InvokeFunction"] and function in s["Resource"]
    }
    assert invoking == {h.role(shared(h), "acme-churn-pipeline")}
    does = {a for s in h.identity(registrar(h)) for a in s["Action"]}
    assert {"codepipeline:PutJobSuccessResult", "codepipeline:PutJobFailureResult"} <= does
    assert not {a for a in does if a.startswith("iam:") or a == "sts:AssumeRole"}


@every
def test_the_ledger_names_the_component_that_asks(name: str) -> None:
    h = compiled(name)
    edges = {edge["id"]: edge for edge in h.edges}
    writes = edges["churn/registrar-writes-artifacts"]
    assert writes["origin"] == "components.churn"
    stacks = [evidence["stack"] for evidence in writes["statements"]]
    if shared(h) != hub_account(h):
        assert f"aws/{hub_account(h)}/models" in stacks
    assert "churn/registrar-registers-version" in edges


@every
def test_the_hub_comes_first(name: str) -> None:
    h = compiled(name)
    (stack,) = [s for s in h.compiled.stacks if s.path == f"aws/{shared(h)}/churn"]
    assert f"aws/{hub_account(h)}/models" in stack.depends_on


SERVED = {
    "groups": {"churn": {"artifacts": "churn/", "repository": "churn-serving"}},
    "deployments": [
        {"group": "churn", "to": ["bank"], "endpoint": {"name": "c", "instance": "ml.m6i.large"}}
    ],
}


def test_targets_pull_what_the_pipeline_trains_with() -> None:
    """The contract's own examples together: the group does not say the image again."""
    h = compiled_hubs(value(hub=SERVED, accounts={"bank": {"id": "131313131313"}}), "inferred")
    images = {
        resource
        for s in h.identity(h.role("bank", "acme-models-execution-c"))
        if "ecr:BatchGetImage" in s["Action"]
        for resource in s["Resource"]
    }
    assert {image.rpartition("/")[2] for image in images} == {"churn-serving", "sagemaker-xgboost"}


def test_a_group_has_one_built_in_image(tmp_path: Path) -> None:
    made = value(hub={**SERVED, "deployments": []})
    other = {"train": {"image": {"builtin": "xgboost", "version": "1.5-1"}}}
    places = {"shared": "tools", "training": "lab", "production": ["shop"]}
    made["components"]["drain"] = component({**places, **REGISTER, **other})
    made["components"]["drain"]["deploy"]["endpoint"] = "drain"
    path = tmp_path / "blueprint.yaml"
    path.write_text(yaml.safe_dump(made, sort_keys=False))
    (found,) = compile_blueprints(path).diagnostics
    assert (found.code, '"drain"' in found.message) == ("E342", True)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"pipeline": {"register": {"hub": "modles", "group": "churn"}}}, "E341", "modles"),
        ({"pipeline": {"register": {"hub": "churn", "group": "churn"}}}, "E341", "ml-pipeline"),
        ({"pipeline": {"register": {"hub": "models", "group": "chrun"}}}, "E342", "chrun"),
        ({"hub": {"register_from": ["lab"]}}, "E342", "does not take versions"),
        ({"hub": {"register_from": [{"account": "tools", "role": "x"}]}}, "E342", "does not take"),
        (
            {
                "hub": {
                    "groups": {"churn": BUILTIN_GROUP, "other": BUILTIN_GROUP},
                    "register_from": [{"account": "tools", "groups": ["other"]}],
                }
            },
            "E342",
            "does not take",
        ),
        (
            {"hub": {"groups": {"churn": {"image": {"builtin": "xgboost", "version": "1.5-1"}}}}},
            "E342",
            "could not pull",
        ),
        ({"pipeline": OWN}, "E342", "could not pull"),
        (
            {"pipeline": {"shared": "tools", **OWN}, "hub": {"groups": {"churn": OWN_GROUP}}},
            "E342",
            "could not pull",
        ),
        ({"hub": {"region": "eu-central-1"}}, "E342", "own region"),
    ],
)
def test_what_does_not_fit_is_reported_at_its_input(
    changes: dict[str, Any], code: str, words: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(yaml.safe_dump(value(**changes), sort_keys=False))
        lines = path.read_text().splitlines()
        (found,) = compile_blueprints(path).diagnostics
    assert found.code == code
    assert words in found.message
    assert found.hint
    assert found.span is not None
    line = lines[found.span.line - 1]
    assert line.split(":")[0].strip() in ("hub", "group")
