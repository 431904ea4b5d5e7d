"""The rig tested by itself: a sample organisation with every resource type of the catalog."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.terraform.conftest import SAMPLE
from tests.terraform.evaluate import evaluate
from tests.terraform.generated import CompiledOrganisation, read_organisation
from tests.terraform.policies import Account, read_policies
from tests.terraform.rig import Rig
from tests.terraform.simulated_aws import SimulatedAws, simulated_aws
from tests.terraform.terraform_cli import Terraform, TerraformError

pytestmark = pytest.mark.rig

SHARED, TRAINING = "111111111111", "222222222222"
TRAIN = f"arn:aws:iam::{TRAINING}:role/acme-churn-train"
BUCKET = "arn:aws:s3:::acme-churn-111111111111"


@pytest.fixture(scope="module")
def sample() -> CompiledOrganisation:
    return read_organisation(SAMPLE)


@pytest.fixture(scope="module")
def applied(terraform: Terraform, sample: CompiledOrganisation) -> Iterator[Rig]:
    with simulated_aws() as aws:
        rig = Rig(terraform, aws, "sample")
        rig.create_existing(sample)
        rig.apply_all(sample.waves)
        yield rig


@pytest.fixture(scope="module")
def accounts(applied: Rig, sample: CompiledOrganisation) -> dict[str, Account]:
    return read_policies(applied.aws, ((s.account, s.region) for s in sample.stacks))


def test_every_account_holds_its_own(accounts: dict[str, Account]) -> None:
    assert accounts[SHARED].roles["acme-churn-lambda"].identity.keys() == {
        "run",
        "arn:aws:iam::aws:policy/PowerUserAccess",
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    }
    assert accounts[SHARED].roles["ml-approver"].identity.keys() == {"landform"}
    assert list(accounts[TRAINING].roles) == ["acme-churn-train"]
    assert [key.aliases for key in accounts[SHARED].keys.values()] == [("alias/acme-churn",)]
    kinds = sorted(arn.split(":")[2] for arn in accounts[SHARED].resources)
    assert kinds == ["ecr", "events", "lambda", "s3", "s3", "sagemaker", "sns", "sqs"]


def test_the_policies_read_back_decide_access(accounts: dict[str, Account]) -> None:
    both = evaluate(accounts, TRAIN, "s3:GetObject", f"{BUCKET}/data/part-0")
    assert both.allowed
    half = evaluate(accounts, TRAIN, "s3:GetObject", f"{BUCKET}/models/1")
    assert (half.identity.grants, half.resource.grants, half.allowed) == (True, False, False)
    plain = evaluate(
        accounts,
        TRAIN,
        "s3:GetObject",
        f"{BUCKET}/data/part-0",
        {"aws:SecureTransport": "false"},
    )
    assert plain.resource.denied
    assert not plain.allowed


def test_the_key_is_found_by_its_alias(accounts: dict[str, Account]) -> None:
    (key,) = accounts[SHARED].keys
    through_s3 = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    assert evaluate(accounts, TRAIN, "kms:Decrypt", key, through_s3).allowed
    assert not evaluate(accounts, TRAIN, "kms:Decrypt", key).allowed
    stranger = f"arn:aws:iam::{TRAINING}:role/stranger"
    asked = evaluate(accounts, stranger, "kms:Decrypt", key, through_s3, administrator=True)
    assert asked.identity.grants
    assert not asked.allowed


def test_default_tags_arrive(applied: Rig) -> None:
    iam = applied.aws.client("iam", TRAINING)
    tags = iam.list_role_tags(RoleName="acme-churn-train")["Tags"]
    assert tags == [{"Key": "owner", "Value": "ml"}]


def test_a_change_behind_terraform_is_seen(
    applied: Rig, sample: CompiledOrganisation, accounts: dict[str, Account]
) -> None:
    training = sample.stacks[-1]
    applied.expect_no_changes(training)
    iam = applied.aws.client("iam", TRAINING)
    trust = accounts[SHARED].roles["acme-churn-sfn"].trust
    iam.update_assume_role_policy(RoleName="acme-churn-train", PolicyDocument=json.dumps(trust))
    with pytest.raises(TerraformError, match=r"aws_iam_role.train will be updated"):
        applied.expect_no_changes(training)


def test_a_stack_refuses_another_account(
    terraform: Terraform, aws: SimulatedAws, tmp_path: Path
) -> None:
    (tmp_path / "aws/training/reader").mkdir(parents=True)
    main = (SAMPLE / "aws/training/reader/main.tf.json").read_text()
    wrong = json.loads(main)
    wrong["provider"]["aws"][0]["allowed_account_ids"] = ["999999999999"]
    (tmp_path / "aws/training/reader/main.tf.json").write_text(json.dumps(wrong))
    manifest = json.loads((SAMPLE / "manifest.json").read_text())
    manifest["stacks"] = manifest["stacks"][-1:]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TerraformError, match="not allowed: 222222222222"):
        Rig(terraform, aws, "wrong").apply_all(read_organisation(tmp_path).waves)


def test_a_simulation_starts_empty_and_ends() -> None:
    with simulated_aws() as first:
        first.client("sqs", SHARED).create_queue(QueueName="left-over")
    with simulated_aws() as second:
        assert "QueueUrls" not in second.client("sqs", SHARED).list_queues()
    for simulation in (first, second):
        port = urlsplit(simulation.endpoint).port
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port or 0), timeout=5)


def test_state_machine_definitions_are_checked() -> None:
    # Only the rig's environment has moto, which this module imports.
    from tests.terraform.moto_corrections import definition_problems

    good = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
    assert definition_problems(json.dumps(good)) == []
    lost = {"StartAt": "B", "States": {"A": {"Type": "Pass", "Next": "C"}}}
    assert definition_problems(json.dumps(lost)) == [
        "StartAt names no state: B",
        "A goes to C, which is no state",
    ]
    assert definition_problems("{")[0].startswith("not JSON")
