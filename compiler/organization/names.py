"""Names that become folders: of organisations, accounts, projects and components."""

from __future__ import annotations

import re

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.shapes import NAME, NAME_RULE, similar_name
from compiler.blueprint.wording import quoted
from compiler.diagnostics import Diagnostic, Span
from compiler.terraform.names import reserved_name


def check_name(noun: str, name: str, span: Span) -> tuple[Diagnostic, ...]:
    """A diagnostic if the name has another form than names have, or is Windows' own."""
    computed = check_written(name, span)
    if computed:
        return computed
    if not re.fullmatch(NAME, name):
        hint = similar_name(name)
        message = f"{noun} {quoted(name)} must be named with {NAME_RULE}"
        return (Diagnostic(code="E204", message=message, span=span, hint=hint),)
    return check_reserved(noun, name, span)


def check_written(name: str, span: Span) -> tuple[Diagnostic, ...]:
    """A diagnostic if the name is an expression: what a blueprint has is readable as it stands."""
    key = nodes.Entry(span, nodes.Scalar(None, span))
    return evaluate(nodes.Mapping({name: key}, span), {})[1]


def check_reserved(noun: str, name: str, span: Span) -> tuple[Diagnostic, ...]:
    """A diagnostic if Windows keeps the name for a device: the output could not be checked out."""
    if not reserved_name(name):
        return ()
    message = f'{noun} "{name}" must have another name: Windows allows no folder of this one'
    hint = f'rename it, for example to "{name}-1"'
    return (Diagnostic(code="E204", message=message, span=span, hint=hint),)
