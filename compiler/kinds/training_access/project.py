"""What every training project gets: accounts, personas' rights there, who starts jobs as whom."""

from __future__ import annotations

from compiler.access.google import OnServiceAccount
from compiler.data.google import google_role
from compiler.kinds.training_access.federation import Federation
from compiler.kinds.training_access.ground import Ground
from compiler.kinds.training_access.inputs import NODES
from compiler.kinds.training_access.people import Train, here
from compiler.organization.records import Project
from compiler.terraform.stack import reference

# What pods get their tokens from. Source: GKE documentation, "Authenticate to Google Cloud APIs from
# GKE workloads".
EXCHANGE = ("iamcredentials", "sts")


def accounts(ground: Ground, project: Project) -> Train:
    """The project with its service accounts, before anything is granted."""
    personas = ground.inputs.personas
    nodes = None
    if ground.inputs.cluster is not None:
        nodes = ground.account(project, NODES, NODES, "Nodes of the training cluster")
    return Train(
        project=project,
        site=ground.draft.site(project),
        number=ground.draft.number(project),
        nodes=nodes,
        jobs={
            name: ground.account(project, f"jobs_{name}", name, f"Jobs of {name} run as it")
            for name, persona in personas.items()
            if persona.workload is not None and ground.inputs.has_account(name)
        },
        submitters={
            name: ground.account(
                project, f"submit_{name}", name, f"Workflows of {persona.github.repository}"
            )
            for name, persona in personas.items()
            if persona.github is not None
        },
    )


def build(ground: Ground, train: Train) -> None:
    """The rights of each persona on the project itself and on its service accounts."""
    if any(persona.workload is not None for persona in ground.inputs.personas.values()):
        for name in EXCHANGE:
            ground.service(train.project, name)
    _vertex(ground, train)
    _impersonation(ground, train)
    if train.submitters:
        Federation(ground, train).build()
    _outputs(ground, train)


def _vertex(ground: Ground, train: Train) -> None:
    for name, persona in ground.inputs.personas.items():
        if persona.vertex_level is None:
            continue
        after = (ground.service(train.project, "aiplatform"),)
        role = google_role("vertex", persona.vertex_level)
        for who, member in here(train, name, persona):
            id = f"{name}-uses-vertex{who}"
            ground.bind_project(train.project, id, member, role, after)
    if not runs_vertex(ground):
        return
    key, _ = ground.key(train.project, "vertex", train.site.region, "aiplatform")
    ground.draft.output(
        train.project,
        "vertex_key",
        reference(key, "id"),
        "key for the encryption_spec of jobs in Vertex AI",
    )


def _impersonation(ground: Ground, train: Train) -> None:
    """Who starts jobs as a service account, and pods that become one."""
    draft, personas = ground.draft, ground.inputs.personas
    for name, persona in personas.items():
        for other in persona.acts_as:
            account = train.jobs[other]
            on = OnServiceAccount(train.site, account.account_id, account.address)
            for who, member in here(train, name, persona):
                draft.bind(f"{name}-acts-as-{other}{who}", member, google_role("acts-as"), on)
        workload = persona.workload
        if workload is not None and workload.impersonate and train.nodes is not None:
            account = train.jobs[name]
            on = OnServiceAccount(train.site, account.account_id, account.address)
            id = f"{name}-becomes-account-{train.project.name}"
            draft.bind(id, train.impersonator(persona), google_role("becomes"), on)


def runs_vertex(ground: Ground) -> bool:
    """Whether anybody starts jobs in Vertex AI."""
    return any(p.vertex_level in ("user", "admin") for p in ground.inputs.personas.values())


def _outputs(ground: Ground, train: Train) -> None:
    draft, project = ground.draft, train.project
    if train.jobs:
        emails = {name: account.email for name, account in sorted(train.jobs.items())}
        draft.output(project, "job_service_accounts", emails, "what jobs run as, by persona")
    if train.submitters:
        emails = {name: account.email for name, account in sorted(train.submitters.items())}
        draft.output(
            project, "submitter_service_accounts", emails, "what workflows become, by persona"
        )
