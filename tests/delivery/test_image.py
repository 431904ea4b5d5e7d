"""The Dockerfile, as far as no image need be built: what it is made of, and that this is enough."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.delivery.files import DOCKERFILE
from tests.pages.walkthrough import ROOT


def copied() -> list[str]:
    """What the image is made of, as the Dockerfile copies it from this repository."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text("utf-8"), flags=re.M)
    return [name for line in lines for name in line.split()]


def test_the_image_is_made_of_what_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied()
    for name in copied():
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored
    assert "*" in ignored


def test_the_image_starts_the_program_of_this_package() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    (entry,) = re.findall(r'^ENTRYPOINT \["(.+)"\]$', text, flags=re.M)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert entry in project["scripts"]
    (python,) = re.findall(r"^ARG PYTHON=(\d+\.\d+)", text, flags=re.M)
    assert Version(python) in SpecifierSet(project["requires-python"])
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", text, flags=re.M)
    assert stages[-1] == ("landform", ""), "what `docker build .` makes"
    assert ("landform", "with-terraform") in stages


def test_the_image_needs_nothing_that_is_not_copied(tmp_path: Path) -> None:
    """Its files alone make the package, with every file of the compiler."""
    source = tmp_path / "source"
    for name in copied():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(place, source / name)
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [
            sys.executable,
            *words,
            "--disable-pip-version-check",
            "--no-compile",
            "--target",
            "out",
            "./source",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    made = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*")}
    files = {
        p.relative_to(source).as_posix() for p in (source / "compiler").rglob("*") if p.is_file()
    }
    assert files <= made
