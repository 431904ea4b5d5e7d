"""The same matrix in EKS clusters: an access entry for each persona with a role there.

The cluster exists already, or a `model-serving` of the blueprint makes it: that one's stack comes first.
The roles exist already. A role gets the right to find the cluster, and the cluster's
access entry says what it may do in the namespaces. Source: EKS user guide, "Associate access policies
with access entries".
"""

from __future__ import annotations

from compiler.access.parties import Own
from compiler.data.eks import eks_access_policy
from compiler.diagnostics import nearest
from compiler.kinds.draft import Draft
from compiler.kinds.model_serving.names import cluster_name
from compiler.kinds.training_access.ground import Ground
from compiler.kinds.training_access.inputs import EksCluster, Inputs
from compiler.organization.records import Account, Component


def known(draft: Draft) -> bool:
    """Whether each cluster of an account with clusters of the blueprint is one of them, or marked as
    existing, and in the region that the entries are made in; reports those that are not."""
    inputs: Inputs = draft.component.inputs
    before = len(draft.diagnostics)
    for index, each in enumerate(inputs.eks):
        at = ("eks", index, "cluster")
        made = {} if each.existing else _made_in(draft, each.account)
        maker = made.get(each.cluster)
        what = f'component "{draft.component.name}": "eks.{index}.cluster": '
        if made and maker is None:
            guess = nearest(each.cluster, sorted(made))
            hint = (
                f'did you mean "{guess}"?'
                if guess
                else f"clusters there: {', '.join(sorted(made))}"
            )
            draft.problem(
                "E342",
                f'{what}no model-serving makes a cluster "{each.cluster}" in "{each.account.name}"',
                hint=f"{hint}; for one that is not the blueprint's: existing: true",
                at=at,
            )
        elif maker is not None and maker.region != draft.place(each.account).region:
            draft.problem(
                "E342",
                f'{what}"{each.cluster}" is in {maker.region}, and this component in '
                f'{draft.place(each.account).region} of "{each.account.name}"',
                hint=f"make {maker.region} the region of the account",
                at=at,
                related=(("the cluster", maker.span),),
            )
    return len(draft.diagnostics) == before


def _made_in(draft: Draft, account: Account) -> dict[str, Component]:
    """The components that make a cluster in the account, by the cluster's name."""
    found = {}
    for each in draft.neighbours.such("model-serving", _any):
        if each.inputs.account.id == account.id:
            other = Draft(each, draft.organization, draft.neighbours, draft.beside)
            found[cluster_name(other, each.inputs)] = each
    return found


def _any(_: Component) -> bool:
    return True


def build(ground: Ground) -> None:
    """The entries of each cluster, in the stack of its account."""
    draft, personas = ground.draft, ground.inputs.personas
    clusters: dict[str, list[EksCluster]] = {}
    for each in ground.inputs.eks:
        clusters.setdefault(each.account.name, []).append(each)
    for group in clusters.values():
        account = group[0].account
        place = draft.place(account)
        made = _made_in(draft, account)
        for each in group:
            if each.cluster in made and not each.existing:
                draft.after_stacks(account, f"aws/{account.name}/{made[each.cluster].name}")
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
    association = draft.add(
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
    draft.right(
        account,
        f"{name}-{level}s-{each.cluster}-in-{account.name}",
        "access-entry",
        policy,
        principal=role_arn,
        principal_home=account.name,
        resource=draft.place(account).arn("eks", f"cluster/{each.cluster}"),
        addresses=(entry, association),
        namespaces=ground.inputs.all_namespaces,
    )
    draft.claim(account, "EKS access entry", f"{each.cluster} {role_arn}")
