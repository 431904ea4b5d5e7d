"""The stage that registers an approved model in the group of a model hub."""

from __future__ import annotations

from compiler.access.parties import Objects, Own
from compiler.kinds.endpoints.inputs import BuiltinImage
from compiler.kinds.endpoints.resources import Function, add_function, ship
from compiler.kinds.ml_pipeline.images import image_uri
from compiler.kinds.ml_pipeline.names import Parties
from compiler.kinds.ml_pipeline.source import Action
from compiler.kinds.model_hub.names import HubGroup, find_group
from compiler.kinds.model_hub.uses import publishes_artifacts, registers_versions
from compiler.kinds.parts import service_trust
from compiler.kinds.services import log_encryption
from compiler.terraform.stack import Expression

# A large model is copied in this time.
TIMEOUT_SECONDS = 900
MEMORY_MB = 512
# The event holds credentials: what fails is kept nowhere, and CodePipeline ends the job by itself.
RETRIES = 1


def registration(parties: Parties, parameters: Expression) -> Action | None:
    """The action that registers, with all that it needs; None where nothing is to be registered.

    `parameters` say which run was approved.
    """
    given = parties.inputs.registration
    if given is None:
        return None
    group = find_group(parties.draft, given.hub, given.group, ("register",), registry=True)
    if group is None or not _admitted(parties, group) or not _pullable(parties, group):
        return None
    _permissions(parties, group)
    _function(parties, group)
    return Action(
        name="Register",
        category="Invoke",
        provider="Lambda",
        configuration={"FunctionName": _name(parties), "UserParameters": parameters},
    )


def _name(parties: Parties) -> str:
    return parties.draft.name("registrar", "aws_lambda_function")


def _admitted(parties: Parties, group: HubGroup) -> bool:
    """Whether the hub lets components of the shared account register; reports it if not."""
    draft, home = parties.draft, parties.inputs.shared
    other = draft.other(group.group.place.component, "model-hub", ("register", "hub"))
    assert other is not None, "the group is a hub's"
    hub = other.component.inputs
    entries = [each for each in hub.registering(home) if each.role is None]
    if home == hub.account or any(not each.groups or group.name in each.groups for each in entries):
        return True
    draft.problem(
        "E342",
        f'component "{draft.component.name}": "register.hub": the hub "{other.component.name}" does '
        f'not take versions of "{group.name}" from "{home.name}"',
        hint=f"write register_from: [{home.name}] under the hub",
        at=("register", "hub"),
        related=(("the hub", other.component.span),),
    )
    return False


def _pullable(parties: Parties, group: HubGroup) -> bool:
    """Whether the hub's targets can pull the image that the model was trained with."""
    draft, image, own = parties.draft, parties.inputs.train.image, parties.repository
    if isinstance(image, BuiltinImage):
        fits = group.image == image
        hint = (
            f'write image: {{builtin: {image.builtin}, version: "{image.version}"}} under the group'
        )
    else:
        assert own is not None, "an own image has a repository"
        fits = group.repository is not None and group.repository.arn == own.arn
        hint = (
            f"write repository: {{name: {own.repository}, existing: true}} under a group of a hub in "
            f'"{parties.inputs.shared.name}"'
        )
    if not fits:
        draft.problem(
            "E342",
            f'component "{draft.component.name}": "register.group": the group "{group.name}" does not '
            "have the image that this component trains with: its targets could not pull it",
            hint=hint,
            at=("register", "group"),
        )
    return fits


def _permissions(parties: Parties, group: HubGroup) -> None:
    """The function's role, and the pipeline's right to invoke it."""
    draft, account, place = parties.draft, parties.inputs.shared, parties.shared
    role = draft.role(
        account,
        "registrar",
        "registrar",
        "Registers approved models in the hub",
        [service_trust("lambda.amazonaws.com")],
    )
    for what, pattern in (("manifest", "releases/*"), ("models", "models/*")):
        draft.grant(
            f"registrar-reads-{what}",
            role,
            ("s3:GetObject",),
            Objects(parties.bucket, pattern, via_s3=True),
        )
    registers_versions(draft, "registrar", role, group, approved=True)
    publishes_artifacts(draft, "registrar", role, group, images=False)
    draft.grant(
        "registrar-reports",
        role,
        ("codepipeline:PutJobFailureResult", "codepipeline:PutJobSuccessResult"),
        Own(place, "*"),
    )
    draft.grant(
        "registrar-writes-logs",
        role,
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        Own(place, place.arn("logs", f"log-group:/aws/lambda/{_name(parties)}:*")),
    )
    draft.grant(
        "pipeline-invokes-registrar",
        parties.pipeline,
        ("lambda:InvokeFunction",),
        Own(place, place.arn("lambda", f"function:{_name(parties)}")),
    )


def _function(parties: Parties, group: HubGroup) -> None:
    """The function, which comes after the hub that it speaks to."""
    draft, account = parties.draft, parties.inputs.shared
    key = draft.key(
        account,
        "registrar",
        "registrar",
        "Logs of the registrar",
        [log_encryption(parties.shared, f"/aws/lambda/{_name(parties)}")],
    )
    ship(draft, account, "registrar", "job", "release", "versions", name="registrar")
    add_function(
        Function(
            draft=draft,
            account=account,
            key=key,
            name="registrar",
            function_name=_name(parties),
            description=f"Registers approved models of {draft.component.name} in {group.group.group}",
            entry="registrar",
            environment={
                "CONTENT_TYPE": parties.inputs.train.content_type,
                "GROUP_ARN": group.group.arn,
                "HUB_BUCKET": group.bucket.bucket,
                "HUB_PREFIX": group.prefix,
                "IMAGE": image_uri(parties),
            },
            retention_days=parties.inputs.log_retention_days,
            retries=RETRIES,
            archive="registrar",
            timeout_seconds=TIMEOUT_SECONDS,
            memory_mb=MEMORY_MB,
        )
    )
    draft.after_stacks(account, group.group.place.stack)
