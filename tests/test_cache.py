"""What is remembered of earlier compiles never changes what a compile comes to."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from compiler import cache as cache_module
from compiler import compilation, printing, streaming
from compiler.cli.entry import landform
from compiler.streaming import Streaming
from compiler.terraform.document import Json
from compiler.terraform.synth import EngineError

BLUEPRINT = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts:
  one: {id: "111111111111"}
  two: {id: "222222222222"}
components:
  alarms: {kind: alarms, for_each: {accounts: "**"}}
  catalog:
    kind: model-catalog
    account: one
    portfolio: {name: models, provider: ML}
    share_to: two
    audience: [{role: data-scientist}]
    products:
      churn: {template: churn.yaml, versions: [{name: v1}]}
"""
KIND = """\
summary: Alarms
inputs: {account: {type: account}}
stacks:
  account:
    resources:
      aws_sns_topic: {alarms: {name: alarms}}
      aws_sqs_queue: {alarms: {name: alarms, delay_seconds: 5}}
"""
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters: {Name: {Type: String}}
Resources: {Topic: {Type: "AWS::SNS::Topic", Properties: {TopicName: !Ref Name}}}
"""


class Place:
    """A blueprint, its output and a cache; counts how often it was really compiled."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.blueprint = folder / "blueprint"
        self.out = folder / "out"
        self.cache = folder / "cache"
        self.compiled = 0
        (self.blueprint / "kinds").mkdir(parents=True)
        (self.blueprint / "landform.yaml").write_text(BLUEPRINT)
        (self.blueprint / "kinds" / "alarms.yaml").write_text(KIND)
        (self.blueprint / "churn.yaml").write_text(TEMPLATE)
        really = compilation.compile_blueprints

        def counted(path: Path, maker: compilation.Maker | None = None) -> compilation.Compilation:
            self.compiled += 1
            return really(path, maker)

        monkeypatch.setattr(compilation, "compile_blueprints", counted)

    def run(self, *options: str, code: int = 0) -> str:
        arguments = ["compile", str(self.blueprint), "--out", str(self.out), *options]
        done = CliRunner().invoke(landform, [*arguments, "--cache", str(self.cache), "--jobs", "1"])
        assert done.exit_code == code, done.output
        return done.output

    def again(self, code: int = 0) -> bool:
        """Whether the next run compiles; what it leaves must be what is left without a cache."""
        before = self.compiled
        self.run(code=code)
        compiled = self.compiled > before
        if code == 0:
            self.run("--no-cache", "--check")
        return compiled


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path, monkeypatch)
    place.run()
    assert place.compiled == 1
    return place


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_nothing_changed_compiles_nothing(place: Place) -> None:
    before = {path: path.stat().st_mtime_ns for path in place.out.rglob("*")}
    assert not place.again()
    assert "up to date" in place.run("--check")
    assert place.compiled == 2  # the one of `again` without a cache
    assert {path: path.stat().st_mtime_ns for path in place.out.rglob("*")} == before


def main(place: Place) -> Path:
    return place.out / "acme" / "aws" / "one" / "alarms" / "main.tf.json"


def add_stack(place: Place) -> None:
    """One that no component makes any more, without resources."""
    shutil.copytree(main(place).parent, main(place).parents[1] / "gone")
    edit(main(place).parents[1] / "gone" / "main.tf.json", '"resource"', '"locals"')


CHANGES: dict[str, Callable[[Place], None]] = {
    "a line of the blueprint": lambda p: edit(
        p.blueprint / "landform.yaml", "name: v1", "name: v2"
    ),
    "a further file": lambda p: (
        (p.blueprint / "more.yaml").write_text('accounts: {three: {id: "333333333333"}}'),
        None,
    )[1],
    "the team's kind": lambda p: edit(
        p.blueprint / "kinds/alarms.yaml", "delay_seconds: 5", "delay_seconds: 6"
    ),
    "a file that a component names": lambda p: edit(p.blueprint / "churn.yaml", "Topic:", "Other:"),
    "a file of the output": lambda p: edit(main(p), '"alarms"', '"alarm"'),
    "a file of the output that is gone": lambda p: main(p).unlink(),
    "an asset": lambda p: next(p.out.rglob("assets/*/*")).write_text("{}") and None,
    "a stack that is not made": add_stack,
    "an interrupted run": lambda p: (
        (p.out / "acme" / ".landform.journal").write_text('{"version": 1, "paths": {}}'),
        None,
    )[1],
    "a cache that is gone": lambda p: shutil.rmtree(p.cache),
    "a cache that is damaged": lambda p: (
        [path.write_bytes(path.read_bytes()[:-1]) for path in p.cache.iterdir()] and None
    ),
    "a cache that others can write": lambda p: os.chmod(p.cache, 0o777),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_is_seen(place: Place, what: str) -> None:
    CHANGES[what](place)
    assert place.again()


def test_another_version_of_landform_compiles(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "program", lambda: "another")
    assert place.again()
    assert not place.again()


def test_the_program_s_digest_is_of_its_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cache_module, "__file__", str(tmp_path / "cache.py"))
    digests = set()
    for name, text in (("a.py", "1"), ("a.py", "2"), ("b.json", "2"), ("deep.py", "")):
        (tmp_path / name).write_text(text)
        digests.add(cache_module.program.__wrapped__())
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    (tmp_path / "thing-1.0.dist-info").mkdir()
    digests.add(cache_module.program.__wrapped__())
    assert len(digests) == 5


