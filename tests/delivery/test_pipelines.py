"""Ready pipelines: valid by their schemas, their commands exist; what they may do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pre_commit.clientlib import InvalidManifestError, load_manifest

from tests.delivery.files import (
    ACTION,
    ATLANTIS,
    GITHUB,
    GITLAB,
    HOOKS,
    atlantis,
    calls,
    parses,
    read,
    scripts,
)

PIPELINES = (ACTION, ATLANTIS, GITHUB, GITLAB, HOOKS)

# ---- Schemas


def checked(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    """By the schemas of SchemaStore and GitLab that check-jsonschema carries; no network."""
    words = ["--builtin-schema", schema, "--color", "never"]
    if "gitlab" in schema:
        words += ["--data-transform", "gitlab-ci"]
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *words, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        (GITHUB, "vendor.github-workflows"),
        (GITHUB, "custom.github-workflows-require-timeout"),
        (ACTION, "vendor.github-actions"),
        (GITLAB, "vendor.gitlab-ci"),
    ],
)
def test_published_schema(path: Path, schema: str) -> None:
    done = checked(path, schema)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("path", "schema", "old", "new"),
    [
        (GITHUB, "vendor.github-workflows", "runs-on:", "run-on:"),
        (GITHUB, "custom.github-workflows-require-timeout", "timeout-minutes: 5\n", "\n"),
        (ACTION, "vendor.github-actions", "using: composite", "using: composit"),
        (GITLAB, "vendor.gitlab-ci", "access: none", "access: nobody"),
    ],
)
def test_a_mistake_is_found(path: Path, schema: str, old: str, new: str, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / path.name).write_text(text.replace(old, new), encoding="utf-8")
    assert checked(tmp_path / path.name, schema).returncode == 1


def test_atlantis_server() -> None:
    server = read(ATLANTIS)
    assert not atlantis(server, "server")
    assert {repo["workflow"] for repo in server["repos"]} <= server["workflows"].keys()
    wrong = yaml.safe_load(ATLANTIS.read_text(encoding="utf-8").replace("approved", "aproved"))
    assert atlantis(wrong, "server")


def test_hooks() -> None:
    """By pre-commit's own reader, and by what they are asked to look at."""
    hooks = load_manifest(HOOKS)
    assert [hook["id"] for hook in hooks] == [
        "landform-validate",
        "landform-compile",
        "landform-check",
    ]
    for hook in hooks:
        assert hook["language"] == "python"
        assert not hook["pass_filenames"]
        assert re.search(hook["files"], "blueprints/acme/landform.yaml")
        assert not re.search(hook["files"], "docs/blueprints/page.md")
    assert [
        hook["id"] for hook in hooks if re.search(hook["files"], "generated/a/manifest.json")
    ] == [
        "landform-compile",
        "landform-check",
    ]


def test_a_hook_without_an_entry_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / HOOKS.name
    wrong.write_text(HOOKS.read_text(encoding="utf-8").replace("entry:", "entri:", 1), "utf-8")
    with pytest.raises(InvalidManifestError):
        load_manifest(wrong)


# ---- Commands


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_every_command_of_a_pipeline_exists(path: Path) -> None:
    found = [call for script in scripts(path) for call in calls(script)]
    if path == ACTION:
        found.append(read(ACTION)["inputs"]["command"]["default"].split())
    assert found
    for words in found:
        parses(words)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_every_script_is_shell(path: Path) -> None:
    for script in scripts(path):
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


# ---- What GitHub's workflow may do


def test_pull_requests_get_no_credentials() -> None:
    workflow = read(GITHUB)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        if "id-token" in job.get("permissions", {}):
            assert (
                "github.event_name != 'pull_request'" in str(job.get("if"))
                or "approve" in (job["needs"])
            ), name
    # What may write comments runs nothing of the repository.
    comment = workflow["jobs"]["comment"]
    assert not [each for each in comment["steps"] if "checkout" in each.get("uses", "")]


def test_no_job_with_credentials_has_an_environment() -> None:
    """Its token's subject would be the environment; the deploy role admits the branch."""
    for job in read(GITHUB)["jobs"].values():
        assert not ("environment" in job and "id-token" in job.get("permissions", {}))


def test_what_others_made_is_pinned() -> None:
    used = [
        each["uses"]
        for job in read(GITHUB)["jobs"].values()
        for each in job["steps"]
        if "uses" in each
    ]
    others = [name for name in used if not name.startswith("your-organization/landform@")]
    assert others
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name) for name in others)


def test_no_expression_stands_in_a_script() -> None:
    """What GitHub writes into a script is run; values go through the environment."""
    for path in (GITHUB, ACTION):
        assert not [script for script in scripts(path) if "${{" in script]
