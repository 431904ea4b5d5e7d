"""Whether a region exists, by the dated tables and by what the blueprint allows beside them."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.data import aws_regions, google_regions
from compiler.diagnostics import Diagnostic, Span, nearest


def check_region(
    region: str, cloud: str, extra: Sequence[str], span: Span
) -> tuple[Diagnostic, ...]:
    """A diagnostic if `region` is in neither the table of `cloud` nor `extra`."""
    known = aws_regions() if cloud == "aws" else google_regions()
    if region in known or region in extra:
        return ()
    guess = nearest(region, [*known, *extra])
    new = f"if it is new, list it under organization.{cloud}.regions"
    return (
        Diagnostic(
            code="E308",
            message=f'the region "{region}" is unknown',
            span=span,
            hint=f'did you mean "{guess}"? {new}' if guess else new,
        ),
    )
