"""Images by their whole address that lie in a repository of this blueprint.

Whoever writes the address of such a repository means the repository: nodes need its policy to admit
them, as they do where a workload names the hub.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.access.parties import Repository
from compiler.kinds.draft import Draft
from compiler.kinds.ml_pipeline.inputs import OwnImage
from compiler.kinds.model_hub.names import parties as hub_parties
from compiler.organization.records import Component

# What every address of ECR has behind the account's id.
_ECR = ".dkr.ecr."


def repository_of(draft: Draft, address: str) -> Repository | None:
    """The repository of a hub or a pipeline of the blueprint that the address is in, if it is in one."""
    if _ECR not in address:
        return None
    path, slash, name = address.partition("@")[0].rpartition("/")
    wanted = f"{path}{slash}{name.partition(':')[0]}"
    for each in _repositories(draft):
        if each.image("").removesuffix(":") == wanted:
            return each
    return None


def _repositories(draft: Draft) -> Iterator[Repository]:
    """The repositories of the blueprint's components, each as its component declares it."""
    for each in draft.neighbours.such("model-hub", _any):
        groups = hub_parties(_again(draft, each)).groups.values()
        yield from (group.repository for group in groups if group.repository)
    for each in draft.neighbours.such("ml-pipeline", _any):
        image = each.inputs.train.image
        if isinstance(image, OwnImage):
            yield _again(draft, each).repository(
                each.inputs.shared, "image", image.repository, existing=image.existing
            )


def _again(draft: Draft, component: Component) -> Draft:
    """A draft to declare another component's parties on, as `Draft.other` gives it."""
    return Draft(component, draft.organization, draft.neighbours, draft.beside)


def _any(_: Component) -> bool:
    return True
