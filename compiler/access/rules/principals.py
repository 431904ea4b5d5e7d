"""Who a statement is for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compiler.access.rules.exceptions import ARN_SENDERS, PLAIN_ROOT, SOURCELESS, SOURCES
from compiler.access.rules.records import Condition, Finding, Statement

RESOURCE_SIDES = ("trust", "resource", "key")
_ACCOUNT = re.compile(r"(?:arn:[\w-]+:iam::)?(\d{12})(?::root)?")
# Keys that name the callers of an account one by one.
NARROWING = ("aws:principalarn", "aws:userid", "aws:username")


def presence(statement: Statement) -> Iterator[Finding]:
    """E809: Principal where it may not be, or none where it must be."""
    given = [key for key in ("Principal", "NotPrincipal") if key in statement.body]
    if statement.side in ("identity", "boundary") and given:
        yield statement.finding(
            "E809",
            f"an identity policy has no {given[0]}",
            "the role that has the policy is the principal: drop it",
        )
    if statement.side in RESOURCE_SIDES and not given:
        yield statement.finding(
            "E809", f"a {statement.side} policy says for whom", "add Principal to the statement"
        )


def anybody(statement: Statement) -> Iterator[Finding]:
    """E810: everybody, of every account."""
    if not statement.allows or statement.side not in RESOURCE_SIDES:
        return
    for kind, name in statement.principals:
        if "*" in name:
            yield statement.finding(
                "E810",
                f'the principal {{"{kind}": "{name}"}} is everybody on AWS',
                "name the role, or its account's root with aws:PrincipalArn",
            )


def foreign_account(statement: Statement) -> Iterator[Finding]:
    """E811: all of another account, or in a trust policy all of this one."""
    if not statement.allows or statement.side not in RESOURCE_SIDES:
        return
    if statement.policy.address.partition(".")[0] in PLAIN_ROOT:
        return
    if any(map(_names_callers, statement.demanding(*NARROWING))):
        return
    for kind, name in statement.principals:
        account = _ACCOUNT.fullmatch(name) if kind == "AWS" else None
        if account and (statement.side == "trust" or account[1] != statement.policy.account):
            yield statement.finding(
                "E811",
                f"every principal of account {account[1]} is admitted",
                "add ArnEquals aws:PrincipalArn with the role's ARN",
            )


def _names_callers(condition: Condition) -> bool:
    """An organisation's id, or a pattern of all roles, narrows nothing within the account."""
    names = [value.partition(":role/")[2] or value for value in condition.values]
    return bool(names) and all(name.strip("*?") for name in names)


def any_source(statement: Statement) -> Iterator[Finding]:
    """E821: a service, whoever makes it call. Trust is apart: there, passing the role decides."""
    if not statement.allows or statement.side not in ("resource", "key"):
        return
    asked = [
        condition
        for condition in statement.demanding(*(c.key.lower() for c in statement.conditions))
        if _is_source(condition) and all(value.strip("*?") for value in condition.values)
    ]
    arns = [condition for condition in asked if condition.key.lower() == "aws:sourcearn"]
    for kind, name in statement.principals:
        place = (statement.policy.service, name)
        if kind != "Service" or place in SOURCELESS:
            continue
        if not asked or (asked == arns and all(map(_ownerless, arns))):
            yield statement.finding(
                "E821",
                f"{name} is admitted whatever account it acts for",
                "add aws:SourceAccount" if asked else "add aws:SourceArn or aws:SourceAccount",
            )
        elif place in ARN_SENDERS and not arns:
            yield statement.finding(
                "E821",
                f"{name} is admitted for all that it runs in the account",
                "add aws:SourceArn with what it acts for",
            )


def _ownerless(condition: Condition) -> bool:
    """The ARN of a bucket has no account, and another account may have a bucket of that name."""
    return any(value.split(":")[4:5] == [""] for value in condition.values)


def _is_source(condition: Condition) -> bool:
    key = condition.key.lower()
    return key in SOURCES or key.startswith("kms:encryptioncontext:")


def web_identity(statement: Statement) -> Iterator[Finding]:
    """E819: everybody whom an identity provider knows."""
    providers = [name for kind, name in statement.principals if kind == "Federated"]
    if not statement.allows or statement.side != "trust":
        return
    for provider in providers:
        issuer = provider.partition("oidc-provider/")[2].lower()
        if not issuer:
            continue
        for claim in ("aud", "sub"):
            asked = statement.demanding(f"{issuer}:{claim}")
            if not any(c.values and all(map(_says_something, c.values)) for c in asked):
                yield statement.finding(
                    "E819",
                    f"every {claim} of {issuer} is trusted",
                    f"add StringEquals {issuer}:{claim} with what may become the role",
                )


def _says_something(value: str) -> bool:
    """Whether a claim is somebody's: `*`, `repo:*` and `repo:*:ref:refs/heads/main` are everybody's.

    Behind the first word stands whose token it is: `repo:owner/…`, `project_path:group/…`. A pattern
    there, as in `repo:acme*`, fits strangers that call themselves alike.
    """
    _, colon, whose = value.partition(":")
    if not colon:
        return bool(value.strip("*?"))
    owner = re.split("[:/]", whose.lstrip("/"))[0]
    return bool(owner) and not set("*?") & set(owner)


def several(statement: Statement) -> Iterator[Finding]:
    """E813: a trust statement for more than one service or remote principal."""
    if statement.side == "trust" and statement.allows and len(statement.principals) > 1:
        names = ", ".join(name for _, name in statement.principals)
        yield statement.finding(
            "E813",
            f"one statement trusts {names}",
            "give each its own statement: their conditions differ",
        )
