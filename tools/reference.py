"""Write the pages of `docs/` that are made from the code: `python tools/reference.py [--check]`.

kinds.md               the manual of every kind, with the example in `docs/examples/<kind>.yaml`
codes.md               every diagnostic code
access.md              its table of edges, from the ledger of `blueprints/ml-pipeline.yaml`; the
                       column "Why" is written by hand and kept
landform.schema.json   the JSON Schema, which the blueprints of this repository name

`--check` writes nothing and exits with 1 if a file would change.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from compiler.access.ledger import Edge
from compiler.catalogue import CODES
from compiler.cli.render import visible
from compiler.codes import Code
from compiler.compilation import compile_blueprints
from compiler.kinds import KINDS
from compiler.kinds.manual import Input, inputs_of
from compiler.kinds.schema import schema_text
from compiler.organization.kind import Kind

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- Made by `make docs`; edit the code instead. -->\n"
EDGES = ("<!-- edges: made by `make docs` -->\n", "<!-- end of edges -->\n")

# What the first digit of a code says.
PASSES = {
    "0": "Files and YAML",
    "1": "Expressions",
    "2": "Shape: keys, types, values",
    "3": "Meaning: names, regions, relations",
    "4": "Stacks against each other and against limits",
    "5": "Provider schema",
    "6": "Stacks that are gone",
    "7": "Output folder",
    "8": "Policies of the output",
    "9": "Import from a cloud",
}


def pages() -> dict[Path, str]:
    """The text of every made file, by its path in the repository."""
    access = ROOT / "docs" / "access.md"
    return {
        Path("docs/kinds.md"): kinds_page(),
        Path("docs/codes.md"): codes_page(CODES),
        Path("docs/access.md"): with_edges(access.read_text(encoding="utf-8"), example_edges()),
        Path("landform.schema.json"): schema_text(),
    }


# ---- Kinds


def kinds_page() -> str:
    """The manual of every kind."""
    kinds = sorted(KINDS.values(), key=lambda kind: kind.name)
    parts = [
        f"# Kinds\n\n{MADE}",
        "Inputs beside the keys that every component has ([language](language.md#components)). "
        "`landform kinds KIND` prints the same.\n",
        "".join(f"- [`{kind.name}`](#{kind.name}): {kind.summary}\n" for kind in kinds),
        *(_kind(kind) for kind in kinds),
    ]
    return "\n".join(parts)


def _kind(kind: Kind) -> str:
    module = inspect.getmodule(kind.build)
    manual = inspect.cleandoc((module and module.__doc__) or kind.summary)
    example = (ROOT / "docs" / "examples" / f"{kind.name}.yaml").read_text(encoding="utf-8")
    rows = "".join(_row(row) for row in inputs_of(kind.inputs))
    table = f"| input | type | default | meaning |\n| --- | --- | --- | --- |\n{rows}"
    return f"## {kind.name}\n\n{manual}\n\n{table}\nExample:\n\n```yaml\n{example}```\n"


def _row(row: Input) -> str:
    default = "required" if row.required else _default(row.default)
    return f"| `{row.path}` | {row.type} | {default} | {_cell(row.description)} |\n"


def _default(value: object) -> str:
    if value is None or value in ([], {}) or isinstance(value, dict):
        return ""
    return f"`{json.dumps(value) if not isinstance(value, str) else value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# ---- Codes


def codes_page(codes: Mapping[str, Code]) -> str:
    """Every code, grouped by the pass that its first digit names."""
    parts = [
        f"# Diagnostic codes\n\n{MADE}",
        "`landform explain CODE` prints the same. A code keeps its meaning for ever.\n",
    ]
    for digit, title in PASSES.items():
        found = [code for code in codes.values() if code.code[1] == digit]
        if found:
            parts += [f"## {title}\n", *(_code(code) for code in found)]
    return "\n".join(parts)


def _code(code: Code) -> str:
    return (
        f"### {code.code}: {_prose(code.title)}\n\n{_prose(code.explanation)}\n\n"
        f"Wrong:\n\n{_fenced(code.wrong)}\nRight:\n\n{_fenced(code.right)}"
    )


def _prose(text: str) -> str:
    """`text` with what Markdown would take for its own escaped, except inside backticks."""
    parts = visible(text).split("`")
    parts[::2] = [re.sub(r"([*_<\[])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def _fenced(text: str) -> str:
    shown = "\n".join(visible(line) for line in text.strip("\n").split("\n"))
    fence = "````" if "```" in shown else "```"
    return f"{fence}text\n{shown}\n{fence}\n"


# ---- Access


def example_edges() -> tuple[Edge, ...]:
    """The ledger of the article's pipeline."""
    compilation = compile_blueprints(ROOT / "blueprints" / "ml-pipeline.yaml")
    if not compilation.blueprints:
        raise SystemExit(f"the example does not compile: {compilation.diagnostics}")
    return compilation.blueprints[0].edges


