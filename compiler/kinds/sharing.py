"""Things that several components use and that have one policy only: who writes it.

A repository that one component makes may be named as `existing` by another. Both would write its
policy, and the last apply would take the other's statements away. So all statements go to one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from compiler.access.parties import Grant, Images, Repository


def writers(repositories: Iterable[Repository]) -> dict[str, Repository]:
    """By ARN, the one that is made, or else the first that names it."""
    found: dict[str, Repository] = {}
    for repository in repositories:
        known = found.get(repository.arn)
        if known is None or (known.existing and not repository.existing):
            found[repository.arn] = repository
    return found


def pointed(grants: Iterable[Grant], writer: Mapping[str, Repository]) -> Iterator[Grant]:
    """The grants, those of repositories with the one whose stack writes the policy."""
    for grant in grants:
        target = grant.target
        if isinstance(target, Images) and target.repository.arn in writer:
            target = Images(writer[target.repository.arn])
            yield replace(grant, target=target) if target != grant.target else grant
        else:
            yield grant
