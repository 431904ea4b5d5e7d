"""training-access as the article's acceptance wants it, on the generated modules of many blueprints."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.compilation import compile_blueprints
from compiler.data.tables import table
from compiler.terraform.schema.index import open_index
from tests.kinds.training import (
    VARIANTS,
    Training,
    blueprint,
    compilation,
    expected_bindings,
    training,
)

ACCOUNT_ROLES = {
    "roles/iam.serviceAccountUser",
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.workloadIdentityUser",
}
BETA = re.compile(
    r"google_(?:ml_engine_.*|notebooks_.*|tpu_node|vertex_ai_featurestore.*|"
    r"vertex_ai_.*_iam_.*|vertex_ai_metadata_store|project_service_identity)"
)
# What of a cluster may differ from project to project, and from component to component.
OF_ITS_PLACE = (
    "name",
    "project",
    "location",
    "network",
    "subnetwork",
    "ip_allocation_policy",
    "fleet",
    "workload_identity_config",
    "node_config",
    "deletion_protection",
    "depends_on",
    "control_plane_endpoints_config",
    "private_cluster_config",
    "master_authorized_networks_config",
)


@pytest.fixture(params=sorted(VARIANTS))
def case(request: pytest.FixtureRequest) -> Training:
    return training(request.param)


def test_bindings_are_exactly_what_the_blueprint_means(case: Training) -> None:
    made = sorted((b.member, b.role, b.resource) for b in case.bindings())
    assert made == expected_bindings(case)
    assert len(made) > 10


def test_each_binding_is_in_the_ledger_once(case: Training) -> None:
    bindings = Counter((b.stack, b.address, b.member, b.role, b.resource) for b in case.bindings())
    edges = Counter(
        (
            e["binding"]["stack"],
            e["binding"]["address"],
            e["principal"]["member"],
            e["role"],
            e["resource"]["name"],
        )
        for e in case.ledger()
        if "binding" in e
    )
    assert edges == bindings
    ids = [e["id"] for e in case.ledger()]
    assert len(set(ids)) == len(ids)


def test_bindings_stand_with_the_project_that_owns_the_resource(case: Training) -> None:
    ids = {p["id"]: name for name, p in case.blueprint["projects"].items()}
    buckets = {
        bucket["name"] if isinstance(bucket, dict) else bucket: component["data"]["project"]
        for component in case.components.values()
        if "data" in component
        for what, bucket in component["data"].items()
        if what in ("datasets", "checkpoints")
    }
    for bound in case.bindings():
        within = re.search(r"/projects/([^/]+)", bound.resource)
        name = ids[within[1]] if within else buckets[bound.resource.rpartition("/")[2]]
        assert bound.stack.split("/")[1] == name


def test_the_same_matrix_in_every_training_project(case: Training) -> None:
    """Check 1: with project ids and numbers away, all training projects say the same."""
    for component in case.components:
        matrices = []
        for name in case.projects(component):
            project = case.blueprint["projects"][name]
            own: Counter[str] = Counter()
            for bound in case.bindings():
                shared = "storage.googleapis" in bound.resource or "artifactr" in bound.resource
                of_data = re.search(r"/cryptoKeys/(?:datasets|checkpoints|images)$", bound.resource)
                if bound.stack != f"google/{name}/{component}" or shared or of_data:
                    continue
                place = re.sub(r"/locations/[a-z0-9-]+/keyRings/", "/keyRings/", bound.resource)
                words = " ".join((bound.member, bound.role, place))
                own[words.replace(project["id"], "ID").replace(project["number"], "NUMBER")] += 1
            matrices.append(own)
        assert all(each == matrices[0] for each in matrices)
        assert sum(matrices[0].values()) > 3


def test_no_basic_and_no_retired_role(case: Training) -> None:
    """Check 2."""
    for bound in case.bindings():
        assert bound.role not in ("roles/owner", "roles/editor", "roles/viewer")
        assert not bound.role.startswith("roles/ml.")


def test_service_accounts_as_resources(case: Training) -> None:
    """Check 3."""
    found = list(case.resources("google_service_account_iam_member"))
    for _, _, body in found:
        assert body["role"] in ACCOUNT_ROLES
        assert re.fullmatch(
            r"projects/([a-z0-9-]+)/serviceAccounts/[a-z0-9-]{6,30}@\1\.iam\.gserviceaccount\.com",
            body["service_account_id"],
        )
    some = "deploy" in case.blueprint or any(
        p.get("acts_as") for c in case.components.values() for p in c["personas"].values()
    )
    assert bool(found) == some


def test_all_bindings_are_additive(case: Training) -> None:
    """Check 4."""
    assert not [t for t in case.types() if t.endswith(("_iam_binding", "_iam_policy"))]
    assert not [b for b in case.bindings() if "serviceAgent" in b.role]


def pools(case: Training, stack: str) -> list[Mapping[str, Any]]:
    found = case.stacks()[stack]["resource"].get("google_container_node_pool", {})
    return list(found.values())


def test_clusters_are_hardened(case: Training) -> None:
    """Check 5."""
    clusters = list(case.resources("google_container_cluster"))
    assert len(clusters) == (0 if case.name == "no-cluster" else len(case.trains()))
    for stack, _, cluster in clusters:
        project = cluster["project"]
        assert cluster["workload_identity_config"] == [{"workload_pool": f"{project}.svc.id.goog"}]
        assert cluster["fleet"] == [{"project": project}]
        assert cluster["enable_legacy_abac"] is False
        assert cluster["enable_shielded_nodes"] is True
        assert cluster["private_cluster_config"][0]["enable_private_nodes"] is True
        assert cluster["remove_default_node_pool"] is True
        assert cluster["initial_node_count"] == 1
        assert cluster["authenticator_groups_config"] == [
            {"security_group": "gke-security-groups@acme.example"}
        ]
        (flags,) = cluster["rbac_binding_config"]
        assert len(flags) == 2
        assert not any(flags.values())
        assert cluster["anonymous_authentication_config"] == [{"mode": "LIMITED"}]
        (certificate,) = cluster["master_auth"][0]["client_certificate_config"]
        assert certificate["issue_client_certificate"] is False
        assert cluster["datapath_provider"] == "ADVANCED_DATAPATH"
        assert cluster["database_encryption"][0]["state"] == "ENCRYPTED"
        nodes = node_account(case, stack)
        assert cluster["node_config"][0]["service_account"] == nodes
        assert len(pools(case, stack)) >= 1
        for pool in pools(case, stack):
            (node,) = pool["node_config"]
            assert node["workload_metadata_config"] == [{"mode": "GKE_METADATA"}]
            assert node["service_account"] == nodes
            assert all(node["shielded_instance_config"][0].values())
            assert node["boot_disk_kms_key"] == "${google_kms_crypto_key.disks.id}"
            assert node["kubelet_config"] == [{"insecure_kubelet_readonly_port_enabled": "FALSE"}]


def node_account(case: Training, stack: str) -> str:
    account = case.stacks()[stack]["resource"]["google_service_account"]["nodes"]
    return f"{account['account_id']}@{account['project']}.iam.gserviceaccount.com"


def test_one_hardening_for_all_clusters() -> None:
    """Check 6: over all blueprints here, what isn't of the cluster's place has one hash."""
    hashes = set()
    count = 0
    for name in VARIANTS:
        for _, _, cluster in training(name).resources("google_container_cluster"):
            block = {key: value for key, value in cluster.items() if key not in OF_ITS_PLACE}
            assert len(block) > 15
            text = json.dumps(block, sort_keys=True)
            hashes.add(hashlib.sha256(text.encode()).hexdigest())
            count += 1
    assert len(hashes) == 1
    assert count > 25


def test_control_planes_are_reached_by_name_or_from_named_networks(case: Training) -> None:
    """A private cluster that the runner cannot reach is of no use."""
    for _, _, cluster in case.resources("google_container_cluster"):
        (endpoints,) = cluster["control_plane_endpoints_config"]
        assert endpoints["dns_endpoint_config"] == [{"allow_external_traffic": True}]
        (by_ip,) = endpoints["ip_endpoints_config"]
        networks = cluster.get("master_authorized_networks_config")
        assert by_ip["enabled"] is bool(networks)
        if networks:
            assert networks[0]["gcp_public_cidrs_access_enabled"] is False
            listed = [block["cidr_block"] for block in networks[0]["cidr_blocks"]]
            assert listed == sorted(listed)
            assert not [each for each in listed if each.endswith("/0")]


def test_workload_members_come_after_their_cluster(case: Training) -> None:
    """Check 7: by a dependency within the stack, or by the order of the stacks."""
    found = 0
    by_number = {
        project.get("number"): name for name, project in case.blueprint["projects"].items()
    }
    by_id = {project["id"]: name for name, project in case.blueprint["projects"].items()}
    for bound in case.bindings():
        pool = re.search(r"workloadIdentityPools/([a-z0-9.-]+)/", bound.member)
        gsa = re.match(r"serviceAccount:([a-z0-9-]+)\.svc\.id\.goog\[", bound.member)
        if not pool and not gsa:
            continue
        found += 1
        number = re.search(r"/projects/(\d+)/", bound.member)
        project = by_id[gsa[1]] if gsa else by_number[number[1] if number else ""]
        component = bound.stack.rpartition("/")[2]
        home = f"google/{project}/{component}"
        if home != bound.stack:
            assert home in case.depends_on(bound.stack)
            continue
        type, _, name = bound.address.partition(".")
        body = case.stacks()[bound.stack]["resource"][type][name]
        needed = "google_container_cluster.cluster"
        if pool and not pool[1].endswith(".svc.id.goog"):
            needed = "google_iam_workload_identity_pool_provider.github"
        assert needed in body["depends_on"]
    personas = [p for c in case.components.values() for p in c["personas"].values()]
    assert found or not [p for p in personas if "github" in p or p.get("data")]


def test_accounts_come_before_whoever_names_them(case: Training) -> None:
    """A binding to a service account that isn't there is refused."""
    for bound in case.bindings():
        account = re.match(r"serviceAccount:([a-z0-9-]+)@([a-z0-9-]+)\.iam\.g", bound.member)
        if not account or account[2].startswith(
            ("gcp-sa-", "gs-project", "compute-s", "container-")
        ):
            continue
        if account[1] == "terraform":  # applies the stack, so it is there
            continue
        maker = next(
            (stack, address)
            for stack, address, body in case.resources("google_service_account")
            if (body["account_id"], body["project"]) == account.groups()
        )
        if maker[0] == bound.stack:
            type, _, name = bound.address.partition(".")
            assert maker[1] in case.stacks()[bound.stack]["resource"][type][name]["depends_on"]
        else:
            assert maker[0] in case.depends_on(bound.stack)


