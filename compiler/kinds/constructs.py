"""CDKTF constructs in a kind that is written in Python: their resources go into the draft.

The typed bindings (`pip install landform[bindings]`) may be used: they know the arguments of each
resource. What they make is checked like anything else, printed by Landform, and may be named by
grants and other resources of the stack by its address.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from compiler.kinds.draft import Draft
from compiler.organization.records import Home
from compiler.terraform.document import Json
from compiler.terraform.stack import Expression, JsonText, Value
from compiler.terraform.synth import constructed

Mode = Literal["managed", "data"]
# The sections that a kind may make; Landform writes the others.
_SECTIONS: Mapping[str, Mode] = {"resource": "managed", "data": "data"}
_OURS = ("//", "output", *_SECTIONS)


class ConstructError(ValueError):
    """Constructs that are no part of a stack of Landform's."""


def add_constructs(draft: Draft, home: Home, build: Callable[[Any], None]) -> tuple[str, ...]:
    """Run `build` with a `cdktf.TerraformStack`, and take what it makes into the stack of `home`.

    Gives the addresses of the resources and data sources. A provider and a backend are Landform's to
    write: `build` makes neither. Raises ConstructError for what else cannot be taken.
    """
    document = constructed(build)
    for section in document:
        if section not in _OURS:
            raise ConstructError(f"constructs of a kind make no `{section}`: Landform writes it")
    addresses = [
        _add(draft, home, mode, type_, name, body)
        for section, mode in _SECTIONS.items()
        for type_, named in _mapping(document.get(section)).items()
        for name, body in _mapping(named).items()
    ]
    for name, output in _mapping(document.get("output")).items():
        said = _mapping(output)
        draft.output(home, name, value(said.get("value")), str(said.get("description") or name))
    return tuple(addresses)


def _add(draft: Draft, home: Home, mode: Mode, type_: str, name: str, body: Json) -> str:
    arguments = {key: item for key, item in _mapping(body).items() if key != "//"}
    depends_on = arguments.pop("depends_on", ())
    lifecycle = arguments.pop("lifecycle", None)
    return draft.add(
        home,
        type_,
        name,
        {key: _argument(mode, item) for key, item in arguments.items()},
        mode=mode,
        depends_on=[str(address) for address in _listed(depends_on)],
        lifecycle=_lifecycle(lifecycle),
    )


def value(item: Json) -> Value:
    """A value of Terraform JSON, whose texts are templates, as a value of a stack."""
    if isinstance(item, str):
        return Expression(item) if "${" in item or "%{" in item else item
    if isinstance(item, Mapping):
        return {key: value(each) for key, each in item.items()}
    if isinstance(item, list | tuple):
        return [value(each) for each in item]
    return item


def _argument(mode: Mode, item: Json) -> Value:
    """A value; text that is a JSON object, as a policy is, becomes lines that a review can read."""
    if mode == "managed" and isinstance(item, str) and item.lstrip().startswith("{"):
        try:
            parsed = json.loads(item)
        except ValueError:
            return value(item)
        return JsonText(value(parsed))
    return value(item)


def _lifecycle(item: Json) -> Mapping[str, Value] | None:
    found = value(item)
    return found if isinstance(found, Mapping) else None


def _mapping(item: Json) -> Mapping[str, Json]:
    return item if isinstance(item, Mapping) else {}


def _listed(item: Json) -> tuple[Json, ...]:
    return tuple(item) if isinstance(item, list | tuple) else ()
