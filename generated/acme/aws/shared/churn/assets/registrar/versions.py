"""The versions of a model-package group, which may be another account's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .endpoint import Model
from .errors import DeploymentError

GROUP = re.compile(
    r"arn:[a-z-]+:sagemaker:[a-z0-9-]+:\d{12}:model-package-group/[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
)
PAGE = 100
APPROVED = "Approved"
CHANGE = "SageMaker Model Package State Change"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """One version of a group, by its number; `arn` is the model package's."""

    number: int
    arn: str

    @property
    def model(self) -> Model:
        """What SageMaker makes of it: image, artifacts and settings come from the package."""
        return Model(
            source=self.arn,
            id=f"{self.number:08d}",
            container={"ModelPackageName": self.arn},
            lineage={"model-package": self.arn, "model-version": str(self.number)},
        )


def mentioned(event: Mapping[str, Any], group: str) -> Version | None:
    """The version whose change the event tells, if it is one of the group's."""
    if event.get("source") != "aws.sagemaker" or event.get("detail-type") != CHANGE:
        return None
    arn = event.get("detail", {}).get("ModelPackageArn", "")
    return _version(arn, group)


def newest_approved(sagemaker: Any, group: str, changed: Version | None) -> Version | None:
    """The approved version with the highest number, or None.

    A list may lag behind what an event has just told: of `changed` the package itself is asked.
    """
    found = set(_approved(sagemaker, group))
    if changed:
        found.discard(changed)
        answer = sagemaker.describe_model_package(ModelPackageName=changed.arn)
        usable = answer.get("ModelPackageStatus") == "Completed"
        if usable and answer.get("ModelApprovalStatus") == APPROVED:
            found.add(changed)
    return max(found, default=None)


def _approved(sagemaker: Any, group: str) -> list[Version]:
    """The first page with approved versions, the newest first."""
    if not GROUP.fullmatch(group):
        raise DeploymentError(
            "ConfigurationError", "environment variable GROUP_ARN: not a group's ARN"
        )
    token: dict[str, str] = {}
    while True:
        answer = sagemaker.list_model_packages(
            ModelPackageGroupName=group,
            ModelApprovalStatus=APPROVED,
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=PAGE,
            **token,
        )
        found = [
            version
            for summary in answer["ModelPackageSummaryList"]
            if summary.get("ModelPackageStatus") == "Completed"
            and (version := _version(summary["ModelPackageArn"], group))
        ]
        if found or not answer.get("NextToken"):
            return found
        token = {"NextToken": answer["NextToken"]}


def _version(arn: str, group: str) -> Version | None:
    """The version of that ARN, where it belongs to the group; names are compared in lower case."""
    start = group.replace(":model-package-group/", ":model-package/").lower() + "/"
    number = arn[len(start) :]
    if not arn.lower().startswith(start) or not re.fullmatch(r"[0-9]{1,8}", number):
        return None
    return Version(int(number), arn)
