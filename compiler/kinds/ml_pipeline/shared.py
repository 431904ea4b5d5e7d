"""The shared account: source, pipeline, approval, and who may write into the bucket."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.access.parties import Assume, KeyUse, Listing, Objects, Own
from compiler.access.policy import Statement
from compiler.kinds.inputs import RoleReference
from compiler.kinds.ml_pipeline.names import Parties, Target
from compiler.kinds.ml_pipeline.register import registration
from compiler.kinds.ml_pipeline.source import Action, SourceParts, source
from compiler.kinds.ml_pipeline.state_machine import definition, template
from compiler.kinds.services import publishing, topic, topic_encryption
from compiler.terraform.archive import archive
from compiler.terraform.names import labels
from compiler.terraform.stack import Expression, JsonText, Value, json_template, reference

# The execution of the state machine: the training run. A rollback of a stage takes the variables of
# the pipeline execution that it goes back to, and so the run that was approved then.
RUN = "#{Train.ExecutionArn}"
# CodePipeline's limit of a configuration value. Source: API reference, ActionDeclaration.
CONFIGURATION_LIMIT = 1000
# What the run's ARN and the revision may take more than their variables.
VARIABLES_ROOM = 300


def build(parties: Parties) -> None:
    """Everything in the shared account."""
    draft, account = parties.draft, parties.inputs.shared
    origin = source(parties)
    _pipeline_role(parties)
    for target in parties.targets:
        _reporter(parties, target)
    _people(parties)
    notifications = _notifications(parties)
    _pipeline(parties, origin, notifications)
    if parties.inputs.state_machine == "cloudformation":
        _template(parties)
    outputs: tuple[tuple[str, Value, str], ...] = (
        ("bucket", parties.bucket.bucket, "name of the bucket: data/, source/, models/, releases/"),
        ("key_arn", reference(parties.key.address, "arn"), "ARN of the key of the bucket"),
        ("pipeline_arn", parties.pipeline_arn, "ARN of the pipeline"),
        ("pipeline_role_arn", parties.pipeline.arn, "ARN of the pipeline's role"),
        *origin.outputs,
    )
    for name, value, description in outputs:
        draft.output(account, name, value, description)
    others = (parties.inputs.training, *(target.account for target in parties.targets))
    # CodePipeline starts a pipeline when it is made, so what it acts through comes first.
    draft.after(account, *others)


def _pipeline_role(parties: Parties) -> None:
    """The pipeline's own role: its hands elsewhere, its artifacts, and nothing more."""
    draft, role, bucket = parties.draft, parties.pipeline, parties.bucket
    for action in (parties.train_action, *(target.action for target in parties.targets)):
        draft.grant(
            f"pipeline-assumes-{action.label}",
            role,
            ("sts:AssumeRole",),
            Assume(action),
        )
    artifacts = Objects(bucket, f"{parties.artifacts}*")
    draft.grant(
        "pipeline-reads-artifacts",
        role,
        ("s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"),
        artifacts,
    )
    draft.grant("pipeline-writes-artifacts", role, ("s3:PutObject",), artifacts)
    draft.grant(
        "pipeline-reads-bucket",
        role,
        ("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"),
        Listing(bucket),
    )
    draft.grant(
        "pipeline-encrypts-artifacts",
        role,
        ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
        KeyUse(parties.key),
    )


def _reporter(parties: Parties, target: Target) -> None:
    """How a deployer tells the pipeline of success and failure; the calls know no resources."""
    role = target.reporter
    parties.draft.grant(
        f"{role.label}-reports",
        role,
        ("codepipeline:PutJobFailureResult", "codepipeline:PutJobSuccessResult"),
        Own(role.place, "*"),
    )


def _people(parties: Parties) -> None:
    """Roles that the blueprint names: approvers and uploaders of data, and of the source."""
    draft, inputs, place = parties.draft, parties.inputs, parties.shared
    approval = f"{parties.pipeline_arn}/Approve/Approve"
    for name, label in labels(reference_.role for reference_ in inputs.approval.by).items():
        role = draft.existing_role(inputs.shared, f"approver_{label}", name)
        draft.grant(
            f"{role.label}-decides",
            role,
            ("codepipeline:PutApprovalResult",),
            Own(place, approval),
        )
        draft.grant(
            f"{role.label}-looks",
            role,
            (
                "codepipeline:GetPipeline",
                "codepipeline:GetPipelineExecution",
                "codepipeline:GetPipelineState",
            ),
            Own(place, parties.pipeline_arn),
        )
    _uploaders(parties, inputs.uploaders, "uploader", "data", "data/*")
    if inputs.source.s3:
        key = inputs.source.s3.key
        _uploaders(parties, inputs.source_uploaders, "source-uploader", "source", key)


