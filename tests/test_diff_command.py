"""`landform diff --access`, with real repositories of git."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from compiler.cli import delta_report
from compiler.cli.entry import landform
from tests.access.delta_support import CASES, cases, inside
from tests.repository import Repository

REPOSITORY = Path(__file__).parent.parent
AFTER = (CASES / "role-renamed" / "after" / "blueprint.yaml").read_text(encoding="utf-8")
BEFORE = (CASES / "role-renamed" / "before" / "blueprint.yaml").read_text(encoding="utf-8")


def diff(*arguments: str) -> Result:
    return CliRunner().invoke(landform, ["diff", "--access", *arguments])


def changes(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    body = json.loads(result.stdout)
    return [change for one in body["organizations"] for change in one["access"]["changes"]]


def kinds(*arguments: str) -> list[str]:
    return [change["kind"] for change in changes(diff(*arguments, "--format", "json"))]


def test_other_organisations_of_a_folder_are_not_compared(repository: Repository) -> None:
    """Their output lies beside, and they have blueprints of their own."""
    other = BEFORE.replace("name: acme", "name: other")
    assert other != BEFORE
    repository.write("blueprints/acme.yaml", BEFORE)
    repository.write("blueprints/other.yaml", other)
    compiled = CliRunner().invoke(landform, ["compile", "blueprints", "--out", "out"])
    assert compiled.exit_code == 0, compiled.output

    def organizations(path: str, from_: str) -> list[str]:
        result = diff(path, "--from", from_, "--format", "json")
        assert result.exit_code == 0, result.output
        return [one["organization"] for one in json.loads(result.stdout)["organizations"]]

    assert organizations("blueprints/acme.yaml", "out") == ["acme"]
    assert organizations("out/acme", "out") == ["acme"]
    assert organizations("blueprints/acme.yaml", "blueprints") == ["acme"]
    # Whoever compares all of them is told of one that is gone.
    repository.write("blueprints/other.yaml", BEFORE.replace("name: acme", "name: third"))
    assert organizations("blueprints", "out") == ["acme", "other", "third"]
    result = diff("blueprints/other.yaml", "--from", "out")
    assert result.exit_code == 0, result.output
    assert "out has nothing of third: everything is new" in result.stderr
    assert organizations("blueprints/other.yaml", "out/acme") == ["acme", "third"]


def test_the_work_tree_against_a_revision(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.commit("blueprints/acme.yaml", AFTER)
    repository.write("notes.txt", "not committed")
    before = repository.state()
    found = changes(diff("--from", "HEAD~1", "--format", "json"))
    assert [change["kind"] for change in found] == ["gained", "gained", "lost", "lost"]
    (new,) = found[0]["declared"]
    (old,) = found[-1]["declared"]
    assert (new["path"], old["path"]) == ("blueprints/acme.yaml", "HEAD~1:blueprints/acme.yaml")
    line = AFTER.split("\n")[new["line"] - 1]
    assert line == "  churn:"
    assert repository.state() == before


def test_head_is_the_default_and_uncommitted_changes_count(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    assert kinds() == []
    repository.write("blueprints/acme.yaml", AFTER)
    repository.git("add", "--all")  # in the index, and still not committed
    assert kinds() == ["gained", "gained", "lost", "lost"]


@pytest.mark.parametrize("name", ["v1", "other", "refs/heads/other", "main~1", "main@{1}"])
def test_all_names_of_a_revision(repository: Repository, name: str) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.git("tag", "--annotate", "v1", "--message=v1")
    repository.git("branch", "other")
    repository.commit("blueprints/acme.yaml", AFTER)
    assert kinds("--from", name) == ["gained", "gained", "lost", "lost"]


def test_a_path_that_did_not_exist_is_all_new(repository: Repository) -> None:
    repository.commit("README", "nothing yet")
    repository.write("blueprints/acme.yaml", AFTER)
    result = diff("--format", "json")
    assert {change["kind"] for change in changes(result)} == {"gained"}
    assert "did not exist at HEAD: everything is new" in result.stderr


def test_a_folder_of_files_and_a_sub_folder(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, _, components = BEFORE.partition("components:")
    repository.write("platform/blueprint/landform.yaml", head)
    repository.commit("platform/blueprint/parts/churn.yml", f"components:{components}")
    repository.write(
        "platform/blueprint/parts/churn.yml", f"components:{AFTER.partition('components:')[2]}"
    )
    monkeypatch.chdir(repository.folder / "platform")
    assert len(kinds("blueprint")) == 4
    monkeypatch.chdir("blueprint")
    assert len(kinds(".")) == 4
    monkeypatch.chdir(repository.folder.parent)  # outside of the repository
    assert len(kinds("repository/platform/blueprint")) == 4
    assert len(kinds(str(repository.folder / "platform" / "blueprint"))) == 4


def test_the_whole_repository_is_a_blueprint(repository: Repository) -> None:
    repository.commit("landform.yaml", BEFORE)
    repository.write("landform.yaml", AFTER)
    assert len(kinds(".")) == 4
    assert len(kinds("landform.yaml")) == 4


def test_links_are_those_of_the_revision(repository: Repository) -> None:
    repository.write("old.yaml", BEFORE)
    repository.write("new.yaml", AFTER)
    (repository.folder / "current.yaml").symlink_to("old.yaml")
    repository.save()
    (repository.folder / "current.yaml").unlink()
    (repository.folder / "current.yaml").symlink_to("new.yaml")
    assert kinds("current.yaml") == ["gained", "gained", "lost", "lost"]


def test_a_linked_folder(repository: Repository) -> None:
    repository.commit("teams/ml/acme.yaml", BEFORE)
    (repository.folder / "blueprints").symlink_to("teams/ml")
    repository.save()
    repository.write("teams/ml/acme.yaml", AFTER)
    assert len(kinds("blueprints")) == 4
    assert len(kinds("blueprints/acme.yaml")) == 4


def test_a_link_out_of_the_repository_is_refused(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yaml").write_text(BEFORE, encoding="utf-8")
    (repository.folder / "current.yaml").symlink_to("../elsewhere.yaml")
    repository.save()
    result = diff("current.yaml")  # today's is refused as it is by any command
    assert (result.exit_code, "error[E008]" in result.stderr) == (1, True)
    (repository.folder / "current.yaml").unlink()
    repository.write("current.yaml", AFTER)
    result = diff("current.yaml")
    assert result.exit_code == 2
    assert "link out of the repository" in result.stderr


def test_links_within_a_blueprint_do_not_reach_this_machine(
    repository: Repository, tmp_path: Path
) -> None:
    """A link of the old revision is judged where it was read to, and refused as any other."""
    (tmp_path / "secret.yaml").write_text("accounts: {}", encoding="utf-8")
    repository.write("blueprint/landform.yaml", BEFORE)
    (repository.folder / "blueprint" / "more.yaml").symlink_to(tmp_path / "secret.yaml")
    repository.save()
    (repository.folder / "blueprint" / "more.yaml").unlink()
    result = diff("blueprint")
    assert result.exit_code == 1
    assert "HEAD:blueprint/more.yaml:1:1: error[E008]" in result.stderr


def test_a_submodule_is_refused(repository: Repository, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    Repository(inner).commit("accounts.yaml", "accounts: {}\n")
    repository.write("blueprint/landform.yaml", BEFORE)
    repository.git(
        *("-c", "protocol.file.allow=always"),
        *("submodule", "--quiet", "add", str(inner), "blueprint/inner"),
    )
    repository.save()
    repository.git("rm", "--quiet", "--force", "blueprint/inner")
    result = diff("blueprint")
    assert result.exit_code == 2
    assert '"blueprint/inner" is a submodule' in result.stderr


def test_a_path_inside_a_submodule_has_its_revisions(
    repository: Repository, tmp_path: Path
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    Repository(inner).commit("acme.yaml", BEFORE)
    repository.git(
        *("-c", "protocol.file.allow=always"),
        *("submodule", "--quiet", "add", str(inner), "team"),
    )
    repository.save()
    repository.write("team/acme.yaml", AFTER)
    assert len(kinds("team/acme.yaml")) == 4


def test_errors_of_the_old_revision_are_shown_with_its_name(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE.replace("shared: shared", "shared: shard"))
    repository.write("blueprints/acme.yaml", AFTER)
    result = diff()
    assert (result.exit_code, result.stdout) == (1, "")
    assert "HEAD:blueprints/acme.yaml:18:13: error[E301]" in result.stderr
    assert "    shared: shard" in result.stderr
    assert "error: HEAD has errors" in result.stderr


def test_errors_of_today_stop_it(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.write("blueprints/acme.yaml", AFTER.replace("shared: shared", "shared: shard"))
    result = diff()
    assert (result.exit_code, result.stdout) == (1, "")
    assert "\nerror: blueprints has errors" in result.stderr
    assert diff("no-such-folder").exit_code == 1


@pytest.mark.parametrize(
    "name", ["no-such-branch", "main..HEAD", "--all", "HEAD:blueprints", "", "a" * 5000]
)
def test_an_unknown_revision_is_wrong_usage(repository: Repository, name: str) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    result = diff(f"--from={name}")
    assert result.exit_code == 2
    assert "neither a path nor a revision" in result.stderr


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b'{"a":' * 5000 + b"1" + b"}" * 5000])
def test_output_that_was_damaged(repository: Repository, content: bytes) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    assert CliRunner().invoke(landform, ["compile", "--out", "out"]).exit_code == 0
    (repository.folder / "out/acme/aws/shared/churn/main.tf.json").write_bytes(content)
    result = diff("--from=out/acme")
    assert result.exit_code == 2
    assert '"out/acme/aws/shared/churn/main.tf.json"' in result.stderr


def test_an_unknown_revision_of_a_shallow_clone(
    repository: Repository,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.commit("blueprints/acme.yaml", AFTER)
    clone = tmp_path_factory.mktemp("clones") / "shallow"
    repository.git("clone", "--quiet", "--depth=1", repository.folder.as_uri(), str(clone))
    assert "shallow" not in diff("--from=HEAD~2").stderr
    monkeypatch.chdir(clone)
    result = diff("--from=HEAD~1")
    assert result.exit_code == 2
    assert "is a shallow clone and may lack it: git fetch --unshallow" in result.stderr


def test_a_repository_without_a_commit(repository: Repository) -> None:
    repository.write("blueprints/acme.yaml", BEFORE)
    result = diff()
    assert result.exit_code == 2
    assert '"HEAD" is neither a path nor a revision' in result.stderr
    assert "has no commit yet; commit first" in result.stderr


def test_without_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "acme.yaml").write_text(BEFORE, encoding="utf-8")
    result = diff(str(tmp_path / "acme.yaml"))
    assert result.exit_code == 2
    assert "is in no git repository" in result.stderr


def test_two_folders_need_neither_repository_nor_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    for name, text in (("old", BEFORE), ("new", AFTER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "acme.yaml").write_text(text, encoding="utf-8")
    assert len(kinds("new", "--from", "old")) == 4
    monkeypatch.setenv("PATH", "")
    assert len(kinds("new", "--from", "old")) == 4
    assert len(kinds("new/acme.yaml", "--from", str(tmp_path / "old" / "acme.yaml"))) == 4


def test_without_git(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    monkeypatch.setenv("PATH", "")
    result = diff()
    assert (result.exit_code, result.stdout) == (4, "")
    assert "git is not on PATH" in result.stderr


def test_a_repository_without_commits(repository: Repository) -> None:
    repository.write("blueprints/acme.yaml", BEFORE)
    assert diff().exit_code == 2


def test_a_name_that_is_a_path_and_a_revision(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.git("branch", "old")
    repository.write("old/acme.yaml", BEFORE)
    repository.write("blueprints/acme.yaml", AFTER)
    result = diff("--from", "old")
    assert result.exit_code == 2
    assert '"./old"' in result.stderr
    assert len(kinds("--from", "./old")) == 4
    assert len(kinds("--from", "refs/heads/old")) == 4


def test_generated_output_as_it_was_committed(repository: Repository) -> None:
    """Blueprint and output of one revision are the same access; so are two revisions of output."""
    repository.commit("blueprints/acme.yaml", BEFORE)
    assert CliRunner().invoke(landform, ["compile"]).exit_code == 0
    repository.save()
    assert kinds("--from", "./generated") == []
    assert kinds("generated") == []
    repository.write("blueprints/acme.yaml", AFTER)
    assert len(kinds("--from", "./generated/acme")) == 4
    assert CliRunner().invoke(landform, ["compile"]).exit_code == 0
    found = changes(diff("generated", "--format", "json"))
    assert len(found) == 4
    assert found[-1]["declared"][0]["path"].startswith("HEAD:generated/acme/aws/shared/churn/")
    assert found[0]["edges"] == ["churn/approver-release-manager-looks"]


def test_output_that_is_damaged_is_said(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    CliRunner().invoke(landform, ["compile"])
    for text in ("{", '{"version": 9}', '{"version": 1}', "[]"):
        repository.write("generated/acme/manifest.json", text)
        result = diff("--from", "./generated")
        assert result.exit_code == 2, result.output
        assert "generated/acme" in result.stderr


MAIN = "generated/acme/aws/shared/churn/main.tf.json"


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        (MAIN, {"resource": []}),
        (MAIN, {"resource": {"aws_iam_role": []}}),
        (MAIN, {"resource": {"aws_iam_role": {"role": 5}}}),
        (MAIN, {"data": "x"}),
        (MAIN, {"locals": [1]}),
        (MAIN, {"provider": [1]}),
        (MAIN, {"provider": {"aws": {"region": "eu-west-1"}}}),
        (MAIN, {"terraform": None}),
        ("generated/acme/access.json", {"edges": {}}),
        ("generated/acme/access.json", {"edges": [1]}),
        ("generated/acme/access.json", {"edges": None}),
    ],
)
def test_output_of_another_form_has_not_lost_its_access(
    path: str, changed: dict[str, Any], repository: Repository
) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    CliRunner().invoke(landform, ["compile"])
    body = json.loads((repository.folder / path).read_text(encoding="utf-8"))
    repository.write(path, json.dumps({**body, **changed}))
    result = diff("--from", "./generated")
    assert result.exit_code == 2, result.output
    assert "is not what Landform wrote; compile it again" in result.stderr
    assert path in result.stderr


def test_output_without_a_stack_s_parts_is_said(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    CliRunner().invoke(landform, ["compile"])
    repository.write(MAIN, "{}")
    assert diff("--from", "./generated").exit_code == 2


# ---- Exit codes and formats


def case(name: str, *arguments: str) -> Result:
    before, after = (str(inside(CASES / name / side)) for side in ("before", "after"))
    return diff(after, "--from", before, *arguments)


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("role-renamed", (), 0),
        ("role-renamed", ("--exit-code",), 3),
        ("only-tags", ("--exit-code",), 0),
        ("role-renamed", ("--fail-on", "widened"), 3),
        ("role-renamed", ("--fail-on", "privileged"), 0),
        ("component-removed", ("--fail-on", "widened", "--fail-on", "external"), 0),
        ("component-removed", ("--exit-code",), 3),
        ("deploy-policies-added", ("--fail-on", "privileged"), 3),
        ("deploy-policies-added", ("--fail-on", "public"), 0),
        ("output-bucket-public", ("--fail-on", "public"), 3),
        ("account-added-in-production", ("--fail-on", "production"), 3),
        ("account-removed", ("--fail-on", "production", "--fail-on", "cross-account"), 0),
        ("output-trust-external", ("--fail-on", "public", "--fail-on", "external"), 3),
        ("output-half-grant", ("--exit-code", "--fail-on", "widened"), 0),
    ],
)
def test_exit_codes(name: str, options: tuple[str, ...], code: int) -> None:
    assert case(name, *options).exit_code == code


def test_what_is_refused_is_counted() -> None:
    result = case("output-bucket-public", "--fail-on", "public", "--fail-on", "privileged")
    assert result.stderr.endswith("refused: 1 change (public, privileged)\n")


def test_wrong_usage() -> None:
    assert case("only-tags", "--fail-on", "nothing").exit_code == 2
    assert case("only-tags", "--format", "csv").exit_code == 2


def closed(required: str, **properties: Any) -> dict[str, Any]:
    """A JSON Schema of an object with these properties and no others."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def several(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "uniqueItems": True}


