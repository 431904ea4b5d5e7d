"""`landform plan`, `apply` and `lock` with the real Terraform over the simulated AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.running.conftest import BLUEPRINT, ROOT, SCHEMA, statuses
from tests.terraform.generated import read_organisation
from tests.terraform.override import FILE, write_override
from tests.terraform.simulated_aws import SimulatedAws
from tests.terraform.terraform_cli import SPARING, Terraform

TRAINING, PRODUCTION = "aws/training/churn", "aws/production/churn"
SHARED = "aws/shared/churn"
BASELINE = """\
  base:
    kind: account-baseline
    for_each: {accounts: training}
"""


@dataclass
class Site:
    """A folder with a blueprint and its output, which is applied to a simulated AWS.

    `init` are words for every `terraform init`.
    """

    folder: Path
    terraform: Terraform
    aws: SimulatedAws
    init: str = ""

    @property
    def root(self) -> Path:
        return self.folder / "generated" / "acme"

    def compile(self, blueprint: str) -> None:
        """Compile it, and point every stack at the simulation."""
        (self.folder / "blueprint.yaml").write_text(blueprint)
        done = self.run("compile", "--no-cache")
        assert done.returncode == 0, done.stderr
        for stack in read_organisation(self.root).stacks:
            write_override(stack, stack.folder)

    def run(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "AWS_"))}
        own = {
            "PYTHONPATH": str(ROOT),
            "TF_CLI_CONFIG_FILE": str(self.terraform.cli_configuration),
            "TF_PLUGIN_CACHE_DIR": str(self.folder / "plugins"),
            "TF_CLI_ARGS_init": self.init,
            "TF_CLI_ARGS_plan": "-parallelism=30",
            "TF_CLI_ARGS_apply": "-parallelism=30",
            "CHECKPOINT_DISABLE": "1",
        }
        return subprocess.run(
            [sys.executable, "-m", "compiler", command, "blueprint.yaml", *words],
            cwd=self.folder,
            env={**SPARING, **kept, **own, **self.aws.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )

    def report(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = self.run(*words, "--jobs", "2", "--format", "json")
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-6000:]
        body: dict[str, Any] = json.loads(done.stdout)
        jsonschema.validate(body, SCHEMA)
        return body

    def held(self) -> dict[str, int]:
        """How many resources each state holds."""
        return {
            file.parent.relative_to(self.root).as_posix(): len(
                [r for r in json.loads(file.read_text())["resources"] if r["mode"] == "managed"]
            )
            for file in sorted(self.root.glob("*/*/*/terraform.tfstate"))
        }

    def roles(self, account: str) -> set[str]:
        listed = self.aws.client("iam", account).list_roles()["Roles"]
        return {role["RoleName"] for role in listed}


@pytest.fixture
def site(tmp_path: Path, terraform: Terraform, aws: SimulatedAws) -> Site:
    return Site(tmp_path, terraform, aws)


@pytest.mark.rig
def test_an_organisation_is_planned_applied_and_taken_down_in_part(site: Site) -> None:
    site.compile(BLUEPRINT + BASELINE)
    if site.terraform.mirror:
        mirror = str(site.terraform.mirror)
        done = site.run("lock", "--mirror", mirror, "--platform", "linux_amd64")
        assert done.returncode == 0, done.stderr
        assert "h1:" in next((site.root / "locks").iterdir()).read_text()

    # The whole, by plans that are saved and then applied: 2 at once.
    planned = site.report("plan", "--save", "plans")
    assert set(statuses(planned).values()) == {"planned"}
    expected = {stack.path: stack.count for stack in read_organisation(site.root).stacks}
    assert {s["path"]: s["changes"]["add"] for s in planned["stacks"]} == expected
    assert set(statuses(site.report("apply", "--plans", "plans")).values()) == {"applied"}
    assert set(statuses(site.report("plan", "--exit-code")).values()) == {"unchanged"}
    # The same plans once more: Terraform refuses them, their states have moved on.
    stale = site.report("apply", "--plans", "plans", "--only", TRAINING, code=4)
    assert "stale" in stale["stacks"][0]["error"]

    # A component goes, by its tombstones: its resources, and nothing else.
    before = site.held()
    kept = site.roles("222222222222")
    head, _, _ = BLUEPRINT.partition("components:")
    gone = f"removed: [{PRODUCTION}, {SHARED}, {TRAINING}]\n"
    site.compile(f"{head}{gone}components:\n{BASELINE}")
    refused = site.report("apply", "--yes", code=3)
    assert {s["status"] for s in refused["stacks"] if s["path"].endswith("/churn")} <= {
        "refused",
        "skipped",
    }
    assert site.held() == before
    assert site.roles("222222222222") == kept
    done = site.report("apply", "--yes", "--allow-destroy")
    assert statuses(done) == {
        "aws/training/base": "unchanged",
        **dict.fromkeys((PRODUCTION, SHARED, TRAINING), "applied"),
    }
    base = "aws/training/base"
    assert site.held() == {**dict.fromkeys(before, 0), base: before[base]}
    assert not {role for role in site.roles("222222222222") if "churn" in role}


@pytest.mark.rig
def test_a_stack_that_fails_stops_its_dependents_only(site: Site) -> None:
    site.compile(BLUEPRINT)
    file = site.root / TRAINING / FILE
    broken = json.loads(file.read_text())
    broken["provider"]["aws"][0]["allowed_account_ids"] = ["999999999999"]
    file.write_text(json.dumps(broken))
    report = site.report("apply", "--yes", code=4)
    assert statuses(report) == {PRODUCTION: "applied", TRAINING: "failed", SHARED: "skipped"}
    found = {stack["path"]: stack for stack in report["stacks"]}
    assert "Error:" in found[TRAINING]["error"]
    assert found[SHARED]["behind"] == [f"acme/{TRAINING}"]
    assert set(site.held()) - {TRAINING} == {PRODUCTION}
