"""`landform plan`, `apply` and `lock` with a fake Terraform: order, failures, gates, interruption."""

from __future__ import annotations

import itertools
import json
import os
import re
import select
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.repository import Repository
from tests.running.conftest import BLUEPRINT, Bench, statuses

if sys.platform != "win32":
    import pty

TRAINING, PRODUCTION = "aws/training/churn", "aws/production/churn"
SHARED = "aws/shared/churn"  # depends on both
ALL = {TRAINING, PRODUCTION, SHARED}


def test_plan_goes_in_order_and_prefixes_each_line(bench: Bench) -> None:
    done = bench.run("plan", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    log = bench.log()
    before = log.index(f"begin init {SHARED}")
    assert log.index(f"end show {TRAINING}") < before
    assert log.index(f"end show {PRODUCTION}") < before
    assert not [line for line in log if "apply" in line]
    printed = [line for line in done.stdout.splitlines() if "Plan:" in line]
    assert sorted(printed) == [f"[{p}] \\x1b[31mPlan:\\x1b[0m something" for p in sorted(ALL)]
    assert "plan: done; 3 planned" in done.stdout


def test_two_run_at_once_and_one_with_one_job(bench: Bench) -> None:
    bench.run("plan", "--jobs", "1")
    order = bench.log()
    for at in range(0, len(order) - 1):
        if order[at].startswith("begin"):
            assert not order[at + 1].startswith("begin")
    bench.run("plan", "--jobs", "2", "--only", "**/churn")
    later = bench.log()[len(order) :]
    # From here on the first has the lock; the waiting second starts while the first still plans.
    assert any(
        a.startswith("begin") and b.startswith("begin") for a, b in itertools.pairwise(later)
    )


def test_versions_are_chosen_once(bench: Bench) -> None:
    bench.run("plan", "--jobs", "3")
    assert len([line for line in bench.log() if line.startswith("chose versions")]) == 1
    assert {(bench.output / path / ".terraform.lock.hcl").read_text() for path in ALL} == {
        "# made by init\n"
    }


def test_apply_needs_a_yes(bench: Bench) -> None:
    done = bench.run("apply")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert not bench.log()


def test_apply_then_plan_finds_nothing(bench: Bench) -> None:
    assert statuses(bench.report("apply", "--yes")) == dict.fromkeys(ALL, "applied")
    log = bench.log()
    assert log.index(f"end apply {TRAINING}") < log.index(f"begin plan {SHARED}")
    report = bench.report("plan", "--exit-code")
    assert statuses(report) == dict.fromkeys(ALL, "unchanged")
    assert bench.report("apply", "--yes")["summary"] == {"unchanged": 3}
    assert len([line for line in bench.log() if line.startswith("begin apply")]) == 3


@pytest.mark.parametrize("words", [("plan",), ("apply", "--yes"), ("lock",)])
def test_reader_that_goes_away(bench: Bench, words: tuple[str, ...]) -> None:
    """`landform apply --yes | head -1`: Terraform ends what it began."""
    with bench.start(*words) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (1, "")
    if words[0] != "lock":
        ends = {line for line in bench.log() if line.startswith(f"end {words[0]}")}
        assert ends == {f"end {words[0]} {path}" for path in ALL}


def test_exit_code_says_that_there_are_changes(bench: Bench) -> None:
    assert bench.report("plan", "--exit-code", code=3)["outcome"] == "done"


@pytest.mark.parametrize("step", ["init", "plan", "apply"])
def test_failure_stops_dependents_only(bench: Bench, step: str) -> None:
    bench.fake(TRAINING, fail=step)
    report = bench.report("apply", "--yes", "--report", "report.json", code=4)
    assert statuses(report) == {TRAINING: "failed", PRODUCTION: "applied", SHARED: "skipped"}
    assert report["outcome"] == "failed"
    found = {stack["path"]: stack for stack in report["stacks"]}
    assert (found[TRAINING]["step"], found[SHARED]["behind"]) == (step, [f"acme/{TRAINING}"])
    assert found[TRAINING]["error"] == f"Error: cannot {step}\n\nthe reason"
    assert json.loads((bench.folder / "report.json").read_text()) == report
    assert not [line for line in bench.log() if SHARED in line]


def test_failures_are_collected_at_the_end(bench: Bench) -> None:
    bench.fake(TRAINING, fail="plan")
    bench.fake(PRODUCTION, fail="init")
    done = bench.run("plan")
    assert done.returncode == 4
    end = done.stdout.partition(f"acme/{PRODUCTION}: terraform init failed")[2]
    assert f"acme/{TRAINING}: terraform plan failed\n  Error: cannot plan" in end
    assert f"skipped      acme/{SHARED}: behind acme/{PRODUCTION}, acme/{TRAINING}" in done.stdout


@pytest.mark.parametrize("actions", [["delete"], ["delete", "create"], ["create", "delete"]])
def test_what_destroys_is_refused(bench: Bench, actions: list[str]) -> None:
    bench.fake(TRAINING, actions={"aws_iam_role.old": actions})
    report = bench.report("apply", "--yes", code=3)
    assert statuses(report) == {TRAINING: "refused", PRODUCTION: "applied", SHARED: "skipped"}
    assert report["stacks"][1]["destroys"] == ["aws_iam_role.old"]
    planned = bench.run("plan", "--only", TRAINING)
    assert planned.returncode == 3
    assert "    aws_iam_role.old" in planned.stdout
    assert bench.run("plan", "--only", TRAINING, "--allow-destroy").returncode == 0
    assert bench.report("apply", "--yes", "--allow-destroy")["summary"]["applied"] == 2


def test_the_very_plan_is_applied(bench: Bench) -> None:
    assert bench.report("plan", "--save", "plans")["summary"] == {"planned": 3}
    folder = bench.folder / "plans"
    modes = {stat.S_IMODE(file.stat().st_mode) for file in folder.glob("*.tfplan")}
    assert modes == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    before = len(bench.log())
    assert bench.report("apply", "--plans", "plans")["summary"] == {"applied": 3}
    assert not [line for line in bench.log()[before:] if line.startswith("begin plan")]


def test_stale_plans_are_refused(bench: Bench) -> None:
    bench.run("plan", "--save", "plans")
    (bench.output / TRAINING / "more_override.tf.json").write_text("{}")
    with open(
        bench.folder / "plans" / f"acme--{PRODUCTION.replace('/', '--')}.tfplan", "a"
    ) as file:
        file.write(" ")
    report = bench.report("apply", "--plans", "plans", code=3)
    assert statuses(report) == {TRAINING: "refused", PRODUCTION: "refused", SHARED: "skipped"}
    errors = {stack["path"]: stack["error"] for stack in report["stacks"]}
    assert "the stack's files changed" in errors[TRAINING]
    assert "not the one that was made" in errors[PRODUCTION]
    assert not [line for line in bench.log() if line.startswith("begin apply")]


def test_saved_plan_that_destroys_is_refused(bench: Bench) -> None:
    bench.fake(TRAINING, actions={"aws_iam_role.old": ["delete"]})
    bench.report("plan", "--save", "plans", code=3)
    report = bench.report("apply", "--plans", "plans", code=3)
    assert statuses(report)[TRAINING] == "refused"
    bench.report("plan", "--save", "plans", "--allow-destroy")
    assert (
        statuses(bench.report("apply", "--plans", "plans", "--allow-destroy"))[SHARED] == "applied"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[", "cannot be read"),
        (b"[1]", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b'{"version": 1, "plans": [{}]}', "cannot be read"),
        (b'{"version": 99, "plans": {}}', "another version of Landform: plan again"),
    ],
)
def test_folder_of_plans_that_was_damaged(bench: Bench, content: bytes, said: str) -> None:
    (bench.folder / "plans").mkdir()
    (bench.folder / "plans" / "plans.json").write_bytes(content)
    done = bench.run("apply", "--plans", "plans")
    assert done.returncode == 2
    assert said in done.stderr


def test_folder_of_others_is_left_alone(bench: Bench) -> None:
    done = bench.run("plan", "--save", ".")
    assert done.returncode == 2
    assert (bench.folder / "blueprint.yaml").exists()
    assert bench.run("apply", "--plans", "nowhere").returncode == 2
    assert bench.run("plan", "--save", "blueprint.yaml/below").returncode == 2


def test_output_must_be_up_to_date(bench: Bench) -> None:
    changed = BLUEPRINT.replace("max: 4", "max: 5")
    (bench.folder / "blueprint.yaml").write_text(changed)
    for command in ("plan", "apply", "lock"):
        done = bench.run(command, *(["--yes"] if command == "apply" else []))
        assert done.returncode == 3, done.stderr
        assert "hint: landform compile blueprint.yaml --out generated" in done.stderr
    assert not bench.log()


def test_blueprint_with_errors(bench: Bench) -> None:
    (bench.folder / "blueprint.yaml").write_text(BLUEPRINT.replace("training: training", ""))
    assert bench.run("plan").returncode == 1


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([TRAINING], {TRAINING}),
        (["acme/aws/training/churn"], {TRAINING}),
        (["aws/*/churn"], ALL),
        (["**/churn"], ALL),
        (["aws/p*/churn", "aws/shared/*"], {PRODUCTION, SHARED}),
    ],
)
def test_only(bench: Bench, patterns: list[str], expected: set[str]) -> None:
    words = [word for pattern in patterns for word in ("--only", pattern)]
    assert set(statuses(bench.report("plan", *words))) == expected


