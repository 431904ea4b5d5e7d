"""`landform diff` and `landform affected` as commands, with real repositories of git."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import check_jsonschema
import jsonschema
import pytest
import yaml
from click import Context
from click.testing import CliRunner, Result

from compiler.cli.entry import landform
from compiler.running.stacks import RunStack, select
from tests.access.delta_support import CASES, inside
from tests.repository import Repository

BEFORE = inside(CASES / "one-of-two-components" / "before").read_text(encoding="utf-8")
AFTER = inside(CASES / "one-of-two-components" / "after").read_text(encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(landform, arguments)


def of_case(command: str, name: str, *arguments: str) -> Result:
    before, after = (str(inside(CASES / name / side)) for side in ("before", "after"))
    return run(command, after, "--from", before, *arguments)


# ---- diff


def test_diff_of_the_work_tree(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.commit("blueprints/acme.yaml", AFTER)
    repository.write("notes.txt", "not committed")
    before = repository.state()
    result = run("diff", "--from", "HEAD~1")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("acme: from HEAD~1 to blueprints\nstacks: 1 changed\n")
    assert repository.state() == before
    assert run("diff", "--from", "HEAD~1", "--exit-code").exit_code == 3
    assert run("diff", "--from", "HEAD~1", "--access", "--exit-code").exit_code == 0


def test_diff_of_committed_output_shows_what_an_edit_by_hand_changed(
    repository: Repository,
) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    assert run("compile").exit_code == 0
    repository.save()
    path = repository.folder / "generated/acme/aws/shared/fraud/main.tf.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"acme-fraud-pipeline"', '"mine"', 1), encoding="utf-8")
    result = run("diff", "generated", "--format", "json")
    (organization,) = json.loads(result.stdout)["organizations"]
    # The manifest was not written anew, and the comparison does not stop at its digests.
    assert organization["summary"]["stacks"]["changed"] == 1


@pytest.mark.parametrize("command", [("diff",), ("affected", "--from", "HEAD")])
def test_a_path_that_is_not_there_outside_of_a_repository(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*command, "nowhere")
    assert result.exit_code == 1, result.output
    assert 'error[E001]: "nowhere" does not exist' in result.stderr
    assert "repository" not in result.stderr


def test_output_and_blueprint_of_one_revision_are_the_same(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    assert run("compile").exit_code == 0
    repository.save()
    for arguments in (
        ("--from", "./generated"),
        ("generated",),
        ("generated", "--from", "./blueprints"),
    ):
        result = run("diff", *arguments, "--exit-code")
        assert (result.exit_code, "no difference" in result.stdout) == (0, True), result.output
    assert run("affected", "generated", "--from", "HEAD").stdout == "no stack is affected\n"


def test_assets_of_output_at_a_revision(repository: Repository) -> None:
    """Files that are no JSON are not read of a revision: the manifest's digest tells."""
    repository.commit("blueprints/acme.yaml", BEFORE)
    assert run("compile").exit_code == 0
    repository.save()
    (asset, *_) = sorted((repository.folder / "generated/acme/aws/production/churn").rglob("*.py"))
    asset.write_text(asset.read_text(encoding="utf-8") + "# more\n", encoding="utf-8")
    result = run("affected", "generated", "--from", "HEAD", "--format", "list")
    assert result.stdout == "acme/aws/production/churn\n"
    said = "a file beside the root module, or what is no resource or setting in it"
    text = run("diff", "generated").stdout
    assert f"aws/production/churn:\n  ~ {said}\n" in text
    assert f"|  |  | {said} |" in run("diff", "generated", "--format", "markdown").stdout


