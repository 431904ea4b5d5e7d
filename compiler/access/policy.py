"""IAM policy documents as records, and the JSON text that Terraform carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from compiler.terraform.stack import JsonText, Value, odd

# {"StringEquals": {"aws:SourceAccount": "111111111111"}}
Conditions = Mapping[str, Mapping[str, Value]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a policy.

    `principal` is the value of Principal, or None in an identity policy; `resources` is empty in a
    trust policy. `sid` is unique in its policy: letters and digits only.
    """

    sid: str
    actions: tuple[str, ...]
    effect: Literal["Allow", "Deny"] = "Allow"
    principal: Value = None
    resources: tuple[Value, ...] = ()
    conditions: Conditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        """An empty value would be left out when it is written, and the statement allow more; what
        is no value of JSON could not be written."""
        for operator, keys in self.conditions.items():
            if not keys or any(_empty(value) for value in keys.values()):
                raise ValueError(f"{self.sid}: the condition {operator} is empty")
        for wrong in odd([self.principal, self.resources, self.conditions]):
            raise TypeError(f"{self.sid}: {wrong}")

    def json(self) -> dict[str, Value]:
        """The statement as IAM writes it; lists always, so that a diff shows a line."""
        body: dict[str, Value] = {"Sid": self.sid, "Effect": self.effect}
        if self.principal is not None:
            body["Principal"] = self.principal
        body["Action"] = list(self.actions)
        if self.resources:
            body["Resource"] = list(self.resources)
        if self.conditions:
            body["Condition"] = {
                operator: dict(sorted(keys.items()))
                for operator, keys in sorted(self.conditions.items())
            }
        return body


def _empty(value: Value) -> bool:
    if isinstance(value, list | tuple):
        return not value or any(_empty(item) for item in value)
    return value is None or isinstance(value, dict)


def policy(statements: Iterable[Statement]) -> JsonText:
    """A policy document of these statements, in this order."""
    return JsonText(
        {"Version": "2012-10-17", "Statement": [statement.json() for statement in statements]}
    )


def both(*conditions: Conditions) -> Conditions:
    """All conditions together: operators merge, keys of one operator too."""
    merged: dict[str, dict[str, Value]] = {}
    for each in conditions:
        for operator, keys in each.items():
            merged.setdefault(operator, {}).update(keys)
    return merged


def sid(identifier: str) -> str:
    """A statement id from words joined by dashes.

    >>> sid("train-reads-data")
    'TrainReadsData'
    """
    return "".join(word[:1].upper() + word[1:] for word in identifier.replace("_", "-").split("-"))


def wider(before: Statement, after: Statement) -> Statement:
    """One statement for two uses of a key or a group: the actions of both, the conditions that both have."""
    shared = {
        operator: {
            key: value
            for key, value in keys.items()
            if after.conditions.get(operator, {}).get(key) == value
        }
        for operator, keys in before.conditions.items()
    }
    return Statement(
        sid=before.sid,
        actions=tuple(sorted({*before.actions, *after.actions})),
        principal=before.principal,
        resources=before.resources,
        conditions={operator: keys for operator, keys in shared.items() if keys},
    )