def test_only_what_is_not_there(bench: Bench) -> None:
    done = bench.run("plan", "--only", "aws/shard/churn")
    assert done.returncode == 2
    assert 'did you mean "aws/shared/churn"?' in done.stderr


def test_shards_are_disjoint_and_together_all(bench: Bench) -> None:
    parts = [set(statuses(bench.report("plan", "--shard", f"{number}/2"))) for number in (1, 2)]
    assert all(parts)
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == ALL
    words = ("plan", "--only", "aws/p*/churn", "--shard", "2/2")
    assert bench.report(*words)["stacks"] == []


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "a/b"])
def test_shards_that_cannot_be(bench: Bench, shard: str) -> None:
    done = bench.run("plan", "--shard", shard)
    assert done.returncode == 2
    assert "a shard is one of several: 1/4 to 4/4" in done.stderr


def test_list_of_stacks(bench: Bench) -> None:
    (bench.folder / "list").write_text(f"# affected\n{SHARED}\n\nacme/{TRAINING}\n")
    assert set(statuses(bench.report("plan", "--only-from", "list"))) == {SHARED, TRAINING}


@pytest.mark.parametrize("words", [("plan",), ("apply", "--yes")])
def test_empty_list_of_stacks(bench: Bench, words: tuple[str, ...]) -> None:
    (bench.folder / "list").write_text("")
    assert bench.report(*words, "--only-from", "list")["stacks"] == []
    done = bench.run(*words, "--only-from", "list")
    assert (done.returncode, done.stdout) == (0, f"no stacks to {words[0]}\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_list_of_stacks_that_windows_wrote(bench: Bench, encoding: str) -> None:
    (bench.folder / "list").write_text(f"{SHARED}\r\nacme/{TRAINING}\r\n", encoding)
    assert set(statuses(bench.report("plan", "--only-from", "list"))) == {SHARED, TRAINING}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"aws/shared/ch\xfcrn\n"])
