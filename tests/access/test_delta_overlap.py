"""No statement comes or goes unseen, however its patterns lie over those of the others."""

from __future__ import annotations

import itertools
import json
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.access.delta import Delta, Home, Snapshot, delta
from compiler.access.delta.overlap import generic, meets
from compiler.access.delta.witnesses import changed
from compiler.access.evaluation import Policies, Request, decide
from compiler.access.evaluation.text import arn_like, like
from compiler.access.proof import gather

Statement = dict[str, Any]
Where = Literal["identity", "boundary"]
ACCOUNT = "222222222222"
WHO = f"arn:aws:iam::{ACCOUNT}:role/reader"
HOMES = {ACCOUNT: Home(name="training", id=ACCOUNT)}
REST = f"arn:aws:ssm:eu:{ACCOUNT}:parameter"
BUCKET = "arn:aws:s3:::acme-data"


def body(statements: list[Statement]) -> str:
    """As Terraform writes it: a policy variable is none of its own."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements}).replace("${", "$${")


def snapshot(
    identity: list[Statement],
    boundary: list[Statement] | None = None,
    bucket: list[Statement] | None = None,
) -> Snapshot:
    """A role, and a bucket of its account."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role: dict[str, Any] = {"name": "reader", "assume_role_policy": body([trust])}
    resources: dict[str, Any] = {
        "aws_iam_role": {"r": role},
        "aws_iam_role_policy": {"r": {"role": "reader", "policy": body(identity)}},
        "aws_s3_bucket": {"data": {"bucket": "acme-data"}},
    }
    if boundary is not None:
        role["permissions_boundary"] = "${aws_iam_policy.b.arn}"
        resources["aws_iam_policy"] = {"b": {"name": "b", "policy": body(boundary)}}
    if bucket is not None:
        resources["aws_s3_bucket_policy"] = {"d": {"bucket": "acme-data", "policy": body(bucket)}}
    document: dict[str, Any] = {
        "provider": {"aws": [{"region": "eu", "allowed_account_ids": [ACCOUNT]}]},
        "resource": resources,
    }
    return Snapshot(documents={"aws/training/r": document}, homes=HOMES)


def statement(effect: str, actions: object, resources: object, **more: object) -> Statement:
    return {"Sid": effect, "Effect": effect, "Action": actions, "Resource": resources, **more}


def both(less: Snapshot, more: Snapshot) -> Delta:
    """What the second gives more, after a look at the way back."""
    back = delta("acme", more, less)
    assert back.changes
    assert not [change for change in back.changes if change.more]
    found = delta("acme", less, more)
    assert found.fails(["widened"])
    return found


READS = statement("Allow", "ssm:GetParameter", f"{REST}/lab-*")


@pytest.mark.parametrize(
    ("refused", "on"),
    [
        ("arn:aws:ssm:*:*:parameter/lab-top*", f"{REST}/lab-top*"),
        ("arn:aws:ssm:eu:*:parameter/lab-top*", f"{REST}/lab-top*"),
        ("arn:aws:ssm:*:222222222222:*/keep", f"{REST}/lab-*/keep"),
        ("arn:aws:ssm:e?:*:parameter/lab-?", f"{REST}/lab-?"),
        ("*-top", f"{REST}/lab-*-top"),
        ("arn:aws:ssm*", f"{REST}/lab-*"),
        ("arn:aws:ssm:*:*:parameter/${aws:PrincipalAccount}*", None),
        ("arn:aws:ssm:*:${aws:PrincipalAccount}:parameter/lab-top", f"{REST}/lab-top"),
        ("arn:aws:ssm:us:*:parameter/lab-top*", None),
    ],
)
def test_a_refusal_that_only_overlaps(refused: str, on: str | None) -> None:
    less = snapshot([READS, statement("Deny", "ssm:Get*", refused)])
    if on is None:
        assert not delta("acme", less, snapshot([READS])).changes
    else:
        assert on in [change.on.text for change in both(less, snapshot([READS])).changes]


