"""What a grant of a kind's file can be about: the keys of each form, and how it is explained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Form:
    """One form of `resource`: the keys it must and may have. `part` names a part of `category`."""

    required: frozenset[str]
    words: str
    optional: frozenset[str] = frozenset()
    part: str = ""
    category: str = ""


def _part(key: str, category: str, words: str, *more: str) -> Form:
    return Form(frozenset((key, *more)), words, part=key, category=category)


TARGETS: tuple[Form, ...] = (
    _part("bucket", "buckets", "{bucket, objects: data/*}", "objects"),
    Form(
        frozenset(("bucket",)),
        "{bucket, prefixes: [data/]} to list it",
        frozenset(("prefixes",)),
        "bucket",
        "buckets",
    ),
    _part("key", "keys", "{key}"),
    _part("repository", "repositories", "{repository}"),
    _part("role", "roles", "{role} to become it"),
    _part("model_group", "model_groups", "{model_group}"),
    _part("packages", "model_groups", "{packages: of a model group}"),
    _part("bus", "buses", "{bus}"),
    Form(frozenset(("arn",)), "{arn: of the principal's account}"),
)
GOOGLE_TARGETS: tuple[Form, ...] = (
    Form(frozenset(("project",)), "{project: input}"),
    Form(frozenset(("project", "bucket")), "{project, bucket: its name}"),
    Form(
        frozenset(("project", "repository", "location")),
        "{project, repository: its name, location}",
    ),
    _part("service_account", "service_accounts", "{service_account} to act as it"),
)
