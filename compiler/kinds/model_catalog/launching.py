"""An account that launches: what the launch role, the launched model and its people may do there.

Sources: Service Catalog administrator guide, "Step 6: Add a launch constraint to assign an IAM role",
"Identity-based policy examples"; AWS managed policy AWSServiceCatalogEndUserFullAccess, less what a
launch role does in the people's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.access.parties import Own, Packages, Place, Role
from compiler.access.policy import Conditions
from compiler.kinds.draft import Draft
from compiler.kinds.model_catalog.inputs import Permission
from compiler.kinds.model_catalog.names import (
    ENDPOINT,
    Catalog,
    Launching,
    Offer,
    logical_id,
    token,
)
from compiler.kinds.model_hub.names import HubGroup, apart
from compiler.kinds.model_hub.uses import pulls_images, reads_model
from compiler.kinds.services import sagemaker_runtime
from compiler.terraform.stack import Expression

# Services whose ARNs have no region, and those that have no account either.
NO_REGION = frozenset({"iam", "s3"})
NO_ACCOUNT = frozenset({"s3"})
SCALING_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"

STACK_ACTIONS = (
    "cloudformation:CreateChangeSet",
    "cloudformation:CreateStack",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:ListChangeSets",
    "cloudformation:ListStackResources",
    "cloudformation:SetStackPolicy",
    "cloudformation:TagResource",
    "cloudformation:UntagResource",
    "cloudformation:UpdateStack",
)
# Products have ids that only the hub's apply knows, and an imported one is the hub's: so these name
# no resource. What a role sees is what its portfolios hold.
PRODUCT_ACTIONS = (
    "servicecatalog:DescribeProduct",
    "servicecatalog:DescribeProductView",
    "servicecatalog:DescribeProvisioningParameters",
    "servicecatalog:ListLaunchPaths",
    "servicecatalog:ProvisionProduct",
    "servicecatalog:SearchProducts",
)
LAUNCHED_ACTIONS = (
    "servicecatalog:DescribeProvisionedProduct",
    "servicecatalog:DescribeRecord",
    "servicecatalog:ListRecordHistory",
    "servicecatalog:ScanProvisionedProducts",
    "servicecatalog:SearchProvisionedProducts",
    "servicecatalog:TerminateProvisionedProduct",
    "servicecatalog:UpdateProvisionedProduct",
)

INVOKE_ACTIONS = (
    "sagemaker:InvokeEndpoint",
    "sagemaker:InvokeEndpointWithResponseStream",
)

# What CloudFormation calls for the resources of a model's template: service, start of the resource,
# actions. Source: the handlers' permissions in each type's schema of the CloudFormation registry;
# Application Auto Scaling user guide, "Amazon SageMaker and Application Auto Scaling".
_MADE: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "makes-models": (
        "sagemaker",
        "model/",
        (
            "sagemaker:AddTags",
            "sagemaker:CreateModel",
            "sagemaker:DeleteModel",
            "sagemaker:DeleteTags",
            "sagemaker:DescribeModel",
            "sagemaker:ListTags",
        ),
    ),
    "makes-configurations": (
        "sagemaker",
        "endpoint-config/",
        (
            "sagemaker:AddTags",
            "sagemaker:CreateEndpoint",
            "sagemaker:CreateEndpointConfig",
            "sagemaker:DeleteEndpointConfig",
            "sagemaker:DeleteTags",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:ListTags",
            "sagemaker:UpdateEndpoint",
        ),
    ),
    "makes-endpoints": (
        "sagemaker",
        "endpoint/",
        (
            "sagemaker:AddTags",
            "sagemaker:CreateEndpoint",
            "sagemaker:DeleteEndpoint",
            "sagemaker:DeleteTags",
            "sagemaker:DescribeEndpoint",
            "sagemaker:ListTags",
            "sagemaker:UpdateEndpoint",
            "sagemaker:UpdateEndpointWeightsAndCapacities",
        ),
    ),
    "keeps-scaling-alarms": (
        "cloudwatch",
        "alarm:TargetTracking-endpoint/",
        ("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"),
    ),
}


def build(catalog: Catalog, launching: Launching) -> None:
    """Everything in one account that launches."""
    draft, account = catalog.draft, launching.account
    labels = _labels(catalog, launching)
    _manages_stacks(draft, launching.launch)
    if catalog.groups:
        _makes_endpoints(catalog, launching.launch)
    for runs_as, role in launching.runs.items():
        _passes(draft, f"{labels[runs_as]}-{runs_as}", launching.launch, role)
        _runs(draft, [offer for offer in catalog.offers if offer.runs_as == runs_as], role)
    for offer in catalog.offers:
        for number, permission in enumerate(offer.given.permissions, start=1):
            name = f"{labels[offer.name]}-{offer.name}-{number}"
            _permitted(draft, name, launching.launch, permission)
    for user in launching.users:
        _launches(catalog, user)
    if account.id in catalog.alone and launching.users:
        _joins(draft, launching)
    draft.output(account, "launch_role_arn", launching.launch.arn, "ARN of the role that launches")
    if launching.runs:
        draft.output(
            account,
            "execution_role_arns",
            {product: role.arn for product, role in launching.runs.items()},
            "ARNs of the roles that what is launched runs as",
        )


def _joins(draft: Draft, launching: Launching) -> None:
    """Who sees the portfolio here: exactly these roles, where the account is shared to alone.

    AWS makes the portfolio's id up when the hub is applied, which is after this stack. It is given
    as a variable then, and without it there is nothing yet.
    """
    account = launching.account
    portfolio = draft.variable(
        account,
        "portfolio_id",
        "Output portfolio_id of the catalog's own stack; empty until that is applied",
    )
    place = draft.place(account)
    for user in launching.users:
        association = draft.add(
            account,
            "aws_servicecatalog_principal_portfolio_association",
            user.name,
            {
                "count": Expression('${var.portfolio_id == "" ? 0 : 1}'),
                "portfolio_id": portfolio,
                "principal_arn": user.arn,
                "principal_type": "IAM",
            },
        )
        draft.right(
            account,
            f"{user.label}-sees-portfolio",
            "portfolio",
            "PortfolioPrincipal",
            principal=user.arn,
            principal_home=account.name,
            resource=place.arn("catalog", f"portfolio/<{place.stack}/var.portfolio_id>"),
            addresses=(association,),
        )


def _manages_stacks(draft: Draft, role: Role) -> None:
    """Make, change and delete the stacks of Service Catalog, from templates that it keeps."""
    place, name = role.place, role.label
    draft.grant(
        f"{name}-manages-stacks",
        role,
        STACK_ACTIONS,
        Own(place, place.arn("cloudformation", "stack/SC-*")),
    )
    draft.grant(
        f"{name}-reads-summaries",
        role,
        ("cloudformation:GetTemplateSummary", "cloudformation:ValidateTemplate"),
        Own(place, "*"),
    )
    draft.grant(
        f"{name}-reads-templates",
        role,
        ("s3:GetObject",),
        Own(place, "*"),
        {"StringEquals": {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}},
    )


def _makes_endpoints(catalog: Catalog, role: Role) -> None:
    """What CloudFormation does for the templates of models, with names of this catalog only."""
    draft, place, name = catalog.draft, role.place, role.label
    made = f"{catalog.token}*"
    for use, group in catalog.groups.items():
        # SageMaker asks for both: the version, in the hub's account, and the new model.
        draft.grant(
            f"{name}-{use}-uses-versions",
            role,
            ("sagemaker:CreateModel", "sagemaker:DescribeModelPackage"),
            Packages(group.group),
        )
    for part, (service, resource, actions) in _MADE.items():
        target = Own(place, place.arn(service, f"{resource}{made}"))
        draft.grant(f"{name}-{part}", role, actions, target)
    # Registering a target asks for the configuration of any name, as the caller: one that is another's
    # is only read (aws-controllers-k8s/community#2110).
    configurations = Own(place, place.arn("sagemaker", "endpoint-config/*"))
    action = ("sagemaker:DescribeEndpointConfig",)
    draft.grant(f"{name}-reads-configurations", role, action, configurations)
    _scales(draft, role)


def _scales(draft: Draft, role: Role) -> None:
    place, name = role.place, role.label
    draft.grant(
        f"{name}-scales",
        role,
        (
            "application-autoscaling:DeleteScalingPolicy",
            "application-autoscaling:DeregisterScalableTarget",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:RegisterScalableTarget",
        ),
        # The target's id is made by the registration.
        Own(place, place.arn("application-autoscaling", "scalable-target/*")),
        {
            "StringEquals": {
                "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
                "application-autoscaling:service-namespace": "sagemaker",
            }
        },
    )
    draft.grant(
        f"{name}-reads-scaling",
        role,
        (
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingPolicies",
            "application-autoscaling:DescribeScheduledActions",
        ),
        Own(place, "*"),
    )
    linked = f"role/aws-service-role/{SCALING_SERVICE}/"
    linked += "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    draft.grant(
        f"{name}-makes-scaling-role",
        role,
        ("iam:CreateServiceLinkedRole",),
        Own(place, place.arn("iam", linked, region=False)),
        {"StringEquals": {"iam:AWSServiceName": SCALING_SERVICE}},
    )


def _labels(catalog: Catalog, launching: Launching) -> dict[str, str]:
    """What grants of the launch role start with, by what a product or its role is called."""
    names = {name for offer in catalog.offers for name in (offer.name, offer.runs_as)}
    accounts = [each.account.name for each in catalog.launching]
    labels = apart((account, name) for account in accounts for name in names)
    start = launching.launch.name
    return {name: f"{start}-{labels[launching.account.name, name]}" for name in names}


def _passes(draft: Draft, name: str, role: Role, run: Role) -> None:
    condition: Conditions = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    target = Own(role.place, run.arn)
    draft.grant(f"{name}-passes-run-role", role, ("iam:PassRole",), target, condition)


def _runs(draft: Draft, offers: Sequence[Offer], role: Role) -> None:
    """What is launched of these products does: read their models, pull their images, write logs and
    metrics."""
    groups = {(_hub(group), group.name): group for offer in offers for group in offer.reads}
    labels = apart(groups)
    for (hub, name), group in sorted(groups.items()):
        identifier = f"{role.label}-{labels[hub, name]}-{name}"
        reads_model(draft, identifier, role, group)
        pulls_images(draft, identifier, role, group)
    sagemaker_runtime(draft, role, "Endpoints", f"/aws/sagemaker/Endpoints/{_logs(draft, offers)}")


def _logs(draft: Draft, offers: Sequence[Offer]) -> str:
    """The names of the endpoints: as the templates of models make them, or as a team's are to be."""
    first = offers[0]
    if first.group is None:
        return f"{draft.prefix(first.name)}-*"
    if len(offers) > 1:
        return f"{token(draft)}*"
    return f"{logical_id(draft, first.name, ENDPOINT)}-*"