def test_a_component_that_is_renamed_again(repository: Repository) -> None:
    """The mark of each file has the new name, which is told with the move and not once more."""
    for name in ("retention", "keeping"):
        new = f"  {name}:\n    renamed_from: churn\n"
        assert BEFORE.count("  churn:\n") == 1
        repository.write("blueprints/acme.yaml", BEFORE.replace("  churn:\n", new))
        if name == "retention":
            repository.save()
    result = run("diff")
    assert result.stdout.count("and keeps its state") == 3
    assert result.stdout.endswith("aws/training/retention, and keeps its state\n"), result.stdout


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("removed-listed", ("--fail-on", "destroy"), 3),
        ("component-removed", ("--fail-on", "destroy"), 3),
        ("removed-listed", ("--fail-on", "replace"), 0),
        ("network-replaced", ("--fail-on", "replace"), 3),
        ("network-replaced", ("--fail-on", "destroy", "--fail-on", "widened"), 0),
        ("only-layout", ("--exit-code",), 0),
        ("only-tags", ("--exit-code",), 3),
        ("only-tags", ("--exit-code", "--access"), 0),
    ],
)
def test_exit_codes(name: str, options: tuple[str, ...], code: int) -> None:
    assert of_case("diff", name, *options).exit_code == code


def test_a_comment_has_the_length_that_is_asked_for() -> None:
    result = of_case("diff", "component-renamed", "--format", "markdown", "--longest", "5000")
    assert len(result.stdout) <= 5000
    assert "**Left out, as a comment has no room for it:**" in result.stdout
    assert of_case("diff", "only-tags", "--longest", "100").exit_code == 2


@pytest.mark.parametrize("format_", ["github", "sarif", "json"])
@pytest.mark.parametrize("command", [("diff",), ("diff", "--access")])
def test_errors_are_told_in_the_format(
    repository: Repository, command: tuple[str, ...], format_: str
) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.write("blueprints/acme.yaml", AFTER.replace("shared: shared", "shared: shard", 1))
    result = run(*command, "--format", format_)
    assert result.exit_code == 1
    if format_ == "github":
        assert "::error file=blueprints/acme.yaml,line=13," in result.stdout
    else:
        assert "E301" in json.dumps(json.loads(result.stdout))


