"""Golden pairs of revisions: what `diff` and `affected` say of each case in `tests/cases/diff`.

Beside the expectations of the access delta lie `diff.txt` and `affected.txt`. `--update` writes what
is made now. The wrong answers that users of other tools reported are tests by themselves below.
"""

from __future__ import annotations

import json

import pytest

from compiler.cli import affected_report, diff_report
from compiler.diff.affected import Affected
from compiler.diff.compare import resources
from compiler.diff.records import Difference
from tests.access.delta_support import CASES, cases
from tests.review.pairs import all_affected, compared, sides


@pytest.fixture
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The case's name; paths are shown from its folder on."""
    monkeypatch.chdir(CASES / request.param)
    return str(request.param)


every_case = pytest.mark.parametrize("case", cases(), indirect=True)


@every_case
def test_golden(case: str, update: bool) -> None:
    before, after = sides(case)
    found, affected = compared(before, after), all_affected(before, after)
    texts = {
        "diff.txt": diff_report.as_text(found, "before", "after"),
        "affected.txt": affected_report.as_text(affected),
    }
    for name, text in texts.items():
        golden = CASES / case / name
        if update:
            golden.write_text(text, encoding="utf-8")
        assert golden.read_text(encoding="utf-8") == text


@every_case
def test_exactly_the_stacks_that_differ_are_affected(case: str) -> None:
    """Held against the whole files, which the comparison takes apart."""
    before, after = sides(case)
    found = {one.key for one in all_affected(before, after) if one.planned}
    files = [
        {
            f"{name}/{path}": ((view.digest, json.dumps(view.document)), view.tombstone)
            for name, revision in side.revisions.items()
            for path, view in revision.stacks.items()
        }
        for side in (before, after)
    ]
    differs = {
        key
        for key, (content, tombstone) in files[1].items()
        if content != files[0].get(key, ("", False))[0]
        # A tombstone of something that was never there, or was buried before, destroys nothing.
        and not (tombstone and files[0].get(key, ("", True))[1])
    }
    assert found == differs


@every_case
def test_with_itself_there_is_no_difference(case: str) -> None:
    for side in sides(case):
        assert not any(one.difference.stacks for one in compared(side, side))
        assert not all_affected(side, side)


@every_case
def test_the_other_way_round_what_came_goes(case: str) -> None:
    """Each resource that one direction makes or takes over, the other destroys or leaves orphaned."""
    before, after = sides(case)
    there, back = compared(before, after), compared(after, before)
    made = [_new(one.difference) for one in there]
    gone = [_gone(one.difference) for one in back]
    assert made == gone


def _new(difference: Difference) -> set[str]:
    return {
        f"{stack.path} {one.address}"
        for stack, one in difference.having("create", "import")
        # An import of what the other revision has, too, is no new address.
        if stack.before is None or one.address not in resources(stack.before.document)
    }


def _gone(difference: Difference) -> set[str]:
    return {f"{stack.path} {one.address}" for stack, one in difference.having("destroy")}


def test_there_are_cases() -> None:
    assert len(cases()) >= 30


# ---- Wrong answers of others


def of(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Affected]:
    monkeypatch.chdir(CASES / name)
    return {one.key: one for one in all_affected(*sides(name))}


def test_a_change_of_what_components_consist_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """cloudposse/atmos#1978: the module changed, no stack's own file did: `[]`."""
    found = of("kind-edited", monkeypatch)
    assert sorted(found) == ["acme/aws/one/alarms", "acme/aws/two/alarms"]
    for one in found.values():
        (line,) = one.lines
        assert line.name.startswith("kinds.alarm-topic.stacks.account.resources")


def test_a_change_of_a_file_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """gruntwork-io/terragrunt#5681: what a file brings in changed, and no unit was found."""
    found = of("template-edited", monkeypatch)
    assert list(found) == ["acme/aws/shared/catalog"]
    (line,) = found["acme/aws/shared/catalog"].lines
    assert (line.key, line.span.line) == (("files", "queue.yaml"), 1)


def test_what_was_deleted_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """runatlantis/atlantis#1178: a project whose folder is gone is not planned, so it stays."""
    found = of("removed-listed", monkeypatch)
    assert {one.action for one in found.values()} == {"removed"}
    assert all(one.planned for one in found.values())
    assert affected_report.as_list(list(found.values())).split() == list(found)


def test_what_was_deleted_without_a_word_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, before the blueprint says what is to become of it: never simply missing."""
    found = of("component-removed", monkeypatch)
    assert found["acme/aws/production/baseline"].action == "orphaned"
    assert not found["acme/aws/production/baseline"].planned


def test_deleted_stacks_with_dependents(monkeypatch: pytest.MonkeyPatch) -> None:
    """cloudposse/atmos#2237: asked for dependents of what was deleted it ended in an error."""
    found = of("component-removed", monkeypatch)
    (consumed,) = found["acme/aws/shared/other"].consumes
    assert (consumed.stack, consumed.value) == ("aws/production/baseline", "landform-deploy")


def test_what_is_switched_off_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """cloudposse/atmos#2654: a disabled component's values were evaluated, and failed the command."""
    found = of("kind-edited", monkeypatch)
    assert not [key for key in found if key.endswith("/base")]


def test_dependents_whose_values_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dependent is not affected by being one: `wave` and `depends_on` are the order alone."""
    found = of("dependents-as-they-were", monkeypatch)
    assert {one.view.component for one in found.values()} == {"baseline"}


def test_a_renamed_component_destroys_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `renamed_from` it is the same stacks at another place: no access, no resource differs."""
    monkeypatch.chdir(CASES / "renamed-from")
    (one,) = compared(*sides("renamed-from"))
    assert {stack.action for stack in one.difference.stacks} == {"moved"}
    assert not one.difference.having("create", "change", "destroy", "move", "import")
    assert not one.delta.changes


def test_files_that_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layout, comments, order and files are no values."""
    assert not of("only-layout", monkeypatch)
