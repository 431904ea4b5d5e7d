"""The input of one workload: what its pods run, read and need."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from compiler.blueprint.shapes import Matching, Shape, Text, problem
from compiler.blueprint.validation import Finding, problems
from compiler.kinds.inputs import ComponentName

# The tag of a hub's image where neither tag nor digest is written.
FIRST_TAG = "v1"
# What the pods are told by Landform; see `workloads.environment`.
OWN_VARIABLES = ("AWS_REGION", "MODEL_BUCKET", "MODEL_PREFIX", "MODEL_REGION", "MODEL_URI")

# Source: Kubernetes documentation, "Object Names and IDs", RFC 1123 label names.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


def made_by_kubernetes(namespace: str) -> bool:
    """Whether a namespace is one that Kubernetes itself makes."""
    return namespace.startswith("kube-") or namespace == "default"


def _own(value: str) -> str:
    if made_by_kubernetes(value):
        raise problem("E204", f'must not be "{value}", which is the cluster\'s own')
    return value


Label = Annotated[Text, Matching(_LABEL, "1 to 63 of a-z, 0-9 and -, no - at an end")]
Namespace = Annotated[Label, AfterValidator(_own)]
# Without dashes at the end: it becomes a Kubernetes name.
WorkloadName = Annotated[
    Text,
    Matching(
        r"[a-z](?:-*[a-z0-9]){0,30}",
        "1 to 31 of a-z, 0-9 and -, starting with a letter and not ending with -",
    ),
]
# Source: Kubernetes documentation, "Resource Management for Pods and Containers", units.
Cpu = Annotated[Text, Matching(r"[1-9][0-9]{0,4}m?|0\.[0-9]{1,3}", "CPUs: 2, 0.5 or 500m")]
Memory = Annotated[Text, Matching(r"[1-9][0-9]{0,5}(?:Mi|Gi)", "memory: 512Mi or 2Gi")]
HttpPath = Annotated[Text, Matching(r"/[\w/.~-]*", "a path that starts with /: /ping")]
VariableName = Annotated[
    Text, Matching(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")
]
# A repository of a hub, or an address with a registry: the first part has a dot or a port.
ImageName = Annotated[
    Text,
    Matching(
        r"(?:[a-z0-9.-]+(?:\.[a-z0-9-]+|:[0-9]+)/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
        r"(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
        "a repository of the hub, or an image with its registry: ghcr.io/acme/churn",
    ),
]
# No `*` or `?`: in a policy they would be wildcards.
ModelPath = Annotated[
    Text,
    Matching(r"(?:[\w!.'()=-]+/){1,10}", "a path below the group's prefix that ends in /: v7/"),
]
Tag = Annotated[Text, Matching(r"\w[\w.-]{0,127}", "an image's tag")]
Digest = Annotated[Text, Matching(r"sha256:[0-9a-f]{64}", "an image's digest: sha256:…")]


def _caller(value: str) -> str:
    if "/" not in value:
        return value
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise problem("E204", f"must be a namespace or a CIDR block: {error}") from None
    return str(network)


Caller = Annotated[
    Text,
    Matching(rf"{_LABEL}|[0-9.]+/[0-9]+|[0-9a-f:]+/[0-9]+", "a namespace or a CIDR block"),
    AfterValidator(_caller),
]


class Reads(Shape):
    """The model that the pods load."""

    hub: ComponentName = Field(description="the component of kind model-hub")
    group: ComponentName = Field(description="group of the hub whose artifacts are read")
    path: ModelPath | None = Field(
        default=None,
        description="what of the group's artifacts the pods may read, such as one version: v7/; "
        "default: all, whether a version is approved or not",
    )


class Workload(Shape):
    """Pods that serve a model: their identity, their image, their size."""

    namespace: Namespace | None = Field(
        default=None, description="Kubernetes namespace; default: the workload's name"
    )
    service_account: Label = Field(
        default="server", description="Kubernetes service account; its pods get the workload's role"
    )
    reads: Reads | None = Field(default=None, description="the model that the pods load")
    image: ImageName = Field(
        description="a repository of the hub that `reads` names, or an image with its registry"
    )
    tag: Tag | None = Field(
        default=None,
        description=f'tag of the image; default for an image of the hub: "{FIRST_TAG}"',
    )
    digest: Digest | None = Field(default=None, description="digest of the image, instead of a tag")
    replicas: int = Field(default=2, ge=1, le=1000, description="fewest pods")
    max_replicas: int | None = Field(
        default=None, ge=1, le=5000, description="most pods; default: twice `replicas`"
    )
    cpu_target: int = Field(
        default=70, ge=1, le=100, description="percent of the requested CPU that scaling aims at"
    )
    cpu: Cpu = Field(default="1", description="CPUs that a pod requests")
    memory: Memory = Field(default="2Gi", description="memory that a pod requests, and its limit")
    gpu: int = Field(default=0, ge=0, le=16, description="whole NVIDIA GPUs of a pod")
    pool: ComponentName | None = Field(
        default=None, description="pool that the pods must run in; default: any that fits"
    )
    port: int = Field(default=8080, ge=1024, le=65535, description="port of the container")
    health: HttpPath = Field(default="/ping", description="path that answers 200 when healthy")
    startup_seconds: int = Field(
        default=600, ge=10, le=3600, description="longest time until a pod has loaded its model"
    )
    callers: list[Caller] = Field(
        default_factory=list,
        description="namespaces, or CIDR blocks of load balancers, that may call it; its own "
        "namespace always may",
    )
    user: int = Field(default=1000, ge=1, le=2**31 - 1, description="user id in the container")
    env: dict[VariableName, str] = Field(
        default_factory=dict, description="further environment variables"
    )

    @property
    def most(self) -> int:
        """Most pods."""
        return self.replicas * 2 if self.max_replicas is None else self.max_replicas

    @property
    def has_registry(self) -> bool:
        """Whether the image is a whole address, and not a repository of the hub."""
        first, slash, _ = self.image.partition("/")
        return bool(slash) and ("." in first or ":" in first)

    @property
    def version(self) -> str:
        """What follows the image's name: `:tag`, `@digest`, or nothing where the name has it."""
        if self.digest:
            return f"@{self.digest}"
        if self.tag:
            return f":{self.tag}"
        return "" if self.has_registry else f":{FIRST_TAG}"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = [*self._image(), *self._scaling(), *self._variables()]
        if found:
            raise problems(found)
        return self

    def _image(self) -> Iterator[Finding]:
        name = self.image.rpartition("/")[2]
        versioned = ":" in name or "@" in name
        if self.tag and self.digest:
            message = "cannot stand beside a digest, which names one image already"
            yield Finding("E204", message, "leave one of them out", ("tag",))
        if versioned and (self.tag or self.digest or not self.has_registry):
            message = "must not hold a tag or a digest here"
            yield Finding("E204", message, "write tag: or digest: beside it", ("image",))
        elif self.has_registry and not (versioned or self.tag or self.digest):
            message = "names no version: pods of two days would run two images"
            yield Finding("E204", message, "write tag: or digest: beside it", ("image",))
        if not self.has_registry and self.reads is None:
            message = f'is "{self.image}", and the workload reads no hub that could have it'
            hint = "write reads: {hub: …, group: …}, or the image with its registry"
            yield Finding("E204", message, hint, ("image",))
        if self.tag == "latest" or name.endswith(":latest"):
            at = "tag" if self.tag else "image"
            message = 'must not be "latest": nobody could say which image runs'
            yield Finding("E204", message, "name one version", (at,))

    def _scaling(self) -> Iterator[Finding]:
        if self.replicas > self.most:
            message = f'is {self.replicas}, above "max_replicas" ({self.most})'
            yield Finding(
                "E312", message, 'raise "max_replicas", or lower "replicas"', ("replicas",)
            )

    def _variables(self) -> Iterator[Finding]:
        for name in self.env:
            if name in OWN_VARIABLES:
                message = f'must not hold "{name}", which the pods get from Landform'
                yield Finding("E204", message, "choose another name", ("env", name), on_key=True)
