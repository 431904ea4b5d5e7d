"""The training account: the roles that the pipeline acts through, and the state machine."""

from __future__ import annotations

from compiler.access.parties import KeyUse, Listing, Objects, Own, Role
from compiler.data import has_local_storage
from compiler.kinds.endpoints.served import pass_role
from compiler.kinds.ml_pipeline.images import image_uri, pull_image
from compiler.kinds.ml_pipeline.names import ANY_UUID, Parties
from compiler.kinds.ml_pipeline.state_machine import definition
from compiler.kinds.services import log_encryption, network_interfaces, sagemaker_runtime
from compiler.terraform.stack import JsonText, Value, reference

SECONDS_PER_HOUR = 3600

# What the pipeline's CREATE_UPDATE action does with its one stack.
# Source: CodePipeline user guide, "AWS CloudFormation deploy action reference", permissions.
STACK_ACTIONS = (
    "cloudformation:CreateChangeSet",
    "cloudformation:CreateStack",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStackResource",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplate",
    "cloudformation:UpdateStack",
)

# What the handler of AWS::StepFunctions::StateMachine calls, from its registry schema.
MACHINE_ACTIONS = (
    "states:CreateStateMachine",
    "states:DeleteStateMachine",
    "states:DescribeStateMachine",
    "states:ListTagsForResource",
    "states:TagResource",
    "states:UntagResource",
    "states:UpdateStateMachine",
)

# What a state machine's role needs to send its logs. The actions know no resources.
# Source: Step Functions developer guide, "Using CloudWatch Logs to log execution history".
LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)


def build(parties: Parties) -> None:
    """Everything in the training account."""
    _action(parties)
    if parties.stack_role:
        _machine_stack(parties, parties.stack_role)
    _machine(parties)
    _train(parties)
    _settings(parties)
    _state_machine(parties)
    draft, account = parties.draft, parties.inputs.training
    outputs = (
        ("state_machine_arn", parties.machine_arn, "ARN of the state machine that trains"),
        ("train_role_arn", parties.train.arn, "ARN of the role that training jobs run as"),
        (
            "train_action_role_arn",
            parties.train_action.arn,
            "ARN of the role that the pipeline acts through",
        ),
    )
    for name, value, description in outputs:
        draft.output(account, name, value, description)


def _action(parties: Parties) -> None:
    """The pipeline's hands in this account: artifacts, the stack, executions."""
    draft, role, place = parties.draft, parties.train_action, parties.training
    artifacts = Objects(parties.bucket, f"{parties.artifacts}*")
    draft.grant(
        "train-action-reads-artifacts", role, ("s3:GetObject", "s3:GetObjectVersion"), artifacts
    )
    draft.grant("train-action-writes-artifacts", role, ("s3:PutObject",), artifacts)
    draft.grant(
        "train-action-lists-artifacts",
        role,
        ("s3:ListBucket",),
        Listing(parties.bucket, (parties.artifacts,)),
    )
    draft.grant(
        "train-action-starts-training",
        role,
        ("states:DescribeStateMachine", "states:StartExecution"),
        Own(place, parties.machine_arn),
    )
    draft.grant(
        "train-action-watches-training",
        role,
        ("states:DescribeExecution",),
        Own(place, place.arn("states", f"execution:{parties.machine_name}:*")),
    )


def _machine_stack(parties: Parties, role: Role) -> None:
    """CloudFormation makes the one state machine, with a role that can do nothing else."""
    draft, place = parties.draft, parties.training
    draft.grant(
        "train-action-deploys-state-machine",
        parties.train_action,
        STACK_ACTIONS,
        Own(place, place.arn("cloudformation", f"stack/{parties.machine_name}/*")),
    )
    # A template is of no stack yet: the call knows no resources.
    draft.grant(
        "train-action-validates-template",
        parties.train_action,
        ("cloudformation:ValidateTemplate",),
        Own(place, "*"),
    )
    pass_role(
        draft,
        "train-action-passes-stack-role",
        parties.train_action,
        role,
        "cloudformation.amazonaws.com",
    )
    draft.grant("stack-makes-state-machine", role, MACHINE_ACTIONS, Own(place, parties.machine_arn))
    pass_role(
        draft, "stack-passes-machine-role", role, parties.machine_role, "states.amazonaws.com"
    )


