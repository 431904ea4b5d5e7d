"""The blocks of a root module that do not depend on what is in it: terraform and provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.organization.records import Account, Organization
from compiler.terraform.stack import Stack, Value

# S3 state locking by a lock file came with Terraform 1.10 (release notes of v1.10.0).
REQUIRED_VERSION = ">= 1.10.0"


def aws_terraform(organization: Organization, path: str) -> dict[str, Value]:
    """Versions and backend of an AWS stack; no backend block means local state beside it."""
    block: dict[str, Value] = {
        "required_version": REQUIRED_VERSION,
        "required_providers": {
            "aws": {"source": "hashicorp/aws", "version": organization.providers["aws"]}
        },
    }
    state = organization.state
    if state.aws_bucket:
        block["backend"] = {
            "s3": {
                "bucket": state.aws_bucket,
                "key": f"{path}/terraform.tfstate",
                "region": state.aws_region,
                "encrypt": True,
                "use_lockfile": True,
            }
        }
    return block


def aws_providers(
    organization: Organization,
    account: Account,
    region: str,
    tags: Mapping[str, str],
    *,
    bootstrap: bool = False,
) -> dict[str, Value]:
    """The AWS provider, tied to one account; `bootstrap` for the stack that makes the deploy role."""
    deploy = organization.deploy
    block: dict[str, Value] = {"region": region, "allowed_account_ids": [account.id]}
    if deploy.aws_role:
        role = deploy.aws_bootstrap_role if bootstrap else deploy.aws_role
        arn = f"arn:{organization.partition}:iam::{account.id}:role/{role}"
        block["assume_role"] = [{"role_arn": arn}]
    block["default_tags"] = [{"tags": dict(sorted(tags.items()))}]
    return {"aws": block}


def tombstone(organization: Organization, path: str) -> Stack:
    """A stack without resources, so that the next apply destroys what the old one made.

    `path` is `aws/<account>/<component>` of an account that the blueprint declares.
    """
    cloud, name, component = path.split("/")
    assert cloud == "aws", "Google stacks are not made yet, so none can be removed"
    account = organization.accounts[name]
    region = account.region or organization.state.aws_region or "us-east-1"
    return Stack(
        cloud="aws",
        account=name,
        account_id=account.id,
        component=component,
        kind="removed",
        region=region,
        terraform=aws_terraform(organization, path),
        providers=aws_providers(organization, account, region, account.tags),
    )


def region_of(root_module: Mapping[str, object]) -> str | None:
    """The region of the AWS provider in a root module on disk, which may be anyone's text."""
    return _in_provider(root_module, "aws", 0, "region")


def role_of(root_module: Mapping[str, object]) -> str | None:
    """The name of the role that a root module on disk is applied as, or None for ambient credentials."""
    arn = _in_provider(root_module, "aws", 0, "assume_role", 0, "role_arn")
    return arn.rpartition("/")[2] if arn else None


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
