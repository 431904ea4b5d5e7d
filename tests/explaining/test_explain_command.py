"""`landform explain` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from compiler.cli.entry import landform
from tests.explaining.blueprint import TEXT, line

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def blueprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the blueprint at the default place."""
    monkeypatch.chdir(tmp_path)
    place = Path("blueprints/acme.yaml")
    place.parent.mkdir()
    place.write_text(TEXT, "utf-8")
    return place


QUOTED = '"{{ vars.max }}"'


def run(*arguments: str) -> Result:
    return CliRunner().invoke(landform, ["explain", *arguments], catch_exceptions=False)


def at(text: str, word: str = "") -> str:
    """Where the word stands in the one line that has the text; the text itself without a word."""
    number = line(text)
    column = TEXT.split("\n")[number - 1].index(word or text) + 1
    return f"blueprints/acme.yaml:{number}:{column}"


def test_an_attribute() -> None:
    done = run(
        "generated/acme/aws/production/churn/main.tf.json:aws_lambda_function.deployer"
        ".environment.variables.MAX_INSTANCES"
    )
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        "aws/production/churn:aws_lambda_function.deployer.environment.variables.MAX_INSTANCES = 8\n"
        "\n"
        f"component  churn, of kind ml-pipeline                 {at('  churn:', 'churn')} (lines 25-30)\n"
        f"extends    base                                       {at('  base:', 'base')}\n"
        f"account    production (333333333333), unit work/prod  {at('production: {id')}\n"
        "\n"
        "it is there because of:\n"
        f"  components.base.production.0: production  {at('production: [', 'production]')}\n"
        "\n"
        "this follows:\n"
        f"  components.base.deploy.max: {{{{ vars.max }}}}  {at('max: ' + QUOTED, QUOTED)}\n"
        f"  accounts.production.vars.max: 8  {at('vars: {max: 8}', '8}')}\n"
        f"    overrode 3  units.work.vars.max  {at('vars: {max: 3}', '3}')}\n"
        f"    overrode 2  defaults.vars.max  {at('vars: {max: 2', '2, days')}\n"
    )


def test_a_resource() -> None:
    done = run("aws/training/churn:aws_iam_role_policy.train")
    assert "it follows:\n" in done.stdout
    assert ", policy.TrainReadsData" in done.stdout
    assert "grants that stand in it:\n" in done.stdout
    assert "  churn/train-reads-data (statement TrainReadsData" in done.stdout
    assert "may s3:GetObject on arn:aws:s3:::" in done.stdout


def test_what_no_line_changes() -> None:
    done = run("aws/shared/churn:aws_kms_key.artifacts.enable_key_rotation")
    assert "= true\n" in done.stdout
    assert "No line of the blueprint changes this: kind ml-pipeline sets it.\n" in done.stdout


def test_a_stack() -> None:
    done = run("aws/production/guard")
    assert 'for each   {"accounts": {"unit": "**"}}' in done.stdout
    assert "\n  aws_budgets_budget.monthly\n" in done.stdout
    assert (
        "  region: eu-central-1\n"
        f"    accounts.production.aws.region  {at('vars: {max: 8}', 'eu-central-1')}\n"
        f"    overrode eu-west-1  defaults.aws.region  {at('aws: {region: eu-west-1}', 'eu-west-1')}\n"
    ) in done.stdout


def test_values() -> None:
    done = run("accounts.production.vars.size")
    assert done.stdout.startswith("accounts.production.vars.size\n  vars.size.large: 9\n")
    assert "vars.max" not in done.stdout