def test_stacks_have_an_order(case: Training) -> None:
    left = {stack.path: set(stack.depends_on) for stack in case.compiled.stacks}
    while left:
        ready = {path for path, before in left.items() if not before & left.keys()}
        assert ready, f"a circle: {left}"
        left = {path: before for path, before in left.items() if path not in ready}


def test_buckets(case: Training) -> None:
    """Check 8, the first half."""
    buckets = list(case.resources("google_storage_bucket"))
    for stack, address, bucket in buckets:
        assert bucket["uniform_bucket_level_access"] is True
        assert bucket["public_access_prevention"] == "enforced"
        assert bucket["force_destroy"] is False
        name = address.rpartition(".")[2]
        key = f"google_kms_crypto_key.{name}"
        assert bucket["encryption"] == [{"default_kms_key_name": f"${{{key}.id}}"}]
        right = [d for d in bucket["depends_on"] if d.startswith("google_kms_crypto_key_iam_m")]
        assert len(right) == 1
        made = case.stacks()[stack]["resource"]["google_kms_crypto_key_iam_member"]
        assert made[right[0].partition(".")[2]]["member"].endswith(
            "@gs-project-accounts.iam.gserviceaccount.com"
        )
    wanted = {"no-vertex": 0, "existing": 1, "two": 3}.get(case.name, 2)
    assert len(buckets) == wanted


