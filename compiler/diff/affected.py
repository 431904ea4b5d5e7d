"""The stacks that a change asks to plan, each with its reasons.

A stack is affected if a value in it differs: its root module or a file beside it. As every name and
ARN is fixed when the blueprint is compiled, a stack that consumes a value of another one has that
value in itself, and differs when it does. So a dependent whose values are as they were is not
affected, however much changed around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compiler.diff.compare import compare, resources
from compiler.diff.lines import Line, Reach, changed, reaching
from compiler.diff.records import Revision, StackAction, StackChange, StackView
from compiler.terraform.document import Json

# The arguments that name a thing, for others to find in ARNs and policies.
NAMES = frozenset(
    {
        *("account_id", "bucket", "cluster_name", "function_name", "hub_name"),
        *("model_package_group_name", "name", "node_group_name", "repository", "repository_id"),
        *("repository_name", "workload_identity_pool_id"),
    }
)
# A name of one word is in many texts by chance.
_TOLD = re.compile(r"[A-Za-z0-9]+[-_./][-_./A-Za-z0-9]*[A-Za-z0-9]")
_TOKEN = re.compile(r"[^\s:/\"'*{}$,()\[\]@]+")


@dataclass(frozen=True, slots=True, order=True)
class Consumed:
    """A value of another stack that is in this one: the resource that has it, and its name."""

    stack: str
    address: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A stack to plan. `lines` are those of the blueprint that reach it, `consumes` the changed
    values of other stacks that are in it.

    What is `orphaned` or `dropped` has no folder any more, so it cannot be planned.
    """

    organization: str
    change: StackChange
    lines: tuple[Line, ...] = ()
    consumes: tuple[Consumed, ...] = ()

    @property
    def path(self) -> str:
        """The stack's path."""
        return self.change.path

    @property
    def key(self) -> str:
        """What names it over all organisations."""
        return f"{self.organization}/{self.path}"

    @property
    def action(self) -> StackAction:
        """Why it is here."""
        return self.change.action

    @property
    def view(self) -> StackView:
        """The stack as it is, or as it was."""
        return self.change.view

    @property
    def planned(self) -> bool:
        """Whether there is anything to plan."""
        return self.change.after is not None


def affected(organization: str, before: Revision, after: Revision) -> tuple[Affected, ...]:
    """In the order in which they are applied: by wave, then by path."""
    changes = compare(organization, before, after).stacks
    lines = changed(before.sources, after.sources)
    sources = [each.sources for each in (before, after) if each.sources]
    reach = Reach(sources, (*before.stacks.values(), *after.stacks.values()))
    consumed = _Consumed(changes)
    found = [
        Affected(
            organization=organization,
            change=change,
            lines=reaching(lines, change.view, reach),
            consumes=tuple(consumed.by(change)),
        )
        for change in changes
    ]
    return tuple(sorted(found, key=lambda one: (one.view.wave, one.path)))


class _Consumed:
    """Which names came or went, and with which stack."""

    def __init__(self, changes: Iterable[StackChange]) -> None:
        changes = [change for change in changes if change.action != "dropped"]
        self._tokens = {change.path: _tokens(change) for change in changes}
        self._came: dict[str, list[Consumed]] = {}
        self._went: dict[str, list[Consumed]] = {}
        for change in changes:
            before, after = _names(change.before), _names(change.after)
            for name in after.keys() - before.keys():
                self._came.setdefault(name, []).append(Consumed(change.path, after[name], name))
            for name in before.keys() - after.keys():
                self._went.setdefault(name, []).append(Consumed(change.path, before[name], name))

    def by(self, change: StackChange) -> list[Consumed]:
        """What this stack has of others."""
        if change.path not in self._tokens:
            return []
        lost, gained = self._tokens[change.path]
        found = {
            one
            for names, tokens in ((self._came, gained), (self._went, lost))
            for token in tokens & names.keys()
            for one in names[token]
            if one.stack != change.path
        }
        own = {**_names(change.before), **_names(change.after)}
        return sorted(one for one in found if one.value not in own)


def _names(view: StackView | None) -> dict[str, str]:
    """The names that a stack's resources give, with the address of each."""
    found: dict[str, str] = {}
    for address, body in resources(view.document).items() if view else ():
        for argument in NAMES & body.keys():
            value = body[argument]
            name = value.removeprefix("alias/") if isinstance(value, str) else ""
            if _TOLD.fullmatch(name):
                found.setdefault(name, address)
    return found


def _tokens(change: StackChange) -> tuple[set[str], set[str]]:
    """The words that only the earlier one has, and those that only the later one has."""
    old, new = _words(change.before), _words(change.after)
    return old - new, new - old


def _words(view: StackView | None) -> set[str]:
    found: set[str] = set()
    for text in _texts(view.document) if view else ():
        found.update(_TOKEN.findall(text))
    return found


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
