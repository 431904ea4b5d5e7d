"""Applies whole organisations side by side, each once and in an AWS of its own, for all tests.

An apply mostly waits, so the organisations of a run overlap; `rig.JOBS` bounds how many Terraforms
run at once. What is left of each is an `Applied`, or the error, which the test that asks gets.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.terraform.applied import Applied, read_state
from tests.terraform.generated import CompiledOrganisation, read_organisation
from tests.terraform.policies import read_policies
from tests.terraform.rig import Rig, simulable
from tests.terraform.simulated_aws import simulated_aws
from tests.terraform.terraform_cli import Terraform


@dataclass(frozen=True, slots=True)
class Case:
    """An organisation below `generated/` or, as `variant`, one of the unseen blueprints."""

    organisation: str
    reverse: bool = False
    variant: bool = False

    def __str__(self) -> str:
        return f"{self.organisation}-{'reverse' if self.reverse else 'in-order'}"


class Applications:
    """The applications of one test run; they start at once."""

    def __init__(self, terraform: Terraform, cases: Iterable[tuple[Case, Path]]) -> None:
        self._pool = ThreadPoolExecutor(16)
        self._results: dict[Case, Future[Applied]] = {
            case: self._pool.submit(_apply, terraform, case, folder) for case, folder in cases
        }

    def result(self, case: Case) -> Applied:
        """The applied organisation; waits. Raises TerraformError when it did not apply."""
        return self._results[case].result()

    def close(self) -> None:
        """Drop what has not begun, wait for the rest."""
        self._pool.shutdown(cancel_futures=True)


def _apply(terraform: Terraform, case: Case, folder: Path) -> Applied:
    organisation = simulable(read_organisation(folder))
    with simulated_aws() as aws:
        rig = Rig(terraform, aws, str(case))
        rig.create_existing(organisation)
        waves = organisation.waves
        rig.apply_all(waves[::-1] if case.reverse else waves)
        accounts = read_policies(aws, ((s.account, s.region) for s in organisation.stacks))
    return Applied(organisation, accounts, _states(rig, organisation))


def _states(rig: Rig, organisation: CompiledOrganisation) -> dict[str, dict[str, object]]:
    return {
        stack.path: dict(read_state(rig.folder(stack) / "terraform.tfstate"))
        for stack in organisation.stacks
    }
