"""What earlier runs made of shares of a blueprint (`compiler.shares`): their files by digest, and what goes into
manifest and ledger.

A record's name is the share's fingerprint: a hash of all that it depends on. It is never out of date; one
that is lost, or that is damaged in any way, costs building the share.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compiler.cache import Cache, program
from compiler.kinds.installed import installed

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRecord:
    """A share without diagnostics.

    `rows` are the stacks' in the manifest, `files` the digests by stack and path in it, `entries` the
    ledger's by list and id, as text. `idle` are the exceptions from rules that it doesn't need, as text.
    """

    rows: tuple[Row, ...]
    files: Mapping[str, Mapping[str, str]]
    entries: tuple[tuple[str, str, str], ...]
    idle: tuple[str, ...] = ()


class ShareRecords:
    """The records in a cache; without one there are none, nor where installed kinds are: their code may change."""

    def __init__(self, cache: Cache | None = None) -> None:
        self.program = program()
        environment = installed()
        if environment.kinds or environment.failures:
            cache = None
        self._cache = cache and Cache(cache.folder / "shares", kept=MOST_SHARES)

    def get(self, fingerprint: str | None) -> ShareRecord | None:
        """What is known of the share with that fingerprint."""
        text = self._cache.read(fingerprint) if self._cache and fingerprint else None
        if text is None:
            return None
        raw = json.loads(text)
        return ShareRecord(
            rows=tuple(raw["rows"]),
            files=raw["files"],
            entries=tuple((name, id, text) for name, id, text in raw["entries"]),
            idle=tuple(raw["idle"]),
        )

    def put(self, fingerprint: str | None, record: ShareRecord) -> None:
        """Keep it."""
        if self._cache is None or fingerprint is None:
            return
        value = {
            "rows": record.rows,
            "files": record.files,
            "entries": record.entries,
            "idle": record.idle,
        }
        self._cache.write(fingerprint, json.dumps(value, separators=(",", ":")).encode())


# Of blueprints of 3,000 accounts some fifty each; of these some tens of kilobytes.
MOST_SHARES = 5000
