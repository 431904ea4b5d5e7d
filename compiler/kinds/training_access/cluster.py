"""The cluster of a training project: private, hardened, encrypted with keys of its own."""

from __future__ import annotations

from compiler.access.google import Member, OnServiceAccount
from compiler.data.google import google_role
from compiler.kinds.project_baseline.deployer import email, home_of
from compiler.kinds.training_access import fleet, hardening
from compiler.kinds.training_access.cluster_inputs import Cluster, Pool, region_of
from compiler.kinds.training_access.ground import Ground
from compiler.kinds.training_access.network import attach
from compiler.kinds.training_access.people import CLUSTER, Train, here
from compiler.terraform.stack import Value, json_template, reference, template

# Google's own name for the group that all groups of cluster rights lie in.
# Source: GKE documentation, "Configure Google Groups for RBAC".
SECURITY_GROUP = "gke-security-groups"
GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}
SERVICES = ("binaryauthorization", "compute", "connectgateway", "container", "gkehub")
AFTERWARDS = ("logging", "monitoring")
RESERVATION_KEY = "compute.googleapis.com/reservation-name"


def build(ground: Ground, train: Train) -> None:
    """The cluster with its pools, and the rights of personas in it."""
    cluster: Cluster = ground.draft.component.inputs_in(train.project.name).cluster
    location = cluster.location or train.site.region
    region = region_of(location)
    disks, disks_right = ground.key(train.project, "disks", region, "compute")
    node = _node(train, disks)
    _cluster(ground, train, cluster, location, node, disks_right)
    for name, pool in cluster.pools.items():
        _pool(ground, train, name, pool, node, disks_right)
    fleet.build(ground, train, cluster.name)
    _rights(ground, train)
    _outputs(ground, train, cluster)


def _node(train: Train, disks: str) -> dict[str, Value]:
    """What all nodes have in common."""
    assert train.nodes is not None, "a cluster has an account for its nodes"
    return {
        **hardening.NODE,
        "service_account": train.nodes.email,
        "boot_disk_kms_key": reference(disks, "id"),
    }


def _cluster(
    ground: Ground,
    train: Train,
    cluster: Cluster,
    location: str,
    node: dict[str, Value],
    disks_right: str,
) -> None:
    draft, project = ground.draft, train.project
    assert train.nodes is not None, "a cluster has an account for its nodes"
    region = region_of(location)
    secrets, secrets_right = ground.key(project, "secrets", region, "container")
    attached = attach(ground, project, cluster.network, region)
    works = f"nodes-work-{project.name}"
    ground.bind_project(project, works, train.nodes.member, google_role("node"))
    deployer = _deployer(ground, train)
    domain = draft.organization.google_domain
    groups: list[Value] = [{"security_group": f"{SECURITY_GROUP}@{domain}"}] if domain else []
    services = [ground.service(project, name) for name in SERVICES]
    for name in AFTERWARDS:
        ground.service(project, name)
    arguments: dict[str, Value] = {
        "project": project.id,
        "name": cluster.name,
        "location": location,
        "deletion_protection": cluster.deletion_protection,
        **attached.arguments,
        **hardening.CLUSTER,
        **hardening.control_plane(cluster.authorized_networks),
        "release_channel": [{"channel": cluster.channel}],
        "workload_identity_config": [{"workload_pool": train.pool}],
        "database_encryption": [{"state": "ENCRYPTED", "key_name": reference(secrets, "id")}],
        "fleet": [{"project": project.id}],
        "maintenance_policy": [{"daily_maintenance_window": [{"start_time": cluster.maintenance}]}],
        # Of the pool that a cluster is born with, which is taken away at once.
        "node_config": [{**node}],
    }
    if groups:
        arguments["authenticator_groups_config"] = groups
    draft.add(
        project,
        "google_container_cluster",
        "cluster",
        arguments,
        depends_on=[
            *services,
            *attached.after,
            disks_right,
            secrets_right,
            f"google_project_iam_member.{_label(works)}",
            *deployer,
        ],
        lifecycle={"ignore_changes": ["node_config"]},
    )


def _deployer(ground: Ground, train: Train) -> list[str]:
    """Let who applies the stack put nodes' account on nodes; gives the binding's address.

    Source: GKE documentation, "Harden your cluster's security", least-privilege service account.
    """
    draft, project = ground.draft, train.project
    address = email(draft, project)
    if address is None or train.nodes is None:
        return []
    found = home_of(draft, address)
    member = Member(f"serviceAccount:{address}", found[1].name if found else None)
    on = OnServiceAccount(train.site, train.nodes.account_id, train.nodes.address)
    id = f"deployer-acts-as-nodes-{project.name}"
    draft.bind(id, member, google_role("acts-as"), on)
    return [f"google_service_account_iam_member.{_label(id)}"]


