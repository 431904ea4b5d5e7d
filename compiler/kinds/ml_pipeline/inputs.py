"""The inputs of `ml-pipeline`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from compiler.blueprint.shapes import Matching, Shape, Text, problem
from compiler.blueprint.validation import Finding, problems
from compiler.kinds.endpoints.inputs import (
    Alerts,
    BuiltinImage,
    EndpointName,
    Network,
    RepositoryName,
    RetentionDays,
    Serving,
    TrainingInstance,
)
from compiler.kinds.inputs import (
    Accounts,
    ComponentName,
    EmailAddresses,
    OneAccount,
    Role,
    RoleReference,
    twice,
)
from compiler.kinds.model_hub.inputs import GroupName
from compiler.terraform.names import reserved_name


def _portable(value: str) -> str:
    for name in value.split("/"):
        if name.endswith(".") or reserved_name(name):
            raise problem("E204", f'must not hold "{name}", which Windows cannot store')
    return value


Repository = Annotated[
    Text, Matching(r"[\w.-]+(?:/[\w.-]+)+", "a repository with its owner: acme/churn")
]
Branch = Annotated[Text, Matching(r"[^\s~^:?*\[\\]+", "a branch's name")]
CodeCommitName = Annotated[
    Text, Matching(r"[\w.-]{1,100}", "a repository's name: letters, digits and ._-")
]
# No `*` or `?` in keys: in a policy they would be wildcards.
SourceKey = Annotated[
    Text, Matching(r"source/[\w!.'()/-]+\.zip", "a key below source/ that ends in .zip")
]
DataPrefix = Annotated[
    Text, Matching(r"data/(?:[\w!.'()=-]+/)*", "data/ or a prefix below it, ending in /")
]
ImageTag = Annotated[Text, Matching(r"[\w][\w.-]{0,127}", "an image's tag")]
TemplatePath = Annotated[
    Text,
    Matching(
        r"(?:[\w-][\w.-]{0,40}/){0,3}[\w-][\w.-]{0,40}\.(?:json|template|yaml|yml)",
        "the path of a .json, .yaml, .yml or .template file inside the source",
    ),
    AfterValidator(_portable),
]


class CodeConnectionsSource(Shape):
    """A repository at GitHub, GitLab or Bitbucket, through AWS CodeConnections."""

    repository: Repository = Field(description="repository with its owner: acme/churn")
    branch: Branch = Field(default="main", description="branch whose pushes start the pipeline")
    provider: Literal["Bitbucket", "GitHub", "GitLab"] = Field(
        default="GitHub",
        description="where the repository is; a person completes the handshake once",
    )
    connection_arn: (
        Annotated[
            Text,
            Matching(
                r"arn:[\w-]+:(?:codeconnections|codestar-connections):[\w-]+:\d{12}:connection/[\w-]+",
                "the ARN of a connection",
            ),
        ]
        | None
    ) = Field(default=None, description="a connection that exists already; default: a new one")


class CodeCommitSource(Shape):
    """A CodeCommit repository of the shared account."""

    repository: CodeCommitName = Field(description="name of the repository")
    branch: Branch = Field(default="main", description="branch whose pushes start the pipeline")
    existing: bool = Field(default=False, description="the repository exists already")


class S3Source(Shape):
    """A zip file in the pipeline's own bucket."""

    key: SourceKey = Field(description="key of the zip file: source/churn.zip")


class Source(Shape):
    """Where the state machine's template comes from: exactly one of three."""

    codeconnections: CodeConnectionsSource | None = None
    codecommit: CodeCommitSource | None = None
    s3: S3Source | None = None

    @model_validator(mode="before")
    @classmethod
    def _not_several(cls, value: Any) -> Any:
        """Before what is wrong inside of one of them: it may be the one that goes."""
        keys = cls.model_fields if isinstance(value, Mapping) else ()
        given = [name for name in keys if value.get(name) is not None]
        if len(given) > 1:
            raise problems([_one_source(len(given))])
        return value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise problems([_one_source(0)])
        return self


def _one_source(given: int) -> Finding:
    return Finding(
        "E204",
        f"must be exactly one of codeconnections, codecommit and s3, not {given} of them",
        "source: {codeconnections: {repository: acme/churn, branch: main}}",
    )


class OwnImage(Shape):
    """An image of the team's own: `{repository: churn, tag: "1.4.2"}`, in the shared account."""

    repository: RepositoryName = Field(description="name of the ECR repository")
    tag: ImageTag = Field(description="tag of the image; tags cannot be moved")
    existing: bool = Field(default=False, description="the repository exists already")

    @model_validator(mode="after")
    def _reproducible(self) -> Self:
        if self.tag == "latest":
            message = 'must not be "latest": training would not be reproducible'
            raise problem("E204", message, "name one version", ("tag",))
        return self


