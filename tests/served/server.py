"""Runs `landform` for tests: `python -m tests.served.server SOCKET`.

It has imported what the commands need, which takes half a second each time, and forks for each
request: so a command has a process, streams, folder and environment of its own as otherwise, and
ends as Python ends. When its standard input closes, with the test run that started it, it ends and
removes the socket and its folder.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import pkgutil
import select
import signal
import socket
import sys

import compiler.cli.commands
from compiler.cli import main


def requested() -> bool:
    """Answer requests: in the process of a command true, with all as the command shall find it."""
    for each in pkgutil.iter_modules(compiler.cli.commands.__path__, "compiler.cli.commands."):
        importlib.import_module(each.name)
    gc.collect()
    gc.freeze()  # else the first collection of each command would copy every page
    ended, end = os.pipe()
    os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(end)
    waiting: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(sys.argv[1])
        listening.listen(16)
        print("listening", flush=True)
        while True:
            ready, _, _ = select.select([listening, ended, sys.stdin], [], [])
            if ended in ready:
                os.read(ended, 4096)
                _tell(waiting)
            if listening in ready:
                connection, _ = listening.accept()
                request, streams = _received(connection)
                command = os.fork()
                if command == 0:
                    _become(request, streams)
                    return True
                waiting[command] = connection
                for stream in streams:
                    os.close(stream)
            if sys.stdin in ready:
                os.unlink(sys.argv[1])
                os.rmdir(os.path.dirname(sys.argv[1]))
                return False


def _tell(waiting: dict[int, socket.socket]) -> None:
    """Each command's exit code to who waits for it."""
    for command in list(waiting):
        done, status = os.waitpid(command, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            with waiting.pop(command) as connection:
                connection.sendall((code if code >= 0 else 128 - code).to_bytes(4, "big"))


def _received(connection: socket.socket) -> tuple[bytes, list[int]]:
    length, streams, _, _ = socket.recv_fds(connection, 8, 3)
    request = b""
    while len(request) < int.from_bytes(length, "big"):
        request += connection.recv(1 << 20)
    return request, streams


def _become(request: bytes, streams: list[int]) -> None:
    """The surroundings that a process started for it would have."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    count, *told = os.fsdecode(request).split("\0")
    words, folder, pairs = told[: int(count)], told[int(count)], told[int(count) + 1 :]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(pair.split("=", 1) for pair in pairs)
    sys.argv = ["landform", *words]
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
    sys.stdout = _writer(1, "strict")
    sys.stderr = _writer(2, "backslashreplace")


def _writer(number: int, errors: str) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
    lines = errors != "strict" or os.isatty(number)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors=errors, line_buffering=lines)


if __name__ == "__main__" and requested():
    main()