# The part of the published schema (docs.oasis-open.org/sarif/sarif/v2.1.0/errata01) that is used:
# what it requires, its types and limits, and no property that it doesn't have there.
TEXT, COUNT, INDEX = (
    {"type": "string"},
    {"type": "integer", "minimum": 1},
    {"type": "integer", "minimum": -1},
)
MESSAGE = closed("text", text=TEXT)
LOCATION = closed(
    "",
    id=INDEX,
    message=MESSAGE,
    physicalLocation=closed(
        "",
        artifactLocation=closed("", uri=TEXT),
        region=closed("", startLine=COUNT, startColumn=COUNT, endLine=COUNT, endColumn=COUNT),
    ),
)
RESULT = closed(
    "message",
    ruleId=TEXT,
    ruleIndex=INDEX,
    level={"enum": ["none", "note", "warning", "error"]},
    message=MESSAGE,
    locations=several(LOCATION),
    relatedLocations=several(LOCATION),
    properties=closed("", tags=several(TEXT)),
)
RUN = closed(
    "tool",
    tool=closed(
        "driver",
        driver=closed(
            "name", name=TEXT, rules=several(closed("id", id=TEXT, shortDescription=MESSAGE))
        ),
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations=several(closed("executionSuccessful", executionSuccessful={"type": "boolean"})),
    results=several(RESULT),
)
LOG = closed("version runs", version={"const": "2.1.0"}, runs=several(RUN), **{"$schema": TEXT})


@pytest.mark.parametrize("name", cases())
def test_sarif_is_valid(name: str) -> None:
    body = json.loads(case(name, "--format", "sarif", "--fail-on", "public").stdout)
    jsonschema.validate(body, LOG)
    (run,) = body["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        # Code scanning refuses a whole upload with one result without a place.
        assert len(result["locations"]) == 1


def test_sarif_says_what_is_refused(repository: Repository) -> None:
    repository.commit("blueprints/acme.yaml", BEFORE)
    repository.write("blueprints/acme.yaml", AFTER)
    body = json.loads(diff("--format", "sarif", "--fail-on", "widened").stdout)
    results = body["runs"][0]["results"]
    assert [result["level"] for result in results] == ["error", "error", "note", "note"]
    assert [result["ruleId"] for result in results][::2] == ["access-gained", "access-lost"]
    places = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results
    }
    assert places == {"blueprints/acme.yaml"}  # also of the old revision: a name for today's file


def test_markdown_is_a_comment_for_a_pull_request() -> None:
    text = case("output-google", "--format", "markdown").stdout
    assert text.startswith("### Access in `acme`: `")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({row.replace("\\|", "").count("|") for row in rows}) == 1
    assert "| `allUsers` | `roles/storage.objectViewer` |" in text
    assert "**public**, **production**" in text
    assert text.count("<details>") == text.count("</details>") == 1


def test_markdown_is_no_longer_than_a_comment_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = case("account-added-in-production", "--format", "markdown").stdout
    monkeypatch.setattr(delta_report, "LONGEST_COMMENT", 12_000)
    folded = case("account-added-in-production", "--format", "markdown").stdout
    assert len(folded) <= 12_000 < len(whole)
    assert "<details>" not in folded
    monkeypatch.setattr(delta_report, "LONGEST_COMMENT", 5_000)
    cut = case("account-added-in-production", "--format", "markdown").stdout
    assert len(cut) <= 5_000
    assert "more: see the text or JSON" in cut
    assert "**privileged**" in cut  # what is marked stays longest


def test_json_is_documented_whole() -> None:
    """Every key that is written stands in the module's docstring."""
    assert delta_report.__doc__

    def names(value: object) -> set[str]:
        if isinstance(value, dict):
            inner = (names(item) for item in value.values())
            return set(value).union(*inner)
        return set().union(*map(names, value)) if isinstance(value, list) else set()

    body = json.loads(case("output-bucket-public", "--format", "json").stdout)
    assert body["version"] == 1
    assert {name for name in names(body) if f'"{name}"' not in delta_report.__doc__} == set()


def test_no_traceback_from_the_command_itself(tmp_path: Path) -> None:
    """As people call it: exit codes of the process."""
    done = subprocess.run(
        [sys.executable, "-m", "compiler", "diff", "--access", "blueprints", "--from", "nowhere"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
