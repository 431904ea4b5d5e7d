"""What a graph holds: stacks, links, units; and its text, DOT, Mermaid and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from compiler.access.delta.records import Change, Mark, Party, Step
from compiler.access.ledger import Right, ledger
from compiler.graph.dot import as_dot
from compiler.graph.links import LEVELS, Link, ends, links
from compiler.graph.mermaid import MOST_EDGES, MOST_TEXT, as_mermaid, refused
from compiler.graph.model import narrowed
from compiler.graph.record import as_json
from compiler.graph.records import Touched, principal_home, resource_home
from compiler.graph.text import as_text
from compiler.manifest import manifest
from compiler.running.stacks import SelectionError
from tests.graph.support import acme, binding, compiled, edge, graph, stack

TRAIN, SHARED = "aws/training/churn", "aws/shared/churn"


@cache
def rows() -> dict[str, dict[str, Any]]:
    """The stacks of the manifest."""
    stacks = compiled().stacks
    body: Any = manifest("acme", stacks, {each.path: "" for each in stacks})
    return {each["path"]: each for each in body["stacks"]}


# ---- The model


def test_stacks_are_those_of_the_manifest() -> None:
    expected = rows()
    assert {each.path for each in acme().stacks} == set(expected)
    for each in acme().stacks:
        row = expected[each.path]
        assert each.home == f"{row['cloud']}/{row.get('account') or row['project']}"
        assert (each.component, each.kind, each.region) == (
            row["component"],
            row["kind"],
            row["region"],
        )
        assert each.wave == row["wave"]
        assert list(each.depends_on) == row["depends_on"]
        assert each.size == row["resources"]
        assert each.declared is not None


def test_the_whole_ledger_is_in_it() -> None:
    body: Any = ledger(compiled().entries)
    ids = [each["id"] for name in ("edges", "rights") for each in body[name]]
    assert sorted(entry.id for entry in acme().entries) == sorted(ids)
    known = {each.path for each in acme().stacks}
    for entry in acme().entries:
        assert set(ends(entry, known).all) <= known
        assert set(ends(entry, known).all)


def test_units_are_those_of_the_blueprint() -> None:
    assert acme().homes["aws/production-us"].unit == "workloads/prod"
    assert acme().homes["google/train-eu"].unit == "workloads/dev"
    assert acme().homes["aws/sandbox"].unit == ""


# ---- Links


def test_links_of_order_and_of_access() -> None:
    whole = graph(
        stack(TRAIN),
        stack(SHARED, wave=1, depends_on=(TRAIN,)),
        entries=(edge("a", TRAIN, SHARED),),
    )
    assert links(whole) == [Link(source=TRAIN, target=SHARED, order=True, grants=("a",))]


def test_access_inside_a_stack_is_no_link() -> None:
    inside = edge("a", TRAIN, TRAIN)
    whole = graph(stack(TRAIN), entries=(inside,))
    assert links(whole) == []
    assert ends(inside, {TRAIN}).all == (TRAIN, TRAIN)


def test_access_to_an_account_without_a_statement_has_no_target() -> None:
    outside = edge("a", TRAIN, SHARED, statements=edge("a", TRAIN, SHARED).statements[:1])
    assert ends(outside, {TRAIN, SHARED}).all == (TRAIN,)
    whole = graph(stack(TRAIN), stack(SHARED), entries=(outside,))
    assert links(whole) == []
    # Its account is known all the same.
    assert [link.grants for link in links(whole, "account")] == [("a",)]


def test_a_binding_leads_from_the_stack_that_makes_its_member() -> None:
    made, data = "google/train-eu/gke", "google/data/gke"
    account = binding("a", data, "serviceAccount:x@y", "train-eu")
    people = binding("b", data, "group:ml@acme.example")
    assert ends(account, {made, data}).all == (made, data)
    assert ends(account, {data}).all == (data,)
    assert ends(people, {made, data}).all == (data,)
    assert principal_home(people) is None
    assert (principal_home(account), resource_home(account)) == ("google/train-eu", "google/data")


def test_a_right_stands_where_it_is_given() -> None:
    right = Right(
        id="a",
        component="serve",
        origin="components.serve",
        side="access-entry",
        principal="arn:aws:iam::111111111111:role/deployer",
        principal_home="training",
        name="AmazonEKSEditPolicy",
        home="production",
        resource="arn:aws:eks:eu-west-1:222222222222:cluster/serve",
        stack="aws/production/serve",
        addresses=("aws_eks_access_entry.x",),
    )
    known = {"aws/production/serve", "aws/training/serve"}
    assert ends(right, known).all == ("aws/training/serve", "aws/production/serve")
    assert ends(right, {"aws/production/serve"}).all == ("aws/production/serve",)
    assert (principal_home(right), resource_home(right)) == ("aws/training", "aws/production")


def test_links_of_accounts_and_units_are_sums() -> None:
    entries = (edge("a", TRAIN, SHARED), edge("b", TRAIN, SHARED), edge("c", SHARED, SHARED))
    whole = graph(
        stack(TRAIN), stack(SHARED), entries=entries, units={"training": "dev", "shared": "base"}
    )
    account = Link(source="aws/training", target="aws/shared", grants=("a", "b"))
    assert links(whole, "account") == [account]
    assert links(whole, "unit") == [Link(source="dev", target="base", grants=("a", "b"))]


def test_links_between_accounts_agree_with_the_ledger() -> None:
    count: dict[tuple[str, str], int] = {}
    for entry in acme().entries:
        own, home = principal_home(entry), resource_home(entry)
        if own in acme().homes and home in acme().homes and own is not None and own != home:
            count[own, home] = count.get((own, home), 0) + 1
    found = {(link.source, link.target): len(link.grants) for link in links(acme(), "account")}
    assert {pair: number for pair, number in found.items() if number} == count


# ---- A part of it


def test_a_part_keeps_what_touches_it() -> None:
    other = "aws/production/fraud"
    entries = (edge("a", TRAIN, SHARED), edge("b", other, SHARED), edge("c", other, other))
    whole = graph(stack(TRAIN), stack(SHARED), stack(other), entries=entries)
    (part,) = narrowed([whole], ["aws/training/*"])
    assert [each.path for each in part.stacks] == [TRAIN]
    assert [entry.id for entry in part.entries] == ["a"]
    assert set(part.homes) == {"aws/training", "aws/shared"}
    (part,) = narrowed([whole], ["acme/**/churn"])
    assert [each.path for each in part.stacks] == [SHARED, TRAIN]


def test_a_part_of_several_organisations() -> None:
    one, two = graph(stack(TRAIN)), replace(graph(stack(SHARED)), organization="other")
    assert [g.organization for g in narrowed([one, two], ["aws/shared/churn"])] == ["other"]


def test_a_pattern_that_matches_nothing_is_wrong() -> None:
    with pytest.raises(SelectionError, match=r'"aws/trainin/churn"; did you mean "aws/training/ch'):
        narrowed([graph(stack(TRAIN))], ["aws/trainin/churn"])


# ---- Text

CHANGED = graph(
    stack(SHARED, wave=1, depends_on=(TRAIN,)),
    stack(
        TRAIN,
        status="changed",
        touched=(
            Touched(address="aws_s3_bucket.a", status="added"),
            Touched(address="aws_s3_bucket.b", status="changed"),
            Touched(address="aws_s3_bucket.c", status="changed"),
        ),
    ),
    stack("aws/training/fraud", status="removed", wave=None),
    stack("aws/training/new", status="added"),
    entries=(edge("a", TRAIN, SHARED),),
    units={"training": "workloads/dev"},
    since="main",
    access=(
        Change(
            kind="gained",
            who=Party(text="arn:aws:iam::1:role/x", cloud="aws", home="training"),
            actions=("s3:GetObject",),
            on=Party(text="arn:aws:s3:::data", cloud="aws", home="shared"),
            statements=(
                Step(stack=TRAIN, address="aws_iam_role_policy.x", side="identity", sid="Reads"),
            ),
            marks=(Mark(name="cross-account", reason="of another account"),),
        ),
    ),
)

TEXT = """\
acme: 3 stacks in 2 accounts and projects, 2 waves, 1 grant
since main: stacks: 1 added, 1 changed, 1 removed; access: 1 gained; of what was given: 1 cross-account

