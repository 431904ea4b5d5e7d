"""What Terraform template strings refer to.

Takes the text of a template or an expression as it stands in a JSON file, gives the references
in it; raises `ExpressionError` for text that Terraform could not read. No effects.

This reads the tokens of HCL's expression syntax (hcl/hclsyntax/spec.md, HCL 2) and follows
brackets, quoted templates, directives, heredocs and the variables of `for`; it does not build a
tree or check the grammar of operators, and knows no types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

IDENTIFIER = re.compile(r"[^\W\d][\w-]*")
_NUMBER = re.compile(r"\d+(\.\d+)?([eE][+-]?\d+)?")
_DIGITS = re.compile(r"\d+")
_SPACE = re.compile(r"(?:\s|#[^\n]*|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_HEREDOC = re.compile(r"<<(-?)([^\W\d][\w-]*)\n(.*?)\n[ \t]*\2(?=\W|$)", re.DOTALL)
_LITERAL_INDEX = re.compile(r'\[\s*(?:(\d+)|"((?:[^"\\$%]|\\.)*)")\s*\]')
_SPLAT_INDEX = re.compile(r"\[\s*\*\s*\]")
_OPERATORS = frozenset("+-*/%<>=!&|?:,.~")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_KEYWORDS = frozenset(("true", "false", "null"))


@dataclass(frozen=True, slots=True)
class Splat:
    """`[*]` or `.*`: every element."""

    full: bool


@dataclass(frozen=True, slots=True)
class AnyIndex:
    """`[…]` with an expression inside: some element."""


@dataclass(frozen=True, slots=True)
class Key:
    """`["name"]`: an element of a map, or an attribute."""

    name: str


# `.name`, `[0]`, `["name"]`, `[*]`, `[count.index]`
Step = str | int | Key | Splat | AnyIndex


@dataclass(frozen=True, slots=True)
class Reference:
    """A variable and the path into it: `aws_kms_key`, (`key`, `arn`)."""

    root: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.root + "".join(_text(step) for step in self.steps)


def _text(step: Step) -> str:
    if isinstance(step, str):
        return f".{step}"
    if isinstance(step, Splat):
        return "[*]" if step.full else ".*"
    if isinstance(step, Key):
        return f'["{step.name}"]'
    return "[…]" if isinstance(step, AnyIndex) else f"[{step}]"


class ExpressionError(ValueError):
    """The text is no template or expression."""


def template_references(text: str, scope: frozenset[str] = frozenset()) -> tuple[Reference, ...]:
    """The references in a template; `scope` are variables that are known and left out.

    >>> [str(r) for r in template_references("a $${b} ${aws_kms_key.key.arn}")]
    ['aws_kms_key.key.arn']
    """
    if "${" not in text and "%{" not in text:
        return ()
    reader = _Reader(text, [scope])
    reader.template(quoted=False)
    return tuple(reader.found)


def expression_references(text: str) -> tuple[Reference, ...]:
    """The references in a bare expression, such as an element of `depends_on`."""
    reader = _Reader(text, [frozenset()])
    reader.expression("")
    return tuple(reader.found)


def is_template(text: str) -> bool:
    """Whether Terraform evaluates anything in `text`."""
    return _start_of_sequence(text, 0) is not None


def whole_expression(text: str) -> bool:
    """Whether the text is one `${…}`, whose value keeps its type."""
    if not text.startswith("${") or not text.endswith("}"):
        return False
    reader = _Reader(text, [frozenset()])
    reader.position = 2
    try:
        reader.expression("}")
    except ExpressionError:
        return False
    return reader.position == len(text)


def _start_of_sequence(text: str, position: int) -> int | None:
    """Where the next `${` or `%{` starts that is not escaped by doubling."""
    while True:
        found = _SEQUENCE.search(text, position)
        if found is None:
            return None
        if len(found[0]) == 2:
            return found.start()
        position = found.end()


_SEQUENCE = re.compile(r"\$\$\{|%%\{|\$\{|%\{")


@dataclass(slots=True)
class _Reader:
    text: str
    scopes: list[frozenset[str]]
    position: int = 0
    found: list[Reference] = field(default_factory=list)

    # --- templates

    def template(self, quoted: bool) -> None:
        """Read to the end, or behind the closing quote."""
        loops = 0
        while self.position < len(self.text):
            rest = self.text[self.position : self.position + 3]
            if quoted and rest[0] == '"':
                self.position += 1
                return self._end_loops(loops)
            if rest in ("$${", "%%{"):
                self.position += 3
            elif rest[:2] == "${":
                self.position += 2
                self.expression("}")
            elif rest[:2] == "%{":
                loops += self._directive(loops)
            else:
                self.position += 2 if quoted and rest[0] == "\\" else 1
        if quoted:
            raise ExpressionError("a quote is not closed")
        self._end_loops(loops)

    def _end_loops(self, loops: int) -> None:
        if loops:
            raise ExpressionError("%{ for } without %{ endfor }")

    def _directive(self, loops: int) -> int:
        """Read one `%{ … }` inside so many loops; gives 1 for a loop's start, -1 for its end."""
        self.position += 2
        if self.text.startswith("~", self.position):
            self.position += 1
        self._space()
        word = self._identifier()
        if word == "for":
            names = self._loop_names()
            self.expression("}")
            self.scopes.append(self.scopes[-1] | names)
            return 1
        if word not in ("if", "else", "endif", "endfor"):
            raise ExpressionError(f"%{{ {word} }} is no directive")
        if word == "endfor":
            if not loops:
                raise ExpressionError("%{ endfor } without %{ for }")
            self.scopes.pop()
        self.expression("}")
        return -1 if word == "endfor" else 0

    # --- expressions

    def expression(self, closing: str, keys: bool = False) -> None:
        """Read to behind `closing`, or to the end of the text when it is empty.

        `keys` says that names before `=` and `:` are the keys of an object.
        """
        conditions = 0
        while True:
            self._space()
            if self.position >= len(self.text):
                if closing:
                    raise ExpressionError(f"`{closing}` is missing")
                return
            character = self.text[self.position]
            if character == closing == ":" and conditions:
                conditions -= 1
                self.position += 1
            elif character == closing:
                self.position += 1
                return
            elif character == "?":
                conditions += 1
                self.position += 1
            else:
                self._token(character, keys)

    def _token(self, character: str, keys: bool) -> None:
        if character == '"':
            self.position += 1
            with self._scope(frozenset()):
                self.template(quoted=True)
        elif character in _CLOSING:
            self._bracket(character)
        elif number := _NUMBER.match(self.text, self.position):
            self.position = number.end()
        elif heredoc := _HEREDOC.match(self.text, self.position):
            inner = _Reader(heredoc[3], [self.scopes[-1]])
            inner.template(quoted=False)
            self.found += inner.found
            self.position = heredoc.end()
        elif IDENTIFIER.match(self.text, self.position):
            self._name(keys)
        elif character == "." and IDENTIFIER.match(self.text, self.position + 1):
            self.position += 1
            self._identifier()
        elif character in _OPERATORS:
            self.position += 1
        else:
            raise ExpressionError(f"`{character}` is not expected here")

    def _bracket(self, opening: str) -> None:
        self.position += 1
        if opening == "(":
            return self.expression(")")
        start = self.position
        self._space()
        word = IDENTIFIER.match(self.text, self.position)
        if word and word[0] == "for":
            self.position = word.end()
            names = self._loop_names()
            self.expression(":")
            with self._scope(names):
                self.expression(_CLOSING[opening])
        else:
            self.position = start
            self.expression(_CLOSING[opening], keys=opening == "{")

    def _loop_names(self) -> frozenset[str]:
        """`key, value in`, with what stands around it."""
        self._space()
        names = [self._identifier()]
        self._space()
        if self.text.startswith(",", self.position):
            self.position += 1
            self._space()
            names.append(self._identifier())
            self._space()
        if self._identifier() != "in":
            raise ExpressionError("`for` without `in`")
        return frozenset(names)

    def _name(self, keys: bool) -> None:
        root = self._identifier()
        while self.text.startswith("::", self.position):  # provider::aws::arn_parse(…)
            self.position += 2
            root = self._identifier()
        here = self.position
        self._space()
        following = self.text[self.position : self.position + 2]
        if following[:1] == "(" or (root == "if" and here != self.position):
            return
        if keys and (following[:1] == ":" or _is_assignment(following)):
            return
        self.position = here
        steps = tuple(self._steps())
        if keys and steps:
            self._space()
            if _is_assignment(self.text[self.position : self.position + 2]):
                raise ExpressionError(f"`{root}…` as a key needs parentheses around it")
        if root not in _KEYWORDS and root not in self.scopes[-1]:
            self.found.append(Reference(root, steps))

    def _steps(self) -> Iterator[Step]:
        while True:
            text, position = self.text, self.position
            if splat := _SPLAT_INDEX.match(text, position):
                self.position = splat.end()
                yield Splat(full=True)
            elif literal := _LITERAL_INDEX.match(text, position):
                self.position = literal.end()
                yield int(literal[1]) if literal[1] else Key(literal[2])
            elif text.startswith("[", position):
                self.position += 1
                self.expression("]")
                yield AnyIndex()
            elif text.startswith(".*", position):
                self.position += 2
                yield Splat(full=False)
            elif text.startswith(".", position) and not text.startswith("...", position):
                self.position += 1
                if index := _DIGITS.match(text, self.position):
                    self.position = index.end()
                    yield int(index[0])
                else:
                    yield self._identifier()
            else:
                return

    # --- parts

    def _identifier(self) -> str:
        found = IDENTIFIER.match(self.text, self.position)
        if not found:
            raise ExpressionError("a name is missing")
        self.position = found.end()
        return found[0]

    def _space(self) -> None:
        if found := _SPACE.match(self.text, self.position):
            self.position = found.end()

    @contextmanager
    def _scope(self, names: frozenset[str]) -> Iterator[None]:
        depth = len(self.scopes)
        self.scopes.append(self.scopes[-1] | names)
        yield
        del self.scopes[depth:]


def _is_assignment(following: str) -> bool:
    return following[:1] == "=" and following not in ("==", "=>")
