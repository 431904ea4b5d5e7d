"""Where the engine works: in other processes of this machine, or on the machines of a Dask cluster.

Both are a `concurrent.futures.Executor`; what they run is the same, and so is what comes back. A worker of a
cluster must have the very files of Landform that this process has, and refuses to work otherwise.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from compiler.printing import processes
from compiler.terraform.synth import EngineError

SCHEME = "dask://"
# A scheduler that is there answers at once; one that is just starting takes some seconds.
PATIENCE = "15s"

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def executor(address: str | None, jobs: int) -> Iterator[Executor | None]:
    """The cluster at `dask://HOST:PORT`, or else as many processes as `jobs`, this one included.

    Raises EngineError where there is no cluster.
    """
    if address is None:
        with processes(jobs) as local:
            yield local
        return
    try:
        client_of: Any = importlib.import_module("distributed").Client
    except ImportError:
        raise EngineError(f"{address}: distributed is missing: install landform[dask]") from None
    try:
        client = client_of(f"tcp://{address.removeprefix(SCHEME)}", timeout=PATIENCE)
    except OSError as error:
        raise EngineError(f"{address}: no Dask scheduler answers ({error})") from None
    with client:
        yield Cluster(client.get_executor(pure=False))


class Cluster(Executor):
    """Another executor, whose workers must be of the same Landform."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, work: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> Future[T]:
        """As the interface says; whatever fails in the cluster itself is a broken executor."""
        run = functools.partial(_alike, digest(), work)
        there = self._executor.submit(run, *args, **named)
        here: Future[T] = Future()
        here.set_running_or_notify_cancel()
        there.add_done_callback(functools.partial(_hand_on, here))
        return here

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As the interface says."""
        self._executor.shutdown(wait)


def _hand_on(here: Future[Any], there: Future[Any]) -> None:
    try:
        error = None if there.cancelled() else there.exception()
        if there.cancelled() or type(error).__module__.partition(".")[0] == "distributed":
            here.set_exception(BrokenExecutor(f"the cluster gave up: {error or 'cancelled'}"))
        elif error is not None:
            here.set_exception(error)
        else:
            here.set_result(there.result())
    except Exception as error:
        here.set_exception(BrokenExecutor(str(error)))


def _alike(wanted: str, work: Callable[..., T], *args: Any, **named: Any) -> T:
    if digest() != wanted:
        raise EngineError("a worker of the cluster has another version of Landform")
    return work(*args, **named)


@functools.cache
def digest() -> str:
    """Of the code of Landform in this process."""
    total = hashlib.sha256()
    package = Path(__file__).parent
    for folder, folders, names in os.walk(package):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            path = Path(folder, name)
            total.update(path.relative_to(package).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
