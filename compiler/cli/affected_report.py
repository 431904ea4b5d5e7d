"""What `landform affected` found, as text, as a list for `--only-from`, and as JSON.

JSON, version 1; keys are added, never changed:

    {"version": 1, "from": "main", "to": "blueprints",
     "stacks": [{"key": "acme/aws/shared/churn", "organization": "acme", "path": "aws/shared/churn",
                 "folder": "generated/acme/aws/shared/churn", "action": "changed", "planned": true,
                 "cloud": "aws", "home": "shared", "id": "111111111111", "region": "eu-west-1",
                 "component": "churn", "kind": "ml-pipeline", "wave": 0, "waits_for": [],
                 "resources": {"create": 1, "change": 2, "destroy": 0, "replace": 0, "move": 0, "import": 0},
                 "reasons": {"lines": [{"key": "components.churn.deploy.max", "path": "…", "line": 21,
                                        "column": 5, "gone": false}],
                             "consumes": [{"stack": "aws/training/churn", "address": "aws_iam_role.train",
                                           "value": "acme-churn-train"}]}}]}

`action` is added, changed, moved, removed (a tombstone: its plan destroys), orphaned or dropped; the
last two have no folder, so `planned` is false. `waits_for` are paths, also of stacks that are not
affected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from compiler.cli.diff_report import RESOURCES, counts
from compiler.cli.render import visible
from compiler.diff.affected import Affected
from compiler.diff.records import Difference

VERSION = 1
SHOWN_REASONS = 6
_SAID = {
    "added": "added",
    "changed": "changed",
    "moved": "moved",
    "removed": "removed: its plan destroys what it had",
    "orphaned": "no longer made, and not listed under removed: nothing destroys what it had",
    "dropped": "gone, as it is no longer listed under removed",
}


def as_json(found: Sequence[Affected], out: str, before: str, after: str) -> str:
    """See above; ASCII."""
    stacks = [_record(one, out) for one in found]
    body = {"version": VERSION, "from": before, "to": after, "stacks": stacks}
    return json.dumps(body, indent=2) + "\n"


def _record(one: Affected, out: str) -> dict[str, object]:
    view = one.view
    _, resources = counts(Difference(organization=one.organization, stacks=(one.change,)))
    return {
        **entry(one, out),
        "organization": one.organization,
        "planned": one.planned,
        "waits_for": list(view.waits_for),
        "resources": {name: resources[name] for name in RESOURCES},
        "reasons": {
            "lines": [
                {
                    "key": line.name,
                    "path": line.span.path,
                    "line": line.span.line,
                    "column": line.span.column,
                    "gone": line.gone,
                }
                for line in one.lines
            ],
            "consumes": [
                {"stack": each.stack, "address": each.address, "value": each.value}
                for each in one.consumes
            ],
        },
    }


def entry(one: Affected, out: str) -> dict[str, object]:
    """What a job needs to know of a stack."""
    view = one.view
    return {
        "key": one.key,
        "path": one.path,
        "folder": f"{out}/{one.key}",
        "action": one.action,
        "cloud": view.cloud,
        "home": view.home,
        "id": view.id,
        "region": view.region,
        "component": view.component,
        "kind": view.kind,
        "wave": view.wave,
    }


def as_list(found: Sequence[Affected]) -> str:
    """The keys of those that can be planned, one a line."""
    return "".join(f"{one.key}\n" for one in found if one.planned)


def as_text(found: Sequence[Affected]) -> str:
    """Each with its reasons."""
    lines: list[str] = []
    for one in found:
        said = f"moved from {one.change.origin}" if one.action == "moved" else _SAID[one.action]
        lines.append(f"{visible(one.key)}: {visible(said)}")
        reasons = list(_reasons(one))
        lines += [f"    {visible(reason)}" for reason in reasons[:SHOWN_REASONS]]
        if len(reasons) > SHOWN_REASONS:
            lines.append(f"    … and {len(reasons) - SHOWN_REASONS} more: see the JSON")
    number = "1 stack" if len(found) == 1 else f"{len(found)} stacks"
    return "\n".join([*lines, f"{number} affected" if found else "no stack is affected", ""])


def _reasons(one: Affected) -> Iterator[str]:
    for line in one.lines:
        yield f"{line.span}: {line.name}{' (gone)' if line.gone else ''}"
    for each in one.consumes:
        yield f'has "{each.value}" of {each.stack} {each.address}'
    if not one.lines and not one.consumes:
        yield "its output differs; no line of the blueprint was compared"
