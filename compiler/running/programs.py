"""Runs Terraform, several at once, and stops all of them together.

Each process has a session of its own, so that a Ctrl-C in the terminal reaches only Landform, which
passes it on once. Terraform takes the first SIGINT as a request to end well (it finishes what it is
doing and writes the state) and a second one as an order to drop everything:
https://developer.hashicorp.com/terraform/internals/graph#walking-the-graph
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

Line = Callable[[str], None]


class Stopping(Exception):
    """The run was interrupted: nothing new is started."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended: its exit status and what it printed."""

    code: int
    output: str
    errors: str


class Programs:
    """The programs of one run."""

    def __init__(self) -> None:
        # A signal's handler takes it too, maybe while another call of it has it.
        self._guard = threading.RLock()
        self._running: set[subprocess.Popen[str]] = set()
        self.stopping = False
        self.killed = False

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], line: Line | None = None
    ) -> Finished:
        """Run to its end; `line` gets each line as it is printed. Raises Stopping after `stop`."""
        with self._guard:
            if self.stopping:
                raise Stopping
            process = subprocess.Popen(
                list(command),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                **_OWN_GROUP,
            )
            self._running.add(process)
        try:
            output, errors = _read(process, line)
            return Finished(process.wait(), output, errors)
        finally:
            with self._guard:
                self._running.discard(process)

    def stop(self) -> None:
        """Start nothing new; ask all that run to end."""
        with self._guard:
            self.stopping = True
            for process in self._running:
                with contextlib.suppress(OSError):
                    process.send_signal(_INTERRUPT)

    def kill(self) -> None:
        """End all that run at once, with the plug-ins that they started."""
        with self._guard:
            self.stopping = self.killed = True
            for process in self._running:
                _kill(process)

    @contextlib.contextmanager
    def listening(self, tell: Line) -> Iterator[None]:
        """While the block runs: the first Ctrl-C stops, the second kills; SIGTERM only stops.

        A CI service sends SIGTERM seconds after SIGINT, which must not cost a state.
        """

        def interrupted(number: int, frame: object) -> None:
            if number == signal.SIGINT and self.stopping:
                tell("killing Terraform; its states may be behind and locked")
                self.kill()
            elif not self.stopping:
                tell("stopping: waiting for the running Terraform; Ctrl-C again kills it")
                self.stop()

        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, interrupted) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _read(process: subprocess.Popen[str], line: Line | None) -> tuple[str, str]:
    """What it prints on both streams, until it closes them."""
    texts: dict[str, list[str]] = {"output": [], "errors": []}

    def follow(stream: IO[str], kept: list[str]) -> None:
        for text in stream:
            kept.append(text)
            if line:
                line(text.rstrip("\r\n"))

    assert process.stdout
    assert process.stderr
    pairs = ((process.stdout, texts["output"]), (process.stderr, texts["errors"]))
    threads = [threading.Thread(target=follow, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for stream, _ in pairs:
        stream.close()
    return "".join(texts["output"]), "".join(texts["errors"])


_OWN_GROUP: dict[str, Any]
if sys.platform == "win32":
    _OWN_GROUP = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    _INTERRUPT = signal.CTRL_BREAK_EVENT

    def _kill(process: subprocess.Popen[str]) -> None:
        process.kill()

else:
    _OWN_GROUP = {"start_new_session": True}
    _INTERRUPT = signal.SIGINT

    def _kill(process: subprocess.Popen[str]) -> None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
