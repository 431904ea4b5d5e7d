"""A policy in its place, its statements, and what can be found in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from compiler.terraform.document import Json

# How a condition operator is taken apart: `ForAnyValue:StringLikeIfExists`.
SET_OPERATORS = ("ForAllValues:", "ForAnyValue:")
IF_EXISTS = "IfExists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that a policy breaks. `sid` is the statement's, or its number where it has none."""

    code: str
    message: str
    hint: str
    stack: str
    address: str
    argument: str
    sid: str

    @property
    def place(self) -> str:
        """`stack address.argument sid`, as messages write it."""
        return f"{self.stack} {self.address}.{self.argument} {self.sid}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A rule that does not count in some place, with the reason why.

    `stack`, `address` and `statement` (a Sid) are patterns with `*` and `?`; `reason` is for people
    to read.
    """

    code: str
    stack: str = "*"
    address: str
    statement: str = "*"
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is one that this tuning takes away."""
        return (
            self.code == finding.code
            and fnmatchcase(finding.stack, self.stack)
            and fnmatchcase(finding.address, self.address)
            and fnmatchcase(finding.sid, self.statement)
        )

    @property
    def place(self) -> str:
        """`stack address statement`, the last left out where it is any."""
        return f"{self.stack} {self.address} {self.statement}".removesuffix(" *")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy document where it stands.

    `side` is identity, boundary, trust, resource, key or organization. `account` is the stack's
    12 digits, or "" where they are not known. `service` is that of a policy on a resource (`s3`).
    `body` is None for a policy that could not be resolved, whose text `written` is.
    """

    stack: str
    account: str
    address: str
    argument: str
    side: str
    body: Json
    service: str = ""
    written: str = ""

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Its statements, also where a single one stands without a list."""
        body = self.body.get("Statement") if isinstance(self.body, Mapping) else None
        listed = body if isinstance(body, list | tuple) else [body]
        return tuple(
            Statement(policy=self, number=number, body=statement)
            for number, statement in enumerate(listed, 1)
            if isinstance(statement, Mapping)
        )

    def forget(self) -> None:
        """Let go of the statements, which hold the policy: without a collector both would stay for ever."""
        self.__dict__.pop("statements", None)

    def finding(self, code: str, message: str, hint: str, sid: str = "") -> Finding:
        """A finding about this policy."""
        return Finding(
            code=code,
            message=message,
            hint=hint,
            stack=self.stack,
            address=self.address,
            argument=self.argument,
            sid=sid,
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of a statement's conditions: `operator` as written, `values` as a tuple."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def base(self) -> str:
        """The operator without `ForAnyValue:` and `IfExists`."""
        base = self.operator
        for prefix in SET_OPERATORS:
            base = base.removeprefix(prefix)
        return base.removesuffix(IF_EXISTS)

    @property
    def demands(self) -> bool:
        """Whether the key must be in the request with one of the values for the condition to hold."""
        loose = self.operator.endswith(IF_EXISTS) or self.operator.startswith("ForAllValues:")
        return not loose and "Not" not in self.base and self.base != "Null"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement; every property reads what is there and leaves out what is malformed."""

    policy: Policy
    number: int
    body: Mapping[str, Json]

    @property
    def sid(self) -> str:
        """Its Sid, or its number from 1."""
        sid = self.body.get("Sid")
        return sid if isinstance(sid, str) and sid else str(self.number)

    @property
    def side(self) -> str:
        """The policy's side."""
        return self.policy.side

    @property
    def allows(self) -> bool:
        """Whether its effect is Allow."""
        return self.body.get("Effect") == "Allow"

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """The value of Action."""
        return texts(self.body.get("Action"))

    @cached_property
    def resources(self) -> tuple[str, ...]:
        """The value of Resource."""
        return texts(self.body.get("Resource"))

    @cached_property
    def principals(self) -> tuple[tuple[str, str], ...]:
        """(kind, principal) of each principal; `"*"` alone is of kind AWS, as AWS says."""
        value = self.body.get("Principal")
        if isinstance(value, str):
            return (("AWS", value),)
        if not isinstance(value, Mapping):
            return ()
        return tuple((kind, name) for kind, names in value.items() for name in texts(names))

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Every key of every operator."""
        return tuple(_conditions(self.body.get("Condition")))

    def demanding(self, *keys: str) -> tuple[Condition, ...]:
        """The conditions on one of the keys (lower case) that fail if the request lacks the key."""
        return tuple(c for c in self.conditions if c.demands and c.key.lower() in keys)

    def finding(self, code: str, message: str, hint: str) -> Finding:
        """A finding about this statement."""
        return self.policy.finding(code, message, hint, self.sid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A managed policy that a stack attaches, by its ARN as written."""

    stack: str
    address: str
    argument: str
    arn: str


def texts(value: Json) -> tuple[str, ...]:
    """A text or a list of texts as a tuple.

    >>> texts("a"), texts(["a", "b"]), texts(None)
    (('a',), ('a', 'b'), ())
    """
    if isinstance(value, str):
        return (value,)
    return (
        tuple(item for item in value if isinstance(item, str))
        if isinstance(value, list | tuple)
        else ()
    )


def _conditions(value: Json) -> Iterator[Condition]:
    if not isinstance(value, Mapping):
        return
    for operator, keys in value.items():
        if not isinstance(keys, Mapping):
            continue
        for key, wanted in keys.items():
            listed = wanted if isinstance(wanted, list | tuple) else [wanted]
            yield Condition(operator, key, tuple(_text(item) for item in listed))


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
