"""`training-access`: the same access to training clusters everywhere (GKE, Vertex AI).

One matrix of personas is compiled into every training project alike: their roles there, their rights
in the namespaces of its cluster, in the buckets, in the registry. A persona is a Google group, the
pods of a Kubernetes service account, or the workflows of a GitHub repository. All bindings are
additive (`_iam_member`), in the stack of the project that owns what they are on.

Each training project gets a private cluster, its own fleet, with a scope that gives personas their
rights in the namespaces; a service account for the nodes, one for each workload persona that others
act as, one for each submitter with a workload identity pool. The clusters have keys of their own, the
buckets and the repository too. Personas reach a cluster through the Connect gateway (output
`kubeconfig`); the DNS name of the control plane is for who has `container.clusters.connect`.
`workload.impersonate` and `acts_as` make Google service accounts, else buckets admit the pods themselves.

With `eks`, personas that name a role of AWS have the same rights in those clusters: access entries with
the policies for view, edit and admin, narrowed to the same namespaces. Pods get no role there: who makes
the role has to admit them. A cluster that a `model-serving` of the blueprint makes is named like any
other, and its stack comes first; one beside it that the blueprint does not make is `existing`.

With `cluster.network.host`, GKE of each training project is admitted to the subnetwork of a Shared VPC in
that project's stack, which comes first: GKE must be on in the training projects before, so let
`project-baseline` do it. Of several components with clusters of one project on one host, the first by
name owns what admits the project there: when it goes, apply the host's stack of the next one.

What to do by hand, once: before the very first apply, in each project `gcloud services enable
cloudresourcemanager.googleapis.com serviceusage.googleapis.com iam.googleapis.com
iamcredentials.googleapis.com`, without which Terraform cannot turn on anything; then the commands of the
output `service_identities` (in `main.tf.json`), which make Google's service agents and give them the
roles that Google does not give those made on request; a Google group `gke-security-groups@<domain>` that holds the groups of
personas; after the apply, `assets/manifests/service-accounts.json` with kubectl. A key ring is never
deleted in Google Cloud: a component of the same name finds its old one and has to import it.

What a right means. `cluster: edit` in a namespace is to be every workload there: who can start pods can
start them as any of its service accounts, with their buckets; give workloads that not everybody may be a
namespace of their own. A job in Vertex AI that names no service account runs as Google's Custom Code
Service Agent, which reads what is stored in its project, whoever started the job: keep buckets in a project without
training (`data.project`), and let jobs name their account (output `job_service_accounts`). The rights in
clusters are in the ledger twice: as roles of the fleet's scope, and as the roles of Kubernetes there.

Accelerators are in some zones of a region only: a pool without `zones` is in all zones of its cluster,
and Google refuses one that includes a zone without the machine. Name the zones where they are.

Two components may share a project, but not a workload: all clusters of a project share one pool of
identities, so that the same namespace and service account are the same somebody in both. Groups that
both name share bindings: removing one component takes them until the other is applied again. Audit logs
of data access, for aiplatform and storage too, are those of `project-baseline`; both kinds turn
services on, and neither ever turns one off.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.blueprint.validation import Finding
from compiler.data import google_regions
from compiler.diagnostics import nearest
from compiler.kinds.draft import Draft
from compiler.kinds.training_access import cluster, eks, project, registry, storage
from compiler.kinds.training_access.cluster_inputs import Cluster, region_of
from compiler.kinds.training_access.ground import RESOURCE_MANAGER, Ground
from compiler.kinds.training_access.inputs import Inputs
from compiler.organization.kind import Kind
from compiler.organization.records import Project
from compiler.terraform.order import circle

NAME = "training-access"


def build(draft: Draft) -> None:
    """Declare all accounts first, then what each project holds."""
    inputs: Inputs = draft.component.inputs
    sound = [_groups_work(draft), _locations_known(draft), _acyclic(draft), _alone(draft)]
    if not all([*sound, eks.known(draft)]):
        return
    ground = Ground(draft, inputs)
    for each in _everywhere(draft):
        ground.service(each, RESOURCE_MANAGER)
    trains = tuple(project.accounts(ground, each) for each in inputs.projects)
    for train in trains:
        project.build(ground, train)
        if inputs.cluster is not None:
            cluster.build(ground, train)
    if inputs.data is not None:
        storage.build(ground, trains, inputs.data)
    if inputs.registry is not None:
        registry.build(ground, trains, inputs.registry)
    if inputs.eks:
        eks.build(ground)
    ground.tell_identities()


def _everywhere(draft: Draft) -> list[Project]:
    """The projects of the component's own stacks, each once."""
    inputs: Inputs = draft.component.inputs
    found = {each.name: each for each in inputs.projects}
    for part in (inputs.data, inputs.registry):
        if part is not None:
            found[part.project.name] = part.project
    return list(found.values())


def _groups_work(draft: Draft) -> bool:
    """A cluster knows groups only inside the one that the organisation's domain names."""
    inputs: Inputs = draft.component.inputs
    if inputs.cluster is None or draft.organization.google_domain is not None:
        return True
    for name, persona in inputs.personas.items():
        if persona.group is not None and persona.cluster is not None:
            draft.problem(
                "E204",
                f'component "{draft.component.name}": "personas.{name}.cluster" is for a group, and '
                "clusters know groups only in the organisation's domain, which the blueprint "
                "does not say",
                hint="organization: {google: {domain: acme.example}}",
                at=("personas", name, "cluster"),
            )
            return False
    return True


