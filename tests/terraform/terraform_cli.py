"""The real Terraform CLI on copies of stacks.

Takes folders with a root module, runs Terraform in a working folder of the caller's, gives results
as values. Reads the environment: `LANDFORM_TF_PLUGINS` names a filesystem mirror of providers
(without it Terraform installs from its registry, over the network). Writes only below the working
folder: the stack itself is never touched. A provider is some 700 MB, so each is linked, not copied:
from the mirror, or from one plug-in cache for all stacks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.terraform import processes

MISSING = (
    "Terraform is not on PATH: install version 1.10 or later "
    "(https://developer.hashicorp.com/terraform/install)"
)
_LOCK = ".terraform.lock.hcl"
_HASHES = re.compile(r"^  hashes = \[\n.*?^  \]\n", re.M | re.S)
# Terraform and its provider decode a schema of some 100 MB and end: most of a command's time went into
# collecting garbage meanwhile (`validate`: 2.9 s of processor time, 1.9 s with this).
SPARING = {"GOGC": "400"}


class TerraformError(AssertionError):
    """Terraform said no; the message holds the command and what it printed."""


class TerraformMissing(RuntimeError):
    """There is no Terraform here; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnostic of `terraform validate -json`: `severity` is `error` or `warning`."""

    severity: str
    summary: str
    detail: str
    place: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.summary}: {self.detail} ({self.place})"


@dataclass(frozen=True, slots=True)
class Terraform:
    """The CLI with a configuration of its own in `workspace`, which the caller removes."""

    workspace: Path
    mirror: Path | None = None
    executable: str = "terraform"
    environment: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def find(workspace: Path) -> Terraform:
        """Terraform as this machine has it, configured in `workspace`.

        Raises TerraformMissing, or ValueError when LANDFORM_TF_PLUGINS names no folder.
        """
        executable = shutil.which("terraform")
        if executable is None:
            raise TerraformMissing(MISSING)
        named = os.environ.get("LANDFORM_TF_PLUGINS")
        mirror = Path(named).resolve() if named else None
        if mirror and not mirror.is_dir():
            raise ValueError(f"LANDFORM_TF_PLUGINS is not a folder: {mirror}")
        terraform = Terraform(workspace, mirror, executable)
        terraform.cli_configuration.write_text(_cli_configuration(mirror, workspace))
        return terraform

    @property
    def cli_configuration(self) -> Path:
        """The generated file that TF_CLI_CONFIG_FILE names."""
        return self.workspace / "terraform.rc"

    def with_environment(self, more: Mapping[str, str]) -> Terraform:
        """The same CLI with more environment variables, such as a simulated AWS's."""
        merged = {**self.environment, **more}
        return Terraform(self.workspace, self.mirror, self.executable, merged)

    def copy(self, stack: Path, name: str) -> Path:
        """A working copy of a stack below the workspace; state and plug-ins do not come along."""
        target = self.workspace / name
        ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*")
        shutil.copytree(stack, target, ignore=ignored)
        return target

    def init(self, folder: Path, *, backend: bool = True) -> None:
        """`terraform init`; the first lock file that it writes serves all later folders.

        A folder whose constraints that lock does not meet makes its own. What is left in the folder
        has no hashes: with them each later command would read the whole provider to compare it.
        """
        self._init(folder, backend)
        lock = folder / _LOCK
        lock.write_text(_HASHES.sub("", lock.read_text(encoding="utf-8")), encoding="utf-8")

    def _init(self, folder: Path, backend: bool) -> None:
        shared = self.workspace / _LOCK
        words = ("init", "-input=false", *([] if backend else ["-backend=false"]))
        if shared.exists():
            shutil.copyfile(shared, folder / _LOCK)
            if self._call(folder, *words).returncode == 0:
                return
            (folder / _LOCK).unlink()
        self.run(folder, *words)
        if not shared.exists():
            partial = self.workspace / f"{_LOCK}.{os.getpid()}.{folder.name}"
            shutil.copyfile(folder / _LOCK, partial)
            partial.replace(shared)

    def validate(self, folder: Path) -> list[Finding]:
        """What `terraform validate` has to say, warnings included; empty is good."""
        return [_finding(d) for d in self.answer(folder, "validate", "-json")["diagnostics"]]

    def check(self, stack: Path, name: str) -> list[Finding]:
        """`init` and `validate` of a copy of a stack, without its backend; empty is good."""
        copy = self.copy(stack, name)
        self.init(copy, backend=False)
        return self.validate(copy)

    def answer(self, folder: Path, *words: str) -> Any:
        """The JSON that a command prints, whether or not it succeeds."""
        result = self._call(folder, *words)
        if not result.stdout:
            raise TerraformError(_failure(folder, words, result))
        return json.loads(result.stdout)

    def apply(self, folder: Path) -> None:
        """`terraform apply`; the many requests of a stack wait more than they work."""
        self.run(folder, "apply", "-auto-approve", "-input=false", "-parallelism=30")

    def plan(self, folder: Path) -> str:
        """What a plan would change, as Terraform prints it; empty text when nothing would."""
        words = ("plan", "-input=false", "-detailed-exitcode", "-parallelism=30")
        result = self._call(folder, *words)
        if result.returncode not in (0, 2):
            raise TerraformError(_failure(folder, words, result))
        return result.stdout if result.returncode == 2 else ""

    def run(self, folder: Path, *words: str) -> str:
        """Run one command, give its standard output; TerraformError when it fails."""
        result = self._call(folder, *words)
        if result.returncode:
            raise TerraformError(_failure(folder, words, result))
        return result.stdout

    def _call(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command, *rest = words
        plain = [] if "-json" in rest else ["-no-color"]
        line = [self.executable, f"-chdir={folder}", command, *plain, *rest]
        return processes.run(line, self._environment())

    def _environment(self) -> dict[str, str]:
        """The caller's, without what would steer Terraform or reach a real cloud."""
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("TF_", "AWS_"))
        }
        ours = {"TF_CLI_CONFIG_FILE": str(self.cli_configuration), "CHECKPOINT_DISABLE": "1"}
        return {**SPARING, **inherited, **ours, **self.environment}


def _cli_configuration(mirror: Path | None, workspace: Path) -> str:
    if mirror:
        path = json.dumps(str(mirror))
        return f"provider_installation {{\n  filesystem_mirror {{\n    path = {path}\n  }}\n}}\n"
    cache = workspace / "plugin-cache"
    cache.mkdir(exist_ok=True)
    return (
        f"plugin_cache_dir = {json.dumps(str(cache))}\n"
        "plugin_cache_may_break_dependency_lock_file = true\n"
    )


def _finding(diagnostic: dict[str, Any]) -> Finding:
    where = diagnostic.get("range") or {}
    line = where.get("start", {}).get("line", 0)
    detail = diagnostic.get("detail", "")
    place = f"{where.get('filename', '-')}:{line}"
    return Finding(diagnostic["severity"], diagnostic["summary"], detail, place)


def _failure(folder: Path, words: tuple[str, ...], result: subprocess.CompletedProcess[str]) -> str:
    command = " ".join(words)
    printed = (result.stderr or result.stdout)[-6000:]
    return f"terraform {command} in {folder.name} gave {result.returncode}\n{printed}"
