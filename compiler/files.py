"""The files of an organisation's folder while it is made: too many to be held in memory.

What already stands in the output folder is read from there; what is new waits in a temporary file until all is
checked.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from compiler.tree_present import Contents, Disk, Marker, content_of, owned_files


class Files(Mapping[str, bytes]):
    """Contents by path below `root`, as a tree is (`compiler.tree`).

    `digests` are the SHA-256 of each, in hexadecimal, `contents` what was read there. Raises OSError where a file that stood there is gone.
    """

    def __init__(self, root: Path) -> None:
        self.digests: dict[str, str] = {}
        self.contents = Contents()
        self._disk = Disk(root, self.contents)
        self._markers: dict[str, Marker | None] = {}
        self._waiting: dict[str, tuple[int, int]] = {}
        self._store = _opened()
        weakref.finalize(self, _closed, self._store)
        self._end = 0

    def add(self, path: str, content: bytes) -> str:
        """Put a file there; gives its digest."""
        found = content_of(path, content)
        if not self.keep(path, found.digest):
            self._store.seek(self._end)
            self._store.write(content)
            self._markers[path] = found.marker
            self._put(path, found.digest, len(content))
        return found.digest

    def write(self, path: str, pieces: Iterable[str]) -> None:
        """Put a file there that is never held as a whole."""
        total, length = hashlib.sha256(), 0
        for piece in pieces:
            content = piece.encode()
            total.update(content)
            self._store.seek(self._end + length)
            length += self._store.write(content)
        if not self.keep(path, total.hexdigest()):
            self._put(path, total.hexdigest(), length)

    def keep(self, path: str, digest: str) -> bool:
        """Take the file that stands there already, if it has that digest."""
        if not self._disk.is_file(path) or self._disk.digest(path) != digest:
            return False
        self.digests[path] = digest
        return True

    def keep_others(self, stacks: Collection[str]) -> None:
        """Take all that stands there of ours, but for what is in these stacks."""
        for path in sorted(owned_files(self._disk, {}, {})):
            if "/".join(path.split("/")[:3]) not in stacks:
                self.digests[path] = self._disk.digest(path)

    def marker(self, path: str) -> Marker | None:
        """The mark of Landform in the main.tf.json at `path`, if it has one."""
        return self._markers[path] if path in self._markers else self._disk.marker(path)

    def new(self, path: str) -> bool:
        """Whether the content is not the one that stands there."""
        return path in self._waiting

    def _put(self, path: str, digest: str, length: int) -> None:
        self.digests[path] = digest
        self._waiting[path] = self._end, length
        self._end += length

    def __getitem__(self, path: str) -> bytes:
        place = self._waiting.get(path)
        if place is None:
            digest = self.digests[path]
            content = self._disk.read(path)
            if hashlib.sha256(content).hexdigest() != digest:
                raise Moved(str(self._disk.root / path))
            return content
        self._store.seek(place[0])
        return self._store.read(place[1])

    def __contains__(self, path: object) -> bool:
        return path in self.digests

    def __iter__(self) -> Iterator[str]:
        return iter(self.digests)

    def __len__(self) -> int:
        return len(self.digests)


class Texts:
    """Texts with a key each, in a temporary file until they are asked for."""

    def __init__(self) -> None:
        self._store = _opened()
        weakref.finalize(self, _closed, self._store)
        self._places: list[tuple[str, int, int]] = []
        self._end = 0

    def add(self, texts: Iterable[tuple[str, str]]) -> None:
        """Some more."""
        for key, text in texts:
            length = self._store.write(text.encode())
            self._places.append((key, self._end, length))
            self._end += length

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)

    def sorted(self) -> Iterator[str]:
        """All, by key; those of one key as they came."""
        for _, start, length in sorted(self._places, key=lambda place: place[0]):
            self._store.seek(start)
            yield self._store.read(length).decode()


def _opened() -> IO[bytes]:
    """A temporary file; where no folder can hold one, the disks are full: Python tries them all."""
    try:
        return tempfile.TemporaryFile()
    except FileNotFoundError as error:
        raise OSError(errno.ENOSPC, error.strerror) from error


def _closed(store: IO[bytes]) -> None:
    """What it still had to write has no room, which was told before."""
    with contextlib.suppress(OSError):
        store.close()


class Moved(OSError):
    """Somebody else changed the output while it was compared."""