def test_keys_have_exactly_the_agents_of_what_they_encrypt(case: Training) -> None:
    """Check 8, the second half: who uses a key is read from the resources that name it."""
    products = {
        "google_storage_bucket": "gs-project-accounts",
        "google_artifact_registry_repository": "gcp-sa-artifactregistry",
        "google_container_node_pool": "compute-system",
    }
    count = 0
    for stack, document in case.stacks().items():
        keys = document["resource"].get("google_kms_crypto_key", {})
        for name, key in keys.items():
            count += 1
            assert key["rotation_period"] == "7776000s"
            assert key["lifecycle"] == {"prevent_destroy": True}
            reference = f"google_kms_crypto_key.{name}.id"
            users = {
                products[type]
                for type in products
                for body in document["resource"].get(type, {}).values()
                if reference in json.dumps(body)
            }
            for cluster in document["resource"].get("google_container_cluster", {}).values():
                if reference in json.dumps(cluster["database_encryption"]):
                    users.add("container-engine-robot")
            if reference in json.dumps(document["output"].get("vertex_key", {})):
                users.add("gcp-sa-aiplatform")
            members = {
                b.member.partition("@")[2].partition(".")[0]
                for b in case.bindings()
                if b.stack == stack and b.resource.endswith(f"/cryptoKeys/{name}")
            }
            assert members == users
            assert len(users) == 1
    assert count >= 2


def test_keys_can_be_used_before_anything_is_encrypted(case: Training) -> None:
    for stack, _, cluster in case.resources("google_container_cluster"):
        resources = case.stacks()[stack]["resource"]
        rights = {
            body["crypto_key_id"].rpartition("/")[2]: f"google_kms_crypto_key_iam_member.{name}"
            for name, body in resources["google_kms_crypto_key_iam_member"].items()
        }
        assert {rights["disks"], rights["secrets"]} <= {*cluster["depends_on"]}
        for pool in pools(case, stack):
            assert pool["depends_on"] == [rights["disks"]]
        for repository in resources.get("google_artifact_registry_repository", {}).values():
            assert rights["images"] in repository["depends_on"]


