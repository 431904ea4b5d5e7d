"""The TypeScript inside a jsii package: what CDKTF bindings were compiled from.

Takes the path of a jsii tarball or of a wheel that holds one; gives source text. Reads that file,
has no other effect.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


class BindingsError(Exception):
    """The bindings are not there, or not written as the readers expect."""


def sources(path: Path) -> Iterator[tuple[str, str]]:
    """Each folder below `lib/` with its TypeScript. Files of one folder follow each other."""
    with _tarball(path) as stream, tarfile.open(fileobj=stream, mode="r:gz") as archive:
        folders: dict[str, list[str]] = {}
        for member in archive:
            parts = member.name.split("/")
            if len(parts) < 4 or parts[1] != "lib" or not member.name.endswith(".js"):
                continue
            content = archive.extractfile(member)
            if content is not None:
                folders.setdefault(parts[2], []).extend(_typescript(content.read()))
    for folder in sorted(folders):
        yield folder, "\n".join(folders[folder])


def _tarball(path: Path) -> IO[bytes]:
    if path.suffix != ".whl":
        return path.open("rb")
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(".jsii.tgz")]
        if len(names) != 1:
            raise BindingsError(f"{path} holds {len(names)} jsii tarballs, not one")
        return io.BytesIO(wheel.read(names[0]))


def _typescript(script: bytes) -> list[str]:
    start = script.rfind(b"sourceMappingURL=data:")
    if start < 0:
        return []
    encoded = script[start:].split(b"base64,", 1)[1].strip()
    sources: list[str] = json.loads(base64.b64decode(encoded))["sourcesContent"]
    return sources
