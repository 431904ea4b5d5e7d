"""Answers, held to what really changes when the lines that they name are edited."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from compiler.cli.explain_report import as_text
from compiler.compilation import Compiled, compile_blueprints
from compiler.diagnostics import has_errors
from compiler.explaining.address import InBlueprint, InStack, read
from compiler.explaining.answer import AddressError, Answer, Explainer
from compiler.explaining.parts import parts
from compiler.explaining.trials import Trials
from tests.explaining.blueprint import TEXT, line

ROOT = Path(__file__).parents[2]
FILE = "acme.yaml"
STACKS = ("aws/shared/churn", "aws/training/churn", "aws/production/churn")


@cache
def explainer(text: str = TEXT) -> Explainer:
    """Of that blueprint; what was made for one test is there for the next."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / FILE
        place.write_text(text, "utf-8")
        return explained(place)


def explained(path: Path) -> Explainer:
    compilation = compile_blueprints(path)
    assert not has_errors(compilation.diagnostics), compilation.diagnostics
    return Explainer(compilation.blueprints[0], compilation.read[0])


def ask(text: str, blueprint: str = TEXT) -> Answer:
    address = read(text)
    assert isinstance(address, InStack)
    return explainer(blueprint).in_stack(address)


def names(answer: Answer) -> dict[str, int]:
    return {each.name: each.span.line for each in (*answer.because, *answer.follows)}


# ---- What follows a line: the same lines edited for real

EDITS = {
    "components.churn.source.codecommit.repository": ("repository: churn", "repository: other"),
    "components.churn.deploy.endpoint": ("endpoint: churn", "endpoint: other"),
    "components.base.deploy.instance": ("instance: ml.m6i.large", "instance: ml.m6i.2xlarge"),
    "components.base.deploy.min": ("min: 1", "min: 2"),
    "components.base.train.instance": ("instance: ml.m6i.xlarge", "instance: ml.m6i.2xlarge"),
    "components.churn.vars.days": ("vars: {days: 60}", "vars: {days: 90}"),
    "components.churn.tags.team": ("team: churn", "team: other"),
    "accounts.production.vars.max": ("vars: {max: 8}", "vars: {max: 7}"),
    "accounts.production.id": ('"333333333333"', '"333333333334"'),
    "accounts.training.id": ('"222222222222"', '"222222222223"'),
    "defaults.aws.region": ("region: eu-west-1", "region: us-east-1"),
    "organization.name": ("name: acme", "name: acne"),
    "organization.aws.id": ("o-abc123defg", "o-abc123defh"),
    "units.work.tags.env": ("tags: {env: work}", "tags: {env: job}"),
    "defaults.tags.owner": ("owner: ml", "owner: ai"),
    "units.work/prod.vars.size.large": ("large: 9", "large: 10"),
    "units.work.vars.max": ("vars: {max: 3}", "vars: {max: 4}"),
}


@cache
def trials(path: str) -> Trials:
    """Of the blueprint as it is; what was tried once is kept."""
    asked = explainer()
    stack = asked._stack(InStack(stack=path, cloud="aws"))
    component, home = asked._component(stack), asked._home(stack)
    return asked._trials(component, home)


@pytest.mark.parametrize("name", EDITS)
def test_what_is_said_to_follow_a_line_is_what_changes_with_it(name: str) -> None:
    old, new = EDITS[name]
    assert TEXT.count(old) == 1
    before, after = explainer().compiled, explainer(TEXT.replace(old, new)).compiled
    for path in STACKS:
        said = {
            address
            for address in trials(path).now()
            if any(each.name == name and each.attributes for each in trials(path).of(address))
        }
        assert said == changed_in(path, before, after), path


def changed_in(path: str, before: Compiled, after: Compiled) -> set[str]:
    one, other = (
        parts(next(stack for stack in each.stacks if stack.path == path))
        for each in (before, after)
    )
    assert one.keys() == other.keys()
    return {address for address in one if one[address] != other[address]}


