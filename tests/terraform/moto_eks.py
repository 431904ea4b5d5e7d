"""Amazon EKS (REST JSON), as far as Terraform's resources of the catalog call it.

moto has clusters and node groups without most of their settings, and neither add-ons nor access
entries nor pod identities. Here everything is at once as it was asked for: what EKS adds of its own is
made up. It refuses what EKS refuses and a kind could get wrong: a second entry of a role, another
entry of the role of a node group, two associations of a service account, nodes before their network.
https://docs.aws.amazon.com/eks/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

Body = dict[str, Any]
Reply = tuple[int, Body]

CREATED = 1_767_225_600
ADDON_VERSION = "v1.0.0-eksbuild.1"
_PATH = re.compile(r"/clusters/([^/]+)(?:/([a-z-]+)(?:/(.+))?)?")
_COLLECTIONS = {
    "addons": "addon",
    "access-entries": "accessEntry",
    "node-groups": "nodegroup",
    "pod-identity-associations": "association",
}


class Refused(Exception):
    """An error of the service: its status, its name, its text."""

    def __init__(self, status: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.reply: Reply = (status, {"__type": kind, "message": text})


def eks(place: Any, call: Any) -> Reply:
    """Answer a request; `place.items` holds the clusters by name."""
    try:
        return _answer(place, call)
    except Refused as refused:
        return refused.reply


def _answer(place: Any, call: Any) -> Reply:
    if call.path.startswith("/tags/"):
        return 200, {"tags": {}}
    if call.path == "/clusters":
        return 200, {"cluster": _make_cluster(place, call.body)["cluster"]}
    match = _PATH.fullmatch(call.path)
    if match is None:
        raise Refused(400, "InvalidRequestException", call.path)
    name, kind, rest = match.groups()
    if name not in place.items:
        raise Refused(404, "ResourceNotFoundException", f"no cluster {name}")
    cluster = place.items[name]
    if kind is None:
        if call.method == "DELETE":
            del place.items[name]
        return 200, {"cluster": cluster["cluster"]}
    if kind == "access-entries" and rest and "/access-policies" in rest:
        return _policies(cluster, call, rest)
    if call.method == "POST":
        return 200, {_COLLECTIONS[kind]: _MAKERS[kind](place, cluster, call.body)}
    if rest not in cluster[kind]:
        raise Refused(404, "ResourceNotFoundException", f"no {kind} {rest}")
    found = cluster[kind].pop(rest) if call.method == "DELETE" else cluster[kind][rest]
    return 200, {_COLLECTIONS[kind]: found}


def _make_cluster(place: Any, body: Body) -> Body:
    name = body["name"]
    if name in place.items:
        raise Refused(409, "ResourceInUseException", f"there is a cluster {name}")
    issuer = f"https://oidc.eks.{place.region}.amazonaws.com/id/{_id(name).upper()}"
    network = {
        **body["resourcesVpcConfig"],
        "vpcId": "vpc-0simulated",
        "clusterSecurityGroupId": "sg-0simulated",
    }
    cluster = {
        **body,
        "arn": _arn(place, f"cluster/{name}"),
        "createdAt": CREATED,
        "endpoint": f"https://{_id(name).upper()}.gr7.{place.region}.eks.amazonaws.com",
        "certificateAuthority": {"data": "c2ltdWxhdGVk"},
        "identity": {"oidc": {"issuer": issuer}},
        "kubernetesNetworkConfig": {"ipFamily": "ipv4", "serviceIpv4Cidr": "172.20.0.0/16"},
        "platformVersion": "eks.1",
        "resourcesVpcConfig": network,
        "status": "ACTIVE",
    }
    place.items[name] = {"cluster": cluster, **{kind: {} for kind in _COLLECTIONS}}
    made: Body = place.items[name]
    return made


def _make_addon(place: Any, cluster: Body, body: Body) -> Body:
    name, owner = body["addonName"], cluster["cluster"]["name"]
    if name in cluster["addons"]:
        raise Refused(409, "ResourceInUseException", f"there is an add-on {name}")
    associations = [
        _make_association(place, cluster, {**given, "namespace": "kube-system"})["associationArn"]
        for given in body.get("podIdentityAssociations", [])
    ]
    cluster["addons"][name] = {
        **body,
        "addonArn": _arn(place, f"addon/{owner}/{name}/{_id(name)}"),
        "addonVersion": body.get("addonVersion", ADDON_VERSION),
        "clusterName": owner,
        "createdAt": CREATED,
        "modifiedAt": CREATED,
        "podIdentityAssociations": associations,
        "status": "ACTIVE",
    }
    made: Body = cluster["addons"][name]
    return made


def _make_node_group(place: Any, cluster: Body, body: Body) -> Body:
    name, owner = body["nodegroupName"], cluster["cluster"]["name"]
    if not {"vpc-cni", "eks-pod-identity-agent"} <= cluster["addons"].keys():
        raise Refused(400, "InvalidRequestException", "nodes would not get ready: no network")
    # EKS makes the entry of its nodes' role itself.
    entry = cluster["access-entries"].setdefault(body["nodeRole"], {})
    if entry.get("type", "EC2_LINUX") != "EC2_LINUX":
        raise Refused(409, "ResourceInUseException", f"{body['nodeRole']} has another entry")
    entry["type"] = "EC2_LINUX"
    cluster["node-groups"][name] = {
        **body,
        "clusterName": owner,
        "createdAt": CREATED,
        "health": {"issues": []},
        "modifiedAt": CREATED,
        "nodegroupArn": _arn(place, f"nodegroup/{owner}/{name}/{_id(name)}"),
        "releaseVersion": "1.0.0-20260101",
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}"}]},
        "status": "ACTIVE",
    }
    made: Body = cluster["node-groups"][name]
    return made


def _make_entry(place: Any, cluster: Body, body: Body) -> Body:
    principal, owner = body["principalArn"], cluster["cluster"]["name"]
    if principal in cluster["access-entries"]:
        raise Refused(409, "ResourceInUseException", f"there is an entry of {principal}")
    cluster["access-entries"][principal] = {
        "kubernetesGroups": [],
        "username": principal,
        **body,
        "accessEntryArn": _arn(place, f"access-entry/{owner}/role/{_id(principal)}"),
        "clusterName": owner,
        "createdAt": CREATED,
        "modifiedAt": CREATED,
        "policies": {},
    }
    made: Body = cluster["access-entries"][principal]
    return made


def _policies(cluster: Body, call: Any, rest: str) -> Reply:
    principal, _, policy = rest.partition("/access-policies")
    entry = cluster["access-entries"].get(principal)
    if entry is None:
        raise Refused(404, "ResourceNotFoundException", f"no entry of {principal}")
    owner = {"clusterName": cluster["cluster"]["name"], "principalArn": principal}
    if call.method == "POST":
        made = {**call.body, "associatedAt": CREATED, "modifiedAt": CREATED}
        entry["policies"][call.body["policyArn"]] = made
        return 200, {**owner, "associatedAccessPolicy": made}
    if call.method == "DELETE":
        entry["policies"].pop(policy.lstrip("/"), None)
        return 200, {}
    return 200, {**owner, "associatedAccessPolicies": list(entry["policies"].values())}


def _make_association(place: Any, cluster: Body, body: Body) -> Body:
    owner = cluster["cluster"]["name"]
    key = (body["namespace"], body["serviceAccount"])
    for each in cluster["pod-identity-associations"].values():
        if (each["namespace"], each["serviceAccount"]) == key:
            raise Refused(409, "ResourceInUseException", f"{key} has an association")
    identifier = f"a-{_id(':'.join((owner, *key)))[:17]}"
    made: Body = {
        **body,
        "associationArn": _arn(place, f"podidentityassociation/{owner}/{identifier}"),
        "associationId": identifier,
        "clusterName": owner,
        "createdAt": CREATED,
        "modifiedAt": CREATED,
    }
    cluster["pod-identity-associations"][identifier] = made
    return made


_MAKERS = {
    "addons": _make_addon,
    "access-entries": _make_entry,
    "node-groups": _make_node_group,
    "pod-identity-associations": _make_association,
}


def _arn(place: Any, resource: str) -> str:
    return f"arn:aws:eks:{place.region}:{place.account}:{resource}"


def _id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
