"""Adds parts to the text of a blueprint's file, and leaves every other character as it is.

Takes a file's text with its tree, whose positions say where the parts are, and changes; gives the new
text. What a change would do to anything else is found out by reading the new text again: then there is
none, and a diagnostic says which change is to blame.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compiler.blueprint import nodes
from compiler.blueprint.yaml_syntax import LINE_BREAK
from compiler.blueprint.yaml_tree import parse
from compiler.diagnostics import Diagnostic, Span
from compiler.importing.codes import NOT_EXTENSIBLE
from compiler.importing.layout import block, flow, scalar
from compiler.importing.records import Change, Given

_COMMENT = re.compile(r"( *)#")


class Misfit(Exception):
    """A change does not fit into the text as it is laid out."""


def edited(text: str, path: str, changes: Sequence[Change]) -> tuple[str, tuple[Diagnostic, ...]]:
    """The text with all changes, or as it was with a diagnostic for each that cannot be made.

    `path` is how positions name the file. An empty text is a file that is not there yet.
    """
    tree = parse(text, path)[0] if text.strip() else None
    root = tree or nodes.Mapping({}, Span(path, 1, 1, 1, 1))
    new = _verified(text, root, changes)
    if new is not None:
        return new, ()
    blamed = [change for change in changes if _verified(text, root, (change,)) is None]
    return text, tuple(_misfit(root, change) for change in blamed or changes)


def _misfit(root: nodes.Mapping, change: Change) -> Diagnostic:
    span, _ = nodes.span_at(root, change.path)
    line = f"{scalar(change.path[-1])}: {flow(change.value)}"
    above = ".".join(change.path[:-1])
    return Diagnostic(
        code=NOT_EXTENSIBLE,
        message=f'"{change.shown}" cannot be written here without changing something else',
        span=span,
        hint=f"write it by hand, below {above}: {line}" if above else f"write it by hand: {line}",
    )


def _verified(text: str, root: nodes.Mapping, changes: Sequence[Change]) -> str | None:
    """The new text, if it says what the old one says and the changes, and nothing else."""
    try:
        new = _Editor(text, root).apply(changes)
    except Misfit:
        return None
    read, found = parse(new, root.span.path)
    if read is None or found:
        return None
    return new if nodes.plain(read) == _expected(root, changes) else None


def _expected(root: nodes.Mapping, changes: Sequence[Change]) -> object:
    value: Any = nodes.plain(root)
    for change in changes:
        place = value
        for step in change.path[:-1]:
            below = place.get(step)
            place[step] = place = {} if below is None else below
            if not isinstance(place, dict):
                return None
        place[change.path[-1]] = _copied(change.value)
    return value


def _copied(value: Given) -> object:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return value


@dataclass(slots=True)
class _Editor:
    """One edit of one text. `_edits` are (start, end, text): what is put in place of what."""

    text: str
    root: nodes.Mapping
    _edits: list[tuple[int, int, str]] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _comments: dict[tuple[str, ...], str] = field(default_factory=dict)

    def apply(self, changes: Sequence[Change]) -> str:
        self._starts = [0, *(match.end() for match in LINE_BREAK.finditer(self.text))]
        self._comments = {change.path: change.comment for change in changes if change.comment}
        for change in changes:
            if change.replaces:
                self._replace(change)
        added = [change for change in changes if not change.replaces]
        self._lay(self.root, _nested(added), ())
        return self._carried_out()

    def _carried_out(self) -> str:
        """The text with all edits; those at one place in the order in which they were made."""
        pieces: list[str] = []
        done = 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            if start < done:
                raise Misfit
            pieces += [self.text[done:start], new]
            done = end
        return "".join([*pieces, self.text[done:]])

    # ---- What to do

    def _replace(self, change: Change) -> None:
        span, whole = nodes.span_at(self.root, change.path)
        if not whole or isinstance(change.value, Mapping) or span.line != span.end_line:
            raise Misfit
        start, end = self._offsets(span)
        self._edits.append((start, end, scalar(change.value)))

    def _lay(self, node: nodes.Mapping, wanted: Mapping[str, Given], path: tuple[str, ...]) -> None:
        """Put what is wanted into the mapping, at the depth at which it is missing."""
        missing: dict[str, Given] = {}
        for key, value in wanted.items():
            entry = node.entries.get(key)
            if entry is None:
                missing[key] = value
            elif not isinstance(value, Mapping):
                raise Misfit
            elif isinstance(entry.value, nodes.Mapping) and entry.value.entries:
                self._lay(entry.value, value, (*path, key))
            else:
                self._fill(entry, value, (*path, key))
        if missing and self._is_flow(node):
            self._add_to_flow(node, missing)
        elif missing:
            self._add_to_block(node, missing, path)

    def _fill(self, entry: nodes.Entry, value: Given, path: tuple[str, ...]) -> None:
        """Give a value to a key that has none, or an empty mapping."""
        empty = entry.value
        if isinstance(empty, nodes.Sequence) or (
            isinstance(empty, nodes.Scalar) and empty.value is not None
        ):
            raise Misfit
        colon = self._after_colon(entry)
        start, end = self._offsets(empty.span)
        line = empty.span.end_line
        if not self.text[start:end].strip():
            # Nothing is written: where the value ends is where the parser went on.
            start, end, line = colon, colon, entry.key_span.end_line
        if start < colon:
            raise Misfit
        if len(path) > 1 or entry.key_span.column > 1:
            self._edits.append((start, end, f"{'' if start > colon else ' '}{flow(value)}"))
            return
        # A whole section: lines of its own.
        assert isinstance(value, Mapping)
        self._edits.append((colon, end, ""))
        lines = self._lines(value, 2, path)
        self._insert_lines(self._after_comments(line, 2), lines)

    def _add_to_flow(self, node: nodes.Mapping, missing: Mapping[str, Given]) -> None:
        """Behind the last entry, or behind the bracket where that cannot be told."""
        start, end = self._offsets(node.span)
        items = ", ".join(f"{scalar(key)}: {flow(value)}" for key, value in missing.items())
        last = list(node.entries.values())[-1] if node.entries else None
        if last is None:
            self._edits.append((start + 1, start + 1, items))
            return
        place = self._offsets(last.value.span)[1]
        if self._offsets(last.key_span)[1] < place < end:
            self._edits.append((place, place, f", {items}"))
        else:
            self._edits.append((start + 1, start + 1, f"{items}, "))

    def _add_to_block(
        self, node: nodes.Mapping, missing: Mapping[str, Given], path: tuple[str, ...]
    ) -> None:
        if not path:
            self._add_sections(missing)
            return
        first = next(iter(node.entries.values()))
        indent = first.key_span.column - 1
        after = self._after_comments(node.span.end_line, indent)
        self._insert_lines(after, self._lines(missing, indent, path))

    def _add_sections(self, missing: Mapping[str, Given]) -> None:
        """At the end of the file; a blank line before each section."""
        lines: list[str] = []
        for key, value in missing.items():
            section = isinstance(value, Mapping) and key != "organization"
            if section and (lines or self.text.strip()):
                lines.append("")
            lines += block(key, value, 0, self._comments, (key,), open=section)
        self._insert_lines(len(self._starts), lines)

    def _lines(self, entries: Mapping[str, Given], indent: int, path: tuple[str, ...]) -> list[str]:
        return [
            line
            for key, value in entries.items()
            for line in block(key, value, indent, self._comments, (*path, key))
        ]

    # ---- Where to do it

    def _is_flow(self, node: nodes.Mapping) -> bool:
        return self.text.startswith("{", self._offset(node.span.line, node.span.column))

    def _after_colon(self, entry: nodes.Entry) -> int:
        end = self._offsets(entry.key_span)[1]
        found = re.compile(r"[ \t]*:").match(self.text, end)
        if not found:
            raise Misfit
        return found.end()

    def _after_comments(self, line: int, indent: int) -> int:
        """The last line of those that belong to what ends in `line`: comments, no less indented."""
        while line < len(self._starts):
            comment = _COMMENT.match(self.text, self._starts[line])
            if not comment or len(comment[1]) < max(indent, 1):
                break
            line += 1
        return line

    def _insert_lines(self, line: int, lines: Sequence[str]) -> None:
        """Put whole lines below the one of that number."""
        newline = "\r\n" if "\r\n" in self.text else "\n"
        text = "".join(each + newline for each in lines)
        place = self._starts[line] if line < len(self._starts) else len(self.text)
        unended = place > 0 and not LINE_BREAK.fullmatch(self.text[place - 1])
        self._edits.append((place, place, newline + text if unended else text))

    def _offsets(self, span: Span) -> tuple[int, int]:
        return self._offset(span.line, span.column), self._offset(span.end_line, span.end_column)

    def _offset(self, line: int, column: int) -> int:
        if line > len(self._starts):
            raise Misfit
        return self._starts[line - 1] + column - 1


def _nested(changes: Sequence[Change]) -> dict[str, Given]:
    """The values by their paths, as mappings in mappings, in the order of the changes."""
    found: dict[str, Any] = {}
    for change in changes:
        place = found
        for step in change.path[:-1]:
            place = place.setdefault(step, {})
        place[change.path[-1]] = change.value
    return found
