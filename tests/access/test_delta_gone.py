"""What is destroyed, with its policy or with its roles, takes access away and gives none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.access.delta import Home, Snapshot, delta

READER = "arn:aws:iam::222222222222:role/reader"
BUCKET = "arn:aws:s3:::acme-data"
HOMES = {
    "111111111111": Home(name="shared", id="111111111111"),
    "222222222222": Home(name="training", id="222222222222"),
}
ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-abc123defg"}}
INSECURE = {"Bool": {"aws:SecureTransport": "false"}}


def stack(account: str, resources: dict[str, Any]) -> dict[str, Any]:
    provider = {"aws": [{"region": "eu-west-1", "allowed_account_ids": [account]}]}
    return {"provider": provider, "resource": resources}


def body(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def bucket(account: str, name: str = "acme-data", *, made: bool = True) -> dict[str, Any]:
    """A bucket that admits the organisation, over TLS only; or just its policy."""
    own = {"Resource": [f"arn:aws:s3:::{name}/*"], "Principal": "*"}
    admits = {"Sid": "Admits", "Effect": "Allow", "Action": "s3:GetObject", **own}
    refuses = {"Sid": "Refuses", "Effect": "Deny", "Action": "s3:*", **own}
    policy = body({**admits, "Condition": ORGANIZATION}, {**refuses, "Condition": INSECURE})
    made_too = {"aws_s3_bucket": {"data": {"bucket": name}}} if made else {}
    return stack(
        account,
        {**made_too, "aws_s3_bucket_policy": {"data": {"bucket": name, "policy": policy}}},
    )


def role(resource: str = f"{BUCKET}/*", **more: object) -> dict[str, Any]:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    reads = {"Sid": "Reads", "Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    return stack(
        "222222222222",
        {
            "aws_iam_role": {"r": {"name": "reader", "assume_role_policy": body(trust)}},
            "aws_iam_role_policy": {"r": {"role": "reader", "policy": body({**reads, **more})}},
        },
    )


def snapshot(**stacks: dict[str, Any]) -> Snapshot:
    documents = {f"aws/{name}/x": each for name, each in stacks.items()}
    return Snapshot(documents=documents, homes=HOMES, organization="o-abc123defg")


def found(before: Snapshot, after: Snapshot, who: str = READER) -> list[tuple[str, str]]:
    """Kind and resource of each change of the reader's."""
    changes = delta("acme", before, after).changes
    return sorted((each.kind, each.on.text) for each in changes if each.who.text == who)


@pytest.mark.parametrize("account", ["111111111111", "222222222222"])
def test_a_bucket_that_is_destroyed_gives_nothing(account: str) -> None:
    """Though a role's own statement stays; also in its own account, where that was enough."""
    before, after = snapshot(lake=bucket(account), training=role()), snapshot(training=role())
    assert found(before, after) == [("lost", f"{BUCKET}/*")]
    assert not delta("acme", before, after).fails(["widened"])
    assert found(after, before) == [("gained", f"{BUCKET}/*")]


def test_a_bucket_that_is_renamed() -> None:
    """Through the same statement the role has the new one, and no more the old."""
    reads = {"Resource": [f"{BUCKET}/*", f"{BUCKET}-new/*"]}
    before = snapshot(lake=bucket("111111111111"), training=role(**reads))
    after = snapshot(lake=bucket("111111111111", "acme-data-new"), training=role(**reads))
    assert found(before, after) == [("narrowed", f"{BUCKET}/*"), ("widened", f"{BUCKET}-new/*")]
    changes = delta("acme", before, after).changes
    assert not any(each.depends_on for each in changes)


def test_a_role_that_is_destroyed_has_nothing() -> None:
    """The bucket admits all of the organisation; of the role it is not asked any more."""
    narrow = role(Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})
    other = stack("222222222222", {"aws_iam_role": {}})
    before = snapshot(lake=bucket("111111111111"), training=narrow)
    after = snapshot(lake=bucket("111111111111"), training=other)
    assert found(before, after) == [("lost", f"{BUCKET}/*")]


def test_what_is_adopted_was_there_before() -> None:
    """Nobody gained what the role could do already; whose it is and what it refuses is known now."""
    adopted = bucket("222222222222")
    adopted["import"] = [{"to": "aws_s3_bucket.data", "id": "acme-data"}]
    before, after = snapshot(training=role()), snapshot(lake=adopted, training=role())
    both = [("narrowed", f"{BUCKET}/*"), ("widened", f"{BUCKET}/*")]
    assert found(before, after) == found(after, before) == both


def test_a_policy_that_goes_alone_is_no_longer_known() -> None:
    """The bucket stays, whoever made it: who reaches it now, nobody here can say."""
    before = snapshot(lake=bucket("111111111111", made=False), training=role())
    after = snapshot(training=role())
    assert ("widened", f"{BUCKET}/*") in found(before, after)
    alone = bucket("222222222222")
    del alone["resource"]["aws_s3_bucket_policy"]
    own = snapshot(lake=bucket("222222222222"), training=role())
    assert ("widened", f"{BUCKET}/*") in found(own, snapshot(lake=alone, training=role()))


def test_a_refusal_that_goes_with_the_only_policy() -> None:
    """Of a bucket, or of a role, that no stack makes and that is still there."""
    own = bucket("222222222222", made=False)
    reads = role("arn:aws:s3:::acme-*")
    before, after = snapshot(lake=own, training=reads), snapshot(training=reads)
    assert ("widened", f"{BUCKET}/*") in found(before, after)

    admits = {
        "Sid": "Admits",
        "Effect": "Allow",
        "Principal": {"AWS": READER},
        "Action": "s3:GetObject",
        "Resource": f"{BUCKET}/*",
    }
    refuses = {"Effect": "Deny", "Action": "s3:*", "Resource": "*/secret/*"}
    lake = bucket("222222222222")
    lake["resource"]["aws_s3_bucket_policy"]["data"]["policy"] = body(admits)
    attached = {"aws_iam_role_policy": {"r": {"role": "reader", "policy": body(refuses)}}}
    less = snapshot(lake=lake, training=stack("222222222222", attached))
    assert ("widened", f"{BUCKET}/secret/*") in found(less, snapshot(lake=lake))
    assert ("narrowed", f"{BUCKET}/secret/*") in found(snapshot(lake=lake), less)
