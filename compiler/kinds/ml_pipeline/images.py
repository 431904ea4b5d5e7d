"""The image that trains and serves: one of AWS's own, or one of the shared account's."""

from __future__ import annotations

from compiler.access.parties import Images, Own, Provided, Role
from compiler.data import UnknownEntry, builtin_image, image_registry_arn
from compiler.kinds.draft import Draft
from compiler.kinds.endpoints.inputs import BuiltinImage
from compiler.kinds.ml_pipeline.names import Parties

PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def known_image(draft: Draft) -> bool:
    """Whether AWS publishes the built-in image in the component's region; reports it if not."""
    image = draft.component.inputs.train.image
    if not isinstance(image, BuiltinImage):
        return True
    try:
        builtin_image(image.builtin, image.version, draft.component.region)
    except UnknownEntry as unknown:
        draft.problem(
            "E204",
            f'component "{draft.component.name}": "train.image": no {image.builtin} {image.version} '
            f'is known in the region "{draft.component.region}"',
            hint=f"known as of {unknown.date}: {', '.join(unknown.known)}; or use an image of your own",
        )
        return False
    return True


def image_uri(parties: Parties) -> str:
    """The image's address."""
    image = parties.inputs.train.image
    if isinstance(image, BuiltinImage):
        return builtin_image(image.builtin, image.version, parties.training.region)
    assert parties.repository is not None, "an own image has a repository"
    return parties.repository.image(image.tag)


def pull_image(parties: Parties, role: Role) -> None:
    """Let a role of any of the accounts pull the image."""
    draft, image = parties.draft, parties.inputs.train.image
    draft.grant(
        f"{role.label}-enters-registry",
        role,
        ("ecr:GetAuthorizationToken",),
        Own(role.place, "*"),
    )
    if isinstance(image, BuiltinImage):
        arn = image_registry_arn(image.builtin, image.version, parties.training.region)
        draft.grant(f"{role.label}-pulls-image", role, PULL, Provided(arn))
    else:
        assert parties.repository is not None, "an own image has a repository"
        draft.grant(f"{role.label}-pulls-image", role, PULL, Images(parties.repository))
