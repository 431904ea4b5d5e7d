"""Where AWS's documentation says more than the table of actions, and what we leave to people.

Each entry has its reason, and its source where the reason is AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.access.rules.records import Tuning


@dataclass(frozen=True, slots=True)
class Everything:
    """Why an action may have `Resource: "*"`, and the condition key that it then needs, if any."""

    reason: str
    source: str
    condition: str | None = None


# By action. Actions that know no resource need no entry, unless a condition can narrow them.
EVERYTHING: Mapping[str, Everything] = {
    "cloudwatch:PutMetricData": Everything(
        "it knows no resource, and the namespace is what can be narrowed",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html",
        condition="cloudwatch:namespace",
    ),
    "cloudformation:GetTemplateSummary": Everything(
        "a launch role reads the summary of a template, which belongs to no stack yet",
        "https://docs.aws.amazon.com/servicecatalog/latest/adminguide/getstarted-launchconstraint.html",
    ),
    "s3:GetObject": Everything(
        "a launch role reads templates in buckets of Service Catalog, which it marks with a tag",
        "https://docs.aws.amazon.com/servicecatalog/latest/adminguide/getstarted-launchconstraint.html",
        condition="s3:existingobjecttag/servicecatalog:provisioning",
    ),
    **dict.fromkeys(
        (
            "servicecatalog:DescribeProduct",
            "servicecatalog:DescribeProvisioningParameters",
            "servicecatalog:ListLaunchPaths",
            "servicecatalog:ProvisionProduct",
        ),
        Everything(
            "a shared product has an id of another account; a role reaches those of its portfolios",
            "https://docs.aws.amazon.com/servicecatalog/latest/adminguide/permissions-examples.html",
        ),
    ),
    "logs:DescribeLogGroups": Everything(
        "Step Functions lists the log groups of the account before it delivers logs",
        "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
    ),
}

# Resources that an action accepts beside those of the table: action to ARN formats.
# A connection's ARN has either prefix, and pipelines were refused without the older action:
# https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/828
MORE_RESOURCES: Mapping[str, tuple[str, ...]] = {
    "codestar-connections:UseConnection": (
        "arn:${Partition}:codeconnections:${Region}:${Account}:connection/${ConnectionId}",
    ),
    # A model made of a version asks for the version too, and in a group's policy for it alone:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy.html
    "sagemaker:CreateModel": (
        "arn:${Partition}:sagemaker:${Region}:${Account}:model-package/${ModelPackageName}",
    ),
}

# Actions that AWS writes together with a key that their requests don't have: (action, key).
# CloudWatch Logs: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
IDLE_KEYS = frozenset((("kms:Describe*", "kms:encryptioncontext:aws:logs:arn"),))

# Actions that only conditions keep narrow, whatever resource they name: groups of keys, of each of
# which a statement must ask for one. https://docs.aws.amazon.com/kms/latest/developerguide/grant-authorization.html
# and https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
# Who registers a model could approve it by the same call:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
# What was launched from a catalog belongs to whom the condition says:
# https://docs.aws.amazon.com/servicecatalog/latest/adminguide/permissions-examples.html
# A scalable target's ARN doesn't say of which service it is, nor which number of it is scaled:
# https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_service-with-iam.html
NARROWED_BY: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(
        (
            "application-autoscaling:DeleteScalingPolicy",
            "application-autoscaling:DeregisterScalableTarget",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:RegisterScalableTarget",
        ),
        (
            ("application-autoscaling:service-namespace",),
            ("application-autoscaling:scalable-dimension",),
        ),
    ),
    **dict.fromkeys(
        (
            "servicecatalog:ExecuteProvisionedProductServiceAction",
            "servicecatalog:TerminateProvisionedProduct",
            "servicecatalog:UpdateProvisionedProduct",
        ),
        (
            (
                "servicecatalog:accountLevel",
                "servicecatalog:roleLevel",
                "servicecatalog:userLevel",
            ),
        ),
    ),
    "iam:CreateServiceLinkedRole": (("iam:AWSServiceName",),),
    "sagemaker:CreateModelPackage": (("sagemaker:ModelApprovalStatus",),),
    "kms:CreateGrant": (
        (
            "kms:GrantIsForAWSResource",
            "kms:GrantConstraintType",
            "kms:GranteePrincipal",
            "kms:GrantOperations",
        ),
    ),
}

# Keys that say for whom a service calls.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
SOURCES = (
    *("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"),
    *("kms:calleraccount", "kms:viaservice"),
)
# (service of the policy, principal) that send the ARN of what they act for: the account alone would
# admit everything that the account has there. Source, read on 2026-11-21: SNS developer guide,
# "Example cases for Amazon SNS access control"; SQS developer guide, "Confused deputy"; EventBridge
# user guide, "Using resource-based policies"; Lambda developer guide, "Granting Lambda function
# access to AWS services"; S3 user guide, "Granting permissions to publish event notifications".
ARN_SENDERS = frozenset(
    (
        ("lambda", "events.amazonaws.com"),
        ("lambda", "lambda.alarms.cloudwatch.amazonaws.com"),
        ("lambda", "s3.amazonaws.com"),
        ("lambda", "sns.amazonaws.com"),
        ("sns", "cloudwatch.amazonaws.com"),
        ("sns", "s3.amazonaws.com"),
        ("sqs", "events.amazonaws.com"),
        ("sqs", "s3.amazonaws.com"),
        ("sqs", "sns.amazonaws.com"),
    )
)
# (service of the policy, principal) that need none of them, and where AWS says so.
SOURCELESS: Mapping[tuple[str, str], str] = {
    ("kms", "cloudwatch.amazonaws.com"): "alarms reach the key only through an encrypted topic, "
    "and the topic's policy asks for the alarm: "
    "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",
    ("kms", "events.amazonaws.com"): "not sent when EventBridge publishes to an encrypted topic: "
    "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",
    ("sns", "events.amazonaws.com"): "EventBridge supports no conditions in a topic's policy: "
    "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",
}

# Policies that may admit another account's root without a narrowing condition, by resource type.
PLAIN_ROOT: Mapping[str, str] = {
    "aws_sagemaker_model_package_group_policy": (
        "a role as principal hides the group from RAM's discovery, and aws:PrincipalArn is not "
        "documented there; the identity side is narrow: "
        "https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-ram-promote.html"
    ),
}

BUILT_IN: tuple[Tuning, ...] = (
    Tuning(
        code="E803",
        address="aws_iam_role_policy_attachment.deploy_*",
        reason="the role that Terraform is applied with gets the policies that the blueprint lists "
        "under deploy_from.policies; it has none by default",
    ),
    Tuning(
        code="E804",
        address="aws_iam_role_policy.*",
        statement="*MakesInterfaces",
        reason="SageMaker makes the network interfaces of a container in a VPC, so that their ids are "
        "not known before: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html",
    ),
    Tuning(
        code="E804",
        address="aws_iam_role_policy.*",
        statement="*ReadsConfigurations",
        reason="RegisterScalableTarget asks, as its caller, for whatever configuration the endpoint has: "
        "https://github.com/aws-controllers-k8s/community/issues/2110",
    ),
    *(
        Tuning(
            code="E820",
            address=address,
            statement="Deploy*LendsSecrets",
            reason="EKS does not support kms:GrantIsForAWSResource for CreateCluster; only the role that "
            "makes the cluster may lend the key of its secrets: "
            "https://docs.aws.amazon.com/eks/latest/userguide/create-cluster.html",
        )
        for address in ("aws_iam_role_policy.deploy*", "aws_kms_key.secrets")
    ),
)

# Keys that every request has or may have, whatever the service.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL_NAMES = tuple(
    f"aws:{name}"
    for name in (
        *("AssumedRoot", "CalledVia", "CalledViaFirst", "CalledViaLast", "ChatbotSourceArn"),
        *("CurrentTime", "Ec2InstanceSourcePrivateIPv4", "Ec2InstanceSourceVpc", "EpochTime"),
        *("FederatedProvider", "MultiFactorAuthAge", "MultiFactorAuthPresent"),
        *("PrincipalAccount", "PrincipalArn", "PrincipalIsAWSService", "PrincipalOrgID"),
        *("PrincipalOrgPaths", "PrincipalServiceName", "PrincipalServiceNamesList"),
        *("PrincipalType", "referer", "RequestedRegion", "ResourceAccount", "ResourceOrgID"),
        *("ResourceOrgPaths", "SecureTransport", "SourceAccount", "SourceArn", "SourceIdentity"),
        *("SourceIp", "SourceOrgID", "SourceOrgPaths", "SourceVpc", "SourceVpcArn", "SourceVpce"),
        *("TokenIssueTime", "UserAgent", "userid", "username", "ViaAWSService"),
        *("VpceAccount", "VpceOrgID", "VpceOrgPaths", "VpcSourceIp"),
    )
)
GLOBAL_KEYS = frozenset(name.lower() for name in GLOBAL_NAMES)
# Of a tag: the rest of the key is its name. Which actions know ResourceTag and RequestTag is in
# the table of actions.
GLOBAL_PREFIXES = ("aws:principaltag/",)

# What follows the provider's address in a key of its tokens.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
CLAIMS = frozenset(("amr", "aud", "azp", "email", "id", "oaud", "sub"))

# Managed policies that give a whole account; the others that the rule means end in FullAccess.
BROAD = frozenset(
    ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess", "SystemAdministrator")
)
