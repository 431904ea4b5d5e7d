"""One root module with its Terraform expressions resolved, as far as policies need it.

Takes the JSON value of a `main.tf.json`, gives texts. References to resources of the same module
become literal ARNs and names where these are fixed; what only the cloud knows (a key's id) becomes
a symbol that is the same everywhere: `<aws/shared/churn/aws_kms_key.artifacts>`. Everything else
is a `Partial`, never a guess.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from compiler.access.evaluation.shapes import SHAPES, Shape
from compiler.access.evaluation.text import Partial, Text, joined, unknown
from compiler.data import partition_by_pattern
from compiler.terraform.document import Json

# JSON values whose texts are resolved.
Value = Text | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]

_STEP = re.compile(r'\.([\w-]+)|\[(\d+)\]|\["([^"\\$]*)"\]')
_START = re.compile(r"[A-Za-z_][\w-]*")
_ENCODED = re.compile(r"\$\{\s*jsonencode\((.*)\)\s*\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Resource:
    """A managed resource: its type, name and raw arguments."""

    type: str
    name: str
    arguments: Mapping[str, Json]

    @property
    def address(self) -> str:
        """`aws_iam_role.train`."""
        return f"{self.type}.{self.name}"

    @property
    def repeated(self) -> bool:
        """Made by count or for_each: there may be none, or several."""
        return "count" in self.arguments or "for_each" in self.arguments


@dataclass(slots=True)
class Module:
    """A root module of an AWS account. `stack` is its path."""

    stack: str
    document: Mapping[str, Json]
    account: str
    region: str
    partition: str
    _known: dict[str, Value] = field(default_factory=dict)

    def resources(self, *types: str) -> Iterator[Resource]:
        """The managed resources of these types, in the document's order."""
        for kind in types:
            for name, arguments in _mapping(
                _mapping(self.document.get("resource")).get(kind)
            ).items():
                if isinstance(arguments, Mapping):
                    yield Resource(kind, name, arguments)

    def types(self) -> tuple[str, ...]:
        """The types of managed resources."""
        return tuple(_mapping(self.document.get("resource")))

    def text(self, value: Json) -> Text:
        """A value as a text; of anything but a scalar nothing is known."""
        found = self.value(value)
        if isinstance(found, str | Partial):
            return found
        if isinstance(found, bool):
            return "true" if found else "false"
        return str(found) if isinstance(found, int | float) else unknown("a value that is no text")

    def value(self, value: Json) -> Value:
        """Any JSON value with every text in it resolved."""
        if isinstance(value, str):
            return value if "{" not in value else self._text(value)
        # Asking for the plain types first is several times faster than for the abstract ones.
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict | Mapping):
            return {str(key): self.value(item) for key, item in value.items()}
        if isinstance(value, Sequence):
            return [self.value(item) for item in value]
        return value

    def policy(self, value: Json) -> Value:
        """A policy document: from `jsonencode`, or from JSON text."""
        if not isinstance(value, str):
            return self.value(value)
        encoded = _ENCODED.fullmatch(value.strip())
        if encoded is not None:
            return self._expression(encoded[1].strip())
        if value.lstrip().startswith("{"):
            try:
                return self.value(json.loads(value))
            except ValueError:
                return unknown("a policy that is no JSON")
        found = self._text(value)
        return found if isinstance(found, Partial) else unknown("a policy that is no JSON")

    def arn(self, resource: Resource) -> Text:
        """The ARN of a resource of a known type."""
        shape = SHAPES.get(resource.type)
        if shape is None or resource.repeated:
            return unknown(f"{resource.address}.arn")
        name = self.name(resource)
        last = shape.resource
        for field_name, part in {
            "{path}": self.text(resource.arguments.get("path", "/")),
            "{suffix}": self._digest(resource),
        }.items():
            if field_name in last:
                last = last.replace(field_name, _only_text(part))
        before, _, after = last.partition("{name}")
        region = "" if shape.global_ else self.region
        account = "" if shape.ownerless else self.account
        start = f"arn:{self.partition}:{shape.service}:{region}:{account}:{before}"
        return joined([start, *self._bus(resource), _fitting(shape, name), after])

    def _bus(self, resource: Resource) -> list[Text]:
        """What stands before a rule's name in its ARN: its bus, unless that is the account's own."""
        given = resource.arguments.get("event_bus_name")
        if resource.type != "aws_cloudwatch_event_rule" or given is None:
            return []
        bus = self.text(given)
        if isinstance(bus, str):
            bus = bus.rpartition("/")[2]
        return [] if bus == "default" else [bus, "/"]

    def name(self, resource: Resource) -> Text:
        """The resource's name; where Terraform or AWS makes it up, a symbol."""
        shape = SHAPES[resource.type]
        given = resource.arguments.get(shape.name) if shape.name else None
        if given is not None:
            return self.text(given)
        prefix = resource.arguments.get(f"{shape.name}_prefix") if shape.name else None
        symbol = f"<{self.stack}/{resource.address}>"
        return symbol if prefix is None else joined([self.text(prefix), symbol])

    def arn_of(self, kind: str, named: Text) -> Text:
        """The ARN of a resource of this type, given by its ARN, its name, or a queue's URL."""
        if isinstance(named, str) and named.startswith("arn:"):
            return named
        if kind == "aws_sqs_queue" and isinstance(named, str) and "/" in named:
            named = named.rsplit("/", 1)[1]
        shape = SHAPES[kind]
        region = "" if shape.global_ else self.region
        account = "" if shape.ownerless else self.account
        before, _, after = shape.resource.partition("{name}")
        start = f"arn:{self.partition}:{shape.service}:{region}:{account}:{before}"
        return joined([start, named, after])

    def _text(self, text: str) -> Value:
        if "${" not in text and "%{" not in text:
            return text
        parts: list[Text] = []
        for literal_part, expression in _pieces(text):
            if literal_part:
                parts.append(literal_part)
            if expression is None:
                continue
            found = self._expression(expression)
            if len(parts) == 0 and text == f"${{{expression}}}":
                return found
            parts.append(_as_text(found, expression))
        return joined(parts)

    def _expression(self, expression: str) -> Value:
        if expression not in self._known:
            self._known[expression] = unknown(expression)  # a cycle ends here
            self._known[expression] = self._traversal(expression)
        return self._known[expression]

    def _traversal(self, expression: str) -> Value:
        steps = _steps(expression)
        if steps is None:
            return unknown(expression)
        if steps[0] == "local" and len(steps) > 1:
            return self._local(expression, steps[1:])
        if steps[0] == "data":
            return self._data(expression, steps[1:])
        if len(steps) != 3:
            return unknown(expression)
        arguments = _mapping(_mapping(self.document.get("resource")).get(steps[0])).get(steps[1])
        if not isinstance(arguments, Mapping):
            return unknown(expression)
        return self._attribute(Resource(steps[0], steps[1], arguments), steps[2])

    def _local(self, expression: str, steps: list[str]) -> Value:
        value: Json = _mapping(self.document.get("locals"))
        for step in steps:
            if isinstance(value, Mapping) and step in value:
                value = value[step]
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                return unknown(expression)
        return self.value(value)

    def _data(self, expression: str, steps: list[str]) -> Value:
        if len(steps) != 3:
            return unknown(expression)
        known = {
            ("aws_caller_identity", "account_id"): self.account,
            ("aws_partition", "partition"): self.partition,
            ("aws_region", "name"): self.region,
            ("aws_region", "region"): self.region,
            ("aws_region", "id"): self.region,
        }
        return known.get((steps[0], steps[2])) or unknown(expression)

    def _attribute(self, resource: Resource, name: str) -> Value:
        shape = SHAPES.get(resource.type)
        if shape is None or resource.repeated:
            given = None if resource.repeated else resource.arguments.get(name)
            return unknown(f"{resource.address}.{name}") if given is None else self.value(given)
        if name == "arn":
            return self.arn(resource)
        if name in ("url", "id") and resource.type == "aws_sqs_queue":
            host = f"https://sqs.{self.region}.amazonaws.com/{self.account}/"
            return joined([host, self.name(resource)])
        if name == "id" or (name == "key_id" and shape.id == "last"):
            return self.arn(resource) if shape.id == "arn" else self.name(resource)
        if name == shape.name:
            return self.name(resource)
        given = resource.arguments.get(name)
        return unknown(f"{resource.address}.{name}") if given is None else self.value(given)

    def _digest(self, resource: Resource) -> str:
        """Six letters, as those that Secrets Manager appends to a secret's name."""
        return hashlib.sha256(f"{self.stack}/{resource.address}".encode()).hexdigest()[:6]


