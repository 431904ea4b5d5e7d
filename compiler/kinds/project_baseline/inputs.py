"""The inputs of `project-baseline`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from compiler.access.rules.google import BASIC
from compiler.blueprint.shapes import Matching, Shape, Text, problem
from compiler.kinds.account_baseline import GitHub
from compiler.kinds.inputs import EmailAddresses, OneProject, Projects

NAME = "project-baseline"
# What Landform's Google kinds use, and what Terraform needs to make it.
SERVICES = (
    "aiplatform",
    "artifactregistry",
    "cloudkms",
    "compute",
    "container",
    "gkehub",
    "logging",
    "monitoring",
    "storage",
)
# Services of which the reading of data is logged; the writing of it costs little beside.
AUDITED = ("aiplatform", "iam", "storage")
# Source: Cloud Billing Budget API reference, NotificationsRule.
BUDGET_RECIPIENTS = 5
_SUFFIX = ".googleapis.com"


def full_name(service: str) -> str:
    """`iam` as `iam.googleapis.com`."""
    return service if service == "allServices" or service.endswith(_SUFFIX) else service + _SUFFIX


def short_name(service: str) -> str:
    """`iam.googleapis.com` as Terraform may call it: `iam`."""
    return service.removesuffix(_SUFFIX).replace("-", "_")


def _not_basic(role: str) -> str:
    if role in BASIC or role.startswith("roles/ml.") or "serviceAgent" in role:
        raise problem(
            "E204",
            f'must be no basic role, role of AI Platform or of a service agent, as "{role}" is',
            "list the roles of the services that Terraform makes things in",
        )
    return role


Service = Annotated[
    Text,
    Matching(
        r"[a-z][a-z0-9-]{1,62}(?:\.googleapis\.com)?",
        "a service's name: aiplatform, or aiplatform.googleapis.com",
    ),
    AfterValidator(full_name),
]
AuditedService = Annotated[
    Text,
    Matching(
        r"allServices|[a-z][a-z0-9-]{1,62}(?:\.googleapis\.com)?",
        "a service's name, or allServices",
    ),
    AfterValidator(full_name),
]
RoleId = Annotated[
    Text,
    Matching(
        r"roles/[A-Za-z0-9_.]+|(?:projects|organizations)/[a-z0-9-]+/roles/[A-Za-z0-9_.]+",
        "a role's id: roles/container.admin",
    ),
    AfterValidator(_not_basic),
]
PoolId = Annotated[
    Text,
    Matching(r"(?!gcp-)[a-z0-9-]{4,32}", "a pool's id: 4 to 32 of a-z, 0-9 and -, not from gcp-"),
]
BillingAccount = Annotated[
    Text,
    Matching(
        r"[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}", "a billing account's id: 01AB23-4CD567-8EF901"
    ),
]


class DeployFrom(Shape):
    """The service account named by `deploy.google.service_account`, and who becomes it."""

    github: GitHub
    roles: list[RoleId] = Field(
        default_factory=list, description="roles of the account in the project; none by default"
    )
    existing_pool: PoolId | None = Field(
        default=None,
        description="id of a workload-identity pool of the project that admits the workflow already, "
        "with google.subject mapped to assertion.sub: only the subject that owner, repository, ref and "
        "ids make becomes the account (a job in a GitHub environment has another one)",
    )

    @model_validator(mode="after")
    def _roles_once(self) -> Self:
        _once(self.roles, "role")
        return self


class Budget(Shape):
    """A monthly budget of the project, with warnings."""

    billing_account: BillingAccount = Field(description="id of the billing account of the project")
    monthly_usd: int | None = Field(default=None, ge=1, description="limit, US dollars a month")
    monthly: int | None = Field(
        default=None,
        ge=1,
        description="limit a month in the billing account's currency, where that is another one",
    )
    notify: EmailAddresses = Field(
        min_length=1,
        max_length=BUDGET_RECIPIENTS,
        description="who is warned at 80 and 100 percent; others with a role in billing are not",
    )

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.monthly_usd is None) == (self.monthly is None):
            message = "needs one limit: monthly_usd, or monthly in the billing account's currency"
            raise problem("E204", message, "Google takes no other currency than the account's")
        return self


class Inputs(Shape):
    """What every project gets."""

    project: OneProject = Field(description="the project; set by for_each")
    services: list[Service] = Field(
        default_factory=lambda: [full_name(name) for name in SERVICES],
        description="services to turn on, beside those that this component needs itself",
    )
    audit: list[AuditedService] = Field(
        default_factory=lambda: [full_name(name) for name in AUDITED],
        description="services whose reads and writes of data are logged; [] for none",
    )
    deploy_from: DeployFrom | None = Field(default=None, description="who may apply Terraform")
    budget: Budget | None = Field(default=None, description="monthly budget")
    state_bucket: bool = Field(
        default=False, description="makes the bucket that state.google.bucket names, in its project"
    )
    states_of: Projects = Field(
        default_factory=list,
        description="projects whose deploy accounts keep their states in the bucket that state_bucket "
        "makes, beside its own; an account must exist: add its project once its baseline is applied",
    )

    @model_validator(mode="after")
    def _lists_once(self) -> Self:
        _once(self.services, "service")
        _once(self.audit, "service")
        return self


def _once(names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise problem("E204", f'names the {what} "{name}" twice')