@pytest.mark.parametrize(
    ("before", "after", "on"),
    [
        # All but something; one more that is left out; one that only overlaps.
        ({"NotResource": [f"{REST}/lab-x*"]}, None, f"{REST}/lab-*"),
        ({"NotResource": ["*/lab-x*"]}, {"NotResource": ["*/lab-x*", "*-y"]}, f"{REST}/lab-*-y"),
        ({"NotAction": ["s3:*"], "Resource": "*-top"}, None, f"{REST}/lab-*-top"),
        ({"NotAction": ["s3:*"], "NotResource": "*-top"}, None, f"{REST}/lab-*"),
        (
            {"NotAction": ["s3:*"], "Resource": "*-top"},
            {"NotAction": ["s3:*", "ssm:*"], "Resource": "*-top"},
            f"{REST}/lab-*-top",
        ),
    ],
)
def test_a_refusal_of_all_but_something(
    before: Statement, after: Statement | None, on: str
) -> None:
    start = {"Sid": "Refuses", "Effect": "Deny"}
    refuses = {**start, "Action": ["ssm:*"], **before}
    less = [READS, {k: v for k, v in refuses.items() if k != "Action" or "NotAction" not in before}]
    more = [READS]
    if after is not None:
        kept = {**start, "Action": ["ssm:*"], **after}
        more.append({k: v for k, v in kept.items() if k != "Action" or "NotAction" not in after})
    assert on in [change.on.text for change in both(snapshot(less), snapshot(more)).changes]


def test_what_others_refuse_already_is_no_difference() -> None:
    """A refusal goes, and only the part that no other covers is anybody's again."""
    kept = statement("Deny", "ssm:*", "*", NotResource=f"{REST}/lab-a*")
    del kept["Resource"]
    less = snapshot([READS, kept, statement("Deny", "ssm:*", "*-top")])
    found = both(less, snapshot([READS, kept])).changes
    assert [change.on.text for change in found] == [f"{REST}/lab-a*-top"]
    wider = snapshot([READS, kept, statement("Deny", "*", "*-t?p")])
    assert not [change for change in delta("acme", less, wider).changes if change.more]


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_boundary_that_only_overlaps(effect: str) -> None:
    everything = statement("Allow", "*", "*")
    limits = statement(effect, "ssm:*", "arn:aws:ssm:*:*:parameter/*-top*")
    other = statement("Allow", "s3:*", "*")
    if effect == "Deny":
        less, more = [everything, limits], [everything]
    else:
        less, more = [other], [other, limits]
    found = both(snapshot([READS], less), snapshot([READS], more)).changes
    assert f"{REST}/lab-*-top*" in [change.on.text for change in found]


@pytest.mark.parametrize(
    "role",
    [
        ([READS, {"Effect": "Deny", "Action": "*", "NotResource": "*-x"}], None),
        ([READS], [statement("Allow", "ssm:*", "arn:aws:ssm:*:*:*-x")]),
    ],
)
def test_a_new_role_that_others_leave_a_part(
    role: tuple[list[Statement], list[Statement] | None],
) -> None:
    found = both(Snapshot(homes=HOMES), snapshot(*role)).changes
    assert f"{REST}/lab-*-x" in [each.on.text for each in found if each.who.text == WHO]


@pytest.mark.parametrize("resource", ["*", "arn:aws:s3:::acme-*", "arn:aws:s3:::*/secret*"])
@pytest.mark.parametrize("action", ["*", "s3:*", "s3:Get*", "s3:GetObject"])
def test_a_bucket_that_a_wildcard_means(action: str, resource: str) -> None:
    reads = [statement("Allow", action, resource)]
    refuses = {
        "Sid": "Refuses",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*Object"],
        "Resource": f"{BUCKET}/secret/*",
    }
    found = both(snapshot(reads, bucket=[refuses]), snapshot(reads, bucket=[])).changes
    assert f"{BUCKET}/secret/*" in [change.on.text for change in found]


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}},
        {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        {"Null": {"aws:TokenIssueTime": "true"}},
    ],
)
def test_what_a_request_without_context_is_refused(condition: object) -> None:
    """Who comes from the endpoint is allowed: what they gain or lose is seen, and the guard itself."""
    guard = statement("Deny", "*", "*", Condition=condition)
    other = statement("Allow", "ssm:PutParameter", f"{REST}/x")
    gained = both(snapshot([guard, other]), snapshot([guard, other, READS])).changes
    assert [(each.on.text, each.depends_on) for each in gained] == [(f"{REST}/lab-*", ())]
    refuses = statement("Deny", "ssm:*", "*-top")
    parts = both(snapshot([guard, READS, refuses]), snapshot([guard, READS])).changes
    assert f"{REST}/lab-*-top" in [each.on.text for each in parts]
    (widened,) = both(snapshot([guard, READS]), snapshot([READS])).changes
    assert widened.kind == "widened"
    assert widened.before[0].startswith("denied where ")