def test_attributes_are_those_that_change() -> None:
    found = ask("aws/production/churn:aws_lambda_function.deployer")
    by_name = {each.name: each.attributes for each in found.follows}
    variables = ("environment", 0, "variables")
    assert by_name["components.base.deploy.max"] == ((*variables, "MAX_INSTANCES"),)
    assert by_name["accounts.production.vars.max"] == ((*variables, "MAX_INSTANCES"),)
    assert by_name["components.base.deploy.instance"] == ((*variables, "INSTANCE_TYPE"),)


# ---- What is said of an attribute


def test_an_attribute_that_follows_an_inherited_variable() -> None:
    found = ask(
        "aws/production/churn:aws_lambda_function.deployer.environment.variables.MAX_INSTANCES"
    )
    assert found.value == "8"
    assert names(found) == {
        "components.base.production.0": line("production: [production]"),
        "components.base.deploy.max": line('max: "{{ vars.max }}"'),
        "accounts.production.vars.max": line("vars: {max: 8}"),
    }
    (inherited,) = (each for each in found.follows if each.name.startswith("accounts."))
    assert [(each.name, each.written) for each in inherited.overrode] == [
        ("units.work.vars.max", 3),
        ("defaults.vars.max", 2),
    ]
    assert found.extends[0].name == "components.base"


def test_an_attribute_that_overrides_an_extended_component() -> None:
    path = "environment.variables.ENDPOINT_NAME"
    found = ask(f"aws/production/churn:aws_lambda_function.deployer.{path}")
    (own,) = (each for each in found.follows if each.name.endswith("deploy.endpoint"))
    assert own.name == "components.churn.deploy.endpoint"
    assert [(each.name, each.written) for each in own.overrode] == [
        ("components.base.deploy.endpoint", "base")
    ]


def test_an_attribute_that_the_kind_sets() -> None:
    found = ask("aws/shared/churn:aws_kms_key.artifacts.enable_key_rotation")
    assert found.value is True
    assert found.follows == ()
    assert found.grants == ()
    assert [each.name for each in found.because] == ["components.base.shared"]
    assert found.component.kind == "ml-pipeline"


def test_a_resource_that_an_optional_part_makes() -> None:
    found = ask("aws/production/guard:aws_budgets_budget.monthly")
    names = [each.name for each in found.because]
    assert names == ["components.guard.for_each", "components.guard.budget"]
    assert found.for_each
    assert found.for_each.span.line == line("for_each:")
    attributes = {each.name: each.attributes for each in found.follows}
    assert attributes["components.guard.budget.monthly_usd"] == (("limit_amount",),)


def test_a_statement_by_its_sid() -> None:
    found = ask("aws/shared/churn:aws_s3_bucket_policy.artifacts.policy.TrainReadsData")
    assert found.value["Sid"] == "TrainReadsData"
    assert [each.id for each in found.grants] == ["churn/train-reads-data"]
    assert found.grants[0].origin.span.line == line("  churn:")
    assert "components.base.training" in names(found)
    assert "components.base.production.0" not in names(found)
    inside = ask("aws/shared/churn:aws_s3_bucket_policy.artifacts.policy.TrainReadsData.Action")
    assert inside.value == ["s3:GetObject"]
    assert inside.grants == found.grants
    by_number = ask("aws/shared/churn:aws_s3_bucket_policy.artifacts.policy.Statement.0")
    assert by_number.value["Sid"]


def test_grants_are_those_of_the_ledger_that_stand_there() -> None:
    asked = explainer()
    for path, address in (
        ("aws/shared/churn", "aws_kms_key.artifacts"),
        ("aws/training/churn", "aws_iam_role_policy.train"),
    ):
        found = asked.in_stack(InStack(stack=path, cloud="aws", address=address))
        expected = {
            edge.id
            for edge in asked.compiled.edges
            if any((each.stack, each.address) == (path, address) for each in edge.statements)
        }
        assert expected
        assert {each.id for each in found.grants} == expected


def test_what_others_need_in_a_stack() -> None:
    """A cluster pulls images of a hub: the hub's own lines say nothing of the repository's policy."""
    asked = explained(ROOT / "blueprints" / "model-serving.yaml")
    address = "aws_ecr_repository_policy.image_churn_serving"
    found = asked.in_stack(InStack(stack="aws/shared/models", cloud="aws", address=address))
    assert not found.own
    assert not found.because
    assert {each.id.partition("/")[0] for each in found.grants} == {"serve"}
    assert {each.origin.name for each in found.grants} == {"components.serve"}
    assert "It is not of models's own making" in as_text(found)


