"""The bucket of Terraform's state, and whose states are kept in it."""

from __future__ import annotations

from compiler.access.google import Member, OnBucket
from compiler.kinds.account_baseline import STATE_VERSION_DAYS
from compiler.kinds.draft import Draft
from compiler.kinds.project_baseline.deployer import email, home_of
from compiler.kinds.project_baseline.inputs import Inputs
from compiler.kinds.project_baseline.services import on
from compiler.organization.records import Project


def state_bucket(draft: Draft, inputs: Inputs) -> None:
    """The bucket of Terraform state: private, versioned, never destroyed by accident."""
    project = inputs.project
    name = draft.organization.state.google_bucket
    if name is None:
        draft.problem(
            "E323",
            f'component "{draft.component.name}" has state_bucket, but no bucket has a name',
            hint="name it: state: {google: {bucket: acme-tfstate-google}}",
            at=("state_bucket",),
        )
        return
    site = draft.site(project)
    address = draft.add(
        project,
        "google_storage_bucket",
        "state",
        {
            "project": project.id,
            "name": name,
            "location": site.region,
            "uniform_bucket_level_access": True,
            "public_access_prevention": "enforced",
            "force_destroy": False,
            "versioning": [{"enabled": True}],
            "lifecycle_rule": [
                {
                    "action": [{"type": "Delete"}],
                    "condition": [{"days_since_noncurrent_time": STATE_VERSION_DAYS}],
                }
            ],
        },
        depends_on=(on("storage"),),
        lifecycle={"prevent_destroy": True},
    )
    bucket = OnBucket(site, name, address)
    listing: set[str] = set()
    for each in (project, *(p for p in inputs.states_of if p != project)):
        _keeps_states(draft, bucket, project, each, listing)


def _keeps_states(
    draft: Draft, bucket: OnBucket, owner: Project, project: Project, listing: set[str]
) -> None:
    """Let the project's deploy account read and write the states of its own stacks, and lock them.

    Terraform lists the bucket to look for workspaces, which no condition can narrow to a prefix.
    Source: Cloud Storage documentation, "Use IAM Conditions on buckets", resource.name of objects.
    """
    address = email(draft, project)
    if address is None:
        if project != owner:
            draft.problem(
                "E322",
                f'component "{draft.component.name}": project "{project.name}" has no deploy account '
                "that could keep states",
                hint="name it under deploy.google.service_account",
                at=("states_of",),
            )
        return
    found = home_of(draft, address)
    home = found[1] if found else None
    made = home == owner and address == email(draft, owner)
    made = made and draft.component.inputs.deploy_from is not None
    member = Member(
        f"serviceAccount:{address}",
        home.name if home else None,
        bucket.site.stack if made else None,
        "google_service_account.deploy" if made else None,
    )
    label = f"deployer-{project.name}"
    prefix = f"projects/_/buckets/{bucket.bucket}/objects/google/{project.name}/"
    condition = ("own-states", f'resource.name.startsWith("{prefix}")')
    draft.bind(f"{label}-keeps-state", member, "roles/storage.objectUser", bucket, condition)
    if address not in listing:
        listing.add(address)
        draft.bind(f"{label}-lists-states", member, "roles/storage.legacyBucketReader", bucket)