def test_services_are_never_turned_off(case: Training) -> None:
    """Check 9, and that what is used is turned on first."""
    on: dict[str, set[str]] = {}
    for stack, _, body in case.resources("google_project_service"):
        assert body["disable_on_destroy"] is False
        on.setdefault(stack, set()).add(body["service"].partition(".")[0])
    for stack in {stack for stack, _, _ in case.resources("google_project_iam_member")}:
        assert "cloudresourcemanager" in on[stack]
    own = [stack for stack in case.stacks() if stack.rpartition("/")[2] in case.components]
    assert all("cloudresourcemanager" in on[stack] for stack in own)
    for stack in case.trains():
        personas = case.components[stack.rpartition("/")[2]]["personas"].values()
        if any("workload" in persona for persona in personas):
            assert {"iamcredentials", "sts"} <= on[stack]
    needs = {
        "google_container_cluster": "container",
        "google_kms_key_ring": "cloudkms",
        "google_service_account": "iam",
        "google_gke_hub_scope": "gkehub",
        "google_iam_workload_identity_pool": "sts",
        "google_artifact_registry_repository": "artifactregistry",
        "google_storage_bucket": "storage",
        "google_compute_network": "compute",
        "google_project_iam_member": "cloudresourcemanager",
    }
    for type, service in needs.items():
        for stack, _, body in case.resources(type):
            assert service in on[stack]
            assert f"google_project_service.{service}" in body["depends_on"]


def test_types_are_of_the_provider_that_is_pinned(case: Training) -> None:
    """Check 10."""
    index = open_index()
    for type in case.types():
        assert not BETA.fullmatch(type)
        assert index.resource(type) or index.data_source(type)


def test_nodes_have_an_account_of_their_own(case: Training) -> None:
    """The default account of Compute Engine may edit everything."""
    for stack, _, _ in case.resources("google_container_cluster"):
        account = node_account(case, stack)
        assert not account.endswith("-compute@developer.gserviceaccount.com")
        roles = {b.role for b in case.bindings() if b.member == f"serviceAccount:{account}"}
        assert roles <= {
            "roles/container.defaultNodeServiceAccount",
            "roles/artifactregistry.reader",
        }
        cluster = case.stacks()[stack]["resource"]["google_container_cluster"]["cluster"]
        before = [d for d in cluster["depends_on"] if d.startswith("google_project_iam_member.")]
        assert len(before) == 1


def test_who_applies_may_put_the_nodes_account_on_nodes() -> None:
    """On that account alone, and before the cluster and its pools."""
    case = training("deployed")
    for stack in case.trains():
        resources = case.stacks()[stack]["resource"]
        project = stack.split("/")[1]
        label = f"deployer_acts_as_nodes_{project.replace('-', '_')}"
        bound = resources["google_service_account_iam_member"][label]
        assert bound["member"] == (
            f"serviceAccount:terraform@acme-{project}.iam.gserviceaccount.com"
        )
        assert bound["service_account_id"].endswith(f"/{node_account(case, stack)}")
        before = resources["google_container_cluster"]["cluster"]["depends_on"]
        assert f"google_service_account_iam_member.{label}" in before


def test_gpu_pools(case: Training) -> None:
    """Upgrades never ask for a node more; pods ask for GPUs or stay away; drivers are installed."""
    kinds = set()
    for stack in case.trains():
        for pool in pools(case, stack):
            (node,) = pool["node_config"]
            (upgrade,) = pool["upgrade_settings"]
            gpus = node.get("guest_accelerator")
            kinds.add(bool(gpus))
            assert upgrade["max_surge"] == (0 if gpus else 1)
            assert upgrade["max_unavailable"] == (1 if gpus else 0)
            assert bool(node.get("taint")) is bool(gpus)
            if gpus:
                assert node["taint"][0]["key"] == "nvidia.com/gpu"
                assert gpus[0]["gpu_driver_installation_config"]
                assert node["gvnic"] == [{"enabled": True}]
    assert kinds in ({True, False}, set())


def test_conditions_of_federation_name_the_repositories(case: Training) -> None:
    """A provider without a condition trusts all of GitHub."""
    found = 0
    for stack, _, body in case.resources("google_iam_workload_identity_pool_provider"):
        found += 1
        component = case.components[stack.rpartition("/")[2]]
        for persona in component["personas"].values():
            github = persona.get("github")
            if github is None:
                continue
            github = {"repository": github} if isinstance(github, str) else github
            for value in github.values():
                assert f"'{value}'" in body["attribute_condition"]
        count = len([p for p in component["personas"].values() if "github" in p])
        assert body["attribute_condition"].count("assertion.repository ==") == count
        assert body["attribute_mapping"]["attribute.repository"] == "assertion.repository"
        assert body["oidc"] == [{"issuer_uri": "https://token.actions.githubusercontent.com"}]
    for _, _, body in case.resources("google_iam_workload_identity_pool"):
        assert re.fullmatch(r"(?!gcp-)[a-z0-9-]{4,32}", body["workload_identity_pool_id"])
    assert bool(found) == (case.name != "no-vertex")


