"""Why AWS's logic does not need a statement that an edge of the ledger rests on."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from tests.access.evaluation_support import (
    attached,
    documents,
    edges,
    managed,
    policies,
    statements,
)


def account(home: dict[str, dict[str, Any]], evidence: dict[str, str]) -> str:
    return str(home[evidence["stack"]]["provider"]["aws"][0]["allowed_account_ids"][0])


def owner_names_the_role(example: str, edge: dict[str, Any], evidence: dict[str, str]) -> bool:
    """Within one account, a policy that names the role itself gives it the permission: ours do for
    the roles that we make. One that exists already is admitted through its account.
    """
    halves = [each for each in edge["statements"] if each["sid"] == evidence["sid"]]
    owners = [each for each in halves if each["side"] in ("key", "trust")]
    arn = edge["principal"]["arn"]
    made = any(each.arn == arn and each.made for each in policies(example).principals.values())
    return (
        evidence["side"] == "identity"
        and bool(owners)
        and len({account(documents(example), each) for each in halves}) == 1
        and made
    )


def key_is_described_by_its_account(
    example: str, edge: dict[str, Any], evidence: dict[str, str]
) -> bool:
    """A key's administration gives kms:DescribeKey to the account as a whole."""
    halves = [each for each in edge["statements"] if each["sid"] == evidence["sid"]]
    return (
        evidence["side"] == "key"
        and edge["actions"] == ["kms:DescribeKey"]
        and len({account(documents(example), each) for each in halves}) == 1
    )


def attached_policy_gives_it(example: str, edge: dict[str, Any], evidence: dict[str, str]) -> bool:
    """A role with a managed policy of AWS may have from there what the ledger says besides."""
    _, _, _, _, home, name = edge["principal"]["arn"].split(":", 5)
    arns = attached(example).get(f"{home}/{name.rsplit('/', 1)[-1]}", ())
    bodies = [body for arn in arns for body in managed(example)[arn]["Statement"]]
    return evidence["side"] == "identity" and all(
        any(allows(body, action.removesuffix("*")) for body in bodies) for action in edge["actions"]
    )


def allows(body: dict[str, Any], action: str) -> bool:
    """Whether a managed policy's statement allows an action on everything."""
    if body["Effect"] != "Allow" or body["Resource"] != "*" or "Condition" in body:
        return False
    listed = body.get("Action", body.get("NotAction"))
    patterns: list[str] = [listed] if isinstance(listed, str) else list(listed or ())
    return any(fnmatchcase(action, each) for each in patterns) is ("Action" in body)


def another_edge_says_the_same(
    example: str, edge: dict[str, Any], evidence: dict[str, str]
) -> bool:
    """Two grants to one existing role, each with a statement of its own that says the same."""
    return evidence["side"] == "identity" and any(
        said(example, other) == said(example, evidence)
        for each in edges(example)
        if each["principal"] == edge["principal"] and each["id"] != edge["id"]
        for other in each["statements"]
        if other["side"] == "identity" and other["sid"] != evidence["sid"]
    )


def said(example: str, evidence: dict[str, str]) -> list[dict[str, Any]]:
    """What a statement says, its name aside."""
    found = statements(documents(example), evidence["stack"], evidence["address"])
    return [{**each, "Sid": ""} for each in found if each["Sid"] == evidence["sid"]]


NOT_NEEDED = {
    check.__name__: check
    for check in (
        owner_names_the_role,
        key_is_described_by_its_account,
        attached_policy_gives_it,
        another_edge_says_the_same,
    )
}
