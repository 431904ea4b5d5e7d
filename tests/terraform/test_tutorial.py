"""The tutorial to its end: real Terraform plans its stacks, without any override beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages.walkthrough import Shell, run_page
from tests.terraform.simulated_aws import SimulatedAws
from tests.terraform.terraform_cli import SPARING, Terraform

pytestmark = pytest.mark.rig

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"


def test_the_tutorial_ends_with_a_plan(
    tmp_path: Path, terraform: Terraform, aws: SimulatedAws
) -> None:
    surroundings = {
        **SPARING,
        **aws.environment,
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": str(terraform.cli_configuration),
    }
    with Shell(tmp_path, surroundings) as shell:
        run_page(TUTORIAL, shell, rig=True)
