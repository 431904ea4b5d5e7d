"""What an AWS Organization holds, and what its import changes in a blueprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.diagnostics import Span

# The one state in which an account can be used. Source: AWS Organizations User Guide, "Monitor the
# state of your AWS accounts"; before September 2025 the API called it Status, with this value too.
ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveUnit:
    """An organisational unit. `parent` is the id of the unit, or of the root, that it is in."""

    id: str
    name: str
    parent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccount:
    """An account of the organisation. `tags` are there for active ones only."""

    id: str
    name: str
    parent: str
    state: str = ACTIVE
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOrganization:
    """Everything that was read. `management` is the id of the management account.

    `units` come parents first, siblings by name and id; `accounts` by id.
    """

    id: str
    partition: str
    management: str
    roots: tuple[str, ...]
    units: tuple[LiveUnit, ...]
    accounts: tuple[LiveAccount, ...]


# What stands in a blueprint: text, or a mapping of it.
Given = str | int | Mapping[str, "Given"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing to write at `path`, keys from the root down: `("accounts", "shared", "unit")`.

    `replaces` says that another text stands there now. `comment` goes behind the line, if it gets one
    of its own.
    """

    path: tuple[str, ...]
    value: Given
    comment: str = ""
    replaces: bool = False

    @property
    def shown(self) -> str:
        """`accounts.shared.unit`."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that a person should know and the import does not change. `kind` is for programs."""

    kind: str
    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What makes the blueprint hold the organisation."""

    changes: tuple[Change, ...] = ()
    notes: tuple[Note, ...] = ()
