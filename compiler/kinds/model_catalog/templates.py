"""The CloudFormation templates that the compiler writes: of a model's endpoint, and of no launch.

Plain values in, JSON text out. A template holds no account but the model hub's, so that the same one
launches everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from compiler.blueprint.cloudformation import FORMAT, FORMAT_VERSION
from compiler.kinds.draft import Draft
from compiler.kinds.model_catalog.inputs import PLACEHOLDER, Version
from compiler.kinds.model_catalog.names import ENDPOINT, Offer, logical_id, run_role_name

VARIANT = "AllTraffic"
INSTANCE_TYPE, MAX_INSTANCES = "InstanceType", "MaxInstances"
# What types for hosting look like, as CloudFormation's patterns are written.
HOSTING = r"ml\.[a-z0-9-]+\.[a-z0-9]+"
INVOCATIONS_PER_INSTANCE = 1000
# Seconds before autoscaling acts again: new instances take minutes to answer.
SCALE_IN_SECONDS, SCALE_OUT_SECONDS = 300, 60


def endpoint(draft: Draft, offer: Offer, version: Version, tags: Mapping[str, str]) -> str:
    """The template of an endpoint with a version of the offer's group."""
    assert offer.group is not None, "only a model has a template of ours"
    ids = {part: logical_id(draft, offer.name, part) for part in ("model", "config", ENDPOINT)}
    parameters = _parameters(offer)
    if not isinstance(version.package, int):
        parameters["ModelPackageVersion"] = _package_number(version.package)
    body = {
        FORMAT: FORMAT_VERSION,
        "Description": f"An endpoint of the model {offer.group.name}, {version.name}",
        "Parameters": parameters,
        "Conditions": {
            "Scales": {"Fn::Not": [{"Fn::Equals": [_ref("MinInstances"), _ref(MAX_INSTANCES)]}]}
        },
        "Resources": {
            **_serving(draft, offer, version, ids, tags),
            **_scaling(ids["endpoint"]),
        },
        "Outputs": {
            "EndpointName": {
                "Description": "Name to invoke the endpoint by",
                "Value": _attribute(ids["endpoint"], "EndpointName"),
            },
            "EndpointArn": {"Description": "ARN of the endpoint", "Value": _ref(ids["endpoint"])},
        },
    }
    return _text(body)


def placeholder() -> str:
    """The template that a product is made with, which refuses to be launched.

    Terraform makes a product with a version that it can neither deprecate nor change afterwards
    (hashicorp/terraform-provider-aws#19506 and #31061): so that version is this one, the same for all
    products, and those of the blueprint are resources of their own. It has the parameters that
    template constraints speak of, since a constraint is for every version of a product.
    """
    return _text(
        {
            FORMAT: FORMAT_VERSION,
            "Description": "Makes nothing and cannot be launched: choose another version",
            "Parameters": {
                INSTANCE_TYPE: {
                    "Type": "String",
                    "Default": PLACEHOLDER,
                    "AllowedValues": [PLACEHOLDER],
                },
                MAX_INSTANCES: {"Type": "Number", "Default": 0},
            },
            "Rules": {
                "NotForLaunch": {
                    "Assertions": [
                        {
                            "Assert": {"Fn::Equals": [_ref(INSTANCE_TYPE), "never"]},
                            "AssertDescription": "This version makes nothing: choose another one",
                        },
                        {
                            "Assert": {"Fn::Equals": [_ref(MAX_INSTANCES), "never"]},
                            "AssertDescription": "This version makes nothing: choose another one",
                        },
                    ]
                }
            },
            "Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
        }
    )


def _parameters(offer: Offer) -> dict[str, Any]:
    given = offer.given.parameters
    most = given.max_instances or 1
    # Without a list who launches says one: no type is everybody's first choice.
    limits: dict[str, Any] = {"AllowedPattern": HOSTING}
    if given.instance:
        limits = {"Default": given.instance[0], "AllowedValues": list(given.instance)}
    return {
        INSTANCE_TYPE: {
            "Type": "String",
            **limits,
            "Description": "Instance type of the endpoint",
        },
        "MinInstances": {
            "Type": "Number",
            "Default": 1,
            "MinValue": 1,
            "MaxValue": most,
            "Description": "Fewest instances",
        },
        MAX_INSTANCES: {
            "Type": "Number",
            "Default": 1,
            "MinValue": 1,
            "MaxValue": most,
            "Description": "Most instances; above the fewest: autoscaling",
        },
    }


