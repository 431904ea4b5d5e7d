"""What the parts of the component share in a project: services that are on, keys, accounts, agents.

One project may play several parts, so each of these is made when it is first asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compiler.access.google import Member, OnCryptoKey, ServiceAccount, WholeProject
from compiler.data.google import ServiceAgent, google_role, service_agent
from compiler.kinds.draft import Draft
from compiler.kinds.training_access.inputs import Inputs
from compiler.organization.records import Project
from compiler.terraform.names import HASH_LENGTH, shorten
from compiler.terraform.stack import reference

# Source: IAM API reference, projects.serviceAccounts.create, account_id.
ACCOUNT_ID = (6, 30)
RESOURCE_MANAGER = "cloudresourcemanager"
# Source: Cloud KMS API reference, KeyRing and CryptoKey, ids.
KEY_RING_LIMIT = 63
# Seconds: a new version of each key every 90 days, and 30 days to think before one is destroyed.
KEY_ROTATION = "7776000s"
KEY_DESTRUCTION = "2592000s"
# Agents that are made on request get no role by themselves: what Google would give each, by product.
# Source: IAM documentation, "Create and grant roles to service agents".
AGENT_ROLES = {
    "aiplatform": "roles/aiplatform.serviceAgent",
    "aiplatform-code": "roles/aiplatform.customCodeServiceAgent",
}


@dataclass(slots=True)
class Ground:
    """The component's stacks in the making, with what several of its parts need there."""

    draft: Draft
    inputs: Inputs
    _services: set[tuple[str, str]] = field(default_factory=set)
    _rings: set[tuple[str, str]] = field(default_factory=set)
    _identities: dict[str, set[str]] = field(default_factory=dict)

    def service(self, project: Project, name: str) -> str:
        """Turn an API on there, `container` for container.googleapis.com; gives its address.

        It is never turned off again: others may use it. So two components may both turn it on.
        """
        host = name if "." in name else f"{name}.googleapis.com"
        label = host.partition(".")[0]
        if (project.name, label) not in self._services:
            self._services.add((project.name, label))
            self.draft.add(
                project,
                "google_project_service",
                label,
                {"project": project.id, "service": host, "disable_on_destroy": False},
            )
        return f"google_project_service.{label}"

    def bind_project(
        self, project: Project, id: str, member: Member, role: str, after: Sequence[str] = ()
    ) -> None:
        """Give a role on a whole project, whose allow policy is Resource Manager's to change."""
        on = WholeProject(self.draft.site(project))
        manager = self.service(project, RESOURCE_MANAGER)
        self.draft.bind(id, member, role, on, after=(manager, *after))

    def account(self, project: Project, name: str, part: str, description: str) -> ServiceAccount:
        """A service account of the component; `name` is its name in Terraform."""
        account = ServiceAccount(
            site=self.draft.site(project),
            name=name.replace("-", "_"),
            account_id=account_id(self.draft.prefix(part)),
            description=description,
        )
        self.draft.add(
            project,
            "google_service_account",
            account.name,
            {
                "project": project.id,
                "account_id": account.account_id,
                "display_name": account.account_id,
                "description": description,
            },
            depends_on=[self.service(project, "iam")],
        )
        return account

    def agent(self, project: Project, product: str) -> tuple[ServiceAgent, Member]:
        """Google's own account of a product in the project, whose API is turned on."""
        agent = service_agent(product, self.draft.number(project))
        address = self.service(project, agent.service)
        if product == "storage":
            address = "data.google_storage_project_service_account.here"
        if agent.create:
            self._identities.setdefault(project.name, set()).add(agent.create)
        stack = self.draft.site(project).stack
        return agent, Member(agent.member, project.name, stack, address)

    def early_agent(self, project: Project, product: str) -> Member:
        """The same for a project whose API is to be on before its own stack is applied."""
        agent = service_agent(product, self.draft.number(project))
        self._identities.setdefault(project.name, set()).add(agent.service)
        return Member(agent.member, project.name)

    def key(self, project: Project, name: str, location: str, product: str) -> tuple[str, str]:
        """A key that one product uses there; gives its address, and that of the product's right."""
        ring = self._ring(project, location)
        address = self.draft.add(
            project,
            "google_kms_crypto_key",
            name,
            {
                "name": name,
                "key_ring": reference(ring, "id"),
                "purpose": "ENCRYPT_DECRYPT",
                "rotation_period": KEY_ROTATION,
                "destroy_scheduled_duration": KEY_DESTRUCTION,
            },
            lifecycle={"prevent_destroy": True},
        )
        _, member = self.agent(project, product)
        right = f"{product}-uses-key-{name}-in-{project.name}"
        on = OnCryptoKey(self.draft.site(project), self._ring_name, name, location, address)
        self.draft.bind(right, member, google_role("key"), on)
        return address, f"google_kms_crypto_key_iam_member.{right.replace('-', '_')}"

    def tell_identities(self) -> None:
        """Output what makes the agents that are not there by themselves."""
        for project in self.draft.organization.projects.values():
            services = sorted(self._identities.get(project.name, ()))
            if services:
                made = [
                    f"gcloud beta services identity create --service {service} "
                    f"--project {project.id}"
                    for service in services
                ]
                self.draft.output(
                    project,
                    "service_identities",
                    [*made, *self._agents_roles(project, services)],
                    "run these once, in this order, before the first apply: members must exist",
                )

    def _agents_roles(self, project: Project, services: Sequence[str]) -> Iterator[str]:
        """Commands that give agents made on request the roles which they work with."""
        for product, role in AGENT_ROLES.items():
            agent = service_agent(product, self.draft.number(project))
            if agent.create in services:
                yield (
                    f"gcloud projects add-iam-policy-binding {project.id} --member {agent.member} "
                    f"--role {role} --condition None"
                )

    @property
    def _ring_name(self) -> str:
        return shorten(self.draft.prefix("keys"), KEY_RING_LIMIT)

    def _ring(self, project: Project, location: str) -> str:
        name = "keys_" + location.replace("-", "_")
        if (project.name, location) not in self._rings:
            self._rings.add((project.name, location))
            self.draft.add(
                project,
                "google_kms_key_ring",
                name,
                {"project": project.id, "name": self._ring_name, "location": location},
                depends_on=[self.service(project, "cloudkms")],
                lifecycle={"prevent_destroy": True},
            )
        return f"google_kms_key_ring.{name}"


def account_id(name: str) -> str:
    """The part of a service account's address before the @.

    >>> account_id("acme-training-nodes")
    'acme-training-nodes'
    >>> account_id("a-b-x")
    'a-b-x-be244cd0'
    """
    shortest, longest = ACCOUNT_ID
    if len(name) < shortest:
        return f"{name}-{hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]}"
    return shorten(name, longest)
