"""A component that is renamed keeps its state and all that bears its name in the cloud."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from compiler.compilation import Compiled, compile_blueprints
from compiler.diagnostics import Diagnostic
from compiler.emission import apply, plan_all

ROOT = Path(__file__).parent.parent
OWN_KIND = ROOT / "tests/cases/team-kinds"
EXAMPLES = sorted(
    [
        *(p for p in (ROOT / "blueprints").iterdir() if p.name != "templates"),
        *(ROOT / "docs/examples").glob("*.yaml"),
        *OWN_KIND.glob("*/blueprint"),
    ]
)

BASE = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts:
  one: {id: "111111111111"}
  two: {id: "222222222222"}
"""
STATE = "state: {aws: {bucket: acme-states, region: eu-west-1}}\n"


def baseline(name: str, *keys: str, accounts: str = "[one, two]") -> str:
    lines = "".join(f"    {key}\n" for key in keys)
    return f"  {name}:\n    kind: account-baseline\n    for_each: {{accounts: {accounts}}}\n{lines}"


OLD, NEW = baseline("old"), baseline("new", "renamed_from: old")


def emit(
    folder: Path, components: str, *, head: str = BASE, prune: bool = False
) -> list[Diagnostic]:
    """Compile to `folder/out`; what stands against it, with nothing written then."""
    blueprint = folder / "blueprint.yaml"
    body = f"components:\n{components}" if components else ""
    blueprint.write_text(head + body, encoding="utf-8")
    compilation = compile_blueprints(blueprint)
    found = list(compilation.diagnostics)
    outputs = plan_all(compilation.blueprints, folder / "out", prune=prune)
    found += [each for output in outputs for each in output.diagnostics]
    if not found:
        assert apply(outputs) == ()
    return found


def codes(found: list[Diagnostic]) -> list[str]:
    return [each.code for each in found]