def _package_number(allowed: list[int] | None) -> dict[str, Any]:
    """The parameter for the model's version: any number, or one of those that the blueprint lists.

    Without a list nothing here refuses a version that waits for its approval or was rejected: AWS
    documents no such refusal (SageMaker API reference, CreateModel).
    """
    limits = {"AllowedValues": allowed, "Default": allowed[-1]} if allowed else {"MinValue": 1}
    what = "Number of the approved model version in its group"
    return {"Type": "Number", **limits, "Description": what}


def _serving(
    draft: Draft, offer: Offer, version: Version, ids: Mapping[str, str], tags: Mapping[str, str]
) -> dict[str, Any]:
    assert offer.group is not None, "only a model has a template of ours"
    marks = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
    package: Any
    if isinstance(version.package, int):
        package = offer.group.version(version.package)
    else:
        prefix = offer.group.group.packages.removesuffix("*")
        package = {"Fn::Sub": prefix + "${ModelPackageVersion}"}
    role = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{run_role_name(draft, offer.runs_as)}"
    return {
        ids["model"]: {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "ExecutionRoleArn": {"Fn::Sub": role},
                "PrimaryContainer": {"ModelPackageName": package},
                "EnableNetworkIsolation": True,
                "Tags": marks,
            },
        },
        ids["config"]: {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [
                    {
                        "VariantName": VARIANT,
                        "ModelName": _attribute(ids["model"], "ModelName"),
                        "InitialInstanceCount": _ref("MinInstances"),
                        "InitialVariantWeight": 1,
                        "InstanceType": _ref(INSTANCE_TYPE),
                    }
                ],
                "Tags": marks,
            },
        },
        ids["endpoint"]: {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointConfigName": _attribute(ids["config"], "EndpointConfigName"),
                # An update keeps the instances that autoscaling has started.
                "RetainAllVariantProperties": {"Fn::If": ["Scales", True, False]},
                "Tags": marks,
            },
        },
    }


def _scaling(endpoint_id: str) -> dict[str, Any]:
    return {
        "ScalableTarget": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Condition": "Scales",
            "Properties": {
                "ServiceNamespace": "sagemaker",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "ResourceId": {
                    "Fn::Sub": f"endpoint/${{{endpoint_id}.EndpointName}}/variant/{VARIANT}"
                },
                "MinCapacity": _ref("MinInstances"),
                "MaxCapacity": _ref(MAX_INSTANCES),
            },
        },
        "ScalingPolicy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Condition": "Scales",
            "Properties": {
                "PolicyName": "invocations",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": _ref("ScalableTarget"),
                "TargetTrackingScalingPolicyConfiguration": {
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                    },
                    "TargetValue": INVOCATIONS_PER_INSTANCE,
                    "ScaleInCooldown": SCALE_IN_SECONDS,
                    "ScaleOutCooldown": SCALE_OUT_SECONDS,
                },
            },
        },
    }


def rules(offer: Offer) -> dict[str, Any]:
    """The rules of the template constraint: what of the offer's parameters may be chosen."""
    given = offer.given.parameters
    found = {}
    if given.instance:
        known = ", ".join(given.instance)
        found[INSTANCE_TYPE] = _one_of(INSTANCE_TYPE, given.instance, f"must be one of {known}")
    if given.max_instances is not None:
        # Rules compare texts only.
        most = given.max_instances
        numbers = [str(number) for number in range(1, most + 1)]
        found[MAX_INSTANCES] = _one_of(MAX_INSTANCES, numbers, f"must be 1 to {most}")
    return found


def _one_of(parameter: str, values: list[str], what: str) -> dict[str, Any]:
    return {
        "Assertions": [
            {
                "Assert": {"Fn::Contains": [list(values), _ref(parameter)]},
                "AssertDescription": f"{parameter} {what}",
            }
        ]
    }


def _ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def _attribute(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
