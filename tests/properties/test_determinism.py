"""The same blueprint gives the same bytes: on any machine, in any order, however often."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler import printing, streaming
from compiler.compilation import Compiled, compile_blueprints
from compiler.emission import apply, plan
from compiler.streaming import Streaming

REPOSITORY = Path(__file__).parent.parent.parent
ORGANISATION = REPOSITORY / "blueprints" / "organisation"


def only(path: Path) -> Compiled:
    compilation = compile_blueprints(path)
    assert not compilation.diagnostics, "\n".join(map(str, compilation.diagnostics))
    (compiled,) = compilation.blueprints
    return compiled


def on_disk(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def tree() -> dict[str, bytes]:
    """What the folder blueprint compiles to."""
    return only(ORGANISATION).tree()


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_hash_seed_folder_and_time_do_not_matter(
    seed: str, tree: Mapping[str, bytes], tmp_path: Path
) -> None:
    """Another process, working directory, place of the blueprint, locale and time zone."""
    blueprint = tmp_path / "somewhere else" / "ünïted"
    shutil.copytree(ORGANISATION, blueprint)
    out = tmp_path / "out"
    surroundings = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": str(REPOSITORY),
        "LC_ALL": "C",
        "TZ": "Pacific/Kiritimati",
    }
    command = [sys.executable, "-m", "compiler", "compile", str(blueprint), "--out", str(out)]
    done = subprocess.run(
        command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert on_disk(out / "acme") == tree


def test_order_and_names_of_files_do_not_matter(tree: Mapping[str, bytes], tmp_path: Path) -> None:
    files = sorted(path for path in ORGANISATION.rglob("*.yaml") if path.name != "landform.yaml")
    shutil.copy(ORGANISATION / "landform.yaml", tmp_path)
    for number, path in enumerate(reversed(files)):
        folder = tmp_path / f"{number}" / "deep"
        folder.mkdir(parents=True)
        shutil.copy(path, folder / f"{99 - number}.yml")
    assert only(tmp_path).tree() == tree


def test_one_file_gives_what_the_folder_gives(tree: Mapping[str, bytes], tmp_path: Path) -> None:
    whole: dict[str, Any] = {}
    for path in sorted(ORGANISATION.rglob("*.yaml"), reverse=True):
        for key, value in yaml.safe_load(path.read_text("utf-8")).items():
            whole[key] = {**whole.get(key, {}), **value} if isinstance(value, dict) else value
    single = tmp_path / "single.yaml"
    single.write_text(yaml.safe_dump(_reversed(whole), sort_keys=False), encoding="utf-8")
    assert only(single).tree() == tree


def _reversed(value: Any) -> Any:
    """The same with the keys of every mapping in the opposite order."""
    if isinstance(value, dict):
        return {key: _reversed(item) for key, item in reversed(value.items())}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def test_listing_of_the_file_system_does_not_matter(
    tree: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: reversed(list(listing(folder))))
    assert only(ORGANISATION).tree() == tree


def test_second_compile_touches_nothing(tmp_path: Path) -> None:
    first = plan(only(ORGANISATION), tmp_path)
    assert apply([first]) == ()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    second = plan(only(ORGANISATION), tmp_path)
    assert not second.changes.pending
    assert apply([second]) == ()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_number_of_processes_does_not_matter(
    tree: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(printing, "SHARE", 4)
    monkeypatch.setattr(printing, "synthesize", None)  # not here
    with printing.processes(3) as executor:
        compilation = compile_blueprints(ORGANISATION, Streaming(executor=executor))
        assert compilation.blueprints[0].tree() == tree


EXTRA = 'accounts:\n  aardvark: {id: "999999999999", aws: {region: eu-west-1}}\n'


def test_unrelated_account_changes_no_other_stack(
    tree: Mapping[str, bytes], tmp_path: Path
) -> None:
    """The baseline's for_each matches it, so it gets a stack, and its deploy role a place in the state
    bucket, which is the access that changes; the others' files stay the same."""
    shutil.copytree(ORGANISATION, tmp_path / "blueprint")
    accounts = tmp_path / "blueprint" / "accounts.yaml"
    accounts.write_text(accounts.read_text("utf-8").replace("accounts:\n", EXTRA), "utf-8")
    grown = only(tmp_path / "blueprint").tree()
    changed = {path for path in tree if grown[path] != tree[path]}
    assert changed == {"access.json", "aws/shared/baseline/main.tf.json", "manifest.json"}
    added = grown.keys() - tree.keys()
    assert added == {"aws/aardvark/baseline/main.tf.json"}


