"""What roles of any component do with a group of a hub.

Each function declares the grants of one use, under ids that start with `id`; both halves are
written, the second in the hub's stack where the role is of another account.
"""

from __future__ import annotations

from compiler.access.parties import Group, Images, Listing, Objects, Own, Packages, Provided, Role
from compiler.data import image_registry_arn
from compiler.kinds.draft import Draft
from compiler.kinds.model_hub.names import HubGroup

# Source: ECR user guide, "Private repository policy examples": pull, and push.
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH = (
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


def reads_model(draft: Draft, id: str, role: Role, group: HubGroup, path: str = "") -> None:
    """Read the artifacts of every version, or those below `path`, with the bucket's key."""
    prefix = f"{group.prefix}{path}"
    draft.grant(f"{id}-reads-model", role, ("s3:GetObject",), Objects(group.bucket, f"{prefix}*"))
    draft.grant(f"{id}-lists-model", role, ("s3:ListBucket",), Listing(group.bucket, (prefix,)))


def pulls_images(draft: Draft, id: str, role: Role, group: HubGroup) -> None:
    """Pull the images of every version: the hub's, and SageMaker's own where the group names one."""
    if group.repository or group.image:
        draft.grant(
            f"{id}-enters-registry",
            role,
            ("ecr:GetAuthorizationToken",),
            Own(role.place, "*"),
        )
    if group.repository:
        draft.grant(f"{id}-pulls-image", role, PULL, Images(group.repository))
    if group.image:
        image = group.image
        arn = image_registry_arn(image.builtin, image.version, role.place.region)
        draft.grant(f"{id}-pulls-builtin-image", role, PULL, Provided(arn))


def describes_packages(draft: Draft, id: str, role: Role, group: HubGroup) -> None:
    """See the group, its versions and which of them are approved."""
    draft.grant(
        f"{id}-describes-group",
        role,
        ("sagemaker:DescribeModelPackageGroup",),
        Group(group.group),
    )
    draft.grant(
        f"{id}-describes-versions",
        role,
        ("sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"),
        Packages(group.group),
    )


def makes_model(
    draft: Draft, id: str, role: Role, group: HubGroup, local_model_pattern: str
) -> None:
    """Make models of the group's versions; `local_model_pattern` are their names: `acme-churn-*`.

    SageMaker asks for both: the new model, in the role's account, and the version, in the hub's.
    Source: SageMaker developer guide, "Deploy a Model from the Registry", different account.
    """
    draft.grant(f"{id}-uses-versions", role, ("sagemaker:CreateModel",), Packages(group.group))
    draft.grant(
        f"{id}-makes-models",
        role,
        ("sagemaker:AddTags", "sagemaker:CreateModel", "sagemaker:DescribeModel"),
        Own(role.place, role.place.arn("sagemaker", f"model/{local_model_pattern}")),
    )


def registers_versions(
    draft: Draft, id: str, role: Role, group: HubGroup, *, approved: bool
) -> None:
    """Register new versions of the group, whose artifacts lie in the hub's bucket.

    Unless `approved`, the versions must say that they wait for an approval
    (`ModelApprovalStatus: PendingManualApproval`): who trains does not decide what is deployed.
    SageMaker reads what it registers as the caller.
    Source: SageMaker developer guide, "Register a Model Version from a Different Account".
    """
    describes_packages(draft, id, role, group)
    status = "Approved" if approved else "PendingManualApproval"
    condition = {"StringEquals": {"sagemaker:ModelApprovalStatus": status}}
    for part, target in (("version", Packages(group.group)), ("in-group", Group(group.group))):
        draft.grant(
            f"{id}-registers-{part}",
            role,
            ("sagemaker:CreateModelPackage",),
            target,
            condition,
        )
    reads_model(draft, id, role, group)
    pulls_images(draft, id, role, group)


def publishes_artifacts(
    draft: Draft, id: str, role: Role, group: HubGroup, *, images: bool = True
) -> None:
    """Write artifacts below the group's prefix, and push `images` to its repository."""
    draft.grant(
        f"{id}-writes-artifacts",
        role,
        ("s3:PutObject",),
        Objects(group.bucket, f"{group.prefix}*"),
    )
    if group.repository and images:
        draft.grant(f"{id}-pushes-image", role, PUSH, Images(group.repository))
