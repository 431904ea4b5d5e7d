"""Golden pairs of revisions: `before` and `after` in, the access delta as text and JSON out.

`tests/cases/diff/<name>/` holds `before/` and `after/`: a `blueprint.yaml`, a folder of blueprints,
or generated output; beside them `expect.txt` and `expect.json`. `--update` writes what is made now.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.access.delta import Delta
from compiler.cli import delta_report
from tests.access.delta_support import CASES, cases, deltas, mirrored, same, sides


@pytest.fixture(scope="module", params=cases())
def case(request: pytest.FixtureRequest) -> Path:
    return CASES / str(request.param)


def made(case: Path, monkeypatch: pytest.MonkeyPatch) -> list[Delta]:
    """Run in the case's folder, so that paths are shown from there on."""
    monkeypatch.chdir(case)
    return deltas(*sides(Path()))


def test_case(case: Path, update: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = made(case, monkeypatch)
    texts = {
        "expect.txt": delta_report.as_text(found, "before", "after"),
        "expect.json": delta_report.as_json(found, "before", "after"),
    }
    for name, text in texts.items():
        golden = case / name
        if update:
            golden.write_text(text, encoding="utf-8")
        assert golden.read_text(encoding="utf-8") == text


def test_the_other_way_round_is_the_mirror(case: Path) -> None:
    before, after = sides(case)
    there, back = deltas(before, after), deltas(after, before)
    for one, other in zip(there, back, strict=True):
        turned = Delta(organization=other.organization, changes=tuple(map(mirrored, other.changes)))
        assert same(one, turned)


def test_with_itself_there_is_no_difference(case: Path) -> None:
    for side in sides(case):
        assert [one.changes for one in deltas(side, side)] == [()] * len(side)


def summary(name: str) -> dict[str, int]:
    body = json.loads((CASES / name / "expect.json").read_text(encoding="utf-8"))
    (organization,) = body["organizations"]
    return {key: count for key, count in organization["access"]["summary"].items() if count}


def test_there_are_cases() -> None:
    assert len(cases()) >= 12
