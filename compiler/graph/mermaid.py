"""A graph as a flowchart of Mermaid (mermaid.js.org/syntax/flowchart.html).

Solid lines say what is applied before what, dotted ones who has access. What renders it refuses more
than MOST_EDGES lines and MOST_TEXT characters unless configured otherwise: the defaults of `maxEdges`
and `maxTextSize` (mermaid.js.org/config/schema-docs/config.html, 2026-11-21), which GitHub keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count as counter

from compiler.graph.links import Level
from compiler.graph.records import Graph
from compiler.graph.shapes import Box, boxes, lines

MOST_EDGES = 500
MOST_TEXT = 50_000
# Colours that are readable on light and dark pages: fill, border and text are all set.
_CLASSES = (
    "  classDef added fill:#d8f3dc,stroke:#1b7f3b,stroke-width:2px,color:#10331c",
    "  classDef changed fill:#fff3c4,stroke:#8a6100,stroke-width:2px,color:#3a2a00",
    "  classDef removed fill:#ffdfdc,stroke:#b3261e,stroke-width:2px,color:#4a0f0b,stroke-dasharray:4 3",
)


def as_mermaid(graphs: Iterable[Graph], level: Level = "stack") -> str:
    """All organisations as one drawing."""
    drawer = _Drawer()
    body: list[str] = []
    for graph in graphs:
        body += drawer.box(boxes(graph, level), 1)
        for line in lines(graph, level):
            arrow = "-->" if line.order else f'-. "{_escaped(line.label)}" .->'
            body.append(f"  {drawer.ids[line.source]} {arrow} {drawer.ids[line.target]}")
    marked = _CLASSES if drawer.marked else ()
    return "\n".join(["flowchart LR", *body, *marked]) + "\n"


def refused(text: str) -> str:
    """Why a page with Mermaid's defaults would not draw it, or ""."""
    arrows = sum(" --> " in line or " .-> " in line for line in text.splitlines())
    if arrows > MOST_EDGES:
        return f"{arrows} lines, and Mermaid draws {MOST_EDGES} unless maxEdges says more"
    if len(text) > MOST_TEXT:
        return f"{len(text)} characters, and Mermaid reads {MOST_TEXT} unless maxTextSize says more"
    return ""


class _Drawer:
    """Short names for nodes and boxes: a path may hold what is a word of Mermaid."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.marked = False
        self._boxes = counter()

    def box(self, box: Box, depth: int) -> Iterator[str]:
        indent = "  " * depth
        yield f'{indent}subgraph b{next(self._boxes)}["{_escaped(box.label)}"]'
        for node in box.nodes:
            short = self.ids.setdefault(node.key, f"n{len(self.ids)}")
            label = "<br>".join(map(_escaped, node.lines))
            status = "" if node.status == "same" else f":::{node.status}"
            self.marked |= bool(status)
            yield f'{indent}  {short}["{label}"]{status}'
        for inner in box.boxes:
            yield from self.box(inner, depth + 1)
        yield f"{indent}end"


def _escaped(text: str) -> str:
    """Mermaid's own entities: `#quot;`."""
    for letter, name in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(letter, name)
    return text
