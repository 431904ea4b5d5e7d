"""The inputs of `training-access` about its clusters."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from compiler.blueprint.shapes import NAME, NAME_RULE, Matching, Shape, Text, problem
from compiler.blueprint.validation import Finding, problems
from compiler.data.google import Accelerators, attachable_gpus, gpu_machines, machine_families
from compiler.diagnostics import nearest
from compiler.kinds.inputs import OneProject

# Source: Kubernetes documentation, "Object Names and IDs", RFC 1123 label names.
KubernetesName = Annotated[
    Text,
    Matching(
        r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "a name in Kubernetes: 1 to 63 of a-z, 0-9 and -, not starting or ending with -",
    ),
]
# Namespaces of Kubernetes, GKE and managed Prometheus: their pods have more rights than a team's.
# Sources: Kubernetes documentation, "Namespaces"; Managed Service for Prometheus documentation, "Get
# started with managed collection".
_SYSTEM = ("kube-", "gke-", "gmp-")


def _not_system(name: str) -> str:
    if name == "default" or name.startswith(_SYSTEM):
        message = f'must be a namespace of a team\'s own, not "{name}"'
        raise problem("E204", message, "default, kube-*, gke-* and gmp-* are not for workloads")
    return name


Namespace = Annotated[KubernetesName, AfterValidator(_not_system)]
# Source: GKE API reference, projects.locations.clusters, name; the same for node pools.
ClusterName = Annotated[
    Text,
    Matching(
        r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?",
        "a cluster's name: 1 to 40 of a-z, 0-9 and -, starting with a letter, not ending in -",
    ),
]
PoolName = Annotated[Text, Matching(NAME, NAME_RULE)]
Zone = Annotated[Text, Matching(r"[a-z]+-[a-z]+[0-9]+-[a-z]", "a zone: europe-west4-a")]
RegionOrZone = Annotated[
    Text, Matching(r"[a-z]+-[a-z]+[0-9]+(?:-[a-z])?", "a region or a zone: europe-west4")
]
Resource = Annotated[
    Text,
    Matching(
        r"(?:projects/[a-z][a-z0-9.:-]*/(?:global|regions/[a-z0-9-]+)/(?:networks|subnetworks)/)?"
        r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "a name, or projects/<id>/… where it is another project's",
    ),
]
RangeName = Annotated[Text, Matching(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", "a range's name")]
MachineType = Annotated[
    Text, Matching(r"[a-z][a-z0-9]*-[a-z0-9-]+", "a machine type: n2-standard-8")
]
Time = Annotated[Text, Matching(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", 'a time, UTC: "03:00"')]


def region_of(location: str) -> str:
    """The region of a region or a zone.

    >>> region_of("europe-west4-a"), region_of("europe-west4")
    ('europe-west4', 'europe-west4')
    """
    return "-".join(location.split("-")[:2])


def _cidr(shortest: int, longest: int) -> Any:
    def validate(value: str) -> str:
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError:
            hint = "write the first address and the length: 10.0.0.0/20"
            raise problem(
                "E204", f'must be a range of IPv4 addresses, not "{value}"', hint
            ) from None
        if not shortest <= network.prefixlen <= longest:
            message = f"must have a length of {shortest} to {longest}, not {network.prefixlen}"
            raise problem("E204", message)
        return value

    return AfterValidator(validate)


# Source: GKE documentation, "VPC-native clusters", IP address ranges.
NodeRange = Annotated[Text, _cidr(8, 28)]
PodRange = Annotated[Text, _cidr(9, 21)]
ServiceRange = Annotated[Text, _cidr(13, 27)]
AnyRange = Annotated[Text, _cidr(1, 32)]


class NewNetwork(Shape):
    """A network that Landform makes, the same in each project."""

    nodes: NodeRange = Field(default="10.0.0.0/20", description="addresses of the nodes")
    pods: PodRange = Field(default="10.16.0.0/14", description="addresses of the pods")
    services: ServiceRange = Field(default="10.8.0.0/20", description="addresses of services")
    nat: bool = Field(default=True, description="nodes reach the internet, through Cloud NAT")

    @model_validator(mode="after")
    def _apart(self) -> Self:
        ranges = {name: ipaddress.IPv4Network(getattr(self, name)) for name in _RANGES}
        for index, (name, one) in enumerate(ranges.items()):
            for other, two in list(ranges.items())[:index]:
                if one.overlaps(two):
                    raise problem("E204", f'overlaps with "{other}" ({two})', None, (name,))
        return self


_RANGES = ("nodes", "pods", "services")


class Network(Shape):
    """Where the cluster's nodes are: a subnetwork that exists, or a new network."""

    create: NewNetwork | None = Field(default=None, description="a network of the cluster's own")
    network: Resource | None = Field(default=None, description="network that exists already")
    subnetwork: Resource | None = Field(
        default=None, description="its subnetwork in the region of the cluster"
    )
    pods: RangeName | None = Field(
        default=None, description="its secondary range for pods; default: GKE adds one"
    )
    services: RangeName | None = Field(
        default=None, description="its secondary range for services; default: GKE adds one"
    )
    host: OneProject | None = Field(
        default=None,
        description="host project of a Shared VPC, whose network and subnetwork it is: GKE of each "
        "training project is admitted there; default: the training project",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        names = ("network", "subnetwork", "pods", "services", "host")
        given = [name for name in names if getattr(self, name)]
        hint = "network: {network: training, subnetwork: training-europe-west4}"
        if self.create is not None and given:
            raise problem("E204", "creates a network and names one that exists", hint)
        if self.create is None:
            for name in ("network", "subnetwork"):
                if name not in given:
                    raise problem("E204", f'needs "{name}", or create', hint)
            if (self.pods is None) != (self.services is None):
                raise problem("E204", "names one secondary range: give both, or none", None)
            if self.host is not None:
                self._in_host()
        return self

    def _in_host(self) -> None:
        """A service project cannot have ranges added there; names are those of the host."""
        for name in ("network", "subnetwork"):
            if "/" in getattr(self, name):
                raise problem(
                    "E204", "is a name in the host project, without a path", None, (name,)
                )
        if self.pods is None:
            hint = "add pods: and services:, names of secondary ranges of the subnetwork"
            raise problem("E204", "needs the secondary ranges of a Shared VPC", hint)


class Pool(Shape):
    """One node pool."""

    machine: MachineType = Field(description="machine type: n2-standard-8, a3-highgpu-8g")
    accelerator: Text | None = Field(
        default=None,
        description="accelerator type as GKE calls it: nvidia-h100-80gb; default: the machine's own",
    )
    count: int | None = Field(
        default=None,
        ge=1,
        le=16,
        description="accelerators on each node; default: the machine's own",
    )
    min: int = Field(default=0, ge=0, le=1000, description="fewest nodes in all zones together")
    max: int = Field(ge=1, le=1000, description="most nodes in all zones together")
    capacity: Literal["on-demand", "spot", "reservation", "queued"] = Field(
        default="on-demand",
        description="where nodes come from; queued: all at once, when there is room for a whole job",
    )
    reservation: (
        Annotated[
            Text,
            Matching(
                r"(?:projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/reservations/)?"
                r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
                "a reservation's name, or projects/<id>/reservations/<name> for one that is shared",
            ),
        ]
        | None
    ) = Field(default=None, description="the reservation, by name; default: any that fits")
    zones: list[Zone] = Field(
        default_factory=list,
        min_length=1,
        description="zones of the nodes; default: those of the cluster. Accelerators are not in every "
        "zone of a region, and a pool that has a zone without them is refused: name the zones",
    )
    disk_gb: int = Field(default=100, ge=20, le=65536, description="boot disk of each node, GB")
    compact: bool = Field(default=False, description="nodes close to each other, in one zone")

    @property
    def accelerators(self) -> Accelerators | None:
        """What accelerators each node has."""
        own = gpu_machines().get(self.machine)
        if own is not None:
            return own
        return Accelerators(self.accelerator, self.count or 1) if self.accelerator else None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = list(self._findings())
        if found:
            raise problems(found)
        return self

    def _findings(self) -> Iterator[Finding]:
        if self.min > self.max:
            message = f'is {self.min}, above "max" ({self.max})'
            yield Finding("E312", message, 'raise "max", or lower "min"', ("min",))
        if self.reservation and self.capacity != "reservation":
            hint = "capacity: reservation"
            message = f'is for "capacity: reservation", and capacity is "{self.capacity}"'
            yield Finding("E204", message, hint, ("reservation",))
        if self.count is not None and self.accelerators is None:
            message = f'counts accelerators, and "{self.machine}" has none'
            yield Finding("E204", message, "name the accelerator", ("count",))
        if self.capacity == "queued" and self.min:
            message = "must be 0: nodes come when a job is let in"
            yield Finding("E204", message, None, ("min",))
        if self.compact and len(self.zones) > 1:
            message = "needs the nodes in one zone, and zones names several"
            yield Finding("E204", message, None, ("compact",))
        if self.compact and self.capacity == "queued":
            message = "does not go with queued capacity, which places the nodes itself"
            yield Finding("E204", message, "take compact out", ("compact",))
        yield from self._wrong_accelerator()

    def _wrong_accelerator(self) -> Iterator[Finding]:
        own = gpu_machines().get(self.machine)
        if own is not None:
            if self.accelerator not in (None, own.type):
                message = f'is "{self.accelerator}", but {self.machine} comes with {own.type}'
                yield Finding("E204", message, "leave it out", ("accelerator",))
            if self.count not in (None, own.number):
                message = f"is {self.count}, but {self.machine} has {own.number}"
                yield Finding("E204", message, "leave it out", ("count",))
        elif self.accelerator is not None:
            counts = attachable_gpus().get(self.accelerator)
            if counts is None:
                known = sorted({*attachable_gpus(), *(g.type for g in gpu_machines().values())})
                guess = nearest(self.accelerator, known)
                hint = f'did you mean "{guess}"?' if guess else f"known: {', '.join(known)}"
                fits = [m for m, g in gpu_machines().items() if g.type == self.accelerator]
                if fits:
                    hint = f"machines with it: {', '.join(fits)}"
                message = f'"{self.accelerator}" is none that {self.machine} can have'
                yield Finding("E204", message, hint, ("accelerator",))
            elif not self.machine.startswith("n1-"):
                message = f"{self.accelerator} goes with machines of the family n1 only"
                yield Finding("E204", message, "machine: n1-standard-8", ("accelerator",))
            elif (self.count or 1) not in counts:
                listed = ", ".join(str(count) for count in counts)
                message = f"is {self.count}, and a machine has {listed} of {self.accelerator}"
                yield Finding("E204", message, None, ("count",))


class Cluster(Shape):
    """The cluster of each training project: private, hardened, with one service account for nodes."""

    name: ClusterName = Field(description="name of the cluster, the same in each project")
    channel: Literal["RAPID", "REGULAR", "STABLE", "EXTENDED"] = Field(
        default="REGULAR", description="release channel"
    )
    pools: dict[PoolName, Pool] = Field(
        min_length=1, max_length=50, description="node pools by name, one without accelerators"
    )
    location: RegionOrZone | None = Field(
        default=None, description="region or zone of the cluster; default: the component's region"
    )
    network: Network = Field(
        default_factory=lambda: Network(create=NewNetwork()),
        description="network of the nodes; default: a new one",
    )
    authorized_networks: list[AnyRange] = Field(
        default_factory=list,
        max_length=100,
        description="addresses that reach the control plane by IP; default: none, only by its DNS "
        "name, where IAM decides",
    )
    maintenance: Time = Field(
        default="03:00", description="start of the daily maintenance window, UTC"
    )
    deletion_protection: bool = Field(
        default=True, description="Terraform refuses to destroy the cluster"
    )
    new_machines: list[MachineType] = Field(
        default_factory=list,
        description="machine types newer than Landform's own table, to be accepted",
    )

    @model_validator(mode="after")
    def _pools_fit(self) -> Self:
        found = list(self._unknown_machines())
        for index, address in enumerate(self.authorized_networks):
            if ipaddress.IPv4Network(address).prefixlen < 8:
                message, hint = "lets in too many", "name the ranges of your offices and runners"
                found.append(Finding("E204", message, hint, ("authorized_networks", index)))
        if all(pool.accelerators for pool in self.pools.values()):
            message = "has accelerators in every pool: the cluster's own pods would find no node"
            found.append(
                Finding("E204", message, "add {cpu: {machine: n2-standard-4, max: 3}}", ("pools",))
            )
        if found:
            raise problems(found)
        return self

    def _unknown_machines(self) -> Iterator[Finding]:
        for name, pool in self.pools.items():
            family = pool.machine.partition("-")[0]
            if pool.machine in self.new_machines or pool.machine in gpu_machines():
                continue
            with_gpus = sorted(m for m in gpu_machines() if m.partition("-")[0] == family)
            if with_gpus or family not in machine_families():
                guess = nearest(pool.machine, with_gpus) or nearest(family, machine_families())
                hint = "for one newer than Landform's table: new_machines: [" + pool.machine + "]"
                message = f'"{pool.machine}" is no machine type that is known here'
                if guess:
                    hint = f'did you mean "{guess}"? ' + hint
                yield Finding("E204", message, hint, ("pools", name, "machine"))
