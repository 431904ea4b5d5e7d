"""Blueprints that the repository's own output does not show, compiled as a user would.

`blueprints/` holds them: other names, regions, partitions, sources, numbers of accounts. The two in
`APPLIED` are those that cover the most; the rest is validated.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BLUEPRINTS = Path(__file__).parent / "blueprints"
NAMES = sorted(file.stem for file in BLUEPRINTS.glob("*.yaml"))
APPLIED = ("northwind", "solo")


def compile_variants(out: Path) -> Path:
    """Compile all of them into a folder, by the command line."""
    command = [sys.executable, "-m", "compiler", "compile", str(BLUEPRINTS), "--out", str(out)]
    result = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return out
