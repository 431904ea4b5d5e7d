"""The JSON tables beside this module, read when first asked for.

Takes a table's name, gives its parsed JSON. Reads one packaged file per table, once per process;
importing reads nothing. Every table has `source` (where the facts are from, with versions) and
`date` (ISO, when they were looked up); `tools/refresh_data.py` writes and checks them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

TABLES = (
    "aws_eks",
    "aws_limits",
    "aws_policies",
    "aws_regions",
    "aws_values",
    "aws_zones",
    "ec2_instances",
    "google_iam",
    "google_machines",
    "google_regions",
    "sagemaker_images",
    "sagemaker_instances",
)


class UnknownEntry(LookupError):
    """A table has no such entry.

    `what` says of which kind ("AWS region"), `value` is what was asked for, and `known` lists what
    the table has, sorted, for a hint. `date` is the table's: something newer may well exist.
    """

    def __init__(self, what: str, value: str, known: tuple[str, ...], date: str) -> None:
        super().__init__(f"unknown {what} {value!r} (table of {date})")
        self.what = what
        self.value = value
        self.known = known
        self.date = date


@cache
def table(name: str) -> dict[str, Any]:
    """The table of that name (one of `TABLES`). It is shared: don't change it."""
    import json
    from pathlib import Path

    path = Path(__file__).with_name(f"{name}.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def unknown(what: str, value: str, known: tuple[str, ...], name: str) -> UnknownEntry:
    """The error for an entry that table `name` lacks."""
    return UnknownEntry(what, value, tuple(sorted(known)), table(name)["date"])