def test_account_that_nothing_matches_changes_nothing(tmp_path: Path) -> None:
    text = (REPOSITORY / "blueprints" / "ml-pipeline.yaml").read_text("utf-8")
    before, after = tmp_path / "before.yaml", tmp_path / "after.yaml"
    before.write_text(text, "utf-8")
    after.write_text(text.replace("accounts:\n", EXTRA), "utf-8")
    assert only(after).tree() == only(before).tree()


def test_nothing_of_the_machine_is_in_the_output(tree: Mapping[str, bytes]) -> None:
    versions = [
        r"0\.21\.0",  # cdktf
        re.escape(".".join(map(str, sys.version_info[:3]))),
        r"cdk\.tf",
        r"cdktf",
        r"jsii",
    ]
    machine = [re.escape(str(REPOSITORY)), re.escape(str(Path.home())), r"/tmp/"]
    dates = [r"20\d\d-\d\d-\d\dT"]
    wrong = re.compile("|".join([*versions, *machine, *dates]).encode())
    texts = {path: text for path, text in tree.items() if path.endswith(".json")}
    assert len(texts) > 10
    found = {path: match[0] for path, text in texts.items() if (match := wrong.search(text))}
    assert not found


# ---- Blueprints that nobody wrote

# Beside any names, some that differ in little.
names = st.one_of(
    st.from_regex(r"[a-z][a-z0-9-]{0,14}", fullmatch=True),
    st.sampled_from(["prod-1", "prod1", "prod--1", "prod-", "prod", "pr-od"]),
)
regions = st.sampled_from(["eu-west-1", "us-east-1", "ap-southeast-2", "eu-central-1"])
sources = st.sampled_from(
    [
        {"codecommit": {"repository": "churn"}},
        {"codecommit": {"repository": "churn", "existing": True, "branch": "release/2"}},
        {"codeconnections": {"repository": "acme/churn"}},
        {"s3": {"key": "source/churn.zip"}},
    ]
)
images = st.sampled_from(
    [{"builtin": "xgboost", "version": "1.7-1"}, {"repository": "team/churn", "tag": "1.0"}]
)
numbers = st.integers(min_value=1, max_value=5)


@st.composite
def blueprints(draw: st.DrawFn) -> dict[str, Any]:
    """One pipeline over accounts in any roles, and a baseline over all of them."""
    members = draw(st.lists(names, min_size=1, max_size=7, unique=True))
    ids = draw(st.permutations(range(len(members))))
    member = st.sampled_from(members)
    deploy = {"endpoint": "churn", "instance": "ml.m6i.large", "max": draw(numbers)}
    people = ["ops@acme.example"]
    pipeline = {
        "kind": "ml-pipeline",
        "shared": draw(member),
        "training": draw(member),
        "production": draw(st.lists(member, min_size=1, unique=True)),
        "source": draw(sources),
        "train": {"image": draw(images), "instance": "ml.m6i.xlarge"},
        "deploy": deploy,
        "state_machine": draw(st.sampled_from(["cloudformation", "terraform"])),
        **draw(st.sampled_from([{}, {"alerts": {"notify": people}}])),
        **draw(st.sampled_from([{}, {"approval": {"notify": people, "by": ["lead", "boss"]}}])),
        **draw(st.sampled_from([{}, {"uploaders": ["team/engineer"]}])),
    }
    component = draw(names)
    baseline = {"kind": "account-baseline", "for_each": {"accounts": "**"}}
    return {
        "landform": 1,
        "organization": {
            "name": draw(names),
            "aws": draw(st.sampled_from([{}, {"id": "o-abc123defg"}])),
        },
        "defaults": {"aws": {"region": draw(regions)}},
        "accounts": {
            name: {"id": f"{number:012}"} for name, number in zip(members, ids, strict=True)
        },
        "components": {component: pipeline, f"{component[:20]}-base": baseline},
    }


@pytest.mark.rig
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(blueprint=blueprints())
def test_any_blueprint_compiles_to_the_same_bytes(
    blueprint: dict[str, Any], tmp_path: Path
) -> None:
    """No diagnostic also means: nothing that the providers' schemas refuse."""
    path = tmp_path / "blueprint.yaml"
    path.write_text(yaml.safe_dump(blueprint), "utf-8")
    first = only(path)
    assert first.stacks
    path.write_text(yaml.safe_dump(_reversed(blueprint), sort_keys=False), "utf-8")
    second = only(path)
    assert first.tree() == second.tree()
