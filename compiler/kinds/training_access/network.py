"""The network of a training cluster: a new one, or one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.access.google import Member, OnSubnetwork
from compiler.data.google import google_role, service_agent
from compiler.kinds.draft import Draft
from compiler.kinds.training_access.cluster_inputs import Cluster, Network, NewNetwork, region_of
from compiler.kinds.training_access.ground import Ground
from compiler.organization.records import Project
from compiler.terraform.names import shorten
from compiler.terraform.stack import Value, reference

# Source: Compute Engine documentation, "Resource naming convention".
NAME_LIMIT = 63
PODS, SERVICES = "pods", "services"


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where a cluster is attached: the arguments that say so, and what must exist first."""

    arguments: Mapping[str, Value]
    after: tuple[str, ...] = ()


def attach(ground: Ground, project: Project, network: Network, region: str) -> Attachment:
    """The network of the cluster in that region, made where it is to be made."""
    if network.create is not None:
        return _new(ground, project, network.create, region)
    ranges: dict[str, Value] = {"stack_type": "IPV4"}
    if network.pods and network.services:
        ranges = _ranges(network.pods, network.services)
    vpc, subnetwork = network.network, network.subnetwork
    assert vpc is not None, "a network that is not made is named"
    assert subnetwork is not None, "and its subnetwork too"
    if network.host is not None and network.host.name != project.name:
        _admit(ground, project, network.host, subnetwork, region)
        host = f"projects/{network.host.id}"
        vpc = f"{host}/global/networks/{vpc}"
        subnetwork = f"{host}/regions/{region}/subnetworks/{subnetwork}"
    return Attachment({"network": vpc, "subnetwork": subnetwork, "ip_allocation_policy": [ranges]})


def _admit(ground: Ground, project: Project, host: Project, name: str, region: str) -> None:
    """Let GKE and the APIs of the training project use a Shared VPC: before its cluster is made.

    GKE itself has to be on in the host too. Source: GKE documentation, "Set up clusters with Shared
    VPC".
    """
    draft, own = ground.draft, ground.draft.component.name
    gke = ground.early_agent(project, "container")
    others = _sharing(draft, project, host)
    manager = min(others)
    user = min(each for each, where in others.items() if where == (name, region))
    draft.after_stacks(project, *(f"google/{host.name}/{each}" for each in (manager, user)))
    if user == own:
        subnetwork = OnSubnetwork(draft.site(host), name, region)
        use = google_role("network-user")
        draft.bind(f"gke-uses-subnetwork-{project.name}", gke, use, subnetwork)
        # There with the project.
        apis = Member(service_agent("apis", draft.number(project)).member, project.name)
        draft.bind(f"apis-use-subnetwork-{project.name}", apis, use, subnetwork)
    if manager == own:
        id, manages = f"gke-manages-host-{project.name}", google_role("network-host")
        ground.bind_project(host, id, gke, manages, after=[ground.service(host, "container")])
    if own in (manager, user):
        _after_baselines(draft, project, host)


def _sharing(draft: Draft, project: Project, host: Project) -> dict[str, tuple[str | None, str]]:
    """The components whose clusters in the project use the host, with the subnetwork and region.

    Each binding there has one owner, the first of them by name: two would take it from each other.
    """
    found: dict[str, tuple[str | None, str]] = {}
    for name in draft.neighbours.names(draft.component.kind):
        component = draft.neighbours.named(name)[0]
        if project.name not in [each.name for each in component.inputs.projects]:
            continue
        cluster: Cluster | None = component.inputs_in(project.name).cluster
        if cluster is None or cluster.network.host is None:
            continue
        if cluster.network.host.name == host.name:
            region = region_of(cluster.location or component.region)
            found[name] = (cluster.network.subnetwork, region)
    return found


def _after_baselines(draft: Draft, project: Project, host: Project) -> None:
    """GKE's agent is there when its API is on, which the training project's baseline sees to."""
    for baseline in draft.neighbours.names("project-baseline"):
        for component in draft.neighbours.named(baseline):
            if component.home.name == project.name:
                draft.after_stacks(host, f"google/{project.name}/{baseline}")


def _ranges(pods: Value, services: Value) -> dict[str, Value]:
    return {
        "cluster_secondary_range_name": pods,
        "services_secondary_range_name": services,
        "stack_type": "IPV4",
    }


def _new(ground: Ground, project: Project, given: NewNetwork, region: str) -> Attachment:
    """A network with one subnetwork, whose nodes have no addresses that the internet knows."""
    draft = ground.draft
    name = shorten(draft.prefix("network"), NAME_LIMIT)
    network = draft.add(
        project,
        "google_compute_network",
        "training",
        {"project": project.id, "name": name, "auto_create_subnetworks": False},
        depends_on=[ground.service(project, "compute")],
    )
    subnetwork = draft.add(
        project,
        "google_compute_subnetwork",
        "training",
        {
            "project": project.id,
            "name": name,
            "region": region,
            "network": reference(network, "id"),
            "ip_cidr_range": given.nodes,
            "private_ip_google_access": True,
            "secondary_ip_range": [
                {"range_name": PODS, "ip_cidr_range": given.pods},
                {"range_name": SERVICES, "ip_cidr_range": given.services},
            ],
            "log_config": [
                {
                    "aggregation_interval": "INTERVAL_10_MIN",
                    "flow_sampling": 0.1,
                    "metadata": "INCLUDE_ALL_METADATA",
                }
            ],
        },
    )
    after = (_nat(ground, project, network, name, region),) if given.nat else ()
    return Attachment(
        {
            "network": reference(network, "id"),
            "subnetwork": reference(subnetwork, "id"),
            "ip_allocation_policy": [_ranges(PODS, SERVICES)],
        },
        after,
    )


def _nat(ground: Ground, project: Project, network: str, name: str, region: str) -> str:
    router = ground.draft.add(
        project,
        "google_compute_router",
        "training",
        {
            "project": project.id,
            "name": name,
            "region": region,
            "network": reference(network, "id"),
        },
    )
    return ground.draft.add(
        project,
        "google_compute_router_nat",
        "training",
        {
            "project": project.id,
            "name": name,
            "region": region,
            "router": reference(router, "name"),
            "nat_ip_allocate_option": "AUTO_ONLY",
            "source_subnetwork_ip_ranges_to_nat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
            "log_config": [{"enable": True, "filter": "ERRORS_ONLY"}],
        },
    )