def test_errors_are_told_again(place: Place) -> None:
    edit(place.blueprint / "landform.yaml", "share_to: two", "share_to: three")
    assert place.again(code=1)
    assert place.again(code=1)


def test_removed_stacks_are_looked_at_each_time(place: Place) -> None:
    edit(place.blueprint / "landform.yaml", 'accounts: "**"', "accounts: one")
    (place.blueprint / "removed.yaml").write_text("removed: [aws/two/alarms]")
    assert place.again()
    assert place.again()


def test_another_output_folder_is_written(place: Place) -> None:
    place.out = place.out.with_name("other")
    assert "wrote" in place.run()
    assert main(place).is_file()


def test_only_so_many_records_are_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "KEPT", 2)
    for number in range(3):
        edit(place.blueprint / "kinds/alarms.yaml", "summary: Alarms", f"summary: Alarms{number}")
        assert place.again()
        edit(place.blueprint / "kinds/alarms.yaml", f"Alarms{number}", "Alarms")
    assert len(list(place.cache.iterdir())) == 2


def test_a_cache_folder_that_cannot_be_made_does_no_harm(place: Place) -> None:
    place.cache.rename(place.cache.with_name("old"))
    place.cache.write_text("a file")
    done = CliRunner().invoke(
        landform,
        [
            "compile",
            str(place.blueprint),
            "--out",
            str(place.out),
            "--cache",
            str(place.cache / "x"),
        ],
    )
    assert done.exit_code == 0, done.output


def engine_work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stacks that go through the engine from now on."""
    seen: list[str] = []
    really = printing.synthesize

    def noted(documents: Mapping[str, Mapping[str, Json]]) -> dict[str, dict[str, Json]]:
        seen.extend(documents)
        return really(documents)

    monkeypatch.setattr(printing, "synthesize", noted)
    return seen


def test_only_changed_stacks_go_through_the_engine(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = engine_work(monkeypatch)
    edit(place.blueprint / "landform.yaml", 'id: "222222222222"', 'id: "222222222223"')
    place.run()
    assert sorted(seen) == ["aws/one/catalog", "aws/two/alarms", "aws/two/catalog"]
    place.run("--no-cache", "--check")


def test_what_is_wrong_is_never_known(place: Place) -> None:
    edit(place.blueprint / "kinds/alarms.yaml", "name: alarms", "name: alarms, kms_key: x")
    assert "E501" in place.run(code=1)
    assert "E501" in place.run(code=1)


def test_nothing_is_known_to_another_version(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = engine_work(monkeypatch)
    monkeypatch.setattr(cache_module, "program", lambda: "another")
    assert place.again()
    assert set(seen) >= {"aws/one/alarms", "aws/two/alarms", "aws/one/catalog"}


def test_any_executor_gives_the_same_bytes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def tree(executor: Executor | None = None) -> Mapping[str, bytes]:
        maker = Streaming(executor=executor)
        (compiled,) = compilation.compile_blueprints(place.blueprint, maker).blueprints
        return compiled.tree()

    monkeypatch.setattr(streaming, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(printing, "SHARE", 1)
    alone = tree()
    with printing.processes(3) as executor:
        assert tree(executor) == alone
    with ThreadPoolExecutor(1) as executor:
        assert tree(executor) == alone


def test_a_process_that_dies_is_a_failed_tool() -> None:
    with printing.processes(2) as executor:
        assert executor is not None
        printer = printing.Printer(executor)
        printer._futures.append(executor.submit(os._exit, 1))
        with pytest.raises(EngineError, match="process ended"):
            printer.texts({})


def test_a_process_that_died_before_it_was_given_more_is_a_failed_tool() -> None:
    with printing.processes(2) as executor:
        assert executor is not None
        with pytest.raises(BrokenExecutor):
            executor.submit(os._exit, 1).result()
        with pytest.raises(EngineError, match="process ended"):
            printing.Printer(executor).begin({"aws/one/alarms": {}})


WAITING = """
import os, time
from compiler.printing import processes
if __name__ == "__main__":
    with processes(2) as executor:
        print(executor.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_process_ends_with_the_one_that_began_it(tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text(WAITING)
    command = [sys.executable, str(tmp_path / "waiting.py")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as began:
        assert began.stdout is not None
        worker = int(began.stdout.readline())
        os.kill(worker, 0)
        began.kill()
    for _ in range(100):
        if not _lives(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    raise AssertionError("it waits for work")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # One that ended and that nobody asks for is no more than a number.
    state = Path(f"/proc/{process}/stat")
    return not (state.exists() and ") Z " in state.read_text())


@pytest.mark.skipif(os.name == "nt", reason="/dev/full")
def test_what_a_full_disk_cuts_short_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any, **named: Any) -> Any:
        made = really(*given, **named)
        with open("/dev/full", "wb") as nothing:
            os.dup2(nothing.fileno(), made.fileno())
        return made

    really = tempfile.NamedTemporaryFile
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    cache_module.Cache(tmp_path / "cache").write("name", b"content" * 10_000)
    assert not list((tmp_path / "cache").iterdir())


def test_an_engine_error_of_another_process_is_the_same() -> None:
    error = EngineError("there is no Node")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
