"""Rights inside a cluster without a Kubernetes provider: a fleet scope and its namespaces.

Each training project is its own fleet. The component's scope holds its namespaces in the project's
cluster, and says which persona views, edits or administers them.
Source: fleet management documentation, "Set up teams for your fleet".
"""

from __future__ import annotations

import json

from compiler.access.google import OnScope
from compiler.data.google import google_role
from compiler.kinds.training_access.ground import Ground
from compiler.kinds.training_access.people import CLUSTER, Train, here
from compiler.terraform.document import Json
from compiler.terraform.names import shorten
from compiler.terraform.stack import reference

# Source: GKE Hub API reference, Scope, MembershipBinding and RBACRoleBinding, ids.
ID_LIMIT = 63
SCOPE = "google_gke_hub_scope.training"
MANIFEST = "assets/manifests/service-accounts.json"


def build(ground: Ground, train: Train, cluster: str) -> None:
    """The scope, its namespaces, the cluster in it, and who has which right there."""
    draft, project = ground.draft, train.project
    scope_id = shorten(f"{draft.organization.name}-{draft.component.name}", ID_LIMIT)
    draft.add(
        project,
        "google_gke_hub_scope",
        "training",
        {"project": project.id, "scope_id": scope_id},
        depends_on=[ground.service(project, "gkehub")],
    )
    for namespace in ground.inputs.all_namespaces:
        draft.add(
            project,
            "google_gke_hub_namespace",
            f"n_{namespace.replace('-', '_')}",
            {
                "project": project.id,
                "scope_namespace_id": namespace,
                "scope_id": reference(SCOPE, "scope_id"),
                "scope": reference(SCOPE, "name"),
            },
        )
    draft.add(
        project,
        "google_gke_hub_membership_binding",
        "cluster",
        {
            "project": project.id,
            "membership_binding_id": scope_id,
            "scope": reference(SCOPE, "name"),
            "membership_id": reference(CLUSTER, "fleet[0].membership_id"),
            "location": reference(CLUSTER, "fleet[0].membership_location"),
        },
    )
    _rights(ground, train, scope_id)
    accounts = _service_accounts(ground, train)
    if accounts:
        draft.asset(project, MANIFEST, accounts)


def _rights(ground: Ground, train: Train, scope_id: str) -> None:
    """The role in the cluster, and the roles of IAM that Google's own command gives with it.

    scopeEditor may also make and delete namespaces of the scope; Google names it for the role EDIT, and
    scopeViewer for VIEW only. Source: reference of gcloud, "container fleet scopes
    add-app-operator-binding".
    """
    draft, project = ground.draft, train.project
    on = OnScope(train.site, scope_id, SCOPE)
    for name, persona in ground.inputs.personas.items():
        level = persona.cluster
        if level is None:
            continue
        for who, member in here(train, name, persona):
            form, _, identity = member.text.partition(":")
            binding = draft.add(
                project,
                "google_gke_hub_scope_rbac_role_binding",
                name.replace("-", "_"),
                {
                    "project": project.id,
                    "scope_rbac_role_binding_id": name,
                    "scope_id": reference(SCOPE, "scope_id"),
                    "group" if form == "group" else "user": identity,
                    "role": [{"predefined_role": level.upper()}],
                },
            )
            draft.right(
                project,
                f"{name}-{level}s-namespaces{who}",
                "fleet",
                f"kubernetes:{level.upper()}",
                principal=member.text,
                principal_home=member.project or "",
                resource=on.name,
                addresses=(binding,),
            )
            draft.bind(f"{name}-{level}s-scope{who}", member, google_role("scope", level), on)
            id = f"{name}-{level}s-fleet{who}"
            ground.bind_project(project, id, member, google_role("scopes", level))


def _service_accounts(ground: Ground, train: Train) -> bytes | None:
    """The Kubernetes service accounts of the workloads, to be applied with kubectl."""
    items: list[Json] = []
    for name, persona in sorted(ground.inputs.personas.items()):
        workload = persona.workload
        if workload is None:
            continue
        metadata: dict[str, Json] = {
            "name": workload.service_account,
            "namespace": workload.namespace,
        }
        if workload.impersonate:
            email = train.jobs[name].email
            metadata["annotations"] = {"iam.gke.io/gcp-service-account": email}
        items.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    if not items:
        return None
    manifest = {"apiVersion": "v1", "kind": "List", "items": items}
    return (json.dumps(manifest, indent=2) + "\n").encode()
