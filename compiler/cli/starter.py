"""The blueprint that `landform init` writes."""

from __future__ import annotations

import re

import click

from compiler.terraform.names import reserved_name

SCHEMA_NAME = "landform.schema.json"

_TEXT = """\
# yaml-language-server: $schema={schema}
landform: 1
organization:
  name: {name}
  # aws: {{id: o-abc123defg}}   # adds aws:PrincipalOrgID guards to every cross-account statement

defaults:
  aws: {{region: eu-west-1}}
  tags: {{owner: ml-platform}}

units:
  platform: {{}}
  workloads: {{}}

accounts:   # replace the ids by those of your accounts
  shared: {{id: "111111111111", unit: platform}}
  training: {{id: "222222222222", unit: workloads}}
  production: {{id: "333333333333", unit: workloads}}

components:
  baseline:
    kind: account-baseline
    for_each: {{accounts: {{unit: "**"}}}}

  churn:
    kind: ml-pipeline
    shared: shared
    training: training
    production: [production]
    source: {{codeconnections: {{repository: {name}/churn, branch: main}}}}
    train:
      image: {{builtin: xgboost, version: "1.7-1"}}
      instance: ml.m6i.xlarge
      hyperparameters: {{num_round: "50"}}
    deploy: {{endpoint: churn, instance: ml.m6i.large, min: 1, max: 4}}
"""


def starter(name: str) -> str:
    """A blueprint of three accounts with a baseline and a pipeline."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name):
        rule = "1 to 40 of a-z, 0-9 and -, starting with a letter"
        raise click.UsageError(f'the name "{name}" must be {rule}')
    if reserved_name(name):
        raise click.UsageError(f'the name "{name}" is kept by Windows: no folder can be called so')
    return _TEXT.format(schema=SCHEMA_NAME, name=name)
