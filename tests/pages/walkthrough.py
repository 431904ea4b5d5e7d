"""Runs a page of the documentation: its commands in a shell, its edits on files.

What of a page is run:

- a fence `console`: each line `$ command`, and below it what the command prints on both streams. `…`
  stands for anything: alone on a line for any number of lines, none included;
- a fence `diff` after `<!-- edit: path -->`: a reader's edit of that file, as lines of context, `-` and `+`;
- any fence after `<!-- file: path -->`: the text of a new file;
- `<!-- before: command -->`: what a reader has done already.

A command that fails must be followed by `$ echo $?`, so that no page shows a failure by mistake. What
stands between `<!-- rig -->` and `<!-- end rig -->` needs Terraform and is left out unless asked for.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests import served

ROOT = Path(__file__).parents[2]
ELLIPSIS = "…"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_MARK = re.compile(r"<!-- (edit|file): (\S+) -->\n$")
_BEFORE = re.compile(r"^<!-- before: (.*) -->$", re.M)
_RIG = re.compile(r"^<!-- rig -->$.*?^<!-- end rig -->$", re.M | re.S)
_END = "--- end of command"


@dataclass(frozen=True, slots=True)
class Command:
    """A line for the shell and what it shall print; the place is that of the output in the page."""

    line: str
    output: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a file, as the lines of a diff without its head."""

    path: str
    diff: str


@dataclass(frozen=True, slots=True)
class File:
    """A new file."""

    path: str
    text: str


Step = Command | Edit | File


def steps(page: str, *, rig: bool = False) -> list[Step]:
    """The steps of a page, in order."""
    hidden = [] if rig else [match.span() for match in _RIG.finditer(page)]
    found: list[Step] = []
    for fence in _FENCE.finditer(page):
        if any(start <= fence.start() < end for start, end in hidden):
            continue
        language, text = fence.groups()
        mark = _MARK.search(page[: fence.start()])
        if language == "console":
            found += _commands(text, fence.start(2))
        elif mark and mark[1] == "edit":
            found.append(Edit(mark[2], text))
        elif mark:
            found.append(File(mark[2], text))
    return found


def _commands(text: str, start: int) -> Iterator[Command]:
    assert text.startswith("$ "), "a console starts with a command"
    for match in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M):
        yield Command(match[1], match[2], start + match.start(2), start + match.end(2))


def matches(shown: str, real: str) -> bool:
    """Whether `real` is what the page shows, with `…` for what it leaves out."""
    pattern = "".join(
        "(?:.*\n)*?" if line.strip() == ELLIPSIS else _line(line) for line in shown.splitlines()
    )
    return re.fullmatch(pattern, real) is not None


def _line(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split(ELLIPSIS)) + "\n"


def edited(text: str, diff: str) -> str:
    """`text` with the one place changed that the diff shows. Raises ValueError where it isn't one."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    if before == after or text.count(before) != 1:
        raise ValueError(f"the edit fits {text.count(before)} places:\n{diff}")
    return text.replace(before, after)


def program(path: Path, words: str) -> None:
    """Write a program that is this interpreter with those words."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n', "utf-8")
    path.chmod(0o755)


@dataclass
class Shell:
    """One bash for a whole page, in a folder of its own."""

    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self._prepared(),
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def work(self) -> Path:
        """Where the page's first command runs."""
        return self.folder / "work"

    def run(self, line: str) -> tuple[str, int]:
        """What a line prints, and its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # `$?` must be the command's for the next line; a command never reads the script.
        script = (
            f"{{ {line}\n}} </dev/null\n"
            f'__code=$?; printf "\\n{_END} %d\\n" $__code; (exit $__code)\n'
        )
        self._process.stdin.write(script)
        self._process.stdin.flush()
        output = ""
        for got in self._process.stdout:
            if got.startswith(_END):
                # The end's own line break stands before it; one that the output lacks is added.
                text = output.removesuffix("\n")
                whole = text if not text or text.endswith("\n") else f"{text}\n"
                return whole, int(got.rpartition(" ")[2])
            output += got
        raise AssertionError(f"the shell ended at: {line}\n{output}")

    def _prepared(self) -> Path:
        served.program(self.folder / "bin" / "landform")
        self.work.mkdir()
        return self.work

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANDFORM_CACHE") if name in os.environ}
        who = {"NAME": "Ada", "EMAIL": "ada@acme.example"}
        git = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in who.items()
        }
        return {
            **kept,
            **git,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "init.defaultBranch",
            "GIT_CONFIG_VALUE_0": "main",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{self.folder / 'bin'}:{kept['PATH']}",
            "PYTHONPATH": str(ROOT),
            **self.extra,
        }


def run_page(path: Path, shell: Shell, *, update: bool = False, rig: bool = False) -> None:
    """Do all steps of a page; AssertionError says what differs, `update` writes it into the page."""
    page = path.read_text(encoding="utf-8")
    replaced: list[tuple[Command, str]] = []
    todo = steps(page, rig=rig)
    for line in _BEFORE.findall(page):
        real, code = shell.run(line)
        assert code == 0, f"{path.name}: {line} ended with {code}:\n{real}"
    for number, step in enumerate(todo):
        if isinstance(step, Edit):
            file = shell.work / step.path
            file.write_text(edited(file.read_text(encoding="utf-8"), step.diff), encoding="utf-8")
        elif isinstance(step, File):
            (shell.work / step.path).parent.mkdir(parents=True, exist_ok=True)
            (shell.work / step.path).write_text(step.text, encoding="utf-8")
        else:
            real, code = shell.run(step.line)
            asked = todo[number + 1 :][:1]
            told = bool(asked) and isinstance(asked[0], Command) and asked[0].line == "echo $?"
            assert code == 0 or told, f"{path.name}: {step.line} ended with {code}:\n{real}"
            if update and not matches(step.output, real):
                replaced.append((step, real))
                continue
            assert matches(step.output, real), (
                f"{path.name}: {step.line}\n-- shows --\n{step.output}-- prints --\n{real}"
            )
    for step, real in reversed(replaced):
        page = page[: step.start] + real + page[step.end :]
    if replaced:
        path.write_text(page, encoding="utf-8")