def module(folder: Path, path: str) -> dict[str, Any]:
    text = (folder / "out/acme" / path / "main.tf.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def renamed(blueprint: Path, folder: Path) -> tuple[Path, dict[str, str]]:
    """The blueprint with all its components renamed, so that their order is the other way round."""
    copy = folder / blueprint.name
    # Files beside it, which inputs name.
    shutil.copytree(blueprint.parent, folder, dirs_exist_ok=True)
    texts = {p: p.read_text() for p in ([copy] if copy.is_file() else copy.rglob("*.yaml"))}
    texts = {p: text for p, text in texts.items() if p.parent.name != "kinds"}
    names = sorted({name for text in texts.values() for name in components(text)})
    new = {name: f"c{len(names) - number:02}-{name}"[:31] for number, name in enumerate(names)}
    for path, text in texts.items():
        path.write_text("".join(f"{line}\n" for line in lines_of(text, new)))
    return copy, new


def components(text: str) -> list[str]:
    section = re.search(r"^components:\n((?:[ #].*\n|\n)+)", text, re.MULTILINE)
    return re.findall(r"^  ([a-z0-9-]+):", section[1], re.MULTILINE) if section else []


def lines_of(text: str, new: dict[str, str]) -> Iterator[str]:
    """Lines with the components' keys renamed, and what others say of them."""
    section = ""
    for line in text.splitlines():
        section = line if re.match(r"\w", line) else section
        key = re.fullmatch(r"  ([a-z0-9-]+):(?: \{(.*)\}| *(?:#.*)?)", line)
        if section.startswith("components:") and key:
            former = f"renamed_from: {key[1]}"
            flow = f" {{{former}, {key[2]}}}" if key[2] is not None else f"\n    {former}"
            yield f"  {new[key[1]]}:{flow}"
        else:
            yield re.sub(
                r"\b(hub|extends|other): ([a-z0-9-]+)\b",
                lambda found: f"{found[1]}: {new.get(found[2], found[2])}",
                line,
            )


def compiled(path: Path) -> Compiled:
    compilation = compile_blueprints(path)
    assert compilation.diagnostics == ()
    (only,) = compilation.blueprints
    return only


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_renaming_every_component_changes_no_stack(path: Path, tmp_path: Path) -> None:
    """Whatever a kind does with the name: only the file's mark and the backend say that it changed."""
    before = compiled(path)
    copy, new = renamed(path, tmp_path)
    after = compiled(copy)
    assert new, "the example has components"

    def now(path: str) -> str:
        home, _, name = path.rpartition("/")
        return f"{home}/{new[name]}"

    assert {now(stack.path) for stack in before.stacks} == {stack.path for stack in after.stacks}
    assets = {stack.path: stack.assets for stack in after.stacks}
    depends_on = {stack.path: stack.depends_on for stack in after.stacks}
    for stack in before.stacks:
        was: Mapping[str, Any] = before.documents[stack.path]
        found: dict[str, Any] = dict(after.documents[now(stack.path)])
        mark = {"component": new[stack.component], "renamed_from": stack.component}
        own = was["//"]["landform"]
        assert found["//"] == {"landform": {**own, **mark}}
        if "backend" not in was["terraform"]:
            local = {"local": {"path": f"../{stack.component}/terraform.tfstate"}}
            assert found["terraform"] == {**was["terraform"], "backend": local}
            found["terraform"] = was["terraform"]
        assert {**found, "//": None} == {**was, "//": None}
        assert assets[now(stack.path)] == stack.assets
        assert depends_on[now(stack.path)] == tuple(sorted(map(now, stack.depends_on)))
    entries = [entry_of(entry, new, now) for entry in ledger(before)]
    assert sorted(entries, key=id_of) == sorted(ledger(after), key=id_of)


def ledger(compiled: Compiled) -> list[dict[str, Any]]:
    text = compiled.tree()["access.json"]
    found = json.loads(text)
    return [*found["edges"], *found["rights"]]


def entry_of(entry: Mapping[str, Any], new: dict[str, str], now: Callable[[str], str]) -> Any:
    """An entry of the ledger with the new names."""
    name = new[entry["component"]]
    # Where only AWS knows an id, an ARN names the stack and address that makes it.
    text = re.sub(r"<([a-z0-9/-]+)/", lambda found: f"<{now(found[1])}/", json.dumps(entry))
    entry = json.loads(text)
    found = {
        **entry,
        "component": name,
        "origin": f"components.{name}",
        "id": f"{name}/{entry['id'].partition('/')[2]}",
    }
    for key, statements in (
        ("statements", entry.get("statements")),
        ("binding", entry.get("binding")),
    ):
        if isinstance(statements, list):
            found[key] = [{**each, "stack": now(each["stack"])} for each in statements]
        elif statements:
            found[key] = {**statements, "stack": now(statements["stack"])}
    return found


def id_of(entry: Mapping[str, Any]) -> str:
    return str(entry["id"])


def test_the_state_stays_where_it_was(tmp_path: Path) -> None:
    for head, backend in (
        (BASE, {"local": {"path": "../old/terraform.tfstate"}}),
        (BASE + STATE, {"s3": {"key": "aws/one/old/terraform.tfstate"}}),
    ):
        folder = tmp_path / str(len(head))
        folder.mkdir()
        assert emit(folder, OLD, head=head) == []
        before = module(folder, "aws/one/old")
        kept = folder / "out/acme/aws/one/old/terraform.tfstate"
        kept.write_text("{}")
        assert emit(folder, NEW, head=head) == []
        assert sorted(p.name for p in kept.parent.iterdir()) == ["terraform.tfstate"]
        after = module(folder, "aws/one/new")
        ((kind, found),) = after["terraform"]["backend"].items()
        assert {kind: {key: found[key] for key in backend[kind]}} == backend
        assert after["//"]["landform"] == {
            **before["//"]["landform"],
            "component": "new",
            "renamed_from": "old",
        }
        manifest = json.loads((folder / "out/acme/manifest.json").read_text())
        assert [(s["path"], s["renamed_from"]) for s in manifest["stacks"]] == [
            (f"aws/{account}/new", f"aws/{account}/old") for account in ("one", "two")
        ]
        assert emit(folder, NEW, head=head) == [], "a second run has nothing to say"


def test_without_the_key_it_is_an_orphan_and_the_hint_says_so(tmp_path: Path) -> None:
    assert emit(tmp_path, OLD) == []
    (found,) = emit(tmp_path, baseline("new"))
    assert found.code == "E601"
    assert found.hint is not None
    assert 'if "new" is a new name for it, write renamed_from: old there' in found.hint
    # One that was there before is no new name, nor is one of another account.
    assert emit(tmp_path, OLD + baseline("other", accounts="[]").replace("[]", "one")) != []


def test_a_renamed_component_loses_no_account_unseen(tmp_path: Path) -> None:
    assert emit(tmp_path, OLD) == []
    (found,) = emit(tmp_path, baseline("new", "renamed_from: old", accounts="one"))
    assert (found.code, '"aws/two/old"' in found.message) == ("E601", True)
    only = BASE + "removed: [aws/two/old]\n"
    assert emit(tmp_path, baseline("new", "renamed_from: old", accounts="one"), head=only) == []
    assert "resource" not in module(tmp_path, "aws/two/old")


def test_the_key_cannot_be_taken_out_or_changed(tmp_path: Path) -> None:
    assert emit(tmp_path, OLD) == []
    assert emit(tmp_path, NEW) == []
    for keys, hint in (
        ((), "write renamed_from: old"),
        (("renamed_from: older",), "write renamed_from: old"),
    ):
        (found,) = emit(tmp_path, baseline("new", *keys))
        assert found.code == "E606"
        assert hint in str(found.hint)
        assert '"aws/one/old"' in found.message
    # Renamed again: the first name counts, and the one between has no state.
    (found,) = emit(tmp_path, baseline("newer", "renamed_from: new"))
    assert (found.code, str(found.hint).partition(";")[0]) == ("E606", "write renamed_from: old")
    assert emit(tmp_path, baseline("newer", "renamed_from: old")) == []
    assert emit(tmp_path, OLD) == [], "and back"
    (found,) = emit(tmp_path, baseline("old", "renamed_from: older"))
    assert found.code == "E606"
    assert "take renamed_from out" in str(found.hint)


def test_everything_made_anew_under_the_new_name(tmp_path: Path) -> None:
    """The tombstone of the former path destroys what has the former name, in the region where it is."""
    regional = ("renamed_from: old", "region: eu-central-1")
    assert emit(tmp_path, baseline("new", *regional), head=BASE + STATE) == []
    removed = BASE + STATE + "removed: [aws/one/old, aws/two/old]\n"
    assert codes(emit(tmp_path, baseline("new", *regional), head=removed)) == ["E602", "E602"]
    assert emit(tmp_path, baseline("new"), head=removed) == []
    buried, made = module(tmp_path, "aws/one/old"), module(tmp_path, "aws/one/new")
    assert buried["terraform"]["backend"]["s3"]["key"] == "aws/one/old/terraform.tfstate"
    assert made["terraform"]["backend"]["s3"]["key"] == "aws/one/new/terraform.tfstate"
    assert buried["provider"]["aws"][0]["region"] == "eu-central-1"
    assert "resource" not in buried
    for _ in range(2):
        assert emit(tmp_path, baseline("new"), head=removed) == []
    assert emit(tmp_path, baseline("new"), head=BASE + STATE) == []


def test_a_renamed_component_is_removed_with_its_state(tmp_path: Path) -> None:
    assert emit(tmp_path, NEW) == []
    assert codes(emit(tmp_path, "")) == ["E601"]
    removed = BASE + "removed: [aws/one/new, aws/two/new]\n"
    for _ in range(2):
        assert emit(tmp_path, "", head=removed) == []
        buried = module(tmp_path, "aws/one/new")
        assert buried["terraform"]["backend"] == {"local": {"path": "../old/terraform.tfstate"}}
        assert buried["//"]["landform"]["renamed_from"] == "old"
        assert "resource" not in buried
    # What was not destroyed yet is not forgotten by a new component of the name.
    assert codes(emit(tmp_path, baseline("new"))) == ["E606"]
    assert emit(tmp_path, NEW) == []


def test_prune_looks_at_the_state_under_the_former_name(tmp_path: Path) -> None:
    assert emit(tmp_path, NEW) == []
    state = tmp_path / "out/acme/aws/one/old/terraform.tfstate"
    state.parent.mkdir()
    for text, expected in (('{"resources": [{}]}', ["E605"]), ('{"resources": []}', [])):
        state.write_text(text)
        assert codes(emit(tmp_path, baseline("new"), prune=True)) == expected
    assert emit(tmp_path, NEW, prune=True) == []
    state.write_text('{"resources": [{}]}')
    assert codes(emit(tmp_path, "", prune=True)) == ["E605"]


def test_a_damaged_manifest_says_nothing(tmp_path: Path) -> None:
    assert emit(tmp_path, NEW) == []
    file = tmp_path / "out/acme/manifest.json"
    whole = json.loads(file.read_text())
    for stacks in (
        None,
        [1, {"path": 1, "id": "1"}, {"path": "aws/one/new", "id": "1", "renamed_from": 1}],
    ):
        file.write_text(json.dumps({**whole, "stacks": stacks}))
        emit(tmp_path, NEW, prune=True)


def test_expressions_see_the_former_name(tmp_path: Path) -> None:
    keys = ("renamed_from: old", 'tags: {part: "{{ component.name }}"}')
    assert emit(tmp_path, baseline("new", *keys)) == []
    (provider,) = module(tmp_path, "aws/one/new")["provider"]["aws"]
    assert provider["default_tags"][0]["tags"] == {"landform-component": "old", "part": "old"}


def test_messages_have_the_new_name(tmp_path: Path) -> None:
    pipeline = (ROOT / "blueprints/ml-pipeline.yaml").read_text()
    text = pipeline.replace("  churn:\n", "  churn-eu:\n    renamed_from: churn\n", 1)
    text = re.sub(r"builtin: xgboost, version: [^}]*}", 'builtin: xgboost, version: "0.1"}', text)
    assert "renamed_from" in text
    blueprint = tmp_path / "blueprint.yaml"
    blueprint.write_text(text)
    found = compile_blueprints(blueprint).diagnostics
    assert found
    for each in found:
        assert '"churn-eu"' in each.message
        assert '"churn"' not in each.message


def test_it_is_not_taken_over_by_extends(tmp_path: Path) -> None:
    extending = "  more: {extends: new, for_each: {accounts: one}}\n"
    new = baseline("new", "renamed_from: old", accounts="two")
    assert emit(tmp_path, new + extending) == []
    assert "renamed_from" not in module(tmp_path, "aws/one/more")["//"]["landform"]


def test_an_organisation_that_was_renamed_is_told_of(tmp_path: Path) -> None:
    assert emit(tmp_path, OLD) == []
    other = BASE.replace("acme", "acme-ml")
    (found,) = emit(tmp_path, OLD, head=other)
    assert found.code == "E607"
    assert "keep the name acme" in str(found.hint)
    assert not (tmp_path / "out/acme-ml").exists()
    # Another organisation has other accounts, and one that was there before is none that was renamed.
    assert (
        emit(tmp_path, OLD, head=other.replace("1" * 12, "3" * 12).replace("2" * 12, "4" * 12))
        == []
    )
    assert emit(tmp_path, OLD, head=other) == []
    shutil.rmtree(tmp_path / "out/acme-ml")
    assert emit(tmp_path, OLD, head=other, prune=True) == []


def test_organisations_that_are_compiled_together_are_both_there(tmp_path: Path) -> None:
    blueprints = tmp_path / "blueprints"
    blueprints.mkdir()
    for name in ("acme", "acme-ml"):
        text = f"{BASE.replace('acme', name)}components:\n{OLD}"
        (blueprints / f"{name}.yaml").write_text(text)
        compilation = compile_blueprints(blueprints)
        outputs = plan_all(compilation.blueprints, tmp_path / "out")
        assert [d for output in outputs for d in output.diagnostics] == []
        assert apply(outputs) == ()
