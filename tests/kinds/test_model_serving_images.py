"""Images by their whole address: one in a repository of the blueprint is admitted at both ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kinds.serving import Serving, blueprint, compiled

HOST = "111111111111.dkr.ecr.eu-west-1.amazonaws.com"
NODE = "arn:aws:iam::333333333333:role/acme-serve-node"
DIGEST = "sha256:" + "0123456789abcdef" * 4
PIPELINE: dict[str, Any] = {
    "kind": "ml-pipeline",
    "shared": "shared",
    "training": "delivery",
    "production": ["delivery"],
    "source": {"codecommit": {"repository": "rank"}},
    "train": {"image": {"repository": "team/rank", "tag": "1.4.2"}, "instance": "ml.m6i.xlarge"},
    "deploy": {"endpoint": "rank", "instance": "ml.m6i.large"},
}


def made(image: str, **changes: Any) -> Serving:
    """The cluster with one workload that reads no hub and runs the image."""
    given = {"workloads": {"web": {"image": image}}, **changes}
    value = blueprint(**given)
    value["components"] = {**value["components"], "rank": PIPELINE}
    found = compiled(value)
    assert not found.diagnostics, [d.message for d in found.diagnostics]
    return Serving(value, found, "serve")


def admitting(s: Serving, component: str) -> list[str]:
    """The repositories of a component whose policies name the nodes."""
    policies = s.all("aws_ecr_repository_policy", f"aws/shared/{component}")
    return [
        name
        for name, body in policies.items()
        if NODE in json.dumps(s.policy(body["policy"], f"aws/shared/{component}"))
    ]


@pytest.mark.parametrize("version", [":v1", f"@{DIGEST}", f":v1@{DIGEST}"])
def test_an_address_in_a_hub_is_pulled_as_the_hub_s_own(version: str) -> None:
    s = made(f"{HOST}/team/vision{version}")
    assert admitting(s, "models") == ["image_team_vision"]
    (pull,) = [e for e in s.edges() if "ecr:BatchGetImage" in e["actions"] and "serve/" in e["id"]]
    assert {each["side"] for each in pull["statements"]} == {"identity", "resource"}
    assert pull["resource"]["arn"] == "arn:aws:ecr:eu-west-1:111111111111:repository/team/vision"
    (deployment,) = s.objects("Deployment").values()
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{HOST}/team/vision{version}"
    assert "aws/shared/models" in s.stack.depends_on


def test_an_address_in_a_pipeline_s_repository() -> None:
    s = made(f"{HOST}/team/rank:1.4.2")
    assert admitting(s, "rank") == ["image"]
    assert not admitting(s, "models")


def test_the_image_of_the_device_plugin() -> None:
    s = made("ghcr.io/acme/web:1", device_plugin=f"{HOST}/churn-serving:v1")
    assert admitting(s, "models") == ["image_churn_serving"]


@pytest.mark.parametrize(
    "address",
    [
        f"{HOST}/other:v1",
        f"{HOST}/team/vision-2:v1",
        f"{HOST.replace('eu-west-1', 'us-east-1')}/team/vision:v1",
        f"{HOST.replace('1' * 12, '9' * 12)}/team/vision:v1",
        "ghcr.io/acme/team/vision:v1",
    ],
)
def test_other_addresses_are_nobody_s_of_the_blueprint(address: str) -> None:
    s = made(address)
    assert not admitting(s, "models")
    assert not admitting(s, "rank")


def test_a_cluster_of_the_hub_s_own_account() -> None:
    """Nothing crosses accounts: the nodes' own policy is enough."""
    s = made(f"{HOST}/churn-serving:v1", account="shared")
    (pull,) = [e for e in s.edges() if e["id"].startswith("serve/node-pulls")]
    assert {each["side"] for each in pull["statements"]} == {"identity"}
