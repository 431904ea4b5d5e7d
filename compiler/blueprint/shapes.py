"""Field types that every model of a blueprint uses, and how a model is checked against a tree.

`check` takes a tree and a pydantic model and gives the model's instance, or diagnostics that point
at the lines to blame: all of them, not just the first. Models say what a value must be; the
sentences about it are made in `validation` and `wording`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import core_schema

from compiler.blueprint.nodes import Mapping, Node, WrittenFloat, WrittenInt, plain
from compiler.blueprint.patterns import matcher
from compiler.blueprint.validation import Thing, diagnostics, models_in, problem
from compiler.blueprint.wording import LONGEST, hint_for, written
from compiler.diagnostics import Diagnostic, Span

__all__ = [
    "NAME",
    "NAME_RULE",
    "Like",
    "Matching",
    "Shape",
    "Text",
    "check",
    "models_in",
    "problem",
    "similar_name",
]


class Shape(BaseModel):
    """The base of all models of the blueprint: strict types, no unknown keys, not changed."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True
    )


def as_written(value: object) -> object:
    """A number's text as it stands in the file; anything else as it is."""
    return value.text if isinstance(value, WrittenInt | WrittenFloat) else value


def _printable(value: str) -> str:
    """No cloud takes control characters in a name, a tag or a setting; a line may end."""
    if any(character < " " and character not in "\n\t" for character in value):
        raise problem("E204", "must not hold control characters")
    return value


# Text as it stands in the file: `id: 012345678901` and `version: 1.30` lose nothing.
Text = Annotated[
    str,
    BeforeValidator(as_written, json_schema_input_type=str | int | float),
    AfterValidator(_printable),
    Field(min_length=1),
]


@dataclass(frozen=True, slots=True)
class Matching:
    """Marks a Text as of one form: `Annotated[Text, Matching(r"[0-9]{12}", "12 digits")]`.

    `expected` completes "must be …"; the pattern is also in the JSON Schema. `hint` may be made of the text.
    """

    pattern: str
    expected: str
    hint: str | Callable[[str], str | None] | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return self._checking(re.compile(self.pattern, re.ASCII).fullmatch, source, handler)

    def _checking(
        self, matches: Callable[[str], object], source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        def validate(value: str) -> str:
            if not matches(value):
                hint = self.hint(value) if callable(self.hint) else self.hint
                raise problem("E204", f"must be {self.expected}, not {written(value)}", hint)
            return value

        return core_schema.no_info_after_validator_function(validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Like(Matching):
    """As Matching, for a pattern that a team wrote: no text can hold up the compiler."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return self._checking(matcher(self.pattern), source, handler)


NAME = r"[a-z][a-z0-9-]{0,30}"
NAME_RULE = "1 to 31 of a-z, 0-9 and -, starting with a letter"
LONGEST_NAME = 31


def similar_name(text: str, longest: int = LONGEST_NAME) -> str | None:
    """What to write for a name that has another form, or is too long."""
    close = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789")[:longest].strip("-")
    return f'for example "{close}"' if close else None


Model = TypeVar("Model", bound=BaseModel)


def check(
    model: type[Model],
    node: Node,
    *,
    what: str,
    owner: Span,
    context: object = None,
    known: Sequence[str] = (),
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """Read `node` as `model`.

    `what` names the thing in messages (`component "churn"`); `owner` is where a missing key of
    its top level is reported: the thing's own key. `context` reaches the validators; `known` are
    keys that stand beside the model's own, for suggestions.
    """
    if not isinstance(node, Mapping):
        value = plain(node)
        message = f"{what} must be a mapping, not {written(value)}"
        hint = _with_its_key(model, value) or hint_for("model_type", {}, value)
        return None, (Diagnostic(code="E203", message=message, span=node.span, hint=hint),)
    try:
        return model.model_validate(plain(node), context=context), ()
    except ValidationError as error:
        thing = Thing(what=what, owner=owner, node=node, model=model, known=known)
        return None, diagnostics(error, thing)


def _with_its_key(model: type[BaseModel], value: object) -> str | None:
    """How a text is written that stands where only its key is missing: `{name: acme}`."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    text = as_written(value)
    if len(required) != 1 or not isinstance(text, str) or len(text) > LONGEST:
        return None
    plain_text = re.fullmatch(r"[A-Za-z][\w.-]*", text)
    return (
        f"write {{{required[0]}: {text}}}" if plain_text else f'write {{{required[0]}: "{text}"}}'
    )
