from __future__ import annotations

import os
from pathlib import Path

import pytest

from compiler.blueprint.files import MAXIMUM_BYTES, display_path, read_blueprints

TEXT = "landform: 1\n"


def put(folder: Path, *names: str, text: str = TEXT) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def codes(path: str | Path) -> list[str]:
    return [diagnostic.code for diagnostic in read_blueprints(Path(path))[1]]


def test_a_file_is_one_blueprint() -> None:
    put(Path("b"), "one.yaml", "two.yaml")
    blueprints, problems = read_blueprints(Path("b/one.yaml"))
    assert not problems
    assert [(b.path, [f.path for f in b.files]) for b in blueprints] == [
        ("b/one.yaml", ["b/one.yaml"])
    ]
    assert blueprints[0].files[0].text == TEXT


def test_a_folder_with_the_marker_is_one_blueprint_with_its_kinds_apart() -> None:
    put(Path("b"), "landform.yaml", "z.yml", "a/b.yaml", "a/kinds/deep.yaml", "notes.txt", "x.YAML")
    put(
        Path("b"),
        "kinds/queue.yaml",
        "kinds/topic.yml",
        "kinds/readme.md",
        ".hidden/x.yaml",
        ".y.yaml",
    )
    (blueprint,), problems = read_blueprints(Path("b"))
    assert not problems
    assert [f.path for f in blueprint.files] == [
        "b/a/b.yaml",
        "b/a/kinds/deep.yaml",
        "b/landform.yaml",
        "b/z.yml",
    ]
    assert [f.path for f in blueprint.kinds] == ["b/kinds/queue.yaml", "b/kinds/topic.yml"]


def test_a_folder_without_the_marker_holds_several() -> None:
    put(
        Path("b"),
        "z.yaml",
        "a.yml",
        "m/landform.yaml",
        "m/more.yaml",
        ".h/landform.yaml",
    )
    blueprints, problems = read_blueprints(Path("b"))
    assert not problems
    assert [(b.path, len(b.files)) for b in blueprints] == [
        ("b/a.yml", 1),
        ("b/m", 2),
        ("b/z.yaml", 1),
    ]


def test_a_missing_path_names_what_is_near() -> None:
    put(Path("b"), "acme.yaml")
    (problem,) = read_blueprints(Path("b/acne.yaml"))[1]
    assert problem.code == "E001"
    assert problem.hint == 'did you mean "b/acme.yaml"?'
    (far,) = read_blueprints(Path("nowhere/at/all"))[1]
    assert far.hint is not None
    assert "landform init" in far.hint


def test_an_empty_folder_is_said_with_a_way_out() -> None:
    Path("b/sub").mkdir(parents=True)
    (problem,) = read_blueprints(Path("b"))[1]
    assert problem.code == "E002"
    assert '"b"' in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"", "E009", (1, 1)),
        (b" \n\n", "E009", (1, 1)),
        (b"\xef\xbb\xbfa: 1\n", "E005", (1, 1)),
        (b"\xff\xfea\0:\0", "E005", (1, 1)),
        (b"a: 1\r\nb: \xff\n", "E004", (2, 4)),
        ("é: ".encode() + b"\xc3", "E004", (1, 4)),
        (b"a: 1\nb:\0", "E006", (2, 3)),
        (b"a" * (MAXIMUM_BYTES + 1), "E007", (1, 1)),
    ],
)
def test_what_is_no_utf8_text_is_refused_at_its_place(
    content: bytes, code: str, place: tuple[int, int]
) -> None:
    Path("x.yaml").write_bytes(content)
    (blueprint,), (problem,) = read_blueprints(Path("x.yaml"))
    assert blueprint.files == ()
    assert (problem.code, problem.span and problem.span[1:3]) == (code, place)
    assert problem.hint


def test_the_largest_file_is_read() -> None:
    Path("x.yaml").write_bytes(b"#" * MAXIMUM_BYTES)
    assert codes("x.yaml") == []


