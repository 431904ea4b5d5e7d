"""`landform graph`: its formats, what it compares with, and what it says of wrong usage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from compiler.cli.commands import graph as module
from compiler.cli.entry import landform
from tests.graph.test_changes import BEFORE
from tests.repository import Repository

AFTER = BEFORE.replace("instance: ml.m6i.xlarge", "instance: ml.m6i.2xlarge")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(landform, ["graph", *arguments])


@pytest.fixture
def blueprint(repository: Repository) -> Path:
    """In a repository; the work tree differs from what is committed."""
    repository.commit("blueprint.yaml", BEFORE)
    repository.write("blueprint.yaml", AFTER)
    return Path("blueprint.yaml")


def test_text(blueprint: Path) -> None:
    result = run(str(blueprint))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("acme: 4 stacks in 3 accounts and projects, 2 waves, ")
    assert (
        "\nworkloads/prod\n  aws/production (333333333333)\n    churn  ml-pipeline" in result.stdout
    )
    assert "\x1b" not in result.stdout


def test_since_a_revision(blueprint: Path, repository: Repository) -> None:
    result = run(str(blueprint), "--from", "main")
    assert result.exit_code == 0, result.output
    assert "\nsince main: stacks: " in result.stdout
    assert " changed; access: " in result.stdout
    body = json.loads(run(str(blueprint), "--from", "main", "--format", "json").stdout)
    assert body["from"] == "main"
    statuses = {each["path"]: each["status"] for each in body["organizations"][0]["stacks"]}
    assert "changed" in statuses.values()
    assert statuses["aws/shared/baseline"] == "same"
    # Neither the work tree nor the index is touched.
    assert repository.git("status", "--porcelain") == " M blueprint.yaml\n"


def test_a_path_that_was_not_there(blueprint: Path) -> None:
    Path("new.yaml").write_text(BEFORE, encoding="utf-8")
    result = run("new.yaml", "--from", "main")
    assert result.exit_code == 0, result.output
    assert "new.yaml did not exist at main: everything is new" in result.stderr
    assert "stacks: 4 added" in result.stdout


@pytest.mark.parametrize(
    ("format", "first"),
    [("dot", "digraph landform {"), ("mermaid", "flowchart LR"), ("html", "<!doctype html>")],
)
def test_formats_to_a_file(blueprint: Path, format: str, first: str) -> None:
    result = run(str(blueprint), "--format", format, "--output", "out.txt")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    text = Path("out.txt").read_text(encoding="utf-8")
    assert text.startswith(first)
    assert run(str(blueprint), "--format", format).stdout == text


def test_by_account(blueprint: Path) -> None:
    result = run(str(blueprint), "--by", "account", "--format", "dot")
    assert result.stdout.count('[label="aws/') == 3
    result = run(str(blueprint), "--by", "unit", "--format", "mermaid")
    assert 'n1["workloads/prod<br>1 stack' in result.stdout


@pytest.mark.parametrize("format", ["html", "json"])
def test_what_has_all_levels_takes_none(blueprint: Path, format: str) -> None:
    result = run(str(blueprint), "--by", "unit", "--format", format)
    assert result.exit_code == 2
    assert f"{format} has all levels" in result.output


def test_only_some_stacks(blueprint: Path) -> None:
    result = run(str(blueprint), "--only", "aws/production/*", "--format", "json")
    (one,) = json.loads(result.stdout)["organizations"]
    assert [each["path"] for each in one["stacks"]] == ["aws/production/churn"]
    result = run(str(blueprint), "--only", "aws/producton/churn")
    assert result.exit_code == 2
    assert (
        'no stack is "aws/producton/churn"; did you mean "aws/production/churn"?' in result.output
    )


def test_mermaid_says_what_it_does_not_draw(
    blueprint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(str(blueprint), "--format", "mermaid").stderr == ""
    monkeypatch.setattr("compiler.graph.mermaid.MOST_TEXT", 100)
    result = run(str(blueprint), "--format", "mermaid")
    assert result.exit_code == 0
    assert "Mermaid reads 100 unless maxTextSize says more" in result.stderr
    assert "--by account" in result.stderr


def test_a_page_is_not_for_a_terminal(blueprint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    class System:
        stdout = Terminal()

    monkeypatch.setattr(module, "sys", System)
    result = run(str(blueprint), "--format", "html")
    assert result.exit_code == 2
    assert "add --output graph.html" in result.output


def test_errors_of_the_blueprint(blueprint: Path) -> None:
    blueprint.write_text(BEFORE.replace("training: training", "training: nowhere"), "utf-8")
    result = run(str(blueprint))
    assert result.exit_code == 1
    assert "blueprint.yaml:13:15" in result.stderr
    assert result.stdout == ""


def test_errors_of_the_old_blueprint(blueprint: Path) -> None:
    Path("old.yaml").write_text(BEFORE.replace("kind: ml-pipeline", "kind: nothing"), "utf-8")
    result = run(str(blueprint), "--from", "./old.yaml")
    assert result.exit_code == 1
    assert "./old.yaml has errors: there is nothing to compare with" in result.stderr


def test_an_unknown_revision(blueprint: Path) -> None:
    result = run(str(blueprint), "--from", "nowhere")
    assert result.exit_code == 2
    assert '"nowhere" is neither a path nor a revision' in result.output


def test_without_git(blueprint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = run(str(blueprint), "--from", "main")
    assert result.exit_code == 4
    assert "git is not on PATH" in result.stderr


def test_a_file_that_cannot_be_written(blueprint: Path) -> None:
    result = run(str(blueprint), "--output", "nowhere/graph.txt")
    assert result.exit_code == 1
    assert "'nowhere/graph.txt': No such file or directory" in result.stderr


def test_several_organisations(repository: Repository) -> None:
    repository.write("several/one.yaml", BEFORE)
    repository.write("several/two.yaml", BEFORE.replace("name: acme", "name: other"))
    result = run("several")
    assert result.exit_code == 0, result.output
    assert "\n\nother: 4 stacks" in result.stdout
    body = json.loads(run("several", "--format", "json").stdout)
    assert [each["organization"] for each in body["organizations"]] == ["acme", "other"]
    dot = run("several", "--format", "dot").stdout
    assert '"acme/aws/shared/churn"' in dot
    assert '"other/aws/shared/churn"' in dot


def test_an_organisation_that_is_gone(repository: Repository) -> None:
    for path in ("old/acme.yaml", "old/other.yaml", "new/acme.yaml"):
        repository.write(path, BEFORE.replace("name: acme", f"name: {Path(path).stem}"))
    result = run("new", "--from", "./old")
    assert result.exit_code == 0, result.output
    assert "since ./old: stacks: no difference" in result.stdout
    assert "other: 0 stacks in 0 accounts and projects" in result.stdout
    assert "since ./old: stacks: 4 removed" in result.stdout
    # A single blueprint is about its own organisation.
    result = run("new/acme.yaml", "--from", "./old")
    assert "other" not in result.stdout
    result = run("new/acme.yaml", "--from", "./old/other.yaml")
    assert "stacks: 4 added" in result.stdout


EACH_FORMAT = """\
from compiler.cli.entry import landform
for each in ("text", "json", "dot", "mermaid", "html"):
    landform(["graph", "blueprint.yaml", "--from", "main", "--format", each], standalone_mode=False)
"""


@pytest.mark.rig
def test_the_same_bytes_in_every_process(blueprint: Path) -> None:
    root = Path(__file__).parents[2]
    made = {
        subprocess.run(
            [sys.executable, "-c", EACH_FORMAT],
            env={**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1
    assert b"<!doctype html>" in made.pop().lower()


def test_help_says_how() -> None:
    result = run("--help")
    assert "--format html --output graph.html" in result.output
    assert "Exit codes: 0 done; 1 a blueprint has errors" in result.output
