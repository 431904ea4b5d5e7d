"""Access as the policies read back from the simulated AWS give it, against the ledger.

The judge is `evaluate`, which shares no code with the compiler; the requests are made of the things
that stand there after the apply.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.terraform import access, statements
from tests.terraform.applied import Applied
from tests.terraform.conftest import CASES
from tests.terraform.edges import crossings
from tests.terraform.policies import Account

pytestmark = pytest.mark.rig

article = pytest.mark.parametrize(
    "applied", [c for c in CASES if c.organisation == "article"], indirect=True, ids=str
)


def test_every_edge_is_allowed_on_both_sides(applied: Applied) -> None:
    assert applied.edges
    assert access.refused_edges(applied) == []


def test_every_statement_of_the_ledger_stands_there(applied: Applied) -> None:
    assert statements.missing_statements(applied) == []


def test_every_statement_that_allows_a_role_is_in_the_ledger(applied: Applied) -> None:
    assert statements.unknown_statements(applied) == []


def test_access_is_exactly_what_the_ledger_says(applied: Applied) -> None:
    """Every role with every thing; across accounts also each side by itself."""
    assert access.matrix_differences(applied) == []


def test_every_crossing_edge_is_asked_for(applied: Applied) -> None:
    """The matrix leaves out no edge between accounts of the organisation."""
    allowed = access.crossing(applied)
    crossing = [e for e in applied.edges if applied.crosses(e) and not applied.provided(e)]
    unasked = [
        edge.id
        for edge in crossing
        if not any(
            role == edge.principal and applied.covers(edge, action, thing.split(" ")[0])
            for role, action, thing in allowed
        )
    ]
    assert unasked == []


def test_a_foreign_role_with_every_permission_gets_nothing(applied: Applied) -> None:
    assert access.strangers_allowed(applied) == []


def test_the_right_role_of_another_organisation_gets_nothing(applied: Applied) -> None:
    if applied.organization_id is None:
        assert not any(applied.crosses(e) and not applied.provided(e) for e in applied.edges)
    else:
        assert access.other_organisations_allowed(applied) == []


def test_another_component_gets_nothing(applied: Applied) -> None:
    assert access.other_components_allowed(applied) == []


def test_no_administrator_uses_a_key_whose_policy_does_not_name_him(applied: Applied) -> None:
    assert access.owners_using_keys(applied) == []


def test_uploads_are_encrypted_with_the_buckets_key(applied: Applied) -> None:
    assert access.wrong_uploads(applied) == []


@article
def test_the_edges_are_those_of_the_article(applied: Applied) -> None:
    assert access.crossing(applied) == crossings(applied)


@article
def test_a_missing_half_is_seen(applied: Applied) -> None:
    """The judge itself: without resource policies every crossing edge is refused and reported."""
    bare = {
        id: Account(id, account.roles, account.keys, {arn: {} for arn in account.resources})
        for id, account in applied.accounts.items()
    }
    halved = Applied(applied.organisation, bare, applied.states)
    refused = "\n".join(access.refused_edges(halved))
    assert "churn/train-reads-data" in refused
    assert "owner" in "\n".join(access.matrix_differences(halved))


@article
def test_an_edge_that_the_ledger_forgets_is_seen(applied: Applied) -> None:
    edges = tuple(e for e in applied.edges if e.id != "churn/train-reads-data")
    shorter = replace(applied.organisation, edges=edges)
    forgetful = Applied(shorter, applied.accounts, applied.states)
    assert "data/" in "\n".join(access.matrix_differences(forgetful))
    assert "TrainReadsData" in "\n".join(statements.unknown_statements(forgetful))
