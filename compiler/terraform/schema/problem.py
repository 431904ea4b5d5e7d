"""What can be wrong with a root module, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

# Keys and list indexes from a resource's body down.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that Terraform or the provider would refuse.

    `address` is `aws_s3_bucket.data`, `data.aws_region.here`, `provider.aws`, `local.name` or
    `output.name`; `path` leads from its body to the place. `code` says of what sort it is:
    "unknown", "missing", "type", "reference" and the like, "" for the address itself.
    """

    address: str
    path: Path
    message: str
    hint: str | None = None
    code: str = field(default="", compare=False)


class Finding(NamedTuple):
    """A problem before it has an address. `code` tells the same finding in two versions."""

    code: str
    path: Path
    message: str
    hint: str | None
