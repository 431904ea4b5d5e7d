"""A line that says what is going on, for a person who waits longer than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 1.0


# Told how much of how many is done.
Watch = Callable[[int, int], None]
# A rate of less than this long says little.
STEADY_SECONDS = 2.0


@contextmanager
def progress(what: str, unit: str = "") -> Iterator[Watch]:
    """Show `what` on standard error while the block runs, if it is a terminal and it takes long.

    The block may tell how far it is, in things called `unit`: then rate and time left are shown as well.
    """
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.console import Console  # a tenth of a second that only a terminal needs

    status = Console(stderr=True).status(what)
    timer = threading.Timer(PATIENCE_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    begun = time.monotonic()

    def watch(done: int, of: int) -> None:
        status.update(f"{what}: {pace(done, of, time.monotonic() - begun, unit)}")

    try:
        yield watch
    finally:
        timer.cancel()
        status.stop()


def pace(done: int, of: int, seconds: float, unit: str) -> str:
    """How far something is, how fast it goes, how long it will take.

    >>> pace(600, 3000, 10.0, "components")
    '600 of 3,000 components, 60 a second, 40 s left'
    """
    text = f"{done:,} of {of:,} {unit}"
    if seconds < STEADY_SECONDS or not 0 < done < of:
        return text
    rate = done / seconds
    left = round((of - done) / rate)
    minutes = f"{left // 60} min {left % 60} s" if left >= 60 else f"{left} s"
    return f"{text}, {rate:,.0f} a second, {minutes} left"
