"""The inputs of `model-serving`: the cluster, its network, its pools, who may use it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from compiler.blueprint.shapes import Matching, Shape, Text, problem
from compiler.blueprint.validation import Finding, problems
from compiler.data import (
    Instance,
    UnknownEntry,
    ec2_instance,
    eks_addons,
    eks_versions,
)
from compiler.diagnostics import nearest
from compiler.kinds.endpoints.inputs import RetentionDays, SubnetId
from compiler.kinds.inputs import OneAccount, RolePath
from compiler.kinds.model_serving.workload import (
    Label,
    Workload,
    WorkloadName,
    made_by_kubernetes,
)

ARCHITECTURES = ("x86_64", "arm64")
# The VPC is split into 8 parts, of which zones take one each and the last holds public subnets.
MOST_ZONES = 6
# An EKS cluster wants subnets in two zones. Source: user guide, "View Amazon EKS networking
# requirements for VPC and subnets".
FEWEST_ZONES = 2


def _version(value: str) -> str:
    known = [version.name for version in eks_versions()]
    if value not in known:
        raise problem(
            "E204",
            f'names Kubernetes "{value}", which EKS does not offer for new clusters',
            f"known: {', '.join(known)}; quote it",
        )
    return value


def _instance(value: str) -> str:
    try:
        found = ec2_instance(value)
    except UnknownEntry as unknown:
        plain = value.removeprefix("ml.")
        guess = plain if plain in unknown.known else nearest(value, unknown.known)
        raise problem(
            "E204",
            f'names the instance type "{value}", which EC2 does not have',
            f'did you mean "{guess}"?' if guess else None,
        ) from None
    if found.architecture not in ARCHITECTURES:
        raise problem("E204", f'names "{value}", which runs no Linux container')
    if found.accelerator not in (None, "nvidia"):
        message = f'names "{value}", whose accelerators are not NVIDIA GPUs'
        raise problem("E204", message, "workloads of this kind ask for NVIDIA GPUs: g6.xlarge")
    if found.accelerator and not found.gpus:
        message = f'names "{value}", which has a part of a GPU only'
        raise problem("E204", message, "take a type with a whole GPU: g6.xlarge")
    return value


def _block(smallest: int, largest: int) -> AfterValidator:
    """Marks a Text as an IPv4 CIDR block whose prefix is between the two."""

    def validate(value: str) -> str:
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError as error:
            raise problem("E204", f"must be a CIDR block such as 10.20.0.0/16: {error}") from None
        if not largest <= network.prefixlen <= smallest:
            message = (
                f"must be a block between /{largest} and /{smallest}, not /{network.prefixlen}"
            )
            raise problem("E204", message)
        return str(network)

    return AfterValidator(validate)


Version = Annotated[Text, AfterValidator(_version)]
# Source: EKS API reference, CreateCluster, name.
ClusterName = Annotated[
    Text,
    Matching(
        r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", "a cluster's name: 1 to 100 letters, digits, - and _"
    ),
]
InstanceType = Annotated[Text, AfterValidator(_instance)]
VpcId = Annotated[Text, Matching(r"vpc-[0-9a-f]{8,17}", "a VPC's id")]
# Source: VPC user guide, "VPC CIDR blocks": /16 is the largest. A /22 leaves public subnets of /28.
VpcBlock = Annotated[Text, _block(22, 16)]
# Nobody's whole internet: a prefix of at least 8 bits.
CallerBlock = Annotated[Text, _block(32, 8)]
Zone = Annotated[
    Text,
    Matching(
        r"[a-z]{2}[a-z-]*-\d[a-z]|[a-z]{2,5}\d-az\d", "a zone's name or id: eu-west-1a, euw1-az1"
    ),
]
AddonVersion = Annotated[
    Text, Matching(r"v[\w.+-]{1,60}", "an add-on's version: v1.20.4-eksbuild.1")
]
LabelKey = Annotated[
    Text,
    Matching(
        r"(?:[a-z0-9](?:[a-z0-9.-]{0,100}[a-z0-9])?/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?",
        "the key of a Kubernetes label",
    ),
]
LabelValue = Annotated[
    Text, Matching(r"[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?", "the value of a Kubernetes label")
]


class CreatedNetwork(Shape):
    """A VPC of the cluster's own: a private subnet for nodes and a public one in each zone."""

    cidr: VpcBlock = Field(description="addresses of the VPC: 10.20.0.0/16")
    zones: Annotated[int, Field(ge=FEWEST_ZONES, le=MOST_ZONES)] | list[Zone] = Field(
        default=3, description="how many zones, or which: [eu-west-1a, eu-west-1b]"
    )
    nat: Literal["per-zone", "one", "none"] = Field(
        default="per-zone",
        description="NAT gateways; none: no way to the internet, and no public subnets",
    )
    endpoints: bool = Field(
        default=False,
        description="private endpoints of the services that nodes and pods call; always with nat: none",
    )
    flow_logs: bool = Field(default=True, description="logs what is sent and refused in the VPC")

    @model_validator(mode="after")
    def _zones(self) -> Self:
        if isinstance(self.zones, list):
            if len(set(self.zones)) != len(self.zones):
                raise problem("E204", "names a zone twice", None, ("zones",))
            if not FEWEST_ZONES <= len(self.zones) <= MOST_ZONES:
                message = f"must be {FEWEST_ZONES} to {MOST_ZONES} zones, not {len(self.zones)}"
                raise problem("E204", message, None, ("zones",))
        return self

    @property
    def private(self) -> bool:
        """Whether services are called through private endpoints."""
        return self.endpoints or self.nat == "none"


