"""What `landform diff` found, as text and as JSON.

JSON, version 1; keys are added, never changed. To what `--access` gives (`compiler.cli.delta_report`)
each organisation has, without that option:

    {"summary": {"stacks": {"added": 1, "removed": 0, "orphaned": 0, "dropped": 0, "moved": 0, "changed": 3},
                 "resources": {"create": 14, "change": 6, "destroy": 0, "replace": 1, "move": 0, "import": 0},
                 "retagged": 2},
     "stacks": [{"path": "aws/shared/churn", "action": "changed", "component": "churn",
                 "kind": "ml-pipeline", "home": "shared", "from": "aws/shared/old" | null,
                 "relocated": "eu-west-1 to eu-central-1" | null, "retagged": false,
                 "declared": {"path", "line", "column"} | null,
                 "resources": [{"address": "aws_iam_role.train", "action": "change",
                                "replaces": ["name"], "from": null, "id": null,
                                "edits": [{"path": "name", "before": "a", "after": "b",
                                           "added": [], "removed": [], "replaces": true}]}]}],
     "groups": [{"stacks": ["aws/shared/churn"], "addresses": ["aws_iam_role.train"]}]}

`before` or `after` is left out where the value is not there. An address that starts with `data.`,
`terraform.`, `provider.`, `variable.`, `output.`, `local.` or `asset.` is no resource's. `retagged` are stacks whose provider has other default tags or labels: Terraform
changes every resource there that can have them, and `resources` does not count those.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from compiler.access.delta import Delta
from compiler.cli import delta_report
from compiler.cli.render import visible
from compiler.diff.collapse import Group, groups, together
from compiler.diff.compare import OTHER
from compiler.diff.records import ABSENT, Difference, Edit, Maybe, ResourceChange, StackChange
from compiler.diff.stateful import holds_data

STACKS = ("added", "removed", "orphaned", "dropped", "moved", "changed")
RESOURCES = ("create", "change", "destroy", "replace", "move", "import")
_SAID = {
    "added": "added",
    "removed": "to destroy",
    "orphaned": "no longer made",
    "dropped": "dropped",
    "moved": "moved",
    "changed": "changed",
}
_SIGNS = {"create": "+", "destroy": "-", "change": "~", "move": ">", "import": "<"}
SHOWN_CHARACTERS = 160
SHOWN_STACKS = 4
SHOWN_ACCESS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What differs in one organisation, and what that does to access."""

    difference: Difference
    delta: Delta

    @property
    def organization(self) -> str:
        """Its name."""
        return self.delta.organization

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.difference.stacks and not self.delta.changes


def counts(difference: Difference) -> tuple[Counter[str], Counter[str]]:
    """How many stacks of each action, and how many resources; what is orphaned is not destroyed."""
    stacks: Counter[str] = Counter(stack.action for stack in difference.stacks)
    resources: Counter[str] = Counter()
    for stack in difference.stacks:
        for change in stack.resources:
            if change.managed and stack.action != "orphaned":
                resources[change.action] += bool(change.action != "change" or change.edits)
                resources["replace"] += bool(change.replaces)
    return stacks, resources


def headline(one: Compared) -> list[str]:
    """One line about stacks, one about resources, one about default tags, one about access."""
    stacks, resources = counts(one.difference)
    said = [f"{stacks[name]} {_SAID[name]}" for name in STACKS if stacks[name]]
    lines = [f"stacks: {', '.join(said) or 'no difference'}"]
    words = {"replace": "may be replaced"}
    named = [f"{resources[n]} {words.get(n, f'to {n}')}" for n in RESOURCES if resources[n]]
    lines += [f"resources: {', '.join(named)}"] if named else []
    if others := len(one.difference.retagged):
        where = "1 stack" if others == 1 else f"{others} stacks"
        lines.append(
            f"default tags: differ in {where}; each resource there that takes them changes, too"
        )
    summary = delta_report.summary(one.delta) if one.delta.changes else "no difference"
    return [*lines, f"access: {summary}"]


# ---- JSON


