"""The acceptance checks of a model hub, read off the generated documents of every variant."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from compiler.data import has_local_storage
from compiler.data.iam import arn_matches_resource_type, matching_actions
from tests.kinds.hubs import VARIANTS, Hubs, hubs
from tests.terraform.conditions import like

pytestmark = pytest.mark.parametrize("name", VARIANTS)

ADMINISTRATION = ("Administration", "EncryptLogs", "PublishFromCloudwatch")
INVOKE = {
    "sagemaker:InvokeEndpoint",
    "sagemaker:InvokeEndpointAsync",
    "sagemaker:InvokeEndpointWithResponseStream",
}
UNBOUND = {"cloudwatch:PutMetricData", "ecr:GetAuthorizationToken"}


def admitted(statement: dict[str, Any]) -> list[str]:
    """The ARNs of the roles that a statement admits, in either of its two spellings."""
    named = listed(statement["Principal"]["AWS"])
    exact = listed(statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn", []))
    roots = [each for each in named if each.endswith(":root")]
    if not roots:
        return named
    assert exact
    assert not [arn for arn in exact if "*" in arn]
    assert {arn.split(":")[4] for arn in exact} == {root.split(":")[4] for root in roots}
    return exact


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def readers(h: Hubs, component: str) -> set[str]:
    """Who the hub's key is for, by the blueprint."""
    served = {each.execution for each in h.endpoints if each.component == component}
    return served | {role for role, hub, _ in h.registrars() if hub == component}


def test_1_key_users(name: str) -> None:
    h = hubs(name)
    for component in h.components:
        policy = h.accounts[h.id("models")].keys[h.key(component)].policy
        users = [
            role
            for s in policy["Statement"]
            if s["Sid"] != "Administration"
            for role in admitted(s)
        ]
        assert set(users) == readers(h, component)
        assert not [s for s in policy["Statement"] if "kms:CreateGrant" in s["Action"]]


def asked_of_hub(h: Hubs, component: str) -> Iterator[tuple[str, str, str]]:
    """(role, action, resource) of every identity statement on what the hub owns."""
    start = f"arn:{h.partition}:"
    home = h.id("models")
    for role in h.roles():
        if role.split(":")[4] == home:
            continue
        for s in h.identity(role):
            for resource in s["Resource"]:
                hubs_own = resource.startswith(h.bucket(component)) or (
                    f":{home}:" in resource
                    and resource.startswith(start)
                    and ":kms:" not in resource
                    and ":iam:" not in resource
                )
                if hubs_own:
                    yield from ((role, action, resource) for action in s["Action"])


def test_2_what_spokes_ask_is_what_the_hub_grants(name: str) -> None:
    """Both directions: bucket and prefix, repository, by role; group and packages by account."""
    h = hubs(name)
    granted_roles: set[tuple[str, str, str]] = set()
    granted_accounts: set[tuple[str, str, str]] = set()
    asked: set[tuple[str, str, str]] = set()
    for component in h.components:
        asked |= set(asked_of_hub(h, component))
        for (address, side), policy in h.hub_module(component).policies().items():
            if side != "resource" or address.startswith(("aws_sns", "aws_sqs")):
                continue
            for s in policy["Statement"]:
                if s["Effect"] == "Deny":
                    continue
                resources = s.get("Resource") or [repository_arn(h, component, address)]
                pairs = [(a, r) for a in s["Action"] for r in resources]
                if address.startswith("aws_sagemaker"):
                    roots = [each.split(":")[4] for each in listed(s["Principal"]["AWS"])]
                    granted_accounts |= {(root, a, r) for root in roots for a, r in pairs}
                else:
                    granted_roles |= {(role, a, r) for role in admitted(s) for a, r in pairs}
    of_groups = {row for row in asked if row[1].startswith("sagemaker:")}
    assert {(role.split(":")[4], a, r) for role, a, r in of_groups} == granted_accounts
    assert asked - of_groups == granted_roles


