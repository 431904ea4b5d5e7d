"""The edges of a pipeline as questions: which role may do what, on what, under which circumstances.

The rows are domain facts (E1 to E22), written from the blueprint alone. Everything a pipeline's roles
are asked here is either in the table or must be refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.kinds.pipeline import Pipeline

EXECUTION = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
RUN = f"acme-churn-{EXECUTION}"


class Question(NamedTuple):
    """One row of the table. `context` as a sorted tuple of pairs, so that rows can be compared."""

    edge: str
    principal: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


def rows(p: Pipeline) -> list[Question]:
    """Every question that must be answered with yes."""
    return [*_assumed(p), *_objects(p), *_training(p), *_serving(p), *_shared(p), *_keys(p)]


def _row(edge: str, principal: str, actions: str, resource: str, **context: str) -> list[Question]:
    """A question for each action; context keys are written with `__` for `:`."""
    pairs = tuple(sorted((key.replace("__", ":"), value) for key, value in context.items()))
    return [Question(edge, principal, action, resource, pairs) for action in actions.split()]


def _assumed(p: Pipeline) -> Iterator[Question]:
    yield from _row("E1", p.pipeline_role, "sts:AssumeRole", p.train_action)
    for account in p.production:
        yield from _row("E2", p.pipeline_role, "sts:AssumeRole", p.deploy_action(account))
        yield from _row("E17", p.deployer(account), "sts:AssumeRole", p.reporter(account))


def _objects(p: Pipeline) -> Iterator[Question]:
    artifact = f"{p.bucket}/acme-churn-pipeline/Source/abcdef"
    data, manifest = f"{p.bucket}/{p.data}a.csv", f"{p.bucket}/releases/{RUN}/manifest.json"
    model = f"{p.bucket}/models/{RUN}/model.tar.gz"
    prefix = {"s3__prefix": "acme-churn-pipeline/"}
    yield from _row("E3", p.pipeline_role, "s3:GetObject s3:GetObjectVersion", artifact)
    yield from _row("E3", p.pipeline_role, "s3:PutObject", artifact)
    yield from _row("E3", p.pipeline_role, "s3:GetBucketVersioning", p.bucket)
    for listed in (prefix, {"s3__prefix": p.data}):
        yield from _row("E3", p.pipeline_role, "s3:ListBucket", p.bucket, **listed)
    yield from _row("E5", p.train_action, "s3:GetObject s3:GetObjectVersion", artifact)
    yield from _row("E5", p.train_action, "s3:PutObject", artifact)
    yield from _row("E5", p.train_action, "s3:ListBucket", p.bucket, **prefix)
    yield from _row("E12", p.train, "s3:GetObject", data)
    yield from _row("E12", p.train, "s3:ListBucket", p.bucket, s3__prefix=p.data)
    yield from _row("E12", p.train, "s3:PutObject", model)
    yield from _row("E13", p.machine_role, "s3:PutObject", manifest)
    for account in p.production:
        yield from _row("E18", p.deployer(account), "s3:GetObject", manifest)
        yield from _row("E20", p.serve(account), "s3:GetObject", model)
    if p.source == "s3":
        source = f"{p.bucket}/source/churn.zip"
        yield from _row("E4", p.pipeline_role, "s3:GetObject s3:GetObjectVersion", source)
        tags = "s3:GetObjectTagging s3:GetObjectVersionTagging"
        yield from _row("E4", p.pipeline_role, tags, source)
    for uploader in p.uploaders:
        yield from _row("uploads", uploader, "s3:PutObject", data)
    for uploader in p.source_uploaders:
        yield from _row("uploads", uploader, "s3:PutObject", f"{p.bucket}/source/churn.zip")


def _training(p: Pipeline) -> Iterator[Question]:
    t = p.training
    machine = p.arn(t, "states", "stateMachine:acme-churn-train")
    execution = p.arn(t, "states", f"execution:acme-churn-train:acme-churn-{EXECUTION}")
    job = p.arn(t, "sagemaker", f"training-job/acme-churn-{EXECUTION}")
    rule = p.arn(t, "events", "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule")
    passed = {"iam__PassedToService": "cloudformation.amazonaws.com"}
    if p.by_cloudformation:
        stack = p.arn(t, "cloudformation", "stack/acme-churn-train/01234567")
        does = "cloudformation:CreateStack cloudformation:UpdateStack cloudformation:DescribeStacks"
        yield from _row("E6", p.train_action, does, stack)
        template = p.arn(t, "cloudformation", "template")
        yield from _row("E6", p.train_action, "cloudformation:ValidateTemplate", template)
        yield from _row("E7", p.train_action, "iam:PassRole", p.stack_role, **passed)
        makes = "states:CreateStateMachine states:UpdateStateMachine states:DeleteStateMachine"
        yield from _row("E9", p.stack_role, makes, machine)
        yield from _row("E9", p.stack_role, "states:DescribeStateMachine", machine)
        passed = {"iam__PassedToService": "states.amazonaws.com"}
        yield from _row("E9", p.stack_role, "iam:PassRole", p.machine_role, **passed)
    starts = "states:DescribeStateMachine states:StartExecution"
    yield from _row("E8", p.train_action, starts, machine)
    yield from _row("E8", p.train_action, "states:DescribeExecution", execution)
    trains = "CreateTrainingJob DescribeTrainingJob StopTrainingJob AddTags ListTags"
    for action in trains.split():
        yield from _row("E11", p.machine_role, f"sagemaker:{action}", job)
    yield from _row(
        "E11", p.machine_role, "events:PutRule events:PutTargets events:DescribeRule", rule
    )
    passed = {"iam__PassedToService": "sagemaker.amazonaws.com"}
    yield from _row("E11", p.machine_role, "iam:PassRole", p.train, **passed)
    yield from _images(p, p.train)


def _images(p: Pipeline, role: str) -> Iterator[Question]:
    account = role.split(":")[4]
    registry = f"arn:{p.partition}:ecr:{p.region}:{account}:registry"
    yield from _row("E14", role, "ecr:GetAuthorizationToken", registry)
    if p.own_image:
        pulls = "ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchCheckLayerAvailability"
        yield from _row("E14", role, pulls, p.arn(p.shared, "ecr", "repository/churn"))


def _serving(p: Pipeline) -> Iterator[Question]:
    for account in p.production:
        deployer, serve = p.deployer(account), p.serve(account)
        function = p.arn(account, "lambda", "function:acme-churn-deployer")
        yield from _row("E15", p.deploy_action(account), "lambda:InvokeFunction", function)
        own = "sagemaker:AddTags sagemaker:CreateModel sagemaker:DescribeModel"
        model = p.arn(account, "sagemaker", "model/acme-churn-0a1b2c3d-0123456789ab")
        configuration = model.replace("model/", "endpoint-config/")
        endpoint = p.arn(account, "sagemaker", "endpoint/churn-live")
        yield from _row("E19", deployer, own, model)
        own = "sagemaker:CreateEndpointConfig sagemaker:CreateEndpoint sagemaker:UpdateEndpoint"
        yield from _row("E19", deployer, own, configuration)
        yield from _row("E19", deployer, own.split(maxsplit=1)[1], endpoint)
        yield from _row("E19", deployer, "sagemaker:DescribeEndpoint sagemaker:AddTags", endpoint)
        passed = {"iam__PassedToService": "sagemaker.amazonaws.com"}
        yield from _row("E19", deployer, "iam:PassRole", serve, **passed)
        logs = f"log-group:/aws/sagemaker/Endpoints/{p.given['deploy']['endpoint']}"
        stream = p.arn(account, "logs", f"{logs}:log-stream:AllTraffic/i-0123")
        yield from _row("E19", serve, "logs:CreateLogStream logs:PutLogEvents", stream)
        yield from _images(p, serve)


def _shared(p: Pipeline) -> Iterator[Question]:
    pipeline = p.arn(p.shared, "codepipeline", "acme-churn-pipeline")
    if p.source == "codeconnections":
        arn = p.arn(p.shared, "codeconnections", "connection/01234567-0123-0123-0123-0123456789ab")
        uses = "codeconnections:UseConnection codestar-connections:UseConnection"
        yield from _row("E4", p.pipeline_role, uses, arn)
    else:
        yield from _row("E21", p.start, "codepipeline:StartPipelineExecution", pipeline)
    if p.source == "codecommit":
        does = "GetBranch GetCommit UploadArchive GetUploadArchiveStatus CancelUploadArchive"
        for action in does.split():
            arn = p.arn(p.shared, "codecommit", "churn")
            yield from _row("E4", p.pipeline_role, f"codecommit:{action}", arn)
    for account in p.production:
        does = "codepipeline:PutJobSuccessResult codepipeline:PutJobFailureResult"
        yield from _row("E17", p.reporter(account), does, pipeline)
    for approver in p.approvers:
        decision = f"{pipeline}/Approve/Approve"
        yield from _row("E22", approver, "codepipeline:PutApprovalResult", decision)
        yield from _row("E22", approver, "codepipeline:GetPipelineState", pipeline)


READ = "kms:Decrypt kms:DescribeKey"
WRITE = f"{READ} kms:Encrypt kms:GenerateDataKey"


def key_uses(p: Pipeline) -> dict[str, set[str]]:
    """The exact set of 4.c: who uses the bucket's key, and for what."""
    uses = {
        p.pipeline_role: set(f"{WRITE} kms:ReEncryptFrom kms:ReEncryptTo".split()),
        p.train_action: set(WRITE.split()),
        p.train: set(WRITE.split()),
        p.machine_role: {"kms:Decrypt", "kms:GenerateDataKey"},
    }
    for account in p.production:
        uses[p.deployer(account)] = {"kms:Decrypt"}
        uses[p.serve(account)] = set(READ.split())
    for uploader in (*p.uploaders, *p.source_uploaders):
        uses[uploader] = {"kms:Decrypt", "kms:GenerateDataKey"}
    return uses


def _keys(p: Pipeline) -> Iterator[Question]:
    via = {"kms__ViaService": f"s3.{p.region}.{p.suffix}"}
    for role, actions in key_uses(p).items():
        for action in sorted(actions):
            yield from _row("key", role, action, p.key, **via)


def context_of(p: Pipeline, question: Question, organization: str | None = None) -> dict[str, Any]:
    """The question's context, asked from inside the organisation, or from another one."""
    context: dict[str, Any] = dict(question.context)
    member = organization or p.organization
    if member:
        context["aws:PrincipalOrgID"] = member
    return context
