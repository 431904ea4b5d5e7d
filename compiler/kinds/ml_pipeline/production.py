"""A production account: the function that deploys, the role that serves, the alarms."""

from __future__ import annotations

from pathlib import Path

from compiler.access.parties import Assume, Key, KeyUse, Objects, Own
from compiler.data import has_local_storage
from compiler.kinds.ml_pipeline.images import image_uri, pull_image
from compiler.kinds.ml_pipeline.inputs import Deploy
from compiler.kinds.ml_pipeline.names import Parties, Target, pass_role
from compiler.kinds.services import (
    log_encryption,
    network_interfaces,
    publishing,
    sagemaker_runtime,
    topic,
    topic_encryption,
)
from compiler.terraform.archive import archive
from compiler.terraform.names import shorten
from compiler.terraform.stack import Expression, Value, json_template, reference

VARIANT = "AllTraffic"
# The alarms that roll a deployment back, and the one of the function itself.
ERRORS_ALARM = "endpoint-errors"
LATENCY_ALARM = "endpoint-latency"
ROLLBACK_ALARMS = (ERRORS_ALARM, LATENCY_ALARM)
FUNCTION_ALARM = "deployer-errors"
RUNTIME = "python3.13"
# One invocation does one step and waits for nothing.
FUNCTION_TIMEOUT_SECONDS = 120
FUNCTION_MEMORY_MB = 256
# The deployer appends a release and a hash to the names of models and configurations.
PREFIX_LENGTH = 40
ANY_RELEASE = "????????-????????????"
ALARM_PERIOD_SECONDS = 60
MICROSECONDS_PER_MILLISECOND = 1000
_SOURCES = Path(__file__).parent / "deployer"


def build(parties: Parties, target: Target) -> None:
    """Everything in one production account."""
    draft, account = parties.draft, target.account
    deploy: Deploy = draft.component.inputs_in(account.name).deploy
    draft.claim(account, "SageMaker endpoint", deploy.endpoint.lower())
    key = draft.key(
        account,
        "serving",
        "serving",
        "Volumes of the endpoint, logs of the deployer, alarms",
        [
            log_encryption(target.serve.place, _log_group(parties)),
            topic_encryption("cloudwatch.amazonaws.com"),
        ],
    )
    _action(parties, target)
    _deployer(parties, target, deploy)
    if not has_local_storage(deploy.instance):
        draft.grant(
            f"{target.deployer.label}-encrypts-volumes",
            target.deployer,
            ("kms:CreateGrant",),
            KeyUse(key, for_service=True),
        )
        draft.grant(
            f"{target.deployer.label}-describes-key",
            target.deployer,
            ("kms:DescribeKey",),
            KeyUse(key),
        )
    _serve(parties, target, deploy)
    notified = _alerts(parties, target, key)
    rollback = _alarms(parties, target, deploy, notified)
    _function(parties, target, deploy, rollback)
    place = target.serve.place
    endpoint_arn = place.arn("sagemaker", f"endpoint/{deploy.endpoint.lower()}")
    function_arn = place.arn("lambda", f"function:{parties.function_name}")
    outputs = (
        ("endpoint_name", deploy.endpoint, "name of the endpoint that the first deployment makes"),
        ("endpoint_arn", endpoint_arn, "ARN of the endpoint"),
        ("deployer_arn", function_arn, "ARN of the function that deploys"),
        ("serve_role_arn", target.serve.arn, "ARN of the role that the endpoint runs as"),
        ("deploy_action_role_arn", target.action.arn, "ARN of the role the pipeline acts through"),
    )
    for name, value, description in outputs:
        draft.output(account, name, value, description)


def _action(parties: Parties, target: Target) -> None:
    """The pipeline's hands in this account: one function, nothing else."""
    place = target.action.place
    function = place.arn("lambda", f"function:{parties.function_name}")
    parties.draft.grant(
        f"{target.action.label}-invokes-deployer",
        target.action,
        ("lambda:InvokeFunction",),
        Own(place, function),
    )


