"""Who uses the Kubernetes API: entries of EKS for roles of IAM, and what each may do."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.access.parties import Assume, Own, Role
from compiler.data import eks_access_policy
from compiler.kinds.model_hub.names import apart, role_label
from compiler.kinds.model_serving.inputs import AccessEntry
from compiler.kinds.model_serving.names import Parties, identifier
from compiler.organization.records import Account
from compiler.terraform.stack import Value, reference

# Roles that IAM Identity Center makes: nobody else may change them, so they get no policy of ours.
# Source: IAM Identity Center user guide, "Using service-linked roles", AWSReservedSSO roles.
PROTECTED = "aws-reserved/"


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry, the account of its role, and what both are called in Terraform."""

    given: AccessEntry
    home: Account
    index: int
    name: str


def build(parties: Parties) -> None:
    """All entries."""
    found = [(each, each.account or parties.account) for each in parties.inputs.access]
    labels = apart((role_label(given.role), home.name) for given, home in found)
    for index, (given, home) in enumerate(found):
        label = labels[role_label(given.role), home.name]
        _entry(parties, _Entry(given, home, index, identifier(f"role-{label}-{home.name}")))


def _entry(parties: Parties, entry: _Entry) -> None:
    draft, account, given = parties.draft, parties.account, entry.given
    principal, arn, home = _principal(parties, entry)
    if principal == parties.node.arn:
        # EKS makes the entry of a node group's role itself, and refuses another.
        what = f'component "{draft.component.name}": "access.{entry.index}.role"'
        hint = "name a role that people or pipelines have"
        message = f'{what}: "{given.role}" is the role of the cluster\'s own nodes'
        draft.problem("E204", message, hint=hint, at=("access", entry.index, "role"))
        return
    made = draft.add(
        account,
        "aws_eks_access_entry",
        entry.name,
        {"cluster_name": parties.cluster_name, "principal_arn": principal, "type": "STANDARD"},
        lifecycle=_follows(entry),
    )
    policy = eks_access_policy(given.level, namespaces=bool(given.namespaces))
    namespaces = sorted(set(given.namespaces))
    scope: dict[str, Value] = {"type": "cluster"}
    if given.namespaces:
        scope = {"type": "namespace", "namespaces": [*namespaces]}
    association = draft.add(
        account,
        "aws_eks_access_policy_association",
        entry.name,
        {
            "cluster_name": parties.cluster_name,
            "principal_arn": reference(made, "principal_arn"),
            "policy_arn": f"arn:{parties.place.partition}:eks::aws:cluster-access-policy/{policy}",
            "access_scope": [scope],
        },
        # The policies of an entry go with it.
        lifecycle={"replace_triggered_by": [f"{made}.access_entry_arn"]},
    )
    draft.right(
        account,
        parties.labelled(f"{entry.name.replace('_', '-')}-{given.level}s-cluster"),
        "access-entry",
        policy,
        principal=arn,
        principal_home=home.name,
        resource=parties.arn,
        addresses=(made, association),
        namespaces=namespaces,
    )


def _follows(entry: _Entry) -> dict[str, Value]:
    """An entry knows its role by id: one made again under the same name would not be let in.

    Source: terraform-aws-modules/terraform-aws-eks, issue 3329.
    """
    if entry.given.assume is None:
        return {}
    role = f"aws_iam_role.through_{identifier(entry.given.assume)}"
    return {"replace_triggered_by": [f"{role}.unique_id"]}


def _principal(parties: Parties, entry: _Entry) -> tuple[Value, str, Account]:
    """Who is admitted, the role itself or the one that it assumes: as it is written, the ARN, its account.

    Roles of the cluster's account may also look the cluster up, as `aws eks update-kubeconfig` does.
    A cluster has no policy that would let another account's do so: they have the kubeconfig of the
    stack's outputs, which asks EKS nothing, or `assume` a role here.
    """
    draft, given, home = parties.draft, entry.given, entry.home
    if given.assume:
        _reports_shared_stack(parties, entry)
        caller = draft.existing_role(home, f"caller_{entry.name}", given.role)
        role = parties.role(
            f"through_{identifier(given.assume)}",
            f"access-{given.assume}",
            f"Uses the cluster {parties.name} for {given.role} of {home.name}",
        )
        parties.grant(f"{given.assume}-is-assumed", caller, ("sts:AssumeRole",), Assume(role))
        _finds_cluster(parties, role)
        parties.draft.output(
            parties.account,
            f"access_{identifier(given.assume)}_role_arn",
            role.arn,
            f"ARN of the role that {given.role} of {home.name} assumes",
        )
        return reference(f"aws_iam_role.{role.name}", "arn"), role.arn, parties.account
    if home == parties.account and not given.role.startswith(PROTECTED):
        role = draft.existing_role(home, f"access_{entry.name}", given.role)
        _finds_cluster(parties, role)
    arn = f"arn:{parties.place.partition}:iam::{home.id}:role/{given.role}"
    return arn, arn, home


def _reports_shared_stack(parties: Parties, entry: _Entry) -> None:
    """The stack of the role's account would be that of each of the component's clusters."""
    draft = parties.draft
    if parties.several and entry.home != parties.account:
        message = (
            f'component "{draft.component.name}": "access.{entry.index}.assume" is for a role of '
            f'"{entry.home.name}", and for_each makes several clusters'
        )
        hint = "write a component for each cluster"
        draft.problem("E204", message, hint=hint, at=("access", entry.index, "assume"))


def _finds_cluster(parties: Parties, role: Role) -> None:
    parties.draft.grant(
        f"{role.label}-finds-cluster",
        role,
        ("eks:DescribeCluster",),
        Own(parties.place, parties.arn),
    )
