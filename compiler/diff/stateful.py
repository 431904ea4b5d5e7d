"""Which resources hold what cannot be made again by applying: data, keys, identities.

Of the types that Landform's kinds make, and the commonest that a team's own kinds may. What their
destroy costs is in the documentation of each service.
"""

from __future__ import annotations

_DATA = "holds data"
_KEY = "what it encrypted cannot be read without it"
HOLDS = {
    "aws_codecommit_repository": _DATA,
    "aws_cloudwatch_log_group": _DATA,
    "aws_db_instance": _DATA,
    "aws_dynamodb_table": _DATA,
    "aws_ecr_repository": _DATA,
    "aws_efs_file_system": _DATA,
    "aws_eks_cluster": "runs workloads",
    "aws_kms_key": _KEY,
    "aws_s3_bucket": _DATA,
    "aws_sagemaker_model_package_group": _DATA,
    "aws_secretsmanager_secret": _DATA,
    "aws_sqs_queue": _DATA,
    "google_artifact_registry_repository": _DATA,
    "google_bigquery_dataset": _DATA,
    "google_container_cluster": "runs workloads",
    "google_kms_crypto_key": _KEY,
    "google_kms_key_ring": _KEY,
    "google_storage_bucket": _DATA,
}


def holds_data(address: str) -> str:
    """What would be lost with the resource at the address, or ""."""
    return HOLDS.get(address.partition(".")[0], "")
