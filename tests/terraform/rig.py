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
from dataclasses import dataclass, replace
from pathlib import Path
from threading import BoundedSemaphore

from tests.terraform.generated import CompiledOrganisation, CompiledStack
from tests.terraform.override import write_override
from tests.terraform.simulated_aws import UNSUPPORTED, SimulatedAws
from tests.terraform.terraform_cli import Terraform, TerraformError

# Terraforms that run at once, over all organisations of a test run.
JOBS = int(os.environ.get("LANDFORM_RIG_JOBS", "6"))
_slots = BoundedSemaphore(JOBS)


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

    def create_existing(self, organisation: CompiledOrganisation) -> None:
        """Make what the blueprint names as existing already: roles, trusted by their account, buckets
        without a policy, and clusters."""
        for account, bucket in organisation.existing_buckets:
            self.aws.client("s3", account).create_bucket(Bucket=bucket)
        for account, name in organisation.existing_roles:
            iam = self.aws.client("iam", account)
            path, _, last = f"/{name}".rpartition("/")
            trust = _account_trust(account)
            iam.create_role(RoleName=last, Path=f"{path}/", AssumeRolePolicyDocument=trust)
        for account, region, name in organisation.existing_clusters:
            role, subnets = f"arn:aws:iam::{account}:role/{name}", ["subnet-1", "subnet-2"]
            eks = self.aws.client("eks", account, region)
            eks.create_cluster(name=name, roleArn=role, resourcesVpcConfig={"subnetIds": subnets})


def _account_trust(account: str) -> str:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def simulable(organisation: CompiledOrganisation) -> CompiledOrganisation:
    """The organisation without the stacks that `left_out` names."""
    missing = left_out(organisation)
    stacks = tuple(stack for stack in organisation.stacks if stack.path not in missing)
    return replace(organisation, stacks=stacks)


def left_out(organisation: CompiledOrganisation) -> dict[str, list[str]]:
    """The stacks that hold a type of `UNSUPPORTED`, by path, with the reasons."""
    return {
        stack.path: [f"{name}: {UNSUPPORTED[name]}" for name in sorted(types)]
        for stack in organisation.stacks
        if (types := stack.types & UNSUPPORTED.keys())
    }


def _each(stacks: Sequence[CompiledStack], work: Callable[[CompiledStack], None]) -> None:
    """Do the work for all stacks, also after one has failed; then say all that failed."""

    def one(stack: CompiledStack) -> None:
        with _slots:
            work(stack)

    with ThreadPoolExecutor(JOBS) as pool:
        futures = [(stack, pool.submit(one, stack)) for stack in stacks]
        failures = [(stack, future.exception()) for stack, future in futures]
    texts = [f"{stack.path}: {error}" for stack, error in failures if error]
    if texts:
        raise TerraformError("\n\n".join(texts))
