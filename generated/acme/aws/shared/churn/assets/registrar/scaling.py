"""Automatic scaling of the endpoint's one variant.

A scalable target exists only while its variant does, so it cannot be made by Terraform before the
first deployment; it is registered here after each. An update that changes the instance type of a
registered variant is refused by SageMaker, so the target is taken out for such an update
(SageMaker developer guide, "Update endpoints that use auto scaling").
"""

from __future__ import annotations

from typing import Any

from .aws import ClientError, error_code
from .settings import Settings

# Also the dimension VariantName of the metrics that the alarms watch.
VARIANT = "AllTraffic"
# Seconds. Out fast, in slowly.
SCALE_OUT_COOLDOWN = 60
SCALE_IN_COOLDOWN = 300


def scale(autoscaling: Any, settings: Settings) -> None:
    """Register the bounds, and follow invocations per instance where they leave room.

    Idempotent. With equal bounds the count is fixed, and a policy from before is deleted.
    """
    target = _target(settings)
    autoscaling.register_scalable_target(
        **target, MinCapacity=settings.minimum, MaxCapacity=settings.maximum
    )
    policy = f"{settings.endpoint}-invocations"
    if settings.minimum == settings.maximum:
        _ignoring_absence(autoscaling.delete_scaling_policy, **target, PolicyName=policy)
        return
    autoscaling.put_scaling_policy(
        **target,
        PolicyName=policy,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": settings.invocations,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
            "ScaleOutCooldown": SCALE_OUT_COOLDOWN,
            "ScaleInCooldown": SCALE_IN_COOLDOWN,
        },
    )


def release_from_scaling(autoscaling: Any, settings: Settings) -> None:
    """Take the scalable target out, with its policies, if there is one."""
    _ignoring_absence(autoscaling.deregister_scalable_target, **_target(settings))


def _target(settings: Settings) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{settings.endpoint}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def _ignoring_absence(call: Any, **arguments: str) -> None:
    try:
        call(**arguments)
    except ClientError as error:
        if error_code(error) != "ObjectNotFoundException":
            raise
