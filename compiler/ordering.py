"""Which stacks must be applied before others, whatever kinds they are of.

What a kind knows it says itself (`Draft.after`). On AWS a principal that is not there yet can be named, so
little else is left. Google refuses a binding whose member or resource does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from compiler.terraform.stack import Resource, Stack, Value

# What exists, or is to exist: a word for what it is, and its literal name.
Thing = tuple[str, ...]

_EMAIL = re.compile(r"serviceAccount:([a-z0-9-]+@[a-z0-9.-]+\.iam\.gserviceaccount\.com)")
_ACCOUNT = re.compile(r"projects/[^/]+/serviceAccounts/([^/]+)")


def sequenced(stacks: Iterable[Stack]) -> list[Stack]:
    """The stacks, each with all those that come before it."""
    stacks = list(stacks)
    before = {stack.path: set(stack.depends_on) for stack in stacks}
    for stack, path in (*_after_deploy_roles(stacks), *_after_makers(stacks)):
        before[stack].add(path)
    _after_state(stacks, before)
    return [replace(stack, depends_on=tuple(sorted(before[stack.path]))) for stack in stacks]


def _after_deploy_roles(stacks: Iterable[Stack]) -> Iterator[tuple[str, str]]:
    """Each stack after the one of its account that makes the role which all are applied as."""
    stacks = list(stacks)
    makers: dict[tuple[str, str], list[str]] = {}
    for stack in stacks:
        if stack.creates_deploy_role:
            makers.setdefault((stack.cloud, stack.account), []).append(stack.path)
    for stack in stacks:
        if not stack.creates_deploy_role:
            for maker in makers.get((stack.cloud, stack.account), ()):
                yield stack.path, maker


# -------------------------------------------------------------------- Google


def _after_makers(stacks: Iterable[Stack]) -> Iterator[tuple[str, str]]:
    """A stack with a binding after those that make its member and its resource."""
    google = [stack for stack in stacks if stack.cloud == "google"]
    makers = _makers(google)
    for stack in google:
        for resource in stack.resources:
            if resource.mode == "managed" and resource.type.endswith(
                ("_iam_member", "_iam_binding")
            ):
                for thing in _needed(resource, stack):
                    if thing in makers and makers[thing] != stack.path:
                        yield stack.path, makers[thing]


def _after_state(stacks: Iterable[Stack], before: dict[str, set[str]]) -> None:
    """A stack after the one that makes the bucket of its state.

    But for those which that one waits for itself, such as those that make the accounts which it admits to
    the bucket: these are applied when the bucket alone has been made.
    """
    google = [stack for stack in stacks if stack.cloud == "google"]
    makers = _makers(google)
    for maker in {makers[thing] for stack in google if (thing := _state(stack)) in makers}:
        first = _all_before(maker, before)
        for stack in google:
            if makers.get(_state(stack)) == maker and stack.path not in first:
                before[stack.path].add(maker)


def _all_before(path: str, before: Mapping[str, Iterable[str]]) -> set[str]:
    """The stack and all those that come before it."""
    found, new = {path}, [path]
    while new:
        added = set(before.get(new.pop(), ())) - found
        found |= added
        new += added
    return found


def _state(stack: Stack) -> Thing:
    backend = stack.terraform.get("backend")
    gcs = backend.get("gcs") if isinstance(backend, Mapping) else None
    bucket = gcs.get("bucket") if isinstance(gcs, Mapping) else None
    return ("bucket", bucket) if isinstance(bucket, str) else ()


def _makers(stacks: Iterable[Stack]) -> dict[Thing, str]:
    """The stack that makes each thing."""
    return {
        thing: stack.path
        for stack in stacks
        for resource in stack.resources
        if resource.mode == "managed" and (thing := _made(resource, stack))
    }


def _made(resource: Resource, stack: Stack) -> Thing:
    given = resource.arguments
    project = given.get("project", stack.account_id)
    if resource.type == "google_service_account":
        return _thing("account", _joined(given.get("account_id"), project))
    if resource.type == "google_storage_bucket":
        return _thing("bucket", given.get("name"))
    if resource.type == "google_artifact_registry_repository":
        place = given.get("location", stack.region)
        return _thing("repository", project, place, given.get("repository_id"))
    return ()


def _needed(resource: Resource, stack: Stack) -> Iterator[Thing]:
    given = resource.arguments
    for member in _listed(given.get("member")) + _listed(given.get("members")):
        if isinstance(member, str) and (found := _EMAIL.fullmatch(member)):
            yield _thing("account", found[1])
    if resource.type.startswith("google_storage_bucket_iam"):
        yield _thing("bucket", given.get("bucket"))
    elif resource.type.startswith("google_artifact_registry_repository_iam"):
        project, place = given.get("project", stack.account_id), given.get("location", stack.region)
        yield _thing("repository", project, place, given.get("repository"))
    elif resource.type.startswith("google_service_account_iam"):
        path = given.get("service_account_id")
        if isinstance(path, str) and (found := _ACCOUNT.fullmatch(path)):
            yield _thing("account", found[1])


def _joined(account_id: Value, project: Value) -> Value:
    literal = isinstance(account_id, str) and isinstance(project, str)
    return f"{account_id}@{project}.iam.gserviceaccount.com" if literal else None


def _thing(what: str, *names: Value) -> Thing:
    """Nothing where a name is known to Terraform only."""
    literal = tuple(name for name in names if isinstance(name, str))
    return (what, *literal) if len(literal) == len(names) else ()


def _listed(value: Value) -> list[Value]:
    return list(value) if isinstance(value, list | tuple) else [value]
