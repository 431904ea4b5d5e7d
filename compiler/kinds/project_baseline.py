"""`project-baseline`: what every Google project gets.

The services that its components need, audit logs of who read what; where asked, a budget, the bucket
of Terraform's state, and the service account that Terraform is applied as, which a GitHub Actions
workflow becomes through a workload-identity pool. The stack that makes that account, or gives it its
roles in the project, is itself applied with the ambient credentials, and before every other stack of
its project. They need roles/billing.costsManager on the billing account of a budget; those of a
person also USER_PROJECT_OVERRIDE=true and GOOGLE_BILLING_PROJECT in the environment. Google keeps the
id of a deleted pool for 30 days.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from compiler.access.google import Member, OnBucket, OnServiceAccount, ServiceAccount, WholeProject
from compiler.access.rules.google import BASIC
from compiler.blueprint.shapes import Matching, Shape, Text, problem
from compiler.kinds.account_baseline import BUDGET_WARNINGS, GITHUB, STATE_VERSION_DAYS, GitHub
from compiler.kinds.draft import Draft
from compiler.kinds.inputs import EmailAddress, OneProject, Projects
from compiler.organization.kind import Kind
from compiler.organization.records import Component, Project
from compiler.terraform.names import HASH_LENGTH, shorten
from compiler.terraform.stack import Value, reference

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
ALWAYS = ("cloudresourcemanager", "iam", "iamcredentials", "serviceusage")
# Services of which the reading of data is logged; the writing of it costs little beside.
AUDITED = ("aiplatform", "iam", "storage")
AUDIT_TYPES = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")
# Source: Terraform documentation, provider google, iam_workload_identity_pool: 4 to 32 characters.
POOL_LENGTH = 32
# Source: IAM API reference, WorkloadIdentityPoolProvider, attributeMapping: google.subject in bytes.
SUBJECT_LENGTH = 127
# Source: Cloud Billing Budget API reference, Budget, displayName and NotificationsRule.
BUDGET_NAME_LENGTH = 60
BUDGET_RECIPIENTS = 5
_SUFFIX = ".googleapis.com"
_ACCOUNT = re.compile(r"([a-z](?:[a-z0-9-]{4,28}[a-z0-9]))@([a-z0-9-]+)\.iam\.gserviceaccount\.com")


def _with_suffix(name: str) -> str:
    return name if name == "allServices" or name.endswith(_SUFFIX) else name + _SUFFIX


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
    AfterValidator(_with_suffix),
]
AuditedService = Annotated[
    Text,
    Matching(
        r"allServices|[a-z][a-z0-9-]{1,62}(?:\.googleapis\.com)?",
        "a service's name, or allServices",
    ),
    AfterValidator(_with_suffix),
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
        "with attribute.repository mapped",
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
    notify: list[EmailAddress] = Field(
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
        default_factory=lambda: [_with_suffix(name) for name in SERVICES],
        description="services to turn on, beside those that this component needs itself",
    )
    audit: list[AuditedService] = Field(
        default_factory=lambda: [_with_suffix(name) for name in AUDITED],
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


def build(draft: Draft) -> None:
    """One stack: the project's own settings."""
    inputs: Inputs = draft.component.inputs
    project = inputs.project
    _services(draft, inputs)
    for service in sorted(inputs.audit):
        _audit(draft, project, service)
    if inputs.deploy_from:
        _deploy_account(draft, project, inputs.deploy_from)
    if inputs.budget:
        _budget(draft, project, inputs.budget)
    if inputs.state_bucket:
        _state_bucket(draft, inputs)


def _services(draft: Draft, inputs: Inputs) -> None:
    """The services; they stay on when the stack goes, as others use them."""
    needed = {*ALWAYS}
    if inputs.deploy_from:
        needed.add("sts")
    if inputs.budget:
        needed |= {"billingbudgets", "monitoring"}
    if inputs.state_bucket:
        needed.add("storage")
    for service in sorted({*inputs.services, *map(_with_suffix, needed)}):
        arguments: dict[str, Value] = {
            "project": inputs.project.id,
            "service": service,
            "disable_on_destroy": False,
        }
        draft.add(inputs.project, "google_project_service", _short(service), arguments)


