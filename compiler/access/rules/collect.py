"""The policies of root modules, resolved: `${jsonencode(local.x)}`, a local, or JSON as text.

Takes Terraform JSON by stack path, gives `Policy` and `Attachment` records in the order of the
documents. References inside of a policy stay as they are: the rules know `${…}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from compiler.access.rules.records import Attachment, Policy, texts
from compiler.terraform.document import Json

Documents = Mapping[str, Mapping[str, Json]]

# Which arguments are policies: (side, service of the resource). From the provider's documentation.
ARGUMENTS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("aws_cloudwatch_event_bus_policy", "policy"): ("resource", "events"),
    ("aws_cloudwatch_log_resource_policy", "policy_document"): ("resource", "logs"),
    ("aws_dynamodb_resource_policy", "policy"): ("resource", "dynamodb"),
    ("aws_ecr_registry_policy", "policy"): ("resource", "ecr"),
    ("aws_ecr_repository_policy", "policy"): ("resource", "ecr"),
    ("aws_efs_file_system_policy", "policy"): ("resource", "elasticfilesystem"),
    ("aws_glue_resource_policy", "policy"): ("resource", "glue"),
    ("aws_iam_group_policy", "policy"): ("identity", ""),
    ("aws_iam_policy", "policy"): ("identity", ""),
    ("aws_iam_role", "assume_role_policy"): ("trust", "sts"),
    ("aws_iam_role_policy", "policy"): ("identity", ""),
    ("aws_iam_user_policy", "policy"): ("identity", ""),
    ("aws_kms_key", "policy"): ("key", "kms"),
    ("aws_kms_key_policy", "policy"): ("key", "kms"),
    ("aws_kms_replica_key", "policy"): ("key", "kms"),
    ("aws_organizations_policy", "content"): ("organization", ""),
    ("aws_s3_access_point", "policy"): ("resource", "s3"),
    ("aws_s3_bucket", "policy"): ("resource", "s3"),
    ("aws_s3_bucket_policy", "policy"): ("resource", "s3"),
    ("aws_sagemaker_model_package_group_policy", "resource_policy"): ("resource", "sagemaker"),
    ("aws_secretsmanager_secret", "policy"): ("resource", "secretsmanager"),
    ("aws_secretsmanager_secret_policy", "policy"): ("resource", "secretsmanager"),
    ("aws_sns_topic", "policy"): ("resource", "sns"),
    ("aws_sns_topic_policy", "policy"): ("resource", "sns"),
    ("aws_sqs_queue", "policy"): ("resource", "sqs"),
    ("aws_sqs_queue_policy", "policy"): ("resource", "sqs"),
    ("aws_ssoadmin_permission_set_inline_policy", "inline_policy"): ("identity", ""),
}
ATTACHING = (
    ("aws_iam_group_policy_attachment", "policy_arn"),
    ("aws_iam_policy_attachment", "policy_arn"),
    ("aws_iam_role", "managed_policy_arns"),
    ("aws_iam_role_policy_attachment", "policy_arn"),
    ("aws_iam_user_policy_attachment", "policy_arn"),
    ("aws_ssoadmin_managed_policy_attachment", "managed_policy_arn"),
)
_ENCODED = re.compile(r"\$\{\s*jsonencode\(\s*local\.([A-Za-z0-9_-]+)\s*\)\s*\}")
_LOCAL = re.compile(r"\$\{\s*local\.([A-Za-z0-9_-]+)\s*\}")


def policies(documents: Documents) -> Iterator[Policy]:
    """Every policy of every stack."""
    bounding = tuple(_boundaries(documents))
    for stack, document in documents.items():
        account = _account(document)
        for type_, name, arguments in _resources(document):
            address = f"{type_}.{name}"
            yield from _inline(stack, account, address, arguments, document)
            if type_ == "aws_lambda_permission":
                yield _permission(stack, account, address, arguments)
            for (owner, argument), (side, service) in ARGUMENTS.items():
                written = arguments.get(argument) if owner == type_ else None
                if not isinstance(written, str) or _is_tag_policy(type_, arguments):
                    continue
                bounds = type_ == "aws_iam_policy" and _bounds(stack, name, arguments, bounding)
                yield Policy(
                    stack=stack,
                    account=account,
                    address=address,
                    argument=argument,
                    side="boundary" if bounds else side,
                    body=resolved(written, document),
                    service=service,
                    written=written,
                )


def attachments(documents: Documents) -> Iterator[Attachment]:
    """Every managed policy that is attached by its ARN."""
    for stack, document in documents.items():
        for type_, name, arguments in _resources(document):
            for owner, argument in ATTACHING:
                for arn in texts(arguments.get(argument)) if owner == type_ else ():
                    yield Attachment(
                        stack=stack, address=f"{type_}.{name}", argument=argument, arn=arn
                    )


def resolved(written: str, document: Mapping[str, Json]) -> Json:
    """The policy that an argument's text stands for, or None."""
    encoded = _ENCODED.fullmatch(written)
    local = encoded or _LOCAL.fullmatch(written)
    if local is None:
        return _parsed(written)
    values = document.get("locals")
    value = values.get(local[1]) if isinstance(values, Mapping) else None
    if encoded is None and isinstance(value, str):
        return resolved(value, document)
    return value


