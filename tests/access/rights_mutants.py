"""Single changes of what gives access beside policies: what a defect of a kind, or somebody's hand, would do."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Documents = Mapping[str, Mapping[str, Any]]
Body = dict[str, Any]
Resources = dict[str, dict[str, Body]]
OTHER_ACCOUNT = "999999999999"
OUTSIDER = f"arn:aws:iam::{OTHER_ACCOUNT}:role/outsider"
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


@dataclass(frozen=True)
class Mutant:
    """`operator` is what was done to the resource `address` of `stack`."""

    operator: str
    stack: str
    address: str
    documents: Documents

    def __str__(self) -> str:
        return f"{self.operator} {self.stack} {self.address}"


# A change: what is done, and the resources of its type and others that take the place of this one.
_Change = tuple[str, Mapping[str, Mapping[str, Body]]]
_Maker = Callable[[str, str, Body], Iterator[_Change]]


def mutants(documents: Documents) -> Iterator[Mutant]:
    """Every mutant of every resource that gives access, in the order of the documents."""
    for stack, document in documents.items():
        for type_, named in document.get("resource", {}).items():
            maker = _MAKERS.get(type_)
            for name, body in named.items() if maker else ():
                assert maker is not None
                drop: list[_Change] = [("drop", {})] if _gives(type_, body) else []
                for operator, changed in (*drop, *maker(type_, name, body)):
                    yield _mutant(documents, stack, f"{type_}.{name}", operator, changed)
        yield from _trusts(documents, stack)
        named = document.get("resource", {}).items()
        if any(_gives(type_, body) for type_, bodies in named for body in bodies.values()):
            yield from _moved(documents, stack)


def _trusts(documents: Documents, stack: str) -> Iterator[Mutant]:
    """The statements of trust policies that admit services and identity providers."""
    for local, policy in documents[stack].get("locals", {}).items():
        if not local.endswith("_assume_role_policy"):
            continue
        for number, body in enumerate(policy["Statement"]):
            for operator, changed in _statements(body):
                made = copy.deepcopy(dict(documents[stack]))
                made["locals"][local]["Statement"][number : number + 1] = changed
                yield Mutant(operator, stack, f"locals.{local}", {**documents, stack: made})


def _statements(body: Body) -> Iterator[tuple[str, list[Body]]]:
    (kind,) = body["Principal"]
    if kind == "AWS":
        return
    own = body["Principal"][kind]
    other = "glue.amazonaws.com" if kind == "Service" else own.replace("oidc-provider/", "other/")
    yield f"another {kind.lower()}", [{**body, "Principal": {kind: other}}]
    yield f"one more {kind.lower()}", [{**body, "Principal": {kind: [own, other]}}]
    yield "drop the statement", []
    yield "one more action", [{**body, "Action": [*body["Action"], "sts:SetSourceIdentity"]}]
    yield "one more statement", [body, {**body, "Sid": "More", "Principal": {kind: other}}]
    for operator, keys in body.get("Condition", {}).items():
        for key in keys:
            less = {k: v for k, v in keys.items() if k != key}
            conditions = {**body["Condition"], operator: less}
            yield "drop a condition", [{**body, "Condition": conditions}]
            loose = {**body["Condition"], operator: {**keys, key: "*"}}
            yield "loosen a condition", [{**body, "Condition": loose}]


def _gives(type_: str, body: Body) -> bool:
    """Whether somebody has something by it as it is; the others only could."""
    if type_ == "aws_eks_addon":
        return bool(body.get("pod_identity_association"))
    return type_ in _MAKERS and type_ not in ("aws_eks_cluster", "aws_iam_role")


def _mutant(
    documents: Documents,
    stack: str,
    address: str,
    operator: str,
    changed: Mapping[str, Mapping[str, Body]],
) -> Mutant:
    made = copy.deepcopy(dict(documents[stack]))
    type_, _, name = address.partition(".")
    del made["resource"][type_][name]
    for key, more in changed.items():
        made["resource"].setdefault(key, {}).update(more)
    return Mutant(operator, stack, address, {**documents, stack: made})


def _moved(documents: Documents, stack: str) -> Iterator[Mutant]:
    """The whole stack applied to another account or project."""
    made = copy.deepcopy(dict(documents[stack]))
    for block in made["provider"].get("aws", ()):
        block["allowed_account_ids"] = [OTHER_ACCOUNT]
    if "aws" in made["provider"]:
        yield Mutant("another account", stack, "provider.aws", {**documents, stack: made})


def _with(type_: str, label: str, body: Body, **changes: Any) -> Mapping[str, Mapping[str, Body]]:
    return {type_: {label: {**body, **changes}}}


def _more(type_: str, label: str, body: Body, **changes: Any) -> Mapping[str, Mapping[str, Body]]:
    return {type_: {label: body, "more": {**body, **changes}}}


def _entry(type_: str, name: str, body: Body) -> Iterator[_Change]:
    yield "another principal", _with(type_, name, body, principal_arn=OUTSIDER)
    yield "another cluster", _with(type_, name, body, cluster_name="other")
    yield "a group", _with(type_, name, body, kubernetes_groups=["ops"])
    yield "nodes", _with(type_, name, body, type="EC2_LINUX")
    yield "one more principal", _more(type_, name, body, principal_arn=OUTSIDER)


def _association(type_: str, name: str, body: Body) -> Iterator[_Change]:
    yield "another principal", _with(type_, name, body, principal_arn=OUTSIDER)
    yield "one more principal", _more(type_, name, body, principal_arn=OUTSIDER)
    yield "another cluster", _with(type_, name, body, cluster_name="other")
    arn = VIEW if body["policy_arn"] == ADMIN else ADMIN
    yield "another policy", _with(type_, name, body, policy_arn=arn)
    yield "one more policy", _more(type_, name, body, policy_arn=arn)
    own = body["policy_arn"].replace("arn:aws:eks::aws:", f"arn:aws:eks::{OTHER_ACCOUNT}:")
    yield "a policy of somebody", _with(type_, name, body, policy_arn=own)
    (scope,) = body["access_scope"]
    if scope["type"] == "namespace":
        whole = [{"type": "cluster"}]
        yield "the whole cluster", _with(type_, name, body, access_scope=whole)
        yield "no scope", {type_: {name: {k: v for k, v in body.items() if k != "access_scope"}}}
        for operator, namespaces in (
            ("one more namespace", [*scope["namespaces"], "kube-system"]),
            ("every namespace", ["*"]),
            ("one namespace less", scope["namespaces"][1:]),
        ):
            narrowed = [{**scope, "namespaces": namespaces}]
            yield operator, _with(type_, name, body, access_scope=narrowed)
    else:
        narrowed = [{"type": "namespace", "namespaces": ["default"]}]
        yield "one namespace", _with(type_, name, body, access_scope=narrowed)


def _cluster(type_: str, name: str, body: Body) -> Iterator[_Change]:
    config = [{**body["access_config"][0], "bootstrap_cluster_creator_admin_permissions": True}]
    yield "its creator administers it", _with(type_, name, body, access_config=config)
    yield (
        "nothing is said",
        {type_: {name: {k: v for k, v in body.items() if k != "access_config"}}},
    )
    yield "another name", _with(type_, name, body, name="other")


def _pods(type_: str, name: str, body: Body) -> Iterator[_Change]:
    yield "other pods", _with(type_, name, body, service_account="other")
    yield "pods elsewhere", _with(type_, name, body, namespace="other")
    yield "another role", _with(type_, name, body, role_arn=OUTSIDER)
    yield "another cluster", _with(type_, name, body, cluster_name="other")
    yield "one more role", _with(type_, name, body, target_role_arn=OUTSIDER)
    yield "more pods", _more(type_, name, body, service_account="other")


def _addon(type_: str, name: str, body: Body) -> Iterator[_Change]:
    for given in body.get("pod_identity_association") or ():
        for operator, change in (
            ("other pods", {"service_account": "other"}),
            ("another role", {"role_arn": OUTSIDER}),
        ):
            changed = [{**given, **change}]
            yield operator, _with(type_, name, body, pod_identity_association=changed)
            both = [given, *changed]
            yield f"one more: {operator}", _with(type_, name, body, pod_identity_association=both)
        yield (
            "another add-on",
            _with(type_, name, body, addon_name="amazon-cloudwatch-observability"),
        )
        return
    more = [{"service_account": "aws-node", "role_arn": OUTSIDER}]
    yield "a role", _with(type_, name, body, pod_identity_association=more)


def _share(type_: str, name: str, body: Body) -> Iterator[_Change]:
    yield "another account", _with(type_, name, body, principal_id=OTHER_ACCOUNT)
    yield "one more account", _more(type_, name, body, principal_id=OTHER_ACCOUNT)
    yield "principals", _with(type_, name, body, share_principals=not body["share_principals"])
    yield "another portfolio", _with(type_, name, body, portfolio_id="port-abcdefghijklm")


def _portfolio(type_: str, name: str, body: Body) -> Iterator[_Change]:
    anybody = "arn:aws:iam:::role/*"
    yield "another principal", _with(type_, name, body, principal_arn=OUTSIDER)
    yield "everybody", _with(type_, name, body, principal_arn=anybody, principal_type="IAM_PATTERN")
    yield "one more principal", _more(type_, name, body, principal_arn=OUTSIDER)
    yield "another portfolio", _with(type_, name, body, portfolio_id="port-abcdefghijklm")


def _attachment(type_: str, name: str, body: Body) -> Iterator[_Change]:
    everything = "arn:aws:iam::aws:policy/AdministratorAccess"
    yield "another policy", _with(type_, name, body, policy_arn=everything)
    yield "one more policy", _more(type_, name, body, policy_arn=everything)
    yield "another role", _with(type_, name, body, role="other")
    several = {"name": "more", "policy_arn": everything, "roles": [body["role"]]}
    yield "one for several", {type_: {name: body}, "aws_iam_policy_attachment": {"more": several}}


def _role(type_: str, name: str, body: Body) -> Iterator[_Change]:
    everything = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    yield "a policy of AWS", _with(type_, name, body, managed_policy_arns=everything)


def _fleet(type_: str, name: str, body: Body) -> Iterator[_Change]:
    (role,) = body["role"]
    other = "VIEW" if role["predefined_role"] == "ADMIN" else "ADMIN"
    yield "another role", _with(type_, name, body, role=[{"predefined_role": other}])
    yield "a role of somebody", _with(type_, name, body, role=[{"custom_role": "everything"}])
    kind = "group" if "group" in body else "user"
    yield "another member", _with(type_, name, body, **{kind: f"x{body[kind]}"})
    yield "one more member", _more(type_, name, body, **{kind: f"x{body[kind]}"})
    yield "another scope", _with(type_, name, body, scope_id="other")
    yield "another project", _with(type_, name, body, project="acme-other")


_MAKERS: Mapping[str, _Maker] = {
    "aws_eks_access_entry": _entry,
    "aws_eks_access_policy_association": _association,
    "aws_eks_addon": _addon,
    "aws_eks_cluster": _cluster,
    "aws_eks_pod_identity_association": _pods,
    "aws_iam_role": _role,
    "aws_iam_role_policy_attachment": _attachment,
    "aws_servicecatalog_portfolio_share": _share,
    "aws_servicecatalog_principal_portfolio_association": _portfolio,
    "google_gke_hub_scope_rbac_role_binding": _fleet,
}
