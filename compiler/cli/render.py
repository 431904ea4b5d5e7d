"""Diagnostics, and what a run did, as text, JSON, GitHub workflow commands or SARIF.

Takes diagnostics, the sources by path (for the text's source lines) and optionally a `Result`; gives
one string that ends with a line break, or is empty. Prints nothing and reads nothing; the same input
gives the same text whatever the terminal. Characters that could steer a terminal or disguise a line
(control characters, escape sequences, marks of text direction) are made visible in every format.

JSON, version 1; keys are added, never changed:

    {"version": 1,
     "diagnostics": [{"code": "E401", "severity": "error" | "warning", "message": "…",
                      "span": {"path", "line", "column", "end_line", "end_column"} | null,
                      "hint": "…" | null, "related": [{"label": "…", "span": {…}}]}],
     "summary": {"errors": 1, "warnings": 0},
     "result": {"written": true, "added": ["path"], "changed": [], "removed": [], "same": 12} | null}

Lines and columns count from 1, in characters; `end_column` is exclusive.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TextIO
from urllib.parse import quote

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Span, has_errors, in_order
from compiler.output_codes import PARTLY_WRITTEN
from compiler.tree import Changes

Format = Literal["text", "json", "github", "sarif"]
FORMATS: tuple[Format, ...] = ("text", "json", "github", "sarif")

# Terminal cells of a source line that are shown; longer lines are cut around the caret.
LINE_CELLS = 120
_CONTEXT = 40  # cells kept before the caret of a line that is cut
_NEAR = 1000  # characters on each side of the caret that are looked at, so that no line is too long
_TAB = 4
_RESET = "\x1b[0m"
_STYLES = {
    "place": "\x1b[1m",
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "frame": "\x1b[1;34m",
    "label": "\x1b[1m",
}
# Where PyYAML, which gives the positions, ends a line.
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the run did with the output tree, or (`written` false) would have done."""

    changes: Changes
    written: bool


def render(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, str],
    format: Format,
    color: bool,
    *,
    result: Result | None = None,
    codes: Mapping[str, Code] | None = None,
) -> str:
    """All diagnostics, sorted, without doubles.

    `sources` are whole files by the path in the spans; a missing one only costs the source line.
    `color` is for text only (see `wants_color`); `codes` explain the rules in SARIF.
    """
    ordered = in_order(diagnostics)
    if format == "json":
        return _json(ordered, result)
    if format == "github":
        return _github(ordered, result)
    if format == "sarif":
        return _sarif(ordered, codes or {})
    return _text(ordered, sources, color, result)


