"""What every account gets: guards, passwords, the deploy role's trust, budget, state bucket."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.compilation import Compilation, compile_blueprints
from tests.kinds.documents import Module
from tests.terraform.evaluate import evaluate
from tests.terraform.policies import Account, Role

GITHUB = "token.actions.githubusercontent.com"
BASE: dict[str, Any] = {
    "landform": 1,
    "organization": {"name": "acme", "aws": {"id": "o-abc123defg"}},
    "defaults": {"aws": {"region": "eu-west-1"}},
    "accounts": {"one": {"id": "111111111111"}, "two": {"id": "222222222222"}},
    "deploy": {"aws": {"role": "landform-deploy"}},
    "state": {"aws": {"bucket": "acme-tfstate", "region": "eu-west-1"}},
    "components": {
        "baseline": {
            "kind": "account-baseline",
            "for_each": {"accounts": "**"},
            "deploy_from": {
                "github": {"owner": "acme", "repository": "platform"},
                "policies": ["PowerUserAccess", "job-function/Billing"],
            },
            "budget": {"monthly_usd": 1000, "notify": ["b@acme.example", "a@acme.example"]},
            "state_bucket": "{{ account.name == 'one' }}",
        }
    },
}


def compilation(**changes: Any) -> Compilation:
    """The blueprint with changes of its only component, and `top` of its top level."""
    top = changes.pop("top", {})
    component = {**BASE["components"]["baseline"], "for_each": {"accounts": {"unit": "**"}}}
    component |= changes
    component = {key: value for key, value in component.items() if value is not None}
    value = {**BASE, **top, "components": {"baseline": component}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in value.items() if v is not None}))
        return compile_blueprints(path)


def module(account: str = "one", **changes: Any) -> Module:
    """The baseline's root module in an account."""
    compiled = compilation(**changes)
    assert not compiled.diagnostics
    (found,) = [s for s in compiled.blueprints[0].stacks if s.account == account]
    documents = compiled.blueprints[0].documents
    partition = compiled.blueprints[0].world.organization.partition
    document = documents[found.path]
    return Module(found.path, found.account_id, found.region, partition, document, {})


def test_guards() -> None:
    found = module()
    block = found.body("aws_s3_account_public_access_block", "account")
    assert block == dict.fromkeys(
        (
            "block_public_acls",
            "block_public_policy",
            "ignore_public_acls",
            "restrict_public_buckets",
        ),
        True,
    )
    assert found.body("aws_ebs_encryption_by_default", "account") == {"enabled": True}
    analyzer = found.body("aws_accessanalyzer_analyzer", "account")
    assert analyzer == {"analyzer_name": "acme-baseline-analyzer", "type": "ACCOUNT"}


def test_passwords_are_within_iam_s_limits() -> None:
    """API reference, UpdateAccountPasswordPolicy: length 6-128, age 1-1095, remembered 1-24."""
    policy = module().body("aws_iam_account_password_policy", "account")
    assert 14 <= policy["minimum_password_length"] <= 128
    assert 1 <= policy["max_password_age"] <= 1095
    assert 1 <= policy["password_reuse_prevention"] <= 24
    assert policy["allow_users_to_change_password"] is True
    required = ("lowercase", "uppercase")
    assert all(policy[f"require_{kind}_characters"] for kind in required)
    assert policy["require_numbers"] is True
    assert policy["require_symbols"] is True
    assert "hard_expiry" not in policy


def test_what_is_not_wanted_is_left_out() -> None:
    found = module(
        password_policy=False,
        access_analyzer=False,
        budget=None,
        deploy_from=None,
        state_bucket=None,
    )
    assert set(found.document["resource"]) == {
        "aws_s3_account_public_access_block",
        "aws_ebs_encryption_by_default",
    }


def deploy_trust(found: Module) -> dict[str, Any]:
    trust: dict[str, Any] = json.loads(found.body("aws_iam_role", "deploy")["assume_role_policy"])
    return trust


def test_only_the_workflow_s_branch_may_deploy() -> None:
    found = module()
    provider = found.body("aws_iam_openid_connect_provider", "github")
    assert provider == {"url": f"https://{GITHUB}", "client_id_list": ["sts.amazonaws.com"]}
    workflow, _ = deploy_trust(found)["Statement"]
    arn = f"arn:aws:iam::111111111111:oidc-provider/{GITHUB}"
    assert workflow["Principal"] == {"Federated": arn}
    assert workflow["Action"] == ["sts:AssumeRoleWithWebIdentity"]
    assert workflow["Condition"] == {
        "StringEquals": {
            f"{GITHUB}:aud": "sts.amazonaws.com",
            f"{GITHUB}:sub": "repo:acme/platform:ref:refs/heads/main",
        }
    }
    role = found.body("aws_iam_role", "deploy")
    assert role["depends_on"] == ["aws_iam_openid_connect_provider.github"]


