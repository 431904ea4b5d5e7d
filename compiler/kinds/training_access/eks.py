"""The same matrix in EKS clusters: an access entry for each persona with a role there.

The cluster and the roles exist already. A role gets the right to find the cluster, and the cluster's
access entry says what it may do in the namespaces. Source: EKS user guide, "Associate access policies
with access entries".
"""

from __future__ import annotations

from compiler.access.parties import Own
from compiler.data.eks import eks_access_policy
from compiler.kinds.training_access.ground import Ground
from compiler.kinds.training_access.inputs import EksCluster


def build(ground: Ground) -> None:
    """The entries of each cluster, in the stack of its account."""
    draft, personas = ground.draft, ground.inputs.personas
    clusters: dict[str, list[EksCluster]] = {}
    for each in ground.inputs.eks:
        clusters.setdefault(each.account.name, []).append(each)
    for group in clusters.values():
        account = group[0].account
        place = draft.place(account)
        for name, persona in personas.items():
            if persona.aws is None or persona.cluster is None:
                continue
            role = draft.existing_role(account, name.replace("-", "_"), persona.aws.role)
            for each in group:
                cluster = place.arn("eks", f"cluster/{each.cluster}")
                id = f"{name}-finds-{each.cluster}-in-{account.name}"
                draft.grant(id, role, ("eks:DescribeCluster",), Own(place, cluster))
                _entry(ground, each, name, persona.cluster, role.arn)
        names = sorted(each.cluster for each in group)
        draft.output(account, "clusters", [*names], "EKS clusters with rights of the personas")


def _entry(ground: Ground, each: EksCluster, name: str, level: str, role_arn: str) -> None:
    draft, account = ground.draft, each.account
    partition = draft.organization.partition
    label = (
        f"{name}_{each.cluster}"  # a persona's name has no underscore: the label is one of a kind
    )
    entry = draft.add(
        account,
        "aws_eks_access_entry",
        label,
        {"cluster_name": each.cluster, "principal_arn": role_arn, "type": "STANDARD"},
    )
    policy = eks_access_policy(level, namespaces=True)
    draft.add(
        account,
        "aws_eks_access_policy_association",
        label,
        {
            "cluster_name": each.cluster,
            "principal_arn": role_arn,
            "policy_arn": f"arn:{partition}:eks::aws:cluster-access-policy/{policy}",
            "access_scope": [
                {"type": "namespace", "namespaces": list(ground.inputs.all_namespaces)}
            ],
        },
        depends_on=[entry],
    )
    draft.claim(account, "EKS access entry", f"{each.cluster} {role_arn}")
