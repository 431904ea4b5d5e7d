"""What the proof and `--why` say of a kind of a team, whose file writes policies beside its grants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.access import report
from compiler.compilation import Compilation, compile_blueprints

ACCOUNT = "111111111111"
PARAMETERS = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/acme-lab-worker"
BLUEPRINT = {
    "landform": 1,
    "organization": {"name": "acme"},
    "defaults": {"aws": {"region": "eu-west-1"}},
    "accounts": {"hub": {"id": ACCOUNT}},
    "components": {"lab": {"kind": "lab", "account": "hub"}},
}
LAMBDA = {
    "Sid": "Lambda",
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": ["sts:AssumeRole"],
}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def lab(folder: Path, roles: Any, resources: Any, grants: Any) -> Compilation:
    """The blueprint of one component, of a kind that writes these."""
    kind = {
        "summary": "A laboratory",
        "inputs": {"account": {"type": "account"}},
        "stacks": {"account": {"roles": roles, "resources": resources}},
        "grants": grants,
    }
    (folder / "kinds").mkdir()
    (folder / "kinds" / "lab.yaml").write_text(yaml.safe_dump(kind), encoding="utf-8")
    (folder / "landform.yaml").write_text(yaml.safe_dump(BLUEPRINT), encoding="utf-8")
    return compile_blueprints(folder)


def reads(resource: str) -> dict[str, Any]:
    """The worker's grant to read parameters."""
    return {
        "principal": "worker",
        "actions": ["ssm:GetParameter"],
        "resource": {"arn": f"{PARAMETERS}/{resource}"},
    }


def bounded(folder: Path, boundary: str, resource: str, **more: Any) -> Compilation:
    """A worker with that permissions boundary, which reads parameters."""
    role = {
        "name": "acme-worker",
        "permissions_boundary": boundary,
        "assume_role_policy": policy(LAMBDA),
    }
    return lab(
        folder,
        {"worker": {"existing": "acme-worker"}},
        {"aws_iam_role": {"made": role}, **more},
        {"worker-reads": reads(resource)},
    )


def why(compilation: Compilation, question: str) -> report.Why:
    one = compilation.blueprints[0]
    return report.why(one.documents, one.entries, one.world.organization.aws_id, question)


def errors(compilation: Compilation) -> list[str]:
    return [f"{found.code} {found.message}" for found in compilation.diagnostics]


@pytest.mark.parametrize("name", ["ReadOnlyAccess", "PowerUserAccess"])
def test_a_boundary_that_is_a_policy_of_aws_is_evaluated(tmp_path: Path, name: str) -> None:
    compilation = bounded(tmp_path, f"arn:aws:iam::aws:policy/{name}", "t/*")
    assert errors(compilation) == []
    found = why(compilation, f"acme-worker ssm:GetParameter {PARAMETERS}/t/a")
    assert found.answer.allowed
    assert "boundary" in {link.side for link in found.answer.chain}


def test_a_boundary_of_aws_that_does_not_admit_the_action(tmp_path: Path) -> None:
    compilation = bounded(tmp_path, "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess", "t/*")
    assert [error[:4] for error in errors(compilation)] == ["E831"], errors(compilation)
    assert "the permissions boundary of" in errors(compilation)[0]


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::aws:policy/AmazonEC2SpotFleetAutoscale",  # not in the data set
        "arn:aws:iam::aws:policy/ViewOnlyAccess",  # its path is job-function/
        f"arn:aws:iam::{ACCOUNT}:policy/ReadOnlyAccess",  # of the account, not of AWS
    ],
)
def test_a_boundary_that_is_not_known_leaves_the_answer_open(tmp_path: Path, arn: str) -> None:
    compilation = bounded(tmp_path, arn, "t/*")
    assert [error[:4] for error in errors(compilation)] == ["E831"], errors(compilation)
    assert f"depends on {arn}" in errors(compilation)[0]


