"""What the texts of a diff promise: collapsing, the budget of a comment, annotations, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from compiler.access.delta import Delta
from compiler.cli import diff_report
from compiler.cli.diff_annotations import as_github, as_sarif
from compiler.cli.diff_markdown import LONGEST, as_markdown
from compiler.cli.diff_report import Compared
from compiler.diff import Difference, Revision, StackView, compare
from compiler.diff.collapse import groups
from tests.access.delta_support import CASES
from tests.review.pairs import compared, sides


def one(number: int, value: str, name: str | None = None) -> StackView:
    """A stack in an account of its own, with the account's id in a value."""
    home = name or f"team-{number:03}"
    id = f"{100000000000 + number}"
    body = {"name": f"acme-{home}", "value": value, "arn": f"arn:aws:x:eu-west-1:{id}:{value}"}
    document = {"resource": {"aws_ssm_parameter": {"p": body}}}
    return StackView(
        path=f"aws/{home}/base",
        home=home,
        id=id,
        component="base",
        kind="any",
        wave=0,
        region="eu-west-1",
        document=document,
        assets={},
        digest=json.dumps(document),
    )


def revision(*views: StackView) -> Revision:
    return Revision(stacks={view.path: view for view in views})


def difference(before: Revision, after: Revision) -> Difference:
    return compare("acme", before, after)


def test_the_same_change_in_many_stacks_is_one_group() -> None:
    before = revision(*(one(n, "old") for n in range(214)))
    after = revision(*(one(n, "new") for n in range(214)))
    (group,) = groups(difference(before, after).stacks)
    assert len(group.stacks) == 214
    (change,) = group.resources
    assert [(e.path, e.before, e.after) for e in change.edits] == [
        ("value", "old", "new"),
        ("arn", "arn:aws:x:<region>:<id>:old", "arn:aws:x:<region>:<id>:new"),
    ]
    text = diff_report.stacks_text(group.stacks)
    assert text.startswith("in 214 stacks: aws/team-000/base, ")


def test_another_value_is_another_group() -> None:
    before = revision(*(one(n, "old") for n in range(5)))
    after = revision(*(one(n, "other" if n == 3 else "new") for n in range(5)))
    found = groups(difference(before, after).stacks)
    assert [[stack.path for stack in group.stacks] for group in found] == [
        ["aws/team-003/base"],
        [f"aws/team-00{n}/base" for n in (0, 1, 2, 4)],
    ]


def test_a_name_inside_a_word_is_not_the_account_s() -> None:
    views = [
        [one(n, value, name) for n, name in enumerate(("data", "base"))] for value in ("a", "b")
    ]
    (group,) = groups(difference(revision(*views[0]), revision(*views[1])).stacks)
    assert group.resources[0].edits[0].after == "b"
    value = [one(0, "metadata", "data"), one(1, "metabase", "base")]
    assert len(groups(difference(revision(*views[0]), revision(*value)).stacks)) == 2


# ---- Markdown


def many(number: int) -> Compared:
    """So many stacks with a change each has alone, one destroy each, and a removed one."""
    before = [one(n, "old") for n in range(number)]
    after = [one(n, f"new {'x' * 90} {n}") for n in range(number)]
    gone = one(number, "old")
    found = difference(revision(*before, gone), revision(*after))
    return Compared(difference=found, delta=Delta(organization="acme", changes=()))


@pytest.mark.parametrize("number", [1, 40, 400, 2000])
@pytest.mark.parametrize("longest", [2000, 9000, LONGEST])
def test_a_comment_fits(number: int, longest: int) -> None:
    text = as_markdown([many(number)], "main", "blueprints", longest)
    assert len(text) <= longest
    assert text.startswith("### `acme`: `main` to `blueprints`\n\n- stacks: ")
    whole = as_markdown([many(number)], "main", "blueprints", 10_000_000)
    assert ("Left out" in text) == (len(whole) > longest)
    # What no tool destroys is said even where nothing else has room.
    assert f"aws/team-{number:03}/base" in text
    for table in tables(text):
        widths = {line.replace("\\|", "").count("|") for line in table}
        assert len(widths) == 1, table
        assert set(table[1]) == set("| -")
        assert len(table) > 2, "a table without rows"


def tables(text: str) -> Iterator[list[str]]:
    for block in text.rstrip("\n").split("\n\n"):
        if block.startswith("| "):
            yield block.split("\n")


def test_what_is_left_out_is_counted() -> None:
    text = as_markdown([many(400)], "main", "blueprints", 9000)
    shown = len(re.findall(r"^\| `aws_ssm_parameter", text, re.M))
    left = re.search(r"Left out, as a comment has no room for it:\*\* (\d+) changed values", text)
    assert left is not None
    assert shown + int(left[1]) == 400 * 2


