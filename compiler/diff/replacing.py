"""Which changes may replace a resource, from a table of the types that Landform's kinds make.

Terraform's schemas don't tell. Of a type that is not in the table nothing is said. Where the table
comes from stands in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files

from compiler.diff.records import ABSENT, Edit, ResourceChange
from compiler.terraform.document import Json

# An element's place in a list: `[0]`, `[TrainReadsData]`.
_PLACE = re.compile(r"\[[^]]*\]")
_ADDRESS = re.compile(r"(?<![\w.-])([a-z][a-z0-9]*_[a-z0-9_]+\.[A-Za-z_][\w-]*)\.")


@cache
def table() -> Mapping[str, tuple[str, ...]]:
    """For each type the arguments and blocks that force a new one when they change.

    A path with `!` at its end is about a whole block that comes or goes.
    """
    text = files("compiler.diff").joinpath("replacements.json").read_text(encoding="utf-8")
    found: dict[str, list[str]] = json.loads(text)["types"]
    return {type: tuple(paths) for type, paths in found.items()}


def forces(type: str, edit: Edit) -> bool:
    """Whether this change of a resource of that type may replace it."""
    path = _PLACE.sub("", edit.path)
    return any(_hit(pattern, path, edit) for pattern in table().get(type, ()))


def _hit(pattern: str, path: str, edit: Edit) -> bool:
    if pattern.endswith("!"):
        whole = edit.before is ABSENT or edit.after is ABSENT
        return whole and path == pattern[:-1]
    if path == pattern or path.startswith(f"{pattern}."):
        return True
    if not pattern.startswith(f"{path}."):
        return False
    # A block that comes or goes as a whole, and holds the argument.
    rest = pattern[len(path) + 1 :].split(".")
    return any(
        _holds(value, rest) for value in (edit.before, edit.after) if not isinstance(value, str)
    )


def _holds(value: object, path: list[str]) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds(item, path) for item in value)
    if not path:
        return True
    return isinstance(value, Mapping) and path[0] in value and _holds(value[path[0]], path[1:])


def marked(
    changes: Iterable[ResourceChange], resources: Mapping[str, Mapping[str, Json]]
) -> tuple[ResourceChange, ...]:
    """The changes of a stack, with those that are only in it because what they refer to is replaced.

    `resources` are the bodies of the later revision by address. An argument that forces a new
    resource and refers to a replaced one does so, too.
    """
    found = {change.address: change for change in changes}
    gone = {address for address, change in found.items() if change.replaces}
    while True:
        news = [
            (address, reasons)
            for address, body in resources.items()
            if address not in gone
            and (address not in found or found[address].action in ("change", "move", "import"))
            and (reasons := tuple(_referring(address, body, gone)))
        ]
        if not news:
            return tuple(found.values())
        for address, reasons in news:
            known = found.get(address, ResourceChange(address=address, action="change"))
            found[address] = replace(known, replaces=(*known.replaces, *reasons))
            gone.add(address)


def _referring(address: str, body: Mapping[str, Json], gone: set[str]) -> Iterator[str]:
    type = address.partition(".")[0]
    for pattern in table().get(type, ()):
        hits = {
            target
            for text in _texts(body, pattern.removesuffix("!").split("."))
            for target in _ADDRESS.findall(text)
            if target in gone and target != address
        }
        yield from (f"{pattern.removesuffix('!')}: {target}" for target in sorted(hits))


def _texts(value: object, path: list[str]) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, path)
    elif path and isinstance(value, Mapping):
        yield from _texts(value.get(path[0]), path[1:])
    elif isinstance(value, str) and "${" in value.replace("$${", ""):
        yield value
    elif not path and isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, [])
