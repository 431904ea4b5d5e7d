"""What a plan would do, counted from `terraform show -json`.

The format: https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("add", "change", "replace", "destroy", "import", "move", "forget")
_ACTIONS = {
    ("create",): "add",
    ("update",): "change",
    ("delete",): "destroy",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
    ("create", "forget"): "replace",
}


@dataclass(frozen=True, slots=True)
class PlannedChanges:
    """How many resources a plan touches, by KINDS; `gone` are the addresses that it destroys.

    A replaced resource is destroyed, too. `other` says that there is more, such as outputs.
    """

    counts: Mapping[str, int]
    gone: tuple[str, ...]
    other: bool

    @property
    def any(self) -> bool:
        """Whether there is anything to apply."""
        return self.other or any(self.counts.values())

    def __str__(self) -> str:
        found = [f"{number} to {kind}" for kind, number in self.counts.items() if number]
        return ", ".join(found) or ("outputs only" if self.other else "no changes")


def read_changes(plan: Mapping[str, Any]) -> PlannedChanges:
    """The changes of a plan as `terraform show -json` prints it."""
    counts: Counter[str] = Counter()
    gone = []
    for resource in plan.get("resource_changes", ()):
        change = resource["change"]
        kind = _ACTIONS.get(tuple(change["actions"]))
        counts[kind or ""] += 1
        counts["import"] += bool(change.get("importing"))
        counts["move"] += "previous_address" in resource
        if "delete" in change["actions"]:
            gone.append(resource["address"])
    outputs = plan.get("output_changes", {}).values()
    other = any(change["actions"] != ["no-op"] for change in outputs)
    return PlannedChanges(
        counts={kind: counts[kind] for kind in KINDS},
        gone=tuple(sorted(gone)),
        other=other or (bool(plan.get("applyable")) and not any(counts[kind] for kind in KINDS)),
    )
