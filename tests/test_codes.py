"""The catalogue of codes against the compiler that gives them: none missing, none dead, all examples true.

An example is laid over BASE, a blueprint that compiles, and compiled: `wrong` must report its code,
`right` must report nothing. Examples of YAML codes are files of their own. The tables name those
that no text of a blueprint can show; `tests/errors` has cases for them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from compiler.access import codes as access_codes
from compiler.blueprint import nodes
from compiler.blueprint.yaml_tree import parse
from compiler.catalogue import CODES
from compiler.compilation import build
from compiler.diagnostics import Diagnostic, has_errors
from compiler.importing import codes as importing_codes
from compiler.kinds import KINDS
from compiler.organization.resolve import resolve

ROOT = Path(__file__).parent.parent
ERRORS = Path(__file__).parent / "errors"

BASE = """\
landform: 1
organization: {name: acme}
defaults:
  aws: {region: eu-west-1}
  vars: {name: one, names: [a, b], big: true}
accounts:
  shared: {id: "111111111111"}
  training: {id: "222222222222"}
  production: {id: "333333333333"}
components:
  churn:
    kind: ml-pipeline
    shared: shared
    training: training
    production: [production]
    source: {codecommit: {repository: churn}}
    train: {image: {builtin: xgboost, version: "1.7-1"}, instance: ml.m6i.xlarge}
    deploy: {endpoint: churn, instance: ml.m6i.large}
"""

NOT_A_TEXT = {
    **dict.fromkeys(("E001", "E002"), "an argument of the command line"),
    **dict.fromkeys(
        ("E003", "E004", "E005", "E006", "E007", "E008", "E009"), "a property of the file"
    ),
    "E025": "needs two files",
    "E317": "needs two blueprints",
    "E331": "the path of a file",
    "E332": "an installed package",
    "E403": "the example would be as long as a policy may be",
    "E404": "the example would be as long as a setting may be",
    "E405": "the example would be as long as settings may be",
    **dict.fromkeys(("E406", "E501"), "a kind's file"),
    **dict.fromkeys(("E601", "E604", "E605", "E606", "E607"), "needs an output folder"),
    **{f"E{number}": "the state of the output folder" for number in range(701, 712)},
    **{code.code: "a generated policy" for code in access_codes.CODES},
    **{code.code: "the answer of AWS" for code in importing_codes.CODES},
}
# Codes without a case in tests/errors, and where they are tested instead.
CASES_ELSEWHERE = {
    "E001": "the command line's argument: tests/test_cli.py",
    "E002": "the command line's argument: tests/test_cli.py",
    "E003": "permissions, which root ignores: tests/unit/test_files.py",
    **dict.fromkeys(("E332", "E406"), "an installed package: tests/kinds/test_installed_kinds.py"),
    **dict.fromkeys(("E604", "E605"), "the output folder: tests/test_removal.py"),
    **dict.fromkeys(("E606", "E607"), "the output folder: tests/test_renaming.py"),
    **{f"E{number}": "tests/unit/test_tree*.py" for number in range(701, 712)},
    **{code.code: "tests/access/test_rules.py, test_proof.py" for code in access_codes.CODES},
    **{code.code: "tests/importing" for code in importing_codes.CODES},
}


def used() -> set[str]:
    """Every text in the sources that is a code, but for the catalogue itself."""
    found = set()
    for path in (ROOT / "compiler").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        records = {
            id(keyword.value)
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Code"
            for keyword in call.keywords
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in records:
                text = node.value if isinstance(node.value, str) else ""
                found |= {text} & set(re.findall(r"^[EW]\d{3}$", text))
    return found


def test_every_code_is_in_the_catalogue_and_used() -> None:
    assert used() == set(CODES)


def test_no_code_is_described_twice() -> None:
    rooms = [p for p in (ROOT / "compiler").rglob("*.py") if p.name.endswith("codes.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in rooms)
    written = re.findall(r'code="(E\d{3})"', text)
    assert len(written) == len(set(written))


@pytest.mark.parametrize("code", sorted(CODES))
def test_record_is_complete(code: str) -> None:
    record = CODES[code]
    assert 4 <= len(record.title) <= 70
    assert not record.title.endswith(".")
    sentences = re.findall(r"[.?](?=\s|$)", record.explanation)
    assert 1 <= len(sentences) <= 6, record.explanation
    assert record.wrong != record.right
    if code != "E009":  # its example is the empty file
        assert record.wrong.strip()
    assert record.right.strip()


@pytest.mark.parametrize("code", sorted(CODES.keys() - NOT_A_TEXT.keys()))
def test_examples_are_true(code: str) -> None:
    wrong = list(problems(code, CODES[code].wrong))
    assert code in {found.code for found in wrong}, wrong
    assert list(problems(code, CODES[code].right)) == []


def test_tables_name_only_codes() -> None:
    assert set(CODES) >= NOT_A_TEXT.keys() | CASES_ELSEWHERE.keys()


@pytest.mark.parametrize("code", sorted(CODES.keys() - CASES_ELSEWHERE.keys()))
def test_code_has_a_case(code: str) -> None:
    assert list(ERRORS.glob(f"{code}-*")), f"add tests/errors/{code}-….yaml"


def problems(code: str, example: str) -> Iterator[Diagnostic]:
    """What is wrong with the example of that code."""
    tree, found = parse(example, "example.yaml")
    yield from found
    if code < "E100" or tree is None:
        return
    base, _ = parse(BASE, "base.yaml")
    assert base is not None
    if code < "E200":
        tree = _inside(("defaults", "vars", "example"), tree)
    world, found = resolve(nodes.merge(base, tree), KINDS)
    yield from found
    if world is not None and not has_errors(found):
        yield from build(world, KINDS)[1]


def _inside(path: tuple[str, ...], tree: nodes.Mapping) -> nodes.Mapping:
    for key in reversed(path):
        tree = nodes.Mapping({key: nodes.Entry(tree.span, tree)}, tree.span)
    return tree
