"""Grants on Google Cloud: one binding in the project that owns the resource, and its ledger entry.

A grant has one half there: an additive member of the resource's allow policy. Members and resources
are literal text, as all names are fixed when the blueprint is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.access import ledger
from compiler.terraform.stack import Resource, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A stack of a Google project: `project` is its name in the blueprint, `id` the project id.

    `number` is the project number as text, None where the blueprint does not say it.
    """

    project: str
    id: str
    number: str | None
    stack: str
    region: str


@dataclass(frozen=True, slots=True)
class Member:
    """Who may: `text` as IAM writes it (`group:ml@acme.example`).

    `project` is the name of the project that it belongs to, where it belongs to one of the
    blueprint's. `address` is the resource that makes it, for a binding in the same stack.
    """

    text: str
    project: str | None = None
    stack: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A service account that the component makes. `name` is its name in Terraform."""

    site: Site
    name: str
    account_id: str
    description: str = ""

    @property
    def email(self) -> str:
        """Its address."""
        return f"{self.account_id}@{self.site.id}.iam.gserviceaccount.com"

    @property
    def address(self) -> str:
        """Its address in its stack."""
        return f"google_service_account.{self.name}"

    @property
    def member(self) -> Member:
        """The account as one who may."""
        return Member(
            f"serviceAccount:{self.email}", self.site.project, self.site.stack, self.address
        )


@dataclass(frozen=True, slots=True)
class WholeProject:
    """A project: everything in it that the role speaks of."""

    site: Site
    address: str | None = None

    @property
    def name(self) -> str:
        """The full resource name."""
        return f"//cloudresourcemanager.googleapis.com/projects/{self.site.id}"

    @property
    def type(self) -> str:
        """The type of binding."""
        return "google_project_iam_member"

    @property
    def arguments(self) -> Mapping[str, Value]:
        """What names it in a binding."""
        return {"project": self.site.id}


@dataclass(frozen=True, slots=True)
class OnBucket:
    """A Cloud Storage bucket. Here and below `address` is the resource in the same stack, if any."""

    site: Site
    bucket: str
    address: str | None = None

    @property
    def name(self) -> str:
        """The full resource name."""
        return f"//storage.googleapis.com/{self.bucket}"

    @property
    def type(self) -> str:
        """The type of binding."""
        return "google_storage_bucket_iam_member"

    @property
    def arguments(self) -> Mapping[str, Value]:
        """What names it in a binding."""
        return {"bucket": self.bucket}


@dataclass(frozen=True, slots=True)
class OnRegistry:
    """An Artifact Registry repository."""

    site: Site
    repository: str
    location: str
    address: str | None = None

    @property
    def name(self) -> str:
        """The full resource name."""
        place = f"projects/{self.site.id}/locations/{self.location}"
        return f"//artifactregistry.googleapis.com/{place}/repositories/{self.repository}"

    @property
    def type(self) -> str:
        """The type of binding."""
        return "google_artifact_registry_repository_iam_member"

    @property
    def arguments(self) -> Mapping[str, Value]:
        """What names it in a binding."""
        return {
            "project": self.site.id,
            "location": self.location,
            "repository": self.repository,
        }


@dataclass(frozen=True, slots=True)
class OnServiceAccount:
    """A service account, to act as it. `account_id` is the part of its address before the @."""

    site: Site
    account_id: str
    address: str | None = None

    @property
    def path(self) -> str:
        """Its resource name: `projects/<id>/serviceAccounts/<email>`."""
        email = f"{self.account_id}@{self.site.id}.iam.gserviceaccount.com"
        return f"projects/{self.site.id}/serviceAccounts/{email}"

    @property
    def name(self) -> str:
        """The full resource name."""
        return f"//iam.googleapis.com/{self.path}"

    @property
    def type(self) -> str:
        """The type of binding."""
        return "google_service_account_iam_member"

    @property
    def arguments(self) -> Mapping[str, Value]:
        """What names it in a binding."""
        return {"service_account_id": self.path}


@dataclass(frozen=True, slots=True)
class OnCryptoKey:
    """A Cloud KMS key."""

    site: Site
    key_ring: str
    key: str
    location: str
    address: str | None = None

    @property
    def path(self) -> str:
        """Its resource name: `projects/<id>/locations/<location>/keyRings/<ring>/cryptoKeys/<key>`."""
        ring = f"projects/{self.site.id}/locations/{self.location}/keyRings/{self.key_ring}"
        return f"{ring}/cryptoKeys/{self.key}"

    @property
    def name(self) -> str:
        """The full resource name."""
        return f"//cloudkms.googleapis.com/{self.path}"

    @property
    def type(self) -> str:
        """The type of binding."""
        return "google_kms_crypto_key_iam_member"

    @property
    def arguments(self) -> Mapping[str, Value]:
        """What names it in a binding."""
        return {"crypto_key_id": self.path}


@dataclass(frozen=True, slots=True)
class OnScope:
    """A fleet scope."""

    site: Site
    scope_id: str
    address: str | None = None

    @property
    def name(self) -> str:
        """The full resource name."""
        return (
            f"//gkehub.googleapis.com/projects/{self.site.id}/locations/global/scopes/"
            f"{self.scope_id}"
        )

    @property
    def type(self) -> str:
        """The type of binding."""
        return "google_gke_hub_scope_iam_member"

    @property
    def arguments(self) -> Mapping[str, Value]:
        """What names it in a binding."""
        return {"project": self.site.id, "scope_id": self.scope_id}


@dataclass(frozen=True, slots=True)
class OnSubnetwork:
    """A subnetwork of a VPC, to attach nodes to it from another project."""

    site: Site
    subnetwork: str
    region: str
    address: str | None = None

    @property
    def name(self) -> str:
        """The full resource name."""
        place = f"projects/{self.site.id}/regions/{self.region}"
        return f"//compute.googleapis.com/{place}/subnetworks/{self.subnetwork}"

    @property
    def type(self) -> str:
        """The type of binding."""
        return "google_compute_subnetwork_iam_member"

    @property
    def arguments(self) -> Mapping[str, Value]:
        """What names it in a binding."""
        return {"project": self.site.id, "region": self.region, "subnetwork": self.subnetwork}


On = WholeProject | OnBucket | OnRegistry | OnServiceAccount | OnCryptoKey | OnScope | OnSubnetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One grant, declared once: `member` has `role` on `on`.

    `id` names it within its component, in words joined by dashes. `condition` is a CEL expression with a title. `after` lists
    addresses in the owner's stack that must exist first: a workload identity's pool, for one.
    `entry_id` is its id in the ledger where `for_each` makes several: the binding's own name stays, since
    another would make it anew.
    """

    id: str
    component: str
    origin: str
    member: Member
    role: str
    on: On
    condition: tuple[str, str] | None = None
    after: tuple[str, ...] = ()
    entry_id: str = ""

    @property
    def label(self) -> str:
        """The binding's name in Terraform."""
        return self.id.replace("-", "_")

    @property
    def resource(self) -> Resource:
        """The binding, for the stack of the project that owns the resource."""
        arguments: dict[str, Value] = {
            **self.on.arguments,
            "role": self.role,
            "member": self.member.text,
        }
        if self.condition:
            title, expression = self.condition
            arguments["condition"] = [{"title": title, "expression": expression}]
        made = [self.on.address]
        if self.member.stack == self.on.site.stack:
            made.append(self.member.address)
        before = {address for address in (*made, *self.after) if address}
        return Resource(
            type=self.on.type,
            name=self.label,
            arguments=arguments,
            depends_on=tuple(sorted(before)),
        )

    @property
    def entry(self) -> ledger.Binding:
        """The ledger's entry."""
        return ledger.Binding(
            id=f"{self.component}/{self.entry_id or self.id}",
            component=self.component,
            origin=self.origin,
            member=self.member.text,
            member_project=self.member.project,
            role=self.role,
            project=self.on.site.project,
            resource=self.on.name,
            stack=self.on.site.stack,
            address=f"{self.on.type}.{self.label}",
            condition=self.condition[1] if self.condition else None,
        )
