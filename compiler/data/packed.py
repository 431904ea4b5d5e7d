"""A table too large for one JSON file: entries that are read one at a time.

    line 1   JSON: format, source, date, and per entry [name, bytes], sorted by name
    then     the dictionary that all entries are compressed with, then the entries: raw deflate

Each entry is JSON. `write` makes the bytes of a file; `Packed` reads its file once.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FORMAT = 1
# What the sizes of the file's parts are called that is no entry.
_DICTIONARY = ""


def write(header: Mapping[str, Any], entries: Mapping[str, Any], common: bytes) -> bytes:
    """The file of these entries. `common` is text that many of them have, the commonest last."""
    packed = {_DICTIONARY: common}
    for name, entry in sorted(entries.items()):
        text = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, common)
        packed[name] = deflate.compress(text) + deflate.flush()
    sizes = [[name, len(content)] for name, content in packed.items()]
    first = json.dumps({"format": FORMAT, **header, "entries": sizes}, separators=(",", ":"))
    return first.encode() + b"\n" + b"".join(packed.values())


class Packed:
    """An opened file. Raises ValueError for a file of another format."""

    def __init__(self, path: Path) -> None:
        first, _, self._content = path.read_bytes().partition(b"\n")
        self.header: dict[str, Any] = json.loads(first)
        if self.header["format"] != FORMAT:
            raise ValueError(f"{path.name} has format {self.header['format']}, not {FORMAT}")
        self._places: dict[str, tuple[int, int]] = {}
        start = 0
        for name, size in self.header.pop("entries"):
            self._places[name] = (start, start + size)
            start += size
        self._common = self._bytes(_DICTIONARY)
        del self._places[_DICTIONARY]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries, sorted."""
        return tuple(self._places)

    def entry(self, name: str) -> Any:
        """The entry of that name, parsed anew; None if there is none."""
        if name not in self._places:
            return None
        inflate = zlib.decompressobj(-15, self._common)
        return json.loads(inflate.decompress(self._bytes(name)) + inflate.flush())

    def _bytes(self, name: str) -> bytes:
        start, end = self._places[name]
        return self._content[start:end]
