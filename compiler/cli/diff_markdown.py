"""What `landform diff` found as the comment of a pull request.

GitHub takes up to 65,536 characters. What is more important comes first, and takes the room that it
needs; of the rest each table gets whole rows while there is room, and says how many it left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.access.delta import KINDS
from compiler.cli import delta_report
from compiler.cli.delta_report import cell, code
from compiler.cli.diff_report import (
    Compared,
    destroys,
    divided,
    edit_text,
    headline,
    moves,
    other_text,
    relocations,
    replacements,
    stacks_text,
    staying,
)
from compiler.diff.collapse import Group, groups

# "Body is too long (maximum is 65536 characters)", as GitHub's API answers.
LONGEST = 65_536
# Room for the last line, which names what was left out.
_LAST = 400
_ROW_LEFT_OUT = "\n\n… and {} more: see the text or JSON."


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table with its title, or a paragraph where there are no rows. `name` is its plural."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    name: str


def as_markdown(found: Sequence[Compared], before: str, after: str, longest: int = LONGEST) -> str:
    """At most so many characters, also where half of them take two in UTF-16."""
    heads = [_head(one, before, after) for one in found]
    room = longest - _LAST - sum(map(_length, heads)) - 2 * len(heads)
    texts: list[list[str]] = [[head] for head in heads]
    lost: dict[str, int] = {}
    # By importance over all organisations, not organisation by organisation.
    ordered = sorted(
        ((rank, number, part) for number, one in enumerate(found) for rank, part in _parts(one)),
        key=lambda each: (each[0], each[1]),
    )
    for _, number, section in ordered:
        text, left = _fitted(section, room)
        room -= _length(text) + 2 if text else 0
        texts[number] += [text] if text else []
        if left:
            lost[section.name] = lost.get(section.name, 0) + left
    blocks = [text for each in texts for text in each]
    if lost:
        named = ", ".join(f"{number} {name}" for name, number in lost.items())
        blocks.append(f"**Left out, as a comment has no room for it:** {named}.")
    return "\n\n".join(blocks) + "\n"


def _length(text: str) -> int:
    """In units of UTF-16, which is never less than in characters."""
    return len(text.encode("utf-16-le")) // 2


def _head(one: Compared, before: str, after: str) -> str:
    title = f"### `{one.organization}`: {code(before)} to {code(after)}"
    if one.same:
        return f"{title}\n\nNo difference."
    lines = "\n".join(f"- {cell(line)}" for line in headline(one))
    return f"{title}\n\n{lines}"


def _parts(one: Compared) -> Iterator[tuple[int, Section]]:
    """The sections with their rank: 0 is the most important."""
    difference = one.difference
    gone, rest = divided(difference)
    yield from _table(0, "Nothing destroys these any more", gone)
    yield from _table(0, "In another account or region", relocations(difference))
    by_kind = {kind: [c for c in one.delta.changes if c.kind == kind] for kind in KINDS}
    for kind in KINDS:
        rank = 1 if kind in ("gained", "widened") else 5
        chosen = sorted(by_kind[kind], key=lambda change: -len({m.name for m in change.marks}))
        rows = tuple(map(delta_report.row, chosen))
        if rows:
            title = f"Access {kind}"
            yield (
                rank,
                Section(title=title, header=delta_report.HEADER, rows=rows, name=title.lower()),
            )
    yield from _listed(2, "Destroyed by the next apply", destroys(difference), "destroys")
    yield from _listed(3, "May be replaced", replacements(difference), "possible replacements")
    yield from _listed(4, "Moved", moves(difference), "moves")
    yield from _table(6, "Stacks", rest)
    for group in groups(staying(difference)):
        yield 7, _group(group)


def _table(
    rank: int, title: str, rows: Sequence[tuple[str, str, str]]
) -> Iterator[tuple[int, Section]]:
    if rows:
        cells = tuple((code(path), cell(text)) for path, _, text in rows)
        yield rank, Section(title=title, header=("stack", ""), rows=cells, name="stacks")


def _listed(
    rank: int, title: str, rows: Sequence[tuple[str, str, str]], name: str
) -> Iterator[tuple[int, Section]]:
    if rows:
        cells = tuple((code(address), cell(stacks), cell(text)) for address, stacks, text in rows)
        yield rank, Section(title=title, header=("resource", "stack", ""), rows=cells, name=name)


def _group(group: Group) -> Section:
    rows = []
    for change in group.resources:
        if not change.edits:
            said = {"create": "created", "destroy": "destroyed", "import": "imported"}
            text = said.get(change.action, "")
            text += f" ({', '.join(change.replaces)})" if change.replaces else ""
            address = "" if other_text(change) else code(change.address)
            rows.append((address, "", cell(other_text(change) or text)))
        for edit in change.edits:
            mark = "<br>**may replace**" if edit.forces else ""
            rows.append((code(change.address), code(edit.path), code(edit_text(edit)) + mark))
    return Section(
        title=cell(stacks_text(group.stacks)),
        header=("resource", "attribute", "change"),
        rows=tuple(rows),
        name="changed values",
    )


def _fitted(section: Section, room: int) -> tuple[str, int]:
    """The section with as many rows as there is room for, and how many rows are left out."""
    head = f"#### {section.title}\n\n{delta_report.table(section.header, ())}"
    lines = [f"| {' | '.join(row)} |" for row in section.rows]
    if _length(head) + sum(_length(line) + 1 for line in lines) <= room:
        return "\n".join([head, *lines]), 0
    room -= _length(head) + len(_ROW_LEFT_OUT) + 8
    taken: list[str] = []
    for line in lines:
        room -= _length(line) + 1
        if room < 0:
            break
        taken.append(line)
    left = len(lines) - len(taken)
    if not taken:
        return "", left
    return "\n".join([head, *taken]) + _ROW_LEFT_OUT.format(left), left
