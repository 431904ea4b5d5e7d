"""What `--from` lays over a graph: which stacks, resources and access differ."""

from __future__ import annotations

import re
from pathlib import Path

from compiler.compilation import compile_blueprints
from compiler.graph.changes import compared
from compiler.graph.model import graph_of
from compiler.graph.records import Graph, Stack
from compiler.graph.text import as_text
from compiler.revision import from_path, snapshot
from compiler.revision_stacks import compiled_revisions

BEFORE = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
units: {workloads/prod: {}}
accounts:
  shared: {id: "111111111111"}
  training: {id: "222222222222"}
  production: {id: "333333333333", unit: workloads/prod}
components:
  churn:
    kind: ml-pipeline
    shared: shared
    training: training
    production: [production]
    source: {codecommit: {repository: churn}}
    train: {image: {builtin: xgboost, version: "1.7-1"}, instance: ml.m6i.xlarge}
    deploy: {endpoint: churn, instance: ml.m6i.large, max: 4}
  baseline: {kind: account-baseline, account: shared}
"""


def changed(folder: Path, before: str, after: str) -> Graph:
    old, new = folder / "before.yaml", folder / "after.yaml"
    old.write_text(before, encoding="utf-8")
    new.write_text(after, encoding="utf-8")
    side = from_path(old, "before")
    compilation = compile_blueprints(new)
    assert [str(found) for found in compilation.diagnostics] == []
    (one,) = compilation.blueprints
    now = dict(compiled_revisions(compilation))["acme"]
    then = (side.revisions["acme"], side.snapshots["acme"])
    return compared(graph_of(one), then, (now, snapshot(one)), "before")


def by_path(graph: Graph) -> dict[str, Stack]:
    return {stack.path: stack for stack in graph.stacks}


def test_nothing_differs(tmp_path: Path) -> None:
    graph = changed(tmp_path, BEFORE, f"# A comment.\n{BEFORE}")
    assert {stack.status for stack in graph.stacks} == {"same"}
    assert graph.access == ()
    assert graph.since == "before"


def test_a_value_is_told_where_it_differs(tmp_path: Path) -> None:
    after = BEFORE.replace("instance: ml.m6i.xlarge", "instance: ml.m6i.2xlarge")
    stacks = by_path(changed(tmp_path, BEFORE, after))
    statuses = {path: stack.status for path, stack in stacks.items()}
    assert {path for path, status in statuses.items() if status == "changed"}
    assert statuses["aws/shared/baseline"] == "same"
    parts = {
        (each.address, part, each.status)
        for stack in stacks.values()
        for each in stack.touched
        for part in each.parts
    }
    assert any("aws_ssm_parameter" in address for address, _, _ in parts)
    assert {status for _, _, status in parts} == {"changed"}


def test_a_stack_is_added_and_one_is_gone(tmp_path: Path) -> None:
    head, _, rest = BEFORE.partition("  churn:\n")
    after = f"{head}  scoring:\n{rest}"
    graph = changed(tmp_path, BEFORE, after)
    statuses = {path: stack.status for path, stack in by_path(graph).items()}
    assert statuses["aws/shared/scoring"] == "added"
    assert statuses["aws/shared/churn"] == "removed"
    gone = by_path(graph)["aws/production/churn"]
    assert gone.wave is None
    assert gone.kind == "ml-pipeline"
    assert gone.region == "eu-west-1"
    assert "aws_iam_role.serve" in gone.resources
    assert gone.declared is not None
    assert str(gone.declared).endswith("before.yaml:10:3")
    assert graph.unit_of(gone) == "workloads/prod"
    kinds = {change.kind for change in graph.access}
    assert {"gained", "lost"} <= kinds


def test_an_account_that_is_gone_is_drawn(tmp_path: Path) -> None:
    after = BEFORE.replace("production: [production]", "production: [shared]").replace(
        '  production: {id: "333333333333", unit: workloads/prod}\n', ""
    )
    graph = changed(tmp_path, BEFORE, after)
    assert by_path(graph)["aws/production/churn"].status == "removed"
    assert graph.homes["aws/production"].id == "333333333333"
    assert graph.homes["aws/production"].unit == ""


def test_a_renamed_component_keeps_its_resources(tmp_path: Path) -> None:
    head, _, rest = BEFORE.partition("  churn:\n")
    after = f"{head}  scoring:\n    renamed_from: churn\n{rest}"
    graph = changed(tmp_path, BEFORE, after)
    stacks = by_path(graph)
    moved = stacks["aws/production/scoring"]
    assert (moved.status, moved.origin) == ("changed", "aws/production/churn")
    assert "aws/production/churn" not in stacks
    # In the word of `diff`.
    text = as_text(graph, "account")
    assert f"since {graph.since}: stacks: 3 moved" in text
    assert re.search(r"aws/production \(333333333333\): 1 stack, .*, 1 moved\n", text)


def test_what_may_be_replaced_is_said(tmp_path: Path) -> None:
    state = "components:\n"
    before = BEFORE.replace("account: shared}", "account: shared, state_bucket: true}").replace(
        state, f"state: {{aws: {{bucket: one-state, region: eu-west-1}}}}\n{state}"
    )
    after = before.replace("one-state", "two-state")
    touched = by_path(changed(tmp_path, before, after))["aws/shared/baseline"].touched
    notes = [each.notes for each in touched if each.address == "aws_s3_bucket.state"]
    assert notes == [("may be replaced: bucket",)]