(in no unit)
  aws/shared (111111111111)
       churn  ml-pipeline  wave 1  2 resources  after aws/training/churn

workloads/dev
  aws/training (111111111111)
    ~  churn  ml-pipeline  wave 0  2 resources  +1 ~2
    -  fraud  ml-pipeline  gone    2 resources
    +  new    ml-pipeline  wave 0  2 resources

access between accounts and projects
  aws/training -> aws/shared  1 grant
"""


def test_text() -> None:
    assert as_text(CHANGED) == TEXT


def test_text_by_account_and_by_unit() -> None:
    text = as_text(CHANGED, "account")
    line = (
        "aws/training (111111111111): 3 stacks, wave 0, 6 resources, 1 added, 1 changed, 1 removed"
    )
    assert f"\n  {line}\n" in text
    text = as_text(CHANGED, "unit")
    assert "\n(in no unit): 1 account or project, 1 stack, wave 1, 2 resources\n" in text
    assert "\n  workloads/dev: 1 account or project, 3 stacks" in text
    assert "\n  workloads/dev -> (in no unit)  1 grant\n" in text


def test_a_graph_of_nothing() -> None:
    assert as_text(graph()) == "acme: 0 stacks in 0 accounts and projects, 0 waves, 0 grants\n"
    assert "subgraph" in as_dot([graph()])
    assert as_mermaid([graph()]).startswith("flowchart LR\n")


# ---- DOT and Mermaid: that their readers take them is in test_drawings


@pytest.mark.parametrize("level", LEVELS)
def test_every_line_is_drawn_once_and_between_nodes(level: Any) -> None:
    drawn = as_dot([acme()], level)
    expected = sum(link.order + bool(link.grants) for link in links(acme(), level))
    assert drawn.count(" -> ") == expected > 5
    text = as_mermaid([acme()], level)
    assert text.count(" --> ") + text.count(" .-> ") == expected
    assert refused(text) == ""


def test_what_changed_is_marked() -> None:
    dot, mermaid = as_dot([CHANGED]), as_mermaid([CHANGED])
    assert '"acme/aws/training/churn" [label="~ churn\\nml-pipeline\\nwave 0, 2 resources\\n' in dot
    assert "dashed" in dot.partition('"acme/aws/training/fraud" [')[2].partition("\n")[0]
    assert '["+ new<br>' in mermaid
    assert mermaid.count(":::removed") == 1
    assert "classDef removed" in mermaid
    assert "classDef" not in as_mermaid([graph(stack(TRAIN))])


def test_what_mermaid_does_not_draw_is_said() -> None:
    assert refused("  a --> b\n" * MOST_EDGES) == ""
    assert "501 lines" in refused("  a --> b\n" * (MOST_EDGES + 1))
    assert f"{MOST_TEXT + 1} characters" in refused("x" * (MOST_TEXT + 1))


# ---- JSON


def test_json() -> None:
    body = json.loads(as_json([CHANGED]))
    assert (body["version"], body["from"]) == (1, "main")
    (one,) = body["organizations"]
    assert one["links"] == [{"from": TRAIN, "to": SHARED, "order": True, "grants": ["a"]}]
    assert one["between"] == [{"from": "aws/training", "to": "aws/shared", "grants": 1}]
    shared, train, gone, _ = one["stacks"]
    assert shared["wave"] == 1
    assert train["changes"][0] == {
        "address": "aws_s3_bucket.a",
        "status": "added",
        "parts": [],
        "notes": [],
    }
    assert (gone["wave"], gone["status"]) == (None, "removed")
    assert one["access"][0]["marks"] == ["cross-account"]
    assert one["access"][0]["stacks"] == [TRAIN]


def test_json_of_the_example_agrees_with_its_manifest() -> None:
    (one,) = json.loads(as_json([acme()]))["organizations"]
    keys = ("cloud", "id", "region", "component", "kind", "wave", "depends_on")
    for each in one["stacks"]:
        row = rows()[each["path"]]
        assert {key: each[key] for key in keys} == {key: row[key] for key in keys}
        assert each.get("account") == row.get("account")
        assert each["status"] == "same"
    assert json.loads(as_json([acme()])) == json.loads(as_json([acme()]))
    assert as_json([acme()]).isascii()
