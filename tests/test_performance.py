"""Time and memory follow the size. Limits are far from what is measured: other work on a machine must not fail them.

`make bench` measures; its figures are in docs/performance.md.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.floor import floor
from benchmarks.organisation import blueprint, one_line_changed
from compiler import printing, shares
from compiler.cache import Cache
from compiler.compilation import compile_blueprints
from compiler.emission import apply, plan_all
from compiler.share_records import ShareRecords
from compiler.streaming import Streaming
from compiler.terraform.document import Json
from compiler.terraform.text import canonical


@pytest.fixture(autouse=True)
def _shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones, of a small organisation; the engine is other people's."""
    monkeypatch.setattr(shares, "FEW", 1)
    monkeypatch.setattr(shares, "LEAST", 6)
    monkeypatch.setattr(shares, "MOST", 12)
    monkeypatch.setattr(printing, "synthesized", printed)


def printed(documents: Mapping[str, Mapping[str, Json]]) -> dict[str, bytes]:
    return {path: canonical(each).encode() for path, each in documents.items()}


def compiled(source: Path, out: Path) -> float:
    """Processor seconds of a compile as the command does it."""
    begin = time.process_time()
    maker = Streaming(out=out, records=ShareRecords(Cache(source.parent / "cache")))
    compilation = compile_blueprints(source, maker)
    assert not compilation.diagnostics
    assert not apply(plan_all(compilation.blueprints, out))
    return time.process_time() - begin


def organisation(folder: Path, accounts: int) -> Path:
    source = folder / f"{accounts}" / "landform.yaml"
    source.parent.mkdir(parents=True)
    source.write_text(blueprint(accounts, plain=True))
    return source


@pytest.mark.rig  # too long for the fast tests
def test_seconds_to_the_floor_and_by_size(tmp_path: Path) -> None:
    small, large = organisation(tmp_path, 48), organisation(tmp_path, 144)
    compiled(small, tmp_path / "first")  # what is done once for a process
    small.parent.joinpath("cache").rename(tmp_path / "away")
    one, three = (compiled(each, tmp_path / each.parent.name / "out") for each in (small, large))
    assert three < 3 * 2.5 * one
    lowest = floor(tmp_path / "144" / "out", tmp_path / "floor").cpu
    assert three < 40 * lowest
    large.write_text(one_line_changed(large.read_text()))
    assert compiled(large, tmp_path / "144" / "out") < three / 2


@pytest.mark.rig  # too long for the fast tests
def test_memory_holds_a_few_shares(tmp_path: Path) -> None:
    """Of three times the accounts it takes little more at once."""
    peaks = []
    for accounts in (24, 24, 72):  # the first fills tables that are kept
        source = organisation(tmp_path / str(len(peaks)), accounts)
        gc.collect()
        tracemalloc.start()
        compiled(source, source.parent / "out")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.8 * peaks[1]
