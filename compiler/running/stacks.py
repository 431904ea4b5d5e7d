"""The stacks of compiled organisations, and those that a person or a list selects."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAIN = "main.tf.json"
LOCK = ".terraform.lock.hcl"
# Of a run, not of the module. (Terraform holds the lock against the plan itself.)
_STATE = re.compile(r"\.terraform(/|\.lock\.hcl|$)|[^/]*\.tfstate(\.[^/]*)?$|crash\.log$")


class SelectionError(ValueError):
    """What was selected is not there."""


@dataclass(frozen=True, slots=True)
class RunStack:
    """A stack to run. `key` is `<organization>/<path>`; `depends_on` are keys."""

    organization: str
    path: str
    folder: Path
    wave: int
    depends_on: tuple[str, ...]

    @property
    def key(self) -> str:
        """What names it over all organisations."""
        return f"{self.organization}/{self.path}"

    @property
    def lock(self) -> Path:
        """Its own lock file."""
        return self.folder / LOCK

    def providers(self) -> Mapping[str, Any]:
        """What its `required_providers` ask for."""
        document = json.loads((self.folder / MAIN).read_text(encoding="utf-8"))
        found: Mapping[str, Any] = document["terraform"]["required_providers"]
        return found

    def digest(self) -> str:
        """One hash over all that Terraform reads there: overrides and assets too, no state."""
        total = hashlib.sha256()
        for file in sorted(self.folder.rglob("*")):
            name = file.relative_to(self.folder).as_posix()
            if file.is_file() and not _STATE.match(name):
                content = hashlib.sha256(file.read_bytes()).digest()
                total.update(name.encode() + b"\0" + content)
        return f"sha256:{total.hexdigest()}"


def read_stacks(root: Path) -> list[RunStack]:
    """The stacks in the manifest of `generated/<organization>/`, in wave order."""
    manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    name = manifest["organization"]
    found = [
        RunStack(
            organization=name,
            path=entry["path"],
            folder=root / entry["path"],
            wave=entry["wave"],
            depends_on=tuple(f"{name}/{path}" for path in entry["depends_on"]),
        )
        for entry in manifest["stacks"]
    ]
    return sorted(found, key=lambda stack: (stack.wave, stack.path))


def select(
    stacks: Sequence[RunStack], patterns: Iterable[str], listed: Iterable[str] | None
) -> list[RunStack]:
    """Those that a pattern matches or the list names; all where neither is given.

    A pattern is a stack's path, maybe after the organisation's name; in it `*` stands for anything
    within one part and `**` for any number of parts. Raises SelectionError for one that matches nothing.
    """
    patterns = list(patterns)
    if not patterns and listed is None:
        return list(stacks)
    chosen: set[str] = set()
    for pattern, exact in [(p, False) for p in patterns] + [(p, True) for p in listed or ()]:
        match = re.compile(re.escape(pattern) if exact else expression(pattern))
        found = {s.key for s in stacks if match.fullmatch(s.path) or match.fullmatch(s.key)}
        if not found:
            raise SelectionError(_unknown(pattern, stacks))
        chosen |= found
    return [stack for stack in stacks if stack.key in chosen]


def expression(pattern: str) -> str:
    """A pattern of paths as a regular expression; see `select`."""
    parts = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/"))
    return "".join(parts.get(piece, re.escape(piece)) for piece in pieces)


def _unknown(pattern: str, stacks: Sequence[RunStack]) -> str:
    near = difflib.get_close_matches(pattern, [stack.path for stack in stacks], 1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    return f'no stack is "{pattern}"{hint}'