def _hub(group: HubGroup) -> str:
    return group.group.place.component


def _permitted(draft: Draft, name: str, role: Role, given: Permission) -> None:
    """What the blueprint says that a template of the team's needs."""
    for number, resource in enumerate(given.resources, start=1):
        identifier = f"{name}-{number}" if len(given.resources) > 1 else name
        target = Own(role.place, _arn(role.place, resource))
        draft.grant(identifier, role, given.actions, target, given.conditions)


def _arn(place: Place, resource: str) -> str:
    if resource == "*":
        return resource
    service, _, rest = resource.partition(":")
    if service in NO_ACCOUNT:
        return f"arn:{place.partition}:{service}:::{rest}"
    return place.arn(service, rest, region=service not in NO_REGION)


def _launches(catalog: Catalog, user: Role) -> None:
    """Find products, launch them, see, change and end what one has launched oneself, and ask the
    endpoints of the catalog's models in this account.

    Outputs know no condition (Service Authorization Reference, "AWS Service Catalog"): they are seen
    of others' launches too.
    """
    draft = catalog.draft
    draft.grant(f"{user.label}-launches-products", user, PRODUCT_ACTIONS, Own(user.place, "*"))
    draft.grant(
        f"{user.label}-manages-launched",
        user,
        LAUNCHED_ACTIONS,
        Own(user.place, "*"),
        {"StringEquals": {"servicecatalog:userLevel": "self"}},
    )
    outputs = ("servicecatalog:GetProvisionedProductOutputs",)
    draft.grant(f"{user.label}-reads-outputs", user, outputs, Own(user.place, "*"))
    if catalog.groups:
        endpoints = user.place.arn("sagemaker", f"endpoint/{catalog.token}*")
        draft.grant(
            f"{user.label}-asks-endpoints", user, INVOKE_ACTIONS, Own(user.place, endpoints)
        )
