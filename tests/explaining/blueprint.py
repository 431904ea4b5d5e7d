"""A blueprint in which values are inherited and overridden, and components extended."""

from __future__ import annotations

TEXT = """\
landform: 1
organization: {name: acme, aws: {id: o-abc123defg}}
defaults:
  aws: {region: eu-west-1}
  tags: {owner: ml, env: none}
  vars: {max: 2, days: 30, size: {small: 1, large: 2}}
units:
  work: {tags: {env: work}, vars: {max: 3}}
  work/prod: {tags: {env: prod}, vars: {size: {large: 9}}}
accounts:
  shared: {id: "111111111111"}
  training: {id: "222222222222", unit: work}
  production: {id: "333333333333", unit: work/prod, vars: {max: 8}, aws: {region: eu-central-1}}
components:
  base:
    kind: ml-pipeline
    shared: shared
    training: training
    production: [production]
    source: {codecommit: {repository: base}}
    train: {image: {builtin: xgboost, version: "1.7-1"}, instance: ml.m6i.xlarge}
    deploy: {endpoint: base, instance: ml.m6i.large, min: 1, max: "{{ vars.max }}"}
    log_retention_days: "{{ vars.days }}"
    tags: {team: base}
  churn:
    extends: base
    source: {codecommit: {repository: churn}}
    deploy: {endpoint: churn}
    vars: {days: 60}
    tags: {team: churn, env: own}
  guard:
    kind: account-baseline
    for_each: {accounts: {unit: "**"}}
    budget: {monthly_usd: 100, notify: [a@acme.example]}
"""


def line(text: str) -> int:
    """The line on which that text stands; there is one such line."""
    found = [number for number, each in enumerate(TEXT.split("\n"), 1) if text in each]
    assert len(found) == 1, text
    return found[0]
