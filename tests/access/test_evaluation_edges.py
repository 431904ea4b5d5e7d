"""Every edge of the examples is allowed, and each of its statements is needed for it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from compiler.access.evaluation import Decision, Policies, Request, collect, decide, decide_all
from tests.access.evaluation_reasons import NOT_NEEDED
from tests.access.evaluation_support import (
    EXAMPLES,
    OUTSIDE,
    PROVIDED,
    calls,
    collected,
    documents,
    edges,
    forgetting,
    organizations,
    policies,
    requests,
    without,
)

# One test for all edges of an example: there are hundreds, and each is quick.
of_each_example = pytest.mark.parametrize("example", EXAMPLES)


def refused(known: Policies, asked: Iterable[tuple[Request, ...]]) -> list[Decision]:
    """The answers to the calls that are allowed in none of their circumstances."""
    answers = ([decide_all(known, each) for each in several] for several in asked)
    return [found[0] for found in answers if not any(answer.allowed for answer in found)]


def lost(example: str, edge: dict[str, Any], known: Policies) -> list[Request]:
    """What the edge's principal may not do any more, in one of the circumstances."""
    before = (r for r in requests(example, edge) if decide_all(policies(example), r).allowed)
    return [request for request in before if not decide_all(known, request).allowed]


@of_each_example
def test_each_edge_is_allowed(example: str) -> None:
    assert edges(example)
    asked = {edge["id"]: list(calls(example, edge)) for edge in edges(example)}
    assert [edge for edge, found in asked.items() if not found] == []
    answers = {edge: refused(policies(example), found) for edge, found in asked.items()}
    assert {edge: found for edge, found in answers.items() if found} == {}


@of_each_example
def test_each_edge_rests_on_each_of_its_statements(example: str) -> None:
    """Where AWS's logic does not need a statement, there is a reason, and this is asserted too."""
    wrong = []
    for edge in edges(example):
        for evidence in edge["statements"]:
            left = lost(example, edge, forgetting(policies(example), evidence))
            reasons = [name for name, holds in NOT_NEEDED.items() if holds(example, edge, evidence)]
            if bool(left) == bool(reasons):
                wrong.append((edge["id"], evidence, reasons, left))
    assert wrong == []


def test_forgetting_is_leaving_out_of_the_documents() -> None:
    compared = 0
    for edge in edges("article"):
        for evidence in edge["statements"]:
            written = collected("article", without(documents("article"), evidence))
            known = forgetting(policies("article"), evidence)
            for asked in requests("article", edge):
                assert decide_all(known, asked) == decide_all(written, asked), edge["id"]
                compared += 1
    assert compared > 100


@pytest.mark.parametrize("reason", NOT_NEEDED)
def test_every_reason_is_needed(reason: str) -> None:
    others = [check for name, check in NOT_NEEDED.items() if name != reason]
    assert any(
        NOT_NEEDED[reason](example, edge, evidence)
        and not any(check(example, edge, evidence) for check in others)
        for example in EXAMPLES
        for edge in edges(example)
        for evidence in edge["statements"]
    )


@of_each_example
def test_chain_of_each_edge_is_its_evidence(example: str) -> None:
    wrong = [edge["id"] for edge in edges(example) if not chain_is_evidence(example, edge)]
    assert wrong == []


def chain_is_evidence(example: str, edge: dict[str, Any]) -> bool:
    known = {(each["stack"], each["address"]) for each in edge["statements"]}
    if edge["principal"]["arn"] == edge["resource"]["arn"]:  # becomes itself: by its own trust
        itself = policies(example).holders[edge["principal"]["arn"]]
        known.add((itself.stack, itself.address))
    for several in calls(example, edge):
        answers = [decide(policies(example), each) for each in several]
        links = [link for answer in answers if answer.allowed for link in answer.chain]
        # Another edge may rest on the same policies with a wider statement: never another policy,
        # but for what is attached to the role.
        used = {(link.stack, link.address) for link in links if "_attachment." not in link.address}
        if not links or not used <= known:
            return False
    return True


@pytest.mark.parametrize("example", EXAMPLES)
def test_nobody_else_is_admitted(example: str) -> None:
    """The same calls by a role of the same name elsewhere, and by another role of the account."""
    for edge in edges(example):
        for asked in requests(example, edge):
            if asked.resource == "*" or edge["resource"]["arn"].split(":")[4] in PROVIDED:
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
    bare = collect(documents("acme"), organizations=organizations("acme"))
    before = decide(bare, asked)
    power, full = (f"arn:aws:iam::aws:policy/{n}" for n in ("PowerUserAccess", "IAMFullAccess"))
    assert (before.verdict, before.depends_on) == ("depends", frozenset({power, full}))
    contents = {
        power: document(NotAction=["iam:*", "organizations:*", "account:*"]),
        full: document(Action=["iam:*", "organizations:DescribeAccount"]),
    }
    known = collect(documents("acme"), managed=contents.get, organizations=organizations("acme"))
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