def test_a_condition_wants_all_claims_of_one_repository() -> None:
    conditions = {
        name: body["attribute_condition"]
        for name in ("contract", "persons")
        for _, _, body in training(name).resources("google_iam_workload_identity_pool_provider")
    }
    assert conditions == {
        "contract": "assertion.repository == 'acme/train'",
        "persons": "(assertion.repository == 'acme/images') || (assertion.repository == 'acme/train' "
        "&& assertion.ref == 'refs/heads/main' && assertion.repository_owner_id == '42')",
    }


def test_no_token_is_refused_for_a_long_subject(case: Training) -> None:
    """127 bytes: the name of a branch or of an environment may be longer."""
    for _, _, body in case.resources("google_iam_workload_identity_pool_provider"):
        subject = body["attribute_mapping"]["google.subject"]
        assert subject == "assertion.repository_id + ':' + assertion.run_id"


def test_a_shared_reservation_is_named_by_its_project() -> None:
    name = "projects/acme-gpus/reservations/block-1"
    gpu = {"machine": "a3-highgpu-8g", "max": 4, "capacity": "reservation", "reservation": name}
    pools_ = {
        "cpu": {"machine": "n2-standard-8", "max": 2},
        "gpu": {**gpu, "zones": ["europe-west4-b"]},
    }
    done = compilation(blueprint(cluster={"name": "train", "pools": pools_}))
    assert not done.diagnostics
    document: Any = done.blueprints[0].documents["google/train-eu/training"]
    (node,) = document["resource"]["google_container_node_pool"]["gpu"]["node_config"]
    assert node["reservation_affinity"][0]["values"] == [name]


def test_names_are_within_the_limits(case: Training) -> None:
    limits = {
        ("google_service_account", "account_id"): r"[a-z](?:[a-z0-9-]{4,28}[a-z0-9])",
        ("google_gke_hub_scope", "scope_id"): r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
        ("google_kms_key_ring", "name"): r"[a-zA-Z0-9_-]{1,63}",
        ("google_compute_network", "name"): r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
        ("google_container_cluster", "name"): r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?",
    }
    for (type, argument), form in limits.items():
        for _, address, body in case.resources(type):
            assert re.fullmatch(form, body[argument]), (address, body[argument])


def test_roles_and_agents_have_a_documented_form(case: Training) -> None:
    """Each role is in the dated table with its source, each agent has the address of one there."""
    known = {row["role"]: row["source"] for row in table("google_iam")["roles"].values()}
    forms = [
        re.escape(row["address"]).replace(r"\{number\}", r"\d{6,20}")
        for row in table("google_iam")["agents"].values()
    ]
    for bound in case.bindings():
        assert len(known[bound.role]) > 20
        if bound.member.startswith("serviceAccount:service-"):
            email = bound.member.partition(":")[2]
            assert any(re.fullmatch(form, email) for form in forms), email


def test_rights_in_namespaces(case: Training) -> None:
    """Each persona with rights in clusters has one binding in the scope of its component."""
    for component, given in case.components.items():
        for project in case.projects(component):
            document = case.stacks()[f"google/{project}/{component}"]["resource"]
            made = {
                body["scope_rbac_role_binding_id"]: (
                    body.get("group") or body.get("user"),
                    body["role"][0]["predefined_role"],
                )
                for body in document.get("google_gke_hub_scope_rbac_role_binding", {}).values()
            }
            wanted = {
                name: persona["cluster"].upper()
                for name, persona in given["personas"].items()
                if "cluster" in persona and ("group" in persona or "github" in persona)
            }
            assert {name: level for name, (_, level) in made.items()} == wanted
            for name, (who, _) in made.items():
                persona = given["personas"][name]
                if "group" in persona:
                    assert who == persona["group"]
                else:
                    assert who.endswith(".iam.gserviceaccount.com")
            if "cluster" not in given:
                continue
            spaces = {
                body["scope_namespace_id"] for body in document["google_gke_hub_namespace"].values()
            }
            assert spaces == {
                p["workload"]["namespace"] for p in given["personas"].values() if "workload" in p
            }
            (member,) = document["google_gke_hub_membership_binding"].values()
            assert member["scope"] == "${google_gke_hub_scope.training.name}"
            assert member["membership_id"] == (
                "${google_container_cluster.cluster.fleet[0].membership_id}"
            )


def test_outputs(case: Training) -> None:
    for stack, document in case.trains().items():
        outputs = document["output"]
        component = case.components[stack.rpartition("/")[2]]
        if "cluster" in component:
            config = json.loads(outputs["kubeconfig"]["value"])
            name = config["current-context"]
            assert [c["name"] for c in config["contexts"]] == [name]
            place = "${google_container_cluster.cluster.fleet[0].membership_location}"
            project = case.blueprint["projects"][stack.split("/")[1]]
            assert config["clusters"][0]["cluster"]["server"] == (
                f"https://{place}-connectgateway.googleapis.com/v1/projects/{project['number']}"
                f"/locations/{place}/gkeMemberships/"
                "${google_container_cluster.cluster.fleet[0].membership_id}"
            )
            assert "token" not in json.dumps(config["users"]).lower()
            assert outputs["cluster_name"]["value"] == component["cluster"]["name"]
            assert outputs["node_service_account"]["value"] == node_account(case, stack)
        if any("github" in p for p in component["personas"].values()):
            provider = outputs["workload_identity_provider"]["value"]
            pool = document["resource"]["google_iam_workload_identity_pool"]["github"]
            assert provider.endswith(f"/{pool['workload_identity_pool_id']}/providers/github")


