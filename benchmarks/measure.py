"""What a command takes: seconds, seconds of all processors, the memory of all its processes.

Reads /proc, so Linux only. Memory is the sum of the resident sizes of the command and all below it, looked
at every 20 ms: pages that two share are counted twice.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = 1 / os.sysconf("SC_CLK_TCK")
PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Seconds by the clock and of all processors; the peak of memory in MiB."""

    wall: float
    cpu: float
    peak: float


class Failed(Exception):
    """A command of the benchmark ended with an unexpected code."""


def run(
    command: Sequence[str], env: Mapping[str, str] | None = None, codes: tuple[int, ...] = (0,)
) -> Taken:
    """Run `command` to its end."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=None if env is None else dict(env),
    )
    watch = _Watch(process.pid)
    watch.start()
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    watch.stop()
    if process.returncode not in codes:
        raise Failed(f"{' '.join(command)}: {process.returncode}\n{errors.decode()[-2000:]}")
    # What nobody waited for is missing from the one, what ended between two looks from the other.
    cpu = max(usage.ru_utime + usage.ru_stime, watch.cpu)
    return Taken(wall=wall, cpu=cpu, peak=watch.peak)


class _Watch(threading.Thread):
    """Looks at a process and all below it until it is stopped."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self._root = root
        self._cpu: dict[int, float] = {}
        self._over = threading.Event()

    @property
    def cpu(self) -> float:
        return sum(self._cpu.values())

    def run(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            pages = 0
            for process in _family(self._root):
                try:
                    pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
                    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                except (OSError, IndexError):
                    continue
                self._cpu[process] = (int(fields[11]) + int(fields[12])) * TICK
            self.peak = max(self.peak, pages * PAGE / 2**20)

    def stop(self) -> None:
        self._over.set()
        self.join()


def _family(root: int) -> list[int]:
    """The process and all below it."""
    found = [root]
    for process in found:
        try:
            for task in os.listdir(f"/proc/{process}/task"):
                text = Path(f"/proc/{process}/task/{task}/children").read_text()
                found += map(int, text.split())
        except OSError:
            continue
    return found
