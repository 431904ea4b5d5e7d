"""Telling an endpoint to take a configuration, whoever asked for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from . import endpoint, scaling
from .aws import ClientError, client
from .endpoint import Endpoint
from .errors import DeploymentError
from .settings import Settings

log = logging.getLogger(__name__)


def deploy(
    sagemaker: Any,
    settings: Settings,
    configuration: str,
    found: Endpoint | None,
    *tags: Mapping[str, str],
) -> None:
    """Create the endpoint, with these tags too, or start its update."""
    if not found:
        endpoint.create(sagemaker, settings, configuration, *tags)
        return
    kept = endpoint.instance_type(sagemaker, found.configuration) == settings.instance_type
    if not kept:
        scaling.release_from_scaling(client("application-autoscaling"), settings)
    try:
        endpoint.update(sagemaker, settings, configuration, found.instances)
    except ClientError:
        if not kept:
            restore_scaling(settings)
        raise


def restore_scaling(settings: Settings) -> None:
    """Let the old fleet scale again. A failure of this must not hide the one being reported."""
    try:
        scaling.scale(client("application-autoscaling"), settings)
    except Exception:
        log.exception("endpoint %s is left without scaling", settings.endpoint)


def attention(settings: Settings, found: Endpoint) -> DeploymentError:
    """The error that tells of an endpoint which neither serves nor gets ready to."""
    reason = found.failure or "SageMaker gives no reason"
    return DeploymentError("JobFailed", f"endpoint {settings.endpoint} is {found.status}: {reason}")
