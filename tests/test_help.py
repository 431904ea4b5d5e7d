"""What `--help` says of every command, and completion in real shells."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from compiler.cli.entry import MODULES, landform
from compiler.cli.help import EXAMPLES, EXIT_CODES, SECTIONS
from tests.delivery.files import parses, runner

COMMANDS = sorted(MODULES)


def help_of(*words: str, width: int = 100) -> str:
    done = CliRunner().invoke(landform, [*words, "--help"], terminal_width=width)
    assert done.exit_code == 0, done.output
    return done.output


def test_every_command_stands_in_one_section() -> None:
    placed = [name for _, names in SECTIONS for name in names]
    assert sorted(placed) == COMMANDS


def test_the_list_cuts_no_sentence() -> None:
    text = help_of(width=60).partition("Options:")[2]
    assert "..." not in text
    for title, names in SECTIONS:
        section = text.partition(f"{title}:\n")[2].partition("\n\n")[0]
        assert re.findall(r"^  (\w+)  ", section, flags=re.M) == list(names)
    assert "landform init" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_how_it_is_used(name: str) -> None:
    text = help_of(name)
    examples = text.partition("Examples:\n")[2].splitlines()
    assert [line.strip() for line in examples] == list(EXAMPLES[name])
    assert len(re.findall("Exit codes:", text)) == 1
    assert "Exit codes: 0" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_a_call_of_its_command(name: str) -> None:
    for example in EXAMPLES[name]:
        first, *others = example.split(" | ")
        words = shlex.split(first.partition(">")[0])
        assert words[:2] == ["landform", name]
        parses(words[1:])
        for other in others:
            parses(shlex.split(other)[1:])


def test_exit_codes_are_of_commands() -> None:
    assert set(EXIT_CODES) <= set(COMMANDS)


# ---- Completion


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["landform", "comp"], {"compile"}),
        (["landform", "pl"], {"plan"}),
        (["landform", "compile", "--form"], {"--format"}),
        (["landform", "compile", "--format", ""], {"text", "json", "github", "sarif"}),
    ],
)
def test_completion_in_bash(words: list[str], found: set[str], tmp_path: Path) -> None:
    script = (
        'eval "$(_LANDFORM_COMPLETE=bash_source landform)"\n'
        f"COMP_WORDS=({' '.join(shlex.quote(word) for word in words)}) COMP_CWORD={len(words) - 1}\n"
        '_landform_completion landform\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--noprofile", "--norc"],
        input=script,
        env=runner(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert set(done.stdout.split()) == found, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shell(shell: str, tmp_path: Path) -> None:
    surroundings = {**runner(tmp_path), "_LANDFORM_COMPLETE": f"{shell}_source"}
    done = subprocess.run(
        ["landform"], env=surroundings, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert f"_LANDFORM_COMPLETE={shell}_complete" in done.stdout
    if program := shutil.which(shell):
        checked = subprocess.run(
            [program, "-n"], input=done.stdout, env=surroundings, capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stderr
