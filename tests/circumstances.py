"""What AWS says of a call besides principal, action and resource: facts of AWS, from no policy.

Keys that several callers fill differently have several circumstances; each is to be tried.
Sources: service authorization reference, "condition keys" of each service; Step Functions, SageMaker
and CloudFormation developer guides for who calls with what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

Circumstances = tuple[Mapping[str, str], ...]

# Wildcards that the ledger uses, as the actions that stand behind them.
EXPANDED: Mapping[str, tuple[str, ...]] = {
    "kms:GenerateDataKey*": ("kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"),
    "kms:ReEncrypt*": ("kms:ReEncryptFrom", "kms:ReEncryptTo"),
}
# What the service that asks says of itself; each is tried.
NATURAL: Mapping[str, Circumstances] = {
    "cloudwatch:PutMetricData": (
        {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"},
        {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"},
    ),
    "sagemaker:CreateModelPackage": (
        {"sagemaker:ModelApprovalStatus": "PendingManualApproval"},
        {"sagemaker:ModelApprovalStatus": "Approved"},
    ),
    "sagemaker:UpdateModelPackage": (
        {"sagemaker:ModelApprovalStatus": "Approved"},
        {"sagemaker:ModelApprovalStatus": "Rejected"},
        {"sagemaker:ModelApprovalStatus": "PendingManualApproval"},
    ),
    # What a rule forwards is of the source that the rule is for.
    "events:PutEvents": (
        {
            "events:source": "aws.sagemaker",
            "events:detail-type": "SageMaker Model Package State Change",
        },
    ),
    # Service Catalog marks its templates, and tells people what is their own.
    "s3:GetObject": ({}, {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}),
    "servicecatalog": ({"servicecatalog:userLevel": "self"},),
    "organizations": ({"organizations:ServicePrincipal": "servicecatalog.amazonaws.com"},),
    "iam:CreateServiceLinkedRole": (
        {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"},
    ),
    "application-autoscaling": (
        {
            "application-autoscaling:service-namespace": "sagemaker",
            "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
        },
    ),
}


def circumstances(
    action: str, resource: str, trusted: Callable[[str], Iterable[str]]
) -> Circumstances:
    """The circumstances in which a service of AWS makes this request.

    `trusted` gives the services that may assume a role, by its ARN.
    """
    service = action.split(":")[0]
    if action == "iam:PassRole":
        names = trusted(resource)
        return tuple({"iam:PassedToService": name} for name in names or ("nobody",))
    if service == "kms":
        region, suffix = resource.split(":")[3], _suffix(resource)
        grant = {"kms:GrantIsForAWSResource": "true"} if action == "kms:CreateGrant" else {}
        through = ({"kms:ViaService": f"{name}.{region}.{suffix}"} for name in ("s3", "sns"))
        return ({**grant}, *({**grant, **via} for via in through))
    return NATURAL.get(action) or NATURAL.get(service) or ({},)


def services(trust: Iterable[Mapping[str, object]]) -> list[str]:
    """The services that the statements of a trust policy name."""
    found: list[str] = []
    for statement in trust:
        principal = statement.get("Principal")
        named = principal.get("Service", []) if isinstance(principal, Mapping) else []
        found += [named] if isinstance(named, str) else list(named)
    return found


def _suffix(arn: str) -> str:
    return "amazonaws.com.cn" if arn.split(":")[1] == "aws-cn" else "amazonaws.com"
