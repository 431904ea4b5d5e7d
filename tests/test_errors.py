"""Blueprints with errors, through the command line: each error at its place, and no other.

`tests/errors/<code>-<slug>.yaml` is a blueprint whose comments say what must be reported:

    unit: workloads/dve  # E306@40: unknown unit "workloads/dve"

is code, column (optional) and a part of the message, on that line. A line that cannot end in a
comment is named at the start of the file: `# at 7: E010: not closed`. A folder is a blueprint of
several files; its `recipe.yaml` makes what git should not hold (see `Recipe`). A `.txt` beside a
case is the whole text that the command shows; `pytest tests/test_errors.py --update` rewrites those.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from click.testing import CliRunner, Result

from compiler.catalogue import CODES
from compiler.cli.entry import landform

ROOT = Path(__file__).parent.parent
ERRORS = Path(__file__).parent / "errors"
RECIPE = "recipe.yaml"
# Whole processes are slow; the others run in this one.
IN_A_PROCESS = ("E201-many-at-once", "E105-sandbox-escape", "E106-memory-bomb", "E018-alias-bomb")


class Expected(NamedTuple):
    path: str
    line: int | None
    column: int | None
    code: str
    text: str


class Case(NamedTuple):
    """What to compile, as a path below the working directory, and what must be reported."""

    path: str
    expected: list[Expected]
    before: str | None


def names() -> list[str]:
    return sorted({p.name.removesuffix(".yaml") for p in ERRORS.iterdir() if p.suffix != ".txt"})


def pinned() -> list[str]:
    return sorted(p.stem for p in ERRORS.glob("*.txt"))


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: paths in messages are relative to it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", names())
def test_case(name: str, inside: Path) -> None:
    case = prepare(name, inside)
    before = compile_before(case)
    result = run("compile", case.path, "--format", "json")
    assert result.exit_code == 1, result.output
    assert snapshot(inside / "generated") == before
    found = json.loads(result.stdout)["diagnostics"]
    left = unmet(case.expected, found)
    assert not left, f"{left}\n{shown(found)}"
    assert found or case.expected, "a case expects something"


@pytest.mark.parametrize("name", pinned())
def test_rendered_text(name: str, inside: Path, update: bool) -> None:
    case = prepare(name, inside)
    compile_before(case)
    result = run("compile", case.path)
    golden = ERRORS / f"{name}.txt"
    if update:
        golden.write_text(result.stderr, encoding="utf-8")
    assert result.stderr == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [n for n in IN_A_PROCESS if n in names()])
def test_as_a_process(name: str, inside: Path) -> None:
    case = prepare(name, inside)
    done = subprocess.run(
        [sys.executable, "-m", "compiler", "compile", case.path],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert f"error[{case.expected[0].code}]" in done.stderr
    assert not (inside / "generated").exists()


def test_there_are_cases() -> None:
    assert len(names()) >= 70
    assert len(pinned()) >= 12
    assert set(pinned()) <= set(names())
    assert set(IN_A_PROCESS) <= set(names())


@pytest.mark.parametrize("name", names())
def test_case_is_of_a_code(name: str) -> None:
    assert re.fullmatch(r"E\d{3}-[a-z0-9-]+", name)
    assert name[:4] in CODES


def test_a_missing_or_superfluous_problem_is_seen() -> None:
    one = {"code": "E301", "message": "the unknown account", "span": span("b.yaml", 3, 5)}
    told = Expected("b.yaml", 3, 5, "E301", "unknown")
    assert not unmet([told], [one])
    assert unmet([told], [])
    assert unmet([], [one])
    assert unmet([told], [one, one])
    assert unmet([told._replace(line=4)], [one])
    assert unmet([told._replace(column=6)], [one])
    assert unmet([told._replace(code="E302")], [one])
    assert unmet([told._replace(text="other")], [one])


def span(path: str, line: int, column: int) -> dict[str, Any]:
    return {"path": path, "line": line, "column": column}


# -------------------------------------------------------------------- running


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(landform, arguments, prog_name="landform", env={"NO_COLOR": "1"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def compile_before(case: Case) -> dict[str, bytes]:
    """Compile the blueprint that the case starts from; gives the output that must stay."""
    if case.before:
        assert run("compile", case.before).exit_code == 0
    return snapshot(Path("generated"))


def snapshot(root: Path) -> dict[str, bytes]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def unmet(expected: list[Expected], found: list[dict[str, Any]]) -> list[str]:
    """What was expected and not found, and what was found and not expected."""
    rest = list(found)
    left = []
    for wanted in expected:
        met = next((each for each in rest if meets(wanted, each)), None)
        if met is None:
            left.append(f"not reported: {wanted}")
        else:
            rest.remove(met)
    return [*left, *(f"not expected: {line}" for line in shown(rest).splitlines())]


def meets(wanted: Expected, found: dict[str, Any]) -> bool:
    place = found["span"] or {"path": "", "line": None, "column": None}
    return (
        wanted.code == found["code"]
        and wanted.text in found["message"]
        and wanted.path == place["path"]
        and wanted.line == place["line"]
        and wanted.column in (None, place["column"])
    )


def shown(found: list[dict[str, Any]]) -> str:
    lines = []
    for each in found:
        place = each["span"] or {"path": "", "line": 0, "column": 0}
        lines.append(
            f"{place['path']}:{place['line']}:{place['column']}: {each['code']}: {each['message']}"
        )
    return "\n".join(lines)


# -------------------------------------------------------------------- cases


class Recipe(NamedTuple):
    """A folder's `recipe.yaml`.

    `compile`: what to compile below the folder, when it is not the folder itself. `before`: a file
    that is compiled first. `files`: files to make, each by one of `text` (with `encoding`), `hex`,
    `size` (of a comment), `link`. `expect`: problems that no comment can tell.
    """

    compile: str = ""
    before: str | None = None
    files: dict[str, dict[str, Any]] = {}  # noqa: RUF012
    expect: list[dict[str, Any]] = []  # noqa: RUF012


def prepare(name: str, inside: Path) -> Case:
    """Lay the case out in the working directory."""
    single = ERRORS / f"{name}.yaml"
    if single.exists():
        shutil.copy(single, "blueprint.yaml")
        return Case("blueprint.yaml", list(marked(single, "blueprint.yaml")), None)
    source, target = ERRORS / name, inside / "blueprint"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(RECIPE))
    expected = [
        one
        for path in sorted(source.rglob("*.yaml"))
        if path.name != RECIPE
        for one in marked(path, f"blueprint/{path.relative_to(source).as_posix()}")
    ]
    recipe = Recipe()
    if (source / RECIPE).exists():
        recipe = Recipe(**yaml.safe_load((source / RECIPE).read_text(encoding="utf-8")))
    for path, how in recipe.files.items():
        make(target / path, **how)
    expected += [
        Expected(
            f"blueprint/{each['path']}" if "path" in each else "",
            each.get("line"),
            each.get("column"),
            each["code"],
            each["text"],
        )
        for each in recipe.expect
    ]
    before = f"blueprint/{recipe.before}" if recipe.before else None
    return Case(f"blueprint/{recipe.compile}".rstrip("/"), expected, before)


def make(
    path: Path,
    *,
    text: str | None = None,
    encoding: str = "utf-8",
    hex: str | None = None,
    size: int | None = None,
    link: str | None = None,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if link is not None:
        path.symlink_to(link)
    elif size is not None:
        path.write_bytes(b"# " + b"x" * (size - 3) + b"\n")
    else:
        path.write_bytes(bytes.fromhex(hex) if hex is not None else (text or "").encode(encoding))


_PROBLEM = r"([EW]\d{3})(?:@(\d+))?: "
_ELSEWHERE = re.compile(rf"# at (\d+): {_PROBLEM}(.+)")
_HERE = re.compile(rf"# {_PROBLEM}(.+?)(?=\s+# [EW]\d{{3}}|$)")


def marked(file: Path, path: str) -> Iterator[Expected]:
    """The problems that a file's comments tell."""
    for number, line in enumerate(file.read_bytes().decode("utf-8").split("\n"), start=1):
        elsewhere = _ELSEWHERE.fullmatch(line.strip())
        if elsewhere:
            at, code, column, text = elsewhere.groups()
            yield Expected(path, int(at), int(column) if column else None, code, text)
            continue
        for code, column, text in _HERE.findall(line):
            yield Expected(path, number, int(column) if column else None, code, text.strip())
