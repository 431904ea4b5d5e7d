"""Pydantic's errors as diagnostics: the lines to blame, in the words of a blueprint.

Takes an error with the tree that was read, gives diagnostics. Of several models that a value may
follow (a union) only the one that it resembles most is held against it, and a key that is most
likely a misspelt one is not reported as missing too.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from compiler.blueprint import nodes
from compiler.blueprint.wording import expected, hint_for, hint_for_computed, sentence
from compiler.diagnostics import Diagnostic, Span, nearest

Path = tuple[str | int, ...]


class Finding(NamedTuple):
    """One thing that a validator found.

    `at` leads from the validated value to the part to blame; with `on_key`, to its key.
    """

    code: str
    message: str
    hint: str | None = None
    at: Path = ()
    on_key: bool = False


def problem(code: str, message: str, hint: str | None = None, at: Path = ()) -> PydanticCustomError:
    """An error for a validator to raise; it becomes a Diagnostic with that code."""
    return problems([Finding(code, message, hint, at)])


def problems(found: Sequence[Finding]) -> PydanticCustomError:
    """The same for several findings about one value."""
    return PydanticCustomError("findings", "{text}", {"text": found[0].message, "found": found})


def findings(error: PydanticCustomError) -> Sequence[Finding]:
    """What `problem` or `problems` was given."""
    found: Sequence[Finding] = (error.context or {})["found"]
    return found


@dataclass(frozen=True, slots=True)
class Thing:
    """What is read: its name in messages, where its key is, its tree and the model.

    `known` are keys that stand beside the model's own.
    """

    what: str
    owner: Span
    node: nodes.Mapping
    model: type[BaseModel]
    known: Sequence[str] = ()


def diagnostics(error: ValidationError, thing: Thing) -> tuple[Diagnostic, ...]:
    """All that the error says, each thing once."""
    failures = [_failure(details, thing.node) for details in error.errors(include_url=False)]
    failures = _without_misspelt(_in_likeliest_branches(failures), thing)
    found = (diagnostic for failure in failures for diagnostic in _told(failure, thing))
    return tuple(dict.fromkeys(found))


class _Failure(NamedTuple):
    kind: str
    path: Path
    branches: tuple[tuple[Path, str], ...]
    on_key: bool
    context: Mapping[str, Any]
    value: object


def _failure(details: ErrorDetails, node: nodes.Node) -> _Failure:
    """Pydantic's location told apart: steps of the tree, and the branches of unions."""
    path: list[str | int] = []
    branches: list[tuple[Path, str]] = []
    on_key = False
    location = details["loc"]
    for index, step in enumerate(location):
        last = index == len(location) - 1
        if isinstance(node, nodes.Mapping) and step in node.entries:
            node = node.entries[str(step)].value
            path.append(step)
        elif isinstance(node, nodes.Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            path.append(step)
        elif last and details["type"] == "missing":
            path.append(step)
        elif step == "[key]":
            on_key = True
        else:
            branches.append((tuple(path), str(step)))
    return _Failure(
        details["type"],
        tuple(path),
        tuple(branches),
        on_key,
        details.get("ctx") or {},
        details["input"],
    )


# -------------------------------------------------------------------- unions


def _in_likeliest_branches(failures: Sequence[_Failure]) -> list[_Failure]:
    kept = list(failures)
    places = dict.fromkeys(place for f in failures for place, _ in f.branches)
    for place in sorted(places, key=len):
        of_branch: dict[str, list[_Failure]] = {}
        for failure in kept:
            for branch in (name for at, name in failure.branches if at == place):
                of_branch.setdefault(branch, []).append(failure)
        if len(of_branch) < 2:
            continue
        ranks = {branch: _rank(found, place) for branch, found in of_branch.items()}
        best = min(ranks.values())
        likely = [branch for branch, rank in ranks.items() if rank == best]
        others = [f for f in kept if all(at != place for at, _ in f.branches)]
        kept = others + _joined(place, [of_branch[branch] for branch in likely])
    return kept


def _rank(found: Sequence[_Failure], place: Path) -> tuple[bool, int, int, int]:
    """How little the value resembles what a branch wants."""
    kinds = [failure.kind for failure in found]
    wrong_type = any(f.path == place and expected(f.kind, f.context) for f in found)
    return wrong_type, kinds.count("extra_forbidden"), kinds.count("missing"), len(found)


def _joined(place: Path, branches: Sequence[list[_Failure]]) -> list[_Failure]:
    """Of branches that fit equally badly: one sentence with all, where that can be said."""
    first = branches[0]
    flat = [failure for found in branches for failure in found]
    if len(branches) > 1 and all(f.kind == "missing" for f in flat):
        lists = [" and ".join(f'"{f.path[-1]}"' for f in found) for found in branches]
        found = Finding("E201", f"lacks {', or '.join(lists)}")
        return [first[0]._replace(kind="findings", path=place, context={"found": [found]})]
    if all(f.path == place and expected(f.kind, f.context) for f in flat):
        wanted = dict.fromkeys(str(expected(f.kind, f.context)) for f in flat)
        return [first[0]._replace(kind="several", context={"expected": " or ".join(wanted)})]
    return first


# -------------------------------------------------------------------- sentences


def _without_misspelt(failures: Sequence[_Failure], thing: Thing) -> list[_Failure]:
    """Leave out missing keys that an unknown key beside them was probably meant to be."""
    meant = {
        (*f.path[:-1], nearest(str(f.path[-1]), _keys_at(thing, f.path[:-1])))
        for f in failures
        if f.kind == "extra_forbidden"
    }
    return [f for f in failures if f.kind != "missing" or f.path not in meant]


def _told(failure: _Failure, thing: Thing) -> Iterable[Diagnostic]:
    if failure.kind == "missing":
        yield _missing(failure.path, thing)
    elif failure.kind == "extra_forbidden":
        yield _unknown(failure.path, thing)
    elif failure.kind == "findings":
        for finding in failure.context["found"]:
            finding = finding._replace(on_key=finding.on_key or failure.on_key)
            yield told(finding, thing.what, failure.path, thing.node, owner=thing.owner)
    else:
        code, words = sentence(failure.kind, failure.context, failure.value)
        if _is_computed(thing.node, failure.path):
            hint = hint_for_computed(failure.kind, failure.value)
        else:
            hint = hint_for(failure.kind, failure.context, failure.value)
        finding = Finding(code, words, hint, on_key=failure.on_key)
        yield told(finding, thing.what, failure.path, thing.node)


def _is_computed(node: nodes.Node, path: Path) -> bool:
    found = nodes.node_at(node, path)
    return isinstance(found, nodes.Scalar) and found.computed


def told(
    finding: Finding, what: str, path: Path, node: nodes.Node, *, owner: Span | None = None
) -> Diagnostic:
    """A finding about the value at `path` of `node`, which is the thing called `what`."""
    whole = (*path, *finding.at)
    name = f'{what}: "{dotted(whole)}"' if whole else what
    span = nodes.span_at(node, whole)[0]
    if finding.on_key or finding.code == "E201":
        span = _key_span(node, whole) or owner or span
    return Diagnostic(
        code=finding.code, message=f"{name} {finding.message}", span=span, hint=finding.hint
    )


def _missing(path: Path, thing: Thing) -> Diagnostic:
    *above, key = path
    inside = f'{thing.what}: "{dotted(tuple(above))}"' if above else thing.what
    models = _models_at(thing.model, tuple(above))
    field = next((m.model_fields[str(key)] for m in models if key in m.model_fields), None)
    return Diagnostic(
        code="E201",
        message=f'{inside} lacks "{key}"',
        span=_key_span(thing.node, tuple(above)) or thing.owner,
        hint=f"add {key}: {field.description}" if field and field.description else None,
    )


def _unknown(path: Path, thing: Thing) -> Diagnostic:
    known = _keys_at(thing, path[:-1])
    if path[-1] in known:
        return _mixed(path[:-1], thing)
    return Diagnostic(
        code="E202",
        message=f'{thing.what} has no key "{dotted(path)}"',
        span=_key_span(thing.node, path) or thing.owner,
        hint=hint_of_key(str(path[-1]), known, _models_at(thing.model, path[:-1])),
    )


def _mixed(path: Path, thing: Thing) -> Diagnostic:
    """A mapping with keys of several forms, of which it may have one: said once, for all of its keys."""
    given = _given(thing.node, path)
    forms = [
        [_name_of(model, key) for key in _fields(model)] for model in _models_at(thing.model, path)
    ]
    forms = [form for form in forms if not given.isdisjoint(form)]
    others = [_and(sorted(given.difference(form) & {*chain(*forms)})) for form in forms]
    wanted = " or ".join(f"{{{', '.join(form)}}}" for form in forms)
    return Diagnostic(
        code="E204",
        message=f'{thing.what}: "{dotted(path)}" must be exactly one of {wanted}, not a mix of them',
        span=_key_span(thing.node, path) or thing.owner,
        hint=f"leave out {', or '.join(each for each in others if each)}",
    )


def _given(node: nodes.Node, path: Path) -> set[str]:
    """The keys of the mapping at `path`."""
    found = nodes.node_at(node, path)
    return set(found.entries) if isinstance(found, nodes.Mapping) else set()


def _and(keys: Iterable[str]) -> str:
    return " and ".join(f'"{key}"' for key in keys)


def hint_of_key(key: str, known: Iterable[str], models: Iterable[type[BaseModel]] = ()) -> str:
    """What an unknown key was probably meant to be, or where one of that name belongs."""
    known = sorted(known)
    guess = nearest(key, known)
    if guess:
        return f'did you mean "{guess}"?'
    inside = [
        f'"{name}"'
        for model in models
        for name, field in model.model_fields.items()
        if any(key in inner.model_fields for inner in models_of(field.annotation))
    ]
    return f"it belongs into {' or '.join(inside)}" if inside else f"known keys: {', '.join(known)}"


def dotted(path: Path) -> str:
    """The path as it is read: `approval.by[0].role`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


# -------------------------------------------------------------------- places


def _key_span(node: nodes.Node, path: Path) -> Span | None:
    """Where the key that `path` ends in is written; for a list item, the item."""
    if not path:
        return None
    for step in path[:-1]:
        if isinstance(node, nodes.Mapping) and step in node.entries:
            node = node.entries[str(step)].value
        elif isinstance(node, nodes.Sequence) and isinstance(step, int):
            node = node.items[step]
        else:
            return None
    last = path[-1]
    if isinstance(node, nodes.Mapping) and last in node.entries:
        return node.entries[str(last)].key_span
    if isinstance(node, nodes.Sequence) and isinstance(last, int):
        return node.items[last].span
    return None


def _keys_at(thing: Thing, path: Path) -> list[str]:
    own = (
        _name_of(model, key) for model in _models_at(thing.model, path) for key in _fields(model)
    )
    return sorted({*own, *(() if path else thing.known)})


def _fields(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_fields


def _name_of(model: type[BaseModel], field: str) -> str:
    return model.model_fields[field].alias or field


def _models_at(model: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """The models that the mapping at `path` may follow."""
    annotations: list[Any] = [model]
    for step in path:
        annotations = [below for each in annotations for below in _below(each, step)]
    return [found for each in annotations for found in models_of(each)]


def _below(annotation: Any, step: str | int) -> list[Any]:
    """The types that a value of this type may have at a key or an index."""
    found: list[Any] = []
    for alternative in _alternatives(annotation):
        if get_origin(alternative) is dict:
            found.append(get_args(alternative)[1])
        elif get_origin(alternative) is list:
            found += get_args(alternative)
        elif isinstance(alternative, type) and issubclass(alternative, BaseModel):
            fields = alternative.model_fields.items()
            found += [f.annotation for name, f in fields if step == (f.alias or name)]
    return found


def _alternatives(annotation: Any) -> list[Any]:
    """The types of a union, without what annotates them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [found for each in get_args(annotation) for found in _alternatives(each)]
    return [annotation]


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The models among the types of a union."""
    found = _alternatives(annotation)
    return [each for each in found if isinstance(each, type) and issubclass(each, BaseModel)]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models in a field's annotation, seen through lists, dicts and unions."""
    if get_origin(annotation) in (list, dict):
        return [found for argument in get_args(annotation) for found in models_in(argument)]
    if _alternatives(annotation) != [annotation]:
        return [found for each in _alternatives(annotation) for found in models_in(each)]
    return models_of(annotation)
