"""YAML text as a tree with positions: the only module that imports a YAML library.

Takes a file's text, gives a `Mapping` whose parts know their lines and columns, and diagnostics; no
effects. The rules are those of YAML 1.2's core schema (through yamlcore): `on` and `yes` are text,
`012` is twelve. Anchors and aliases work and are capped; merge keys (`<<`), tags of one's own and
keys that are not text are refused.

The tree is built from the parser's events, not from PyYAML's `compose`: events take half of
its time, have no recursion to exhaust, and know where an alias stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml
from yamlcore import CCoreLoader  # type: ignore[import-untyped]

from compiler.blueprint.nodes import Entry, Mapping, Node, Scalar, Sequence
from compiler.blueprint.yaml_merge import given_twice, merge_documents
from compiler.blueprint.yaml_scalars import CORE, literal_indent, scalar_value, tag_problem
from compiler.blueprint.yaml_syntax import (
    LINE_BREAK,
    Complaint,
    explain,
    template_diagnostic,
    template_text,
)
from compiler.diagnostics import Diagnostic, Span, in_order

__all__ = ["merge_documents", "parse"]

MAXIMUM_DEPTH = 100
# What aliases may add to the tree, in nodes, all expansions counted.
MAXIMUM_COPIES = 100_000
# Syntax errors and refused characters shown of one file.
MAXIMUM_ERRORS = 20

# Not printable in YAML 1.2 (section 5.1), surrogates, byte order marks, and the line ends that
# YAML 1.1 had and 1.2 has not: readers disagree on them, and nobody sees them. The second part are
# spaces without width and marks that change the direction of writing: a review would show other
# text than the compiler reads (CVE-2021-42574).
_REFUSED = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
    r"|[\u200b\u2060\u202a-\u202e\u2066-\u2069]"
)
_PROPERTIES = re.compile(r"(?:[&!]\S*(?:\s+|$)|#[^\r\n]*\s+)+")
_TOP_LEVEL_KEY = re.compile(r"[A-Za-z_][\w-]*\s*:(?:\s|$)")


def parse(text: str, path: str) -> tuple[Mapping | None, tuple[Diagnostic, ...]]:
    """The tree of one file; `path` is how its positions name it.

    The tree is None after an error of syntax; after any other error it is there without what was
    refused (of a key given twice the first one stays).
    """
    refused = _refused_characters(text, path)
    if refused:
        return None, refused
    reader = _Reader(text, path)
    root = reader.read()
    if reader.syntax_error:
        reader.read_rest()
    elif not reader.stopped:
        root = _top(root, reader, text, path)
    if reader.syntax_error or reader.stopped or not isinstance(root, Mapping):
        root = None
    return root, in_order(reader.found)


def _refused_characters(text: str, path: str) -> tuple[Diagnostic, ...]:
    found = []
    for match in _REFUSED.finditer(text):
        lines = LINE_BREAK.split(text[: match.start()])
        line, column = len(lines), len(lines[-1]) + 1
        found.append(
            Diagnostic(
                code="E024",
                message=f"the invisible character U+{ord(match.group()):04X} stands here",
                span=Span(path, line, column, line, column + 1),
                hint=f'delete it, or write it as "\\u{ord(match.group()):04X}" in double quotes',
            )
        )
        if len(found) == MAXIMUM_ERRORS:
            break
    return tuple(found)


def _top(root: Node | None, reader: _Reader, text: str, path: str) -> Node | None:
    """Check that the document is a mapping."""
    if root is None or (isinstance(root, Scalar) and root.value is None):
        reader.report(
            "E022",
            f'"{path}" has no content',
            Span(path, 1, 1, 1, 1),
            "write the blueprint, or delete the file",
        )
        return None
    if not isinstance(root, Mapping) and not reader.found:
        what = "a list" if isinstance(root, Sequence) else "a single value"
        reader.report(
            "E023",
            f'"{path}" is {what}; keys such as "landform:" were expected',
            root.span,
            "write keys with their values at the top level",
        )
    return root


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come. `key` waits for its value; None drops the value. `template`
    is the text of what should have been a quoted expression."""

    is_mapping: bool
    start: tuple[int, int]
    anchor: str | None
    template: str | None
    as_key: bool
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    key: tuple[str, Span] | None = None
    wants_key: bool = True
    end: tuple[int, int] = (0, 0)
    size: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A node with a name: how many nodes it expands to, and how deep it is."""

    node: Node
    size: int
    height: int


class _Reader:
    """One pass over the events of a document."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.found: list[Diagnostic] = []
        self.lines = LINE_BREAK.split(text)
        self.syntax_error: Diagnostic | None = None
        self.stopped = False
        self._text = text
        self._first_line = 1
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._copies = 0
        self._muted = 0
        self._quoted: Span | None = None
        self._root: Node | None = None

    # ---------------------------------------------------------------- the loop

    def read(self) -> Node | None:
        """The first document, as far as it is well-formed."""
        documents = 0
        try:
            loader = CCoreLoader(self._text)
            while not self.stopped and loader.check_event():
                event = loader.get_event()
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents == 2:
                        self._several_documents(event)
                        break
                self._take(event)
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
        return self._root

    def read_rest(self) -> None:
        """Look for more errors of syntax below the one found: from each next top-level key on."""
        source, error = self, self.syntax_error
        while error and error.span and len(self.found) < MAXIMUM_ERRORS:
            line = error.span.line + 1
            while line <= len(self.lines) and not _TOP_LEVEL_KEY.match(self.lines[line - 1]):
                line += 1
            if line > len(self.lines):
                return
            source = _Reader("\n".join(self.lines[line - 1 :]), self.path)
            source.lines, source._first_line = self.lines, line
            source._anchors = self._anchors
            source.read()
            # Whatever is wrong beside syntax shows when the file can be read.
            self.found += [d for d in source.found if d.code in ("E010", "E011", "E012")]
            error = source.syntax_error

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._start(event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._end(event)
        elif kind is yaml.AliasEvent:
            self._alias(event)

    def report(
        self,
        code: str,
        message: str,
        span: Span,
        hint: str,
        related: tuple[tuple[str, Span], ...] = (),
    ) -> None:
        """Note a problem, unless it is inside what is refused as a whole."""
        if not self._muted:
            self.found.append(
                Diagnostic(code=code, message=message, span=span, hint=hint, related=related)
            )

    # ---------------------------------------------------------------- scalars

    def _scalar(self, event: Any) -> None:
        span = self._scalar_span(event)
        if span.end_line > span.line and event.style in ("'", '"'):
            self._quoted = span
        if self._at_key():
            self._key(event, span)
            return
        value, problem = scalar_value(event.value, bool(event.style), event.tag, _kind)
        if problem:
            code, message, hint = problem
            self.report(code, message, self._place_span(event) if event.tag else span, hint)
        indent = literal_indent(event.value, self.lines, span.line) if event.style == "|" else None
        self._place(Scalar(value, span, indent=indent), 1, 1, event.anchor)

    def _at_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].is_mapping and self._stack[-1].wants_key

    def _key(self, event: Any, span: Span) -> None:
        top = self._stack[-1]
        top.wants_key = False
        top.key = None
        text: str = event.value
        plain = not event.style and event.implicit[0]
        if plain and text == "<<":
            self.report(
                "E020",
                '"<<" (merge key) is not part of YAML 1.2',
                span,
                "use defaults, units or extends to share settings, or repeat the keys",
            )
        elif plain and _kind(text) != "str":
            shown = f'"{text}"' if text else "the empty key"
            what = {"int": "a number", "float": "a number", "bool": "true or false"}.get(
                _kind(text), "null"
            )
            self.report(
                "E014",
                f"{shown} as a key is {what}; text was expected",
                span,
                f'quote it: "{text}"',
            )
            # The value is read under the text, so that what is wrong in it shows as well.
            top.key = (text, span)
        elif text in top.entries:
            first = top.entries[text].key_span
            if not self._muted:
                self.found.append(given_twice("E013", text, first, span))
        else:
            top.key = (text, span)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(Scalar(text, span), 1, 1)

    # ---------------------------------------------------------------- collections

    def _start(self, event: Any) -> None:
        if len(self._stack) >= MAXIMUM_DEPTH:
            self._too_deep(self._place_span(event))
            return
        as_key = self._at_key()
        start, index = self._without_properties(event)
        # A flow collection's event ends after its bracket, a block's where its first key starts.
        flow = event.end_mark.index > index
        template = self._template(start) if flow and self._text.startswith("{{", index) else None
        if as_key:
            self._stack[-1].wants_key = False
            self._stack[-1].key = None
            if template is None:
                self._no_text_as_key("a list or mapping", event)
        tag = event.tag
        expected = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
        if tag not in (None, "!", CORE + expected):
            self._unknown_tag(tag, self._place_span(event))
        if event.anchor:
            # Until the collection ends, an alias to it would be a circle.
            self._anchors.pop(event.anchor, None)
        self._stack.append(
            _Open(isinstance(event, yaml.MappingStartEvent), start, event.anchor, template, as_key)
        )
        self._muted += template is not None

    def _end(self, event: Any) -> None:
        top = self._stack.pop()
        self._muted -= top.template is not None
        flow = event.end_mark.index > event.start_mark.index
        end = self._where(event.end_mark) if flow else top.end
        span = Span(self.path, *top.start, *max(end, top.start))
        node: Node
        if top.template is not None:
            # What was meant, so that no later check complains about something else.
            node = Scalar(top.template, span)
        elif top.is_mapping:
            node = Mapping(top.entries, span)
        else:
            node = Sequence(tuple(top.items), span)
        if top.as_key:
            self._stack[-1].end = max(self._stack[-1].end, (span.end_line, span.end_column))
            return
        self._place(node, top.size, top.height, top.anchor)

    def _place(
        self, node: Node, size: int, height: int, anchor: str | None, at: Span | None = None
    ) -> None:
        """Put a finished node into the collection that is open; `at` is where an alias stands."""
        if anchor:
            self._anchors[anchor] = _Anchored(node, size, height)
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        place = at or node.span
        top.end = (place.end_line, place.end_column)
        top.size += size
        top.height = max(top.height, height + 1)
        if not top.is_mapping:
            top.items.append(node)
            return
        top.wants_key = True
        if top.key:
            name, span = top.key
            top.entries.setdefault(name, Entry(span, node))

    # ---------------------------------------------------------------- aliases

    def _alias(self, event: Any) -> None:
        span = self._place_span(event)
        name: str = event.anchor
        anchored = self._anchors.get(name)
        if self._at_key():
            top = self._stack[-1]
            top.wants_key = False
            top.key = None
            self._no_text_as_key(f'"*{name}"', event)
            return
        if anchored is None:
            self._unknown_alias(name, span)
            anchored = _Anchored(Scalar(None, span), 1, 1)
        elif len(self._stack) + anchored.height > MAXIMUM_DEPTH:
            self._too_deep(span)
            return
        else:
            self._copies += anchored.size
        if self._copies > MAXIMUM_COPIES:
            self.report(
                "E018",
                f'"*{name}" makes the aliases of this file grow to over {MAXIMUM_COPIES:,} values',
                span,
                "write the values out, or use defaults and for_each",
            )
            self.stopped = True
            return
        self._place(anchored.node, anchored.size, anchored.height, None, span)

    def _unknown_alias(self, name: str, span: Span) -> None:
        if any(collection.anchor == name for collection in self._stack):
            self.report(
                "E017", f'"*{name}" stands inside what it refers to', span, "write the value out"
            )
        else:
            self.report(
                "E017",
                f'"*{name}" refers to an anchor "&{name}" that is not above',
                span,
                f'mark the value with "&{name}" above, or quote the text if it is no alias',
            )

    # ---------------------------------------------------------------- refusals

    def _too_deep(self, span: Span) -> None:
        self.report(
            "E019",
            f"values are nested over {MAXIMUM_DEPTH} levels deep here",
            span,
            "check the brackets and the indentation",
        )
        self.stopped = True

    def _no_text_as_key(self, what: str, event: Any) -> None:
        message = f"{what} as a key; text was expected"
        self.report("E014", message, self._place_span(event), "write the key as text")

    def _unknown_tag(self, tag: str, span: Span) -> None:
        self.report(*tag_problem(tag)[:2], span, tag_problem(tag)[2])

    def _several_documents(self, event: Any) -> None:
        span = self._place_span(event)
        self.report(
            "E015",
            "a second document starts here; one per file was expected",
            span,
            'delete the "---", or put this document into a file of its own',
        )

    def _template(self, start: tuple[int, int]) -> str:
        line, column = start
        text = self.lines[line - 1]
        if not self._muted:
            self.found.append(template_diagnostic(self.path, line, column - 1, text))
        return template_text(text[column - 1 :])

    def _syntax(self, error: yaml.MarkedYAMLError) -> None:
        place = self._where(error.problem_mark) if error.problem_mark else (self._first_line, 1)
        complaint = Complaint(
            problem=error.problem or "",
            place=place,
            context=error.context or "",
            context_place=self._where(error.context_mark) if error.context_mark else None,
            quoted=self._quoted,
        )
        self.syntax_error = explain(complaint, self.lines, self.path)
        self.found = [d for d in self.found if d.code not in ("E014", "E022", "E023")]
        span = self.syntax_error.span
        if not any(
            d.code == "E012" and d.span and span and d.span.line == span.line for d in self.found
        ):
            self.found.append(self.syntax_error)

    # ---------------------------------------------------------------- places

    def _where(self, mark: Any) -> tuple[int, int]:
        line: int = mark.line + self._first_line
        # libyaml counts on past the end of a text without a last line end.
        if line > len(self.lines):
            return len(self.lines), len(self.lines[-1]) + 1
        return line, min(mark.column, len(self.lines[line - 1])) + 1

    def _place_span(self, event: Any) -> Span:
        """From the event's start to the end of its token, within one line."""
        line, column = self._where(event.start_mark)
        end_line, end_column = self._where(event.end_mark)
        if end_line > line:
            end_column = len(self.lines[line - 1]) + 1
        return Span(self.path, line, column, line, max(end_column, column))

    def _without_properties(self, event: Any) -> tuple[tuple[int, int], int]:
        """Where a node starts, its anchor and tag left out: the place and the index."""
        mark = event.start_mark
        if event.anchor is None and event.tag is None:
            return self._where(mark), mark.index
        match = _PROPERTIES.match(self._text, mark.index, event.end_mark.index)
        if not match:
            return self._where(mark), mark.index
        return self._after(mark, match.group()), match.end()

    def _after(self, mark: Any, passed: str) -> tuple[int, int]:
        line, column = self._where(mark)
        parts = LINE_BREAK.split(passed)
        if len(parts) == 1:
            return line, column + len(passed)
        return line + len(parts) - 1, len(parts[-1]) + 1

    def _scalar_span(self, event: Any) -> Span:
        first, last = event.start_mark, event.end_mark
        if first.line == last.line and event.anchor is None and event.tag is None:
            # Nearly all scalars: the two marks are exact.
            line = first.line + self._first_line
            if line <= len(self.lines):
                return Span(self.path, line, first.column + 1, line, last.column + 1)
        start, _ = self._without_properties(event)
        end = self._where(event.end_mark)
        if event.style in ("|", ">"):
            # libyaml ends a block scalar where the next thing starts.
            written = self._text[event.start_mark.index : event.end_mark.index].rstrip()
            end = self._after(event.start_mark, written)
        return Span(self.path, *start, *max(start, end))


@lru_cache(maxsize=65536)
def _kind(text: str) -> str:
    """What a plain scalar is by the core schema: str, int, float, bool or null."""
    tag: str = _resolver.resolve(yaml.ScalarNode, text, (True, False))
    return tag.removeprefix(CORE)


_resolver = CCoreLoader("")
