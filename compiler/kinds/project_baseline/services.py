"""The services of the project, and the logs of who read and wrote data in them."""

from __future__ import annotations

from compiler.kinds.draft import Draft
from compiler.kinds.project_baseline.inputs import Inputs, full_name, short_name
from compiler.organization.records import Project
from compiler.terraform.stack import Value

# What Terraform needs to make anything in a project.
ALWAYS = ("cloudresourcemanager", "iam", "iamcredentials", "serviceusage")
AUDIT_TYPES = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")


def turn_on(draft: Draft, inputs: Inputs) -> None:
    """The services; they stay on when the stack goes, as others use them."""
    needed = {*ALWAYS}
    if inputs.deploy_from:
        needed.add("sts")
    if inputs.budget:
        needed |= {"billingbudgets", "monitoring"}
    if inputs.state_bucket:
        needed.add("storage")
    for service in sorted({*inputs.services, *map(full_name, needed)}):
        arguments: dict[str, Value] = {
            "project": inputs.project.id,
            "service": service,
            "disable_on_destroy": False,
        }
        draft.add(inputs.project, "google_project_service", short_name(service), arguments)


def on(service: str) -> str:
    """The address of a service that this stack turns on."""
    return f"google_project_service.{service}"


def audit(draft: Draft, project: Project, service: str) -> None:
    """Log every reading and writing of data in a service, whoever does it."""
    draft.claim(project, "audit configuration", service)
    draft.add(
        project,
        "google_project_iam_audit_config",
        short_name(service),
        {
            "project": project.id,
            "service": service,
            "audit_log_config": [{"log_type": kind} for kind in AUDIT_TYPES],
        },
        depends_on=(on("cloudresourcemanager"),),
    )