def _parsed(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except ValueError:
        return None
    return value


def _resources(document: Mapping[str, Json]) -> Iterator[tuple[str, str, Mapping[str, Json]]]:
    types = document.get("resource")
    for type_, named in types.items() if isinstance(types, Mapping) else ():
        for name, arguments in named.items() if isinstance(named, Mapping) else ():
            if isinstance(arguments, Mapping):
                yield type_, name, arguments


def _account(document: Mapping[str, Json]) -> str:
    """The account that the provider asserts, if it is one."""
    providers = document.get("provider")
    aws = providers.get("aws") if isinstance(providers, Mapping) else None
    blocks = aws if isinstance(aws, list | tuple) else [aws]
    for block in blocks:
        ids = texts(block.get("allowed_account_ids")) if isinstance(block, Mapping) else ()
        if len(ids) == 1:
            return ids[0]
    return ""


def _inline(
    stack: str,
    account: str,
    address: str,
    arguments: Mapping[str, Json],
    document: Mapping[str, Json],
) -> Iterator[Policy]:
    """The `inline_policy` blocks of a role."""
    blocks = arguments.get("inline_policy") if address.startswith("aws_iam_role.") else None
    for block in blocks if isinstance(blocks, list | tuple) else [blocks]:
        written = block.get("policy") if isinstance(block, Mapping) else None
        if isinstance(written, str):
            yield Policy(
                stack=stack,
                account=account,
                address=address,
                argument="inline_policy",
                side="identity",
                body=resolved(written, document),
                written=written,
            )


def _permission(stack: str, account: str, address: str, given: Mapping[str, Json]) -> Policy:
    """The statement that Lambda makes of a permission."""
    principal = given.get("principal")
    service = isinstance(principal, str) and principal.endswith((".com", ".com.cn"))
    conditions = {
        operator: {key: given[argument]}
        for argument, operator, key in (
            ("source_arn", "ArnLike", "aws:SourceArn"),
            ("source_account", "StringEquals", "aws:SourceAccount"),
            ("principal_org_id", "StringEquals", "aws:PrincipalOrgID"),
        )
        if argument in given
    }
    statement: dict[str, Json] = {
        "Effect": "Allow",
        "Principal": {"Service" if service else "AWS": principal},
        "Action": given.get("action"),
        "Resource": _function(given.get("function_name")),
        **({"Condition": conditions} if conditions else {}),
    }
    if "statement_id" in given:
        statement["Sid"] = given["statement_id"]
    return Policy(
        stack=stack,
        account=account,
        address=address,
        argument="principal",
        side="resource",
        body={"Version": "2012-10-17", "Statement": [statement]},
        service="lambda",
    )


def _is_tag_policy(type_: str, arguments: Mapping[str, Json]) -> bool:
    """Organisations have policies of other kinds, of another grammar, under the same type."""
    if type_ != "aws_organizations_policy":
        return False
    kind = arguments.get("type", "SERVICE_CONTROL_POLICY")
    return kind not in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


def _boundaries(documents: Documents) -> Iterator[tuple[str, str]]:
    for stack, document in documents.items():
        for _, _, arguments in _resources(document):
            for written in texts(arguments.get("permissions_boundary")):
                yield stack, written


def _bounds(
    stack: str, name: str, arguments: Mapping[str, Json], used: tuple[tuple[str, str], ...]
) -> bool:
    """Whether a managed policy is some role's permissions boundary."""
    end = f":policy{arguments.get('path', '/')}{arguments.get('name')}"
    return any(
        (where == stack and f"aws_iam_policy.{name}." in written) or written.endswith(end)
        for where, written in used
    )


def _function(name: Json) -> Json:
    if isinstance(name, str) and not name.startswith(("arn:", "$")):
        return f"arn:*:lambda:*:*:function:{name}"
    return name
