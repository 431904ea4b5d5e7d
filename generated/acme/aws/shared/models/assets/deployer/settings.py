"""What the function is told by its environment, checked once per invocation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import DeploymentError

# A model's or endpoint configuration's name has at most 63 characters; the rest is ours.
PREFIX = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*-?")
PREFIX_LIMIT = 40
# AutoRollbackConfig.Alarms takes at most 10.
ALARM_LIMIT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One endpoint of one account.

    `isolated` says that the container has no network. `invocations` is per instance and minute. `volume_key` is an ARN or empty. `capture`
    and `vpc` are SageMaker's DataCaptureConfig and VpcConfig, or None. `tags` are SageMaker's list.
    """

    endpoint: str
    prefix: str
    role: str
    isolated: bool
    instance_type: str
    minimum: int
    maximum: int
    invocations: float
    volume_key: str
    alarms: tuple[str, ...]
    capture: dict[str, Any] | None
    vpc: dict[str, Any] | None
    tags: tuple[dict[str, str], ...]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables. Raises DeploymentError that names the first wrong one."""
        settings = cls(
            endpoint=text(environment, "ENDPOINT_NAME"),
            prefix=text(environment, "NAME_PREFIX"),
            role=text(environment, "EXECUTION_ROLE_ARN"),
            isolated=_flag(environment, "NETWORK_ISOLATION"),
            instance_type=text(environment, "INSTANCE_TYPE"),
            minimum=int(_number(environment, "MIN_INSTANCES")),
            maximum=int(_number(environment, "MAX_INSTANCES")),
            invocations=_number(environment, "INVOCATIONS_PER_INSTANCE"),
            volume_key=environment.get("VOLUME_KEY_ARN", ""),
            alarms=tuple(_json(environment, "ROLLBACK_ALARMS", list)),
            capture=_capture(_json(environment, "CAPTURE", dict)),
            vpc=_vpc(_json(environment, "VPC", dict)),
            tags=tuple(
                {"Key": key, "Value": str(value)}
                for key, value in sorted(_json(environment, "TAGS", dict).items())
            ),
        )
        settings._check()
        return settings

    def _check(self) -> None:
        if not PREFIX.fullmatch(self.prefix) or len(self.prefix) > PREFIX_LIMIT:
            raise _wrong("NAME_PREFIX", f"letters, digits and hyphens, at most {PREFIX_LIMIT}")
        if not 1 <= self.minimum <= self.maximum:
            raise _wrong("MIN_INSTANCES", "at least 1 and at most MAX_INSTANCES")
        if self.invocations <= 0:
            raise _wrong("INVOCATIONS_PER_INSTANCE", "more than 0")
        if len(self.alarms) > ALARM_LIMIT:
            raise _wrong("ROLLBACK_ALARMS", f"at most {ALARM_LIMIT} names")


def _wrong(name: str, expected: str) -> DeploymentError:
    return DeploymentError("ConfigurationError", f"environment variable {name}: {expected}")


def text(environment: Mapping[str, str], name: str) -> str:
    """The variable's value. Raises DeploymentError where it is not set."""
    value = environment.get(name, "")
    if not value:
        raise _wrong(name, "is not set")
    return value


def _flag(environment: Mapping[str, str], name: str) -> bool:
    value = text(environment, name)
    if value not in ("true", "false"):
        raise _wrong(name, "true or false")
    return value == "true"


def _number(environment: Mapping[str, str], name: str) -> float:
    try:
        return float(text(environment, name))
    except ValueError as error:
        raise _wrong(name, "not a number") from error


def _json(environment: Mapping[str, str], name: str, form: type) -> Any:
    written = environment.get(name, "")
    if not written:
        return form()
    try:
        value = json.loads(written)
    except ValueError as error:
        raise _wrong(name, "not JSON") from error
    if not isinstance(value, form):
        raise _wrong(name, f"not a JSON {'list' if form is list else 'object'}")
    return value


def _capture(value: dict[str, Any]) -> dict[str, Any] | None:
    if not value:
        return None
    try:
        return {
            "EnableCapture": True,
            "InitialSamplingPercentage": int(value["percentage"]),
            "DestinationS3Uri": value["s3_uri"],
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }
    except (KeyError, TypeError, ValueError) as error:
        raise _wrong("CAPTURE", "needs percentage and s3_uri") from error


def _vpc(value: dict[str, Any]) -> dict[str, Any] | None:
    if not value:
        return None
    try:
        return {"Subnets": value["subnet_ids"], "SecurityGroupIds": value["security_group_ids"]}
    except KeyError as error:
        raise _wrong("VPC", "needs subnet_ids and security_group_ids") from error
