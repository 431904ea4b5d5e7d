"""The form of a kind's file: which keys there are, and what each may be.

The file is held to these models twice: as it is written, where a value with an expression may be
anything, and part by part when a component is built, with the expressions evaluated.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from compiler.blueprint.shapes import Matching, Shape, Text, problem
from compiler.blueprint.validation import Finding, problems
from compiler.blueprint.wording import written
from compiler.data import dns_suffix, partitions

INPUT_NAME = r"[a-z][a-z0-9_]{0,40}"
InputName = Annotated[
    Text, Matching(INPUT_NAME, "a name of a-z, 0-9 and _, starting with a letter")
]
# A number at the end marks one of several roles that an input names.
PartName = Annotated[
    Text,
    Matching(
        r"(?!.*_[0-9]+$)[a-z][a-z0-9_]{0,40}",
        "a name of a-z, 0-9 and _, starting with a letter, not ending in _1 or the like",
    ),
]
GrantName = Annotated[
    Text,
    Matching(
        r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", "words of a-z and 0-9 joined by -: reader-reads-data"
    ),
]
TerraformName = Annotated[
    Text, Matching(r"[A-Za-z_][A-Za-z0-9_-]*", "a Terraform name: letters, digits, _ and -")
]
AssetName = Annotated[
    Text,
    Matching(
        r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)*",
        "a relative path of letters, digits, _, . and -",
    ),
]
# No list or text of a blueprint is longer; pydantic takes no larger limit than a machine's word.
_MOST = 1_000_000


def condition_value(value: object) -> bool:
    """Whether IAM could test for it: a text, a number, true or false, or several of them.

    An empty value would be no condition at all: the statement would allow more than is written.
    """
    if isinstance(value, list):
        return (
            bool(value)
            and not any(isinstance(item, list) for item in value)
            and all(condition_value(item) for item in value)
        )
    return isinstance(value, bool | str | int | float)


def _condition(value: object) -> object:
    if not condition_value(value):
        raise problem("E203", f"must be text, a number or a list of them, not {written(value)}")
    return value


def service_principal(value: object) -> bool:
    """Whether it has the form of an AWS service as a principal: `lambda.amazonaws.com`.

    Source: IAM user guide, "AWS JSON policy elements: Principal", service principals.
    """
    if not isinstance(value, str):
        return False
    suffixes = sorted({dns_suffix(partition) for partition in partitions()})
    endings = "|".join(map(re.escape, suffixes))
    return re.fullmatch(rf"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:{endings})", value) is not None


ConditionValue = Annotated[Any, AfterValidator(_condition)]
InputType = Literal[
    "string", "integer", "number", "boolean", "array", "object",
    "account", "accounts", "project", "projects", "role", "component",
]  # fmt: skip


class InputSchema(Shape):
    """One input, a property of one, or the items of a list."""

    type: InputType = Field(description="string, integer, array, account, …")
    description: Text | None = Field(default=None, description="what it is for")
    required: bool | None = Field(
        default=None, description="false: may be left out, and is null then"
    )
    default: Any = Field(default=None, description="the value where it is left out")
    enum: list[Any] | None = Field(default=None, min_length=1, description="the values it may have")
    pattern: Text | None = Field(
        default=None, description="regular expression that the whole text must match"
    )
    maxLength: int | None = Field(default=None, ge=1, le=_MOST, description="characters at most")
    minimum: int | float | None = Field(default=None, description="the smallest number")
    maximum: int | float | None = Field(default=None, description="the largest number")
    minItems: int | None = Field(default=None, ge=0, le=_MOST, description="items at least")
    maxItems: int | None = Field(default=None, ge=1, le=_MOST, description="items at most")
    items: InputSchema | None = Field(default=None, description="what the items of a list are")
    properties: dict[InputName, InputSchema] | None = Field(
        default=None, description="the keys of a mapping"
    )
    additionalProperties: InputSchema | None = Field(
        default=None, description="what the values of a mapping with any keys are"
    )
    kind: Text | None = Field(default=None, description="the kind that the component must be of")

    @property
    def optional(self) -> bool:
        """Whether it may be left out."""
        return "default" in self.model_fields_set or self.required is False


class KeyPart(Shape):
    """A customer KMS key with its alias; grants write its policy."""

    description: Text | None = Field(default=None, description="what the key is for")
    statements: list[dict[Text, Any]] = Field(
        default_factory=list, description="statements for AWS services that use the key themselves"
    )
    when: bool = Field(default=True, description="made only where this is true")


class BucketPart(Shape):
    """An S3 bucket with all its guards; grants write its policy."""

    key: PartName = Field(description="the key of the same stack that encrypts it")
    when: bool = Field(default=True, description="made only where this is true")


class RepositoryPart(Shape):
    """An ECR repository; grants write its policy."""

    existing: Text | None = Field(
        default=None, description="name of one that is there already: it only gets a policy"
    )
    when: bool = Field(default=True, description="made only where this is true")


class RolePart(Shape):
    """An IAM role; grants write its policies."""

    description: Text | None = Field(default=None, description="what the role does")
    service: Text | list[Text] | None = Field(
        default=None, description="AWS services that may become it: lambda.amazonaws.com"
    )
    source_arn: Text | None = Field(
        default=None, description="only on behalf of this resource: its ARN, with * where it varies"
    )
    existing: Any = Field(
        default=None,
        description="a role that is there already, or several: an input of type role, or its name",
    )
    when: bool = Field(default=True, description="made only where this is true")

    @field_validator("service")
    @classmethod
    def _principals(cls, value: str | list[str] | None) -> str | list[str] | None:
        found = []
        for index, each in enumerate(value if isinstance(value, list) else [value or ""]):
            if each and not service_principal(each):
                hint = f"write {each}.amazonaws.com" if each.isalnum() else "lambda.amazonaws.com"
                at = (index,) if isinstance(value, list) else ()
                found.append(
                    Finding("E204", f"names {written(each)}, which is no service", hint, at)
                )
        if found:
            raise problems(found)
        return value


class ModelGroupPart(Shape):
    """A SageMaker model-package group; grants write its policy."""

    # Source: SageMaker API reference, CreateModelPackageGroup, ModelPackageGroupName.
    name: Annotated[
        Text,
        Matching(
            r"[A-Za-z0-9](?:-*[A-Za-z0-9]){0,62}",
            "1 to 63 letters, digits and -, with a letter or digit at either end",
        ),
    ] = Field(description="the group's name")
    when: bool = Field(default=True, description="made only where this is true")


class BusPart(Shape):
    """An EventBridge event bus; grants write its policy."""

    when: bool = Field(default=True, description="made only where this is true")


class ServiceAccountPart(Shape):
    """A Google service account."""

    id: Annotated[
        Text,
        Matching(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "6 to 30 of a-z, 0-9 and -"),
    ] = Field(description="its address before the @: 6 to 30 characters")
    description: Text | None = Field(default=None, description="what it is for")
    when: bool = Field(default=True, description="made only where this is true")


class OutputPart(Shape):
    """An output of the stack."""

    value: Any = Field(description="a Terraform expression, or any value")
    description: Text = Field(description="what it is")
    when: bool = Field(default=True, description="written only where this is true")


class StackPart(Shape):
    """What the stack of an account or a project holds."""

    keys: dict[PartName, KeyPart] = Field(default_factory=dict)
    buckets: dict[PartName, BucketPart] = Field(default_factory=dict)
    repositories: dict[PartName, RepositoryPart] = Field(default_factory=dict)
    roles: dict[PartName, RolePart] = Field(default_factory=dict)
    model_groups: dict[PartName, ModelGroupPart] = Field(default_factory=dict)
    buses: dict[PartName, BusPart] = Field(default_factory=dict)
    service_accounts: dict[PartName, ServiceAccountPart] = Field(default_factory=dict)
    data: dict[Text, dict[TerraformName, dict[Text, Any]]] = Field(
        default_factory=dict, description="data sources, as Terraform JSON"
    )
    resources: dict[Text, dict[TerraformName, dict[Text, Any]]] = Field(
        default_factory=dict, description="resources, as Terraform JSON"
    )
    outputs: dict[TerraformName, OutputPart] = Field(default_factory=dict)
    assets: dict[AssetName, str] = Field(
        default_factory=dict, description="files beside the stack, below assets/: path and text"
    )
    after: list[InputName] = Field(
        default_factory=list, description="stacks that are applied before this one"
    )


class TargetPart(Shape):
    """What a grant is about."""

    bucket: Text | None = Field(default=None, description="a bucket of the kind; Google: its name")
    objects: Text | None = Field(default=None, description="keys in the bucket, with *: data/*")
    prefixes: list[Text] = Field(
        default_factory=list,
        min_length=1,
        description="only keys that start so, where the bucket is listed",
    )
    key: PartName | None = Field(default=None, description="a key, used by the caller itself")
    repository: Text | None = Field(default=None, description="a repository's images")
    role: PartName | None = Field(default=None, description="a role that the principal may become")
    model_group: PartName | None = Field(default=None, description="a model-package group")
    packages: PartName | None = Field(default=None, description="the packages of a group")
    bus: PartName | None = Field(default=None, description="an event bus")
    arn: Text | None = Field(
        default=None, description="anything of the principal's own account, or *"
    )
    project: InputName | None = Field(default=None, description="Google: the input with the owner")
    location: Text | None = Field(default=None, description="Google: the repository's location")
    service_account: PartName | None = Field(
        default=None, description="Google: a service account of the kind"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        """A key without a value would make the grant about nothing, and be dropped."""
        if value is None:
            raise problem("E203", "must be text, not null")
        return value


class ConditionPart(Shape):
    """A condition of a Google binding."""

    title: Text = Field(description="its title")
    expression: Text = Field(description="in the Common Expression Language")


class GrantPart(Shape):
    """A permission, declared once: all its halves are written from it."""

    principal: Text = Field(
        description="a role of the kind; Google: a service account of it, or group:ml@acme.example"
    )
    actions: list[Text] = Field(
        default_factory=list, description="AWS: what the principal may do: s3:GetObject"
    )
    role: Text | None = Field(default=None, description="Google: roles/storage.objectViewer")
    resource: TargetPart = Field(description="what it is about")
    conditions: dict[Text, Annotated[dict[Text, ConditionValue], Field(min_length=1)]] = Field(
        default_factory=dict, description="AWS: conditions on the principal's side"
    )
    condition: ConditionPart | None = Field(default=None, description="Google: a condition")
    when: bool = Field(default=True, description="written only where this is true")


class KindModel(Shape):
    """A team's own kind."""

    summary: Text = Field(description="one line that says what it is")
    description: Text | None = Field(default=None, description="its manual")
    inputs: dict[InputName, InputSchema] = Field(description="what a component gives")
    stacks: dict[InputName, StackPart] = Field(
        description="for each input that names accounts or projects, what their stacks hold"
    )
    grants: dict[GrantName, GrantPart] = Field(
        default_factory=dict, description="who may do what where"
    )


# Parts of a stack that grants and expressions name, with their models.
PARTS: dict[str, type[Shape]] = {
    "keys": KeyPart,
    "buckets": BucketPart,
    "repositories": RepositoryPart,
    "roles": RolePart,
    "model_groups": ModelGroupPart,
    "buses": BusPart,
    "service_accounts": ServiceAccountPart,
}
