"""Terraform's own arguments of a resource: `lifecycle`, `count`, `for_each`, `depends_on`.

Source: developer.hashicorp.com/terraform/language/meta-arguments (Terraform 1.11). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.diagnostics import nearest
from compiler.terraform.document import Json
from compiler.terraform.schema.index import Mode
from compiler.terraform.schema.problem import Finding
from compiler.terraform.schema.records import Block, Type
from compiler.terraform.schema.values import misfits

_LIFECYCLE: Mapping[str, frozenset[str]] = {
    "managed": frozenset(
        (
            "create_before_destroy",
            "ignore_changes",
            "postcondition",
            "precondition",
            "prevent_destroy",
            "replace_triggered_by",
        )
    ),
    "data": frozenset(("postcondition", "precondition")),
}
_FLAGS = ("create_before_destroy", "prevent_destroy")


def meta_findings(body: Mapping[str, Json], block: Block, mode: Mode) -> Iterator[Finding]:
    """What is wrong with them in `body`; the references in them are looked at elsewhere."""
    if "count" in body and "for_each" in body:
        message = "`count` and `for_each` exclude each other"
        yield Finding("exclusive", ("for_each",), message, None)
    if "count" in body:
        yield from misfits(body["count"], Type("number"), ("count",))
    depends_on = body.get("depends_on", [])
    if isinstance(depends_on, str) or not isinstance(depends_on, Sequence):
        message = "`depends_on` must be a list of addresses"
        yield Finding("type", ("depends_on",), message, None)
    lifecycle = body.get("lifecycle")
    blocks = lifecycle if isinstance(lifecycle, list | tuple) else [lifecycle]
    for part in blocks:
        if isinstance(part, Mapping):
            yield from _lifecycle(part, block, mode)
        elif part is not None:
            yield Finding("type", ("lifecycle",), "`lifecycle` must be an object", None)


def _lifecycle(part: Mapping[str, Json], block: Block, mode: Mode) -> Iterator[Finding]:
    known = _LIFECYCLE[mode]
    for name, value in part.items():
        path = ("lifecycle", name)
        if name not in known:
            close = nearest(name, known)
            hint = f"did you mean `{close}`?" if close else None
            yield Finding("unknown", path, f"`{name}` is not expected in `lifecycle`", hint)
        elif name in _FLAGS and not (isinstance(value, bool) or value in ("true", "false")):
            yield Finding("type", path, f"`{name}` must be true or false as it stands", None)
        elif name == "ignore_changes":
            yield from _ignored(value, block)


def _ignored(value: Json, block: Block) -> Iterator[Finding]:
    """`"all"` or a list of attributes, each perhaps with a path behind it."""
    path = ("lifecycle", "ignore_changes")
    if value == "all":
        return
    if isinstance(value, str) or not isinstance(value, Sequence):
        yield Finding("type", path, "`ignore_changes` must be a list or `all`", None)
        return
    for index, item in enumerate(value):
        name = str(item).partition(".")[0].partition("[")[0]
        if name not in block.attributes and name not in block.blocks:
            close = nearest(name, [*block.attributes, *block.blocks])
            hint = f"did you mean `{close}`?" if close else None
            yield Finding("reference", (*path, index), f"there is no attribute `{name}`", hint)
