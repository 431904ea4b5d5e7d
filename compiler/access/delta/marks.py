"""What makes a change worth a second look: privileged, public, cross-account, external, production.

Source of "public": S3 user guide, "Blocking public access to your Amazon S3 storage", the meaning
of "public"; it is taken for every service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from compiler.access.delta.privileged import attached_reason, reason, role_reason
from compiler.access.delta.reach import Asked, Reach, View
from compiler.access.delta.records import Home, Mark
from compiler.access.delta.terms import Term, Terms, spelled
from compiler.access.evaluation.principals import caller
from compiler.access.evaluation.text import like
from compiler.access.proof_index import within

# Keys that say who or where from; a fixed value of one makes access to everyone access to some.
_NARROW = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "kms:calleraccount",
    }
)
_EVERYWHERE = frozenset({"*", "0.0.0.0/0", "::/0"})
EVERYONE = ("*", "allUsers", "allAuthenticatedUsers")
# What Google's services work as in a project: its number is in the name.
_OF_GOOGLE = re.compile(
    r"serviceAccount:(?:service-)?(\d+)(?:-compute)?@[a-z0-9-]+(?:\.iam)?\.gserviceaccount\.com"
)
# Identities of a workload-identity pool: all, one subject, or those with an attribute. The pool of
# a project's own clusters is named after the project.
_POOL = re.compile(r"principal(?:Set)?://.*/workloadIdentityPools/([^/]+)/(.+)")
_CLUSTERS = ".svc.id.goog"
_OWN_EMAIL = re.compile(r"serviceAccount:[^@]+@([a-z0-9-]+)\.iam\.gserviceaccount\.com")


class Marker:
    """Marks access of one view; `production` are the homes that either revision counts as such."""

    def __init__(self, view: View, production: Mapping[str, Home]) -> None:
        self._view = view
        self._homes = view.snapshot.homes
        self._production = production

    def marks(self, asked: Asked, reach: Reach) -> Iterator[Mark]:
        """The marks of access on AWS, in the order of MARKS."""
        who = caller(asked.principal)
        own_root = who.kind == "root" and who.account == reach.owner
        why = "" if own_root else self._privileged(asked, reach)
        if why:
            yield Mark(name="privileged", reason=why)
        if _everyone(asked, reach):
            yield Mark(name="public", reason=_open_to(asked))
        elif asked.principal == "*":
            yield Mark(name="cross-account", reason="whoever meets the conditions")
        elif reach.owner:
            yield from self._crossing(asked, reach)
        yield from self._in_production(reach.owner)

    def google(self, member: str, role: str, project: str) -> Iterator[Mark]:
        """The marks of a binding; `project` is the id of the project that owns the resource."""
        why = role_reason(role)
        if why:
            yield Mark(name="privileged", reason=why)
        home = self._project_of(member)
        pool = _POOL.fullmatch(member)
        if member in EVERYONE:
            yield Mark(name="public", reason=_open_to(Asked(member, "", "")))
        elif pool is not None and not pool[1].endswith(_CLUSTERS):
            if pool[2] == "*":
                yield Mark(name="public", reason=f"everyone who signs in with the pool {pool[1]}")
            yield Mark(name="external", reason=f"identities of the pool {pool[1]}")
        elif home not in ("", project):
            yield Mark(name="cross-account", reason=f"from project {home} to {project}")
            if home not in self._homes:
                yield Mark(name="external", reason=f"project {home} is not in the blueprint")
        yield from self._in_production(project)

    def right(self, principal: str, name: str, resource: str, owner: str) -> Iterator[Mark]:
        """The marks of access beside policies on AWS; `owner` is the account of what it is on."""
        why = role_reason(name) or attached_reason(name)
        if not why and resource in self._strong:
            why = f"becomes {resource}: {self._strong[resource]}"
        if why:
            yield Mark(name="privileged", reason=why)
        yield from self._from_elsewhere(principal, owner)
        yield from self._in_production(owner)

    def _from_elsewhere(self, principal: str, owner: str) -> Iterator[Mark]:
        """Whether it is another account's, or of several: by the form of its ARN."""
        parts = principal.split(":", 5)
        if len(parts) < 6:
            return
        service, account, last = parts[2], parts[4], parts[5]
        if service == "organizations":
            whom = last.rpartition("/")[2]
            yield Mark(name="cross-account", reason=f"from all of {whom} to {self._named(owner)}")
        elif not account:
            yield Mark(name="cross-account", reason="from every account that it is shared to")
        elif account != owner:
            reason = f"from {self._named(account)} to {self._named(owner)}"
            yield Mark(name="cross-account", reason=reason)
            if account not in self._homes:
                yield Mark(name="external", reason=f"account {account} is not in the blueprint")

    def _project_of(self, member: str) -> str:
        """The id of the project that a service account belongs to, "" of others."""
        numbered = _OF_GOOGLE.fullmatch(member)
        if numbered is not None:
            homes = self._homes.values()
            return next((home.id for home in homes if home.number == numbered[1]), "")
        own = _OWN_EMAIL.fullmatch(member)
        return own[1] if own is not None else ""

    def _crossing(self, asked: Asked, reach: Reach) -> Iterator[Mark]:
        who = caller(asked.principal)
        if who.kind == "federated":
            yield Mark(name="external", reason=f"identities of {who.name}")
            return
        accounts = {who.account} if who.account else _sources(reach.alternatives)
        if not accounts or reach.owner in accounts | self._view.policies.provided:
            return
        account = min(accounts)
        yield Mark(
            name="cross-account",
            reason=f"from {self._named(account)} to {self._named(reach.owner)}",
        )
        if account not in self._homes:
            yield Mark(name="external", reason=f"account {account} is not in the blueprint")

    def _in_production(self, owner: str) -> Iterator[Mark]:
        home = self._production.get(owner)
        if home is not None:
            yield Mark(name="production", reason=f"{home.name}: {home.production}")

    def _named(self, account: str) -> str:
        home = self._homes.get(account)
        return account if home is None else home.name

    def _privileged(self, asked: Asked, reach: Reach) -> str:
        found = reason(asked.action, reach.alternatives)
        if found or caller(asked.principal).kind == "service":
            return found
        if not like(asked.action)("sts:assumerole") and not asked.action.startswith("sts:assume"):
            return ""
        for role, why in self._strong.items():
            if role == asked.resource or within(asked.resource, role):
                return f"becomes {role}: {why}"
        return ""

    @cached_property
    def _strong(self) -> dict[str, str]:
        """Roles with a privileged permission, and which; those who may become one are such, too."""
        found: dict[str, str] = {}
        roles = list(self._view.policies.principals.values())
        for role in roles:
            for statement in role.identity.statements:
                keys = {condition.key for condition in statement.conditions}
                terms = [frozenset(_bare(key) for key in keys)]
                actions = ("*",) if statement.not_action else statement.actions
                for action in actions if statement.allows else ():
                    why = reason(action, terms)
                    if why:
                        found.setdefault(role.arn, why)
        grown = True
        while grown:
            grown = False
            for role in roles:
                if role.arn in found:
                    continue
                for target in self._assumes(role.arn, found):
                    found[role.arn] = f"sts:AssumeRole of {target}"
                    grown = True
                    break
        return dict(sorted(found.items()))

    def _assumes(self, arn: str, strong: Iterable[str]) -> Iterator[str]:
        who = caller(arn)
        kind = "user" if who.kind == "user" else "role"
        principal = self._view.policies.principals[who.account, f"{kind}/{who.name}"]
        for statement in principal.identity.statements:
            if statement.allows and any(like(a)("sts:assumerole") for a in statement.actions):
                texts = [pattern.text for pattern in statement.resources]
                yield from (t for t in sorted(strong) if any(within(text, t) for text in texts))


