"""What deserves a second look in a diff, at the lines of the blueprint: SARIF and GitHub annotations.

A finding for each stack that is destroyed, orphaned or has resources that may be replaced, and for
each change of access. GitHub shows ten warnings and ten notices of a step, so the gravest come first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from compiler.access.delta import KINDS, Change
from compiler.cli import delta_sarif
from compiler.cli.diff_report import Compared
from compiler.cli.render import visible, workflow_command
from compiler.diagnostics import Span
from compiler.diff.records import ResourceChange, StackChange

Level = Literal["error", "warning", "note"]
RULES = {
    "orphans": "a stack that nothing makes or destroys any more",
    "relocated": "a stack in another account or region than the resources that it has",
    "destroys": "resources that the next apply destroys",
    "may-replace": "resources that the next apply may destroy and make anew",
}
_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a stack, at the line of its component."""

    rule: str
    level: Level
    span: Span | None
    text: str


def findings(found: Sequence[Compared], refused: Sequence[str]) -> Iterator[Finding]:
    """About stacks, the gravest first. Those of `refused` are errors."""
    listed = [
        each for one in found for stack in one.difference.stacks for each in _of(stack, refused)
    ]
    yield from sorted(listed, key=lambda each: list(RULES).index(each.rule))


def _of(stack: StackChange, refused: Sequence[str]) -> Iterator[Finding]:
    gone = [c for c in stack.resources if c.managed and c.action == "destroy"]
    span = stack.view.span
    if stack.action == "orphaned":
        text = f"{stack.path} is no longer made, and nothing destroys {_number(gone)}"
        yield Finding(rule="orphans", level=_level("destroy", refused), span=span, text=text)
    elif gone:
        text = f"{stack.path}: the next apply destroys {_number(gone)}"
        yield Finding(rule="destroys", level=_level("destroy", refused), span=span, text=text)
    if stack.relocated:
        text = f"{stack.path} is moved from {stack.relocated}: what it has may stay behind"
        yield Finding(rule="relocated", level=_level("replace", refused), span=span, text=text)
    risky = [c for c in stack.resources if c.managed and c.replaces]
    if risky:
        text = f"{stack.path}: the next apply may replace {_number(risky)}"
        yield Finding(rule="may-replace", level=_level("replace", refused), span=span, text=text)


def _level(name: str, refused: Sequence[str]) -> Level:
    return "error" if name in refused else "warning"


def _number(changes: Sequence[ResourceChange]) -> str:
    named = ", ".join(change.address for change in changes[:_NAMED])
    more = f" and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
    return f"{named}{more}"


def as_github(
    found: Sequence[Compared],
    refused: Sequence[str],
    changes: Sequence[Change],
    before: str,
) -> str:
    """Workflow commands; `changes` are those of access that `--fail-on` refuses."""
    lines = []
    for each in findings(found, refused):
        at = each.span and delta_sarif.here(each.span, before)
        lines.append(workflow_command(each.level, at, each.rule, visible(each.text)))
    for change in sorted(
        (change for one in found for change in one.delta.changes),
        key=lambda change: (KINDS.index(change.kind), -len(change.marks)),
    ):
        marked = change.more and bool(change.marks)
        level: Level = "error" if change in changes else "warning" if marked else "note"
        at = delta_sarif.here(change.declared[0], before) if change.declared else None
        text = delta_sarif.message(change)
        lines.append(workflow_command(level, at, f"access-{change.kind}", text))
    return "".join(f"{line}\n" for line in lines)


def as_sarif(
    found: Sequence[Compared],
    refused: Sequence[str],
    changes: Sequence[Change],
    before: str,
    path: str,
) -> str:
    """The document of `--access`, with the findings about stacks before its results."""
    body = delta_sarif.body([one.delta for one in found], changes, before, path)
    run = body["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    first = len(rules)
    rules += [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.items()]
    run["results"] = [
        {
            "ruleId": each.rule,
            "ruleIndex": first + list(RULES).index(each.rule),
            "level": each.level,
            "message": {"text": visible(each.text)},
            "locations": [delta_sarif.located(each.span, before, path)],
        }
        for each in findings(found, refused)
    ] + run["results"]
    return json.dumps(body, indent=2) + "\n"
