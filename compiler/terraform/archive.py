"""Zip archives that are the same bytes wherever they are made.

Takes file contents by name, gives the archive's bytes; no effects. The container is written here
and not by `zipfile`, whose header fields depend on the platform and the Python version, and whose
deflate depends on the zlib that it is linked with. Layout: PKWARE APPNOTE.TXT 6.3.10, sections
4.3.7 (local header), 4.3.12 (central directory) and 4.3.16 (end of central directory).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

# 1980-01-01 00:00:00, the earliest date that a zip can say: day 1, month 1, year 1980 + 0.
DATE = (1 << 5) | 1
TIME = 0
# -rw-r--r-- of a regular file, in the upper half of the external attributes.
MODE = 0o100644
# Names are UTF-8 (general purpose bit 11).
FLAGS = 1 << 11
# "Version needed 1.0": a stored file. "Made by 2.0 on Unix": the attributes are a Unix mode.
NEEDED = 10
MADE_BY = (3 << 8) | 20
LIMIT = 0xFFFFFFFF


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip of `files`: stored, members sorted by name, dated 1980-01-01, mode 0644.

    Names are relative with forward slashes. Raises ValueError for a name that would be unsafe to
    unpack, and for more than the plain format holds (65,535 files, 4 GiB).
    """
    members = bytearray()
    directory = bytearray()
    for name in sorted(files):
        content = files[name]
        encoded = _checked(name).encode()
        # CRC, compressed size, size, length of the name, length of the extra field.
        common = struct.pack(
            "<HHHHIIIHH",
            *(FLAGS, 0, TIME, DATE),
            *(zlib.crc32(content), len(content), len(content), len(encoded), 0),
        )
        # Comment, disk, internal attributes, external attributes, offset of the local header.
        rest = struct.pack("<HHHII", 0, 0, 0, MODE << 16, len(members))
        directory += struct.pack("<IHH", 0x02014B50, MADE_BY, NEEDED) + common + rest + encoded
        members += struct.pack("<IH", 0x04034B50, NEEDED) + common + encoded + content
    if len(files) > 0xFFFF or len(members) + len(directory) > LIMIT:
        raise ValueError("too many or too large files for a zip archive")
    end = struct.pack(
        "<IHHHHIIH",
        *(0x06054B50, 0, 0, len(files), len(files)),
        *(len(directory), len(members), 0),
    )
    return bytes(members + directory + end)


def _checked(name: str) -> str:
    path = PurePosixPath(name)
    plain = str(path) == name and not path.is_absolute() and ".." not in path.parts
    if not plain or name == "." or "\\" in name or "\0" in name or len(name.encode()) > 0xFFFF:
        raise ValueError(f"not a plain relative file name: {name!r}")
    return name