def test_manifests_have_the_accounts_of_workloads(case: Training) -> None:
    for stack in case.compiled.stacks:
        if stack.path not in case.trains():
            assert not stack.assets
            continue
        given = case.components[stack.component]
        workloads = [p["workload"] for p in given["personas"].values() if "workload" in p]
        if "cluster" not in given or not workloads:
            assert not stack.assets
            continue
        (asset,) = stack.assets
        items = json.loads(asset.content)["items"]
        made = {(i["metadata"]["namespace"], i["metadata"]["name"]) for i in items}
        assert made == {(w["namespace"], w["service_account"]) for w in workloads}
        become = [i for i in items if "annotations" in i["metadata"]]
        assert len(become) == len([w for w in workloads if w.get("impersonate")])


def test_agents_that_are_not_there_by_themselves_are_named(case: Training) -> None:
    """Members that are made on demand: the stack of their project says how to make them."""
    for bound in case.bindings():
        agent = re.match(
            r"serviceAccount:service-(\d+)@gcp-sa-(aiplatform|artifactregistry)", bound.member
        )
        if not agent:
            continue
        project = next(
            (name, p) for name, p in case.blueprint["projects"].items() if p["number"] == agent[1]
        )
        component = bound.stack.rpartition("/")[2]
        outputs = case.stacks()[f"google/{project[0]}/{component}"]["output"]
        commands = outputs["service_identities"]["value"]
        assert (
            f"gcloud beta services identity create --service {agent[2]}.googleapis.com "
            f"--project {project[1]['id']}" in commands
        )


def test_agents_that_are_made_on_request_get_their_roles_by_hand() -> None:
    """Google gives them none; and no binding of Landform's may have a role of theirs (E844)."""
    outputs = training("contract").stacks()["google/train-eu/training"]["output"]
    commands = outputs["service_identities"]["value"]
    assert commands == [
        "gcloud beta services identity create --service aiplatform.googleapis.com "
        "--project acme-train-eu",
        "gcloud projects add-iam-policy-binding acme-train-eu --member serviceAccount:"
        "service-100000000001@gcp-sa-aiplatform.iam.gserviceaccount.com "
        "--role roles/aiplatform.serviceAgent --condition None",
        "gcloud projects add-iam-policy-binding acme-train-eu --member serviceAccount:"
        "service-100000000001@gcp-sa-aiplatform-cc.iam.gserviceaccount.com "
        "--role roles/aiplatform.customCodeServiceAgent --condition None",
    ]
    artifacts = training("contract").stacks()["google/artifacts/training"]["output"]
    assert len(artifacts["service_identities"]["value"]) == 1


def reordered(value: Any) -> Any:
    """The same mappings with their keys the other way round; lists keep their order."""
    if isinstance(value, dict):
        return {key: reordered(item) for key, item in reversed(value.items())}
    return value


def test_the_order_of_keys_is_of_no_matter(case: Training, tmp_path: Path) -> None:
    path = tmp_path / "blueprint.yaml"
    path.write_text(yaml.safe_dump(reordered(dict(case.blueprint)), sort_keys=False))
    done = compile_blueprints(path)
    assert not done.diagnostics
    assert done.blueprints[0].tree() == case.compiled.tree()


def test_compiling_twice_gives_the_same(case: Training) -> None:
    again = compilation(case.blueprint).blueprints[0]
    assert again.documents == case.compiled.documents
    assert again.bindings == case.compiled.bindings


def test_a_shared_network_is_open_before_the_clusters() -> None:
    """GKE of the training projects is admitted in the host project, after what turns it on."""
    case = training("shared-vpc")
    for project in ("train-eu", "train-us"):
        stack = f"google/{project}/training"
        assert case.depends_on(stack) == ("google/net/training",)
        (cluster,) = case.stacks()[stack]["resource"]["google_container_cluster"].values()
        assert cluster["network"] == "projects/acme-net/global/networks/shared"
        assert cluster["subnetwork"] == ("projects/acme-net/regions/europe-west4/subnetworks/train")
        (ranges,) = cluster["ip_allocation_policy"]
        assert ranges["cluster_secondary_range_name"] == "train-pods"
        commands = case.stacks()[stack]["output"]["service_identities"]["value"]
        assert any("--service container.googleapis.com" in each for each in commands)
    host = case.stacks()["google/net/training"]["resource"]
    assert host["google_project_service"]["container"]["project"] == "acme-net"
    manages = host["google_project_iam_member"]["gke_manages_host_train_eu"]
    assert "google_project_service.container" in manages["depends_on"]
    assert case.depends_on("google/net/training") == (
        "google/train-eu/baseline",
        "google/train-us/baseline",
    )
    assert not list(case.resources("google_compute_network"))