def test_a_kind_of_the_team_s_own(blueprint: Path) -> None:
    folder = Path("blueprints/acme")
    (folder / "kinds").mkdir(parents=True)
    blueprint.unlink()
    (folder / "kinds" / "queue.yaml").write_text(
        "summary: A queue\n"
        "inputs:\n  account: {type: account}\n  seconds: {type: integer, default: 30}\n"
        "stacks:\n  account:\n    resources:\n      aws_sqs_queue:\n        jobs:\n          name: jobs\n"
        '          visibility_timeout_seconds: "{{ inputs.seconds }}"\n',
        "utf-8",
    )
    (folder / "landform.yaml").write_text(
        "landform: 1\norganization: {name: acme}\naccounts: {one: {id: '111111111111'}}\n"
        "components:\n  jobs: {kind: queue, account: one, region: eu-west-1, seconds: 60}\n",
        "utf-8",
    )
    done = run("aws/one/jobs:aws_sqs_queue.jobs.visibility_timeout_seconds")
    assert done.exit_code == 0, done.output
    assert "= 60\n" in done.stdout
    assert "components.jobs.seconds: 60  blueprints/acme/landform.yaml:5:" in done.stdout
    assert "declared   by the kind's file" in done.stdout
    assert "blueprints/acme/kinds/queue.yaml:9:9" in done.stdout


# ---- JSON


def test_json() -> None:
    address = "aws/shared/churn:aws_kms_key.artifacts"
    found = json.loads(run(address, "--format", "json").stdout)
    assert (found["version"], found["address"], found["stack"]) == (1, address, "aws/shared/churn")
    assert found["component"]["kind"] == "ml-pipeline"
    assert found["component"]["extends"][0]["name"] == "components.base"
    assert found["account"]["id"] == "111111111111"
    assert found["value"]["enable_key_rotation"] is True
    assert [each["name"] for each in found["because"]] == ["components.base.shared"]
    name = next(each for each in found["follows"] if each["name"] == "organization.name")
    assert name["span"]["line"] == line("organization:")
    assert ["policy", "Statement", "TrainUsesArtifacts", "Condition"] in [
        path[:4] for path in name["attributes"]
    ]
    assert {"churn/train-uses-artifacts"} <= {each["id"] for each in found["grants"]}


def test_json_of_a_stack_of_values_and_of_a_code() -> None:
    stack = json.loads(run("aws/production/guard", "--format", "json").stdout)
    assert stack["component"]["for_each"]["written"] == {"accounts": {"unit": "**"}}
    assert "aws_budgets_budget.monthly" in stack["resources"]
    region = next(each for each in stack["settings"] if each["path"] == ["region"])
    assert [each["written"] for each in region["overrode"]] == ["eu-west-1"]
    values = json.loads(run("accounts.production.vars.max", "--format", "json").stdout)
    assert [each["written"] for each in values["settings"]] == [8]
    code = json.loads(run("E301", "--format", "json").stdout)
    assert code["code"] == "E301"
    assert code["wrong"]


# ---- What goes wrong


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("E00X", 'there is no code "E00X"'),
        ("aws/shared", "is no code, stack"),
        ("aws/shared/chrun", 'did you mean "aws/shared/churn"?'),
        ("other/aws/shared/churn", "no organisation has"),
        ("accounts.prod", "production"),
        ("", "is no code, stack"),
    ],
)
def test_wrong_usage(target: str, says: str) -> None:
    done = run(target)
    assert done.exit_code == 2
    assert says in " ".join(done.stderr.split())


def test_a_blueprint_with_errors(blueprint: Path) -> None:
    blueprint.write_text(TEXT.replace("shared: shared", "shared: shraed"), "utf-8")
    done = run("aws/shared/churn")
    assert done.exit_code == 1
    assert "E301" in done.stderr


def test_several_organisations(blueprint: Path) -> None:
    other = TEXT.replace("name: acme", "name: other")
    blueprint.with_name("other.yaml").write_text(other, "utf-8")
    done = run("aws/shared/churn")
    assert done.exit_code == 2
    assert "acme, other" in done.stderr
    chosen = run("other/aws/shared/churn:aws_kms_alias.artifacts.name")
    assert "= alias/other-churn-artifacts" in chosen.stdout
    by_path = run("aws/shared/churn:aws_kms_alias.artifacts.name", "blueprints/acme.yaml")
    assert "= alias/acme-churn-artifacts" in by_path.stdout


def test_the_example_of_the_page_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "explaining.md").read_text("utf-8")
    call, _, expected = page.partition("```console\n$ landform explain ")[2].partition("\n")
    monkeypatch.chdir(ROOT)
    assert run(*call.split()).stdout == expected.partition("```")[0]
