"""The proof holds for what we generate, and finds each single change of it that matters."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from compiler.access.grants import Access
from compiler.access.ledger import Edge
from compiler.access.proof import Finding, prove
from compiler.access.proof_index import within
from compiler.access.rules import check_policies
from compiler.compilation import compile_blueprints
from tests.access import evaluation_support as support
from tests.access.mutants import Mutant, mutants

ORGANIZATION = "o-abc123defg"
GENERATED = Path(__file__).parents[2] / "generated"
# Every example with a stack of AWS.
EXAMPLES = tuple(sorted(path.name for path in GENERATED.iterdir() if (path / "aws").is_dir()))
CASES = Path(__file__).parents[1] / "cases"
BLUEPRINTS = Path(__file__).parents[2] / "blueprints"


@cache
def organization(example: str) -> str | None:
    """The id that its policies ask for."""
    found = re.search(r'"aws:PrincipalOrgID": "(o-\w+)"', json.dumps(support.documents(example)))
    return found[1] if found else None


@cache
def ledgers() -> dict[str, tuple[Edge, ...]]:
    """The AWS edges of every example, with what access.json leaves out."""
    compilation = compile_blueprints(BLUEPRINTS)
    assert compilation.diagnostics == ()
    return {
        one.world.organization.name: tuple(e for e in one.edges if isinstance(e, Edge))
        for one in compilation.blueprints
    }


def ledger(example: str) -> tuple[Edge, ...]:
    return ledgers()[example]


def proved(example: str, **changed: object) -> tuple[Finding, ...]:
    edges = changed.get("edges", ledger(example))
    assert isinstance(edges, tuple)
    return prove(support.documents(example), edges, organization(example))


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_prove(example: str) -> None:
    assert proved(example) == ()


@pytest.mark.parametrize("topic", ["account-baseline", "ml-pipeline", "output"])
def test_golden_cases_prove(topic: str) -> None:
    """Compiling proves; here with an organisation's id too, and without one."""
    edges = 0
    for blueprint in sorted((CASES / topic).glob("*/blueprint*")):
        compilation = compile_blueprints(blueprint)
        assert compilation.diagnostics == (), blueprint
        for one in compilation.blueprints:
            edges += len(one.edges)
            aws_id = one.world.organization.aws_id
            assert prove(one.documents, one.edges, aws_id) == (), blueprint
    assert edges > 50 or topic == "account-baseline"


# One proof for each edge takes a minute: a tenth of them here, all with the rig.
@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.rig)])
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_edge_that_is_not_declared_is_found(example: str, every: int) -> None:
    """Each edge with a statement of its own, left out of the ledger."""
    edges = ledger(example)
    for edge in edges[::every]:
        others = tuple(each for each in edges if each != edge)
        shared = {evidence for each in others for evidence in each.statements}
        if not set(edge.statements) <= shared:
            codes = {finding.code for finding in proved(example, edges=others)}
            assert codes & {"E833", "E834"}, edge.id


WRONG: tuple[Callable[[Edge], Edge], ...] = (
    lambda edge: replace(edge, actions=(*edge.actions, "sagemaker:DeleteModelPackageGroup")),
    lambda edge: replace(edge, principal_arn=edge.principal_arn + "-other"),
    lambda edge: replace(edge, statements=(replace(edge.statements[0], sid="Missing"),)),
    lambda edge: replace(edge, statements=()),
)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_edge_that_says_more_than_the_policies_is_found(
    example: str, wrong: Callable[[Edge], Edge]
) -> None:
    """Every edge of the ledger is changed at once, and each is told by its id."""
    found = [
        finding
        for finding in proved(example, edges=tuple(map(wrong, ledger(example))))
        if finding.code in ("E831", "E832")
    ]
    told = {finding.message.partition(": ")[0] for finding in found}
    assert told == {edge.id for edge in ledger(example)}


def test_a_finding_names_the_statement_and_the_missing_half() -> None:
    stack, sid = "aws/shared/churn", "TrainReadsData"
    evidence = next(e for edge in ledger("acme") for e in edge.statements if e.sid == sid)
    other = replace(
        evidence, stack=stack, side="resource", address="aws_s3_bucket_policy.artifacts"
    )
    documents = support.without(support.documents("acme"), other.json())
    found = [f for f in prove(documents, ledger("acme"), ORGANIZATION) if f.code == "E832"]
    assert [f.stack for f in found] == [stack]
    assert f"{sid} in {stack} aws_s3_bucket_policy.artifacts (resource)" in found[0].message
    assert "the resource half is missing" in (found[0].hint or "")


