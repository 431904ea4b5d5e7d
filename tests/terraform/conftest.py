"""Fixtures of the rig. A machine without Terraform skips its tests, but never under CI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terraform.simulated_aws import SimulatedAws, simulated_aws
from tests.terraform.terraform_cli import Terraform, TerraformMissing, required

GENERATED = Path(__file__).parents[2] / "generated"
SAMPLE = Path(__file__).parent / "sample"


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The real CLI with a workspace for one test module."""
    try:
        return Terraform.find(tmp_path_factory.mktemp("terraform"))
    except TerraformMissing as missing:
        if required():
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture
def aws() -> Iterator[SimulatedAws]:
    """An empty AWS for one test."""
    with simulated_aws() as simulation:
        yield simulation
