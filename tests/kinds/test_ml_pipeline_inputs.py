"""What a pipeline's inputs may say, where each mistake is told, and what of a list has which name."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.compilation import Compilation, compile_blueprints
from compiler.diagnostics import Diagnostic
from compiler.terraform.names import labels

BLUEPRINT: dict[str, Any] = {
    "landform": 1,
    "organization": {"name": "acme"},
    "defaults": {"aws": {"region": "eu-west-1"}},
    "accounts": {
        "shared": {"id": "111111111111"},
        "training": {"id": "222222222222"},
        "production": {"id": "333333333333"},
    },
}
INPUTS: dict[str, Any] = {
    "kind": "ml-pipeline",
    "shared": "shared",
    "training": "training",
    "production": "production",
    "source": {"codecommit": {"repository": "churn"}},
    "train": {"image": {"builtin": "xgboost", "version": "1.7-1"}, "instance": "ml.m6i.xlarge"},
    "deploy": {"endpoint": "churn", "instance": "ml.m6i.large"},
}


def compiled(folder: Path, **inputs: Any) -> Compilation:
    content = deepcopy(BLUEPRINT) | {"components": {"churn": deepcopy(INPUTS) | inputs}}
    (folder / "blueprint.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return compile_blueprints(folder / "blueprint.yaml")


def made(folder: Path, account: str, **inputs: Any) -> Mapping[str, Any]:
    """The resources of the stack in that account, by type."""
    compilation = compiled(folder, **inputs)
    assert not compilation.diagnostics, "\n".join(map(str, compilation.diagnostics))
    found: Any = compilation.blueprints[0].documents[f"aws/{account}/churn"]["resource"]
    return {type_: dict(named) for type_, named in found.items()}


def refused(folder: Path, **inputs: Any) -> Diagnostic:
    (found,) = compiled(folder, **inputs).diagnostics
    return found


# -------------------------------------------------------------------- names of what a list has

ADDRESSES = ["b@acme.example", "a@acme.example", "c+x@acme.example"]


@pytest.mark.parametrize("account", ["shared", "production"])
def test_a_subscription_is_that_of_its_address(account: str, tmp_path: Path) -> None:
    """Without its neighbours, and in another order, it is the same resource: it was confirmed."""
    type_ = "aws_sns_topic_subscription"
    several = made(tmp_path, account, alerts={"notify": ADDRESSES})[type_]
    assert made(tmp_path, account, alerts={"notify": ADDRESSES[::-1]})[type_] == several
    assert sorted(each["endpoint"] for each in several.values()) == sorted(ADDRESSES)
    for address in ADDRESSES:
        one = made(tmp_path, account, alerts={"notify": [address]})[type_]
        assert one.items() <= several.items()


def test_an_approver_s_policy_is_that_of_its_role(tmp_path: Path) -> None:
    roles = ["team/approver", "lead", "x" * 64]
    type_ = "aws_iam_role_policy"
    several = made(tmp_path, "shared", approval={"by": roles})[type_]
    assert made(tmp_path, "shared", approval={"by": roles[::-1]})[type_] == several
    one = made(tmp_path, "shared", approval={"by": ["lead"]})[type_]
    assert one["approver_lead"] == several["approver_lead"]
    names = [body["name"] for name, body in several.items() if name.startswith("approver_")]
    assert len(set(names)) == 3


def test_the_policy_of_a_role_with_a_long_path(tmp_path: Path) -> None:
    role = "/".join(["team" * 10] * 4 + ["approver"])
    found = made(tmp_path, "shared", approval={"by": [role]})["aws_iam_role_policy"]
    (name,) = [b["name"] for b in found.values() if b["name"].startswith("churn-approver")]
    assert len(name) <= 128  # IAM's limit


def test_texts_that_give_one_name_have_two() -> None:
    alike = labels(["a.b@acme.example", "a-b@acme.example", "c@acme.example"])
    assert len(set(alike.values())) == 3
    assert alike == labels(reversed(alike))
    assert alike["c@acme.example"] == "c_acme_example"
    assert all(name.replace("_", "").isalnum() for name in alike.values())


@pytest.mark.parametrize(
    ("inputs", "at"),
    [
        ({"approval": {"by": ["x", "y", {"role": "x"}]}}, "approval.by[2]"),
        ({"approval": {"by": ["x", {"role": "x", "account": "shared"}]}}, "approval.by[1]"),
        ({"approval": {"notify": ["a@b.example", "a@b.example"]}}, "approval.notify[1]"),
        ({"alerts": {"notify": ["a@b.example", "a@b.example"]}}, "alerts.notify[1]"),
        ({"uploaders": ["x", {"role": "x", "account": "shared"}]}, "uploaders[1]"),
    ],
)
def test_nobody_is_named_twice(inputs: dict[str, Any], at: str, tmp_path: Path) -> None:
    found = refused(tmp_path, **inputs)
    assert found.code == "E204"
    assert f'"{at}" names the ' in found.message
    assert found.message.endswith(" twice")


def test_one_role_name_in_two_accounts_is_two_roles(tmp_path: Path) -> None:
    uploaders = ["x", {"role": "x", "account": "training"}]
    assert "aws_iam_role_policy" in made(tmp_path, "training", uploaders=uploaders)


# -------------------------------------------------------------------- connections

UUID = "01234567-89ab-cdef-0123-456789abcdef"


def connection(arn: str) -> dict[str, Any]:
    return {"codeconnections": {"repository": "acme/churn", "connection_arn": arn}}


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        (
            f"arn:aws:codeconnections:eu-west-1:999999999999:connection/{UUID}",
            'is of the account 999999999999, and the pipeline of "shared" (111111111111)',
        ),
        (
            f"arn:aws-cn:codeconnections:cn-north-1:111111111111:connection/{UUID}",
            'is of the partition "aws-cn"',
        ),
        ("arn:aws:codeconnections:eu-west-1:111111111111:connection/*", "the ARN of a connection"),
        (f"arn:aws:codeconnections:eu-west-1:111111111111:host/{UUID}", "the ARN of a connection"),
    ],
)
def test_a_connection_that_the_pipeline_cannot_use(arn: str, why: str, tmp_path: Path) -> None:
    found = refused(tmp_path, source=connection(arn))
    assert found.code == "E204"
    assert '"source.codeconnections.connection_arn"' in found.message
    assert why in found.message
    assert found.span is not None
    line = (
        (tmp_path / "blueprint.yaml").read_text(encoding="utf-8").splitlines()[found.span.line - 1]
    )
    assert "connection_arn" in line


@pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
def test_a_connection_is_usable_in_every_region(service: str, tmp_path: Path) -> None:
    arn = f"arn:aws:{service}:us-east-1:111111111111:connection/{UUID}"
    assert compiled(tmp_path, source=connection(arn)).diagnostics == ()


# -------------------------------------------------------------------- one of several forms


def train(**image: str) -> dict[str, Any]:
    return {**INPUTS["train"], "image": image}


def test_keys_of_both_forms_of_an_image(tmp_path: Path) -> None:
    """Said once: the one form is not blamed for the keys of the other."""
    mixed = train(builtin="xgboost", version="1.7-1", repository="churn", tag="1")
    found = refused(tmp_path, train=mixed)
    assert (found.code, found.message) == (
        "E204",
        'component "churn": "train.image" must be exactly one of {builtin, version} or '
        "{repository, tag, existing}, not a mix of them",
    )
    assert found.hint == 'leave out "repository" and "tag", or "builtin" and "version"'


def test_a_misspelt_key_of_an_image_is_no_mix(tmp_path: Path) -> None:
    found = refused(tmp_path, train=train(repository="churn", tag="1", exists="true"))
    assert (found.code, found.hint) == ("E202", 'did you mean "existing"?')


@pytest.mark.parametrize(
    "source",
    [
        {"codecommit": {"repository": "churn"}, "s3": {"key": "source/x.zip"}},
        {"codecommit": {"repository": "churn"}, "s3": {"key": "x.zip"}},
        {"codecommit": {}, "s3": {"key": "source/x.zip"}},
    ],
)
def test_two_sources_are_told_whatever_is_in_them(source: dict[str, Any], tmp_path: Path) -> None:
    found = refused(tmp_path, source=source)
    assert found.message.endswith(
        '"source" must be exactly one of codeconnections, codecommit and s3, not 2 of them'
    )


def test_no_source(tmp_path: Path) -> None:
    assert "not 0 of them" in refused(tmp_path, source={"s3": None}).message
    assert refused(tmp_path, source={"codecomit": {"repository": "x"}}).code == "E202"


# -------------------------------------------------------------------- roles


def path_of(length: int, segments: int) -> str:
    """A path of so many characters with its closing slash, in so many segments of about one length."""
    step = length // segments
    return (
        "a" * (length - step * (segments - 1) - 1) + ("/" + "b" * (step - 1)) * (segments - 1) + "/"
    )


@pytest.mark.parametrize(("length", "segments"), [(40, 20), (511, 1), (511, 60)])
def test_a_path_may_be_as_long_as_iam_allows(length: int, segments: int, tmp_path: Path) -> None:
    path = path_of(length, segments)
    assert (len(path), path.count("/")) == (length, segments)
    role = path + "r" * 64
    assert compiled(tmp_path, approval={"by": [role]}).diagnostics == ()


@pytest.mark.parametrize(
    "role", [path_of(512, 60) + "r", "team/" + "r" * 65, "team//r", "/r", "r/"]
)
def test_a_role_that_iam_cannot_have(role: str, tmp_path: Path) -> None:
    found = refused(tmp_path, approval={"by": [role]})
    assert found.code == "E204"
    assert "64 and 512 characters at most" in found.message