def test_a_kind_that_writes_half_a_grant_does_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket's half is never written; the problem stands at the component's line."""
    monkeypatch.setattr(Access, "bucket", lambda self, bucket: ())
    compilation = compile_blueprints(BLUEPRINTS / "ml-pipeline.yaml")
    assert compilation.blueprints == ()
    assert {found.code for found in compilation.diagnostics} == {"E832"}
    lines = (BLUEPRINTS / "ml-pipeline.yaml").read_text(encoding="utf-8").split("\n")
    spans = {found.span.line for found in compilation.diagnostics if found.span}
    assert [lines[line - 1] for line in spans] == ["  churn:"]


def test_pods_whose_cluster_the_role_does_not_trust_are_found() -> None:
    documents = dict(support.documents("serving"))
    stack = "aws/production/serve"
    text = json.dumps(documents[stack]["locals"])
    assert "cluster/serve" in text
    wrong = json.loads(text.replace("cluster/serve", "cluster/other"))
    documents[stack] = {**documents[stack], "locals": wrong}
    found = [f for f in prove(documents, ledger("serving"), None) if f.code == "E835"]
    assert {f.address.rpartition(" ")[2].partition(".")[0] for f in found} == {
        "aws_eks_addon",
        "aws_eks_pod_identity_association",
    }


@pytest.mark.parametrize(
    ("wider", "narrower", "answer"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/data/*", True),
        ("arn:aws:s3:::b/data/*", "arn:aws:s3:::b/*", False),
        ("arn:aws:s3:::b/dat?", "arn:aws:s3:::b/dat*", False),
        ("*", "arn:aws:s3:::b", True),
        ("arn:aws:s3:::b", "*", False),
    ],
)
def test_patterns_within_patterns(wider: str, narrower: str, answer: bool) -> None:
    assert within(wider, narrower) is answer


def refuses_more(mutant: Mutant) -> bool:
    """A Deny of a bucket that names more actions than it did."""
    wider = mutant.operator in ("every action", "every action of the service")
    more = mutant.operator == "one more action" and mutant.before["Action"] == ["s3:*"]
    return mutant.before.get("Effect") == "Deny" and (wider or more)


def pattern_of_all(mutant: Mutant) -> bool:
    """aws:SourceArn with a pattern of all that the account has, dropped beside aws:SourceAccount."""
    dropped = mutant.operator == "drop a condition" and mutant.detail == "aws:SourceArn"
    conditions = mutant.before.get("Condition", {})
    arns = [keys["aws:SourceArn"] for keys in conditions.values() if "aws:SourceArn" in keys]
    account = "aws:SourceAccount" in conditions.get("StringEquals", {})
    return dropped and account and all(str(arn).endswith("/*") for arn in arns)


# Conditions on ARNs of what a service works for.
HOLDS_ACCOUNT = ("aws:SourceArn", "aws:RequestTag/eks-cluster-arn")


def source_in_arn(mutant: Mutant) -> bool:
    """aws:SourceAccount, dropped beside ARNs that all hold the account."""
    if mutant.operator == "drop a condition" and mutant.detail == "source_account":
        return "s3" not in mutant.before["principal"] and "source_arn" in mutant.before
    dropped = mutant.operator == "drop a condition" and mutant.detail == "aws:SourceAccount"
    conditions = mutant.before.get("Condition", {})
    found = [keys[key] for keys in conditions.values() for key in HOLDS_ACCOUNT if key in keys]
    arns = [arn for each in found for arn in ([each] if isinstance(each, str) else each)]
    account = conditions.get("StringEquals", {}).get("aws:SourceAccount")
    return dropped and bool(arns) and all(arn.split(":")[4] == account for arn in arns)


# Changes that take nothing away and give nobody anything that the ledger doesn't say, each with its
# reason.
EQUIVALENT: dict[str, Callable[[Mutant], bool]] = {
    "a bucket's policy is asked for S3 actions only, and the guards of uploads ask for headers that "
    "no other request has": refuses_more,
    "the ARNs of the sources hold the account": source_in_arn,
    "the pattern stands for all that the service has in the account, which is asked for": (
        pattern_of_all
    ),
}


def survivors(example: str) -> tuple[Counter[str], list[Mutant]]:
    documents = support.documents(example)
    counted: Counter[str] = Counter()
    left = []
    for mutant in mutants(documents, support.accounts(example)):
        counted[mutant.operator] += 1
        changed = {**documents, mutant.stack: mutant.document}
        # The rules on one stack are the quickest.
        if check_policies({mutant.stack: mutant.document}):
            counted["by a rule"] += 1
        elif prove(changed, ledger(example), organization(example)):
            counted["by the proof"] += 1
        elif check_policies(changed):
            counted["by a rule"] += 1
        else:
            left.append(mutant)
    return counted, left


@cache
def all_survivors() -> tuple[Counter[str], tuple[Mutant, ...]]:
    counted: Counter[str] = Counter()
    left: list[Mutant] = []
    for example in EXAMPLES:
        more, found = survivors(example)
        counted += more
        left += found
    return counted, tuple(left)


def test_the_documents_break_no_rule_before_they_are_changed() -> None:
    for example in EXAMPLES:
        documents = support.documents(example)
        assert check_policies(documents) == ()
        for stack, document in documents.items():
            assert check_policies({stack: document}) == (), stack


# Thousands of mutants take a minute: with the rig, not with the fast tests.
@pytest.mark.rig
def test_every_change_that_matters_is_found() -> None:
    _, left = all_survivors()
    assert [str(m) for m in left if not any(reason(m) for reason in EQUIVALENT.values())] == []


@pytest.mark.rig
def test_enough_changes_are_found() -> None:
    counted, _ = all_survivors()
    assert counted["by the proof"] + counted["by a rule"] >= 1500
    assert counted["by the proof"] >= 1000
    operators = set(counted) - {"by the proof", "by a rule"}
    assert len(operators) >= 12


@pytest.mark.rig
@pytest.mark.parametrize("reason", sorted(EQUIVALENT))
def test_every_reason_is_needed(reason: str) -> None:
    _, left = all_survivors()
    others = [each for name, each in EQUIVALENT.items() if name != reason]
    assert [m for m in left if EQUIVALENT[reason](m) and not any(each(m) for each in others)]
