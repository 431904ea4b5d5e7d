"""`model-serving`: a Kubernetes cluster (EKS) that serves models.

The cluster is private: its API has an address in the VPC, and one on the internet only for the
addresses in `api.public_from`. Nobody is an administrator by having made it; who may use it stands
in `access`, whose roles must exist before the stack is applied. Secrets and control-plane logs have
a customer key each; that of the secrets may be lent to EKS by `created_by` alone, the role that
Terraform acts as. Nodes are managed node groups (`pools`), whose machines give their role's
credentials to no pod; a pool whose instance type has NVIDIA GPUs gets the image for them, a taint
that keeps other pods away, and a label. The cluster starts with `desired` (or `min`) nodes; no
autoscaler of nodes is installed.

Each entry of `workloads` gets a role, which the pods of its service account, and no others, have
through EKS Pod Identity. With `reads` the role may read the group's artifacts in the hub's bucket,
and with an image of the hub, or of another repository of the blueprint by its address, the nodes may
pull it; the second halves stand in the hub's stack. Pods learn where the model is from the variables
`MODEL_BUCKET`, `MODEL_PREFIX`, `MODEL_REGION` and `MODEL_URI`. A cluster does not follow the hub's
approvals: pods may load whatever lies below the group's prefix, also what was never registered or
was rejected. `reads: {hub: …, group: …, path: v7/}` narrows role and variables to what lies below
that path, so that a review of the blueprint decides.

Terraform makes no Kubernetes objects. They are in `assets/manifests/`, one a file, for `kubectl
apply -f` or a GitOps tool: namespaces (pod security "restricted", no traffic by default), and for
each workload ServiceAccount, Deployment, Service, PodDisruptionBudget, NetworkPolicy and
HorizontalPodAutoscaler; with GPU pools on Amazon Linux also NVIDIA's device plugin, which offers
the GPUs to pods. Namespaces and the plugin are for an admin to apply. How a pod loads its model is
its image's matter: `/opt/ml/model` and `/tmp` can be written. The output `kubeconfig` has no secret
in it: it calls `aws eks get-token`.
"""

from __future__ import annotations

from compiler.kinds.draft import Draft
from compiler.kinds.model_serving import access, addons, cluster, network, nodes, workloads
from compiler.kinds.model_serving.inputs import Inputs
from compiler.kinds.model_serving.names import Subnets
from compiler.kinds.model_serving.rendering import manifests
from compiler.organization.kind import Kind


def build(draft: Draft) -> None:
    """The cluster's stack, its manifests, and grants on the hubs that its workloads read."""
    inputs: Inputs = draft.component.inputs
    if not _possible(draft, inputs):
        return
    zones = network.zones(draft, inputs) if inputs.network.create else None
    if inputs.network.create and zones is None:
        return
    parties = cluster.parties(draft, inputs)
    subnets = network.build(parties, zones) if zones else _given(inputs)
    cluster.build(parties, subnets)
    first = addons.before_nodes(parties)
    groups = nodes.build(parties, subnets, first)
    addons.after_nodes(parties, groups)
    access.build(parties)
    plugin = inputs.device_plugin if _wants_plugin(inputs) else None
    pods = workloads.build(parties, plugin)
    for name, content in manifests(pods, plugin).items():
        draft.asset(inputs.account, f"assets/manifests/{name}", content)


def _given(inputs: Inputs) -> Subnets:
    return Subnets(
        vpc_id=inputs.network.vpc_id, subnet_ids=tuple(sorted(inputs.network.subnet_ids))
    )


def _wants_plugin(inputs: Inputs) -> bool:
    """Bottlerocket offers its GPUs itself. Source: EKS user guide, "Use EKS-optimized accelerated
    AMIs for GPU instances"."""
    return any(pool.gpus and pool.os == "al2023" for pool in inputs.pools.values())


def _possible(draft: Draft, inputs: Inputs) -> bool:
    """Reports what a partition does not have."""
    create = inputs.network.create
    if create and create.private and draft.organization.partition == "aws-cn":
        at = ("network", "create", "nat" if create.nat == "none" else "endpoints")
        draft.problem(
            "E204",
            f'component "{draft.component.name}": "{".".join(at)}": the names of private endpoints '
            "in China differ from service to service, and are not known here",
            hint="name a VPC that exists: network: {vpc_id: …, subnet_ids: […]}",
            at=at,
        )
        return False
    return True


KIND = Kind(
    name="model-serving",
    summary="A Kubernetes cluster that serves models (EKS)",
    inputs=Inputs,
    build=build,
    home="account",
    per="account",
)
