"""A line that says what is going on, for a person who waits longer than a second."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 1.0


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show `what` on standard error while the block runs, if it is a terminal and it takes long."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # a tenth of a second that only a terminal needs

    status = Console(stderr=True).status(what)
    timer = threading.Timer(PATIENCE_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        status.stop()