def test_two_components_on_one_host_own_each_binding_once() -> None:
    """The first by name admits the project's GKE; the other waits for it, and adds its subnetwork."""
    made = copy.deepcopy(dict(VARIANTS["shared-vpc"]))
    training_ = made["components"]["training"]
    one = {
        **copy.deepcopy(training_),
        "projects": ["train-eu"],
        "personas": {"viewers": {"group": "view@acme.example", "cluster": "view"}},
        "data": None,
        "registry": None,
    }
    one = {key: value for key, value in one.items() if value is not None}
    one["namespaces"] = ["research"]
    for subnetwork, owned in (
        ("train", set()),
        ("other", {"google_compute_subnetwork_iam_member"}),
    ):
        other = copy.deepcopy(one)
        other["cluster"]["name"] = "second"
        other["cluster"]["network"]["subnetwork"] = subnetwork
        done = compilation({**made, "components": {**made["components"], "zeta": other}})
        assert not done.diagnostics
        (compiled,) = done.blueprints
        bound = [b for b in compiled.bindings if b.stack.startswith("google/net/")]
        assert len({(b.member, b.role, b.resource) for b in bound}) == len(bound)
        zeta = [b.address.partition(".")[0] for b in bound if b.component == "zeta"]
        assert set(zeta) == owned
        depends = {stack.path: stack.depends_on for stack in compiled.stacks}
        assert "google/net/training" in depends["google/train-eu/zeta"]
        assert ("google/net/zeta" in depends) is bool(owned)


def test_what_the_baseline_has_is_not_made_twice() -> None:
    """Both kinds turn services on; audit logs are the baseline's."""
    case = training("shared-vpc")
    for stack in case.trains():
        assert "google_project_iam_audit_config" not in case.stacks()[stack]["resource"]
    audited = {
        body["service"]
        for stack, _, body in case.resources("google_project_iam_audit_config")
        if stack == "google/train-eu/baseline"
    }
    assert audited >= {"aiplatform.googleapis.com", "storage.googleapis.com"}


# The edges of the article that a training project has here: the blueprint that shows each, its member,
# role and resource. Those that need a fleet, a service account or an attestor elsewhere are not made.
EDGES = {
    "finds clusters": ("contract", "group:", "container.clusterViewer", "cloudresourcemanager"),
    "edits the scope": ("contract", "group:", "gkehub.scopeEditor", "gkehub"),
    "sees scopes": ("contract", "group:", "gkehub.scopeEditorProjectLevel", "cloudresourcemanager"),
    "uses Vertex AI": ("contract", "group:", "aiplatform.user", "cloudresourcemanager"),
    "starts jobs as": ("contract", "serviceAccount:", "iam.serviceAccountUser", "iam"),
    "pods read": ("contract", "principal://", "storage.objectViewer", "storage"),
    "pods write": ("contract", "principal://", "storage.objectUser", "storage"),
    "pods become": (
        "persons",
        "serviceAccount:acme-train-eu.svc",
        "iam.workloadIdentityUser",
        "iam",
    ),
    "nodes pull": ("contract", "serviceAccount:", "artifactregistry.reader", "artifactregistry"),
    "nodes work": (
        "contract",
        "serviceAccount:",
        "container.defaultNodeServiceAccount",
        "cloudresourcemanager",
    ),
    "Vertex AI pulls": (
        "contract",
        "serviceAccount:service-100000000001@gcp-sa-aiplatform.",
        "artifactregistry.reader",
        "artifactregistry",
    ),
    "its workers pull": (
        "contract",
        "serviceAccount:service-100000000001@gcp-sa-aiplatform-cc.",
        "artifactregistry.reader",
        "artifactregistry",
    ),
    "disks are encrypted": (
        "contract",
        "serviceAccount:service-100000000001@compute-system.",
        "cloudkms.cryptoKeyEncrypterDecrypter",
        "cloudkms",
    ),
    "GKE uses the subnetwork": (
        "shared-vpc",
        "serviceAccount:service-100000000001@container-engine-robot.",
        "compute.networkUser",
        "compute",
    ),
    "APIs use the subnetwork": (
        "shared-vpc",
        "serviceAccount:100000000001@cloudservices.",
        "compute.networkUser",
        "compute",
    ),
    "GKE manages the host": (
        "shared-vpc",
        "serviceAccount:service-100000000001@container-engine-robot.",
        "container.hostServiceAgentUser",
        "cloudresourcemanager",
    ),
    "workflows submit": ("contract", "principalSet://", "iam.workloadIdentityUser", "iam"),
}


