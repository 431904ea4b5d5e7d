"""The manifests of every variant: valid for Kubernetes, restricted, and of one mind."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from compiler.compilation import Compilation, compile_blueprints
from compiler.kinds.model_serving.rendering import quoted
from tests.kinds.serving import VARIANTS, Serving, serving

SCHEMA = Path(__file__).parent / "kubernetes" / "schema-1.35.json"
OWN = {"AWS_REGION", "MODEL_BUCKET", "MODEL_PREFIX", "MODEL_REGION", "MODEL_URI"}
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
each_variant = pytest.mark.parametrize("name", VARIANTS)


@cache
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return found


def errors(body: dict[str, Any]) -> list[str]:
    """What Kubernetes would refuse: unknown fields too, as `kubectl apply` does."""
    kind = schema()["kinds"].get(body["kind"])
    if kind is None:
        return [f"unknown kind {body['kind']}"]
    validator = jsonschema.Draft202012Validator({"$ref": kind, "$defs": schema()["$defs"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def namespaced(s: Serving, workload: str) -> str:
    return f"{s.workloads[workload].get('namespace') or workload}/{workload}"


def deployment(s: Serving, workload: str) -> dict[str, Any]:
    return s.objects("Deployment")[namespaced(s, workload)]


def pod(s: Serving, workload: str) -> dict[str, Any]:
    found: dict[str, Any] = deployment(s, workload)["spec"]["template"]["spec"]
    return found


@each_variant
def test_valid_for_kubernetes(name: str) -> None:
    for file, body in serving(name).manifests().items():
        assert not errors(body), file


def test_the_schema_sees_what_is_wrong() -> None:
    s = serving("contract")
    body = s.manifests()["churn.deployment.yaml"]
    assert errors({**body, "kind": "Deploymnet"})
    assert errors({**body, "apiVersion": "apps/v2"})
    spec = body["spec"]
    assert errors({**body, "spec": {**spec, "replcas": 2}})
    assert errors({**body, "spec": {**spec, "replicas": "2"}})
    assert errors({**body, "spec": {key: spec[key] for key in spec if key != "template"}})


@each_variant
def test_one_object_a_file_and_each_workload_whole(name: str) -> None:
    s = serving(name)
    for content in s.files().values():
        assert len(list(yaml.safe_load_all(content))) == 1
    kinds = ("Deployment", "Service", "PodDisruptionBudget")
    for workload in s.workloads:
        for kind in kinds:
            assert namespaced(s, workload) in s.objects(kind)
        assert namespaced(s, workload) in s.objects("NetworkPolicy")
        namespace = namespaced(s, workload).partition("/")[0]
        account = s.workloads[workload].get("service_account", "server")
        assert f"{namespace}/{account}" in s.objects("ServiceAccount")
    names = [f"{b['kind']} {key}" for b in [*s.manifests().values()] for key in [path(b)]]
    assert len(set(names)) == len(names)


def path(body: dict[str, Any]) -> str:
    return f"{body['metadata'].get('namespace', '')}/{body['metadata']['name']}"


@each_variant
def test_namespaces_come_first_and_are_restricted(name: str) -> None:
    s = serving(name)
    namespaces = {key.strip("/") for key in s.objects("Namespace")}
    used = {
        body["metadata"]["namespace"]
        for body in s.manifests().values()
        if body["kind"] != "Namespace"
    }
    assert used - {"kube-system"} == namespaces
    for body in s.objects("Namespace").values():
        labels = body["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for namespace in namespaces:
        deny = s.objects("NetworkPolicy")[f"{namespace}/default-deny"]["spec"]
        assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    files = list(s.files())
    assert files == sorted(files)
    last = max((i for i, f in enumerate(files) if f.startswith("00-")), default=-1)
    assert all(file.startswith("00-") for file in files[: last + 1])


@each_variant
def test_pods_are_restricted(name: str) -> None:
    """Kubernetes documentation, "Pod Security Standards", restricted."""
    s = serving(name)
    for workload in s.workloads:
        spec = pod(s, workload)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        assert all("emptyDir" in volume for volume in spec["volumes"])
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert not [port for port in container["ports"] if "hostPort" in port]


@each_variant
def test_pods_are_watched_and_sized(name: str) -> None:
    s = serving(name)
    for workload, given in s.workloads.items():
        (container,) = pod(s, workload)["containers"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"] == {
                "path": given.get("health", "/ping"),
                "port": "http",
            }
        startup = container["startupProbe"]
        longest = startup["periodSeconds"] * startup["failureThreshold"]
        assert longest >= given.get("startup_seconds", 600)
        resources = container["resources"]
        assert resources["requests"].keys() >= {"cpu", "memory"}
        assert resources["limits"]["memory"] == resources["requests"]["memory"]
        (port,) = container["ports"]
        assert (port["name"], port["containerPort"]) == ("http", given.get("port", 8080))


@each_variant
def test_gpus_are_asked_for_and_found(name: str) -> None:
    s = serving(name)
    for workload, given in s.workloads.items():
        spec = pod(s, workload)
        (container,) = spec["containers"]
        gpu = given.get("gpu", 0)
        limits = container["resources"]["limits"]
        assert limits.get("nvidia.com/gpu") == (str(gpu) if gpu else None)
        assert container["resources"]["requests"].get("nvidia.com/gpu") == limits.get(
            "nvidia.com/gpu"
        )
        assert spec.get("tolerations", []) == ([TOLERATION] if gpu else [])
        wanted = {"landform/accelerator": "nvidia"} if gpu else {}
        wanted = {"landform/pool": given["pool"]} if "pool" in given else wanted
        assert spec.get("nodeSelector", {}) == wanted
        labels = [body["labels"] for body in s.all("aws_eks_node_group").values()]
        assert any(wanted.items() <= each.items() for each in labels)


@each_variant
def test_the_device_plugin_is_where_nodes_have_none(name: str) -> None:
    s = serving(name)
    linux = [
        pool
        for pool in s.given["pools"].values()
        if pool["instance"].startswith("g") and pool.get("os", "al2023") == "al2023"
    ]
    plugins = s.objects("DaemonSet")
    assert bool(plugins) == bool(linux)
    for body in plugins.values():
        spec = body["spec"]["template"]["spec"]
        assert TOLERATION in spec["tolerations"]
        labels = [each["labels"] for each in s.all("aws_eks_node_group").values()]
        assert [each for each in labels if spec["nodeSelector"].items() <= each.items()]


@each_variant
def test_objects_find_each_other(name: str) -> None:
    s = serving(name)
    for workload in s.workloads:
        key = namespaced(s, workload)
        labels = deployment(s, workload)["spec"]["template"]["metadata"]["labels"]
        selectors = [
            deployment(s, workload)["spec"]["selector"]["matchLabels"],
            s.objects("Service")[key]["spec"]["selector"],
            s.objects("PodDisruptionBudget")[key]["spec"]["selector"]["matchLabels"],
            s.objects("NetworkPolicy")[key]["spec"]["podSelector"]["matchLabels"],
        ]
        for selector in selectors:
            assert selector == {"app.kubernetes.io/name": workload}
            assert selector.items() <= labels.items()
        spread = pod(s, workload)["topologySpreadConstraints"]
        keys = {each["topologyKey"] for each in spread}
        assert keys == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        for each in spread:
            assert each["labelSelector"]["matchLabels"] == {"app.kubernetes.io/name": workload}
        (port,) = s.objects("Service")[key]["spec"]["ports"]
        assert port["targetPort"] == "http"
        assert s.objects("PodDisruptionBudget")[key]["spec"]["maxUnavailable"] == 1


@each_variant
def test_pods_use_the_service_account_of_their_association(name: str) -> None:
    s = serving(name)
    found = {
        (body["namespace"], body["service_account"])
        for body in s.all("aws_eks_pod_identity_association").values()
    }
    used = set()
    for workload in s.workloads:
        namespace = namespaced(s, workload).partition("/")[0]
        used.add((namespace, pod(s, workload)["serviceAccountName"]))
    assert used == found


@each_variant
def test_scaling_has_one_owner(name: str) -> None:
    s = serving(name)
    scalers = s.objects("HorizontalPodAutoscaler")
    for workload, given in s.workloads.items():
        fewest = given.get("replicas", 2)
        most = given.get("max_replicas", fewest * 2)
        spec = deployment(s, workload)["spec"]
        scaler = scalers.get(namespaced(s, workload))
        if most == fewest:
            assert scaler is None
            assert spec["replicas"] == fewest
            continue
        assert "replicas" not in spec
        assert scaler is not None
        target = scaler["spec"]["scaleTargetRef"]
        assert target == {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload}
        assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (fewest, most)


@each_variant
def test_images_and_models_are_those_of_the_hub(name: str) -> None:
    s = serving(name)
    suffix = "amazonaws.com.cn" if s.partition == "aws-cn" else "amazonaws.com"
    for workload, given in s.workloads.items():
        (container,) = pod(s, workload)["containers"]
        version = f"@{given['digest']}" if "digest" in given else f":{given.get('tag', 'v1')}"
        told = {each["name"]: each["value"] for each in container["env"]}
        assert told["AWS_REGION"] == s.region
        assert {k: v for k, v in told.items() if k not in OWN} == given.get("env", {})
        if "reads" not in given:
            tagged = "tag" in given
            assert container["image"] == given["image"] + (version if tagged else "")
            assert not told.keys() & (OWN - {"AWS_REGION"})
            continue
        registry = f"{s.id('shared')}.dkr.ecr.{s.region}.{suffix}"
        assert container["image"] == f"{registry}/{given['image']}{version}"
        organization = s.blueprint["organization"]["name"]
        bucket = f"{organization}-models-artifacts-{s.id('shared')}"
        prefix = f"{given['reads']['group']}/{given['reads'].get('path', '')}"
        assert told["MODEL_URI"] == f"s3://{bucket}/{prefix}"
        assert (told["MODEL_BUCKET"], told["MODEL_PREFIX"]) == (bucket, prefix)
        assert told["MODEL_REGION"] == s.region


@each_variant
def test_traffic(name: str) -> None:
    s = serving(name)
    for workload, given in s.workloads.items():
        spec = s.objects("NetworkPolicy")[namespaced(s, workload)]["spec"]
        (ingress,) = spec["ingress"]
        assert ingress["ports"] == [{"protocol": "TCP", "port": "http"}]
        label = "kubernetes.io/metadata.name"
        callers = {
            each["namespaceSelector"]["matchLabels"][label]
            if "namespaceSelector" in each
            else each["ipBlock"]["cidr"]
            for each in ingress["from"]
        }
        own = namespaced(s, workload).partition("/")[0]
        assert callers == {own, *given.get("callers", [])}
        out = {
            (block["ipBlock"]["cidr"], port["port"])
            for rule in spec["egress"]
            for block in rule["to"]
            if "ipBlock" in block
            for port in rule["ports"]
        }
        # Without the agent's address the pods would get no credentials.
        assert out == {("169.254.170.23/32", 80), ("fd00:ec2::23/128", 80), ("0.0.0.0/0", 443)}


def test_names_that_yaml_would_read_as_something_else() -> None:
    s = serving("closed")
    assert namespaced(s, "on") == "on/on"
    assert deployment(s, "on")["metadata"]["namespace"] == "on"
    (container,) = pod(s, "on")["containers"]
    told = {each["name"]: each["value"] for each in container["env"]}
    assert told["MODE"] == s.workloads["on"]["env"]["MODE"]
    assert told["EMPTY"] == ""


@pytest.mark.parametrize(
    "text", ["no", "1.10", "~", "a: b", "#", "{{ x }}", '"\\', "\u2028\x7f\x85", "\U0001f600", "é"]
)
def test_quoted_is_read_back(text: str) -> None:
    assert yaml.safe_load(f"key: {quoted(text)}") == {"key": text}


@each_variant
def test_manifests_are_the_same_again(name: str) -> None:
    from tests.kinds.serving import compiled

    s = serving(name)
    again = Serving(s.blueprint, compiled(s.blueprint), s.component)
    assert again.files() == s.files()


@pytest.mark.parametrize("name", ["example", "closed", "others-image", "long"])
def test_the_order_in_the_blueprint_changes_nothing(name: str) -> None:
    s = serving(name)
    inputs = dict(s.given)
    for key in ("pools", "workloads"):
        inputs[key] = dict(reversed(list(inputs[key].items())))
    value = {**s.blueprint, "components": {**s.blueprint["components"], s.component: inputs}}
    other = Serving(value, unsorted(value), s.component)
    assert other.files() == s.files()
    assert json.dumps(other.document()) == json.dumps(s.document())


def unsorted(value: dict[str, Any]) -> Compilation:
    """Compiled with its keys in the order that they have."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return compile_blueprints(path)
