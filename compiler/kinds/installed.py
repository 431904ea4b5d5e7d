"""Kinds that are installed: Python packages with an entry point in the group `landform.kinds`.

    [project.entry-points."landform.kinds"]
    notebook = "acme_kinds.notebook:KIND"

The value is a `Kind` of that name. A package that cannot be loaded is no one's problem until a
component names its kind; an exception of such a kind is told of the component, as a defect of the
kind and not of Landform.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from compiler.access.grants import Access
from compiler.blueprint.shapes import NAME, NAME_RULE, Shape
from compiler.kinds.registries import tokens
from compiler.organization.kind import Kind
from compiler.organization.records import Account, Project

GROUP = "landform.kinds"


@dataclass(frozen=True, slots=True)
class Installed:
    """The kinds that are installed, and why others that are cannot be used, by name."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)


@cache
def installed() -> Installed:
    """What the Python environment has; looked up once per process."""
    return load(entry_points(group=GROUP))


def load(points: Iterable[EntryPoint]) -> Installed:
    """The kinds of these entry points. Imports the packages; raises nothing of theirs."""
    kinds: dict[str, Kind] = {}
    failures: dict[str, str] = {}
    for point in sorted(points, key=lambda each: (each.name, each.value)):
        if point.name in kinds or point.name in failures:
            failures[point.name] = "two installed packages have a kind of that name"
            kinds.pop(point.name, None)
            continue
        try:
            found = point.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # `raise SystemExit` of a package is a failure of that package too.
            failures[point.name] = f"{point.value} cannot be loaded: {_said(error)}"
            continue
        wrong = _wrong(point, found)
        if wrong:
            failures[point.name] = f"{point.value} {wrong}"
        else:
            kinds[point.name] = _guarded(found)
    return Installed(kinds, failures)


def _wrong(point: EntryPoint, found: object) -> str:
    """Why the value of an entry point is no kind that can be used, or ""."""
    if not isinstance(found, Kind):
        return f"is no Kind, but {type(found).__name__}"
    if found.name != point.name:
        return f'is the kind "{found.name}", and its entry point is called "{point.name}"'
    if not re.fullmatch(NAME, found.name) or found.name == "component":
        return f"has a name that is none of a kind: {NAME_RULE}"
    if not (isinstance(found.inputs, type) and issubclass(found.inputs, Shape)):
        return "has inputs that are no Shape"
    if not callable(found.build):
        return f"has a build that is no function, but {type(found.build).__name__}"
    if found.home not in found.inputs.model_fields:
        return f'has the home "{found.home}", which is none of its inputs'
    if not _names_homes(found.inputs.model_fields[found.home].annotation):
        return f'has the home "{found.home}", which names no accounts or projects'
    return ""


def _names_homes(annotation: Any) -> bool:
    """Whether an input of that type is an account or a project, or several of them."""
    return annotation in (Account, Project) or any(map(_names_homes, get_args(annotation)))


def _guarded(kind: Kind) -> Kind:
    """The kind with its exceptions told of the component that it was to build."""

    def build(draft: Any) -> None:
        try:
            kind.build(draft)
            draft.grants.extend([token for _, token in tokens(draft.grants)])
            # Half grants and the like would else be told as a defect of the compiler.
            Access().add(draft.grants)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            draft.grants.clear()
            draft.problem(
                "E332",
                f'component "{draft.component.name}": the kind "{kind.name}" failed: {_said(error)}',
                hint=f"this is a defect of {kind.build.__module__}, not of the blueprint",
            )

    page = getattr(sys.modules.get(kind.build.__module__), "__doc__", None) or ""
    return replace(kind, build=build, manual=kind.manual or page or kind.summary)


def _said(error: BaseException) -> str:
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
