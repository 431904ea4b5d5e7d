"""Grammar: what IAM refuses, or reads otherwise than meant, and Terraform lets through.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

from compiler.access.rules.records import Finding, Policy, Statement, texts

_POLICY = ("Id", "Statement", "Version")
_STATEMENT = (
    *("Action", "Condition", "Effect", "NotAction", "NotPrincipal", "NotResource"),
    *("Principal", "Resource", "Sid"),
)
_PRINCIPALS = ("AWS", "CanonicalUser", "Federated", "Service")
VERSION = "2012-10-17"
_SID = re.compile(r"[A-Za-z0-9]*")


def policy_elements(policy: Policy) -> Iterator[Finding]:
    """E816, E817: a document that is one, of the version in which variables work."""
    if not isinstance(policy.body, Mapping):
        yield policy.finding(
            "E817",
            f"this policy is not known when Landform compiles: {policy.written[:80]}",
            "write it with jsonencode of a local value, so that it can be checked",
        )
        return
    yield from _foreign(policy, policy.body, _POLICY)
    if policy.body.get("Version") != VERSION:
        yield policy.finding(
            "E816",
            f"Version is {policy.body.get('Version')!r}",
            f'write "Version": "{VERSION}": without it policy variables are plain text',
        )
    if not policy.statements:
        yield policy.finding("E816", "the policy has no statement", "add one or drop the policy")


def repeated_sids(policy: Policy) -> Iterator[Finding]:
    """E814: two statements of one name."""
    seen: set[str] = set()
    for statement in policy.statements:
        sid = statement.body.get("Sid")
        if isinstance(sid, str) and sid in seen:
            yield statement.finding(
                "E814", f'two statements have the Sid "{sid}"', "AWS refuses that: rename one"
            )
        seen.add(str(sid) if sid else "")


def elements(statement: Statement) -> Iterator[Finding]:
    """E816: elements, Effect, Sid, and what a statement of its kind must have."""
    body = statement.body
    yield from _foreign(statement.policy, body, _STATEMENT, statement.sid)
    if body.get("Effect") not in ("Allow", "Deny"):
        yield statement.finding(
            "E816", f"Effect is {body.get('Effect')!r}", 'write "Allow" or "Deny"'
        )
    sid = body.get("Sid", "")
    plain = statement.side in ("identity", "boundary", "trust")
    if plain and not (isinstance(sid, str) and _SID.fullmatch(sid)):
        yield statement.finding("E816", f"IAM refuses the Sid {sid!r}", "letters and digits only")
    yield from _pairs(statement)
    principal = body.get("Principal")
    if isinstance(principal, Mapping):
        yield from _foreign(statement.policy, principal, _PRINCIPALS, statement.sid)
    elif isinstance(principal, str) and principal != "*":
        yield statement.finding(
            "E816", f'Principal is "{principal}"', 'write {"AWS": …} or {"Service": …}'
        )
    yield from _arns(statement)


def _pairs(statement: Statement) -> Iterator[Finding]:
    body = statement.body
    if ("Action" in body) == ("NotAction" in body):
        yield statement.finding("E816", "one of Action and NotAction is needed", "write Action")
    named = [key for key in ("Resource", "NotResource") if key in body]
    if statement.side == "trust" and named:
        yield statement.finding(
            "E816", f"a trust policy has no {named[0]}", "the role itself is the resource: drop it"
        )
    if statement.side in ("identity", "boundary", "key", "organization") and len(named) != 1:
        yield statement.finding("E816", "one of Resource and NotResource is needed", "add Resource")


def _arns(statement: Statement) -> Iterator[Finding]:
    named = (*statement.resources, *texts(statement.body.get("NotResource")))
    for resource in named:
        if resource != "*" and not resource.startswith(("arn:", "${")):
            yield statement.finding(
                "E816", f'the resource "{resource}" is no ARN', "write the ARN, which starts arn:"
            )


def _foreign(
    policy: Policy, given: Mapping[str, object], known: Iterable[str], sid: str = ""
) -> Iterator[Finding]:
    for key in given:
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, 1)
        yield policy.finding(
            "E816",
            f'a policy has no element "{key}"',
            f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}",
            sid,
        )
