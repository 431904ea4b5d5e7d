"""Personas as members: a group everywhere, workloads and submitters one for each training project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compiler.access.google import Member, ServiceAccount, Site
from compiler.kinds.training_access.inputs import Persona
from compiler.organization.records import Project

CLUSTER = "google_container_cluster.cluster"


@dataclass(frozen=True, slots=True)
class Train:
    """A training project with the service accounts that it has.

    `nodes` is that of the cluster's nodes, None without a cluster. `jobs` are those that jobs run
    as, by workload persona; `submitters` those that workflows become, by persona.
    """

    project: Project
    site: Site
    number: str
    nodes: ServiceAccount | None
    jobs: Mapping[str, ServiceAccount]
    submitters: Mapping[str, ServiceAccount]

    @property
    def pool(self) -> str:
        """The pool of the project's Kubernetes identities, the same for all of its clusters."""
        return f"{self.project.id}.svc.id.goog"

    def pods(self, persona: Persona) -> Member:
        """The pods of a workload persona; the pool is there with the first cluster.

        Source: GKE documentation, "Authenticate to Google Cloud APIs from GKE workloads", principal
        identifiers.
        """
        workload = persona.workload
        assert workload is not None, "pods belong to a workload"
        path = f"projects/{self.number}/locations/global/workloadIdentityPools/{self.pool}"
        subject = f"ns/{workload.namespace}/sa/{workload.service_account}"
        text = f"principal://iam.googleapis.com/{path}/subject/{subject}"
        return Member(text, self.project.name, self.site.stack, CLUSTER)

    def impersonator(self, persona: Persona) -> Member:
        """The same pods in the older form, which only a service account takes."""
        workload = persona.workload
        assert workload is not None, "pods belong to a workload"
        text = f"serviceAccount:{self.pool}[{workload.namespace}/{workload.service_account}]"
        return Member(text, self.project.name, self.site.stack, CLUSTER)


def here(train: Train, name: str, persona: Persona) -> Iterator[tuple[str, Member]]:
    """Who the persona is in one training project, each with what to call it in a grant's id."""
    where = f"-{train.project.name}"
    if persona.group is not None:
        yield where, Member(f"group:{persona.group}")
    elif persona.github is not None:
        yield where, train.submitters[name].member
    elif persona.workload is not None:
        if train.nodes is not None and not persona.workload.impersonate:
            yield f"-pods{where}", train.pods(persona)
        if name in train.jobs:
            yield f"-jobs{where}", train.jobs[name].member


def everywhere(
    trains: tuple[Train, ...], name: str, persona: Persona
) -> Iterator[tuple[str, Member]]:
    """Who the persona is for something that all training projects share."""
    if persona.group is not None:
        yield "", Member(f"group:{persona.group}")
        return
    for train in trains:
        yield from here(train, name, persona)
