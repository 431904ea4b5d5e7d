"""A graph as JSON, version 1; keys are added, never changed:

    {"version": 1, "from": "main" | null,
     "organizations": [{"organization": "acme", "units": ["workloads/prod"],
        "stacks": [{"path", "cloud", "account" | "project", "id", "unit", "region", "component", "kind",
                    "wave": 0 | null, "depends_on": ["path"], "resources": ["address"],
                    "declared": {"path", "line", "column"} | null,
                    "status": "same" | "added" | "changed" | "removed",
                    "origin": "path" | null,
                    "changes": [{"address", "status", "parts": ["policy.Statement[Sid]"], "notes": []}]}],
        "links": [{"from": "path", "to": "path", "order": true, "grants": ["edge id"]}],
        "between": [{"from": "aws/training", "to": "aws/shared", "grants": 23}],
        "access": [{"kind": "gained" | "widened" | "narrowed" | "lost", "principal", "from", "actions",
                    "resource", "to", "marks": ["privileged"], "stacks": ["path"]}]}]}

`origin` is the path that a renamed stack had. `status` is "same" and `changes` and `access` are empty without a revision to compare with. `links` join
stacks: with `order` the first is applied before the second, and each grant has its principal in the first.
`between` counts grants by account or project. The statements of a grant are in access.json, by its id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from compiler.access.delta.records import Change
from compiler.graph.links import links
from compiler.graph.records import Graph, Stack

VERSION = 1


def as_json(graphs: Iterable[Graph]) -> str:
    """See above; ASCII."""
    graphs = list(graphs)
    since = next((graph.since for graph in graphs if graph.since), None)
    body = {"version": VERSION, "from": since, "organizations": [_graph(g) for g in graphs]}
    return json.dumps(body, indent=2) + "\n"


def _graph(graph: Graph) -> dict[str, object]:
    between = [link for link in links(graph, "account") if link.grants]
    return {
        "organization": graph.organization,
        "units": list(graph.units),
        "stacks": [_stack(graph, stack) for stack in graph.stacks],
        "links": [
            {"from": link.source, "to": link.target, "order": link.order, "grants": link.grants}
            for link in links(graph)
        ],
        "between": [
            {"from": link.source, "to": link.target, "grants": len(link.grants)} for link in between
        ],
        "access": [change_record(change) for change in graph.access],
    }


def _stack(graph: Graph, stack: Stack) -> dict[str, object]:
    home, at = graph.homes[stack.home], stack.declared
    return {
        "path": stack.path,
        "cloud": home.cloud,
        ("account" if home.cloud == "aws" else "project"): home.name,
        "id": home.id,
        "unit": home.unit or None,
        "region": stack.region,
        "component": stack.component,
        "kind": stack.kind,
        "wave": stack.wave,
        "depends_on": list(stack.depends_on),
        "resources": list(stack.resources),
        "declared": at and {"path": at.path, "line": at.line, "column": at.column},
        "status": stack.status,
        "origin": stack.origin or None,
        "changes": [asdict(each) for each in stack.touched],
    }


def change_record(change: Change) -> dict[str, object]:
    """What was gained or lost, in short."""
    return {
        "kind": change.kind,
        "principal": change.who.text,
        "from": change.who.home,
        "actions": list(change.actions),
        "resource": change.on.text,
        "to": change.on.home,
        "marks": list(dict.fromkeys(mark.name for mark in change.marks)),
        "stacks": list(dict.fromkeys(step.stack for step in change.statements)),
    }
