"""What exists already is imported by the stack that has it from now on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.adoption import NAMED_BY
from compiler.compilation import Compiled, compile_blueprints
from compiler.terraform.schema.index import open_index

HEAD = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts:
  one: {id: "111111111111", vars: {analyzer: first}}
  two: {id: "222222222222", vars: {analyzer: second}}
"""
BASELINE = """\
  base:
    kind: account-baseline
    for_each: {accounts: [one, two]}
"""
KIND = """\
summary: Topics, one or several of a block
inputs:
  account: {type: account}
stacks:
  account:
    resources:
      aws_sns_topic:
        several: {count: 2, name: "topic-${count.index}"}
        each: {for_each: {a: first, b: second}, name: "${each.value}"}
        one: {name: alone}
"""


def compiled(folder: Path, components: str, head: str = HEAD) -> Compiled:
    (folder / "landform.yaml").write_text(f"{head}components:\n{components}")
    compilation = compile_blueprints(folder)
    assert compilation.diagnostics == ()
    return compilation.blueprints[0]


def refused(folder: Path, components: str) -> list[str]:
    (folder / "landform.yaml").write_text(f"{HEAD}components:\n{components}")
    return [f"{d.code} {d.message}" for d in compile_blueprints(folder).diagnostics]


def test_import_blocks_stand_in_the_stack_of_the_account(tmp_path: Path) -> None:
    adopt = """\
    adopt:
      one:
        aws_s3_account_public_access_block.account: "{{ account.id }}"
        aws_accessanalyzer_analyzer.account: "{{ vars.analyzer }}"
      two:
        aws_s3_account_public_access_block.account: 222222222222
        aws_accessanalyzer_analyzer.account: "${aws_iam_role.x.id}"
"""
    made = compiled(tmp_path, BASELINE + adopt)
    analyzer = "aws_accessanalyzer_analyzer.account"
    block = "aws_s3_account_public_access_block.account"
    assert made.documents["aws/one/base"]["import"] == [
        {"to": analyzer, "id": "first"},
        {"to": block, "id": "111111111111"},
    ]
    assert made.documents["aws/two/base"]["import"] == [
        {"to": analyzer, "id": "$${aws_iam_role.x.id}"},
        {"to": block, "id": "222222222222"},
    ]
    text = made.tree()["aws/one/base/main.tf.json"].decode()
    assert json.loads(text)["import"] == made.documents["aws/one/base"]["import"]
    assert text.index('\n  "import"') < text.index('\n  "resource"')
    # Nothing else of a stack differs by it.
    plain = compiled(tmp_path, BASELINE).documents["aws/one/base"]
    assert plain == {k: v for k, v in made.documents["aws/one/base"].items() if k != "import"}


def test_a_pipeline_adopts_in_several_accounts(tmp_path: Path) -> None:
    pipeline = """\
  churn:
    kind: ml-pipeline
    shared: one
    training: two
    production: one
    source: {s3: {key: source/churn.zip}}
    train: {image: {builtin: xgboost, version: "1.7-1"}, instance: ml.m6i.xlarge}
    deploy: {endpoint: churn, instance: ml.m6i.large}
    adopt:
      one: {aws_s3_bucket.artifacts: "acme-churn-artifacts-{{ account.id }}@eu-west-1"}
      two: {aws_iam_role.train: acme-churn-train}
"""
    documents = compiled(tmp_path, pipeline).documents
    assert documents["aws/one/churn"]["import"] == [
        {"to": "aws_s3_bucket.artifacts", "id": "acme-churn-artifacts-111111111111@eu-west-1"}
    ]
    assert documents["aws/two/churn"]["import"] == [
        {"to": "aws_iam_role.train", "id": "acme-churn-train"}
    ]


def test_an_account_and_a_project_of_one_name(tmp_path: Path) -> None:
    """The resource's type says which of the two is meant."""
    head = HEAD.replace(
        "{aws: {region: eu-west-1}}", "{aws: {region: eu-west-1}, google: {region: europe-west4}}"
    )
    head += "projects: {one: {id: acme-one, number: '100000000001'}}\n"
    project = """\
  base:
    kind: project-baseline
    project: one
    services: [run]
    adopt: {one: {google_project_service.run: "{{ project.id }}/run.googleapis.com"}}
"""
    documents = compiled(tmp_path, project, head).documents
    assert documents["google/one/base"]["import"] == [
        {"to": "google_project_service.run", "id": "acme-one/run.googleapis.com"}
    ]


def test_one_of_several_resources(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds/topics.yaml").write_text(KIND)
    component = "  own:\n    kind: topics\n    account: one\n    adopt:\n      one:\n"
    arn = "arn:aws:sns:eu-west-1:111111111111"
    good = (
        f'        aws_sns_topic.several[1]: "{arn}:topic"\n'
        f'        \'aws_sns_topic.each["a"]\': "{arn}:first"\n'
        f'        aws_sns_topic.one: "{arn}:alone"\n'
    )
    document = compiled(tmp_path, component + good).documents["aws/one/own"]
    assert document["import"] == [
        {"to": 'aws_sns_topic.each["a"]', "id": f"{arn}:first"},
        {"to": "aws_sns_topic.one", "id": f"{arn}:alone"},
        {"to": "aws_sns_topic.several[1]", "id": f"{arn}:topic"},
    ]
    for line, words in (
        (f'aws_sns_topic.several: "{arn}:topic"', "is several resources"),
        (f'aws_sns_topic.one[0]: "{arn}:alone"', "is one resource"),
        (f'aws_sns_topic.one: "{arn}:other"', 'is called "alone"'),
    ):
        (found,) = refused(tmp_path, f"{component}        {line}\n")
        assert words in found


def test_one_thing_is_not_adopted_twice(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds/topics.yaml").write_text(KIND)
    arn = "arn:aws:sns:eu-west-1:111111111111:topic"
    lines = "".join(f"        aws_sns_topic.several[{n}]: {json.dumps(arn)}\n" for n in (0, 1))
    component = "  own:\n    kind: topics\n    account: one\n    adopt:\n      one:\n"
    (found,) = refused(tmp_path, component + lines)
    assert found.startswith("E320")
    assert "adopted twice" in found


def test_a_component_that_is_not_made_adopts_nothing(tmp_path: Path) -> None:
    adopt = "    adopt: {one: {aws_nothing.at_all: x}}\n"
    assert refused(tmp_path, f"{BASELINE}    when: false\n{adopt}") == []
    only = "    when: \"{{ account.name == 'two' }}\"\n"
    (found,) = refused(tmp_path, BASELINE + only + adopt)
    assert 'the account "one", and the component has no stack there' in found


def test_it_is_not_taken_over_by_extends(tmp_path: Path) -> None:
    base = BASELINE.replace("[one, two]", "one")
    adopt = "    adopt: {one: {aws_ebs_encryption_by_default.account: default}}\n"
    more = "  more: {extends: base, for_each: {accounts: two}}\n"
    documents = compiled(tmp_path, base + adopt + more).documents
    assert "import" in documents["aws/one/base"]
    assert "import" not in documents["aws/two/more"]


@pytest.mark.parametrize("type", sorted(NAMED_BY))
def test_names_are_arguments_of_their_types(type: str) -> None:
    schema = open_index().schema("managed", type)
    assert schema is not None
    assert schema.newer is not None
    assert NAMED_BY[type] in schema.newer.attributes