def github(**changes: str) -> dict[str, Any]:
    given = BASE["components"]["baseline"]["deploy_from"]
    return {**given, "github": {**given["github"], **changes}}


def test_immutable_subject_claims() -> None:
    """Owner and repository each with their id, as GitHub's documentation shows it."""
    found = module(deploy_from=github(owner_id="123456", repository_id="456789"))
    workflow, _ = deploy_trust(found)["Statement"]
    subject = workflow["Condition"]["StringEquals"][f"{GITHUB}:sub"]
    assert subject == "repo:acme@123456/platform@456789:ref:refs/heads/main"


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ({"owner_id": "1"}, "needs repository_id"),
        ({"repository_id": "1"}, "needs owner_id"),
        ({"owner_id": "1", "repository_id": "*"}, "a number that GitHub gave"),
        ({"owner_id": "a1", "repository_id": "1"}, "a number that GitHub gave"),
    ],
)
def test_ids_are_two_numbers(ids: dict[str, str], words: str) -> None:
    found = compilation(deploy_from=github(**ids)).diagnostics
    assert {d.code for d in found} == {"E204"}
    assert words in found[0].message


def test_the_role_may_ask_to_become_itself_only() -> None:
    """The other half of its trust, which names the account's root."""
    policy = module().body("aws_iam_role_policy", "deploy")
    assert (policy["name"], policy["role"]) == ("access", "landform-deploy")
    itself, *others = json.loads(policy["policy"])["Statement"]
    assert {s["Sid"] for s in others} == {"DeployOneKeepsState", "DeployOneListsStates"}
    assert itself == {
        "Sid": "DeployOneBecomesItself",
        "Effect": "Allow",
        "Action": ["sts:AssumeRole"],
        "Resource": ["arn:aws:iam::111111111111:role/landform-deploy"],
    }


def test_an_existing_provider_is_not_made() -> None:
    given = {**BASE["components"]["baseline"]["deploy_from"], "existing_provider": True}
    found = module(deploy_from=given)
    assert "aws_iam_openid_connect_provider" not in found.document["resource"]
    assert "depends_on" not in found.body("aws_iam_role", "deploy")


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("arn:aws:iam::111111111111:role/landform-deploy", True),
        ("arn:aws:iam::111111111111:role/other", False),
        ("arn:aws:iam::222222222222:role/landform-deploy", False),
    ],
)
def test_the_role_may_become_itself_and_nobody_else_may(principal: str, expected: bool) -> None:
    """The provider block assumes it by name, also where the workflow has it already."""
    arn = "arn:aws:iam::111111111111:role/landform-deploy"
    roles = {"landform-deploy": Role(arn, deploy_trust(module()), {})}
    accounts = {id: Account(id, roles if id == "111111111111" else {}) for id in ("111111111111",)}
    verdict = evaluate(accounts, principal, "sts:AssumeRole", arn, administrator=True)
    assert verdict.allowed == expected


def test_roles_of_terraform() -> None:
    """The baseline is applied as the bootstrap role, which exists before the deploy role."""
    (provider,) = module().document["provider"]["aws"]
    role = "arn:aws:iam::111111111111:role/OrganizationAccountAccessRole"
    assert provider["assume_role"] == [{"role_arn": role}]
    assert provider["allowed_account_ids"] == ["111111111111"]


def test_the_management_account_has_no_role_beforehand(tmp_path: Path) -> None:
    """AWS makes the bootstrap role in member accounts only."""
    path = tmp_path / "blueprint.yaml"
    accounts = {"first": {"id": "111111111111"}, "member": {"id": "222222222222"}}
    component = {
        "kind": "account-baseline",
        "for_each": {"accounts": "**"},
        "deploy_from": {"github": {"owner": "acme", "repository": "platform"}},
    }
    value = {
        "landform": 1,
        "organization": {"name": "acme", "aws": {"management_account": "first"}},
        "defaults": {"aws": {"region": "eu-west-1"}},
        "accounts": accounts,
        "deploy": {"aws": {"role": "landform-deploy"}},
        "components": {
            "baseline": component,
            "models": {"kind": "model-hub", "account": "first", "groups": {"churn": {}}},
        },
    }
    path.write_text(json.dumps(value), encoding="utf-8")
    (compiled,) = compile_blueprints(path).blueprints
    roles = {}
    for stack, document in compiled.documents.items():
        provider: Any = document["provider"]
        assumed = provider["aws"][0].get("assume_role", [{"role_arn": None}])
        roles[stack] = assumed[0]["role_arn"]
    assert roles == {
        "aws/first/baseline": None,
        "aws/first/models": "arn:aws:iam::111111111111:role/landform-deploy",
        "aws/member/baseline": "arn:aws:iam::222222222222:role/OrganizationAccountAccessRole",
    }


