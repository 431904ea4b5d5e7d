"""The request, and the condition keys that it implies.

Source of the keys: IAM user guide, "AWS global condition context keys"; KMS developer guide, "AWS
KMS condition keys".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from compiler.access.evaluation.principals import Caller, caller
from compiler.access.evaluation.records import Policies
from compiler.access.evaluation.text import ANYTHING

Values = tuple[str, ...]
# What a key has: its values, None for "certainly absent", or what it depends on.
Found = Values | frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """May `principal` do `action` on `resource`?

    `principal` is the ARN of a role, user, session (assumed-role), account root or identity
    provider, a service (`events.amazonaws.com`), or `*` for nobody known. `resource` is one ARN,
    or `*` for actions without resources. `context` are condition keys. What it doesn't state and can't
    be derived, answers may depend on; but it is absent if it is among `absent` (in lower case), and
    with `complete` always. Of `whole`, a pattern, the resource is one: what allows must allow it all.
    """

    principal: str
    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    complete: bool = False
    absent: frozenset[str] = frozenset()
    whole: str = ""

    @property
    def about(self) -> str:
        """The resource, or the pattern that it stands for."""
        return self.whole or self.resource


@dataclass(slots=True)
class Ask:
    """A request, prepared for matching against statements."""

    request: Request
    policies: Policies
    caller: Caller
    owner: str | None
    action: str = field(init=False)
    service: str = field(init=False)
    resource: str = field(init=False)
    whole: str = field(init=False)
    _context: dict[str, Found] = field(init=False)

    def __post_init__(self) -> None:
        self.action = self.request.action.lower()
        self.service = self.action.partition(":")[0]
        self.resource = self.request.resource
        self.whole = self.request.whole.replace("*", ANYTHING)
        self._context = {
            key.lower(): (value,) if isinstance(value, str) else tuple(value)
            for key, value in self.request.context.items()
        }

    def get(self, key: str) -> Found:
        """The values of a condition key, in lower case."""
        context = self._context
        if key in context:
            return context[key]
        derive = _DERIVED.get(key)
        found = frozenset({key}) if derive is None else derive(self)
        unstated = self.request.complete or key in self.request.absent
        if unstated and found == frozenset({key}):
            found = None
        context[key] = found
        return found

    def always(self, key: str) -> bool:
        """Whether the key is certainly there, even if its value isn't known."""
        temporary = key == "aws:tokenissuetime" and self.caller.kind in ("role", "session")
        return temporary or key in _ALWAYS


def prepare(policies: Policies, request: Request) -> Ask:
    """The request with its caller and the resource's account worked out."""
    resource = request.resource
    who = caller(request.principal)
    if who.kind == "session":
        known = policies.principals.get((who.account, f"role/{who.name}"))
        who = caller(request.principal, known.arn if known is not None else "")
    if resource in policies.keys and request.action.lower() not in ALIAS_ACTIONS:
        alias = resource.split(":", 5)[5]
        given = {"kms:RequestAlias": alias, **request.context}
        request = replace(request, resource=policies.keys[resource], context=given)
    return Ask(request, policies, who, _owner(policies, request, who))


ALIAS_ACTIONS = frozenset({"kms:createalias", "kms:deletealias", "kms:updatealias"})


def _owner(policies: Policies, request: Request, who: Caller) -> str | None:
    """The account of the resource; None where it is not known."""
    resource = request.resource
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return who.account or None
    if parts[2] == "s3" and not parts[4]:
        held = policies.holders.get(resource.partition("/")[0])
        return held.account if held is not None else _stated_owner(request)
    return parts[4] if parts[4].isdigit() else who.account or None


def _stated_owner(request: Request) -> str | None:
    for key, value in request.context.items():
        if key.lower() == "aws:resourceaccount" and isinstance(value, str):
            return value
    return None


def _principal_arn(ask: Ask) -> Found:
    return (ask.caller.arn,) if ask.caller.arn else None


def _principal_account(ask: Ask) -> Found:
    return (ask.caller.account,) if ask.caller.arn else None


def _principal_organization(ask: Ask) -> Found:
    if not ask.caller.arn:
        return None
    return _organization(ask, ask.caller.account, "aws:principalorgid")


def _organization(ask: Ask, account: str | None, key: str) -> Found:
    known = ask.policies.organizations.get(account or "")
    return frozenset({key}) if known is None else (known,)


def _resource_account(ask: Ask) -> Found:
    return frozenset({"aws:resourceaccount"}) if ask.owner is None else (ask.owner,)


def _resource_organization(ask: Ask) -> Found:
    return _organization(ask, ask.owner, "aws:resourceorgid")


def _requested_region(ask: Ask) -> Found:
    parts = ask.resource.split(":", 5)
    region = parts[3] if len(parts) == 6 else ""
    return (region,) if region else frozenset({"aws:requestedregion"})


def _resource_aliases(ask: Ask) -> Found:
    key = ask.policies.holders.get(ask.resource)
    if key is None or ":kms:" not in ask.resource:
        return frozenset({"kms:resourcealiases"})
    unsure = ask.policies.unknown_aliases.get(key.account)
    return unsure if unsure else ask.policies.aliases.get(ask.resource)


def _principal_type(ask: Ask) -> Found:
    names = {"role": "AssumedRole", "session": "AssumedRole", "user": "User", "root": "Account"}
    name = names.get(ask.caller.kind)
    return None if name is None else (name,)


def _from_service(key: str) -> Callable[[Ask], Found]:
    """A key that only a service's own call carries."""

    def derive(ask: Ask) -> Found:
        return frozenset({key}) if ask.caller.kind == "service" else None

    return derive


def _user_name(ask: Ask) -> Found:
    return (ask.caller.name,) if ask.caller.kind == "user" else None


_DERIVED: dict[str, Callable[[Ask], Found]] = {
    "aws:principalaccount": _principal_account,
    "aws:principalarn": _principal_arn,
    "aws:principalisawsservice": lambda ask: ("true" if ask.caller.kind == "service" else "false",),
    "aws:principalorgid": _principal_organization,
    "aws:principalservicename": lambda ask: (
        (ask.caller.name,) if ask.caller.kind == "service" else None
    ),
    "aws:principalservicenameslist": _from_service("aws:principalservicenameslist"),
    "aws:principaltype": _principal_type,
    "aws:requestedregion": _requested_region,
    "aws:resourceaccount": _resource_account,
    "aws:resourceorgid": _resource_organization,
    "aws:securetransport": lambda ask: ("true",),
    "aws:sourceaccount": _from_service("aws:sourceaccount"),
    "aws:sourcearn": _from_service("aws:sourcearn"),
    "aws:sourceorgid": _from_service("aws:sourceorgid"),
    "aws:sourceorgpaths": _from_service("aws:sourceorgpaths"),
    "aws:username": _user_name,
    "kms:calleraccount": _principal_account,
    "kms:resourcealiases": _resource_aliases,
    "s3:resourceaccount": _resource_account,
}
# Those that AWS says are always in a request's context.
_ALWAYS = frozenset({"aws:currenttime", "aws:epochtime", "aws:userid"})
# The keys whose values follow from the request's principal, resource and way.
DERIVED = frozenset(_DERIVED)