def test_list_of_stacks_that_is_no_text(bench: Bench, content: bytes) -> None:
    (bench.folder / "list").write_bytes(content)
    done = bench.run("plan", "--only-from", "list")
    assert done.returncode == 2
    assert '"list" is no list of stacks' in done.stderr


def test_only_what_a_change_affects(bench: Bench) -> None:
    """`--from` names the stacks that `affected` does; `--only` leaves some of those."""
    (bench.folder / "old.yaml").write_text(BLUEPRINT.replace("max: 4", "max: 3"))
    named = bench.run("affected", "--from", "./old.yaml", "--format", "list").stdout.split()
    expected = {name.removeprefix("acme/") for name in named}
    assert expected
    assert expected < ALL
    found = ("--from", "./old.yaml")
    assert set(statuses(bench.report("plan", *found, "--save", "plans"))) == expected
    others = ALL - expected
    other = min(others)
    assert bench.report("plan", *found, "--only", other)["stacks"] == []
    assert set(statuses(bench.report("plan", *found, "--only", "**/churn"))) == expected
    assert bench.run("plan", *found, "--only", "aws/shard/churn").returncode == 2
    assert statuses(bench.report("apply", *found, "--plans", "plans")) == dict.fromkeys(
        expected, "applied"
    )
    assert not [line for line in bench.log() if any(each in line for each in others)]
    (bench.folder / "older.yaml").write_text(BLUEPRINT.replace("name: acme", "name: other"))
    refused = bench.run("apply", "--from", "./older.yaml", "--plans", "plans")
    assert refused.returncode == 2
    missing = re.findall('there is no saved plan of "acme/(.*)"', refused.stderr)
    assert set(missing) <= others
    assert missing


@pytest.mark.parametrize("words", [("plan",), ("apply", "--yes")])
def test_nothing_is_affected(bench: Bench, words: tuple[str, ...]) -> None:
    Repository(bench.folder).save()
    done = bench.run(*words, "--from", "HEAD")
    assert (done.returncode, done.stdout) == (0, f"no stacks to {words[0]}\n"), done.stderr
    assert bench.run(*words, "--from", "nowhere").returncode == 2
    assert not bench.log()