def repository_arn(h: Hubs, component: str, address: str) -> str:
    body = h.hub_module(component).body(*address.split("."))
    return h.arn("models", "ecr", f"repository/{body['repository']}")


def test_2_keys_are_asked_for_by_alias(name: str) -> None:
    """The same roles that the key's policy admits name the key by its alias, and nobody else does."""
    h = hubs(name)
    for component in h.components:
        alias = f"alias/acme-{component}-artifacts"
        asking = {
            role
            for role in h.roles()
            for s in h.identity(role)
            if s.get("Condition", {}).get("ForAnyValue:StringEquals", {}).get("kms:ResourceAliases")
            == alias
            or h.key(component) in s["Resource"]
        }
        assert asking == readers(h, component)


def test_3_no_principal_in_identity_policies(name: str) -> None:
    for where, side, statement in hubs(name).statements():
        assert ("Principal" in statement) == (side != "identity"), where


def test_3_invocations_are_of_endpoints(name: str) -> None:
    """On exactly the endpoints of the blueprint, by their callers or their invokers."""
    h = hubs(name)
    found = {
        (role, resource)
        for role in h.roles()
        for s in h.identity(role)
        if any(action.startswith("sagemaker:InvokeEndpoint") for action in s["Action"])
        for resource in s["Resource"]
        if set(s["Action"]) == INVOKE or pytest.fail(str(s))
    }
    expected = set()
    for endpoint in h.endpoints:
        here = h.id(endpoint.account)
        expected |= {(c, endpoint.arn) for c in endpoint.callers if c.split(":")[4] == here}
        if [c for c in endpoint.callers if c.split(":")[4] != here]:
            expected.add((endpoint.invoker, endpoint.arn))
    assert found == expected


def test_3_invokers_are_assumed_by_exactly_the_foreign_callers(name: str) -> None:
    h = hubs(name)
    for endpoint in h.endpoints:
        here = h.id(endpoint.account)
        foreign = {c for c in endpoint.callers if c.split(":")[4] != here}
        if not foreign:
            names = [arn for arn in h.roles() if "-invoker-" in arn and arn.split(":")[4] == here]
            assert not [arn for arn in names if arn.endswith(f"-invoker-{endpoint.name.lower()}")]
            continue
        trust = h.roles()[endpoint.invoker].trust["Statement"]
        assert {role for s in trust for role in admitted(s)} == foreign
        for caller in foreign:
            (assumed,) = [
                s
                for s in h.identity(caller)
                if s["Action"] == ["sts:AssumeRole"] and endpoint.invoker in s["Resource"]
            ]
            assert assumed["Resource"] == [endpoint.invoker]


def test_4_models_of_versions_ask_for_both(name: str) -> None:
    """Whoever makes models of a hub's versions names the version and the model, and no other does."""
    h = hubs(name)
    makers: dict[str, set[str]] = {}
    for role in h.roles():
        for s in h.identity(role):
            if "sagemaker:CreateModel" in s["Action"]:
                makers.setdefault(role, set()).update(s["Resource"])
    expected: dict[str, set[str]] = {}
    for e in h.endpoints:
        start = f"acme-{e.component}-{e.name}".lower()
        pattern = h.arn(e.account, "sagemaker", f"model/{start}-????????-????????????")
        expected.setdefault(e.maker, set()).update({f"{e.packages}/*", pattern})
    assert makers == expected


def test_5_and_6_endpoint_configurations(name: str) -> None:
    """A prefix and replacement before destruction; a volume key where there is a volume."""
    h = hubs(name)
    seen = 0
    for path, module in h.modules.items():
        raw = module.document["resource"].get("aws_sagemaker_endpoint_configuration", {})
        for label, body in module.resources("aws_sagemaker_endpoint_configuration").items():
            seen += 1
            assert "name" not in body, path
            # Terraform appends 26 characters; SageMaker takes 63.
            assert len(body["name_prefix"]) + 26 <= 63
            assert raw[label]["lifecycle"] == {"create_before_destroy": True}
            (variant,) = body["production_variants"]
            assert ("kms_key_arn" in body) is not has_local_storage(variant["instance_type"])
    assert seen == len([e for e in h.endpoints if e.pinned])
    for endpoint in h.endpoints:
        if endpoint.pinned is None:
            variables = function(endpoint)["environment"][0]["variables"]
            local = has_local_storage(variables["INSTANCE_TYPE"])
            assert ("VOLUME_KEY_ARN" in variables) is not local


