"""What the documents say of the code: names, commands, examples, links, and pages made from it."""

from __future__ import annotations

import doctest
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from compiler.blueprint.models import BlueprintModel, ComponentModel
from compiler.blueprint.sandbox import FILTERS, OTHER_FILTERS
from compiler.cli.entry import landform
from compiler.compilation import Compilation, compile_blueprints
from compiler.emission import plan
from compiler.kinds import KINDS
from compiler.terraform.names import shorten
from tools import reference

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LANGUAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "docs" / "examples"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")]
)
FOLDERS = "blueprints|compiler|docs|examples|generated|requirements|tests|tools"

# What the fragments of language.md are laid over, by top-level key.
BASE = """
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
units:
  workloads/dev: {tags: {env: dev}}
  workloads/prod: {tags: {env: prod}}
accounts:
  shared: {id: "111111111111"}
  training: {id: "222222222222", unit: workloads/dev}
  sandbox: {id: "121212121212", unit: workloads/dev}
  production: {id: "333333333333", unit: workloads/prod}
  production-us: {id: "444444444444", unit: workloads/prod}
components:
  baseline: {kind: account-baseline, account: shared}
"""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def compiled(tmp_path: Path, text: str) -> Compilation:
    path = tmp_path / "blueprint.yaml"
    path.write_text(text, encoding="utf-8")
    return compile_blueprints(path)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.M | re.S)


# ---- Names, paths, links


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_names_of_code_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for name in sorted(set(re.findall(r"`(compiler(?:\.\w+)+)`", text))):
        assert _resolves(name), f"{document.name} names {name}"


