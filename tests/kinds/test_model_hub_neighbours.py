"""What a hub's stacks share with others: targets come and go, names are long, groups are many."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.kinds.model_hub.registry import decisions
from compiler.terraform.text import canonical
from tests.kinds.hubs import ACCOUNTS, CHURN, ENDPOINT, HUB, ON_APPROVAL, Hubs, blueprint, compiled
from tests.terraform.conditions import like

# The contract's own example.
CONTRACT: dict[str, Any] = {
    "kind": "model-hub",
    "account": "shared",
    "groups": {"churn": {"artifacts": "churn/", "repository": "churn-serving"}},
    "register_from": ["training"],
    "deployments": [
        {
            "group": "churn",
            "to": ["production"],
            "endpoint": {"name": "churn", "instance": "ml.m6i.xlarge", "min": 2, "max": 6},
            "promote": "on-approval",
            "invoke_by": [{"account": "training", "role": "checkout-api"}],
        }
    ],
}


def hub(**changes: Any) -> Hubs:
    return compiled(blueprint({"hub": changes}))


def texts(h: Hubs) -> dict[str, str]:
    return {path: canonical(document) for path, document in h.compiled.documents.items()}


def test_the_contract_s_example_compiles() -> None:
    value = blueprint({})
    ids = {"shared": "111111111111", "training": "222222222222", "production": "333333333333"}
    value["accounts"] = {name: {"id": id} for name, id in ids.items()}
    value["components"] = {"models": CONTRACT}
    h = compiled(value)
    assert sorted(h.modules) == [
        "aws/production/models",
        "aws/shared/models",
        "aws/training/models",
    ]


def test_another_target_changes_no_other_target() -> None:
    before = texts(hub(deployments=[{**ON_APPROVAL, "to": ["shop"]}]))
    after = texts(hub(deployments=[{**ON_APPROVAL, "to": ["shop", "payments"]}]))
    assert before["aws/shop/models"] == after["aws/shop/models"]
    assert before["aws/models/models"] != after["aws/models/models"]


def test_the_order_of_targets_and_deployments_does_not_matter() -> None:
    second = {**ON_APPROVAL, "to": ["shop"], "endpoint": {**ENDPOINT, "name": "another"}}
    one = texts(hub(deployments=[{**ON_APPROVAL, "to": ["shop", "payments"]}, second]))
    two = texts(hub(deployments=[second, {**ON_APPROVAL, "to": ["payments", "shop"]}]))
    changed = [path for path in one if one[path] != two[path]]
    assert not changed


def test_spokes_come_after_the_hub() -> None:
    h = hub(deployments=[{**ON_APPROVAL, "to": ["shop", "models"]}])
    (shop,) = [s for s in h.compiled.stacks if s.path == "aws/shop/models"]
    assert shop.depends_on == ("aws/models/models",)
    (own,) = [s for s in h.compiled.stacks if s.path == "aws/models/models"]
    assert own.depends_on == ()


def test_a_registrar_s_account_without_a_role_gets_one() -> None:
    """What the contract's example says: `register_from: [training]`, and nothing else there."""
    h = hub(register_from=["lab"], deployments=[])
    assert sorted(h.modules) == ["aws/lab/models", "aws/models/models"]
    resources = h.modules["aws/lab/models"].document["resource"]
    assert {type_: list(found) for type_, found in resources.items()} == {
        "aws_iam_role": ["register"],
        "aws_iam_role_policy": ["register"],
    }
    ids = {edge["id"] for edge in h.edges}
    assert {f"models/register-lab-{group}-registers-version" for group in ("churn", "fraud")} <= ids


def test_accounts_and_groups_that_read_alike_register_apart() -> None:
    """`a` with `b-churn`, `a-b` with `churn`: no two grants share an id."""
    groups = {"b-churn": {**CHURN, "artifacts": "b-churn/"}, "churn": CHURN}
    accounts = {"a": {"id": "131313131313"}, "a-b": {"id": "777777777777"}}
    value = blueprint({"hub": {"groups": groups, "register_from": ["a", "a-b"], "deployments": []}})
    value["accounts"] |= accounts
    h = compiled(value)
    assert len({role for role, _, _ in h.registrars()}) == 2
    made = [edge["id"] for edge in h.edges if edge["id"].endswith("-registers-version")]
    assert len(made) == len(set(made)) == 4


