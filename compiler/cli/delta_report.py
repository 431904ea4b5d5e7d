"""The access delta as text, Markdown and JSON.

JSON, version 1; keys are added, never changed:

    {"version": 1, "from": "main", "to": "blueprints",
     "organizations": [{"organization": "acme", "access": {
        "summary": {"gained": 1, "widened": 0, "narrowed": 0, "lost": 0,
                    "privileged": 0, "public": 0, "cross-account": 1, "external": 0, "production": 1},
        "changes": [{"kind": "gained" | "widened" | "narrowed" | "lost",
                     "principal": {"cloud": "aws" | "google", "id": "arn:…", "home": "training"},
                     "actions": ["s3:GetObject"],
                     "resource": {"cloud": "aws", "id": "arn:…", "home": "shared"},
                     "marks": [{"name": "cross-account", "reason": "…"}],
                     "conditions": ["…"], "before": ["…"], "after": ["…"],
                     "depends_on": [], "replaces": "arn:…" | null, "edges": ["churn/train-reads-data"],
                     "statements": [{"file": "aws/shared/churn/main.tf.json", "address": "…",
                                     "side": "resource", "sid": "…"}],
                     "declared": [{"path", "line", "column"}]}]}}]}

`home` is the account or project by name, its id where the blueprint doesn't declare it, or "". On
Google `actions` holds the role. The marks of the summary count changes that give more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from compiler.access.delta import KINDS, MARKS, Change, Delta
from compiler.cli.render import visible

VERSION = 1
SHOWN_ACTIONS = 24
# GitHub takes comments of up to 65,536 characters, and a pipeline may add words of its own.
LONGEST_COMMENT = 60_000
_SIGNS = {"gained": "+", "widened": ">", "narrowed": "<", "lost": "-"}
_HEADINGS = {
    "gained": "Gained",
    "widened": "Widened",
    "narrowed": "Narrowed",
    "lost": "Lost",
}


def counts(delta: Delta) -> dict[str, int]:
    """How many changes of each kind; of each mark, how many that give more."""
    found: dict[str, int] = {kind: delta.count(kind) for kind in KINDS}
    more = [change for change in delta.changes if change.more]
    return {**found, **{mark: sum(c.marked(mark) for c in more) for mark in MARKS}}


def as_json(deltas: Sequence[Delta], before: str, after: str) -> str:
    """See above; ASCII."""
    return json.dumps(body(deltas, before, after), indent=2) + "\n"


def body(deltas: Sequence[Delta], before: str, after: str) -> dict[str, Any]:
    """What `as_json` prints."""
    return {
        "version": VERSION,
        "from": before,
        "to": after,
        "organizations": [
            {
                "organization": delta.organization,
                "access": {
                    "summary": counts(delta),
                    "changes": [_record(change) for change in delta.changes],
                },
            }
            for delta in deltas
        ],
    }


def _record(change: Change) -> dict[str, object]:
    return {
        "kind": change.kind,
        "principal": {
            "cloud": change.who.cloud,
            "id": change.who.text,
            "home": change.who.home,
        },
        "actions": list(change.actions),
        "resource": {"cloud": change.on.cloud, "id": change.on.text, "home": change.on.home},
        "marks": [{"name": mark.name, "reason": mark.reason} for mark in change.marks],
        "conditions": list(change.conditions),
        "before": list(change.before),
        "after": list(change.after),
        "depends_on": list(change.depends_on),
        "replaces": change.replaces,
        "edges": list(change.edges),
        "statements": [
            {"file": step.file, "address": step.address, "side": step.side, "sid": step.sid}
            for step in change.statements
        ],
        "declared": [
            {"path": at.path, "line": at.line, "column": at.column} for at in change.declared
        ],
    }


def summary(delta: Delta) -> str:
    """`gained 3, lost 1; of what was given: 1 privileged, 2 cross-account`."""
    found = counts(delta)
    kinds = ", ".join(f"{kind} {found[kind]}" for kind in KINDS if found[kind])
    marks = ", ".join(f"{found[mark]} {mark}" for mark in MARKS if found[mark])
    return f"{kinds}; of what was given: {marks}" if marks else kinds


# ---- Text


def as_text(deltas: Sequence[Delta], before: str, after: str) -> str:
    """A paragraph for each change."""
    lines: list[str] = []
    for delta in deltas:
        lines.append(f"{delta.organization}: access from {visible(before)} to {visible(after)}")
        if not delta.changes:
            lines += ["no difference", ""]
            continue
        lines += [summary(delta), ""]
        for change in delta.changes:
            lines += [*paragraph(change), ""]
    return "\n".join(lines)


def paragraph(change: Change) -> Iterator[str]:
    """A change with all that is known of it."""
    names = _names(change)
    marks = f"  [{', '.join(names)}]" if names else ""
    home = f" ({change.who.home})" if change.who.home else ""
    yield f"{_SIGNS[change.kind]} {change.kind}: {visible(change.who.text)}{home}{marks}"
    yield f"    {visible(' '.join(_shortened(change.actions)))}"
    yield f"    on {visible(change.on.text)}" + (f" ({change.on.home})" if change.on.home else "")
    yield from (f"    {line}" for line in details(change))
    for step in change.statements:
        place = f"{step.file} {step.address} {step.sid}".rstrip()
        yield f"    {step.side}: {visible(place)}"
    if change.edges:
        yield f"    grant: {', '.join(change.edges)}"
    if change.declared:
        yield f"    declared: {', '.join(visible(str(at)) for at in change.declared)}"


def _shortened(actions: Sequence[str]) -> tuple[str, ...]:
    """Those of an AWS managed policy fill pages; JSON has all of them."""
    if len(actions) <= SHOWN_ACTIONS:
        return tuple(actions)
    services = {action.partition(":")[0] for action in actions}
    count = "1 service" if len(services) == 1 else f"{len(services)} services"
    return (*actions[:3], "…", actions[-1], f"({len(actions)} actions of {count})")


def _names(change: Change) -> list[str]:
    """The names of its marks, each once."""
    return list(dict.fromkeys(mark.name for mark in change.marks))


def details(change: Change) -> Iterator[str]:
    """The lines beside who, what, where and by which statements."""
    if change.replaces:
        word = "now has all that this one had" if change.kind == "lost" else "had all of this"
        yield f"{visible(change.replaces)} {word}, and nothing else changed: renamed?"
    for text in change.before:
        yield f"no longer: {visible(text)}"
    for text in change.after:
        yield f"now: {visible(text)}"
    for text in change.conditions:
        yield f"if {visible(text)}"
    for text in change.depends_on:
        yield f"depends on {visible(text)}"
    yield from (f"{mark.name}: {visible(mark.reason)}" for mark in change.marks)


# ---- Markdown


def as_markdown(deltas: Sequence[Delta], before: str, after: str) -> str:
    """A comment for a pull request: a table for each kind, the statements folded away.

    What would be longer than a comment may be loses the statements first, then rows.
    """
    rows = max((len(delta.changes) for delta in deltas), default=0)
    text = _page(deltas, before, after, rows, statements=True)
    while len(text) > LONGEST_COMMENT and rows:
        text = _page(deltas, before, after, rows, statements=False)
        rows //= 2
    return text


def _page(deltas: Sequence[Delta], before: str, after: str, rows: int, *, statements: bool) -> str:
    blocks: list[str] = []
    for delta in deltas:
        blocks.append(f"### Access in `{delta.organization}`: {code(before)} to {code(after)}")
        blocks.append(f"{summary(delta)}." if delta.changes else "No difference.")
        for kind in KINDS:
            chosen = [change for change in delta.changes if change.kind == kind]
            if chosen:
                blocks.append(f"#### {_HEADINGS[kind]}\n\n{_table(_first(chosen, rows))}")
            if len(chosen) > rows:
                blocks.append(f"… and {len(chosen) - rows} more: see the text or JSON.")
        if delta.changes and statements:
            blocks.append(_statements(delta.changes))
    return "\n\n".join(blocks) + "\n"


def _first(changes: Sequence[Change], rows: int) -> Sequence[Change]:
    """That many, those with the most marks first, in their order where none is left out."""
    if len(changes) <= rows:
        return changes
    return sorted(changes, key=lambda change: -len(_names(change)))[:rows]


def _table(changes: Iterable[Change]) -> str:
    return table(HEADER, map(row, changes))


HEADER = ("who", "may", "on", "marks and conditions")


def row(change: Change) -> tuple[str, ...]:
    """A change as cells below HEADER."""
    marks = [f"**{name}**" for name in _names(change)]
    plain = [line for line in details(change) if line.partition(":")[0] not in MARKS]
    notes = [", ".join(marks)] if marks else []
    return (
        _party(change.who.text, change.who.home),
        "<br>".join(map(code, _shortened(change.actions))),
        _party(change.on.text, change.on.home),
        "<br>".join([*notes, *map(cell, plain)]),
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [f"| {' | '.join(each)} |" for each in (header, *rows)]
    lines.insert(1, "|" + " --- |" * len(header))
    return "\n".join(lines)


def _party(text: str, home: str) -> str:
    return f"{code(text)} ({cell(home)})" if home else code(text)


def _statements(changes: Iterable[Change]) -> str:
    lines = []
    for change in changes:
        what = f"{change.kind}: {code(change.who.text)} on {code(change.on.text)}"
        lines.append(f"- {what}" + "".join(f", {cell(str(at))}" for at in change.declared))
        lines += [f"  - {mark.name}: {cell(mark.reason)}" for mark in change.marks]
        for step in change.statements:
            place = f"{step.file} {step.address} {step.sid}".rstrip()
            lines.append(f"  - {step.side}: {code(place)}")
    listed = "\n".join(lines)
    return f"<details><summary>Through which statements</summary>\n\n{listed}\n\n</details>"


def code(text: str) -> str:
    """Text as code, also in a table: a bar would end the cell."""
    shown = visible(text).replace("|", "\\|")
    fence = "``" if "`" in shown else "`"
    padding = " " if fence == "``" else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def cell(text: str) -> str:
    """Text in a table, with what Markdown would obey made plain."""
    shown = visible(text)
    for letter in "\\`*_|<>[]":
        shown = shown.replace(letter, f"\\{letter}")
    return shown
