"""The blocks of a root module that do not depend on what is in it: terraform and provider."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from compiler.organization.records import Account, Organization, Project
from compiler.terraform.stack import Cloud, Stack, Value

# S3 state locking by a lock file came with Terraform 1.10 (release notes of v1.10.0).
REQUIRED_VERSION = ">= 1.10.0"
STATE_FILE = "terraform.tfstate"
_ACCOUNT = re.compile(r"[^@]+@([a-z0-9-]+)\.iam\.gserviceaccount\.com")


def terraform_block(organization: Organization, cloud: Cloud, path: str) -> dict[str, Value]:
    """Versions and backend of a stack; no backend block means local state beside it."""
    block: dict[str, Value] = {
        "required_version": REQUIRED_VERSION,
        "required_providers": {
            cloud: {"source": f"hashicorp/{cloud}", "version": organization.providers[cloud]}
        },
    }
    state = organization.state
    if cloud == "aws" and state.aws_bucket:
        block["backend"] = {
            "s3": {
                "bucket": state.aws_bucket,
                "key": f"{path}/{STATE_FILE}",
                "region": state.aws_region,
                "encrypt": True,
                "use_lockfile": True,
            }
        }
    if cloud == "google" and state.google_bucket:
        block["backend"] = {"gcs": {"bucket": state.google_bucket, "prefix": path}}
    return block


def aws_providers(
    organization: Organization,
    account: Account,
    region: str,
    tags: Mapping[str, str],
    *,
    bootstrap: bool = False,
) -> dict[str, Value]:
    """The AWS provider, tied to one account; `bootstrap` for the stack that makes the deploy role.

    The management account has no role beforehand: that stack acts as the ambient credentials there.
    Source: Organizations user guide, "Accessing member accounts in an organization".
    """
    deploy = organization.deploy
    ambient = bootstrap and account.name == organization.management_account
    block: dict[str, Value] = {"region": region, "allowed_account_ids": [account.id]}
    if deploy.aws_role and not ambient:
        role = deploy.aws_bootstrap_role if bootstrap else deploy.aws_role
        arn = f"arn:{organization.partition}:iam::{account.id}:role/{role}"
        block["assume_role"] = [{"role_arn": arn}]
    block["default_tags"] = [{"tags": dict(sorted(tags.items()))}]
    return {"aws": block}


def google_providers(
    organization: Organization,
    project: Project,
    region: str,
    labels: Mapping[str, str],
    *,
    bootstrap: bool = False,
) -> dict[str, Value]:
    """The Google provider, tied to one project; `bootstrap` for the stack that makes its deployer.

    That stack acts as the ambient credentials: the service account is not there yet. An account of
    another project bills and counts calls of some APIs there, unless it is told not to. Source:
    Terraform documentation, provider google, "user_project_override".
    """
    block: dict[str, Value] = {"project": project.id, "region": region}
    account = organization.deploy.google_service_accounts.get(project.name)
    if account and not bootstrap:
        block["impersonate_service_account"] = account
        home = _ACCOUNT.fullmatch(account)
        if home and home[1] != project.id:
            block["user_project_override"] = True
            block["billing_project"] = project.id
    block["default_labels"] = dict(sorted(labels.items()))
    return {"google": block}


def label(text: str) -> str:
    """A tag's key or value as a Google label: lower case, other characters as dashes, 63 at most.

    Source: Resource Manager documentation, "Requirements for labels".

    >>> label("Team: ML Platform")
    'team--ml-platform'
    """
    kept = (c if c.isalnum() or c in "_-" else "-" for c in text.lower())
    return "".join(kept)[:63]


def tombstone(organization: Organization, path: str) -> Stack:
    """A stack without resources, so that the next apply destroys what the old one made.

    `path` is `aws/<account>/<component>` or `google/<project>/<component>` of an account or project
    that the blueprint declares.
    """
    cloud, name, component = path.split("/")
    if cloud == "google":
        project = organization.projects[name]
        region = project.region or "us-central1"
        labels = {label(key): label(value) for key, value in project.tags.items()}
        return Stack(
            cloud="google",
            account=name,
            account_id=project.id,
            component=component,
            kind="removed",
            region=region,
            terraform=terraform_block(organization, "google", path),
            providers=google_providers(organization, project, region, labels),
        )
    account = organization.accounts[name]
    region = account.region or organization.state.aws_region or "us-east-1"
    return Stack(
        cloud="aws",
        account=name,
        account_id=account.id,
        component=component,
        kind="removed",
        region=region,
        terraform=terraform_block(organization, "aws", path),
        providers=aws_providers(organization, account, region, account.tags),
    )


def region_of(root_module: Mapping[str, object]) -> str | None:
    """The region of the provider in a root module on disk, which may be anyone's text."""
    return _in_provider(root_module, "aws", 0, "region") or _in_provider(
        root_module, "google", 0, "region"
    )


def role_of(root_module: Mapping[str, object]) -> str | None:
    """The name of the role that a root module on disk is applied as, or None for ambient credentials."""
    arn = _in_provider(root_module, "aws", 0, "assume_role", 0, "role_arn")
    return arn.rpartition("/")[2] if arn else None


def account_of(root_module: Mapping[str, object]) -> str | None:
    """The service account that a root module on disk acts as, or None for ambient credentials."""
    return _in_provider(root_module, "google", 0, "impersonate_service_account")


def _in_provider(root_module: Mapping[str, object], *path: str | int) -> str | None:
    value = root_module.get("provider")
    for step in path:
        if isinstance(value, Mapping) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, Sequence) and value and isinstance(step, int):
            value = value[step]
        else:
            return None
    return value if isinstance(value, str) else None