def module(stack: str, document: Mapping[str, Json]) -> Module | None:
    """The module of an AWS stack; None when its provider doesn't say which account it is for."""
    provider = _mapping(document.get("provider")).get("aws")
    block = provider[0] if isinstance(provider, Sequence) and provider else provider
    accounts = _mapping(block).get("allowed_account_ids")
    if not isinstance(accounts, Sequence) or isinstance(accounts, str) or len(accounts) != 1:
        return None
    region = str(_mapping(block).get("region", ""))
    partition = partition_by_pattern(region) or "aws"
    return Module(stack, document, str(accounts[0]), region, partition)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _fitting(shape: Shape, name: Text) -> Text:
    """The name as the ARN has it."""
    if isinstance(name, Partial):
        return name
    if shape.name == "url":
        return name.removeprefix("https://")
    return name.removeprefix("/") if shape.resource == "parameter/{name}" else name


def _only_text(part: Text) -> str:
    return part if isinstance(part, str) else part.text


def _as_text(value: Value, expression: str) -> Text:
    if isinstance(value, str | Partial):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else unknown(expression)


def _steps(expression: str) -> list[str] | None:
    """`local.a["b"][0]` → ["local", "a", "b", "0"]; None for anything but such a path."""
    start = _START.match(expression)
    if start is None:
        return None
    steps, place = [start.group()], start.end()
    while place < len(expression):
        step = _STEP.match(expression, place)
        if step is None:
            return None
        steps.append(next(group for group in step.groups() if group is not None))
        place = step.end()
    return steps


def _pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """Literal text (unescaped) and the expression after it, from left to right."""
    literal_part, place = "", 0
    while place < len(text):
        if text.startswith(("$${", "%%{"), place):
            literal_part, place = literal_part + text[place + 1 : place + 3], place + 3
        elif text.startswith(("${", "%{"), place):
            end = _closing(text, place + 2)
            inner = text[place + 2 : end].strip()
            yield literal_part, inner if text[place] == "$" else f"%{{{inner}}}"
            literal_part, place = "", end + 1
        else:
            literal_part, place = literal_part + text[place], place + 1
    if literal_part:
        yield literal_part, None


def _closing(text: str, place: int) -> int:
    """Where the brace that was opened before `place` is closed."""
    depth, quoted = 1, False
    for index in range(place, len(text)):
        letter = text[index]
        if letter == '"' and text[index - 1] != "\\":
            quoted = not quoted
        elif not quoted and letter in "{}":
            depth += 1 if letter == "{" else -1
            if depth == 0:
                return index
    return len(text)
