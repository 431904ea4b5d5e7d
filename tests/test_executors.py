"""The engine's work on a Dask cluster: two workers of their own, over the network."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from compiler import executors, printing, streaming
from compiler.cli.entry import landform
from compiler.executors import Cluster
from compiler.terraform.synth import EngineError

ROOT = Path(__file__).parent.parent
BLUEPRINT = ROOT / "docs" / "examples" / "ml-pipeline.yaml"

# A real cluster, whose event loop warns of what it leaves when it ends.
pytestmark = [pytest.mark.rig, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from distributed import LocalCluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        cluster = LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            processes=True,
        )
        with cluster:
            yield cluster.scheduler_address.replace("tcp://", executors.SCHEME)


def compiled(out: Path, *options: str, code: int = 0) -> dict[str, bytes]:
    arguments = ["compile", str(BLUEPRINT), "--out", str(out), "--no-cache", *options]
    done = CliRunner().invoke(landform, arguments)
    assert done.exit_code == code, done.output
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_two_workers_give_the_same_bytes(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = compiled(tmp_path / "alone", "--jobs", "1")
    monkeypatch.setattr(streaming, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(printing, "SHARE", 1)
    monkeypatch.setattr(printing, "synthesize", None)  # not here
    assert compiled(tmp_path / "cluster", "--executor", address) == alone
    assert len(alone) > 3


def test_the_work_is_done_by_both_and_not_here(address: str) -> None:
    with executors.executor(address, 1) as cluster:
        assert cluster is not None
        gate = [cluster.submit(_slow_pid, number) for number in range(8)]
        processes = {future.result(60) for future in gate}
    assert len(processes) == 2
    assert os.getpid() not in processes


def _slow_pid(number: int) -> int:
    import time

    time.sleep(0.2)
    return os.getpid()


def test_an_error_of_the_work_comes_back_as_it_is(address: str) -> None:
    with executors.executor(address, 1) as cluster:
        assert cluster is not None
        with pytest.raises(EngineError, match="there is no Node"):
            cluster.submit(_fail).result(60)


def _fail() -> None:
    raise EngineError("there is no Node")


def test_a_worker_of_another_landform_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as threads:
        cluster = Cluster(threads)
        assert cluster.submit(len, "four").result() == 4
        digests = iter(("mine", "theirs"))
        monkeypatch.setattr(executors, "digest", lambda: next(digests))
        with pytest.raises(EngineError, match="another version of Landform"):
            cluster.submit(len, "four").result()


def test_work_that_is_cancelled_is_a_broken_executor() -> None:
    with ThreadPoolExecutor(1) as threads:
        busy = threads.submit(_slow_pid, 0)
        lost = Cluster(threads).submit(len, "four")
        threads.shutdown(wait=False, cancel_futures=True)
        with pytest.raises(BrokenExecutor):
            lost.result()
        assert busy.result()


def test_no_scheduler_is_a_failed_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "PATIENCE", "1s")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with (
        pytest.raises(EngineError, match="no Dask scheduler answers"),
        executors.executor(f"dask://127.0.0.1:{port}", 1),
    ):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "dask://", "dask://host", "processes"])
def test_an_address_of_another_form_is_wrong_usage(address: str, tmp_path: Path) -> None:
    compiled(tmp_path, "--executor", address, code=2)
