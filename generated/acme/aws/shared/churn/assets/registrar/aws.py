"""Clients of AWS and what their errors mean.

The one module that imports boto3. Credentials and region come from the Lambda runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3  # type: ignore[import-not-found,import-untyped,unused-ignore]
from boto3.s3.transfer import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    TransferConfig,
)
from botocore.config import Config  # type: ignore[import-not-found,import-untyped,unused-ignore]
from botocore.exceptions import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    BotoCoreError,
    ClientError,
    HTTPClientError,
)
from botocore.exceptions import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    ConnectionError as BotoConnectionError,
)

__all__ = [
    "BotoCoreError",
    "ClientError",
    "client",
    "copy",
    "error_code",
    "error_message",
    "is_denied",
    "is_missing",
    "is_passing",
]

# A call that hangs takes 50 s, inside the function's timeout of 120 s: so it is still reported.
CONFIG = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2}
)

# Bytes. S3 copies at most 5 GB in one request.
PART = 256 * 1024 * 1024


def client(service: str, credentials: Mapping[str, Any] | None = None) -> Any:
    """A client of `service`; `credentials` as STS returns them, or None for the function's own."""
    if credentials is None:
        return boto3.client(service, config=CONFIG)
    return boto3.client(
        service,
        config=CONFIG,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def copy(s3: Any, source: Mapping[str, str], target: Mapping[str, str]) -> None:
    """Copy an object inside S3, in parts that take seconds each; `Bucket` and `Key` of both.

    The copy has the key of the target's bucket, and no tags.
    """
    parts = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.copy(
        dict(source),
        target["Bucket"],
        target["Key"],
        ExtraArgs={"TaggingDirective": "REPLACE"},
        Config=parts,
    )


def error_code(error: ClientError) -> str:
    """The error's code, such as `ValidationException`."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def error_message(error: ClientError) -> str:
    """What the service said."""
    return str(error.response.get("Error", {}).get("Message", ""))


def is_denied(error: ClientError) -> bool:
    """Whether a policy stood in the way."""
    return error_code(error) in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def is_missing(error: ClientError) -> bool:
    """Whether SageMaker says that the thing named in the request does not exist.

    Its DescribeEndpoint, DescribeModel and others have no error type for that, only a
    ValidationException with this wording.
    """
    found = error_code(error) == "ValidationException"
    return found and "could not find" in error_message(error).lower()


def is_passing(error: Exception) -> bool:
    """Whether the same call may succeed a little later: throttling, a fault of the service."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or "Throttl" in error_code(error) or status == 429
    return isinstance(error, HTTPClientError | BotoConnectionError)