@pytest.mark.parametrize("count", [20, 60])
def test_many_groups_in_one_pattern(count: int) -> None:
    """EventBridge takes patterns of 2,048 characters: many groups are told by what they start with."""
    groups = [f"acme-models-group-{n:02d}-with-a-long-name-{n:02d}" for n in range(count)]
    found: Any = decisions(groups, "acme-models-")
    assert len(json.dumps(found)) <= 2048
    wanted = found["detail"]["ModelPackageGroupName"]
    assert wanted == (groups if count == 20 else [{"prefix": "acme-models-"}])


def test_many_groups_in_one_target() -> None:
    names = [f"group-{n:02d}" for n in range(18)]
    groups = {name: {**CHURN, "artifacts": f"{name}/"} for name in names}
    deployments = [
        {"group": name, "to": ["shop"], "endpoint": {**ENDPOINT, "name": name}} for name in names
    ]
    h = hub(groups=groups, deployments=deployments)
    (rule,) = h.hub_module("models").resources("aws_cloudwatch_event_rule").values()
    wanted = json.loads(rule["event_pattern"])["detail"]["ModelPackageGroupName"]
    assert wanted == [f"acme-models-{name}" for name in names]


def test_names_of_any_length_fit() -> None:
    """The longest names that the blueprint takes; what must match still does."""
    component = "m" * 30 + "1"
    account = "a" * 31
    group = "g" * 31
    endpoint = "E" + "x" * 62
    value = blueprint({})
    value["organization"]["name"] = "o" * 31
    value["accounts"] = {**ACCOUNTS, account: {"id": "121212121212"}}
    value["components"] = {
        component: {
            **HUB,
            "groups": {group: {"repository": "churn"}},
            "deployments": [
                {"group": group, "to": [account], "endpoint": {**ENDPOINT, "name": endpoint}}
            ],
        }
    }
    h = compiled(value)
    home = h.modules[f"aws/models/{component}"]
    target = h.modules[f"aws/{account}/{component}"]
    for module in (home, target):
        for role in module.resources("aws_iam_role").values():
            assert len(role["name"]) <= 64
        for rule in module.resources("aws_cloudwatch_event_rule").values():
            assert len(rule["name"]) <= 64
    (made,) = home.resources("aws_sagemaker_model_package_group").values()
    assert len(made["model_package_group_name"]) <= 63
    (rule,) = home.resources("aws_cloudwatch_event_rule").values()
    (trust,) = json.loads(home.body("aws_iam_role", "events")["assume_role_policy"])["Statement"]
    pattern = trust["Condition"]["ArnLike"]["aws:SourceArn"]
    assert like(home.arn("events", f"rule/{rule['name']}"), pattern)
    (function,) = target.resources("aws_lambda_function").values()
    prefix = function["environment"][0]["variables"]["NAME_PREFIX"]
    assert len(prefix) <= 40
    assert prefix == prefix.lower()


def test_alarms_tell_those_who_are_named() -> None:
    """Every alarm of every account, the queue's too, publishes to a topic that admits it."""
    deployments = [{**ON_APPROVAL, "to": ["shop", "models"]}]
    h = hub(deployments=deployments, alerts={"notify": ["ops@acme.example"]})
    for module in h.modules.values():
        alarms = module.resources("aws_cloudwatch_metric_alarm")
        topic = module.arn("sns", "acme-models-alerts")
        assert alarms
        assert all(alarm["alarm_actions"] == [topic] for alarm in alarms.values())
        (statement,) = json.loads(module.body("aws_sns_topic_policy", "alerts")["policy"])[
            "Statement"
        ]
        admitted = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        expected = {module.arn("cloudwatch", f"alarm:{a['alarm_name']}") for a in alarms.values()}
        assert set(admitted) == expected
        assert len(module.resources("aws_sns_topic_subscription")) == 1


def test_a_hub_alone_needs_no_topic() -> None:
    h = hub(deployments=[], alerts={"notify": ["ops@acme.example"]})
    assert "aws_sns_topic" not in h.hub_module("models").document["resource"]


def test_undelivered_events_raise_an_alarm() -> None:
    module = hub().hub_module("models")
    alarm = module.body("aws_cloudwatch_metric_alarm", "undelivered")
    assert alarm["dimensions"] == {"QueueName": "acme-models-undelivered"}
    queue = module.body("aws_sqs_queue", "undelivered")
    assert queue["sqs_managed_sse_enabled"] is True
