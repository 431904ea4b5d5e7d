"""The source stage: what starts the pipeline, exactly one thing for each kind of source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.access.parties import Objects, Own
from compiler.kinds.ml_pipeline.inputs import CodeCommitSource, CodeConnectionsSource, S3Source
from compiler.kinds.ml_pipeline.names import Parties
from compiler.kinds.parts import service_trust
from compiler.terraform.names import shorten
from compiler.terraform.stack import JsonText, Value, reference

# The API's limit of a connection's name. Source: API reference, CreateConnection.
CONNECTION_NAME_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of a pipeline; `configuration` is sorted when it is written."""

    name: str
    category: str
    provider: str
    configuration: Mapping[str, Value]
    role_arn: str | None = None
    namespace: str | None = None
    run_order: int = 1
    input_artifacts: tuple[str, ...] = ()
    output_artifacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceParts:
    """The source action, and what else the pipeline and the stack get from the source."""

    action: Action
    pipeline_arguments: Mapping[str, Value] = field(default_factory=dict)
    outputs: tuple[tuple[str, Value, str], ...] = ()


def source(parties: Parties) -> SourceParts:
    """The source that the blueprint chose, with its resources and grants."""
    given = parties.inputs.source
    if given.codeconnections:
        return _connection(parties, given.codeconnections)
    if given.codecommit:
        return _codecommit(parties, given.codecommit)
    assert given.s3 is not None, "checked: exactly one source"
    return _s3(parties, given.s3)


def _source_action(provider: str, configuration: Mapping[str, Value]) -> Action:
    return Action(
        name="Source",
        category="Source",
        provider=provider,
        configuration=configuration,
        namespace="Source",
        output_artifacts=("Source",),
    )


def _connection(parties: Parties, given: CodeConnectionsSource) -> SourceParts:
    """A push to the branch starts the pipeline, through a trigger of the pipeline itself."""
    draft, account, place = parties.draft, parties.inputs.shared, parties.shared
    arn: Value = given.connection_arn
    outputs: tuple[tuple[str, Value, str], ...] = ()
    known = given.connection_arn or place.arn("codeconnections", "connection/*")
    _check_place(parties, given.connection_arn)
    if given.connection_arn is None:
        address = draft.add(
            account,
            "aws_codeconnections_connection",
            "source",
            {
                "name": shorten(draft.prefix("source"), CONNECTION_NAME_LENGTH),
                "provider_type": given.provider,
            },
        )
        arn = reference(address, "arn")
        outputs = (
            ("connection_arn", arn, "ARN of the connection; it waits until a person completes it"),
        )
    draft.grant(
        "pipeline-uses-connection",
        parties.pipeline,
        tuple(f"{service}:UseConnection" for service in _connection_services(given)),
        Own(place, known, arn),
    )
    trigger: Value = [
        {
            "provider_type": "CodeStarSourceConnection",
            "git_configuration": [
                {
                    "source_action_name": "Source",
                    "push": [{"branches": [{"includes": [given.branch]}]}],
                }
            ],
        }
    ]
    action = _source_action(
        "CodeStarSourceConnection",
        {
            "BranchName": given.branch,
            "ConnectionArn": arn,
            # The trigger below does this, and must be the only one.
            "DetectChanges": "false",
            "FullRepositoryId": given.repository,
            "OutputArtifactFormat": "CODE_ZIP",
        },
    )
    return SourceParts(action=action, pipeline_arguments={"trigger": trigger}, outputs=outputs)


def _check_place(parties: Parties, arn: str | None) -> None:
    """A connection must be of the pipeline's account; of whichever region, since connections are global.

    Source: developer tools console user guide, "Global resources in AWS CodeConnections".
    """
    _, partition, _, _, account, _ = (arn or parties.shared.root).split(":")
    shared = parties.shared
    if partition != shared.partition:
        message = f'is of the partition "{partition}", and the organisation of "{shared.partition}"'
    elif account != shared.id:
        message = (
            f'is of the account {account}, and the pipeline of "{shared.account}" ({shared.id})'
        )
    else:
        return
    at = ("source", "codeconnections", "connection_arn")
    parties.draft.problem(
        "E204",
        f'component "{parties.draft.component.name}": "{".".join(at)}" {message}',
        hint=f'name a connection of "{shared.account}", or leave it out for a new one',
        at=at,
    )