# ---- Stacks


def test_a_stack() -> None:
    found = ask("aws/production/churn")
    assert (found.lines.span.line, found.lines.span.end_line) == (
        line("  churn:"),
        line("tags: {team: churn"),
    )
    assert "aws_lambda_function.deployer" in found.resources
    settings = {".".join(each.path): each for each in found.settings}
    # All stacks of a component are in the region of its first account.
    assert settings["region"].line.written == "eu-west-1"
    assert settings["vars.days"].line.name == "components.churn.vars.days"
    assert settings["tags.env"].line.span.line == line("tags: {team: churn")


def test_the_region_of_a_stack_is_the_provider_s() -> None:
    asked = explainer()
    for stack in asked.compiled.stacks:
        found = asked.in_stack(InStack(stack=stack.path, cloud="aws"))
        (region,) = (each for each in found.settings if each.path == ("region",))
        assert region.line.written == stack.region
        tags = {
            each.path[1]: each.line.written for each in found.settings if each.path[0] == "tags"
        }
        provider: Any = stack.providers["aws"]
        (block,) = provider["default_tags"]
        assert block["tags"] == {**tags, "landform-component": stack.component}


def test_a_renamed_component() -> None:
    text = TEXT.replace("  churn:\n    extends", "  churn:\n    renamed_from: old\n    extends")
    found = ask("aws/shared/churn:aws_kms_key.artifacts.description", text)
    assert found.component.name == "churn"
    assert found.because


def test_a_component_that_can_be_nowhere_else() -> None:
    text = (
        "landform: 1\norganization: {name: acme}\naccounts: {only: {id: '111111111111'}}\n"
        "components: {base: {kind: account-baseline, account: only, region: eu-west-1}}\n"
    )
    address = "aws_ebs_encryption_by_default.account"
    found = explainer(text).in_stack(InStack(stack="aws/only/base", cloud="aws", address=address))
    assert [each.name for each in found.because] == ["components.base.account"]


# ---- Values of the blueprint


def test_values_below_an_address() -> None:
    asked = explainer()
    found = asked.in_blueprint(InBlueprint(section="accounts", name="production"))
    paths = [".".join(each.path) for each in found]
    assert {"id", "unit", "region", "vars.max", "tags.env"} <= set(paths)
    assert len(paths) == len(set(paths))
    (one,) = asked.in_blueprint(
        InBlueprint(section="components", name="churn", path=("deploy", "endpoint"))
    )
    assert [each.name for each in one.overrode] == ["components.base.deploy.endpoint"]


# ---- What is not there


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("aws/shared/chrun", 'did you mean "aws/shared/churn"?'),
        ("google/x/y", "stacks: aws/production/base"),
        ("aws/shared/churn:aws_kms_key.artifact", 'did you mean "aws_kms_key.artifacts"?'),
        ("aws/shared/churn:aws_kms_key.artifacts.enable_key_rotatoin", "enable_key_rotation"),
        ("aws/shared/churn:aws_kms_key.artifacts.enable_key_rotation.x", "it has no parts"),
        ("aws/shared/churn:aws_kms_key.artifacts.policy.NoSid", 'no "NoSid"'),
    ],
)
def test_what_is_not_there(text: str, says: str) -> None:
    with pytest.raises(AddressError) as found:
        ask(text)
    assert says in str(found.value)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (InBlueprint(section="accounts", name="prodction"), '"production"'),
        (InBlueprint(section="projects", name="x"), "projects"),
        (InBlueprint(section="accounts", name="shared", path=("vars", "x")), "vars.max"),
    ],
)
def test_values_that_are_not_there(address: InBlueprint, says: str) -> None:
    with pytest.raises(AddressError) as found:
        explainer().in_blueprint(address)
    assert says in str(found.value)


def test_a_stack_that_is_removed() -> None:
    with pytest.raises(AddressError, match="removed"):
        ask("aws/shared/gone", TEXT + "removed: [aws/shared/gone]\n")
