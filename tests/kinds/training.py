"""Blueprints of training-access, compiled and read back; who must have which role, by hand.

`expected_bindings` says what a blueprint means from the blueprint alone, with roles and addresses as
the documentation writes them: the tests compare it with the stacks and with the ledger.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from compiler.access.ledger import ledger
from compiler.compilation import Compilation, Compiled, compile_blueprints

CPU = {"machine": "n2-standard-8", "max": 10}
GPU = {
    "machine": "a3-highgpu-8g",
    "accelerator": "nvidia-h100-80gb",
    "count": 8,
    "max": 4,
}
PERSONAS: dict[str, Any] = {
    "ml-engineer": {
        "group": "ml-eng@acme.example",
        "cluster": "edit",
        "vertex": "user",
        "data": "read",
    },
    "ml-viewer": {"group": "ml-view@acme.example", "cluster": "view", "vertex": "viewer"},
    "trainer": {
        "workload": {"namespace": "train", "service_account": "runner"},
        "data": "read",
        "checkpoints": "write",
    },
    "submitter": {"github": "acme/train", "acts_as": ["trainer"]},
}
BASE: dict[str, Any] = {
    "landform": 1,
    "organization": {"name": "acme", "google": {"domain": "acme.example"}},
    "defaults": {"google": {"region": "europe-west4"}, "aws": {"region": "eu-west-1"}},
    "projects": {
        "train-eu": {"id": "acme-train-eu", "number": "100000000001"},
        "train-us": {"id": "acme-train-us", "number": "100000000002"},
        "data": {"id": "acme-data", "number": "100000000003"},
        "artifacts": {"id": "acme-artifacts", "number": "100000000004"},
    },
    "components": {
        "training": {
            "kind": "training-access",
            "projects": ["train-eu", "train-us"],
            "personas": PERSONAS,
            "cluster": {"name": "train", "channel": "REGULAR", "pools": {"cpu": CPU, "gpu": GPU}},
            "data": {
                "project": "data",
                "datasets": "acme-datasets",
                "checkpoints": "acme-checkpoints",
            },
            "registry": {"project": "artifacts", "repository": "training"},
        }
    },
}


def blueprint(top: Mapping[str, Any] | None = None, **inputs: Any) -> dict[str, Any]:
    """The base with changes of its component's inputs and of its top level; None takes one away."""
    made = copy.deepcopy(BASE)
    made.update(copy.deepcopy(dict(top or {})))
    component = {**made["components"]["training"], **inputs}
    made["components"]["training"] = {k: v for k, v in component.items() if v is not None}
    return made


