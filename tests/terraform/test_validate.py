"""Every compiled AWS stack is valid for the real Terraform and provider, without a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terraform.conftest import GENERATED, SAMPLE
from tests.terraform.terraform_cli import Terraform

pytestmark = pytest.mark.rig

STACKS = sorted(path.parent for path in GENERATED.glob("*/aws/*/*/main.tf.json"))
SAMPLES = sorted(path.parent for path in SAMPLE.glob("aws/*/*/main.tf.json"))


def _name(stack: Path) -> str:
    return "/".join(stack.parts[-4:])


@pytest.mark.parametrize("stack", [*SAMPLES, *STACKS], ids=_name)
def test_stack_is_valid_without_warnings(terraform: Terraform, stack: Path) -> None:
    copy = terraform.copy(stack, _name(stack).replace("/", "--"))
    terraform.init(copy, backend=False)
    findings = terraform.validate(copy)
    assert not findings, "\n".join(map(str, findings))


def test_validation_sees_an_unknown_argument(terraform: Terraform) -> None:
    copy = terraform.copy(SAMPLES[-1], "unknown-argument")
    main = copy / "main.tf.json"
    main.write_text(main.read_text().replace('"assume_role_policy"', '"asume_role_policy"'))
    terraform.init(copy, backend=False)
    summaries = {finding.summary for finding in terraform.validate(copy)}
    assert "Missing required argument" in summaries