def _label(text: str) -> str:
    return text.replace("-", "_")


def _pool(
    ground: Ground, train: Train, name: str, pool: Pool, node: dict[str, Value], right: str
) -> None:
    project = train.project
    queued = pool.capacity == "queued"
    arguments: dict[str, Value] = {
        "project": project.id,
        "name": name,
        "cluster": reference(CLUSTER, "id"),
        "autoscaling": [
            {
                "total_min_node_count": pool.min,
                "total_max_node_count": pool.max,
                "location_policy": "ANY" if _scarce(pool) else "BALANCED",
            }
        ],
        # Nodes that come for one job are not repaired under it.
        "management": [{"auto_repair": not queued, "auto_upgrade": True}],
        "upgrade_settings": [hardening.upgrades(pool)],
        "node_config": [{**node, **_machine(name, pool)}],
    }
    if pool.zones:
        arguments["node_locations"] = sorted(set(pool.zones))
    if queued:
        arguments["queued_provisioning"] = [{"enabled": True}]
    if pool.compact:
        arguments["placement_policy"] = [{"type": "COMPACT"}]
    ground.draft.add(
        project,
        "google_container_node_pool",
        _label(name),
        arguments,
        depends_on=[right],
    )


def _scarce(pool: Pool) -> bool:
    return pool.accelerators is not None or pool.capacity != "on-demand"


def _machine(name: str, pool: Pool) -> dict[str, Value]:
    """What the nodes of one pool are."""
    arguments: dict[str, Value] = {
        "machine_type": pool.machine,
        "disk_size_gb": pool.disk_gb,
        "gvnic": [{"enabled": True}],
        "kubelet_config": [{"insecure_kubelet_readonly_port_enabled": "FALSE"}],
        "labels": {"pool": name},
    }
    own = pool.accelerators
    if own is not None:
        arguments["guest_accelerator"] = [
            {
                "type": own.type,
                "count": own.number,
                "gpu_driver_installation_config": [{"gpu_driver_version": "LATEST"}],
            }
        ]
        arguments["taint"] = [{**GPU_TAINT}]
    if pool.capacity == "spot":
        arguments["spot"] = True
    if pool.capacity == "queued":
        arguments["reservation_affinity"] = [{"consume_reservation_type": "NO_RESERVATION"}]
    if pool.capacity == "reservation":
        arguments["reservation_affinity"] = [_reserved(pool)]
    return arguments


def _reserved(pool: Pool) -> dict[str, Value]:
    if pool.reservation is None:
        return {"consume_reservation_type": "ANY_RESERVATION"}
    return {
        "consume_reservation_type": "SPECIFIC_RESERVATION",
        "key": RESERVATION_KEY,
        "values": [pool.reservation],
    }


def _rights(ground: Ground, train: Train) -> None:
    """To see that there is a cluster; what personas may do in it is the fleet's to say."""
    for name, persona in ground.inputs.personas.items():
        if persona.cluster is None:
            continue
        for who, member in here(train, name, persona):
            id = f"{name}-finds-cluster{who}"
            ground.bind_project(train.project, id, member, google_role("cluster"))


def _outputs(ground: Ground, train: Train, cluster: Cluster) -> None:
    draft, project = ground.draft, train.project
    assert train.nodes is not None, "a cluster has an account for its nodes"
    draft.output(project, "cluster_name", cluster.name, "name of the cluster")
    draft.output(
        project, "cluster_location", reference(CLUSTER, "location"), "location of the cluster"
    )
    draft.output(
        project,
        "cluster_endpoint",
        reference(CLUSTER, "control_plane_endpoints_config[0].dns_endpoint_config[0].endpoint"),
        "DNS name of the control plane",
    )
    draft.output(project, "node_service_account", train.nodes.email, "service account of the nodes")
    draft.output(
        project,
        "kubeconfig",
        _kubeconfig(train, cluster),
        "for kubectl, through the Connect gateway",
    )


def _kubeconfig(train: Train, cluster: Cluster) -> Value:
    """A kubeconfig without any secret.

    A membership lies in its cluster's region, and the gateway of that region answers for it.
    Source: Connect gateway documentation, "Use the gateway".
    """
    name = f"{train.project.id}-{cluster.name}"
    location = reference(CLUSTER, "fleet[0].membership_location")
    gateway = template(
        "https://",
        location,
        f"-connectgateway.googleapis.com/v1/projects/{train.number}/locations/",
        location,
        "/gkeMemberships/",
        reference(CLUSTER, "fleet[0].membership_id"),
    )
    plugin: Value = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "gke-gcloud-auth-plugin",
        "provideClusterInfo": True,
    }
    return json_template(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": gateway}}],
            "users": [{"name": name, "user": {"exec": plugin}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
