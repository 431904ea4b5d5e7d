"""What the parts of one catalog call each other, declared before any of them is used."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from compiler.access.parties import Bucket, Place, Role
from compiler.blueprint.cloudformation import CloudFormation
from compiler.kinds.draft import Draft
from compiler.kinds.model_catalog.inputs import Inputs, Product, Version
from compiler.kinds.model_catalog.sharing import Share, shares
from compiler.kinds.model_hub.names import HubGroup
from compiler.organization.records import Account
from compiler.terraform.names import HASH_LENGTH

# CloudFormation makes a SageMaker name of the logical id and 13 characters, of 63 in all. The stack's
# name is not in it: aws/aws-cli#4021.
TOKEN_LENGTH = 24
PRODUCT_LENGTH = 16
# The part of a template that is its endpoint.
ENDPOINT = "endpoint"
_NOT_IN_IDS = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A product with what its versions deploy: the hub's `group`, or `templates` by version.

    `reads` are the groups whose models and images a launched one reads. `runs` says whether what is
    launched of it runs as a role of ours.
    """

    name: str
    given: Product
    group: HubGroup | None
    templates: dict[str, CloudFormation]
    reads: tuple[HubGroup, ...]
    runs: bool

    @property
    def runs_as(self) -> str:
        """What the role is called that a launched one runs as; models may share one."""
        return self.given.runs_as or self.name

    def template(self, version: Version) -> CloudFormation:
        """The team's template of a version."""
        return self.templates[version.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """An account that launches: the role that launches, those that what is launched runs as, by
    what products call them, and the roles that may ask for it."""

    account: Account
    launch: Role
    runs: Mapping[str, Role]
    users: tuple[Role, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Every party of the catalog. `hub` is its own account's stack; `hub_launch` the launch role
    there, which a constraint wants to see."""

    draft: Draft
    inputs: Inputs
    hub: Place
    hub_launch: Role
    templates: Bucket
    offers: tuple[Offer, ...]
    launching: tuple[Launching, ...]

    @property
    def shares(self) -> list[Share]:
        """With whom the portfolio is shared."""
        inputs, organization = self.inputs, self.draft.organization
        everywhere = {each.role for each in inputs.audience if each.account is None}
        # Of the catalog's own account the roles are told by their ARNs, which are no names to share.
        apart = {
            each.account.id
            for each in inputs.audience
            if each.account is not None and each.role not in everywhere
        } - {inputs.account.id}
        to, management = inputs.share_to, inputs.management_account
        return shares(organization, inputs.account, to, management, apart)

    @property
    def alone(self) -> frozenset[str]:
        """The ids of the accounts that are shared to one by one, which get no principals."""
        return frozenset(share.principal for share in self.shares if not share.of_unit)

    @property
    def token(self) -> str:
        """What the logical ids of launched resources start with, and so their names."""
        return token(self.draft)

    @property
    def groups(self) -> dict[str, HubGroup]:
        """The groups that products deploy, by the id of the uses of each."""
        found = {}
        for offer in self.offers:
            if offer.group is not None:
                hub = offer.group.group.place.component
                found[f"{hub}-{offer.group.name}"] = offer.group
        return dict(sorted(found.items()))


def token(draft: Draft) -> str:
    """Lower-case letters and digits that only this component has.

    Names of SageMaker are in lower case in ARNs, and a logical id has no dashes: what is cut off
    or taken out is in the hash, so that no other component's names start alike.
    """
    name = draft.prefix("")
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]
    return _NOT_IN_IDS.sub("", name)[: TOKEN_LENGTH - HASH_LENGTH] + digest


def logical_id(draft: Draft, product: str, part: str) -> str:
    """The logical id of one resource of a product's template: `acmecatalog1a2b3c4dchurnmodel`."""
    return token(draft) + _NOT_IN_IDS.sub("", product)[:PRODUCT_LENGTH] + part


def run_role_name(draft: Draft, runs_as: str) -> str:
    """The name of a role that what is launched runs as; the same in every account."""
    return draft.name(f"{runs_as}-run", "aws_iam_role")


def launch_role_name(draft: Draft) -> str:
    """The name of the launch role; the same in every account."""
    inputs: Inputs = draft.component.inputs
    return inputs.launch_role or draft.name("launch", "aws_iam_role")
