"""A folder of blueprints from which one is taken away: its organisation's stacks are not orphaned in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from compiler.cli.entry import landform

BLUEPRINT = """\
landform: 1
organization: {{name: {name}}}
defaults: {{aws: {{region: eu-west-1}}}}
accounts: {{one: {{id: "{id}"}}}}
components: {{base: {{kind: account-baseline, account: one}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two blueprints, compiled; the first was compiled before the second was there, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANDFORM_CACHE", str(tmp_path / "cache"))
    blueprints = tmp_path / "blueprints"
    blueprints.mkdir()
    for name, id in (("acme", "1" * 12), ("beta", "2" * 12)):
        (blueprints / f"{name}.yaml").write_text(BLUEPRINT.format(name=name, id=id))
        assert compile_("blueprints") == 0
    return blueprints


def compile_(*arguments: str) -> int:
    return CliRunner().invoke(landform, ["compile", *arguments]).exit_code


def test_its_stacks_are_told_of(folder: Path) -> None:
    (folder / "beta.yaml").unlink()
    for arguments in (["compile", "blueprints"], ["compile", "--check"], ["plan", "blueprints"]):
        result = CliRunner().invoke(landform, arguments)
        assert result.exit_code == 1, result.output
        assert 'E601]: "generated/beta" has a stack, and no blueprint' in result.stderr
        assert "bring its blueprint back" in result.stderr
    assert Path("generated/beta/aws/one/base/main.tf.json").exists()


def test_a_file_by_itself_and_an_output_of_its_own_are_nobody_elses(folder: Path) -> None:
    (folder / "beta.yaml").unlink()
    assert compile_("blueprints/acme.yaml") == 0
    assert compile_("blueprints", "--out", "elsewhere") == 0


def test_prune_drops_it_but_not_what_was_applied(folder: Path) -> None:
    (folder / "beta.yaml").unlink()
    state = Path("generated/beta/aws/one/base/terraform.tfstate")
    state.write_text(json.dumps({"resources": [{}]}))
    result = CliRunner().invoke(landform, ["compile", "--prune"])
    assert result.exit_code == 1
    assert "E605" in result.stderr
    state.unlink()
    assert compile_("--prune") == 0
    assert not list(Path("generated/beta").rglob("*.json"))
    assert compile_("--check") == 0


def test_where_all_was_destroyed_the_rest_goes(folder: Path) -> None:
    beta = (folder / "beta.yaml").read_text()
    beta = beta.replace(
        "components: {base: {kind: account-baseline, account: one}}", "removed: [aws/one/base]"
    )
    (folder / "beta.yaml").write_text(beta)
    assert compile_() == 0
    (folder / "beta.yaml").unlink()
    assert compile_("--check") == 3
    assert compile_() == 0
    assert not list(Path("generated/beta").rglob("*.json"))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("landform.yml", 'rename "landform.yml" to landform.yaml'),
        ("acme.yaml", "add a landform.yaml"),
    ],
)
def test_a_folder_that_is_no_blueprint_is_not_passed_over(
    folder: Path, name: str, hint: str
) -> None:
    (folder / "gamma").mkdir()
    template = folder / "gamma" / "a.yaml"
    template.write_text('AWSTemplateFormatVersion: "2010-09-09"\n')
    assert compile_() == 0
    (folder / "gamma" / name).write_text(BLUEPRINT.format(name="gamma", id="3" * 12))
    result = CliRunner().invoke(landform, ["compile"])
    assert result.exit_code == 1
    assert f'"blueprints/gamma" is no blueprint: it holds "{name}"' in result.stderr
    assert hint in result.stderr
