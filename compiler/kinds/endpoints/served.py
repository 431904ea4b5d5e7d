"""One endpoint of one account: what it is called, and what its roles may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.access.parties import Key, KeyUse, Own, Place, Role
from compiler.access.policy import Conditions
from compiler.data import has_local_storage
from compiler.kinds.draft import Draft
from compiler.kinds.endpoints.inputs import Serving
from compiler.kinds.services import network_interfaces, sagemaker_runtime
from compiler.organization.records import Account
from compiler.terraform.names import shorten

VARIANT = "AllTraffic"
# The alarms that roll a deployment back, and the one of the function itself.
ERRORS_ALARM = "endpoint-errors"
LATENCY_ALARM = "endpoint-latency"
ROLLBACK_ALARMS = (ERRORS_ALARM, LATENCY_ALARM)
FUNCTION_ALARM = "deployer-errors"
# The deployer appends what it deploys (8 characters) and a hash to the names of models and
# configurations.
PREFIX_LENGTH = 40
ANY_MODEL = "????????-????????????"
SCALING_ROLE = (
    "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """`execution` is the role that SageMaker serves with, `key` encrypts volumes and logs.

    `part` tells endpoints of one account and component apart in names; it is empty where there is
    only one. `models` is what the names of models and configurations start with.
    """

    draft: Draft
    account: Account
    endpoint: str
    serving: Serving
    execution: Role
    key: Key
    models: str
    part: str = ""

    @property
    def place(self) -> Place:
        """The stack."""
        return self.execution.place

    @property
    def endpoint_arn(self) -> str:
        """The endpoint's ARN; SageMaker writes names in lower case there."""
        return self.place.arn("sagemaker", f"endpoint/{self.endpoint.lower()}")

    @property
    def function_name(self) -> str:
        """The name of the function that deploys."""
        return self.draft.name(self.called("deployer"), "aws_lambda_function")

    @property
    def log_group(self) -> str:
        """The log group of the function that deploys."""
        return f"/aws/lambda/{self.function_name}"

    def called(self, part: str) -> str:
        """A part's name: `deployer`, or `deployer-churn`."""
        return f"{part}-{self.part}" if self.part else part

    def address(self, part: str) -> str:
        """A part's name in Terraform: `deployer`, or `deployer_churn`."""
        return self.called(part).replace("-", "_")

    def alarm(self, part: str) -> str:
        """The name of an alarm."""
        return self.draft.prefix(self.called(part))


def model_prefix(*words: str) -> str:
    """What the names of models start with; in lower case, as SageMaker's ARNs have them."""
    return shorten("-".join(words).lower(), PREFIX_LENGTH)


def pass_role(draft: Draft, identifier: str, principal: Role, passed: Role, service: str) -> None:
    """Let a role hand another of its account to one service, and to no other."""
    condition: Conditions = {"StringEquals": {"iam:PassedToService": service}}
    target = Own(principal.place, passed.arn)
    draft.grant(identifier, principal, ("iam:PassRole",), target, condition)


def deploys(served: Served, role: Role, more: Sequence[str] = ()) -> None:
    """What the function that deploys does in its account; the docstring of `deployer/handler.py`
    says what for. `more` are actions on the endpoint beside those that every deployer needs."""
    draft, prefix = served.draft, f"{role.label}-"
    _own(
        served,
        role,
        "makes-configurations",
        (
            "sagemaker:AddTags",
            "sagemaker:CreateEndpoint",
            "sagemaker:CreateEndpointConfig",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:UpdateEndpoint",
        ),
        "sagemaker",
        f"endpoint-config/{served.models}-{ANY_MODEL}",
    )
    # RegisterScalableTarget asks, as its caller, for whatever configuration the endpoint has.
    # Source: aws-controllers-k8s/community#2110.
    _own(
        served,
        role,
        "reads-configurations",
        ("sagemaker:DescribeEndpointConfig",),
        "sagemaker",
        "endpoint-config/*",
    )
    _own(
        served,
        role,
        "makes-endpoint",
        (
            "sagemaker:AddTags",
            "sagemaker:CreateEndpoint",
            "sagemaker:DeleteEndpoint",
            "sagemaker:DescribeEndpoint",
            "sagemaker:UpdateEndpoint",
            "sagemaker:UpdateEndpointWeightsAndCapacities",
            *more,
        ),
        "sagemaker",
        f"endpoint/{served.endpoint.lower()}",
    )
    passes = f"{prefix}passes-{served.execution.name.replace('_', '-')}-role"
    pass_role(draft, passes, role, served.execution, "sagemaker.amazonaws.com")
    _scales(served, role)
    _own(
        served,
        role,
        "writes-logs",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        "logs",
        f"log-group:{served.log_group}:*",
    )


