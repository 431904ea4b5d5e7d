"""Rights where no kind of ours declares them, and where a component was renamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.compilation import Compiled, compile_blueprints

ROOT = Path(__file__).parents[2]
BLUEPRINT = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts:
  production: {id: "333333333333"}
  delivery: {id: "555555555555"}
components:
  watch: {kind: watching, account: production}
"""
KIND = """\
summary: Somebody of another account looks at a cluster
inputs:
  account: {type: account, description: of the cluster}
stacks:
  account:
    roles:
      own: {service: lambda.amazonaws.com}
    resources:
      aws_iam_role:
        raw:
          name: "{{ component.prefix }}-raw"
          assume_role_policy:
            Version: "2012-10-17"
            Statement:
              - Sid: Service
                Effect: Allow
                Action: ["sts:AssumeRole"]
                Principal: {Service: lambda.amazonaws.com}
                Condition: {StringEquals: {"aws:SourceAccount": "{{ account.id }}"}}
      aws_iam_role_policy_attachment:
        raw:
          role: "${aws_iam_role.raw.name}"
          policy_arn: arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy
      aws_eks_access_entry:
        outsider: {cluster_name: serve, principal_arn: "arn:aws:iam::555555555555:role/outsider"}
      aws_eks_access_policy_association:
        outsider:
          cluster_name: serve
          principal_arn: "${aws_eks_access_entry.outsider.principal_arn}"
          policy_arn: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy
          access_scope: [{type: namespace, namespaces: [churn]}]
"""


def compiled(path: Path) -> Compiled:
    compilation = compile_blueprints(path)
    assert compilation.diagnostics == ()
    return compilation.blueprints[0]


def own(tmp_path: Path, blueprint: str = BLUEPRINT) -> Compiled:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "landform.yaml").write_text(blueprint, encoding="utf-8")
    (tmp_path / "kinds" / "watching.yaml").write_text(KIND, encoding="utf-8")
    return compiled(tmp_path)


def test_what_a_kinds_file_writes_is_in_the_ledger(tmp_path: Path) -> None:
    rights = {each.id: each for each in own(tmp_path).rights}
    assert {id: (each.side, each.text) for id, each in rights.items()} == {
        "watch/lambda-becomes-own": ("trust", "sts:AssumeRole"),
        "watch/outsider-access-entry-production": (
            "access-entry",
            "AmazonEKSViewPolicy(namespaces:churn)",
        ),
        "watch/raw-managed-policy-production": ("managed-policy", "AmazonEKSWorkerNodePolicy"),
        "watch/raw-trust-production": ("trust", "sts:AssumeRole"),
    }
    outsider = rights["watch/outsider-access-entry-production"]
    assert (outsider.principal_home, outsider.home) == ("delivery", "production")
    assert outsider.addresses == (
        "aws_eks_access_entry.outsider",
        "aws_eks_access_policy_association.outsider",
    )
    assert outsider.origin == "components.watch"


def test_after_a_renaming_they_are_the_new_components(tmp_path: Path) -> None:
    blueprint = BLUEPRINT.replace(
        "  watch: {kind: watching,", "  look: {renamed_from: watch, kind: watching,"
    )
    rights = own(tmp_path, blueprint).rights
    assert len(rights) == 4
    assert {each.stack for each in rights} == {"aws/production/look"}
    assert {each.id.partition("/")[0] for each in rights} == {"look"}


@pytest.mark.parametrize("former", ["catalog", None])
def test_an_id_that_only_aws_knows_has_the_path_of_today(
    tmp_path: Path, former: str | None
) -> None:
    source = ROOT / "tests/cases/model-catalog/contract/blueprint.yaml"
    text = source.read_text(encoding="utf-8")
    name = "catalog" if former is None else "shop"
    if former is not None:
        assert "\n  catalog:\n" in text
        text = text.replace("\n  catalog:\n", f"\n  {name}:\n    renamed_from: {former}\n")
    path = tmp_path / "blueprint.yaml"
    path.write_text(text, encoding="utf-8")
    shared = [each for each in compiled(path).rights if each.side in ("share", "portfolio")]
    address = "aws_servicecatalog_portfolio.catalog"
    assert len(shared) > 1
    assert {each.resource.partition("portfolio/")[2] for each in shared} == {
        f"<aws/shared/{name}/{address}>"
    }
