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


def test_a_boundary_that_admits_less_than_the_edge_is_found(tmp_path: Path) -> None:
    """The parameter may have a policy that nobody here knows; that is no reason to trust in it."""
    fence = {"Sid": "One", "Effect": "Allow", "Action": "ssm:Get*", "Resource": f"{PARAMETERS}/u/*"}
    policies = {"fence": {"name": "fence", "policy": policy(fence)}}
    compilation = bounded(tmp_path, "${aws_iam_policy.fence.arn}", "t*", aws_iam_policy=policies)
    assert [error[:4] for error in errors(compilation)] == ["E831"], errors(compilation)
    assert "the permissions boundary of" in errors(compilation)[0]
