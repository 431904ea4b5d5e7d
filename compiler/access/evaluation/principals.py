"""Who asks, and whether a statement's Principal means them.

Normal forms of a Principal: `*`, `account/111111111111`, an ARN, `service/events.amazonaws.com`,
`federated/…`, `canonical/…`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from compiler.access.evaluation.text import HOLE, Partial, Text, like

_ACCOUNT = re.compile(r"\d{12}|arn:[\w-]+:iam::(\d{12}):root")


class Level(IntEnum):
    """How a resource policy means the caller, which decides what else is needed.

    ACCOUNT delegates to the caller's account, whose own policies must allow too. ROLE admits the
    role, limited by its boundary. DIRECT admits the caller itself: a session, a user, a service.
    Source: IAM user guide, "AWS JSON policy elements: Principal" and "Permissions boundaries for
    IAM entities", evaluating with resource-based policies.
    """

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal that asks. `kind` is role, session, user, root, service, federated, anonymous.

    `arn` is what aws:PrincipalArn says of it ("" where it says nothing); `name` is the role's or
    user's name without its path. `forms` are the normal forms that mean it, with their levels.
    """

    kind: str
    account: str
    arn: str
    name: str
    forms: Mapping[str, Level]


@lru_cache(maxsize=8192)
def caller(principal: str, role_arn: str = "") -> Caller:
    """The caller of that ARN or service name; `role_arn` is the role of a session."""
    if principal == "*":
        return Caller("anonymous", "", "", "", {"*": Level.DIRECT})
    if principal.startswith(("federated/", "canonical/")):  # in its normal form: it has no ARN
        return Caller("federated", "", "", principal.partition("/")[2], {principal: Level.DIRECT})
    if not principal.startswith("arn:"):
        return Caller("service", "", "", principal, {f"service/{principal}": Level.DIRECT})
    _, partition, _, _, account, resource = principal.split(":", 5)
    head, _, rest = resource.partition("/")
    name = rest.rsplit("/", 1)[-1]
    forms = {"*": Level.DIRECT, f"account/{account}": Level.ACCOUNT}
    if head == "root":
        return Caller("root", account, principal, "", {**forms, f"account/{account}": Level.DIRECT})
    if head == "role":
        return Caller("role", account, principal, name, {**forms, principal: Level.ROLE})
    if head == "assumed-role":
        name = rest.split("/", 1)[0]
        role = role_arn or f"arn:{partition}:iam::{account}:role/{name}"
        forms |= {role: Level.ROLE, principal: Level.DIRECT}
        return Caller("session", account, role, name, forms)
    if head in ("oidc-provider", "saml-provider"):
        return Caller("federated", account, "", name, {f"federated/{principal}": Level.DIRECT})
    return Caller("user", account, principal, name, {**forms, principal: Level.DIRECT})


def normal_forms(principal: object) -> Iterator[Text]:
    """The normal forms of a statement's Principal; ValueError where AWS would refuse it."""
    if principal == "*":
        yield "*"
    elif isinstance(principal, Partial):
        yield principal
    elif isinstance(principal, Mapping) and principal:
        for kind, values in principal.items():
            for value in [values] if isinstance(values, str | Partial) else _several(values):
                yield _normal(kind, value)
    else:
        raise ValueError("Principal is neither * nor a mapping")


def _several(values: object) -> Sequence[Text]:
    if isinstance(values, Sequence) and all(isinstance(each, str | Partial) for each in values):
        return values
    raise ValueError("Principal has a value that is no text")


def _normal(kind: str, value: Text) -> Text:
    prefix = {"Service": "service/", "Federated": "federated/", "CanonicalUser": "canonical/"}
    if kind == "AWS":
        return value if isinstance(value, Partial) else _account_or_arn(value)
    if kind not in prefix:
        raise ValueError(f"Principal has no kind {kind!r}")
    if isinstance(value, Partial):
        return Partial(prefix[kind] + value.text, value.unknown)
    return prefix[kind] + value


def _account_or_arn(value: str) -> str:
    if value == "*":
        return value
    account = _ACCOUNT.fullmatch(value)
    if account is not None:
        return f"account/{account[1] or value}"
    if "*" in value or "?" in value:
        raise ValueError(f"Principal {value!r} has a wildcard within a name")
    return value


def level(who: Caller, forms: frozenset[str]) -> Level:
    """The strongest way in which the forms mean the caller."""
    found = Level.NONE
    for form, strength in who.forms.items():
        if strength > found and form in forms:
            found = strength
    return found


def may_mean(who: Caller, unresolved: tuple[Text, ...]) -> frozenset[str]:
    """What it depends on whether these mean the caller; empty: they can't."""
    lacking = frozenset[str]()
    for each in unresolved:
        if isinstance(each, Partial):
            test = like(each.text)
            if each.text == HOLE or any(test(form) for form in who.forms):
                lacking |= each.unknown
    return lacking
