"""What is in a stack, as plain values that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from compiler.terraform.stack import Expression, JsonText, Resource, Stack

# What stands at each address: of a resource, or of an output as `output.name`.
Parts = Mapping[str, object]
Path = tuple[str | int, ...]
# Stands in a path for what the mapping would have and has not.
MORE = "+"


def parts(stack: Stack | None) -> Parts:
    """Everything in a stack that can be asked about; of no stack nothing."""
    if stack is None:
        return {}
    outputs = {f"output.{output.name}": plain(output.value) for output in stack.outputs}
    return {**{each.address: body(each) for each in stack.resources}, **outputs}


def body(resource: Resource) -> dict[str, object]:
    """What a resource says, with policies as they are and Terraform's expressions as text."""
    found = {key: plain(value) for key, value in resource.arguments.items() if value is not None}
    if resource.lifecycle:
        found["lifecycle"] = plain(resource.lifecycle)
    if resource.depends_on:
        found["depends_on"] = sorted(resource.depends_on)
    return found


def plain(value: object) -> object:
    """A value of a stack as dicts, lists and scalars."""
    if isinstance(value, JsonText):
        return plain(value.value)
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def differences(one: object, other: object, path: Path = ()) -> Iterator[Path]:
    """The paths of the first that are not so in the second."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key, value in one.items():
            if key not in other:
                yield (*path, key)
            else:
                yield from differences(value, other[key], (*path, key))
        if other.keys() - one.keys():
            yield (*path, MORE)
    elif isinstance(one, list) and isinstance(other, list) and (by_sid(one) and by_sid(other)):
        yield from differences(by_sid(one), by_sid(other), path)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from differences(mine, theirs, (*path, index))
    elif one != other:
        yield path


def holding(value: object, text: str, path: Path = ()) -> Iterator[Path]:
    """The paths of what holds the text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from holding(item, text, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from holding(item, text, (*path, index))
    elif isinstance(value, str) and text in value:
        yield path


def ordered(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Each path once, sorted."""
    return tuple(sorted(set(paths), key=str))


def by_sid(statements: object) -> dict[str, object] | None:
    """A policy's statements by their Sids, where all have one: their order says nothing."""
    items = statements if isinstance(statements, list) else []
    found: dict[str, object] = {
        item["Sid"]: item for item in items if isinstance(item, Mapping) and "Sid" in item
    }
    return found if found and len(found) == len(items) else None
