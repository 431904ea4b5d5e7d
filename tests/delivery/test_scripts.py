"""The scripts of the ready pipelines, run as a runner runs them, with a fake Terraform."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.delivery.files import (
    ACTION,
    ATLANTIS,
    BASH,
    GITHUB,
    GITLAB,
    atlantis,
    read,
    run,
    runner,
    step,
)
from tests.needs import lacking
from tests.pages.walkthrough import ROOT
from tests.running.conftest import BLUEPRINT

# They start many programs: it takes long.
pytestmark = pytest.mark.rig

TRAINING = {"organization": "acme", "account": "training", "id": "222222222222"}


@pytest.fixture
def site(tmp_path: Path, engine_once: None) -> Path:
    """A repository with a compiled blueprint, as a runner checks it out."""
    folder = tmp_path / "repository"
    (folder / "blueprints").mkdir(parents=True)
    (folder / "blueprints" / "acme.yaml").write_text(BLUEPRINT, encoding="utf-8")
    done = run("landform compile", folder, runner(tmp_path))
    assert done.returncode == 0, done.stderr
    return folder


def locked(site: Path, folder: Path) -> Path:
    """A second checkout of the site, when its providers are locked, as the examples want it."""
    done = run("landform lock && landform lock --check", site, runner(folder))
    assert done.returncode == 0, done.stderr
    return shutil.copytree(site, folder / "fresh")


def another_runner(site: Path, fresh: Path) -> None:
    """From here on the site is the other checkout: nothing is there but what a job was given."""
    shutil.rmtree(site)
    fresh.rename(site)


def outputs(folder: Path) -> dict[str, str]:
    lines = (folder / "output").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_github_lists_each_account_once(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "generated", tmp_path / "generated")
    script = step(read(GITHUB)["jobs"]["check"], "Accounts")["run"]
    done = run(script, tmp_path, runner(tmp_path))
    assert done.returncode == 0, done.stderr
    accounts = json.loads(outputs(tmp_path)["accounts"])
    stacks = [
        {**stack, "organization": manifest["organization"]}
        for file in (ROOT / "generated").glob("*/manifest.json")
        for manifest in [json.loads(file.read_text(encoding="utf-8"))]
        for stack in manifest["stacks"]
        if stack["cloud"] == "aws"
    ]
    keys = [(account["organization"], account["account"], account["id"]) for account in accounts]
    assert len(keys) == len(set(keys))
    assert set(keys) == {(s["organization"], s["account"], s["id"]) for s in stacks}
    waves = [account["wave"] for account in accounts]
    assert waves == sorted(waves)


BASELINE = """\
deploy: {aws: {role: landform-deploy, bootstrap_role: landform-deploy}}
"""
BASELINE_COMPONENT = """\
  baseline:
    kind: account-baseline
    for_each: {accounts: "**"}
    deploy_from: {github: {owner: acme, repository: platform}}
