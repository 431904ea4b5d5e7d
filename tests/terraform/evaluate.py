"""A small IAM evaluator for tests: may this principal do this action on this resource?

Takes the policies read back from the simulated AWS (`policies`), gives a verdict with the identity
side and the resource side apart. Follows the policy evaluation logic of the IAM user guide
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html): an explicit
Deny anywhere wins; in one account either side may allow, except that a key policy or a trust policy
must; across accounts both sides must; a permissions boundary limits the identity side. Left out: service and
resource control policies, session policies, grants, ACLs. Shares no code with the compiler.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.terraform.conditions import Context, conditions_hold, like, strings, substitute
from tests.terraform.policies import Account, Document, Key, Role


@dataclass(frozen=True, slots=True)
class Side:
    """What one side says: `allowed` and `denied` by some statement; `direct` when an allowing
    statement names the principal itself and not only its account."""

    allowed: bool = False
    denied: bool = False
    direct: bool = False

    @property
    def grants(self) -> bool:
        """Allowed, and not denied."""
        return self.allowed and not self.denied


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a question, with its two sides; `boundary` is None without one."""

    allowed: bool
    identity: Side
    resource: Side
    boundary: Side | None = None


_EVERYTHING: Document = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_ADMINISTRATOR = Role("", {}, {"everything": _EVERYTHING})


@dataclass(frozen=True, slots=True)
class _Request:
    """One question, with the condition keys that AWS itself fills in already in `context`."""

    principal: str
    account: str
    action: str
    resource: str
    context: Context


def evaluate(
    accounts: Mapping[str, Account],
    principal: str,
    action: str,
    resource: str,
    context: Context | None = None,
    *,
    administrator: bool = False,
) -> Verdict:
    """May `principal`, a role's ARN or a service (`states.amazonaws.com`), do it?

    `administrator` asks for a role that its own account allows everything, whether or not it is
    there: what is then allowed hangs on the resource side alone.
    KeyError for a role or a bucket that is not there: a question about nothing has no answer.
    """
    owner = _owner(accounts, resource)
    request = _request(accounts, principal, action, resource, owner, context or {})
    policy, decisive = _resource_policy(accounts.get(owner), action, resource)
    resource_side = _side(request, [policy] if policy else [], principals=True)
    if not principal.startswith("arn:"):
        return Verdict(resource_side.grants, Side(), resource_side)
    role = _ADMINISTRATOR if administrator else _role(accounts, principal)
    identity = _side(request, role.identity.values())
    boundary = _side(request, [role.boundary]) if role.boundary else None
    allowed = _combine(request, owner, decisive, identity, resource_side, boundary)
    return Verdict(allowed, identity, resource_side, boundary)


def _combine(
    request: _Request,
    owner: str,
    decisive: bool,
    identity: Side,
    resource: Side,
    boundary: Side | None,
) -> bool:
    if identity.denied or resource.denied or (boundary and boundary.denied):
        return False
    by_identity = identity.allowed and (boundary is None or boundary.allowed)
    if owner != request.account:
        return by_identity and resource.allowed
    # A role ARN in a resource policy of the same account is limited by the boundary; a statement
    # for the account only lets identity policies decide.
    by_resource = resource.direct and (boundary is None or boundary.allowed)
    if decisive:
        return resource.allowed and (by_identity or by_resource)
    return by_identity or by_resource


def _request(
    accounts: Mapping[str, Account],
    principal: str,
    action: str,
    resource: str,
    owner: str,
    given: Context,
) -> _Request:
    account = principal.split(":")[4] if principal.startswith("arn:") else ""
    filled: dict[str, Any] = {"aws:SecureTransport": "true"}
    if owner:
        filled["aws:ResourceAccount"] = owner
    if account:
        filled |= {"aws:PrincipalArn": principal, "aws:PrincipalAccount": account}
    key = accounts[owner].keys.get(resource) if owner in accounts else None
    if key and key.aliases:
        filled["kms:ResourceAliases"] = list(key.aliases)
    return _Request(principal, account, action, resource, {**filled, **given})


