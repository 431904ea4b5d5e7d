"""The evaluation logic, case by case as AWS documents it; each case names its page.

IAM pages are of the IAM user guide, KMS pages of the KMS developer guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from compiler.access.evaluation import Decision, Policies, Request, collect, decide
from tests.access.evaluation_support import OUTSIDE

OWN = "111111111111"
OTHER = "222222222222"
ROLE = f"arn:aws:iam::{OWN}:role/reader"
GUEST = f"arn:aws:iam::{OTHER}:role/guest"
BUCKET = "arn:aws:s3:::records"
OBJECT = f"{BUCKET}/a/b"
KEY = f"arn:aws:kms:eu-west-1:{OWN}:key/<aws/own/store/aws_kms_key.main>"

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}
Body = dict[str, Any]


def stack(account: str, resources: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    provider = {"allowed_account_ids": [account], "region": "eu-west-1"}
    return {"provider": {"aws": [provider]}, "resource": dict(resources), **more}


def policy(*statements: Body) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def world(
    *identity: Body,
    bucket: list[Body] | None = None,
    key: list[Body] | None = None,
    trust: list[Body] | None = None,
    boundary: list[Body] | None = None,
    guest: list[Body] | None = None,
) -> Policies:
    """One bucket, key and role of one account, and a role of another account."""
    own: dict[str, Any] = {
        "aws_iam_role": {
            "reader": {
                "name": "reader",
                "assume_role_policy": "${jsonencode(local.trust)}",
                **({} if boundary is None else {"permissions_boundary": "${aws_iam_policy.b.arn}"}),
            }
        },
        "aws_iam_policy": {"b": {"name": "b", "policy": "${jsonencode(local.boundary)}"}},
        "aws_s3_bucket": {"records": {"bucket": "records"}},
        "aws_kms_key": {"main": {} if key is None else {"policy": "${jsonencode(local.key)}"}},
    }
    if identity:
        own["aws_iam_role_policy"] = {
            "reader": {"role": "${aws_iam_role.reader.id}", "policy": "${jsonencode(local.reader)}"}
        }
    if bucket is not None:
        own["aws_s3_bucket_policy"] = {
            "records": {
                "bucket": "${aws_s3_bucket.records.id}",
                "policy": "${jsonencode(local.bucket)}",
            }
        }
    service = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}
    nobody = {**service, "Action": "sts:AssumeRole"}
    values = {
        "boundary": policy(*(boundary or [])),
        "bucket": policy(*(bucket or [])),
        "key": policy(*(key or [])),
        "reader": policy(*identity),
        "trust": policy(*(trust or [nobody])),
    }
    other = {
        "aws_iam_role": {"guest": {"name": "guest", "assume_role_policy": "${local.none}"}},
        "aws_iam_role_policy": {
            "guest": {"role": "guest", "policy": "${jsonencode(local.guest)}"},
        },
    }
    return collect(
        {
            "aws/own/store": stack(OWN, own, locals=values),
            "aws/other/store": stack(OTHER, other, locals={"guest": policy(*(guest or []))}),
        },
        organizations={OWN: "o-own", OTHER: "o-own"},
    )


def ask(
    known: Policies,
    principal: str = ROLE,
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    complete: bool = True,
    **context: str | tuple[str, ...],
) -> Decision:
    named = {key.replace("__", ":"): value for key, value in context.items()}
    asked = Request(
        principal=principal, action=action, resource=resource, context=named, complete=complete
    )
    return decide(known, asked)


def admits(principal: Any, **more: Any) -> Body:
    return {**READ, "Principal": principal, **more}


class TestSameAccount:
    """IAM, "Policy evaluation for requests within a single account"."""

    def test_nothing_is_allowed_by_default(self) -> None:
        answer = ask(world())
        assert answer.denied
        assert answer.missing == (
            f"no statement of the identity policies of {ROLE} admits s3:GetObject on {OBJECT}",
        )

    def test_identity_policy_is_enough(self) -> None:
        answer = ask(world(READ))
        assert answer.allowed
        assert [(each.side, each.address) for each in answer.chain] == [
            ("identity", "aws_iam_role_policy.reader")
        ]

    def test_resource_policy_is_enough(self) -> None:
        answer = ask(world(bucket=[admits({"AWS": ROLE})]))
        assert answer.allowed
        assert [each.side for each in answer.chain] == ["resource"]

    def test_the_own_account_as_principal_is_not_enough(self) -> None:
        """IAM, "AWS JSON policy elements: Principal", AWS account principals: it delegates."""
        root = [admits({"AWS": f"arn:aws:iam::{OWN}:root"})]
        assert ask(world(bucket=root)).denied
        assert ask(world(READ, bucket=root)).allowed

    @pytest.mark.parametrize("side", ["identity", "bucket", "boundary"])
    def test_an_explicit_deny_anywhere_wins(self, side: str) -> None:
        """IAM, "The difference between explicit and implicit denies"."""
        deny = {"Sid": "No", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        named = admits({"AWS": ROLE})
        known = {
            "identity": world(READ, deny, bucket=[named]),
            "bucket": world(READ, bucket=[named, {**deny, "Principal": "*"}]),
            "boundary": world(READ, bucket=[named], boundary=[everything, deny]),
        }[side]
        answer = ask(known)
        assert answer.denied
        assert [(each.sid, each.effect) for each in answer.chain] == [("No", "Deny")]


class TestAcrossAccounts:
    """IAM, "Cross-account policy evaluation logic"."""

    @pytest.mark.parametrize("identity", [True, False])
    @pytest.mark.parametrize("resource", [True, False])
    @pytest.mark.parametrize(
        "principal", [GUEST, f"arn:aws:iam::{OTHER}:root", OTHER, "*"], ids=str
    )
    def test_both_accounts_must_allow(
        self, principal: str, *, identity: bool, resource: bool
    ) -> None:
        known = world(
            guest=[READ] if identity else [],
            bucket=[admits({"AWS": principal})] if resource else [],
        )
        assert ask(known, GUEST).allowed is (identity and resource)

    def test_root_narrowed_by_principal_arn(self) -> None:
        narrowed = admits(
            {"AWS": f"arn:aws:iam::{OTHER}:root"},
            Condition={"ArnEquals": {"aws:PrincipalArn": GUEST}},
        )
        known = world(guest=[READ], bucket=[narrowed])
        assert ask(known, GUEST).allowed
        session = f"arn:aws:sts::{OTHER}:assumed-role/guest/job"
        assert ask(known, session).allowed
        other = {"ArnEquals": {"aws:PrincipalArn": GUEST + "s"}}
        assert ask(world(guest=[READ], bucket=[{**narrowed, "Condition": other}]), GUEST).denied

    def test_organization(self) -> None:
        """IAM, "AWS global condition context keys", aws:PrincipalOrgID."""
        known = world(
            guest=[READ],
            bucket=[admits("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-own"}})],
        )
        assert ask(known, GUEST).allowed
        assert ask(known, GUEST, aws__PrincipalOrgID="o-other").denied
        stranger = f"arn:aws:iam::{OUTSIDE}:role/guest"
        answer = ask(known, stranger, complete=False)
        assert answer.verdict == "depends"
        assert answer.depends_on == {"aws:principalorgid", f"policies of {stranger}"}

    def test_a_service_without_resource_policies_admits_nobody(self) -> None:
        arn = f"arn:aws:codepipeline:eu-west-1:{OWN}:release"
        start = {"Effect": "Allow", "Action": "codepipeline:*", "Resource": arn}
        answer = ask(world(guest=[start]), GUEST, "codepipeline:StartPipelineExecution", arn)
        assert answer.denied
        assert answer.missing == (f"{arn} has no policy that could admit {GUEST}",)

    def test_a_resource_that_no_stack_makes_is_not_decided(self) -> None:
        arn = f"arn:aws:sqs:eu-west-1:{OWN}:old"
        send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
        answer = ask(world(guest=[send]), GUEST, "sqs:SendMessage", arn)
        assert (answer.verdict, answer.depends_on) == ("depends", {f"policy of {arn}"})


class TestBoundaries:
    """IAM, "Permissions boundaries for IAM entities"."""

    def test_the_intersection_counts(self) -> None:
        lists = {"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}
        assert ask(world(READ, boundary=[lists])).denied
        assert ask(world(READ, boundary=[lists, READ])).allowed
        assert ask(world(boundary=[READ])).denied

    def test_a_role_named_by_a_resource_policy_stays_limited(self) -> None:
        assert ask(world(bucket=[admits({"AWS": ROLE})], boundary=[])).denied

    def test_a_session_named_by_a_resource_policy_is_not_limited(self) -> None:
        session = f"arn:aws:sts::{OWN}:assumed-role/reader/job"
        known = world(bucket=[admits({"AWS": session})], boundary=[])
        assert ask(known, session).allowed
        assert ask(known, session + "2").denied

    def test_not_principal_denies_every_principal_with_a_boundary(self) -> None:
        account, session = f"arn:aws:iam::{OWN}:root", f"arn:aws:sts::{OWN}:assumed-role/reader/j"
        deny = {
            "Effect": "Deny",
            "NotPrincipal": {"AWS": [account, ROLE, session]},
            "Action": "s3:*",
            "Resource": f"{BUCKET}/*",
        }
        assert ask(world(READ, bucket=[deny])).allowed
        assert ask(world(READ, bucket=[deny], boundary=[READ])).denied
        assert ask(world(guest=[READ], bucket=[admits("*"), deny]), GUEST).denied


class TestKeys:
    """KMS, "Key policies in AWS KMS" and "Default key policy"."""

    DECRYPT: Body = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}  # noqa: RUF012

    def use(self, known: Policies, principal: str = ROLE, **context: str) -> Decision:
        return ask(known, principal, "kms:Decrypt", KEY, True, **context)

    def test_identity_policies_need_the_key_policy(self) -> None:
        nobody = {**self.DECRYPT, "Principal": {"AWS": f"arn:aws:iam::{OWN}:role/other"}}
        assert self.use(world(self.DECRYPT, key=[nobody])).denied

    def test_the_account_principal_lets_identity_policies_count(self) -> None:
        root = {**self.DECRYPT, "Principal": {"AWS": f"arn:aws:iam::{OWN}:root"}}
        assert self.use(world(self.DECRYPT, key=[root])).allowed
        assert self.use(world(key=[root])).denied

    def test_a_named_role_needs_no_identity_policy(self) -> None:
        assert self.use(world(key=[{**self.DECRYPT, "Principal": {"AWS": ROLE}}])).allowed

    def test_a_key_without_a_policy_has_the_default_one(self) -> None:
        assert self.use(world(self.DECRYPT)).allowed
        assert self.use(world()).denied
        assert self.use(world(guest=[self.DECRYPT]), GUEST).denied

    def test_another_account_needs_both(self) -> None:
        admitted = {**self.DECRYPT, "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}}
        assert self.use(world(guest=[self.DECRYPT], key=[admitted]), GUEST).allowed
        assert self.use(world(key=[admitted]), GUEST).denied
        assert self.use(world(guest=[self.DECRYPT], key=[]), GUEST).denied

    def test_via_service(self) -> None:
        """KMS, "AWS KMS condition keys", kms:ViaService."""
        via = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
        known = world(key=[{**self.DECRYPT, "Principal": {"AWS": ROLE}, "Condition": via}])
        assert self.use(known, kms__ViaService="s3.eu-west-1.amazonaws.com").allowed
        assert self.use(known, kms__ViaService="ec2.eu-west-1.amazonaws.com").denied
        assert self.use(known).denied
        answer = ask(known, ROLE, "kms:Decrypt", KEY, False)
        assert (answer.verdict, answer.depends_on) == ("depends", {"kms:viaservice"})


class TestTrust:
    """IAM, "Policy evaluation for requests within a single account", role trust policies."""

    BECOME: Body = {"Effect": "Allow", "Action": "sts:AssumeRole"}  # noqa: RUF012

    def become(self, known: Policies, principal: str) -> Decision:
        return ask(known, principal, "sts:AssumeRole", ROLE)

    def test_service(self) -> None:
        assert self.become(world(), "ec2.amazonaws.com").allowed
        assert self.become(world(), "ecs.amazonaws.com").denied

    def test_another_account(self) -> None:
        trust = [{**self.BECOME, "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}}]
        asks = {**self.BECOME, "Resource": ROLE}
        assert self.become(world(guest=[asks], trust=trust), GUEST).allowed
        assert self.become(world(guest=[asks]), GUEST).denied
        assert self.become(world(trust=trust), GUEST).denied

    def test_trust_is_needed_within_an_account_too(self) -> None:
        assert self.become(world({**self.BECOME, "Resource": "*"}), ROLE).denied

    def test_trust_says_nothing_of_other_actions_on_the_role(self) -> None:
        named = [{**self.BECOME, "Action": "*", "Principal": {"AWS": GUEST}}]
        passes = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE}
        assert ask(world(trust=named, guest=[passes]), GUEST, "iam:PassRole", ROLE).denied
        assert ask(world(passes), ROLE, "iam:PassRole", ROLE).allowed


class TestElements:
    """IAM, "IAM JSON policy element reference"."""

    @pytest.mark.parametrize(
        ("action", "asked", "matches"),
        [
            ("s3:getobject", "s3:GetObject", True),
            ("S3:Get*", "s3:GetObject", True),
            ("s3:Get?bject", "s3:GetObject", True),
            ("s3:Get", "s3:GetObject", False),
            ("*", "s3:GetObject", True),
            ("s*:GetObject", "s3:GetObject", True),
        ],
    )
    def test_action(self, action: str, asked: str, *, matches: bool) -> None:
        assert ask(world({**READ, "Action": action}), action=asked).allowed is matches

    @pytest.mark.parametrize(
        ("resource", "asked", "matches"),
        [
            (f"{BUCKET}/*", OBJECT, True),
            (f"{BUCKET}/A/*", OBJECT, False),
            (f"{BUCKET}/?/b", OBJECT, True),
            (f"{BUCKET}*", BUCKET, True),
            ("arn:aws:s3:::*", OBJECT, True),
            ("arn:*:s3:::records/a/b", OBJECT, True),
            ("arn:aws:*:records/a/b", OBJECT, False),
            ("*", OBJECT, True),
        ],
    )
    def test_resource(self, resource: str, asked: str, *, matches: bool) -> None:
        known = world({**READ, "Action": "s3:*", "Resource": resource})
        assert ask(known, resource=asked).allowed is matches

    def test_not_action_and_not_resource(self) -> None:
        rest = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": f"{BUCKET}/secret/*"}
        assert ask(world(rest)).allowed
        assert ask(world(rest), resource=f"{BUCKET}/secret/x").denied
        assert ask(world(rest), action="iam:GetRole", resource=ROLE).denied

    def test_policy_variables(self) -> None:
        """IAM, "IAM policy elements: Variables and tags"."""
        own = {**READ, "Resource": f"{BUCKET}/$${{aws:PrincipalAccount}}/*"}
        assert ask(world(own), resource=f"{BUCKET}/{OWN}/x").allowed
        assert ask(world(own), resource=f"{BUCKET}/{OTHER}/x").denied
        tagged = {**READ, "Resource": f"{BUCKET}/$${{aws:PrincipalTag/team, 'all'}}/*"}
        assert ask(world(tagged), resource=f"{BUCKET}/all/x").allowed
        star = {**READ, "Resource": f"{BUCKET}/$${{*}}"}
        assert ask(world(star), resource=f"{BUCKET}/*").allowed
        assert ask(world(star)).denied

    @pytest.mark.parametrize(
        "change",
        [
            {"Effect": "allow"},
            {"Efect": "Allow"},
            {"Condition": {"StringEqual": {"aws:PrincipalArn": "x"}}},
            {"Principal": "*"},
            {"NotAction": "s3:*"},
        ],
        ids=str,
    )
    def test_a_policy_that_aws_would_refuse_is_a_problem(self, change: Body) -> None:
        known = world({**READ, **change})
        assert [each.address for each in known.problems] == ["aws_iam_role_policy.reader"]
        assert ask(known).verdict == "depends"


CONDITIONS = [
    # operator, values, the request's value (None: missing), holds
    ("StringEquals", "a", "a", True),
    ("StringEquals", ["b", "a"], "a", True),
    ("StringEquals", "A", "a", False),
    ("StringEquals", "*", "a", False),
    ("StringEquals", "a", None, False),
    ("StringEqualsIfExists", "a", None, True),
    ("StringNotEquals", "a", None, True),
    ("StringNotEquals", ["a", "b"], "a", False),
    ("StringNotEquals", ["b", "c"], "a", True),
    ("StringEqualsIgnoreCase", "A", "a", True),
    ("StringNotEqualsIgnoreCase", "A", "a", False),
    ("StringLike", "a*", "abc", True),
    ("StringLike", "a?", "abc", False),
    ("StringNotLike", "a*", "abc", False),
    ("StringLike", "a*", None, False),
    ("Null", "true", None, True),
    ("Null", "true", "a", False),
    ("Null", "false", "a", True),
    ("Null", True, None, True),
    ("Bool", "true", "TRUE", True),
    ("Bool", False, "true", False),
    ("Bool", "true", None, False),
    ("BoolIfExists", "true", None, True),
    ("NumericEquals", "10", "10.0", True),
    ("NumericLessThan", 10, "9", True),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "10", "10", False),
    ("NumericGreaterThanEquals", "10", "9", False),
    ("NumericNotEquals", "10", "9", True),
    ("NumericEquals", "10", "ten", False),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "1767225601", True),
    ("DateEquals", "2026-01-01", "2026-01-01T00:00:00Z", True),
    ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "2025-12-31", False),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
    ("IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
    ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
    ("NotIpAddress", "10.0.0.0/8", None, True),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ6", False),
    ("ArnEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/x", True),
    ("ArnLike", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/x", True),
    ("ArnLike", "arn:aws:*:role/x", "arn:aws:iam::1:role/x", False),
    ("ArnNotLike", "arn:aws:iam::2:*", "arn:aws:iam::1:role/x", True),
    ("ForAnyValue:StringEquals", ["a", "b"], ("x", "a"), True),
    ("ForAnyValue:StringEquals", ["a", "b"], ("x", "y"), False),
    ("ForAnyValue:StringEquals", ["a"], None, False),
    ("ForAllValues:StringEquals", ["a", "b"], ("b", "a"), True),
    ("ForAllValues:StringEquals", ["a", "b"], ("a", "x"), False),
    ("ForAllValues:StringEquals", ["a"], None, True),
    ("ForAllValues:StringLike", ["a*"], ("ab", "ac"), True),
    ("ForAnyValue:StringNotEquals", ["a"], ("a", "x"), True),
    ("ForAnyValue:StringNotEquals", ["a"], ("a",), False),
]


@pytest.mark.parametrize(("operator", "values", "given", "holds"), CONDITIONS, ids=str)
def test_condition_operators(
    operator: str, values: Any, given: str | tuple[str, ...] | None, *, holds: bool
) -> None:
    """IAM, "Condition operators" and "Conditions with multiple context keys or values"."""
    known = world({**READ, "Condition": {operator: {"s3:Prefix": values}}})
    context = {} if given is None else {"s3__prefix": given}
    assert ask(known, **context).allowed is holds
    if given is None:
        silent = ask(known, complete=False)
        assert (silent.verdict, silent.depends_on) == ("depends", {"s3:prefix"})


def test_several_operators_and_keys_must_all_hold() -> None:
    """IAM, "Conditions with multiple context keys or values": AND between them."""
    block = {"StringEquals": {"s3:prefix": "a"}, "Bool": {"aws:SecureTransport": "true"}}
    known = world({**READ, "Condition": block})
    assert ask(known, s3__prefix="a").allowed
    assert ask(known, s3__prefix="b").denied
    assert ask(known, s3__prefix="a", aws__SecureTransport="false").denied


def test_several_values_without_a_set_operator_are_not_decided() -> None:
    known = world({**READ, "Condition": {"StringEquals": {"s3:prefix": "a"}}})
    assert ask(known, s3__prefix=("a", "b")).verdict == "depends"
