"""A graph as one page: script, style, library and data in one file that asks no network for anything.

The page's own parts are in `assets/`; cytoscape.js, which draws, is vendored there with its licence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from compiler.graph.packing import packed
from compiler.graph.records import Graph

LIBRARY = "cytoscape/cytoscape.min.js"
# In the order in which the browser reads them: what is used before who uses it.
SCRIPTS = ("data.js", "element.js", "layout.js", "drawing.js", "list.js", "details.js", "matrix.js")
MAIN = "main.js"


def as_html(graphs: Iterable[Graph]) -> str:
    """The page for all organisations."""
    graphs = list(graphs)
    names = ", ".join(graph.organization for graph in graphs)
    own = "\n".join(_asset(name) for name in (*SCRIPTS, MAIN))
    parts = {
        "@title@": escape(f"{names}: stacks and access"),
        "@style@": _asset("page.css"),
        "@library@": _asset(LIBRARY),
        "@script@": f'"use strict";\n(() => {{\n{own}}})();\n',
        "@data@": _data(packed(graphs)),
    }
    # One pass: what a blueprint says may look like a mark itself.
    return re.sub("|".join(parts), lambda mark: parts[mark[0]], _asset("page.html"))


def _data(value: object) -> str:
    """JSON that can stand in a script element, where `</script` and `<!--` mean something."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (files("compiler.graph") / "assets" / name).read_text(encoding="utf-8")
