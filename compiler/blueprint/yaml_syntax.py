"""What a YAML syntax error means, in words that say what to do.

Takes the parser's complaint (libyaml's problem and context, with their places) and the file's lines;
gives a diagnostic. Pure: no YAML library, no files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from compiler.diagnostics import Diagnostic, Span

# YAML breaks lines at these only (YAML 1.2, section 5.4); str.splitlines has more.
LINE_BREAK = re.compile(r"\r\n|\n|\r")
# A value that starts with Jinja2's marks and has no quotes, with what stands before it.
_UNQUOTED = re.compile(r"(?:^ *|[:,?\-] +|\[ *|, *)(?P<value>\{[{%#].*)$")
# Such a value without what follows it on the line: a comment, or the rest of a flow collection.
_TEMPLATE = re.compile(
    r"\{[{%#].*?[}%#]\}(?:[^\s,\]}]*?\{[{%#].*?[}%#]\})*(?:(?!:(?:\s|$))[^\s,\]}])*"
)
_ESCAPE_HINT = "write two backslashes, or use single quotes, in which a backslash is itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What the parser said. Places are (line, column), both from 1.

    `quoted` is where the last quoted scalar of several lines starts and ends: a forgotten quote
    shows only where the next one ends it.
    """

    problem: str
    place: tuple[int, int]
    context: str = ""
    context_place: tuple[int, int] | None = None
    quoted: Span | None = None


def explain(complaint: Complaint, lines: list[str], path: str) -> Diagnostic:
    """The diagnostic for `complaint`; `lines` are the whole file's, without line breaks."""
    line, column = _inside(complaint.place, lines)
    text = lines[line - 1]
    unquoted = unquoted_template(text)
    if unquoted is not None:
        return template_diagnostic(path, line, unquoted, text)
    indent = re.match(r" *\t[ \t]*", text)
    if indent and column <= indent.end() + 1:
        return _problem(
            "E011",
            f"line {line} is indented with a tab; YAML takes only spaces",
            (line, text.index("\t") + 1),
            lines,
            path,
            "put two spaces in its place",
        )
    message, hint, place = _sentence(complaint, lines, (line, column))
    return _problem("E010", message, place, lines, path, hint)


def unquoted_template(text: str) -> int | None:
    """The index in the line `text` at which a value starts with `{{` unquoted, or None."""
    if text.lstrip().startswith("#"):
        return None
    match = _UNQUOTED.search(text)
    if not match:
        return None
    before = text[: match.start("value")]
    if before.count("'") % 2 or before.count('"') % 2:
        return None
    return match.start("value")


def template_diagnostic(path: str, line: int, index: int, text: str) -> Diagnostic:
    """Say that the value at `index` of the line `text` needs quotes."""
    value = template_text(text[index:])
    quote = "'" if '"' in value else '"'
    reading = "a mapping" if value.startswith("{{") else "the start of a mapping"
    return Diagnostic(
        code="E012",
        message=f'the value {value} has no quotes: YAML reads "{value[:2]}" as {reading}',
        span=Span(path, line, index + 1, line, index + 1 + len(value)),
        hint=f"quote it: {quote}{value}{quote}"
        if not (quote == "'" and "'" in value)
        else "quote the whole value, with double quotes outside and single ones inside",
    )


def template_text(rest: str) -> str:
    """The part of `rest`, a line from the value on, that belongs to the value."""
    match = _TEMPLATE.match(rest)
    return match.group() if match else re.sub(r"\s+#.*|\s+$", "", rest)


def _inside(place: tuple[int, int], lines: list[str]) -> tuple[int, int]:
    """`place`, moved to the last line that has text when it is past it."""
    line, column = place
    while line > len(lines) or (line > 1 and not lines[line - 1].strip()):
        line -= 1
        column = len(lines[line - 1]) + 1 if line <= len(lines) else 1
    return line, min(column, len(lines[line - 1]) + 1)


def _problem(
    code: str, message: str, place: tuple[int, int], lines: list[str], path: str, hint: str
) -> Diagnostic:
    line, column = _inside(place, lines)
    width = 1 if column <= len(lines[line - 1]) else 0
    span = Span(path, line, column, line, column + width)
    return Diagnostic(code=code, message=message, span=span, hint=hint)


_Sentence = tuple[str, str, tuple[int, int]]


