"""What training-access refuses, each at the line to blame; and its neighbours in one project."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.compilation import compile_blueprints
from compiler.data import google as google_data
from compiler.data.tables import UnknownEntry
from tests.kinds.training import BASE, PERSONAS, VARIANTS, blueprint, compilation

CLUSTER = BASE["components"]["training"]["cluster"]
GROUP = {"group": "ml@acme.example", "vertex": "user"}


def person(**changes: Any) -> dict[str, Any]:
    """Inputs with one persona more."""
    return {"personas": {**PERSONAS, "x": changes}}


def pool(**changes: Any) -> dict[str, Any]:
    """Inputs with one pool more."""
    return {"cluster": {**CLUSTER, "pools": {**CLUSTER["pools"], "x": {"max": 2, **changes}}}}


def cluster(**changes: Any) -> dict[str, Any]:
    return {"cluster": {**CLUSTER, **changes}}


WRONG: dict[str, tuple[dict[str, Any], str, str, str]] = {
    # the inputs, the code, a part of the message, the key on the line to blame
    "no form": (person(vertex="user"), "E204", "exactly one of group, workload and github", "x:"),
    "two forms": (person(github="a/b", **GROUP), "E204", "not 2 of them", "x:"),
    "does nothing": (person(group="a@b.example"), "E204", "may do nothing", "x:"),
    "not an address": (person(group="ml", vertex="user"), "E204", "e-mail address", "group:"),
    "not a repository": (person(github="acme", vertex="user"), "E204", "with its owner", "github:"),
    "quote in a repository": (person(github="a/b'c", vertex="user"), "E204", "owner", "github:"),
    "no full ref": (
        person(github={"repository": "a/b", "ref": "main"}, vertex="user"),
        "E204",
        "full ref",
        "ref:",
    ),
    "owner by name": (
        person(github={"repository": "a/b", "owner_id": "acme"}, vertex="user"),
        "E204",
        "in digits",
        "owner_id:",
    ),
    "pods with rights in the cluster": (
        person(workload={"namespace": "a", "service_account": "b"}, cluster="edit"),
        "E204",
        'does not take "cluster"',
        "cluster: edit",
    ),
    "pods in a namespace of the system": (
        person(workload={"namespace": "kube-system", "service_account": "b"}),
        "E204",
        "a namespace of a team's own",
        "namespace: kube-system",
    ),
    "pods in the default namespace": (
        person(workload={"namespace": "default", "service_account": "b"}),
        "E204",
        "a namespace of a team's own",
        "namespace: default",
    ),
    "rights in a namespace of GKE": (
        {"namespaces": ["gmp-public"]},
        "E204",
        "a namespace of a team's own",
        "- gmp-public",
    ),
    "an owner's id of one persona alone": (
        person(
            github={"repository": "acme/Train", "ref": "refs/heads/main", "owner_id": "42"},
            vertex="user",
        ),
        "E204",
        'another owner_id than that of "submitter"',
        "github:",
    ),
    "compact in a whole region": (
        pool(machine="a3-highgpu-8g", compact=True),
        "E204",
        "the cluster is in all of europe-west4",
        "compact:",
    ),
    "compact and queued": (
        pool(machine="a3-highgpu-8g", compact=True, capacity="queued", zones=["europe-west4-b"]),
        "E204",
        "does not go with queued capacity",
        "compact:",
    ),
    "a named reservation in a whole region": (
        pool(machine="a3-highgpu-8g", capacity="reservation", reservation="block"),
        "E204",
        "lies in one zone",
        "reservation:",
    ),
    "no shared reservation": (
        pool(machine="n2-standard-8", capacity="reservation", reservation="projects/a/block"),
        "E204",
        "projects/<id>/reservations/<name>",
        "reservation:",
    ),
    "pods of no name": (
        person(workload={"namespace": "A", "service_account": "b"}),
        "E204",
        "a name in Kubernetes",
        "namespace:",
    ),
    "acts as nobody": (
        person(**GROUP, acts_as=["trianer"]),
        "E204",
        'names "trianer", which is no persona',
        "- trianer",
    ),
    "acts as a group": (
        person(**GROUP, acts_as=["ml-viewer"]),
        "E204",
        "which is no workload",
        "- ml-viewer",
    ),
    "acts as one twice": (
        person(**GROUP, acts_as=["trainer", "trainer"]),
        "E204",
        'names "trainer" twice',
        "- trainer",
    ),
    "the same group": (
        person(group="ML-Eng@acme.example", vertex="user"),
        "E204",
        'the same as that of "ml-engineer"',
        "group:",
    ),
    "the same pods": (
        person(workload={"namespace": "train", "service_account": "runner"}),
        "E204",
        'the same as that of "trainer"',
        "workload:",
    ),
    "the same workflows": (
        person(github={"repository": "ACME/train"}, vertex="user"),
        "E204",
        'the same as that of "submitter"',
        "github:",
    ),
    "name of the nodes": (
        {"personas": {**PERSONAS, "nodes": GROUP}},
        "E204",
        'has the name "nodes"',
        "nodes:",
    ),
    "level": (person(group="ml@acme.example", vertex="editor"), "E204", "viewer", "vertex:"),
    "data without buckets": ({"data": None}, "E204", '"data.datasets"', "data: read"),
    "checkpoints without their bucket": (
        {"data": {"project": "data", "datasets": "acme-datasets"}},
        "E204",
        '"data.checkpoints"',
        "checkpoints: write",
    ),
    "images without a registry": (
        {"registry": None, **person(group="a@b.example", images="read")},
        "E204",
        'for "registry"',
        "images:",
    ),
    "rights without a cluster": (
        {"cluster": None, **person(group="a@b.example", cluster="view")},
        "E204",
        '"personas.x.cluster" is for "cluster"',
        "cluster: view",
    ),
    "pods without a cluster": (
        {
            "cluster": None,
            "personas": {"x": {"workload": {"namespace": "a", "service_account": "b"}}},
        },
        "E204",
        "is nobody",
        "workload:",
    ),
    "no persona": ({"personas": {}}, "E204", "personas", "personas:"),
    "no bucket": ({"data": {"project": "data"}}, "E204", "names no bucket", "data:"),
    "one bucket for both": (
        {"data": {"project": "data", "datasets": "acme-d", "checkpoints": "acme-d"}},
        "E204",
        'is "acme-d" again',
        "checkpoints:",
    ),
    "bucket's name": (
        {"data": {"project": "data", "datasets": "Acme", "checkpoints": "acme-c"}},
        "E204",
        "a bucket's name",
        "datasets:",
    ),
    "bucket of Google's": (
        {"data": {"project": "data", "datasets": "acme-google", "checkpoints": "acme-c"}},
        "E204",
        "without google in it",
        "datasets:",
    ),
    "no multi-region": (
        {
            "registry": {
                "project": "artifacts",
                "repository": "t",
                "location": "eu",
                "existing": True,
            }
        },
        "E204",
        "asia, europe, us",
        "location:",
    ),
    "unknown project": (
        {"data": {"project": "date", "datasets": "a-d", "checkpoints": "a-c"}},
        "E301",
        '"date"',
        "project:",
    ),
    "key in a multi-region": (
        {"registry": {"project": "artifacts", "repository": "t", "location": "europe"}},
        "E204",
        'multi-region "europe"',
        "location:",
    ),
    "registry nowhere": (
        {"registry": {"project": "artifacts", "repository": "t", "location": "europe-wset4"}},
        "E204",
        "no region that is known",
        "location:",
    ),
    "cluster nowhere": (
        cluster(location="europe-west40-a"),
        "E204",
        "no region that is known",
        "location:",
    ),
    "pool elsewhere": (
        pool(machine="n2-standard-8", zones=["europe-west3-a"]),
        "E204",
        'is "europe-west3-a", and the cluster is in europe-west4',
        "zones:",
    ),
    "two projects that wait for each other": (
        {
            "data": {"project": "train-eu", "datasets": "a-d", "checkpoints": "a-c"},
            "registry": {"project": "train-us", "repository": "t"},
        },
        "E204",
        "makes projects wait for each other",
        "project: train-us",
    ),
    "machine": (pool(machine="n22-standard-8"), "E204", "no machine type", "machine:"),
    "machine of a GPU family": (pool(machine="a3-highgpu-9g"), "E204", "no machine", "machine:"),
    "accelerator of another machine": (
        pool(machine="a3-highgpu-8g", accelerator="nvidia-l4"),
        "E204",
        "comes with nvidia-h100-80gb",
        "accelerator:",
    ),
    "count of another machine": (
        pool(machine="a3-highgpu-8g", count=4),
        "E204",
        "has 8",
        "count:",
    ),
    "accelerator misspelt": (
        pool(machine="n1-standard-8", accelerator="nvidia-telsa-t4"),
        "E204",
        "none that n1-standard-8 can have",
        "accelerator:",
    ),
    "accelerator on a machine without": (
        pool(machine="n2-standard-8", accelerator="nvidia-tesla-t4"),
        "E204",
        "family n1 only",
        "accelerator:",
    ),
    "accelerators in a number that is not": (
        pool(machine="n1-standard-8", accelerator="nvidia-tesla-t4", count=3),
        "E204",
        "1, 2, 4",
        "count:",
    ),
    "count without accelerator": (
        pool(machine="n2-standard-8", count=1),
        "E204",
        "counts accelerators",
        "count:",
    ),
    "fewest above most": (pool(machine="n2-standard-8", min=3), "E312", 'above "max"', "min:"),
    "reserved in name only": (
        pool(machine="n2-standard-8", reservation="block"),
        "E204",
        'capacity is "on-demand"',
        "reservation:",
    ),
    "queued and there": (
        pool(machine="a3-highgpu-8g", capacity="queued", min=1),
        "E204",
        "when a job is let in",
        "min:",
    ),
    "close and apart": (
        pool(machine="a3-highgpu-8g", compact=True, zones=["europe-west4-a", "europe-west4-b"]),
        "E204",
        "in one zone",
        "compact:",
    ),
    "only GPUs": (
        cluster(pools={"gpu": {"machine": "g2-standard-4", "max": 1}}),
        "E204",
        "accelerators in every pool",
        "pools:",
    ),
    "network half": (cluster(network={"network": "a"}), "E204", '"subnetwork"', "network:"),
    "network twice": (
        cluster(network={"network": "a", "subnetwork": "b", "create": {}}),
        "E204",
        "creates a network and names one",
        "network:",
    ),
    "one range": (
        cluster(network={"network": "a", "subnetwork": "b", "pods": "p"}),
        "E204",
        "one secondary range",
        "network:",
    ),
    "path in a host project": (
        cluster(
            network={"host": "data", "network": "projects/a/global/networks/n", "subnetwork": "b"}
        ),
        "E204",
        "without a path",
        "network:",
    ),
    "host project without ranges": (
        cluster(network={"host": "data", "network": "n", "subnetwork": "b"}),
        "E204",
        "needs the secondary ranges",
        "network:",
    ),
    "host that waits for its guests": (
        cluster(
            network={
                "host": "data",
                "network": "n",
                "subnetwork": "b",
                "pods": "p",
                "services": "s",
            }
        ),
        "E204",
        "makes projects wait for each other",
        "host:",
    ),
    "ranges that overlap": (
        cluster(network={"create": {"nodes": "10.16.0.0/20"}}),
        "E204",
        "overlaps",
        "create:",
    ),
    "range that is none": (
        cluster(network={"create": {"nodes": "10.0.0.1/20"}}),
        "E204",
        "range of IPv4 addresses",
        "nodes:",
    ),
    "range too short": (
        cluster(network={"create": {"pods": "10.16.0.0/24"}}),
        "E204",
        "length of 9 to 21",
        "pods:",
    ),
    "control plane for everybody": (
        cluster(authorized_networks=["0.0.0.0/1"]),
        "E204",
        "lets in too many",
        "- 0.0.0.0/1",
    ),
    "window": (cluster(maintenance="3:00"), "E204", "a time, UTC", "maintenance:"),
    "channel": (cluster(channel="regular"), "E204", "REGULAR", "channel:"),
    "role without a cluster": (
        person(**GROUP, aws={"role": "ml"}),
        "E204",
        "no rights in clusters",
        "aws:",
    ),
    "role without EKS": (
        person(cluster="view", aws={"role": "ml"}),
        "E204",
        "there is no EKS cluster",
        "aws:",
    ),
    "nobody in Google Cloud": (
        person(aws={"role": "ml"}, cluster="view", vertex="user"),
        "E204",
        "nobody in Google Cloud",
        "vertex:",
    ),
    "misspelt": (person(gruop="ml@acme.example", vertex="user"), "E202", "gruop", "gruop:"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_wrong_input(name: str, tmp_path: Path) -> None:
    inputs, code, text, key = WRONG[name]
    value = blueprint(**inputs)
    path = tmp_path / "blueprint.yaml"
    path.write_text(yaml.safe_dump(value, sort_keys=False))
    everything = compile_blueprints(path).diagnostics
    assert {each.code for each in everything} == {code}
    found = next(each for each in everything if text in each.message)
    assert found.span is not None
    # A mapping starts at its first key, below its own.
    lines = path.read_text().splitlines()[found.span.line - 2 : found.span.line]
    assert key in "".join(lines)


def test_several_mistakes_are_told_in_one_run() -> None:
    personas = {**PERSONAS, "a": {"group": "a@b.example"}, "b": {"vertex": "user"}}
    found = compilation(blueprint(personas=personas)).diagnostics
    assert [d.code for d in found] == ["E204", "E204"]


def test_groups_need_the_domain() -> None:
    made = blueprint({"organization": {"name": "acme"}})
    (found,) = compilation(made).diagnostics
    assert found.code == "E204"
    assert "clusters know groups only in the organisation's domain" in found.message


def test_a_missing_number_is_told_once_at_the_project() -> None:
    made = blueprint()
    del made["projects"]["train-us"]["number"]
    (found,) = compilation(made).diagnostics
    assert found.code == "E343"
    assert '"train-us"' in found.message


def test_projects_that_make_nothing_need_no_number() -> None:
    """Buckets and a registry that exist already have no keys of ours."""
    made = copy.deepcopy(VARIANTS["existing"])
    made["components"]["training"]["data"]["datasets"]["existing"] = True
    del made["projects"]["data"]["number"]
    del made["projects"]["artifacts"]["number"]
    assert not compilation(made).diagnostics


def test_new_machines_are_accepted_on_request() -> None:
    made = blueprint(**pool(machine="n9-standard-8"))
    (found,) = compilation(made).diagnostics
    assert "new_machines: [n9-standard-8]" in (found.hint or "")
    made["components"]["training"]["cluster"]["new_machines"] = ["n9-standard-8"]
    assert not compilation(made).diagnostics


def test_new_regions_are_accepted_on_request() -> None:
    made = blueprint(**cluster(location="europe-west40"))
    assert compilation(made).diagnostics
    made["organization"]["google"]["regions"] = ["europe-west40"]
    assert not compilation(made).diagnostics


@pytest.mark.parametrize("projects", [["train-eu"], ["train-us", "train-eu"]])
def test_two_components_do_not_share_a_workload(projects: list[str]) -> None:
    """All clusters of a project share one pool: equal names are the same principal."""
    made = copy.deepcopy(VARIANTS["two"])
    made["components"]["research"]["projects"] = projects
    workload = made["components"]["research"]["personas"]["trainer"]["workload"]
    workload["namespace"] = "train"
    found = compilation(made).diagnostics
    assert [d.code for d in found] == ["E204"]
    assert "share one pool of identities" in found[0].message
    made["components"]["research"]["projects"] = ["artifacts"]
    assert not compilation(made).diagnostics


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        (("cluster", "name"), "train", "google_container_cluster"),
        (("data", "datasets"), "acme-datasets", "google_storage_bucket"),
        (("registry", "existing"), False, "google_artifact_registry_repository"),
    ],
)
def test_two_components_do_not_make_the_same_thing(
    path: tuple[str, str], value: object, what: str
) -> None:
    made = copy.deepcopy(VARIANTS["two"])
    made["components"]["research"][path[0]][path[1]] = value
    (found,) = compilation(made).diagnostics
    assert found.code == "E401"
    assert what in found.message


def test_one_namespace_is_in_one_scope() -> None:
    made = copy.deepcopy(VARIANTS["two"])
    made["components"]["research"]["namespaces"] = ["train"]
    (found,) = compilation(made).diagnostics
    assert found.code == "E401"
    assert "google_gke_hub_namespace" in found.message


def test_expressions_of_the_cluster_see_each_project() -> None:
    done = compilation(VARIANTS["pools"]).blueprints[0]
    zones = {}
    documents: Mapping[str, Any] = done.documents
    for path, document in documents.items():
        found = document.get("resource", {}).get("google_container_cluster", {})
        if found:
            zones[path] = found["cluster"]["location"]
    assert zones == {
        "google/train-eu/training": "europe-west4-a",
        "google/train-us/training": "us-central1-b",
    }


def test_an_error_in_one_projects_cluster_names_the_project() -> None:
    made = copy.deepcopy(VARIANTS["pools"])
    made["projects"]["train-us"]["vars"] = {"zone": "moon"}
    found = compilation(made).diagnostics
    assert {d.code for d in found} == {"E204"}
    assert all('project "train-us"' in d.message for d in found)


def test_tables() -> None:
    agent = google_data.service_agent("storage", "123456")
    assert (
        agent.member == "serviceAccount:service-123456@gs-project-accounts.iam.gserviceaccount.com"
    )
    assert google_data.google_role("vertex", "user") == "roles/aiplatform.user"
    assert google_data.gpu_machines()["a3-megagpu-8g"] == ("nvidia-h100-mega-80gb", 8)
    assert "a3" in google_data.machine_families()
    for call in (google_data.service_agent, google_data.google_role):
        with pytest.raises(UnknownEntry):
            call("nothing", "1")
