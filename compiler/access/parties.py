"""Who takes part in a grant: roles that ask, and what they ask for.

All names are fixed when the blueprint is compiled, so every ARN here is literal text, apart from
the id of a KMS key, which only its own stack knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.access.policy import Conditions, Statement
from compiler.terraform.stack import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A stack of an AWS account: where a role or a resource lives.

    `id` is the account's 12 digits, `stack` the stack's path, `organization` the AWS organisation
    id or None, `suffix` the partition's DNS suffix (`amazonaws.com`).
    """

    account: str
    id: str
    stack: str
    partition: str
    region: str
    organization: str | None
    suffix: str

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """The ARN of something in this place; `region=False` for services without regions."""
        return (
            f"arn:{self.partition}:{service}:{self.region if region else ''}:{self.id}:{resource}"
        )

    @property
    def component(self) -> str:
        """The name of the component whose stack it is."""
        return self.stack.rpartition("/")[2]

    @property
    def root(self) -> str:
        """The account as a principal."""
        return self.arn("iam", "root", region=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """An IAM role. `name` is its name in Terraform, `role_name` in AWS.

    `path` starts and ends with `/`. `trust` are the statements of its trust policy beside those
    that grants add. An `existing` role is not made by Landform: it can only be given permissions.
    `several` says that other accounts of the component have a role of the same name. `after` are
    addresses in its stack that its trust policy speaks of.
    """

    place: Place
    name: str
    role_name: str
    path: str = "/"
    trust: tuple[Statement, ...] = ()
    existing: bool = False
    description: str = ""
    several: bool = False
    after: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What grants call the role: its name, and its account where several have one."""
        label = f"{self.name}-{self.place.account}" if self.several else self.name
        return label.replace("_", "-")

    @property
    def arn(self) -> str:
        """The role's ARN, with its path."""
        return self.place.arn("iam", f"role{self.path}{self.role_name}", region=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A customer KMS key, used only by the principals that grants name.

    `alias` is the whole alias, `alias/acme-churn`. `services` are statements for AWS services that
    use the key on their own.
    """

    place: Place
    name: str
    alias: str
    description: str
    services: tuple[Statement, ...] = ()

    @property
    def address(self) -> str:
        """The key's address in its stack."""
        return f"aws_kms_key.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """An S3 bucket. `name` is its name in Terraform, `bucket` in AWS.

    It is encrypted with `key`, or with S3's own key where that is None. Old versions of its objects
    are kept for `version_days`. A `precious` one cannot be destroyed by Terraform.
    """

    place: Place
    name: str
    bucket: str
    key: Key | None
    version_days: int = 90
    precious: bool = False

    @property
    def arn(self) -> str:
        """The bucket's ARN."""
        return f"arn:{self.place.partition}:s3:::{self.bucket}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """An ECR repository. `name` is its name in Terraform, `repository` in AWS."""

    place: Place
    name: str
    repository: str
    existing: bool = False

    @property
    def arn(self) -> str:
        """The repository's ARN."""
        return self.place.arn("ecr", f"repository/{self.repository}")

    def image(self, tag: str) -> str:
        """The address of an image in it."""
        place = self.place
        host = f"{place.id}.dkr.ecr.{place.region}.{place.suffix}"
        return f"{host}/{self.repository}:{tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelGroup:
    """A SageMaker model-package group. `name` is its name in Terraform, `group` in AWS."""

    place: Place
    name: str
    group: str

    @property
    def arn(self) -> str:
        """The group's ARN."""
        return self.place.arn("sagemaker", f"model-package-group/{self.group}")

    @property
    def packages(self) -> str:
        """The ARN pattern of the model packages in it: its versions."""
        return self.place.arn("sagemaker", f"model-package/{self.group}/*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """An EventBridge bus. `name` is its name in Terraform, `bus` in AWS."""

    place: Place
    name: str
    bus: str

    @property
    def arn(self) -> str:
        """The bus's ARN."""
        return self.place.arn("events", f"event-bus/{self.bus}")


@dataclass(frozen=True, slots=True)
class Assume:
    """Becoming another role."""

    role: Role


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of a bucket; `pattern` is a key with `*`: `data/*`.

    `via_s3` narrows the use of the bucket's key to calls through S3, for callers that make no KMS
    calls of their own.
    """

    bucket: Bucket
    pattern: str
    via_s3: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """The bucket itself: its settings, and its list of keys where they start with `prefixes`."""

    bucket: Bucket
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key, used by the caller itself rather than through a bucket.

    `for_service` is for kms:CreateGrant: only AWS services may use what the caller grants. Where a
    service knows no such condition, the grant is for a role that is trusted with the key.
    """

    key: Key
    for_service: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """Anything of the principal's own account that needs no policy on its side.

    `arn` may be `*` only for actions that know no resources; `value` is what to write in the
    policy where the ARN is known only to Terraform.
    """

    place: Place
    arn: str
    value: Value = field(default=None)


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a repository."""

    repository: Repository


@dataclass(frozen=True, slots=True)
class Group:
    """A model-package group itself: its settings and the list of its packages."""

    group: ModelGroup


@dataclass(frozen=True, slots=True)
class Packages:
    """The model packages of a group."""

    group: ModelGroup


@dataclass(frozen=True, slots=True)
class Events:
    """Events that are put on a bus, whose owner takes `only` some."""

    bus: Bus
    only: Conditions = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provided:
    """Something of AWS's own accounts that its owner opens to every caller."""

    arn: str


Target = Assume | Objects | Listing | KeyUse | Images | Group | Packages | Events | Own | Provided


def key_of(target: Target) -> Key | None:
    """The key that whoever is granted the target uses."""
    if isinstance(target, Objects):
        return target.bucket.key
    return target.key if isinstance(target, KeyUse) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One permission, declared once: `principal` may do `actions` on `target`.

    `id` names it within its `component`, in words joined by dashes: `train-reads-data`; `origin` is
    the component's address in the blueprint. `conditions` hold on the principal's side (for `Assume`
    and `Listing` on both sides, for `Group` and `Packages` where a version is made). The target may be another component's.
    """

    id: str
    component: str
    origin: str
    principal: Role
    actions: tuple[str, ...]
    target: Target
    conditions: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
