"""Runs a command that must not outlive the test run: `python guard.py COMMAND…`.

Standard input is a lifeline, a pipe that the caller holds and that the system closes when the caller
dies, however it dies. Then the whole process group ends: the command and what it started, such as
Terraform's providers. The caller gives this process a session, and so a group, of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    """Run the command; its exit status, or 128 and the signal that ended it."""
    threading.Thread(target=_end_with_the_lifeline, daemon=True).start()
    status = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL)
    return status if status >= 0 else 128 - status


def _end_with_the_lifeline() -> None:
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    # Without the interpreter's own shutdown, which would wait for the reader of the lifeline.
    os._exit(main())
