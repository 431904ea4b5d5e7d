"""Facts about AWS and Google Cloud, as dated tables with their sources.

Takes nothing at import and reads nothing then; each function reads its JSON table at first use and
keeps it. `UnknownEntry` is the one error: it carries what is known, for a hint.
"""

from compiler.data.eks import (
    Addon,
    EksVersion,
    Instance,
    ec2_instance,
    ec2_instance_types,
    eks_access_policy,
    eks_addons,
    eks_ami_type,
    eks_versions,
    eks_zone_ids,
)
from compiler.data.limits import (
    LambdaRuntime,
    PolicyLimit,
    kms_deletion_window_days,
    lambda_python_runtimes,
    log_retention_days,
    name_limit,
    policy_kinds,
    policy_limit,
    policy_limit_of,
    provider_5_rejects,
)
from compiler.data.regions import (
    AwsRegion,
    GoogleRegion,
    aws_regions,
    dns_suffix,
    google_regions,
    partition_by_pattern,
    partition_of,
    partitions,
)
from compiler.data.sagemaker import (
    builtin_algorithms,
    builtin_image,
    builtin_versions,
    has_local_storage,
    hosting_instance_types,
    image_registries,
    image_registry_arn,
    training_instance_types,
)
from compiler.data.tables import UnknownEntry

__all__ = [
    "Addon",
    "AwsRegion",
    "EksVersion",
    "GoogleRegion",
    "Instance",
    "LambdaRuntime",
    "PolicyLimit",
    "UnknownEntry",
    "aws_regions",
    "builtin_algorithms",
    "builtin_image",
    "builtin_versions",
    "dns_suffix",
    "ec2_instance",
    "ec2_instance_types",
    "eks_access_policy",
    "eks_addons",
    "eks_ami_type",
    "eks_versions",
    "eks_zone_ids",
    "google_regions",
    "has_local_storage",
    "hosting_instance_types",
    "image_registries",
    "image_registry_arn",
    "kms_deletion_window_days",
    "lambda_python_runtimes",
    "log_retention_days",
    "name_limit",
    "partition_by_pattern",
    "partition_of",
    "partitions",
    "policy_kinds",
    "policy_limit",
    "policy_limit_of",
    "provider_5_rejects",
    "training_instance_types",
]
