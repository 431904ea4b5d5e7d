"""Stacks of a hundred resources each: as a kind's file, and as a program of the typed bindings.

Both make the same resources, ten of each of ten types. `python -m benchmarks.hundred COUNT OUT` runs the
ordinary CDKTF program.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

EACH = 10
REGION = "eu-west-1"

# Type and arguments; `{n}` is the resource's number.
TYPES: Mapping[str, Mapping[str, object]] = {
    "aws_cloudwatch_event_rule": {"name": "rule-{n}", "schedule_expression": "rate(1 day)"},
    "aws_cloudwatch_log_group": {"name": "/bench/{n}", "retention_in_days": 30},
    "aws_cloudwatch_metric_alarm": {
        "alarm_name": "alarm-{n}",
        "comparison_operator": "GreaterThanThreshold",
        "evaluation_periods": 3,
        "metric_name": "Invocations",
        "namespace": "AWS/Lambda",
        "period": 60,
        "statistic": "Sum",
        "threshold": 5,
    },
    "aws_dynamodb_table": {
        "name": "table-{n}",
        "billing_mode": "PAY_PER_REQUEST",
        "hash_key": "id",
        "attribute": [{"name": "id", "type": "S"}],
    },
    "aws_ecr_repository": {"name": "images-{n}", "image_tag_mutability": "IMMUTABLE"},
    "aws_glue_catalog_database": {"name": "database_{n}"},
    "aws_sagemaker_model_package_group": {"model_package_group_name": "models-{n}"},
    "aws_sns_topic": {"name": "topic-{n}", "tags": {"number": "{n}"}},
    "aws_sqs_queue": {"name": "queue-{n}", "message_retention_seconds": 86400},
    "aws_ssm_parameter": {"name": "/bench/parameter-{n}", "type": "String", "value": "value {n}"},
}

BLUEPRINT = """\
landform: 1
organization: {name: hundred}
defaults: {aws: {region: eu-west-1}}
components:
  hundred:
    kind: hundred
    for_each: {accounts: "**"}
accounts:
"""


def resources() -> dict[str, dict[str, dict[str, object]]]:
    """The resources of one stack, as Terraform's JSON has them."""
    return {
        type_: {f"{type_}_{n}": _filled(arguments, n) for n in range(EACH)}
        for type_, arguments in TYPES.items()
    }


def _filled(arguments: Mapping[str, object], number: int) -> dict[str, object]:
    text = json.dumps(arguments).replace("{n}", str(number))
    filled: dict[str, object] = json.loads(text)
    return filled


def write_blueprint(folder: Path, accounts: int) -> None:
    """A blueprint whose every account has such a stack."""
    kind = {
        "summary": "A hundred resources",
        "inputs": {"account": {"type": "account"}},
        "stacks": {"account": {"resources": resources()}},
    }
    (folder / "kinds").mkdir(parents=True, exist_ok=True)
    (folder / "kinds" / "hundred.yaml").write_text(json.dumps(kind, indent=1), encoding="utf-8")
    lines = [f'  a{number:05}: {{id: "{account_id(number)}"}}\n' for number in range(accounts)]
    (folder / "landform.yaml").write_text(BLUEPRINT + "".join(lines), encoding="utf-8")


def account_id(number: int) -> str:
    """Twelve digits."""
    return str(100_000_000_000 + number)


def typed(count: int, out: str) -> None:
    """The ordinary program: a class of the bindings for each resource."""
    import cdktf_cdktf_provider_aws as aws
    from cdktf import App, TerraformStack
    from cdktf_cdktf_provider_aws.dynamodb_table import DynamodbTableAttribute
    from cdktf_cdktf_provider_aws.provider import AwsProvider

    app = App(outdir=out)
    for number in range(count):
        stack = TerraformStack(app, f"a{number:05}")
        AwsProvider(stack, "aws", region=REGION, allowed_account_ids=[account_id(number)])
        for type_, several in resources().items():
            words = type_.split("_")[1:]
            class_ = getattr(getattr(aws, "_".join(words)), "".join(map(str.capitalize, words)))
            for name, given in several.items():
                if "attribute" in given:
                    given["attribute"] = [DynamodbTableAttribute(name="id", type="S")]
                class_(stack, name, **given)
    app.synth()


if __name__ == "__main__":
    typed(int(sys.argv[1]), sys.argv[2])
