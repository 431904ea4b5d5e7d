"""Components that were renamed: built under the name that they had, then called by the new one.

State and names in the cloud keep the former name, so that nothing is made anew; Terraform cannot rename
most of what bears one. A component is therefore built as if it still had it, whatever its kind does with
the name. What only people and Landform read has the new one: the stack's path, the manifest, the ledger,
messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from compiler.access.grants import Access
from compiler.access.ledger import Binding, Edge, Right
from compiler.diagnostics import Diagnostic
from compiler.kinds.draft import Draft
from compiler.organization.records import Component
from compiler.organization.roots import STATE_FILE
from compiler.terraform.stack import Stack

Entry = TypeVar("Entry", bound=Edge | Binding | Right)


@dataclass(frozen=True, slots=True)
class Renaming:
    """`names` has for each former name the one that took its place."""

    names: Mapping[str, str]

    @classmethod
    def of(cls, components: Iterable[Component]) -> Renaming:
        """What these say."""
        return cls({each.renamed_from: each.name for each in components if each.renamed_from})

    def finished(self, draft: Draft, component: Component, access: Access) -> tuple[Stack, ...]:
        """The draft's stacks, and the draft itself, as those of `component`; its findings as well."""
        stacks = draft.finish(access)
        if not self.names:
            return stacks
        draft.component = component
        draft.diagnostics = [self._told(each) for each in draft.diagnostics]
        draft.written = {(self._path(p), name): w for (p, name), w in draft.written.items()}
        return tuple(self._stack(stack) for stack in stacks)

    def entries(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """Entries of the ledger."""
        return tuple(self._entry(each) if self.names else each for each in entries)

    def _stack(self, stack: Stack) -> Stack:
        after = tuple(sorted(self._path(path) for path in stack.depends_on))
        name = self.names.get(stack.component)
        if name is None:
            return replace(stack, depends_on=after)
        terraform = dict(stack.terraform)
        # A backend has the former path; without one the state lies beside the stack's former place.
        local = {"local": {"path": f"../{stack.component}/{STATE_FILE}"}}
        terraform.setdefault("backend", local)
        return replace(
            stack,
            component=name,
            renamed_from=stack.component,
            depends_on=after,
            terraform=terraform,
        )

    def _entry(self, entry: Entry) -> Entry:
        name = self.names.get(entry.component, entry.component)
        id = f"{name}/{entry.id.removeprefix(f'{entry.component}/')}"
        if isinstance(entry, Edge):
            found = tuple(replace(s, stack=self._path(s.stack)) for s in entry.statements)
            return replace(entry, id=id, component=name, statements=found)
        if isinstance(entry, Right):
            on = self._symbol(entry.resource)
            return replace(entry, id=id, component=name, resource=on, stack=self._path(entry.stack))
        return replace(entry, id=id, component=name, stack=self._path(entry.stack))

    def _path(self, path: str) -> str:
        home, _, name = path.rpartition("/")
        return f"{home}/{self.names.get(name, name)}"

    def _symbol(self, resource: str) -> str:
        """With the stack's path, where that stands for an id that only AWS knows: `<aws/shared/…>`."""
        before, mark, rest = resource.partition("<")
        stack, slash, address = rest.rpartition("/")
        return f"{before}{mark}{self._path(stack)}{slash}{address}" if mark else resource

    def _told(self, found: Diagnostic) -> Diagnostic:
        return replace(
            found,
            message=self._text(found.message),
            hint=found.hint and self._text(found.hint),
            related=tuple((self._text(label), span) for label, span in found.related),
        )

    def _text(self, text: str) -> str:
        """Words of a kind, which knows components by the names before."""
        for former, name in self.names.items():
            text = re.sub(rf'(?<!account )(?<!project )"{former}"', f'"{name}"', text)
        return text
