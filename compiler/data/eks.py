"""Amazon EKS: versions, add-ons, access policies, images of nodes; EC2 instance types and zones.

Takes names as a blueprint has them, gives small records, from `aws_eks.json`, `ec2_instances.json`
and `aws_zones.json`. Raises `UnknownEntry` with what is known.
"""

from __future__ import annotations

from typing import NamedTuple

from compiler.data.tables import table, unknown


class EksVersion(NamedTuple):
    """A Kubernetes version that clusters can be created with at the table's date.

    `standard` and `extended` are the last days of that support, ISO, or None where AWS has not
    announced them. `in_standard_support`: at the table's date, which never is today's.
    """

    name: str
    standard: str | None
    extended: str | None
    in_standard_support: bool


class Addon(NamedTuple):
    """An add-on. `service_account` and `policy` (an AWS managed policy) where it calls AWS."""

    name: str
    namespace: str
    service_account: str | None
    policy: str | None


class Instance(NamedTuple):
    """An EC2 instance type: `x86_64` or `arm64`; whose accelerator it has, and how many GPUs.

    `gpus` is 0 for types without a whole GPU.
    """

    name: str
    architecture: str
    accelerator: str | None
    gpus: int


def eks_versions() -> tuple[EksVersion, ...]:
    """The versions that a new cluster can have, oldest first."""
    eks = table("aws_eks")
    return tuple(
        EksVersion(
            name, row["standard"], row["extended"], (row["standard"] or "9999") >= eks["date"]
        )
        for name, row in eks["versions"]["values"].items()
    )


def eks_access_policy(level: str, *, namespaces: bool) -> str:
    """The access policy of a level (`admin`, `edit`, `view`), for the cluster or some namespaces.

    >>> eks_access_policy("admin", namespaces=False)
    'AmazonEKSClusterAdminPolicy'
    """
    row = table("aws_eks")["access_policies"]["values"][level]
    return str(row["namespaces" if namespaces else "cluster"])


def eks_ami_type(system: str, instance: Instance) -> str:
    """The image of a node: `system` is `al2023` or `bottlerocket`.

    >>> eks_ami_type("al2023", ec2_instance("g6.xlarge"))
    'AL2023_x86_64_NVIDIA'
    """
    variant = instance.architecture
    if instance.accelerator == "nvidia":
        variant += " nvidia"
    return str(table("aws_eks")["ami_types"]["values"][system][variant])


def eks_addons() -> dict[str, Addon]:
    """The add-ons that are known here, by name, in the order of the table."""
    return {
        name: Addon(
            name,
            row.get("namespace", "kube-system"),
            row.get("service_account"),
            row.get("policy"),
        )
        for name, row in table("aws_eks")["addons"]["values"].items()
    }


def eks_zone_ids(region: str) -> tuple[str, ...]:
    """The ids of the zones of a region that a cluster's subnets can be in; `UnknownEntry` if unknown.

    >>> eks_zone_ids("ca-central-1")
    ('cac1-az1', 'cac1-az2', 'cac1-az4')
    """
    zones = table("aws_zones")["zones"]
    if region not in zones:
        raise unknown("region's zones", region, tuple(zones), "aws_zones")
    without = table("aws_eks")["zones_without_control_plane"]["values"]
    return tuple(zone for zone in zones[region].split() if zone not in without)


def ec2_instance(name: str) -> Instance:
    """An instance type; `UnknownEntry` for an unknown one.

    >>> ec2_instance("g6.12xlarge").gpus, ec2_instance("m7g.large").architecture
    (4, 'arm64')
    """
    family, _, size = name.partition(".")
    row = table("ec2_instances")["families"].get(family, {"sizes": ""})
    if size not in row["sizes"].split():
        raise unknown("EC2 instance type", name, ec2_instance_types(), "ec2_instances")
    gpus = row.get("gpus", {}).get(size, 0)
    return Instance(name, row["architecture"], row.get("accelerator"), gpus)


def ec2_instance_types() -> tuple[str, ...]:
    """All instance types, sorted."""
    families = table("ec2_instances")["families"]
    return tuple(
        sorted(
            f"{family}.{size}" for family, row in families.items() for size in row["sizes"].split()
        )
    )
