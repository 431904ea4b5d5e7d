"""Whose policy decides about a resource, and how it weighs."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.access.evaluation.context import Ask
from compiler.access.evaluation.records import Holder
from compiler.access.evaluation.shapes import RESOURCE_POLICIES

# What a trust policy is about. Source: AWS service authorization reference, AWS STS.
_TRUSTED = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setsourceidentity",
        "sts:tagsession",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the resource stands to the caller.

    `same`: in the caller's account, None where that is not known. `decisive`: nothing is allowed
    without its policy even then (keys, trust). `unknown`: what is not known of its policy;
    `provided`: its owner opens it to every caller.
    """

    holder: Holder | None
    same: bool | None
    decisive: bool
    unknown: frozenset[str]
    provided: bool = False


def standing(ask: Ask) -> Standing:
    """The standing of the request's resource."""
    policies = ask.policies
    named = policy_of(ask.action, ask.resource)
    holder = None if named is None else policies.holders.get(named)
    same = None if ask.owner is None else ask.owner == ask.caller.account
    decisive = ask.service == "sts" if named is not None else False
    decisive = decisive or (ask.service == "kms" and named is not None)
    unknown = frozenset[str]()
    if holder is None and named is not None:
        unknown = frozenset({f"policy of {named}"})
    elif ask.owner is None:
        unknown = frozenset({f"account of {ask.resource}"})
    return Standing(
        holder=holder,
        same=same,
        decisive=decisive,
        unknown=unknown,
        provided=ask.owner in policies.provided and not same,
    )


def policy_of(action: str, resource: str) -> str | None:
    """The ARN of what carries the policy for this resource; None: nothing does.

    `action` is in lower case.
    """
    service = action.partition(":")[0]
    if resource == "*":
        return None
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return None
    last = parts[5]
    if service == "sts":
        return resource if action in _TRUSTED else None
    if parts[2] != service or service not in RESOURCE_POLICIES:
        return None
    start = ":".join(parts[:5])
    if service == "s3":
        return resource.partition("/")[0]
    if service == "kms":
        return resource if last.startswith("key/") else None
    if service == "lambda":
        return _lambda(start, last)
    if service == "sagemaker":
        return _group(start, last)
    if service == "events":
        return resource if last.startswith("event-bus/") else None
    if service == "dynamodb":
        return f"{start}:{'/'.join(last.split('/')[:2])}"
    return resource


def _lambda(start: str, last: str) -> str | None:
    kind, _, name = last.partition(":")
    return f"{start}:{kind}:{name.partition(':')[0]}" if kind == "function" else None


def _group(start: str, last: str) -> str | None:
    """A model package is guarded by the policy of its group."""
    kind, _, rest = last.partition("/")
    if kind not in ("model-package-group", "model-package"):
        return None
    return f"{start}:model-package-group/{rest.partition('/')[0]}"
