"""The parts of the rig that need neither Terraform nor a simulated AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terraform.conftest import SAMPLE
from tests.terraform.generated import (
    CompiledOrganisation,
    CompiledStack,
    read_organisation,
    read_organisations,
)
from tests.terraform.ledger import Edge
from tests.terraform.override import override
from tests.terraform.rig import left_out, simulable
from tests.terraform.terraform_cli import Terraform, TerraformMissing


def stack(document: dict[str, object], path: str = "aws/a/b") -> CompiledStack:
    return CompiledStack(Path("x"), path, "111111111111", "eu-west-1", 0, document)


def test_the_sample_is_read_in_wave_order() -> None:
    organisation = read_organisation(SAMPLE)
    paths = [[stack.path for stack in wave] for wave in organisation.waves]
    assert paths == [["aws/shared/every-type"], ["aws/training/reader"]]
    assert organisation.existing_roles == [("111111111111", "ml-approver")]


def test_an_existing_role_has_the_path_that_the_ledger_gives_it() -> None:
    edge = Edge("c/e", "c", "arn:aws:iam::111111111111:role/team/a", (), "a", "*", ())
    policy = {"aws_iam_role_policy": {"a": {"role": "a"}, "b": {"role": "b"}}}
    organisation = CompiledOrganisation("o", (stack({"resource": policy}),), (edge,))
    assert organisation.existing_roles == [("111111111111", "b"), ("111111111111", "team/a")]


def test_organisations_without_stacks_on_aws_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "g").mkdir()
    text = '{"organization": "g", "stacks": [{"cloud": "google", "path": "google/p/c"}]}'
    (tmp_path / "g" / "manifest.json").write_text(text)
    assert read_organisations(tmp_path) == []


def test_a_role_is_added_only_where_the_stack_has_none() -> None:
    role = {"assume_role": [{"role_arn": "arn:aws:iam::111111111111:role/deploy"}]}
    blocks = [{"region": "eu-west-1"}, {"alias": "us", "region": "us-east-1", **role}]
    ambient, named = override(stack({"provider": {"aws": blocks}}))["provider"]["aws"]
    assert ambient["assume_role"] == [{"role_arn": "arn:aws:iam::111111111111:role/rig"}]
    assert "alias" not in ambient
    assert "assume_role" not in named
    assert named["alias"] == "us"


def test_the_override_leaves_the_stacks_own_arguments_alone() -> None:
    merged = override(stack({"provider": {"aws": [{"region": "eu-west-1"}]}}))
    assert merged["terraform"] == {"backend": {"local": {}}}
    assert not {"region", "allowed_account_ids", "default_tags"} & set(merged["provider"]["aws"][0])


def test_stacks_with_an_unsupported_type_are_left_out() -> None:
    good = stack({"resource": {"aws_sqs_queue": {"q": {}}}}, path="aws/a/good")
    rule = "aws_codestarnotifications_notification_rule"
    bad = stack({"resource": {rule: {"a": {}}, "aws_sqs_queue": {"q": {}}}}, path="aws/a/bad")
    organisation = CompiledOrganisation("o", (good, bad))
    assert simulable(organisation).stacks == (good,)
    assert left_out(organisation) == {"aws/a/bad": [f"{rule}: moto has no CodeStar Notifications"]}


def test_a_missing_terraform_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TerraformMissing, match=r"developer\.hashicorp\.com/terraform/install"):
        Terraform.find(tmp_path)


@pytest.mark.parametrize("mirrored", [True, False])
def test_the_cli_is_told_where_providers_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirrored: bool
) -> None:
    (tmp_path / "terraform").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LANDFORM_TF_PLUGINS", raising=False)
    if mirrored:
        monkeypatch.setenv("LANDFORM_TF_PLUGINS", str(tmp_path))
    text = Terraform.find(tmp_path).cli_configuration.read_text()
    assert ("filesystem_mirror" in text) is mirrored
    assert ("plugin_cache_dir" in text) is not mirrored


def test_a_mirror_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "terraform").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LANDFORM_TF_PLUGINS", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="LANDFORM_TF_PLUGINS is not a folder"):
        Terraform.find(tmp_path)
