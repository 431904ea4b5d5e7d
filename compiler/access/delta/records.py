"""A revision as the delta reads it, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from compiler.access.ledger import Entry
from compiler.diagnostics import Span
from compiler.terraform.document import Json

Kind = Literal["gained", "widened", "narrowed", "lost"]
# In the order in which they are shown.
KINDS: tuple[Kind, ...] = ("gained", "widened", "narrowed", "lost")
# The kinds after which somebody can do more than before.
MORE = frozenset({"gained", "widened"})

MarkName = Literal["privileged", "public", "cross-account", "external", "production"]
MARKS: tuple[MarkName, ...] = ("privileged", "public", "cross-account", "external", "production")


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """An account or a project. `production` says why it is counted as such; "" if it is not.

    `number` is that of a project, by which Google names the accounts of its services there.
    """

    name: str
    id: str
    production: str = ""
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One revision of one organisation.

    `documents` are root modules by stack path. `homes` are by account id or project id.
    `places` says for a stack where its component is declared, `organization` is AWS's id of it,
    `states` under which path a renamed stack's state is.
    """

    documents: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    edges: tuple[Entry, ...] = ()
    homes: Mapping[str, Home] = field(default_factory=dict)
    places: Mapping[str, Span] = field(default_factory=dict)
    organization: str | None = None
    states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who has access, or what it is to: `text` is an ARN, a member, a service or `*`.

    `home` is the name of the account or project, its id where the blueprint doesn't declare it, or
    "" where there is none (a service, everyone).
    """

    text: str
    cloud: str
    home: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Step:
    """A statement, or on Google a binding, that the access goes through."""

    stack: str
    address: str
    side: str
    sid: str

    @property
    def file(self) -> str:
        """Where it stands, below the organisation's folder."""
        return f"{self.stack}/main.tf.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Why a change deserves a second look."""

    name: MarkName
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One principal, actions on one resource, and in which way that differs.

    `gained` and `lost` are access that the other revision hasn't at all. `widened` and `narrowed`
    belong to access that is in both: more or fewer actions or resources through the same statement,
    or other conditions, of which `before` and `after` say those that differ.
    `conditions` are what the access asks for (alternatives), in the revision that has more.
    `depends_on` is not empty where policies that Landform doesn't know decide. `replaces` is a
    principal whose whole access this one now has, or that now has this one's.
    """

    kind: Kind
    who: Party
    actions: tuple[str, ...]
    on: Party
    statements: tuple[Step, ...]
    edges: tuple[str, ...] = ()
    declared: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    conditions: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    replaces: str | None = None

    def marked(self, name: str) -> bool:
        """Whether it has the mark of that name."""
        return any(mark.name == name for mark in self.marks)

    @property
    def more(self) -> bool:
        """Whether somebody can do more than before."""
        return self.kind in MORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The changes of one organisation, in the order in which they are shown."""

    organization: str
    changes: tuple[Change, ...]

    def count(self, kind: str) -> int:
        """How many changes there are of a kind."""
        return sum(change.kind == kind for change in self.changes)

    def fails(self, sorts: Iterable[str]) -> tuple[Change, ...]:
        """The changes that a pipeline with these `--fail-on` refuses: only such as give more."""
        wanted = set(sorts)
        return tuple(
            change
            for change in self.changes
            if change.more and ("widened" in wanted or any(map(change.marked, wanted)))
        )