def _short(service: str) -> str:
    return service.removesuffix(_SUFFIX).replace("-", "_")


def _on(service: str) -> str:
    """The address of a service that this stack turns on."""
    return f"google_project_service.{service}"


def _audit(draft: Draft, project: Project, service: str) -> None:
    draft.claim(project, "audit configuration", service)
    draft.add(
        project,
        "google_project_iam_audit_config",
        _short(service),
        {
            "project": project.id,
            "service": service,
            "audit_log_config": [{"log_type": kind} for kind in AUDIT_TYPES],
        },
        depends_on=(_on("cloudresourcemanager"),),
    )


def _deploy_account(draft: Draft, project: Project, given: DeployFrom) -> None:
    """The service account that every other stack of the project is applied as, and its roles.

    One account may be for several projects: it is made in its own, and gets its roles in each.
    """
    found = _named(draft, project)
    if found is None:
        return
    account_id, home = found
    site = draft.site(project)
    draft.creates_deploy_role(project)
    member = Member(f"serviceAccount:{_email(draft, project)}", home.name)
    if home == project:
        account = ServiceAccount(site=site, name="deploy", account_id=account_id)
        member = account.member
        _account(draft, project, account, given)
    else:
        makers = draft.neighbours.such(KIND.name, _deploys)
        paths = (f"google/{home.name}/{c.name}" for c in makers if c.inputs.project == home)
        draft.after_stacks(project, *paths)
    used: set[str] = set()
    for role in sorted(given.roles):
        _own_role(draft, project, role)
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", role.removeprefix("roles/"))
        id = f"deployer-{project.name}-has-{'-'.join(words).lower()}"
        if id not in used:  # two ids may have the same words: projects/p/roles/a_b and …/a.b
            used.add(id)
        else:
            id = f"{id}-{hashlib.sha256(role.encode()).hexdigest()[:HASH_LENGTH]}"
        draft.bind(id, member, role, WholeProject(site), after=(_on("cloudresourcemanager"),))
    draft.output(
        project,
        "deploy_service_account",
        _email(draft, project),
        "service account that Terraform is applied as",
    )


def _own_role(draft: Draft, project: Project, role: str) -> None:
    """A custom role of a project can be bound in that project only."""
    if role.startswith("projects/") and role.split("/")[1] != project.id:
        draft.problem(
            "E204",
            f'component "{draft.component.name}": "{role}" can be bound in its own project only, not in '
            f'"{project.name}"',
            hint='write "projects/{{ project.id }}/roles/…", or a role of the organisation',
            at=("deploy_from", "roles"),
        )


def _email(draft: Draft, project: Project) -> str | None:
    return draft.organization.deploy.google_service_accounts.get(project.name)


def _named(draft: Draft, project: Project) -> tuple[str, Project] | None:
    """The part of the account's address before the @, and the project that it belongs to."""
    email = _email(draft, project)
    if email is None:
        draft.problem(
            "E322",
            f'component "{draft.component.name}" has deploy_from, but no service account has a name',
            hint="name it: deploy: {google: {service_account: "
            '"terraform@{{ project.id }}.iam.gserviceaccount.com"}}',
            at=("deploy_from",),
        )
        return None
    match = _ACCOUNT.fullmatch(email)
    ids = {each.id: each for each in draft.organization.projects.values()}
    if match is None or match[2] not in ids:
        draft.problem(
            "E322",
            f'component "{draft.component.name}" has deploy_from, and "{email}" is no service account '
            "of a project of this blueprint",
            hint="write deploy.google.service_account as <6 to 30 of a-z, 0-9 and ->@<project id>"
            ".iam.gserviceaccount.com, or leave deploy_from out",
            at=("deploy_from",),
        )
        return None
    return match[1], ids[match[2]]


