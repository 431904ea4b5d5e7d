"""Examples, edges and their natural requests, for the tests of the access evaluator.

The requests come from facts of AWS and from what the ledger says, never from a policy's conditions:
a condition that no real call fulfils must make a test fail.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from compiler.access.evaluation import Policies, Request, collect
from compiler.access.evaluation.records import Bundle
from compiler.data.iam import managed_policy
from compiler.data.tables import table
from tests.circumstances import EXPANDED, Circumstances, circumstances, services

GENERATED = Path(__file__).parents[2] / "generated"
# Every example with a stack of AWS.
EXAMPLES = tuple(sorted(path.name for path in GENERATED.iterdir() if (path / "aws").is_dir()))
# Accounts in which AWS keeps the images of SageMaker's built-in algorithms; see the edges that
# pull them. Everything else in the examples belongs to the organisation.
PROVIDED = frozenset(
    str(account)
    for registry in table("sagemaker_images")["registries"].values()
    for account in registry.values()
)
OUTSIDE = "999999999999"
_ORGANIZATION = re.compile(r'"aws:PrincipalOrgID": "(o-\w+)"')
_ROLE = re.compile(r"\$\{aws_iam_role\.(\w+)\.name\}")
_LOCAL = re.compile(r"\$\{jsonencode\(local\.(\w+)\)\}")


@cache
def documents(example: str) -> dict[str, dict[str, Any]]:
    base = GENERATED / example
    return {
        path.parent.relative_to(base).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(base.glob("aws/**/main.tf.json"))
    }


@cache
def accounts(example: str) -> tuple[str, ...]:
    manifest = json.loads((GENERATED / example / "manifest.json").read_text(encoding="utf-8"))
    return tuple(sorted({stack["id"] for stack in manifest["stacks"] if stack["cloud"] == "aws"}))


@cache
def organizations(example: str) -> dict[str, str]:
    """The organisation by account: AWS's id of it, which the policies ask for."""
    found = set(_ORGANIZATION.findall(json.dumps(documents(example))))
    assert len(found) <= 1
    return dict.fromkeys(accounts(example), found.pop() if found else "o-abc123defg")


@cache
def attached(example: str) -> dict[str, tuple[str, ...]]:
    """The managed policies of AWS that stacks attach, by "account/role"."""
    found: dict[str, tuple[str, ...]] = {}
    for document in documents(example).values():
        account = document["provider"]["aws"][0]["allowed_account_ids"][0]
        for given in document["resource"].get("aws_iam_role_policy_attachment", {}).values():
            role = given["role"]
            if made := _ROLE.fullmatch(role):
                role = document["resource"]["aws_iam_role"][made[1]]["name"]
            if given["policy_arn"].startswith("arn:aws:iam::aws:policy/"):
                place = f"{account}/{role}"
                found[place] = (*found.get(place, ()), given["policy_arn"])
    return found


@cache
def managed(example: str) -> dict[str, Any]:
    """Their contents, from the data set."""
    arns = {arn for several in attached(example).values() for arn in several}
    found = {arn: managed_policy(arn) for arn in sorted(arns)}
    return {arn: document for arn, document in found.items() if document is not None}


def collected(example: str, found: Mapping[str, Mapping[str, Any]]) -> Policies:
    return collect(
        found,
        managed=managed(example).get,
        organizations=organizations(example),
        provided=PROVIDED,
    )


@cache
def policies(example: str) -> Policies:
    return collected(example, documents(example))


@cache
def edges(example: str) -> tuple[dict[str, Any], ...]:
    ledger = json.loads((GENERATED / example / "access.json").read_text(encoding="utf-8"))
    return tuple(edge for edge in ledger["edges"] if edge["principal"]["cloud"] == "aws")


def statements(
    found: Mapping[str, Mapping[str, Any]], stack: str, address: str
) -> list[dict[str, Any]]:
    """The statements of one policy of a document, to look at or to change."""
    kind, _, name = address.partition(".")
    values = found[stack]["resource"][kind][name].values()
    local = next(hit[1] for v in values if isinstance(v, str) and (hit := _LOCAL.fullmatch(v)))
    body: list[dict[str, Any]] = found[stack]["locals"][local]["Statement"]
    return body