def test_only_what_is_new_of_a_statement_is_looked_for() -> None:
    """A list in another order, or with one more, does not have all of it searched."""
    lists = ["ssm:PutParameter", "ssm:Get*"], [f"{REST}/a*", f"{REST}/b*"]
    one, turned, more = (
        policies(snapshot([statement("Deny", actions, resources)]))
        .principals[ACCOUNT, "role/reader"]
        .identity
        for actions, resources in (
            lists,
            (lists[0][::-1], lists[1][::-1]),
            ([*lists[0], "ssm:Delete*"], lists[1]),
        )
    )
    assert changed(one, turned) == ()
    assert [each.actions for each in changed(one, more)] == [("ssm:delete*",)] * 2


# ---- At random, against the evaluation of single requests

NAMES = ["".join(each) for n in range(4) for each in itertools.product("ab", repeat=n)]
CONCRETE = [
    (f"ssm:{action}", f"arn:aws:ssm:{region}:{ACCOUNT}:parameter/{name}")
    for action in ("aa", "ab", "ba")
    for region in ("eu", "us")
    for name in NAMES
]
LETTERS = st.text("ab**?", max_size=4)
ARNS = st.builds(
    "arn:aws:{}:{}:{}:parameter/{}".format,
    st.sampled_from(["ssm", "s*", "*"]),
    st.sampled_from(["eu", "us", "?u", "*", "e*"]),
    st.sampled_from([ACCOUNT, "*", "2*"]),
    LETTERS,
)
ACTIONS = st.sampled_from(["ssm:*", "ssm:aa", "ssm:a*", "ssm:*a", "ssm:?b", "*"])


@st.composite
def statements(draw: st.DrawFn, effects: tuple[str, ...] = ("Allow", "Deny")) -> Statement:
    negative = [draw(st.sampled_from(["", "", "Not"])) for _ in range(2)]
    return {
        "Effect": draw(st.sampled_from(effects)),
        f"{negative[0]}Action": draw(st.lists(ACTIONS, min_size=1, max_size=2)),
        f"{negative[1]}Resource": draw(st.lists(ARNS, min_size=1, max_size=2)),
    }


def policies(of: Snapshot) -> Policies:
    return gather(of.documents, [], None)


def allowed(of: Snapshot) -> set[tuple[str, str]]:
    known = policies(of)
    return {
        (action, resource)
        for action, resource in CONCRETE
        if decide(
            known, Request(principal=WHO, action=action, resource=resource, complete=True)
        ).allowed
    }


@pytest.mark.rig
@settings(max_examples=100, deadline=None)
@given(
    statements(effects=("Allow",)),
    st.lists(statements(), max_size=2),
    st.none() | st.lists(statements(), max_size=2),
    statements(),
    st.sampled_from(["identity", "boundary"]),
)
def test_whatever_comes_or_goes_is_seen(
    first: Statement,
    rest: list[Statement],
    boundary: list[Statement] | None,
    extra: Statement,
    where: Where,
) -> None:
    """If any request is answered otherwise, the delta says so, and in the right direction."""
    identity = [first, *rest]
    before = snapshot(identity, boundary)
    if where == "boundary" and boundary is not None:
        after = snapshot(identity, [*boundary, extra])
    else:
        after = snapshot([*identity, extra], boundary)
    had, has = allowed(before), allowed(after)
    there, back = delta("acme", before, after), delta("acme", after, before)
    new = delta("acme", Snapshot(), before).changes
    assert not had or [each for each in new if each.who.text == WHO]
    if has - had:
        assert there.fails(["widened"])
        assert [change for change in back.changes if not change.more]
    if had - has:
        assert back.fails(["widened"])
        assert [change for change in there.changes if not change.more]


@given(st.one_of(ARNS, LETTERS), st.one_of(ARNS, LETTERS))
def test_what_two_patterns_have_in_common(one: str, other: str) -> None:
    found = meets(one, other)
    texts = [resource for _, resource in CONCRETE] if one.startswith("arn:") else NAMES
    for text in texts:
        both_fit = arn_like(one)(text) and arn_like(other)(text)
        assert both_fit is any(arn_like(each)(text) for each in found)
    for each in found:
        assert like(one)(generic(each))
        assert like(other)(generic(each))
