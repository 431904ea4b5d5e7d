"""A pinned version: Terraform owns model, endpoint configuration, endpoint and scaling.

The provider knows no `RetainAllVariantProperties`: an update starts with `min` instances, and scaling
goes on from there (hashicorp/terraform-provider-aws#49069).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from compiler.data import has_local_storage
from compiler.kinds.endpoints.served import ROLLBACK_ALARMS, VARIANT
from compiler.kinds.model_hub.places import Placed
from compiler.terraform.stack import Expression, Value, reference, template

HASH_LENGTH = 12
# As the function does it: `deployer/endpoint.py`, `deployer/scaling.py`.
BAKE_SECONDS = 300
DEPLOYMENT_TIMEOUT_SECONDS = 3600
SCALE_OUT_COOLDOWN_SECONDS = 60
SCALE_IN_COOLDOWN_SECONDS = 300
# Terraform appends 26 characters to a prefix, and a name has at most 63.
CONFIGURATION_PREFIX_LENGTH = 63 - 26
REPLACE: Mapping[str, Value] = {"create_before_destroy": True}


def pin(placed: Placed, rollback: list[str]) -> None:
    """Everything that serves the version; a change of it is a blue/green deployment."""
    configuration = _configuration(placed, _model(placed))
    endpoint = _endpoint(placed, configuration, rollback)
    if placed.served.serving.max > placed.served.serving.min:
        _scaling(placed, endpoint, configuration)


def _model(placed: Placed) -> str:
    """The model, whose name has a hash of all that it is: a changed one stands beside the old."""
    served, pinned = placed.served, placed.pinned
    assert pinned is not None, "a pinned version"
    assert placed.terraform is not None, "somebody applies it"
    name = served.address("execution")
    body: dict[str, Value] = {
        "execution_role_arn": served.execution.arn,
        "enable_network_isolation": served.serving.network_isolation,
        "primary_container": [{"model_package_name": placed.group.version(pinned.pinned)}],
    }
    if served.serving.network:
        network = served.serving.network
        body["vpc_config"] = [
            {"subnets": network.subnet_ids, "security_group_ids": network.security_group_ids}
        ]
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:HASH_LENGTH]
    return served.draft.add(
        served.account,
        "aws_sagemaker_model",
        served.address("pinned"),
        {
            "name": f"{served.models}-{pinned.pinned:08d}-{digest}",
            **body,
            "execution_role_arn": reference(f"aws_iam_role.{name}", "arn"),
        },
        depends_on=(
            f"aws_iam_role_policy.{name}",
            f"aws_iam_role_policy.{placed.terraform.name}",
        ),
        lifecycle=REPLACE,
    )


def _configuration(placed: Placed, model: str) -> str:
    served, serving = placed.served, placed.served.serving
    arguments: dict[str, Value] = {
        "name_prefix": f"{served.models[: CONFIGURATION_PREFIX_LENGTH - 1].rstrip('-')}-",
        "production_variants": [
            {
                "variant_name": VARIANT,
                "model_name": reference(model, "name"),
                "instance_type": serving.instance,
                "initial_instance_count": serving.min,
                "initial_variant_weight": 1,
            }
        ],
    }
    if not has_local_storage(serving.instance):
        arguments["kms_key_arn"] = reference(served.key.address, "arn")
    if serving.capture:
        arguments["data_capture_config"] = [
            {
                "enable_capture": True,
                "initial_sampling_percentage": serving.capture.percentage,
                "destination_s3_uri": serving.capture.s3_uri,
                "capture_options": [{"capture_mode": "Input"}, {"capture_mode": "Output"}],
            }
        ]
    return served.draft.add(
        served.account,
        "aws_sagemaker_endpoint_configuration",
        served.address("pinned"),
        arguments,
        lifecycle=REPLACE,
    )


def _endpoint(placed: Placed, configuration: str, rollback: list[str]) -> str:
    served = placed.served
    # A canary is one instance and at most half of the fleet.
    canary: Value = [{"type": "INSTANCE_COUNT", "value": 1}]
    several = served.serving.min > 1
    routing: dict[str, Value] = {"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 0}
    if several:
        routing = {
            "type": "CANARY",
            "wait_interval_in_seconds": BAKE_SECONDS,
            "canary_size": canary,
        }
    policy: dict[str, Value] = {
        "traffic_routing_configuration": [routing],
        "termination_wait_in_seconds": BAKE_SECONDS,
        "maximum_execution_timeout_in_seconds": DEPLOYMENT_TIMEOUT_SECONDS,
    }
    alarms: list[Value] = [{"alarm_name": name} for name in rollback]
    return served.draft.add(
        served.account,
        "aws_sagemaker_endpoint",
        served.address("pinned"),
        {
            "name": served.endpoint,
            "endpoint_config_name": reference(configuration, "name"),
            "deployment_config": [
                {
                    "blue_green_update_policy": [policy],
                    "auto_rollback_configuration": [{"alarms": alarms}],
                }
            ],
        },
        depends_on=tuple(
            f"aws_cloudwatch_metric_alarm.{served.address(part)}" for part in ROLLBACK_ALARMS
        ),
        lifecycle=_taken(configuration),
    )


def _taken(configuration: str) -> dict[str, Value]:
    """Fails the apply, before the old configuration is destroyed, where SageMaker rolled back.

    The provider takes an endpoint that serves again for one that was updated.
    Source: hashicorp/terraform-provider-aws#46663, #48997.
    """
    condition = Expression(f"${{self.endpoint_config_name == {configuration}.name}}")
    message = "SageMaker rolled the deployment back: see the endpoint's alarms and logs, then apply again."
    return {"postcondition": [{"condition": condition, "error_message": message}]}


def _scaling(placed: Placed, endpoint: str, configuration: str) -> None:
    """Scaling, which is taken out for each update: SageMaker refuses a registered variant another
    instance type (SageMaker developer guide, "Update endpoints that use auto scaling")."""
    served, serving = placed.served, placed.served.serving
    target = served.draft.add(
        served.account,
        "aws_appautoscaling_target",
        served.address("pinned"),
        {
            "service_namespace": "sagemaker",
            "resource_id": template(
                "endpoint/", reference(endpoint, "name"), f"/variant/{VARIANT}"
            ),
            "scalable_dimension": "sagemaker:variant:DesiredInstanceCount",
            "min_capacity": serving.min,
            "max_capacity": serving.max,
        },
        # Terraform destroys what is to be replaced before it updates what that depends on.
        lifecycle={"replace_triggered_by": [configuration]},
    )
    served.draft.add(
        served.account,
        "aws_appautoscaling_policy",
        served.address("pinned"),
        {
            "name": f"{served.endpoint}-invocations",
            "policy_type": "TargetTrackingScaling",
            "service_namespace": reference(target, "service_namespace"),
            "resource_id": reference(target, "resource_id"),
            "scalable_dimension": reference(target, "scalable_dimension"),
            "target_tracking_scaling_policy_configuration": [
                {
                    "target_value": serving.invocations_per_instance,
                    "predefined_metric_specification": [
                        {"predefined_metric_type": "SageMakerVariantInvocationsPerInstance"}
                    ],
                    "scale_out_cooldown": SCALE_OUT_COOLDOWN_SECONDS,
                    "scale_in_cooldown": SCALE_IN_COOLDOWN_SECONDS,
                }
            ],
        },
    )