def test_all_bad_files_are_said_in_one_run() -> None:
    put(Path("b"), "landform.yaml", "good.yaml")
    Path("b/one.yaml").write_bytes(b"\0")
    Path("b/two.yaml").write_bytes(b"\xff\xff")
    (blueprint,), problems = read_blueprints(Path("b"))
    assert [f.path for f in blueprint.files] == ["b/good.yaml", "b/landform.yaml"]
    assert [p.code for p in problems] == ["E006", "E004"]


def test_links_that_stay_inside_are_read() -> None:
    put(Path("b"), "landform.yaml", ".data/real.yaml")
    os.symlink(".data/real.yaml", "b/linked.yaml")
    (blueprint,), problems = read_blueprints(Path("b"))
    assert not problems
    assert [f.path for f in blueprint.files] == ["b/landform.yaml", "b/linked.yaml"]


def test_links_that_climb_out_circle_or_lead_nowhere_are_refused() -> None:
    put(Path("b"), "landform.yaml", "sub/x.yaml")
    put(Path("."), "secret.yaml")
    os.symlink("../secret.yaml", "b/out.yaml")
    os.symlink("nothing.yaml", "b/broken.yaml")
    os.symlink("circle.yaml", "b/circle.yaml")
    os.symlink("..", "b/sub/up")
    os.symlink("sub", "b/again")
    (blueprint,), problems = read_blueprints(Path("b"))
    assert [f.path for f in blueprint.files] == ["b/landform.yaml", "b/sub/x.yaml"]
    assert {(p.span.path if p.span else "", p.code) for p in problems} == {
        ("b/out.yaml", "E008"),
        ("b/again", "E008"),
        ("b/sub/up", "E008"),
        ("b/broken.yaml", "E003"),
        ("b/circle.yaml", "E003"),
    }


def test_a_linked_blueprint_or_kinds_folder_is_refused() -> None:
    put(Path("."), "b/landform.yaml", "elsewhere/k.yaml", "other/landform.yaml")
    os.symlink("../elsewhere", "b/kinds")
    assert codes("b") == ["E008"]
    Path("several").mkdir()
    os.symlink("../other", "several/other")
    assert codes("several") == ["E008"]


def test_a_path_that_is_itself_a_link_is_followed() -> None:
    put(Path("b"), "landform.yaml")
    os.symlink("b", "current")
    (blueprint,), problems = read_blueprints(Path("current"))
    assert not problems
    assert [f.path for f in blueprint.files] == ["current/landform.yaml"]


def test_a_pipe_is_refused_and_does_not_block() -> None:
    put(Path("b"), "landform.yaml")
    os.mkfifo("b/pipe.yaml")
    assert codes("b") == ["E003"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_said() -> None:
    put(Path("b"), "landform.yaml")
    Path("b/landform.yaml").chmod(0)
    assert codes("b") == ["E003"]


def test_a_folder_named_like_a_file_is_a_folder() -> None:
    put(Path("b"), "landform.yaml", "odd.yaml/x.yaml")
    (blueprint,), problems = read_blueprints(Path("b"))
    assert not problems
    assert [f.path for f in blueprint.files] == ["b/landform.yaml", "b/odd.yaml/x.yaml"]


def test_paths_are_shown_relative_to_the_working_directory(tmp_path: Path) -> None:
    put(Path("b"), "landform.yaml")
    (blueprint,), _ = read_blueprints(tmp_path / "b")
    assert blueprint.files[0].path == "b/landform.yaml"
    assert display_path(Path("..") / "x.yaml") == "../x.yaml"
    assert display_path(Path("/somewhere/else.yaml")) == "/somewhere/else.yaml"
    assert display_path(Path("b") / ".." / "b") == "b"


def test_a_name_that_is_no_utf8_can_be_shown() -> None:
    put(Path("b"), "landform.yaml")
    name = os.fsdecode(b"b/\xff.yaml")
    Path(name).write_bytes(b"\0")
    (problem,) = read_blueprints(Path("b"))[1]
    assert problem.span is not None
    problem.span.path.encode("utf-8")
