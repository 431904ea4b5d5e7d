"""The other components of the blueprint, for a kind that refers to them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from compiler.organization.records import Component


@dataclass(slots=True)
class Neighbours:
    """All components of a blueprint, the asking one included, to be looked up by name or by kind.

    A renamed one is built under its former name (`compiler.renaming`): it is given as it was, and found by
    both names, since what others say of it has the new one. `unsound` are the names of those with
    errors, which are not here: nobody is to be blamed for what they lack. `guessed` says that somebody
    asked for one of them, or for all of a kind.
    """

    unsound: frozenset[str] = frozenset()
    guessed: bool = False

    _by_name: dict[str, list[Component]] = field(default_factory=dict)
    _by_kind: dict[str, list[Component]] = field(default_factory=dict)
    _declared: dict[str, set[str]] = field(default_factory=dict)
    _grouped: dict[tuple[str, object], Mapping[Hashable, tuple[Component, ...]]] = field(
        default_factory=dict
    )

    @classmethod
    def of(
        cls, components: Iterable[Component], unsound: frozenset[str] = frozenset()
    ) -> Neighbours:
        """All of these, in their order."""
        found = cls(unsound)
        for component in components:
            built = component.unrenamed
            for name in {component.name, built.name}:
                found._by_name.setdefault(name, []).append(built)
            found._by_kind.setdefault(component.kind, []).append(built)
            found._declared.setdefault(component.kind, set()).add(component.name)
        return found

    def named(self, name: str) -> tuple[Component, ...]:
        """Those of that name: several where `for_each` makes them."""
        self.guessed = self.guessed or name in self.unsound
        return tuple(self._by_name.get(name, ()))

    def names(self, kind: str) -> tuple[str, ...]:
        """The names that the components of that kind are built under, sorted."""
        self.guessed = self.guessed or bool(self.unsound)
        return tuple(sorted({each.name for each in self._by_kind.get(kind, ())}))

    def declared(self, kind: str) -> tuple[str, ...]:
        """Their names as the blueprint has them now, sorted."""
        return tuple(sorted(self._declared.get(kind, ())))

    def such(self, kind: str, test: Callable[[Component], bool]) -> tuple[Component, ...]:
        """Those of that kind that pass the test, a module's function: it is asked once for all."""
        return self.by(kind, test).get(True, ())

    def by(
        self, kind: str, key: Callable[[Component], Hashable]
    ) -> Mapping[Hashable, tuple[Component, ...]]:
        """Those of that kind by what a module's function gives for each, which is asked once."""
        self.guessed = self.guessed or bool(self.unsound)
        if (kind, key) not in self._grouped:
            groups: dict[Hashable, list[Component]] = {}
            for component in self._by_kind.get(kind, ()):
                groups.setdefault(key(component), []).append(component)
            self._grouped[kind, key] = {given: tuple(found) for given, found in groups.items()}
        return self._grouped[kind, key]