def _account(draft: Draft, project: Project, account: ServiceAccount, given: DeployFrom) -> None:
    """The account, the workflow that becomes it, and the pool that the workflow is known by."""
    draft.add(
        project,
        "google_service_account",
        account.name,
        {
            "project": project.id,
            "account_id": account.account_id,
            "display_name": account.account_id,
            "description": "Terraform is applied as it",
        },
        depends_on=(_on("iam"),),
    )
    itself = OnServiceAccount(account.site, account.account_id, account.address)
    # The provider block impersonates the account, also where the workflow is it already.
    role = "roles/iam.serviceAccountTokenCreator"
    draft.bind(f"deployer-{project.name}-becomes-itself", account.member, role, itself)
    pool = given.existing_pool or _pool(draft, project, given.github)
    after = () if given.existing_pool else (f"{_PROVIDER}.github",)
    pools = f"projects/{draft.number(project)}/locations/global/workloadIdentityPools/{pool}"
    repository = f"{given.github.owner}/{given.github.repository}"
    workflow = f"principalSet://iam.googleapis.com/{pools}/attribute.repository/{repository}"
    role = "roles/iam.workloadIdentityUser"
    id = f"workflow-becomes-deployer-{project.name}"
    draft.bind(id, Member(workflow, project.name), role, itself, after=after)
    if given.existing_pool is None:
        draft.output(
            project,
            "workload_identity_provider",
            f"{pools}/providers/github",
            "provider that the workflow names when it asks for credentials",
        )


_POOL = "google_iam_workload_identity_pool"
_PROVIDER = "google_iam_workload_identity_pool_provider"


def _pool(draft: Draft, project: Project, github: GitHub) -> str:
    """The pool with GitHub as its only provider, which takes the tokens of one repository and ref."""
    pool = shorten(draft.prefix("github"), POOL_LENGTH)
    if pool.startswith("gcp-"):
        draft.problem(
            "E204",
            f'component "{draft.component.name}" would make a pool called "{pool}", and Google keeps '
            "names from gcp- for itself",
            hint="make the pool yourself and name it: existing_pool",
            at=("deploy_from",),
        )
    own: dict[str, Value] = {"project": project.id, "workload_identity_pool_id": pool}
    made = draft.add(
        project,
        _POOL,
        "github",
        {**own, "display_name": "GitHub Actions", "description": "workflows that apply Terraform"},
        depends_on=(_on("iam"), _on("sts")),
    )
    draft.add(
        project,
        _PROVIDER,
        "github",
        {
            **own,
            "workload_identity_pool_provider_id": "github",
            "display_name": "GitHub Actions",
            "attribute_mapping": {
                "attribute.ref": "assertion.ref",
                "attribute.repository": "assertion.repository",
                "google.subject": _subject(github),
            },
            "attribute_condition": _condition(github),
            "oidc": [{"issuer_uri": f"https://{GITHUB}"}],
        },
        depends_on=(made,),
    )
    return pool


def _subject(github: GitHub) -> str:
    """What audit logs call the workflow; a subject that is too long would refuse each token."""
    fits = len(github.subject.encode()) <= SUBJECT_LENGTH
    return "assertion.sub" if fits else "assertion.repository_id"


def _condition(github: GitHub) -> str:
    """Which tokens of GitHub the pool takes: those of the repository and ref, by their ids if given.

    Source: GitHub docs, "OpenID Connect reference", claims of the token.
    """
    claims = {
        "repository": f"{github.owner}/{github.repository}",
        "ref": github.ref,
        "repository_owner_id": github.owner_id,
        "repository_id": github.repository_id,
    }
    return " && ".join(f"assertion.{name} == '{value}'" for name, value in claims.items() if value)


