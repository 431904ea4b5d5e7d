"""What may be replaced: the table, blocks, what is ignored, and what refers to the replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from compiler.diff import Revision, compare
from compiler.diff.records import ABSENT, Edit, ResourceChange, StackView
from compiler.diff.replacing import forces, table
from compiler.diff.stateful import HOLDS
from compiler.terraform.schema.index import open_index


def view(resources: Mapping[str, Any], **more: Any) -> StackView:
    return StackView(
        path="aws/one/stack",
        home="one",
        id="111111111111",
        component="stack",
        kind="any",
        wave=0,
        document={"resource": resources, **more},
        assets={},
        digest=repr((resources, more)),
    )


def changes(before: Any, after: Any, **more: Any) -> dict[str, ResourceChange]:
    revisions = [
        Revision(stacks={"aws/one/stack": each}) for each in (view(before), view(after, **more))
    ]
    found = compare("acme", *revisions)
    return {change.address: change for stack in found.stacks for change in stack.resources}


def bucket(name: str, **more: Any) -> dict[str, Any]:
    return {"aws_s3_bucket": {"data": {"bucket": name, **more}}}


def test_a_name_replaces_and_a_tag_does_not() -> None:
    found = changes(bucket("one"), bucket("two"))["aws_s3_bucket.data"]
    assert found.replaces == ("bucket",)
    found = changes(bucket("one"), bucket("one", tags={"a": "b"}))["aws_s3_bucket.data"]
    assert found.replaces == ()


def test_what_refers_to_the_replaced_is_replaced() -> None:
    policy = {
        "aws_s3_bucket_policy": {"data": {"bucket": "${aws_s3_bucket.data.id}", "policy": "{}"}}
    }
    role = {"aws_iam_role": {"other": {"name": "other", "path": "/"}}}
    found = changes({**bucket("one"), **policy, **role}, {**bucket("two"), **policy, **role})
    assert sorted(found) == ["aws_s3_bucket.data", "aws_s3_bucket_policy.data"]
    assert found["aws_s3_bucket_policy.data"].replaces == ("bucket: aws_s3_bucket.data",)
    assert found["aws_s3_bucket_policy.data"].edits == ()


def test_escaped_text_refers_to_nothing() -> None:
    other = {"aws_iam_role": {"o": {"name": "$${aws_s3_bucket.data.id}"}}}
    assert sorted(changes({**bucket("one"), **other}, {**bucket("two"), **other})) == [
        "aws_s3_bucket.data"
    ]


def test_references_in_a_circle_end() -> None:
    both = {
        "aws_lambda_permission": {
            "a": {"statement_id": "${aws_lambda_permission.b.id}", "action": "one"},
            "b": {"statement_id": "${aws_lambda_permission.a.id}", "action": "x"},
        }
    }
    after = {
        "aws_lambda_permission": {
            **both["aws_lambda_permission"],
            "a": {**both["aws_lambda_permission"]["a"], "action": "two"},
        }
    }
    assert len(changes(both, after)) == 2


@pytest.mark.parametrize("ignored", ["all", ["bucket"], ["tags", "bucket"]])
def test_ignored_changes_replace_nothing(ignored: Any) -> None:
    lifecycle = {"lifecycle": {"ignore_changes": ignored}}
    found = changes(bucket("one", **lifecycle), bucket("two", **lifecycle))["aws_s3_bucket.data"]
    assert found.replaces == ()
    assert [edit.path for edit in found.edits] == ["bucket"]


@pytest.mark.parametrize(
    ("type", "edit", "expected"),
    [
        ("aws_ecr_repository", Edit(path="encryption_configuration.kms_key", before="a", after="b"), True),
        ("aws_ecr_repository", Edit(path="encryption_configuration", before=ABSENT, after=[{"kms_key": "a"}]), True),
        ("aws_ecr_repository", Edit(path="image_scanning_configuration", before=ABSENT, after=[{}]), False),
        ("aws_eks_cluster", Edit(path="encryption_config", before=[{"resources": ["secrets"]}], after=ABSENT), True),
        ("aws_eks_cluster", Edit(path="encryption_config.resources", before=["a"], after=["b"]), False),
        ("aws_eks_cluster", Edit(path="kubernetes_network_config", before=ABSENT, after=[{"ip_family": "ipv6"}]), True),
        ("aws_eks_cluster", Edit(path="kubernetes_network_config", before=ABSENT, after=[{}]), False),
        ("aws_sagemaker_model", Edit(path="container[0].image", before="a", after="b"), True),
        ("aws_unheard_of", Edit(path="name", before="a", after="b"), False),
    ],
)  # fmt: skip
def test_blocks(type: str, edit: Edit, expected: bool) -> None:
    assert forces(type, edit) is expected


def test_the_table_names_what_the_providers_have() -> None:
    """Every type and argument is one of the schema that resources are checked against."""
    index = open_index()
    for type, patterns in table().items():
        schema = index.resource(type)
        assert schema is not None, type
        versions = [block for block in (schema.older, schema.newer) if block is not None]
        for pattern in patterns:
            path = pattern.removesuffix("!").split(".")
            assert any(_known(block, path) for block in versions), f"{type}.{pattern}"


def _known(block: Any, path: list[str]) -> bool:
    name, rest = path[0], path[1:]
    if name in block.attributes:
        return True
    return name in block.blocks and (not rest or _known(block.blocks[name].block, rest))


def test_every_type_with_data_is_a_type() -> None:
    assert [type for type in HOLDS if open_index().resource(type) is None] == []


def test_moves_and_imports() -> None:
    before = bucket("one")
    after = {"aws_s3_bucket": {"store": {"bucket": "one"}, "new": {"bucket": "old-one"}}}
    found = changes(
        before,
        after,
        moved=[{"from": "aws_s3_bucket.data", "to": "aws_s3_bucket.store"}],
        **{"import": [{"to": "aws_s3_bucket.new", "id": "old-one"}]},
    )
    assert found["aws_s3_bucket.store"].action == "move"
    assert found["aws_s3_bucket.store"].origin == "aws_s3_bucket.data"
    assert (found["aws_s3_bucket.new"].action, found["aws_s3_bucket.new"].identity) == (
        "import",
        "old-one",
    )
    assert "aws_s3_bucket.data" not in found
