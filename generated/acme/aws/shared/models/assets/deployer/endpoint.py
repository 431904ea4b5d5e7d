"""The SageMaker model, endpoint configuration and endpoint of what is deployed.

Models and configurations are never changed: their names carry a hash of everything in them, so
that the same model and settings find what is there, and changed ones make new. Limits: API
reference of CreateModel, CreateEndpointConfig and UpdateEndpoint (names of at most 63 characters).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .aws import ClientError, error_code, is_denied, is_missing
from .scaling import VARIANT
from .settings import Settings

BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
# Seconds that the alarms watch the new fleet: after the canary, and again before the old one goes.
BAKE = 300
# Seconds. The default, 4 hours, also says how long a fleet that does not start is waited for.
DEPLOYMENT_TIMEOUT = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is to be served.

    `source` says what it is of (a training run, a version), `id` the same in eight characters for
    names. `container` is SageMaker's ContainerDefinition, `lineage` are tags of the model.
    """

    source: str
    id: str
    container: Mapping[str, str]
    lineage: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What DescribeEndpoint says.

    `arn` is the endpoint's. `configuration` is the one that serves, `pending` the one that is being deployed, or empty.
    `instances` is the desired count of the first variant. `failure` is SageMaker's reason.
    """

    arn: str
    status: str
    configuration: str
    pending: str
    instances: int
    failure: str

    @property
    def busy(self) -> bool:
        """Whether it can be neither updated nor deleted now."""
        return self.status in BUSY

    def takes(self, configuration: str) -> bool:
        """Whether a deployment of `configuration` is under way."""
        first = self.status == "Creating" and self.configuration == configuration
        return self.busy and (first or self.pending == configuration)


def prepare(sagemaker: Any, settings: Settings, served: Model) -> str:
    """Make the model and the endpoint configuration, or find them; gives the latter's name."""
    model = _model(settings, served)
    name = _name(settings, served, model)
    _ensure(sagemaker.create_model, sagemaker.describe_model, "ModelName", name, model)
    configuration = _configuration(settings, name)
    name = _name(settings, served, configuration)
    _ensure(
        sagemaker.create_endpoint_config,
        sagemaker.describe_endpoint_config,
        "EndpointConfigName",
        name,
        configuration,
    )
    return name


def describe(sagemaker: Any, name: str) -> Endpoint | None:
    """The endpoint now, or None."""
    try:
        answer = sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    variants = answer.get("ProductionVariants") or [{}]
    return Endpoint(
        arn=answer.get("EndpointArn", ""),
        status=answer["EndpointStatus"],
        # Absent where the configuration of a failed endpoint was deleted.
        configuration=answer.get("EndpointConfigName", ""),
        pending=answer.get("PendingDeploymentSummary", {}).get("EndpointConfigName", ""),
        instances=variants[0].get("DesiredInstanceCount", 1),
        failure=answer.get("FailureReason", ""),
    )


def create(
    sagemaker: Any, settings: Settings, configuration: str, *tags: Mapping[str, str]
) -> None:
    """Start the endpoint's first deployment."""
    sagemaker.create_endpoint(
        EndpointName=settings.endpoint,
        EndpointConfigName=configuration,
        Tags=[*settings.tags, *tags],
    )


def update(sagemaker: Any, settings: Settings, configuration: str, instances: int) -> None:
    """Start a blue/green deployment that keeps the number of instances that scaling has chosen."""
    sagemaker.update_endpoint(
        EndpointName=settings.endpoint,
        EndpointConfigName=configuration,
        RetainAllVariantProperties=True,
        # Of the three only the instance count is not ours to say.
        ExcludeRetainedVariantProperties=[
            {"VariantPropertyType": "DesiredWeight"},
            {"VariantPropertyType": "DataCaptureConfig"},
        ],
        DeploymentConfig=_deployment(settings.alarms, instances),
    )


def instance_type(sagemaker: Any, configuration: str) -> str | None:
    """The instance type that `configuration` names; None where it cannot be known."""
    try:
        answer = sagemaker.describe_endpoint_config(EndpointConfigName=configuration)
    except ClientError as error:
        # Deleted, or not of our making and so not ours to read.
        if is_missing(error) or is_denied(error):
            return None
        raise
    found: str | None = answer["ProductionVariants"][0].get("InstanceType")
    return found


def _model(settings: Settings, served: Model) -> dict[str, Any]:
    lineage = served.lineage
    own = [tag for tag in settings.tags if tag["Key"] not in lineage]
    model: dict[str, Any] = {
        "PrimaryContainer": dict(served.container),
        "ExecutionRoleArn": settings.role,
        "EnableNetworkIsolation": settings.isolated,
        "Tags": own + [{"Key": key, "Value": value} for key, value in lineage.items()],
    }
    if settings.vpc:
        model["VpcConfig"] = settings.vpc
    return model


def _configuration(settings: Settings, model: str) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": model,
                "InstanceType": settings.instance_type,
                "InitialInstanceCount": settings.minimum,
                "InitialVariantWeight": 1.0,
            }
        ],
        "Tags": list(settings.tags),
    }
    if settings.volume_key:
        configuration["KmsKeyId"] = settings.volume_key
    if settings.capture:
        configuration["DataCaptureConfig"] = settings.capture
    return configuration


def _deployment(alarms: tuple[str, ...], instances: int) -> dict[str, Any]:
    """All at once where nothing watches or one instance cannot be split, else a canary of one.

    A canary is at most half of the fleet; baking without alarms would be waiting for nothing.
    """
    routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    if alarms and instances > 1:
        canary = {"Type": "INSTANCE_COUNT", "Value": 1}
        routing = {"Type": "CANARY", "WaitIntervalInSeconds": BAKE, "CanarySize": canary}
    deployment: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": BAKE if alarms else 0,
            "MaximumExecutionTimeoutInSeconds": DEPLOYMENT_TIMEOUT,
        }
    }
    if alarms:
        names = [{"AlarmName": name} for name in alarms]
        deployment["AutoRollbackConfiguration"] = {"Alarms": names}
    return deployment


def _name(settings: Settings, served: Model, body: dict[str, Any]) -> str:
    """`<prefix>-<the model's id>-<hash of the body>`, at most 62 characters."""
    text = json.dumps([served.source, body], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{settings.prefix.rstrip('-')}-{served.id}-{digest}"


def _ensure(
    create: Callable[..., Any],
    describe: Callable[..., Any],
    parameter: str,
    name: str,
    body: dict[str, Any],
) -> None:
    """Create; where that is refused because the name is there already, what is there is the same."""
    try:
        create(**{parameter: name}, **body)
    except ClientError as error:
        if error_code(error) != "ValidationException":
            raise
        try:
            describe(**{parameter: name})
        except ClientError as absent:
            if is_missing(absent):
                raise error from None
            raise
