"""From nothing to each example, and back: the delta is the ledger, and what the ledger leaves out."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from compiler.access.delta import Change, Delta, Snapshot, delta
from compiler.access.evaluation.text import like
from compiler.access.ledger import Binding, Edge, Right
from compiler.access.proof_index import covered, within
from compiler.revision import from_path

REPOSITORY = Path(__file__).parent.parent.parent
EXAMPLES = REPOSITORY / "blueprints"
# By their folders: what is compiled at import is compiled by every process of the test run.
NAMES = sorted(path.name for path in (REPOSITORY / "generated").iterdir())


@cache
def snapshots() -> dict[str, Snapshot]:
    side = from_path(EXAMPLES, "examples")
    assert not side.failed, "\n".join(map(str, side.diagnostics))
    return dict(side.snapshots)


def test_these_are_all() -> None:
    assert sorted(snapshots()) == NAMES


@cache
def whole(name: str) -> Delta:
    return delta(name, Snapshot(), snapshots()[name])


def says(change: Change, edge: Edge, action: str) -> bool:
    """Whether the change is about this action of the edge; ids that AWS makes up are symbols there."""
    on = change.on.text
    place = within(on, edge.resource_arn) or ("<" in on and within(edge.resource_arn, on))
    named = any(like(each.lower())(action.lower()) or each == action for each in change.actions)
    return change.who.text == edge.principal_arn and named and place


def attached(change: Change) -> bool:
    """Whether a managed policy gives it, which may give all that a grant does, too."""
    return any("_attachment." in step.address for step in change.statements)


@pytest.mark.parametrize("name", NAMES)
def test_each_edge_of_the_ledger_is_gained(name: str) -> None:
    changes = whole(name).changes
    assert {change.kind for change in changes} == {"gained"}
    for edge in snapshots()[name].edges:
        if isinstance(edge, Binding):
            wanted = (edge.member, (edge.role,), edge.resource)
            assert wanted in [(c.who.text, c.actions, c.on.text) for c in changes], edge.id
            continue
        if isinstance(edge, Right):
            own = [c for c in changes if (c.who.text, c.on.text) == (edge.principal, edge.resource)]
            gained = {action for change in own for action in change.actions}
            assert gained >= set(edge.name.split("+")), edge.id
            continue
        for action in edge.actions:
            found = [change for change in changes if says(change, edge, action)]
            assert found, f"{edge.id} {action}"
            # A wider grant to the same role may be named in place of this one.
            wider = {edge.id} | {
                each.id
                for each in snapshots()[name].edges
                if isinstance(each, Edge)
                and each.principal_arn == edge.principal_arn
                and covered([each], action.lower(), edge.resource_arn)
            }
            assert any(wider & set(c.edges) or attached(c) for c in found), f"{edge.id} {action}"
            assert not any(change.depends_on for change in found), f"{edge.id} {action}"


@pytest.mark.parametrize("name", NAMES)
def test_what_no_edge_says_is_of_services_roots_and_providers(name: str) -> None:
    """And what a deploy role has by managed policies, or as itself."""
    for change in whole(name).changes:
        who = change.who.text
        service = not who.startswith("arn:") and change.who.cloud == "aws"
        special = service or who.endswith(":root") or ":oidc-provider/" in who
        assert change.edges or special or attached(change), change


@pytest.mark.parametrize("name", NAMES)
def test_all_of_it_is_declared_somewhere(name: str) -> None:
    for change in whole(name).changes:
        assert change.declared, change
        assert change.statements, change


@pytest.mark.parametrize("name", NAMES)
def test_nobody_of_the_examples_is_public_or_unknown(name: str) -> None:
    for change in whole(name).changes:
        assert not change.marked("public"), change
        who = change.who.text
        pool = "/workloadIdentityPools/" in who and ".svc.id.goog/" not in who
        assert change.marked("external") is (pool or ":oidc-provider/" in who), change


def fan_out(count: int, folder: Path) -> Snapshot:
    """A pipeline to so many production accounts."""
    accounts = "".join(
        f'  prod{number:02}: {{id: "{400000000000 + number}", unit: prod}}\n'
        for number in range(count)
    )
    head, _, rest = (EXAMPLES / "ml-pipeline.yaml").read_text("utf-8").partition("accounts:\n")
    text = f"{head}units: {{prod: {{}}}}\naccounts:\n{accounts}{rest}"
    path = folder / "blueprint.yaml"
    path.write_text(text.replace("[production]", "{unit: prod}"), encoding="utf-8")
    side = from_path(path, "")
    assert not side.failed, "\n".join(map(str, side.diagnostics))
    return side.snapshots["article"]


def test_policies_that_fold_change_nobodys_access(tmp_path: Path) -> None:
    """One account more, and one statement of the bucket's policy stands for all of them."""
    before, after = fan_out(20, tmp_path), fan_out(21, tmp_path)
    sizes = [len(json.dumps(each.documents["aws/shared/churn"])) for each in (before, after)]
    assert sizes[1] < sizes[0] * 0.9
    changes = delta("article", before, after).changes
    assert {change.kind for change in changes} == {"gained"}
    for change in changes:
        assert "400000000020" in f"{change.who.text} {change.on.text}" or change.who.text.endswith(
            "reporter-prod20"
        )
