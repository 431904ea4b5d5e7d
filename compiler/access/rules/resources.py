"""Which resources a statement names, and whether its actions apply to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from compiler.access.rules.actions import LIMITS
from compiler.access.rules.exceptions import EVERYTHING, MORE_RESOURCES
from compiler.access.rules.records import Finding, Statement
from compiler.data import iam
from compiler.data.arns import overlaps

_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")
# A reference to a resource of the stack: what its ARN looks like is known from its type.
_REFERENCE = re.compile(
    r"\$\{(?:data\.)?(aws_\w+)\.[\w-]+(?:\[[^]]*\])?\.(arn|id)\}(.*)", re.DOTALL
)
ARNS = {
    "aws_cloudwatch_event_bus": "arn:*:events:*:*:event-bus/*",
    "aws_cloudwatch_event_rule": "arn:*:events:*:*:rule/*",
    "aws_cloudwatch_log_group": "arn:*:logs:*:*:log-group:*",
    "aws_codebuild_project": "arn:*:codebuild:*:*:project/*",
    "aws_codeconnections_connection": "arn:*:codeconnections:*:*:connection/*",
    "aws_codepipeline": "arn:*:codepipeline:*:*:*",
    "aws_dynamodb_table": "arn:*:dynamodb:*:*:table/*",
    "aws_ecr_repository": "arn:*:ecr:*:*:repository/*",
    "aws_eks_cluster": "arn:*:eks:*:*:cluster/*",
    "aws_iam_role": "arn:*:iam::*:role/*",
    "aws_kms_key": "arn:*:kms:*:*:key/*",
    "aws_lambda_function": "arn:*:lambda:*:*:function:*",
    "aws_s3_bucket": "arn:*:s3:::bucket",
    "aws_secretsmanager_secret": "arn:*:secretsmanager:*:*:secret:*",
    "aws_sfn_state_machine": "arn:*:states:*:*:stateMachine:*",
    "aws_sns_topic": "arn:*:sns:*:*:*",
    "aws_sqs_queue": "arn:*:sqs:*:*:*",
    "aws_ssm_parameter": "arn:*:ssm:*:*:parameter/*",
}


def everything(statement: Statement) -> Iterator[Finding]:
    """E804: every resource, where the action could be given some."""
    if not statement.allows or statement.side not in ("identity", "resource"):
        return
    for resource in statement.resources:
        for action in _named(statement):
            if resource == "*":
                yield from _star(statement, action)
            elif _covers_type(action, resource) and not _narrowed(statement):
                yield statement.finding(
                    "E804",
                    f'"{resource}" is every resource of that type, for {action.name}',
                    "name the resource, or add a condition that picks it",
                )


def _star(statement: Statement, action: iam.Action) -> Iterator[Finding]:
    allowed = EVERYTHING.get(action.name)
    if allowed is not None and allowed.condition is not None:
        if not statement.demanding(allowed.condition):
            yield statement.finding(
                "E804",
                f'{action.name} on "*" needs a condition on {allowed.condition}',
                f"{allowed.reason}: {allowed.source}",
            )
    elif allowed is None and action.resources:
        types = " or ".join(sorted({resource.name for resource in action.resources}))
        yield statement.finding(
            "E804",
            f'{action.name} on "*": the action can be given a {types}',
            f"name the resource, such as {action.resources[0].arn}",
        )


def _covers_type(action: iam.Action, pattern: str) -> bool:
    """Whether a pattern leaves everything open that the ARN of some type has after the account."""
    if "*" not in pattern or pattern.startswith("$"):
        return False
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return True
    forms = _open_forms(action.name)
    rest = re.sub(r"\*+", "*", parts[5])
    return rest in forms or (rest == "*" and bool(forms))


@cache
def _open_forms(action: str) -> frozenset[str]:
    """What stands after the account in ARNs of the action's resources, with `*` for what varies."""
    (named,) = iam.matching_actions(action)
    forms = (_PLACEHOLDER.sub("*", each.arn.split(":", 5)[5]) for each in named.resources)
    return frozenset(form for form in forms if "*" in form)


def _narrowed(statement: Statement) -> bool:
    return any(condition.demands for condition in statement.conditions)


def mismatched(statement: Statement) -> Iterator[Finding]:
    """E806: an action that applies to none of the resources, or a resource that none applies to."""
    if statement.side in LIMITS:
        return
    yield from _wrong_service(statement)
    resources = tuple(_arn(resource) for resource in statement.resources)
    if not resources or statement.side == "key":
        return
    patterns = {name: iam.matching_actions(name) for name in statement.actions if name != "*"}
    idle = False
    for name, actions in patterns.items():
        if not actions or any(_applies(action, arn) for action in actions for arn in resources):
            continue
        idle = True
        knows = sorted({r.arn for action in actions for r in action.resources})
        yield statement.finding(
            "E806",
            f'"{name}" does not apply to {", ".join(statement.resources)}',
            f"it applies to {', '.join(knows[:3])}"
            if knows
            else 'it knows no resource: give it "*"',
        )
    # Of an action that is unknown or applies to nothing, another finding tells already.
    if idle or not patterns or not all(patterns.values()) or "*" in statement.actions:
        return
    for written, arn in zip(statement.resources, resources, strict=True):
        if not any(_applies(action, arn) for found in patterns.values() for action in found):
            yield statement.finding(
                "E806",
                f'none of the actions applies to "{written}"',
                "name the resource of that kind, or give it a statement with its own actions",
            )


def _wrong_service(statement: Statement) -> Iterator[Finding]:
    """A policy on a resource takes actions of its service only."""
    service = statement.policy.service
    for action in statement.actions if service else ():
        prefix = action.partition(":")[0].lower()
        if prefix != service and not set(prefix) & set("*?"):
            yield statement.finding(
                "E806",
                f'"{action}" in a policy of {service}',
                f"the policy is asked for {service} actions only",
            )


def _applies(action: iam.Action, arn: str) -> bool:
    return arn == "*" or _meets(action.name, arn)


# The policies of neighbouring stacks speak of the same resources.
@lru_cache(maxsize=4096)
def _meets(action: str, arn: str) -> bool:
    (named,) = iam.matching_actions(action)
    if iam.arn_matches_resource_type(named, arn):
        return True
    return any(overlaps(form, arn) for form in MORE_RESOURCES.get(action, ()))


def _arn(written: str) -> str:
    """An ARN pattern for a reference of which the type says how its ARN looks."""
    found = _REFERENCE.fullmatch(written)
    if found is None or found[1] not in ARNS or found[2] != "arn":
        return written
    return ARNS[found[1]] + found[3]


def _named(statement: Statement) -> Iterator[iam.Action]:
    """The actions that a statement names, each once; `*` and `service:*` are another rule's."""
    seen: set[str] = set()
    for pattern in statement.actions:
        if pattern.partition(":")[2].strip("*?"):
            for action in iam.matching_actions(pattern):
                if action.name not in seen:
                    seen.add(action.name)
                    yield action
