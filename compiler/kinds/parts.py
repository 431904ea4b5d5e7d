"""The resources of the parts that kinds share: roles, keys, buckets, repositories.

Each function takes the declared part and the component's finished `Access`, and gives all of its
resources, policies included.
"""

from __future__ import annotations

from compiler.access.google import ServiceAccount
from compiler.access.grants import Access
from compiler.access.parties import Bucket, Bus, Key, ModelGroup, Place, Repository, Role
from compiler.access.policy import Conditions, Statement, both, policy
from compiler.data import name_limit
from compiler.terraform.names import shorten
from compiler.terraform.stack import JsonText, Resource, Value, reference

KEY_DELETION_DAYS = 30
UNFINISHED_UPLOAD_DAYS = 7
UNTAGGED_IMAGE_DAYS = 14

# What an administrator, and Terraform, does with a key, without using it: every action named, as
# `kms:Create*` would hold CreateGrant, and with it every use. Source: KMS developer guide, "Default
# key policy: allows key administrators to administer the KMS key", less what belongs to keys with
# imported material, of several regions or in custom stores.
KEY_ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)


def service_trust(
    service: str, account_id: str | None = None, source_arn: str | None = None
) -> Statement:
    """The trust statement of a role that one AWS service assumes.

    `account_id` and `source_arn` guard against a confused deputy, for services that send them.
    """
    conditions: Conditions = {}
    if account_id:
        conditions = both(conditions, {"StringEquals": {"aws:SourceAccount": account_id}})
    if source_arn:
        operator = "ArnLike" if "*" in source_arn else "ArnEquals"
        conditions = both(conditions, {operator: {"aws:SourceArn": source_arn}})
    return Statement(
        sid="Service",
        principal={"Service": service},
        actions=("sts:AssumeRole",),
        conditions=conditions,
    )


def role(role: Role, access: Access) -> list[Resource]:
    """The role with its trust policy, and its inline policy; only the latter if it exists already."""
    resources = []
    if not role.existing:
        resources.append(
            Resource(
                type="aws_iam_role",
                name=role.name,
                arguments={
                    "name": role.role_name,
                    "path": role.path,
                    "description": role.description,
                    "assume_role_policy": policy([*role.trust, *access.trust(role)]),
                },
                depends_on=(*role.after, *_named(access.trusted(role), role.place)),
            )
        )
    statements = access.identity(role)
    if statements:
        component = role.place.component
        resources.append(
            Resource(
                type="aws_iam_role_policy",
                name=role.name,
                arguments={
                    "name": shorten(
                        f"{component}-{role.name}".replace("_", "-"),
                        name_limit("aws_iam_role_policy"),
                    )
                    if role.existing
                    else "access",
                    "role": role.role_name
                    if role.existing
                    else reference(f"aws_iam_role.{role.name}", "name"),
                    "policy": policy(statements),
                },
            )
        )
    return resources


def key(key: Key, access: Access) -> list[Resource]:
    """The key, which its own account administers and only the granted roles use, and its alias."""
    administration = Statement(
        sid="Administration",
        principal={"AWS": key.place.root},
        actions=KEY_ADMINISTRATION,
        resources=("*",),
    )
    return [
        Resource(
            type="aws_kms_key",
            name=key.name,
            arguments={
                "description": key.description,
                "enable_key_rotation": True,
                "deletion_window_in_days": KEY_DELETION_DAYS,
                "policy": policy([administration, *key.services, *access.key(key)]),
            },
            depends_on=_named(access.key_users(key), key.place),
        ),
        Resource(
            type="aws_kms_alias",
            name=key.name,
            arguments={"name": key.alias, "target_key_id": reference(key.address, "key_id")},
        ),
    ]


def _named(roles: tuple[Role, ...], place: Place) -> tuple[str, ...]:
    """The roles of the same stack, which a policy names by their ARNs: those must exist first."""
    return tuple(
        f"aws_iam_role.{role.name}"
        for role in roles
        if role.place.stack == place.stack and not role.existing
    )


def bucket(bucket: Bucket, access: Access) -> list[Resource]:
    """The bucket and its family: private, owned, versioned, encrypted, TLS only."""
    address = f"aws_s3_bucket.{bucket.name}"
    key_arn = reference(bucket.key.address, "arn") if bucket.key else None
    identity: dict[str, Value] = {"bucket": reference(address, "id")}
    versioning = f"aws_s3_bucket_versioning.{bucket.name}"

    def member(type: str, arguments: dict[str, Value], *after: str) -> Resource:
        return Resource(
            type=type, name=bucket.name, arguments={**identity, **arguments}, depends_on=after
        )

    family = [
        Resource(
            type="aws_s3_bucket",
            name=bucket.name,
            arguments={"bucket": bucket.bucket},
            lifecycle={"prevent_destroy": True} if bucket.precious else {},
        ),
        member(
            "aws_s3_bucket_public_access_block",
            {
                "block_public_acls": True,
                "block_public_policy": True,
                "ignore_public_acls": True,
                "restrict_public_buckets": True,
            },
        ),
        member(
            "aws_s3_bucket_ownership_controls",
            {"rule": [{"object_ownership": "BucketOwnerEnforced"}]},
        ),
        member("aws_s3_bucket_versioning", {"versioning_configuration": [{"status": "Enabled"}]}),
        member(
            "aws_s3_bucket_server_side_encryption_configuration",
            {"rule": [_encryption(key_arn)]},
        ),
        member(
            "aws_s3_bucket_policy",
            {"policy": policy([*_bucket_guards(bucket, key_arn), *access.bucket(bucket)])},
            f"aws_s3_bucket_public_access_block.{bucket.name}",
        ),
        member(
            "aws_s3_bucket_lifecycle_configuration",
            {
                "rule": [
                    {
                        "id": "old-versions-and-unfinished-uploads",
                        "status": "Enabled",
                        "filter": [{"prefix": ""}],
                        "noncurrent_version_expiration": [{"noncurrent_days": bucket.version_days}],
                        "abort_incomplete_multipart_upload": [
                            {"days_after_initiation": UNFINISHED_UPLOAD_DAYS}
                        ],
                    }
                ]
            },
            versioning,
        ),
    ]
    if not bucket.precious:
        # State changes at each apply, and nobody listens.
        family.append(member("aws_s3_bucket_notification", {"eventbridge": True}))
    return family