Image = BuiltinImage | OwnImage


class Train(Shape):
    """How the model is trained."""

    image: Image = Field(description="built-in algorithm, or an image of the team's own")
    instance: TrainingInstance = Field(description="instance type: ml.m6i.xlarge")
    count: int = Field(default=1, ge=1, le=100, description="number of instances")
    volume_gb: int = Field(default=30, ge=1, le=16384, description="size of the volume, GB")
    max_hours: int = Field(default=24, ge=1, le=672, description="longest run, hours")
    data: DataPrefix = Field(
        default="data/", description="prefix of the training data; training reads nothing else"
    )
    content_type: Text = Field(default="text/csv", description="MIME type of the training data")
    hyperparameters: dict[Text, Text] = Field(
        default_factory=dict, description="hyperparameters, as text"
    )
    network_isolation: bool = Field(
        default=True, description="the training container has no network of its own"
    )
    network: Network | None = Field(default=None, description="subnets of the training account")


class Deploy(Serving):
    """How the model is served; expressions see each production account in turn."""

    endpoint: EndpointName = Field(description="name of the endpoint")


class Approval(Shape):
    """The manual approval between training and production."""

    notify: EmailAddresses = Field(default_factory=list, description="who is told that it waits")
    by: list[Role] = Field(
        default_factory=list, description="roles of the shared account that may approve"
    )


class Register(Shape):
    """A group of a model hub: `{hub: models, group: churn}`."""

    hub: ComponentName = Field(description="component of the kind model-hub")
    group: GroupName = Field(description="group of that hub")


class Inputs(Shape):
    """Train in one account, approve, serve in another."""

    shared: OneAccount = Field(description="account with key, bucket, source, pipeline")
    training: OneAccount = Field(description="account that trains")
    production: Accounts = Field(description="accounts that serve, deployed in this order")
    source: Source = Field(description="what starts the pipeline")
    train: Train = Field(description="how the model is trained")
    deploy: Deploy = Field(description="how the model is served")
    approval: Approval = Field(default_factory=Approval, description="who approves, who is told")
    # `register` is pydantic's own name.
    registration: Register | None = Field(
        default=None,
        alias="register",
        description="approved models also become versions of this model hub's group, before they are "
        "deployed here; the hub's register_from must hold the shared account",
    )
    alerts: Alerts | None = Field(default=None, description="who is told of failures")
    uploaders: list[Role] = Field(
        default_factory=list,
        description="roles that may write data/ in the bucket; default account: shared",
    )
    source_uploaders: list[Role] = Field(
        default_factory=list,
        description="roles that may write the key of an S3 source, and so start the pipeline; "
        "default account: shared",
    )
    state_machine: Literal["cloudformation", "terraform"] = Field(
        default="cloudformation",
        description="who makes the state machine: a CloudFormation action of the pipeline, from the "
        "template in the source, or Terraform",
    )
    template: TemplatePath = Field(
        default="state-machine.json",
        description="path of the CloudFormation template in the source",
    )
    log_retention_days: RetentionDays = Field(default=90, description="days that logs are kept")

    @model_validator(mode="after")
    def _limits(self) -> Self:
        found = []
        if len(self.production) > 40:
            message, hint = "must have at most 40 accounts", "a pipeline has at most 50 stages"
            found.append(Finding("E204", message, hint, ("production",)))
        if self.source_uploaders and self.source.s3 is None:
            message = "is for an S3 source only: nobody uploads to a repository through the bucket"
            hint = "leave it out, or take source: {s3: {key: source/churn.zip}}"
            found.append(Finding("E204", message, hint, ("source_uploaders",)))
        for index, approver in enumerate(self.approval.by):
            if approver.account not in (None, self.shared):
                message = (
                    f'is a role of "{approver.account.name}", and only roles of '
                    f'"{self.shared.name}" can approve'
                )
                hint = "name a role of the shared account that the other may assume"
                found.append(Finding("E321", message, hint, ("approval", "by", index)))
        found += twice("role", [each.role for each in self.approval.by], ("approval", "by"))
        for key in ("uploaders", "source_uploaders"):
            given: list[RoleReference] = getattr(self, key)
            names = [(each.role, (each.account or self.shared).name) for each in given]
            found += twice("role", [f"{role} of {account}" for role, account in names], (key,))
        if found:
            raise problems(found)
        return self