def test_github_s_form(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.write("blueprints/acme.yaml", AFTER[: AFTER.index("  fraud:")])
    result = run("diff", "--format", "github", "--fail-on", "destroy")
    assert result.exit_code == 3
    first = result.stdout.splitlines()[0]
    # A line of the old revision, with the path that it has today.
    assert first.startswith("::error file=blueprints/acme.yaml,line=19,")


# ---- affected


def test_affected_since_a_revision(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.git("tag", "v1")
    repository.commit("blueprints/acme.yaml", AFTER)
    before = repository.state()
    result = run("affected", "--from", "v1")
    assert result.stdout == (
        "acme/aws/production/fraud: changed\n"
        "    blueprints/acme.yaml:26:55: components.fraud.deploy.max\n"
        "1 stack affected\n"
    )
    assert run("affected", "--from", "HEAD").stdout == "no stack is affected\n"
    assert repository.state() == before


def test_the_list_is_one_that_plan_takes(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.write("blueprints/acme.yaml", AFTER)
    listed = run("affected", "--from", "HEAD", "--format", "list").stdout.split()
    stacks = [
        RunStack("acme", f"aws/{home}/{name}", Path(), 0, ())
        for home in ("shared", "production")
        for name in ("churn", "fraud")
    ]
    assert [stack.key for stack in select(stacks, (), listed)] == listed


def test_a_deleted_stack_is_warned_of_where_it_is_not_listed(repository: Repository) -> None:
    """cloudposse/atmos#2361: what was deleted was planned, too, where there is nothing to plan."""
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.write("blueprints/acme.yaml", BEFORE[: BEFORE.index("  fraud:")])
    result = run("affected", "--from", "HEAD", "--format", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (
        "acme/aws/production/fraud, acme/aws/training/fraud, acme/aws/shared/fraud" in result.stderr
    )
    assert "list them under removed" in result.stderr


def test_wrong_usage(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    assert run("affected").exit_code == 2
    assert run("affected", "--from", "nowhere").exit_code == 2
    assert run("affected", "--from", "HEAD", "--gitlab-include", "x.yml").exit_code == 2
    for out in ("/tmp/x", "../generated"):
        result = run("affected", "--from", "HEAD", "--format", "atlantis", "--out", out)
        assert result.exit_code == 2


def test_errors_of_a_blueprint(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE.replace("shared: shared", "shared: shard", 1))
    repository.write("blueprints/acme.yaml", AFTER)
    result = run("affected", "--from", "HEAD")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "HEAD:blueprints/acme.yaml:13:13: error[E301]" in result.stderr


def test_folders_are_where_the_output_is(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    assert run("compile", "--out", "infra/out").exit_code == 0
    repository.save()
    repository.write("blueprints/acme.yaml", AFTER)
    assert run("compile", "--out", "infra/out").exit_code == 0
    result = run("affected", "infra/out", "--from", "HEAD", "--format", "atlantis")
    (project,) = yaml.safe_load(result.stdout)["projects"]
    assert (repository.folder / project["dir"] / "main.tf.json").is_file()
    named = run("affected", "--from", "HEAD", "--format", "atlantis", "--out", "infra/out/")
    assert yaml.safe_load(named.stdout)["projects"] == [project]


def test_what_is_compiled_with_another_landform_is_seen_in_the_output(
    repository: Repository,
) -> None:
    """A blueprint is compiled with today's Landform on both sides; output is as it was written."""
    repository.commit("blueprints/acme.yaml", BEFORE)
    assert run("compile").exit_code == 0
    main = "generated/acme/aws/training/churn/main.tf.json"
    text = (repository.folder / main).read_text(encoding="utf-8")
    repository.commit(
        main,
        text.replace('"force_detach_policies": true', '"x": 1').replace("acme-churn-train", "old"),
    )
    (repository.folder / main).write_text(text, encoding="utf-8")
    assert run("affected", "--from", "HEAD").stdout == "no stack is affected\n"
    found = run("affected", "generated", "--from", "HEAD", "--format", "list").stdout
    assert "acme/aws/training/churn" in found


# ---- The published schemas


def vendored(name: str) -> dict[str, Any]:
    """A schema as SchemaStore and GitLab publish it, in the package of the tests' requirements."""
    path = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor" / f"{name}.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


@pytest.mark.parametrize("name", ["value-consumed", "removed-listed", "only-layout"])
def test_the_child_pipeline_is_what_gitlab_takes(name: str) -> None:
    body = yaml.safe_load(of_case("affected", name, "--format", "gitlab").stdout)
    jsonschema.validate(body, vendored("gitlab-ci"))


def test_the_matrix_is_what_github_takes() -> None:
    body = json.loads(of_case("affected", "removed-listed", "--format", "github-matrix").stdout)
    for chunk in body["chunks"]:
        job = {
            "runs-on": "ubuntu-latest",
            "strategy": {"matrix": chunk["matrix"]},
            "steps": [{"run": "true"}],
        }
        jsonschema.validate({"on": "push", "jobs": {"plan": job}}, vendored("github-workflows"))


def test_the_page_names_every_format() -> None:
    page = (CASES.parent.parent.parent / "docs" / "reviewing.md").read_text(encoding="utf-8")
    for command in ("diff", "affected"):
        found: Any = landform.get_command(Context(landform), command)
        (format_,) = [p for p in found.params if p.name == "format_"]
        for choice in format_.type.choices:
            assert re.search(rf"`{choice}`|--format {choice}\b", page), choice


def test_the_page_s_pipelines_are_what_the_tools_take() -> None:
    page = (CASES.parent.parent.parent / "docs" / "reviewing.md").read_text(encoding="utf-8")
    github, gitlab = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S))
    jsonschema.validate({"on": "pull_request", **github}, vendored("github-workflows"))
    jsonschema.validate(gitlab, vendored("gitlab-ci"))
