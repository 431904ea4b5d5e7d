"""What there is to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from compiler.access.delta.records import Change
from compiler.access.ledger import Binding, Edge, Entry
from compiler.diagnostics import Span

Status = Literal["same", "added", "changed", "removed"]
STATUSES: tuple[Status, ...] = ("same", "added", "changed", "removed")
# What `Stack.change` says of those that differ, in the order of telling.
CHANGES = ("added", "moved", "changed", "removed")
# How what changed is marked where there are no colours.
SIGNS: Mapping[Status, str] = {"same": " ", "added": "+", "changed": "~", "removed": "-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """An account or a project. `key` is `<cloud>/<name>`, as in the paths of its stacks.

    `unit` is "" where it is in none, or none is known.
    """

    cloud: str
    name: str
    id: str
    unit: str = ""

    @property
    def key(self) -> str:
        """What names it in the organisation: an account and a project may have one name."""
        return f"{self.cloud}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A resource of a changed stack (or another part of its module), and in which way.

    `parts` are the paths of what differs in it; `notes` say what is to be thought of.
    """

    address: str
    status: Status
    parts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack. `home` is the key of its account or project, `resources` are addresses, sorted.

    `wave` is None for a stack that is gone: nobody applies it any more. `origin` is the path that a
    renamed one had.
    """

    path: str
    home: str
    region: str
    component: str
    kind: str
    wave: int | None
    depends_on: tuple[str, ...]
    resources: tuple[str, ...]
    declared: Span | None = None
    status: Status = "same"
    touched: tuple[Touched, ...] = ()
    origin: str = ""

    @property
    def change(self) -> str:
        """Its status in a word for people, who are told of a renamed one as `diff` tells them."""
        return "moved" if self.origin else self.status

    @property
    def size(self) -> int:
        """How many resources it manages, as the manifest counts them."""
        return sum(not address.startswith("data.") for address in self.resources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """One organisation. `stacks` are sorted by path, `homes` by key, `entries` by id.

    `since` is what it is compared with, "" where it is not; `access` is then what was gained and lost.
    """

    organization: str
    stacks: tuple[Stack, ...]
    homes: Mapping[str, Home]
    entries: tuple[Entry, ...]
    since: str = ""
    access: tuple[Change, ...] = ()
    units: tuple[str, ...] = field(default=())

    def unit_of(self, stack: Stack) -> str:
        """The unit of its account or project."""
        return self.homes[stack.home].unit


def principal_home(entry: Entry) -> str | None:
    """The key of the account or project that the principal is in; people of Google are in none."""
    if isinstance(entry, Edge):
        return f"aws/{entry.principal_account}"
    if isinstance(entry, Binding):
        return f"google/{entry.member_project}" if entry.member_project else None
    if not entry.principal_home:
        return None
    # A role of AWS may have rights in a cluster of Google.
    cloud = "aws" if entry.principal.startswith("arn:") else entry.cloud
    return f"{cloud}/{entry.principal_home}"


def resource_home(entry: Entry) -> str:
    """The key of the account or project that owns the resource."""
    if isinstance(entry, Edge):
        return f"aws/{entry.resource_account}"
    return (
        f"google/{entry.project}" if isinstance(entry, Binding) else f"{entry.cloud}/{entry.home}"
    )
