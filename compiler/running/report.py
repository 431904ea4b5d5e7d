"""What a run came to: a record for each stack, and the report as JSON.

The format is published as `docs/run-report.schema.json`; keys are added, never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from compiler.running.changes import PlannedChanges
from compiler.running.stacks import RunStack

VERSION = 1
Status = Literal[
    "planned",  # there is something to apply
    "unchanged",
    "applied",
    "refused",  # it destroys, or its saved plan is stale
    "failed",
    "skipped",  # behind one that failed or was refused
    "interrupted",
    "not-started",
]
GOOD: tuple[Status, ...] = ("planned", "unchanged", "applied")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackResult:
    """One stack: `step` is the Terraform command that failed, `behind` the keys that stopped it."""

    stack: RunStack
    status: Status
    seconds: float = 0.0
    changes: PlannedChanges | None = None
    step: str | None = None
    error: str | None = None
    behind: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether those that depend on it may start."""
        return self.status in GOOD

    @property
    def gated(self) -> bool:
        """Whether it would destroy anything."""
        return bool(self.changes and self.changes.gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A whole run of `command`."""

    command: str
    results: tuple[StackResult, ...]
    allow_destroy: bool
    declined: bool = False

    def having(self, *statuses: Status) -> list[StackResult]:
        """The stacks with one of these statuses."""
        return [result for result in self.results if result.status in statuses]

    @property
    def outcome(self) -> str:
        """The run in one word: `interrupted`, `failed`, `refused`, `declined` or `done`."""
        if self.having("interrupted") or (self.having("not-started") and not self.declined):
            return "interrupted"
        if self.having("failed"):
            return "failed"
        if self.having("refused") or (not self.allow_destroy and self.gated()):
            return "refused"
        return "declined" if self.declined else "done"

    def gated(self) -> list[StackResult]:
        """The stacks whose plans destroy, and were not applied."""
        return [result for result in self.having("planned", "refused") if result.gated]

    def counts(self) -> dict[str, int]:
        """How many stacks have each status, those that none has left out."""
        return dict(Counter(result.status for result in self.results))

    def as_json(self) -> dict[str, Any]:
        """See above."""
        return {
            "version": VERSION,
            "command": self.command,
            "outcome": self.outcome,
            "summary": dict(sorted(self.counts().items())),
            "stacks": [_record(result) for result in self.results],
        }


def _record(result: StackResult) -> dict[str, Any]:
    changes = result.changes
    return {
        "organization": result.stack.organization,
        "path": result.stack.path,
        "wave": result.stack.wave,
        "status": result.status,
        "seconds": round(result.seconds, 1),
        "changes": {**changes.counts, "outputs": changes.other} if changes else None,
        "destroys": list(changes.gone) if changes else [],
        "step": result.step,
        "error": result.error,
        "behind": list(result.behind),
    }


def in_order(
    stacks: Iterable[RunStack], results: Mapping[str, StackResult]
) -> tuple[StackResult, ...]:
    """A result for every stack, in the stacks' order; what has none was not started."""
    return tuple(
        results.get(stack.key, StackResult(stack=stack, status="not-started")) for stack in stacks
    )
