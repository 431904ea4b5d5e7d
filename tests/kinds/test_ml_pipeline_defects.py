"""The 17 defects of the public sample, by their numbers in the design: we have none of them."""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from typing import Any

import pytest

from tests.kinds.pipeline import Pipeline
from tests.kinds.questions import Question, context_of
from tests.kinds.test_ml_pipeline_acceptance import (
    all_statements,
    effective_principal,
    identity_statements,
    machine,
)
from tests.kinds.variants import VARIANTS, pipeline
from tests.terraform.evaluate import evaluate

pytestmark = pytest.mark.parametrize("name", VARIANTS)


def sources(p: Pipeline, account: str) -> dict[str, str]:
    """The function's code, from the zip that is deployed."""
    zipped = zipfile.ZipFile(io.BytesIO(p.module(account).assets["assets/deployer.zip"]))
    return {path: zipped.read(path).decode() for path in zipped.namelist()}


def test_01_the_function_makes_the_endpoint(name: str) -> None:
    p = pipeline(name)
    for account in p.production:
        code = "".join(sources(p, account).values())
        calls = ("create_model", "create_endpoint_config", "create_endpoint", "update_endpoint")
        assert all(f"sagemaker.{call}" in code for call in calls)
        module, _, function = (
            p.module(account).body("aws_lambda_function", "deployer")["handler"].rpartition(".")
        )
        text = sources(p, account)[module.replace(".", "/") + ".py"]
        defined = [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
        assert function in defined


def test_02_failures_are_reported_as_failures(name: str) -> None:
    p = pipeline(name)
    for account in p.production:
        code = "".join(sources(p, account).values())
        assert "put_job_failure_result" in code
        does = identity_statements(p, p.reporter(account))[0]["Action"]
        assert "codepipeline:PutJobFailureResult" in does


def test_03_no_account_may_decrypt(name: str) -> None:
    p = pipeline(name)
    for account in {p.shared, p.training, *p.production}:
        role = f"arn:{p.partition}:iam::{p.id(account)}:role/anyone"
        for action in ("kms:Decrypt", "kms:CreateGrant", "kms:GenerateDataKey"):
            question = Question("", role, action, p.key)
            context = context_of(p, question)
            verdict = evaluate(p.accounts, role, action, p.key, context, administrator=True)
            assert not verdict.allowed


def test_04_the_pipeline_s_role_is_no_administrator(name: str) -> None:
    p = pipeline(name)
    for statement in identity_statements(p, p.pipeline_role):
        for action in statement["Action"]:
            assert not action.startswith(
                ("sagemaker:", "iam:", "kms:Put", "kms:Schedule", "s3:Put*")
            )
            assert not action.endswith(":*")
    (trust,) = p.roles()[p.pipeline_role].trust["Statement"]
    assert trust["Principal"] == {"Service": "codepipeline.amazonaws.com"}
    attached = [m.resources("aws_iam_role_policy_attachment") for m in p.modules.values()]
    assert not any(attached)


def test_05_roles_are_assumed_by_their_names(name: str) -> None:
    p = pipeline(name)
    for where, side, statement in all_statements(p):
        if side == "identity" and "sts:AssumeRole" in statement["Action"]:
            assert set(statement["Resource"]) <= set(p.roles()), where


def test_06_roles_are_passed_by_their_names(name: str) -> None:
    p = pipeline(name)
    known = [p.id(account) for account in {p.shared, p.training, *p.production}]
    for where, side, statement in all_statements(p):
        if side != "identity":
            continue
        for resource in statement["Resource"]:
            if "iam:PassRole" in statement["Action"]:
                assert resource in p.roles(), where
            account = resource.split(":")[4] if resource != "*" else ""
            provided = "ecr:BatchGetImage" in statement["Action"] and not p.own_image
            assert account in ("", *known) or provided, where


def test_07_actions_of_kms_are_its_own(name: str) -> None:
    p = pipeline(name)
    known = re.compile(
        r"kms:(Encrypt\*?|Decrypt\*?|ReEncrypt\*|GenerateDataKey\*|Describe(Key|\*)|CreateGrant)"
    )
    for where, _, statement in all_statements(p):
        if statement["Sid"] == "Administration":
            continue
        for action in statement["Action"]:
            assert not action.startswith("kms:") or known.fullmatch(action), (where, action)


def test_08_an_upload_without_headers_is_taken(name: str) -> None:
    """And encrypted by the bucket's default; with the right headers too, with wrong ones not."""
    p = pipeline(name)
    header = "s3:x-amz-server-side-encryption"
    key = f"{header}-aws-kms-key-id"
    cases: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({header: "aws:kms"}, True),
        ({header: "aws:kms", key: p.key}, True),
        ({header: "AES256"}, False),
        ({header: "aws:kms", key: p.key.replace("key/", "key/x")}, False),
        ({header: "aws:kms", key: "alias/acme-churn-artifacts"}, False),
    ]
    model = f"{p.bucket}/models/a/model.tar.gz"
    for headers, expected in cases:
        context = {**context_of(p, Question("", p.train, "s3:PutObject", model)), **headers}
        assert evaluate(p.accounts, p.train, "s3:PutObject", model, context).allowed == expected


