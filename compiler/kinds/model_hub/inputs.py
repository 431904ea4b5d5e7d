"""The inputs of `model-hub`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from compiler.blueprint.shapes import Matching, Shape, Text
from compiler.blueprint.validation import Finding, problems
from compiler.kinds.endpoints.inputs import (
    Alerts,
    BuiltinImage,
    EndpointName,
    RepositoryName,
    RetentionDays,
    Serving,
)
from compiler.kinds.inputs import Accounts, OneAccount, Role, RolePath
from compiler.organization.records import Account

# A group's name in the blueprint; SageMaker allows no dash at the end of one.
GroupName = Annotated[
    Text, Matching(r"[a-z0-9](?:-*[a-z0-9]){0,30}", "1 to 31 of a-z, 0-9 and -, no - at an end")
]
# No `*` or `?`: in a policy they would be wildcards.
ArtifactPrefix = Annotated[
    Text,
    Matching(r"(?:[\w!.'()=-]+/){1,10}", "a prefix of the hub's bucket that ends in /: churn/"),
]


class HubRepository(Shape):
    """A container repository of the hub's account."""

    name: RepositoryName = Field(description="name of the ECR repository")
    existing: bool = Field(default=False, description="the repository exists already")


def _repository(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Group(Shape):
    """A model-package group: the versions of one model, its artifacts and its images."""

    artifacts: ArtifactPrefix | None = Field(
        default=None, description="prefix of its artifacts in the hub's bucket; default: <group>/"
    )
    repository: (
        Annotated[
            HubRepository,
            BeforeValidator(_repository, json_schema_input_type=HubRepository | RepositoryName),
        ]
        | None
    ) = Field(default=None, description="ECR repository of its images in the hub's account")
    image: BuiltinImage | None = Field(
        default=None,
        description="built-in algorithm of SageMaker whose image its versions use; default: that of "
        "an ml-pipeline that registers in the group",
    )


class Registrar(Shape):
    """Who registers versions: an account, or a role of it that exists already."""

    account: Accounts = Field(description="account, or a selector of several")
    role: RolePath | None = Field(
        default=None,
        description="role that may write artifacts, push images and register versions, which wait "
        "for an approval; default: one that is made there for jobs and pipelines of SageMaker, and "
        "components of the account may name the hub, such as an ml-pipeline with `register`",
    )
    groups: list[GroupName] = Field(
        default_factory=list, min_length=1, description="groups that it is for; default: all"
    )


def _registrars(value: Any) -> Any:
    """A selector, or a list of names and `{account, role}`, all as the latter."""
    if isinstance(value, str) or (isinstance(value, Mapping) and "account" not in value):
        return [{"account": value}]
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, list):
        return [each if isinstance(each, Mapping) else {"account": each} for each in value]
    return value


class Pinned(Shape):
    """One version, which Terraform deploys: `{pinned: 7}`."""

    pinned: int = Field(ge=1, le=99999, description="number of the version in its group")
    by: RolePath | None = Field(
        default=None,
        description="role of the target account that Terraform acts as, which the group must admit; "
        "default: deploy.aws.role, or without it deploy.aws.bootstrap_role",
    )


class Endpoint(Serving):
    """The endpoint in each target account."""

    name: EndpointName = Field(description="name of the endpoint")


class Deployment(Shape):
    """A group's model on an endpoint of each target account."""

    group: GroupName = Field(description="group whose versions are deployed")
    to: Accounts = Field(
        description="accounts with the endpoint; the hub's own account serves centrally"
    )
    endpoint: Endpoint = Field(description="the endpoint; the same in each account")
    promote: Literal["on-approval"] | Pinned = Field(
        default="on-approval",
        description="on-approval: a function in each account deploys the newest approved version, and "
        "goes back when it is rejected later; or {pinned: 7}: Terraform owns the version",
    )
    invoke_by: list[Role] = Field(
        default_factory=list,
        description="roles that may call the endpoint; those of another account become the "
        "endpoint's invoker role first; default account: each target",
    )


