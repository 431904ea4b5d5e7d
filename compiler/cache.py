"""What earlier runs came to: whether the output folder is up to date, without compiling.

A record says which files, by their SHA-256, a blueprint compiles to. Its name is a hash of all that a
compile depends on: the blueprint's files, Landform's own, the Python that runs it and what is installed
there. So a record is never out of date, and any may be lost. The output is always read: what is up to date
is what has the very bytes. A record that is damaged is no record.

Not remembered are compiles that had anything to say, that read the output (`removed`), or that used an
installed kind, whose code may change without a new version.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from compiler.blueprint.files import (
    Beside,
    BlueprintFiles,
    SourceFile,
    holds_several,
    read_blueprints,
)
from compiler.tree import Changes
from compiler.tree_present import CLOUDS, JOURNAL, MAIN, PART, Disk, organizations_present

# Records that are kept: one for each state of a blueprint that is compiled now and again.
KEPT = 50

Digests = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one compile read beside the blueprints' own files, and the files that it made.

    `beside` has for each blueprint the files by path, `trees` for each organisation; both with digests.
    """

    beside: tuple[Digests, ...]
    trees: tuple[tuple[str, Digests], ...]


def default_folder() -> Path:
    """`landform/compiled` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "landform" / "compiled"


class Cache:
    """The records in `folder`. What cannot be read or written there is as if it were not."""

    def __init__(self, folder: Path, kept: int | None = None) -> None:
        self.folder = folder
        self._kept = kept

    def get(self, key: str) -> Record | None:
        """The record of that name."""
        text = self.read(key)
        if text is None:
            return None
        raw = json.loads(text)
        return Record(
            beside=tuple(raw["beside"]), trees=tuple((name, files) for name, files in raw["trees"])
        )

    def put(self, key: str, record: Record) -> None:
        """Keep `record`."""
        text = json.dumps({"beside": record.beside, "trees": record.trees}, separators=(",", ":"))
        self.write(key, text.encode())

    def read(self, name: str) -> bytes | None:
        """What was written under that name, if it is whole."""
        try:
            if not _private(self.folder):
                return None
            content = (self.folder / name).read_bytes()
        except OSError:
            return None
        digest, packed = content[:32], content[32:]
        return zlib.decompress(packed) if _seal(name, packed) == digest else None

    def write(self, name: str, content: bytes) -> None:
        """Keep `content`, and drop the oldest of too many files."""
        packed = zlib.compress(content, 1)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _private(self.folder):
                return
            file = tempfile.NamedTemporaryFile(dir=self.folder, delete=False)  # noqa: SIM115
            try:
                with file:
                    file.write(_seal(name, packed) + packed)
                os.replace(file.name, self.folder / name)
            except BaseException:
                # Else each run would leave one more on a disk that is full.
                Path(file.name).unlink(missing_ok=True)
                raise
            files = (path for path in self.folder.iterdir() if path.is_file())
            oldest = sorted(files, key=lambda path: path.stat().st_mtime)
            for path in oldest[: -(self._kept or KEPT)]:
                path.unlink(missing_ok=True)
        except OSError:
            return


def _seal(name: str, packed: bytes) -> bytes:
    """What shows that a file is whole, and has its own name."""
    return hashlib.sha256(name.encode() + b"\0" + packed).digest()


def _private(folder: Path) -> bool:
    """Whether nobody else can put records there: what they say is believed."""
    status = folder.stat()
    mine = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return mine and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


# Fingerprints that are kept; some megabytes.
MOST_KNOWN = 200_000


class Known:
    """Fingerprints of the documents that this very Landform found sound and CDKTF gave back unchanged.

    Both are about a document alone, so that none needs to be looked at twice. Where the cache is
    lost or damaged nothing is known.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        content = cache.read(f"known-{program()}") or b""
        self.fingerprints = {content[at : at + 32] for at in range(0, len(content), 32)}

    def add(self, fingerprints: Set[bytes]) -> None:
        """Keep these as well."""
        if fingerprints <= self.fingerprints:
            return
        both = self.fingerprints | set(fingerprints)
        kept = both if len(both) <= MOST_KNOWN else fingerprints
        self._cache.write(f"known-{program()}", b"".join(sorted(kept)))


