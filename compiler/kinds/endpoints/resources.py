"""What stands beside an endpoint: alarms, their topic, and the function that deploys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.access.parties import Key
from compiler.data import has_local_storage
from compiler.kinds.draft import Draft
from compiler.kinds.endpoints.served import (
    ERRORS_ALARM,
    FUNCTION_ALARM,
    LATENCY_ALARM,
    VARIANT,
    Served,
)
from compiler.kinds.services import publishing, topic
from compiler.organization.records import Account
from compiler.terraform.archive import archive
from compiler.terraform.stack import Expression, Value, json_template, reference

RUNTIME = "python3.13"
# One invocation does one step and waits for nothing.
FUNCTION_TIMEOUT_SECONDS = 120
FUNCTION_MEMORY_MB = 256
ALARM_PERIOD_SECONDS = 60
MICROSECONDS_PER_MILLISECOND = 1000
# The modules of `deployer/` that every function needs.
COMMON = ("__init__", "aws", "endpoint", "errors", "rollout", "scaling", "settings")
_SOURCES = Path(__file__).parent / "deployer"


def alerts(
    draft: Draft, account: Account, key: Key, emails: Sequence[str], alarm_names: Sequence[str]
) -> list[Value]:
    """The topic that these alarms publish to, where somebody is to be told."""
    if not emails:
        return []
    place = draft.place(account)
    arn = place.arn("sns", draft.name("alerts", "aws_sns_topic"))
    alarms = [place.arn("cloudwatch", f"alarm:{name}") for name in alarm_names]
    statement = publishing("cloudwatch.amazonaws.com", arn, account.id, alarms)
    topic(draft, account, "alerts", "alerts", key, emails, [statement])
    return [reference("aws_sns_topic.alerts", "arn")]


def endpoint_alarms(served: Served, notified: list[Value]) -> list[str]:
    """The alarms that roll back, which wait for an endpoint that is not there yet; their names."""
    variant: dict[str, Value] = {"EndpointName": served.endpoint, "VariantName": VARIANT}
    milliseconds = served.serving.latency_alarm_ms
    errors = _alarm(
        served,
        ERRORS_ALARM,
        "The endpoint answers with errors of its own",
        notified,
        {
            "namespace": "AWS/SageMaker",
            "metric_name": "Invocation5XXErrors",
            "dimensions": variant,
            "statistic": "Sum",
            "comparison_operator": "GreaterThanThreshold",
            "threshold": 0,
            "evaluation_periods": 2,
        },
    )
    latency = _alarm(
        served,
        LATENCY_ALARM,
        f"The model takes longer than {milliseconds} ms on average",
        notified,
        {
            "namespace": "AWS/SageMaker",
            "metric_name": "ModelLatency",
            "dimensions": variant,
            "statistic": "Average",
            "comparison_operator": "GreaterThanThreshold",
            "threshold": milliseconds * MICROSECONDS_PER_MILLISECOND,
            "evaluation_periods": 3,
        },
    )
    return [errors, latency]


def function_alarm(served: Served, description: str, notified: list[Value]) -> None:
    """The alarm of a function that failed."""
    _alarm(
        served,
        FUNCTION_ALARM,
        description,
        notified,
        {
            "namespace": "AWS/Lambda",
            "metric_name": "Errors",
            "dimensions": {"FunctionName": served.function_name},
            "statistic": "Sum",
            "comparison_operator": "GreaterThanThreshold",
            "threshold": 0,
            "evaluation_periods": 1,
        },
    )


def _alarm(
    served: Served,
    part: str,
    description: str,
    notified: list[Value],
    arguments: Mapping[str, Value],
) -> str:
    name = served.alarm(part)
    served.draft.add(
        served.account,
        "aws_cloudwatch_metric_alarm",
        served.address(part),
        {
            "alarm_name": name,
            "alarm_description": description,
            "period": ALARM_PERIOD_SECONDS,
            "treat_missing_data": "notBreaching",
            "alarm_actions": notified or None,
            "ok_actions": notified or None,
            **arguments,
        },
    )
    return name


def ship(draft: Draft, account: Account, entry: str, *modules: str, name: str = "deployer") -> None:
    """Put a function's sources and its archive beside the stack; `entry` holds the handler.

    In the archive the modules are `deployer/`, whatever the `name` of folder and archive.
    """
    names = sorted({*COMMON, entry, *modules})
    sources = {f"{each}.py": (_SOURCES / f"{each}.py").read_bytes() for each in names}
    for file, content in sources.items():
        draft.asset(account, f"assets/{name}/{file}", content)
    zipped = archive({f"deployer/{file}": content for file, content in sources.items()})
    draft.asset(account, f"assets/{name}.zip", zipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of `deployer/`, with its log group.

    `name` is its name in Terraform and that of its role, `archive` that of its archive, `key`
    encrypts its logs. `retries` is how often Lambda tries an event again that failed. There is no
    queue for those.
    """

    draft: Draft
    account: Account
    key: Key
    name: str
    function_name: str
    description: str
    entry: str
    environment: Mapping[str, Value]
    retention_days: int
    retries: int
    archive: str = "deployer"
    timeout_seconds: int = FUNCTION_TIMEOUT_SECONDS
    memory_mb: int = FUNCTION_MEMORY_MB