def wants_color(choice: str, stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether to colour: `choice` is `--color`'s "always", "never" or "auto".

    Auto: on a terminal, unless NO_COLOR is set and not empty (no-color.org) or TERM is "dumb".
    """
    if choice in ("always", "never"):
        return choice == "always"
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return stream.isatty()


def summary(diagnostics: Sequence[Diagnostic], result: Result | None = None) -> str:
    """One line: how many errors and warnings, and what was written.

    >>> summary((), Result(changes=Changes(added=("a", "b"), same=("c",)), written=True))
    'wrote 2 files; 1 unchanged'
    """
    errors, warnings = _counts(diagnostics)
    found = [_count(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    parts = [", ".join(found)] if found else []
    if result is not None:
        parts.append(_outcome(result))
    elif errors and not any(diagnostic.code in PARTLY_WRITTEN for diagnostic in diagnostics):
        parts.append("nothing was written")
    return "; ".join(parts) or "no problems found"


def _outcome(result: Result) -> str:
    changes = result.changes
    made, gone, same = len(changes.added) + len(changes.changed), changes.removed, changes.same
    if not changes.pending:
        return f"up to date: {_count(len(same), 'file')}"
    if result.written:
        done = [f"wrote {_count(made, 'file')}"] if made else []
        done += [f"removed {_count(len(gone), 'file')}"] if gone else []
        return ", ".join(done) + f"; {len(same)} unchanged"
    wanted = (("add", changes.added), ("change", changes.changed), ("remove", gone))
    listed = ", ".join(f"{len(paths)} to {verb}" for verb, paths in wanted if paths)
    return f"out of date: {listed}; nothing was written"


def _counts(diagnostics: Iterable[Diagnostic]) -> tuple[int, int]:
    severities = [diagnostic.severity for diagnostic in diagnostics]
    return severities.count("error"), severities.count("warning")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# ---- Characters


def visible(text: str, keep: str = "") -> str:
    r"""`text` with the characters that a terminal would obey, or not show, written as escapes.

    >>> visible("a\x1b[31mb\u202e")
    'a\\x1b[31mb\\u202e'
    """
    return "".join(c if c in keep or _harmless(c) else _escaped(c) for c in text)


def _harmless(character: str) -> bool:
    # Cc control, Cf format (text direction, zero width), Cs half a character, Zl and Zp line breaks.
    # The joiner is part of emoji and of some scripts.
    if character.isascii():
        return character.isprintable()
    kind = unicodedata.category(character)
    return kind not in ("Cc", "Cf", "Cs", "Zl", "Zp") or character == "\u200d"


def _escaped(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    number = ord(character)
    if character in named:
        return named[character]
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


class _Cell(NamedTuple):
    """One character of a source line as it is shown, and how many terminal cells it takes."""

    text: str
    width: int


def _cells(line: str) -> list[_Cell]:
    """A cell for each character of `line`, in order."""
    cells: list[_Cell] = []
    column = 0
    joined = False
    for character in line:
        if character == "\t":
            cell = _Cell(" " * (_TAB - column % _TAB), _TAB - column % _TAB)
        elif not _harmless(character):
            cell = _Cell(_escaped(character), len(_escaped(character)))
        else:
            cell = _Cell(character, 0 if joined else _width(character, cells))
        joined = character == "\u200d"
        cells.append(cell)
        column += cell.width
    return cells


def _width(character: str, before: Sequence[_Cell]) -> int:
    """Terminal cells: 2 for East Asian wide and emoji, 0 for what combines with the one before."""
    if character.isascii():
        return 1
    wide_before = bool(before) and before[-1].width == 2
    if character == "\ufe0f":  # asks for the emoji form, which is wide
        symbol = bool(before) and unicodedata.category(before[-1].text[-1]) == "So"
        return 1 if symbol and not wide_before else 0
    if unicodedata.category(character) in ("Mn", "Me") or character == "\u200d":
        return 0
    if "\U0001f3fb" <= character <= "\U0001f3ff" and wide_before:  # skin tone
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


# ---- Text


def _text(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    color: bool,
    result: Result | None,
) -> str:
    def paint(style: str, text: str) -> str:
        return f"{_STYLES[style]}{text}{_RESET}" if color and text else text

    lines: dict[str, list[str]] = {}
    blocks = []
    for diagnostic in diagnostics:
        path = diagnostic.span.path if diagnostic.span else ""
        if path in sources and path not in lines:
            lines[path] = _LINE_BREAK.split(sources[path].removeprefix("\ufeff"))
        blocks.append(_block(diagnostic, lines.get(path), paint))
    if diagnostics or result is not None:
        blocks.append(f"{summary(diagnostics, result)}\n")
    return "\n".join(blocks)


Paint = Callable[[str, str], str]


def _block(diagnostic: Diagnostic, lines: Sequence[str] | None, paint: Paint) -> str:
    span = diagnostic.span
    word = paint(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
    place = paint("place", f"{_place(span)}:") + " " if span else ""
    out = [f"{place}{word}: {visible(diagnostic.message)}"]
    gutter = " " * (len(str(span.line)) if span and lines else 0)
    if span and lines:
        out += _excerpt(span, lines, diagnostic.severity, paint)
    notes = [("hint", diagnostic.hint)] if diagnostic.hint else []
    notes += [("note", f"{label.rstrip(':')}: {_place(at)}") for label, at in diagnostic.related]
    for label, text in notes:
        first, *others = visible(text, keep="\n").rstrip("\n").split("\n")
        lead = f"{gutter} {paint('frame', '=')} {paint('label', f'{label}:')} "
        out.append(lead + first)
        out += [(" " * (len(gutter) + 5 + len(label)) + other).rstrip() for other in others]
    return "\n".join(out) + "\n"


def _place(span: Span) -> str:
    return f"{visible(span.path)}:{span.line}:{span.column}"


def _excerpt(span: Span, lines: Sequence[str], style: str, paint: Paint) -> list[str]:
    """The frame's upper edge, the source line, and the carets below it."""
    line = lines[span.line - 1] if 1 <= span.line <= len(lines) else ""
    end = span.end_column if span.end_line == span.line else len(line.rstrip()) + 1
    shown, before, width = _cut(line, span.column - 1, end - 1)
    number = str(span.line)
    edge = f"{' ' * len(number)} {paint('frame', '|')}"
    return [
        edge,
        f"{paint('frame', f'{number} |')} {shown}".rstrip(),
        f"{edge} {' ' * before}{paint(style, '^' * width)}",
    ]


def _cut(line: str, start: int, end: int) -> tuple[str, int, int]:
    """What to show of `line`, the cells before the caret, and the number of carets.

    `start` and `end` are indexes of characters, which may lie behind the line's end. Carets that
    would lie behind the cut are left out.
    """
    start = min(max(start, 0), len(line))
    offset = max(0, start - _NEAR)
    cells = _cells(line[offset : start + _NEAR])
    more = start + _NEAR < len(line)
    start -= offset
    end = min(max(end - offset, start), len(cells))
    widths = [cell.width for cell in cells]
    first, last = 0, len(cells)
    if sum(widths) > LINE_CELLS:
        near = sum(widths[:start]) <= LINE_CELLS - _CONTEXT
        first = 0 if near else _back(widths, start, _CONTEXT)
        last = _forward(widths, first, LINE_CELLS)
        first = _back(widths, last, LINE_CELLS) if last == len(cells) else first
        while first < start and not widths[first]:  # combines with a character that is cut off
            first += 1
    head = "…" if first or offset else ""
    tail = "…" if last < len(cells) or more else ""
    shown = head + "".join(cell.text for cell in cells[first:last]) + tail
    carets = sum(widths[start : min(end, last)])
    return shown, len(head) + sum(widths[first:start]), max(1, carets)


def _back(widths: Sequence[int], index: int, room: int) -> int:
    """The first index from which the cells up to `index` fit in `room`."""
    while index and widths[index - 1] <= room:
        index -= 1
        room -= widths[index]
    return index


def _forward(widths: Sequence[int], index: int, room: int) -> int:
    """The index up to which the cells from `index` on fit in `room`."""
    while index < len(widths) and widths[index] <= room:
        room -= widths[index]
        index += 1
    return index


# ---- JSON


def _json(diagnostics: Sequence[Diagnostic], result: Result | None) -> str:
    errors, warnings = _counts(diagnostics)
    return _dump(
        {
            "version": 1,
            "diagnostics": [_record(diagnostic) for diagnostic in diagnostics],
            "summary": {"errors": errors, "warnings": warnings},
            "result": result
            and {
                "written": result.written,
                "added": list(result.changes.added),
                "changed": list(result.changes.changed),
                "removed": list(result.changes.removed),
                "same": len(result.changes.same),
            },
        }
    )


def _record(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "span": diagnostic.span and diagnostic.span._asdict(),
        "hint": diagnostic.hint,
        "related": [{"label": label, "span": at._asdict()} for label, at in diagnostic.related],
    }


def _dump(value: object) -> str:
    # ASCII: JSON's own escapes keep the exact text and leave nothing for a terminal to obey.
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


# ---- GitHub workflow commands


def _github(diagnostics: Sequence[Diagnostic], result: Result | None) -> str:
    """One command a line, escaped as the runner unescapes it (github.com/actions/toolkit, command.ts).

    Columns are left out of spans over several lines, which the runner refuses.
    """
    out = [_command(diagnostic) for diagnostic in diagnostics]
    if diagnostics or result is not None:
        out.append(summary(diagnostics, result))
    return "".join(f"{line}\n" for line in out)


# What others call a note.
_LEVELS = {"note": "notice"}


def _command(diagnostic: Diagnostic) -> str:
    level, text = diagnostic.severity, _paragraph(diagnostic)
    return workflow_command(level, diagnostic.span, diagnostic.code, text)


def workflow_command(level: str, span: Span | None, title: str, text: str) -> str:
    """One workflow command: an annotation at a place, or of the run."""
    properties: dict[str, object] = {}
    if span:
        one_line = span.line == span.end_line
        properties = {"file": span.path, "line": span.line}
        properties |= {"col": span.column} if one_line else {}
        properties |= {"endLine": span.end_line}
        # The last column, not the one behind it.
        properties |= {"endColumn": max(span.column, span.end_column - 1)} if one_line else {}
    properties["title"] = title
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{_LEVELS.get(level, level)} {listed}::{_data(text)}"


def _paragraph(diagnostic: Diagnostic) -> str:
    """Message, hint and notes as lines of plain text."""
    lines = [visible(diagnostic.message)]
    if diagnostic.hint:
        lines.append(f"hint: {visible(diagnostic.hint, keep=chr(10))}")
    lines += [f"note: {visible(label)}: {_place(at)}" for label, at in diagnostic.related]
    return "\n".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text, keep="\r\n")).replace(":", "%3A").replace(",", "%2C")


