"""The buckets that training reads and writes, and who may."""

from __future__ import annotations

from compiler.access.google import OnBucket
from compiler.data.google import google_role
from compiler.kinds.training_access.ground import Ground
from compiler.kinds.training_access.inputs import Data
from compiler.kinds.training_access.people import Train, everywhere
from compiler.terraform.stack import Value, reference

# Which right of a persona is about which bucket.
RIGHTS = {"datasets": "data", "checkpoints": "checkpoints"}
SOFT_DELETE_SECONDS = 604800
OLD_VERSIONS = 3
UNFINISHED_UPLOAD_DAYS = 7
# Source: Cloud Storage documentation, "Object Lifecycle Management".
_LIFECYCLE: Value = [
    {
        "action": [{"type": "AbortIncompleteMultipartUpload"}],
        "condition": [{"age": UNFINISHED_UPLOAD_DAYS}],
    },
    {
        "action": [{"type": "Delete"}],
        "condition": [{"num_newer_versions": OLD_VERSIONS, "with_state": "ARCHIVED"}],
    },
]


def build(ground: Ground, trains: tuple[Train, ...], data: Data) -> None:
    """Both buckets in their project, and the bindings of all personas of all training projects."""
    draft, project = ground.draft, data.project
    site = draft.site(project)
    for what, bucket in data.buckets.items():
        address = None if data.is_existing(what) else _bucket(ground, data, what)
        on = OnBucket(site, bucket, address)
        for name, persona in ground.inputs.personas.items():
            level = getattr(persona, RIGHTS[what])
            if level is None:
                continue
            for who, member in everywhere(trains, name, persona):
                id = f"{name}-{level}s-{what}{who}"
                draft.bind(id, member, google_role("bucket", level), on)
        draft.output(project, f"{what}_bucket", bucket, f"bucket of {what}")
    # Members of the workloads' pools, and service accounts, are there after the training stacks.
    draft.after(project, *(train.project for train in trains))


def _bucket(ground: Ground, data: Data, what: str) -> str:
    draft, project = ground.draft, data.project
    region = draft.site(project).region
    storage = ground.service(project, "storage")
    draft.add(
        project,
        "google_storage_project_service_account",
        "here",
        {"project": project.id},
        mode="data",
        depends_on=[storage],
    )
    key, right = ground.key(project, what, region, "storage")
    return draft.add(
        project,
        "google_storage_bucket",
        what,
        {
            "project": project.id,
            "name": data.buckets[what],
            "location": region.upper(),
            "uniform_bucket_level_access": True,
            "public_access_prevention": "enforced",
            "force_destroy": False,
            "encryption": [{"default_kms_key_name": reference(key, "id")}],
            "versioning": [{"enabled": True}],
            "soft_delete_policy": [{"retention_duration_seconds": SOFT_DELETE_SECONDS}],
            "lifecycle_rule": _LIFECYCLE,
        },
        depends_on=[storage, right],
    )