"""


def test_github_assumes_the_role_that_its_stacks_are_applied_as(site: Path, tmp_path: Path) -> None:
    """With what the how-to wants, and that role lets in a job of the branch `main`."""
    (site / "blueprints" / "acme.yaml").write_text(
        BLUEPRINT + BASELINE_COMPONENT + BASELINE, "utf-8"
    )
    assert run("landform compile", site, runner(tmp_path)).returncode == 0
    for name in ("plan", "apply"):
        steps = read(GITHUB)["jobs"][name]["steps"]
        (wanted,) = [
            each["with"]["role-to-assume"]
            for each in steps
            if "role-to-assume" in each.get("with", {})
        ]
        for account in ("production", "shared", "training"):
            stacks = sorted((site / "generated" / "acme" / "aws" / account).glob("*/main.tf.json"))
            assert len(stacks) == 2
            documents = [json.loads(stack.read_text(encoding="utf-8")) for stack in stacks]
            for document in documents:
                (provider,) = document["provider"]["aws"]
                (number,) = provider["allowed_account_ids"]
                role = wanted.replace("${{ matrix.id }}", number)
                assert provider["assume_role"] == [{"role_arn": role}]
            trust = documents[0]["locals"]["iam_role_deploy_assume_role_policy"]
            assert "repo:acme/platform:ref:refs/heads/main" in json.dumps(trust)


@pytest.fixture
def gpg(tmp_path: Path) -> Iterator[None]:
    if shutil.which("gpg") is None:
        lacking("gpg is not on PATH; GitHub's runners have it")
    yield
    # The agent that it starts would stay.
    subprocess.run(["gpgconf", "--homedir", tmp_path / ".gnupg", "--kill", "all"], check=False)


@pytest.mark.usefixtures("gpg")
def test_github_applies_the_plans_that_it_made(site: Path, tmp_path: Path) -> None:
    jobs = read(GITHUB)["jobs"]
    surroundings = {**runner(tmp_path), "DESTROY": "", "PASSPHRASE": "correct horse"}
    stacks = step(jobs["plan"], "Plan")["env"]["STACKS"]
    for name, value in TRAINING.items():
        stacks = stacks.replace(f"${{{{ matrix.{name} }}}}", value)
    surroundings["STACKS"] = stacks
    fresh = locked(site, tmp_path)
    for name in ("Plan", "Summary", "Encrypt the plans"):
        done = run(step(jobs["plan"], name)["run"], site, surroundings)
        assert done.returncode == 0, (name, done.stderr)
    assert "| acme/aws/training/churn | planned |" in (tmp_path / "summary").read_text("utf-8")
    assert b"plans.json" not in (site / "plans.gpg").read_bytes()
    shutil.copyfile(site / "plans.gpg", fresh / "plans.gpg")
    another_runner(site, fresh)
    for name in ("Decrypt the plans", "Apply"):
        done = run(step(jobs["apply"], name)["run"], site, surroundings)
        assert done.returncode == 0, (name, done.stderr)
    report = json.loads((site / "apply.json").read_text(encoding="utf-8"))
    assert {stack["path"]: stack["status"] for stack in report["stacks"]} == {
        "aws/training/churn": "applied"
    }
    assert not (site / "generated/acme/aws/shared/churn/terraform.tfstate").exists()


@pytest.mark.usefixtures("gpg")
def test_github_does_not_keep_plans_without_a_passphrase(site: Path, tmp_path: Path) -> None:
    (site / "plans").mkdir()
    script = step(read(GITHUB)["jobs"]["plan"], "Encrypt the plans")["run"]
    done = run(script, site, {**runner(tmp_path), "PASSPHRASE": ""})
    assert done.returncode != 0
    assert "LANDFORM_PLANS" in done.stderr
    assert not (site / "plans.gpg").exists()


@pytest.mark.parametrize("allowed", [False, True])
def test_a_plan_that_destroys_is_allowed_by_hand(site: Path, tmp_path: Path, allowed: bool) -> None:
    gone = {"actions": {"aws_s3_bucket.gone": ["delete"]}}
    stack = site / "generated/acme/aws/training/churn"
    (stack / "fake.json").write_text(json.dumps(gone), encoding="utf-8")
    surroundings = {**runner(tmp_path), "STACKS": "acme/aws/training/**"}
    surroundings["DESTROY"] = "--allow-destroy" if allowed else ""
    script = step(read(GITHUB)["jobs"]["plan"], "Plan")["run"]
    assert run(script, site, surroundings).returncode == (0 if allowed else 3)


def test_gitlab_applies_the_plans_that_it_made(site: Path, tmp_path: Path) -> None:
    pipeline = read(GITLAB)
    surroundings = {
        **runner(tmp_path),
        "AWS_TOKEN": "token",
        "CI_PIPELINE_ID": "7",
        "CI_ROLE_ARN": "arn:aws:iam::111111111111:role/ci",
        "TF_PLUGIN_CACHE_DIR": str(tmp_path / "plugins"),
    }
    before = "\n".join(pipeline[".credentials"]["before_script"])
    fresh = locked(site, tmp_path)
    for job in ("plan", "apply"):
        if job == "apply":
            for name in pipeline["plan"]["artifacts"]["paths"]:
                shutil.copytree(site / name, fresh / name)
            another_runner(site, fresh)
        assert pipeline[job]["extends"] == ".credentials"
        script = "\n".join([before, *pipeline[job]["script"]])
        done = run(f'{script}\ncat "$AWS_WEB_IDENTITY_TOKEN_FILE"', site, surroundings)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("token")
    report = json.loads((site / "apply.json").read_text(encoding="utf-8"))
    assert report["summary"] == {"applied": 3}


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_a_check_fails_where_the_output_is_out_of_date(
    path: Path, site: Path, tmp_path: Path
) -> None:
    pipeline = read(path)
    if path == GITLAB:
        script = pipeline["check"]["script"][0]
    else:
        uses = [each for each in pipeline["jobs"]["check"]["steps"] if "with" in each]
        (words,) = [each["with"]["command"] for each in uses if "command" in each["with"]]
        script = f"landform {words}"
    assert run(script, site, runner(tmp_path)).returncode == 0
    blueprint = site / "blueprints" / "acme.yaml"
    blueprint.write_text(BLUEPRINT.replace("max: 4", "max: 5"), encoding="utf-8")
    assert run(script, site, runner(tmp_path)).returncode == 3


def git(folder: Path, *words: str) -> None:
    who = [
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@acme.example",
        "-c",
        "init.defaultBranch=main",
    ]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def proposal(site: Path, folder: Path) -> Path:
    """A clone of the site whose branch has changed it, as a pipeline checks it out."""
    for words in (["init"], ["add", "."], ["commit", "--message", "main"]):
        git(site, *words)
    git(folder, "clone", str(site), "clone")
    clone = folder / "clone"
    blueprint = clone / "blueprints" / "acme.yaml"
    blueprint.write_text(
        BLUEPRINT.replace("instance: ml.m6i.large", "instance: ml.m6i.xlarge"), "utf-8"
    )
    done = run("landform compile", clone, runner(folder))
    assert done.returncode == 0, done.stderr
    git(clone, "commit", "--all", "--message", "change")
    return clone


def test_atlantis_gets_a_project_for_each_affected_stack(site: Path, tmp_path: Path) -> None:
    clone = proposal(site, tmp_path)
    (server,) = read(ATLANTIS)["repos"]
    surroundings = {**runner(tmp_path), "BASE_BRANCH_NAME": "main"}
    for hook in server["pre_workflow_hooks"]:
        done = subprocess.run(["sh", "-c", hook["run"]], cwd=clone, env=surroundings)
        assert done.returncode == 0, hook["description"]
    made = yaml.safe_load((clone / "atlantis.yaml").read_text(encoding="utf-8"))
    assert not atlantis(made, "repository")
    assert made["projects"]
    for project in made["projects"]:
        assert (clone / project["dir"] / "main.tf.json").is_file()
    names = {project["name"] for project in made["projects"]}
    assert "acme/aws/production/churn" in names
    assert "acme/aws/training/churn" not in names


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_a_proposal_gets_a_comment(path: Path, site: Path, tmp_path: Path) -> None:
    clone = proposal(site, tmp_path)
    surroundings = {**runner(tmp_path), "BASE": "origin/main"}
    surroundings["CI_MERGE_REQUEST_DIFF_BASE_SHA"] = "origin/main"
    pipeline = read(path)
    if path == GITLAB:
        script = "\n".join(pipeline["diff"]["script"])
    else:
        script = step(pipeline["jobs"]["check"], "What the change does")["run"]
    done = run(script, clone, surroundings)
    assert done.returncode == 0, done.stderr
    text = (clone / "diff.md").read_text(encoding="utf-8")
    assert "ml.m6i.xlarge" in text
    assert len(text) <= 65_536


# ---- The action


def test_the_action_installs_what_is_locked(tmp_path: Path) -> None:
    """With a Python that only notes what it is asked for; the packages themselves are `make`'s."""
    log = tmp_path / "log"
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        f'echo "$*" >>"{log}"\n'
        f'[ "$2" = venv ] && mkdir -p "$3/bin" && cp "{python}" "$3/bin/python"\n'
        "exit 0\n",
        encoding="utf-8",
    )
    python.chmod(0o755)
    surroundings = {
        "PATH": "/usr/bin:/bin",
        "PYTHON": str(python),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_PATH": str(tmp_path / "path"),
        "RUNNER_TEMP": str(tmp_path),
    }
    done = run(step(read(ACTION)["runs"], "Install Landform")["run"], tmp_path, surroundings)
    assert done.returncode == 0, done.stderr
    lines = log.read_text(encoding="utf-8").splitlines()
    assert f"-m venv {tmp_path}/landform" in lines
    locked, own = [line for line in lines if " pip " in line]
    assert locked.endswith(f" --require-hashes --requirement {ROOT}/requirements/runtime.lock")
    assert own.endswith(f" --no-deps --no-build-isolation {ROOT}")
    assert (tmp_path / "path").read_text(encoding="utf-8") == f"{tmp_path}/landform/bin\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [("compile --check", ["compile", "--check"]), ("plan --only *", ["plan", "--only", "*"])],
)
def test_the_action_runs_words(command: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "landform"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    script = step(read(ACTION)["runs"], "Run Landform")["run"]
    done = run(script, tmp_path, {"PATH": f"{program.parent}:/usr/bin:/bin", "COMMAND": command})
    assert done.stdout.splitlines() == words
    assert BASH[0] == read(ACTION)["runs"]["steps"][1]["shell"]
