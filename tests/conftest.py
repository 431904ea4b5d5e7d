"""What all tests share: the `--update` option for golden files, how much hypothesis tries, fixtures."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.repository import Repository

# Machines differ too much in speed for a limit per example. CI tries the same examples each time, so
# that a failure there can be repeated.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update",
        action="store_true",
        help="rewrite the expected output of golden tests (refused when CI is set)",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update") and os.environ.get("CI"):
        raise pytest.UsageError("--update rewrites expected output: not in CI")


# The files that take longest, begun first (`--no-loadscope-reorder`): no process shall be left alone
# with one of them at the end.
LONGEST = (
    "tests/running/test_running.py",
    "tests/test_cli.py",
    "tests/test_streaming.py",
    "tests/kinds/test_installed_kinds.py",
    "tests/properties/test_determinism.py",
    "tests/kinds/test_model_catalog_templates.py",
    "tests/importing/test_aws.py",
    "tests/unit/test_synth.py",
    "tests/unit/test_expressions.py",
    "tests/test_diff_command.py",
    "tests/kinds/test_model_serving_manifests.py",
    "tests/graph/test_graph_command.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        file = item.nodeid.partition("::")[0]
        return LONGEST.index(file) if file in LONGEST else len(LONGEST)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """As the command does without a collector, tests do nearly so: it took a fifth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing that an earlier test or the user compiled is remembered."""
    folder = tmp_path_factory.getbasetemp() / f"cache-{next(_NUMBERS)}"
    monkeypatch.setenv("LANDFORM_CACHE", str(folder))


_NUMBERS = itertools.count()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """An empty one in a folder below `tmp_path`, where the test then works."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Repository(folder)


@pytest.fixture
def engine_once(no_memory: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of a stack that a test of this process had from the engine, it is not asked again.

    For tests whose commands compile the same few blueprints: the engine takes most of their time,
    and other tests look at it. Which blueprint compiles to what is still forgotten.
    """
    folder, common = Path(os.environ["LANDFORM_CACHE"]), tmp_path_factory.getbasetemp() / "known"
    common.mkdir(exist_ok=True)
    folder.mkdir(mode=0o700)
    for file in common.iterdir():
        shutil.copy(file, folder)
    yield
    for file in folder.glob("known-*"):
        shutil.copy(file, common)


@pytest.fixture(scope="session")
def update(request: pytest.FixtureRequest) -> bool:
    """Whether golden tests write what they got instead of comparing it."""
    return bool(request.config.getoption("--update"))
