"""The blueprint that an import goes into: found, read, and checked as far as the import needs it.

Components are not looked at: a team may import its accounts because they name them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compiler.blueprint import nodes
from compiler.blueprint.files import MARKER, SUFFIXES, BlueprintFiles, display_path, read_blueprints
from compiler.blueprint.yaml_merge import merge_documents
from compiler.blueprint.yaml_tree import parse
from compiler.diagnostics import Diagnostic, Span, has_errors
from compiler.importing.records import Change
from compiler.organization.records import Organization
from compiler.organization.resolve import resolve

# What an import reads and writes; all else of the blueprint may have errors.
SECTIONS = ("landform", "organization", "defaults", "units", "accounts")
EMPTY = ("E001", "E002")


class TargetError(ValueError):
    """What was named is not one blueprint; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One blueprint. `trees` and `texts` are by file, as positions name it; `main` gets new sections.

    `organization` is None where `diagnostics` have errors. `name` is set for a blueprint that is not
    there yet: the organisation's name.
    """

    main: str
    trees: Mapping[str, nodes.Mapping] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    root: nodes.Mapping
    organization: Organization | None
    diagnostics: tuple[Diagnostic, ...] = ()
    name: str | None = None

    def file_of(self, change: Change) -> str:
        """The file in which a change is to be made."""
        node: nodes.Node = self.root
        known: list[str] = []
        for step in change.path:
            entry = node.entries.get(step) if isinstance(node, nodes.Mapping) else None
            if entry is None:
                break
            known.append(entry.key_span.path)
            node = entry.value
        if len(known) > 1 or (known and change.path[0] not in ("units", "accounts")):
            return known[-1]
        return self._file_of_section(change.path[0])

    def _file_of_section(self, key: str) -> str:
        """The one with the most entries, the first of those; a new section goes into `main`."""
        sizes = {
            path: len(node.entries) if isinstance(node, nodes.Mapping) else 0
            for path, tree in sorted(self.trees.items())
            if (node := tree.get(key)) is not None
        }
        return max(sizes, key=lambda path: sizes[path], default=self.main)


def find(path: Path | None, name: str | None) -> Target:
    """The blueprint at `path` (default: `blueprints`), or the one of that name there.

    Where there is none it is a new one; only the name makes it.
    """
    place = path or Path("blueprints")
    read, found = read_blueprints(place)
    chosen = [one for one in read if name is None or _name(one) == name]
    if len(chosen) > 1:
        names = sorted(filter(None, map(_name, chosen)))
        raise TargetError(f"{place} has several blueprints ({', '.join(names)}): say which, --name")
    if chosen:
        return _read(chosen[0], found)
    others = [d for d in found if d.code not in EMPTY]
    if others:
        return _failed(str(place), others)
    if name is None:
        raise TargetError(
            f"{place} holds no blueprint; --name NAME makes one for that organisation"
        )
    return _new(_place_of_new(place, name, bool(read), given=path is not None), name)


def _place_of_new(place: Path, name: str, several: bool, *, given: bool) -> Path:
    if (place / MARKER).is_file() or place.is_file():
        raise TargetError(f'{place} is the blueprint of another organisation than "{name}"')
    if place.suffix in SUFFIXES:
        return place
    return place / MARKER if given and not several else place / name / MARKER


def _name(files: BlueprintFiles) -> str | None:
    """The organisation's name, as far as it can be read."""
    for source in files.files:
        tree, _ = parse(source.text, source.path)
        span, whole = nodes.span_at(tree, ("organization", "name")) if tree else (None, False)
        if tree and span and whole:
            organization = tree.get("organization")
            name = organization.get("name") if isinstance(organization, nodes.Mapping) else None
            return str(nodes.plain(name)) if name else None
    return None


def _new(path: Path, name: str) -> Target:
    shown = display_path(path)
    organization = nodes.Mapping(dict(_entries({"name": name}, shown)), _start(shown))
    sections = {
        "landform": nodes.Entry(_start(shown), nodes.Scalar(1, _start(shown))),
        "organization": nodes.Entry(_start(shown), organization),
    }
    world, wrong = resolve(nodes.Mapping(sections, _start(shown)), {})
    if world is None:
        raise TargetError(wrong[0].message)
    return Target(
        main=shown,
        root=nodes.Mapping({}, _start(shown)),
        organization=world.organization,
        name=name,
    )


def _entries(values: Mapping[str, str], path: str) -> Iterator[tuple[str, nodes.Entry]]:
    for key, value in values.items():
        yield key, nodes.Entry(_start(path), nodes.Scalar(value, _start(path)))


def _start(path: str) -> Span:
    return Span(path, 1, 1, 1, 1)


def _failed(
    main: str, diagnostics: list[Diagnostic], texts: Mapping[str, str] | None = None
) -> Target:
    return Target(
        main=main,
        texts=texts or {},
        root=nodes.Mapping({}, _start(main)),
        organization=None,
        diagnostics=tuple(diagnostics),
    )


def _read(files: BlueprintFiles, found: tuple[Diagnostic, ...]) -> Target:
    texts = {source.path: source.text for source in files.files}
    below = f"{files.path}/"
    diagnostics = [
        d for d in found if d.span and (d.span.path in texts or d.span.path.startswith(below))
    ]
    trees: dict[str, nodes.Mapping] = {}
    for path, text in texts.items():
        tree, wrong = parse(text, path)
        diagnostics += wrong
        if tree is not None:
            trees[path] = tree
    if not trees or has_errors(diagnostics):
        return _failed(files.path, diagnostics, texts)
    root, wrong = merge_documents(list(trees.items()))
    diagnostics += wrong
    own = {key: entry for key, entry in root.entries.items() if key in SECTIONS}
    world, wrong = resolve(nodes.Mapping(own, root.span), {})
    diagnostics += wrong
    main = f"{files.path}/{MARKER}"
    return Target(
        main=main if main in texts else min(texts),
        trees=trees,
        texts=texts,
        root=root,
        organization=None if has_errors(diagnostics) or world is None else world.organization,
        diagnostics=tuple(diagnostics),
    )
