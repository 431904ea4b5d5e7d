"""Reads from a repository's objects: which commit a name means, and the files of a path in it.

Calls the git command, and none of its commands that write. Nothing here knows blueprints.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

TIMEOUT_SECONDS = 120
# What a blueprint, the files that it names, a team's own kinds and generated stacks consist of.
SUFFIXES = (".json", ".template", ".yaml", ".yml")
_LINK, _SUBMODULE = "120000", "160000"
_MOST_LINKS = 10


class GitError(RuntimeError):
    """git is missing or failed."""


class RepositoryError(ValueError):
    """The path is in no repository, or not to be had from this one."""


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    object: str
    path: str


def commit_of(revision: str, path: Path) -> str | None:
    """The commit that the revision means in the repository of `path`; None: it has none.

    Raises RepositoryError where the path is in no repository.
    """
    top, _ = _located(path)
    # It would be taken as an option.
    if revision.startswith("-") or not revision or "\0" in revision:
        return None
    done = _run(top, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def is_shallow(path: Path) -> bool:
    """Whether the repository of `path` has a part of its history only."""
    top, _ = _located(path)
    return _run(top, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def extract(commit: str, path: Path, folder: Path) -> Path | None:
    """Write the files of `path` at the commit below `folder`, at the same place in it.

    Gives the path there, or None where the commit has no such path. Of a single file those beside
    and below it come along, as it may name them. Only files with SUFFIXES are written, and links.
    A submodule in the folder is refused: its files are in another repository.
    """
    top, inner = _located(path)
    inner = _followed(top, commit, inner)
    entries = list(_entries(top, commit, inner, recursive=True))
    if not entries and inner:
        return None
    if [entry.path for entry in entries if entry.mode != _SUBMODULE] == [inner]:
        entries = list(_entries(top, commit, posixpath.dirname(inner), recursive=True))
    else:
        _refuse_submodules(entries)
    wanted = [each for each in entries if each.mode == _LINK or each.path.endswith(SUFFIXES)]
    contents = _contents(top, [each.object for each in wanted])
    # Links last, so that nothing is written through one.
    for entry in sorted(wanted, key=lambda each: each.mode == _LINK):
        _write(folder, entry, contents[entry.object])
    return folder / inner if inner else folder


def _refuse_submodules(entries: list[_Entry]) -> None:
    for entry in entries:
        if entry.mode == _SUBMODULE:
            raise RepositoryError(
                f'"{entry.path}" is a submodule: compare a path inside it, or leave it out'
            )


def _located(path: Path) -> tuple[Path, str]:
    """The work tree's root, and the path from there on with slashes ("" for the root itself)."""
    absolute = Path(os.path.abspath(path))
    base = absolute
    while not base.is_dir() or base.is_symlink():
        if base == base.parent:
            break
        base = base.parent
    done = _run(base, "rev-parse", "--show-toplevel", "--show-prefix")
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip()
        if "not a git repository" in words:
            raise RepositoryError(f'"{path}" is in no git repository, so it has no revisions')
        raise GitError(words.removeprefix("fatal: "))
    top, prefix = os.fsdecode(done.stdout).split("\n")[:2]
    inner = posixpath.normpath(posixpath.join(prefix, absolute.relative_to(base).as_posix()))
    return Path(top), "" if inner == "." else inner


def _followed(top: Path, commit: str, inner: str) -> str:
    """The path with the links in it followed, as they were at the commit."""
    for _ in range(_MOST_LINKS):
        parents = [str(each) for each in PurePosixPath(inner).parents if str(each) != "."]
        steps = [*reversed(parents), inner] if inner else []
        found = {each.path: each for each in _entries(top, commit, *steps)} if steps else {}
        link = next((s for s in steps if s in found and found[s].mode == _LINK), None)
        if link is None:
            return inner
        target = os.fsdecode(_contents(top, [found[link].object])[found[link].object])
        joined = posixpath.normpath(posixpath.join(posixpath.dirname(link), target))
        if target.startswith("/") or joined == ".." or joined.startswith("../"):
            raise RepositoryError(f'"{link}" was a link out of the repository')
        inner = posixpath.normpath(joined + inner[len(link) :])
        inner = "" if inner == "." else inner
    raise RepositoryError(f'"{inner}" was a link in a circle')


def _entries(top: Path, commit: str, *paths: str, recursive: bool = False) -> Iterator[_Entry]:
    options = ["-z", "--full-tree", *(["-r"] if recursive else [])]
    given = [path for path in paths if path]
    done = _run(top, "--literal-pathspecs", "ls-tree", *options, commit, "--", *given)
    if done.returncode != 0:
        raise GitError(done.stderr.decode("utf-8", "replace").strip())
    for line in done.stdout.split(b"\0"):
        if line:
            head, _, name = line.partition(b"\t")
            mode, _, object_ = head.decode().split(" ")
            yield _Entry(mode, object_, os.fsdecode(name))


def _contents(top: Path, objects: list[str]) -> dict[str, bytes]:
    """The bytes of objects by their ids."""
    names = list(dict.fromkeys(objects))
    done = _run(top, "cat-file", "--batch", given="".join(f"{n}\n" for n in names).encode())
    if done.returncode != 0:
        raise GitError(done.stderr.decode("utf-8", "replace").strip())
    found: dict[str, bytes] = {}
    place = 0
    for name in names:
        end = done.stdout.index(b"\n", place)
        head = done.stdout[place:end].decode()
        if not head.split()[-1].isdigit():
            raise GitError(f"the repository lacks an object: {head}")
        size = int(head.split()[-1])
        found[name] = done.stdout[end + 1 : end + 1 + size]
        place = end + size + 2
    return found


def _write(folder: Path, entry: _Entry, content: bytes) -> None:
    parts = entry.path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise RepositoryError(f'the repository has a path that no folder can have: "{entry.path}"')
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.mode == _LINK:
        os.symlink(os.fsdecode(content), target)
    else:
        target.write_bytes(content)


def _run(
    folder: Path, *arguments: str, given: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    if shutil.which("git") is None:
        raise GitError("git is not on PATH; install it to compare revisions")
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            input=given,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            env={**os.environ, **quiet},
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise GitError(f"git failed: {error}") from error
