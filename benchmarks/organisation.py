"""An organisation of any size, as a blueprint: what the benchmark compiles.

Each three accounts share, train and serve: a pipeline joins them, and every account has the baseline.
Every tenth three also have a hub of models, and there is a Google project for every ten accounts.
"""

from __future__ import annotations

import sys

HEAD = """\
landform: 1
organization: {name: bench, aws: {id: o-bench12345}, google: {id: "123456789012", domain: bench.example}}
defaults:
  aws: {region: eu-west-1}
  google: {region: europe-west4}
  tags: {owner: ml-platform}
units:
  shared: {tags: {tier: shared}}
  training: {tags: {tier: training}}
  production: {tags: {tier: production, env: prod}}
deploy:
  aws: {role: landform-deploy}
  google: {service_account: "terraform@{{ project.id }}.iam.gserviceaccount.com"}
state:
  aws: {bucket: bench-tfstate, region: eu-west-1}
  google: {bucket: bench-tfstate-google}
"""

BASELINE = """\
  baseline:
    kind: account-baseline
    for_each: {accounts: {unit: "**"}}
    budget: {monthly_usd: 1000, notify: [finops@bench.example]}
"""

GROUND = """\
  ground:
    kind: project-baseline
    for_each: {projects: "**"}
    services: [aiplatform, artifactregistry, compute, storage]
"""

PIPELINE = """\
  p{number:05}:
    kind: ml-pipeline
    shared: shared-{number:05}
    training: training-{number:05}
    production: [production-{number:05}]
    source: {{codeconnections: {{repository: bench/p{number:05}, branch: main}}}}
    train: {{image: {{builtin: xgboost, version: "1.7-1"}}, instance: ml.m6i.xlarge, data: data/}}
    deploy: {{endpoint: p{number:05}, instance: ml.m6i.large, min: 1, max: 4}}
    approval: {{notify: [ml-leads@bench.example]}}
"""

HUB = """\
  h{number:05}:
    kind: model-hub
    account: shared-{number:05}
    groups: {{churn: {{artifacts: churn/, repository: churn-serving}}}}
    register_from: [{{account: training-{number:05}, role: trainer}}]
    approve_by: [ml-lead]
    deployments:
      - group: churn
        to: production-{number:05}
        endpoint: {{name: churn, instance: ml.m6i.xlarge, min: 2, max: 6}}
        promote: on-approval
        invoke_by: [{{account: training-{number:05}, role: checkout-api}}]
"""

PARTS = ("shared", "training", "production")


def blueprint(accounts: int, *, plain: bool = False) -> str:
    """The text of a blueprint with that many accounts, a multiple of three.

    `plain`: without hubs and projects.
    """
    threes = range(accounts // len(PARTS))
    projects = range(0 if plain else accounts // 10)
    lines = [HEAD, "accounts:\n"]
    lines += [
        f'  {part}-{number:05}: {{id: "{100_000_000_000 + number * 3 + place}", unit: {part}}}\n'
        for number in threes
        for place, part in enumerate(PARTS)
    ]
    lines += ["projects:\n"] if projects else []
    lines += [
        f'  train-{number:05}: {{id: bench-train-{number:05}, number: "{200_000_000_000 + number}", '
        "unit: training}\n"
        for number in projects
    ]
    lines += ["components:\n", BASELINE, GROUND if projects else ""]
    lines += [PIPELINE.format(number=number) for number in threes]
    lines += [HUB.format(number=number) for number in threes if number % 10 == 0 and not plain]
    return "".join(lines)


def one_line_changed(text: str, number: int = 4) -> str:
    """The same with the next number in the last pipeline that has this one."""
    before, found, after = text.rpartition(f"min: 1, max: {number}")
    if not found:
        raise ValueError("no pipeline in the text")
    return f"{before}min: 1, max: {number + 1}{after}"


if __name__ == "__main__":
    sys.stdout.write(blueprint(int(sys.argv[1]), plain="--plain" in sys.argv))
