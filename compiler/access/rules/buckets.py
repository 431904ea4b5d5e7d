"""The guards of a bucket: what its policy refuses, whoever asks.

Judged by meaning: requests of somebody that nothing admits, of which the policy must refuse some
and none of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.access.evaluation import Policies, Request
from compiler.access.evaluation.context import prepare
from compiler.access.evaluation.match import tally
from compiler.access.evaluation.records import Holder
from compiler.access.rules.records import Finding

# What stands for any action and any object: a statement must have a wildcard to mean it.
_ANY_ACTION, _ANY_OBJECT = "s3:x", "x"
_ALGORITHM = "s3:x-amz-server-side-encryption"
_KEY = f"{_ALGORITHM}-aws-kms-key-id"
_CUSTOMER = f"{_ALGORITHM}-customer-algorithm"
_PLAIN = {"aws:SecureTransport": "false"}
_SECURE = {"aws:SecureTransport": "true"}


def guards(policies: Policies) -> Iterator[Finding]:
    """E822, E827: every bucket that these stacks make."""
    for holder in policies.holders.values():
        if holder.address.startswith("aws_s3_bucket."):
            yield from _transport(policies, holder)
            yield from _encryption(policies, holder)
            yield from _foreign(holder)


def _transport(policies: Policies, bucket: Holder) -> Iterator[Finding]:
    for resource in (bucket.arn, f"{bucket.arn}/{_ANY_OBJECT}"):
        if not _refuses(policies, bucket, _ANY_ACTION, resource, _PLAIN):
            yield _finding(
                bucket,
                f"requests without TLS reach {'objects' if resource != bucket.arn else 'it'}",
                'deny "s3:*" to everybody on the bucket and its objects where aws:SecureTransport '
                "is false",
            )
        if _refuses(policies, bucket, _ANY_ACTION, resource, _SECURE):
            yield _finding(
                bucket,
                "everybody is refused everything",
                "deny only where aws:SecureTransport is false",
            )


def _encryption(policies: Policies, bucket: Holder) -> Iterator[Finding]:
    """What lies outside of the policy of the bucket's key; no policy holds for a sent key."""
    key = policies.encryption.get(bucket.arn)
    uploads: list[tuple[str, Mapping[str, str], bool]] = [
        ("without headers", {}, False),
        ("with a key that the caller sends", {_CUSTOMER: "AES256"}, True),
    ]
    if isinstance(key, str):
        other = f"{key}-other"
        uploads += [
            ("with its key", {_ALGORITHM: "aws:kms", _KEY: key}, False),
            ("with KMS and no key named", {_ALGORITHM: "aws:kms"}, False),
            ("encrypted otherwise", {_ALGORITHM: "AES256"}, True),
            ("with another key", {_ALGORITHM: "aws:kms", _KEY: other}, True),
        ]
    for what, headers, wrong in uploads:
        context = {**_SECURE, **headers}
        refused = _refuses(policies, bucket, "s3:PutObject", f"{bucket.arn}/{_ANY_OBJECT}", context)
        if refused is not wrong:
            yield _finding(
                bucket,
                f"uploads {what} are {'refused' if refused else 'not refused'}",
                "deny s3:PutObject where the header is sent (Null: false) and has not the bucket's "
                "algorithm or key, and where a customer algorithm is sent",
            )


def _refuses(
    policies: Policies, bucket: Holder, action: str, resource: str, context: Mapping[str, str]
) -> bool:
    """Whether the bucket's policy certainly denies this to everybody."""
    request = Request(
        principal="*", action=action, resource=resource, context=context, complete=True
    )
    return tally(bucket.policy, prepare(policies, request), named=True).denied is True


def _foreign(bucket: Holder) -> Iterator[Finding]:
    for statement in bucket.policy.statements:
        for resource in statement.resources:
            own = resource.text == bucket.arn or resource.text.startswith(f"{bucket.arn}/")
            if not own and not resource.unknown:
                yield Finding(
                    code="E827",
                    message=f'"{resource.text}" is not this bucket',
                    hint=f"name {bucket.arn}, or objects of it",
                    stack=statement.source.stack,
                    address=statement.source.address,
                    argument="policy",
                    sid=statement.sid,
                )


def _finding(bucket: Holder, message: str, hint: str) -> Finding:
    return Finding(
        code="E822",
        message=message,
        hint=hint,
        stack=bucket.stack,
        address=bucket.address,
        argument="policy",
        sid="",
    )
