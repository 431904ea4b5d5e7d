"""The references of a root module, each checked against what the module declares.

Takes the JSON document and the index, gives findings per body. Pure but for the index's own
reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from compiler.diagnostics import nearest
from compiler.terraform.document import Json
from compiler.terraform.schema.body import COMMENT
from compiler.terraform.schema.expressions import (
    ExpressionError,
    Key,
    Reference,
    Splat,
    Step,
    expression_references,
    template_references,
)
from compiler.terraform.schema.index import Index, Mode, Schema
from compiler.terraform.schema.problem import Finding, Path
from compiler.terraform.schema.resolve import resolve

_PATH_NAMES = ("module", "root", "cwd")
_TERRAFORM_NAMES = ("workspace", "applying")
_DEPENDS_ON = ("depends_on",)
_BARE = (_DEPENDS_ON, ("lifecycle", "replace_triggered_by"))
_NO_TEMPLATES = (("provider",), ("lifecycle", "ignore_changes"))
_NO_NAMES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """What a body may refer to beside the module's own names.

    `owner` is the schema that `self` stands for, if any.
    """

    address: str
    count: bool = False
    for_each: bool = False
    owner: Schema | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """The names that a root module declares, as they stand in its JSON."""

    document: Mapping[str, Json]
    index: Index
    older: bool

    def findings(self, body: Json, place: Place) -> Iterator[Finding]:
        """What is wrong with the references anywhere in `body`."""
        yield from self._walk(body, place, (), _NO_NAMES)

    def _walk(
        self, value: Json, place: Place, path: Path, scope: frozenset[str]
    ) -> Iterator[Finding]:
        if isinstance(value, str):
            if "${" in value or "%{" in value:
                yield from self._template(value, place, path, scope)
        elif isinstance(value, dict | Mapping):
            for key, item in value.items():
                # Most of a module is plain text, and needs no generators.
                if type(item) is not str or "{" in item or "{" in key:
                    yield from self._entry(key, item, place, path, scope)
        elif isinstance(value, list | Sequence):
            for index, item in enumerate(value):
                if type(item) is not str or "{" in item:
                    yield from self._walk(item, place, (*path, index), scope)

    def _entry(
        self, key: str, value: Json, place: Place, path: Path, scope: frozenset[str]
    ) -> Iterator[Finding]:
        if key == COMMENT:
            return
        if "${" in key or "%{" in key:
            yield from self._template(key, place, path, scope)
        inner = (*path, key)
        if inner in _BARE:
            yield from self._bare(value, place, inner)
        elif inner in _NO_TEMPLATES:
            return
        elif key == "dynamic" and isinstance(value, Mapping):
            for name, block in value.items():
                yield from self._dynamic(name, block, place, (*inner, name), scope)
        else:
            yield from self._walk(value, place, inner, scope)

    def _dynamic(
        self, name: str, block: Json, place: Place, path: Path, scope: frozenset[str]
    ) -> Iterator[Finding]:
        iterator = block.get("iterator") if isinstance(block, Mapping) else None
        variable = iterator if isinstance(iterator, str) else name
        yield from self._walk(block, place, path, scope | {variable})

    def _template(
        self, text: str, place: Place, path: Path, scope: frozenset[str]
    ) -> Iterator[Finding]:
        try:
            references = template_references(text, scope)
        except ExpressionError as error:
            yield Finding("syntax", path, f"the template cannot be read: {error}", None)
            return
        for reference in references:
            yield from self._reference(reference, place, path)

    def _bare(self, values: Json, place: Place, path: Path) -> Iterator[Finding]:
        """`depends_on` and `replace_triggered_by`: references without `${}`."""
        if isinstance(values, str) or not isinstance(values, Sequence):
            return  # said with the other meta-arguments
        for index, value in enumerate(values):
            try:
                references = expression_references(value) if isinstance(value, str) else ()
            except ExpressionError:
                references = ()
            if len(references) != 1:
                message = f"{value!r} is not the address of a resource"
                yield Finding("syntax", (*path, index), message, None)
            for reference in references:
                yield from self._reference(reference, place, (*path, index))
                if path == _DEPENDS_ON and len(reference.steps) > 1 + (reference.root == "data"):
                    message = "`depends_on` takes a whole resource"
                    yield _finding((*path, index), reference, message, None)

    # --- one reference

    def _reference(self, reference: Reference, place: Place, path: Path) -> Iterator[Finding]:
        root, steps = reference.root, reference.steps
        if root == "data":
            yield from self._resource(reference, "data", steps, path)
        elif root == "local":
            yield from self._named(reference, "locals", path)
        elif root in ("path", "terraform"):
            names = _PATH_NAMES if root == "path" else _TERRAFORM_NAMES
            if not steps or steps[0] not in names:
                yield _finding(path, reference, f"there is no `{reference}`", None)
        elif root == "var" and "variable" in self.document:
            yield from self._named(reference, "variable", path)
        elif root in ("var", "module"):
            message = f"`{reference}`: a stack has no {root} blocks"
            yield Finding("reference", path, message, None)
        elif root in ("each", "count", "self"):
            yield from _own(reference, place, path)
        else:
            yield from self._resource(reference, "managed", (root, *steps), path)

    def _named(
        self, reference: Reference, section: Literal["locals", "variable"], path: Path
    ) -> Iterator[Finding]:
        names = self.document.get(section)
        known = list(names) if isinstance(names, Mapping) else []
        name = reference.steps[0] if reference.steps else None
        if not isinstance(name, str) or name not in known:
            close = nearest(str(name), known)
            hint = f"did you mean `{reference.root}.{close}`?" if close else None
            what = "local value" if section == "locals" else "variable"
            yield _finding(path, reference, f"there is no such {what}", hint)

    def _resource(
        self,
        reference: Reference,
        mode: Mode,
        steps: tuple[Step, ...],
        path: Path,
    ) -> Iterator[Finding]:
        """`steps` are type, name and the path into the resource."""
        type_ = steps[0] if steps else None
        name = steps[1] if len(steps) > 1 else None
        if not isinstance(type_, str) or not isinstance(name, str):
            yield _finding(path, reference, "this refers to nothing", None)
            return
        declared = self.document.get("resource" if mode == "managed" else "data")
        of_type = declared.get(type_) if isinstance(declared, Mapping) else None
        body = of_type.get(name) if isinstance(of_type, Mapping) else None
        if not isinstance(body, Mapping):
            hint = _declared_hint(declared, mode, type_, name)
            yield _finding(path, reference, "there is no such resource in this stack", hint)
            return
        schema = self.index.schema(mode, type_)
        if schema is None:
            return  # said at the resource itself
        rest = steps[2:]
        error, rest = _instance(body, rest)
        if error:
            yield _finding(path, reference, error, None)
            return
        yield from self._attribute(reference, schema, rest, path)

    def _attribute(
        self, reference: Reference, schema: Schema, steps: tuple[Step, ...], path: Path
    ) -> Iterator[Finding]:
        wrong = resolve(schema.block, steps)
        if wrong:
            yield _finding(path, reference, *wrong)
        elif self.older and schema.older is not None and schema.older is not schema.newer:
            wrong = resolve(schema.older, steps)
            if wrong:
                message = f"{wrong[0]} in the oldest provider that is allowed"
                yield _finding(path, reference, message, wrong[1])


def _instance(
    body: Mapping[str, Json], steps: tuple[Step, ...]
) -> tuple[str | None, tuple[Step, ...]]:
    """Take the instance key off, where the resource has `count` or `for_each`."""
    several = next((key for key in ("count", "for_each") if key in body), None)
    if several is None:
        if steps and isinstance(steps[0], int | Key):
            return "the resource has neither `count` nor `for_each`", ()
        return None, steps
    if not steps:
        return None, ()  # the list or map of all instances
    if isinstance(steps[0], str):
        return f"the resource has `{several}`: take one instance, such as `[0]`", ()
    if isinstance(steps[0], Splat) and several == "for_each":
        return "`[*]` does not work on a map: use `values(…)[*]`", ()
    return None, steps[1:]


def _declared_hint(declared: Json, mode: Mode, type_: str, name: str) -> str | None:
    if not isinstance(declared, Mapping):
        return None
    known = [
        f"{t}.{n}" for t, names in declared.items() if isinstance(names, Mapping) for n in names
    ]
    close = nearest(f"{type_}.{name}", known)
    prefix = "data." if mode == "data" else ""
    return f"did you mean `{prefix}{close}`?" if close else None


def _own(reference: Reference, place: Place, path: Path) -> Iterator[Finding]:
    """`each`, `count` and `self`, which only some places have."""
    root, first = reference.root, reference.steps[0] if reference.steps else None
    if root == "each" and not (place.for_each and first in ("key", "value")):
        yield _finding(
            path, reference, "`each` has `key` and `value` where `for_each` is set", None
        )
    elif root == "count" and not (place.count and first == "index"):
        yield _finding(path, reference, "`count` has `index` where `count` is set", None)
    elif root == "self":
        if (
            place.owner is None
            or not path
            or path[0] not in ("provisioner", "connection", "lifecycle")
        ):
            message = "`self` exists only in provisioners, connections and postconditions"
            yield _finding(path, reference, message, None)
        elif wrong := resolve(place.owner.block, reference.steps):
            yield _finding(path, reference, *wrong)


def _finding(path: Path, reference: Reference, message: str, hint: str | None) -> Finding:
    return Finding("reference", path, f"`{reference}`: {message}", hint)