class Network(Shape):
    """Where the cluster is: in subnets that exist, or in a VPC that is made for it."""

    vpc_id: VpcId | None = Field(default=None, description="id of a VPC that exists")
    subnet_ids: list[SubnetId] = Field(
        default_factory=list, description="ids of its subnets for nodes, in two zones at least"
    )
    create: CreatedNetwork | None = Field(default=None, description="a VPC to make instead")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        given = self.vpc_id or self.subnet_ids
        if self.create and given:
            at = "vpc_id" if self.vpc_id else "subnet_ids"
            message = "cannot stand beside create: the cluster is in one network"
            raise problem("E204", message, "leave one of them out", (at,))
        if not self.create and not (self.vpc_id and self.subnet_ids):
            message = "needs vpc_id and subnet_ids, or create"
            raise problem("E204", message, "such as create: {cidr: 10.20.0.0/16, zones: 3}")
        if len(set(self.subnet_ids)) != len(self.subnet_ids):
            raise problem("E204", "names a subnet twice", None, ("subnet_ids",))
        if given and len(self.subnet_ids) < FEWEST_ZONES:
            message = "must be at least two subnets, in different zones"
            raise problem("E204", message, "EKS refuses fewer", ("subnet_ids",))
        return self


class Api(Shape):
    """Who reaches the Kubernetes API. Nodes and pods always do, through the VPC."""

    public_from: list[CallerBlock] = Field(
        default_factory=list,
        description="addresses on the internet that may call it; none: it has no public address",
    )
    private_from: list[CallerBlock] = Field(
        default_factory=list,
        description="addresses of other networks, such as a VPN's, that may call its private address",
    )


