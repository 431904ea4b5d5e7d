"""`init` and `validate` of all stacks of an organisation with the real Terraform."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.terraform.terraform_cli import Terraform

# It works more than it waits: each start of the provider reads its whole schema.
JOBS = 2


def stacks_of(folder: Path) -> list[Path]:
    """The AWS root modules of an organisation in `generated/<name>`."""
    return sorted(main.parent for main in folder.glob("aws/*/*/main.tf.json"))


def findings(terraform: Terraform, folder: Path) -> list[str]:
    """Errors and warnings over all stacks, each with its stack; AssertionError without a stack."""
    stacks = stacks_of(folder)
    assert stacks, f"{folder} has no AWS stacks"

    def one(stack: Path) -> list[str]:
        name = "--".join([folder.name, *stack.parts[-2:]])
        return [f"{name}: {finding}" for finding in terraform.check(stack, f"validate--{name}")]

    with ThreadPoolExecutor(JOBS) as pool:
        return [finding for found in pool.map(one, stacks) for finding in found]
