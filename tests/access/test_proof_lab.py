"""What the proof and `--why` say of a kind of a team, whose file writes policies beside its grants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

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


def errors(compilation: Compilation) -> list[str]:
    return [f"{found.code} {found.message}" for found in compilation.diagnostics]


def test_a_boundary_that_admits_less_than_the_edge_is_found(tmp_path: Path) -> None:
    """The parameter may have a policy that nobody here knows; that is no reason to trust in it."""
    fence = {"Sid": "One", "Effect": "Allow", "Action": "ssm:Get*", "Resource": f"{PARAMETERS}/u/*"}
    policies = {"fence": {"name": "fence", "policy": policy(fence)}}
    compilation = bounded(tmp_path, "${aws_iam_policy.fence.arn}", "t*", aws_iam_policy=policies)
    assert [error[:4] for error in errors(compilation)] == ["E831"], errors(compilation)
    assert "the permissions boundary of" in errors(compilation)[0]