class Inputs(Shape):
    """One registry of models, deployed to many accounts."""

    account: OneAccount = Field(description="account with key, bucket, repositories and groups")
    groups: dict[GroupName, Group] = Field(min_length=1, description="model-package groups by name")
    register_from: Annotated[
        list[Registrar],
        BeforeValidator(
            _registrars, json_schema_input_type=list[Registrar | Text] | Text | dict[str, Any]
        ),
    ] = Field(
        default_factory=list,
        description="accounts, and roles of them, that register versions: [training, "
        "{account: lab, role: trainer}]",
    )
    approve_by: list[Role] = Field(
        default_factory=list,
        description="roles of the hub's account that approve and reject, and change nothing "
        "else of a version",
    )
    deployments: list[Deployment] = Field(
        default_factory=list, description="which group is served where, and how"
    )
    alerts: Alerts | None = Field(default=None, description="who is told of failures")
    log_retention_days: RetentionDays = Field(default=90, description="days that logs are kept")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = [
            *self._overlaps(),
            *self._unknown_groups(),
            *self._endpoints(),
            *self._foreign_approvers(),
            *self._capture_buckets(),
        ]
        if found:
            raise problems(found)
        return self

    def prefix(self, group: str) -> str:
        """What the keys of a group's artifacts start with."""
        return self.groups[group].artifacts or f"{group}/"

    def registering(self, account: Account) -> list[Registrar]:
        """The entries of `register_from` that hold the account."""
        return [each for each in self.register_from if account in each.account]

    def _overlaps(self) -> Iterator[Finding]:
        """Who reads a prefix reads everything below it."""
        names = sorted(self.groups)
        for name in names:
            for other in names:
                outer, inner = self.prefix(other), self.prefix(name)
                if other != name and inner.startswith(outer) and (inner != outer or other < name):
                    message = f'is within "{outer}", the artifacts of group "{other}"'
                    at = "artifacts" if self.groups[name].artifacts else ""
                    path = ("groups", name, at) if at else ("groups", name)
                    yield Finding("E204", message, "give each group a prefix of its own", path)

    def _unknown_groups(self) -> Iterator[Finding]:
        known = f"groups of this hub: {', '.join(sorted(self.groups))}"
        for index, registrar in enumerate(self.register_from):
            for place, name in enumerate(registrar.groups):
                if name not in self.groups:
                    path: tuple[str | int, ...] = ("register_from", index, "groups", place)
                    yield Finding("E342", f'names no group of this hub: "{name}"', known, path)
        for index, deployment in enumerate(self.deployments):
            group = self.groups.get(deployment.group)
            path = ("deployments", index, "group")
            if group is None:
                message = f'names no group of this hub: "{deployment.group}"'
                yield Finding("E342", message, known, path)
            elif not (group.repository or group.image):
                message = (
                    f'names "{deployment.group}", which has neither "repository" nor "image": '
                    "nothing could be pulled"
                )
                yield Finding("E342", message, "write repository: under the group", path)

    def _endpoints(self) -> Iterator[Finding]:
        """SageMaker takes names that differ in case only for the same."""
        first: dict[tuple[str, str], int] = {}
        for index, deployment in enumerate(self.deployments):
            for account in deployment.to:
                here = (account.name, deployment.endpoint.name.lower())
                if first.setdefault(here, index) != index:
                    message = (
                        f'is "{deployment.endpoint.name}", which another deployment has in '
                        f'account "{account.name}"'
                    )
                    path = ("deployments", index, "endpoint", "name")
                    yield Finding("E204", message, "give each endpoint a name of its own", path)
                    break

    def _foreign_approvers(self) -> Iterator[Finding]:
        for index, approver in enumerate(self.approve_by):
            if approver.account not in (None, self.account):
                message = (
                    f'is a role of "{approver.account.name}", and only roles of '
                    f'"{self.account.name}" can approve'
                )
                hint = "name a role of the hub's account that the other may assume"
                yield Finding("E321", message, hint, ("approve_by", index))

    def _capture_buckets(self) -> Iterator[Finding]:
        for index, deployment in enumerate(self.deployments):
            if deployment.endpoint.capture and len(deployment.to) > 1:
                names = ", ".join(account.name for account in deployment.to)
                message = f"is one bucket for several accounts: {names}"
                hint = "a bucket belongs to one account: write a deployment for each"
                path = ("deployments", index, "endpoint", "capture")
                yield Finding("E204", message, hint, path)
