"""The simulated EKS refuses what EKS refuses, so that an apply to it says something."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.terraform.moto_eks import eks

NODE = "arn:aws:iam::111111111111:role/node"
NODES = {"nodegroupName": "n", "nodeRole": NODE}
ENTRY = {"principalArn": "arn:aws:iam::111111111111:role/team/admin", "type": "STANDARD"}
PODS = {"namespace": "churn", "serviceAccount": "server", "roleArn": NODE}


@pytest.fixture
def place() -> Any:
    made = SimpleNamespace(account="111111111111", region="eu-west-1", items={})
    status, _ = send(made, "POST", "/clusters", {"name": "c", "resourcesVpcConfig": {}})
    assert status == 200
    return made


def send(place: Any, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return eks(place, SimpleNamespace(method=method, path=path, body=body or {}))


def add(place: Any, kind: str, body: dict[str, Any]) -> int:
    status, _ = send(place, "POST", f"/clusters/c/{kind}", body)
    return int(status)


def network(place: Any) -> None:
    for name in ("vpc-cni", "eks-pod-identity-agent"):
        assert add(place, "addons", {"addonName": name}) == 200


def test_a_cluster_is_there_until_it_is_deleted(place: Any) -> None:
    status, found = send(place, "GET", "/clusters/c")
    assert (status, found["cluster"]["status"]) == (200, "ACTIVE")
    assert send(place, "POST", "/clusters", {"name": "c", "resourcesVpcConfig": {}})[0] == 409
    send(place, "DELETE", "/clusters/c")
    assert send(place, "GET", "/clusters/c")[0] == 404


def test_nodes_need_the_network_first(place: Any) -> None:
    assert add(place, "node-groups", NODES) == 400
    network(place)
    assert add(place, "node-groups", NODES) == 200


def test_one_entry_for_a_role_and_none_for_the_nodes(place: Any) -> None:
    network(place)
    assert add(place, "node-groups", NODES) == 200
    assert add(place, "access-entries", ENTRY) == 200
    assert add(place, "access-entries", ENTRY) == 409
    assert add(place, "access-entries", {**ENTRY, "principalArn": NODE}) == 409


def test_nodes_whose_role_has_an_entry_already(place: Any) -> None:
    network(place)
    assert add(place, "access-entries", {**ENTRY, "principalArn": NODE}) == 200
    assert add(place, "node-groups", NODES) == 409


def test_one_association_for_a_service_account(place: Any) -> None:
    assert add(place, "pod-identity-associations", PODS) == 200
    assert add(place, "pod-identity-associations", PODS) == 409
    addon = {"serviceAccount": "aws-node", "roleArn": NODE}
    body = {"addonName": "vpc-cni", "podIdentityAssociations": [addon]}
    assert add(place, "addons", body) == 200
    taken = {**addon, "namespace": "kube-system"}
    assert add(place, "pod-identity-associations", taken) == 409


def test_policies_of_a_role_with_a_path(place: Any) -> None:
    add(place, "access-entries", ENTRY)
    path = f"/clusters/c/access-entries/{ENTRY['principalArn']}/access-policies"
    policy = {"policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"}
    assert send(place, "POST", path, {**policy, "accessScope": {"type": "cluster"}})[0] == 200
    _, found = send(place, "GET", path)
    assert [each["policyArn"] for each in found["associatedAccessPolicies"]] == [*policy.values()]
    send(place, "DELETE", f"{path}/{policy['policyArn']}")
    assert send(place, "GET", path)[1]["associatedAccessPolicies"] == []