def _uploaders(
    parties: Parties, references: Sequence[RoleReference], who: str, what: str, pattern: str
) -> None:
    for index, reference_ in enumerate(references, start=1):
        account = reference_.account or parties.inputs.shared
        name = f"{who}_{index}".replace("-", "_")
        parties.draft.grant(
            f"{who}-{index}-writes-{what}",
            parties.draft.existing_role(account, name, reference_.role),
            ("s3:PutObject",),
            Objects(parties.bucket, pattern, via_s3=True),
        )


def _notifications(parties: Parties) -> str | None:
    """The topic of approvals and failed runs; None where nobody is to be told."""
    draft, inputs, place = parties.draft, parties.inputs, parties.shared
    emails = [*inputs.approval.notify, *(inputs.alerts.notify if inputs.alerts else [])]
    if not emails:
        return None
    services = [topic_encryption("events.amazonaws.com")] if inputs.alerts else []
    key = draft.key(
        inputs.shared,
        "notifications",
        "notifications",
        "Messages of approvals and failures",
        services,
    )
    arn = place.arn("sns", draft.name("notifications", "aws_sns_topic"))
    publishers: list[Statement] = []
    if inputs.alerts:
        _failures(parties)
        publishers = [publishing("events.amazonaws.com", arn, inputs.shared.id, None)]
    topic(draft, inputs.shared, "notifications", "notifications", key, emails, publishers)
    if inputs.approval.notify:
        draft.grant("pipeline-asks-approvers", parties.pipeline, ("sns:Publish",), Own(place, arn))
        draft.grant(
            "pipeline-encrypts-notifications",
            parties.pipeline,
            ("kms:Decrypt", "kms:GenerateDataKey*"),
            KeyUse(key),
        )
    return arn


def _failures(parties: Parties) -> None:
    """A rule that tells the topic of runs that failed."""
    draft, account = parties.draft, parties.inputs.shared
    rule_name = draft.name("failed", "aws_cloudwatch_event_rule")
    rule = draft.add(
        account,
        "aws_cloudwatch_event_rule",
        "failed",
        {
            "name": rule_name,
            "description": "Runs of the pipeline that failed",
            "event_pattern": JsonText(
                {
                    "source": ["aws.codepipeline"],
                    "detail-type": ["CodePipeline Pipeline Execution State Change"],
                    "detail": {"pipeline": [parties.pipeline_name], "state": ["FAILED"]},
                }
            ),
        },
    )
    draft.add(
        account,
        "aws_cloudwatch_event_target",
        "failed",
        {"rule": reference(rule, "name"), "arn": reference("aws_sns_topic.notifications", "arn")},
    )


def _pipeline(parties: Parties, origin: SourceParts, topic_arn: str | None) -> None:
    draft, account = parties.draft, parties.inputs.shared
    stages: list[Value] = [
        _stage("Source", origin.action),
        _stage("Train", *_train_actions(parties)),
        _stage("Approve", _approval(parties, topic_arn)),
    ]
    register = registration(parties, _approved_run(parties))
    stages += [_stage("Register", register)] if register else []
    stages += [
        _stage(f"Deploy-{target.account.name}", _deploy(parties, target))
        for target in parties.targets
    ]
    draft.add(
        account,
        "aws_codepipeline",
        "pipeline",
        {
            "name": parties.pipeline_name,
            "pipeline_type": "V2",
            "execution_mode": "QUEUED",
            "role_arn": reference("aws_iam_role.pipeline", "arn"),
            "artifact_store": [
                {
                    "type": "S3",
                    "location": reference(f"aws_s3_bucket.{parties.bucket.name}", "id"),
                    "encryption_key": [
                        {"type": "KMS", "id": reference(parties.key.address, "arn")}
                    ],
                }
            ],
            "stage": stages,
            **origin.pipeline_arguments,
        },
        # CodePipeline looks at the bucket and starts as soon as it is made.
        depends_on=(
            "aws_iam_role_policy.pipeline",
            f"aws_s3_bucket_policy.{parties.bucket.name}",
            f"aws_s3_bucket_versioning.{parties.bucket.name}",
        ),
    )


