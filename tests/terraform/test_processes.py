"""Programs that the rig starts end with it: after a timeout, and when the test run is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.terraform.processes import run

pytestmark = pytest.mark.rig

# Starts a child of its own, as Terraform starts its providers; writes both process ids.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}\\n")
time.sleep(60)
"""
CALLER = """
import os, sys
from tests.terraform.processes import run
run([sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ)
"""
ROOT = Path(__file__).parents[2]


def _started(file: Path) -> list[int]:
    for _ in range(200):
        if file.exists() and file.read_text().endswith("\n"):
            return [int(word) for word in file.read_text().split()]
        time.sleep(0.05)
    raise AssertionError("nothing was started")


def _ended(pid: int) -> bool:
    """Whether a process is gone; one that nobody has waited for yet counts as gone."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_output_and_status_come_back() -> None:
    result = run([sys.executable, "-c", "print('out'); raise SystemExit(3)"], os.environ)
    assert (result.returncode, result.stdout) == (3, "out\n")


def test_a_signal_is_told(tmp_path: Path) -> None:
    result = run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], os.environ)
    assert result.returncode == 128 + signal.SIGKILL


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_a_timeout_ends_the_children_too(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    with pytest.raises(subprocess.TimeoutExpired):
        run([sys.executable, "-c", PARENT, str(file)], os.environ, timeout=3)
    assert all(map(_ended, _started(file)))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_a_killed_test_run_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    caller = subprocess.Popen([sys.executable, "-c", CALLER, PARENT, str(file)], cwd=ROOT)
    pids = _started(file)
    caller.kill()
    caller.wait()
    assert all(map(_ended, pids))
