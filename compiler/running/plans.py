"""Plans that are saved to be applied later, and what must be as it was then.

A folder has a file for each plan, and `plans.json`, which says of each what it is a plan of: the
digest of all that Terraform reads in the stack, and of the plan itself. Terraform itself refuses a
plan whose state has moved on, or whose providers are not those of the lock file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.running.report import StackResult
from compiler.running.stacks import RunStack

INDEX = "plans.json"
VERSION = 1


class PlansError(ValueError):
    """The folder does not hold what was asked for."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """One plan: digests of the stack as it was, and of the plan's file."""

    file: Path
    stack_digest: str
    plan_digest: str

    def stale(self, stack: RunStack) -> str | None:
        """Why it must not be applied, or None."""
        if not self.file.is_file() or digest(self.file) != self.plan_digest:
            return "the saved plan is not the one that was made: plan again"
        if stack.digest() != self.stack_digest:
            return "the saved plan is stale: the stack's files changed since; plan again"
        return None


def plan_file(folder: Path, stack: RunStack) -> Path:
    """Where the plan of a stack is kept."""
    return folder / f"{stack.key.replace('/', '--')}.tfplan"


def digest(file: Path) -> str:
    """`sha256:…` of a file."""
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def prepare(folder: Path) -> None:
    """Make the folder, readable by its owner alone. Raises PlansError where others' files are in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PlansError(f'"{folder}" cannot be made: {error.strerror}') from error
    names = {file.name for file in folder.iterdir()}
    if names and INDEX not in names:
        raise PlansError(f'"{folder}" is not empty and holds no plans')
    (folder / INDEX).unlink(missing_ok=True)
    for file in folder.glob("*.tfplan"):
        file.unlink()


def save(folder: Path, results: Iterable[StackResult]) -> None:
    """Write the index of the plans that were made."""
    made = [result.stack for result in results if result.status in ("planned", "unchanged")]
    plans = {
        stack.key: {
            "file": plan_file(folder, stack).name,
            "stack": stack.digest(),
            "plan": digest(plan_file(folder, stack)),
        }
        for stack in made
    }
    text = json.dumps({"version": VERSION, "plans": plans}, indent=2) + "\n"
    (folder / INDEX).write_text(text, encoding="utf-8")


def load(folder: Path) -> Mapping[str, SavedPlan]:
    """The saved plans by stack. Raises PlansError."""
    try:
        body = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if body["version"] != VERSION:
            raise PlansError(f'"{folder}" was written by another version of Landform: plan again')
        return {
            key: SavedPlan(folder / Path(one["file"]).name, one["stack"], one["plan"])
            for key, one in body["plans"].items()
        }
    except FileNotFoundError:
        raise PlansError(f'"{folder}" holds no plans: `landform plan --save` makes it') from None
    except PlansError:
        raise
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        # A ValueError: no UTF-8, or no JSON.
        raise PlansError(f'"{folder / INDEX}" cannot be read: {error}') from error
