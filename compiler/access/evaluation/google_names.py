"""What a Google binding is on: full resource names from the arguments of its Terraform resource.

Full resource names are those of IAM's documentation, "Full resource names"; types without a row
get a name of their own form, which is the same for the same arguments and fits no row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter

from compiler.access.evaluation.module import Module, Resource, Value
from compiler.access.evaluation.text import Partial, Text, joined
from compiler.terraform.document import Json

PROJECTS = "//cloudresourcemanager.googleapis.com/projects/"

# By the resource type without `_iam_member`; what stands in braces are its arguments.
_HOME = "projects/{project}"
_PLACE = "projects/{project}/locations/{location}"
NAMES: Mapping[str, str] = {
    "google_artifact_registry_repository": (
        f"//artifactregistry.googleapis.com/{_PLACE}/repositories/{{repository}}"
    ),
    "google_bigquery_dataset": f"//bigquery.googleapis.com/{_HOME}/datasets/{{dataset_id}}",
    "google_bigquery_table": (
        f"//bigquery.googleapis.com/{_HOME}/datasets/{{dataset_id}}/tables/{{table_id}}"
    ),
    "google_billing_account": "//cloudbilling.googleapis.com/billingAccounts/{billing_account_id}",
    "google_cloud_run_v2_job": f"//run.googleapis.com/{_PLACE}/jobs/{{name}}",
    "google_cloud_run_v2_service": f"//run.googleapis.com/{_PLACE}/services/{{name}}",
    "google_compute_subnetwork": (
        f"//compute.googleapis.com/{_HOME}/regions/{{region}}/subnetworks/{{subnetwork}}"
    ),
    "google_folder": "//cloudresourcemanager.googleapis.com/folders/{folder}",
    "google_gke_hub_membership": f"//gkehub.googleapis.com/{_PLACE}/memberships/{{membership_id}}",
    "google_gke_hub_scope": f"//gkehub.googleapis.com/{_HOME}/locations/global/scopes/{{scope_id}}",
    "google_kms_crypto_key": "//cloudkms.googleapis.com/{crypto_key_id}",
    "google_kms_key_ring": "//cloudkms.googleapis.com/{key_ring_id}",
    "google_organization": "//cloudresourcemanager.googleapis.com/organizations/{org_id}",
    "google_project": "//cloudresourcemanager.googleapis.com/projects/{project}",
    "google_pubsub_subscription": f"//pubsub.googleapis.com/{_HOME}/subscriptions/{{subscription}}",
    "google_pubsub_topic": f"//pubsub.googleapis.com/{_HOME}/topics/{{topic}}",
    "google_secret_manager_secret": f"//secretmanager.googleapis.com/{_HOME}/secrets/{{secret_id}}",
    "google_service_account": "//iam.googleapis.com/{service_account_id}",
    "google_storage_bucket": "//storage.googleapis.com/{bucket}",
    "google_storage_managed_folder": (
        "//storage.googleapis.com/{bucket}/managedFolders/{managed_folder}"
    ),
}
# Attributes that Terraform computes and that follow from the arguments.
# Source: the provider's documentation of each type, "Attributes Reference".
_EMAIL = "{account_id}@{project}.iam.gserviceaccount.com"
COMPUTED: Mapping[tuple[str, str], str] = {
    ("google_artifact_registry_repository", "id"): f"{_PLACE}/repositories/{{repository_id}}",
    ("google_artifact_registry_repository", "name"): "{repository_id}",
    ("google_gke_hub_scope", "id"): f"{_HOME}/locations/global/scopes/{{scope_id}}",
    ("google_kms_crypto_key", "id"): "{key_ring}/cryptoKeys/{name}",
    ("google_kms_key_ring", "id"): f"{_PLACE}/keyRings/{{name}}",
    ("google_service_account", "email"): _EMAIL,
    ("google_service_account", "id"): f"{_HOME}/serviceAccounts/{_EMAIL}",
    ("google_service_account", "member"): f"serviceAccount:{_EMAIL}",
    ("google_service_account", "name"): f"{_HOME}/serviceAccounts/{_EMAIL}",
    ("google_storage_bucket", "id"): "{name}",
}
_PROJECT = re.compile(r"^//[^/]+/projects/([^/]+)(?:/|$)")


class GoogleModule(Module):
    """A root module of a Google project; `account` is the project's id."""

    def filled(self, template: str, arguments: Mapping[str, Json]) -> Text:
        """The template with the arguments; a project or place that is left out is the provider's."""
        parts: list[Text] = []
        for words, name, _, _ in Formatter().parse(template):
            parts.append(words)
            if name:
                parts.append(self.argument(arguments, name))
        return joined(parts)

    def argument(self, arguments: Mapping[str, Json], name: str) -> Text:
        """One argument as text."""
        defaults = {"project": self.account, "location": self.region, "region": self.region}
        given = arguments.get(name)
        return self.text(defaults.get(name, "") if given is None else given)

    def _attribute(self, resource: Resource, name: str) -> Value:
        template = COMPUTED.get((resource.type, name))
        if template is None or resource.repeated:
            return super()._attribute(resource, name)
        return self.filled(template, resource.arguments)


def google_module(stack: str, document: Mapping[str, Json]) -> GoogleModule | None:
    """The module of a stack with resources of Google; None for one without.

    Its project is "" where the provider doesn't say which one it is for.
    """
    types = document.get("resource")
    own = isinstance(types, Mapping) and any(type_.startswith("google_") for type_ in types)
    provider = document.get("provider")
    block = provider.get("google") if isinstance(provider, Mapping) else None
    if isinstance(block, list | tuple):
        block = block[0] if block else None
    settings = block if isinstance(block, Mapping) else {}
    if not own and not settings:
        return None
    project, region = settings.get("project", ""), settings.get("region", "")
    return GoogleModule(stack, document, str(project), str(region), "")


def resource_name(module: GoogleModule, target: str, arguments: Mapping[str, Json]) -> Text:
    """The full name of what a binding is on; `target` is its type without `_iam_member`."""
    template = NAMES.get(target)
    if template is None:
        own = sorted(name for name in arguments if name not in ("role", "member", "members"))
        listed = "/".join(f"{name}/{{{name}}}" for name in own if _is_text(arguments[name]))
        return module.filled(f"//{target}/{listed}", arguments)
    *_, last = (name for _, name, _, _ in Formatter().parse(template) if name)
    value = module.argument(arguments, last)
    text = value if isinstance(value, str) else value.text
    service = template[2:].partition("/")[0]
    if text.startswith(("projects/", "folders/", "organizations/", "billingAccounts/")):
        return joined([f"//{service}/", value])  # given by its path
    return module.filled(template, arguments)


def project_of(resource: str, buckets: Mapping[str, str]) -> str | None:
    """The id of the project that a resource lies in; a bucket's name doesn't hold it.

    >>> project_of("//pubsub.googleapis.com/projects/acme-train/topics/t", {})
    'acme-train'
    """
    within = _PROJECT.match(resource)
    if within:
        return within[1]
    service, _, rest = resource.removeprefix("//").partition("/")
    return buckets.get(rest.partition("/")[0]) if service == "storage.googleapis.com" else None


def _is_text(value: Json) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def is_known(text: Text) -> bool:
    """Whether no part of the text is Terraform's to fill in."""
    return not isinstance(text, Partial)
