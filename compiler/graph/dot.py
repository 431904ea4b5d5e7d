"""A graph in the DOT language of Graphviz (graphviz.org/doc/info/lang.html).

Solid lines say what is applied before what, dashed ones who has access.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count as counter

from compiler.graph.links import Level
from compiler.graph.records import Graph, Status
from compiler.graph.shapes import Box, Node, boxes, lines

_HEAD = """\
digraph landform {
  graph [rankdir=LR, fontname="Helvetica", compound=true, newrank=true]
  node [shape=box, style="rounded,filled", fillcolor="#ffffff", fontname="Helvetica", fontsize=11]
  edge [fontname="Helvetica", fontsize=9]
"""
_STYLES: dict[Status, str] = {
    "same": "",
    "added": ', fillcolor="#d8f3dc", color="#1b7f3b", penwidth=2',
    "changed": ', fillcolor="#fff3c4", color="#8a6100", penwidth=2',
    "removed": ', fillcolor="#ffdfdc", color="#b3261e", penwidth=2, style="rounded,filled,dashed"',
}


def as_dot(graphs: Iterable[Graph], level: Level = "stack") -> str:
    """All organisations as one drawing."""
    numbers = counter()
    body: list[str] = []
    for graph in graphs:
        body += _box(boxes(graph, level), 1, numbers)
        for line in lines(graph, level):
            style = (
                'color="#555555"'
                if line.order
                else f'style=dashed, color="#2f6fb5", label={_quoted(line.label)}'
            )
            body.append(f"  {_quoted(line.source)} -> {_quoted(line.target)} [{style}]")
    return _HEAD + "\n".join(body) + "\n}\n"


def _box(box: Box, depth: int, numbers: Iterator[int]) -> Iterator[str]:
    indent = "  " * depth
    yield f"{indent}subgraph cluster_{next(numbers)} {{"
    yield f'{indent}  label={_quoted(box.label)}; labeljust=l; style=rounded; color="#999999"'
    yield from (f"{indent}  {_node(node)}" for node in box.nodes)
    for inner in box.boxes:
        yield from _box(inner, depth + 1, numbers)
    yield f"{indent}}}"


def _node(node: Node) -> str:
    label = "\\n".join(map(_escaped, node.lines))
    return f'{_quoted(node.key)} [label="{label}"{_STYLES[node.status]}]'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
