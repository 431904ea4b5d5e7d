"""Compiled organisations apply to an empty AWS, stack by stack, in wave order and in reverse, and a
second plan of each stack is empty."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.terraform.applied import Applied
from tests.terraform.conftest import CASES, GENERATED
from tests.terraform.generated import read_organisation, read_organisations
from tests.terraform.rig import left_out

# Compiled stacks that hold a type of `UNSUPPORTED`, by organisation: they are validated only.
NOT_APPLIED: Mapping[str, set[str]] = {}


@pytest.mark.rig
def test_organisation_applies_and_is_stable(applied: Applied) -> None:
    """The apply itself is the fixture's; here: each role, bucket and key stands in its own account."""
    for stack in applied.organisation.stacks:
        account = applied.accounts[stack.account]
        roles = {role["name"] for role in stack.resources("aws_iam_role").values()}
        buckets = {bucket["bucket"] for bucket in stack.resources("aws_s3_bucket").values()}
        assert roles <= account.roles.keys()
        assert {f"arn:aws:s3:::{bucket}" for bucket in buckets} <= account.resources.keys()
        assert len(account.keys) >= len(stack.resources("aws_kms_key"))
        assert len(applied.states[stack.path]) == stack.count


def test_each_compiled_organisation_is_applied() -> None:
    names = {organisation.name for organisation in read_organisations(GENERATED)}
    assert {case.organisation for case in CASES if not case.variant} == names


def test_the_example_is_applied_in_both_orders() -> None:
    assert {case.reverse for case in CASES if case.organisation == "article"} == {True, False}


def test_the_stacks_that_are_not_applied_are_listed() -> None:
    organisations = read_organisations(GENERATED)
    found = {o.name: set(left_out(o)) for o in organisations if left_out(o)}
    assert found == NOT_APPLIED


@pytest.mark.rig
def test_no_stack_of_an_unseen_organisation_is_left_out(variants: Path) -> None:
    folders = [variants / case.organisation for case in CASES if case.variant]
    assert not [path for folder in folders for path in left_out(read_organisation(folder))]