def _train_actions(parties: Parties) -> list[Action]:
    machine_input = json_template(
        {
            "kms_key_arn": reference(parties.key.address, "arn"),
            "revision": source_revision(parties),
        }
    )
    train = Action(
        name="Train",
        category="Invoke",
        provider="StepFunctions",
        role_arn=parties.train_action.arn,
        namespace="Train",
        configuration={
            "ExecutionNamePrefix": parties.job_prefix,
            "Input": machine_input,
            "InputType": "Literal",
            "StateMachineArn": parties.machine_arn,
        },
        run_order=2 if parties.stack_role else 1,
    )
    if parties.stack_role is None:
        return [train]
    deploy = Action(
        name="StateMachine",
        category="Deploy",
        provider="CloudFormation",
        role_arn=parties.train_action.arn,
        input_artifacts=("Source",),
        configuration={
            "ActionMode": "CREATE_UPDATE",
            "ParameterOverrides": json_template(
                {
                    "LogGroupArn": parties.machine_log_destination,
                    "RoleArn": parties.machine_role.arn,
                    "StateMachineName": parties.machine_name,
                }
            ),
            "RoleArn": parties.stack_role.arn,
            "StackName": parties.machine_name,
            "TemplatePath": f"Source::{parties.inputs.template}",
        },
    )
    return [deploy, train]


def source_revision(parties: Parties) -> str:
    """The variable that says what was trained, as the source action calls it."""
    return "#{Source.VersionId}" if parties.inputs.source.s3 else "#{Source.CommitId}"


def _approval(parties: Parties, topic_arn: str | None) -> Action:
    accounts = ", ".join(target.account.name for target in parties.targets)
    question = _question(parties, accounts)
    if len(question) > CONFIGURATION_LIMIT - VARIABLES_ROOM:
        question = _question(parties, f"{len(parties.targets)} accounts")
    configuration: dict[str, Value] = {"CustomData": question}
    if topic_arn and parties.inputs.approval.notify:
        configuration["NotificationArn"] = reference("aws_sns_topic.notifications", "arn")
    return Action(
        name="Approve", category="Approval", provider="Manual", configuration=configuration
    )


def _question(parties: Parties, accounts: str) -> str:
    """What is approved: the run that every deploy action names, and what it was trained from."""
    component, revision = parties.draft.component.name, source_revision(parties)
    return f"Deploy {component} of revision {revision}, trained by {RUN}, to {accounts}?"


def _approved_run(parties: Parties) -> Expression:
    """Which run was approved, and where its manifest lies: the functions' UserParameters."""
    return json_template(
        {
            "bucket": parties.bucket.bucket,
            "kms_key_arn": reference(parties.key.address, "arn"),
            "run": RUN,
        }
    )


def _deploy(parties: Parties, target: Target) -> Action:
    return Action(
        name="Deploy",
        category="Invoke",
        provider="Lambda",
        role_arn=target.action.arn,
        configuration={
            "FunctionName": parties.function_name,
            "UserParameters": _approved_run(parties),
        },
    )


def _stage(name: str, *actions: Action) -> dict[str, Value]:
    return {"name": name, "action": [_action(action) for action in actions]}


def _action(action: Action) -> dict[str, Value]:
    return {
        "name": action.name,
        "category": action.category,
        "owner": "AWS",
        "provider": action.provider,
        "version": "1",
        "run_order": action.run_order,
        "role_arn": action.role_arn,
        "namespace": action.namespace,
        "configuration": dict(sorted(action.configuration.items())),
        "input_artifacts": list(action.input_artifacts) or None,
        "output_artifacts": list(action.output_artifacts) or None,
    }


def _template(parties: Parties) -> None:
    """What the team puts into its source: the template, and the same as a zip for an S3 source."""
    machine = definition(
        parties.training.partition,
        parties.settings_parameter,
        parties.bucket.bucket,
    )
    content = template(machine)
    account = parties.inputs.shared
    parties.draft.asset(account, f"assets/source/{parties.inputs.template}", content)
    parties.draft.asset(account, "assets/source.zip", archive({parties.inputs.template: content}))
