"""`project-baseline`: what every Google project gets.

The services that its components need, audit logs of who read what; where asked, a budget, the bucket
of Terraform's state, and the service account that Terraform is applied as, which a GitHub Actions
workflow becomes through a workload-identity pool. The stack that makes that account, or gives it its
roles in the project, is itself applied with the ambient credentials, and before every other stack of
its project. They need roles/billing.costsManager on the billing account of a budget; those of a
person also USER_PROJECT_OVERRIDE=true and GOOGLE_BILLING_PROJECT in the environment. Google keeps the
id of a deleted pool for 30 days.

A project's baseline makes one account. It may be for several projects (`deploy.google.service_account`
without an expression): in the others, stacks say that its calls count there (`user_project_override`),
for which it gets roles/serviceusage.serviceUsageConsumer from the baseline; without one, give it that
role by hand.

Before the very first apply, in each project: `gcloud services enable cloudresourcemanager.googleapis.com
serviceusage.googleapis.com iam.googleapis.com iamcredentials.googleapis.com`. Without them Terraform
cannot turn on anything.

The stack with `state_bucket` makes the bucket that its own state is kept in. Once, in its folder: write
`{"terraform": {"backend": {"local": {}}}}` to `backend_override.tf.json`, `terraform init` and `terraform
apply -target=google_storage_bucket.state`, delete that file, and move the state with `terraform init
-migrate-state`. Then apply the baselines of the other projects, whose accounts `states_of` admits to the
bucket: Google takes no member that does not exist yet. Then apply this stack whole, and then all others:
before that, `terraform init` of theirs is refused (403) for whoever is one of those accounts alone.
"""

from __future__ import annotations

from compiler.kinds.draft import Draft
from compiler.kinds.project_baseline.budget import budget
from compiler.kinds.project_baseline.deployer import deploy_account
from compiler.kinds.project_baseline.inputs import NAME, Inputs
from compiler.kinds.project_baseline.services import audit, turn_on
from compiler.kinds.project_baseline.state import state_bucket
from compiler.organization.kind import Kind


def build(draft: Draft) -> None:
    """One stack: the project's own settings."""
    inputs: Inputs = draft.component.inputs
    project = inputs.project
    turn_on(draft, inputs)
    for service in sorted(inputs.audit):
        audit(draft, project, service)
    if inputs.deploy_from:
        deploy_account(draft, project, inputs.deploy_from)
    if inputs.budget:
        budget(draft, project, inputs.budget)
    if inputs.state_bucket:
        state_bucket(draft, inputs)


KIND = Kind(
    name=NAME,
    summary="What every Google project gets: services, audit logs, deploy account, budget",
    inputs=Inputs,
    build=build,
    home="project",
    per="project",
)