def _bare(key: str) -> Term:
    return Term(key=key, operator="", quantifier="", if_exists=False, values=(), name="")


def _everyone(asked: Asked, reach: Reach) -> bool:
    """Whether one of the ways asks nothing about who it is."""
    if asked.principal == "*":
        return any(not any(map(_narrows, way)) for way in reach.alternatives)
    if caller(asked.principal).kind == "federated" and "webidentity" in asked.action:
        return any(not any(_subject(term) for term in way) for way in reach.alternatives)
    return False


def _narrows(term: Term) -> bool:
    return term.key in _NARROW and _says_which(term)


def _subject(term: Term) -> bool:
    return term.key.endswith((":sub", ":email", ":id")) and _says_which(term)


def _says_which(term: Term) -> bool:
    positive = term.operator in ("stringequals", "stringlike", "arnlike", "ipaddress")
    return positive and not term.if_exists and not _EVERYWHERE & set(term.values)


def _open_to(asked: Asked) -> str:
    if asked.principal in ("allAuthenticatedUsers",):
        return "everyone with a Google account"
    if asked.principal in EVERYONE:
        return "everyone, also without an account"
    return f"everyone who signs in with {asked.principal.partition('/')[2]}"


def _sources(alternatives: Iterable[Terms]) -> set[str]:
    """The accounts for which a service calls."""
    found = set()
    for way in alternatives:
        for term in way:
            if term.key == "aws:sourceaccount":
                found |= set(term.values)
            elif term.key == "aws:sourcearn":
                found |= {value.split(":")[4] for value in term.values if value.count(":") > 4}
    return {account for account in found if account.isdigit()}


def action_text(action: str) -> str:
    """An action, or a role of Google, as it is shown."""
    return action if action.startswith("roles/") else spelled(action)
