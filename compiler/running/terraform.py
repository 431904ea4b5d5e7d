"""Terraform's steps on one stack: init, plan, show, apply.

The environment is the caller's, TF_CLI_ARGS and the like included. Providers come from one plug-in
cache; the first init of a provider set runs alone and makes the lock file that the set's other
stacks get, because Terraform's cache may not be filled by two at once:
https://developer.hashicorp.com/terraform/cli/config/config-file#provider-plugin-cache
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from compiler.running.changes import PlannedChanges, read_changes
from compiler.running.locks import kept_for, read, set_name, write
from compiler.running.programs import Finished, Programs
from compiler.running.stacks import RunStack

CACHE = "TF_PLUGIN_CACHE_DIR"
SHOWN_LINES = 40


class StepFailed(RuntimeError):
    """Terraform failed; `step` is its command, the message what it said."""

    def __init__(self, step: str, message: str) -> None:
        super().__init__(message)
        self.step = step


@dataclass
class Terraform:
    """Terraform or OpenTofu for a run; `tell` gets each line that a stack's plan or apply prints."""

    executable: str
    programs: Programs
    plugins: Path
    tell: Callable[[RunStack, str], None]
    _firsts: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))
    _locks: dict[str, bytes | None] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def init(self, stack: RunStack) -> None:
        """`terraform init`, with the lock file of its provider set where it has none of its own."""
        name = set_name(stack.providers())
        with self._guard:
            first = self._firsts[name]
        with first:
            if name not in self._locks:
                self._init(stack, read(kept_for(stack)))
                self._locks[name] = read(stack.lock)
                return
        self._init(stack, self._locks[name])

    def _init(self, stack: RunStack, lock: bytes | None) -> None:
        if lock is not None and not stack.lock.exists():
            write(stack.lock, lock)
        self._run(stack, "init", "-input=false", quiet=True)

    def plan(self, stack: RunStack, file: Path) -> PlannedChanges:
        """Plan into `file`, and say what it would do."""
        file.touch(mode=0o600)  # a plan holds values that may be secret
        self._run(stack, "plan", "-input=false", f"-out={file.resolve()}")
        return self.show(stack, file)

    def show(self, stack: RunStack, file: Path) -> PlannedChanges:
        """What a saved plan would do."""
        done = self._run(stack, "show", "-json", str(file.resolve()), quiet=True)
        try:
            return read_changes(json.loads(done.output))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StepFailed("show", f"gave no plan that can be read: {error}") from error

    def apply(self, stack: RunStack, file: Path) -> None:
        """Apply exactly the saved plan."""
        self._run(stack, "apply", "-input=false", str(file.resolve()))

    def _run(self, stack: RunStack, step: str, *words: str, quiet: bool = False) -> Finished:
        command = [self.executable, f"-chdir={stack.folder.resolve()}", step, "-no-color", *words]
        tell = None if quiet else lambda line: self.tell(stack, line)
        done = self.programs.run(command, self._environment(), tell)
        if done.code:
            text = done.errors.strip() or done.output.strip()
            last = "\n".join(text.splitlines()[-SHOWN_LINES:])
            raise StepFailed(step, last or f"exit status {done.code}")
        return done

    def _environment(self) -> dict[str, str]:
        return {CACHE: str(self.plugins), "TF_IN_AUTOMATION": "1", **os.environ}
