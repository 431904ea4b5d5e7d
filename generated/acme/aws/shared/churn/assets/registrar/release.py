"""The release: which model a training run made, read from its manifest and checked.

A run is one execution of the training state machine, in another account, which also writes the
manifest. The pipeline names the run whose approval it has, so that a rollback deploys what was
approved then. The manifest is believed only where it is of that run, was encrypted with the
pipeline's own key, and names the image that the blueprint does and a model that the run itself
wrote; anything else is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .aws import ClientError, error_code, error_message, is_denied
from .endpoint import Model
from .errors import DeploymentError

OBJECT = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>[^?#\\]+)")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# An execution's ARN; its name is a prefix and the UUID that CodePipeline appends.
# Source: CodePipeline user guide, "AWS Step Functions invoke action reference".
RUN = re.compile(
    r"arn:[a-z-]+:states:[a-z0-9-]+:\d{12}:execution:[\w-]{1,80}:"
    r"(?P<name>[a-zA-Z0-9-]{1,40}-(?P<id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}))"
)
KEY = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[a-zA-Z0-9-]+")
# What a tag's value may hold: the two texts become tags of the model.
TAG = re.compile(r"[\w .:/=+@-]{1,256}", re.ASCII)
MANIFEST_VERSION = 1
MANIFEST_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """The action's UserParameters; `run` is the name of the training run, `id` its UUID."""

    bucket: str
    run: str
    id: str
    kms_key_arn: str

    @classmethod
    def of(cls, parameters: str) -> Request:
        """Read the JSON. Raises DeploymentError (ConfigurationError)."""
        value = _mapping(parameters, "UserParameters", "ConfigurationError")
        bucket = _field(value, "bucket", "UserParameters")
        run = RUN.fullmatch(_field(value, "run", "UserParameters"))
        kms_key_arn = _field(value, "kms_key_arn", "UserParameters")
        if not BUCKET.fullmatch(bucket):
            raise _refused("UserParameters: bucket is not a bucket's name")
        if not run:
            raise _refused("UserParameters: run is not the ARN of a training run")
        if not KEY.fullmatch(kms_key_arn):
            raise _refused("UserParameters: kms_key_arn is not the ARN of a key (no alias)")
        return cls(bucket, run["name"], run["id"], kms_key_arn)

    @property
    def key(self) -> str:
        """The manifest's key."""
        return f"releases/{self.run}/manifest.json"

    @property
    def manifest(self) -> str:
        """The manifest's address."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def models(self) -> str:
        """What the address of everything that the run made starts with."""
        return f"s3://{self.bucket}/models/{self.run}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What to deploy: `image` is a container image's address, `model_data` that of a model.tar.gz.

    `run` is the name of the training run that made it, `id` the run's UUID.
    """

    run: str
    id: str
    training_job: str
    image: str
    model_data: str
    revision: str

    @property
    def model(self) -> Model:
        """What SageMaker makes of it."""
        return Model(
            source=self.run,
            id=self.id[:8],
            container={"Image": self.image, "ModelDataUrl": self.model_data},
            lineage={
                "training-run": self.run,
                "revision": self.revision,
                "training-job": self.training_job,
            },
        )


def read(s3: Any, request: Request, image: str) -> Release:
    """Fetch and check the manifest, which must name `image`.

    Raises DeploymentError when it is missing or not to be believed.
    """
    answer = _fetch(s3, request)
    key = answer.get("SSEKMSKeyId", "")
    if answer.get("ServerSideEncryption") not in ("aws:kms", "aws:kms:dsse"):
        raise _refused(f"{request.manifest} is not encrypted with a KMS key")
    if key != request.kms_key_arn:
        raise _refused(f"{request.manifest} is encrypted with {key}, not {request.kms_key_arn}")
    body = answer["Body"].read(MANIFEST_LIMIT + 1)
    if len(body) > MANIFEST_LIMIT:
        raise _refused(f"{request.manifest} is larger than {MANIFEST_LIMIT} bytes")
    return _release(_mapping(body, request.manifest, "JobFailed"), request, image)


def _fetch(s3: Any, request: Request) -> Any:
    try:
        return s3.get_object(Bucket=request.bucket, Key=request.key)
    except ClientError as error:
        if error_code(error) in ("NoSuchKey", "NoSuchBucket", "404"):
            message = f"there is no {request.manifest}: did the training stage write it?"
            raise DeploymentError("RevisionUnavailable", message) from error
        if is_denied(error):
            message = (
                f"may not read {request.manifest}: the function's role, the bucket's policy and the "
                f"key's policy must all allow it, or the object is missing ({error_message(error)})"
            )
            raise DeploymentError("PermissionError", message) from error
        raise


def _release(value: dict[str, Any], request: Request, image: str) -> Release:
    where = request.manifest
    if value.get("version") != MANIFEST_VERSION:
        raise _refused(f"{where}: version is not {MANIFEST_VERSION}")
    release = Release(
        run=_field(value, "run", where),
        id=request.id,
        training_job=_field(value, "training_job", where),
        image=_field(value, "image", where),
        model_data=_field(value, "model_data", where),
        revision=_field(value, "revision", where),
    )
    if release.run != request.run:
        raise _refused(f"{where} is of another run than {request.run}")
    if release.image != image:
        raise _refused(f"{where}: image is {release.image}, not {image}")
    model = OBJECT.fullmatch(release.model_data)
    if not model or not model["key"].endswith(".tar.gz"):
        raise _refused(f"{where}: model_data is not an s3:// address of a .tar.gz")
    if not release.model_data.startswith(request.models):
        raise _refused(f"{where}: model_data is not below {request.models}")
    for name in ("training_job", "revision"):
        if not TAG.fullmatch(getattr(release, name)):
            raise _refused(f"{where}: {name} has characters that a tag cannot hold")
    return release


def _mapping(text: str | bytes, where: str, kind: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DeploymentError(kind, f"{where}: not JSON") from error
    if not isinstance(value, dict):
        raise DeploymentError(kind, f"{where}: not a JSON object")
    return value


def _field(value: dict[str, Any], name: str, where: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text:
        raise _refused(f"{where}: {name} is missing or not a text")
    return text


def _refused(message: str) -> DeploymentError:
    return DeploymentError("ConfigurationError", message)
