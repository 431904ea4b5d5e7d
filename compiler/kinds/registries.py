"""The token that whoever pulls or pushes images needs beside the right on the repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from compiler.access.parties import Grant, Images, Own
from compiler.kinds.model_hub.uses import PULL, PUSH

TOKEN = "ecr:GetAuthorizationToken"


def tokens(grants: Iterable[Grant]) -> Iterator[tuple[Grant, Grant]]:
    """For each role that moves images and gets no token, the first of its grants and the one it lacks.

    Source: ECR user guide, "Private registry authentication": a token is of the whole registry.
    """
    grants = tuple(grants)
    known = {_who(grant) for grant in grants if _gives_token(grant)}
    for grant in grants:
        if not isinstance(grant.target, Images) or _who(grant) in known:
            continue
        if any(_allows(grant, action) for action in (*PULL, *PUSH)):
            known.add(_who(grant))
            role = grant.principal
            id_ = f"{role.label}-enters-registry"
            target = Own(role.place, "*")
            yield grant, replace(grant, id=id_, actions=(TOKEN,), target=target, conditions={})


def _gives_token(grant: Grant) -> bool:
    return isinstance(grant.target, Own) and grant.target.arn == "*" and _allows(grant, TOKEN)


def _allows(grant: Grant, action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in grant.actions)


def _who(grant: Grant) -> tuple[str, str]:
    return grant.principal.place.stack, grant.principal.arn
