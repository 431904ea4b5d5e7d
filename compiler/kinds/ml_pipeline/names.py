"""What the parts of one pipeline call each other, so that no stack needs to ask another."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.access.parties import Bucket, Key, Place, Repository, Role
from compiler.kinds.draft import Draft
from compiler.kinds.ml_pipeline.inputs import Inputs
from compiler.organization.records import Account
from compiler.terraform.names import shorten

# SageMaker's limit of a job's name, less a dash and the UUID that CodePipeline appends.
JOB_PREFIX_LENGTH = 63 - 37

# A UUID as CodePipeline writes it, in IAM's wildcards. `*` would also cover what the component
# `churn-x` makes for `churn`; `?` is one character, so names of another length never match.
ANY_UUID = "????????-????-????-????-????????????"

# CodePipeline stores artifacts below the first 20 characters of the pipeline's name.
# Source: AWS re:Post, "CodePipeline truncates folder names in output artifact S3 bucket".
ARTIFACT_PREFIX_LENGTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One production account: its roles, and the role that its deployer reports through."""

    account: Account
    action: Role
    deployer: Role
    serve: Role
    reporter: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Every role, key and bucket of the pipeline, declared before any of them is used."""

    draft: Draft
    inputs: Inputs
    key: Key
    bucket: Bucket
    repository: Repository | None
    pipeline: Role
    train_action: Role
    stack_role: Role | None
    machine_role: Role
    train: Role
    targets: tuple[Target, ...]

    @property
    def shared(self) -> Place:
        """The stack of the shared account."""
        return self.key.place

    @property
    def training(self) -> Place:
        """The stack of the training account."""
        return self.train.place

    @property
    def pipeline_name(self) -> str:
        """The pipeline's name."""
        return self.draft.name("pipeline", "aws_codepipeline")

    @property
    def pipeline_arn(self) -> str:
        """The pipeline's ARN."""
        return self.shared.arn("codepipeline", self.pipeline_name)

    @property
    def artifacts(self) -> str:
        """What the keys of the pipeline's own artifacts start with."""
        return self.pipeline_name[:ARTIFACT_PREFIX_LENGTH]

    @property
    def job_prefix(self) -> str:
        """What the names of training jobs start with, the dash excluded."""
        component = self.draft.component.name
        return shorten(f"{self.draft.organization.name}-{component}", JOB_PREFIX_LENGTH)

    @property
    def machine_name(self) -> str:
        """The state machine's name; also that of its CloudFormation stack."""
        return self.draft.name("train", "aws_sfn_state_machine")

    @property
    def machine_arn(self) -> str:
        """The state machine's ARN."""
        return self.training.arn("states", f"stateMachine:{self.machine_name}")

    @property
    def machine_log_group(self) -> str:
        """The log group of the state machine's executions."""
        return f"/aws/vendedlogs/states/{self.machine_name}"

    @property
    def machine_log_destination(self) -> str:
        """The log group as Step Functions wants it: the ARN of all its streams."""
        return self.training.arn("logs", f"log-group:{self.machine_log_group}:*")

    @property
    def settings_parameter(self) -> str:
        """The SSM parameter that holds what the blueprint says about training."""
        # Names below /aws and /ssm are AWS's own, and an organisation may be called so.
        return f"/landform/{self.draft.organization.name}/{self.draft.component.name}/train"

    @property
    def function_name(self) -> str:
        """The deployer's name, the same in every production account."""
        return self.draft.name("deployer", "aws_lambda_function")
