"""`landform` as a process that starts in a hundredth of the time: see `server`.

For what a command does. What Python itself makes of its surroundings (the encoding of streams, the
seed of hashes, signals from a terminal) needs `python -m compiler`; a test in `test_cli` holds that
both do the same.
"""

from __future__ import annotations

import atexit
import functools
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.served.client import ask

ROOT = Path(__file__).parents[2]


def run(
    folder: Path, words: tuple[str, ...], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What `landform` with those words does in a folder; it reads nothing."""
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        open(os.devnull, encoding="utf-8") as nothing,
    ):
        streams = [stream.fileno() for stream in (nothing, output, errors)]
        code = ask(address(), words, str(folder), environment, streams)
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(words, code, output.read(), errors.read())


def program(path: Path) -> None:
    """Write a program `landform` for shells."""
    client = Path(__file__).with_name("client.py")
    line = shlex.join([sys.executable, "-IS", str(client), address()])
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {line} "$@"\n', "utf-8")
    path.chmod(0o755)


@functools.cache
def address() -> str:
    """The socket of this process's server, which starts when it is first asked for."""
    path = str(Path(tempfile.mkdtemp()) / "socket")
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.served.server", path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(server.communicate)
    assert server.stdout is not None
    assert server.stdout.readline() == b"listening\n"
    return path
