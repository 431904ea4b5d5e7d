"""The tutorial and the how-tos: every command is run, and prints what the page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages.walkthrough import Command, Edit, Shell, edited, matches, run_page, steps

DOCS = Path(__file__).parent.parent / "docs"
TUTORIAL = DOCS / "tutorial.md"
PAGES = [TUTORIAL, *sorted((DOCS / "how-to").glob("*.md"))]
RUN = [page for page in PAGES if steps(page.read_text(encoding="utf-8"))]

WORDS_A_MINUTE = 200
MINUTES_A_COMMAND = 0.1
MINUTES_AN_EDIT = 0.25


@pytest.mark.rig
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_page(page: Path, tmp_path: Path, update: bool, engine_once: None) -> None:
    with Shell(tmp_path) as shell:
        run_page(page, shell, update=update)


def test_a_newcomer_finishes_the_tutorial_in_ten_minutes() -> None:
    """Reckoned, not measured: what is read, typed and edited."""
    text = TUTORIAL.read_text(encoding="utf-8")
    todo = steps(text, rig=True)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    minutes = len(prose.split()) / WORDS_A_MINUTE
    minutes += sum(MINUTES_A_COMMAND for step in todo if isinstance(step, Command))
    minutes += sum(MINUTES_AN_EDIT for step in todo if isinstance(step, Edit))
    assert minutes <= 10


def test_all_that_the_tutorial_shows_is_run() -> None:
    """But for setting up: what stands in `sh`, whose commands other tests run."""
    text = TUTORIAL.read_text(encoding="utf-8")
    shown = re.findall(r"^```(\w+)$", text, flags=re.M)
    assert set(shown) == {"console", "diff", "sh"}
    ran = [step.line for step in steps(text, rig=True) if isinstance(step, Command)]
    assert len(ran) == len(re.findall(r"^\$ ", text, flags=re.M))
    for word in ("init", "validate", "compile", "access", "diff", "plan"):
        assert any(line.startswith(f"landform {word}") for line in ran), word


# ---- The runner itself

PAGE = """\
<!-- file: a/one.txt -->
```text
first
second
```

<!-- edit: a/one.txt -->
```diff
 first
-second
+third
```

```console
$ cat a/one.txt
first
third
$ cd a
$ ls; false
one.txt
$ echo $?
1
```

<!-- rig -->
```console
$ echo rig
rig
```
<!-- end rig -->
"""


def test_the_runner_runs_what_a_page_shows(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    for name, rig in (("without", False), ("with", True)):
        (tmp_path / name).mkdir()
        with Shell(tmp_path / name) as shell:
            run_page(page, shell, rig=rig)
    assert len(steps(PAGE, rig=True)) == len(steps(PAGE)) + 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (PAGE.replace("first\nthird\n", "first\nsecond\n"), "prints"),
        (PAGE.replace("$ echo $?\n1\n", ""), "ended with 1"),
        (PAGE.replace("$ cat a/one.txt", "$ cat a/two.txt"), "ended with 1"),
    ],
)
def test_the_runner_finds_what_differs(wrong: str, said: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(wrong, encoding="utf-8")
    with Shell(tmp_path) as shell, pytest.raises(AssertionError, match=said):
        run_page(page, shell)


def test_the_runner_updates_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.replace("$ ls; false\none.txt", "$ ls; false\nother\nlines"), "utf-8")
    with Shell(tmp_path) as shell:
        run_page(page, shell, update=True)
    assert page.read_text(encoding="utf-8") == PAGE


def test_what_is_left_out() -> None:
    assert matches("a\n…\nd\n", "a\nb\nc\nd\n")
    assert matches("a\n…\nd\n", "a\nd\n")
    assert matches("one … three\n", "one two three\n")
    assert not matches("a\n…\nd\n", "a\nb\n")
    assert not matches("a\n", "a\nb\n")
    assert not matches("a.c\n", "abc\n")


def test_an_edit_fits_one_place() -> None:
    assert edited("a\nb\n", " a\n-b\n+c\n") == "a\nc\n"
    for text in ("a\nc\n", "a\nb\na\nb\n"):
        with pytest.raises(ValueError, match="places"):
            edited(text, " a\n-b\n+c\n")