def test_policies_of_the_role() -> None:
    attached = module().resources("aws_iam_role_policy_attachment").values()
    assert sorted(a["policy_arn"] for a in attached) == [
        "arn:aws:iam::aws:policy/PowerUserAccess",
        "arn:aws:iam::aws:policy/job-function/Billing",
    ]


def test_budget() -> None:
    budget = module().body("aws_budgets_budget", "monthly")
    assert (budget["limit_amount"], budget["limit_unit"]) == ("1000", "USD")
    assert (budget["budget_type"], budget["time_unit"]) == ("COST", "MONTHLY")
    warnings = budget["notification"]
    assert 1 <= len(warnings) <= 5  # the API's limit
    kinds = [(n["notification_type"], n["threshold"]) for n in warnings]
    assert len(set(kinds)) == len(kinds)
    for warning in warnings:
        assert warning["subscriber_email_addresses"] == ["a@acme.example", "b@acme.example"]


def test_state_bucket() -> None:
    found = module()
    assert found.body("aws_s3_bucket", "state")["bucket"] == "acme-tfstate"
    assert found.body("aws_s3_bucket", "state")["lifecycle"] == {"prevent_destroy": True}
    versioning = found.body("aws_s3_bucket_versioning", "state")
    assert versioning["versioning_configuration"] == [{"status": "Enabled"}]
    encryption = found.body("aws_s3_bucket_server_side_encryption_configuration", "state")
    by_default = {"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}
    assert encryption["rule"] == [by_default]
    policy = json.loads(found.body("aws_s3_bucket_policy", "state")["policy"])
    deny, customer_keys = [s for s in policy["Statement"] if s["Effect"] == "Deny"]
    assert customer_keys["Sid"] == "DenyCustomerKeys"
    assert deny["Resource"] == ["arn:aws:s3:::acme-tfstate", "arn:aws:s3:::acme-tfstate/*"]
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert "aws_s3_bucket" not in module("two").document["resource"]


def test_each_account_s_deploy_role_keeps_its_own_states() -> None:
    """Both halves: what the role may do, and what the bucket in another account admits."""
    objects = ["arn:aws:s3:::acme-tfstate/aws/two/*"]
    actions = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    asked = _statements(module("two").body("aws_iam_role_policy", "deploy"))["DeployTwoKeepsState"]
    assert (asked["Action"], asked["Resource"]) == (actions, objects)
    bucket = _statements(module().body("aws_s3_bucket_policy", "state"))
    admitted = bucket["DeployTwoKeepsState"]
    assert (admitted["Action"], admitted["Resource"]) == (actions, objects)
    role = "arn:aws:iam::222222222222:role/landform-deploy"
    assert admitted["Condition"]["ArnEquals"] == {"aws:PrincipalArn": role}
    listing = bucket["DeployTwoListsStates"]["Condition"]["StringLike"]
    assert listing == {"s3:prefix": ["aws/*", "env:/*"]}
    assert not any(sid.startswith("DeployOne") for sid in bucket)


def test_a_state_bucket_has_room_for_forty_accounts() -> None:
    def accounts(number: int) -> dict[str, Any]:
        name = "account-with-a-name-of-31-".ljust(28, "x")
        found = {f"{name}{n:03}": {"id": f"{n:012}"} for n in range(1, number)}
        return {"one": {"id": "111111111111"}, **found}

    assert not compilation(top={"accounts": accounts(40)}).diagnostics
    (found,) = compilation(top={"accounts": accounts(41)}).diagnostics
    assert (found.code, "room for 40" in found.message) == ("E323", True)


def _statements(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {s["Sid"]: s for s in json.loads(body["policy"])["Statement"]}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"top": {"deploy": None}}, "E322"),
        ({"top": {"state": None}}, "E323"),
        ({"top": {"state": {"aws": {"bucket": "acme-tfstate", "region": "us-east-1"}}}}, "E323"),
        ({"budget": {"monthly_usd": 0, "notify": ["a@acme.example"]}}, None),
        ({"deploy_from": {"github": {"owner": "a", "repository": "b", "ref": "main"}}}, None),
    ],
)
def test_refused(changes: dict[str, Any], code: str | None) -> None:
    found = compilation(**changes).diagnostics
    assert found
    assert code is None or {d.code for d in found} == {code}
