"""The same personas in EKS: access entries, policies narrowed to namespaces, both partitions."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.kinds.training import VARIANTS, compilation, training

LEVELS = {
    "view": "AmazonEKSViewPolicy",
    "edit": "AmazonEKSEditPolicy",
    "admin": "AmazonEKSAdminPolicy",
}
CASES = ("eks", "eks-gov")


@pytest.mark.parametrize("name", CASES)
def test_each_persona_has_one_entry_in_each_cluster(name: str) -> None:
    case = training(name)
    partition = case.compiled.world.organization.partition
    given = case.components["training"]
    accounts = case.blueprint["accounts"]
    entries = {
        (stack, body["cluster_name"], body["principal_arn"])
        for stack, _, body in case.resources("aws_eks_access_entry")
    }
    wanted = {
        (
            f"aws/{each['account']}/training",
            each["cluster"],
            f"arn:{partition}:iam::{accounts[each['account']]['id']}:role/{p['aws']['role']}",
        )
        for each in given["eks"]
        for p in given["personas"].values()
        if "aws" in p
    }
    assert entries == wanted
    assert len(list(case.resources("aws_eks_access_entry"))) == len(wanted) == 9


@pytest.mark.parametrize("name", CASES)
def test_policies_are_those_of_the_level_in_the_namespaces(name: str) -> None:
    case = training(name)
    partition = case.compiled.world.organization.partition
    given = case.components["training"]["personas"]
    levels = {p["aws"]["role"]: p["cluster"] for p in given.values() if "aws" in p}
    found = list(case.resources("aws_eks_access_policy_association"))
    assert len(found) == 9
    for stack, address, body in found:
        role = body["principal_arn"].partition(":role/")[2]
        policy = LEVELS[levels[role]]
        assert body["policy_arn"] == f"arn:{partition}:eks::aws:cluster-access-policy/{policy}"
        assert body["access_scope"] == [{"type": "namespace", "namespaces": ["train"]}]
        entry = address.replace("aws_eks_access_policy_association", "aws_eks_access_entry")
        assert body["depends_on"] == [entry]
        name_ = entry.partition(".")[2]
        assert name_ in case.stacks("aws")[stack]["resource"]["aws_eks_access_entry"]


@pytest.mark.parametrize("name", CASES)
def test_roles_may_find_their_clusters_and_nothing_else(name: str) -> None:
    case = training(name)
    edges = [e for e in case.ledger() if e["principal"]["cloud"] == "aws"]
    assert len(edges) == 9
    assert {tuple(e["actions"]) for e in edges} == {("eks:DescribeCluster",)}
    for edge in edges:
        region = "us-east-1" if edge["principal"]["account"] == "research" else "eu-west-1"
        if name == "eks-gov":
            region = (
                "us-gov-east-1" if edge["principal"]["account"] == "research" else "us-gov-west-1"
            )
        assert f":eks:{region}:" in edge["resource"]["arn"]
    policies = [b for _, _, b in case.resources("aws_iam_role_policy")]
    assert len(policies) == 6
    assert not list(case.resources("aws_iam_role"))


def test_matrix_is_the_same_in_both_clouds() -> None:
    """Who edits in GKE edits in EKS."""
    case = training("eks")
    google = {
        body["scope_rbac_role_binding_id"]: body["role"][0]["predefined_role"].lower()
        for _, _, body in case.resources("google_gke_hub_scope_rbac_role_binding")
    }
    aws = {
        address.partition(".")[2].partition("_")[0]: body["policy_arn"].rpartition("/")[2]
        for _, address, body in case.resources("aws_eks_access_policy_association")
    }
    for name in google.keys() & aws.keys():
        assert aws[name] == LEVELS[google[name]]
    assert google.keys() & aws.keys() == {"ml-engineer", "ml-viewer"}


def changed(**inputs: Any) -> dict[str, Any]:
    made = copy.deepcopy(VARIANTS["eks"])
    made["components"]["training"].update(inputs)
    return made


def test_clusters_without_anybody() -> None:
    personas = copy.deepcopy(VARIANTS["contract"]["components"]["training"]["personas"])
    (found,) = compilation(changed(personas=personas)).diagnostics
    assert found.code == "E204"
    assert "no persona has a role there" in found.message


def test_roles_without_clusters_make_nothing() -> None:
    """A matrix may name the roles before there is a cluster."""
    done = compilation(
        changed(
            eks=[],
            personas={
                "ml-engineer": {
                    "group": "a@acme.example",
                    "cluster": "edit",
                    "aws": {"role": "ml"},
                },
            },
        )
    )
    assert not done.diagnostics
    assert not [s for s in done.blueprints[0].stacks if s.cloud == "aws"]


def test_a_cluster_twice() -> None:
    eks = [{"account": "training", "cluster": "train"}] * 2
    (found,) = compilation(changed(eks=eks)).diagnostics
    assert found.code == "E204"
    assert "same cluster twice" in found.message


def test_two_personas_with_one_role() -> None:
    made = changed()
    personas = made["components"]["training"]["personas"]
    personas["ml-viewer"]["aws"]["role"] = "team/ml-engineer"
    (found,) = compilation(made).diagnostics
    assert 'the same as that of "ml-engineer"' in found.message


def test_an_account_without_a_region() -> None:
    made = changed()
    del made["defaults"]["aws"]
    (found,) = [d for d in compilation(made).diagnostics if "training" in d.message][:1]
    assert found.code == "E309"


def test_two_components_with_one_entry() -> None:
    made = changed()
    other = copy.deepcopy(made["components"]["training"])
    other["projects"] = ["data"]
    other["cluster"]["name"] = "other"
    for name in ("data", "registry"):
        del other[name]
    other["personas"] = {
        "ml-engineer": {"cluster": "view", "aws": {"role": "team/ml-engineer"}},
    }
    made["components"]["other"] = other
    found = compilation(made).diagnostics
    assert {each.code for each in found} == {"E401"}
    assert all("EKS access entry" in each.message for each in found)
    assert len(found) == 2


def test_only_eks() -> None:
    """A team may have its personas in AWS alone: the projects have nothing but their services."""
    made = changed(
        personas={"admin": {"aws": {"role": "admin"}, "cluster": "admin"}},
        cluster=None,
        data=None,
        registry=None,
    )
    component = made["components"]["training"]
    made["components"]["training"] = {k: v for k, v in component.items() if v is not None}
    done = compilation(made)
    assert not done.diagnostics
    assert "google_project_iam_member" not in json.dumps(dict(done.blueprints[0].documents))


def beside_serving(**entry: Any) -> dict[str, Any]:
    """With a model-serving in the account `training`, whose cluster is called `acme-serve`."""
    made = changed(eks=[{"account": "training", "cluster": "acme-serve", **entry}])
    made["components"]["serve"] = {
        "kind": "model-serving",
        "account": "training",
        "version": "1.35",
        "network": {"vpc_id": "vpc-0abc1234", "subnet_ids": ["subnet-0abc1234", "subnet-0abc1235"]},
        "pools": {"system": {"instance": "m7i.large", "min": 2, "max": 4}},
        "access": [{"role": "platform-admin", "level": "admin"}],
    }
    return made


def test_a_cluster_of_the_blueprint_comes_first() -> None:
    done = compilation(beside_serving())
    assert not done.diagnostics, done.diagnostics
    stacks = {stack.path: stack for stack in done.blueprints[0].stacks}
    assert "aws/training/serve" in stacks["aws/training/training"].depends_on


def test_a_cluster_of_nobody_waits_for_nobody() -> None:
    made = beside_serving(cluster="theirs", existing=True)
    done = compilation(made)
    assert not done.diagnostics, done.diagnostics
    stacks = {stack.path: stack for stack in done.blueprints[0].stacks}
    assert "aws/training/serve" not in stacks["aws/training/training"].depends_on


def test_a_cluster_that_nobody_makes_is_told_with_what_is_there() -> None:
    (found,) = compilation(beside_serving(cluster="acme-sevre")).diagnostics
    assert found.code == "E342"
    assert 'no model-serving makes a cluster "acme-sevre" in "training"' in found.message
    assert found.hint is not None
    assert found.hint.startswith('did you mean "acme-serve"?')
    assert "existing: true" in found.hint
    (found,) = compilation(beside_serving(cluster="blue")).diagnostics
    assert found.hint is not None
    assert found.hint.startswith("clusters there: acme-serve")


def test_clusters_of_other_accounts_are_not_looked_for() -> None:
    made = beside_serving()
    made["components"]["training"]["eks"].append({"account": "research", "cluster": "theirs"})
    assert not compilation(made).diagnostics


def test_a_cluster_in_another_region_than_its_entries() -> None:
    made = beside_serving()
    made["components"]["serve"]["region"] = "us-east-1"
    (found,) = compilation(made).diagnostics
    assert found.code == "E342"
    assert '"acme-serve" is in us-east-1, and this component in eu-west-1' in found.message
    assert [what for what, _ in found.related] == ["the cluster"]
