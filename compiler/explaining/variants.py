"""Other values for the lines of a blueprint, to try what follows them.

Pure: trees and records in, others out. The likeliest to be valid come first; whether one is, the trial
shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from compiler.blueprint import nodes
from compiler.explaining.layers import Setting
from compiler.explaining.parts import Path
from compiler.organization.records import Account, Home, Organization

# Keys that say which component it is and where: not what is in it.
APART = ("adopt", "extends", "for_each", "kind", "renamed_from", "when")
# So many other values are tried for one.
_MOST = 8
OTHER_DIGITS = str.maketrans("0123456789", "1234567890")
_REGIONS = {"aws": ("eu-west-1", "us-east-1"), "google": ("europe-west4", "us-central1")}

# ---- Other accounts


def with_homes(organization: Organization, members: Iterable[Home]) -> Organization:
    """The organisation with other accounts and projects of those names."""
    accounts, projects = dict(organization.accounts), dict(organization.projects)
    for home in members:
        if isinstance(home, Account):
            accounts[home.name] = home
        else:
            projects[home.name] = home
    return replace(organization, accounts=accounts, projects=projects)


def homes(members: tuple[Home, ...], setting: Setting) -> Iterator[list[Home]]:
    """The accounts or projects with other values of a setting that all have from one line."""
    first = members[0]
    if setting.path == ("region",):
        for region in _REGIONS[first.cloud]:
            if region != first.region:
                yield [replace(home, region=region) for home in members]
        return
    key, *path = setting.path
    value: Any = _values(first, key)
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    for other in _variants(value, ()):
        yield [_with_value(home, key, path, other) for home in members]


def _values(home: Home, key: str) -> Mapping[str, Any]:
    return home.tags if key == "tags" else home.vars


def _with_value(home: Home, key: str, path: list[str], value: Any) -> Home:
    changed = _set(_values(home, key), path, value)
    return replace(home, tags=changed) if key == "tags" else replace(home, vars=changed)


def _set(values: Mapping[str, Any], path: list[str], value: object) -> dict[str, Any]:
    step, *rest = path
    return {**values, step: _set(values[step], rest, value) if rest else value}


# ---- Places in a component, and other values for them


def places(tree: nodes.Mapping) -> Iterator[tuple[Path, nodes.Node, bool]]:
    """Every value, and every mapping and list as a whole, in written order."""
    for key, entry in tree.entries.items():
        if key not in APART:
            yield from _within((key,), entry.value)


def _within(path: Path, node: nodes.Node) -> Iterator[tuple[Path, nodes.Node, bool]]:
    if isinstance(node, nodes.Scalar):
        yield path, node, False
        return
    yield path, node, True
    if isinstance(node, nodes.Mapping):
        for key, entry in node.entries.items():
            yield from _within((*path, key), entry.value)
    else:
        for index, item in enumerate(node.items):
            yield from _within((*path, index), item)


def others(
    tree: nodes.Mapping,
    path: Path,
    node: nodes.Node,
    value: object,
    known: Iterable[object],
    names: Iterable[str],
) -> Iterator[nodes.Mapping]:
    """The tree with other values in that place, and without the place.

    `value` is what the component made of it; `known` are the values that its kind lists; `names` are
    those of accounts and projects.
    """
    if isinstance(node, nodes.Scalar):
        now = value if isinstance(value, str | int | float) else node.value
        now = node.value if _plain(node) else now
        listed = (other for other in known if other not in (None, now))
        for other in islice((*listed, *_variants(now, names)), _MOST):
            yield _put(tree, path, nodes.Scalar(other, node.span))
    yield _put(tree, path, None)


def listed(schema: Mapping[str, Any], path: Path) -> tuple[Any, ...]:
    """The values that a JSON Schema lists for what is at that path."""
    at = list(_meant(schema, schema))
    for step in path:
        below = []
        for each in at:
            if isinstance(step, int):
                below.append(each.get("items"))
            else:
                more = each.get("additionalProperties")
                below.append(each.get("properties", {}).get(step, more))
        at = [one for each in below if isinstance(each, dict) for one in _meant(each, schema)]
    found = [value for each in at for value in (*each.get("enum", ()), *_constant(each))]
    return tuple(dict.fromkeys(found))


def _meant(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and all that it refers to, however nested."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from _meant(whole["$defs"][name], whole)
    yield schema
    for key in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(key, ()):
            yield from _meant(each, whole)


def _constant(schema: Mapping[str, Any]) -> Iterator[Any]:
    if "const" in schema:
        yield schema["const"]


def _plain(node: nodes.Scalar) -> bool:
    return not (isinstance(node.value, str) and "{{" in node.value)


def _variants(value: nodes.ScalarValue | object, names: Iterable[str]) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        text = getattr(value, "text", "")
        if len(text) == 12:
            yield text[::-1]
        yield from (value + 1, value - 1, value * 2)
    elif isinstance(value, str):
        if value in names:
            yield from (name for name in names if name != value)
            return
        yield from dict.fromkeys(_texts(value))


def _texts(value: str) -> Iterator[str]:
    last = re.search(r"\d(?=\D*$)", value)
    if last:
        for digit in {"0": "1", "9": "8"}.get(last[0], str(int(last[0]) + 1)), "1", "2", "4":
            yield value[: last.start()] + digit + value[last.end() :]
    yield f"{value}x"
    yield f"x{value}"
    yield value[:-1]
    yield value.replace("large", "xlarge").replace("xxlarge", "2xlarge")


def _put(tree: nodes.Mapping, path: Path, value: nodes.Node | None) -> nodes.Mapping:
    """The tree with the value at that path, or without the path."""
    made = _replaced(tree, path, value)
    assert isinstance(made, nodes.Mapping)
    return made


def _replaced(node: nodes.Node, path: Path, value: nodes.Node | None) -> nodes.Node:
    step, rest = path[0], path[1:]
    if isinstance(node, nodes.Sequence):
        items = list(node.items)
        assert isinstance(step, int)
        if rest:
            items[step] = _replaced(items[step], rest, value)
        elif value is None:
            del items[step]
        else:
            items[step] = value
        return nodes.Sequence(tuple(items), node.span)
    assert isinstance(node, nodes.Mapping)
    key = str(step)
    entry = node.entries[key]
    inner = _replaced(entry.value, rest, value) if rest else value
    if inner is None:
        return nodes.Mapping({k: e for k, e in node.entries.items() if k != key}, node.span)
    return nodes.Mapping({**node.entries, key: nodes.Entry(entry.key_span, inner)}, node.span)