def _encryption(key_arn: Value) -> Value:
    """By the key, or by S3's own: the key aws/s3 of KMS cannot be used from other accounts."""
    if key_arn is None:
        return {"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}
    default: Value = {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn}
    return {"apply_server_side_encryption_by_default": [default], "bucket_key_enabled": True}


def _bucket_guards(bucket: Bucket, key_arn: Value) -> list[Statement]:
    """What nobody may do. An upload without encryption headers gets the bucket's default, the key;
    the headers are judged only where they are sent. A key that the customer sends along (SSE-C)
    would lie outside of every key policy."""
    algorithm = "s3:x-amz-server-side-encryption"
    key_header = f"{algorithm}-aws-kms-key-id"
    objects = f"{bucket.arn}/*"
    transport = Statement(
        sid="DenyInsecureTransport",
        effect="Deny",
        principal="*",
        actions=("s3:*",),
        resources=(bucket.arn, objects),
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )
    customer_keys = _no_upload(
        "DenyCustomerKeys", objects, {"Null": {f"{algorithm}-customer-algorithm": "false"}}
    )
    if key_arn is None:
        return [transport, customer_keys]
    return [
        transport,
        _no_upload(
            "DenyWrongAlgorithm",
            objects,
            {"Null": {algorithm: "false"}, "StringNotEquals": {algorithm: "aws:kms"}},
        ),
        _no_upload(
            "DenyWrongKey",
            objects,
            {"Null": {key_header: "false"}, "StringNotEquals": {key_header: key_arn}},
        ),
        customer_keys,
    ]


def _no_upload(name: str, objects: str, conditions: Conditions) -> Statement:
    return Statement(
        sid=name,
        effect="Deny",
        principal="*",
        actions=("s3:PutObject",),
        resources=(objects,),
        conditions=conditions,
    )


def repository(repository: Repository, access: Access) -> list[Resource]:
    """The repository with immutable tags, scanned on push, and the policy for other accounts."""
    name: Value = repository.repository
    resources = []
    if not repository.existing:
        name = reference(f"aws_ecr_repository.{repository.name}", "name")
        resources = [
            Resource(
                type="aws_ecr_repository",
                name=repository.name,
                arguments={
                    "name": repository.repository,
                    "image_tag_mutability": "IMMUTABLE",
                    "image_scanning_configuration": [{"scan_on_push": True}],
                    "encryption_configuration": [{"encryption_type": "KMS"}],
                },
            ),
            Resource(
                type="aws_ecr_lifecycle_policy",
                name=repository.name,
                arguments={"repository": name, "policy": _untagged_images_expire()},
            ),
        ]
    statements = access.repository(repository)
    if statements:
        resources.append(
            Resource(
                type="aws_ecr_repository_policy",
                name=repository.name,
                arguments={"repository": name, "policy": policy(statements)},
            )
        )
    return resources


def model_group(group: ModelGroup, access: Access) -> list[Resource]:
    """The model-package group, and the policy for other accounts."""
    address = f"aws_sagemaker_model_package_group.{group.name}"
    resources = [
        Resource(
            type="aws_sagemaker_model_package_group",
            name=group.name,
            arguments={"model_package_group_name": group.group},
        )
    ]
    statements = access.group(group)
    if statements:
        resources.append(
            Resource(
                type="aws_sagemaker_model_package_group_policy",
                name=group.name,
                arguments={
                    "model_package_group_name": reference(address, "model_package_group_name"),
                    "resource_policy": policy(statements),
                },
            )
        )
    return resources


def bus(bus: Bus, access: Access) -> list[Resource]:
    """The event bus, and the policy for other accounts."""
    address = f"aws_cloudwatch_event_bus.{bus.name}"
    resources = [
        Resource(type="aws_cloudwatch_event_bus", name=bus.name, arguments={"name": bus.bus})
    ]
    statements = access.bus(bus)
    if statements:
        resources.append(
            Resource(
                type="aws_cloudwatch_event_bus_policy",
                name=bus.name,
                arguments={
                    "event_bus_name": reference(address, "name"),
                    "policy": policy(statements),
                },
            )
        )
    return resources


def service_account(account: ServiceAccount) -> Resource:
    """The service account, without keys: it is impersonated or attached."""
    return Resource(
        type="google_service_account",
        name=account.name,
        arguments={
            "project": account.site.id,
            "account_id": account.account_id,
            "display_name": account.account_id,
            "description": account.description,
        },
    )


def _untagged_images_expire() -> Value:
    rule: Value = {
        "rulePriority": 1,
        "description": "images that no tag names any more",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": UNTAGGED_IMAGE_DAYS,
        },
        "action": {"type": "expire"},
    }
    return JsonText({"rules": [rule]})
