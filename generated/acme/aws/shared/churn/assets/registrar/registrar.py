"""The Lambda handler that registers an approved release in the group of a model hub.

CodePipeline invokes it after the approval, in the pipeline's own account. It reads the run's manifest,
copies the model into the hub's bucket, below the group's prefix and so under the hub's key, and
registers it as an approved version of the group. What the hub's targets need they find in the hub:
they have no access to the pipeline's bucket. One run is one version, also where the event is
delivered twice: the request's token is the run's id.

What the function's role needs beside its log group: s3:GetObject on the manifest and the models of
the pipeline's bucket; s3:PutObject and s3:GetObject below the group's prefix; sagemaker:CreateModelPackage
on the group and its packages; the pull of the image, which SageMaker asks of the caller; both keys
through S3; and codepipeline:PutJobSuccessResult and PutJobFailureResult.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from .aws import client, copy
from .job import Job, Outcome, Succeeded, failed, report
from .release import OBJECT, Release, Request, read
from .settings import text
from .versions import APPROVED

log = logging.getLogger(__name__)
logging.getLogger(__package__).setLevel(logging.INFO)


def handler(event: Mapping[str, Any], context: object) -> None:
    """Register the release and report it. Raises only where nothing can be reported."""
    job = Job.of(event)
    outcome: Outcome
    try:
        outcome = _register(job)
    except Exception as error:
        log.exception("job %s failed", job.id)
        outcome = failed(error)
    log.info("job %s: %s", job.id, outcome)
    report(None, job, outcome)


def _register(job: Job) -> Outcome:
    request = Request.of(job.parameters)
    s3 = client("s3")
    release = read(s3, request, text(os.environ, "IMAGE"))
    version = _version(client("sagemaker"), release, request, _copied(s3, release))
    return Succeeded(f"registered {release.run} as {version}", {"model_package": version})


def _copied(s3: Any, release: Release) -> str:
    """The address of the model in the hub's bucket, after it was copied there."""
    found = OBJECT.fullmatch(release.model_data)
    assert found is not None, "the manifest was checked"
    bucket = text(os.environ, "HUB_BUCKET")
    key = f"{text(os.environ, 'HUB_PREFIX')}{release.run}/model.tar.gz"
    source = {"Bucket": found["bucket"], "Key": found["key"]}
    copy(s3, source, {"Bucket": bucket, "Key": key})
    return f"s3://{bucket}/{key}"


def _version(sagemaker: Any, release: Release, request: Request, model_data: str) -> str:
    """The ARN of the version, which is made unless it is there."""
    content_type = text(os.environ, "CONTENT_TYPE")
    answer = sagemaker.create_model_package(
        # Another account's group goes by its ARN.
        ModelPackageGroupName=text(os.environ, "GROUP_ARN"),
        ModelPackageDescription=f"revision {release.revision}, run {release.run}",
        InferenceSpecification={
            "Containers": [{"Image": release.image, "ModelDataUrl": model_data}],
            "SupportedContentTypes": [content_type],
            "SupportedResponseMIMETypes": [content_type],
        },
        ModelApprovalStatus=APPROVED,
        CustomerMetadataProperties={
            "training-run": release.run,
            "revision": release.revision,
            "training-job": release.training_job,
        },
        ClientToken=request.id,
    )
    return str(answer["ModelPackageArn"])