def _sentence(complaint: Complaint, lines: list[str], place: tuple[int, int]) -> _Sentence:
    """Message, hint and place for what is neither a tab nor a template."""
    problem, text = complaint.problem, lines[place[0] - 1]
    opened = complaint.context_place or place
    if complaint.quoted and complaint.quoted.end_line == complaint.place[0]:
        start = (complaint.quoted.line, complaint.quoted.column)
        return _unclosed_quote(start, f"it runs on to line {complaint.quoted.end_line}")
    if problem == "found unexpected end of stream":
        return _unclosed_quote(opened, "it runs on to the end of the file")
    if "scalar" in complaint.context and "document indicator" in problem:
        return _unclosed_quote(opened, "the document ends before it does")
    if problem.startswith("did not find expected ',' or"):
        return _unclosed_bracket(problem, lines, opened, place)
    if problem == "mapping values are not allowed in this context":
        return _second_value(lines, place)
    if problem == "could not find expected ':'":
        word = lines[opened[0] - 1].strip()
        return f'"{word}" has no colon; a line "key: value" was expected', "add the colon", opened
    if problem == "found character that cannot start any token":
        return _bad_start(text[place[1] - 1 : place[1]], place)
    if problem == "found unknown escape character":
        escape = text[place[1] - 1 : place[1] + 1]
        return f'"{escape}" is no escape that YAML knows in double quotes', _ESCAPE_HINT, place
    if problem == "block sequence entries are not allowed in this context":
        return (
            '"-" starts a list item in the middle of a line',
            "start the list on the next line, indented",
            place,
        )
    return _structure(complaint, text, place)


def _structure(complaint: Complaint, text: str, place: tuple[int, int]) -> _Sentence:
    problem, first = complaint.problem, not text[: place[1] - 1].strip()
    rest = text[place[1] - 1 :].strip()
    if first and problem in ("did not find expected key", "did not find expected '-' indicator"):
        what = "a key" if problem.endswith("key") else 'a list item "- …"'
        return (
            f'"{rest}" does not fit the lines above; {what} at their indentation was expected',
            "indent it like the lines that it belongs to",
            place,
        )
    if problem.startswith("did not find expected") and rest:
        return (
            f'"{rest}" is not expected here',
            "quote the value, or put this on its own line",
            place,
        )
    if problem == "did not find expected node content":
        return "the file ends where a value was expected", "close every bracket and brace", place
    if problem == "found incompatible YAML document" or "directive" in complaint.context:
        return f'"{text.strip()}" is no directive of YAML 1.2', "delete the line", place
    return (
        f'"{text.strip()}" is not valid YAML: {problem}',
        "quote values with special characters",
        place,
    )


def _unclosed_quote(place: tuple[int, int], consequence: str) -> _Sentence:
    return (
        f"the quoted text that starts here is not closed: {consequence}",
        "close the quote",
        place,
    )


def _unclosed_bracket(
    problem: str, lines: list[str], opened: tuple[int, int], place: tuple[int, int]
) -> _Sentence:
    closing = "]" if "]" in problem else "}"
    opening = lines[opened[0] - 1][opened[1] - 1 : opened[1]]
    found = lines[place[0] - 1][place[1] - 1 :].strip()
    if opened[0] == place[0] and found:
        return (
            f'"{found}" is not expected here; "," or "{closing}" was',
            f'add "," or "{closing}", or quote the value',
            place,
        )
    return f'"{opening}" is not closed', f'add "{closing}" where the list or mapping ends', opened


def _second_value(lines: list[str], place: tuple[int, int]) -> _Sentence:
    """A colon where no key can be: a second one, a line above without one, or a wrong indent."""
    line, column = place
    text = lines[line - 1]
    if re.search(r":\s|['\"]\s*$", text[: column - 1]):
        return (
            'a second ":" in one line: YAML takes it for another key',
            "quote the value if the colon belongs to it",
            place,
        )
    start = len(text) - len(text.lstrip()) + 1
    above = line - 1
    while above and not lines[above - 1].strip():
        above -= 1
    before = lines[above - 1].strip() if above else ""
    if above and not re.search(r":(\s|$)", before):
        return (
            f'"{before}" has no colon and a space; a line "key: value" was expected',
            "add the colon, and a space after it",
            (above, len(lines[above - 1]) - len(lines[above - 1].lstrip()) + 1),
        )
    return (
        f'"{text.strip()}" is indented under a line that has a value already',
        "indent it like the line above, or take the value above away",
        (line, start),
    )


def _bad_start(character: str, place: tuple[int, int]) -> _Sentence:
    if character == "\t":
        return "a tab stands where only spaces may", "put spaces in its place", place
    return f'a value cannot start with "{character}" without quotes', "quote the value", place