def _connection_services(given: CodeConnectionsSource) -> tuple[str, ...]:
    """The prefixes of the action: that of a given ARN; of a new connection both spellings.

    The older one is still what CodePipeline asks for in some regions.
    """
    if given.connection_arn:
        return (given.connection_arn.split(":")[2],)
    return ("codeconnections", "codestar-connections")


def _codecommit(parties: Parties, given: CodeCommitSource) -> SourceParts:
    draft, account, place = parties.draft, parties.inputs.shared, parties.shared
    arn = place.arn("codecommit", given.repository)
    outputs: tuple[tuple[str, Value, str], ...] = ()
    if not given.existing:
        address = draft.add(
            account,
            "aws_codecommit_repository",
            "source",
            {
                "repository_name": given.repository,
                "description": f"Source of {draft.component.name}",
                "default_branch": given.branch,
            },
        )
        outputs = (
            (
                "repository_url",
                reference(address, "clone_url_http"),
                "URL to clone the source from",
            ),
        )
    draft.grant(
        "pipeline-reads-repository",
        parties.pipeline,
        (
            "codecommit:CancelUploadArchive",
            "codecommit:GetBranch",
            "codecommit:GetCommit",
            "codecommit:GetRepository",
            "codecommit:GetUploadArchiveStatus",
            "codecommit:UploadArchive",
        ),
        Own(place, arn),
    )
    _start_rule(
        parties,
        {
            "source": ["aws.codecommit"],
            "detail-type": ["CodeCommit Repository State Change"],
            "resources": [arn],
            "detail": {
                "event": ["referenceCreated", "referenceUpdated"],
                "referenceType": ["branch"],
                "referenceName": [given.branch],
            },
        },
    )
    action = _source_action(
        "CodeCommit",
        {
            "BranchName": given.branch,
            "OutputArtifactFormat": "CODE_ZIP",
            "PollForSourceChanges": "false",
            "RepositoryName": given.repository,
        },
    )
    return SourceParts(action=action, outputs=outputs)


def _s3(parties: Parties, given: S3Source) -> SourceParts:
    bucket = parties.bucket
    parties.draft.grant(
        "pipeline-reads-source",
        parties.pipeline,
        (
            "s3:GetObject",
            "s3:GetObjectTagging",
            "s3:GetObjectVersion",
            "s3:GetObjectVersionTagging",
        ),
        Objects(bucket, given.key),
    )
    _start_rule(
        parties,
        {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [bucket.bucket]}, "object": {"key": [given.key]}},
        },
    )
    action = _source_action(
        "S3",
        {
            "PollForSourceChanges": "false",
            "S3Bucket": reference(f"aws_s3_bucket.{bucket.name}", "id"),
            "S3ObjectKey": given.key,
        },
    )
    return SourceParts(action=action)


def _start_rule(parties: Parties, pattern: Mapping[str, Value]) -> None:
    """One event rule that starts the pipeline, with a role that can do nothing else."""
    draft, account, place = parties.draft, parties.inputs.shared, parties.shared
    rule_name = draft.name("start", "aws_cloudwatch_event_rule")
    rule_arn = place.arn("events", f"rule/{rule_name}")
    role = draft.role(
        account,
        "start",
        "start",
        "Starts the pipeline when its source changes",
        [service_trust("events.amazonaws.com", account.id, rule_arn)],
    )
    draft.grant(
        "start-starts-pipeline",
        role,
        ("codepipeline:StartPipelineExecution",),
        Own(place, parties.pipeline_arn),
    )
    rule = draft.add(
        account,
        "aws_cloudwatch_event_rule",
        "start",
        {
            "name": rule_name,
            "description": "Changes of the source",
            "event_pattern": JsonText(pattern),
        },
    )
    draft.add(
        account,
        "aws_cloudwatch_event_target",
        "start",
        {
            "rule": reference(rule, "name"),
            "arn": reference("aws_codepipeline.pipeline", "arn"),
            "role_arn": reference("aws_iam_role.start", "arn"),
        },
    )
