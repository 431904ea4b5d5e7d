"""The access delta as SARIF 2.1.0: a result for each change, at the component's line.

Each kind of change is a rule. What `--fail-on` refuses is an error, other access that grew with a
mark a warning, the rest a note. A line of the old revision is given without the revision's name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

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
    body = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(body, indent=2) + "\n"


def _result(change: Change, refused: bool, before: str, path: str) -> dict[str, object]:
    marked = change.more and bool(change.marks)
    places = change.declared or (Span(path, 1, 1, 1, 1),)
    found: dict[str, object] = {
        "ruleId": f"access-{change.kind}",
        "ruleIndex": KINDS.index(change.kind),
        "level": "error" if refused else "warning" if marked else "note",
        "message": {"text": _message(change)},
        "locations": [location(_here(places[0], before))],
        "properties": {"tags": sorted({mark.name for mark in change.marks})},
    }
    if places[1:]:
        found["relatedLocations"] = [
            {"id": number, "message": {"text": "also declared here"}, **location(_here(at, before))}
            for number, at in enumerate(places[1:])
        ]
    return found


def _here(at: Span, before: str) -> Span:
    return at._replace(path=at.path.removeprefix(f"{before}:"))


def _message(change: Change) -> str:
    lines = [
        f"{change.kind}: {change.who.text} may {', '.join(change.actions)} on {change.on.text}"
        if change.more
        else f"{change.kind}: {change.who.text} may no longer {', '.join(change.actions)} on "
        f"{change.on.text}, or not as before",
        *details(change),
    ]
    lines += [f"{s.side}: {s.file} {s.address} {s.sid}".rstrip() for s in change.statements]
    return "\n".join(visible(line) for line in lines)
