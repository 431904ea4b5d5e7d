"""The rules of Google stacks: each on a binding that keeps it and on those that break it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compiler.access.evaluation.google import bindings
from compiler.access.google_codes import CODES
from compiler.access.rules import Tuning, check_policies
from compiler.access.rules.google_members import is_member
from compiler.terraform.schema.index import open_index

PATH = "google/train/access"
PROJECT = "acme-train"
ACCOUNT = f"projects/{PROJECT}/serviceAccounts/runner@{PROJECT}.iam.gserviceaccount.com"
POOL = "iam.googleapis.com/projects/100000000001/locations/global/workloadIdentityPools"
KEEPS = {
    "project": PROJECT,
    "role": "roles/aiplatform.user",
    "member": "group:ml@acme.example",
}


def stack(resources: dict[str, Any], path: str = PATH, **more: Any) -> dict[str, Any]:
    provider = {"google": [{"project": PROJECT, "region": "europe-west4"}]}
    return {path: {"provider": provider, "resource": resources, **more}}


def codes(resources: dict[str, Any], **more: Any) -> list[str]:
    return [finding.code for finding in check_policies(stack(resources, **more))]


def bound(type_: str = "google_project_iam_member", **changes: Any) -> dict[str, Any]:
    return {type_: {"a": {**KEEPS, **changes}}}


def on_account(**changes: Any) -> dict[str, Any]:
    given = {
        "service_account_id": ACCOUNT,
        "role": "roles/iam.serviceAccountUser",
        "member": "group:ml@acme.example",
    }
    return {"google_service_account_iam_member": {"a": {**given, **changes}}}


def test_what_keeps_the_rules() -> None:
    assert codes(bound()) == []
    assert codes(on_account()) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        *(({"role": f"roles/{name}"}, "E841") for name in ("owner", "editor", "viewer")),
        *(({"role": f"roles/{name}"}, "E841") for name in ("admin", "writer", "reader")),
        ({"member": f"projectEditor:{PROJECT}"}, "E841"),
        ({"role": "roles/ml.developer"}, "E842"),
        ({"role": "aiplatform.user"}, "E842"),
        ({"role": "projects/acme-train/roles/persona"}, None),
        ({"role": "projects/acme-other/roles/persona"}, "E842"),
        ({"role": "organizations/123456789012/roles/persona"}, None),
        ({"role": "roles/container.serviceAgent"}, "E844"),
        ({"role": "roles/gkehub.serviceAgent"}, "E844"),
        ({"role": "roles/container.hostServiceAgentUser"}, None),
        ({"member": "allUsers"}, "E845"),
        ({"member": "allAuthenticatedUsers"}, "E845"),
        ({"member": "principalSet://goog/public:all"}, "E845"),
        ({"member": "ml@acme.example"}, "E849"),
        ({"member": "group:ml"}, "E849"),
        ({"role": "${var.role}"}, "E817"),
        ({"member": "${google_container_cluster.train.self_link}"}, "E817"),
        ({"for_each": ["a", "b"]}, "E817"),
    ],
)
def test_each_rule_of_a_binding(changes: dict[str, Any], code: str | None) -> None:
    assert codes(bound(**changes)) == ([code] if code else [])


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"role": "roles/iam.serviceAccountTokenCreator"}, []),
        ({"role": "roles/iam.workloadIdentityUser"}, []),
        ({"role": "roles/container.clusterViewer"}, ["E846"]),
        ({"role": "roles/iam.serviceAccountAdmin"}, ["E846"]),
        ({"service_account_id": f"runner@{PROJECT}.iam.gserviceaccount.com"}, ["E846"]),
        ({"service_account_id": "${google_service_account.runner.name}"}, []),
        ({"service_account_id": "${google_service_account.runner.id}"}, []),
        ({"service_account_id": "${google_service_account.runner.email}"}, ["E846"]),
        ({"service_account_id": "${google_service_account.runner.unique_id}"}, ["E817"]),
    ],
)
def test_service_accounts_as_resources(changes: dict[str, Any], found: list[str]) -> None:
    made = {"google_service_account": {"runner": {"account_id": "runner"}}}
    assert codes({**made, **on_account(**changes)}) == found


@pytest.mark.parametrize("kind", ["project", "folder", "organization"])
def test_policies_of_whole_projects_are_refused(kind: str) -> None:
    place = {"project": PROJECT, "folder": "folders/1", "organization": "1"}[kind]
    name = "org_id" if kind == "organization" else kind
    source = {"binding": [{"role": "roles/aiplatform.user", "members": ["group:ml@acme.example"]}]}
    data = {"google_iam_policy": {"all": source}}
    policy = {"all": {name: place, "policy_data": "${data.google_iam_policy.all.policy_data}"}}
    assert codes({f"google_{kind}_iam_policy": policy}, data=data) == ["E843"]


def test_a_policy_is_read_into_its_bindings() -> None:
    """Also what a whole policy says keeps the rules: as a data source, and as JSON text."""
    source = {"binding": [{"role": "roles/viewer", "members": ["allUsers", "user:a@acme.example"]}]}
    data = {"google_iam_policy": {"all": source}}
    written = "${data.google_iam_policy.all.policy_data}"
    policy = {"google_storage_bucket_iam_policy": {"all": {"bucket": "b", "policy_data": written}}}
    assert codes(policy, data=data) == ["E841", "E845", "E841"]
    text = '{"bindings": [{"role": "roles/viewer", "members": ["user:a@acme.example"]}]}'
    policy["google_storage_bucket_iam_policy"]["all"]["policy_data"] = text
    assert codes(policy) == ["E841"]
    policy["google_storage_bucket_iam_policy"]["all"]["policy_data"] = "${var.policy}"
    assert codes(policy) == ["E817"]


def test_bindings_that_take_members_from_each_other() -> None:
    own = {"project": PROJECT, "role": "roles/aiplatform.user"}
    binding = {"all": {**own, "members": ["group:ml@acme.example", "group:ops@acme.example"]}}
    assert codes({"google_project_iam_binding": binding}) == []
    assert codes({"google_project_iam_binding": binding, **bound()}) == ["E843"]
    other = {"b": {**KEEPS, "role": "roles/storage.admin"}}
    assert codes({"google_project_iam_binding": binding, "google_project_iam_member": other}) == []
    twice = {**binding, "more": binding["all"]}
    assert codes({"google_project_iam_binding": twice}) == ["E843"]
    elsewhere = stack(bound(), path="google/train/other")
    both = {**stack({"google_project_iam_binding": binding}), **elsewhere}
    assert [(f.code, f.stack) for f in check_policies(both)] == [("E843", "google/train/other")]


@pytest.mark.parametrize("value", [None, True, "${var.off}"])
def test_services_stay_on(value: object) -> None:
    service = {"service": "iam.googleapis.com", "disable_on_destroy": False}
    assert codes({"google_project_service": {"iam": service}}) == []
    service = {"service": "iam.googleapis.com"} if value is None else {**service}
    if value is not None:
        service["disable_on_destroy"] = value
    assert codes({"google_project_service": {"iam": service}}) == ["E847"]


@pytest.mark.parametrize(
    "type_",
    [
        "google_ml_engine_model",
        "google_notebooks_instance",
        "google_notebooks_runtime",
        "google_tpu_node",
        "google_vertex_ai_featurestore",
        "google_vertex_ai_featurestore_entitytype",
        "google_vertex_ai_endpoint_iam_member",
        "google_vertex_ai_metadata_store",
        "google_project_service_identity",
        "google_container_registry",
    ],
)
def test_types_of_the_past_and_of_the_beta_provider(type_: str) -> None:
    assert "E848" in codes({type_: {"a": {}}})


def test_data_sources_of_the_past() -> None:
    data: dict[str, Any] = {"google_notebooks_runtime_iam_policy": {"a": {}}}
    (found,) = check_policies(stack({}, data=data))
    assert (found.code, found.address) == ("E848", "data.google_notebooks_runtime_iam_policy.a")


def test_a_blueprint_s_exception_holds_for_google_too() -> None:
    broad = stack(bound(role="roles/viewer"))
    address = "google_project_iam_member.a"
    exception = Tuning(code="E841", address=address, reason="the auditors read everything")
    assert check_policies(broad, [exception]) == ()
    elsewhere = Tuning(code="E841", stack="google/other/*", address=address, reason="elsewhere")
    assert [found.code for found in check_policies(broad, [elsewhere])] == ["E841"]


@pytest.mark.parametrize(
    "type_", ["google_vertex_ai_endpoint", "google_workbench_instance", "google_tags_tag_key"]
)
def test_types_in_use(type_: str) -> None:
    assert codes({type_: {"a": {}}}) == []


def test_a_provider_s_tokens_are_narrowed() -> None:
    provider = {"oidc": [{"issuer_uri": "https://token.actions.githubusercontent.com"}]}
    type_ = "google_iam_workload_identity_pool_provider"
    assert codes({type_: {"github": provider}}) == ["E819"]
    narrowed = {**provider, "attribute_condition": "assertion.repository == 'acme/platform'"}
    assert codes({type_: {"github": narrowed}}) == []
    assert codes({type_: {"own": {"aws": [{"account_id": "111111111111"}]}}}) == []


@pytest.mark.parametrize(
    ("type_", "arguments"),
    [
        ("google_storage_bucket_access_control", {"entity": "allUsers", "role": "READER"}),
        ("google_storage_bucket_acl", {"role_entity": ["READER:allAuthenticatedUsers"]}),
        ("google_storage_bucket_acl", {"predefined_acl": "publicRead"}),
        ("google_bigquery_dataset_access", {"special_group": "allAuthenticatedUsers"}),
        ("google_bigquery_dataset", {"access": [{"iam_member": "allUsers", "role": "READER"}]}),
    ],
)
def test_access_lists_for_everybody(type_: str, arguments: dict[str, Any]) -> None:
    assert codes({type_: {"a": arguments}}) == ["E845"]


@pytest.mark.parametrize(
    ("member", "known"),
    [
        ("user:ada@acme.example", True),
        ("serviceAccount:runner@acme-train.iam.gserviceaccount.com", True),
        ("serviceAccount:service-1@gcp-sa-aiplatform.iam.gserviceaccount.com", True),
        ("serviceAccount:acme-train.svc.id.goog[train/runner]", True),
        ("serviceAccount:acme-train.svc.id.goog[train]", False),
        ("domain:acme.example", True),
        ("domain:acme", False),
        (f"principal://{POOL}/acme-train.svc.id.goog/subject/ns/train/sa/runner", True),
        (f"principal://{POOL}/acme-train.svc.id.goog/subject/train/runner", False),
        (f"principalSet://{POOL}/acme-train.svc.id.goog/namespace/train", True),
        (f"principal://{POOL}/github/subject/repo:acme/train:ref:refs/heads/main", True),
        (f"principalSet://{POOL}/github/attribute.repository/acme/train", True),
        (f"principalSet://{POOL}/github/group/ml", True),
        (f"principalSet://{POOL}/github/*", True),
        (f"principalSet://{POOL}/github/repository/acme", False),
        (f"principalSet://{POOL.replace('100000000001', 'acme-train')}/github/*", False),
        ("principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/ada", True),
        ("principal://goog/subject/ada@acme.example", False),
        ("principalSet://cloudresourcemanager.googleapis.com/projects/1/type/ServiceAccount", True),
        ("deleted:user:ada@acme.example?uid=1", False),
        ("", False),
    ],
)
def test_forms_of_members(member: str, known: bool) -> None:
    assert is_member(member) is known


@pytest.mark.parametrize(
    ("type_", "arguments", "name"),
    [
        (
            "google_artifact_registry_repository_iam_member",
            {"location": "europe-west4", "repository": "training"},
            f"//artifactregistry.googleapis.com/projects/{PROJECT}/locations/europe-west4/"
            "repositories/training",
        ),
        (
            "google_artifact_registry_repository_iam_member",
            {"repository": "projects/other/locations/us-east1/repositories/training"},
            "//artifactregistry.googleapis.com/projects/other/locations/us-east1/repositories/training",
        ),
        (
            "google_storage_bucket_iam_member",
            {"bucket": "${google_storage_bucket.data.name}"},
            "//storage.googleapis.com/acme-data",
        ),
        (
            "google_kms_crypto_key_iam_member",
            {"crypto_key_id": "${google_kms_crypto_key.k.id}"},
            f"//cloudkms.googleapis.com/projects/{PROJECT}/locations/eu/keyRings/r/cryptoKeys/k",
        ),
        (
            "google_gke_hub_scope_iam_member",
            {"scope_id": "ml", "project": "acme-fleet"},
            "//gkehub.googleapis.com/projects/acme-fleet/locations/global/scopes/ml",
        ),
        (
            "google_dns_managed_zone_iam_member",
            {"managed_zone": "z"},
            "//google_dns_managed_zone/managed_zone/z/project/acme-train",
        ),
    ],
)
def test_names_of_resources(type_: str, arguments: dict[str, Any], name: str) -> None:
    made: dict[str, Any] = {
        "google_storage_bucket": {"data": {"name": "acme-data"}},
        "google_kms_key_ring": {"r": {"name": "r", "location": "eu"}},
        "google_kms_crypto_key": {"k": {"name": "k", "key_ring": "${google_kms_key_ring.r.id}"}},
    }
    (found,) = bindings(stack({**made, **bound(type_, **arguments)}))
    assert found.resource == name


def test_every_type_of_binding_is_read() -> None:
    """Those of the provider's schema: one member each, on something that has a name."""
    types = [t for t in open_index().types("managed", "google") if t.endswith("_iam_member")]
    assert len(types) > 100
    for type_ in types:
        (found,) = bindings(stack(bound(type_)))
        assert (found.member, found.role) == (KEEPS["member"], KEEPS["role"])
        assert str(found.resource).startswith("//")


def test_bindings_are_read_wherever_they_stand() -> None:
    """Also in a stack of AWS, or of a provider without a project; nothing else is read there."""
    body = stack(bound())[PATH]
    nowhere = {key: value for key, value in body.items() if key != "provider"}
    for documents in ({"aws/train/access": body}, {PATH: nowhere}, {"aws/train/access": nowhere}):
        (found,) = bindings(documents)
        assert found.role == "roles/aiplatform.user"
    assert bindings({"aws/train/access": {"resource": {"aws_iam_role": {"a": {}}}}}) == ()


def test_each_code_is_given_by_a_rule() -> None:
    """Every code of the catalogue has a test above that expects it."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [c.code for c in CODES if f'"{c.code}"' not in text] == []
