"""A Terraform root module as plain data, before it is text.

Kinds make these records; nothing here knows AWS, Google or CDKTF. A plain string is always data:
`document` escapes Terraform's own `${` and `%{` in it. What Terraform shall evaluate is an
`Expression`; JSON text inside an argument is a `JsonText`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Cloud = Literal["aws", "google"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A Terraform template, written as it is: `${aws_kms_key.key.arn}`."""

    text: str

    def __str__(self) -> str:
        raise TypeError("an Expression inside a string would be escaped: use template()")


@dataclass(frozen=True, slots=True)
class JsonText:
    """An argument whose value is JSON text, such as a policy.

    It is written as an object under `locals` and `${jsonencode(local.…)}`, so that a review shows
    its lines. `value` may hold Expressions.
    """

    value: Value


Value = (
    str
    | int
    | float
    | bool
    | None
    | Expression
    | JsonText
    | Sequence["Value"]
    | Mapping[str, "Value"]
)


def reference(address: str, attribute: str) -> Expression:
    """The attribute of a resource in the same stack.

    >>> reference("aws_kms_key.key", "arn").text
    '${aws_kms_key.key.arn}'
    """
    return Expression(f"${{{address}.{attribute}}}")


def template(*parts: str | Expression) -> Expression:
    """Strings (data, escaped) and Expressions joined into one Expression."""
    return Expression("".join(p.text if isinstance(p, Expression) else escape(p) for p in parts))


def json_template(value: Value) -> Expression:
    """Compact JSON text that may hold Expressions, for arguments that want JSON inside a map."""
    expressions: list[Expression] = []

    def marked(item: Value) -> object:
        if isinstance(item, Expression):
            expressions.append(item)
            return f"\0{len(expressions) - 1}\0"
        if isinstance(item, Mapping):
            return {key: marked(each) for key, each in item.items()}
        if isinstance(item, list | tuple):
            return [marked(each) for each in item]
        return item

    text = json.dumps(marked(value), separators=(",", ":"), ensure_ascii=False)
    pieces = text.split("\\u0000")
    return template(*(expressions[int(p)] if index % 2 else p for index, p in enumerate(pieces)))


def odd(value: object) -> Iterator[str]:
    """What Terraform's JSON cannot hold, anywhere in a value, in words: Python allows more."""
    if type(value) in _PLAIN:
        return
    if isinstance(value, JsonText):
        yield from odd(value.value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"the key {key!r:.80} is no text"
            if type(item) not in _PLAIN:
                yield from odd(item)
    elif isinstance(value, list | tuple):
        for item in value:
            if type(item) not in _PLAIN:
                yield from odd(item)
    elif not isinstance(value, str | int | float | Expression | None):
        yield f"{value!r:.80} is of type {type(value).__name__}, which Terraform's JSON has not"


# What most values are, which need no look inside.
_PLAIN = frozenset({str, int, float, bool, type(None)})


def escape(text: str) -> str:
    """Make Terraform read `text` as data.

    >>> escape("${aws:username}")
    '$${aws:username}'
    """
    return text.replace("${", "$${").replace("%{", "%%{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A managed resource or a data source.

    `type` and `name` are Terraform's; `arguments` may hold nested blocks as mappings or lists of
    mappings, just as Terraform's JSON syntax has them. `depends_on` lists addresses in the same
    stack. `lifecycle` is Terraform's meta-argument block.
    """

    type: str
    name: str
    arguments: Mapping[str, Value]
    mode: Literal["managed", "data"] = "managed"
    depends_on: tuple[str, ...] = ()
    lifecycle: Mapping[str, Value] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """`aws_s3_bucket.data`, or `data.aws_region.here` for a data source."""
        prefix = "data." if self.mode == "data" else ""
        return f"{prefix}{self.type}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A root module's output value."""

    name: str
    value: Value
    description: str
    sensitive: bool = False

    @property
    def address(self) -> str:
        """What diagnostics call it."""
        return f"output.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A text that whoever applies the stack may give, empty by default.

    For what the cloud makes up when another stack is applied; the stack must plan without it.
    """

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file beside the stack's main.tf.json. `path` is relative to the stack: `assets/a.zip`."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One root module: one account or project, one component, one state.

    `account` is the name of the account or project in the blueprint and `account_id` its id in
    the cloud. `terraform` and `providers` are the blocks of those names. `depends_on` are the
    paths of stacks that must be applied before this one, for the reasons that the kind gives.
    `claims` are things with a name that is unique in the account which no resource of the stack
    shows, each as (what, name): `("SageMaker endpoint", "churn")`. `creates_deploy_role` marks the
    stack that every other stack of the account must follow. `renamed_from` is the component's former
    name, where its state has that. `imports` are the ids of what exists already, by address.
    """

    cloud: Cloud
    account: str
    account_id: str
    component: str
    kind: str
    region: str
    terraform: Mapping[str, Value]
    providers: Mapping[str, Value]
    resources: tuple[Resource, ...] = ()
    outputs: tuple[Output, ...] = ()
    variables: tuple[Variable, ...] = ()
    assets: tuple[Asset, ...] = ()
    depends_on: tuple[str, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    creates_deploy_role: bool = False
    renamed_from: str | None = None
    imports: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """`aws/shared/churn`: where it lies below `generated/<organization>/`."""
        return f"{self.cloud}/{self.account}/{self.component}"

    @property
    def state(self) -> str:
        """The path that its state is kept under: its own, or that of the stack it was."""
        return f"{self.cloud}/{self.account}/{self.renamed_from or self.component}"
