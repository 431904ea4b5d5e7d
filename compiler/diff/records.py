"""A revision as the comparison reads it, and what the comparison finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from compiler.blueprint import nodes
from compiler.diagnostics import Span
from compiler.terraform.document import Json


class _Absent:
    """The value of what is not there; None is a value."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
Maybe = Json | _Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class StackView:
    """One stack of one revision. `path` is `aws/<account>/<component>`.

    `home` is the account or project by name, `id` its id. `assets` are the files beside the root
    module, each with a digest of its content; None where they could not be read. `digest` is over
    all that the stack consists of. `span` says where its component is declared. `waits_for` are the
    paths of stacks that must be applied before, `former` is the path that a renamed one had.
    """

    path: str
    home: str
    id: str
    component: str
    kind: str
    wave: int
    document: Mapping[str, Json]
    region: str = ""
    assets: Mapping[str, str] | None = None
    digest: str = ""
    span: Span | None = None
    waits_for: tuple[str, ...] = ()
    former: str | None = None

    @property
    def state(self) -> str:
        """The path under which its state is kept: of a renamed stack the one that it had first."""
        return self.former or self.path

    @property
    def cloud(self) -> str:
        """`aws` or `google`."""
        return self.path.partition("/")[0]

    @property
    def tombstone(self) -> bool:
        """Whether it has no resources, so that what it had is destroyed."""
        return not self.document.get("resource")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """A blueprint as it is written. `root` is the merged tree.

    `kinds` are the team's own kinds by name; `files` are the texts that components name, by their
    path below the blueprint's folder: both as path and text. `shown` gives what a user knows a
    path by.
    """

    root: nodes.Mapping
    kinds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    shown: Callable[[str], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of one organisation; `sources` is None where it was read from output."""

    stacks: Mapping[str, StackView] = field(default_factory=dict)
    sources: Sources | None = None


# ---- What differs


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One value that differs. `path` is as `rule[0].days` or `policy.Statement[TrainReadsData].Action`.

    Of a list of plain values that has the same order `added` and `removed` say which; `before` and
    `after` are the whole. `forces` says that it may replace the resource.
    """

    path: str
    before: Maybe
    after: Maybe
    added: tuple[Json, ...] = ()
    removed: tuple[Json, ...] = ()
    forces: bool = False


Action = Literal["create", "destroy", "change", "move", "import"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """A resource, a data source, or a part of the root module that has no address of Terraform's.

    `replaces` says why it may be replaced: paths of edits, or addresses of what it refers to.
    `origin` is where a moved resource was; `identity` what an imported one is imported by.
    """

    address: str
    action: Action
    edits: tuple[Edit, ...] = ()
    replaces: tuple[str, ...] = ()
    origin: str | None = None
    identity: str | None = None

    @property
    def managed(self) -> bool:
        """Whether it is a resource, and not a data source or a setting of the module."""
        return self.address.count(".") == 1 and not self.address.startswith(SETTINGS)


# What an address starts with that is not a resource's.
SETTINGS: Final = ("data.", "terraform.", "provider.", "variable.", "output.", "asset.", "local.")

# The arguments of a provider that are about all resources.
_ON_ALL: Final = re.compile(r"\bdefault_(tags|labels)\b")

StackAction = Literal["added", "removed", "orphaned", "dropped", "moved", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackChange:
    """A stack that differs.

    `removed`: it is a tombstone now, and its resources are destroyed; `orphaned`: nothing makes it
    any more, and nothing destroys what it applied; `dropped`: it was a tombstone, and is gone;
    `moved`: it has the state of the stack `origin`. `before` and `after` are the stack itself.
    """

    path: str
    action: StackAction
    resources: tuple[ResourceChange, ...] = ()
    before: StackView | None = None
    after: StackView | None = None
    origin: str | None = None

    @property
    def relocated(self) -> str:
        """Where its state's resources are and where the stack is now, if that is elsewhere, or "".

        Google's resources say themselves where they are; AWS's are where the provider is.
        """
        before, after = self.before, self.after
        if before is None or after is None or before.tombstone or after.tombstone:
            return ""
        if before.id != after.id:
            return f"{before.id} to {after.id}"
        moved = after.cloud == "aws" and before.region != after.region
        return f"{before.region} to {after.region}" if moved else ""

    @property
    def retagged(self) -> bool:
        """Whether its provider sets other tags or labels on all resources that can have them.

        No resource says so: Terraform's plan has them as changes of `tags_all` or `terraform_labels`.
        """
        return self.action in ("changed", "moved") and any(
            _ON_ALL.search(edit.path)
            for each in self.resources
            if each.address.startswith("provider.")
            for edit in each.edits
        )

    @property
    def view(self) -> StackView:
        """The stack as it is, or as it was."""
        found = self.after or self.before
        if found is None:
            raise ValueError(f"{self.path}: a change of nothing")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All stacks of an organisation that differ, sorted by path."""

    organization: str
    stacks: tuple[StackChange, ...]

    def having(self, *actions: Action) -> list[tuple[StackChange, ResourceChange]]:
        """The managed resources with such a change."""
        return [
            (stack, one)
            for stack in self.stacks
            for one in stack.resources
            if one.managed and one.action in actions
        ]

    @property
    def destroyed(self) -> list[tuple[StackChange, ResourceChange]]:
        """What the next apply destroys; what an orphaned stack has is not among it."""
        return [each for each in self.having("destroy") if each[0].action != "orphaned"]

    @property
    def replaced(self) -> list[tuple[StackChange, ResourceChange]]:
        """What the next apply may replace."""
        return [each for each in self.having("change", "move", "import") if each[1].replaces]

    @property
    def relocated(self) -> list[StackChange]:
        """The stacks that are in another account or region than what their state knows."""
        return [stack for stack in self.stacks if stack.relocated]

    @property
    def retagged(self) -> list[StackChange]:
        """The stacks in which every resource that can have tags or labels gets others."""
        return [stack for stack in self.stacks if stack.retagged]

    @property
    def moved(self) -> list[tuple[StackChange, ResourceChange]]:
        """Resources that get another address and stay."""
        return self.having("move")