def encrypts_volumes(served: Served, role: Role) -> None:
    """What who creates the endpoint needs of the key, where the instance has volumes to encrypt."""
    if has_local_storage(served.serving.instance):
        return
    served.draft.grant(
        f"{role.label}-encrypts-volumes",
        role,
        ("kms:CreateGrant",),
        KeyUse(served.key, for_service=True),
    )
    served.draft.grant(
        f"{role.label}-describes-key", role, ("kms:DescribeKey",), KeyUse(served.key)
    )


def serves(served: Served) -> None:
    """What SageMaker does with its role beside reading the model: logs, alarms, captures."""
    draft, role, serving = served.draft, served.execution, served.serving
    name = role.label
    sagemaker_runtime(draft, role, "Endpoints", f"/aws/sagemaker/Endpoints/{served.endpoint}")
    for part in ROLLBACK_ALARMS:
        alarm = role.place.arn("cloudwatch", f"alarm:{served.alarm(part)}")
        draft.grant(
            f"{name}-reads-{part}", role, ("cloudwatch:DescribeAlarms",), Own(role.place, alarm)
        )
    if serving.capture:
        arn = serving.capture.objects(role.place.partition)
        draft.grant(f"{name}-captures", role, ("s3:PutObject",), Own(role.place, arn))
    if serving.network:
        network = serving.network
        network_interfaces(draft, role, network.subnet_ids, network.security_group_ids)


def _scales(served: Served, role: Role) -> None:
    """Automatic scaling of the endpoint's one variant, and the alarms that watch it."""
    draft, place, prefix = served.draft, served.place, f"{role.label}-"
    draft.grant(
        f"{prefix}scales",
        role,
        (
            "application-autoscaling:DeleteScalingPolicy",
            "application-autoscaling:DeregisterScalableTarget",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:RegisterScalableTarget",
        ),
        # The target's id is made by the first registration.
        Own(place, place.arn("application-autoscaling", "scalable-target/*")),
        {
            "StringEquals": {
                "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
                "application-autoscaling:service-namespace": "sagemaker",
            }
        },
    )
    _own(
        served,
        role,
        "keeps-scaling-alarms",
        ("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"),
        "cloudwatch",
        f"alarm:TargetTracking-endpoint/{served.endpoint}/*",
    )
    for part in ROLLBACK_ALARMS:
        actions = ("cloudwatch:DescribeAlarms",)
        _own(served, role, f"reads-{part}", actions, "cloudwatch", f"alarm:{served.alarm(part)}")
    draft.grant(
        f"{prefix}makes-scaling-role",
        role,
        ("iam:CreateServiceLinkedRole",),
        Own(place, place.arn("iam", SCALING_ROLE, region=False)),
        {"StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}},
    )


def _own(
    served: Served,
    role: Role,
    identifier: str,
    actions: Sequence[str],
    service: str,
    resource: str,
) -> None:
    """A grant on something in the endpoint's account."""
    target = Own(served.place, served.place.arn(service, resource))
    served.draft.grant(f"{role.label}-{identifier}", role, actions, target)
