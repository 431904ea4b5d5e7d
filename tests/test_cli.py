"""The command line as a user meets it: a process, its two streams, its exit code."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner

from compiler.catalogue import CODES
from compiler.cli import entry
from compiler.cli.render import FORMATS
from tests import served

REPOSITORY = Path(__file__).parent.parent
BLUEPRINT = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
deploy: {aws: {role: deployer}}
state: {aws: {bucket: acme-tfstate, region: eu-central-1}}
accounts:
  one: {id: "000000000001"}
components:
  first: {kind: account-baseline, account: one, region: eu-west-3}
"""
ERROR = BLUEPRINT.replace("account: one", "account: onne")


# Not by the first line of a script: a path with a space cannot stand there.
MODULE = ("-m", "compiler")


def landform(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    program: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run the command; with `program`, by a Python that starts for it."""
    surroundings = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    surroundings |= {"PYTHONPATH": str(REPOSITORY), **(env or {})}
    if not program:
        return served.run(folder, arguments, surroundings)
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=120,
    )


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def folder(tmp_path: Path, engine_once: None) -> Path:
    """A working directory with a blueprint that compiles."""
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "blueprints" / "acme.yaml").write_text(BLUEPRINT, "utf-8")
    return tmp_path


def rewrite(folder: Path, text: str) -> None:
    (folder / "blueprints" / "acme.yaml").write_text(text, "utf-8")


# ---- compile


def test_compile_writes_and_says_so(folder: Path) -> None:
    done = landform(folder, "compile")
    assert (done.returncode, done.stdout) == (0, "")
    assert "wrote 3 files" in done.stderr
    assert files(folder / "generated").keys() == {
        "acme/access.json",
        "acme/aws/one/first/main.tf.json",
        "acme/manifest.json",
    }
    again = landform(folder, "compile")
    assert again.returncode == 0
    assert "up to date" in again.stderr


def test_check_writes_nothing(folder: Path) -> None:
    fresh = landform(folder, "compile", "--check")
    assert fresh.returncode == 3
    assert "add    acme/aws/one/first/main.tf.json" in fresh.stderr
    assert not (folder / "generated").exists()
    assert landform(folder, "compile").returncode == 0
    assert landform(folder, "compile", "--check").returncode == 0
    before = files(folder / "generated")
    rewrite(folder, BLUEPRINT.replace("eu-west-3", "eu-west-2"))
    stale = landform(folder, "compile", "--check")
    assert stale.returncode == 3
    assert "change acme/aws/one/first/main.tf.json" in stale.stderr
    assert files(folder / "generated") == before


def test_check_lists_what_a_person_can_read(folder: Path) -> None:
    many = "".join(f'  a{number}: {{id: "0000000001{number:02}"}}\n' for number in range(60))
    text = BLUEPRINT.replace("accounts:\n", f"accounts:\n{many}")
    rewrite(folder, text.replace("account: one", 'for_each: {accounts: "**"}'))
    done = landform(folder, "compile", "--check")
    assert done.returncode == 3
    assert "… and 33 more" in done.stderr
    assert len(done.stderr.splitlines()) == 32


def test_errors_write_nothing(folder: Path) -> None:
    rewrite(folder, ERROR)
    done = landform(folder, "compile")
    assert (done.returncode, done.stdout) == (1, "")
    assert "blueprints/acme.yaml:9:44" in done.stderr
    assert "E301" in done.stderr
    assert 'did you mean "one"' in done.stderr
    assert not (folder / "generated").exists()
    assert landform(folder, "validate").returncode == 1


def test_out_and_path_are_chosen(folder: Path) -> None:
    done = landform(folder, "compile", "blueprints/acme.yaml", "--out", "else/where")
    assert done.returncode == 0
    assert (folder / "else" / "where" / "acme" / "manifest.json").is_file()
    assert not (folder / "generated").exists()


def test_missing_path_is_an_error_of_the_blueprint(folder: Path) -> None:
    done = landform(folder, "compile", "nowhere.yaml")
    assert done.returncode == 1
    assert "nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr


# ---- formats


@pytest.mark.parametrize("format_", sorted(FORMATS))
@pytest.mark.parametrize("command", ["compile", "validate"])
def test_formats(folder: Path, command: str, format_: str) -> None:
    rewrite(folder, ERROR)
    done = landform(folder, command, "--format", format_)
    assert done.returncode == 1
    assert "E301" in (done.stderr if format_ == "text" else done.stdout)
    if format_ == "json":
        (found,) = json.loads(done.stdout)["diagnostics"]
        assert found["code"] == "E301"
    if format_ == "sarif":
        (run,) = json.loads(done.stdout)["runs"]
        assert [result["ruleId"] for result in run["results"]] == ["E301"]
    if format_ == "github":
        assert done.stdout.startswith("::error ")
        assert "file=blueprints/acme.yaml" in done.stdout
    if format_ != "text":
        assert done.stderr == ""


@pytest.mark.parametrize("format_", ["json", "sarif"])
def test_formats_without_problems(folder: Path, format_: str) -> None:
    done = landform(folder, "compile", "--format", format_)
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout), dict)


def test_json_says_what_changed(folder: Path) -> None:
    done = landform(folder, "compile", "--check", "--format", "json")
    assert done.returncode == 3
    assert "acme/manifest.json" in json.dumps(json.loads(done.stdout))


def test_position_is_never_wrapped(folder: Path) -> None:
    deep = folder / "blueprints" / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    path = deep / "acme.yaml"
    path.write_text(ERROR, "utf-8")
    done = landform(folder, "validate", str(path), env={"COLUMNS": "40"})
    position = f"{path.relative_to(folder).as_posix()}:9:44"
    assert position in done.stderr


# ---- colours and progress


def test_colours_are_asked_for(folder: Path) -> None:
    rewrite(folder, ERROR)
    assert "\x1b[" not in landform(folder, "validate").stderr
    assert "\x1b[" in landform(folder, "validate", "--color", "always").stderr


def on_terminal(folder: Path, *arguments: str, **extra: str) -> str:
    """What a person at a terminal sees."""
    main, terminal = pty.openpty()
    surroundings = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CI")}
    surroundings |= {"PYTHONPATH": str(REPOSITORY), "TERM": "xterm-256color", **extra}
    with subprocess.Popen(
        [sys.executable, "-m", "compiler", *arguments],
        cwd=folder,
        env=surroundings,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        seen = b""
        try:
            while chunk := os.read(main, 65536):
                seen += chunk
        except OSError:  # Linux says so when the last writer has gone.
            pass
        process.wait(60)
    os.close(main)
    return seen.decode()


def test_terminal_has_colours_unless_no_color(folder: Path) -> None:
    rewrite(folder, ERROR)
    assert re.search(r"\x1b\[[\d;]*m", on_terminal(folder, "validate"))
    plain = on_terminal(folder, "validate", NO_COLOR="1")
    assert "E301" in plain
    assert not re.search(r"\x1b\[[\d;]*m", plain)


def test_progress_only_on_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from compiler.cli import progress

    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr("rich.console.Console", Watched)
    Watched.shown = []
    with progress.progress("compiling"):
        Watched.wait()
    assert Watched.shown == []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.progress("compiling"):
        Watched.wait()
    assert Watched.shown == ["compiling"]


class Watched:
    """A console that keeps what it would show."""

    shown: list[str] = []  # noqa: RUF012

    def __init__(self, **_: object) -> None:
        self.what = ""

    def status(self, what: str) -> Watched:
        self.what = what
        return self

    def start(self) -> None:
        Watched.shown.append(self.what)

    def stop(self) -> None:
        pass

    @staticmethod
    def wait() -> None:
        import time

        deadline = time.monotonic() + 0.3
        while time.monotonic() < deadline and not Watched.shown:
            time.sleep(0.01)


# ---- orphans and tombstones

GONE = BLUEPRINT.replace("  first:", "  other:").replace("eu-west-3", "eu-west-1")


def root_module(folder: Path, path: str) -> dict[str, object]:
    text = (folder / "generated" / "acme" / path / "main.tf.json").read_text("utf-8")
    return dict(json.loads(text))


def test_life_of_a_removed_component(folder: Path) -> None:
    assert landform(folder, "compile").returncode == 0
    old, before = root_module(folder, "aws/one/first"), files(folder / "generated")
    rewrite(folder, GONE)
    orphan = landform(folder, "compile")
    assert orphan.returncode == 1
    assert "E601" in orphan.stderr
    assert files(folder / "generated") == before
    lines = re.search(r"removed:\n *- aws/one/first", orphan.stderr)
    assert lines, orphan.stderr

    buried = GONE + "".join(f"{line.strip()}\n" for line in lines[0].splitlines())
    rewrite(folder, buried)
    assert landform(folder, "compile").returncode == 0
    tomb = root_module(folder, "aws/one/first")
    assert tomb["terraform"] == old["terraform"]
    assert tomb["provider"] == old["provider"]
    assert not {"resource", "output", "locals", "data"} & tomb.keys()
    assert "eu-west-3" in json.dumps(tomb["provider"])
    manifest = json.loads((folder / "generated" / "acme" / "manifest.json").read_text("utf-8"))
    (entry_,) = [stack for stack in manifest["stacks"] if stack["path"] == "aws/one/first"]
    assert entry_["resources"] == 0
    assert entry_["region"] == "eu-west-3"
    assert landform(folder, "compile", "--check").returncode == 0

    rewrite(folder, GONE)
    assert landform(folder, "compile").returncode == 0
    assert not (folder / "generated" / "acme" / "aws" / "one" / "first").exists()


def test_removed_that_lives_is_an_error(folder: Path) -> None:
    rewrite(folder, BLUEPRINT + "removed: [aws/one/first]\n")
    done = landform(folder, "compile")
    assert done.returncode == 1
    assert "E602" in done.stderr


def test_prune_skips_the_question(folder: Path) -> None:
    assert landform(folder, "compile").returncode == 0
    rewrite(folder, GONE)
    assert landform(folder, "compile", "--prune").returncode == 0
    assert not (folder / "generated" / "acme" / "aws" / "one" / "first").exists()


# ---- other commands


def test_init_makes_a_blueprint_that_compiles(tmp_path: Path) -> None:
    done = landform(tmp_path, "init", "--name", "beta")
    assert done.returncode == 0
    assert "landform compile" in done.stdout
    made = tmp_path / "blueprints" / "beta"
    first = (made / "landform.yaml").read_text("utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    schema = made / first.partition("$schema=")[2]
    assert schema.read_text("utf-8") == landform(tmp_path, "schema").stdout
    assert landform(tmp_path, "compile").returncode == 0
    assert (tmp_path / "generated" / "beta" / "manifest.json").is_file()


def test_init_lists_what_it_wrote_for_programs(tmp_path: Path) -> None:
    done = landform(tmp_path, "init", "new", "--name", "beta", "--format", "json")
    assert done.returncode == 0
    body = json.loads(done.stdout)
    assert (body["organization"], body["folder"]) == ("beta", "new")
    assert set(body["written"]) == files(tmp_path).keys()


@pytest.mark.parametrize("format_", ["text", "json"])
def test_schema_is_json_and_so_is_what_is_wrong(tmp_path: Path, format_: str) -> None:
    assert landform(tmp_path, "init", "new").returncode == 0
    whole = landform(tmp_path, "schema", "new", "--format", format_)
    assert (whole.stdout, whole.stderr) == (landform(tmp_path, "schema").stdout, "")
    (tmp_path / "new" / "kinds").mkdir()
    (tmp_path / "new" / "kinds" / "wrong.yaml").write_text("inputs: 1\n", "utf-8")
    wrong = landform(tmp_path, "schema", "new", "--format", format_)
    assert wrong.returncode == 1
    if format_ == "json":
        assert json.loads(wrong.stdout)["diagnostics"]
    else:
        assert (wrong.stdout, "error[" in wrong.stderr) == ("", True)


@pytest.mark.parametrize("present", ["landform.yaml", "landform.schema.json", "other.yaml"])
def test_init_overwrites_nothing(tmp_path: Path, present: str) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / present).write_text("mine", "utf-8")
    done = landform(tmp_path, "init", "new")
    assert done.returncode == 2
    assert present in done.stderr
    assert files(tmp_path) == {f"new/{present}": b"mine"}


def test_init_refuses_a_name_that_cannot_be(tmp_path: Path) -> None:
    done = landform(tmp_path, "init", "--name", "Not A Name")
    assert done.returncode == 2
    assert not files(tmp_path)


def test_kinds(tmp_path: Path) -> None:
    listed = landform(tmp_path, "kinds")
    assert "ml-pipeline" in listed.stdout
    one = landform(tmp_path, "kinds", "ml-pipeline")
    assert "train.instance" in one.stdout
    as_json = json.loads(landform(tmp_path, "kinds", "ml-pipeline", "--format", "json").stdout)
    assert as_json["kind"] == "ml-pipeline"
    assert {"shared", "deploy.min"} <= {row["path"] for row in as_json["inputs"]}
    wrong = landform(tmp_path, "kinds", "ml-pipelin")
    assert wrong.returncode == 2
    assert 'Did you mean "ml-pipeline"' in wrong.stderr


@pytest.mark.parametrize("code", sorted(CODES))
def test_explain_every_code(code: str) -> None:
    done = CliRunner().invoke(entry.landform, ["explain", code.lower()])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{code}: ")


def test_explain_unknown_code(tmp_path: Path) -> None:
    done = landform(tmp_path, "explain", "E00X")
    assert done.returncode == 2
    assert "E00X" in done.stderr


def test_doctor(tmp_path: Path) -> None:
    done = landform(tmp_path, "doctor", "--format", "json")
    assert done.returncode == 0
    findings = {row["what"]: row for row in json.loads(done.stdout)["findings"]}
    assert findings["CDKTF engine"]["ok"]
    broken = landform(tmp_path, "doctor", env={"JSII_NODE": "/nonexistent"})
    assert broken.returncode == 4
    assert "/nonexistent" in broken.stdout
    assert "Traceback" not in broken.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["compiel"],
        ["compile", "--jobs", "0"],
        ["compile", "--format", "xml"],
        ["compile", "a", "b"],
        ["validate", "--check"],
    ],
)
def test_wrong_usage(folder: Path, arguments: list[str]) -> None:
    done = landform(folder, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.rig
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["schema"], ["kinds"], ["x"]])
def test_module_and_command_are_the_same(tmp_path: Path, arguments: list[str]) -> None:
    """The command does what the script in pyproject.toml says, as pip writes it; so do our tests'."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    place, _, function = project["scripts"]["landform"].partition(":")
    script = tmp_path / "landform"
    call = f"import sys\nfrom {place} import {function}\nsys.exit({function}())\n"
    script.write_text(f"#!{sys.executable}\n{call}", "utf-8")
    script.chmod(0o755)
    module = landform(tmp_path, *arguments, program=MODULE)
    command = landform(tmp_path, *arguments, program=(str(script),))
    ours = landform(tmp_path, *arguments)
    for other in (command, ours):
        assert (module.returncode, module.stdout) == (other.returncode, other.stdout)
        assert module.stderr == other.stderr
    assert module.returncode == (2 if arguments == ["x"] else 0)


# ---- what goes wrong outside


WRITING = (
    "--help",
    "--version",
    "access",
    "access --format json",
    "affected --from blueprints",
    "compile --format json",
    "diff --from blueprints",
    "diff --from blueprints --format json",
    "doctor",
    "explain E301",
    "explain aws/one/first",
    "graph",
    "graph --format html",
    "init new",
    "kinds",
    "kinds account-baseline",
    "schema",
    "validate --format json",
)


def writing_to(output: IO[bytes], folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error; what is written is held back, as Python does it by default."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-m", "compiler", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(REPOSITORY)},
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.rig
@pytest.mark.parametrize("arguments", WRITING)
def test_reader_that_goes_away(folder: Path, arguments: str) -> None:
    """`landform schema | head -1`: quiet, whatever the size of the pipe and what is written.

    Python, which writes what is left when it ends, would complain and exit with 120.
    """
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as output:
        assert writing_to(output, folder, *arguments.split()) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_output_on_a_full_disk(folder: Path) -> None:
    said = f"error: cannot write: {os.strerror(errno.ENOSPC)}\n"
    with open("/dev/full", "wb") as output:
        assert writing_to(output, folder, "graph") == (4, said)


ROOM = """\
import errno, resource, sys, tempfile
from compiler import shares, streaming
from compiler.cli.entry import main
shares.FEW = shares.LEAST = shares.MOST = 1
"""
FULL = {
    "a full disk": (
        "import os; really = tempfile.TemporaryFile\n"
        "def full():\n    made = really(); os.dup2(os.open('/dev/full', os.O_RDWR), made.fileno())\n"
        "    return made\n"
        "tempfile.TemporaryFile = full\n",
        errno.ENOSPC,
    ),
    "nowhere to put it": (
        "def none():\n    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOSPC))\n"
        "import os; tempfile.TemporaryFile = none\n",
        errno.ENOSPC,
    ),
    "a limit": ("resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n", errno.EFBIG),
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("what", FULL)
def test_no_room_for_what_waits_to_be_written(folder: Path, what: str) -> None:
    """A blueprint in shares, whose files wait in a temporary one until all is checked."""
    more = "".join(f"  more{n}: {{kind: account-baseline, account: a{n}}}\n" for n in range(1, 4))
    accounts = "".join(f'  a{n}: {{id: "00000000010{n}"}}\n' for n in range(1, 4))
    rewrite(folder, BLUEPRINT.replace("components:\n", f"{accounts}components:\n{more}"))
    known = "streaming.build.__globals__['Printer'].texts = lambda self, documents: {p: b'x' * 5000 for p in documents}\n"
    code, number = FULL[what]
    program = (
        f"{ROOM}{known}{code}sys.argv[1:] = ['compile', '--no-cache', '--jobs', '1']\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (4, f"error: cannot write: {os.strerror(number)}\n")
    assert not (folder / "generated").exists()


def test_files_and_pipes_are_utf_8_whatever_the_locale(folder: Path) -> None:
    rewrite(folder, BLUEPRINT.replace("{id:", '{tags: {owner: "→本"}, id:'))
    plain = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    asked = ("explain", "accounts.one.tags.owner")
    done = landform(folder, *asked, env=plain, program=MODULE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "owner: →本" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_characters_that_the_encoding_of_a_stream_lacks(folder: Path, encoding: str) -> None:
    """Windows redirects in cp1252, which has neither arrows nor Chinese."""
    rewrite(folder, BLUEPRINT.replace("{id:", '{tags: {owner: "→本"}, id:'))
    asked = ("explain", "accounts.one.tags.owner")
    done = landform(folder, *asked, env={"PYTHONIOENCODING": encoding}, program=MODULE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "owner: \\u2192\\u672c" in done.stdout


def test_output_that_cannot_be_written(folder: Path) -> None:
    (folder / "generated").mkdir()
    (folder / "generated" / "acme").write_text("a file where a folder must be", "utf-8")
    done = landform(folder, "compile")
    assert done.returncode == 1
    assert "generated/acme" in done.stderr
    assert "Traceback" not in done.stderr
    assert files(folder / "generated") == {"acme": b"a file where a folder must be"}


def test_output_folder_that_cannot_be_made(folder: Path) -> None:
    """Below a device: refused to every user, root included."""
    done = landform(folder, "compile", "--out", "/dev/null/generated")
    assert done.returncode == 1
    assert re.search(r"error\[E\d+\]", done.stderr)
    assert "/dev/null/generated" in done.stderr
    assert "Traceback" not in done.stderr


def test_engine_that_is_missing(folder: Path) -> None:
    done = landform(folder, "compile", "--no-cache", env={"JSII_NODE": "/nonexistent"})
    assert (done.returncode, done.stdout) == (4, "")
    assert "landform doctor" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "generated").exists()


def test_validate_needs_no_engine(folder: Path) -> None:
    assert landform(folder, "validate", env={"JSII_NODE": "/nonexistent"}).returncode == 0


def test_engine_in_a_worker_that_is_missing(folder: Path) -> None:
    """The exception crosses from the worker's process as it is."""
    run = (
        "import sys; from compiler import manifest; manifest.STACKS_PER_JOB = 1\n"
        "if __name__ == '__main__':\n"
        "    from compiler.cli import main; main()\n"
    )
    (folder / "run.py").write_text(run, "utf-8")
    rewrite(
        folder,
        BLUEPRINT.replace(
            '"000000000001"}', '"000000000001"}\n  two: {id: "000000000002"}'
        ).replace("account: one", 'for_each: {accounts: "**"}'),
    )
    done = subprocess.run(
        [sys.executable, "run.py", "compile", "--no-cache", "--jobs", "2"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "JSII_NODE": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr


def test_defect_of_ours(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    from compiler.kinds import available

    def broken(draft: object) -> None:
        raise ZeroDivisionError("a kind that is wrong")

    kinds = dict(available.KINDS)
    kinds["account-baseline"] = replace(kinds["account-baseline"], build=broken)
    monkeypatch.setattr(available, "KINDS", kinds)
    monkeypatch.setattr(sys, "argv", ["landform", "compile", str(folder / "blueprints")])
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as stopped:
        entry.main()
    assert stopped.value.code == 70
    shown = capsys.readouterr().err
    assert "a kind that is wrong" in shown
    assert "defect of Landform" in shown
    assert not (folder / "generated").exists()