def test_09_the_policy_names_the_key_and_the_bucket(name: str) -> None:
    p = pipeline(name)
    denies = [s for s in p.bucket_policy()["Statement"] if s["Effect"] == "Deny"]
    assert any(p.key in json.dumps(s) for s in denies)
    listing = context_of(p, Question("", p.pipeline_role, "s3:ListBucket", p.bucket))
    plain = {**listing, "aws:SecureTransport": "false"}
    for resource in (p.bucket, f"{p.bucket}/data/a"):
        action = "s3:ListBucket" if resource == p.bucket else "s3:GetObject"
        verdict = evaluate(p.accounts, p.pipeline_role, action, resource, plain)
        assert verdict.resource.denied


def test_10_no_alias_where_an_arn_is_needed(name: str) -> None:
    p = pipeline(name)
    assert "alias/" not in json.dumps(p.codepipeline)
    assert "alias/" not in json.dumps(machine(p))


def test_11_something_starts_the_pipeline(name: str) -> None:
    p = pipeline(name)
    rules = p.module(p.shared).resources("aws_cloudwatch_event_rule")
    assert bool(p.codepipeline.get("trigger")) != ("start" in rules)


def test_12_the_model_is_encrypted_with_the_key(name: str) -> None:
    p = pipeline(name)
    train = machine(p)["States"]["Train"]["Parameters"]
    assert train["OutputDataConfig"]["KmsKeyId.$"] == "$.kms_key_arn"
    (action,) = [a for _, a in p.actions() if a["provider"] == "StepFunctions"]
    assert json.loads(action["configuration"]["Input"])["kms_key_arn"] == p.key


def test_13_production_is_told_which_model(name: str) -> None:
    p = pipeline(name)
    (train,) = [a for _, a in p.actions() if a["provider"] == "StepFunctions"]
    told = {
        json.loads(action["configuration"]["UserParameters"])["run"]
        for _, action in p.actions()
        if action["provider"] == "Lambda"
    }
    assert told == {f"#{{{train['namespace']}.ExecutionArn}}"}


def test_14_no_role_serves_two_masters(name: str) -> None:
    p = pipeline(name)
    for arn, role in p.roles().items():
        principals = [s["Principal"] for s in role.trust["Statement"]]
        assert len(principals) == (1 if "/acme-churn-" in arn else 0)


def test_15_jobs_can_be_tagged(name: str) -> None:
    p = pipeline(name)
    job = p.arn(
        p.training, "sagemaker", "training-job/acme-churn-0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
    )
    assert evaluate(p.accounts, p.machine_role, "sagemaker:AddTags", job).allowed


def test_16_current_and_reproducible(name: str) -> None:
    p = pipeline(name)
    for account in p.production:
        function = p.module(account).body("aws_lambda_function", "deployer")
        assert function["runtime"] == "python3.13"
        for path, text in sources(p, account).items():
            compile(text, path, "exec")
    parameter = p.module(p.training).body("aws_ssm_parameter", "settings")
    image = json.loads(parameter["value"])["image"]
    assert not image.endswith(":latest")
    assert f".{p.region}." in image
    for module in p.modules.values():
        regions = set(
            re.findall(
                r"\b[a-z]{2}(?:-gov)?-(?:north|south|east|west|central)[a-z]*-\d\b",
                json.dumps(module.document),
            )
        )
        assert regions <= {p.region}


def test_17_no_role_that_nobody_uses(name: str) -> None:
    """Each role is used: a service has it by name, or another role assumes or passes it."""
    p = pipeline(name)
    used = {action.get("role_arn") for _, action in p.actions()} | {p.codepipeline["role_arn"]}
    for _, side, statement in all_statements(p):
        if side == "identity" and {"iam:PassRole", "sts:AssumeRole"} & set(statement["Action"]):
            used |= set(statement["Resource"])
    for module in p.modules.values():
        for type, argument in (
            ("aws_lambda_function", "role"),
            ("aws_cloudwatch_event_target", "role_arn"),
            ("aws_sfn_state_machine", "role_arn"),
        ):
            used |= {body.get(argument) for body in module.resources(type).values()}
    made = {arn for arn in p.roles() if "/acme-churn-" in arn}
    assert made <= used
    assumable = [
        effective_principal(s)
        for arn in made
        for s in p.roles()[arn].trust["Statement"]
        if "AWS" in s["Principal"]
    ]
    assert set(assumable) <= made
