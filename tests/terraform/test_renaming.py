"""A renamed component and an adopted bucket, with the real Terraform over the simulated AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.running.conftest import BLUEPRINT, statuses
from tests.terraform.generated import read_organisation
from tests.terraform.override import FILE, override
from tests.terraform.simulated_aws import SimulatedAws
from tests.terraform.terraform_cli import Terraform
from tests.terraform.test_running import PRODUCTION, SHARED, TRAINING, Site

BUCKET = "acme-churn-artifacts-111111111111"
RENAMED = BLUEPRINT.replace("  churn:\n", "  churn-eu:\n    renamed_from: churn\n")
STATES = "acme-states"
BASELINE = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts: {training: {id: "222222222222"}}
state: {aws: {bucket: acme-states, region: eu-west-1}}
components:
"""
BASE = "  base: {kind: account-baseline, account: training}\n"
GROUND = "  ground: {renamed_from: base, kind: account-baseline, account: training}\n"
# What the S3 backend needs to talk to the simulation; the endpoint is in the environment.
BACKEND = " ".join(
    f"-backend-config={key}=true"
    for key in (
        *("use_path_style", "skip_credentials_validation", "skip_metadata_api_check"),
        *("skip_region_validation", "skip_requesting_account_id", "skip_s3_checksum"),
    )
)


class OwnBackend(Site):
    """A site whose stacks keep the backend that was compiled."""

    def compile(self, blueprint: str) -> None:
        (self.folder / "blueprint.yaml").write_text(blueprint)
        done = self.run("compile", "--no-cache")
        assert done.returncode == 0, done.stderr
        for stack in read_organisation(self.root).stacks:
            own = {"provider": override(stack)["provider"]}
            (stack.folder / FILE).write_text(json.dumps(own))


@pytest.fixture
def site(tmp_path: Path, terraform: Terraform, aws: SimulatedAws) -> OwnBackend:
    return OwnBackend(tmp_path, terraform, aws)


def planned(report: dict[str, Any]) -> dict[str, dict[str, int]]:
    """What is to be done in each stack, without the kinds of changes of which there are none."""
    return {
        stack["path"]: {kind: count for kind, count in stack["changes"].items() if count}
        for stack in report["stacks"]
    }


@pytest.mark.rig
def test_renaming_a_component_destroys_nothing(site: OwnBackend) -> None:
    site.compile(BLUEPRINT)
    assert set(statuses(site.report("apply", "--yes")).values()) == {"applied"}
    before = site.held()
    assert set(before) == {PRODUCTION, SHARED, TRAINING}

    site.compile(RENAMED)
    now = {path.replace("churn", "churn-eu") for path in before}
    report = site.report("plan", "--exit-code")
    assert statuses(report) == dict.fromkeys(now, "unchanged")
    assert not list(site.root.glob("*/*/churn/main.tf.json"))

    # Without the key everything would be made a second time: the compiler refuses.
    (site.folder / "blueprint.yaml").write_text(RENAMED.replace("    renamed_from: churn\n", ""))
    refused = site.run("compile", "--no-cache")
    assert (refused.returncode, "E606" in refused.stderr) == (1, True)

    # It goes with its state, as any other.
    head = RENAMED.partition("components:")[0]
    site.compile(f"{head}removed: [{', '.join(sorted(now))}]\n")
    gone = site.report("apply", "--yes", "--allow-destroy")
    assert statuses(gone) == dict.fromkeys(now, "applied")
    assert site.held() == dict.fromkeys(before, 0)


@pytest.mark.rig
def test_the_state_of_a_renamed_component_keeps_its_key(site: OwnBackend) -> None:
    # Keys without a role are those of the simulation's default account.
    client = site.aws.client("s3", "123456789012", "eu-west-1")
    client.create_bucket(
        Bucket=STATES, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    site.init = BACKEND

    def keys() -> list[str]:
        return [each["Key"] for each in client.list_objects_v2(Bucket=STATES)["Contents"]]

    site.compile(BASELINE + BASE)
    assert statuses(site.report("apply", "--yes")) == {"aws/training/base": "applied"}
    assert keys() == ["aws/training/base/terraform.tfstate"]
    site.compile(BASELINE + GROUND)
    report = site.report("plan", "--exit-code")
    assert statuses(report) == {"aws/training/ground": "unchanged"}
    assert statuses(site.report("apply", "--yes")) == {"aws/training/ground": "unchanged"}
    assert keys() == ["aws/training/base/terraform.tfstate"]


@pytest.mark.rig
def test_a_bucket_that_was_made_by_hand_is_adopted(site: OwnBackend) -> None:
    bucket = site.aws.client("s3", "111111111111", "eu-west-1")
    bucket.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    bucket.put_object(Bucket=BUCKET, Key="data/train.csv", Body=b"1,2\n")
    adopt = f"    adopt: {{shared: {{aws_s3_bucket.artifacts: {BUCKET}}}}}\n"
    site.compile(BLUEPRINT.rstrip("\n") + "\n" + adopt)
    only = ("--only", SHARED)
    (changes,) = planned(site.report("plan", *only)).values()
    assert changes["import"] == 1
    assert not changes.keys() & {"destroy", "replace", "forget"}
    assert statuses(site.report("apply", "--yes", *only)) == {SHARED: "applied"}
    assert bucket.get_object(Bucket=BUCKET, Key="data/train.csv")["Body"].read() == b"1,2\n"
    # The block may stay: what is in the state is not imported again.
    assert statuses(site.report("plan", "--exit-code", *only)) == {SHARED: "unchanged"}
    site.compile(BLUEPRINT)
    assert statuses(site.report("plan", "--exit-code", *only)) == {SHARED: "unchanged"}
