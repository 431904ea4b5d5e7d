"""What every cluster and every node has in common, whatever the blueprint says.

Sources: GKE documentation, "Harden your cluster's security", "About network isolation in GKE",
"Best practices for GKE RBAC"; the provider's documentation of google_container_cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.kinds.training_access.cluster_inputs import Pool
from compiler.terraform.stack import Value

CLUSTER: Mapping[str, Value] = {
    "remove_default_node_pool": True,
    "initial_node_count": 1,
    "networking_mode": "VPC_NATIVE",
    "datapath_provider": "ADVANCED_DATAPATH",
    "enable_intranode_visibility": True,
    "enable_legacy_abac": False,
    "enable_shielded_nodes": True,
    "master_auth": [{"client_certificate_config": [{"issue_client_certificate": False}]}],
    "anonymous_authentication_config": [{"mode": "LIMITED"}],
    "rbac_binding_config": [
        {
            "enable_insecure_binding_system_authenticated": False,
            "enable_insecure_binding_system_unauthenticated": False,
        }
    ],
    "binary_authorization": [{"evaluation_mode": "PROJECT_SINGLETON_POLICY_ENFORCE"}],
    "security_posture_config": [{"mode": "BASIC"}],
    "cost_management_config": [{"enabled": True}],
    "vertical_pod_autoscaling": [{"enabled": True}],
    "node_pool_defaults": [
        {"node_config_defaults": [{"insecure_kubelet_readonly_port_enabled": "FALSE"}]}
    ],
    "logging_config": [
        {
            "enable_components": [
                "APISERVER",
                "CONTROLLER_MANAGER",
                "SCHEDULER",
                "SYSTEM_COMPONENTS",
                "WORKLOADS",
            ]
        }
    ],
    "monitoring_config": [
        {
            "enable_components": [
                "APISERVER",
                "CADVISOR",
                "CONTROLLER_MANAGER",
                "DCGM",
                "KUBELET",
                "POD",
                "SCHEDULER",
                "SYSTEM_COMPONENTS",
            ],
            "managed_prometheus": [{"enabled": True}],
        }
    ],
    "addons_config": [
        {
            "gce_persistent_disk_csi_driver_config": [{"enabled": True}],
            "gcs_fuse_csi_driver_config": [{"enabled": True}],
        }
    ],
}
# One set of scopes: what nodes may do is what IAM gives their account.
NODE: Mapping[str, Value] = {
    "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
    "workload_metadata_config": [{"mode": "GKE_METADATA"}],
    "shielded_instance_config": [{"enable_integrity_monitoring": True, "enable_secure_boot": True}],
    "metadata": {"disable-legacy-endpoints": "true"},
}


def control_plane(authorized: Sequence[str]) -> dict[str, Value]:
    """How the control plane is reached: by its DNS name, and by IP only from `authorized`.

    The name is open to every network and asks IAM for container.clusters.connect, or is reached
    through the Connect gateway. Source: GKE documentation, "Customize your network isolation".
    """
    arguments: dict[str, Value] = {
        "private_cluster_config": [
            {
                "enable_private_nodes": True,
                **({"enable_private_endpoint": False} if authorized else {}),
            }
        ],
        "control_plane_endpoints_config": [
            {
                "dns_endpoint_config": [{"allow_external_traffic": True}],
                "ip_endpoints_config": [{"enabled": bool(authorized)}],
            }
        ],
    }
    if authorized:
        arguments["master_authorized_networks_config"] = [
            {
                "gcp_public_cidrs_access_enabled": False,
                "cidr_blocks": [{"cidr_block": each} for each in sorted(set(authorized))],
            }
        ]
    return arguments


def upgrades(pool: Pool) -> dict[str, Value]:
    """Without accelerators a node more for a while; with them there may be no further one to be had."""
    surge = 0 if pool.accelerators else 1
    return {"strategy": "SURGE", "max_surge": surge, "max_unavailable": 1 - surge}
