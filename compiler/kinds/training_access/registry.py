"""The container repository that nodes and Vertex AI pull from, and who may push."""

from __future__ import annotations

from compiler.access.google import OnRegistry
from compiler.data.google import google_role
from compiler.kinds.training_access.ground import Ground
from compiler.kinds.training_access.inputs import Registry
from compiler.kinds.training_access.people import Train, everywhere
from compiler.kinds.training_access.project import runs_vertex
from compiler.terraform.stack import reference

UNTAGGED_IMAGE_AGE = "1209600s"
# Vertex AI pulls images with its own identity, whatever the job runs as.
# Source: Vertex AI documentation, "Use a custom service account".
PULLING_AGENTS = ("aiplatform", "aiplatform-code")


def build(ground: Ground, trains: tuple[Train, ...], registry: Registry) -> None:
    """The repository in its project, and the bindings of everybody who pulls or pushes."""
    draft, project = ground.draft, registry.project
    site = draft.site(project)
    location = registry.location or site.region
    address = None if registry.existing else _repository(ground, registry, location)
    on = OnRegistry(site, registry.repository, location, address)
    pulls = google_role("images", "read")
    for train in trains:
        if train.nodes is not None:
            draft.bind(f"nodes-pull-images-{train.project.name}", train.nodes.member, pulls, on)
        if runs_vertex(ground):
            for product in PULLING_AGENTS:
                _, member = ground.agent(train.project, product)
                draft.bind(f"{product}-pulls-images-{train.project.name}", member, pulls, on)
    for name, persona in ground.inputs.personas.items():
        if persona.images is None:
            continue
        for who, member in everywhere(trains, name, persona):
            id = f"{name}-{persona.images}s-images{who}"
            draft.bind(id, member, google_role("images", persona.images), on)
    draft.output(
        project,
        "image_prefix",
        f"{location}-docker.pkg.dev/{project.id}/{registry.repository}",
        "what the names of all images start with",
    )
    draft.after(project, *(train.project for train in trains))


def _repository(ground: Ground, registry: Registry, location: str) -> str:
    draft, project = ground.draft, registry.project
    service = ground.service(project, "artifactregistry")
    key, right = ground.key(project, "images", location, "artifactregistry")
    return draft.add(
        project,
        "google_artifact_registry_repository",
        "images",
        {
            "project": project.id,
            "location": location,
            "repository_id": registry.repository,
            "description": "Images that training runs",
            "format": "DOCKER",
            "kms_key_name": reference(key, "id"),
            "docker_config": [{"immutable_tags": True}],
            "cleanup_policy_dry_run": False,
            "cleanup_policies": [
                {
                    "id": "untagged",
                    "action": "DELETE",
                    "condition": [{"tag_state": "UNTAGGED", "older_than": UNTAGGED_IMAGE_AGE}],
                }
            ],
        },
        depends_on=[service, right],
    )
