"""Taking stacks out of a blueprint: nothing that was applied may be orphaned or locked out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.compilation import compile_blueprints
from compiler.emission import apply, plan

BASE = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts:
  one: {id: "111111111111"}
deploy: {aws: {role: terraform}}
"""
BASELINE = """\
  base:
    kind: account-baseline
    account: one
    deploy_from: {github: {owner: acme, repository: platform}}
"""
PIPELINE = """\
  churn:
    kind: ml-pipeline
    shared: one
    training: one
    production: one
    source: {s3: {key: source/churn.zip}}
    train: {image: {builtin: xgboost, version: "1.7-1"}, instance: ml.m6i.xlarge}
    deploy: {endpoint: churn, instance: ml.m6i.large}
"""


def emit(folder: Path, components: str, *, removed: str = "", prune: bool = False) -> list[str]:
    """Compile to `folder/out`; the codes that stand against it, with nothing written then."""
    blueprint = folder / "blueprint.yaml"
    body = f"components:\n{components}" if components else ""
    blueprint.write_text(f"{BASE}{removed}{body}", encoding="utf-8")
    compilation = compile_blueprints(blueprint)
    assert compilation.diagnostics == ()
    outputs = [plan(one, folder / "out", prune=prune) for one in compilation.blueprints]
    found = [d.code for output in outputs for d in output.diagnostics]
    if not found:
        assert apply(outputs) == ()
    return found


def depends_on(folder: Path) -> dict[str, list[str]]:
    manifest = json.loads((folder / "out/acme/manifest.json").read_text(encoding="utf-8"))
    return {stack["path"]: stack["depends_on"] for stack in manifest["stacks"]}


def test_the_deploy_role_is_made_first_and_destroyed_last(tmp_path: Path) -> None:
    assert emit(tmp_path, BASELINE + PIPELINE) == []
    assert depends_on(tmp_path) == {
        "aws/one/base": [],
        "aws/one/churn": ["aws/one/base"],
    }
    removed = "removed: [aws/one/base, aws/one/churn]\n"
    for _ in range(2):  # the second time only tombstones are on disk
        assert emit(tmp_path, "", removed=removed) == []
        assert depends_on(tmp_path) == {"aws/one/base": ["aws/one/churn"], "aws/one/churn": []}


def test_the_deploy_role_stays_while_a_stack_is_applied_as_it(tmp_path: Path) -> None:
    assert emit(tmp_path, BASELINE + PIPELINE) == []
    before = (tmp_path / "out/acme/manifest.json").read_bytes()
    assert emit(tmp_path, PIPELINE, removed="removed: [aws/one/base]\n") == ["E604"]
    assert (tmp_path / "out/acme/manifest.json").read_bytes() == before


def test_the_deploy_role_of_the_management_account_stays_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stack is applied with that account's own credentials, as no role is there before."""
    managed = BASE.replace("name: acme", "name: acme, aws: {management_account: one}")
    assert managed != BASE
    monkeypatch.setattr(f"{__name__}.BASE", managed)
    assert emit(tmp_path, BASELINE + PIPELINE) == []
    assert emit(tmp_path, PIPELINE, removed="removed: [aws/one/base]\n") == ["E604"]
    assert emit(tmp_path, BASELINE, removed="removed: [aws/one/churn]\n") == []


def test_a_stack_beside_the_deploy_role_goes_at_any_time(tmp_path: Path) -> None:
    assert emit(tmp_path, BASELINE + PIPELINE) == []
    assert emit(tmp_path, BASELINE, removed="removed: [aws/one/churn]\n") == []
    assert depends_on(tmp_path)["aws/one/churn"] == ["aws/one/base"]


def test_prune_drops_what_was_never_applied(tmp_path: Path) -> None:
    assert emit(tmp_path, BASELINE + PIPELINE) == []
    assert emit(tmp_path, BASELINE) == ["E601"]
    state = tmp_path / "out/acme/aws/one/churn/terraform.tfstate"
    state.write_text('{"version": 4, "resources": []}', encoding="utf-8")
    assert emit(tmp_path, BASELINE, prune=True) == []
    assert state.exists()
    assert not state.with_name("main.tf.json").exists()


def test_prune_refuses_what_its_state_holds(tmp_path: Path) -> None:
    assert emit(tmp_path, BASELINE + PIPELINE) == []
    state = tmp_path / "out/acme/aws/one/churn/terraform.tfstate"
    for text in ('{"version": 4, "resources": [{"type": "aws_kms_key"}]}', "{", "[]"):
        state.write_text(text, encoding="utf-8")
        assert emit(tmp_path, BASELINE, prune=True) == ["E605"]


GOOGLE = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}, google: {region: europe-west4}}
accounts: {one: {id: "111111111111"}}
projects: {one: {id: acme-one, number: "100000000001"}}
deploy: {google: {service_account: "terraform@{{ project.id }}.iam.gserviceaccount.com"}}
"""
PROJECT = """\
  base:
    kind: project-baseline
    project: one
    deploy_from: {github: {owner: acme, repository: platform}}
"""
MORE = """\
  more: {kind: project-baseline, project: one, services: [run], audit: []}
  account: {kind: account-baseline, account: one}
"""


def test_the_deploy_account_of_a_project_goes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account of AWS with the project's name is another place."""
    monkeypatch.setattr(f"{__name__}.BASE", GOOGLE)
    assert emit(tmp_path, PROJECT + MORE) == []
    assert depends_on(tmp_path)["google/one/more"] == ["google/one/base"]
    assert emit(tmp_path, MORE, removed="removed: [google/one/base]\n") == ["E604"]
    account = MORE.splitlines(keepends=True)[1]
    removed = "removed: [google/one/base, google/one/more]\n"
    for _ in range(2):
        assert emit(tmp_path, account, removed=removed) == []
        assert depends_on(tmp_path) == {
            "aws/one/account": [],
            "google/one/base": ["google/one/more"],
            "google/one/more": [],
        }
    text = (tmp_path / "out/acme/google/one/base/main.tf.json").read_text(encoding="utf-8")
    assert "impersonate_service_account" not in text
