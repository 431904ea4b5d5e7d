"""`landform schema`: valid, true of every blueprint that compiles, and as strict as the models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from yamlcore import CoreLoader

from compiler.blueprint.cloudformation import is_template
from compiler.kinds import KINDS
from compiler.kinds.available import kinds_at
from compiler.kinds.manual import inputs_of
from compiler.kinds.schema import blueprint_schema

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent
ML = "components: {churn: {kind: ml-pipeline, shared: a, training: b, production: c, "
TRAIN = 'train: {image: {builtin: xgboost, version: "1.7-1"}, instance: ml.m6i.xlarge}'
SOURCE = "source: {s3: {key: source/a.zip}}"
DEPLOY = "deploy: {endpoint: churn, instance: ml.m6i.large}"
WHOLE = f"{SOURCE}, {TRAIN}, {DEPLOY}"


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    return Draft202012Validator(blueprint_schema())


def blueprint_files() -> Iterator[Path]:
    """The files of blueprints, without the CloudFormation templates beside them."""
    for path in _yaml_files():
        if not is_template(path.read_text("utf-8")):
            yield path


def _yaml_files() -> Iterator[Path]:
    yield from sorted((REPOSITORY / "blueprints").rglob("*.y*ml"))
    for path in sorted((TESTS / "cases").glob("*/*/blueprint*")):
        files = [path] if path.is_file() else sorted(path.rglob("*.y*ml"))
        # A kind's file is no part of the blueprint that the schema is about.
        shown = (file for file in files if not file.name.startswith("."))
        yield from (file for file in shown if file.parent.name != "kinds")


def loaded(text: str) -> Any:
    return yaml.load(text, Loader=CoreLoader)


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(blueprint_schema())


def test_references_lead_somewhere(schema: Draft202012Validator) -> None:
    definitions = blueprint_schema()["$defs"]
    wanted = set(_references(blueprint_schema()))
    assert wanted <= {f"#/$defs/{name}" for name in definitions}
    assert {f"#/$defs/{name}" for name in definitions} <= wanted, "a definition that nothing uses"


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


@pytest.mark.parametrize(
    "path", list(blueprint_files()), ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_what_compiles_is_valid(path: Path, schema: Draft202012Validator) -> None:
    if (path.parent / "kinds").is_dir():
        kinds, diagnostics, _ = kinds_at(path.parent)
        assert not diagnostics
        schema = Draft202012Validator(blueprint_schema(kinds))
    problems = [error.message for error in schema.iter_errors(loaded(path.read_text("utf-8")))]
    assert not problems


@pytest.mark.parametrize(
    "text",
    [
        "landform: 2",
        "landfrom: 1",
        "organization: {}",
        "organization: {name: Acme}",
        "organization: {name: acme, aws: {partition: mars}}",
        "accounts: {one: {id: '123'}}",
        "accounts: {one: {}}",
        "accounts: {One: {id: '123456789012'}}",
        "units: {/a: {}}",
        "accounts: {one: {id: '123456789012', color: red}}",
        "defaults: {region: eu-west-1}",
        "deploy: {aws: {}}",
        "state: {aws: {bucket: acme-tfstate}}",
        "removed: {}",
        "removed: [aws/one]",
        "components: {churn: {kind: ml-pipelin}}",
        "components: {churn: {kind: ml-pipeline, extends: other, deploy: {most: 2}}}",
        "components: {Churn: {extends: other}}",
        "components: {churn: {}}",
        "components: {churn: {kind: ml-pipeline}}",
        f"{ML}{SOURCE}, {TRAIN}}}}}",
        f"{ML}{WHOLE}, colour: red}}}}",
        f"{ML}{WHOLE}, state_machine: pulumi}}}}",
        f"{ML}{WHOLE}, log_retention_days: [1]}}}}",
        f"{ML}{WHOLE}, approval: {{notify: [nobody]}}}}}}",
        f"{ML}{SOURCE}, {TRAIN}, deploy: {{endpoint: churn, instance: ml.m6i.large, min: 0}}}}}}",
        f"{ML}{SOURCE}, {TRAIN}, deploy: {{endpoint: a_b, instance: ml.m6i.large}}}}}}",
        f"{ML}{SOURCE}, {TRAIN}, deploy: {{endpoint: a, instance: ml.m6i.large, most: 2}}}}}}",
        f"{ML}source: {{s3: {{key: data/a.zip}}}}, {TRAIN}, {DEPLOY}}}}}",
        "components: {base: {kind: account-baseline}}",
        "components: {base: {kind: account-baseline, account: one, budget: {monthly_usd: many}}}",
        "components: {base: {kind: account-baseline, for_each: {unit: a}}}",
        "components: {base: {kind: account-baseline, account: one, when: perhaps}}",
    ],
)
def test_what_is_wrong_is_invalid(text: str, schema: Draft202012Validator) -> None:
    assert not schema.is_valid(loaded(text))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        f"{ML}{WHOLE}}}}}",
        "components: {base: {kind: account-baseline, account: one}}",
        "components: {base: {kind: account-baseline, for_each: {accounts: '**'}}}",
        "components: {base: {extends: other, account: two}}",
        "accounts: {one: {id: '123456789012', tags: '{{ vars.tags }}'}}",
        "components: {base: {kind: account-baseline, extends: other, budget: {monthly_usd: 2}}}",
        "components: {base: {kind: account-baseline, account: one, when: '{{ vars.x }}'}}",
        f"{ML}{SOURCE}, {TRAIN}, deploy: '{{{{ vars.deploy }}}}'}}}}",
        "accounts: {one: {id: '{{ vars.id }}'}}",
        "units: {workloads/prod: {aws: {region: eu-west-1}}}",
    ],
)
def test_what_is_right_is_valid(text: str, schema: Draft202012Validator) -> None:
    assert [error.message for error in schema.iter_errors(loaded(text))] == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_models_and_schema_agree_on_inputs(kind: str) -> None:
    """Required or not, by the models themselves and by the manual."""
    definition = blueprint_schema()["$defs"][kind]
    top = [row for row in inputs_of(KINDS[kind].inputs) if "." not in row.path]
    own = {
        *("adopt", "extends", "for_each", "kind", "region"),
        *("renamed_from", "tags", "vars", "when"),
    }
    assert {row.path for row in top} == definition["properties"].keys() - own
    needed = {row.path for row in top if row.required}
    home = {KINDS[kind].home} if KINDS[kind].per else set()
    assert needed - home == set(definition["required"])
    if home:
        assert {"required": [KINDS[kind].home]} in definition["anyOf"]
    fields = {f.alias or name: f for name, f in KINDS[kind].inputs.model_fields.items()}
    for row in top:
        assert row.required == fields[row.path].is_required()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_input_is_described(kind: str) -> None:
    """What an editor shows beside the key."""
    for row in inputs_of(KINDS[kind].inputs):
        assert row.description or row.type == "mapping", row.path