class Pool(Shape):
    """A managed node group. The instance type tells the architecture and whether there are GPUs."""

    instance: InstanceType = Field(description="instance type: m7i.large, g6.xlarge")
    min: int = Field(default=0, ge=0, le=450, description="fewest nodes")
    max: int = Field(ge=1, le=450, description="most nodes")
    desired: int | None = Field(
        default=None,
        ge=0,
        le=450,
        description="nodes at first; default: min. Later changes are the autoscaler's, or people's",
    )
    os: Literal["al2023", "bottlerocket"] = Field(
        default="al2023", description="operating system: Amazon Linux 2023, or Bottlerocket"
    )
    spot: bool = Field(default=False, description="spare capacity, which AWS may take back")
    volume_gb: int = Field(default=100, ge=20, le=16384, description="volume of a node, GB")
    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, description="further Kubernetes labels of the nodes"
    )

    @property
    def type(self) -> Instance:
        """What is known of its instance type."""
        return ec2_instance(self.instance)

    @property
    def gpus(self) -> int:
        """GPUs of one node."""
        return self.type.gpus

    @property
    def first(self) -> int:
        """Nodes at first."""
        return self.min if self.desired is None else self.desired

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min > self.max:
            message = f'is {self.min}, above "max" ({self.max})'
            raise problem("E312", message, 'raise "max", or lower "min"', ("min",))
        if not self.min <= self.first <= self.max:
            message = f'must be between "min" ({self.min}) and "max" ({self.max})'
            raise problem("E204", message, None, ("desired",))
        for key in self.labels:
            if key.split("/")[0].endswith(("kubernetes.io", "k8s.io", "amazonaws.com", "landform")):
                message = f'must not hold "{key}": the prefix is not yours'
                raise problem("E204", message, None, ("labels", key))
        return self


class AccessEntry(Shape):
    """A role of IAM that uses the Kubernetes API."""

    role: RolePath = Field(description="name of a role that exists, with its path: team/deployer")
    account: OneAccount | None = Field(
        default=None, description="account of the role; default: the cluster's"
    )
    level: Literal["admin", "edit", "view"] = Field(description="what it may do")
    namespaces: list[Label] = Field(
        default_factory=list,
        min_length=1,
        description="where it may do that; default: everywhere",
    )
    assume: WorkloadName | None = Field(
        default=None,
        description="makes a role of the cluster's account under this name, which the role assumes "
        "and which is admitted in its place",
    )


class AddonSettings(Shape):
    """An add-on of EKS."""

    version: AddonVersion | None = Field(
        default=None, description="its version; default: the one of EKS for the cluster's"
    )


