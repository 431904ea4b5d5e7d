"""`landform` by the server: `python -IS client.py SOCKET WORD…`, for shells.

Gives the server its own streams, folder and environment, waits, and ends with the exit code of the
command. Imports as little as it can: to start fast is what it is for.
"""

from __future__ import annotations

import os
import socket
import sys
from array import array
from collections.abc import Mapping, Sequence


def ask(
    address: str,
    words: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    streams: Sequence[int],
) -> int:
    """Have a command run with those descriptors as its streams; its exit code."""
    pairs = [f"{name}={value}" for name, value in environment.items()]
    told = [str(len(words)), *words, folder, *pairs]
    request = "\0".join(told).encode(errors="surrogateescape")
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", streams))]
        server.sendmsg([len(request).to_bytes(8, "big")], rights)
        server.sendall(request)
        answer = server.recv(4, socket.MSG_WAITALL)
    if len(answer) < 4:
        raise ConnectionError("the server of commands ended")
    return int.from_bytes(answer, "big")


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1], sys.argv[2:], os.getcwd(), os.environ, (0, 1, 2)))
