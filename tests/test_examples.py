"""What is committed is what the code makes: `generated/` and the JSON Schema beside the blueprints."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.compilation import Compilation, compile_blueprints
from compiler.emission import plan
from compiler.kinds.schema import schema_text

REPOSITORY = Path(__file__).parent.parent
BLUEPRINTS = REPOSITORY / "blueprints"


@pytest.fixture(scope="module")
def compilation() -> Compilation:
    return compile_blueprints(BLUEPRINTS)


def test_blueprints_have_no_problem(compilation: Compilation) -> None:
    assert compilation.diagnostics == ()
    # A newcomer's own blueprint may lie beside the two examples.
    assert {one.organization for one in compilation.blueprints} >= {"acme", "article"}


def test_generated_is_what_the_blueprints_compile_to(compilation: Compilation) -> None:
    for one in compilation.blueprints:
        output = plan(one, REPOSITORY / "generated")
        assert output.diagnostics == ()
        changes = output.changes
        assert not changes.pending, (
            f"run `landform compile`: {changes.added=} {changes.changed=} {changes.removed=}"
        )
        assert len(changes.same) == len(output.tree)


def test_generated_has_no_other_organisation(compilation: Compilation) -> None:
    names = {path.name for path in (REPOSITORY / "generated").iterdir()}
    assert names == {one.organization for one in compilation.blueprints}


def test_committed_schema_is_what_the_command_prints() -> None:
    text = (REPOSITORY / "landform.schema.json").read_text(encoding="utf-8")
    assert text == schema_text(), "run `landform schema > landform.schema.json`"


def test_every_blueprint_names_the_schema_in_its_first_line() -> None:
    examples = [BLUEPRINTS / "ml-pipeline.yaml", *(BLUEPRINTS / "organisation").rglob("*.yaml")]
    assert len(examples) > 5
    for path in sorted(examples):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        mark = "# yaml-language-server: $schema="
        assert first.startswith(mark), path
        assert (path.parent / first.removeprefix(mark)).resolve() == (
            REPOSITORY / "landform.schema.json"
        )
