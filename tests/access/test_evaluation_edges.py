"""Every edge of the examples is allowed, and each of its statements is needed for it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from compiler.access.evaluation import Decision, Policies, Request, collect, decide, decide_all
from tests.access.evaluation_support import (
    EXAMPLES,
    OUTSIDE,
    collected,
    documents,
    edges,
    organizations,
    policies,
    requests,
    without,
)

EDGES = [
    pytest.param(example, edge, id=f"{example}-{edge['id']}")
    for example in EXAMPLES
    for edge in edges(example)
]


def refused(known: Policies, asked: list[Request]) -> list[Decision]:
    return [answer for each in asked if not (answer := decide_all(known, each)).allowed]


@pytest.mark.parametrize(("example", "edge"), EDGES)
def test_edge_is_allowed(example: str, edge: dict[str, Any]) -> None:
    asked = list(requests(example, edge))
    assert asked
    assert refused(policies(example), asked) == []


@pytest.mark.parametrize(("example", "edge"), EDGES)
def test_edge_rests_on_each_of_its_statements(example: str, edge: dict[str, Any]) -> None:
    """Two kinds of statements are not needed by AWS's logic, and this is asserted too: the identity
    half, where a policy of the same account names the role itself, as it does those that we make;
    and the key's half of kms:DescribeKey, which the key's administration gives to the account as a
    whole.
    """
    asked = list(requests(example, edge))
    for evidence in edge["statements"]:
        left = refused(collected(example, without(documents(example), evidence)), asked)
        if not_needed(example, edge, evidence):
            assert left == [], evidence
        else:
            assert left, evidence


def not_needed(example: str, edge: dict[str, Any], evidence: dict[str, str]) -> bool:
    home = documents(example)
    halves = [each for each in edge["statements"] if each["sid"] == evidence["sid"]]
    owners = [each for each in halves if each["side"] in ("key", "trust")]
    if not owners or len({account(home, each) for each in halves}) > 1:
        return False
    if evidence["side"] == "identity":
        role = evidence["address"].partition(".")[2]
        return role in home[evidence["stack"]]["resource"]["aws_iam_role"]
    return edge["actions"] == ["kms:DescribeKey"]


def account(home: dict[str, dict[str, Any]], evidence: dict[str, str]) -> str:
    return str(home[evidence["stack"]]["provider"]["aws"][0]["allowed_account_ids"][0])


@pytest.mark.parametrize(("example", "edge"), EDGES)
def test_chain_of_an_edge_is_its_evidence(example: str, edge: dict[str, Any]) -> None:
    known = {(each["stack"], each["address"], each["sid"]) for each in edge["statements"]}
    for asked in requests(example, edge):
        answer = decide(policies(example), asked)
        used = {(link.stack, link.address, link.sid) for link in answer.chain}
        assert used
        # Another edge may rest on the same policies with a wider statement: never another policy.
        assert {each[:2] for each in used} <= {each[:2] for each in known}


@pytest.mark.parametrize("example", EXAMPLES)
def test_nobody_else_is_admitted(example: str) -> None:
    """The same calls by a role of the same name elsewhere, and by another role of the account."""
    for edge in edges(example):
        for asked in requests(example, edge):
            if asked.resource == "*" or edge["resource"]["arn"].split(":")[4] == "141502667606":
                continue
            own = asked.principal.split(":")[4]
            stranger = replace(asked, principal=asked.principal.replace(own, OUTSIDE))
            assert not decide(policies(example), stranger).allowed, stranger
            nobody = replace(asked, principal=f"arn:aws:iam::{own}:role/nobody")
            assert not decide(policies(example), nobody).allowed, nobody


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_generated_policy_is_well_formed(example: str) -> None:
    assert policies(example).problems == ()


def test_services_that_the_examples_trust() -> None:
    role = "arn:aws:iam::222222222222:role/acme-churn-train"
    asked = Request(
        principal="sagemaker.amazonaws.com",
        action="sts:AssumeRole",
        resource=role,
        context={"aws:SourceAccount": "222222222222"},
    )
    assert decide(policies("acme"), asked).allowed
    assert decide(policies("acme"), replace(asked, principal="lambda.amazonaws.com")).denied
    deputy = replace(asked, context={"aws:SourceAccount": OUTSIDE})
    assert decide(policies("acme"), deputy).denied
    silent = decide(policies("acme"), replace(asked, context={}))
    assert (silent.verdict, silent.depends_on) == ("depends", frozenset({"aws:sourceaccount"}))
    assert decide(policies("acme"), replace(asked, context={}, complete=True)).denied


def test_a_workflow_becomes_the_deploy_role() -> None:
    issuer = "token.actions.githubusercontent.com"
    asked = Request(
        principal=f"arn:aws:iam::111111111111:oidc-provider/{issuer}",
        action="sts:AssumeRoleWithWebIdentity",
        resource="arn:aws:iam::111111111111:role/landform-deploy",
        context={
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": "repo:acme/platform:ref:refs/heads/main",
        },
    )
    assert decide(policies("acme"), asked).allowed
    branch = {**asked.context, f"{issuer}:sub": "repo:acme/platform:ref:refs/heads/other"}
    assert decide(policies("acme"), replace(asked, context=branch)).denied
    other = asked.principal.replace("111111111111", "222222222222")
    assert decide(policies("acme"), replace(asked, principal=other)).denied


def test_attached_managed_policies_decide_only_when_their_contents_are_given() -> None:
    asked = Request(
        principal="arn:aws:iam::111111111111:role/landform-deploy",
        action="ec2:RunInstances",
        resource="arn:aws:ec2:eu-west-1:111111111111:instance/*",
    )
    before = decide(policies("acme"), asked)
    power, full = (f"arn:aws:iam::aws:policy/{n}" for n in ("PowerUserAccess", "IAMFullAccess"))
    assert (before.verdict, before.depends_on) == ("depends", frozenset({power, full}))
    managed = {
        power: document(NotAction=["iam:*", "organizations:*", "account:*"]),
        full: document(Action=["iam:*", "organizations:DescribeAccount"]),
    }
    known = collect(documents("acme"), managed=managed, organizations=organizations("acme"))
    answer = decide(known, asked)
    assert answer.allowed
    assert [link.address for link in answer.chain] == [
        "aws_iam_role_policy_attachment.deploy_PowerUserAccess"
    ]
    assert decide(known, replace(asked, action="account:CloseAccount")).denied


def document(**body: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Resource": "*", **body}
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_an_existing_role_may_have_more_than_what_is_attached() -> None:
    asked = Request(
        principal="arn:aws:iam::111111111111:role/ml-approver",
        action="codepipeline:DeletePipeline",
        resource="arn:aws:codepipeline:eu-west-1:111111111111:acme-churn-pipeline",
    )
    answer = decide(policies("acme"), asked)
    assert answer.verdict == "depends"
    assert answer.depends_on == {f"other policies of {asked.principal}"}


def test_speed() -> None:
    """An order of magnitude above what is measured, so that a busy machine doesn't fail it."""
    start = time.process_time()
    known = collected("acme", documents("acme"))
    gathered = time.process_time() - start
    asked = [each for edge in edges("acme") for each in requests("acme", edge)]
    start = time.process_time()
    for each in asked:
        decide(known, each)
    assert gathered < 0.2
    assert (time.process_time() - start) / len(asked) < 0.001