def test_terraform_is_missing(bench: Bench) -> None:
    done = bench.run("plan", "--terraform", "no-such-program")
    assert done.returncode == 4
    assert "hint:" in done.stderr


# ---- Ctrl-C


def test_first_interrupt_lets_terraform_end(bench: Bench) -> None:
    bench.fake(TRAINING, hang="plan")
    process = bench.start("plan", "--jobs", "1", "--report", "report.json")
    bench.await_line(f"hanging plan {TRAINING}")
    bench.interrupt(process)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130, output + errors
    assert f"SIGINT plan {TRAINING}" in bench.log()
    report = json.loads((bench.folder / "report.json").read_text())
    assert statuses(report) == {
        PRODUCTION: "planned",
        TRAINING: "interrupted",
        SHARED: "skipped",
    }
    assert "Traceback" not in errors


def test_second_interrupt_kills(bench: Bench) -> None:
    bench.fake(TRAINING, hang="apply", stubborn=True)
    process = bench.start("apply", "--yes", "--only", TRAINING)
    bench.await_line(f"hanging apply {TRAINING}")
    process.send_signal(signal.SIGTERM)
    bench.await_line(f"SIGINT apply {TRAINING}")
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    bench.interrupt(process)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130, output + errors
    assert "killing Terraform" in errors


# ---- The question


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\x03", 130)])
def test_each_wave_is_asked_for(bench: Bench, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "compiler", "apply", "blueprint.yaml", "--report", "r.json"]
    process = subprocess.Popen(
        [sys.executable, "-c", _CONTROLLED, *command],
        cwd=bench.folder,
        env=bench.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        assert process.stderr
        errors = b""
        questions = 0
        while True:
            ready, _, _ = select.select([process.stderr], [], [], 5)
            if ready:
                chunk = os.read(process.stderr.fileno(), 65536)
                if not chunk:
                    break
                errors += chunk
            asked = errors.count(b"[y/N]")
            # Python misses a signal in the moment between the question and its waiting for input:
            # whoever got no reaction to ^C presses it again.
            if asked > questions or (asked and not ready and answer == "\x03"):
                questions = asked
                time.sleep(0.1)
                os.write(ours, answer.encode())
        process.communicate(timeout=30)
    finally:
        os.close(ours)
    assert process.returncode == code, errors
    report = json.loads((bench.folder / "r.json").read_text())
    expected = {0: "applied", 1: "not-started", 130: "not-started"}[code]
    assert statuses(report) == dict.fromkeys(ALL, expected)
    assert questions == (2 if code == 0 else 1)
    assert b"Apply these 2 stacks?" in errors


# The terminal must be the process's own, for ^C to become a signal.
_CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


# ---- lock


def test_lock_is_made_once_and_copied(bench: Bench) -> None:
    assert bench.run("lock", "--check").returncode == 3
    done = bench.run("lock")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "wrote 4 files\n"
    [kept] = (bench.output / "locks").iterdir()
    assert kept.name.endswith(".terraform.lock.hcl")
    text = kept.read_text()
    assert {(bench.output / path / ".terraform.lock.hcl").read_text() for path in ALL} == {text}
    assert "-platform=darwin_arm64" in text
    assert bench.log().count("begin providers " + bench.log()[0].split()[-1]) == 1
    assert bench.run("lock", "--check").returncode == 0
    # Versions that are locked stay.
    bench.run("lock", "--platform", "linux_arm64")
    assert kept.read_text().startswith(text)
    bench.run("lock", "--upgrade", "--platform", "linux_arm64")
    assert not kept.read_text().startswith(text)


def test_locks_survive_compiling_and_serve_new_stacks(bench: Bench) -> None:
    bench.run("lock")
    [kept] = (bench.output / "locks").iterdir()
    (bench.output / TRAINING / ".terraform.lock.hcl").unlink()
    changed = BLUEPRINT.replace("max: 4", "max: 5")
    (bench.folder / "blueprint.yaml").write_text(changed)
    assert bench.run("compile").returncode == 0
    assert (bench.output / SHARED / ".terraform.lock.hcl").exists()
    bench.run("plan")
    assert (bench.output / TRAINING / ".terraform.lock.hcl").read_text() == kept.read_text()
    assert not [line for line in bench.log() if line.startswith("chose versions")]


def test_lock_fails_with_what_terraform_said(bench: Bench, tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    program.chmod(0o755)
    done = bench.run("lock", "--terraform", str(program))
    assert (done.returncode, done.stdout) == (4, "")
    assert "no network" in done.stderr
    assert not (bench.output / "locks").exists()
