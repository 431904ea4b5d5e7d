"""Nodes: one role for all pools, and for each pool a launch template and a node group."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.data import eks_ami_type
from compiler.kinds.model_serving.inputs import Pool
from compiler.kinds.model_serving.names import (
    ACCELERATOR_LABEL,
    CLUSTER,
    GPU_RESOURCE,
    POOL_LABEL,
    SYSTEM_LABEL,
    Parties,
    Subnets,
    identifier,
)
from compiler.terraform.stack import Value, reference

# Of the role that kubelet works as. AmazonEKS_CNI_Policy is not among them: the add-on has a role.
# Source: EKS user guide, "Amazon EKS node IAM role".
POLICIES = ("AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy")
ROOT_DEVICE = "/dev/xvda"
# Bottlerocket has its images and pods on a volume of their own.
# Source: Bottlerocket documentation, "Default volumes".
BOTTLEROCKET_DATA_DEVICE = "/dev/xvdb"
# Pods are one hop further away than the node: with 1 they get no credentials of the node's role.
# Source: EKS best practices guide, "Restrict access to the instance profile assigned to the worker
# node".
HOP_LIMIT = 1
# Nodes that are replaced at a time.
UPDATED_PERCENT = 33


def build(parties: Parties, subnets: Subnets, after: Sequence[str]) -> list[str]:
    """All pools; gives the addresses of the node groups. `after` is what nodes need to get ready."""
    policies = [parties.managed_policy(parties.node, policy) for policy in POLICIES]
    return [
        _pool(parties, subnets, name, pool, [*policies, *after])
        for name, pool in sorted(parties.inputs.pools.items())
    ]


def _pool(parties: Parties, subnets: Subnets, name: str, pool: Pool, after: Sequence[str]) -> str:
    template = _template(parties, name, pool)
    labels = {**pool.labels, POOL_LABEL: name, SYSTEM_LABEL: pool.os}
    taint: list[Value] = []
    if pool.gpus:
        labels[ACCELERATOR_LABEL] = "nvidia"
        taint = [{"key": GPU_RESOURCE, "value": "true", "effect": "NO_SCHEDULE"}]
    return parties.draft.add(
        parties.account,
        "aws_eks_node_group",
        identifier(name),
        {
            "cluster_name": parties.cluster_name,
            # Of most changes EKS makes a new group, which must be there before the old one goes.
            "node_group_name_prefix": f"{name}-",
            "node_role_arn": reference("aws_iam_role.node", "arn"),
            "subnet_ids": list(subnets.subnet_ids),
            # Nodes follow the cluster's version when it is raised.
            "version": reference(CLUSTER, "version"),
            "ami_type": eks_ami_type(pool.os, pool.type),
            "capacity_type": "SPOT" if pool.spot else "ON_DEMAND",
            "instance_types": [pool.instance],
            "labels": dict(sorted(labels.items())),
            "taint": taint or None,
            "launch_template": [
                {
                    "id": reference(template, "id"),
                    "version": reference(template, "latest_version"),
                }
            ],
            "scaling_config": [
                {"min_size": pool.min, "max_size": pool.max, "desired_size": pool.first}
            ],
            "update_config": [{"max_unavailable_percentage": UPDATED_PERCENT}],
            "node_repair_config": [{"enabled": True}],
        },
        depends_on=after,
        lifecycle={
            "create_before_destroy": True,
            "ignore_changes": ["scaling_config[0].desired_size"],
        },
    )


def _template(parties: Parties, name: str, pool: Pool) -> str:
    """How a pool's machines are made. Security group and image are EKS's to add."""
    draft, account = parties.draft, parties.account
    tags: dict[str, Value] = {**draft.tags(account), "Name": draft.prefix(name)}
    volumes = [_volume(ROOT_DEVICE, None if pool.os == "bottlerocket" else pool.volume_gb)]
    if pool.os == "bottlerocket":
        volumes.append(_volume(BOTTLEROCKET_DATA_DEVICE, pool.volume_gb))
    return draft.add(
        account,
        "aws_launch_template",
        identifier(name),
        {
            "name": draft.name(f"pool-{name}", "aws_launch_template"),
            "description": f"Nodes of the pool {name}",
            "update_default_version": True,
            "metadata_options": [
                {
                    "http_endpoint": "enabled",
                    "http_tokens": "required",
                    "http_put_response_hop_limit": HOP_LIMIT,
                }
            ],
            "block_device_mappings": volumes,
            "tag_specifications": [
                {"resource_type": kind, "tags": tags}
                for kind in ("instance", "network-interface", "volume")
            ],
        },
    )


def _volume(device: str, size: int | None) -> Value:
    """An encrypted gp3 volume; without a size, that of the image. The provider wants text here."""
    return {
        "device_name": device,
        "ebs": [
            {
                "encrypted": "true",
                "volume_type": "gp3",
                "volume_size": size,
                "delete_on_termination": "true",
            }
        ],
    }