def _locations_known(draft: Draft) -> bool:
    """Whether the locations that inputs name are regions, or in one, and pools where their cluster is."""
    inputs: Inputs = draft.component.inputs
    found: dict[tuple[str | int, ...], Finding] = {}
    for each in inputs.projects:
        own = draft.component.inputs_in(each.name).cluster
        if own is None:
            continue
        location = own.location or draft.component.region
        found.update(_unknown(draft, ("cluster", "location"), own.location))
        for finding in _misplaced(own, location):
            found[finding.at] = finding
    if inputs.registry is not None:
        found.update(_unknown(draft, ("registry", "location"), inputs.registry.location))
    for finding in found.values():
        path = ".".join(str(step) for step in finding.at)
        draft.problem(
            finding.code,
            f'component "{draft.component.name}": "{path}" {finding.message}',
            hint=finding.hint,
            at=finding.at,
        )
    return not found


def _misplaced(own: Cluster, location: str) -> Iterator[Finding]:
    """Pools that are not where their cluster is, or in too many of its zones."""
    region = region_of(location)
    for name, pool in own.pools.items():
        at = ("cluster", "pools", name)
        for index, zone in enumerate(pool.zones):
            if region_of(zone) != region:
                message = f'is "{zone}", and the cluster is in {region}'
                hint = "name zones of the cluster's region, or give the cluster another location"
                yield Finding("E204", message, hint, (*at, "zones", index))
        if pool.zones or location != region:
            continue
        hint = f"zones: [{region}-b]"
        if pool.compact:
            message = f"needs the nodes in one zone, and the cluster is in all of {region}"
            yield Finding("E204", message, hint, (*at, "compact"))
        if pool.reservation:
            message = f"lies in one zone, and the cluster is in all of {region}"
            yield Finding("E204", message, hint, (*at, "reservation"))


def _unknown(
    draft: Draft, at: tuple[str | int, ...], location: str | None
) -> dict[tuple[str | int, ...], Finding]:
    """That the location is in no region; multi-regions have no number."""
    known = {*google_regions(), *draft.organization.regions}
    if location is None or "-" not in location or region_of(location) in known:
        return {}
    guess = nearest(location, sorted(known))
    hint = f'did you mean "{guess}"?' if guess else "for a new one: organization.google.regions"
    message = f'is in no region that is known: "{location}"'
    return {at: Finding("E204", message, hint, at)}


def _acyclic(draft: Draft) -> bool:
    """Buckets and registry admit accounts of the training projects, which wait for their network's host:
    no project may wait for itself."""
    inputs: Inputs = draft.component.inputs
    training = [each.name for each in inputs.projects]
    waits: list[tuple[tuple[str, ...], list[tuple[str, str]]]] = []
    if inputs.data is not None:
        waits.append((("data", "project"), [(inputs.data.project.name, t) for t in training]))
    if inputs.registry is not None:
        waits.append(
            (("registry", "project"), [(inputs.registry.project.name, t) for t in training])
        )
    if inputs.cluster is not None:
        hosts = [(t, draft.component.inputs_in(t).cluster.network.host) for t in training]
        named = [(t, host.name) for t, host in hosts if host is not None]
        waits.append((("cluster", "network", "host"), named))
    graph: dict[str, list[str]] = {}
    for at, pairs in waits:
        for waiting, before in pairs:
            if waiting != before:
                graph.setdefault(waiting, []).append(before)
        found = circle(graph)
        if found:
            path = ".".join(at)
            listed = " → ".join(f'"{name}"' for name in found)
            draft.problem(
                "E204",
                f'component "{draft.component.name}": "{path}" makes projects wait for each other: '
                f"{listed}",
                hint="give the training projects, and what they wait for, projects of their own",
                at=at,
            )
            return False
    return True


def _alone(draft: Draft) -> bool:
    """Whether no other component has the same pods in one of its projects."""
    component = draft.component
    inputs: Inputs = component.inputs
    own = _workloads(inputs)
    for name in draft.neighbours.names(NAME):
        if name >= component.name:
            continue
        other = draft.neighbours.named(name)[0]
        shared = {p.name for p in inputs.projects} & {p.name for p in other.inputs.projects}
        same = own.keys() & _workloads(other.inputs).keys()
        if not shared or not same:
            continue
        namespace, account = min(same)
        draft.problem(
            "E204",
            f'component "{component.name}": "personas.{own[namespace, account]}.workload" is '
            f'"{namespace}/{account}", and so is one of "{other.name}": all clusters of project '
            f'"{min(shared)}" share one pool of identities, so each would have the rights of both',
            hint="give it another namespace or service account, or another project",
            at=("personas", own[namespace, account], "workload"),
            related=((f'"{other.name}"', other.span),),
        )
        return False
    return True


def _workloads(inputs: Inputs) -> dict[tuple[str, str], str]:
    """The persona of each namespace and service account."""
    return {
        (persona.workload.namespace, persona.workload.service_account): name
        for name, persona in inputs.personas.items()
        if persona.workload is not None
    }


KIND = Kind(
    name=NAME,
    summary="The same access to training clusters everywhere (GKE, Vertex AI)",
    inputs=Inputs,
    build=build,
    home="projects",
    scopes={"cluster": "projects"},
)
