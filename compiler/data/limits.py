"""How long names may be, how large policies may be, and which values AWS accepts.

Takes Terraform resource types and kinds of policy, gives numbers from `aws_limits.json`,
`aws_policies.json` and `aws_values.json`. Each row of those names its own source.
"""

from __future__ import annotations

from typing import NamedTuple

from compiler.data.tables import table, unknown


class PolicyLimit(NamedTuple):
    """How large one kind of policy may be.

    `maximum` counts `unit` ("characters" or "bytes"); without `white_space` blanks outside of
    strings are free. `shared`: all policies of that kind on one principal or resource count
    together. `adjustable`: AWS raises the quota on request.
    """

    kind: str
    maximum: int
    unit: str
    white_space: bool
    shared: bool
    adjustable: bool
    source: str


class LambdaRuntime(NamedTuple):
    """One runtime. Dates are ISO, or None where AWS has not announced one.

    From `deprecated` on there are no security patches, from `create_block` on no new functions.
    """

    name: str
    deprecated: str | None
    create_block: str | None


def name_limit(resource_type: str) -> int:
    """The longest name in characters; `UnknownEntry` for a resource type that is not in the table.

    For aws_kms_alias this includes `alias/`, for FIFO topics and queues `.fifo`.

    >>> name_limit("aws_iam_role")
    64
    """
    names = table("aws_limits")["names"]
    if resource_type not in names:
        raise unknown("resource type", resource_type, tuple(names), "aws_limits")
    return int(names[resource_type]["max"])


def policy_kinds() -> tuple[str, ...]:
    """The kinds that `policy_limit` knows, sorted."""
    return tuple(sorted(table("aws_policies")["policies"]))


def policy_limit(kind: str) -> PolicyLimit:
    """The limit of a kind of policy; `UnknownEntry` for an unknown kind.

    >>> policy_limit("role_inline").maximum
    10240
    """
    policies = table("aws_policies")["policies"]
    if kind not in policies:
        raise unknown("kind of policy", kind, tuple(policies), "aws_policies")
    row = policies[kind]
    return PolicyLimit(
        kind=kind,
        maximum=row["max"],
        unit=row["unit"],
        white_space=row["white_space"],
        shared=row.get("shared", False),
        adjustable=row.get("adjustable", False),
        source=row["source"],
    )


def policy_limit_of(resource_type: str, argument: str) -> PolicyLimit | None:
    """The limit of the policy in one argument of a Terraform resource, or None.

    >>> policy_limit_of("aws_iam_role", "assume_role_policy").kind
    'role_trust'
    """
    address = f"{resource_type}.{argument}"
    for kind, row in table("aws_policies")["policies"].items():
        if address in row["arguments"]:
            return policy_limit(kind)
    return None


def log_retention_days() -> tuple[int, ...]:
    """What CloudWatch Logs accepts as retention, ascending; Terraform's 0 (for ever) is not in it."""
    return tuple(table("aws_values")["log_retention_days"]["values"])


def kms_deletion_window_days() -> tuple[int, int]:
    """The shortest and the longest waiting period of a key's deletion, in days."""
    row = table("aws_values")["kms_deletion_window_days"]
    return row["min"], row["max"]


def lambda_python_runtimes() -> tuple[LambdaRuntime, ...]:
    """Lambda's Python runtimes in which functions could be created at the table's date, oldest first."""
    values = table("aws_values")
    return tuple(
        LambdaRuntime(name, row.get("deprecated"), row.get("create_block"))
        for name, row in values["lambda_python_runtimes"]["values"].items()
        if (row.get("create_block") or "9999") > values["date"]
    )


def provider_5_rejects(value: str) -> bool:
    """Whether version 5.100.0 of Terraform's AWS provider refuses a value that AWS itself takes.

    For the instance types of endpoints and for Lambda runtimes: version 5 has lists of its own, so
    such a value needs `providers: {aws: ">= 6…"}` in the blueprint.

    >>> provider_5_rejects("python3.14"), provider_5_rejects("ml.m6i.large")
    (True, False)
    """
    return value in table("aws_values")["provider_5_rejects"]["values"]
