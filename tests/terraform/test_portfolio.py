"""An account that a portfolio is shared to alone: its stack applies before anybody knows the
portfolio's id, and once it is told the id, its own roles see the portfolio."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.terraform.conftest import GENERATED
from tests.terraform.generated import read_organisation
from tests.terraform.rig import Rig
from tests.terraform.simulated_aws import SimulatedAws
from tests.terraform.terraform_cli import Terraform

ASSOCIATION = "aws_servicecatalog_principal_portfolio_association"
ALONE, HUB, MANAGEMENT = "aws/product/catalog", "aws/shared/catalog", "aws/management/catalog"


@pytest.mark.rig
def test_the_portfolio_is_seen_when_its_id_is_given(
    terraform: Terraform, aws: SimulatedAws
) -> None:
    organisation = read_organisation(GENERATED / "catalog")
    stacks = {stack.path: stack for stack in organisation.stacks}
    rig = Rig(terraform, aws, "portfolio")
    rig.create_existing(organisation)
    alone = stacks[ALONE]
    (association,) = alone.resources(ASSOCIATION).values()

    rig.apply_all([[alone]])
    assert instances(rig, ALONE) == []

    rig.apply_all([[stacks[MANAGEMENT]], [stacks[HUB]]])
    portfolio = state(rig, HUB)["outputs"]["portfolio_id"]["value"]
    principals = aws.client("servicecatalog", alone.account, alone.region)
    seen = principals.list_principals_for_portfolio(PortfolioId=portfolio)
    assert seen["Principals"] == []

    folder = rig.folder(alone)
    (folder / "terraform.tfvars").write_text(f'portfolio_id = "{portfolio}"\n', encoding="utf-8")
    terraform.with_environment(aws.environment).apply(folder)
    rig.expect_no_changes(alone)
    (made,) = instances(rig, ALONE)
    assert made["attributes"]["portfolio_id"] == portfolio
    seen = principals.list_principals_for_portfolio(PortfolioId=portfolio)
    assert seen["Principals"] == [
        {"PrincipalARN": association["principal_arn"], "PrincipalType": "IAM"}
    ]


def state(rig: Rig, path: str) -> dict[str, Any]:
    """The state of an applied stack."""
    folder = rig.terraform.workspace / f"{rig.label}--{path.replace('/', '--')}"
    found: dict[str, Any] = json.loads((folder / "terraform.tfstate").read_text(encoding="utf-8"))
    return found


def instances(rig: Rig, path: str) -> list[dict[str, Any]]:
    """The associations in the state of a stack."""
    resources = state(rig, path)["resources"]
    return [each for r in resources if r["type"] == ASSOCIATION for each in r["instances"]]
