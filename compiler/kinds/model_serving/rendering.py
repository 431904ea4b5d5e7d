"""Kubernetes manifests: one object a file, from templates in `manifests/`.

Pure: takes what the pods are, gives files. Every value goes through `quoted`, so that no name is
read as a boolean or a number, and no text can become another key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from compiler.kinds.model_serving.names import (
    ACCELERATOR_LABEL,
    GPU_RESOURCE,
    POOL_LABEL,
    SYSTEM_LABEL,
)
from compiler.kinds.model_serving.workload import Workload

# Objects of a workload, as their templates are called; the last only where pods may become more.
OBJECTS = (
    "service-account",
    "deployment",
    "service",
    "pod-disruption-budget",
    "network-policy",
)
SCALER = "horizontal-pod-autoscaler"
STARTUP_PERIOD_SECONDS = 10
# Where the agent of EKS Pod Identity listens on each node, port 80.
# Source: EKS user guide, "Set up the Amazon EKS Pod Identity Agent".
AGENT_ADDRESSES = ("169.254.170.23/32", "fd00:ec2::23/128")
_TEMPLATES = Path(__file__).parent / "manifests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """A workload with everything that its manifests say.

    `image` is the whole address with its version.
    """

    name: str
    namespace: str
    given: Workload
    image: str
    environment: Mapping[str, str]

    @property
    def scales(self) -> bool:
        """Whether there may be more pods than the fewest."""
        return self.given.most > self.given.replicas

    @property
    def startup_failures(self) -> int:
        """Failed checks that a pod is allowed while it loads its model."""
        return -(-self.given.startup_seconds // STARTUP_PERIOD_SECONDS)

    @property
    def caller_blocks(self) -> list[str]:
        """The callers that are CIDR blocks."""
        return sorted({each for each in self.given.callers if "/" in each})

    @property
    def caller_namespaces(self) -> list[str]:
        """The namespaces that may call, its own first."""
        others = {each for each in self.given.callers if "/" not in each}
        return [self.namespace, *sorted(others - {self.namespace})]


def manifests(workloads: Sequence[Pods], device_plugin: str | None) -> dict[str, bytes]:
    """Files by name, in the order in which `kubectl apply -f` takes them.

    `device_plugin` is the image that offers GPUs to pods, where nodes do not offer them themselves.
    """
    files = {}
    for namespace in sorted({pods.namespace for pods in workloads}):
        for kind in ("namespace", "default-deny"):
            files[f"00-{kind}.{namespace}.yaml"] = _rendered(kind, {"namespace": namespace})
    if device_plugin:
        files["00-nvidia-device-plugin.yaml"] = _rendered(
            "nvidia-device-plugin", {"image": device_plugin}
        )
    for pods in workloads:
        for kind in _objects(pods):
            files[f"{pods.name}.{kind}.yaml"] = _rendered(kind, {"pods": pods, "given": pods.given})
    return dict(sorted(files.items()))


def _objects(pods: Pods) -> Iterator[str]:
    yield from OBJECTS
    if pods.scales:
        yield SCALER


def _rendered(kind: str, values: Mapping[str, object]) -> bytes:
    return _template(kind).render(values).encode()


@cache
def _template(kind: str) -> Template:
    return _environment().get_template(f"{kind}.yaml.j2")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["quoted"] = quoted
    made.globals.update(
        accelerator_label=ACCELERATOR_LABEL,
        agent_addresses=AGENT_ADDRESSES,
        gpu_resource=GPU_RESOURCE,
        pool_label=POOL_LABEL,
        startup_period=STARTUP_PERIOD_SECONDS,
        system_label=SYSTEM_LABEL,
    )
    return made


def quoted(value: object) -> str:
    r"""A value as a double-quoted YAML scalar.

    >>> quoted("on"), quoted('say "hi"')
    ('"on"', '"say \\"hi\\""')
    """
    text = json.dumps(str(value), ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