def _owner(accounts: Mapping[str, Account], resource: str) -> str:
    """The account that a resource belongs to: in its ARN, or for S3 the one with the bucket."""
    if resource == "*":
        return ""
    named = resource.split(":")[4]
    if named:
        return named
    bucket = resource.split("/")[0]
    owners = [id for id, account in accounts.items() if bucket in account.resources]
    if not owners:
        raise KeyError(f"no account has {bucket}")
    return owners[0]


def _role(accounts: Mapping[str, Account], arn: str) -> Role:
    role = accounts[arn.split(":")[4]].roles[arn.rpartition("/")[2]]
    if role.arn != arn:
        raise KeyError(f"{arn}: the role of that name is {role.arn}")
    return role


def _resource_policy(
    account: Account | None, action: str, resource: str
) -> tuple[Document | None, bool]:
    """The policy on a resource, and whether it must allow even inside its own account."""
    if account is None:
        return None, False
    if resource in account.keys:
        key: Key = account.keys[resource]
        return key.policy, True
    if ":role/" in resource and resource.split(":")[2] == "iam":
        if not action.startswith("sts:"):
            return None, False  # a trust policy says nothing of iam:PassRole
        role = account.roles.get(resource.rpartition("/")[2])
        return (role.trust if role else None), True
    parents = [arn for arn in account.resources if _belongs(resource, arn)]
    return (account.resources[max(parents, key=len)] if parents else None), False


def _belongs(resource: str, arn: str) -> bool:
    """Whether a policy on `arn` speaks for `resource`: the same thing, an object, or a version."""
    versions = arn.replace(":model-package-group/", ":model-package/")
    return resource == arn or resource.startswith((f"{arn}/", f"{arn}:", f"{versions}/"))


def _side(request: _Request, policies: Iterable[Document], *, principals: bool = False) -> Side:
    statements = [
        statement
        for policy in policies
        for statement in _statements(policy)
        if _applies(statement, request, principals)
    ]
    allows = [statement for statement in statements if statement["Effect"] == "Allow"]
    denied = any(statement["Effect"] == "Deny" for statement in statements)
    direct = principals and any(_names_directly(s["Principal"], request) for s in allows)
    return Side(bool(allows), denied, direct)


def _statements(policy: Document) -> list[dict[str, Any]]:
    found = policy.get("Statement", [])
    return found if isinstance(found, list) else [found]


def _applies(statement: dict[str, Any], request: _Request, principals: bool) -> bool:
    if "NotPrincipal" in statement:
        raise NotImplementedError("NotPrincipal")
    return (
        (not principals or _is_principal(statement["Principal"], request))
        and _matches(statement, "Action", request.action, request, fold=True)
        and _matches(statement, "Resource", request.resource, request, fold=False)
        and conditions_hold(statement.get("Condition", {}), request.context)
    )


def _matches(
    statement: dict[str, Any], element: str, value: str, request: _Request, *, fold: bool
) -> bool:
    """Action matches without letter case. Trust and repository policies have no Resource."""
    negated = f"Not{element}" in statement
    patterns = statement.get(f"Not{element}" if negated else element)
    if patterns is None:
        return True
    texts = [substitute(pattern, request.context) for pattern in strings(patterns)]
    if fold:
        value, texts = value.lower(), [text.lower() for text in texts]
    return any(like(value, text) for text in texts) != negated


def _is_principal(principal: Any, request: _Request) -> bool:
    if _names_directly(principal, request):
        return True
    if principal == "*" or not request.account:
        return bool(principal == "*")
    names = strings(principal.get("AWS", []))
    return any(_is_account(name, request.account) for name in names)


def _is_account(name: str, account: str) -> bool:
    return name == account or name.endswith(f":iam::{account}:root")


def _names_directly(principal: Any, request: _Request) -> bool:
    """The role itself, the service itself, or everyone."""
    if principal == "*":
        return True
    kind = "AWS" if request.account else "Service"
    names = strings(principal.get(kind, []))
    return request.principal in names or (kind == "AWS" and "*" in names)
