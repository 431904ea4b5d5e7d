"""What a hub is called, for itself and for every component that uses it.

`parties` declares the hub's key, bucket, repositories and groups on a draft: its own, or one that
`Draft.other` gave to another component, whose grants then have their second halves in the hub's
stack.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from compiler.access.parties import Bucket, Key, ModelGroup, Repository
from compiler.kinds.draft import Draft
from compiler.kinds.endpoints.inputs import BuiltinImage
from compiler.kinds.model_hub.inputs import Inputs
from compiler.organization.records import Account, Component
from compiler.terraform.names import HASH_LENGTH, shorten

# Of a role's name in the name of our policy on it, which has at most 128 characters.
ROLE_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class HubGroup:
    """One group of a hub, and where what belongs to it lies.

    `prefix` is what the keys of its artifacts in `bucket` start with, and ends in `/`. Its images are
    in `repository`, or are AWS's own `image` (what the blueprint says, else what a pipeline that
    registers in it trains with), or both.
    """

    name: str
    group: ModelGroup
    bucket: Bucket
    key: Key
    prefix: str
    repository: Repository | None
    image: BuiltinImage | None

    @property
    def region(self) -> str:
        """The hub's region: only there can its versions be registered and become models."""
        return self.group.place.region

    def version(self, number: int) -> str:
        """The ARN of one version."""
        return self.group.place.arn("sagemaker", f"model-package/{self.group.group}/{number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A hub's parties: everything that others name."""

    account: Account
    inputs: Inputs
    key: Key
    bucket: Bucket
    groups: Mapping[str, HubGroup]

    def group(self, name: str) -> HubGroup | None:
        """The group of that name in the blueprint, or None."""
        return self.groups.get(name)


def parties(draft: Draft) -> Hub:
    """Declare the hub's key, bucket, repositories and groups on the hub's draft; once for each."""
    inputs: Inputs = draft.component.inputs
    account = inputs.account
    key = draft.key(account, "artifacts", "artifacts", f"Models of {draft.component.name}")
    bucket = draft.bucket(account, "artifacts", "artifacts", key)
    repositories = _repositories(draft, inputs)
    groups = {}
    for name, given in inputs.groups.items():
        group_name = draft.name(name, "aws_sagemaker_model_package_group")
        groups[name] = HubGroup(
            name=name,
            group=draft.model_group(account, identifier(name), group_name),
            bucket=bucket,
            key=key,
            prefix=inputs.prefix(name),
            repository=repositories[given.repository.name] if given.repository else None,
            image=given.image or _trained_with(draft, name),
        )
    return Hub(account=account, inputs=inputs, key=key, bucket=bucket, groups=groups)


def _trained_with(draft: Draft, group: str) -> BuiltinImage | None:
    """The built-in image of the first pipeline that registers in the group, in the order of names."""
    registering = draft.neighbours.by("ml-pipeline", _registers_in).get(group, ())
    for pipeline in sorted(registering, key=lambda each: each.name):
        (hub,) = draft.neighbours.named(pipeline.inputs.registration.hub)[:1] or (None,)
        image = pipeline.inputs.train.image
        if hub and hub.span == draft.component.span and isinstance(image, BuiltinImage):
            return image
    return None


def _registers_in(pipeline: Component) -> str | None:
    given = pipeline.inputs.registration
    return given.group if given else None


def find_group(
    draft: Draft, hub: str, group: str, at: Sequence[str | int], *, registry: bool = False
) -> HubGroup | None:
    """A group of another component's hub, for the input `at`: `{hub: models, group: churn}`.

    None, with a report, where there is none. `registry` says that its versions are to be registered
    or made models, which SageMaker does within one region only.
    """
    other = draft.other(hub, "model-hub", (*at, "hub"))
    if other is None:
        return None
    what = f'component "{draft.component.name}": "{".".join(map(str, at))}'
    groups = parties(other).groups
    found = groups.get(group)
    if found is None:
        message = f'{what}.group": the hub "{hub}" has no group "{group}"'
        hint = f"it has: {', '.join(sorted(groups))}"
        draft.problem("E342", message, hint=hint, at=(*at, "group"))
    elif registry and found.region != draft.component.region:
        message = (
            f'{what}.hub": the hub "{hub}" is in {found.region}, and this component in '
            f"{draft.component.region}: SageMaker uses versions in their own region only"
        )
        draft.problem("E342", message, hint=f"region: {found.region}", at=(*at, "hub"))
        return None
    return found


def identifier(text: str) -> str:
    """The text as a part of a Terraform name: letters, digits and `_`."""
    return text.replace("-", "_")


def role_label(role: str) -> str:
    """A role's name with its path in lower case and dashes, at most 40 characters.

    Two roles never get the same: what is not in the label is in a hash at its end.

    >>> role_label("checkout-api"), role_label("team/Checkout")
    ('checkout-api', 'team-checkout-2b0bff45')
    """
    plain = re.sub(r"[^a-z0-9]+", "-", role.lower()).strip("-")
    return shorten(plain, ROLE_LENGTH) if plain == role else _hashed(plain, role)


def apart(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The first of each pair, so that `first-second` is said of one pair only.

    `churn` in the account `a-b` and `churn-a` in the account `b` read alike: both get a hash.
    """
    known = set(pairs)
    joined = Counter(f"{first}-{second}" for first, second in known)
    return {
        (first, second): first
        if joined[f"{first}-{second}"] == 1
        else _hashed(first, f"{first}\0{second}")
        for first, second in known
    }


def _hashed(start: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]
    return f"{start[: ROLE_LENGTH - HASH_LENGTH - 1].rstrip('-')}-{digest}".lstrip("-")


def _repositories(draft: Draft, inputs: Inputs) -> dict[str, Repository]:
    """The hub's repositories by name: several groups may share one."""
    given = {
        group.repository.name: group.repository.existing
        for group in inputs.groups.values()
        if group.repository
    }
    names = Counter(re.sub(r"[^a-z0-9]", "_", name) for name in given)
    found = {}
    for name, existing in sorted(given.items()):
        plain = re.sub(r"[^a-z0-9]", "_", name)
        label = plain if names[plain] == 1 else identifier(_hashed(plain, name))
        found[name] = draft.repository(inputs.account, f"image_{label}", name, existing=existing)
    return found