def without(
    found: Mapping[str, Mapping[str, Any]], evidence: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """The documents without one statement."""
    changed = {stack: dict(document) for stack, document in found.items()}
    changed[evidence["stack"]] = copy.deepcopy(dict(found[evidence["stack"]]))
    body = statements(changed, evidence["stack"], evidence["address"])
    kept = [each for each in body if each["Sid"] != evidence["sid"]]
    assert len(kept) == len(body) - 1, evidence
    body[:] = kept
    return changed


def forgetting(known: Policies, evidence: Mapping[str, str]) -> Policies:
    """What `without` and `collected` give, from what was collected: a hundred times as fast."""
    principals = {
        place: replace(each, identity=_left(each.identity, evidence))
        for place, each in known.principals.items()
    }
    holders = {
        arn: replace(each, policy=_left(each.policy, evidence))
        for arn, each in known.holders.items()
    }
    return replace(known, principals=principals, holders=holders)


def _left(bundle: Bundle, evidence: Mapping[str, str]) -> Bundle:
    kept = tuple(
        each
        for each in bundle.statements
        if (each.source.stack, each.source.address, each.source.side, each.sid)
        != (evidence["stack"], evidence["address"], evidence["side"], evidence["sid"])
    )
    return bundle if len(kept) == len(bundle.statements) else Bundle(kept)


def calls(example: str, edge: Mapping[str, Any]) -> Iterator[tuple[Request, ...]]:
    """The calls that an edge is there for: each as AWS may make it, in one circumstance or another."""
    resource = _resource(policies(example), edge)
    for action in edge["actions"]:
        for name in EXPANDED.get(action, (action,)):
            assert "*" not in name, f"{name}: say in EXPANDED what it stands for"
            yield tuple(
                Request(
                    principal=edge["principal"]["arn"],
                    action=name,
                    resource=resource,
                    context=context,
                    complete=True,
                )
                for context in _circumstances(example, edge, name, resource)
            )


def requests(example: str, edge: Mapping[str, Any]) -> Iterator[Request]:
    """All calls in all circumstances."""
    for several in calls(example, edge):
        yield from several


def _resource(known: Policies, edge: Mapping[str, Any]) -> str:
    """The edge's resource; for one that only the cloud knows the name of, its symbol."""
    arn: str = edge["resource"]["arn"]
    if arn == "*":
        return arn
    for evidence in edge["statements"]:
        if ":kms:" in arn and evidence["side"] == "key":
            return known.arns[evidence["stack"], evidence["address"]]
        if ":codeconnections:" in arn:
            return known.arns[evidence["stack"], "aws_codeconnections_connection.source"]
    if ":logs:" in arn and arn.endswith(":*"):
        return arn.removesuffix("*").removesuffix("log-stream:") + "log-stream:x"
    if ":cloudformation:" in arn:  # a stack's ARN ends with an id of its own
        arn = arn if arn.endswith("/*") else f"{arn}/x"
    return arn.replace("*", "x").replace("?", "0")


def _circumstances(
    example: str, edge: Mapping[str, Any], action: str, resource: str
) -> Circumstances:
    if action == "s3:ListBucket":
        return tuple({"s3:prefix": prefix} for prefix in _prefixes(example, edge)) or ({},)
    return circumstances(action, resource, lambda role: services(_trust(example, role)))


def _prefixes(example: str, edge: Mapping[str, Any]) -> list[str]:
    """Who lists a bucket looks for the objects that it reads or writes there."""
    bucket = f"{edge['resource']['arn']}/"
    own = (each for each in edges(example) if each["principal"] == edge["principal"])
    return sorted(
        {
            each["resource"]["arn"].removeprefix(bucket).replace("*", "x")
            for each in own
            if each["resource"]["arn"].startswith(bucket)
        }
    )


@cache
def _trust(example: str, role_arn: str) -> tuple[dict[str, Any], ...]:
    """The trust policy's statements of a role that a stack makes."""
    holder = policies(example).holders[role_arn]
    return tuple(statements(documents(example), holder.stack, holder.address))
