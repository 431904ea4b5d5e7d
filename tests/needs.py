"""What a test needs of its machine: programs, packages, versions."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(why: str) -> NoReturn:
    """What this test needs is not here: CI has everything, so there it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