def add_function(given: Function) -> str:
    """Declare the function and its log group; gives the function's address."""
    draft, account, name = given.draft, given.account, given.name
    log_group = draft.add(
        account,
        "aws_cloudwatch_log_group",
        name,
        {
            "name": f"/aws/lambda/{given.function_name}",
            "retention_in_days": given.retention_days,
            "kms_key_id": reference(given.key.address, "arn"),
        },
    )
    zip_path = f"${{path.module}}/assets/{given.archive}.zip"
    address = draft.add(
        account,
        "aws_lambda_function",
        name,
        {
            "function_name": given.function_name,
            "description": given.description,
            "role": reference(f"aws_iam_role.{name}", "arn"),
            "runtime": RUNTIME,
            "handler": f"deployer.{given.entry}.handler",
            "filename": Expression(zip_path),
            "source_code_hash": Expression(f'${{filebase64sha256("{zip_path}")}}'),
            "timeout": given.timeout_seconds,
            "memory_size": given.memory_mb,
            "environment": [{"variables": dict(sorted(given.environment.items()))}],
        },
        depends_on=(f"aws_iam_role_policy.{name}", log_group),
    )
    draft.add(
        account,
        "aws_lambda_function_event_invoke_config",
        name,
        {
            "function_name": reference(address, "function_name"),
            "maximum_retry_attempts": given.retries,
        },
    )
    return address


def function(
    served: Served,
    *,
    description: str,
    entry: str,
    environment: Mapping[str, Value],
    retention_days: int,
    retries: int,
) -> str:
    """The function that deploys to an endpoint; gives its address."""
    return add_function(
        Function(
            draft=served.draft,
            account=served.account,
            key=served.key,
            name=served.address("deployer"),
            function_name=served.function_name,
            description=description,
            entry=entry,
            environment=environment,
            retention_days=retention_days,
            retries=retries,
        )
    )


def environment(served: Served, rollback: list[str]) -> dict[str, Value]:
    """What every deployer is told; `rollback` are the names of the alarms that roll back."""
    serving = served.serving
    variables: dict[str, Value] = {
        "ENDPOINT_NAME": served.endpoint,
        "EXECUTION_ROLE_ARN": served.execution.arn,
        "INSTANCE_TYPE": serving.instance,
        "INVOCATIONS_PER_INSTANCE": str(serving.invocations_per_instance),
        "MAX_INSTANCES": str(serving.max),
        "MIN_INSTANCES": str(serving.min),
        "NAME_PREFIX": served.models,
        "NETWORK_ISOLATION": "true" if serving.network_isolation else "false",
        "ROLLBACK_ALARMS": json_template(rollback),
        "TAGS": json_template(served.draft.tags(served.account)),
    }
    if serving.capture:
        variables["CAPTURE"] = json_template(serving.capture.model_dump())
    if serving.network:
        variables["VPC"] = json_template(serving.network.model_dump())
    if not has_local_storage(serving.instance):
        variables["VOLUME_KEY_ARN"] = reference(served.key.address, "arn")
    return variables