@pytest.mark.parametrize("edge", sorted(EDGES))
def test_each_edge_of_the_article_has_one_binding(edge: str) -> None:
    name, member, role, service = EDGES[edge]
    case = training(name)
    found = [
        each
        for each in case.ledger()
        if each["principal"].get("member", "").startswith(member)
        and each.get("role") == f"roles/{role}"
        and each["resource"]["name"].startswith(f"//{service}.googleapis.com/")
    ]
    assert found
    for each in found:
        type, _, label = each["binding"]["address"].partition(".")
        body = case.stacks()[each["binding"]["stack"]]["resource"][type][label]
        assert (body["member"], body["role"]) == (each["principal"]["member"], each["role"])


def test_deletion_protection_is_said(case: Training) -> None:
    """Its default would stop a destroy that nobody expects to be stopped."""
    for stack, _, cluster in case.resources("google_container_cluster"):
        given = case.components[stack.rpartition("/")[2]]["cluster"]
        assert cluster["deletion_protection"] is given.get("deletion_protection", True)


def test_the_pool_that_a_cluster_is_born_with_is_forgotten(case: Training) -> None:
    """It is gone at once; what it was made with must not come back as a difference."""
    for _, _, cluster in case.resources("google_container_cluster"):
        assert cluster["lifecycle"] == {"ignore_changes": ["node_config"]}
        assert "name_prefix" not in cluster


def test_an_oracle_that_is_asked_something_else_says_so() -> None:
    """The comparison of bindings fails for a binding more, less, or with another role."""
    case = training("contract")
    made = sorted((b.member, b.role, b.resource) for b in case.bindings())
    for wrong in (
        made[1:],
        [*made, made[0]],
        [(made[0][0], "roles/owner", made[0][2]), *made[1:]],
    ):
        assert sorted(wrong) != expected_bindings(case)


def test_where_nodes_come_from() -> None:
    resources = training("pools").stacks()["google/train-eu/training"]["resource"]
    made = resources["google_container_node_pool"]
    nodes = {name: body["node_config"][0] for name, body in made.items()}
    assert nodes["spot"]["spot"] is True
    assert not [name for name, node in nodes.items() if name != "spot" and "spot" in node]
    assert made["queue"]["queued_provisioning"] == [{"enabled": True}]
    assert nodes["queue"]["reservation_affinity"] == [
        {"consume_reservation_type": "NO_RESERVATION"}
    ]
    repaired = {name: body["management"][0]["auto_repair"] for name, body in made.items()}
    assert repaired == {name: name != "queue" for name in made}
    assert nodes["own"]["reservation_affinity"] == [
        {
            "consume_reservation_type": "SPECIFIC_RESERVATION",
            "key": "compute.googleapis.com/reservation-name",
            "values": ["block-1"],
        }
    ]
    assert made["own"]["placement_policy"] == [{"type": "COMPACT"}]
    assert made["own"]["node_locations"] == ["europe-west4-a"]
    assert {n: a["guest_accelerator"][0]["type"] for n, a in nodes.items() if n != "cpu"} == {
        "spot": "nvidia-l4",
        "queue": "nvidia-b200",
        "own": "nvidia-h100-mega-80gb",
        "t4": "nvidia-tesla-t4",
    }
    assert made["cpu"]["autoscaling"] == [
        {"total_min_node_count": 1, "total_max_node_count": 3, "location_policy": "BALANCED"}
    ]


def test_a_new_network_lets_private_nodes_out(case: Training) -> None:
    """Nodes without public addresses reach images elsewhere through NAT, Google's APIs directly."""
    for stack, _, network in case.resources("google_compute_network"):
        resources = case.stacks()[stack]["resource"]
        assert network["auto_create_subnetworks"] is False
        (subnetwork,) = resources["google_compute_subnetwork"].values()
        assert subnetwork["private_ip_google_access"] is True
        ranges = [block["range_name"] for block in subnetwork["secondary_ip_range"]]
        (cluster,) = resources["google_container_cluster"].values()
        (policy,) = cluster["ip_allocation_policy"]
        assert ranges == [
            policy["cluster_secondary_range_name"],
            policy["services_secondary_range_name"],
        ]
        assert subnetwork["region"] == "-".join(cluster["location"].split("-")[:2])
        assert "google_compute_router_nat.training" in cluster["depends_on"]


def test_the_agent_of_storage_is_there_before_it_gets_a_key(case: Training) -> None:
    """Reading it makes it."""
    for stack, _, body in case.resources("google_kms_crypto_key_iam_member"):
        if "@gs-project-accounts." in body["member"]:
            assert "google_storage_project_service_account" in case.stacks()[stack]["data"]
            source = "data.google_storage_project_service_account.here"
            assert source in body["depends_on"]
