"""The Lambda handler of a model-hub: keeps an endpoint at the newest approved version.

Events of three rules bring it here: a version of the hub's group was approved or rejected; the
endpoint changed its state; an hour has passed. What the event says matters little: each invocation
looks at the group and at the endpoint, does the next step and ends, so events that come late, twice
or never do no harm. A version that is rejected later is not the newest approved one any more: the
endpoint goes back to the one before. Where no version is approved the endpoint keeps what it has,
and the function fails, so that its alarm says so: deleting what serves is for people.

What was tried is kept in a tag of the endpoint. A deployment that was rolled back is not tried again
by itself, which would be every hour; approving the version again does.

Steps: find the newest approved version; make its model and endpoint configuration, which SageMaker
takes from the hub's package; create or update the endpoint; when it serves that, register its
scaling. A failure fails the invocation: Lambda tries twice more, and the errors metric has an alarm.

What the function's role needs is what `handler` says, without the reporter and the manifest, and
(G is the group of the hub):

| actions | resources | reason |
| --- | --- | --- |
| sagemaker:DescribeModelPackage, ListModelPackages | G's packages | which version is approved; group policy too |
| sagemaker:CreateModel | G's packages, and the models of this account | both are asked for; group policy too |
| sagemaker:ListTags | the endpoint | what was tried |
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from . import endpoint, rollout, scaling
from .aws import ClientError, client, error_code
from .endpoint import Endpoint
from .errors import DeploymentError
from .settings import Settings, text
from .versions import APPROVED, Version, mentioned, newest_approved

log = logging.getLogger(__name__)
logging.getLogger(__package__).setLevel(logging.INFO)

# The configuration that was last tried, and the event that asked for it.
ATTEMPT = "landform-attempt"


def handler(event: Mapping[str, Any], context: object) -> None:
    """Do the next step. Raises where the endpoint is not, and will not be, as it should."""
    settings = Settings.of(os.environ)
    group = text(os.environ, "GROUP_ARN")
    sagemaker = client("sagemaker")
    changed = mentioned(event, group)
    wanted = newest_approved(sagemaker, group, changed)
    found = endpoint.describe(sagemaker, settings.endpoint)
    if found and found.busy:
        log.info("endpoint %s is %s, its next event brings us back", found.arn, found.status)
    elif wanted is None:
        _nothing_approved(settings, group, found)
    else:
        asked = _asks_for(event, changed, wanted)
        _move(sagemaker, settings, wanted, found, asked)


def _nothing_approved(settings: Settings, group: str, found: Endpoint | None) -> None:
    if not found:
        log.info("%s has no approved version yet", group)
        return
    message = (
        f"no version of {group} is approved; endpoint {settings.endpoint} keeps what it serves"
    )
    raise DeploymentError("RevisionUnavailable", message)


def _asks_for(event: Mapping[str, Any], changed: Version | None, wanted: Version) -> str:
    """The event's id where it tells that just this version was approved, or nothing."""
    approved = event.get("detail", {}).get("ModelApprovalStatus") == APPROVED
    return str(event.get("id", "")) if changed == wanted and approved else ""


def _move(
    sagemaker: Any, settings: Settings, wanted: Version, found: Endpoint | None, asked: str
) -> None:
    """Take the endpoint, which is not busy, a step towards the version."""
    configuration = endpoint.prepare(sagemaker, settings, wanted.model)
    attempt = f"{configuration}/{asked}"
    if found and found.status == "InService" and found.configuration == configuration:
        scaling.scale(client("application-autoscaling"), settings)
        log.info("endpoint %s serves %s", settings.endpoint, wanted.arn)
        return
    if found and not _may_try(sagemaker, settings, found, attempt):
        raise _gave_up(settings, found, wanted)
    if found and found.status == "Failed":
        # A failed endpoint can only be deleted (API reference, DescribeEndpoint).
        sagemaker.delete_endpoint(EndpointName=settings.endpoint)
        log.info("deleting endpoint %s, which failed: %s", settings.endpoint, found.failure)
        return
    if found and found.status != "InService":
        raise rollout.attention(settings, found)
    _deploy(sagemaker, settings, configuration, found, {"Key": ATTEMPT, "Value": attempt})


def _may_try(sagemaker: Any, settings: Settings, found: Endpoint, attempt: str) -> bool:
    """Whether this configuration was not tried yet, or is asked for by another event than then."""
    tried = _attempt(sagemaker, found)
    configuration, _, asked = attempt.partition("/")
    return not tried.startswith(f"{configuration}/") or (bool(asked) and tried != attempt)


def _attempt(sagemaker: Any, found: Endpoint) -> str:
    """The endpoint's tag of what was tried last, or nothing."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=found.arn)
    tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    return str(tags.get(ATTEMPT, ""))


def _gave_up(settings: Settings, found: Endpoint, wanted: Version) -> DeploymentError:
    """The error of a version that was tried; the fleet that still serves may scale again."""
    if found.status == "InService":
        rollout.restore_scaling(settings)
    reason = found.failure or "see the rollback alarms and the endpoint's logs"
    message = (
        f"endpoint {settings.endpoint} is {found.status} and did not take {wanted.arn}: {reason}; "
        "approve the version again to try it again"
    )
    return DeploymentError("JobFailed", message)


def _deploy(
    sagemaker: Any,
    settings: Settings,
    configuration: str,
    found: Endpoint | None,
    tag: Mapping[str, str],
) -> None:
    """Start the deployment and remember it; another invocation may have come between."""
    try:
        rollout.deploy(sagemaker, settings, configuration, found, tag)
    except ClientError as error:
        now = endpoint.describe(sagemaker, settings.endpoint)
        if error_code(error) == "ValidationException" and now and now.busy:
            log.info("endpoint %s is %s already", settings.endpoint, now.status)
            return
        raise
    if found:
        sagemaker.add_tags(ResourceArn=found.arn, Tags=[tag])
    log.info("endpoint %s is told to take %s", settings.endpoint, configuration)