class Inputs(Shape):
    """A Kubernetes cluster for model serving."""

    account: OneAccount = Field(description="account of the cluster")
    created_by: RolePath | None = Field(
        default=None,
        description="role of the account that Terraform acts as, which alone may lend EKS the key of "
        "the secrets; default: deploy.aws.role, or without it deploy.aws.bootstrap_role",
    )
    name: ClusterName | None = Field(
        default=None, description="name of the cluster; default: <organization>-<component>"
    )
    version: Version = Field(default="1.35", description="version of Kubernetes")
    support: Literal["standard", "extended"] = Field(
        default="standard",
        description="at the end of standard support: EKS upgrades the cluster, or it stays, for an "
        "hourly charge",
    )
    network: Network = Field(description="where the cluster is")
    api: Api = Field(default_factory=Api, description="who reaches the Kubernetes API")
    pools: dict[WorkloadName, Pool] = Field(min_length=1, description="groups of nodes by name")
    workloads: dict[WorkloadName, Workload] = Field(
        default_factory=dict, description="what the pods of each serve, by name"
    )
    access: list[AccessEntry] = Field(
        min_length=1, description="roles that use the Kubernetes API; one an admin everywhere"
    )
    addons: dict[Text, AddonSettings] = Field(
        default_factory=dict,
        description="versions of add-ons that every cluster has, and further ones: "
        + ", ".join(eks_addons()),
    )
    device_plugin: Text = Field(
        default="nvcr.io/nvidia/k8s-device-plugin:v0.17.4",
        description="image that offers the GPUs of Amazon Linux nodes to pods; Bottlerocket has its own",
    )
    zonal_shift: bool = Field(
        default=False, description="lets Route 53 ARC move traffic away from an impaired zone"
    )
    log_retention_days: RetentionDays = Field(default=90, description="days that logs are kept")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = [
            *self._support(),
            *self._pools(),
            *self._addons(),
            *self._access(),
            *self._service_accounts(),
            *self._places(),
        ]
        if found:
            raise problems(found)
        return self

    def namespace(self, workload: str) -> str:
        """The namespace of a workload."""
        return self.workloads[workload].namespace or workload

    def fitting(self, workload: str) -> dict[str, Pool]:
        """The pools that a workload's pods can run in."""
        given = self.workloads[workload]
        return {
            name: pool
            for name, pool in self.pools.items()
            if given.pool in (None, name) and (given.gpu > 0) == (pool.gpus > 0)
            if given.gpu <= pool.gpus
        }

    def _support(self) -> Iterator[Finding]:
        version = next(known for known in eks_versions() if known.name == self.version)
        if self.support == "standard" and not version.in_standard_support:
            message = f'is "{self.version}", whose standard support ended on {version.standard}'
            hint = "take a newer version, or pay for it: support: extended"
            yield Finding("E204", message, hint, ("version",))

    def _pools(self) -> Iterator[Finding]:
        if not any(pool.gpus == 0 and pool.first > 0 for pool in self.pools.values()):
            message = (
                "must hold a pool without GPUs that starts with a node: DNS and metrics run there"
            )
            yield Finding(
                "E204", message, "add system: {instance: m7i.large, min: 2, max: 4}", ("pools",)
            )

    def _addons(self) -> Iterator[Finding]:
        known = tuple(eks_addons())
        for name in self.addons:
            if name not in known:
                guess = nearest(name, known)
                hint = f'did you mean "{guess}"?' if guess else f"known: {', '.join(known)}"
                message = f'holds the unknown add-on "{name}"'
                yield Finding("E204", message, hint, ("addons", name), on_key=True)

    def _access(self) -> Iterator[Finding]:
        if not any(each.level == "admin" and not each.namespaces for each in self.access):
            message = (
                "must hold a role with level admin and no namespaces: nobody else could mend it"
            )
            yield Finding("E204", message, "add {role: platform-admin, level: admin}", ("access",))
        seen: set[tuple[str, ...]] = set()
        for index, each in enumerate(self.access):
            account = (each.account or self.account).name
            role = (account, each.role.rpartition("/")[2])
            for key, at in ((role, "role"), (("", each.assume or ""), "assume")):
                if key in seen and key[1]:
                    message = f'names "{key[1]}" twice: EKS has one entry for each role'
                    yield Finding("E204", message, None, ("access", index, at))
                seen.add(key)

    def _service_accounts(self) -> Iterator[Finding]:
        first: dict[tuple[str, str], str] = {}
        for name, workload in self.workloads.items():
            if workload.namespace is None and made_by_kubernetes(name):
                message = f'is called "{name}", and that namespace is the cluster\'s own'
                yield Finding("E204", message, "write namespace: under it", ("workloads", name))
            key = (self.namespace(name), workload.service_account)
            other = first.setdefault(key, name)
            if other != name:
                message = (
                    f'is "{key[1]}" in namespace "{key[0]}", which the workload "{other}" has: its '
                    "pods would get the other's role"
                )
                path = ("workloads", name, "service_account")
                yield Finding("E204", message, "give each a service account of its own", path)

    def _places(self) -> Iterator[Finding]:
        """Whether each workload's pods can run somewhere, and on one architecture."""
        for name, workload in self.workloads.items():
            path = ("workloads", name)
            if workload.pool and workload.pool not in self.pools:
                guess = nearest(workload.pool, tuple(self.pools))
                hint = f'did you mean "{guess}"?' if guess else f"pools: {', '.join(self.pools)}"
                message = f'names the unknown pool "{workload.pool}"'
                yield Finding("E204", message, hint, (*path, "pool"))
                continue
            fitting = self.fitting(name)
            kinds = {pool.type.architecture for pool in fitting.values()}
            if not fitting:
                wanted = f"{workload.gpu} GPUs" if workload.gpu else "no GPU"
                where = f'the pool "{workload.pool}"' if workload.pool else "no pool"
                at = "pool" if workload.pool else "gpu" if workload.gpu else "image"
                does = "does not have" if workload.pool else "has"
                message = (
                    f"wants nodes with {wanted}, which {where} {does}: its pods would run nowhere"
                )
                yield Finding("E204", message, None, (*path, at))
            elif len(kinds) > 1:
                message = f"fits pools of two architectures: {', '.join(sorted(fitting))}"
                yield Finding("E204", message, "write pool: with one of them", path)
