"""The crossing edges of the article's pipeline, written down from its domain and not from the ledger.

Three accounts: shared (A), training (B), production (C). E10 and E16 are not there, as the state
machine's definition is inline and the deploy action has no input artifacts; E14 has no policy of
ours, as the image is SageMaker's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.terraform.applied import Applied

Crossing = tuple[str, str, str]

ROLE = "arn:aws:iam::{account}:role/article-churn-{part}"
A, B, C = "111111111111", "222222222222", "333333333333"
BUCKET = f"arn:aws:s3:::article-churn-artifacts-{A}"
# CodePipeline uses the first 20 characters of the pipeline's name.
ARTIFACTS = "article-churn-pipeli"
ENCRYPT = "Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey"


def role(account: str, part: str) -> str:
    return ROLE.format(account=account, part=part)


def crossings(applied: Applied) -> set[Crossing]:
    """Every (role, action, thing) that may cross an account; objects and listings by prefix."""
    (key,) = (k.arn for k in applied.accounts[A].keys.values() if _is_artifacts(k.aliases))
    return {*_assumed(), *_objects(), *_key_uses(key)}


def _is_artifacts(aliases: tuple[str, ...]) -> bool:
    return "alias/article-churn-artifacts" in aliases


def _assumed() -> Iterator[Crossing]:
    yield role(A, "pipeline"), "sts:AssumeRole", role(B, "train-action")  # E1
    yield role(A, "pipeline"), "sts:AssumeRole", role(C, "deploy-action")  # E2
    yield role(C, "deployer"), "sts:AssumeRole", role(A, "reporter-production")  # E17


def _objects() -> Iterator[Crossing]:
    for prefix in (ARTIFACTS, f"{ARTIFACTS}/Source/"):  # E5
        yield role(B, "train-action"), "s3:ListBucket", f"{BUCKET} {prefix}"
        for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"):
            yield role(B, "train-action"), action, f"{BUCKET}/{prefix}x {prefix}"
    yield role(B, "train"), "s3:ListBucket", f"{BUCKET} data/"  # E12
    yield role(B, "train"), "s3:GetObject", f"{BUCKET}/data/x data/"
    yield role(B, "train"), "s3:PutObject", f"{BUCKET}/models/x models/"
    yield role(B, "state-machine"), "s3:PutObject", f"{BUCKET}/releases/x releases/"  # E13
    yield role(C, "deployer"), "s3:GetObject", f"{BUCKET}/releases/x releases/"  # E18
    yield role(C, "serve"), "s3:GetObject", f"{BUCKET}/models/x models/"  # E20


def _key_uses(key: str) -> Iterator[Crossing]:
    uses = {
        role(B, "train-action"): ENCRYPT,
        role(B, "train"): ENCRYPT,
        role(B, "state-machine"): "Decrypt GenerateDataKey GenerateDataKeyWithoutPlaintext",
        role(C, "deployer"): "Decrypt",
        role(C, "serve"): "Decrypt DescribeKey",
    }
    for principal, actions in uses.items():
        for action in actions.split():
            yield principal, f"kms:{action}", key