def as_json(found: Sequence[Compared], before: str, after: str) -> str:
    """See above; ASCII."""
    body = delta_report.body([one.delta for one in found], before, after)
    for record, one in zip(body["organizations"], found, strict=True):
        stacks, resources = counts(one.difference)
        record["summary"] = {
            "stacks": {name: stacks[name] for name in STACKS},
            "resources": {name: resources[name] for name in RESOURCES},
            "retagged": len(one.difference.retagged),
        }
        record["stacks"] = [_stack(stack) for stack in one.difference.stacks]
        record["groups"] = [
            {
                "stacks": [stack.path for stack in group.stacks],
                "addresses": [change.address for change in group.resources],
            }
            for group in groups(staying(one.difference))
        ]
    return json.dumps(body, indent=2) + "\n"


def _stack(stack: StackChange) -> dict[str, object]:
    span = stack.view.span
    return {
        "path": stack.path,
        "action": stack.action,
        "component": stack.view.component,
        "kind": stack.view.kind,
        "home": stack.view.home,
        "from": stack.origin,
        "relocated": stack.relocated or None,
        "retagged": stack.retagged,
        "declared": span and {"path": span.path, "line": span.line, "column": span.column},
        "resources": [_resource(change) for change in stack.resources],
    }


def _resource(change: ResourceChange) -> dict[str, object]:
    return {
        "address": change.address,
        "action": change.action,
        "replaces": list(change.replaces),
        "from": change.origin,
        "id": change.identity,
        "edits": [
            {
                "path": edit.path,
                **({} if edit.before is ABSENT else {"before": edit.before}),
                **({} if edit.after is ABSENT else {"after": edit.after}),
                "added": list(edit.added),
                "removed": list(edit.removed),
                "replaces": edit.forces,
            }
            for edit in change.edits
        ],
    }


# ---- What all texts say


def staying(difference: Difference) -> list[StackChange]:
    """The stacks that are in both revisions."""
    return [s for s in difference.stacks if s.action in ("changed", "moved")]


def whole(difference: Difference) -> Iterator[tuple[str, str]]:
    """The stacks that came, went or moved as a whole, each with a sentence, the gravest first."""
    order = ("orphaned", "removed", "moved", "dropped", "added")
    listed = [s for s in difference.stacks if s.action in order]
    for stack in sorted(listed, key=lambda stack: (order.index(stack.action), stack.path)):
        number = sum(change.managed for change in stack.resources)
        noun = "1 resource" if number == 1 else f"{number} resources"
        yield (
            stack.path,
            {
                "orphaned": "no component makes it any more, and nothing destroys its "
                f"{noun}: list it under removed",
                "removed": f"listed under removed: the next apply destroys its {noun}",
                "dropped": "no longer listed under removed, and gone",
                "moved": f"was {stack.origin}, and keeps its state",
                "added": f"{stack.view.kind}, {noun}",
            }[stack.action],
        )


def divided(
    difference: Difference,
) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """Of `whole` what is orphaned, and the rest; as rows with an empty middle."""
    found = [(path, "", text) for path, text in whole(difference)]
    orphans = {stack.path for stack in difference.stacks if stack.action == "orphaned"}
    return [r for r in found if r[0] in orphans], [r for r in found if r[0] not in orphans]


def relocations(difference: Difference) -> list[tuple[str, str, str]]:
    """The stacks that are elsewhere now, with what that means for what they have."""
    return [
        (
            stack.path,
            "",
            f"from {stack.relocated}: what it has there does not follow, and may stay behind",
        )
        for stack in difference.relocated
    ]


def destroys(difference: Difference) -> list[tuple[str, str, str]]:
    """Address, stacks, and what it means; what holds data first."""
    listed = [
        (change.address, stacks_text(stacks), holds_data(change.address))
        for change, stacks in together(difference.destroyed)
    ]
    return sorted(listed, key=lambda row: not row[2])


def replacements(difference: Difference) -> list[tuple[str, str, str]]:
    """Address, stacks, and because of what; what holds data first."""
    rows = []
    for change, stacks in together(difference.replaced):
        data = holds_data(change.address)
        because = ", ".join(change.replaces)
        rows.append(
            (change.address, stacks_text(stacks), f"{because}; {data}" if data else because)
        )
    return sorted(rows, key=lambda row: not holds_data(row[0]))


