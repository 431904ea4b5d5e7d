"""A production account: the function that deploys, the role that serves, the alarms."""

from __future__ import annotations

from compiler.access.parties import Assume, Objects, Own
from compiler.kinds.endpoints.resources import (
    alerts,
    endpoint_alarms,
    environment,
    function,
    function_alarm,
    ship,
)
from compiler.kinds.endpoints.served import (
    ANY_MODEL,
    FUNCTION_ALARM,
    ROLLBACK_ALARMS,
    Served,
    deploys,
    encrypts_volumes,
    model_prefix,
    serves,
)
from compiler.kinds.ml_pipeline.images import image_uri, pull_image
from compiler.kinds.ml_pipeline.inputs import Deploy
from compiler.kinds.ml_pipeline.names import Parties, Target
from compiler.kinds.services import log_encryption, topic_encryption

# The event holds credentials, so what fails is kept nowhere, and CodePipeline ends the job by itself.
RETRIES = 1


def build(parties: Parties, target: Target) -> None:
    """Everything in one production account."""
    draft, account = parties.draft, target.account
    deploy: Deploy = draft.component.inputs_in(account.name).deploy
    draft.claim(account, "SageMaker endpoint", deploy.endpoint.lower())
    served = _served(parties, target, deploy)
    _action(parties, target)
    _deployer(parties, target, served)
    _serve(parties, served)
    emails = parties.inputs.alerts.notify if parties.inputs.alerts else []
    names = [served.alarm(part) for part in (*ROLLBACK_ALARMS, FUNCTION_ALARM)]
    notified = alerts(draft, account, served.key, emails, names)
    rollback = endpoint_alarms(served, notified)
    function_alarm(served, "The deployer could not report to the pipeline", notified)
    ship(draft, account, "handler", "job", "release")
    function(
        served,
        description=f"Deploys releases of {draft.component.name} to {deploy.endpoint}",
        entry="handler",
        environment={
            **environment(served, rollback),
            "IMAGE": image_uri(parties),
            "REPORTER_ROLE_ARN": target.reporter.arn,
        },
        retention_days=parties.inputs.log_retention_days,
        retries=RETRIES,
    )
    function_arn = served.place.arn("lambda", f"function:{parties.function_name}")
    outputs = (
        ("endpoint_name", deploy.endpoint, "name of the endpoint that the first deployment makes"),
        ("endpoint_arn", served.endpoint_arn, "ARN of the endpoint"),
        ("deployer_arn", function_arn, "ARN of the function that deploys"),
        ("serve_role_arn", target.serve.arn, "ARN of the role that the endpoint runs as"),
        ("deploy_action_role_arn", target.action.arn, "ARN of the role the pipeline acts through"),
    )
    for name, value, description in outputs:
        draft.output(account, name, value, description)


def _served(parties: Parties, target: Target, deploy: Deploy) -> Served:
    draft = parties.draft
    services = [log_encryption(target.serve.place, f"/aws/lambda/{parties.function_name}")]
    if parties.inputs.alerts:
        services.append(topic_encryption("cloudwatch.amazonaws.com"))
    key = draft.key(
        target.account,
        "serving",
        "serving",
        "Volumes of the endpoint, logs of the deployer, alarms",
        services,
    )
    return Served(
        draft=draft,
        account=target.account,
        endpoint=deploy.endpoint,
        serving=deploy,
        execution=target.serve,
        key=key,
        models=model_prefix(draft.organization.name, draft.component.name),
    )


def _action(parties: Parties, target: Target) -> None:
    """The pipeline's hands in this account: one function, nothing else."""
    place = target.action.place
    function_arn = place.arn("lambda", f"function:{parties.function_name}")
    parties.draft.grant(
        f"{target.action.label}-invokes-deployer",
        target.action,
        ("lambda:InvokeFunction",),
        Own(place, function_arn),
    )


def _deployer(parties: Parties, target: Target, served: Served) -> None:
    """The function's role; what for is written in the docstring of `deployer/handler.py`."""
    draft, role = parties.draft, target.deployer
    place, prefix = role.place, f"{role.label}-"
    draft.grant(f"{prefix}reports", role, ("sts:AssumeRole",), Assume(target.reporter))
    draft.grant(
        f"{prefix}reads-manifest",
        role,
        ("s3:GetObject",),
        Objects(parties.bucket, "releases/*", via_s3=True),
    )
    draft.grant(
        f"{prefix}makes-models",
        role,
        ("sagemaker:AddTags", "sagemaker:CreateModel", "sagemaker:DescribeModel"),
        Own(place, place.arn("sagemaker", f"model/{served.models}-{ANY_MODEL}")),
    )
    deploys(served, role)
    encrypts_volumes(served, role)


def _serve(parties: Parties, served: Served) -> None:
    """SageMaker's role: the model, its image, its logs."""
    role = served.execution
    parties.draft.grant(
        f"{role.label}-reads-models", role, ("s3:GetObject",), Objects(parties.bucket, "models/*")
    )
    pull_image(parties, role)
    serves(served)
