"""The CodePipeline job: what it asks for, how far it is, and how its result is reported.

Formats: CodePipeline user guide, "Invoke a Lambda function in a pipeline" (the event), and the API
reference of PutJobSuccessResult (a token of at most 2,048 characters) and PutJobFailureResult (a
message of at most 5,000). The event carries temporary credentials (`artifactCredentials`): it is
never logged and never quoted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .aws import BotoCoreError, ClientError, client, error_code, is_denied, is_passing
from .errors import DeploymentError, FailureKind

log = logging.getLogger(__name__)

MESSAGE_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Job:
    """One invocation. `parameters` is the action's UserParameters text, `token` what we returned."""

    id: str
    parameters: str
    token: str | None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Job:
        """Read the event. Raises KeyError where it is not CodePipeline's: nobody to report to."""
        job = event["CodePipeline.job"]
        data = job.get("data", {})
        configuration = data.get("actionConfiguration", {}).get("configuration", {})
        return cls(
            job["id"], configuration.get("UserParameters", ""), data.get("continuationToken")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the deployment is, kept between invocations in the continuation token.

    `start`: the endpoint is not yet told; `configuration` is set once it exists. `follow`: the
    endpoint was told to take `configuration`, and is watched. `attempt` counts the invocations in a
    row that met a passing fault.
    """

    phase: Literal["start", "follow"] = "start"
    configuration: str = ""
    attempt: int = 0

    @classmethod
    def of(cls, token: str | None) -> Progress:
        """Read a token; None is the beginning. Raises DeploymentError for one that is not ours."""
        if not token:
            return cls()
        try:
            progress = cls(**json.loads(token))
        except (ValueError, TypeError) as error:
            raise DeploymentError("JobFailed", "the continuation token is not readable") from error
        if progress.phase not in ("start", "follow"):
            raise DeploymentError("JobFailed", "the continuation token has an unknown phase")
        return progress

    def token(self) -> str:
        """The text for CodePipeline, under 150 characters."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Continue:
    """Not done: CodePipeline invokes again with `progress`."""

    progress: Progress
    summary: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Done. `variables` are the action's output variables."""

    summary: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """Over. `message` is shown to whoever watches the pipeline."""

    kind: FailureKind
    message: str


Outcome = Continue | Succeeded | Failed


def report(role: str | None, job: Job, outcome: Outcome) -> None:
    """Tell CodePipeline, as the role `role` in the pipeline's account, or as the function itself.

    Raises ClientError when that is not possible; except where the job has its result already (the
    event was delivered twice), which is logged: the first report stands.
    """
    codepipeline = _codepipeline(role, job)
    try:
        _put(codepipeline, job.id, outcome)
    except ClientError as error:
        if error_code(error) != "InvalidJobStateException":
            raise
        log.warning("job %s takes no result any more, not reported: %s", job.id, outcome)


def _codepipeline(role: str | None, job: Job) -> Any:
    if role is None:
        return client("codepipeline")
    session = client("sts").assume_role(
        RoleArn=role, RoleSessionName=f"job-{job.id}"[:64], DurationSeconds=900
    )
    return client("codepipeline", session["Credentials"])


def _put(codepipeline: Any, job_id: str, outcome: Outcome) -> None:
    match outcome:
        case Failed(kind, message):
            details = {"type": kind, "message": message[:MESSAGE_LIMIT]}
            codepipeline.put_job_failure_result(jobId=job_id, failureDetails=details)
        case Continue(progress, summary):
            codepipeline.put_job_success_result(
                jobId=job_id,
                continuationToken=progress.token(),
                executionDetails={"summary": summary[:MESSAGE_LIMIT]},
            )
        case Succeeded(summary, variables):
            codepipeline.put_job_success_result(
                jobId=job_id,
                executionDetails={"summary": summary[:MESSAGE_LIMIT], "percentComplete": 100},
                outputVariables=variables,
            )


def failed(error: Exception) -> Failed:
    """What to tell of `error`: services' own words, but nothing of an error we did not foresee."""
    if isinstance(error, DeploymentError):
        return Failed(error.kind, str(error))
    if isinstance(error, ClientError):
        return Failed("PermissionError" if is_denied(error) else "JobFailed", str(error))
    if isinstance(error, BotoCoreError):
        return Failed("SystemUnavailable" if is_passing(error) else "JobFailed", str(error))
    return Failed("JobFailed", f"unexpected {type(error).__name__}, see the function's log")
