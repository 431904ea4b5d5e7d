"""Two revisions of an organisation compared, stack by stack.

Where a value stands is the resource's: JSON that the output keeps under `locals` is compared at the
argument that it belongs to, statement by statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from compiler.diff.records import (
    ABSENT,
    Action,
    Difference,
    Edit,
    Maybe,
    ResourceChange,
    Revision,
    StackAction,
    StackChange,
    StackView,
)
from compiler.diff.replacing import forces, marked
from compiler.diff.values import edits
from compiler.terraform.document import Json

_ENCODED = re.compile(r"\$\{jsonencode\(local\.([A-Za-z_][\w-]*)\)\}")
# The address of what has none: a file beside the root module, its mark, a block that moved nothing.
OTHER = "asset."
# What an edit of all there is at an address has for a path.
_WHOLE = "content"
# What Terraform keeps of an argument that it must not follow.
_IGNORED = "ignore_changes"

Body = Mapping[str, Any]


def compare(organization: str, before: Revision, after: Revision) -> Difference:
    """Every stack that differs in a value. Its place in the order of applying is not a value."""
    origins = _moved(before, after)
    found: list[StackChange] = []
    for path, new in after.stacks.items():
        old = before.stacks.get(origins.get(path, path))
        change = _stack(path, old, new, origins.get(path))
        if change is not None:
            found.append(change)
    for path in before.stacks.keys() - after.stacks.keys() - set(origins.values()):
        found.append(_gone(path, before.stacks[path]))
    return Difference(
        organization=organization, stacks=tuple(sorted(found, key=lambda change: change.path))
    )


def _moved(before: Revision, after: Revision) -> dict[str, str]:
    """The stacks that have the state of one that was elsewhere: new path to old."""
    states = {view.state: path for path, view in before.stacks.items() if path not in after.stacks}
    return {
        path: states[view.state]
        for path, view in after.stacks.items()
        if path not in before.stacks and view.state in states
    }


def _stack(
    path: str, old: StackView | None, new: StackView, origin: str | None
) -> StackChange | None:
    if old is None:
        if new.tombstone:
            return None  # nothing was there that it could destroy
        created = tuple(_of_resources({}, _plain(new.document)))
        return StackChange(path=path, action="added", resources=created, after=new)
    if origin is None and old.digest == new.digest and old.document == new.document:
        return None
    if new.tombstone:
        if old.tombstone:
            return None
        gone = tuple(_destroyed(address) for address in resources(_plain(old.document)))
        return StackChange(path=path, action="removed", resources=gone, before=old, after=new)
    found = tuple(_differences(old, new))
    if not found and origin is None:
        return None
    action: StackAction = "moved" if origin else "added" if old.tombstone else "changed"
    return StackChange(
        path=path,
        action=action,
        resources=found,
        before=old,
        after=new,
        origin=origin,
    )


def _gone(path: str, old: StackView) -> StackChange:
    if old.tombstone:
        return StackChange(path=path, action="dropped", before=old)
    gone = tuple(_destroyed(address) for address in resources(_plain(old.document)))
    return StackChange(path=path, action="orphaned", resources=gone, before=old)


def _created(address: str) -> ResourceChange:
    return ResourceChange(address=address, action="create")


def _destroyed(address: str) -> ResourceChange:
    return ResourceChange(address=address, action="destroy")


def _plain(document: Mapping[str, Json]) -> Body:
    """As a file gives it back: numbers that know how they were written are numbers."""
    found: Body = json.loads(json.dumps(document))
    return found


def resources(document: Body) -> dict[str, Body]:
    """The managed resources by address, with the JSON of their arguments in its place."""
    return dict(_bodies(document, "resource", ""))


def _bodies(document: Body, section: str, prefix: str) -> Iterator[tuple[str, Body]]:
    values = document.get("locals", {})
    for type, named in document.get(section, {}).items():
        for name, body in named.items():
            yield f"{prefix}{type}.{name}", {key: _value(v, values) for key, v in body.items()}


def _value(value: Json, values: Body) -> Json:
    """The value itself where it is `jsonencode` of one under `locals`."""
    found = _ENCODED.fullmatch(value) if isinstance(value, str) else None
    return values.get(found[1], value) if found else value


# ---- Inside a stack


def _differences(old: StackView, new: StackView) -> Iterator[ResourceChange]:
    before, after = _plain(old.document), _plain(new.document)
    changes = [
        *_of_resources(before, after),
        *_of_settings(
            dict(_bodies(before, "data", "data.")), dict(_bodies(after, "data", "data."))
        ),
        *_of_settings(dict(_module(before)), dict(_module(after))),
    ]
    if old.assets is not None and new.assets is not None:
        changes += _of_settings(dict(_assets(old.assets)), dict(_assets(new.assets)))
    # The mark of a renamed stack has its new name: no more than the move that is told already.
    named = old.component == new.component
    same = before == after if named else _unmarked(before) == _unmarked(after)
    unseen = old.assets is None or new.assets is None or not same
    if not changes and unseen and old.digest != new.digest:
        # Of output at a revision the assets are not read; the manifest has a digest over all. And
        # what the root module says beside resources and settings is no more than a difference here.
        changes.append(ResourceChange(address=OTHER, action="change"))
    had = resources(before)
    yield from marked(changes, {a: body for a, body in resources(after).items() if a in had})


def _unmarked(document: Body) -> Body:
    return {section: body for section, body in document.items() if section != "//"}


def _of_resources(before: Body, after: Body) -> Iterator[ResourceChange]:
    had, has = resources(before), resources(after)
    moves = {to: origin for to, origin in _steps(after, "moved", "from") if origin in had}
    known = set(_steps(before, "import", "id"))
    imports: dict[str, list[str]] = {}
    for to, identity in _steps(after, "import", "id"):
        if (to, identity) not in known:
            imports.setdefault(to, []).append(identity)
    for address, body in has.items():
        origin = moves.get(address) if address not in had else None
        old = had.get(origin or address)
        found = () if old is None else tuple(_edits(address, old, body))
        action = _action(old is None, origin is not None, address in imports, bool(found))
        if action is not None:
            yield ResourceChange(
                address=address,
                action=action,
                edits=found,
                replaces=tuple(edit.path for edit in found if edit.forces),
                origin=origin,
                identity=", ".join(imports.get(address, ())) or None,
            )
    gone = had.keys() - has.keys() - set(moves.values())
    yield from (_destroyed(address) for address in sorted(gone))


def _action(new: bool, moved: bool, imported: bool, edited: bool) -> Action | None:
    """What happens to a resource, the most telling first."""
    if imported:
        return "import"
    if moved:
        return "move"
    if new:
        return "create"
    return "change" if edited else None


def _steps(document: Body, section: str, key: str) -> Iterator[tuple[str, str]]:
    """What blocks say of the resource that each is about, whichever of its instances."""
    for step in document.get(section, ()):
        if isinstance(step, Mapping) and {"to", key} <= step.keys():
            yield str(step["to"]).partition("[")[0], str(step[key])


def _edits(address: str, old: Body, new: Body) -> Iterator[Edit]:
    type = address.partition(".")[0]
    ignored = _ignored(new)
    for edit in edits(old, new):
        first = re.split(r"[.\[]", edit.path)[0]
        kept = "all" in ignored or first in ignored
        yield replace(edit, forces=not kept and forces(type, edit))


def _ignored(body: Body) -> set[str]:
    lifecycle = body.get("lifecycle", {})
    blocks = lifecycle if isinstance(lifecycle, list) else [lifecycle]
    given = [block.get(_IGNORED, ()) for block in blocks if isinstance(block, Mapping)]
    return {name for names in given for name in ([names] if isinstance(names, str) else names)}


def _module(document: Body) -> Iterator[tuple[str, Maybe]]:
    """The settings of the root module, each with an address of its own."""
    used = set(_ENCODED.findall(json.dumps(document)))
    for section, name in (
        ("terraform", "terraform"),
        ("provider", "provider"),
        ("variable", "variable"),
        ("output", "output"),
        ("locals", "local"),
    ):
        for key, value in document.get(section, {}).items():
            if section != "locals" or key not in used:
                yield f"{name}.{key}", _value(value, {})


def _assets(digests: Mapping[str, str]) -> Iterator[tuple[str, Maybe]]:
    for path, digest in digests.items():
        yield f"asset.{path}", digest


def _of_settings(old: Mapping[str, Maybe], new: Mapping[str, Maybe]) -> Iterator[ResourceChange]:
    for address in dict.fromkeys((*old, *new)):
        before, after = old.get(address, ABSENT), new.get(address, ABSENT)
        if before is ABSENT:
            yield _created(address)
        elif after is ABSENT:
            yield _destroyed(address)
        elif found := tuple(edits(before, after)):
            found = tuple(e if e.path else replace(e, path=_WHOLE) for e in found)
            yield ResourceChange(address=address, action="change", edits=found)
