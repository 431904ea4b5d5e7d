"""Published bugs of AWS CDK's cross-account pipelines, and what Landform does in the same place.

Each test has two halves: the output is right where CDK's was wrong, and the wrong form put into the
output by hand is found, so that a kind which wrote it could not compile.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.access.delta import Snapshot, delta
from compiler.access.evaluation import Request, decide_all
from compiler.access.proof import gather, prove
from compiler.access.rules import check_policies
from compiler.compilation import Compiled, compile_blueprints
from compiler.revision import snapshot

REPOSITORY = Path(__file__).parent.parent.parent
ORGANIZATION = "o-abc123defg"
SHARED, TRAINING, PRODUCTION = "111111111111", "222222222222", "333333333333"
BUCKET = f"arn:aws:s3:::article-churn-artifacts-{SHARED}"
KEY = f"arn:aws:kms:eu-west-1:{SHARED}:key/<aws/shared/churn/aws_kms_key.artifacts>"
Statement = dict[str, Any]


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    compilation = compile_blueprints(REPOSITORY / "blueprints" / "ml-pipeline.yaml")
    assert not compilation.diagnostics
    return compilation.blueprints[0]


def role(name: str, account: str) -> str:
    return f"arn:aws:iam::{account}:role/article-churn-{name}"


def policies(documents: dict[str, Any]) -> Iterator[tuple[str, str, list[Statement]]]:
    """Stack, name and statements of each policy."""
    for stack, document in documents.items():
        for name, value in document.get("locals", {}).items():
            if isinstance(value, dict) and "Statement" in value:
                yield stack, name, value["Statement"]


def changed(
    compiled: Compiled, name: str, sid: str, change: Callable[[Statement], Statement | None]
) -> dict[str, Any]:
    """The documents with one statement replaced, or taken out where the change gives None."""
    documents: dict[str, Any] = json.loads(json.dumps(compiled.documents))
    hits = 0
    for _, policy, statements in policies(documents):
        for index, statement in enumerate(statements):
            if policy == name and statement["Sid"] == sid:
                found = change(statement)
                statements[index : index + 1] = [] if found is None else [found]
                hits += 1
                break
    assert hits == 1, f"{name} has {hits} statements {sid}"
    return documents


def may(
    compiled: Compiled, principal: str, action: str, resource: str, documents: Any = None
) -> bool:
    """Whether it may, with the bucket's key where there is one."""
    policies = gather(documents or compiled.documents, compiled.edges, ORGANIZATION)
    request = Request(
        principal=principal,
        action=action,
        resource=resource,
        context={"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
        complete=True,
    )
    return decide_all(policies, request).allowed


def codes(compiled: Compiled, documents: dict[str, Any]) -> set[str]:
    return {finding.code for finding in prove(documents, compiled.edges, ORGANIZATION)}


def out(_: Statement) -> None:
    """Take the statement out."""


def own_roles(compiled: Compiled, stack: str, name: str) -> set[str]:
    """The ARNs of the roles that Terraform makes before it stores this policy."""
    document: dict[str, Any] = json.loads(json.dumps(compiled.documents[stack]))
    made = document["resource"].get("aws_iam_role", {})
    (holder,) = [
        resource
        for several in document["resource"].values()
        for resource in several.values()
        if f"local.{name})" in str(resource)
    ]
    before = {each.partition(".")[2] for each in holder.get("depends_on", [])}
    account = document["provider"]["aws"][0]["allowed_account_ids"][0]
    return {f"arn:aws:iam::{account}:role/{made[each]['name']}" for each in before & made.keys()}


def test_3765_every_role_that_fetches_artifacts_has_bucket_and_key(compiled: Compiled) -> None:
    """aws/aws-cdk#3765: "insufficient permissions to deploy lambda in another account".

    CDK gave the pipeline's action role the artifact bucket and its key, but not the role that
    CloudFormation works as, which fetches the function's code: AccessDenied at deployment.
    Landform: a grant on objects is written with the use of their key, for each role that it is
    declared for, so every role that may read across accounts may decrypt; without one half of one
    of them nothing compiles.
    """
    readers = [
        edge
        for edge in compiled.edges
        if "s3:GetObject" in edge.actions and edge.principal_account != "shared"
    ]
    assert {edge.principal_arn for edge in readers} == {
        role("train", TRAINING),
        role("train-action", TRAINING),
        role("serve", PRODUCTION),
        role("deployer", PRODUCTION),
    }
    for edge in readers:
        key = edge.resource_arn.replace("*", "x")
        assert may(compiled, edge.principal_arn, "s3:GetObject", key), edge.id
        for evidence in edge.statements:
            local = evidence.address.removeprefix("aws_").replace(".", "_")
            without = changed(compiled, local, evidence.sid, out)
            assert not may(compiled, edge.principal_arn, "s3:GetObject", key, without)
            assert codes(compiled, without) & {"E831", "E832"}


def test_10166_the_key_admits_each_account_that_deploys(compiled: Compiled) -> None:
    """aws/aws-cdk#10166: "cross-account application stage does not add sufficient KMS permission".

    The key policy of the support stack named an account that was not the one of the role that
    deploys (as its fix, #10222, tells), so the role could not read the encrypted artifacts.
    Landform: a further account gets a statement in the key's policy of its own, with its own root
    and role, and the access delta of the change shows it; another account there is found.
    """
    text = (REPOSITORY / "blueprints" / "ml-pipeline.yaml").read_text(encoding="utf-8")
    more = text.replace("[production]", "[production, production-us]").replace(
        "\ncomponents:", '\n  production-us: {id: "444444444444"}\n\ncomponents:'
    )
    after = compile_text(more)
    found = delta("article", snapshot(compiled), snapshot(after)).changes
    deployer = role("deployer", "444444444444")
    (decrypt,) = [
        change for change in found if (change.who.text, change.on.text) == (deployer, KEY)
    ]
    assert decrypt.kind == "gained"
    assert decrypt.actions == ("kms:Decrypt",)
    assert {step.side for step in decrypt.statements} == {"identity", "key"}
    assert not [change for change in found if not change.more]

    def wrong_account(statement: Statement) -> Statement:
        return {**statement, "Principal": {"AWS": f"arn:aws:iam::{SHARED}:root"}}

    name, sid = "kms_key_artifacts", "DeployerProductionUsesArtifacts"
    wrong = changed(compiled, name, sid, wrong_account)
    assert "E831" in codes(compiled, wrong)
    before = snapshot(compiled)
    lost = delta("article", before, replaced(compiled, wrong)).changes
    assert {change.kind for change in lost} == {"lost"}
    assert {change.on.text for change in lost} == {KEY, f"{BUCKET}/releases/*"}


def test_12921_a_grant_on_a_key_needs_no_help_of_the_key_s_account(compiled: Compiled) -> None:
    """aws/aws-cdk#12921: "defaultKeyPolicies future flag - cross account grants fails".

    With the flag, the key's own account decided by its identity policies, and for a role of another
    account nothing was written into the key policy, although only that can admit it.
    Landform: the key policy itself admits each foreign role. Access stays without the statement for
    the key's account, which may administer and not use the key.
    """
    users = [edge for edge in compiled.edges if edge.resource_arn.endswith(f"{SHARED}:key/*")]
    foreign = [edge for edge in users if edge.principal_account != "shared"]
    assert len(foreign) == 5
    administration = [
        statement["Sid"]
        for _, name, statements in policies(dict(compiled.documents))
        if name == "kms_key_artifacts"
        for statement in statements
        if statement["Principal"] == {"AWS": f"arn:aws:iam::{SHARED}:root"}
        and "kms:PutKeyPolicy" in statement["Action"]
    ]
    (sid,) = administration
    alone = changed(compiled, "kms_key_artifacts", sid, out)
    for edge in foreign:
        assert may(compiled, edge.principal_arn, "kms:Decrypt", KEY, alone) is (
            "kms:Decrypt" in edge.actions
        )
    # And an identity policy of the key's own account is not enough to use the key.
    assert not may(compiled, role("start", SHARED), "kms:Decrypt", KEY)
    for edge in foreign:
        (key,) = [each for each in edge.statements if each.side == "key"]
        without = changed(compiled, "kms_key_artifacts", key.sid, out)
        assert not may(compiled, edge.principal_arn, "kms:Decrypt", KEY, without)
        assert codes(compiled, without) & {"E831", "E832"}


def test_5553_no_policy_names_a_role_that_may_not_exist_yet(compiled: Compiled) -> None:
    """aws/aws-cdk#5553: "Cross Account Pipeline results in MalformedPolicyDocumentException".

    The key policy named the action role of another account by its ARN. KMS refuses a principal that
    does not exist, and the role's stack could only be deployed after the key.
    Landform: a principal of another account is its root, which always exists, narrowed by
    aws:PrincipalArn; a role is named by ARN only in the stack that makes it, and after it.
    """
    seen = 0
    for stack, name, statements in policies(dict(compiled.documents)):
        known = own_roles(compiled, stack, name)
        for statement in statements:
            principal = statement.get("Principal", {})
            named = principal.get("AWS", []) if isinstance(principal, dict) else []
            for one in [named] if isinstance(named, str) else named:
                assert one == "*" or one.endswith(":root") or one in known, (stack, name, one)
                seen += one.endswith(":root")
    assert seen > 10

    def by_arn(statement: Statement) -> Statement:
        arn = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
        return {**statement, "Principal": {"AWS": arn}}

    # Who writes the ARN all the same gives the same people access: the delta is empty. What differs
    # is whether it can be applied, so this is for the kinds to do right, and for the test above.
    arn = changed(compiled, "kms_key_artifacts", "TrainUsesArtifacts", by_arn)
    assert not delta("article", snapshot(compiled), replaced(compiled, arn)).changes


def test_18707_no_role_may_do_everything_with_keys(compiled: Compiled) -> None:
    """aws/aws-cdk#18707: "cross-account-support-stack has access to kms:* when kms key is provided
    via arn".

    Where the pipeline's key was given by its ARN, the roles of the support stack in the other
    account got every action on it.
    Landform: an identity policy lists the actions of its grant on one account's keys, and a
    condition on the alias leaves one key of them; a wildcard over KMS is refused by rule.
    """
    for stack, name, statements in policies(dict(compiled.documents)):
        for statement in statements:
            if "Principal" in statement or statement["Effect"] == "Deny":
                continue
            actions = [each for each in statement["Action"] if each.startswith("kms:")]
            assert not {"kms:*", "*"} & set(statement["Action"]), (stack, name)
            if actions:
                assert statement["Resource"] != ["*"], (stack, name)
    for action in ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:CreateGrant"):
        for name in ("train", "train-action", "state-machine"):
            assert not may(compiled, role(name, TRAINING), action, KEY)
    other = KEY.replace("artifacts", "notifications")
    assert may(compiled, role("train", TRAINING), "kms:Decrypt", KEY)
    assert not may(compiled, role("train", TRAINING), "kms:Decrypt", other)

    def everything(statement: Statement) -> Statement:
        return {**statement, "Action": ["kms:*"]}

    wide = changed(compiled, "iam_role_policy_train", "TrainUsesArtifacts", everything)
    assert "E834" in codes(compiled, wide)
    assert "E801" in {finding.code for finding in check_policies(wide)}


def test_18707_in_the_delta(compiled: Compiled) -> None:
    """Both halves with kms:* are privileged access that was widened."""

    def everything(statement: Statement) -> Statement:
        return {**statement, "Action": ["kms:*"]}

    sid = "TrainUsesArtifacts"
    wide = changed(compiled, "iam_role_policy_train", sid, everything)
    found = delta("article", snapshot(compiled), replaced(compiled, wide)).changes
    assert not [change for change in found if change.on.text == KEY]  # the key's half is unchanged
    key = [
        s for _, n, ss in policies(wide) if n == "kms_key_artifacts" for s in ss if s["Sid"] == sid
    ]
    key[0]["Action"] = ["kms:*"]
    found = delta("article", snapshot(compiled), replaced(compiled, wide)).changes
    (change,) = [change for change in found if change.on.text == KEY]
    assert (change.kind, change.actions) == ("widened", ("kms:*",))
    assert {"privileged", "cross-account"} <= {mark.name for mark in change.marks}
    assert change.before == (
        f"only kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey* on {KEY}",
    )


def replaced(compiled: Compiled, documents: dict[str, Any]) -> Snapshot:
    return replace(snapshot(compiled), documents=documents)


def compile_text(text: str) -> Compiled:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(text, encoding="utf-8")
        compilation = compile_blueprints(path)
    assert not compilation.diagnostics, compilation.diagnostics
    return compilation.blueprints[0]