def function(endpoint: Any) -> dict[str, Any]:
    functions = endpoint.module.resources("aws_lambda_function").values()
    (found,) = [
        f for f in functions if f["environment"][0]["variables"]["ENDPOINT_NAME"] == endpoint.name
    ]
    body: dict[str, Any] = found
    return body


def test_7_events_arrive(name: str) -> None:
    """Each target of another account has a role, and a bus there that admits exactly that role."""
    h = hubs(name)
    told: set[tuple[str, str]] = set()
    for component in h.components:
        module = h.hub_module(component)
        for target in module.resources("aws_cloudwatch_event_target").values():
            if target["arn"].split(":")[4] == module.account:
                assert "role_arn" not in target
                continue
            role = h.role("models", f"acme-{component}-events")
            assert target["role_arn"] == role
            assert target["dead_letter_config"] == [
                {"arn": h.arn("models", "sqs", f"acme-{component}-undelivered")}
            ]
            (puts,) = [s for s in h.identity(role) if target["arn"] in s["Resource"]]
            assert puts["Action"] == ["events:PutEvents"]
            account = target["arn"].split(":")[4]
            (statement,) = h.accounts[account].resources[target["arn"]]["Statement"]
            assert admitted(statement) == [role]
            assert statement["Resource"] == [target["arn"]]
            told.add((component, account))
    expected = {
        (e.component, h.id(e.account))
        for e in h.endpoints
        if e.pinned is None and e.account != "models"
    }
    assert told == expected


def test_7_the_event_s_role_is_the_rules_only(name: str) -> None:
    h = hubs(name)
    for component in h.components:
        module = h.hub_module(component)
        roles = module.resources("aws_iam_role")
        rules = [
            t["rule"]
            for t in module.resources("aws_cloudwatch_event_target").values()
            if "role_arn" in t
        ]
        assert ("events" in roles) == bool(rules)
        if rules:
            (trust,) = json.loads(roles["events"]["assume_role_policy"])["Statement"]
            assert trust["Principal"] == {"Service": "events.amazonaws.com"}
            assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": h.id("models")}
            pattern = trust["Condition"]["ArnLike"]["aws:SourceArn"]
            arns = [h.arn("models", "events", f"rule/{rule}") for rule in rules]
            assert all(like(arn, pattern) for arn in arns)
            assert not like(h.arn("models", "events", "rule/another"), pattern)


def test_7_each_function_hears_of_approvals_and_rejections(name: str) -> None:
    """From the hub's rule to the target's bus, its rule, the permission and the function."""
    h = hubs(name)
    for endpoint in h.endpoints:
        if endpoint.pinned is not None:
            continue
        module, group = endpoint.module, endpoint.group.rpartition("/")[2]
        central = endpoint.account == "models"
        if not central:
            passing = [
                pattern
                for pattern in patterns(h.hub_module(endpoint.component))
                if matches(pattern, group)
            ]
            assert passing
        arn = function_arn(endpoint)
        ours = {
            label: target
            for label, target in module.resources("aws_cloudwatch_event_target").items()
            if target["arn"] == arn
        }
        assert len(ours) == 3
        for label in ours:
            permission = module.body("aws_lambda_permission", label)
            rule = module.attribute("aws_cloudwatch_event_rule", label, "arn")
            assert permission["source_arn"] == rule
            assert permission["principal"] == "events.amazonaws.com"
            assert permission["source_account"] == module.account
            assert permission["function_name"] == function(endpoint)["function_name"]
        rules = {label: module.body("aws_cloudwatch_event_rule", label) for label in ours}
        (hourly,) = [r for r in rules.values() if "schedule_expression" in r]
        assert hourly["schedule_expression"] == "rate(1 hour)"
        bus = f"acme-{endpoint.component}-approvals"
        (approved,) = [
            r for r in rules.values() if "event_pattern" in r and matches(pattern_of(r), group)
        ]
        assert approved.get("event_bus_name") == (None if central else bus)
        changed = [r for r in rules.values() if r.get("event_pattern") and r is not approved]
        assert pattern_of(changed[0])["detail"] == {"EndpointName": [endpoint.name]}


