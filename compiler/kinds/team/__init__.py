"""A team's own kinds: files in `kinds/` of a blueprint, read as kinds like the built-in ones.

`team_kinds` takes the files, gives kinds and what is wrong with the files, whether a component uses
them or not. What only the values of a component can show is told when it is built, at the lines of
the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

from compiler.blueprint import nodes
from compiler.blueprint.files import SourceFile
from compiler.blueprint.shapes import NAME, NAME_RULE, check
from compiler.blueprint.yaml_tree import parse
from compiler.diagnostics import Diagnostic, Span, has_errors
from compiler.kinds.team import grants, static
from compiler.kinds.team.build import Building
from compiler.kinds.team.file import KindFile, entries, sections
from compiler.kinds.team.inputs import HOMES, guess, model_of, problems
from compiler.kinds.team.model import INPUT_NAME, InputSchema, KindModel
from compiler.organization.findings import covers
from compiler.organization.kind import Kind

_NAME = re.compile(NAME)
_INPUT = re.compile(INPUT_NAME, re.ASCII)


def team_kinds(
    sources: Iterable[SourceFile], others: Mapping[str, Kind]
) -> tuple[dict[str, Kind], tuple[Diagnostic, ...]]:
    """The kinds of a blueprint's folder `kinds/`; `others` are those that have their names already."""
    kinds: dict[str, Kind] = {}
    found: list[Diagnostic] = []
    first: dict[str, Span] = {}
    for source in sources:
        name = PurePosixPath(source.path).stem
        start = Span(source.path, 1, 1, 1, 1)
        # The JSON Schema has a definition called "component" beside those of the kinds.
        if not _NAME.fullmatch(name) or name == "component":
            message = f'"{name}" is no name of a kind: it must be {NAME_RULE}, and not "component"'
            found.append(_told("E204", message, start, "rename the file"))
            continue
        if name in others or name in first:
            other = first.get(name)
            what = f"that of {other.path}" if other else "a built-in or installed one"
            message = f'the kind "{name}" has the name of {what}'
            found.append(_told("E331", message, start, "rename the file"))
            continue
        first[name] = start
        kind, wrong = read_kind(name, source)
        found += wrong
        if kind is not None:
            kinds[name] = kind
    return kinds, tuple(found)


def read_kind(name: str, source: SourceFile) -> tuple[Kind | None, tuple[Diagnostic, ...]]:
    """One file as a kind; None where it is too broken to tell what its inputs are."""
    root, found = parse(source.text, source.path)
    if root is None:
        return None, found
    start = next((e.key_span for e in root.entries.values()), root.span)
    what = f'the kind "{name}"'
    _, wrong = check(KindModel, root, what=what, owner=start)
    # What an expression gives is known when a component is built.
    open_places = list(nodes.template_spans(root))
    form = tuple(d for d in wrong if not _is_open(d, open_places))
    inputs, sound = _inputs(name, root)
    found = (*found, *form, *sound)
    if inputs is None or has_errors(sound):
        return None, found
    file = KindFile(
        name=name, span=start, root=root, inputs=inputs, sections=tuple(sections(root, inputs))
    )
    found = (*found, *_stacks(file))
    if not has_errors(form):
        found = (*found, *static.findings(file))
    return _kind(file), found


def _is_open(diagnostic: Diagnostic, places: list[Span]) -> bool:
    return any(diagnostic.span is not None and covers(place, diagnostic.span) for place in places)


def _inputs(
    name: str, root: nodes.Mapping
) -> tuple[dict[str, InputSchema] | None, tuple[Diagnostic, ...]]:
    """The schemas of the inputs, and what is wrong with them beyond their form."""
    node = root.get("inputs")
    if isinstance(node, nodes.Scalar) and nodes.has_template(node):
        message = "an expression cannot stand for all inputs"
        return None, (_told("E104", message, node.span, "write their names and types"),)
    if not isinstance(node, nodes.Mapping):
        return None, ()
    schemas: dict[str, InputSchema] = {}
    for key, entry in node.entries.items():
        if nodes.has_template(entry.value):
            message = f'the input "{key}" takes no expressions'
            place = next(nodes.template_spans(entry.value))
            return None, (_told("E104", message, place, "write its values as they are"),)
        if not isinstance(entry.value, nodes.Mapping):
            return None, ()
        made, wrong = check(InputSchema, entry.value, what=key, owner=entry.key_span)
        if made is None or wrong:
            return None, ()  # told with the form of the file
        if not _INPUT.fullmatch(key):
            return None, ()
        schemas[key] = made
    return schemas, tuple(problems(name, schemas, node))


def _stacks(file: KindFile) -> Iterable[Diagnostic]:
    """Sections must belong to inputs that name accounts or projects, and there must be one."""
    known = {name: each for name, each in file.inputs.items() if each.type in HOMES}
    for name, entry in entries(file.root.get("stacks")).items():
        if name not in known:
            message = f'"stacks.{name}" is no input that names accounts or projects'
            yield _told("E204", message, entry.key_span, guess(name, known))
    required = [name for name, each in known.items() if not each.optional]
    if not required:
        inputs = file.root.entries["inputs"].key_span
        message = f'the kind "{file.name}" has no required input of type account or project'
        hint = "the first of them gives a component its region"
        yield _told("E204", message, inputs, hint)


def _kind(file: KindFile) -> Kind:
    homes = [n for n, s in file.inputs.items() if s.type in HOMES]
    required = [name for name in homes if not file.inputs[name].optional]
    home = (required or homes or [""])[0]
    schema = file.inputs.get(home)
    per: Literal["account", "project"] | None = None
    if len(homes) == 1 and schema is not None:
        # One stack for each component: `for_each` may make one in each of many.
        per = "account" if schema.type == "account" else None
        per = "project" if schema.type == "project" else per
    summary, description = (file.root.get(key) for key in ("summary", "description"))
    words = str(nodes.plain(summary)) if summary is not None else file.name
    more = str(nodes.plain(description)) if description is not None else ""
    return Kind(
        name=file.name,
        summary=words,
        inputs=model_of(file.name, file.inputs),
        build=_builder(file),
        home=home,
        per=per,
        in_projects=schema is not None and HOMES[schema.type][1] == "google",
        manual=f"{words}\n\n{more}".strip(),
    )


def _builder(file: KindFile) -> Callable[[Any], None]:
    def build(draft: Any) -> None:
        building = Building(file, draft)
        if building.prepare():
            building.declare_parts()
            building.add_resources()
            grants.declare(building)

    return build


def _told(code: str, message: str, span: Span, hint: str | None) -> Diagnostic:
    return Diagnostic(code=code, message=message, span=span, hint=hint)
