"""What this machine has of what Landform needs; each finding says how to get what is missing."""

from __future__ import annotations

import importlib.util
import json
import platform
import shutil
import subprocess
import sys
from typing import NamedTuple

from compiler.terraform.synth import EngineError, engine_version, node_binary

TIMEOUT_SECONDS = 30
TERRAFORM_NEEDED = (1, 10)


class Finding(NamedTuple):
    """One thing looked for. `needed` ones must be there to compile; others are for more."""

    what: str
    ok: bool
    needed: bool
    found: str
    remedy: str


def examine() -> list[Finding]:
    """Look at Python, the engine, Terraform, git and the optional packages."""
    return [_python(), _engine(), _terraform(), _git(), *_packages()]


def _python() -> Finding:
    version = platform.python_version()
    return Finding(
        "Python", sys.version_info >= (3, 11), True, version, "install Python 3.11 or newer"
    )


def _engine() -> Finding:
    remedy = "install Landform's locked requirements: make demo"
    try:
        return Finding("CDKTF engine", True, True, f"{engine_version()} on {node_binary()}", remedy)
    except EngineError as error:
        return Finding("CDKTF engine", False, True, str(error), remedy)


def _terraform() -> Finding:
    remedy = "install Terraform 1.10 or newer, to plan and apply what Landform writes"
    text = _output("terraform", "version", "-json")
    if text is None:
        return Finding("Terraform", False, False, "not on PATH", remedy)
    try:
        version = str(json.loads(text)["terraform_version"])
        numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:2])
    except (ValueError, KeyError):
        return Finding("Terraform", False, False, "does not say its version", remedy)
    return Finding("Terraform", numbers >= TERRAFORM_NEEDED, False, version, remedy)


def _git() -> Finding:
    text = _output("git", "--version")
    return Finding(
        "git", text is not None, False, text or "not on PATH", "install git, to compare revisions"
    )


def _packages() -> list[Finding]:
    """What only some need, each an extra of `pyproject.toml`."""
    return [
        _package(
            "typed bindings",
            "bindings",
            ("cdktf_cdktf_provider_aws", "cdktf_cdktf_provider_google"),
            "to rebuild the schema index or write typed kinds",
        ),
        _package("boto3", "import", ("boto3",), "to import a live AWS Organization"),
    ]


def _package(what: str, extra: str, modules: tuple[str, ...], use: str) -> Finding:
    there = all(importlib.util.find_spec(module) is not None for module in modules)
    found = "installed" if there else "not installed"
    return Finding(what, there, False, found, f"pip install 'landform[{extra}]', {use}")


def _output(*command: str) -> str | None:
    """What a program prints, or None if it is missing or fails."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
