"""A resource's arguments and blocks against its schema.

Pure functions: a JSON body and a block in, findings out. References inside templates are looked
at elsewhere (`references`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from compiler.diagnostics import nearest
from compiler.terraform.document import Json
from compiler.terraform.schema.problem import Finding, Path
from compiler.terraform.schema.records import Attribute, Block, NestedBlock
from compiler.terraform.schema.values import misfits

_NOTHING: frozenset[str] = frozenset()

# A key that Terraform's JSON syntax reads as a comment.
COMMENT = "//"


def body_findings(
    body: Mapping[str, Json], block: Block, path: Path, meta: frozenset[str] = _NOTHING
) -> Iterator[Finding]:
    """Everything wrong with `body`; `meta` names arguments that Terraform itself reads."""
    dynamic = body.get("dynamic")
    generated = dynamic if isinstance(dynamic, Mapping) else {}
    for name, value in body.items():
        attribute = block.attributes.get(name)
        if attribute is not None:
            if value is not None:
                yield from _argument(name, value, attribute, (*path, name))
        elif name in block.blocks:
            yield from _nested(name, value, block.blocks[name], (*path, name), name in generated)
        elif name == "dynamic" and block.blocks:
            yield from _dynamic(generated, block, (*path, name))
        elif name not in meta and name != COMMENT:
            yield _unknown(name, block, path, meta)
    yield from _missing(body, generated, block, path)


def _argument(name: str, value: Json, attribute: Attribute, path: Path) -> Iterator[Finding]:
    if attribute.settable:
        yield from misfits(value, attribute.type, path)
    else:
        hint = "take it out; other resources may refer to it"
        yield Finding("computed", path, f"`{name}` is computed by the provider", hint)


def _unknown(name: str, block: Block, path: Path, meta: frozenset[str]) -> Finding:
    settable = [n for n, a in block.attributes.items() if a.settable]
    close = nearest(name, [*settable, *block.blocks, *meta])
    hint = f"did you mean `{close}`?" if close else None
    return Finding("unknown", (*path, name), f"`{name}` is not an argument or block here", hint)


def _missing(
    body: Mapping[str, Json], generated: Mapping[str, Json], block: Block, path: Path
) -> Iterator[Finding]:
    for name, attribute in block.attributes.items():
        if attribute.required and body.get(name) is None:
            yield Finding("missing", (*path, name), f"the argument `{name}` is missing", None)
    for name, nested in block.blocks.items():
        if nested.required and name not in generated and not _present(body.get(name)):
            yield Finding("missing", (*path, name), f"the block `{name}` is missing", None)


def _present(value: Json) -> bool:
    return value is not None and not (isinstance(value, Sequence) and len(value) == 0)


def _nested(
    name: str, value: Json, nested: NestedBlock, path: Path, generated: bool
) -> Iterator[Finding]:
    if value is None:
        return
    bodies = _bodies(value, nested, path)
    if bodies is None:
        wanted = "an object" if nested.nesting == "single" else "an object or a list of objects"
        yield Finding("type", path, f"the block `{name}` must be {wanted}", None)
        return
    count = 0
    for place, body in bodies:
        count += 1
        if isinstance(body, Mapping):
            yield from body_findings(body, nested.block, place)
        elif body is not None:
            yield Finding("type", place, f"the block `{name}` must be an object", None)
    most = 1 if nested.nesting == "single" else nested.maximum
    if most is not None and count + generated > most:
        yield Finding("count", path, f"{count} blocks `{name}` where at most {most} may be", None)


def _bodies(value: Json, nested: NestedBlock, path: Path) -> Iterable[tuple[Path, Json]] | None:
    """The single blocks, each with its path; None for what is no block."""
    if isinstance(value, Mapping):
        if nested.nesting == "map":
            return [((*path, label), body) for label, body in value.items()]
        return [(path, value)]
    if isinstance(value, str) or not isinstance(value, Sequence):
        return None
    return [((*path, index), body) for index, body in enumerate(value)]


def _dynamic(generated: Mapping[str, Json], block: Block, path: Path) -> Iterator[Finding]:
    """`dynamic` blocks: {name: {for_each, iterator, content}}, or a list of such bodies."""
    for name, value in generated.items():
        nested = block.blocks.get(name)
        if nested is None:
            yield _unknown(name, Block({}, block.blocks), path, _NOTHING)
            continue
        several = isinstance(value, Sequence) and not isinstance(value, str)
        for body in value if several else [value]:  # type: ignore[union-attr]
            if not isinstance(body, Mapping) or "for_each" not in body or "content" not in body:
                message = f"a dynamic block `{name}` needs `for_each` and `content`"
                yield Finding("missing", (*path, name), message, None)
                continue
            content = body["content"]
            for part in [content] if isinstance(content, Mapping) else content:  # type: ignore[union-attr]
                if isinstance(part, Mapping):
                    yield from body_findings(part, nested.block, (*path, name, "content"))
