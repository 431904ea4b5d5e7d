"""Golden cases: a blueprint in, the whole generated tree out, compared both ways.

`tests/cases/<topic>/<case>/` holds `blueprint.yaml` or `blueprint/`, and `expect/`: the output folder.
Assets stand in `expect/assets.sha256` by their digest. Optional: `before/`, what the output folder
holds before; `case.yaml` with `only`, patterns of the files that are golden where the rest is noise.
`pytest tests/test_cases.py --update` writes what is made now and deletes what is not.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from compiler.compilation import compile_blueprints
from compiler.emission import plan

CASES = Path(__file__).parent / "cases"
DIGESTS = "assets.sha256"
LONGEST_DIFF = 400


def cases() -> list[str]:
    found = {path.parent for path in CASES.glob("*/*/*") if path.stem == "blueprint"}
    return sorted(path.relative_to(CASES).as_posix() for path in found)


@pytest.mark.parametrize("name", cases())
def test_case(name: str, tmp_path: Path, update: bool) -> None:
    case = CASES / name
    made = chosen(case, compiled(case, tmp_path))
    expect = case / "expect"
    if update:
        rewrite(expect, made)
        return
    problems = list(differences(on_disk(expect), made))
    assert not problems, "\n".join([*problems, "pytest tests/test_cases.py --update accepts this"])


def test_cases_are_found() -> None:
    """A folder that is no case would be silently left out."""
    folders = {path.relative_to(CASES).as_posix() for path in CASES.glob("*/*")}
    # Pairs of revisions have a test of their own: tests/access/test_delta_cases.py.
    folders = {folder for folder in folders if not folder.startswith("diff/")}
    assert folders == set(cases())
    assert len(folders) > 20


def test_differences_are_seen_both_ways() -> None:
    expected = {"same": b"1", "gone": b"2", "other": b"a\nb\n"}
    made = {"same": b"1", "new": b"3", "other": b"a\nc\n"}
    text = "\n".join(differences(expected, made))
    assert "missing: gone" in text
    assert "unexpected: new" in text
    assert "-b" in text
    assert "+c" in text
    assert "same" not in text
    assert not list(differences(expected, expected))


def test_update_deletes_what_is_no_longer_made(tmp_path: Path) -> None:
    rewrite(tmp_path, {"a/b/old": b"1", "kept": b"1"})
    rewrite(tmp_path, {"kept": b"2"})
    assert on_disk(tmp_path) == {"kept": b"2"}
    assert not (tmp_path / "a").exists()


def compiled(case: Path, out: Path) -> dict[str, bytes]:
    """The output folder's files by path; the blueprint must be free of problems."""
    if (case / "before").is_dir():
        shutil.copytree(case / "before", out, dirs_exist_ok=True)
    single = case / "blueprint.yaml"
    compilation = compile_blueprints(single if single.is_file() else case / "blueprint")
    assert not compilation.diagnostics, "\n".join(map(str, compilation.diagnostics))
    tree: dict[str, bytes] = {}
    for one in compilation.blueprints:
        output = plan(one, out)
        assert not output.diagnostics, "\n".join(map(str, output.diagnostics))
        tree |= {f"{one.organization}/{path}": text for path, text in output.tree.items()}
    return tree


def chosen(case: Path, tree: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is golden of a tree: what `only` names, assets by their digest."""
    settings = case / "case.yaml"
    only = yaml.safe_load(settings.read_text())["only"] if settings.is_file() else ["*"]
    for pattern in only:
        assert any(fnmatchcase(path, pattern) for path in tree), f"{pattern} matches no file"
    kept = {p: c for p, c in tree.items() if any(fnmatchcase(p, pattern) for pattern in only)}
    assets = {path: kept.pop(path) for path in sorted(kept) if "/assets/" in path}
    if assets:
        lines = (f"{hashlib.sha256(text).hexdigest()}  {path}\n" for path, text in assets.items())
        kept[DIGESTS] = "".join(lines).encode()
    return kept


def on_disk(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rewrite(folder: Path, tree: Mapping[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in tree.items():
        target = folder / path
        os.makedirs(target.parent, exist_ok=True)
        target.write_bytes(content)


def differences(expected: Mapping[str, bytes], made: Mapping[str, bytes]) -> Iterator[str]:
    for path in sorted(expected.keys() | made.keys()):
        if path not in made:
            yield f"missing: {path}"
        elif path not in expected:
            yield f"unexpected: {path}"
        elif expected[path] != made[path]:
            lines = difflib.unified_diff(
                expected[path].decode().splitlines(),
                made[path].decode().splitlines(),
                f"expected/{path}",
                f"made/{path}",
                lineterm="",
            )
            yield "\n".join(list(lines)[:LONGEST_DIFF])
