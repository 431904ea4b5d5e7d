"""Every compiled organisation applies to an empty AWS, in wave order and in the reverse order, and
a second plan of each stack is empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terraform.conftest import GENERATED
from tests.terraform.generated import CompiledOrganisation, read_organisation
from tests.terraform.policies import read_policies
from tests.terraform.rig import Rig, simulable
from tests.terraform.simulated_aws import SimulatedAws
from tests.terraform.terraform_cli import Terraform, required

pytestmark = pytest.mark.rig

ORGANISATIONS = sorted(
    manifest.parent
    for manifest in GENERATED.glob("*/manifest.json")
    if any(manifest.parent.glob("aws/*/*/main.tf.json"))
)


@pytest.mark.parametrize("direction", ["in-order", "reversed"])
@pytest.mark.parametrize("folder", ORGANISATIONS, ids=lambda folder: folder.name)
def test_organisation_applies_and_is_stable(
    terraform: Terraform, aws: SimulatedAws, folder: Path, direction: str
) -> None:
    organisation = simulable(read_organisation(folder))
    rig = Rig(terraform, aws, f"{folder.name}--{direction}")
    rig.create_roles(organisation)
    waves = organisation.waves
    rig.apply_all(waves if direction == "in-order" else waves[::-1])
    _expect_policies(organisation, aws)


def test_there_is_an_organisation_to_apply() -> None:
    if not ORGANISATIONS and not required():
        pytest.skip("nothing is compiled into generated/ yet")
    assert ORGANISATIONS, "generated/ holds no organisation with stacks on AWS"


def _expect_policies(organisation: CompiledOrganisation, aws: SimulatedAws) -> None:
    """Each role and bucket that the stacks declare by name stands in its own account."""
    accounts = read_policies(aws, ((s.account, s.region) for s in organisation.stacks))
    for stack in organisation.stacks:
        account = accounts[stack.account]
        roles = {role["name"] for role in stack.resources("aws_iam_role").values()}
        buckets = {bucket["bucket"] for bucket in stack.resources("aws_s3_bucket").values()}
        assert roles <= account.roles.keys()
        assert {f"arn:aws:s3:::{bucket}" for bucket in buckets} <= account.resources.keys()
        assert len(account.keys) >= len(stack.resources("aws_kms_key"))
