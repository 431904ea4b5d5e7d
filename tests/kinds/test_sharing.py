"""A repository that several components use has one policy, in one stack, with all statements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.compilation import compile_blueprints

BLUEPRINT = """\
landform: 1
organization: {name: acme, aws: {id: o-abc123defg}}
defaults: {aws: {region: eu-west-1}}
accounts:
  shared: {id: "111111111111"}
  training: {id: "222222222222"}
  live: {id: "333333333333"}
components:
  models:
    kind: model-hub
    account: shared
    groups: {fraud: {repository: {name: fraud, existing: HUB}}}
    register_from: [training]
    deployments: [{group: fraud, to: live, endpoint: {name: hubs, instance: ml.m6i.large}}]
  fraud:
    kind: ml-pipeline
    shared: shared
    training: training
    production: live
    source: {s3: {key: source/fraud.zip}}
    train: {image: {repository: fraud, tag: "1", existing: PIPELINE}, instance: ml.m6i.large}
    deploy: {endpoint: fraud, instance: ml.m6i.large}
    register: {hub: models, group: fraud}
"""


@pytest.mark.parametrize(
    ("hub", "pipeline", "writer"),
    [
        ("true", "false", "aws/shared/fraud"),
        ("false", "true", "aws/shared/models"),
        ("true", "true", "aws/shared/fraud"),
    ],
)
def test_one_policy_holds_all_statements(
    hub: str, pipeline: str, writer: str, tmp_path: Path
) -> None:
    path = tmp_path / "blueprint.yaml"
    path.write_text(BLUEPRINT.replace("HUB", hub).replace("PIPELINE", pipeline))
    compilation = compile_blueprints(path)
    assert compilation.diagnostics == ()
    compiled = compilation.blueprints[0]
    policies = {
        (stack.path, resource.name): resource
        for stack in compiled.stacks
        for resource in stack.resources
        if resource.type == "aws_ecr_repository_policy"
    }
    ((stack, name),) = policies
    assert stack == writer
    document = json.loads(json.dumps(compiled.documents[stack]))
    text = document["resource"]["aws_ecr_repository_policy"][name]["policy"]
    local = text.removeprefix("${jsonencode(local.").removesuffix(")}")
    admitted = {
        arn
        for statement in document["locals"][local]["Statement"]
        for arn in [statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]]
    }
    users = {
        edge.principal_arn
        for edge in compiled.edges
        if edge.resource_arn.endswith(":repository/fraud") and edge.principal_account != "shared"
    }
    assert admitted == users
    assert len(users) >= 3
