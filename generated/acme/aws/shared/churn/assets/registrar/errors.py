"""Why a deployment cannot succeed, in the words of the one who asked for it."""

from __future__ import annotations

from typing import Literal

FailureKind = Literal[
    "ConfigurationError", "JobFailed", "PermissionError", "RevisionUnavailable", "SystemUnavailable"
]


class DeploymentError(Exception):
    """The deployment cannot succeed. `kind` is CodePipeline's failure type; the text is reported."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
