"""ARNs, ids and names of the Terraform resources that policies speak of.

A row says how a type's ARN is made of its arguments. Source: the "Resource types" tables of the
AWS service authorization reference, and the attribute reference of the AWS provider.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Shape:
    """`resource` is the ARN's last part; `{name}` stands for the argument called `name`.

    `id` says what Terraform's `id` is: the ARN, the name, or the ARN's last part after its last
    slash. `global_`: no region in the ARN; `ownerless`: no account either.
    """

    service: str
    resource: str
    name: str = "name"
    id: Literal["arn", "name", "last"] = "name"
    global_: bool = False
    ownerless: bool = False


SHAPES = {
    "aws_cloudwatch_event_bus": Shape("events", "event-bus/{name}"),
    "aws_cloudwatch_event_rule": Shape("events", "rule/{name}"),
    "aws_cloudwatch_log_group": Shape("logs", "log-group:{name}"),
    "aws_cloudwatch_metric_alarm": Shape("cloudwatch", "alarm:{name}", "alarm_name"),
    "aws_codebuild_project": Shape("codebuild", "project/{name}", id="arn"),
    "aws_codecommit_repository": Shape("codecommit", "{name}", "repository_name"),
    "aws_codeconnections_connection": Shape("codeconnections", "connection/{name}", "", "arn"),
    "aws_codepipeline": Shape("codepipeline", "{name}"),
    "aws_codestarconnections_connection": Shape(
        "codestar-connections", "connection/{name}", "", "arn"
    ),
    "aws_dynamodb_table": Shape("dynamodb", "table/{name}"),
    "aws_ecr_repository": Shape("ecr", "repository/{name}"),
    "aws_eks_cluster": Shape("eks", "cluster/{name}"),
    "aws_iam_openid_connect_provider": Shape(
        "iam", "oidc-provider/{name}", "url", "arn", global_=True
    ),
    "aws_iam_policy": Shape("iam", "policy{path}{name}", id="arn", global_=True),
    "aws_iam_role": Shape("iam", "role{path}{name}", global_=True),
    "aws_iam_saml_provider": Shape("iam", "saml-provider/{name}", id="arn", global_=True),
    "aws_iam_user": Shape("iam", "user{path}{name}", global_=True),
    "aws_kinesis_stream": Shape("kinesis", "stream/{name}", id="arn"),
    "aws_kms_key": Shape("kms", "key/{name}", "", "last"),
    "aws_kms_replica_key": Shape("kms", "key/{name}", "", "last"),
    "aws_lambda_function": Shape("lambda", "function:{name}", "function_name"),
    "aws_s3_bucket": Shape("s3", "{name}", "bucket", global_=True, ownerless=True),
    "aws_sagemaker_endpoint": Shape("sagemaker", "endpoint/{name}"),
    "aws_sagemaker_endpoint_configuration": Shape("sagemaker", "endpoint-config/{name}"),
    "aws_sagemaker_model": Shape("sagemaker", "model/{name}"),
    "aws_sagemaker_model_package_group": Shape(
        "sagemaker", "model-package-group/{name}", "model_package_group_name"
    ),
    "aws_secretsmanager_secret": Shape("secretsmanager", "secret:{name}-{suffix}", id="arn"),
    "aws_sfn_state_machine": Shape("states", "stateMachine:{name}", id="arn"),
    "aws_sns_topic": Shape("sns", "{name}", id="arn"),
    "aws_sqs_queue": Shape("sqs", "{name}"),
    "aws_ssm_parameter": Shape("ssm", "parameter/{name}"),
}

# Services with policies on resources that Landform does not make: across accounts nothing can be
# said of them. Source: IAM user guide, "AWS services that work with IAM", resource-based policies.
RESOURCE_POLICIES = frozenset(
    {
        "acm-pca",
        "apigateway",
        "backup",
        "codeartifact",
        "codebuild",
        "dynamodb",
        "ecr",
        "ecr-public",
        "elasticfilesystem",
        "es",
        "events",
        "execute-api",
        "glacier",
        "glue",
        "iot",
        "kafka",
        "kinesis",
        "kms",
        "lambda",
        "lex",
        "logs",
        "rds",
        "s3",
        "s3-object-lambda",
        "s3-outposts",
        "s3express",
        "s3tables",
        "sagemaker",
        "schemas",
        "secretsmanager",
        "serverlessrepo",
        "ses",
        "signer",
        "sns",
        "sqs",
        "ssm",
        "ssm-contacts",
        "ssm-incidents",
        "vpc-lattice",
    }
)


@dataclass(frozen=True, slots=True)
class PolicyType:
    """A Terraform type that carries a resource policy.

    `target` is the argument that names the resource and `of` that resource's type; `target` is ""
    where the policy is an argument of the resource itself.
    """

    of: str
    target: str
    argument: str = "policy"
    side: str = "resource"


POLICY_TYPES = {
    "aws_cloudwatch_event_bus_policy": PolicyType("aws_cloudwatch_event_bus", "event_bus_name"),
    "aws_dynamodb_resource_policy": PolicyType("aws_dynamodb_table", "resource_arn"),
    "aws_ecr_repository_policy": PolicyType("aws_ecr_repository", "repository"),
    "aws_iam_role": PolicyType("aws_iam_role", "", "assume_role_policy", "trust"),
    "aws_kinesis_resource_policy": PolicyType("aws_kinesis_stream", "resource_arn"),
    "aws_kms_key": PolicyType("aws_kms_key", "", side="key"),
    "aws_kms_key_policy": PolicyType("aws_kms_key", "key_id", side="key"),
    "aws_kms_replica_key": PolicyType("aws_kms_replica_key", "", side="key"),
    "aws_s3_bucket": PolicyType("aws_s3_bucket", ""),
    "aws_s3_bucket_policy": PolicyType("aws_s3_bucket", "bucket"),
    "aws_sagemaker_model_package_group_policy": PolicyType(
        "aws_sagemaker_model_package_group", "model_package_group_name", "resource_policy"
    ),
    "aws_secretsmanager_secret": PolicyType("aws_secretsmanager_secret", ""),
    "aws_secretsmanager_secret_policy": PolicyType("aws_secretsmanager_secret", "secret_arn"),
    "aws_sns_topic": PolicyType("aws_sns_topic", ""),
    "aws_sns_topic_policy": PolicyType("aws_sns_topic", "arn"),
    "aws_sqs_queue": PolicyType("aws_sqs_queue", ""),
    "aws_sqs_queue_policy": PolicyType("aws_sqs_queue", "queue_url"),
}