def _machine(parties: Parties) -> None:
    """The state machine's role: its settings, one family of training jobs, the release manifest."""
    draft, role, place = parties.draft, parties.machine_role, parties.training
    draft.grant(
        "state-machine-trains",
        role,
        (
            "sagemaker:AddTags",
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:ListTags",
            "sagemaker:StopTrainingJob",
        ),
        Own(place, place.arn("sagemaker", f"training-job/{parties.job_prefix}-{ANY_UUID}")),
    )
    # The rule is the one that Step Functions keeps for its .sync integration with SageMaker.
    draft.grant(
        "state-machine-follows-training",
        role,
        ("events:DescribeRule", "events:PutRule", "events:PutTargets"),
        Own(place, place.arn("events", "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule")),
    )
    pass_role(
        draft, "state-machine-passes-train-role", role, parties.train, "sagemaker.amazonaws.com"
    )
    draft.grant(
        "state-machine-reads-settings",
        role,
        ("ssm:GetParameter",),
        Own(place, place.arn("ssm", f"parameter{parties.settings_parameter}")),
    )
    draft.grant(
        "state-machine-writes-manifest",
        role,
        ("s3:PutObject",),
        Objects(parties.bucket, "releases/*", via_s3=True),
    )
    draft.grant("state-machine-sends-logs", role, LOG_DELIVERY, Own(place, "*"))


def _train(parties: Parties) -> None:
    """SageMaker's role: data in, models out, its image, its logs, its volumes."""
    draft, role, train = parties.draft, parties.train, parties.inputs.train
    objects, listing = (
        Objects(parties.bucket, f"{train.data}*"),
        Listing(parties.bucket, (train.data,)),
    )
    draft.grant("train-reads-data", role, ("s3:GetObject",), objects)
    draft.grant("train-lists-data", role, ("s3:ListBucket",), listing)
    draft.grant("train-writes-models", role, ("s3:PutObject",), Objects(parties.bucket, "models/*"))
    pull_image(parties, role)
    sagemaker_runtime(draft, role, "TrainingJobs", "/aws/sagemaker/TrainingJobs")
    if train.network:
        network_interfaces(draft, role, train.network.subnet_ids, train.network.security_group_ids)
    key = draft.key(
        parties.inputs.training,
        "training",
        "training",
        "Volumes and logs of training",
        [log_encryption(parties.training, parties.machine_log_group)],
    )
    if not has_local_storage(train.instance):
        # SageMaker encrypts the volumes by a grant that it makes with the role.
        draft.grant(
            "train-encrypts-volumes", role, ("kms:CreateGrant",), KeyUse(key, for_service=True)
        )
        draft.grant("train-describes-key", role, ("kms:DescribeKey",), KeyUse(key))


def _settings(parties: Parties) -> None:
    """What the blueprint says about training, for the state machine to read at run time."""
    draft, train = parties.draft, parties.inputs.train
    resources: dict[str, Value] = {
        "InstanceType": train.instance,
        "InstanceCount": train.count,
        "VolumeSizeInGB": train.volume_gb,
    }
    if not has_local_storage(train.instance):
        resources["VolumeKmsKeyId"] = reference("aws_kms_key.training", "arn")
    settings: dict[str, Value] = {
        "content_type": train.content_type,
        "data": f"s3://{parties.bucket.bucket}/{train.data}",
        "hyperparameters": dict(sorted(train.hyperparameters.items())),
        "image": image_uri(parties),
        "network_isolation": train.network_isolation,
        "resources": resources,
        "role_arn": parties.train.arn,
        "stopping": {"MaxRuntimeInSeconds": train.max_hours * SECONDS_PER_HOUR},
    }
    if train.network:
        settings["network"] = {
            "SecurityGroupIds": train.network.security_group_ids,
            "Subnets": train.network.subnet_ids,
        }
    draft.add(
        parties.inputs.training,
        "aws_ssm_parameter",
        "settings",
        {
            "name": parties.settings_parameter,
            "description": "What the blueprint says about training, read by the state machine",
            "type": "String",
            "value": JsonText(settings),
        },
    )


def _state_machine(parties: Parties) -> None:
    """The log group, and the machine itself unless the pipeline makes it."""
    draft, inputs, place = parties.draft, parties.inputs, parties.training
    log_group = draft.add(
        inputs.training,
        "aws_cloudwatch_log_group",
        "state_machine",
        {
            "name": parties.machine_log_group,
            "retention_in_days": inputs.log_retention_days,
            "kms_key_id": reference("aws_kms_key.training", "arn"),
        },
    )
    if inputs.state_machine == "cloudformation":
        return
    machine = definition(
        place.partition,
        parties.settings_parameter,
        parties.bucket.bucket,
    )
    draft.add(
        inputs.training,
        "aws_sfn_state_machine",
        "train",
        {
            "name": parties.machine_name,
            "type": "STANDARD",
            "role_arn": reference("aws_iam_role.state_machine", "arn"),
            "definition": JsonText(machine),
            "logging_configuration": [
                {
                    "level": "ERROR",
                    "include_execution_data": False,
                    "log_destination": parties.machine_log_destination,
                }
            ],
        },
        # Making a machine that logs asks whether its role may.
        depends_on=("aws_iam_role_policy.state_machine", log_group),
    )
