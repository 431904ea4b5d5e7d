"""Policies that would be too long: what is folded, and what stays apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from compiler.access.fold import fold, size
from compiler.access.policy import Statement
from compiler.terraform.stack import Value


def _admitted(account: int, resource: str, role: str | None = "deploy") -> Statement:
    root = f"arn:aws:iam::{account:012}:"
    narrowed = {"ArnEquals": {"aws:PrincipalArn": f"{root}role/{role}"}} if role else {}
    return Statement(
        sid=f"A{account}Reads",
        principal={"AWS": f"{root}root"},
        actions=("s3:GetObject",),
        resources=(resource,),
        conditions=narrowed,
    )


def test_what_fits_stays_as_it_is() -> None:
    statements = [_admitted(1, "one"), _admitted(2, "one")]
    assert fold(statements, 10_000) == (tuple(statements), {})


def test_the_same_resource_is_folded_first() -> None:
    several = [_admitted(n, "same") for n in range(1, 30)]
    alone = _admitted(30, "other")
    room = size([statement.json() for statement in several]) // 2
    (folded, kept), renamed = fold([*several, alone], room)
    assert kept == alone
    assert folded.resources == ("same",)
    assert _count(folded.conditions["ArnEquals"]["aws:PrincipalArn"]) == 29
    assert renamed == {statement.sid: folded.sid for statement in several}


def test_different_resources_stay_apart() -> None:
    """Joined, each account could read the state of every other."""
    statements = [_admitted(n, f"arn:aws:s3:::states/aws/a{n}/*") for n in range(1, 101)]
    assert fold(statements, 17_000) == (tuple(statements), {})


def test_the_same_principals_share_a_statement_for_many_resources() -> None:
    """Each account reads each model: one statement says it, and admits nobody to more."""
    pairs = [(account, model) for model in range(15) for account in range(1, 51)]
    statements = [
        replace(_admitted(account, f"models/{model}/*"), sid=f"A{account}Reads{model}")
        for account, model in pairs
    ]
    (folded,), renamed = fold(statements, 17_000)
    assert folded.resources == tuple(f"models/{model}/*" for model in range(15))
    assert _count(folded.conditions["ArnEquals"]["aws:PrincipalArn"]) == 50
    assert renamed == {statement.sid: folded.sid for statement in statements}


def test_prefixes_that_the_same_principals_list_are_joined() -> None:
    def listing(account: int, prefix: str) -> Statement:
        one = _admitted(account, "bucket")
        conditions = {**one.conditions, "StringLike": {"s3:prefix": [prefix]}}
        return replace(one, sid=f"A{account}Lists{prefix}", conditions=conditions)

    both = [listing(account, prefix) for prefix in "ab" for account in range(1, 40)]
    (folded,), _ = fold([*both], 6_000)
    assert folded.conditions["StringLike"] == {"s3:prefix": ["a", "b"]}
    found, _ = fold([*both, listing(40, "c")], 6_000)
    assert [s.conditions["StringLike"]["s3:prefix"] for s in found] == [["a", "b"], ["c"]]


def _readers(pairs: Iterable[tuple[int, str]], room: int) -> list[Statement]:
    """What is kept of statements that let roles of accounts read what each role's name says."""
    statements = [
        replace(_admitted(account, f"models/{role}/*", role), sid=f"A{account}Reads{role}")
        for account, role in pairs
    ]
    return list(fold(statements, room)[0])


def test_roles_that_all_the_accounts_have_are_written_once() -> None:
    found = _readers(((a, f"run{n}") for n in range(3) for a in range(1, 41)), 8_000)
    assert [s.resources for s in found] == [(f"models/run{n}/*",) for n in range(3)]
    for n, statement in enumerate(found):
        # The principals stay the accounts: a role of that name in any other is not admitted.
        assert isinstance(statement.principal, Mapping)
        assert _count(statement.principal["AWS"]) == 40
        assert statement.conditions == {
            "ArnLike": {"aws:PrincipalArn": [f"arn:aws:iam::*:role/run{n}"]}
        }


def test_a_role_that_an_account_lacks_stays_apart() -> None:
    """A pattern would admit a role that somebody makes there later."""
    roles = [(a, "run") for a in range(1, 40)]
    (all_alike,) = _readers(roles, 2_000)
    assert "ArnLike" in all_alike.conditions
    two, many = _grouped_readers([(1, "walk"), *roles], 2_000)
    arns = ["arn:aws:iam::000000000001:role/walk", "arn:aws:iam::000000000001:role/run"]
    assert two.principal == {"AWS": "arn:aws:iam::000000000001:root"}
    assert two.conditions == {"ArnEquals": {"aws:PrincipalArn": arns}}
    assert isinstance(many.principal, Mapping)
    assert _count(many.principal["AWS"]) == 38
    assert many.conditions == {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/run"]}}


def test_roles_of_other_names_in_each_account_keep_the_arns() -> None:
    (folded,) = _grouped_readers([(a, f"run-{a}") for a in range(1, 40)], 2_000)
    assert "ArnLike" not in folded.conditions
    assert _count(folded.conditions["ArnEquals"]["aws:PrincipalArn"]) == 39


def _grouped_readers(pairs: Iterable[tuple[int, str]], room: int) -> list[Statement]:
    statements = [
        replace(_admitted(account, "same", role), sid=f"A{account}Reads{role}")
        for account, role in pairs
    ]
    return list(fold(statements, room)[0])


def test_what_one_role_may_do_with_many_is_one_statement() -> None:
    """An identity policy: no principal, and nothing of the sort that cannot be joined is."""
    passes = [
        Statement(sid=f"Passes{n}", actions=("iam:PassRole",), resources=(f"role/{n}",))
        for n in range(9)
    ]
    other = Statement(sid="Lists", actions=("s3:ListBucket",), resources=("bucket",))
    (folded, kept), renamed = fold([*passes, other], 400)
    assert kept == other
    assert folded.resources == tuple(f"role/{n}" for n in range(9))
    assert renamed == {statement.sid: folded.sid for statement in passes}


def test_whole_accounts_are_folded_apart_from_narrowed_ones() -> None:
    whole = [_admitted(n, "same", role=None) for n in range(1, 20)]
    narrowed = [_admitted(n, "same") for n in range(20, 40)]
    found, _ = fold([*whole, *narrowed], 4_000)
    assert len(found) == 2
    first, second = found
    assert not first.conditions
    assert isinstance(first.principal, Mapping)
    assert _count(first.principal["AWS"]) == 19
    assert _count(second.conditions["ArnEquals"]["aws:PrincipalArn"]) == 20


def _count(value: Value) -> int:
    assert isinstance(value, list)
    return len(value)