@pytest.mark.parametrize(
    ("admits", "proven"),
    [
        ({"Resource": f"{PARAMETERS}/t*"}, True),
        ({"Resource": ["arn:aws:ssm:*:*:parameter/*"]}, True),
        ({"NotResource": f"{PARAMETERS}/u*"}, True),
        ({"Resource": f"{PARAMETERS}/t-one"}, False),
        ({"Resource": f"{PARAMETERS}/t?"}, False),
        ({"Resource": f"{PARAMETERS}/tx"}, False),
        ({"Resource": f"{PARAMETERS}/t*x"}, False),
        ({"NotResource": f"{PARAMETERS}/t-one"}, False),
        ({"NotResource": f"{PARAMETERS}/*-one"}, False),
    ],
)
def test_a_boundary_admits_all_of_the_edges_pattern(
    tmp_path: Path, admits: Any, proven: bool
) -> None:
    """The parameter may have a policy that nobody here knows; that is no reason to trust in it."""
    fence = policy({"Sid": "Some", "Effect": "Allow", "Action": "ssm:Get*", **admits})
    policies = {"fence": {"name": "fence", "policy": fence}}
    compilation = bounded(tmp_path, "${aws_iam_policy.fence.arn}", "t*", aws_iam_policy=policies)
    assert [error[:4] for error in errors(compilation)] == ([] if proven else ["E831"])
    for error in errors(compilation):
        assert f"doesn't admit ssm:GetParameter on {PARAMETERS}/t*" in error


def test_a_question_about_a_pattern_is_about_all_of_it(tmp_path: Path) -> None:
    compilation = bounded(tmp_path, "arn:aws:iam::aws:policy/ReadOnlyAccess", "t/*")
    asked = f"acme-worker ssm:GetParameter {PARAMETERS}"
    assert why(compilation, f"{asked}/t/*").answer.allowed
    assert not why(compilation, f"{asked}/*").answer.allowed


def refusing(folder: Path, condition: Any, **grant: Any) -> Compilation:
    """A worker that reads parameters, with another policy that refuses it that under a condition."""
    refuse = {
        "Sid": "Refuse",
        "Effect": "Deny",
        "Action": ["ssm:GetParameter"],
        "Resource": [f"{PARAMETERS}/t/guarded"],
        "Condition": condition,
    }
    more = {"name": "more", "role": "${aws_iam_role.worker.name}", "policy": policy(refuse)}
    return lab(
        folder,
        {"worker": {"description": "Works", "service": "lambda.amazonaws.com"}},
        {"aws_iam_role_policy": {"more": more}},
        {"worker-reads": {**reads("t/*"), **grant}},
    )


GUARDED = f"{ROLE} ssm:GetParameter {PARAMETERS}/t/guarded"
UNKNOWN = [
    ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
    ("DateLessThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z"),
    ("Bool", "aws:MultiFactorAuthPresent", "false"),
    ("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),
    ("NumericLessThan", "aws:MultiFactorAuthAge", "300"),
    ("StringEquals", "aws:PrincipalTag/team", "x"),
    ("StringEquals", "aws:ResourceTag/team", "x"),
    ("StringNotEquals", "aws:PrincipalOrgID", "o-zzzzzzzzzz"),
    ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"),
    ("StringNotEquals", "aws:SourceVpce", "vpce-1"),
    ("StringNotLike", "aws:userid", "AROA*"),
    ("BoolIfExists", "aws:ViaAWSService", "false"),
    ("ForAnyValue:StringEquals", "aws:CalledVia", "athena.amazonaws.com"),
]


@pytest.mark.parametrize(("operator", "key", "value"), UNKNOWN)
def test_what_is_not_known_of_a_declared_call_is_not_guessed(
    tmp_path: Path, operator: str, key: str, value: str
) -> None:
    found = why(refusing(tmp_path, {operator: {key: value}}), GUARDED)
    assert found.edges
    assert found.answer.verdict == "depends"
    assert found.answer.depends_on == {key.lower()}


@pytest.mark.parametrize(
    ("operator", "key", "value", "verdict"),
    [
        ("ArnLike", "aws:SourceArn", "arn:aws:lambda:*:*:function:x", "allowed"),
        ("StringEquals", "aws:SourceAccount", ACCOUNT, "allowed"),
        ("Bool", "aws:PrincipalIsAWSService", "true", "allowed"),
        ("Null", "aws:PrincipalServiceNamesList", "false", "allowed"),
        ("Bool", "aws:SecureTransport", "false", "allowed"),
        ("StringNotEquals", "aws:ResourceAccount", ACCOUNT, "allowed"),
        ("StringEquals", "aws:PrincipalType", "AssumedRole", "denied"),
        ("Null", "aws:TokenIssueTime", "false", "denied"),
        ("Null", "aws:CurrentTime", "true", "allowed"),
    ],
)
def test_what_follows_from_the_call_is_known(
    tmp_path: Path, operator: str, key: str, value: str, verdict: str
) -> None:
    found = why(refusing(tmp_path, {operator: {key: value}}), GUARDED)
    assert found.answer.verdict == verdict


DECLARED = [
    # What the grant asks for, what the Deny asks for, whether the request is allowed then.
    ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, "false", "allowed"),
    ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, "true", "denied"),
    ({"StringEquals": {"aws:PrincipalTag/team": "x"}}, "false", "depends"),
    ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, "false", "allowed"),
]
FULFILLED = [
    ("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z", "2029-12-31T23:59:59+00:00"),
    ("DateGreaterThanEquals", "aws:CurrentTime", "2020-01-01", "2020-01-01T00:00:00+00:00"),
    ("NumericLessThan", "aws:MultiFactorAuthAge", "300", "299"),
    ("NumericGreaterThan", "aws:MultiFactorAuthAge", "5", "6"),
    ("NumericLessThan", "aws:MultiFactorAuthAge", "12345678", "12345677"),
    ("StringEquals", "aws:SourceIdentity", "", ""),
    ("IpAddress", "aws:SourceIp", "10.1.0.0/16", "10.1.0.0"),
    ("ForAnyValue:StringLike", "aws:CalledVia", "athena.*", "athena.x"),
]


