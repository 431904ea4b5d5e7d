"""Single changes of generated policies, one document each: what a defect of a kind would do."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
Documents = Mapping[str, Mapping[str, Any]]
ACCOUNT = re.compile(r"(?<=:)\d{12}(?=:)")
# An action that no generated statement has, by service.
MORE = {
    "codepipeline": "codepipeline:DeletePipeline",
    "ecr": "ecr:DeleteRepository",
    "iam": "iam:GetRole",
    "kms": "kms:Sign",
    "s3": "s3:DeleteObject",
    "sns": "sns:DeleteTopic",
    "sqs": "sqs:DeleteQueue",
    "sts": "sts:TagSession",
}


@dataclass(frozen=True)
class Mutant:
    """`operator` is what was done to the statement `sid` of the policy `local` in `stack`."""

    operator: str
    stack: str
    local: str
    sid: str
    detail: str
    document: Mapping[str, Any]
    before: Body

    def __str__(self) -> str:
        return f"{self.operator} {self.stack} {self.local} {self.sid} {self.detail}".rstrip()


def mutants(found: Documents, accounts: tuple[str, ...]) -> Iterator[Mutant]:
    """Every mutant of every statement, in the order of the documents."""
    for stack, document in found.items():
        for local, policy in document.get("locals", {}).items():
            if not (isinstance(policy, Mapping) and "Statement" in policy):
                continue
            for number, body in enumerate(policy["Statement"]):
                for operator, detail, changed in _changes(body, accounts):
                    made = copy.deepcopy(dict(document))
                    made["locals"][local]["Statement"][number : number + 1] = changed
                    yield Mutant(operator, stack, local, body["Sid"], detail, made, body)
        yield from _moved(stack, document)
        yield from _permissions(stack, document, accounts)


def _moved(stack: str, document: Mapping[str, Any]) -> Iterator[Mutant]:
    """A role's policy attached to another role of the stack."""
    resources = document.get("resource", {})
    for name in resources.get("aws_iam_role_policy", {}):
        for other in resources.get("aws_iam_role", {}):
            if other != name:
                made = copy.deepcopy(dict(document))
                made["resource"]["aws_iam_role_policy"][name]["role"] = (
                    f"${{aws_iam_role.{other}.name}}"
                )
                yield Mutant("policy of another role", stack, name, "", other, made, {})
                break


def _permissions(
    stack: str, document: Mapping[str, Any], accounts: tuple[str, ...]
) -> Iterator[Mutant]:
    """What a function's permission says, argument by argument; and none at all."""
    for name, given in document.get("resource", {}).get("aws_lambda_permission", {}).items():
        changes: list[tuple[str, str, Body | None]] = [
            ("drop the statement", "", None),
            ("every action of the service", "", {**given, "action": "lambda:*"}),
            ("another action", "", {**given, "action": "lambda:GetFunction"}),
            ("everybody", "", {**given, "principal": "*"}),
        ]
        for key in ("source_account", "source_arn"):
            if key in given:
                less = {each: value for each, value in given.items() if each != key}
                changes.append(("drop a condition", key, less))
            if ACCOUNT.search(str(given.get(key, ""))):
                present = ACCOUNT.search(given[key])
                other = _other(accounts, present.group() if present else "")
                swapped = {**given, key: ACCOUNT.sub(other, given[key])}
                changes.append(("another account", key, swapped))
        for operator, detail, changed in changes:
            made = copy.deepcopy(dict(document))
            if changed is None:
                del made["resource"]["aws_lambda_permission"][name]
            else:
                made["resource"]["aws_lambda_permission"][name] = changed
            yield Mutant(operator, stack, name, given.get("statement_id", ""), detail, made, given)


def _changes(body: Body, accounts: tuple[str, ...]) -> Iterator[tuple[str, str, list[Body]]]:
    yield "drop the statement", "", []
    service = body["Action"][0].partition(":")[0]
    yield "every action", "", [{**body, "Action": ["*"]}]
    yield "every action of the service", "", [{**body, "Action": [f"{service}:*"]}]
    if service in MORE and MORE[service] not in body["Action"]:
        yield (
            "one more action",
            MORE[service],
            [{**body, "Action": [*body["Action"], MORE[service]]}],
        )
    for action in body["Action"] if len(body["Action"]) > 1 else ():
        less = [each for each in body["Action"] if each != action]
        yield "one action less", action, [{**body, "Action": less}]
    if body.get("Resource", ["*"]) != ["*"]:
        yield "every resource", "", [{**body, "Resource": ["*"]}]
    yield from _principals(body)
    for operator, keys in body.get("Condition", {}).items():
        for key in keys:
            yield "drop a condition", key, [_without(body, operator, key)]
    yield from _swapped(body, accounts)


def _principals(body: Body) -> Iterator[tuple[str, str, list[Body]]]:
    principal = body.get("Principal")
    if not isinstance(principal, dict) or "AWS" not in principal:
        return
    account = principal["AWS"].split(":")[4]
    bare = {key: value for key, value in body.items() if key != "Condition"}
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    if {**bare, "Principal": root} != body:
        yield "the account without a condition", "", [{**bare, "Principal": root}]
    yield "everybody", "", [{**bare, "Principal": "*"}]
    if principal == root and "Condition" not in body:
        yield (
            "a role in place of its account",
            "",
            [{**body, "Principal": {"AWS": f"{root['AWS'][:-4]}role/other"}}],
        )
    if principal != root:
        other = {"AWS": f"arn:aws:iam::{account}:role/other"}
        yield "another role", "", [{**body, "Principal": other}]
    role = body.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn")
    if isinstance(role, str):
        made = copy.deepcopy(body)
        made["Condition"]["ArnEquals"]["aws:PrincipalArn"] = f"arn:aws:iam::{account}:role/other"
        yield "another role", "", [made]
        made = copy.deepcopy(body)
        made["Condition"]["ArnEquals"]["aws:PrincipalArn"] = [
            role,
            f"arn:aws:iam::{account}:role/other",
        ]
        yield "one more role", "", [made]


def _without(body: Body, operator: str, key: str) -> Body:
    made = copy.deepcopy(body)
    del made["Condition"][operator][key]
    if not made["Condition"][operator]:
        del made["Condition"][operator]
    if not made["Condition"]:
        del made["Condition"]
    return made


def _swapped(body: Body, accounts: tuple[str, ...]) -> Iterator[tuple[str, str, list[Body]]]:
    """The account in each ARN of the statement, one at a time."""
    for path, text in _texts(body, ()):
        present = ACCOUNT.search(text)
        if present is None:
            continue
        other = _other(accounts, present.group())
        made = copy.deepcopy(body)
        place: Any = made
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = ACCOUNT.sub(other, text)
        yield "another account", ".".join(map(str, path)), [made]


def _texts(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, item in steps:
            yield from _texts(item, (*path, step))


def _other(accounts: tuple[str, ...], own: str) -> str:
    """Another account of the organisation; of a single one, any."""
    return next((each for each in accounts if each != own), "999999999999")