# ---- What a compile depends on


def key_of(blueprints: Iterable[BlueprintFiles]) -> str:
    """The name of the record of compiling these."""
    total = hashlib.sha256(program().encode())
    for blueprint in blueprints:
        _add(total, "blueprint", blueprint.path)
        for source in blueprint.files:
            _add(total, "file", source.path, source.text)
        for source in blueprint.kinds:
            _add(total, "kind", source.path, source.text)
    return total.hexdigest()


def _add(total: hashlib._Hash, *texts: str) -> None:
    for text in texts:
        content = text.encode()
        total.update(len(content).to_bytes(8, "big") + content)


@functools.cache
def program() -> str:
    """A digest of Landform's own files, of the Python that runs it and of what is installed there.

    Taken once, before the first compile: what is changed later, this process does not run.
    """
    total = hashlib.sha256()
    _add(total, sys.version, sys.platform)
    package = Path(__file__).parent
    for folder, folders, names in os.walk(package):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            _add(total, os.path.relpath(os.path.join(folder, name), package))
            total.update(hashlib.sha256(Path(folder, name).read_bytes()).digest())
    for folder in sys.path:
        _add(total, *_installed(folder))
    return total.hexdigest()


def _installed(folder: str) -> Iterator[str]:
    """The packages in a folder of Python's path: their names have the version."""
    try:
        with os.scandir(folder or ".") as entries:
            found = {e.name: e for e in entries if e.name.endswith((".dist-info", ".egg-info"))}
        for name in sorted(found):
            yield f"{name} {found[name].stat().st_mtime_ns}"
    except OSError:
        return


# ---- What is known


def up_to_date(cache: Cache, path: Path, out: Path) -> Changes | None:
    """The files that compiling `path` to `out` would leave as they are, if that is all it would do."""
    blueprints, diagnostics = read_blueprints(path)
    record = None if diagnostics else cache.get(key_of(blueprints))
    if record is None or not all(map(_has, blueprints, record.beside)):
        return None
    if not all(_stands(out / name, files) for name, files in record.trees):
        return None
    made = {name for name, _ in record.trees}
    if holds_several(path) and organizations_present(out, besides=made):
        return None
    return Changes(same=tuple(f"{name}/{path}" for name, files in record.trees for path in files))


def _has(blueprint: BlueprintFiles, beside: Digests) -> bool:
    for path in beside:
        blueprint.beside.read(path)
    return _read(blueprint.beside) == beside


def _read(beside: Beside) -> Digests:
    return {
        path: _digest(source.text.encode())
        for path, source in beside.found.items()
        if isinstance(source, SourceFile)
    }


def _stands(root: Path, files: Digests) -> bool:
    """Whether the files are all there, and nothing that a compile would report or remove."""
    disk = Disk(root)
    if {JOURNAL, PART} & disk.names("").keys():
        return False
    others = (stack for stack in _stacks(disk) if f"{stack}/{MAIN}" not in files)
    if any(MAIN in disk.names(stack) for stack in others):
        return False
    same = all(
        disk.is_file(path) and _digest(disk.read(path)) == digest for path, digest in files.items()
    )
    return same and not disk.problems


def _stacks(disk: Disk) -> Iterator[str]:
    """The folders where a stack may lie."""
    folders = [cloud for cloud in CLOUDS if disk.names("").get(cloud) == "folder"]
    for _ in range(2):
        folders = [
            f"{folder}/{name}"
            for folder in folders
            for name, kind in disk.names(folder).items()
            if kind == "folder"
        ]
    yield from folders


def remember(
    cache: Cache,
    blueprints: Sequence[BlueprintFiles],
    trees: Iterable[tuple[str, Digests]],
) -> None:
    """Keep what compiling `blueprints`, as they were read, came to: the files' digests by organisation.

    For a compile without diagnostics, whose output is a function of what it read and nothing else.
    """
    made = tuple((name, dict(sorted(files.items()))) for name, files in trees)
    beside = tuple(_read(blueprint.beside) for blueprint in blueprints)
    cache.put(key_of(blueprints), Record(beside=beside, trees=made))


def digests(tree: Mapping[str, bytes]) -> Digests:
    """Those of each file."""
    return {path: _digest(content) for path, content in tree.items()}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
