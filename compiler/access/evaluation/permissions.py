"""Resource policies that Terraform writes statement by statement: functions and event buses."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.access.evaluation.documents import Reader, opaque
from compiler.access.evaluation.module import Module, Resource, Value
from compiler.access.evaluation.records import Source, Statement
from compiler.access.evaluation.text import Text, joined

_VERSION = "2012-10-17"
# Argument of aws_lambda_permission → operator and key of the condition that AWS writes for it.
# Source: Lambda developer guide, "Resource-based policy examples", and the AddPermission API.
_CONDITIONS = {
    "source_arn": ("ArnLike", "AWS:SourceArn"),
    "source_account": ("StringEquals", "AWS:SourceAccount"),
    "principal_org_id": ("StringEquals", "aws:PrincipalOrgID"),
    "event_source_token": ("StringEquals", "lambda:EventSourceToken"),
    "function_url_auth_type": ("StringEquals", "lambda:FunctionUrlAuthType"),
}


def invocation_statements(
    module: Module,
) -> Iterator[tuple[Resource, Text, tuple[Statement, ...]]]:
    """Each such permission, the ARN of what it belongs to, and its statement."""
    for resource in module.resources("aws_lambda_permission"):
        yield resource, *_read(module, resource, *_function(module, resource))
    for resource in module.resources("aws_cloudwatch_event_permission"):
        yield resource, *_read(module, resource, *_bus(module, resource))


def _read(
    module: Module, resource: Resource, target: Text, body: dict[str, Value]
) -> tuple[Text, tuple[Statement, ...]]:
    source = Source(module.stack, resource.address, "resource")
    if resource.repeated:
        return target, opaque(source, frozenset({resource.address}))
    document: Value = {"Version": _VERSION, "Statement": [{"Effect": "Allow", **body}]}
    return target, Reader([]).statements(document, source)


def _function(module: Module, resource: Resource) -> tuple[Text, dict[str, Value]]:
    given = resource.arguments
    function = module.arn_of("aws_lambda_function", module.text(given.get("function_name")))
    qualified = function
    if given.get("qualifier") is not None:
        qualified = joined([function, ":", module.text(given["qualifier"])])
    conditions: dict[str, dict[str, Value]] = {}
    for argument, (operator, key) in _CONDITIONS.items():
        if given.get(argument) is not None:
            conditions.setdefault(operator, {})[key] = module.text(given[argument])
    return function, {
        "Sid": module.value(given.get("statement_id", "")),
        "Principal": _principal(module.text(given.get("principal"))),
        "Action": module.text(given.get("action")),
        "Resource": qualified,
        "Condition": conditions,
    }


def _bus(module: Module, resource: Resource) -> tuple[Text, dict[str, Value]]:
    given = resource.arguments
    name = module.text(given.get("event_bus_name", "default"))
    bus = module.arn_of("aws_cloudwatch_event_bus", name)
    conditions: dict[str, dict[str, Value]] = {}
    blocks = given.get("condition")
    for block in blocks if isinstance(blocks, list) else []:
        operator, key = str(block["type"]), str(block["key"])
        conditions.setdefault(operator, {})[key] = module.text(block["value"])
    return bus, {
        "Sid": module.value(given.get("statement_id", "")),
        "Principal": _principal(module.text(given.get("principal"))),
        "Action": module.text(given.get("action", "events:PutEvents")),
        "Resource": bus,
        "Condition": conditions,
    }


def _principal(value: Text) -> Value:
    """A service, or an account or ARN; `*` is everyone."""
    if isinstance(value, str) and value != "*" and "." in value and not value.startswith("arn:"):
        return {"Service": value}
    return {"AWS": value}
