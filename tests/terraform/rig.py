"""Apply a compiled organisation to a simulated AWS with the real Terraform.

Takes an organisation and the two tools, works on copies in Terraform's workspace. Stacks of one wave
run side by side: an apply mostly waits (the provider polls for consistency by the clock, up to a
minute for a lifecycle configuration), so more of them than processors pay off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.terraform.generated import CompiledOrganisation, CompiledStack
from tests.terraform.override import write_override
from tests.terraform.simulated_aws import UNSUPPORTED, SimulatedAws
from tests.terraform.terraform_cli import Terraform, TerraformError

JOBS = int(os.environ.get("LANDFORM_RIG_JOBS", "4"))


@dataclass(frozen=True, slots=True)
class Rig:
    """Terraform, pointed at one simulated AWS. `label` names the copies of this rig."""

    terraform: Terraform
    aws: SimulatedAws
    label: str

    def apply_all(self, waves: Sequence[Sequence[CompiledStack]]) -> None:
        """Apply wave by wave; then plan all again. TerraformError names each stack that failed."""
        for wave in waves:
            _each(wave, self.apply)
        _each([stack for wave in waves for stack in wave], self.expect_no_changes)

    def apply(self, stack: CompiledStack) -> None:
        """Copy, override, init and apply one stack."""
        folder = self.terraform.copy(stack.folder, f"{self.label}--{stack.name}")
        write_override(stack, folder)
        self._terraform.init(folder)
        self._terraform.apply(folder)

    def expect_no_changes(self, stack: CompiledStack) -> None:
        """Plan an applied stack again; TerraformError with the plan when it is not empty."""
        changes = self._terraform.plan(self.folder(stack))
        if changes:
            raise TerraformError(f"the second plan of {stack.path} is not empty\n{changes[-6000:]}")

    def folder(self, stack: CompiledStack) -> Path:
        """The working copy of a stack that was applied."""
        return self.terraform.workspace / f"{self.label}--{stack.name}"

    @property
    def _terraform(self) -> Terraform:
        return self.terraform.with_environment(self.aws.environment)

    def create_roles(self, organisation: CompiledOrganisation) -> None:
        """Make the roles that the blueprint names as existing already, trusted by their account."""
        for account, name in organisation.existing_roles:
            iam = self.aws.client("iam", account)
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=_account_trust(account))


def _account_trust(account: str) -> str:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def simulable(organisation: CompiledOrganisation) -> CompiledOrganisation:
    """The organisation without the stacks that hold a type of `UNSUPPORTED`."""
    stacks = tuple(stack for stack in organisation.stacks if not stack.types & set(UNSUPPORTED))
    return CompiledOrganisation(organisation.name, stacks)


def _each(stacks: Sequence[CompiledStack], work: Callable[[CompiledStack], None]) -> None:
    """Do the work for all stacks, also after one has failed; then say all that failed."""
    with ThreadPoolExecutor(JOBS) as pool:
        futures = [(stack, pool.submit(work, stack)) for stack in stacks]
        failures = [(stack, future.exception()) for stack, future in futures]
    texts = [f"{stack.path}: {error}" for stack, error in failures if error]
    if texts:
        raise TerraformError("\n\n".join(texts))
