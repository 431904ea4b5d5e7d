"""Policy documents to statements; a document that AWS would refuse becomes an unknown statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.access.evaluation.conditions import Condition, operator
from compiler.access.evaluation.module import Value
from compiler.access.evaluation.patterns import Pattern, pattern
from compiler.access.evaluation.principals import normal_forms
from compiler.access.evaluation.records import Problem, Source, Statement
from compiler.access.evaluation.text import Partial, Text

_CURRENT = "2012-10-17"
_VERSIONS = ("2008-10-17", _CURRENT)
_ELEMENTS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
    "Resource", "NotResource", "Condition",
}  # fmt: skip
# The policies that are about their own resource when they name none.
# Source: ECR user guide, "Private repository policies".
_WITHOUT_RESOURCE = "aws_ecr_repository_policy."


class MalformedError(ValueError):
    """AWS would refuse the policy."""


@dataclass(slots=True)
class Reader:
    """Reads documents; `problems` are those that AWS would refuse."""

    problems: list[Problem]

    def statements(self, document: Value, source: Source) -> tuple[Statement, ...]:
        """The statements of a policy document."""
        if isinstance(document, Partial):
            return opaque(source, document.unknown)
        try:
            return tuple(self._read(document, source))
        except MalformedError as error:
            return opaque(source, frozenset({f"{source.address}: {error}"}))

    def _read(self, document: Value, source: Source) -> Iterator[Statement]:
        if not isinstance(document, Mapping):
            raise self._problem(source, "", "a policy is a mapping")
        version = document.get("Version", _VERSIONS[0])
        if version not in _VERSIONS:
            raise self._problem(source, "", f"Version {version!r} is not one that IAM knows")
        for name in document:
            if name not in ("Version", "Id", "Statement"):
                raise self._problem(source, "", f"a policy has no element {name!r}")
        found = document.get("Statement", [])
        for body in [found] if isinstance(found, Mapping) else _list(found):
            if isinstance(body, Partial):
                yield from opaque(source, body.unknown)
                continue
            try:
                yield _statement(body, source, variables=version == _CURRENT)
            except ValueError as error:
                sid = str(body.get("Sid", "")) if isinstance(body, Mapping) else ""
                raise self._problem(source, sid, str(error)) from error

    def _problem(self, source: Source, sid: str, text: str) -> MalformedError:
        self.problems.append(Problem(source.stack, source.address, sid, text))
        return MalformedError(text)


def opaque(source: Source, unknown: frozenset[str]) -> tuple[Statement, ...]:
    """Statements of which nothing is known: they may allow and deny anything."""
    return tuple(
        Statement(source=source, sid="", allows=allows, unknown=unknown) for allows in (True, False)
    )


def _statement(body: Value, source: Source, *, variables: bool) -> Statement:
    if not isinstance(body, Mapping):
        raise ValueError("a statement is a mapping")
    for name in body:
        if name not in _ELEMENTS:
            raise ValueError(f"a statement has no element {name!r}")
    sid, effect = str(body.get("Sid", "")), body.get("Effect")
    if isinstance(effect, Partial):
        return Statement(source=source, sid=sid, allows=False, unknown=effect.unknown)
    if effect not in ("Allow", "Deny"):
        raise ValueError(f"Effect is Allow or Deny, not {effect!r}")
    actions, not_action = _either(body, "Action")
    lacking = frozenset[str]().union(*(a.unknown for a in actions if isinstance(a, Partial)))
    if lacking:
        return Statement(source=source, sid=sid, allows=effect == "Allow", unknown=lacking)
    resources, not_resource = _resources(body, source)
    forms, unresolved, not_principal = _principals(body, source)
    return Statement(
        source=source,
        sid=sid,
        allows=effect == "Allow",
        actions=tuple(str(action).lower() for action in actions),
        not_action=not_action,
        resources=tuple(pattern(each, variables=variables) for each in resources),
        not_resource=not_resource,
        principals=forms,
        unknown_principals=unresolved,
        not_principal=not_principal,
        conditions=tuple(_conditions(body.get("Condition", {}), variables=variables)),
    )


def _either(body: Mapping[str, Value], name: str) -> tuple[list[Text], bool]:
    """The values of Action or NotAction (Resource or NotResource), and whether it is the Not."""
    negative = f"Not{name}"
    if name in body and negative in body:
        raise ValueError(f"{name} and {negative} exclude each other")
    chosen = negative if negative in body else name
    values = _texts(body.get(chosen))
    if not values:
        raise ValueError(f"{name} or {negative} is missing")
    return values, chosen == negative


def _resources(body: Mapping[str, Value], source: Source) -> tuple[list[Text], bool]:
    if source.side == "trust":
        if "Resource" in body or "NotResource" in body:
            raise ValueError("a trust policy has no Resource")
        return ["*"], False
    if source.address.startswith(_WITHOUT_RESOURCE) and not body.keys() & {
        "Resource",
        "NotResource",
    }:
        return ["*"], False
    return _either(body, "Resource")


def _principals(
    body: Mapping[str, Value], source: Source
) -> tuple[frozenset[str], tuple[Text, ...], bool]:
    given = [name for name in ("Principal", "NotPrincipal") if name in body]
    if source.side in ("identity", "boundary"):
        if given:
            raise ValueError("an identity policy has no Principal")
        return frozenset(), (), False
    if len(given) != 1:
        raise ValueError("a resource policy has exactly one of Principal and NotPrincipal")
    forms = list(normal_forms(body[given[0]]))
    known = frozenset(form for form in forms if isinstance(form, str))
    unresolved = tuple(form for form in forms if isinstance(form, Partial))
    return known, unresolved, given[0] == "NotPrincipal"


def _conditions(block: Value, *, variables: bool) -> Iterator[Condition]:
    if not isinstance(block, Mapping):
        raise ValueError("Condition is a mapping of operators")
    for name, keys in block.items():
        known = operator(name)
        if known is None:
            raise ValueError(f"Condition has no operator {name!r}")
        if not isinstance(keys, Mapping):
            raise ValueError(f"{name} is a mapping of condition keys")
        for key, values in keys.items():
            quantifier, meaning, if_exists = known
            yield Condition(
                name=name,
                key=key.lower(),
                operator=meaning,
                quantifier=quantifier,
                if_exists=if_exists,
                values=tuple(_values(values, variables=variables)),
            )


def _values(values: Value, *, variables: bool) -> Iterator[Pattern]:
    for value in _texts(values):
        yield pattern(value, variables=variables)


def _texts(values: Value) -> list[Text]:
    """One value or a list of them, as texts."""
    if values is None:
        return []
    if isinstance(values, list):
        return [each if isinstance(each, str) else _text(each) for each in values]
    scalar = isinstance(values, str | Partial | bool | int | float)
    return [_text(each) for each in ([values] if scalar else _list(values))]


def _text(value: Value) -> Text:
    if isinstance(value, str | Partial):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("a value is a text or a list of texts")


def _list(value: Value) -> Sequence[Value]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    raise MalformedError("a list was expected")