def moves(difference: Difference) -> list[tuple[str, str, str]]:
    """Address, stacks, and where it was."""
    return [
        (change.address, stacks_text(stacks), f"was {change.origin}")
        for change, stacks in together(difference.moved)
    ]


def stacks_text(stacks: Sequence[StackChange]) -> str:
    """`aws/shared/churn`, or `in 214 stacks: a, b, c, d, …`."""
    if len(stacks) == 1:
        return stacks[0].path
    listed = ", ".join(stack.path for stack in stacks[:SHOWN_STACKS])
    more = ", …" if len(stacks) > SHOWN_STACKS else ""
    return f"in {len(stacks)} stacks: {listed}{more}"


def edit_text(edit: Edit) -> str:
    """What became of one value."""
    if edit.added or edit.removed:
        parts = [f"added {shown(item)}" for item in edit.added]
        parts += [f"removed {shown(item)}" for item in edit.removed]
        return cut(", ".join(parts))
    if edit.before is ABSENT:
        return f"added {shown(edit.after)}"
    if edit.after is ABSENT:
        return f"removed {shown(edit.before)}"
    return f"{shown(edit.before)} → {shown(edit.after)}"


def shown(value: Maybe) -> str:
    """A value on one line."""
    if isinstance(value, str) and value.startswith("sha256:"):
        return value[:15] + "…"
    return cut(json.dumps(value, ensure_ascii=False))


def cut(text: str) -> str:
    """What would be too long loses its end."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


# ---- Text


def as_text(found: Sequence[Compared], before: str, after: str) -> str:
    """The headline, then what deserves attention first."""
    lines: list[str] = []
    for one in found:
        lines.append(f"{one.organization}: from {visible(before)} to {visible(after)}")
        if one.same:
            lines += ["no difference", ""]
            continue
        lines += [*headline(one), ""]
        gone, rest = divided(one.difference)
        lines += _section("nothing destroys these any more", "!", gone)
        lines += _section("in another account or region", "!", relocations(one.difference))
        lines += _access(one.delta)
        lines += _section("destroyed by the next apply", "-", destroys(one.difference))
        lines += _section("may be replaced", "!", replacements(one.difference))
        lines += _section("moved", ">", moves(one.difference))
        lines += _section("stacks", "*", rest)
        for group in groups(staying(one.difference)):
            lines += [*_group(group), ""]
    return "\n".join(lines)


def _access(delta: Delta) -> Iterator[str]:
    """Three lines for each change; through which statements is what `--access` is asked for."""
    if delta.changes:
        yield "access (with --access: all, with conditions and statements):"
    for change in delta.changes[:SHOWN_ACCESS]:
        yield from (f"  {line}" for line in islice(delta_report.paragraph(change), 3))
    if len(delta.changes) > SHOWN_ACCESS:
        yield f"  … and {len(delta.changes) - SHOWN_ACCESS} more"
    if delta.changes:
        yield ""


def _section(title: str, sign: str, rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    if rows:
        yield f"{title}:"
        for subject, stacks, text in rows:
            place = f"  ({stacks})" if stacks else ""
            said = f": {text}" if text else ""
            yield f"  {sign} {visible(subject + place + said)}"
        yield ""


def _group(group: Group) -> Iterator[str]:
    yield f"{visible(stacks_text(group.stacks))}:"
    for change in group.resources:
        shown = other_text(change) or f"{change.address}{_said(change)}"
        yield f"  {_SIGNS[change.action]} {visible(shown)}"
        for edit in change.edits:
            mark = "  (may replace)" if edit.forces else ""
            yield f"      {visible(edit.path)}: {visible(edit_text(edit))}{mark}"


def other_text(change: ResourceChange) -> str:
    """What differs where there is no address to name; "" where there is one."""
    named = change.address != OTHER
    return "" if named else "a file beside the root module, or what is no resource or setting in it"


def _said(change: ResourceChange) -> str:
    if change.origin:
        return f", was {change.origin}"
    if change.identity:
        return f", imported: {change.identity}"
    if change.replaces and not change.edits:
        return f": may be replaced, for {', '.join(change.replaces)}"
    return ""
