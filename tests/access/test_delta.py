"""The delta's parts: terms, privileged permissions, marks, what a pipeline refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from compiler.access.delta import Change, Home, Snapshot, delta
from compiler.access.delta.privileged import reason, role_reason
from compiler.access.delta.terms import Term, implies, loosest, missing, spelled, spelled_key

READER = "arn:aws:iam::222222222222:role/reader"
DATA = "arn:aws:s3:::acme-data"
HOMES = {
    "111111111111": Home(name="shared", id="111111111111"),
    "222222222222": Home(name="training", id="222222222222"),
}


def term(operator: str, *values: str, key: str = "s3:prefix", if_exists: bool = False) -> Term:
    return Term(
        key=key,
        operator=operator,
        quantifier="",
        if_exists=if_exists,
        values=values,
        name=operator,
    )


@pytest.mark.parametrize(
    ("strict", "loose", "follows"),
    [
        (term("stringequals", "a"), term("stringequals", "a", "b"), True),
        (term("stringequals", "a", "b"), term("stringequals", "a"), False),
        (term("stringequals", "data/x"), term("stringlike", "data/*"), True),
        (term("stringlike", "data/x/*"), term("stringlike", "data/*"), True),
        (term("stringlike", "data/*"), term("stringlike", "data/x/*"), False),
        (term("stringlike", "data/*"), term("stringequals", "data/x"), False),
        (term("stringnotequals", "a", "b"), term("stringnotequals", "a"), True),
        (term("stringnotequals", "a"), term("stringnotequals", "a", "b"), False),
        (term("stringnotlike", "a*"), term("stringnotequals", "ab"), True),
        (term("stringnotequals", "ab"), term("stringnotlike", "a*"), False),
        (term("stringequals", "a"), term("stringequals", "a", if_exists=True), True),
        (term("stringequals", "a", if_exists=True), term("stringequals", "a"), False),
        (term("stringequals", "a"), term("stringequals", "a", key="aws:username"), False),
        (term("stringequals", "a"), term("stringnotequals", "a"), False),
        (term("numericlessthan", "5"), term("numericlessthan", "9"), False),
    ],
)
def test_implication_is_never_claimed_wrongly(strict: Term, loose: Term, follows: bool) -> None:
    assert implies(strict, loose) is follows
    assert (missing(frozenset({strict}), frozenset({loose})) == frozenset()) is follows


def test_the_loosest_ways_remain() -> None:
    one, other = term("stringequals", "a"), term("stringequals", "b", key="aws:username")
    ways = [frozenset({one, other}), frozenset({one}), frozenset({other})]
    assert loosest(ways) == {frozenset({one}), frozenset({other})}
    assert loosest([*ways, frozenset()]) == {frozenset()}


@pytest.mark.parametrize(
    ("action", "privileged"),
    [
        ("iam:passrole", True),
        ("*", True),
        ("iam:*", True),
        ("kms:putkeypolicy", True),
        ("s3:putbucketpolicy", True),
        ("sns:addpermission", True),
        ("s3:getobject", False),
        ("iam:getrole", False),
        ("iam:get*", False),
        ("kms:decrypt", False),
        ("backup:listindexedrecoverypointsforsearch", False),
    ],
)
def test_privileged_actions(action: str, privileged: bool) -> None:
    assert bool(reason(action, [frozenset()])) is privileged


def test_a_grant_for_a_service_only_is_harmless() -> None:
    narrow = frozenset({term("bool", "true", key="kms:grantisforawsresource")})
    assert not reason("kms:creategrant", [narrow])
    assert reason("kms:creategrant", [narrow, frozenset()])


@pytest.mark.parametrize(
    ("role", "privileged"),
    [
        ("roles/owner", True),
        ("roles/iam.serviceAccountTokenCreator", True),
        ("roles/iam.securityAdmin", True),
        ("roles/storage.objectViewer", False),
        ("roles/aiplatform.user", False),
    ],
)
def test_privileged_roles_of_google(role: str, privileged: bool) -> None:
    assert bool(role_reason(role)) is privileged


def test_names_are_written_as_aws_does() -> None:
    assert spelled("s3:getobject*") == "s3:GetObject*"
    assert spelled("madeup:action") == "madeup:action"
    assert spelled_key("aws:principalorgid") == "aws:PrincipalOrgID"
    assert spelled_key("iam:passedtoservice") == "iam:PassedToService"


# ---- Marks and kinds, on small policies


def bucket(*statements: dict[str, Any]) -> dict[str, Any]:
    body = {"Version": "2012-10-17", "Statement": list(statements)}
    return {
        "provider": {"aws": [{"region": "eu-west-1", "allowed_account_ids": ["111111111111"]}]},
        "resource": {
            "aws_s3_bucket": {"data": {"bucket": "acme-data"}},
            "aws_s3_bucket_policy": {"data": {"bucket": "acme-data", "policy": json.dumps(body)}},
        },
    }


def snapshot(*statements: dict[str, Any], homes: dict[str, Home] | None = None) -> Snapshot:
    return Snapshot(
        documents={"aws/shared/lake": bucket(*statements)},
        homes=HOMES if homes is None else homes,
        organization="o-abc123defg",
    )


def allow(principal: object, sid: str = "Admits", **more: object) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["s3:GetObject"],
        "Resource": [f"{DATA}/*"],
        **more,
    }


def changes(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[Change]:
    return list(delta("acme", snapshot(*before), snapshot(*after)).changes)


def names(change: Change) -> list[str]:
    return [mark.name for mark in change.marks]


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        ({}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-abc123defg"}}, False),
        ({"StringLike": {"aws:PrincipalOrgID": "*"}}, True),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, False),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}, True),
        ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, False),
        ({"StringNotEquals": {"aws:PrincipalAccount": "999999999999"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
    ],
)
def test_public_is_what_asks_nothing_about_who(condition: object, public: bool) -> None:
    (change,) = changes([], [allow("*", Condition=condition)])
    assert (change.kind, change.who.text) == ("gained", "*")
    assert ("public" in names(change)) is public


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"AWS": "arn:aws:iam::999999999999:root"}, ["cross-account", "external"]),
        ({"AWS": "222222222222"}, ["cross-account"]),
        ({"AWS": "arn:aws:iam::111111111111:role/own"}, []),
        ({"Service": "logging.s3.amazonaws.com"}, []),
    ],
)
def test_whose_account_it_is(principal: object, expected: list[str]) -> None:
    (change,) = changes([], [allow(principal)])
    assert names(change) == expected


def test_a_service_that_calls_for_another_account_crosses_the_boundary() -> None:
    statement = allow(
        {"Service": "cloudtrail.amazonaws.com"},
        Condition={"StringEquals": {"aws:SourceAccount": "222222222222"}},
    )
    (change,) = changes([], [statement])
    assert names(change) == ["cross-account"]


def test_production_is_marked_where_either_revision_says_so() -> None:
    production = {**HOMES, "111111111111": Home(name="shared", id="111111111111", production="why")}
    before = snapshot(allow({"AWS": "222222222222"}), homes=production)
    (change,) = delta("acme", before, snapshot()).changes
    assert change.kind == "lost"
    assert names(change) == ["cross-account", "production"]


def test_an_own_statement_with_another_sid_is_no_difference() -> None:
    assert not changes([allow("*")], [allow("*", "Renamed")])


def test_a_value_taken_out_of_a_list_narrows() -> None:
    def statement(*accounts: str) -> dict[str, Any]:
        return allow("*", Condition={"StringEquals": {"aws:SourceVpce": list(accounts)}})

    (change,) = changes([statement("vpce-1", "vpce-2")], [statement("vpce-1")])
    assert change.kind == "narrowed"
    assert change.before == ("StringEquals aws:SourceVpce = vpce-1, vpce-2",)
    assert change.after == ("StringEquals aws:SourceVpce = vpce-1",)


def test_a_second_alternative_widens() -> None:
    first = allow("*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})
    second = allow("*", "More", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
    (change,) = changes([first], [first, second])
    assert change.kind == "widened"
    assert len(change.conditions) == 2


def test_one_deny_for_another() -> None:
    """Objects are still refused without TLS: by a statement that says more."""
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    own = {"Sid": "Deny", "Effect": "Deny", "Principal": "*", "Condition": insecure}
    narrow = {**own, "Action": ["s3:GetObject"], "Resource": [f"{DATA}/*"]}
    wide = {**own, "Action": ["s3:*"], "Resource": [f"{DATA}/*", DATA]}
    assert not changes([allow("*"), narrow], [allow("*"), wide])
    (change,) = changes([allow("*"), narrow], [allow("*")])
    assert change.before == ("denied where Bool aws:SecureTransport = false",)


def test_a_policy_that_cannot_be_read_may_give_everything() -> None:
    """Never "no difference" for want of knowing."""
    reader: dict[str, Any] = bucket()
    reader["resource"]["aws_iam_role_policy"] = {
        "x": {"role": "reader", "policy": "${data.aws_iam_policy_document.x.json}"}
    }
    after = Snapshot(documents={"aws/shared/lake": reader}, homes=HOMES)
    found = delta("acme", snapshot(), after).changes
    (change,) = [each for each in found if each.who.text.endswith("role/reader")]
    assert (change.kind, change.actions, change.on.text) == ("gained", ("*",), "*")
    assert change.depends_on


def test_what_a_pipeline_refuses() -> None:
    before, after = snapshot(allow({"AWS": "222222222222"})), snapshot(allow("*", "Everyone"))
    there, back = delta("acme", before, after), delta("acme", after, before)
    # Who was admitted before is one of everyone, and has lost nothing.
    assert [(change.kind, change.who.text) for change in there.changes] == [("gained", "*")]
    assert there.fails(["public"]) == there.fails(["widened"]) == there.changes
    assert not there.fails(["privileged"])
    assert not there.fails([])
    assert [change.kind for change in back.changes] == ["lost"]
    assert not back.fails(["widened", "public"])


def test_providers_without_an_arn_are_seen() -> None:
    web = {"Federated": "accounts.google.com"}
    (change,) = changes([], [allow(web)])
    assert change.who.text == "federated/accounts.google.com"
    assert names(change) == ["external"]


def function(principal: str, **more: str) -> Snapshot:
    document: dict[str, Any] = {
        "provider": {"aws": [{"region": "eu-west-1", "allowed_account_ids": ["111111111111"]}]},
        "resource": {
            "aws_lambda_function": {"f": {"function_name": "f"}},
            "aws_lambda_permission": {
                "p": {
                    "function_name": "f",
                    "statement_id": "Invoke",
                    "action": "lambda:InvokeFunction",
                    "principal": principal,
                    **more,
                }
            },
        },
    }
    return Snapshot(documents={"aws/shared/f": document}, homes=HOMES)


def test_permissions_that_terraform_writes_one_by_one() -> None:
    events = "events.amazonaws.com"
    rule = "arn:aws:events:eu-west-1:111111111111:rule/r"
    narrow, wide = function(events, source_arn=rule), function(events)
    (change,) = delta("acme", narrow, wide).changes
    assert (change.kind, change.who.text) == ("widened", events)
    assert change.before == (f"ArnLike AWS:SourceArn = {rule}".replace("AWS:S", "aws:S"),)
    (foreign,) = delta("acme", Snapshot(), function("999999999999")).changes
    assert names(foreign) == ["cross-account", "external"]


def role(*statements: dict[str, Any], trust: dict[str, Any] | None = None) -> Snapshot:
    def body(several: Sequence[dict[str, Any]]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(several)})

    own = trust or {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    document: dict[str, Any] = {
        "provider": {"aws": [{"region": "eu-west-1", "allowed_account_ids": ["222222222222"]}]},
        "resource": {
            "aws_iam_role": {"r": {"name": "reader", "assume_role_policy": body([own])}},
            "aws_iam_role_policy": {"r": {"role": "reader", "policy": body(statements)}},
        },
    }
    return Snapshot(documents={"aws/training/r": document}, homes=HOMES)


def test_everything_but_something() -> None:
    """What NotAction leaves out is told by its own pattern, and as privileged."""
    everything = {"Sid": "Works", "Effect": "Allow", "Action": "*", "Resource": "*"}
    but_iam = {"Sid": "Works", "Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}
    found = delta("acme", role(but_iam), role(everything)).changes
    (change,) = found
    assert change.kind == "widened"
    assert change.marked("privileged")
    assert change.actions == ("iam:*",)
    back = delta("acme", role(everything), role(but_iam)).changes
    assert [each.kind for each in back] == ["narrowed"]


def test_a_condition_on_an_own_permission() -> None:
    free = {"Sid": "Logs", "Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    bound = {**free, "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}
    (change,) = delta("acme", role(bound), role(free)).changes
    assert change.kind == "widened"
    assert change.before == ("StringEquals aws:RequestedRegion = eu-west-1",)


def test_a_refusal_that_covers_part_of_a_permission() -> None:
    reads = {"Sid": "R", "Effect": "Allow", "Action": "s3:Get*", "Resource": f"{DATA}/*"}
    refuses = {"Sid": "D", "Effect": "Deny", "Action": "s3:GetObject", "Resource": f"{DATA}/x/*"}
    own = Snapshot(
        documents={**role(reads).documents, "aws/shared/lake": bucket(allow({"AWS": READER}))},
        homes=HOMES,
    )
    less = Snapshot(documents={**own.documents, **role(reads, refuses).documents}, homes=HOMES)
    (change,) = delta("acme", less, own).changes
    assert (change.kind, change.actions) == ("widened", ("s3:GetObject",))
    assert change.on.text == f"{DATA}/x/*"


def bound(member: str) -> Snapshot:
    document: dict[str, Any] = {
        "provider": {"google": [{"project": "acme-data", "region": "europe-west4"}]},
        "resource": {
            "google_storage_bucket_iam_member": {
                "m": {"bucket": "data", "role": "roles/storage.objectViewer", "member": member}
            }
        },
    }
    homes = {
        "acme-data": Home(name="data", id="acme-data", number="1"),
        "acme-train": Home(name="train", id="acme-train", number="2"),
    }
    return Snapshot(documents={"google/data/x": document}, homes=homes)


POOLS = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools"


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("allUsers", ["public"]),
        ("allAuthenticatedUsers", ["public"]),
        ("group:ml@acme.example", []),
        ("serviceAccount:a@acme-data.iam.gserviceaccount.com", []),
        ("serviceAccount:a@acme-train.iam.gserviceaccount.com", ["cross-account"]),
        ("serviceAccount:a@elsewhere.iam.gserviceaccount.com", ["cross-account", "external"]),
        ("serviceAccount:service-1@compute-system.iam.gserviceaccount.com", []),
        ("serviceAccount:service-2@compute-system.iam.gserviceaccount.com", ["cross-account"]),
        ("serviceAccount:1-compute@developer.gserviceaccount.com", []),
        (f"principalSet:{POOLS}/github/*", ["public", "external"]),
        (f"principalSet:{POOLS}/github/attribute.repository/acme/ml", ["external"]),
        (f"principal:{POOLS}/acme-data.svc.id.goog/subject/ns/a/sa/b", []),
    ],
)
def test_members_of_google(member: str, expected: list[str]) -> None:
    (change,) = delta("acme", Snapshot(), bound(member)).changes
    assert (change.kind, change.who.text) == ("gained", member)
    assert names(change) == expected
