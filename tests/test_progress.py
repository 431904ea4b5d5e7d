"""What a person who waits is told: how far, how fast, how long."""

from __future__ import annotations

import pytest

from compiler.cli.progress import pace


@pytest.mark.parametrize(
    ("done", "of", "seconds", "told"),
    [
        (0, 3000, 10.0, "0 of 3,000 parts"),
        (10, 3000, 0.5, "10 of 3,000 parts"),
        (600, 3000, 10.0, "600 of 3,000 parts, 60 a second, 40 s left"),
        (600, 30000, 10.0, "600 of 30,000 parts, 60 a second, 8 min 10 s left"),
        (3000, 3000, 10.0, "3,000 of 3,000 parts"),
    ],
)
def test_pace(done: int, of: int, seconds: float, told: str) -> None:
    assert pace(done, of, seconds, "parts") == told
