"""Every compiled AWS stack is valid for the real Terraform and provider, without a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terraform.conftest import GENERATED, SAMPLE
from tests.terraform.terraform_cli import Terraform
from tests.terraform.validation import findings, stacks_of

pytestmark = pytest.mark.rig

ORGANISATIONS = sorted(file.parent for file in GENERATED.glob("*/manifest.json"))


@pytest.mark.parametrize("folder", [SAMPLE, *ORGANISATIONS], ids=lambda folder: folder.name)
def test_stacks_are_valid_without_warnings(terraform: Terraform, folder: Path) -> None:
    assert findings(terraform, folder) == []


def test_validation_sees_an_unknown_argument(terraform: Terraform, tmp_path: Path) -> None:
    copy = terraform.copy(stacks_of(SAMPLE)[-1], "unknown-argument")
    main = copy / "main.tf.json"
    main.write_text(main.read_text().replace('"assume_role_policy"', '"asume_role_policy"'))
    found = terraform.check(copy, "unknown-argument-checked")
    assert "Missing required argument" in {finding.summary for finding in found}
