"""What a request needs beside itself: the key of an encrypted bucket, topic or queue.

Source: S3 user guide, "Using server-side encryption with AWS KMS keys", permissions; SNS and SQS
developer guides, "Key management", permissions of publishers and consumers.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.access.evaluation.context import Request
from compiler.access.evaluation.decide import Decision, decide
from compiler.access.evaluation.records import Policies
from compiler.data import dns_suffix

_READ = ("kms:Decrypt",)
_WRITE = ("kms:GenerateDataKey",)
_BOTH = ("kms:Decrypt", "kms:GenerateDataKey")
_NEEDS = {
    "s3:getobject": _READ,
    "s3:getobjectversion": _READ,
    "s3:putobject": _WRITE,
    "sns:publish": _BOTH,
    "sqs:receivemessage": _READ,
    "sqs:sendmessage": _BOTH,
}


def needs(action: str) -> tuple[str, ...]:
    """What an action, in lower case, needs of the key."""
    return _NEEDS.get(action, ())


def implied(policies: Policies, request: Request) -> Iterator[Request]:
    """The requests that the service makes to KMS on the caller's behalf."""
    actions = _NEEDS.get(request.action.lower())
    holder = policies.holders.get(request.resource.partition("/")[0])
    if actions is None or holder is None:
        return
    key = policies.encryption.get(holder.arn)
    if key is None:
        return
    arn = key if isinstance(key, str) else key.text
    partition, service = holder.arn.split(":")[1:3]
    region = (arn.split(":") + [""] * 4)[3]
    for action in actions:
        context = {
            "kms:ViaService": f"{service}.{region}.{dns_suffix(partition)}",
            **request.context,
        }
        yield Request(
            principal=request.principal,
            action=action,
            resource=policies.keys.get(arn, arn),
            context=context,
            complete=request.complete,
        )


def decide_all(policies: Policies, request: Request) -> Decision:
    """The answer to a request and to all that it implies: the first that isn't allowed."""
    first = decide(policies, request)
    if first.denied:
        return first
    open_answer = first if not first.allowed else None
    chain = first.chain
    for each in implied(policies, request):
        answer = decide(policies, each)
        if answer.denied:
            return answer
        if not answer.allowed:
            open_answer = open_answer or answer
        chain += answer.chain
    return open_answer or Decision("allowed", chain)
