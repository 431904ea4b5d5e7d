"""Diagnostics in the making: what several accounts or components share is told once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.shapes import Model, check
from compiler.diagnostics import Diagnostic, Span
from compiler.organization.records import Home
from compiler.organization.scope import Scope


@dataclass(slots=True)
class Findings:
    """A list that each reader of the same lines adds to; the first one's words are kept."""

    all: list[Diagnostic] = field(default_factory=list)
    _told: set[tuple[str, Span | None]] = field(default_factory=set)

    def add(self, found: Iterable[Diagnostic]) -> None:
        """Add what no earlier call has told of the same place."""
        new = [d for d in found if (d.code, d.span) not in self._told]
        self.all += new
        self._told |= {(d.code, d.span) for d in new}

    def report(
        self,
        code: str,
        message: str,
        span: Span,
        hint: str | None = None,
        related: tuple[tuple[str, Span], ...] = (),
    ) -> None:
        """Add one."""
        self.all.append(
            Diagnostic(code=code, message=message, span=span, hint=hint, related=related)
        )


def read(
    model: type[Model], node: nodes.Node, scope: Scope, *, what: str, owner: Span
) -> tuple[Model | None, nodes.Node, tuple[Diagnostic, ...]]:
    """Evaluate the expressions of `node`, and read it as `model`: its instance, the tree, problems."""
    evaluated, failed = evaluate(node, scope)
    made, found = checked(model, evaluated, failed, what=what, owner=owner)
    return made, evaluated, found


def checked(
    model: type[Model],
    node: nodes.Node,
    failed: Sequence[Diagnostic],
    *,
    what: str,
    owner: Span,
    context: object = None,
    known: Sequence[str] = (),
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """Read an evaluated tree as `model` (see `shapes.check`), with what failed in evaluating it.

    An expression that fails hides nothing else: only what cannot be said without it is not said.
    """
    made, found = check(model, node, what=what, owner=owner, context=context, known=known)
    places = [diagnostic.span for diagnostic in failed if diagnostic.span]
    told = (d for d in found if not any(d.span and covers(d.span, place) for place in places))
    return (None if failed else made), (*failed, *told)


def seen_from(place: Home | None, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Say in which of several places an expression fails."""
    if place is None:
        return list(found)
    where = (f'in "{place.name}"', place.span)
    return [
        replace(d, related=(*d.related, where)) if d.code.startswith("E1") else d for d in found
    ]


def covers(outer: Span, inner: Span) -> bool:
    """Whether `inner` lies within `outer`."""
    return (
        outer.path == inner.path
        and (outer.line, outer.column) <= (inner.line, inner.column)
        and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
    )
