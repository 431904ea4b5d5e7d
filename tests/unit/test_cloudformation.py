"""A team's CloudFormation templates: told from blueprints, found, read, checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.blueprint.cloudformation import FORMAT, is_template, read_template
from compiler.blueprint.files import MAXIMUM_BYTES, Beside, SourceFile, read_blueprints
from compiler.diagnostics import Diagnostic

TEMPLATE = """\
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Name: {Type: String}
Conditions:
  Long: !Not [!Equals [!Ref Name, x]]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Condition: Long
    Properties:
      QueueName: !Join ["-", [!Ref Name, !Select [0, !GetAZs ""]]]
      Policy: !Sub "arn:${AWS::Partition}:iam::222222222222:role/reader"
      Numbers: [333333333333, 4444444444444]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEMPLATE, True),
        ("# first\n\nAWSTemplateFormatVersion : x\n", True),
        ("'AWSTemplateFormatVersion': x\n", True),
        ('"AWSTemplateFormatVersion": x\n', True),
        ("landform: 1\nvars:\n  AWSTemplateFormatVersion: x\n", False),
        ("# AWSTemplateFormatVersion: x\nlandform: 1\n", False),
        ("note: AWSTemplateFormatVersion: x\n", False),
        ("", False),
    ],
)
def test_templates_say_what_they_are(text: str, expected: bool) -> None:
    assert is_template(text) is expected


def test_short_functions_are_read() -> None:
    template, found = read_template(TEMPLATE, "queue.yaml")
    assert not found
    assert template is not None
    assert template.parameters == ("Name",)
    assert [(name, span.line) for name, span in template.roles()] == [("reader", 12)]
    ids = [(id, span.line) for id, span in template.accounts()]
    assert ids == [("222222222222", 12), ("333333333333", 13)]


def test_a_template_in_json() -> None:
    text = '{"AWSTemplateFormatVersion": "2010-09-09",\n "Resources": {"Q": {"Type": "A::B"}}}'
    template, found = read_template(text, "q.json")
    assert not found
    assert template is not None
    assert template.text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AWSTemplateFormatVersion: 2010-09-09\n", ("E201", 1, 1)),
        ("AWSTemplateFormatVersion: 2010-09-09\nResources: {}\n", ("E203", 2, 1)),
        ("AWSTemplateFormatVersion: 2010-09-09\nResources: [a]\n", ("E203", 2, 1)),
        ("AWSTemplateFormatVersion: 2010-09-09\nResources: {Q: }\n", ("E201", 2, 13)),
        ("AWSTemplateFormatVersion: 2010-09-09\nResources: {Q: {Type: 7}}\n", ("E204", 2, 23)),
        ("AWSTemplateFormatVersion: 2010\nResources: {Q: {Type: A::B}}\n", ("E204", 1, 27)),
        ("Resources: {Q: {Type: A::B}}\n", ("E201", 1, 1)),
        (f"{TEMPLATE}Output: {{}}\n", ("E202", 14, 1)),
        (f"{TEMPLATE}Metadata: !Include x\n", ("E016", 14, 11)),
        (f"{TEMPLATE}Metadata: {{a: 1, a: 2}}\n", ("E013", 14, 18)),
        (f"{TEMPLATE}Metadata: [\n", ("E010", 14, 12)),
    ],
)
def test_what_is_wrong_is_told_at_its_place(text: str, expected: tuple[str, int, int]) -> None:
    template, found = read_template(text, "queue.yaml")
    assert template is None
    places = [(d.code, d.span.line, d.span.column) for d in found if d.span]
    assert places == [expected]
    assert all(d.span and d.span.path == "queue.yaml" for d in found)


def test_a_template_that_is_too_large() -> None:
    text = TEMPLATE + "Description: " + "x" * 1_000_000 + "\n"
    assert [d.code for d in read_template(text, "queue.yaml")[1]] == ["E204"]


# -------------------------------------------------------------------- files


def test_templates_are_no_part_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "landform.yaml").write_text("landform: 1\n")
    (tmp_path / "queue.yaml").write_text(TEMPLATE)
    (tmp_path / "sub" / "queue.yml").write_text(TEMPLATE)
    (blueprint,), found = read_blueprints(tmp_path)
    assert not found
    assert [Path(file.path).name for file in blueprint.files] == ["landform.yaml"]
    assert not blueprint.beside.sources
    source = blueprint.beside.read("sub/queue.yml")
    assert isinstance(source, SourceFile)
    assert source.text == TEMPLATE
    assert blueprint.beside.sources == (source,)


def test_a_template_beside_several_blueprints_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("landform: 1\n")
    (tmp_path / "queue.yaml").write_text(TEMPLATE)
    (blueprint,), found = read_blueprints(tmp_path)
    assert not found
    assert blueprint.root.name == "one.yaml"
    assert isinstance(blueprint.beside.read("queue.yaml"), SourceFile)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert Beside(tmp_path).read("queue.yaml") is None
    assert Beside(tmp_path).read("sub/queue.yaml") is None


@pytest.mark.parametrize("path", ["link.yaml", "folder/queue.yaml", "folder/nothing.yaml"])
def test_links_out_of_the_folder(tmp_path: Path, path: str) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "queue.yaml").write_text(TEMPLATE)
    (inside / "link.yaml").symlink_to(outside / "queue.yaml")
    (inside / "folder").symlink_to(outside)
    found = Beside(inside).read(path)
    assert isinstance(found, Diagnostic)
    assert found.code == "E008"


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "latin.yaml").write_bytes(b"# \xe9\n")
    (tmp_path / "large.yaml").write_bytes(b"# " + b"x" * MAXIMUM_BYTES)
    (tmp_path / "circle.yaml").symlink_to(tmp_path / "circle.yaml")
    beside = Beside(tmp_path)
    codes = {}
    for name in ("folder", "empty", "latin", "large", "circle"):
        found = beside.read(f"{name}.yaml")
        assert isinstance(found, Diagnostic)
        codes[name] = found.code
    assert codes == {
        "folder": "E003",
        "empty": "E009",
        "latin": "E004",
        "large": "E007",
        "circle": "E003",
    }
    assert not beside.sources


def test_a_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "queue.yaml"
    file.write_text(TEMPLATE)
    beside = Beside(tmp_path)
    first = beside.read("queue.yaml")
    file.write_text(f"{FORMAT}: changed\n")
    assert beside.read("queue.yaml") is first
