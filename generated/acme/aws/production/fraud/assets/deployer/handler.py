"""The Lambda handler: one step of a deployment per invocation, then a report to CodePipeline.

CodePipeline (in the shared account) invokes this function through a role of this account. It
answers with PutJobSuccessResult and a continuation token while the endpoint is not there yet, and
CodePipeline invokes it again, half a minute or so later, for at most 24 hours; without an answer
within 20 minutes the action fails (CodePipeline user guide, "Quotas"). Nothing here waits.

Steps: read the release; make model and endpoint configuration; create or update the endpoint;
follow it until it serves that configuration; register its scaling. Every step looks at what is
there, so an event that is delivered twice does no harm. Effects: SageMaker and Application Auto
Scaling in this account, one report in the pipeline's account, log lines. A failure is reported as
a failure; where the report itself fails, the function does, and so its errors metric counts and
the event is tried once more; then CodePipeline fails the job for want of an answer. The event is
kept nowhere, as it holds credentials of the artifacts.

What the function's role needs (P partition, R region, C this account, N ENDPOINT_NAME, X
NAME_PREFIX without a hyphen at its end, H ????????-????????????; SageMaker's ARNs have names in
lower case):

| actions | resources | conditions, reason |
| --- | --- | --- |
| sts:AssumeRole | REPORTER_ROLE_ARN | its trust names this function's role |
| s3:GetObject | <bucket>/releases/* | bucket policy too; with s3:ListBucket on the bucket a missing manifest is told from a forbidden one |
| kms:Decrypt | the pipeline's key | key policy too; kms:ViaService s3.R.amazonaws.com |
| sagemaker:CreateModel, DescribeModel, AddTags | arn:P:sagemaker:R:C:model/X-H | |
| sagemaker:CreateEndpointConfig, DescribeEndpointConfig, AddTags | …:endpoint-config/X-H | |
| sagemaker:DescribeEndpointConfig | …:endpoint-config/* | registering a target asks, as its caller, for the one that the endpoint has [8] |
| sagemaker:CreateEndpoint, UpdateEndpoint | …:endpoint/N and …:endpoint-config/X-H | both are checked for both [1, 2] |
| sagemaker:DescribeEndpoint, DeleteEndpoint, AddTags | …:endpoint/N | |
| sagemaker:UpdateEndpointWeightsAndCapacities | …:endpoint/N | registering a target needs it of its caller [3] |
| iam:PassRole | EXECUTION_ROLE_ARN | iam:PassedToService sagemaker.amazonaws.com |
| kms:CreateGrant | VOLUME_KEY_ARN, when set | by CreateEndpoint [4] and so UpdateEndpoint; kms:GrantIsForAWSResource true; the key's policy must allow this role [5] |
| cloudwatch:DescribeAlarms | the ROLLBACK_ALARMS' ARNs, when any | asked of the "execution role" [6]: give it to EXECUTION_ROLE_ARN's role too |
| application-autoscaling:RegisterScalableTarget, DeregisterScalableTarget, PutScalingPolicy, DeleteScalingPolicy | arn:P:application-autoscaling:R:C:scalable-target/* | application-autoscaling:service-namespace sagemaker, application-autoscaling:scalable-dimension sagemaker:variant:DesiredInstanceCount (the target's id is not known before) |
| cloudwatch:PutMetricAlarm, DescribeAlarms, DeleteAlarms | arn:P:cloudwatch:R:C:alarm:TargetTracking-endpoint/N/* | of the caller of PutScalingPolicy and DeleteScalingPolicy [3, 7] |
| iam:CreateServiceLinkedRole | arn:P:iam::C:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint | iam:AWSServiceName sagemaker.application-autoscaling.amazonaws.com [3] |
| logs:CreateLogStream, PutLogEvents | the function's log group | |

[1] Service authorization reference, Amazon SageMaker. [2] aws/aws-cdk#11594,
aws-controllers-k8s/community#1889: UpdateEndpoint denied on the endpoint-config. [3] SageMaker
developer guide, "Auto scaling prerequisites". [4] SageMaker developer guide, "API permissions":
kms:CreateGrant "only if the associated EndpointConfig has a KmsKeyId". [5] API reference,
CreateEndpointConfig.KmsKeyId. [6] SageMaker developer guide, "Auto-rollback configuration and
monitoring". [7] Application Auto Scaling user guide, "Identity-based policy examples". [8]
aws-controllers-k8s/community#2110.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import endpoint, release, rollout, scaling
from .aws import BotoCoreError, ClientError, client, error_code, is_missing, is_passing
from .endpoint import Endpoint
from .errors import DeploymentError
from .job import Continue, Job, Outcome, Progress, Succeeded, failed, report
from .settings import Settings, text

log = logging.getLogger(__name__)
logging.getLogger(__package__).setLevel(logging.INFO)

# Invocations in a row that met something not yet visible (SageMaker's reads are eventually
# consistent: API reference, CreateEndpoint) or a fault of a service.
ATTEMPTS = 5


def handler(event: Mapping[str, Any], context: object) -> None:
    """Do one step and report it. Raises only where nothing can be reported."""
    job = Job.of(event)
    reporter = os.environ["REPORTER_ROLE_ARN"]
    outcome: Outcome
    try:
        outcome = _advance(job, Settings.of(os.environ))
    except Exception as error:
        log.exception("job %s failed", job.id)
        outcome = failed(error)
    log.info("job %s: %s", job.id, outcome)
    report(reporter, job, outcome)


def _advance(job: Job, settings: Settings) -> Outcome:
    """One step; what may pass by itself is tried again by the next invocation, a few times."""
    progress = Progress.of(job.token)
    try:
        return _step(job, settings, replace(progress, attempt=0))
    except (ClientError, BotoCoreError) as error:
        unseen = isinstance(error, ClientError) and is_missing(error)
        if not (unseen or is_passing(error)) or progress.attempt + 1 >= ATTEMPTS:
            raise
        log.warning("job %s comes back after: %s", job.id, error)
        again = replace(progress, attempt=progress.attempt + 1)
        return Continue(again, f"coming back after: {error}")


def _step(job: Job, settings: Settings, progress: Progress) -> Outcome:
    sagemaker = client("sagemaker")
    if progress.phase == "follow":
        return _follow(sagemaker, settings, progress)
    if not progress.configuration:
        request = release.Request.of(job.parameters)
        wanted = release.read(client("s3"), request, text(os.environ, "IMAGE"))
        name = endpoint.prepare(sagemaker, settings, wanted.model)
        progress = replace(progress, configuration=name)
    return _start(sagemaker, settings, progress)


def _start(sagemaker: Any, settings: Settings, progress: Progress) -> Outcome:
    """Tell the endpoint to take the configuration, as soon as it can be told."""
    found = endpoint.describe(sagemaker, settings.endpoint)
    if found and found.busy:
        return _wait(found, progress)
    if found and found.status == "Failed":
        # A failed endpoint can only be deleted (API reference, DescribeEndpoint).
        sagemaker.delete_endpoint(EndpointName=settings.endpoint)
        return Continue(progress, f"deleting the endpoint that failed before: {found.failure}")
    if found and found.status != "InService":
        raise rollout.attention(settings, found)
    if found and found.configuration == progress.configuration:
        return _finish(settings, progress)
    try:
        rollout.deploy(sagemaker, settings, progress.configuration, found)
    except ClientError as error:
        # Another delivery of this event, or a person, may have come between.
        now = endpoint.describe(sagemaker, settings.endpoint)
        if error_code(error) == "ValidationException" and now and now.busy:
            return _wait(now, progress)
        raise
    return Continue(replace(progress, phase="follow"), f"deploying {progress.configuration}")


def _wait(found: Endpoint, progress: Progress) -> Continue:
    if found.takes(progress.configuration):
        progress = replace(progress, phase="follow")
        return Continue(progress, f"already deploying {progress.configuration}")
    return Continue(progress, f"waiting for the endpoint, which is {found.status}")


def _follow(sagemaker: Any, settings: Settings, progress: Progress) -> Outcome:
    """See what became of the deployment."""
    found = endpoint.describe(sagemaker, settings.endpoint)
    if not found or found.status == "Deleting":
        raise DeploymentError("JobFailed", f"endpoint {settings.endpoint} was deleted meanwhile")
    if found.busy:
        return Continue(progress, f"the endpoint is {found.status}")
    if found.status != "InService":
        raise rollout.attention(settings, found)
    if found.configuration != progress.configuration:
        rollout.restore_scaling(settings)
        reason = found.failure or "see the rollback alarms and the endpoint's logs"
        message = (
            f"endpoint {settings.endpoint} rolled back from {progress.configuration} and still "
            f"serves {found.configuration}: {reason}"
        )
        raise DeploymentError("JobFailed", message)
    return _finish(settings, progress)


def _finish(settings: Settings, progress: Progress) -> Outcome:
    try:
        scaling.scale(client("application-autoscaling"), settings)
    except ClientError as error:
        if error_code(error) != "ConcurrentUpdateException":
            raise
        return Continue(replace(progress, phase="follow"), "scaling is being changed, coming back")
    return Succeeded(
        f"endpoint {settings.endpoint} serves {progress.configuration}",
        {"endpoint": settings.endpoint, "configuration": progress.configuration},
    )
