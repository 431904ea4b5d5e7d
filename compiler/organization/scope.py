"""What expressions can see: plain values, with `vars` evaluated when they are first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.diagnostics import Diagnostic
from compiler.organization.records import Account, Home, Project

Scope = dict[str, object]


class Vars(Mapping[str, object]):
    """The values of `vars`, each evaluated at its first use; one may refer to another.

    `diagnostics` fills while values are evaluated: call `settle` to evaluate all.
    """

    def __init__(
        self,
        entries: Mapping[str, nodes.Entry],
        scope: Scope,
        inherited: Mapping[str, object] | None = None,
    ) -> None:
        """`scope` is what the values can see beside each other; `inherited` lie below them, and what
        is a mapping in both is merged by key."""
        self.diagnostics: list[Diagnostic] = []
        self._entries = entries
        self._scope: Scope = {**scope, "vars": self}
        self._inherited = inherited or {}
        self._values = {k: v for k, v in self._inherited.items() if k not in entries}
        self._running: list[str] = []

    def __getitem__(self, key: str) -> object:
        if key not in self._values:
            self._values[key] = self._evaluate(key, self._entries[key].value)
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._values, **self._entries})

    def __len__(self) -> int:
        return len({**self._values, **self._entries})

    def settle(self) -> dict[str, object]:
        """All values, as a plain dict."""
        return {key: self[key] for key in self}

    def _evaluate(self, key: str, node: nodes.Node) -> object:
        if key in self._running:
            chain = " → ".join([*self._running[self._running.index(key) :], key])
            self.diagnostics.append(
                Diagnostic(
                    code="E316",
                    message=f'the variable "{key}" refers to itself: {chain}',
                    span=node.span,
                    hint="give one of them a value of its own, or another name",
                )
            )
            return None
        self._running.append(key)
        value, diagnostics = evaluate(node, self._scope)
        self._running.pop()
        self.diagnostics += diagnostics
        found = nodes.plain(value)
        written = isinstance(node, nodes.Mapping)  # an expression for the whole of it replaces
        return laid_over(self._inherited.get(key), found) if written else found


def laid_over(below: object, above: object) -> object:
    """`above` with what only `below` has: mappings merge by key, everything else replaces."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    merged = {key: laid_over(below.get(key), value) for key, value in above.items()}
    return {**below, **merged}


def home_scope(home: Home, organization: Mapping[str, object]) -> Scope:
    """What an expression about an account or a project can see."""
    scope: Scope = {
        "organization": organization,
        "unit": unit_scope(home.unit),
        "tags": dict(home.tags),
        "vars": dict(home.vars),
    }
    if isinstance(home, Account):
        scope["account"] = account_scope(home)
    else:
        scope["project"] = project_scope(home)
    return scope


def unit_scope(path: str | None) -> dict[str, object]:
    """`unit.path` and `unit.name`; both empty where there is no unit."""
    path = path or ""
    return {"path": path, "name": path.rpartition("/")[2]}


def account_scope(account: Account) -> dict[str, object]:
    """`account.name`, `.id`, `.region`, `.unit`, `.tags`."""
    return {
        "name": account.name,
        "id": account.id,
        "region": account.region,
        "unit": account.unit,
        "tags": dict(account.tags),
    }


def project_scope(project: Project) -> dict[str, object]:
    """`project.name`, `.id`, `.number`, `.region`, `.unit`, `.tags`."""
    return {
        "name": project.name,
        "id": project.id,
        "number": project.number,
        "region": project.region,
        "unit": project.unit,
        "tags": dict(project.tags),
    }