def _budget(draft: Draft, project: Project, given: Budget) -> None:
    channels = []
    names: dict[str, str] = {}
    for address in sorted(set(given.notify)):
        name = re.sub(r"[^A-Za-z0-9]", "_", address)
        if name in names:
            name += "_" + hashlib.sha256(address.encode()).hexdigest()[:HASH_LENGTH]
        names[name] = address
        channel = draft.add(
            project,
            "google_monitoring_notification_channel",
            f"budget_{name}",
            {
                "project": project.id,
                "display_name": address,
                "type": "email",
                "labels": {"email_address": address},
            },
            depends_on=(_on("monitoring"),),
        )
        channels.append(reference(channel, "id"))
    amount: dict[str, Value] = {"units": str(given.monthly_usd or given.monthly)}
    if given.monthly_usd:
        amount = {"currency_code": "USD", **amount}
    draft.add(
        project,
        "google_billing_budget",
        "monthly",
        {
            "billing_account": given.billing_account,
            "display_name": shorten(draft.prefix(project.id), BUDGET_NAME_LENGTH),
            "budget_filter": [
                {"calendar_period": "MONTH", "projects": [f"projects/{draft.number(project)}"]}
            ],
            "amount": [{"specified_amount": [amount]}],
            "threshold_rules": [
                {"threshold_percent": percent / 100, "spend_basis": _BASIS[kind]}
                for percent, kind in BUDGET_WARNINGS
            ],
            "all_updates_rule": [
                {
                    "disable_default_iam_recipients": True,
                    "monitoring_notification_channels": channels,
                }
            ],
        },
        depends_on=(_on("billingbudgets"),),
    )


_BASIS = {"ACTUAL": "CURRENT_SPEND", "FORECASTED": "FORECASTED_SPEND"}


def _state_bucket(draft: Draft, inputs: Inputs) -> None:
    """The bucket of Terraform state: private, versioned, never destroyed by accident."""
    project = inputs.project
    name = draft.organization.state.google_bucket
    if name is None:
        draft.problem(
            "E323",
            f'component "{draft.component.name}" has state_bucket, but no bucket has a name',
            hint="name it: state: {google: {bucket: acme-tfstate-google}}",
            at=("state_bucket",),
        )
        return
    site = draft.site(project)
    address = draft.add(
        project,
        "google_storage_bucket",
        "state",
        {
            "project": project.id,
            "name": name,
            "location": site.region,
            "uniform_bucket_level_access": True,
            "public_access_prevention": "enforced",
            "force_destroy": False,
            "versioning": [{"enabled": True}],
            "lifecycle_rule": [
                {
                    "action": [{"type": "Delete"}],
                    "condition": [{"days_since_noncurrent_time": STATE_VERSION_DAYS}],
                }
            ],
        },
        depends_on=(_on("storage"),),
        lifecycle={"prevent_destroy": True},
    )
    bucket = OnBucket(site, name, address)
    listing: set[str] = set()
    for each in (project, *(p for p in inputs.states_of if p != project)):
        _keeps_states(draft, bucket, project, each, listing)


def _keeps_states(
    draft: Draft, bucket: OnBucket, owner: Project, project: Project, listing: set[str]
) -> None:
    """Let the project's deploy account read and write the states of its own stacks, and lock them.

    Terraform lists the bucket to look for workspaces, which no condition can narrow to a prefix.
    Source: Cloud Storage documentation, "Use IAM Conditions on buckets", resource.name of objects.
    """
    email = _email(draft, project)
    if email is None:
        if project != owner:
            draft.problem(
                "E322",
                f'component "{draft.component.name}": project "{project.name}" has no deploy account '
                "that could keep states",
                hint="name it under deploy.google.service_account",
                at=("states_of",),
            )
        return
    match = _ACCOUNT.fullmatch(email)
    homes = {each.id: each.name for each in draft.organization.projects.values()}
    home = homes.get(match[2]) if match else None
    here = home == owner.name and draft.component.inputs.deploy_from is not None
    member = Member(
        f"serviceAccount:{email}",
        home,
        bucket.site.stack if here else None,
        "google_service_account.deploy" if here else None,
    )
    label = f"deployer-{project.name}"
    prefix = f"projects/_/buckets/{bucket.bucket}/objects/google/{project.name}/"
    condition = ("own-states", f'resource.name.startsWith("{prefix}")')
    draft.bind(f"{label}-keeps-state", member, "roles/storage.objectUser", bucket, condition)
    if email not in listing:
        listing.add(email)
        draft.bind(f"{label}-lists-states", member, "roles/storage.legacyBucketReader", bucket)


def _deploys(component: Component) -> bool:
    inputs: Inputs = component.inputs
    return inputs.deploy_from is not None


KIND = Kind(
    name="project-baseline",
    summary="What every Google project gets: services, audit logs, deploy account, budget",
    inputs=Inputs,
    build=build,
    home="project",
    per="project",
)
