"""An account that serves: roles, the function that follows approvals, who may call the endpoint."""

from __future__ import annotations

from compiler.access.parties import Assume, Own, Role
from compiler.kinds.endpoints.resources import (
    endpoint_alarms,
    environment,
    function,
    function_alarm,
    ship,
)
from compiler.kinds.endpoints.served import ANY_MODEL, deploys, encrypts_volumes, serves
from compiler.kinds.model_hub.pinned import pin
from compiler.kinds.model_hub.places import Parties, Placed, Site
from compiler.kinds.model_hub.registry import pattern
from compiler.kinds.model_hub.uses import (
    describes_packages,
    makes_model,
    pulls_images,
    reads_model,
)
from compiler.terraform.stack import JsonText, Value, reference

INVOKE = (
    "sagemaker:InvokeEndpoint",
    "sagemaker:InvokeEndpointAsync",
    "sagemaker:InvokeEndpointWithResponseStream",
)
# Lambda's own maximum; the next hour comes in any case.
RETRIES = 2


def serve(parties: Parties, site: Site, notified: list[Value]) -> None:
    """Everything that stands in the account."""
    draft = parties.draft
    if site.following:
        ship(draft, site.account, "approvals", "versions")
    for placed in site.endpoints:
        draft.claim(site.account, "SageMaker endpoint", placed.served.endpoint.lower())
        _execution(parties, placed)
        _callers(parties, placed)
        rollback = endpoint_alarms(placed.served, notified)
        if placed.deployer:
            _deployer(parties, placed, placed.deployer)
            _function(parties, site, placed, rollback, notified)
        if placed.terraform:
            _terraform(parties, placed, placed.terraform)
            pin(placed, rollback)
    # The version that is pinned, and the events, are the hub's; its own stack has them anyway.
    draft.after(site.account, parties.inputs.account)


def _execution(parties: Parties, placed: Placed) -> None:
    """SageMaker's role: the group's artifacts and images, logs, metrics."""
    role = placed.served.execution
    reads_model(parties.draft, role.label, role, placed.group)
    pulls_images(parties.draft, role.label, role, placed.group)
    serves(placed.served)


def _deployer(parties: Parties, placed: Placed, role: Role) -> None:
    """The function's role; what for is written in the docstring of `deployer/approvals.py`."""
    served = placed.served
    describes_packages(parties.draft, role.label, role, placed.group)
    makes_model(parties.draft, role.label, role, placed.group, f"{served.models}-{ANY_MODEL}")
    deploys(served, role, ("sagemaker:ListTags",))
    encrypts_volumes(served, role)


def _terraform(parties: Parties, placed: Placed, role: Role) -> None:
    """What Terraform's own role needs of others to make the endpoint: the hub's version, the key."""
    served = placed.served
    prefix = f"{role.label}-{served.part}"
    makes_model(parties.draft, prefix, role, placed.group, f"{served.models}-{ANY_MODEL}")
    encrypts_volumes(served, role)


def _callers(parties: Parties, placed: Placed) -> None:
    """Callers of the same account invoke by themselves, those of another as the invoker."""
    draft, served = parties.draft, placed.served
    endpoint = Own(served.place, served.endpoint_arn)
    where = f"{served.part}-{served.account.name}"
    for caller in placed.callers:
        if caller.place.account == served.account.name:
            draft.grant(f"{caller.label}-invokes-{where}", caller, INVOKE, endpoint)
        else:
            assert placed.invoker is not None, "a foreign caller has an invoker"
            draft.grant(
                f"{caller.label}-becomes-invoker-{where}",
                caller,
                ("sts:AssumeRole",),
                Assume(placed.invoker),
            )
    if placed.invoker:
        draft.grant(f"{placed.invoker.label}-invokes", placed.invoker, INVOKE, endpoint)


def _function(
    parties: Parties, site: Site, placed: Placed, rollback: list[str], notified: list[Value]
) -> None:
    """The function, and the three rules that bring it to work."""
    served = placed.served
    function_alarm(served, "The deployer could not bring the endpoint to its version", notified)
    address = function(
        served,
        description=f"Keeps {served.endpoint} at the approved version of {placed.group.name}",
        entry="approvals",
        environment={
            **environment(served, rollback),
            "GROUP_ARN": placed.group.group.arn,
        },
        retention_days=parties.inputs.log_retention_days,
        retries=RETRIES,
    )
    bus: dict[str, Value] = {}
    if site.bus:
        bus = {"event_bus_name": reference(f"aws_cloudwatch_event_bus.{site.bus.name}", "name")}
    _rule(
        placed,
        address,
        "approved",
        f"Approvals and rejections of {placed.group.name}",
        {"event_pattern": JsonText(pattern(parties, {placed.group.name})), **bus},
    )
    _rule(
        placed,
        address,
        "changed",
        f"Changes of the endpoint {served.endpoint}",
        {
            "event_pattern": JsonText(
                {
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Endpoint State Change"],
                    "detail": {"EndpointName": [served.endpoint]},
                }
            )
        },
    )
    _rule(
        placed,
        address,
        "hourly",
        "What no event told, and what the blueprint changed",
        {"schedule_expression": "rate(1 hour)"},
    )


def _rule(
    placed: Placed, function_address: str, part: str, description: str, arguments: dict[str, Value]
) -> None:
    """A rule that invokes the function, and what allows it to."""
    served = placed.served
    draft, account, name = served.draft, served.account, served.address(part)
    rule = draft.add(
        account,
        "aws_cloudwatch_event_rule",
        name,
        {
            "name": draft.name(served.called(part), "aws_cloudwatch_event_rule"),
            "description": description,
            **arguments,
        },
    )
    permission = draft.add(
        account,
        "aws_lambda_permission",
        name,
        {
            "statement_id": part,
            "action": "lambda:InvokeFunction",
            "function_name": reference(function_address, "function_name"),
            "principal": "events.amazonaws.com",
            "source_account": account.id,
            "source_arn": reference(rule, "arn"),
        },
    )
    bus = {key: value for key, value in arguments.items() if key == "event_bus_name"}
    draft.add(
        account,
        "aws_cloudwatch_event_target",
        name,
        {
            "rule": reference(rule, "name"),
            "target_id": "deployer",
            "arn": reference(function_address, "arn"),
            **bus,
        },
        depends_on=(permission,),
    )