def _resolves(name: str) -> bool:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("name", ["compiler.nowhere", "compiler.compilation.nothing"])
def test_a_wrong_name_is_found(name: str) -> None:
    assert not _resolves(name)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_paths_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for path in sorted(set(re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", text))):
        if not path.startswith(("blueprints/mine", "generated/mine")):
            assert (ROOT / path).exists(), f"{document.name} names {path}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https:"):
            continue
        path, _, anchor = target.partition("#")
        page = (document.parent / path).resolve() if path else document
        assert page.is_file(), f"{document.name} links to {target}"
        if anchor:
            assert anchor in _anchors(page), f"{document.name} links to {target}"


def _anchors(page: Path) -> set[str]:
    """The anchors of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_codes_exist(document: Path) -> None:
    raised = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "compiler").rglob("*.py"))
    for code in set(re.findall(r"\bE\d{3}\b", document.read_text(encoding="utf-8"))):
        assert f'"{code}"' in raised, f"{document.name} names {code}"


# ---- Commands


def _table(text: str, heading: str) -> Iterator[list[str]]:
    """The rows of the table whose first columns have that heading."""
    _, _, rest = text.partition(f"| {heading} |")
    for line in rest.split("\n")[2:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_readme_lists_every_command_with_every_option() -> None:
    listed = {
        re.findall(r"`(\w+)", row[0])[0]: set(re.findall(r"`(--[\w-]+)`", row[2]))
        for row in _table(README, "command")
    }
    real = {
        name: {
            option
            for parameter in command.params
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        for name, command in commands().items()
    }
    assert listed == real


def commands() -> dict[str, click.Command]:
    context = click.Context(landform)
    found = {name: landform.get_command(context, name) for name in landform.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def test_the_readme_does_not_list_a_command_as_missing_that_is_there() -> None:
    missing = README.partition("## Not yet")[2]
    named = set(re.findall(r"`([\w-]+)`", missing))
    assert not named & set(commands())


def test_the_readme_does_not_list_a_kind_as_missing_that_is_there() -> None:
    missing = README.partition("## Not yet")[2]
    assert missing
    assert not set(re.findall(r"`([\w-]+)`", missing)) & set(KINDS)


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.M))
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", text, flags=re.M))
        assert named <= targets, document.name


# ---- The example of the README


def _example(mark: str) -> str:
    found = re.search(
        rf"<!-- example: {re.escape(mark)} -->\n```\w+\n(.*?)^```$", README, re.M | re.S
    )
    assert found, mark
    return found[1]


def _shows(shown: Any, real: Any) -> bool:
    """Whether `shown` is `real` with parts left out: keys of mappings, items of lists."""
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            key in real and _shows(value, real[key]) for key, value in shown.items()
        )
    if isinstance(shown, list):
        rest = iter(real if isinstance(real, list) else ())
        return all(any(_shows(item, other) for other in rest) for item in shown)
    return bool(shown == real)


def test_the_example_of_the_readme_compiles_to_what_it_shows(tmp_path: Path) -> None:
    blueprint = _example("blueprint")
    compilation = compiled(tmp_path, blueprint)
    assert compilation.diagnostics == ()
    (one,) = compilation.blueprints
    tree = plan(one, tmp_path / "out").tree
    marks = re.findall(r"<!-- example: (\S+\.json) -->", README)
    assert len(marks) == 2
    for mark in marks:
        assert _shows(json.loads(_example(mark)), json.loads(tree[mark])), mark
    stacks = json.loads(tree["manifest.json"])["stacks"]
    lines = blueprint.count("\n")
    resources = sum(stack["resources"] for stack in stacks)
    assert len(stacks) == 3
    assert f"These {lines} lines become three stacks with {resources} resources." in README


def test_a_wrong_example_is_found() -> None:
    real = {"a": [{"b": 1, "c": 2}, 3]}
    assert _shows({"a": [{"c": 2}]}, real)
    assert not _shows({"a": [3, {"c": 2}]}, real)
    assert not _shows({"a": [{"c": 1}]}, real)
    assert not _shows({"d": 1}, real)


# ---- The reference


FRAGMENTS = blocks(LANGUAGE, "yaml")


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda text: text.partition("\n")[0])
def test_fragments_of_the_language_compile(fragment: str, tmp_path: Path) -> None:
    text = yaml.safe_dump(yaml.safe_load(BASE) | yaml.safe_load(fragment))
    compilation = compiled(tmp_path, text)
    assert [str(found) for found in compilation.diagnostics] == []
    assert compilation.blueprints


def test_every_top_level_key_is_described() -> None:
    described = {re.findall(r"`(\w+)`", row[0])[0] for row in _table(LANGUAGE, "key | holds")}
    assert described == set(BlueprintModel.model_fields)


def test_every_key_of_a_component_is_described() -> None:
    rows = _table(LANGUAGE, "key | meaning")
    described = {key for row in rows for key in re.findall(r"`(\w+)`", row[0])}
    assert described == set(ComponentModel.model_fields)


def test_the_filters_are_all_listed() -> None:
    listed = LANGUAGE.partition("<!-- filters -->")[2].partition("<!-- end -->")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == {*FILTERS, *OTHER_FILTERS}


def test_the_shortened_name_is_right() -> None:
    line = LANGUAGE.partition("<!-- example: shorten -->\n")[2].partition("\n")[0]
    found = re.fullmatch(r" +(\S+), (\d+) characters, (\S+)  →  (\S+)", line)
    assert found
    name, limit, ending, short = found.groups()
    assert shorten(name, int(limit), ending) == short


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_has_an_example_that_compiles(name: str) -> None:
    compilation = compile_blueprints(EXAMPLES / f"{name}.yaml")
    assert compilation.diagnostics == ()
    # Beside it a hub, where the kind takes its models from one.
    kinds = {stack.kind for one in compilation.blueprints for stack in one.stacks}
    assert kinds - {"model-hub"} == {name} - {"model-hub"}
    assert name in kinds


def test_made_pages_are_up_to_date() -> None:
    pages = reference.pages()
    assert {Path("docs/kinds.md"), Path("landform.schema.json")} <= pages.keys()
    for path, text in pages.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, (
            f"{path} is out of date: make docs"
        )


def test_every_code_has_its_section() -> None:
    """A code whose first digit names no pass would be left out."""
    sections = re.findall(r"^### (\w+):", reference.codes_page(reference.CODES), flags=re.M)
    assert sorted(sections) == sorted(reference.CODES)


def test_every_relation_between_accounts_has_a_reason() -> None:
    between = {
        edge.id.partition("/")[2]
        for edge in reference.example_edges()
        if edge.principal_account != edge.resource_account
    }
    page = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")
    assert {name for name, why in reference.reasons(page).items() if why} == between


# ---- Examples in docstrings

WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "compiler").rglob("*.py")
    if "    >>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_in_docstrings_are_right(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried
    assert not failed
