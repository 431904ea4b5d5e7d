"""Whether a region exists, by the dated tables and by what the blueprint allows beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from compiler.data import aws_regions, google_regions
from compiler.diagnostics import Diagnostic, Span, nearest

_CLOUDS = {"aws": "AWS", "google": "Google Cloud"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """What the organisation may use: its AWS partition, and regions that are newer than the tables."""

    partition: str = "aws"
    extra_aws: Sequence[str] = field(default=())
    extra_google: Sequence[str] = field(default=())

    def check(self, region: str, cloud: str, span: Span) -> tuple[Diagnostic, ...]:
        """A diagnostic if `region` is unknown, or of another partition."""
        extra = self.extra_aws if cloud == "aws" else self.extra_google
        if region in extra:
            return ()
        usable, elsewhere = self._known(cloud)
        if region in usable:
            return ()
        message = f'the region "{region}" is unknown'
        new = f"if it is new, list it under organization.{cloud}.regions"
        guess = nearest(region.lower(), [*usable, *extra])
        hint = f'did you mean "{guess}"? {new}' if guess else new
        if region in elsewhere:
            where = _CLOUDS[cloud] if region in _other(cloud) else f"the partition {self.partition}"
            message, hint = f'the region "{region}" is not in {where}', elsewhere[region]
        return (Diagnostic(code="E308", message=message, span=span, hint=hint),)

    def _known(self, cloud: str) -> tuple[Sequence[str], dict[str, str]]:
        """The regions that may be used; others, with what to do about them."""
        if cloud == "google":
            hint = "it is a region of AWS; those of Google Cloud look like europe-west4"
            return list(google_regions()), dict.fromkeys(aws_regions(), hint)
        every = aws_regions().values()
        usable = [region.name for region in every if region.partition == self.partition]
        elsewhere = {
            region.name: f"it is in the partition {region.partition}, and organization.aws.partition "
            f"says {self.partition}: choose another region, or correct that"
            for region in every
            if region.partition != self.partition
        }
        hint = "it is a region of Google Cloud; those of AWS look like eu-west-1"
        return usable, {**dict.fromkeys(google_regions(), hint), **elsewhere}


def _other(cloud: str) -> Collection[str]:
    """The regions of the other cloud."""
    return aws_regions() if cloud == "google" else google_regions()
