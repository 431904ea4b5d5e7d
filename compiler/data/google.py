"""Google's service agents, the predefined roles that kinds give, and machine types.

Takes names as kinds and blueprints have them, gives text and small records, from `google_iam.json`
and `google_machines.json`. Raises `UnknownEntry` with what is known.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from compiler.data.tables import table, unknown


class ServiceAgent(NamedTuple):
    """Google's own service account of one product in a project.

    `email` is its address, `service` the API that it belongs to. `create` is the API to make it
    for before anything can be bound to it, None where it is there once its API is on.
    """

    email: str
    service: str
    create: str | None

    @property
    def member(self) -> str:
        """The agent as IAM writes it."""
        return f"serviceAccount:{self.email}"


class Accelerators(NamedTuple):
    """The accelerators of one machine: their type as GKE calls it, and their number."""

    type: str
    number: int


def service_agent(product: str, number: str) -> ServiceAgent:
    """The agent of a product in the project of that number.

    >>> service_agent("container", "100000000001").email
    'service-100000000001@container-engine-robot.iam.gserviceaccount.com'
    """
    agents = table("google_iam")["agents"]
    if product not in agents:
        raise unknown("product with a service agent", product, tuple(agents), "google_iam")
    row = agents[product]
    return ServiceAgent(row["address"].format(number=number), row["service"], row["create"])


def google_role(use: str, level: str | None = None) -> str:
    """The predefined role for a use, at a level where it has levels.

    >>> google_role("bucket", "read")
    'roles/storage.objectViewer'
    """
    roles = table("google_iam")["roles"]
    name = use if level is None else f"{use}-{level}"
    if name not in roles:
        raise unknown("use of a role", name, tuple(roles), "google_iam")
    return str(roles[name]["role"])


@cache
def machine_families() -> tuple[str, ...]:
    """The machine families, sorted: `("a2", "a3", …)`."""
    families = table("google_machines")["families"].values()
    return tuple(sorted(name for names in families for name in names.split()))


@cache
def gpu_machines() -> dict[str, Accelerators]:
    """The machine types that come with GPUs, and what they have. It is shared: don't change it."""
    return {
        machine: Accelerators(accelerator, count)
        for accelerator, machines in table("google_machines")["gpus"].items()
        for machine, count in machines.items()
    }


@cache
def attachable_gpus() -> dict[str, tuple[int, ...]]:
    """The GPUs that N1 machines can be given, and how many of them. Don't change it."""
    return {
        name: tuple(int(count) for count in counts.split())
        for name, counts in table("google_machines")["attachable"].items()
    }
