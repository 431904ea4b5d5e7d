"""The tables that clusters are made from, against botocore and the other tables."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import botocore.session
import pytest

from compiler import data
from compiler.data.iam import managed_policy_path
from compiler.data.tables import UnknownEntry, table

EKS = table("aws_eks")


def enum(service: str, shape: str) -> set[str]:
    model = botocore.session.get_session().get_service_model(service)
    return set(model.shape_for(shape).enum)


def test_images_are_known_to_eks_and_none_is_amazon_linux_2() -> None:
    found = {name for row in EKS["ami_types"]["values"].values() for name in row.values()}
    assert found <= enum("eks", "AMITypes")
    assert len(found) == 8
    assert not [name for name in found if name.startswith("AL2_")]


def test_instance_types_are_known_to_ec2() -> None:
    known = enum("ec2", "InstanceType")
    assert set(data.ec2_instance_types()) <= known
    assert len(data.ec2_instance_types()) > 1000


@pytest.mark.parametrize(
    ("name", "architecture", "accelerator", "gpus"),
    [
        ("m7i.large", "x86_64", None, 0),
        ("m7g.large", "arm64", None, 0),
        ("g6.xlarge", "x86_64", "nvidia", 1),
        ("g5g.16xlarge", "arm64", "nvidia", 2),
        ("p5.48xlarge", "x86_64", "nvidia", 8),
        ("g6f.large", "x86_64", "nvidia", 0),
        ("inf2.xlarge", "x86_64", "neuron", 0),
    ],
)
def test_instances(name: str, architecture: str, accelerator: str | None, gpus: int) -> None:
    assert data.ec2_instance(name) == (name, architecture, accelerator, gpus)


@pytest.mark.parametrize("name", ["g6", "g6.", "m7i.giant", "x.large", "", "ml.m5.large"])
def test_unknown_instances(name: str) -> None:
    with pytest.raises(UnknownEntry):
        data.ec2_instance(name)


def test_versions_are_in_order_and_their_support_too() -> None:
    versions = data.eks_versions()
    names = [tuple(map(int, version.name.split("."))) for version in versions]
    assert names == sorted(names)
    assert all(after == before + 1 for (_, before), (_, after) in pairwise(names))
    today = date.fromisoformat(EKS["date"])
    for version in versions:
        if version.standard and version.extended:
            standard = date.fromisoformat(version.standard)
            assert standard < date.fromisoformat(version.extended)
            assert today <= date.fromisoformat(version.extended)
            assert version.in_standard_support == (today <= standard)
    assert any(version.in_standard_support for version in versions)


def test_policies_of_addons_are_aws_s() -> None:
    for addon in data.eks_addons().values():
        assert (addon.policy is None) == (addon.service_account is None)
        if addon.policy:
            path, _, name = f"/{addon.policy}".rpartition("/")
            assert managed_policy_path(name) == f"{path}/"


def test_zones() -> None:
    assert data.eks_zone_ids("eu-west-1") == ("euw1-az1", "euw1-az2", "euw1-az3")
    assert "use1-az3" not in data.eks_zone_ids("us-east-1")
    with pytest.raises(UnknownEntry):
        data.eks_zone_ids("eu-west-9")
    listed = {zone for zones in table("aws_zones")["zones"].values() for zone in zones.split()}
    assert "use1-az3" in listed, "then nothing is left out above"


def test_levels() -> None:
    assert data.eks_access_policy("admin", namespaces=True) == "AmazonEKSAdminPolicy"
    assert data.eks_access_policy("admin", namespaces=False) == "AmazonEKSClusterAdminPolicy"
    assert data.eks_access_policy("view", namespaces=True) == "AmazonEKSViewPolicy"