@pytest.mark.parametrize(("declared", "value", "verdict"), DECLARED)
def test_what_the_grant_declares_is_known(
    tmp_path: Path, declared: Any, value: str, verdict: str
) -> None:
    refuse = {"Bool": {"aws:MultiFactorAuthPresent": value}}
    found = why(refusing(tmp_path, refuse, conditions=declared), GUARDED)
    assert found.answer.verdict == verdict


@pytest.mark.parametrize(("operator", "key", "value", "sample"), FULFILLED)
def test_an_edge_holds_under_the_conditions_of_its_grant(
    tmp_path: Path, operator: str, key: str, value: str, sample: str
) -> None:
    refuse = {"Bool": {"aws:SecureTransport": "false"}}
    compilation = refusing(tmp_path, refuse, conditions={operator: {key: value}})
    assert errors(compilation) == []
    found = why(compilation, GUARDED)
    assert found.answer.allowed
    assert found.request.context == {key.lower(): sample}


def test_a_date_beyond_all_calendars_is_no_defect(tmp_path: Path) -> None:
    condition = {"Null": {"aws:TokenIssueTime": "true"}}
    declared = {"DateLessThan": {"aws:CurrentTime": "99999999999999999"}}
    (error,) = errors(refusing(tmp_path, condition, conditions=declared))
    assert ": it depends on aws:currenttime, " in error


def test_the_proof_says_what_an_edge_depends_on(tmp_path: Path) -> None:
    condition = {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}
    compilation = refusing(tmp_path, condition, **reads("t/guarded"))
    (error,) = errors(compilation)
    assert error.startswith("E831 lab/worker-reads: ")
    assert error.endswith(": it depends on aws:currenttime")


def test_a_header_that_the_caller_may_send_leaves_the_answer_open(tmp_path: Path) -> None:
    """An upload that leaves encryption to the bucket sends none; one that must, can."""
    header = "s3:x-amz-server-side-encryption"
    refuse = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    guards = [
        {**refuse, "Condition": {"StringEquals": {header: "AES256"}}},
        {**refuse, "Condition": {"Null": {header: "true"}}},
    ]
    for number, expected in (
        (1, []),
        (2, [f"it depends on policy of arn:aws:s3:::elsewhere, {header}"]),
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        more = {"name": "more", "role": "${aws_iam_role.worker.name}"}
        compilation = lab(
            folder,
            {"worker": {"description": "Works", "service": "lambda.amazonaws.com"}},
            {"aws_iam_role_policy": {"more": {**more, "policy": policy(*guards[:number])}}},
            {
                "worker-writes": {
                    "principal": "worker",
                    "actions": ["s3:PutObject"],
                    "resource": {"arn": "arn:aws:s3:::elsewhere/*"},
                }
            },
        )
        assert [error.rpartition(": ")[2] for error in errors(compilation)] == expected


@pytest.mark.parametrize("action", ["ssm:Get*", "ssm:*", "ssm:GetParamete?"])
def test_a_pattern_of_actions_is_no_question(tmp_path: Path, action: str) -> None:
    compilation = refusing(tmp_path, {"Bool": {"aws:SecureTransport": "false"}})
    with pytest.raises(report.QueryError, match="is a pattern: ask about one action, as"):
        why(compilation, f"{ROLE} {action} {PARAMETERS}/t/guarded")


def test_where_a_statement_denies_nothing_is_missing(tmp_path: Path) -> None:
    found = why(refusing(tmp_path, {"Bool": {"aws:SecureTransport": "true"}}), GUARDED)
    assert found.answer.denied
    text = report.why_text(found, {})
    assert "  denied by aws/hub/lab aws_iam_role_policy.more Refuse\n" in text
    assert "missing" not in text