def compilation(value: Mapping[str, Any]) -> Compilation:
    """What comes of a blueprint."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(yaml.safe_dump(dict(value)), encoding="utf-8")
        return compile_blueprints(path)


def _many() -> dict[str, Any]:
    names = [f"train-{n}" for n in range(1, 6)]
    projects = {
        name: {"id": f"acme-{name}", "number": f"20000000000{n}", "tags": {"use": "train"}}
        for n, name in enumerate(names)
    }
    return blueprint(
        {"projects": {**BASE["projects"], **projects}}, projects={"tags": {"use": "train"}}
    )


def _persons() -> dict[str, Any]:
    return blueprint(
        personas={
            "admins": {"group": "admins@acme.example", "cluster": "admin", "vertex": "admin"},
            "engineers": {
                "group": "ml-eng@acme.example",
                "cluster": "edit",
                "acts_as": ["runner", "evaluator"],
            },
            "auditors": {"group": "audit@acme.example", "data": "read", "checkpoints": "read"},
            "runner": {
                "workload": {"namespace": "train", "service_account": "runner"},
                "checkpoints": "write",
            },
            "evaluator": {
                "workload": {
                    "namespace": "evaluate",
                    "service_account": "runner",
                    "impersonate": True,
                },
                "vertex": "user",
                "checkpoints": "read",
            },
            "watcher": {"workload": {"namespace": "watch", "service_account": "watcher"}},
            "nightly": {
                "github": {"repository": "acme/train", "ref": "refs/heads/main", "owner_id": "42"},
                "acts_as": ["runner"],
                "cluster": "view",
            },
            "images": {"github": "acme/images", "images": "write"},
        }
    )


def _two() -> dict[str, Any]:
    made = blueprint()
    other = copy.deepcopy(made["components"]["training"])
    other["projects"] = ["train-eu"]
    other["cluster"]["name"] = "research"
    other["cluster"]["network"] = {"network": "shared", "subnetwork": "shared-eu"}
    other["personas"] = {
        "ml-engineer": {"group": "research@acme.example", "cluster": "admin", "vertex": "user"},
        "trainer": {
            "workload": {"namespace": "research", "service_account": "runner"},
            "data": "write",
        },
        "submitter": {"github": "acme/research", "acts_as": ["trainer"]},
    }
    other["data"] = {"project": "data", "datasets": "acme-research"}
    other["registry"] = {"project": "artifacts", "repository": "training", "existing": True}
    made["components"]["research"] = other
    return made


def _odd() -> dict[str, Any]:
    long = "t-" + "a" * 27 + "-9"
    made = blueprint(
        {
            "organization": {
                "name": "gcp-" + "o" * 34 + "-9",
                "google": {"domain": "acme.example"},
            },
            "projects": {
                long: {"id": "p-" + "b" * 27 + "9", "number": "100000000009"},
                "d": {"id": "abcdef", "number": "100000000003"},
            },
        },
        projects=[long],
        data={"project": "d", "datasets": "acme-datasets", "checkpoints": "acme-checkpoints"},
        registry={"project": "d", "repository": "r"},
        personas={
            "a" * 31: PERSONAS["ml-engineer"],
            "t-" + "-" * 20 + "-t": {**PERSONAS["trainer"]},
            "s": {"github": "a/b", "acts_as": ["t-" + "-" * 20 + "-t"]},
        },
    )
    made["components"] = {"c" * 31: made["components"]["training"]}
    return made


def _short() -> dict[str, Any]:
    made = blueprint({"organization": {"name": "a", "google": {"domain": "acme.example"}}})
    component = made["components"]["training"]
    component["personas"] = {
        "x": PERSONAS["trainer"],
        "y": {"github": "acme/train", "acts_as": ["x"]},
    }
    made["components"] = {"b": component}
    return made


def _eks() -> dict[str, Any]:
    persons = copy.deepcopy(PERSONAS)
    persons["ml-engineer"]["aws"] = {"role": "team/ml-engineer"}
    persons["ml-viewer"]["aws"] = {"role": "ml-viewer"}
    persons["admin"] = {"aws": {"role": "admin"}, "cluster": "admin"}
    return blueprint(
        {
            "accounts": {
                "training": {"id": "222222222222"},
                "research": {"id": "333333333333", "aws": {"region": "us-east-1"}},
            }
        },
        personas=persons,
        eks=[
            {"account": "training", "cluster": "train"},
            {"account": "training", "cluster": "train_2"},
            {"account": "research", "cluster": "train"},
        ],
    )


def _shared_vpc() -> dict[str, Any]:
    made = blueprint()
    made["projects"]["net"] = {"id": "acme-net"}
    made["components"]["training"]["cluster"]["network"] = {
        "host": "net",
        "network": "shared",
        "subnetwork": "train",
        "pods": "train-pods",
        "services": "train-services",
    }
    made["components"]["baseline"] = {
        "kind": "project-baseline",
        "for_each": {"projects": ["train-eu", "train-us", "data"]},
    }
    return made


def _deployed() -> dict[str, Any]:
    return blueprint(
        {
            "deploy": {
                "google": {"service_account": "terraform@{{ project.id }}.iam.gserviceaccount.com"}
            },
            "state": {"google": {"bucket": "acme-tfstate"}},
        }
    )


def _pools() -> dict[str, Any]:
    made = blueprint(
        cluster={
            "name": "train",
            "location": "{{ vars.zone }}",
            "network": {
                "network": "projects/acme-net/global/networks/shared",
                "subnetwork": "projects/acme-net/regions/europe-west4/subnetworks/train",
                "pods": "pods",
                "services": "services",
            },
            "authorized_networks": ["203.0.113.0/24", "198.51.100.7/32"],
            "deletion_protection": False,
            "pools": {
                "cpu": {"machine": "e2-standard-4", "min": 1, "max": 3},
                "spot": {"machine": "g2-standard-24", "max": 4, "capacity": "spot"},
                "queue": {"machine": "a4-highgpu-8g", "max": 8, "capacity": "queued"},
                "own": {
                    "machine": "a3-megagpu-8g",
                    "max": 8,
                    "capacity": "reservation",
                    "reservation": "block-1",
                    "zones": ["{{ vars.zone }}"],
                    "compact": True,
                },
                "t4": {"machine": "n1-standard-8", "accelerator": "nvidia-tesla-t4", "max": 2},
            },
        }
    )
    made["projects"]["train-eu"]["vars"] = {"zone": "europe-west4-a"}
    made["projects"]["train-us"]["vars"] = {"zone": "us-central1-b"}
    return made


VARIANTS: dict[str, dict[str, Any]] = {
    "contract": blueprint(),
    "one": blueprint(projects=["train-eu"]),
    "five": _many(),
    "own-data": blueprint(
        projects=["train-eu"],
        data={
            "project": "train-eu",
            "datasets": "acme-datasets",
            "checkpoints": "acme-checkpoints",
        },
        registry={"project": "train-eu", "repository": "training"},
    ),
    "first-has-all": blueprint(
        data={
            "project": "train-eu",
            "datasets": "acme-datasets",
            "checkpoints": "acme-checkpoints",
        },
        registry={"project": "train-eu", "repository": "training"},
    ),
    "existing": blueprint(
        data={
            "project": "data",
            "datasets": {"name": "acme-datasets", "existing": False},
            "checkpoints": "acme-checkpoints",
            "existing": True,
        },
        registry={
            "project": "artifacts",
            "repository": "training",
            "existing": True,
            "location": "europe",
        },
    ),
    "no-cluster": blueprint(
        {"organization": {"name": "acme"}},
        cluster=None,
        personas={
            "ml-engineer": {"group": "ml-eng@acme.example", "vertex": "user", "data": "read"},
            "trainer": PERSONAS["trainer"],
            "submitter": PERSONAS["submitter"],
        },
    ),
    "no-vertex": blueprint(
        data=None,
        registry=None,
        personas={
            "viewer": {"group": "ml-view@acme.example", "cluster": "view"},
            "runner": {"workload": {"namespace": "train", "service_account": "runner"}},
        },
    ),
    "persons": _persons(),
    "two": _two(),
    "odd": _odd(),
    "short": _short(),
    "eks": _eks(),
    "eks-gov": {
        **_eks(),
        "organization": {
            "name": "acme",
            "aws": {"partition": "aws-us-gov"},
            "google": {"domain": "acme.example"},
        },
        "defaults": {
            "google": {"region": "europe-west4"},
            "aws": {"region": "us-gov-west-1"},
        },
        "accounts": {
            "training": {"id": "222222222222"},
            "research": {"id": "333333333333", "aws": {"region": "us-gov-east-1"}},
        },
    },
    "deployed": _deployed(),
    "shared-vpc": _shared_vpc(),
    "pools": _pools(),
}


class Bound(NamedTuple):
    """One binding: of which stack, in which resource, whom it gives what on what."""

    stack: str
    address: str
    member: str
    role: str
    resource: str


@dataclass(frozen=True)
class Training:
    """One compiled variant."""

    name: str
    blueprint: Mapping[str, Any]
    compiled: Compiled

    @property
    def components(self) -> Mapping[str, Mapping[str, Any]]:
        """The components of the kind."""
        given: Mapping[str, Mapping[str, Any]] = self.blueprint["components"]
        return {name: each for name, each in given.items() if each["kind"] == "training-access"}

    def projects(self, component: str) -> list[str]:
        """The names of the component's training projects."""
        given = self.components[component]["projects"]
        if isinstance(given, dict):
            return sorted(
                n for n, p in self.blueprint["projects"].items() if p.get("tags") == given["tags"]
            )
        return list(given)

    def stacks(self, cloud: str = "google") -> dict[str, Mapping[str, Any]]:
        """The root modules by path."""
        documents = self.compiled.documents
        return {path: d for path, d in documents.items() if path.startswith(f"{cloud}/")}

    def trains(self) -> dict[str, Mapping[str, Any]]:
        """The root modules of training projects."""
        wanted = {f"google/{p}/{c}" for c in self.components for p in self.projects(c)}
        return {path: document for path, document in self.stacks().items() if path in wanted}

    def resources(self, type: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Each resource of a type: its stack, address and arguments."""
        for cloud in ("google", "aws"):
            for path, document in self.stacks(cloud).items():
                for name, body in document.get("resource", {}).get(type, {}).items():
                    yield path, f"{type}.{name}", body

    def types(self) -> set[str]:
        """Every type of resource or data source."""
        return {
            type
            for document in self.stacks().values()
            for section in ("resource", "data")
            for type in document.get(section, {})
        }

    def bindings(self) -> Iterator[Bound]:
        """What the stacks of Google bind, with full resource names."""
        for type in sorted(t for t in self.types() if t.endswith("_iam_member")):
            for path, address, body in self.resources(type):
                yield Bound(path, address, body["member"], body["role"], resource_name(type, body))

    def ledger(self) -> list[Mapping[str, Any]]:
        """The edges of access.json."""
        found: Any = ledger((*self.compiled.edges, *self.compiled.bindings))["edges"]
        return list(found)

    def depends_on(self, path: str) -> tuple[str, ...]:
        """The stacks that come before one."""
        (stack,) = [s for s in self.compiled.stacks if s.path == path]
        return stack.depends_on


@cache
def training(name: str) -> Training:
    """A variant, compiled without any problem."""
    done = compilation(VARIANTS[name])
    assert not done.diagnostics, "\n".join(map(str, done.diagnostics))
    return Training(name, VARIANTS[name], done.blueprints[0])


NAMES = {
    "google_artifact_registry_repository_iam_member": "//artifactregistry.googleapis.com/projects/"
    "{project}/locations/{location}/repositories/{repository}",
    "google_gke_hub_scope_iam_member": "//gkehub.googleapis.com/projects/{project}/locations/global"
    "/scopes/{scope_id}",
    "google_compute_subnetwork_iam_member": "//compute.googleapis.com/projects/{project}/regions"
    "/{region}/subnetworks/{subnetwork}",
    "google_kms_crypto_key_iam_member": "//cloudkms.googleapis.com/{crypto_key_id}",
    "google_project_iam_member": "//cloudresourcemanager.googleapis.com/projects/{project}",
    "google_service_account_iam_member": "//iam.googleapis.com/{service_account_id}",
    "google_storage_bucket_iam_member": "//storage.googleapis.com/{bucket}",
}


def resource_name(type: str, body: Mapping[str, Any]) -> str:
    """The full name of what a binding is on."""
    return NAMES[type].format(**body)


# Which role a right is, as the documentation of each product has it.
SCOPE = {"view": "scopeViewer", "edit": "scopeEditor", "admin": "scopeAdmin"}
FLEET = {"view": "scopeViewer", "edit": "scopeEditor", "admin": "scopeEditor"}
BUCKET = {"read": "roles/storage.objectViewer", "write": "roles/storage.objectUser"}
IMAGES = {"read": "roles/artifactregistry.reader", "write": "roles/artifactregistry.writer"}
KEY = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


class Expectation:
    """What one component means: `found` are (member, role, resource)."""

    def __init__(self, training: Training, component: str) -> None:
        self.training, self.component = training, component
        self.given = training.components[component]
        self.found: list[tuple[str, str, str]] = []
        self.personas: Mapping[str, Mapping[str, Any]] = self.given["personas"]
        self.acted_as = {o for p in self.personas.values() for o in p.get("acts_as", ())}

    def number(self, project: str) -> str:
        return str(self.training.blueprint["projects"][project]["number"])

    def id(self, project: str) -> str:
        return str(self.training.blueprint["projects"][project]["id"])

    def email(self, project: str, terraform_name: str) -> str:
        """A service account's address, by its name in Terraform: ids may be shortened."""
        path = f"google/{project}/{self.component}"
        accounts = self.training.stacks()[path]["resource"]["google_service_account"]
        account = accounts[terraform_name.replace("-", "_")]
        assert account["project"] == self.id(project)
        return f"{account['account_id']}@{account['project']}.iam.gserviceaccount.com"

    def agent(self, project: str, product: str) -> str:
        return f"serviceAccount:service-{self.number(project)}@{product}.iam.gserviceaccount.com"

    def pool(self, project: str) -> str:
        number = self.number(project)
        return f"iam.googleapis.com/projects/{number}/locations/global/workloadIdentityPools"

    def members(self, project: str, name: str) -> Iterator[str]:
        """Who a persona is in a training project."""
        persona = self.personas[name]
        if "group" in persona:
            yield f"group:{persona['group']}"
        if "github" in persona:
            yield f"serviceAccount:{self.email(project, f'submit_{name}')}"
        if "workload" in persona:
            workload = persona["workload"]
            become = workload.get("impersonate", False)
            if "cluster" in self.given and not become:
                subject = f"ns/{workload['namespace']}/sa/{workload['service_account']}"
                pool = f"{self.pool(project)}/{self.id(project)}.svc.id.goog"
                yield f"principal://{pool}/subject/{subject}"
            if become or name in self.acted_as:
                yield f"serviceAccount:{self.email(project, f'jobs_{name}')}"

    def all_members(self, name: str) -> set[str]:
        projects = self.training.projects(self.component)
        return {member for project in projects for member in self.members(project, name)}

    def bind(self, member: str, role: str, resource: str) -> None:
        self.found.append((member, role, resource))

    def bindings(self) -> list[tuple[str, str, str]]:
        for project in self.training.projects(self.component):
            self._project(project)
        if "data" in self.given:
            self._data()
        if "registry" in self.given:
            self._registry()
        return self.found

    def _project(self, project: str) -> None:
        here = f"//cloudresourcemanager.googleapis.com/projects/{self.id(project)}"
        accounts = f"//iam.googleapis.com/projects/{self.id(project)}/serviceAccounts/"
        if "cluster" in self.given:
            nodes = f"serviceAccount:{self.email(project, 'nodes')}"
            self.bind(nodes, "roles/container.defaultNodeServiceAccount", here)
            self._key(project, "disks", "compute-system")
            self._key(project, "secrets", "container-engine-robot")
            if "deploy" in self.training.blueprint:
                deployer = f"serviceAccount:terraform@{self.id(project)}.iam.gserviceaccount.com"
                on = accounts + self.email(project, "nodes")
                self.bind(deployer, "roles/iam.serviceAccountUser", on)
            self._host(project)
        if self.starts_jobs():
            self._key(project, "vertex", "gcp-sa-aiplatform")
        for name, persona in self.personas.items():
            for member in self.members(project, name):
                level = persona.get("vertex", "user" if persona.get("acts_as") else None)
                if level:
                    self.bind(member, f"roles/aiplatform.{level}", here)
                if "cluster" in persona:
                    self._cluster(project, member, persona["cluster"], here)
                for other in persona.get("acts_as", ()):
                    on = accounts + self.email(project, f"jobs_{other}")
                    self.bind(member, "roles/iam.serviceAccountUser", on)
            on = accounts + self.email(project, f"jobs_{name}") if self._becomes(name) else ""
            if on:
                workload = persona["workload"]
                who = f"[{workload['namespace']}/{workload['service_account']}]"
                member = f"serviceAccount:{self.id(project)}.svc.id.goog{who}"
                self.bind(member, "roles/iam.workloadIdentityUser", on)
            if "github" in persona:
                on = accounts + self.email(project, f"submit_{name}")
                self.bind(self._workflow(project, name), "roles/iam.workloadIdentityUser", on)

    def _host(self, project: str) -> None:
        network = self.given["cluster"].get("network", {})
        if "host" not in network:
            return
        home = f"projects/{self.id(network['host'])}"
        subnetwork = f"{home}/regions/europe-west4/subnetworks/{network['subnetwork']}"
        gke = self.agent(project, "container-engine-robot")
        apis = f"serviceAccount:{self.number(project)}@cloudservices.gserviceaccount.com"
        for member in (gke, apis):
            self.bind(member, "roles/compute.networkUser", f"//compute.googleapis.com/{subnetwork}")
        on = f"//cloudresourcemanager.googleapis.com/{home}"
        self.bind(gke, "roles/container.hostServiceAgentUser", on)

    def _becomes(self, name: str) -> bool:
        return bool(self.personas[name].get("workload", {}).get("impersonate"))

    def _workflow(self, project: str, name: str) -> str:
        github = self.personas[name]["github"]
        github = {"repository": github} if isinstance(github, str) else github
        document = self.training.stacks()[f"google/{project}/{self.component}"]
        pool = document["resource"]["google_iam_workload_identity_pool"]["github"]
        pool_id = pool["workload_identity_pool_id"]
        what = f"attribute.repository/{github['repository']}"
        if "ref" in github:
            what = f"attribute.repository_ref/{github['repository']}@{github['ref']}"
        return f"principalSet://{self.pool(project)}/{pool_id}/{what}"

    def _cluster(self, project: str, member: str, level: str, here: str) -> None:
        document = self.training.stacks()[f"google/{project}/{self.component}"]
        scope = document["resource"]["google_gke_hub_scope"]["training"]["scope_id"]
        fleet = f"//gkehub.googleapis.com/projects/{self.id(project)}/locations/global/scopes"
        self.bind(member, "roles/container.clusterViewer", here)
        self.bind(member, f"roles/gkehub.{SCOPE[level]}", f"{fleet}/{scope}")
        self.bind(member, f"roles/gkehub.{FLEET[level]}ProjectLevel", here)

    def starts_jobs(self) -> bool:
        return any(p.get("vertex") in ("user", "admin") for p in self.personas.values()) or any(
            p.get("acts_as") and "vertex" not in p for p in self.personas.values()
        )

    def _key(self, project: str, key: str, product: str) -> None:
        document = self.training.stacks()[f"google/{project}/{self.component}"]
        ring_address = document["resource"]["google_kms_crypto_key"][key]["key_ring"]
        ring_name = ring_address.split(".")[1]
        ring = document["resource"]["google_kms_key_ring"][ring_name]
        path = (
            f"projects/{self.id(project)}/locations/{ring['location']}/keyRings/{ring['name']}"
            f"/cryptoKeys/{key}"
        )
        self.bind(self.agent(project, product), KEY, f"//cloudkms.googleapis.com/{path}")

    def _data(self) -> None:
        data = self.given["data"]
        for what, right in (("datasets", "data"), ("checkpoints", "checkpoints")):
            bucket = data.get(what)
            if bucket is None:
                continue
            bucket = {"name": bucket} if isinstance(bucket, str) else bucket
            if not bucket.get("existing", data.get("existing", False)):
                self._key(data["project"], what, "gs-project-accounts")
            for name, persona in self.personas.items():
                if right in persona:
                    for member in self.all_members(name):
                        on = f"//storage.googleapis.com/{bucket['name']}"
                        self.bind(member, BUCKET[persona[right]], on)

    def _registry(self) -> None:
        registry = self.given["registry"]
        place = registry.get("location", "europe-west4")
        on = (
            f"//artifactregistry.googleapis.com/projects/{self.id(registry['project'])}"
            f"/locations/{place}/repositories/{registry['repository']}"
        )
        if not registry.get("existing"):
            self._key(registry["project"], "images", "gcp-sa-artifactregistry")
        for project in self.training.projects(self.component):
            if "cluster" in self.given:
                nodes = f"serviceAccount:{self.email(project, 'nodes')}"
                self.bind(nodes, IMAGES["read"], on)
            if self.starts_jobs():
                for product in ("gcp-sa-aiplatform", "gcp-sa-aiplatform-cc"):
                    self.bind(self.agent(project, product), IMAGES["read"], on)
        for name, persona in self.personas.items():
            if "images" in persona:
                for member in self.all_members(name):
                    self.bind(member, IMAGES[persona["images"]], on)


def expected_bindings(training: Training) -> list[tuple[str, str, str]]:
    """Everything that the blueprint means, and nothing else."""
    return sorted(
        each
        for component in training.components
        for each in Expectation(training, component).bindings()
    )
