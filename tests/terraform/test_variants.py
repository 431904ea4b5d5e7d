"""Blueprints that the repository's output does not show: every stack is valid, without a warning.

Two of them are applied, in `test_apply`, and their access judged, in `test_access`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.terraform.generated import read_organisation
from tests.terraform.terraform_cli import Terraform
from tests.terraform.validation import findings, stacks_of
from tests.terraform.variants import APPLIED, BLUEPRINTS, NAMES


@pytest.mark.rig
@pytest.mark.parametrize("name", NAMES)
def test_stacks_are_valid_without_warnings(terraform: Terraform, variants: Path, name: str) -> None:
    assert findings(terraform, variants / name) == []


@pytest.mark.rig
@pytest.mark.parametrize("name", NAMES)
def test_every_stack_is_in_the_manifest(variants: Path, name: str) -> None:
    organisation = read_organisation(variants / name)
    assert sorted(s.folder for s in organisation.stacks) == stacks_of(variants / name)


def test_the_blueprints_cover_each_source_with_each_state_machine() -> None:
    found = set()
    for name in NAMES:
        blueprint = yaml.safe_load((BLUEPRINTS / f"{name}.yaml").read_text())
        for component in blueprint["components"].values():
            for source in component.get("source", ()):
                found.add((source, component.get("state_machine", "cloudformation")))
    sources, machines = ("codecommit", "codeconnections", "s3"), ("cloudformation", "terraform")
    assert found == {(source, machine) for source in sources for machine in machines}


def test_those_that_are_applied_are_there() -> None:
    assert set(APPLIED) < set(NAMES)