def with_edges(page: str, edges: tuple[Edge, ...]) -> str:
    """`page` with the tables between its marks made anew; reasons written there are kept."""
    start, end = EDGES
    before, _, rest = page.partition(start)
    old, found, after = rest.partition(end)
    if not found:
        raise SystemExit("docs/access.md has lost the marks of its table")
    return before + start + edges_table(edges, reasons(old)) + end + after


def reasons(table: str) -> dict[str, str]:
    """The last column of the table of relations between accounts, by edge id."""
    rows = (line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| `"))
    return {row[0].strip("`"): row[-1].removesuffix("|").strip() for row in rows if len(row) == 6}


def edges_table(edges: tuple[Edge, ...], why: Mapping[str, str]) -> str:
    """Two tables: relations between accounts with their reasons, then those inside an account."""
    lines = ["\n### Between accounts\n"]
    lines.append("| edge | from | to | may | on | why |")
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for edge in edges:
        if edge.principal_account != edge.resource_account:
            name = _edge_name(edge)
            places = f"{edge.principal_account} | {_owner(edge)} ({_sides(edge)})"
            lines.append(
                f"| `{name}` | {places} | {_actions(edge)} | `{_resource(edge)}` "
                f"| {why.get(name, '')} |"
            )
    lines += ["\n### Inside one account\n", "| edge | account | may | on |"]
    lines.append("| --- | --- | --- | --- |")
    for edge in edges:
        if edge.principal_account == edge.resource_account:
            lines.append(
                f"| `{_edge_name(edge)}` | {edge.principal_account} | {_actions(edge)} "
                f"| `{_resource(edge)}` |"
            )
    return "\n".join(lines) + "\n\n"


def _edge_name(edge: Edge) -> str:
    return edge.id.partition("/")[2]


def _owner(edge: Edge) -> str:
    return "AWS" if edge.resource_account.isdigit() else edge.resource_account


def _sides(edge: Edge) -> str:
    return ", ".join(dict.fromkeys(statement.side for statement in edge.statements))


def _actions(edge: Edge) -> str:
    return ", ".join(f"`{action}`" for action in edge.actions)


def _resource(edge: Edge) -> str:
    """The ARN without partition, region and account: what reads the same in every organisation."""
    match = re.fullmatch(r"arn:[^:]+:([^:]+):[^:]*:[^:]*:(.+)", edge.resource_arn)
    return f"{match[1]}:{match[2]}" if match else edge.resource_arn


# ---- Command


def stale() -> Iterator[Path]:
    """The files that differ from what the code makes."""
    for path, text in pages().items():
        target = ROOT / path
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            yield path


def main() -> int:
    """Write, or with `--check` compare."""
    parser = argparse.ArgumentParser(description="Write the pages of docs/ made from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    check = parser.parse_args().check
    changed = list(stale())
    made = pages()
    for path in changed:
        print(f"{'out of date' if check else 'wrote'}: {path}")
        if not check:
            (ROOT / path).write_text(made[path], encoding="utf-8", newline="\n")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
