"""The index file: one per provider, small, quick to open, read in parts.

    line 1   JSON: format, provider, versions, sources, and per chunk [first key, bytes]
    then     the chunks one after the other, each zlib

A chunk is some 24 KB of text lines `key<tab>JSON`, in the order of the keys. A key is `resource
<type>`, `data <type>` or `provider <name>`; its JSON is a merged block (see `encoding`). Reading
one type inflates one chunk.

`write` creates one file; `Archive` reads its file once.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path

from compiler.terraform.schema.encoding import Encoded

FORMAT = 1
CHUNK_BYTES = 24_000


def write(path: Path, header: Mapping[str, object], entries: Mapping[str, Encoded]) -> None:
    """Write the entries, and `header` with the table of chunks added."""
    table: list[tuple[str, int]] = []
    packed: list[bytes] = []
    for lines in _chunks(entries):
        content = zlib.compress("\n".join(lines).encode(), 9)
        table.append((lines[0].partition("\t")[0], len(content)))
        packed.append(content)
    first = {"format": FORMAT, **header, "chunks": table}
    path.write_bytes(json.dumps(first).encode() + b"\n" + b"".join(packed))


def _chunks(entries: Mapping[str, Encoded]) -> Iterator[list[str]]:
    lines: list[str] = []
    size = 0
    for key, entry in sorted(entries.items()):
        line = f"{key}\t{json.dumps(entry, separators=(',', ':'))}"
        if lines and size + len(line) > CHUNK_BYTES:
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    yield lines


class Archive:
    """An opened index file. Raises ValueError for a file of another format."""

    def __init__(self, path: Path) -> None:
        first, _, self._packed = path.read_bytes().partition(b"\n")
        self.header: dict[str, object] = json.loads(first)
        if self.header["format"] != FORMAT:
            raise ValueError(f"{path.name} has format {self.header['format']}, not {FORMAT}")
        table: list[tuple[str, int]] = self.header.pop("chunks")
        self._firsts = [key for key, _ in table]
        self._spans: list[tuple[int, int]] = []
        start = 0
        for _, size in table:
            self._spans.append((start, start + size))
            start += size
        self._lines: dict[int, dict[str, str]] = {}

    def entry(self, key: str) -> Encoded | None:
        """The merged block of `key`, or None."""
        number = bisect_right(self._firsts, key) - 1
        text = self._chunk(number).get(key) if number >= 0 else None
        return None if text is None else json.loads(text)

    def all_keys(self) -> Iterator[str]:
        """All keys in order; inflates the whole file."""
        for number in range(len(self._firsts)):
            yield from self._chunk(number)

    def _chunk(self, number: int) -> dict[str, str]:
        if number not in self._lines:
            start, end = self._spans[number]
            text = zlib.decompress(self._packed[start:end]).decode()
            pairs = (line.partition("\t")[::2] for line in text.split("\n"))
            self._lines[number] = dict(pairs)
        return self._lines[number]
