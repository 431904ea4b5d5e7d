"""Access beside policies: proven both ways, and each single change of it found by proof and delta."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from compiler.access.delta import Snapshot, delta
from compiler.access.evaluation.rights import READERS, Given, rights
from compiler.access.ledger import Right
from compiler.access.proof_rights import prove_rights, says
from compiler.compilation import compile_blueprints
from compiler.terraform.schema.index import open_index
from tests.access.rights_mutants import OUTSIDER, Documents, mutants

ROOT = Path(__file__).parents[2]
# Each has another form of such access; the cases have what the examples leave out.
SOURCES = (
    *("blueprints", "tests/cases/model-serving/several", "tests/cases/model-serving/minimal"),
    *("tests/cases/training-access/eks", "tests/cases/model-catalog/one-account"),
    *("tests/cases/model-catalog/own-templates", "tests/cases/account-baseline/everything"),
)


@cache
def ledgers() -> dict[str, tuple[Documents, tuple[Right, ...]]]:
    found: dict[str, tuple[Documents, tuple[Right, ...]]] = {}
    for source in SOURCES:
        path = ROOT / source
        blueprint = path / "blueprint" if (path / "blueprint").is_dir() else path
        single = path / "blueprint.yaml"
        compilation = compile_blueprints(single if single.is_file() else blueprint)
        assert compilation.diagnostics == ()
        for one in compilation.blueprints:
            found[f"{source} {one.organization}"] = one.documents, one.rights
    return found


def test_every_entry_stands_and_nothing_else() -> None:
    for name, (documents, entries) in ledgers().items():
        assert prove_rights(documents, entries) == (), name
        assert len(rights(documents)) == len(entries), name
        assert len({entry.id for entry in entries}) == len(entries), name


def test_all_forms_are_there() -> None:
    sides = Counter(entry.side for _, entries in ledgers().values() for entry in entries)
    assert set(sides) == {
        *("access-entry", "fleet", "managed-policy", "pod-identity", "portfolio", "share", "trust"),
    }
    assert min(sides.values()) > 1


def test_the_types_exist() -> None:
    index = open_index()
    assert not [kind for kind in READERS if index.resource(kind) is None]


@pytest.mark.rig
def test_each_mutant_is_found() -> None:
    count: Counter[str] = Counter()
    for name, (documents, entries) in ledgers().items():
        for mutant in mutants(documents):
            assert prove_rights(mutant.documents, entries), f"{name}: {mutant}"
            count[mutant.operator] += 1
    assert count.total() >= 500, count
    assert count["the whole cluster"] >= 5
    assert count["another service"] >= 50
    assert count["another policy"] >= 20
    assert count["another account"] >= 5


def changed_entries(entry: Right) -> Iterator[Right]:
    """The ledger says something else than the files."""
    yield replace(entry, principal=OUTSIDER)
    yield replace(entry, name="AmazonEKSClusterAdminPolicyX")
    yield replace(entry, resource=f"{entry.resource}x")
    yield replace(entry, namespaces=(*entry.namespaces, "x"))
    yield replace(entry, addresses=(*entry.addresses[:-1], "aws_eks_access_entry.nothing"))
    yield replace(entry, addresses=("aws_eks_access_entry.nothing", *entry.addresses))
    yield replace(entry, stack=f"{entry.stack}-x")
    yield replace(entry, sid=f"{entry.sid}X")
    yield replace(entry, conditions=(*entry.conditions, "StringEquals aws:SourceAccount = 1"))
    if len(entry.addresses) > 1:
        yield replace(entry, addresses=entry.addresses[1:])
    if entry.namespaces:
        yield replace(entry, namespaces=())


@pytest.mark.rig
def test_each_change_of_an_entry_is_found() -> None:
    for documents, entries in ledgers().values():
        for index, entry in enumerate(entries):
            rest = [*entries[:index], *entries[index + 1 :]]
            assert [f.code for f in prove_rights(documents, rest)] == ["E833"], entry.id
            for other in changed_entries(entry):
                found = {f.code for f in prove_rights(documents, (*rest, other))}
                assert found & {"E831", "E832"}, other


def test_findings_say_what_differs() -> None:
    documents, entries = ledgers()["blueprints serving"]
    entry = next(e for e in entries if e.namespaces)
    (finding,) = [
        finding
        for mutant in mutants(documents)
        if (mutant.operator, mutant.address) == ("the whole cluster", entry.addresses[-1])
        for finding in prove_rights(mutant.documents, entries)
    ]
    assert finding.code == "E831"
    assert 'has the right "AmazonEKSEditPolicy(cluster)", and ' in finding.message
    assert '"AmazonEKSEditPolicy(namespaces:churn,vision)" is declared' in finding.message
    (finding,) = [
        finding
        for mutant in mutants(documents)
        if (mutant.operator, mutant.address) == ("one more principal", entry.addresses[-1])
        for finding in prove_rights(mutant.documents, entries)
    ]
    assert finding.code == "E833"
    assert f"gives {OUTSIDER} AmazonEKSEditPolicy(namespaces:churn,vision) on " in finding.message


@pytest.mark.rig
def test_each_mutant_differs_in_the_delta() -> None:
    """`diff --access` never says "no difference" about what the proof would refuse."""
    documents, entries = ledgers()["tests/cases/model-serving/several acme"]
    before = Snapshot(documents=documents, edges=entries)
    checked = 0
    for mutant in mutants(documents):
        if said(rights(mutant.documents)) == said(rights(documents)):
            continue  # an entry that its policy's association misses: EKS refuses that
        found = delta("acme", before, Snapshot(documents=mutant.documents, edges=entries))
        assert found.changes, str(mutant)
        checked += 1
    assert checked > 100


def said(given: tuple[Given, ...]) -> set[object]:
    """What somebody has, whatever resources say so. Who is signed in has no rights by that."""
    return {(g.principal, g.name, g.resource, g.namespaces) for g in given}


# -------------------------------------------------------------------- forms that no kind of ours writes


def module(resources: Mapping[str, Mapping[str, Any]]) -> Documents:
    provider = {"aws": [{"region": "eu-west-1", "allowed_account_ids": ["111111111111"]}]}
    return {"aws/shared/own": {"provider": provider, "resource": resources}}


CLUSTER = "arn:aws:eks:eu-west-1:111111111111:cluster/c"


def test_groups_of_kubernetes_are_each_a_right() -> None:
    entry = {
        "cluster_name": "c",
        "principal_arn": OUTSIDER,
        "kubernetes_groups": ["ops", "readers"],
    }
    found = rights(module({"aws_eks_access_entry": {"x": entry}}))
    assert [(g.principal, g.name, g.resource) for g in found] == [
        (OUTSIDER, "kubernetes-group:ops", CLUSTER),
        (OUTSIDER, "kubernetes-group:readers", CLUSTER),
    ]


def test_a_bare_entry_signs_in_and_a_node_joins() -> None:
    for kind, name in (("STANDARD", "kubernetes:system:authenticated"), ("EC2", "node:EC2")):
        entry = {"cluster_name": "c", "principal_arn": OUTSIDER, "type": kind}
        (given,) = rights(module({"aws_eks_access_entry": {"x": entry}}))
        assert given.name == name


def test_what_terraform_decides_is_said_to_be_unknown() -> None:
    entry = {
        "cluster_name": "c",
        "principal_arn": "${var.who}",
        "policy_arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
        "access_scope": [{"type": "namespace", "namespaces": ["${var.where}", "a"]}],
    }
    (given,) = rights(module({"aws_eks_access_policy_association": {"x": entry}}))
    assert given.principal == "<aws/shared/own/var.who>"
    assert given.namespaces == ("<aws/shared/own/var.where>", "a")
    assert given.unknown == {"var.who", "var.where"}
    whole: dict[str, object] = {"access_scope": [{"type": "cluster"}], "count": 2}
    repeated = {**entry, "principal_arn": OUTSIDER, **whole}
    (given,) = rights(module({"aws_eks_access_policy_association": {"x": repeated}}))
    assert given.namespaces == ()
    assert given.unknown == {"aws_eks_access_policy_association.x"}


def test_a_share_of_ram_gives_each_of_its_resources() -> None:
    share = "${aws_ram_resource_share.s.arn}"
    arns = [f"arn:aws:ec2:eu-west-1:111111111111:subnet/subnet-{n}" for n in (1, 2)]
    given = rights(
        module(
            {
                "aws_ram_resource_share": {"s": {"name": "net"}},
                "aws_ram_resource_association": {
                    f"s{n}": {"resource_share_arn": share, "resource_arn": arn}
                    for n, arn in enumerate(arns)
                },
                "aws_ram_principal_association": {
                    "p": {"resource_share_arn": share, "principal": "222222222222"}
                },
            }
        )
    )
    assert [(g.side, g.principal, g.resource) for g in given] == [
        ("share", "arn:aws:iam::222222222222:root", arn) for arn in arns
    ]


def test_policies_that_the_module_makes_are_no_rights() -> None:
    attached = {"role": "r", "policy_arn": "${aws_iam_policy.own.arn}"}
    foreign = {"role": "r", "policy_arn": "arn:aws:iam::222222222222:policy/theirs"}
    given = rights(
        module(
            {
                "aws_iam_policy": {"own": {"name": "own", "policy": "{}"}},
                "aws_iam_role_policy_attachment": {"own": attached, "foreign": foreign},
            }
        )
    )
    assert [(g.name, g.address) for g in given] == [
        ("arn:aws:iam::222222222222:policy/theirs", "aws_iam_role_policy_attachment.foreign")
    ]


@pytest.mark.parametrize("pattern", ["a", "a*"])
def test_says_compares_everything(pattern: str) -> None:
    given = Given(
        stack="aws/a/c",
        owner="1",
        side="access-entry",
        principal=OUTSIDER,
        name="P",
        resource=CLUSTER,
        addresses=("aws_eks_access_policy_association.x",),
        namespaces=(pattern,),
    )
    entry = Right(
        id="c/x",
        component="c",
        origin="components.c",
        side="access-entry",
        principal=OUTSIDER,
        principal_home="",
        name="P",
        home="a",
        resource=CLUSTER,
        stack="aws/a/c",
        addresses=("aws_eks_access_policy_association.x",),
        namespaces=("a",),
    )
    assert says(given, entry) is (pattern == "a")
    assert not says(given, replace(entry, namespaces=(pattern,), side="share"))
