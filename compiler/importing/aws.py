"""Reads an AWS Organization: the only module of the compiler that asks a cloud anything.

Takes a profile's name, gives a `LiveOrganization`; raises `AwsError` with a diagnostic for whatever
AWS, the network or the credentials do. It lists and describes, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from compiler.diagnostics import Diagnostic
from compiler.importing.codes import (
    AWS_FAILED,
    NO_CREDENTIALS,
    NO_LIBRARY,
    NO_ORGANIZATION,
    REFUSED,
)
from compiler.importing.records import ACTIVE, LiveAccount, LiveOrganization, LiveUnit

# Organizations has one endpoint in each partition; boto3 wants some region of it.
_REGION = "us-east-1"
# What is throttled, or fails in a way that may pass, is asked so often.
ATTEMPTS = 10
# Codes of AWS that speak of the credentials themselves. Source: IAM and STS references, "Common errors".
_BAD_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
# Calls that boto3 makes by itself, where a profile says how to get credentials.
_FOR_CREDENTIALS = frozenset(
    {"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetRoleCredentials"}
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
# Classes of botocore that mean the same before AWS is asked.
_NO_CREDENTIALS = frozenset(
    {
        "ConfigNotFound",
        "ConfigParseError",
        "CredentialRetrievalError",
        "InvalidConfigError",
        "LoginError",
        "MetadataRetrievalError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SSOError",
        "TokenRetrievalError",
        "UnknownCredentialError",
    }
)


class AwsError(Exception):
    """AWS did not give what the import needs; `diagnostic` says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def read_organization(profile: str | None = None, *, tags: bool = True) -> LiveOrganization:
    """The whole organisation of the account that the credentials belong to."""
    try:
        from botocore.exceptions import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            BotoCoreError,
            ClientError,
        )
    except ImportError as error:
        raise AwsError(
            Diagnostic(
                code=NO_LIBRARY,
                message="boto3, which asks AWS, is not installed",
                hint='install it beside Landform: pip install "landform[import]"',
            )
        ) from error
    try:
        client = _client(profile)
        found = _read(client)
        return _with_tags(client, found) if tags else found
    except ClientError as error:
        raise AwsError(_answered(error)) from error
    except BotoCoreError as error:
        raise AwsError(_unanswered(error)) from error


def _client(profile: str | None) -> Any:
    import boto3  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from botocore.config import Config  # type: ignore[import-not-found,import-untyped,unused-ignore]

    session = boto3.Session(profile_name=profile)
    # Adaptive: slows down by itself where AWS throttles, which it does at a few calls a second.
    retries = {"mode": "adaptive", "total_max_attempts": ATTEMPTS}
    config = Config(connect_timeout=10, read_timeout=30, retries=retries)
    region = session.region_name or _REGION
    try:
        return session.client("organizations", region_name=region, config=config)
    # An address in AWS_ENDPOINT_URL or in the configuration that is none.
    except ValueError as error:
        raise AwsError(_unanswered(error)) from error


def _read(client: Any) -> LiveOrganization:
    described = client.describe_organization()["Organization"]
    roots = tuple(sorted(root["Id"] for root in _pages(client, "list_roots", "Roots")))
    units: list[LiveUnit] = []
    accounts: dict[str, LiveAccount] = {}
    parents = list(roots)
    while parents:
        parent = parents.pop(0)
        below = sorted(_units(client, parent), key=lambda unit: (unit.name, unit.id))
        units += below
        parents += [unit.id for unit in below]
        # One that is moved meanwhile may be met twice.
        for account in _accounts(client, parent):
            accounts.setdefault(account.id, account)
    return LiveOrganization(
        id=described["Id"],
        # arn:aws-us-gov:organizations::111111111111:organization/o-abc123defg
        partition=described["Arn"].split(":")[1],
        management=described.get("MasterAccountId", ""),
        roots=roots,
        units=tuple(units),
        accounts=tuple(account for _, account in sorted(accounts.items())),
    )


def _units(client: Any, parent: str) -> Iterator[LiveUnit]:
    operation, key = "list_organizational_units_for_parent", "OrganizationalUnits"
    for unit in _pages(client, operation, key, ParentId=parent):
        yield LiveUnit(id=unit["Id"], name=unit["Name"], parent=parent)


def _accounts(client: Any, parent: str) -> Iterator[LiveAccount]:
    for account in _pages(client, "list_accounts_for_parent", "Accounts", ParentId=parent):
        yield LiveAccount(
            id=account["Id"],
            name=account["Name"],
            parent=parent,
            # Status was to go on 2026-09-09; an older boto3 knows no State.
            # Source: Organizations API reference, "Account".
            state=account.get("State") or account.get("Status") or ACTIVE,
        )


def _with_tags(client: Any, found: LiveOrganization) -> LiveOrganization:
    """The same with the tags of the accounts that can be used: a call for each."""
    accounts = [
        replace(account, tags=_tags(client, account.id)) if account.state == ACTIVE else account
        for account in found.accounts
    ]
    return replace(found, accounts=tuple(accounts))


def _tags(client: Any, account: str) -> dict[str, str]:
    pages = _pages(client, "list_tags_for_resource", "Tags", ResourceId=account)
    return {tag["Key"]: tag["Value"] for tag in pages}


def _pages(client: Any, operation: str, key: str, **arguments: str) -> Iterator[Any]:
    """Every item of every page: a page may be empty and not the last."""
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, ())


def _answered(error: Any) -> Diagnostic:
    """AWS said no; `error` is a ClientError."""
    answer = error.response.get("Error", {})
    code, said = answer.get("Code", ""), _sentence(answer.get("Message") or str(error))
    if error.operation_name in _FOR_CREDENTIALS:
        return _credentials(f"{error.operation_name} gives no credentials: {said}")
    action = f"organizations:{error.operation_name}"
    if code in _BAD_CREDENTIALS:
        return _credentials(f"AWS does not take the credentials: {said}")
    if code in _DENIED:
        tags = " or leave tags out with --no-tags" if action.endswith("ListTagsForResource") else ""
        return Diagnostic(
            code=REFUSED,
            message=f"AWS refuses {action}: {said}",
            hint="use the management account or a delegated administrator that may do it"
            + (f",{tags}" if tags else ""),
        )
    if code == "AWSOrganizationsNotInUseException":
        return Diagnostic(
            code=NO_ORGANIZATION,
            message="the account of the credentials is in no organisation",
            hint="use credentials of the organisation's management account: --profile",
        )
    return Diagnostic(
        code=AWS_FAILED,
        message=f"{action} failed with {code or 'an error'}: {said}",
        hint="run again later; nothing was changed",
    )


def _unanswered(error: Exception) -> Diagnostic:
    """AWS was not asked, or did not answer."""
    classes = {each.__name__ for each in type(error).__mro__}
    if classes & _NO_CREDENTIALS:
        return _credentials(_sentence(str(error)))
    return Diagnostic(
        code=AWS_FAILED,
        message=f"AWS cannot be asked: {_sentence(str(error))}",
        hint="check the network, the proxy and AWS_ENDPOINT_URL; then run again",
    )


def _credentials(message: str) -> Diagnostic:
    return Diagnostic(
        code=NO_CREDENTIALS,
        message=message,
        hint="log in (aws sso login), or name a profile of the management account with --profile",
    )


def _sentence(text: str) -> str:
    """In one line, as a part of another sentence."""
    line = " ".join(text.split()).rstrip(".")
    return line[:1].lower() + line[1:] if line[1:2].islower() else line
