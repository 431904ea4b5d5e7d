"""The release: which model the pipeline's execution made, read from its manifest and checked.

The manifest is written by the training state machine in another account. It is believed only
where it belongs to this execution, was encrypted with the pipeline's own key, and names a model in
the bucket that it lies in; anything else is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .aws import ClientError, error_code, error_message, is_denied
from .job import DeploymentError

OBJECT = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>[^?#\\]+)")
EXECUTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KEY = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[a-zA-Z0-9-]+")
# What a tag's value may hold: the two texts become tags of the model.
TAG = re.compile(r"[\w .:/=+@-]{1,256}", re.ASCII)
MANIFEST_VERSION = 1
MANIFEST_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """The action's UserParameters."""

    bucket: str
    key: str
    execution_id: str
    kms_key_arn: str

    @classmethod
    def of(cls, parameters: str) -> Request:
        """Read the JSON. Raises DeploymentError (ConfigurationError)."""
        value = _mapping(parameters, "UserParameters", "ConfigurationError")
        manifest = OBJECT.fullmatch(_field(value, "manifest", "UserParameters"))
        execution_id = _field(value, "execution_id", "UserParameters")
        kms_key_arn = _field(value, "kms_key_arn", "UserParameters")
        if not manifest:
            raise _refused("UserParameters: manifest is not an s3:// address of an object")
        if not EXECUTION.fullmatch(execution_id):
            raise _refused("UserParameters: execution_id is not a pipeline execution's id")
        if not KEY.fullmatch(kms_key_arn):
            raise _refused("UserParameters: kms_key_arn is not the ARN of a key (no alias)")
        return cls(manifest["bucket"], manifest["key"], execution_id, kms_key_arn)

    @property
    def manifest(self) -> str:
        """The manifest's address."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What to deploy: `image` is a container image's address, `model_data` that of a model.tar.gz."""

    execution_id: str
    training_job: str
    image: str
    model_data: str
    revision: str


def read(s3: Any, request: Request) -> Release:
    """Fetch and check the manifest. Raises DeploymentError when it is missing or not to be believed."""
    answer = _fetch(s3, request)
    key = answer.get("SSEKMSKeyId", "")
    if answer.get("ServerSideEncryption") not in ("aws:kms", "aws:kms:dsse"):
        raise _refused(f"{request.manifest} is not encrypted with a KMS key")
    if key != request.kms_key_arn:
        raise _refused(f"{request.manifest} is encrypted with {key}, not {request.kms_key_arn}")
    body = answer["Body"].read(MANIFEST_LIMIT + 1)
    if len(body) > MANIFEST_LIMIT:
        raise _refused(f"{request.manifest} is larger than {MANIFEST_LIMIT} bytes")
    return _release(_mapping(body, request.manifest, "JobFailed"), request)


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


def _release(value: dict[str, Any], request: Request) -> Release:
    where = request.manifest
    if value.get("version") != MANIFEST_VERSION:
        raise _refused(f"{where}: version is not {MANIFEST_VERSION}")
    release = Release(
        execution_id=_field(value, "execution_id", where),
        training_job=_field(value, "training_job", where),
        image=_field(value, "image", where),
        model_data=_field(value, "model_data", where),
        revision=_field(value, "revision", where),
    )
    if release.execution_id != request.execution_id:
        raise _refused(f"{where} is of another execution than {request.execution_id}")
    model = OBJECT.fullmatch(release.model_data)
    if not model or not model["key"].endswith(".tar.gz"):
        raise _refused(f"{where}: model_data is not an s3:// address of a .tar.gz")
    if model["bucket"] != request.bucket:
        raise _refused(f"{where}: model_data lies in another bucket, {model['bucket']}")
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