def pattern_of(rule: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rule["event_pattern"])
    return found


def patterns(module: Any) -> list[dict[str, Any]]:
    rules = module.resources("aws_cloudwatch_event_rule").values()
    return [pattern_of(rule) for rule in rules if "event_pattern" in rule]


def matches(pattern: dict[str, Any], group: str) -> bool:
    """Whether an approval, and a rejection, of the group would pass."""
    detail = pattern["detail"]
    if pattern["detail-type"] != ["SageMaker Model Package State Change"]:
        return False
    return group in detail["ModelPackageGroupName"] and {"Approved", "Rejected"} <= set(
        detail["ModelApprovalStatus"]
    )


def function_arn(endpoint: Any) -> str:
    name = function(endpoint)["function_name"]
    found: str = endpoint.hubs.arn(endpoint.account, "lambda", f"function:{name}")
    return found


def test_8_bucket(name: str) -> None:
    """The hub's key by default, another key and plain transport refused, on bucket and objects."""
    h = hubs(name)
    for component in h.components:
        module = h.hub_module(component)
        (rule,) = module.body("aws_s3_bucket_server_side_encryption_configuration", "artifacts")[
            "rule"
        ]
        assert rule["apply_server_side_encryption_by_default"] == [
            {"sse_algorithm": "aws:kms", "kms_master_key_id": h.key(component)}
        ]
        policy = h.accounts[h.id("models")].resources[h.bucket(component)]
        denied = {s["Sid"]: s for s in policy["Statement"] if s["Effect"] == "Deny"}
        both = [h.bucket(component), f"{h.bucket(component)}/*"]
        assert denied["DenyInsecureTransport"]["Resource"] == both
        wrong_key = denied["DenyWrongKey"]["Condition"]["StringNotEquals"]
        assert wrong_key == {"s3:x-amz-server-side-encryption-aws-kms-key-id": h.key(component)}


def test_9_roles_are_passed_one_by_one(name: str) -> None:
    h = hubs(name)
    for where, _, s in h.statements():
        if "iam:PassRole" in s["Action"]:
            assert s["Action"] == ["iam:PassRole"], where
            (role,) = s["Resource"]
            assert role in {e.execution for e in h.endpoints}, where
            assert s["Condition"] == {
                "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
            }


def test_10_nothing_is_granted_wholesale(name: str) -> None:
    h = hubs(name)
    for module in h.modules.values():
        assert "aws_iam_role_policy_attachment" not in module.document["resource"]
        assert "FullAccess" not in json.dumps(module.document)
    for where, side, s in h.statements():
        if s["Effect"] == "Allow":
            assert not [a for a in s["Action"] if a.endswith(":*") or a == "*"], where
        if side == "identity" and "*" in s["Resource"]:
            describing = {a for a in s["Action"] if a.startswith("ec2:Describe")}
            assert set(s["Action"]) - describing <= UNBOUND, where


def test_actions_are_of_their_resources(name: str) -> None:
    """Every action exists and can name the resources that it stands with."""
    h = hubs(name)
    versions = ":model-package/"
    for where, side, s in h.statements():
        if side not in ("identity", "resource") or s["Effect"] == "Deny":
            continue
        for action in s["Action"]:
            known = matching_actions(action)
            for resource in s.get("Resource", []):
                if resource == "*" or (action == "sagemaker:CreateModel" and versions in resource):
                    continue
                assert any(arn_matches_resource_type(each, resource) for each in known), (
                    where,
                    action,
                    resource,
                )


