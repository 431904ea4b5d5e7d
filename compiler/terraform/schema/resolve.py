"""Whether a path into a resource exists in its schema.

Pure: a block and the steps of a reference in, a message or None out.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.diagnostics import nearest
from compiler.terraform.schema.expressions import AnyIndex, Key, Splat, Step
from compiler.terraform.schema.records import Block, NestedBlock, Type

# What a step can be taken from. None: nothing is known, so everything is right.
Node = Block | NestedBlock | Type


def resolve(block: Block, steps: Sequence[Step]) -> tuple[str, str | None] | None:
    """A message and a hint for the first step that does not exist; None when all do."""
    node: Node | None = block
    for step in steps:
        if isinstance(step, Splat) and not step.full:
            return None  # `.*` also changes what later indexes mean
        result = _take(node, step)
        if isinstance(result, tuple):
            return result
        if result is None:
            return None
        node = result
    return None


def _take(node: Node | None, step: Step) -> Node | tuple[str, str | None] | None:
    if isinstance(node, Block):
        return _from_object(node, step)
    if isinstance(node, NestedBlock):
        if node.nesting == "single":
            return _from_object(node.block, step)
        return _from_collection(node.nesting, node.block, step)
    if node is None or node.kind == "dynamic":
        return None
    if node.kind == "object":
        return _from_object(node, step)
    if node.element is None:
        if isinstance(step, Splat):
            return node
        return f"a {node.kind} has nothing inside it", None
    return _from_collection(node.kind, node.element, step)


def _from_object(node: Block | Type, step: Step) -> Node | tuple[str, str | None] | None:
    if isinstance(step, Splat):
        return node  # a splat over a single value is a list of it
    if isinstance(step, AnyIndex):
        return None
    if isinstance(step, int):
        return "an object has no elements by number", None
    name = step.name if isinstance(step, Key) else step
    if isinstance(node, Type):
        found: Node | None = node.fields.get(name)
        names = list(node.fields)
    else:
        found = node.attributes[name].type if name in node.attributes else node.blocks.get(name)
        names = [*node.attributes, *node.blocks]
    if found is not None:
        return found
    close = nearest(name, names)
    return f"there is no attribute `{name}`", f"did you mean `{close}`?" if close else None


def _from_collection(kind: str, element: Node, step: Step) -> Node | tuple[str, str | None]:
    if isinstance(step, Splat):
        return element
    if kind == "map":
        return element
    if isinstance(step, str) or (isinstance(step, Key) and not step.name.isdigit()):
        name = step.name if isinstance(step, Key) else step
        article = "an element" if kind == "set" else "`[0]`"
        return f"`{name}` is asked of a {kind}", f"take {article} first"
    if kind == "set":
        return "a set has no elements by number", "use `one(…)` or `tolist(…)[0]`"
    return element
