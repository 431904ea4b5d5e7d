"""The service account that Terraform is applied as, and the workflow that becomes it."""

from __future__ import annotations

import hashlib
import re

from compiler.access.google import Member, OnServiceAccount, ServiceAccount, WholeProject
from compiler.kinds.account_baseline import GITHUB, GitHub
from compiler.kinds.draft import Draft
from compiler.kinds.project_baseline.inputs import NAME, DeployFrom, Inputs
from compiler.kinds.project_baseline.services import on
from compiler.organization.records import Component, Project
from compiler.terraform.names import HASH_LENGTH, shorten
from compiler.terraform.stack import Value

# Source: Terraform documentation, provider google, iam_workload_identity_pool: 4 to 32 characters.
POOL_LENGTH = 32
# Source: IAM API reference, WorkloadIdentityPoolProvider, attributeMapping: google.subject in bytes.
SUBJECT_LENGTH = 127
CONSUMER = "roles/serviceusage.serviceUsageConsumer"
_ACCOUNT = re.compile(r"([a-z](?:[a-z0-9-]{4,28}[a-z0-9]))@([a-z0-9-]+)\.iam\.gserviceaccount\.com")
_POOL = "google_iam_workload_identity_pool"
_PROVIDER = "google_iam_workload_identity_pool_provider"


def deploy_account(draft: Draft, project: Project, given: DeployFrom) -> None:
    """The service account that every other stack of the project is applied as, and its roles.

    One account may be for several projects: it is made in its own, and gets its roles in each.
    """
    found = _named(draft, project)
    if found is None:
        return
    account_id, home = found
    if home != project and not _made_in(draft, project, home):
        return
    site = draft.site(project)
    draft.creates_deploy_role(project)
    member = Member(f"serviceAccount:{email(draft, project)}", home.name)
    if home == project:
        account = ServiceAccount(site=site, name="deploy", account_id=account_id)
        member = account.member
        _account(draft, project, account, given)
    else:
        draft.after_stacks(project, *(f"google/{home.name}/{c.name}" for c in _makers(draft, home)))
    used: set[str] = set()
    # An account of another project calls APIs in the name of this one: see `google_providers`.
    foreign = set() if home == project else {CONSUMER}
    for role in sorted({*given.roles, *foreign}):
        _own_role(draft, project, role)
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", role.removeprefix("roles/"))
        id = f"deployer-{project.name}-has-{'-'.join(words).lower()}"
        if id not in used:  # two ids may have the same words: projects/p/roles/a_b and …/a.b
            used.add(id)
        else:
            id = f"{id}-{hashlib.sha256(role.encode()).hexdigest()[:HASH_LENGTH]}"
        draft.bind(id, member, role, WholeProject(site), after=(on("cloudresourcemanager"),))
    draft.output(
        project,
        "deploy_service_account",
        email(draft, project),
        "service account that Terraform is applied as",
    )


def _makers(draft: Draft, home: Project) -> list[Component]:
    """The components that make that project's own deploy account."""
    return [c for c in draft.neighbours.such(NAME, _deploys) if c.inputs.project == home]


def _made_in(draft: Draft, project: Project, home: Project) -> bool:
    """Whether the project's account, which is of `home`, is the one that is made there; reports where
    it is not: a project's baseline makes one account, with the workflow that becomes it."""
    address, own = email(draft, project), email(draft, home)
    if address == own and _makers(draft, home):
        return True
    makes = f'makes "{own}"' if _makers(draft, home) and own else "makes no account"
    draft.problem(
        "E322",
        f'component "{draft.component.name}" has deploy_from for "{project.name}", and "{address}" is '
        f'made by no stack: the baseline of project "{home.name}" {makes}',
        hint="name the same account for both projects, or one in each: terraform@{{ project.id }}"
        ".iam.gserviceaccount.com; for one that exists, leave deploy_from out",
        at=("deploy_from",),
        related=(("the account's project", home.span),),
    )
    return False


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


def email(draft: Draft, project: Project) -> str | None:
    """The address of the project's deploy account, if `deploy` says one."""
    return draft.organization.deploy.google_service_accounts.get(project.name)


def home_of(draft: Draft, address: str) -> tuple[str, Project] | None:
    """The part of an account's address before the @, and the project of the blueprint it is of."""
    match = _ACCOUNT.fullmatch(address)
    ids = {each.id: each for each in draft.organization.projects.values()}
    return (match[1], ids[match[2]]) if match and match[2] in ids else None


def _named(draft: Draft, project: Project) -> tuple[str, Project] | None:
    """The account that `deploy` names, as `home_of` gives it; reports what is wrong with it."""
    address = email(draft, project)
    if address is None:
        draft.problem(
            "E322",
            f'component "{draft.component.name}" has deploy_from, but no service account has a name',
            hint="name it: deploy: {google: {service_account: "
            '"terraform@{{ project.id }}.iam.gserviceaccount.com"}}',
            at=("deploy_from",),
        )
        return None
    found = home_of(draft, address)
    if found is None:
        draft.problem(
            "E322",
            f'component "{draft.component.name}" has deploy_from, and "{address}" is no service '
            "account of a project of this blueprint",
            hint="write deploy.google.service_account as <6 to 30 of a-z, 0-9 and ->@<project id>"
            ".iam.gserviceaccount.com, or leave deploy_from out",
            at=("deploy_from",),
        )
    return found


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
        depends_on=(on("iam"),),
    )
    itself = OnServiceAccount(account.site, account.account_id, account.address)
    # The provider block impersonates the account, also where the workflow is it already.
    role = "roles/iam.serviceAccountTokenCreator"
    draft.bind(f"deployer-{project.name}-becomes-itself", account.member, role, itself)
    pool = given.existing_pool or _pool(draft, project, given.github)
    after = () if given.existing_pool else (f"{_PROVIDER}.github",)
    pools = f"projects/{draft.number(project)}/locations/global/workloadIdentityPools/{pool}"
    workflow = _workflow(draft, pools, given)
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


def _workflow(draft: Draft, pools: str, given: DeployFrom) -> str:
    """Who becomes the account: of the own pool the repository at its ref, so that the ledger says both;
    the provider's condition asks for the ids too.
    What an existing pool maps is not known here, so that the member is the whole subject."""
    if given.existing_pool is None:
        who = f"{given.github.owner}/{given.github.repository}@{given.github.ref}"
        return f"principalSet://iam.googleapis.com/{pools}/attribute.repository_ref/{who}"
    subject = given.github.subject
    if len(subject.encode()) > SUBJECT_LENGTH:
        draft.problem(
            "E204",
            f'component "{draft.component.name}": "deploy_from.github" has the subject "{subject}", '
            f"longer than the {SUBJECT_LENGTH} bytes that a pool takes",
            hint="deploy from a shorter ref, or without existing_pool",
            at=("deploy_from", "github"),
        )
    return f"principal://iam.googleapis.com/{pools}/subject/{subject}"


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
        depends_on=(on("iam"), on("sts")),
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
                "attribute.repository": "assertion.repository",
                "attribute.repository_ref": "assertion.repository + '@' + assertion.ref",
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


def _deploys(component: Component) -> bool:
    inputs: Inputs = component.inputs
    return inputs.deploy_from is not None
