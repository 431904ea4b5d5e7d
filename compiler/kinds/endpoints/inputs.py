"""Input types of the kinds that serve models: endpoints, images, instances, networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from compiler.blueprint.shapes import Matching, Shape, Text, problem
from compiler.data import (
    UnknownEntry,
    builtin_algorithms,
    builtin_versions,
    hosting_instance_types,
    log_retention_days,
    training_instance_types,
)
from compiler.diagnostics import nearest
from compiler.kinds.inputs import EmailAddresses


def _without_registry(value: str) -> str:
    registry, _, name = value.partition("/")
    if ".amazonaws." in registry:
        raise problem("E204", "must not hold the registry's address", f"repository: {name}")
    return value


EndpointName = Annotated[
    Text,
    Matching(
        r"[A-Za-z0-9](?:-*[A-Za-z0-9]){0,62}", "an endpoint's name: 1 to 63 letters, digits and -"
    ),
]
RepositoryName = Annotated[
    Text,
    Matching(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*", "an ECR repository's name in lower case"),
    AfterValidator(_without_registry),
]


class BuiltinImage(Shape):
    """One of SageMaker's built-in algorithms: `{builtin: xgboost, version: "1.7-1"}`."""

    builtin: Text = Field(description="name of the algorithm")
    version: Text = Field(description="version of its image")

    @model_validator(mode="after")
    def _known(self) -> Self:
        try:
            versions = builtin_versions(self.builtin)
        except UnknownEntry:
            known = builtin_algorithms()
            guess = nearest(self.builtin, known)
            hint = f'did you mean "{guess}"?' if guess else f"known: {', '.join(known)}"
            message = f'names the unknown algorithm "{self.builtin}"'
            raise problem("E204", message, hint, ("builtin",)) from None
        if self.version not in versions:
            raise problem(
                "E204",
                f'names the unknown version "{self.version}" of {self.builtin}',
                f"known: {', '.join(versions)}; quote it",
                ("version",),
            )
        return self


def _instance_type(known: Callable[[], Sequence[str]], use: str) -> AfterValidator:
    """Marks a Text as an instance type that SageMaker has for that use."""

    def validate(value: str) -> str:
        if value not in known():
            prefixed = f"ml.{value}"
            guess = prefixed if prefixed in known() else nearest(value, known())
            raise problem(
                "E204",
                f'names the instance type "{value}", which SageMaker does not have for {use}',
                f'did you mean "{guess}"?' if guess else None,
            )
        return value

    return AfterValidator(validate)


def _retention(days: int) -> int:
    if days not in log_retention_days():
        known = ", ".join(str(each) for each in log_retention_days())
        message = f"must be a number of days that CloudWatch knows, not {days}"
        raise problem("E204", message, f"known: {known}")
    return days


TrainingInstance = Annotated[Text, _instance_type(training_instance_types, "training")]
HostingInstance = Annotated[Text, _instance_type(hosting_instance_types, "hosting")]
RetentionDays = Annotated[int, AfterValidator(_retention)]
SubnetId = Annotated[Text, Matching(r"subnet-[0-9a-f]{8,17}", "a subnet's id")]
SecurityGroupId = Annotated[Text, Matching(r"sg-[0-9a-f]{8,17}", "a security group's id")]


class Network(Shape):
    """Subnets of the account in which the work runs."""

    subnet_ids: list[SubnetId] = Field(min_length=1, description="ids of the subnets")
    security_group_ids: list[SecurityGroupId] = Field(
        min_length=1, description="ids of the security groups"
    )


CaptureAddress = Annotated[
    Text,
    Matching(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[\w!.'()=-]+)*",
        "the address of a bucket or of a prefix in it: s3://acme-capture/churn",
        "without a / at its end",
    ),
]


class Capture(Shape):
    """What is asked and answered, kept in a bucket of the production account that exists already."""

    percentage: int = Field(ge=1, le=100, description="percent of the requests that are kept")
    s3_uri: CaptureAddress = Field(description="where they are kept: s3://acme-capture/churn")

    def objects(self, partition: str) -> str:
        """The ARN of everything below the address."""
        return f"arn:{partition}:s3:::{self.s3_uri.removeprefix('s3://')}/*"


class Serving(Shape):
    """How a model is served."""

    instance: HostingInstance = Field(description="instance type: ml.m6i.large")
    min: int = Field(default=1, ge=1, le=1000, description="fewest instances")
    max: int = Field(default=1, ge=1, le=1000, description="most instances; above min: autoscaling")
    invocations_per_instance: int = Field(
        default=1000, ge=1, description="invocations a minute and instance that autoscaling aims at"
    )
    network_isolation: bool = Field(
        default=True, description="the serving container has no network of its own"
    )
    network: Network | None = Field(default=None, description="subnets of the account that serves")
    capture: Capture | None = Field(
        default=None, description="keeps requests and answers, to watch for drift"
    )
    latency_alarm_ms: int = Field(
        default=1000, ge=1, description="average model latency that raises the alarm, milliseconds"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min > self.max:
            message = f'is {self.min}, above "max" ({self.max})'
            raise problem("E312", message, 'raise "max", or lower "min"', ("min",))
        return self


class Alerts(Shape):
    """Who is told when a run fails or an endpoint is unwell."""

    notify: EmailAddresses = Field(min_length=1, description="addresses")
