"""The access delta as SARIF 2.1.0: a result for each change, at the component's line.

Each kind of change is a rule. What `--fail-on` refuses is an error, other access that grew with a
mark a warning, the rest a note. A line of the old revision is given without the revision's name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from compiler.access.delta import KINDS, Change, Delta
from compiler.cli.delta_report import details
from compiler.cli.render import SARIF_SCHEMA, location, visible
from compiler.diagnostics import Span

_TITLES = {
    "gained": "somebody can do what they could not do before",
    "widened": "access that was there reaches further, or asks for less",
    "narrowed": "access that is still there reaches less far, or asks for more",
    "lost": "somebody can no longer do what they could do before",
}


def as_sarif(deltas: Sequence[Delta], refused: Sequence[Change], before: str, path: str) -> str:
    """`refused` are what `--fail-on` names; `path` stands in where no line is to be had."""
    return json.dumps(body(deltas, refused, before, path), indent=2) + "\n"


def body(
    deltas: Sequence[Delta], refused: Sequence[Change], before: str, path: str
) -> dict[str, Any]:
    """What `as_sarif` prints."""
    found = [change for delta in deltas for change in delta.changes]
    run = {
        "tool": {
            "driver": {
                "name": "Landform",
                "rules": [
                    {"id": f"access-{kind}", "shortDescription": {"text": _TITLES[kind]}}
                    for kind in KINDS
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True}],
        "results": [_result(change, change in refused, before, path) for change in found],
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(change: Change, refused: bool, before: str, path: str) -> dict[str, object]:
    marked = change.more and bool(change.marks)
    found: dict[str, object] = {
        "ruleId": f"access-{change.kind}",
        "ruleIndex": KINDS.index(change.kind),
        "level": "error" if refused else "warning" if marked else "note",
        "message": {"text": message(change)},
        "locations": [located(change.declared[0] if change.declared else None, before, path)],
        "properties": {"tags": sorted({mark.name for mark in change.marks})},
    }
    if change.declared[1:]:
        found["relatedLocations"] = [
            {"id": number, "message": {"text": "also declared here"}, **location(here(at, before))}
            for number, at in enumerate(change.declared[1:])
        ]
    return found


def located(at: Span | None, before: str, path: str) -> dict[str, object]:
    """Where it is; the top of `path` where no line is to be had."""
    return location(here(at or Span(path, 1, 1, 1, 1), before))


def here(at: Span, before: str) -> Span:
    """A line of the old revision without the revision's name."""
    return at._replace(path=at.path.removeprefix(f"{before}:"))


def message(change: Change) -> str:
    """All that is known of a change."""
    lines = [
        f"{change.kind}: {change.who.text} may {', '.join(change.actions)} on {change.on.text}"
        if change.more
        else f"{change.kind}: {change.who.text} may no longer {', '.join(change.actions)} on "
        f"{change.on.text}, or not as before",
        *details(change),
    ]
    lines += [f"{s.side}: {s.file} {s.address} {s.sid}".rstrip() for s in change.statements]
    return "\n".join(visible(line) for line in lines)
