"""What the parts of one cluster call each other: roles, keys, addresses, the trust of pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from compiler.access.parties import Key, Place, Role, Target
from compiler.access.policy import Statement
from compiler.data import name_limit
from compiler.kinds.draft import Draft
from compiler.kinds.model_serving.inputs import Inputs
from compiler.kinds.parts import service_trust
from compiler.kinds.rights import managed_policy
from compiler.organization.records import Account
from compiler.terraform.names import shorten
from compiler.terraform.stack import Expression, Value, reference

CLUSTER = "aws_eks_cluster.cluster"
# Labels of nodes: their pool, their operating system; nodes with GPUs have the third.
POOL_LABEL = "landform/pool"
SYSTEM_LABEL = "landform/os"
ACCELERATOR_LABEL = "landform/accelerator"
# What keeps pods without GPUs away from nodes with GPUs; pods that ask for one tolerate it.
GPU_RESOURCE = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnets:
    """Where nodes and the cluster's interfaces are."""

    vpc_id: Value
    subnet_ids: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Parties:
    """Keys and roles of the cluster; a role is declared when it is first asked for."""

    draft: Draft
    inputs: Inputs
    name: str
    secrets: Key
    logs: Key

    @cached_property
    def cluster(self) -> Role:
        """The role of the control plane."""
        trust = service_trust("eks.amazonaws.com", self.place.id, self.arn)
        return self.role("cluster", "cluster", "EKS runs the control plane with it", [trust])

    @cached_property
    def node(self) -> Role:
        """The role of nodes. EC2's principal has the partition's suffix: `ec2.amazonaws.com.cn`."""
        trust = service_trust(f"ec2.{self.place.suffix}")
        return self.role("node", "node", "Nodes join the cluster with it", [trust])

    @property
    def account(self) -> Account:
        """The cluster's account."""
        return self.inputs.account

    @property
    def place(self) -> Place:
        """The stack."""
        return self.secrets.place

    @property
    def several(self) -> bool:
        """Whether the component has a cluster in several accounts (`for_each`)."""
        return len(self.draft.neighbours.named(self.draft.component.name)) > 1

    def grant(self, id: str, role: Role, actions: tuple[str, ...], target: Target) -> None:
        """A grant whose id is that of one account where there are several."""
        own = f"{id}-{self.account.name}" if self.several else id
        self.draft.grant(own, role, actions, target)

    def pod_trust(self, namespace: str, service_account: str) -> Statement:
        """Lets the pods of one service account of the cluster have a role."""
        return pod_trust(self.arn, self.place.id, namespace, service_account)

    def role(self, name: str, part: str, description: str, trust: Sequence[Statement] = ()) -> Role:
        """A role of the cluster's account."""
        several = self.several
        return self.draft.role(self.account, name, part, description, trust, several=several)

    @property
    def arn(self) -> str:
        """The cluster's ARN."""
        return self.place.arn("eks", f"cluster/{self.name}")

    @property
    def cluster_name(self) -> Expression:
        """The cluster's name, for what needs the cluster itself."""
        return reference(CLUSTER, "name")

    def managed_policy(self, role: Role, policy: str) -> str:
        """Attach a policy of AWS to a role; gives the attachment's address."""
        name = f"{role.name}_{identifier(policy.rpartition('/')[2])}"
        return managed_policy(self.draft, self.account, role, policy, name)

    def labelled(self, id: str) -> str:
        """The id of something of this cluster, with its account where the component has several."""
        return f"{id}-{self.account.name}" if self.several else id

    def pods_role(self, namespace: str, service_account: str, role: Role, address: str) -> None:
        """Put into the ledger that these pods have the role, by the association at `address`."""
        self.draft.right(
            self.account,
            f"{role.label}-are-pods",
            "pod-identity",
            "PodIdentity",
            principal=f"{self.arn}/serviceaccount/{namespace}/{service_account}",
            principal_home=self.account.name,
            resource=role.arn,
            addresses=(address,),
        )


def cluster_name(draft: Draft, inputs: Inputs) -> str:
    """The name that is given, or `<organization>-<component>`."""
    plain = f"{draft.organization.name}-{draft.component.name}"
    return inputs.name or shorten(plain, name_limit("aws_eks_cluster"))


def log_group(cluster: str) -> str:
    """Where EKS writes the control plane's logs: it takes no other name."""
    return f"/aws/eks/{cluster}/cluster"


def flow_log_group(draft: Draft) -> str:
    """The log group of the VPC's flow logs."""
    return f"/landform/{draft.organization.name}/{draft.component.name}/flow-logs"


def pod_trust(cluster: str, account_id: str, namespace: str, service_account: str) -> Statement:
    """Lets the pods of one service account of one cluster, by its ARN, have a role.

    Source: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity", and
    "Grant Pods access to AWS resources based on tags" for the tags.
    """
    return Statement(
        sid="Pods",
        principal={"Service": "pods.eks.amazonaws.com"},
        actions=("sts:AssumeRole", "sts:TagSession"),
        conditions={
            "StringEquals": {
                "aws:RequestTag/eks-cluster-arn": cluster,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": service_account,
                "aws:SourceAccount": account_id,
            }
        },
    )


def identifier(text: str) -> str:
    """The text as a part of a Terraform name."""
    return "".join(c if c.isalnum() else "_" for c in text)
