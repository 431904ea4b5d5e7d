"""The acceptance checks of a pipeline, read off the generated documents of every variant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from compiler.data.iam import arn_matches_resource_type, matching_actions
from tests.kinds.pipeline import Pipeline
from tests.kinds.questions import key_uses
from tests.kinds.variants import VARIANTS, pipeline
from tests.terraform.conditions import like

pytestmark = pytest.mark.parametrize("name", VARIANTS)

USES = ("Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "CreateGrant", "Sign", "Verify")
UNBOUND = {
    "cloudformation:ValidateTemplate",
    "cloudwatch:PutMetricData",
    "codepipeline:PutJobFailureResult",
    "codepipeline:PutJobSuccessResult",
    "ecr:GetAuthorizationToken",
}


def identity_statements(p: Pipeline, role: str) -> list[dict[str, Any]]:
    policies = p.roles()[role].identity.values()
    return [statement for policy in policies for statement in policy["Statement"]]


def all_statements(p: Pipeline) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for module in p.modules.values():
        for (address, side), policy in module.policies().items():
            for statement in policy["Statement"]:
                yield f"{module.path} {address}", side, statement


def effective_principal(statement: dict[str, Any]) -> str:
    """The one role that a statement admits, in either of its two spellings."""
    named = statement["Principal"]["AWS"]
    assert isinstance(named, str)
    if not named.endswith(":root"):
        return named
    exact = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    assert isinstance(exact, str)
    assert "*" not in exact
    assert exact.split(":")[4] == named.split(":")[4]
    return exact


def test_1_key_users(name: str) -> None:
    p = pipeline(name)
    users = {
        effective_principal(s)
        for s in p.key_policy()["Statement"]
        if s["Sid"] != "Administration" and s["Effect"] == "Allow"
    }
    assert users == set(key_uses(p))


def test_2_key_administration(name: str) -> None:
    """Only the own account's root administers, and administration is no use."""
    p = pipeline(name)
    for module in p.modules.values():
        for (_, side), policy in module.policies().items():
            if side != "key":
                continue
            first, *others = policy["Statement"]
            assert first["Principal"] == {"AWS": f"arn:{p.partition}:iam::{module.account}:root"}
            assert not [a for a in first["Action"] if "*" in a or a[4:].startswith(USES)]
            needed = {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:EnableKeyRotation"}
            assert needed <= set(first["Action"])
            administration = set(first["Action"]) - {"kms:DescribeKey"}
            for statement in others:
                assert not administration & set(statement["Action"])
                assert all(
                    action[4:].startswith((*USES, "Describe")) for action in statement["Action"]
                )


def test_3_no_whole_account_is_a_principal(name: str) -> None:
    p = pipeline(name)
    for where, _, statement in all_statements(p):
        principal = statement.get("Principal")
        if statement["Effect"] == "Deny" or principal is None or "Service" in principal:
            continue
        if statement["Sid"] != "Administration":
            assert effective_principal(statement), where


def test_4_action_roles(name: str) -> None:
    p = pipeline(name)
    acting = {action["role_arn"] for _, action in p.actions() if "role_arn" in action}
    assumed = {
        resource
        for s in identity_statements(p, p.pipeline_role)
        if "sts:AssumeRole" in s["Action"]
        for resource in s["Resource"]
    }
    trusting = {
        arn
        for arn, role in p.roles().items()
        if [effective_principal(s) for s in role.trust["Statement"] if "AWS" in s["Principal"]]
        == [p.pipeline_role]
    }
    expected = {p.train_action, *map(p.deploy_action, p.production)}
    assert acting == assumed == trusting == expected


def test_5_artifact_store(name: str) -> None:
    p = pipeline(name)
    (store,) = p.codepipeline["artifact_store"]
    assert store["encryption_key"] == [{"type": "KMS", "id": p.key}]
    written = p.module(p.shared).document["resource"]["aws_codepipeline"]["pipeline"]
    assert written["artifact_store"][0]["encryption_key"][0]["id"] == "${aws_kms_key.artifacts.arn}"
    assert store["location"] == p.bucket.rpartition(":")[2]
    assert not [a for _, a in p.actions() if a.get("region", p.region) != p.region]


def test_6_bucket_halves_agree(name: str) -> None:
    """A role's identity policy and the bucket's say the same: role, action, resource, prefix."""
    p = pipeline(name)
    home = p.id(p.shared)
    asked = {
        (role, action, resource, *prefixes(s))
        for role in p.roles()
        if role.split(":")[4] != home
        for s in identity_statements(p, role)
        for action in s["Action"]
        for resource in s["Resource"]
        if action.startswith("s3:") and resource.startswith(p.bucket)
    }
    admitted = {
        (effective_principal(s), action, resource, *prefixes(s))
        for s in p.bucket_policy()["Statement"]
        if s["Effect"] == "Allow"
        for action in s["Action"]
        for resource in s["Resource"]
    }
    assert asked == admitted


def prefixes(statement: dict[str, Any]) -> list[str]:
    return list(statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix", []))


def test_7_bucket_guards(name: str) -> None:
    p = pipeline(name)
    denies = {s["Sid"]: s for s in p.bucket_policy()["Statement"] if s["Effect"] == "Deny"}
    header = "s3:x-amz-server-side-encryption"
    transport = denies.pop("DenyInsecureTransport")
    assert transport["Resource"] == [p.bucket, f"{p.bucket}/*"]
    assert transport["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    customer = denies.pop("DenyCustomerKeys")
    assert (customer["Principal"], customer["Action"]) == ("*", ["s3:PutObject"])
    assert customer["Resource"] == [f"{p.bucket}/*"]
    assert customer["Condition"] == {"Null": {f"{header}-customer-algorithm": "false"}}
    expected = {
        "DenyWrongAlgorithm": (header, "aws:kms"),
        "DenyWrongKey": (f"{header}-aws-kms-key-id", p.key),
    }
    assert set(denies) == set(expected)
    for sid, (key, value) in expected.items():
        assert denies[sid]["Principal"] == "*"
        assert denies[sid]["Action"] == ["s3:PutObject"]
        assert denies[sid]["Resource"] == [f"{p.bucket}/*"]
        wanted = {"Null": {key: "false"}, "StringNotEquals": {key: value}}
        assert denies[sid]["Condition"] == wanted
    module = p.module(p.shared)
    encryption = module.body("aws_s3_bucket_server_side_encryption_configuration", "artifacts")
    (rule,) = encryption["rule"]
    default = {"sse_algorithm": "aws:kms", "kms_master_key_id": p.key}
    assert rule["apply_server_side_encryption_by_default"] == [default]
    assert rule["bucket_key_enabled"] is True
    block = module.body("aws_s3_bucket_public_access_block", "artifacts")
    assert [
        value for key, value in block.items() if key.startswith(("block", "ignore", "restrict"))
    ]
    assert all(block[key] is True for key in block if key.startswith(("block", "ignore", "restr")))


def test_8_exactly_one_trigger(name: str) -> None:
    p = pipeline(name)
    module = p.module(p.shared)
    arn = p.arn(p.shared, "codepipeline", "acme-churn-pipeline")
    targets = [
        t for t in module.resources("aws_cloudwatch_event_target").values() if t["arn"] == arn
    ]
    triggers = p.codepipeline.get("trigger", [])
    assert len(targets) + len(triggers) == 1
    (source,) = [a for stage, a in p.actions() if stage == "Source"]
    detection = "DetectChanges" if p.source == "codeconnections" else "PollForSourceChanges"
    assert source["configuration"][detection] == "false"
    for target in targets:
        rule = module.body("aws_cloudwatch_event_rule", target["rule"].removeprefix("acme-churn-"))
        pattern = json.loads(rule["event_pattern"])
        text = json.dumps(pattern)
        watched = p.bucket.rpartition(":")[2] if p.source == "s3" else f"{p.id(p.shared)}:churn"
        assert watched in text
        assert target["role_arn"] == p.start
    if p.source == "s3":
        assert module.body("aws_s3_bucket_notification", "artifacts")["eventbridge"] is True


def test_9_approval_between(name: str) -> None:
    p = pipeline(name)
    actions = [action for _, action in p.actions()]
    (approval,) = [n for n, a in enumerate(actions) if a["category"] == "Approval"]
    before = {a.get("role_arn") for a in actions[:approval]}
    after = [a.get("role_arn") for a in actions[approval + 1 :]]
    assert before <= {None, p.train_action}
    assert after == [p.deploy_action(account) for account in p.production]
    stages = [stage["name"] for stage in p.codepipeline["stage"]]
    assert stages.index("Approve") == stages.index("Train") + 1


def test_10_deployer_and_reporter(name: str) -> None:
    p = pipeline(name)
    for account in p.production:
        does = {a for s in identity_statements(p, p.deployer(account)) for a in s["Action"]}
        makes = ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint")
        assert {f"sagemaker:{action}" for action in makes} <= does
        passes = [
            s for s in identity_statements(p, p.deployer(account)) if "iam:PassRole" in s["Action"]
        ]
        assert [s["Resource"] for s in passes] == [[p.serve(account)]]
        (statement,) = identity_statements(p, p.reporter(account))
        results = ["codepipeline:PutJobFailureResult", "codepipeline:PutJobSuccessResult"]
        assert statement["Action"] == results
        function = p.module(account).body("aws_lambda_function", "deployer")
        environment = function["environment"][0]["variables"]
        assert function["role"] == p.deployer(account)
        assert environment["REPORTER_ROLE_ARN"] == p.reporter(account)
        assert environment["EXECUTION_ROLE_ARN"] == p.serve(account)


def test_the_deployer_s_events_are_kept_nowhere(name: str) -> None:
    """They hold credentials of the artifacts: no queue or topic for those that fail."""
    p = pipeline(name)
    for account in p.production:
        module = p.module(account)
        assert "aws_sqs_queue" not in module.document["resource"]
        assert "dead_letter_config" not in module.body("aws_lambda_function", "deployer")
        invoked = module.body("aws_lambda_function_event_invoke_config", "deployer")
        assert invoked == {
            "function_name": "acme-churn-deployer",
            "maximum_retry_attempts": 1,
        }


def test_11_each_trust_has_one_principal(name: str) -> None:
    p = pipeline(name)
    for arn, role in p.roles().items():
        if "/acme-churn-" not in arn:
            continue  # exists already
        (statement,) = role.trust["Statement"]
        assert statement["Action"] == ["sts:AssumeRole"]
        (kind,) = statement["Principal"]
        assert kind == "Service" or effective_principal(statement) in p.roles()
        assert isinstance(statement["Principal"][kind], str)


def test_12_training_by_a_state_machine(name: str) -> None:
    p = pipeline(name)
    does = {a for s in identity_statements(p, p.machine_role) for a in s["Action"]}
    events = {"events:PutRule", "events:PutTargets", "events:DescribeRule"}
    assert events | {"sagemaker:AddTags", "sagemaker:StopTrainingJob"} <= does
    train = machine(p)["States"]["Train"]
    assert train["Resource"] == f"arn:{p.partition}:states:::sagemaker:createTrainingJob.sync"
    assert train["Parameters"]["OutputDataConfig"]["KmsKeyId.$"] == "$.kms_key_arn"


def machine(p: Pipeline) -> dict[str, Any]:
    """The definition of the state machine, from wherever it is made."""
    if p.by_cloudformation:
        template = json.loads(p.module(p.shared).assets["assets/source/state-machine.json"])
        found = template["Resources"]["StateMachine"]["Properties"]["Definition"]
    else:
        found = json.loads(
            p.module(p.training).body("aws_sfn_state_machine", "train")["definition"]
        )
    assert isinstance(found, dict)
    return found


def test_13_actions_belong_to_their_resources(name: str) -> None:
    """By the service authorization reference: each action exists and takes such a resource."""
    p = pipeline(name)
    for where, side, statement in all_statements(p):
        for written in statement["Action"]:
            known = matching_actions(written)
            assert known, (where, written)
            assert not written.endswith(":*") or statement["Effect"] == "Deny", where
            for resource in statement["Resource"] if side == "identity" else ():
                # A connection has the new spelling in its ARN, whichever way it is asked for.
                arn = resource.replace(":codeconnections:", f":{written.partition(':')[0]}:")
                fits = [a for a in known if arn_matches_resource_type(a, arn)]
                assert resource == "*" or fits, (where, written, resource)


def test_resources_are_named(name: str) -> None:
    """`Resource: "*"` only where the service knows none, and in key policies (the key itself)."""
    p = pipeline(name)
    for where, side, statement in all_statements(p):
        if side == "key" or "*" not in statement.get("Resource", []):
            continue
        for action in statement["Action"]:
            free = action in UNBOUND or action.startswith(("logs:", "ec2:Describe"))
            assert free, (where, action)
        if "cloudwatch:PutMetricData" in statement["Action"]:
            assert "cloudwatch:namespace" in json.dumps(statement["Condition"]), where


def test_roles_are_passed_exactly(name: str) -> None:
    p = pipeline(name)
    for role in p.roles():
        for statement in identity_statements(p, role):
            if "iam:PassRole" not in statement["Action"]:
                continue
            (passed,) = statement["Resource"]
            assert passed in p.roles()
            service = statement["Condition"]["StringEquals"]["iam:PassedToService"]
            (trust,) = p.roles()[passed].trust["Statement"]
            assert trust["Principal"] == {"Service": service}
            assert statement["Action"] == ["iam:PassRole"]


def test_principals_stand_where_they_belong(name: str) -> None:
    p = pipeline(name)
    for where, side, statement in all_statements(p):
        assert ("Principal" in statement) == (side != "identity"), where
        if statement["Effect"] == "Allow":
            assert statement.get("Principal") != "*", where
            assert "*" not in json.dumps(statement.get("Principal", "")), where


def test_sids_are_unique(name: str) -> None:
    p = pipeline(name)
    for module in p.modules.values():
        for policy in module.policies().values():
            sids = [statement["Sid"] for statement in policy["Statement"]]
            assert len(sids) == len(set(sids))
            assert all(sid.isalnum() for sid in sids)


def test_every_stack_is_tied_to_its_account(name: str) -> None:
    p = pipeline(name)
    for module in p.modules.values():
        (provider,) = module.document["provider"]["aws"]
        assert provider["allowed_account_ids"] == [module.account]
        assert provider["region"] == p.region
        assert provider["default_tags"][0]["tags"]["owner"] == "ml-platform"
        terraform = module.document["terraform"]
        assert terraform["required_providers"]["aws"]["source"] == "hashicorp/aws"


def test_keys_rotate_and_logs_end(name: str) -> None:
    p = pipeline(name)
    for module in p.modules.values():
        for key in module.resources("aws_kms_key").values():
            assert key["enable_key_rotation"] is True
            assert 7 <= key["deletion_window_in_days"] <= 30
        for group in module.resources("aws_cloudwatch_log_group").values():
            assert group["retention_in_days"] == 90
            assert group["kms_key_id"].startswith("arn:")


def test_a_key_admits_publishers_of_its_own_topics_only(name: str) -> None:
    """A service that publishes to no topic with the key has nothing to do with it."""
    for module in pipeline(name).modules.values():
        topics = [str(topic) for topic in module.resources("aws_sns_topic").values()]
        for (address, side), policy in module.policies().items():
            if any(s["Sid"].startswith("PublishFrom") for s in policy["Statement"]):
                assert side == "key"
                assert topics, f"{module.path} {address}"


def test_roles_named_by_their_arn_exist_first(name: str) -> None:
    """A trust or key policy of the same account names a role by its ARN: IAM wants it to exist."""
    p = pipeline(name)
    for module in p.modules.values():
        roles = {
            f"arn:{p.partition}:iam::{module.account}:role/{body['name']}": key
            for key, body in module.resources("aws_iam_role").items()
        }
        for type in ("aws_iam_role", "aws_kms_key"):
            for body in module.resources(type).values():
                text = body["assume_role_policy" if type == "aws_iam_role" else "policy"]
                named = [s["Principal"].get("AWS") for s in json.loads(text)["Statement"]]
                waits = {f"aws_iam_role.{roles[arn]}" for arn in named if arn in roles}
                assert waits == set(body.get("depends_on", []))


def test_roles_that_exist_already_need_not_exist(name: str) -> None:
    """KMS refuses a policy with a role that is not there, and IAM pins one that is to its id."""
    p = pipeline(name)
    ours = {arn for arn in p.roles() if "/acme-churn-" in arn}
    admitted = set()
    for where, _, statement in all_statements(p):
        principal = statement.get("Principal")
        if isinstance(principal, dict) and "AWS" in principal:
            named = principal["AWS"]
            assert named.endswith(":root") or named in ours, where
            exact = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn")
            admitted.add(exact)
    assert {*p.uploaders, *p.source_uploaders} <= admitted


def test_the_pipeline_is_within_its_limits(name: str) -> None:
    p = pipeline(name)
    assert p.codepipeline["pipeline_type"] == "V2"
    assert p.codepipeline["execution_mode"] == "QUEUED"
    names = [action["name"] for _, action in p.actions()]
    assert len(p.codepipeline["stage"]) <= 50
    assert all(len(each) <= 100 for each in names)
    for _, action in p.actions():
        for value in action["configuration"].values():
            assert 0 < len(value) <= 1000


def test_service_roles_guard_against_confused_deputies(name: str) -> None:
    p = pipeline(name)
    guarded = ("codepipeline", "states", "sagemaker", "events")
    for arn, role in p.roles().items():
        for statement in role.trust["Statement"]:
            service = statement["Principal"].get("Service", "")
            if service.startswith(guarded):
                account = statement["Condition"]["StringEquals"]["aws:SourceAccount"]
                assert account == arn.split(":")[4]


def test_tables_of_resources_cover_what_is_made(name: str) -> None:
    """The names that the pipeline's roles may touch are those that are made."""
    p = pipeline(name)
    for account in p.production:
        environment = p.module(account).body("aws_lambda_function", "deployer")["environment"][0]
        prefix = environment["variables"]["NAME_PREFIX"]
        models = [
            resource
            for s in identity_statements(p, p.deployer(account))
            if "sagemaker:CreateModel" in s["Action"]
            for resource in s["Resource"]
        ]
        made = p.arn(account, "sagemaker", f"model/{prefix}-0a1b2c3d-0123456789ab")
        assert any(like(made, pattern) for pattern in models)
