"""EKS add-ons: those that nodes need to get ready come before them, the others after."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.access.parties import Role
from compiler.data import Addon, eks_addons
from compiler.kinds.model_serving.names import Parties, identifier
from compiler.terraform.stack import JsonText, Value, reference

# A node is ready only with a network, and the network's add-on gets its role through the agent.
FIRST = ("vpc-cni", "eks-pod-identity-agent", "kube-proxy")
# DNS; what autoscaling of pods reads; what repairs nodes. They need nodes to run on.
THEN = ("coredns", "metrics-server", "eks-node-monitoring-agent")
# Without this no NetworkPolicy of the manifests would be enforced.
# Source: EKS user guide, "Limit Pod traffic with Kubernetes network policies".
CONFIGURATION: dict[str, Value] = {"vpc-cni": {"enableNetworkPolicy": "true"}}


def before_nodes(parties: Parties) -> list[str]:
    """Gives the addresses of the add-ons."""
    return [_addon(parties, name, ()) for name in FIRST]


def after_nodes(parties: Parties, nodes: Sequence[str]) -> None:
    """The rest, once there are nodes."""
    further = sorted(set(parties.inputs.addons) - {*FIRST, *THEN})
    for name in (*THEN, *further):
        _addon(parties, name, nodes)


def _addon(parties: Parties, name: str, after: Sequence[str]) -> str:
    settings = parties.inputs.addons.get(name)
    configuration = CONFIGURATION.get(name)
    addon = eks_addons()[name]
    role, identity, attached = _identity(parties, addon)
    made = parties.draft.add(
        parties.account,
        "aws_eks_addon",
        identifier(name),
        {
            "cluster_name": parties.cluster_name,
            "addon_name": name,
            "addon_version": settings.version if settings else None,
            "configuration_values": JsonText(configuration) if configuration else None,
            "pod_identity_association": identity or None,
            "resolve_conflicts_on_create": "OVERWRITE",
            "resolve_conflicts_on_update": "OVERWRITE",
        },
        depends_on=(*attached, *after),
    )
    if role is not None and addon.service_account is not None:
        parties.pods_role(addon.namespace, addon.service_account, role, made)
    return made


def _identity(parties: Parties, addon: Addon) -> tuple[Role | None, list[Value], list[str]]:
    """The role of an add-on that calls AWS, given to its service account alone."""
    if addon.service_account is None or addon.policy is None:
        return None, [], []
    role = parties.role(
        f"addon_{identifier(addon.name)}",
        f"addon-{addon.name}",
        f"The add-on {addon.name} calls AWS with it",
        [parties.pod_trust(addon.namespace, addon.service_account)],
    )
    attached = parties.managed_policy(role, addon.policy)
    association: Value = {
        "service_account": addon.service_account,
        "role_arn": reference(f"aws_iam_role.{role.name}", "arn"),
    }
    return role, [association], [attached]
