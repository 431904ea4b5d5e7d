"""The test evaluator against cases whose answers the IAM user guide states."""

from __future__ import annotations

from typing import Any

import pytest

from tests.terraform.conditions import conditions_hold
from tests.terraform.evaluate import evaluate
from tests.terraform.policies import Account, Key, Role

HOME, AWAY = "111111111111", "222222222222"
READER = f"arn:aws:iam::{HOME}:role/reader"
KEY = f"arn:aws:kms:eu-west-1:{AWAY}:key/k"
OWN_KEY = f"arn:aws:kms:eu-west-1:{HOME}:key/k"
BUCKET = "arn:aws:s3:::away"
READS = {"Effect": "Allow", "Action": "s3:Get*", "Resource": f"{BUCKET}/*"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def world(
    identity: dict[str, Any],
    *,
    bucket: dict[str, Any] | None = None,
    key: dict[str, Any] | None = None,
    own_key: dict[str, Any] | None = None,
    trust: dict[str, Any] | None = None,
    boundary: dict[str, Any] | None = None,
) -> dict[str, Account]:
    role = Role(READER, trust or policy(), {"inline": identity}, boundary)
    own = {OWN_KEY: Key(OWN_KEY, own_key, ("alias/own",))} if own_key else {}
    keys = {KEY: Key(KEY, key, ("alias/model",))} if key else {}
    return {
        HOME: Account(HOME, {"reader": role}, own),
        AWAY: Account(AWAY, {}, keys, {BUCKET: bucket or policy()}),
    }


def to(principal: str, action: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, **more}


ROOT = f"arn:aws:iam::{HOME}:root"
ONLY_READER = {"Condition": {"ArnEquals": {"aws:PrincipalArn": READER}}}


@pytest.mark.parametrize(
    ("identity", "bucket", "allowed"),
    [
        (policy(READS), policy(to(ROOT, "s3:GetObject", Resource=f"{BUCKET}/*")), True),
        (policy(READS), policy(), False),
        (policy(), policy(to(READER, "s3:GetObject", Resource=f"{BUCKET}/*")), False),
        (policy(READS), policy(to(ROOT, "s3:GetObject", Resource=BUCKET)), False),
        (policy(READS), policy(to(ROOT, "s3:GetObject", Resource="*", **ONLY_READER)), True),
        (
            policy(READS, {"Effect": "Deny", "Action": "*", "Resource": "*"}),
            policy(to(ROOT, "s3:GetObject", Resource="*")),
            False,
        ),
        (
            policy(READS),
            policy(
                to(ROOT, "s3:GetObject", Resource="*"),
                {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"},
            ),
            False,
        ),
    ],
    ids=["both", "no-bucket", "no-identity", "bucket-only", "narrowed", "deny", "bucket-deny"],
)
def test_across_accounts_both_sides_must_allow(
    identity: dict[str, Any], bucket: dict[str, Any], allowed: bool
) -> None:
    accounts = world(identity, bucket=bucket)
    assert evaluate(accounts, READER, "s3:GetObject", f"{BUCKET}/a").allowed is allowed


def test_a_narrowed_account_principal_shuts_out_other_roles() -> None:
    bucket = policy(to(ROOT, "s3:GetObject", Resource="*", **ONLY_READER))
    other = f"arn:aws:iam::{HOME}:role/other"
    accounts = world(policy(), bucket=bucket)
    asked = evaluate(accounts, other, "s3:GetObject", f"{BUCKET}/a", administrator=True)
    assert (asked.identity.grants, asked.resource.grants, asked.allowed) == (True, False, False)


def test_a_boundary_limits_what_identity_policies_allow() -> None:
    bucket = policy(to(ROOT, "s3:*", Resource="*"))
    boundary = policy({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"})
    accounts = world(policy(READS), bucket=bucket, boundary=boundary)
    assert not evaluate(accounts, READER, "s3:GetObject", f"{BUCKET}/a").allowed


DECRYPTS = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}


@pytest.mark.parametrize(
    ("identity", "key", "allowed"),
    [
        (policy(DECRYPTS), policy(), False),
        (policy(DECRYPTS), policy(to(ROOT, "kms:*", Resource="*")), True),
        (policy(), policy(to(ROOT, "kms:*", Resource="*")), False),
        (policy(), policy(to(READER, "kms:Decrypt", Resource="*")), True),
    ],
    ids=["key-silent", "delegated", "delegated-to-nobody", "direct"],
)
def test_a_key_policy_decides_in_its_own_account(
    identity: dict[str, Any], key: dict[str, Any], allowed: bool
) -> None:
    accounts = world(identity, own_key=key)
    assert evaluate(accounts, READER, "kms:Decrypt", OWN_KEY).allowed is allowed


def test_key_aliases_are_known_to_conditions() -> None:
    alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/model"}}
    accounts = world(
        policy({**DECRYPTS, "Condition": alias}), key=policy(to(ROOT, "kms:*", Resource="*"))
    )
    assert evaluate(accounts, READER, "kms:Decrypt", KEY).allowed
    del accounts[AWAY].keys[KEY]
    assert not evaluate(accounts, READER, "kms:Decrypt", KEY).allowed


@pytest.mark.parametrize(("source", "allowed"), [(HOME, True), (AWAY, False)])
def test_a_service_is_judged_by_the_trust_policy(source: str, allowed: bool) -> None:
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "states.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": HOME}},
        }
    )
    accounts = world(policy(), trust=trust)
    context = {"aws:SourceAccount": source}
    asked = evaluate(accounts, "states.amazonaws.com", "sts:AssumeRole", READER, context)
    assert asked.allowed is allowed


def test_a_role_that_is_not_there_has_no_answer() -> None:
    with pytest.raises(KeyError, match="ghost"):
        evaluate(world(policy()), f"arn:aws:iam::{HOME}:role/ghost", "s3:GetObject", "*")


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "models/*", "models/1/2", True),
        ("StringLike", "v?", "v10", False),
        ("StringNotLike", "models/*", "data/1", True),
        ("ArnLike", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/x", True),
        ("ArnEquals", "arn:aws:*:role/x", "arn:aws:iam::1:role/x", False),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("Null", "false", "a", True),
        ("Bool", "false", "false", True),
        ("Bool", "false", None, False),
        ("BoolIfExists", "false", None, True),
        ("ForAnyValue:StringEquals", "a", ["b", "a"], True),
        ("ForAnyValue:StringEquals", "a", None, False),
        ("ForAllValues:StringEquals", ["a", "b"], ["b", "a"], True),
        ("ForAllValues:StringEquals", "a", ["b", "a"], False),
        ("ForAllValues:StringEquals", "a", None, True),
        ("NumericLessThan", "10", "9", True),
    ],
)
def test_condition_operators(operator: str, wanted: Any, value: Any, holds: bool) -> None:
    context = {} if value is None else {"KEY": value}
    assert conditions_hold({operator: {"key": wanted}}, context) is holds


def test_policy_variables_take_the_value_of_their_key() -> None:
    block = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
    same = {"aws:ResourceAccount": HOME, "aws:PrincipalAccount": HOME}
    assert conditions_hold(block, same)
    assert not conditions_hold(block, {**same, "aws:PrincipalAccount": AWAY})


def test_an_unknown_operator_is_not_guessed() -> None:
    with pytest.raises(NotImplementedError, match="DateLessThan"):
        conditions_hold({"DateLessThan": {"key": "2026-01-01"}}, {"key": "2025-01-01"})