def test_who_owns_the_endpoint(name: str) -> None:
    """Terraform where a version is pinned, the function where not; never both, never a version."""
    h = hubs(name)
    for endpoint in h.endpoints:
        made = endpoint.module.resources("aws_sagemaker_endpoint").values()
        owned = [e for e in made if e["name"] == endpoint.name]
        functions = endpoint.module.resources("aws_lambda_function").values()
        told = [f["environment"][0]["variables"]["ENDPOINT_NAME"] for f in functions]
        assert (len(owned), told.count(endpoint.name)) == ((0, 1), (1, 0))[bool(endpoint.pinned)]


def test_pinned_models_are_of_the_version(name: str) -> None:
    h = hubs(name)
    for endpoint in h.endpoints:
        if endpoint.pinned is None:
            continue
        models = endpoint.module.resources("aws_sagemaker_model").values()
        package = f"{endpoint.packages}/{endpoint.pinned}"
        start = f"acme-{endpoint.component}-{endpoint.name}".lower()
        (model,) = [m for m in models if m["name"].startswith(f"{start}-{endpoint.pinned:08d}-")]
        assert model["primary_container"] == [{"model_package_name": package}]
        assert model["execution_role_arn"] == endpoint.execution
        assert len(model["name"]) <= 63


def test_a_pinned_endpoint_rolls_back_by_its_alarms(name: str) -> None:
    for module in hubs(name).modules.values():
        alarms = {a["alarm_name"] for a in module.resources("aws_cloudwatch_metric_alarm").values()}
        for endpoint in module.resources("aws_sagemaker_endpoint").values():
            (deployment,) = endpoint["deployment_config"]
            (rollback,) = deployment["auto_rollback_configuration"]
            named = {alarm["alarm_name"] for alarm in rollback["alarms"]}
            assert len(named) == 2
            assert named <= alarms


def test_a_rollback_fails_the_apply(name: str) -> None:
    """The provider does not see one, and would let the configuration that serves be destroyed."""
    for module in hubs(name).modules.values():
        resources = module.document["resource"]
        for label, endpoint in resources.get("aws_sagemaker_endpoint", {}).items():
            (checked,) = endpoint["lifecycle"]["postcondition"]
            configuration = f"aws_sagemaker_endpoint_configuration.{label}.name"
            assert checked["condition"] == f"${{self.endpoint_config_name == {configuration}}}"
            assert endpoint["endpoint_config_name"] == f"${{{configuration}}}"


def test_scaling_where_there_is_room(name: str) -> None:
    h = hubs(name)
    for endpoint in h.endpoints:
        given = endpoint.given["endpoint"]
        low, high = given.get("min", 1), given.get("max", 1)
        if endpoint.pinned is None:
            variables = function(endpoint)["environment"][0]["variables"]
            assert (variables["MIN_INSTANCES"], variables["MAX_INSTANCES"]) == (str(low), str(high))
            continue
        targets = endpoint.module.resources("aws_appautoscaling_target").values()
        id = f"endpoint/{endpoint.name}/variant/AllTraffic"
        found = [(t["min_capacity"], t["max_capacity"]) for t in targets if t["resource_id"] == id]
        for target in targets:
            # Or SageMaker refuses the update to another instance type.
            (trigger,) = target["lifecycle"]["replace_triggered_by"]
            assert trigger.startswith("aws_sagemaker_endpoint_configuration.")
        assert found == ([(low, high)] if high > low else [])