# ---- SARIF

SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def _sarif(diagnostics: Sequence[Diagnostic], codes: Mapping[str, Code]) -> str:
    """SARIF 2.1.0 (OASIS standard). What no file is to blame for is a notification of the tool.

    GitHub's code scanning refuses a whole upload with one result without a location.
    """
    used = sorted({diagnostic.code for diagnostic in diagnostics})
    rules = [_rule(code, codes.get(code)) for code in used]
    index = {code: number for number, code in enumerate(used)}
    located = [d for d in diagnostics if d.span]
    others = [d for d in diagnostics if not d.span]
    invocation: dict[str, object] = {"executionSuccessful": not has_errors(diagnostics)}
    if others:
        invocation["toolExecutionNotifications"] = [_notification(d, index) for d in others]
    run = {
        "tool": {"driver": {"name": "Landform", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": [_sarif_result(d, index) for d in located],
    }
    return _dump({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(name: str, code: Code | None) -> dict[str, object]:
    level = "warning" if name.startswith("W") else "error"
    rule: dict[str, object] = {"id": name, "defaultConfiguration": {"level": level}}
    if code is not None:
        rule["shortDescription"] = {"text": code.title}
        rule["fullDescription"] = {"text": code.explanation}
        rule["help"] = {"text": f"Wrong:\n{code.wrong}\n\nRight:\n{code.right}\n"}
    return rule


def _notification(diagnostic: Diagnostic, index: Mapping[str, int]) -> dict[str, object]:
    return {
        "associatedRule": {"id": diagnostic.code, "index": index[diagnostic.code]},
        "level": diagnostic.severity,
        "message": {"text": _paragraph(diagnostic)},
    }


def _sarif_result(diagnostic: Diagnostic, index: Mapping[str, int]) -> dict[str, object]:
    found: dict[str, object] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index[diagnostic.code],
        "level": diagnostic.severity,
        "message": {"text": _paragraph(diagnostic)},
    }
    if diagnostic.span:
        found["locations"] = [location(diagnostic.span)]
    if diagnostic.related:
        found["relatedLocations"] = [
            {"id": number, "message": {"text": visible(label)}, **location(at)}
            for number, (label, at) in enumerate(diagnostic.related)
        ]
    return found


def location(span: Span) -> dict[str, object]:
    """A span as a location."""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(span.path)},
            "region": {
                "startLine": span.line,
                "startColumn": span.column,
                "endLine": span.end_line,
                "endColumn": span.end_column,
            },
        }
    }


def _uri(path: str) -> str:
    """A relative reference; only a path outside of the working directory is a file URI."""
    quoted = quote(path, safe="/~", errors="surrogatepass")
    if path.startswith("/"):
        return f"file://{quoted}"
    return f"file:///{quoted}" if re.match(r"[A-Za-z]:/", path) else quoted
