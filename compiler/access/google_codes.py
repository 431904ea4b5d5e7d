"""Codes of the rules of Google stacks: `wrong` and `right` are arguments of generated resources."""

from __future__ import annotations

from compiler.codes import Code

CODES: tuple[Code, ...] = (
    Code(
        code="E841",
        title="a basic role is bound",
        explanation=(
            "Owner, editor and viewer (and admin, writer and reader) reach almost every service of a "
            "project, also those that come tomorrow, and take no conditions. So do projectOwner: and "
            "its like as members. Name the roles of the services that are needed."
        ),
        wrong='"role": "roles/editor"',
        right='"role": "roles/aiplatform.user"',
    ),
    Code(
        code="E842",
        title="a role that Google does not have, or not there",
        explanation=(
            "The roles of AI Platform (roles/ml.*) went with that service, the ids of others have a fixed "
            "form, and a project's own role can be bound in that project only. IAM would refuse the "
            "binding when it is applied, or it would allow nothing."
        ),
        wrong='"role": "roles/ml.developer"',
        right='"role": "roles/aiplatform.user"',
    ),
    Code(
        code="E843",
        title="bindings that take members from each other",
        explanation=(
            "google_…_iam_binding owns a role on a resource and google_…_iam_policy all its roles: each "
            "apply removes the members that another resource added, and the policy of a whole project "
            "can lock everybody out. Landform writes google_…_iam_member only, which adds one member."
        ),
        wrong='"google_project_iam_policy": {"all": {"policy_data": "…"}}',
        right='"google_project_iam_member": {"ml": {"role": "roles/aiplatform.user", "member": "…"}}',
    ),
    Code(
        code="E844",
        title="a role for Google's own service agents is bound",
        explanation=(
            "Roles with serviceAgent in their id are what Google gives its own services, with far more "
            "than people or workloads need, and Google changes them without asking. Google binds them "
            "itself where it makes the agent; for one that is made on request, bind its role once by hand "
            "(gcloud projects add-iam-policy-binding). Name a role that is made for whoever shall have it."
        ),
        wrong='"role": "roles/container.serviceAgent"',
        right='"role": "roles/container.clusterViewer"',
    ),
    Code(
        code="E845",
        title="a binding for everybody",
        explanation=(
            "allUsers is everybody on the internet, and allAuthenticatedUsers everybody with any Google "
            "account. Name a group, a service account or a workload."
        ),
        wrong='"member": "allAuthenticatedUsers"',
        right='"member": "group:ml@acme.example"',
    ),
    Code(
        code="E846",
        title="a service account does not take this as a resource",
        explanation=(
            "On a service account only roles about using it can be bound: serviceAccountUser, "
            "serviceAccountTokenCreator, workloadIdentityUser. What the account itself may do is bound "
            "where it does it, on the project or the bucket. The account is named by its whole "
            "resource name, not by its address."
        ),
        wrong='"service_account_id": "runner@acme-train.iam.gserviceaccount.com"',
        right='"service_account_id": "projects/acme-train/serviceAccounts/runner@acme-train.iam.…"',
    ),
    Code(
        code="E847",
        title="a service that is turned off when the stack goes",
        explanation=(
            "Destroying google_project_service turns the API off for the whole project, with all that "
            "others made there, unless disable_on_destroy is false. The default differs between "
            "versions of the provider, so it must be written."
        ),
        wrong='"google_project_service": {"iam": {"service": "iam.googleapis.com"}}',
        right='… "disable_on_destroy": false',
    ),
    Code(
        code="E848",
        title="a type that is retired, or in the beta provider only",
        explanation=(
            "Google turned the service off, or the provider google-beta alone has the type, which "
            "Landform's output does not use. The hint says what takes its place."
        ),
        wrong='"google_notebooks_instance": {"lab": …}',
        right='"google_workbench_instance": {"lab": …}',
    ),
    Code(
        code="E849",
        title="a member of no known form",
        explanation=(
            "A member is a type and an identity, or the address of a workload's or workforce's "
            "principal with the project's number, not its id. IAM refuses others when they are applied."
        ),
        wrong='"member": "ml@acme.example"',
        right='"member": "group:ml@acme.example"',
    ),
)
