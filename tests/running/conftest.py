"""An organisation of three stacks, compiled, and a fake Terraform to run over it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests import served

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "run-report.schema.json").read_text(encoding="utf-8"))
BLUEPRINT = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts:
  shared: {id: "111111111111"}
  training: {id: "222222222222"}
  production: {id: "333333333333"}
components:
  churn:
    kind: ml-pipeline
    shared: shared
    training: training
    production: [production]
    source: {codecommit: {repository: churn}}
    train: {image: {builtin: xgboost, version: "1.7-1"}, instance: ml.m6i.xlarge}
    deploy: {endpoint: churn, instance: ml.m6i.large, max: 4}
"""


@dataclass
class Bench:
    """A folder with a blueprint, its output and a fake Terraform."""

    folder: Path
    environment: dict[str, str]

    @property
    def output(self) -> Path:
        return self.folder / "generated" / "acme"

    def fake(self, path: str, **told: Any) -> None:
        (self.output / path / "fake.json").write_text(json.dumps(told))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "compiler", words[0], "blueprint.yaml", *words[1:]],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = served.run(self.folder, (words[0], "blueprint.yaml", *words[1:]), self.environment)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def report(self, *words: str, code: int = 0) -> dict[str, Any]:
        """The report of a run, which must end with `code`."""
        done = self.run(*words, "--format", "json")
        assert done.returncode == code, done.stdout + done.stderr
        body: dict[str, Any] = json.loads(done.stdout)
        jsonschema.validate(body, SCHEMA)
        return body

    def log(self) -> list[str]:
        file = self.folder / "log"
        return file.read_text().splitlines() if file.exists() else []

    def await_line(self, text: str) -> None:
        deadline = time.monotonic() + 30
        while text not in self.log():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def interrupt(self, process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGINT)


def statuses(report: dict[str, Any]) -> dict[str, str]:
    return {stack["path"]: stack["status"] for stack in report["stacks"]}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    # The benches share its cache, or each of their commands would compile again.
    cache = str(folder.with_name("cache"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": cache}
    served.run(folder, ("compile", "blueprint.yaml"), environment).check_returncode()
    return folder


@pytest.fixture
def bench(compiled: Path, tmp_path: Path) -> Bench:
    folder = tmp_path / "bench"
    shutil.copytree(compiled, folder)
    program = tmp_path / "terraform"
    fake = Path(__file__).with_name("fake_terraform.py")
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{fake}" "$@"\n')
    program.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "LANDFORM_"))}
    return Bench(
        folder,
        {
            **kept,
            "PYTHONPATH": str(ROOT),
            "FAKE_LOG": str(folder / "log"),
            "LANDFORM_TERRAFORM": str(program),
            "XDG_CACHE_HOME": str(compiled.with_name("cache")),
        },
    )
