"""A run of `plan` or `apply` over selected stacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from compiler.running.plans import SavedPlan, plan_file
from compiler.running.programs import Stopping
from compiler.running.report import RunReport, StackResult, Status, in_order
from compiler.running.schedule import run_in_order
from compiler.running.stacks import RunStack
from compiler.running.terraform import StepFailed, Terraform

Ask = Callable[[Sequence[StackResult]], bool]
Work = Callable[[RunStack], StackResult]
REFUSED = "it would destroy resources: look at them, then allow it with --allow-destroy"


@dataclass
class Run:
    """What is to be done, and the results so far by stack."""

    stacks: Sequence[RunStack]
    terraform: Terraform
    jobs: int
    allow_destroy: bool = False
    results: dict[str, StackResult] = field(default_factory=dict)

    def plan(self, folder: Path) -> RunReport:
        """Plan every stack into `folder`."""
        self._do(self.stacks, lambda stack: self._planned(stack, folder))
        return self._report("plan")

    def apply_saved(self, plans: Mapping[str, SavedPlan]) -> RunReport:
        """Apply the very plans that were saved; a stale one is refused."""

        def one(stack: RunStack) -> StackResult:
            plan = plans[stack.key]
            if reason := plan.stale(stack):
                return StackResult(stack=stack, status="refused", error=reason)
            self.terraform.init(stack)
            changes = self.terraform.show(stack, plan.file)
            status: Status = "planned" if changes.any else "unchanged"
            found = StackResult(stack=stack, status=status, changes=changes)
            return self._applied(self._gated(found), plan.file)

        self._do(self.stacks, one)
        return self._report("apply")

    def apply(self, folder: Path, ask: Ask | None) -> RunReport:
        """Plan and apply, stack by stack; with `ask` wave by wave, each wave after a yes.

        A wave is planned after the one before is applied: the first may make the role that the
        next is planned as.
        """
        if ask is None:
            self._do(self.stacks, lambda stack: self._at_once(stack, folder))
            return self._report("apply")
        for _, wave in groupby(
            sorted(self.stacks, key=lambda s: s.wave), key=lambda stack: stack.wave
        ):
            members = list(wave)
            self._do(members, lambda stack: self._gated(self._planned(stack, folder)))
            ready = [self.results[s.key] for s in members if s.key in self.results]
            ready = [result for result in ready if result.status == "planned"]
            if self.terraform.programs.stopping or (ready and not ask(ready)):
                for result in ready:
                    self.results[result.stack.key] = replace(result, status="not-started")
                declined = not self.terraform.programs.stopping
                return self._report("apply", declined=declined)
            self._do(
                [result.stack for result in ready],
                lambda stack: self._applied(self.results[stack.key], plan_file(folder, stack)),
            )
        return self._report("apply")

    # ---- One stack

    def _planned(self, stack: RunStack, folder: Path) -> StackResult:
        self.terraform.init(stack)
        changes = self.terraform.plan(stack, plan_file(folder, stack))
        if changes.any:
            return StackResult(stack=stack, status="planned", changes=changes)
        return StackResult(stack=stack, status="unchanged", changes=changes)

    def _gated(self, found: StackResult) -> StackResult:
        if found.gated and not self.allow_destroy:
            return replace(found, status="refused", error=REFUSED)
        return found

    def _applied(self, found: StackResult, file: Path) -> StackResult:
        if found.status != "planned":
            return found
        try:
            self.terraform.apply(found.stack, file)
        except StepFailed as error:
            return replace(found, status="failed", step=error.step, error=str(error))
        return replace(found, status="applied")

    def _at_once(self, stack: RunStack, folder: Path) -> StackResult:
        return self._applied(self._gated(self._planned(stack, folder)), plan_file(folder, stack))

    # ---- All of them

    def _do(self, stacks: Iterable[RunStack], work: Work) -> None:
        chosen = {stack.key: stack for stack in stacks}
        programs = self.terraform.programs

        def one(key: str) -> bool:
            result = self._timed(chosen[key], work)
            if result is None:
                return False
            self.results[key] = result
            return result.good

        behind = run_in_order(
            {key: stack.depends_on for key, stack in chosen.items()},
            one,
            jobs=self.jobs,
            failed=[key for key, result in self.results.items() if not result.good],
            stopping=lambda: programs.stopping,
        )
        for key, needs in behind.items():
            # Those that only wait for what an interruption kept from starting have no result either.
            if known := tuple(need for need in needs if need in self.results):
                self.results[key] = StackResult(stack=chosen[key], status="skipped", behind=known)

    def _timed(self, stack: RunStack, work: Work) -> StackResult | None:
        """The result with the time that it took; None: it was not started."""
        programs = self.terraform.programs
        before = self.results.get(stack.key)
        start = time.monotonic()
        try:
            result = work(stack)
        except Stopping:
            return replace(before, status="not-started") if before else None
        except StepFailed as error:
            result = StackResult(stack=stack, status="failed", step=error.step, error=str(error))
        if programs.stopping and result.status == "failed":
            result = replace(result, status="interrupted")
        spent = time.monotonic() - start + (before.seconds if before else 0.0)
        return replace(result, seconds=spent)

    def _report(self, command: str, *, declined: bool = False) -> RunReport:
        return RunReport(
            command=command,
            results=in_order(self.stacks, self.results),
            allow_destroy=self.allow_destroy,
            declined=declined,
        )
