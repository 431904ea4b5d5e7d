"""The formats that other tools read: GitHub's matrix, GitLab's child pipeline, atlantis.yaml."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from compiler.cli import affected_report
from compiler.cli.pipelines import MATRIX, as_atlantis, as_gitlab, as_matrix
from compiler.diff.affected import Affected
from compiler.diff.records import StackChange, StackView
from tests.access.delta_support import CASES
from tests.review.pairs import all_affected, sides


def stack(number: int, wave: int = 0, *, gone: bool = False) -> Affected:
    view = StackView(
        path=f"aws/team-{number:04}/base",
        home=f"team-{number:04}",
        id=f"{100000000000 + number}",
        component="base",
        kind="any",
        wave=wave,
        document={"resource": {"a": {}}},
        region="eu-west-1",
    )
    change = StackChange(
        path=view.path,
        action="orphaned" if gone else "changed",
        before=view,
        after=None if gone else view,
    )
    return Affected(organization="acme", change=change)


def test_a_chunk_is_what_a_matrix_can_hold_of_one_wave() -> None:
    found = [stack(n, wave=n % 2) for n in range(1, 1001)] + [stack(9999, gone=True)]
    body = json.loads(as_matrix(found, "generated"))
    assert body["count"] == 1000
    sizes = [(chunk["wave"], len(chunk["matrix"]["include"])) for chunk in body["chunks"]]
    assert sizes == [(0, 256), (0, 244), (1, 256), (1, 244)]
    assert MATRIX == 256
    assert len({chunk["name"] for chunk in body["chunks"]}) == 4
    listed = [entry["key"] for chunk in body["chunks"] for entry in chunk["matrix"]["include"]]
    assert sorted(listed) == [one.key for one in found[:1000]]
    for chunk in body["chunks"]:
        assert set(chunk["matrix"]) == {"include"}
        for entry in chunk["matrix"]["include"]:
            assert all(isinstance(value, str | int) for value in entry.values())
            assert entry["wave"] == chunk["wave"]


def test_a_matrix_is_one_line_and_fits_into_an_output_of_a_job() -> None:
    """Outputs of a job have up to 1 MB: docs.github.com/en/actions, "Passing information between jobs"."""
    text = as_matrix([stack(n) for n in range(2000)], "generated")
    assert text.count("\n") == 1
    assert len(text.encode("utf-16-le")) < 1_048_576 * 2


def test_no_stack_is_no_job_of_a_matrix() -> None:
    assert json.loads(as_matrix([stack(1, gone=True)], "generated")) == {"count": 0, "chunks": []}


def pipeline(found: list[Affected], include: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load(as_gitlab(found, "out/generated", include))
    return body


def test_a_child_pipeline_has_a_stage_for_each_wave() -> None:
    body = pipeline([stack(1, 2), stack(2, 0), stack(3, 2), stack(4, gone=True)])
    assert body["stages"] == ["wave-0", "wave-2"]
    jobs = {name: job for name, job in body.items() if "/" in name}
    assert {name: job["stage"] for name, job in jobs.items()} == {
        "acme/aws/team-0001/base": "wave-2",
        "acme/aws/team-0002/base": "wave-0",
        "acme/aws/team-0003/base": "wave-2",
    }
    first = jobs["acme/aws/team-0001/base"]
    assert first["extends"] == ".landform"
    assert first["variables"]["LANDFORM_ID"] == "100000000001"
    assert first["variables"]["LANDFORM_FOLDER"] == "out/generated/acme/aws/team-0001/base"
    assert all(isinstance(value, str) for value in first["variables"].values())
    assert body[".landform"]["script"]


def test_a_child_pipeline_s_job_can_be_the_team_s() -> None:
    body = pipeline([stack(1)], include="/ci/landform.yml")
    assert body["include"] == [{"local": "/ci/landform.yml"}]
    assert ".landform" not in body


def test_a_child_pipeline_is_never_empty() -> None:
    """GitLab refuses one without jobs, and fails the job that starts it."""
    body = pipeline([stack(1, gone=True)])
    assert body["nothing"]["stage"] in body["stages"]
    assert body["nothing"]["script"]


def test_atlantis_gets_projects_and_nothing_else() -> None:
    body = yaml.safe_load(as_atlantis([stack(1, 1), stack(2), stack(3, gone=True)], "generated"))
    assert set(body) == {"version", "projects"}
    assert body["version"] == 3
    assert body["projects"] == [
        {
            "name": f"acme/aws/team-000{number}/base",
            "dir": f"generated/acme/aws/team-000{number}/base",
            "execution_order_group": group,
            "autoplan": {"enabled": True, "when_modified": ["**/*"]},
        }
        for number, group in ((2, 0), (1, 1))
    ]


def test_atlantis_without_projects_does_not_look_for_them() -> None:
    body = yaml.safe_load(as_atlantis([], "generated"))
    assert body == {"version": 3, "autodiscover": {"mode": "disabled"}, "projects": []}


@pytest.mark.parametrize("name", ["value-consumed", "removed-listed"])
def test_formats_are_golden(name: str, update: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / name)
    found = all_affected(*sides(name))
    texts = {
        "affected.json": affected_report.as_json(found, "generated", "before", "after"),
        "affected.matrix.json": as_matrix(found, "generated"),
        "affected.gitlab.yml": as_gitlab(found, "generated", None),
        "affected.atlantis.yaml": as_atlantis(found, "generated"),
    }
    for golden, text in texts.items():
        path = CASES / name / golden
        if update:
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text
