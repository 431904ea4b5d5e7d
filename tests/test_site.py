"""The documentation as a site: each page is found, each command in it exists, each example is real."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from compiler.emission import plan
from tests.delivery.files import calls, parses
from tests.test_docs import DOCUMENTS, README, ROOT, _example, _shows, compiled, name_of

DOCS = ROOT / "docs"
MODEL = (DOCS / "access-model.md").read_text(encoding="utf-8")


def linked(page: Path) -> Iterator[Path]:
    """The files that a page links to."""
    for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https:"):
            yield (page.parent / target).resolve()


def test_every_page_is_found_from_the_index() -> None:
    todo, found = [DOCS / "index.md"], set()
    while todo:
        page = todo.pop()
        if page not in found:
            found.add(page)
            todo += [other for other in linked(page) if other.suffix == ".md"]
    assert not set(DOCUMENTS) - found
    assert DOCS / "index.md" in linked(ROOT / "README.md")


def test_how_tos_are_on_the_index() -> None:
    listed = set(linked(DOCS / "index.md"))
    assert set((DOCS / "how-to").glob("*.md")) <= listed


def shells(text: str) -> Iterator[str]:
    """What a page shows of a shell: fences `sh` and `console`, and indented code."""
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.M | re.S):
        if language == "sh":
            yield block
        elif language == "console":
            yield "\n".join(re.findall(r"^\$ (.*)$", block, flags=re.M))
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    yield "\n".join(re.findall(r"^    (\S.*)$", outside, flags=re.M))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_that_a_page_shows_exists(document: Path) -> None:
    for block in shells(document.read_text(encoding="utf-8")):
        for words in calls(block):
            try:
                parses(words)
            except click.UsageError as error:
                raise AssertionError(
                    f"{document.name}: landform {' '.join(words)}: {error.message}"
                ) from error


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("landform compile --check >out", [["compile", "--check"]]),
        ('.venv/bin/landform diff --from "$BASE" | head', [["diff", "--from", "$BASE"]]),
        ("landform plan --only 'aws/*' \\\n  --jobs 2 && landform apply  # both", None),
        ("git init && cd landform", []),
    ],
)
def test_commands_are_found(shown: str, found: list[list[str]] | None) -> None:
    both = [["plan", "--only", "aws/*", "--jobs", "2"], ["apply"]]
    assert list(calls(shown)) == (both if found is None else found)


@pytest.mark.parametrize("words", [["compil"], ["compile", "--chek"], ["diff", "--format", "xml"]])
def test_a_wrong_command_is_found(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parses(words)


def test_the_statements_of_the_access_model_are_the_compilers(tmp_path: Path) -> None:
    (one,) = compiled(tmp_path, _example("blueprint")).blueprints
    tree = plan(one, tmp_path / "out").tree
    shown = re.findall(r"<!-- example: (\S+) -->\n```json\n(.*?)^```$", MODEL, re.M | re.S)
    assert [path for path, _ in shown] == [
        "aws/training/churn/main.tf.json",
        "aws/shared/churn/main.tf.json",
    ]
    for path, text in shown:
        assert _shows(json.loads(text), json.loads(tree[path])), path
    (edge,) = [edge for edge in one.edges if edge.id == "churn/train-reads-data"]
    assert "Four statements" in MODEL
    assert len(edge.statements) == 4


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 230
