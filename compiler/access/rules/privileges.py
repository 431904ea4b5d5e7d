"""Permissions that give more than they seem to: passing roles, broad managed policies."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import lru_cache

from compiler.access.rules.exceptions import BROAD, NARROWED_BY, PLAIN_ROOT
from compiler.access.rules.records import Attachment, Finding, Statement
from compiler.data import iam

_MANAGED = re.compile(r"arn:[^:]+:iam::aws:policy(/(?:.*/)?)([^/]+)")


def passing(statement: Statement) -> Iterator[Finding]:
    """E812: iam:PassRole for exactly one role to exactly known services."""
    if not statement.allows or statement.side != "identity":
        return
    if not any(_is_passing(action) for action in statement.actions):
        return
    for resource in statement.resources:
        if "*" in resource or "?" in resource:
            yield statement.finding(
                "E812",
                f'iam:PassRole on "{resource}"',
                "name the role: whoever passes a role can act as it",
            )
    services = statement.demanding("iam:passedtoservice")
    if not any(not any("*" in value for value in c.values) for c in services):
        yield statement.finding(
            "E812",
            "iam:PassRole without iam:PassedToService",
            'add StringEquals iam:PassedToService, such as "sagemaker.amazonaws.com"',
        )


def _is_passing(action: str) -> bool:
    if action.partition(":")[0].lower() != "iam":
        return False
    return any(found.name == "iam:PassRole" for found in iam.matching_actions(action))


def unbounded(statement: Statement) -> Iterator[Finding]:
    """E820: an action that only a condition keeps narrow, without it."""
    if not statement.allows or statement.side not in ("identity", "key", "resource"):
        return
    if statement.policy.address.partition(".")[0] in PLAIN_ROOT:
        return  # narrowed on the identity side
    for pattern in statement.actions:
        if not pattern.partition(":")[2].strip("*?"):
            continue
        for name in _narrow(pattern):
            for keys in NARROWED_BY[name]:
                if not statement.demanding(*(key.lower() for key in keys)):
                    needed = " or ".join(keys)
                    yield statement.finding(
                        "E820", f"{name} without a condition on {needed}", f"add {needed}"
                    )


@lru_cache(maxsize=4096)
def _narrow(pattern: str) -> tuple[str, ...]:
    return tuple(sorted(NARROWED_BY.keys() & {a.name for a in iam.matching_actions(pattern)}))


def attached(attachment: Attachment) -> Iterator[Finding]:
    """E803, E818: AWS managed policies that are broad, and those that AWS does not have."""
    managed = _MANAGED.fullmatch(attachment.arn)
    if managed is None:
        return
    path, name = managed.groups()
    if iam.managed_policy_path(name) != path:
        near = difflib.get_close_matches(name, iam.managed_policy_names(), 1)
        where = f"policy{iam.managed_policy_path(near[0])}{near[0]}" if near else ""
        yield _finding(
            attachment,
            "E818",
            f'AWS has no managed policy "policy{path}{name}"',
            f"did you mean {where}?" if near else "see the list of AWS managed policies",
        )
    elif name.endswith("FullAccess") or name in BROAD:
        yield _finding(
            attachment,
            "E803",
            f"the managed policy {name} is attached",
            "write a policy of the actions and resources that are needed",
        )


def _finding(attachment: Attachment, code: str, message: str, hint: str) -> Finding:
    return Finding(
        code=code,
        message=message,
        hint=hint,
        stack=attachment.stack,
        address=attachment.address,
        argument=attachment.argument,
        sid="",
    )