def test_the_archive_is_complete(name: str) -> None:
    """The handler is in it, and every module that its modules import."""
    h = hubs(name)
    for endpoint in h.endpoints:
        if endpoint.pinned is not None:
            continue
        files = zipfile.ZipFile(BytesIO(endpoint.module.assets["assets/deployer.zip"]))
        package, module, handler = function(endpoint)["handler"].split(".")
        source = files.read(f"{package}/{module}.py").decode()
        assert f"\ndef {handler}(" in source
        imported = {
            word.strip(" ,()")
            for file in files.namelist()
            for line in files.read(file).decode().splitlines()
            if line.startswith("from . import ")
            for word in line.removeprefix("from . import ").split(",")
        } | {
            line.split()[1][1:]
            for file in files.namelist()
            for line in files.read(file).decode().splitlines()
            if line.startswith("from .") and not line.startswith("from . ")
        }
        assert {f"{package}/{each}.py" for each in imported} <= set(files.namelist())


def test_log_groups_and_keys(name: str) -> None:
    """Every log group has a retention and a key that CloudWatch may use for it; keys rotate."""
    h = hubs(name)
    for module in h.modules.values():
        for key in module.resources("aws_kms_key").values():
            assert key["enable_key_rotation"] is True
            assert key["deletion_window_in_days"] >= 7
        for group in module.resources("aws_cloudwatch_log_group").values():
            assert group["retention_in_days"] == 90
            arn = module.arn("logs", f"log-group:{group['name']}")
            policies = [policy for (_, side), policy in module.policies().items() if side == "key"]
            admitting = [
                s
                for policy in policies
                for s in policy["Statement"]
                if s["Sid"] == "EncryptLogs"
                and arn in s["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
            ]
            assert admitting


def test_registrars_cannot_approve(name: str) -> None:
    """What they register waits; only the approvers of the hub's account decide."""
    h = hubs(name)
    deciding = {
        role
        for role in h.roles()
        for s in h.identity(role)
        if "sagemaker:UpdateModelPackage" in s["Action"]
    }
    assert deciding == {role for component in h.components for role in h.approvers(component)}
    found = set()
    for role in h.roles():
        for s in h.identity(role):
            if "sagemaker:CreateModelPackage" in s["Action"]:
                wanted = {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}
                assert s["Condition"] == {"StringEquals": wanted}
                found |= {(role, r) for r in s["Resource"]}
    expected = set()
    for role, component, group in h.registrars():
        arn = h.group(component, group)
        expected |= {(role, arn), (role, f"{arn.replace('-group/', '/')}/*")}
    assert found == expected


def test_accounts_that_register_have_a_role_for_it(name: str) -> None:
    """Made there for jobs of SageMaker of that account; where a role is named, nothing is made."""
    h = hubs(name)
    expected = {
        (f"aws/{account}/{component}", h.role(account, f"acme-{component}-register"))
        for component in h.components
        for given in h.component(component).get("register_from", [])
        if isinstance(given, str) or "role" not in given
        for account in ([given] if isinstance(given, str) else given["account"])
    }
    found = set()
    for path, module in h.modules.items():
        for label, body in module.resources("aws_iam_role").items():
            if label == "register":
                role = h.role(path.split("/")[1], body["name"])
                found.add((path, role))
                (trust,) = h.roles()[role].trust["Statement"]
                assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
                assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": module.account}}
                assert module.document["output"]["register_role_arn"]["value"] == role
    assert found == expected
    assert bool(found) == (name == "people")


def test_outputs(name: str) -> None:
    h = hubs(name)
    for component in h.components:
        outputs = h.hub_module(component).document["output"]
        assert {"bucket", "key_arn", "group_arns", "artifact_prefixes"} <= set(outputs)
        groups = h.component(component)["groups"]
        assert outputs["group_arns"]["value"] == {g: h.group(component, g) for g in groups}
    for endpoint in h.endpoints:
        outputs = endpoint.module.document["output"]
        assert endpoint.arn in outputs["endpoint_arns"]["value"].values()
        assert endpoint.execution in outputs["execution_role_arns"]["value"].values()
        if endpoint.pinned is None:
            assert function_arn(endpoint) in outputs["deployer_arns"]["value"].values()
