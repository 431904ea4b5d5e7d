"""The files that pipelines are made of: what they hold, and their scripts as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import jsonschema
import yaml

from compiler.cli.entry import landform
from tests import served
from tests.pages.walkthrough import ROOT, program

ACTION = ROOT / "action.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
DOCKERFILE = ROOT / "Dockerfile"
EXAMPLES = ROOT / "examples" / "ci"
GITHUB = EXAMPLES / "github" / "landform.yml"
GITLAB = EXAMPLES / "gitlab" / ".gitlab-ci.yml"
ATLANTIS = EXAMPLES / "atlantis" / "repos.yaml"

# What a runner starts: GitHub's `shell: bash`, and nearly GitLab's.
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")

_ATLANTIS = json.loads(Path(__file__).with_name("atlantis.schema.json").read_text("utf-8"))
_LANDFORM = re.compile(r"(.*/)?landform")


def read(path: Path) -> Any:
    """The YAML of a file. (`on` is text in a workflow and true in YAML 1.1: nobody asks for it.)"""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def atlantis(value: Any, name: str) -> list[str]:
    """What Atlantis would not take in a file of the server or of a repository."""
    validator = jsonschema.Draft202012Validator({**_ATLANTIS, "$ref": f"#/$defs/{name}"})
    return [error.message for error in validator.iter_errors(value)]


def step(job: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The step of a job with that name."""
    (found,) = [each for each in job["steps"] if each.get("name") == name]
    return dict(found)


def scripts(path: Path) -> Iterator[str]:
    """Every shell text in a file: what stands under `run`, `script`, `before_script`, `entry`."""
    yield from _scripts(read(path))


def _scripts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _scripts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("script", "before_script"):
                yield "\n".join(item)
            elif key in ("run", "entry") and isinstance(item, str):
                yield item
            else:
                yield from _scripts(item)


def calls(script: str) -> Iterator[list[str]]:
    """The words of each call of `landform` in a shell text, without redirections and what follows."""
    joined = script.replace("\\\n", " ")
    for line in joined.splitlines():
        bare = re.sub(r"\$\{\w+:\+[^}]*\}", "", line.removeprefix("$ "))
        try:
            words = shlex.split(bare, comments=True)
        except ValueError:  # a part of a text over several lines, such as jq's
            continue
        while at := next((n for n, word in enumerate(words, 1) if _LANDFORM.fullmatch(word)), 0):
            words = words[at:]
            end = next(
                (n for n, word in enumerate(words) if re.match(r"[|;&<>]", word)), len(words)
            )
            call = [word.rstrip(";") for word in words[:end]]
            if call and re.fullmatch(r"[a-z]+|--[a-z]+", call[0]):
                yield call


def parses(words: Sequence[str]) -> None:
    """Whether the command exists and takes these words; raises click's usage errors.

    A file that is not there is no error: a page names the reader's own.
    """
    context = landform.make_context("landform", list(words))
    name, command, rest = landform.resolve_command(
        context, [*context._protected_args, *context.args]
    )
    assert name is not None
    assert command is not None
    try:
        command.make_context(name, rest, parent=context)
    except click.BadParameter as error:
        if not re.search("does not exist|No such file", error.message):
            raise
    except click.exceptions.Exit:  # of --help
        pass


def run(
    script: str, folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a step's script in a folder, as a runner does."""
    return subprocess.run(
        [*BASH, "-c", script],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def runner(folder: Path) -> dict[str, str]:
    """The environment of a runner with `landform` and a made-up Terraform on its path."""
    fake = ROOT / "tests" / "running" / "fake_terraform.py"
    served.program(folder / "bin" / "landform")
    program(folder / "bin" / "terraform", f'-IS "{fake}"')
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "LANDFORM_TERRAFORM"))}
    return {
        **kept,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "FAKE_LOG": str(folder / "log"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
