"""DOT and Mermaid before their own readers: Graphviz (as WebAssembly) and Mermaid in a browser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.graph.dot import as_dot
from compiler.graph.links import LEVELS
from compiler.graph.mermaid import as_mermaid
from compiler.graph.records import Graph
from compiler.graph.shapes import boxes, lines
from tests.graph.browser import Page, found, running
from tests.graph.support import acme, edge, graph, package, stack
from tests.graph.test_model import CHANGED

# A real browser.
pytestmark = pytest.mark.rig

GRAPHVIZ = "@viz-js/viz@3.31.0"
MERMAID = "mermaid@12.3.0"
ODD = graph(
    stack("aws/end/graph", kind='a "b" \\ <c>'),
    stack("aws/subgraph/end", kind="#quot; |x| `y` %%"),
    entries=(edge("x", "aws/end/graph", "aws/subgraph/end"),),
    units={"end": 'end "of" <it>'},
)
WHOLE = ("acme", "changed", "odd")
CASES = [
    *[(name, level) for name in WHOLE for level in LEVELS],
    ("two", "stack"),
]


def graphs(name: str) -> list[Graph]:
    if name == "two":
        return [CHANGED, replace(ODD, organization="other")]
    makers: dict[str, Callable[[], Graph]]
    makers = {"acme": acme, "changed": lambda: CHANGED, "odd": lambda: ODD}
    return [makers[name]()]


def counts(name: str, level: Any) -> tuple[int, int]:
    """How many nodes and lines there must be."""
    drawn = [(len(list(boxes(g, level).keys())), len(lines(g, level))) for g in graphs(name)]
    return sum(nodes for nodes, _ in drawn), sum(several for _, several in drawn)


@pytest.fixture(scope="module")
def graphviz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("viz")
    package(GRAPHVIZ, folder)
    (folder / "read.mjs").write_text(
        'import { instance } from "./package/dist/viz.js";\n'
        'import { readFileSync } from "node:fs";\n'
        "const viz = await instance();\n"
        'const made = viz.render(readFileSync(0, "utf8"), { format: "json" });\n'
        "process.stdout.write(JSON.stringify(made));\n",
        encoding="utf-8",
    )
    return folder


@pytest.mark.parametrize(("name", "level"), CASES)
def test_graphviz_draws_all_of_it(graphviz: Path, name: str, level: Any) -> None:
    text = as_dot(graphs(name), level)
    done = subprocess.run(
        ["node", "read.mjs"],
        cwd=graphviz,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    made = json.loads(done.stdout)
    assert (made["status"], made["errors"]) == ("success", [])
    drawn = json.loads(made["output"])
    clusters = [each for each in drawn["objects"] if each["name"].startswith("cluster_")]
    nodes = [each for each in drawn["objects"] if each not in clusters]
    assert (len(nodes), len(drawn["edges"])) == counts(name, level)
    if level == "stack":
        paths = {f"{g.organization}/{each.path}" for g in graphs(name) for each in g.stacks}
        assert {each["name"] for each in nodes} == paths
    if name == "odd" and level == "stack":
        assert 'a "b" \\\\ <c>' in {line for each in nodes for line in each["label"].split("\\n")}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("mermaid")
    package(MERMAID, folder)
    path = folder / "page.html"
    path.write_text(
        '<!doctype html><meta charset="utf-8"><script src="package/dist/mermaid.min.js"></script>'
        "<script>mermaid.initialize({startOnLoad: false});"
        "document.documentElement.dataset.ready = 'yes'</script><body></body>",
        encoding="utf-8",
    )
    with running(found(), folder / "profile") as browser:
        one = browser.page()
        one.open(path)
        yield one


@pytest.mark.parametrize(("name", "level"), CASES)
def test_mermaid_draws_all_of_it(page: Page, name: str, level: Any) -> None:
    text = as_mermaid(graphs(name), level)
    drawn = page.evaluate(
        "(async () => {"
        f"const {{ svg }} = await mermaid.render('drawn', {json.dumps(text)});"
        "document.body.innerHTML = svg;"
        "const count = (selector) => document.body.querySelectorAll(selector).length;"
        "return [count('g.node'), count('path.flowchart-link'), document.body.textContent]; })()"
    )
    assert (drawn[0], drawn[1]) == counts(name, level)
    for one in graphs(name) if level == "stack" else ():
        for each in one.stacks:
            assert each.component in drawn[2]
    if name == "odd" and level == "stack":
        assert 'a "b" \\ <c>' in drawn[2]
        assert "#quot; |x| `y` %%" in drawn[2]
