"""What the pods of each workload are: a role, an image, what they are told of their model."""

from __future__ import annotations

from compiler.access.parties import Images, Own, Repository
from compiler.kinds.draft import Draft
from compiler.kinds.model_hub.names import HubGroup, find_group
from compiler.kinds.model_hub.names import parties as hub_parties
from compiler.kinds.model_hub.uses import PULL, reads_model
from compiler.kinds.model_serving.images import repository_of
from compiler.kinds.model_serving.names import Parties, identifier
from compiler.kinds.model_serving.rendering import Pods
from compiler.kinds.model_serving.workload import Reads, Workload
from compiler.terraform.stack import reference


def build(parties: Parties, plugin: str | None) -> list[Pods]:
    """Roles and their association with service accounts; gives what the manifests say.

    `plugin` is the image of the device plugin, where nodes pull one.
    """
    workloads = sorted(parties.inputs.workloads.items())
    found = [_workload(parties, name, given) for name, given in workloads]
    pulled = [made[1] for made in found if made]
    pulled += [repository_of(parties.draft, plugin)] if plugin else []
    _pulls(parties, {each.arn: each for each in pulled if each})
    return [made[0] for made in found if made]


def _workload(
    parties: Parties, name: str, given: Workload
) -> tuple[Pods, Repository | None] | None:
    """The workload, and the repository of its image if that is one of the blueprint; None where its
    model is not there."""
    draft, account = parties.draft, parties.account
    group = None
    if given.reads:
        group = find_group(draft, given.reads.hub, given.reads.group, ("workloads", name, "reads"))
        if group is None:
            return None
    repository = repository_of(draft, given.image) if given.has_registry else None
    if given.reads and not given.has_registry:
        repository = _repository(draft, name, given, given.reads, group)
        if repository is None:
            return None
    namespace = parties.inputs.namespace(name)
    role = parties.role(
        f"pods_{identifier(name)}",
        f"pods-{name}",
        f"Pods of {namespace}/{given.service_account} call AWS with it",
        [parties.pod_trust(namespace, given.service_account)],
    )
    if group and given.reads:
        _reachable(parties, name, group)
        reads_model(draft, role.label, role, group, given.reads.path or "")
        draft.after_stacks(account, group.bucket.place.stack)
    association = draft.add(
        account,
        "aws_eks_pod_identity_association",
        identifier(name),
        {
            "cluster_name": parties.cluster_name,
            "namespace": namespace,
            "service_account": given.service_account,
            "role_arn": reference(f"aws_iam_role.{role.name}", "arn"),
        },
    )
    parties.pods_role(namespace, given.service_account, role, association)
    arn = f"ARN of the role of the pods of {name}"
    draft.output(account, f"pods_{identifier(name)}_role_arn", role.arn, arn)
    image = given.image
    if repository and not given.has_registry:
        image = repository.image("")[:-1]
    environment = _environment(parties, given, group)
    pods = Pods(
        name=name,
        namespace=namespace,
        given=given,
        image=image + given.version,
        environment=environment,
    )
    return pods, repository


def _reachable(parties: Parties, name: str, group: HubGroup) -> None:
    """Reports a hub that pods without a way to the internet cannot reach: endpoints are regional."""
    draft, create = parties.draft, parties.inputs.network.create
    if create and create.nat == "none" and group.region != parties.place.region:
        at = ("workloads", name, "reads", "hub")
        draft.problem(
            "E204",
            f'component "{draft.component.name}": "{".".join(at)}": the hub is in {group.region}, '
            f"and a network without NAT in {parties.place.region} has no way there",
            hint="write nat: one, or take a hub of the cluster's region",
            at=at,
        )


def _repository(
    draft: Draft, name: str, given: Workload, reads: Reads, group: HubGroup | None
) -> Repository | None:
    """The hub's repository of that name: the group's own, or another group's."""
    own = group.repository if group else None
    if own and own.repository == given.image:
        return own
    at = ("workloads", name, "image")
    other = draft.other(reads.hub, "model-hub", ("workloads", name, "reads", "hub"))
    groups = hub_parties(other).groups.values() if other else ()
    known = {each.repository.repository: each.repository for each in groups if each.repository}
    if given.image not in known:
        draft.problem(
            "E342",
            f'component "{draft.component.name}": "{".".join(at)}": the hub "{reads.hub}" has no '
            f'repository "{given.image}"',
            hint=f"it has: {', '.join(sorted(known)) or 'none'}; or write the image's whole address",
            at=at,
        )
        return None
    return known[given.image]


def _environment(parties: Parties, given: Workload, group: HubGroup | None) -> dict[str, str]:
    """Where the model is: its SDK reads the region, the program the rest."""
    made = {"AWS_REGION": parties.place.region, **given.env}
    if group and given.reads:
        prefix = f"{group.prefix}{given.reads.path or ''}"
        made |= {
            "MODEL_BUCKET": group.bucket.bucket,
            "MODEL_PREFIX": prefix,
            "MODEL_REGION": group.region,
            "MODEL_URI": f"s3://{group.bucket.bucket}/{prefix}",
        }
    return dict(sorted(made.items()))


def _pulls(parties: Parties, repositories: dict[str, Repository]) -> None:
    """Images are pulled by the node, with its role, not by the pod."""
    draft, node = parties.draft, parties.node
    if repositories:
        parties.grant(
            "node-enters-registry", node, ("ecr:GetAuthorizationToken",), Own(node.place, "*")
        )
    for repository in repositories.values():
        part = f"{repository.place.component}-{repository.name}".replace("_", "-")
        parties.grant(f"node-pulls-{part}", node, PULL, Images(repository))
        draft.after_stacks(parties.account, repository.place.stack)
