"""IAM's services, actions, resource types and condition keys; AWS managed policies.

Takes names of actions and ARN patterns, gives facts from `aws_iam.index` and
`aws_managed_policies.index`, which `tools/refresh_data.py` makes. A service is read when it is
first asked for, in about a millisecond, and kept. Names of actions and condition keys are compared
without regard to case, as IAM does.
Source of that: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from compiler.data.arns import overlaps
from compiler.data.packed import Packed

LEVELS = {
    "L": "List",
    "P": "Permissions management",
    "R": "Read",
    "T": "Tagging",
    "W": "Write",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A type of resource that permissions can name: its ARN with `${…}` for what varies."""

    name: str
    arn: str
    condition_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action, by its name as AWS writes it: `s3:GetObject`.

    `resources` are the types that a statement can name for it, `required` those of them without
    which the call is refused; with none, only `Resource: "*"` allows the action. `condition_keys`
    are those of the request; each resource type adds its own.
    """

    name: str
    level: str
    resources: tuple[ResourceType, ...]
    required: tuple[str, ...]
    condition_keys: tuple[str, ...]

    @property
    def takes_key(self) -> tuple[str, ...]:
        """Every service-specific or tag key that a condition on this action can use, sorted."""
        keys = {key for resource in self.resources for key in resource.condition_keys}
        return tuple(sorted(keys | set(self.condition_keys)))


@dataclass(frozen=True, slots=True)
class Service:
    """The actions (by lower-case name after the colon) and resource types of one prefix."""

    prefix: str
    actions: Mapping[str, Action]
    resources: Mapping[str, ResourceType]
    condition_keys: tuple[str, ...]


def source() -> tuple[str, str]:
    """Where the actions are from, and the date of the table."""
    header = _actions().header
    return header["source"], header["date"]


def service_prefixes() -> tuple[str, ...]:
    """Every prefix of an action, sorted."""
    return _actions().names


@cache
def service(prefix: str) -> Service | None:
    """The service of that prefix (lower case), or None.

    >>> len(service("sts").resources) > 3, service("stz")
    (True, None)
    """
    entry = _actions().entry(prefix)
    return None if entry is None else _service(prefix, entry)


def action(name: str) -> Action | None:
    """The action of exactly that name (no wildcards), or None.

    >>> action("S3:getobject").name, action("s3:GetObjects")
    ('s3:GetObject', None)
    """
    prefix, _, rest = name.lower().partition(":")
    known = service(prefix)
    return None if known is None else known.actions.get(rest)


@lru_cache(maxsize=4096)
def matching_actions(pattern: str) -> tuple[Action, ...]:
    """The actions that a pattern with `*` and `?` stands for, sorted by service and name.

    >>> [found.name for found in matching_actions("kms:GenerateDataKeyP*")]
    ['kms:GenerateDataKeyPair', 'kms:GenerateDataKeyPairWithoutPlaintext']
    """
    prefix, colon, rest = pattern.lower().partition(":")
    if not colon:
        rest = "*" if set(prefix) == {"*"} else ""
    inner = _pattern(rest)
    prefixes = (
        tuple(name for name in service_prefixes() if _pattern(prefix).fullmatch(name))
        if "*" in prefix or "?" in prefix
        else (prefix,)
    )
    services = filter(None, map(service, prefixes))
    return tuple(
        known for each in services for name, known in each.actions.items() if inner.fullmatch(name)
    )


def nearest_action(name: str) -> str | None:
    """The action or service most like a misspelled one, or None if nothing is near.

    >>> nearest_action("s3:GetObjekt"), nearest_action("sagemakr:CreateModel")
    ('s3:GetObject', 'sagemaker:CreateModel')
    """
    prefix, _, rest = name.partition(":")
    if service(prefix.lower()) is None:
        near = difflib.get_close_matches(prefix.lower(), service_prefixes(), 1, 0.6)
        if not near:
            return None
        prefix = near[0]
    known = service(prefix.lower())
    assert known is not None
    found = difflib.get_close_matches(rest.lower(), known.actions, 1, 0.6)
    return known.actions[found[0]].name if found else None


def arn_matches_resource_type(named: Action, arn_pattern: str) -> bool:
    """Whether an ARN pattern can stand for a resource that the action applies to.

    >>> get = action("s3:GetObject")
    >>> arn_matches_resource_type(get, "arn:aws:s3:::acme/*")
    True
    >>> arn_matches_resource_type(get, "arn:aws:s3:::acme")
    False
    """
    return any(overlaps(resource.arn, arn_pattern) for resource in named.resources)


def managed_policy(arn_or_name: str) -> Mapping[str, Any] | None:
    """The document of an AWS managed policy at the table's date, or None if the table lacks it.

    >>> managed_policy("arn:aws:iam::aws:policy/PowerUserAccess")["Version"]
    '2012-10-17'
    """
    return _managed(arn_or_name.rpartition("/")[2])


def managed_policy_path(arn_or_name: str) -> str | None:
    """The path of an AWS managed policy of that name (`/service-role/`), None for an unknown one.

    >>> managed_policy_path("AWSLambdaBasicExecutionRole"), managed_policy_path("PowerUser")
    ('/service-role/', None)
    """
    path: str | None = _managed_paths().get(arn_or_name.rpartition("/")[2])
    return path


def managed_policy_names() -> tuple[str, ...]:
    """The names of all AWS managed policies at the table's date, sorted."""
    return tuple(sorted(_managed_paths()))


@cache
def _actions() -> Packed:
    return Packed(Path(__file__).with_name("aws_iam.index"))


@cache
def _policies() -> Packed:
    return Packed(Path(__file__).with_name("aws_managed_policies.index"))


@cache
def _managed(name: str) -> Mapping[str, Any] | None:
    document: Mapping[str, Any] | None = _policies().entry(f"policy {name}")
    return document


@cache
def _managed_paths() -> dict[str, str]:
    return {
        name: path for path, names in _policies().entry("paths").items() for name in names.split()
    }


def _service(prefix: str, entry: Mapping[str, Any]) -> Service:
    keys = entry["keys"]

    def of(numbers: str) -> tuple[str, ...]:
        return tuple(keys[int(number)] for number in numbers.split())

    types = [
        ResourceType(name=name, arn=f"arn:${{Partition}}:{arn}", condition_keys=of(own))
        for name, (arn, own) in entry["types"].items()
    ]
    actions: dict[str, Action] = {}
    for level, needed, own, names in entry["actions"]:
        numbers = needed.split()
        resources = tuple(types[int(number.rstrip("*"))] for number in numbers)
        required = tuple(types[int(n[:-1])].name for n in numbers if n.endswith("*"))
        conditions = of(own)
        for name in names.split():
            actions[name.lower()] = Action(
                name=f"{prefix}:{name}",
                level=LEVELS[level],
                resources=resources,
                required=required,
                condition_keys=conditions,
            )
    return Service(
        prefix, dict(sorted(actions.items())), {t.name: t for t in types}, tuple(sorted(keys))
    )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    return re.compile("".join(parts), re.DOTALL)