def test_a_comment_with_letters_of_two_units_fits() -> None:
    before = revision(*(one(n, "old") for n in range(300)))
    after = revision(*(one(n, "🙂" * 80 + str(n)) for n in range(300)))
    found = Compared(
        difference=difference(before, after), delta=Delta(organization="acme", changes=())
    )
    text = as_markdown([found], "main", "b", 9000)
    assert len(text.encode("utf-16-le")) // 2 <= 9000


def test_a_value_cannot_end_a_cell() -> None:
    found = difference(revision(one(0, "old")), revision(one(0, "a|b\n`c` <script>")))
    text = as_markdown(
        [Compared(difference=found, delta=Delta(organization="acme", changes=()))], "m", "b"
    )
    (rows,) = tables(text)
    assert {line.replace("\\|", "").count("|") for line in rows} == {4}


# ---- Formats of a case


def case(name: str, monkeypatch: pytest.MonkeyPatch) -> list[Compared]:
    monkeypatch.chdir(CASES / name)
    return compared(*sides(name))


@pytest.mark.parametrize(
    "name", ["account-added-in-production", "removed-listed", "value-consumed"]
)
def test_formats_are_golden(name: str, update: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = case(name, monkeypatch)
    texts = {
        "diff.json": diff_report.as_json(found, "before", "after"),
        "diff.md": as_markdown(found, "before", "after"),
    }
    for golden, text in texts.items():
        path = CASES / name / golden
        if update:
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text


def test_default_tags_are_told_as_a_change_of_all_resources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They stand in the provider, so no resource differs, and Terraform changes nearly all."""
    found = case("only-tags", monkeypatch)
    said = "default tags: differ in 3 stacks; each resource there that takes them changes, too"
    assert f"\nresources: 1 to change\n{said}\n" in diff_report.as_text(found, "a", "b")
    assert f"\n- {said}\n" in as_markdown(found, "a", "b")
    (body,) = json.loads(diff_report.as_json(found, "a", "b"))["organizations"]
    assert body["summary"]["retagged"] == 3
    assert [stack["retagged"] for stack in body["stacks"]] == [True] * 3


def test_a_provider_that_tags_as_before_is_not_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = case("deploy-role-renamed", monkeypatch)
    assert "provider.aws" in diff_report.as_text(found, "a", "b")
    assert "default tags" not in diff_report.as_text(found, "a", "b")


def test_labels_of_google_are_default_tags_too() -> None:
    def labelled(value: str) -> StackView:
        view = one(0, "same")
        provider = {"google": [{"project": "p", "default_labels": {"a": value}}]}
        document = {**view.document, "provider": provider}
        return replace(view, path="google/p/base", document=document, digest=value)

    (stack,) = difference(revision(labelled("x")), revision(labelled("y"))).stacks
    assert stack.retagged


def test_json_says_all_that_the_text_says(monkeypatch: pytest.MonkeyPatch) -> None:
    (body,) = json.loads(
        diff_report.as_json(case("value-consumed", monkeypatch), "before", "after")
    )["organizations"]
    assert body["summary"]["resources"] == {
        "create": 3, "change": 1, "destroy": 3, "replace": 0, "move": 0, "import": 0,
    }  # fmt: skip
    stacks = {stack["path"]: stack for stack in body["stacks"]}
    assert stacks["aws/shared/models"]["declared"]["path"] == "after/blueprint.yaml"
    addresses = {
        (stack, address) for group in body["groups"] for stack in group["stacks"] for address in group["addresses"]
    }  # fmt: skip
    assert addresses == {
        (path, resource["address"]) for path, stack in stacks.items() for resource in stack["resources"]
    }  # fmt: skip
    assert body["access"]["summary"]["gained"] == 2


def test_annotations_are_at_lines_gravest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = case("component-removed", monkeypatch)
    lines = as_github(found, (), [], "before").splitlines()
    assert lines[0].startswith("::warning file=before/blueprint.yaml,line=9,")
    assert "title=orphans" in lines[0]
    assert as_github(found, ("destroy",), [], "before").startswith("::error ")
    assert all(re.match(r"::(error|warning|notice) ", line) for line in lines)


def test_sarif_has_a_rule_for_each_result(monkeypatch: pytest.MonkeyPatch) -> None:
    found = case("network-replaced", monkeypatch)
    (run,) = json.loads(as_sarif(found, (), [], "before", "after"))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] > 1
    assert run["results"][0]["ruleId"] == "may-replace"


def test_nothing_is_told_of_what_is_the_same() -> None:
    nothing = Compared(
        difference=Difference(organization="acme", stacks=()),
        delta=Delta(organization="acme", changes=()),
    )
    assert as_markdown([nothing], "a", "b") == "### `acme`: `a` to `b`\n\nNo difference.\n"
    assert diff_report.as_text([nothing], "a", "b") == "acme: from a to b\nno difference\n"
    results: Any = json.loads(as_sarif([nothing], (), [], "a", "b"))["runs"][0]["results"]
    assert results == []