def _deployer(parties: Parties, target: Target, deploy: Deploy) -> None:
    """The function's role; what for is written in the docstring of `deployer/handler.py`."""
    draft, role = parties.draft, target.deployer
    place, prefix = role.place, f"{role.label}-"
    draft.grant(f"{prefix}reports", role, ("sts:AssumeRole",), Assume(target.reporter))
    draft.grant(
        f"{prefix}reads-manifest",
        role,
        ("s3:GetObject",),
        Objects(parties.bucket, "releases/*", via_s3=True),
    )

    def own(identifier: str, actions: tuple[str, ...], service: str, resource: str) -> None:
        draft.grant(
            f"{prefix}{identifier}", role, actions, Own(place, place.arn(service, resource))
        )

    made = _model_prefix(parties)
    endpoint = deploy.endpoint.lower()
    own(
        "makes-models",
        ("sagemaker:AddTags", "sagemaker:CreateModel", "sagemaker:DescribeModel"),
        "sagemaker",
        f"model/{made}-{ANY_RELEASE}",
    )
    own(
        "makes-configurations",
        (
            "sagemaker:AddTags",
            "sagemaker:CreateEndpoint",
            "sagemaker:CreateEndpointConfig",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:UpdateEndpoint",
        ),
        "sagemaker",
        f"endpoint-config/{made}-{ANY_RELEASE}",
    )
    own(
        "makes-endpoint",
        (
            "sagemaker:AddTags",
            "sagemaker:CreateEndpoint",
            "sagemaker:DeleteEndpoint",
            "sagemaker:DescribeEndpoint",
            "sagemaker:UpdateEndpoint",
            "sagemaker:UpdateEndpointWeightsAndCapacities",
        ),
        "sagemaker",
        f"endpoint/{endpoint}",
    )
    pass_role(draft, f"{prefix}passes-serve-role", role, target.serve, "sagemaker.amazonaws.com")
    draft.grant(
        f"{prefix}scales",
        role,
        (
            "application-autoscaling:DeleteScalingPolicy",
            "application-autoscaling:DeregisterScalableTarget",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:RegisterScalableTarget",
        ),
        # The target's id is made by the first registration.
        Own(place, place.arn("application-autoscaling", "scalable-target/*")),
        {
            "StringEquals": {
                "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
                "application-autoscaling:service-namespace": "sagemaker",
            }
        },
    )
    own(
        "keeps-scaling-alarms",
        ("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"),
        "cloudwatch",
        f"alarm:TargetTracking-endpoint/{deploy.endpoint}/*",
    )
    for part in ROLLBACK_ALARMS:
        own(
            f"reads-{part}",
            ("cloudwatch:DescribeAlarms",),
            "cloudwatch",
            f"alarm:{_alarm_name(parties, part)}",
        )
    scaling_role = (
        "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    )
    draft.grant(
        f"{prefix}makes-scaling-role",
        role,
        ("iam:CreateServiceLinkedRole",),
        Own(place, place.arn("iam", scaling_role, region=False)),
        {"StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}},
    )
    own(
        "writes-logs",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        "logs",
        f"log-group:{_log_group(parties)}:*",
    )


def _serve(parties: Parties, target: Target, deploy: Deploy) -> None:
    """SageMaker's role: the model, its image, its logs."""
    draft, role = parties.draft, target.serve
    name = role.label
    draft.grant(
        f"{name}-reads-models", role, ("s3:GetObject",), Objects(parties.bucket, "models/*")
    )
    pull_image(parties, role)
    sagemaker_runtime(draft, role, "Endpoints", f"/aws/sagemaker/Endpoints/{deploy.endpoint}")
    for part in ROLLBACK_ALARMS:
        alarm = role.place.arn("cloudwatch", f"alarm:{_alarm_name(parties, part)}")
        draft.grant(
            f"{name}-reads-{part}", role, ("cloudwatch:DescribeAlarms",), Own(role.place, alarm)
        )
    if deploy.capture:
        arn = deploy.capture.objects(role.place.partition)
        draft.grant(f"{name}-captures", role, ("s3:PutObject",), Own(role.place, arn))
    if deploy.network:
        network_interfaces(
            draft, role, deploy.network.subnet_ids, deploy.network.security_group_ids
        )


def _alerts(parties: Parties, target: Target, key: Key) -> list[Value]:
    """The topic that alarms publish to, where somebody is to be told."""
    draft, alerts, place = parties.draft, parties.inputs.alerts, target.serve.place
    if alerts is None:
        return []
    arn = place.arn("sns", draft.name("alerts", "aws_sns_topic"))
    names = [_alarm_name(parties, part) for part in (*ROLLBACK_ALARMS, FUNCTION_ALARM)]
    alarms = [place.arn("cloudwatch", f"alarm:{name}") for name in names]
    statement = publishing("cloudwatch.amazonaws.com", arn, target.account.id, alarms)
    topic(draft, target.account, "alerts", "alerts", key, alerts.notify, [statement])
    return [reference("aws_sns_topic.alerts", "arn")]


def _alarms(parties: Parties, target: Target, deploy: Deploy, notified: list[Value]) -> list[str]:
    """The alarms, which wait for an endpoint that is not there yet; gives those that roll back."""
    draft = parties.draft
    variant: dict[str, Value] = {"EndpointName": deploy.endpoint, "VariantName": VARIANT}

    def alarm(part: str, description: str, arguments: dict[str, Value]) -> str:
        alarm_name = _alarm_name(parties, part)
        draft.add(
            target.account,
            "aws_cloudwatch_metric_alarm",
            part.replace("-", "_"),
            {
                "alarm_name": alarm_name,
                "alarm_description": description,
                "period": ALARM_PERIOD_SECONDS,
                "treat_missing_data": "notBreaching",
                "alarm_actions": notified or None,
                "ok_actions": notified or None,
                **arguments,
            },
        )
        return alarm_name

    errors = alarm(
        ERRORS_ALARM,
        "The endpoint answers with errors of its own",
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
    latency = alarm(
        LATENCY_ALARM,
        f"The model takes longer than {deploy.latency_alarm_ms} ms on average",
        {
            "namespace": "AWS/SageMaker",
            "metric_name": "ModelLatency",
            "dimensions": variant,
            "statistic": "Average",
            "comparison_operator": "GreaterThanThreshold",
            "threshold": deploy.latency_alarm_ms * MICROSECONDS_PER_MILLISECOND,
            "evaluation_periods": 3,
        },
    )
    alarm(
        FUNCTION_ALARM,
        "The deployer could not report to the pipeline",
        {
            "namespace": "AWS/Lambda",
            "metric_name": "Errors",
            "dimensions": {"FunctionName": parties.function_name},
            "statistic": "Sum",
            "comparison_operator": "GreaterThanThreshold",
            "threshold": 0,
            "evaluation_periods": 1,
        },
    )
    return [errors, latency]


def _function(parties: Parties, target: Target, deploy: Deploy, rollback: list[str]) -> None:
    draft, account = parties.draft, target.account
    sources = {f"deployer/{path.name}": path.read_bytes() for path in sorted(_SOURCES.glob("*.py"))}
    for path, content in sources.items():
        draft.asset(account, f"assets/{path}", content)
    draft.asset(account, "assets/deployer.zip", archive(sources))
    log_group = draft.add(
        account,
        "aws_cloudwatch_log_group",
        "deployer",
        {
            "name": _log_group(parties),
            "retention_in_days": parties.inputs.log_retention_days,
            "kms_key_id": reference("aws_kms_key.serving", "arn"),
        },
    )
    zip_path = "${path.module}/assets/deployer.zip"
    function = draft.add(
        account,
        "aws_lambda_function",
        "deployer",
        {
            "function_name": parties.function_name,
            "description": f"Deploys releases of {draft.component.name} to {deploy.endpoint}",
            "role": reference("aws_iam_role.deployer", "arn"),
            "runtime": RUNTIME,
            "handler": "deployer.handler.handler",
            "filename": Expression(zip_path),
            "source_code_hash": Expression(f'${{filebase64sha256("{zip_path}")}}'),
            "timeout": FUNCTION_TIMEOUT_SECONDS,
            "memory_size": FUNCTION_MEMORY_MB,
            "environment": [{"variables": _environment(parties, target, deploy, rollback)}],
        },
        depends_on=("aws_iam_role_policy.deployer", log_group),
    )
    # No queue for what fails: the event holds credentials, and CodePipeline ends the job by itself.
    draft.add(
        account,
        "aws_lambda_function_event_invoke_config",
        "deployer",
        {"function_name": reference(function, "function_name"), "maximum_retry_attempts": 1},
    )


def _environment(
    parties: Parties, target: Target, deploy: Deploy, rollback: list[str]
) -> dict[str, Value]:
    variables: dict[str, Value] = {
        "ENDPOINT_NAME": deploy.endpoint,
        "EXECUTION_ROLE_ARN": target.serve.arn,
        "IMAGE": image_uri(parties),
        "INSTANCE_TYPE": deploy.instance,
        "INVOCATIONS_PER_INSTANCE": str(deploy.invocations_per_instance),
        "MAX_INSTANCES": str(deploy.max),
        "MIN_INSTANCES": str(deploy.min),
        "NAME_PREFIX": _model_prefix(parties),
        "NETWORK_ISOLATION": "true" if deploy.network_isolation else "false",
        "REPORTER_ROLE_ARN": target.reporter.arn,
        "ROLLBACK_ALARMS": json_template(rollback),
        "TAGS": json_template(parties.draft.tags(target.account)),
    }
    if deploy.capture:
        variables["CAPTURE"] = json_template(deploy.capture.model_dump())
    if deploy.network:
        variables["VPC"] = json_template(deploy.network.model_dump())
    if not has_local_storage(deploy.instance):
        variables["VOLUME_KEY_ARN"] = reference("aws_kms_key.serving", "arn")
    return dict(sorted(variables.items()))


def _model_prefix(parties: Parties) -> str:
    organization, component = parties.draft.organization.name, parties.draft.component.name
    return shorten(f"{organization}-{component}", PREFIX_LENGTH)


def _alarm_name(parties: Parties, part: str) -> str:
    return parties.draft.prefix(part)


def _log_group(parties: Parties) -> str:
    return f"/aws/lambda/{parties.function_name}"
