"""Who there is: the organisation as frozen records, with all settings inherited and evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from compiler.blueprint import nodes
from compiler.diagnostics import Span
from compiler.terraform.stack import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An AWS account. `id` has 12 digits; `unit` is a unit's path or None.

    `tags` and `vars` are inherited: defaults, each step of the unit path, the account. `ou` is the
    organisational unit's id in AWS where its unit says it. `sound` is false where the blueprint's
    words about it have errors, so that not all of them are here.
    """

    name: str
    id: str
    unit: str | None
    region: str | None
    tags: Mapping[str, str]
    vars: Mapping[str, Any]
    span: Span
    ou: str | None = None
    sound: bool = True

    cloud: Cloud = field(default="aws", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A Google Cloud project: `id` is the project id, `number` the project number as text."""

    name: str
    id: str
    number: str | None
    unit: str | None
    region: str | None
    tags: Mapping[str, str]
    vars: Mapping[str, Any]
    span: Span
    sound: bool = True

    cloud: Cloud = field(default="google", init=False)


Home = Account | Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """Who Terraform acts as. None means the ambient credentials."""

    aws_role: str | None = None
    aws_bootstrap_role: str = "OrganizationAccountAccessRole"
    google_service_accounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where Terraform keeps state. None means local state beside each stack."""

    aws_bucket: str | None = None
    aws_region: str | None = None
    google_bucket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The organisation and everything that components can name.

    `accounts` and `projects` are sorted by name. `providers` maps "aws" and "google" to version
    constraints. `aws_id` is the AWS organisation id that adds aws:PrincipalOrgID guards. `management_account`
    is the name of the account that manages it. `unmade` are the components that are nowhere made, and
    where their `when` says so.
    """

    name: str
    partition: str
    aws_id: str | None
    google_id: str | None
    google_domain: str | None
    units: tuple[str, ...]
    accounts: Mapping[str, Account]
    projects: Mapping[str, Project]
    deploy: Deploy
    state: State
    providers: Mapping[str, str]
    regions: tuple[str, ...] = ()
    management_account: str | None = None
    unmade: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """Something that exists already and shall be a stack's from now on.

    `home` is the name of the account or project, `address` Terraform's in the stack there, `id` what
    the provider imports it by; `span` is where the id is written.
    """

    cloud: Cloud
    home: str
    address: str
    id: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component, or one instance of it where `for_each` makes several.

    `inputs` is the kind's model. Inputs that belong to one of several accounts are evaluated in
    the scope of each: `inputs_in(account)` gives the model as that account sees it. `span` is the
    component's key in the blueprint, `origin` its address there (`components.churn`), `tree` its
    keys as they are written, `vars` its own variables. `renamed_from` is the name that it had when
    its state and its names in the cloud were made, where that is another.
    """

    name: str
    kind: str
    home: Home
    region: str
    inputs: Any
    variants: Mapping[str, Any]
    tags: Mapping[str, str]
    span: Span
    origin: str
    tree: nodes.Mapping = field(repr=False, compare=False)
    vars: Mapping[str, Any] = field(default_factory=dict)
    renamed_from: str | None = None
    adopted: tuple[Adopted, ...] = ()

    @property
    def unrenamed(self) -> Component:
        """The same under the name that it has in the cloud."""
        return replace(self, name=self.renamed_from) if self.renamed_from else self

    def span_of(self, *path: str | int) -> Span:
        """Where an input is written, or the component's key where it is not."""
        span, whole = nodes.span_at(self.tree, path)
        return span if whole else self.span

    def inputs_in(self, account: str) -> Any:
        """The inputs as the account of that name sees them."""
        return self.variants.get(account, self.inputs)
