"""The proof holds for Google stacks as they are made, and finds each single change of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from compiler.access.evaluation.google import modules
from compiler.access.google import (
    Bound,
    Member,
    OnBucket,
    OnCryptoKey,
    OnRegistry,
    OnScope,
    OnServiceAccount,
    ServiceAccount,
    Site,
    WholeProject,
)
from compiler.access.google_proof import prove_bindings
from compiler.access.ledger import Binding
from compiler.access.rules import check_policies
from compiler.compilation import Compiled, compile_blueprints
from compiler.manifest import waves
from compiler.terraform.document import Json, document
from compiler.terraform.stack import Stack
from tests.access.google_mutants import mutants

ROOT = Path(__file__).parents[2]
Documents = dict[str, dict[str, Json]]
TRAIN = Site(
    project="train",
    id="acme-train",
    number="100000000001",
    stack="google/train/access",
    region="europe-west4",
)
DATA = Site(
    project="data",
    id="acme-data",
    number="100000000002",
    stack="google/data/access",
    region="europe-west4",
)
ML = Member("group:ml@acme.example")
RUNNER = ServiceAccount(site=TRAIN, name="runner", account_id="acme-runner").member
POD = Member(
    "principal://iam.googleapis.com/projects/100000000001/locations/global/workloadIdentityPools/"
    "acme-train.svc.id.goog/subject/ns/train/sa/runner",
    "train",
)
GRANTS = (
    ("ml-uses-vertex", ML, "roles/aiplatform.user", WholeProject(TRAIN)),
    ("ml-acts-as-runner", ML, "roles/iam.serviceAccountUser", OnServiceAccount(TRAIN, "runner")),
    ("ml-edits", ML, "roles/gkehub.scopeEditor", OnScope(TRAIN, "ml")),
    ("pod-reads", POD, "roles/storage.objectViewer", OnBucket(DATA, "acme-data-sets")),
    (
        "runner-pulls",
        RUNNER,
        "roles/artifactregistry.reader",
        OnRegistry(DATA, "training", "europe-west4"),
    ),
    (
        "runner-encrypts",
        RUNNER,
        "roles/cloudkms.cryptoKeyEncrypterDecrypter",
        OnCryptoKey(DATA, "ring", "key", "europe-west4"),
    ),
)
UNTIL = ("until-2027", 'request.time < timestamp("2027-01-01T00:00:00Z")')


@cache
def bounds() -> tuple[Bound, ...]:
    return tuple(
        Bound(
            id=id,
            component="access",
            origin="components.access",
            member=member,
            role=role,
            on=on,
            condition=UNTIL if id == "pod-reads" else None,
        )
        for id, member, role, on in GRANTS
    )


@cache
def made() -> Documents:
    return {
        site.stack: dict(
            document(
                Stack(
                    cloud="google",
                    account=site.project,
                    account_id=site.id,
                    component="access",
                    kind="training-access",
                    region=site.region,
                    terraform={},
                    providers={"google": {"project": site.id, "region": site.region}},
                    resources=tuple(b.resource for b in bounds() if b.on.site == site),
                )
            )
        )
        for site in (TRAIN, DATA)
    }


@cache
def entries() -> tuple[Binding, ...]:
    return tuple(bound.entry for bound in bounds())


PATTERNS = ("tests/cases/*/*/blueprint*", "docs/examples/*.yaml", "blueprints/*.yaml")


@cache
def compiled() -> tuple[tuple[Path, Compiled], ...]:
    """All cases, examples and blueprints with bindings."""
    paths = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern) if path.is_file())
    return tuple(
        (path, one)
        for path in paths
        if "projects:" in path.read_text(encoding="utf-8")
        for one in compile_blueprints(path).blueprints
        if one.bindings
    )


def google(one: Compiled) -> Documents:
    return {path: dict(value) for path, value in one.documents.items() if "google" in path}


def test_what_grants_write_is_what_the_ledger_says() -> None:
    assert prove_bindings(made(), entries()) == ()
    assert check_policies(made()) == ()


def codes(documents: Documents, declared: tuple[Binding, ...]) -> list[str]:
    return [finding.code for finding in prove_bindings(documents, declared)]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
def test_an_entry_that_says_something_else_is_found(entry: Binding) -> None:
    for wrong in (
        replace(entry, member="group:other@acme.example"),
        replace(entry, role="roles/storage.admin"),
        replace(entry, resource=entry.resource + "-x"),
        replace(entry, condition="false"),
        replace(entry, project="other"),
    ):
        changed = tuple(wrong if each is entry else each for each in entries())
        assert codes(made(), changed) == ["E831"], wrong
    changed = tuple(each for each in entries() if each is not entry)
    assert codes(made(), changed) == ["E833"]
    missing = replace(entry, address=entry.address + "x")
    changed = tuple(missing if each is entry else each for each in entries())
    assert sorted(codes(made(), changed)) == ["E832", "E833"]


def test_findings_name_the_binding_and_both_texts() -> None:
    first = entries()[0]
    wrong = replace(first, role="roles/aiplatform.viewer")
    (found,) = prove_bindings(made(), (wrong, *entries()[1:]))
    assert (found.code, found.stack) == ("E831", "google/train/access")
    assert found.message == (
        "access/ml-uses-vertex: google/train/access google_project_iam_member.ml_uses_vertex has "
        'the role "roles/aiplatform.user", and "roles/aiplatform.viewer" is declared'
    )


def test_a_stack_whose_provider_has_no_project_is_no_proof() -> None:
    documents = {path: {**value} for path, value in made().items()}
    del documents[TRAIN.stack]["provider"]
    found = prove_bindings(documents, entries())
    assert {each.code for each in found} == {"E831"}
    assert "is a stack of the project , and" not in found[0].message


def test_what_cannot_be_read_is_no_proof() -> None:
    documents = {path: {**value} for path, value in made().items()}
    type_ = "google_project_iam_member"
    body: dict[str, Any] = {"project": "acme-train", "role": "${var.role}", "member": ML.text}
    resources: Any = documents[TRAIN.stack]["resource"]
    documents[TRAIN.stack]["resource"] = {**resources, type_: {"ml_uses_vertex": body}}
    (found,) = prove_bindings(documents, entries())
    assert found.code == "E831"
    assert 'has the role "…"' in found.message


def test_access_lists_are_no_bindings_and_belong_to_no_edge() -> None:
    documents = {path: {**value} for path, value in made().items()}
    resources: Any = documents[DATA.stack]["resource"]
    acl = {"a": {"bucket": "acme-data-sets", "entity": "user-ada@acme.example", "role": "READER"}}
    documents[DATA.stack]["resource"] = {**resources, "google_storage_bucket_access_control": acl}
    (found,) = prove_bindings(documents, entries())
    assert found.code == "E833"
    assert "user-ada@acme.example READER" in found.message


def survivors(
    documents: Documents, declared: tuple[Binding, ...]
) -> tuple[Counter[str], list[str]]:
    counted: Counter[str] = Counter()
    left: list[str] = []
    for mutant in mutants(documents):
        counted[mutant.operator] += 1
        changed = dict(mutant.documents)
        if not prove_bindings(changed, declared) and not check_policies(changed):
            left.append(str(mutant))
    return counted, left


def test_every_change_of_a_binding_is_found() -> None:
    counted, left = survivors(made(), entries())
    assert left == []
    assert len(counted) >= 18
    assert counted["drop"] == len(GRANTS)
    assert counted.total() >= 70


def test_the_proof_alone_finds_them_all() -> None:
    """Rules come before it, and see some of them too; none is left to the rules."""
    unseen = [str(m) for m in mutants(made()) if not prove_bindings(m.documents, entries())]
    assert unseen == []


def test_cases_and_examples_prove() -> None:
    """Compiling proves; here without the compiler."""
    for path, one in compiled():
        assert prove_bindings(google(one), one.bindings) == (), path
        assert check_policies(google(one)) == (), path


def test_changes_of_examples_are_found() -> None:
    total = 0
    for path, one in compiled():
        if "cases" not in path.parts:
            counted, left = survivors(google(one), one.bindings)
            assert left == [], path
            assert counted["drop"] == len(one.bindings), path
            total += counted.total()
    assert total > 500


def makers(one: Compiled) -> dict[str, str]:
    """Which stack makes a service account, by its address, or a pool, by number and id."""
    numbers = {project.id: project.number for project in one.world.organization.projects.values()}
    found = {}
    for module in modules(one.documents):
        for account in module.resources("google_service_account"):
            email = f"{account.arguments['account_id']}@{module.account}.iam.gserviceaccount.com"
            found[email] = module.stack
        pools = [
            str(pool.arguments["workload_identity_pool_id"])
            for pool in module.resources("google_iam_workload_identity_pool")
        ]
        if any(module.resources("google_container_cluster")):
            pools.append(f"{module.account}.svc.id.goog")
        for pool in pools:
            place = f"projects/{numbers[module.account]}/locations/global/workloadIdentityPools"
            found[f"{place}/{pool}/"] = module.stack
    return found


def test_a_binding_comes_after_whoever_makes_its_member() -> None:
    """Google refuses a member that is not there yet; a bucket of states comes before all states."""
    seen = 0
    for path, one in compiled():
        wave = waves({stack.path: stack.depends_on for stack in one.stacks})
        for entry in one.bindings:
            if entry.id.endswith(("-keeps-state", "-lists-states")):
                continue
            for member, stack in makers(one).items():
                if member in entry.member and stack != entry.stack:
                    assert wave[stack] < wave[entry.stack], f"{path}: {entry.id} needs {stack}"
                    seen += 1
    assert seen > 5
