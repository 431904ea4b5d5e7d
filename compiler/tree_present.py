"""What lies in the output tree on disk, and which of it is ours.

Takes the tree's root, `generated/<organization>/`; gives listings, our stacks, the files that we
own and the journal of an interrupted run. Reads only; what cannot be read becomes a diagnostic.
See `compiler.tree` for the rules of ownership and for the writer.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import unicodedata
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from compiler import output_codes as problems
from compiler.diagnostics import Diagnostic
from compiler.terraform.names import reserved_name

MAIN = "main.tf.json"
MANIFEST = "manifest.json"
LEDGERS = {
    MANIFEST: "stacks",
    "access.json": "edges",
}  # each with the key that holds its list
CLOUDS = ("aws", "google")
LOCK, JOURNAL, PART = ".landform.lock", ".landform.journal", ".landform.part"

Kind = Literal["absent", "file", "folder", "link", "other", "twin"]
Claims = Mapping[str, str | None]

_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*\\\ud800-\udfff]')
_TERRAFORMS_OWN = re.compile(r"\.terraform|terraform\.tfstate|\.landform\.")
_HEAD = re.compile(r'\s*\{\s*"//"\s*:\s*')


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentStack:
    """A stack of ours on disk. `path` is `aws/<account>/<component>`, `files` its assets.

    `document` is the whole root module, or None if it is not JSON any more.
    """

    path: str
    cloud: str
    account: str
    component: str
    kind: str
    files: tuple[str, ...]
    document: Mapping[str, Any] | None

    @property
    def tombstone(self) -> bool:
        """Whether it holds no resources: it stands only so that the old ones are destroyed."""
        return self.document is not None and not self.document.get("resource")

    @property
    def renamed_from(self) -> str | None:
        """The component's former name, where the stack's state is kept under that."""
        try:
            former = (self.document or {})["//"]["landform"].get("renamed_from")
        except (LookupError, TypeError, AttributeError):
            return None
        return former if isinstance(former, str) else None

    @property
    def state(self) -> str:
        """The path that its state is kept under."""
        return f"{self.cloud}/{self.account}/{self.renamed_from or self.component}"


class Marker(NamedTuple):
    """What a main.tf.json says of itself: `files` are paths relative to the stack."""

    component: str
    kind: str
    files: tuple[str, ...]


def stacks_present(root: Path, *, besides: Container[str] = ()) -> dict[str, PresentStack]:
    """Our stacks below `root` by path, sorted; those in `besides` are left out.

    What cannot be read is left out, too: `plan_changes` reports it.
    """
    disk = Disk(root)
    found = {}
    for path, marker in _marked_stacks(disk, besides):
        cloud, account, _ = path.split("/")
        found[path] = PresentStack(
            path=path,
            cloud=cloud,
            account=account,
            component=marker.component,
            kind=marker.kind,
            files=marker.files,
            document=_mapping(text_of(disk.read(f"{path}/{MAIN}"))),
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStack:
    """What the manifest on disk says of a stack: `id` of its account or project, `state` its state's path."""

    path: str
    id: str
    state: str


def stacks_recorded(root: Path) -> dict[str, RecordedStack]:
    """The stacks of the manifest in `root` by path; none where it cannot be read."""
    disk = Disk(root)
    manifest = _mapping(text_of(disk.read(MANIFEST))) if disk.is_file(MANIFEST) else None
    found = {}
    for entry in _listed(manifest, "stacks"):
        path, id = entry.get("path"), entry.get("id")
        if isinstance(path, str) and isinstance(id, str):
            state = entry.get("renamed_from", path)
            state = state if isinstance(state, str) else path
            found[path] = RecordedStack(path=path, id=id, state=state)
    return found


def organizations_present(out: Path, *, besides: Container[str] = ()) -> list[str]:
    """The folders in `out` that hold an organisation's manifest of ours, sorted; not those in `besides`."""
    disk = Disk(out)
    return [
        name
        for name, kind in disk.names("").items()
        if kind == "folder"
        and name not in besides
        and disk.is_file(f"{name}/{MANIFEST}")
        and _ledger_owner(text_of(disk.read(f"{name}/{MANIFEST}")), "stacks") == name
    ]


def _listed(value: Mapping[str, Any] | None, key: str) -> list[Mapping[str, Any]]:
    items = value.get(key) if value else None
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []


def unsafe(path: str) -> str | None:
    """Why `path` must not be written on some system, or None."""
    if unicodedata.normalize("NFC", path) != path:
        return "is not in Unicode's composed form"
    for name in path.split("/"):
        if name in ("", ".", ".."):
            return "is not a plain relative path"
        if _FORBIDDEN.search(name) or name[-1] in ". " or len(name.encode()) > 255:
            return f"has a part that some file system refuses: {name!r}"
        if reserved_name(name) or _TERRAFORMS_OWN.match(name):
            return f"has a part with a reserved name: {name!r}"
    return None


def folded(path: str) -> str:
    """`path` as file systems compare it that ignore case."""
    return unicodedata.normalize("NFC", path).casefold()


# ---- What is there


class Content(NamedTuple):
    """A file's SHA-256 in hexadecimal, and its mark, if it is a main.tf.json that has one."""

    digest: str
    marker: Marker | None


class Contents:
    """What files hold, read once for as long as they stay as they are.

    Inode, size and times tell, as in git's index; and as there, a file that was changed just before it
    was read is read again: a clock is too coarse to show a second change.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, ...], Content]] = {}

    def of(self, path: str) -> Content:
        """Those of the file at `path`. Raises OSError."""
        sign = _sign(os.stat(path))
        known = self._known.get(path)
        if known is not None and known[0] == sign:
            return known[1]
        with open(path, "rb") as file:
            sign = _sign(os.fstat(file.fileno()))
            content = file.read()
        found = content_of(path, content)
        if max(sign[2:]) < time.time_ns() - _COARSE:
            self._known[path] = sign, found
        return found


# The coarsest clock of a file system that is in use (FAT: two seconds).
_COARSE = 2 * 10**9


def _sign(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def content_of(path: str, content: bytes) -> Content:
    """The same of what is not on disk."""
    main = path.endswith(f"/{MAIN}")
    return Content(digest_of(content), marker_of(text_of(content)) if main else None)


class Disk:
    """What lies below `root`, listed once; links are never followed."""

    def __init__(self, root: Path, contents: Contents | None = None) -> None:
        self.root = root
        self.contents = contents or Contents()
        self._base = os.fspath(root)
        self.problems: list[Diagnostic] = []
        self._listings: dict[str, dict[str, Kind]] = {}
        self._spellings: dict[str, dict[str, str]] = {}

    def names(self, folder: str) -> dict[str, Kind]:
        """What is in `folder`, sorted by name; empty if it is missing or unreadable."""
        if folder not in self._listings:
            self._listings[folder] = self._list(folder)
        return self._listings[folder]

    def _list(self, folder: str) -> dict[str, Kind]:
        try:
            with os.scandir(self.root / folder) as entries:
                return {e.name: _kind(e) for e in sorted(entries, key=lambda e: e.name)}
        except FileNotFoundError:
            return {}
        except NotADirectoryError:
            self.problems.append(problems.in_the_way(self.root, folder, "file"))
        except OSError as error:
            self.problems.append(problems.unreadable(self.root, folder, error))
        return {}

    def find(self, path: str) -> tuple[Kind, str]:
        """What stands at `path`, or the first thing on the way to it that is no folder.

        A "twin" is spelled differently in upper and lower case.
        """
        folder = at = ""
        for name in path.split("/"):
            at = f"{folder}/{name}" if folder else name
            kind = self.names(folder).get(name)
            if kind is None:
                twin = self._spelling(folder, name)
                return ("twin", twin) if twin else ("absent", at)
            if kind != "folder":
                return kind, at
            folder = at
        return "folder", at

    def is_file(self, path: str) -> bool:
        """Whether a regular file stands at `path`, reached without links."""
        return self.find(path) == ("file", path)

    def _spelling(self, folder: str, name: str) -> str | None:
        if folder not in self._spellings:
            self._spellings[folder] = {folded(other): other for other in self.names(folder)}
        other = self._spellings[folder].get(folded(name))
        return other and (f"{folder}/{other}" if folder else other)

    def below(self, path: str) -> Iterator[str]:
        """Everything at or below `path` that is no folder."""
        kind, at = self.find(path)
        if kind != "folder":
            yield at
            return
        for name in self.names(path):
            yield from self.below(f"{path}/{name}")

    def digest(self, path: str) -> str:
        """The SHA-256 of `path`, in hexadecimal; that of nothing, with a problem noted, if that fails."""
        return self._content(path).digest

    def marker(self, path: str) -> Marker | None:
        """The mark of Landform in the main.tf.json at `path`, if it has one."""
        return self._content(path).marker

    def _content(self, path: str) -> Content:
        try:
            return self.contents.of(f"{self._base}/{path}")
        except OSError as error:
            self.problems.append(problems.unreadable(self.root, path, error))
            return Content(_EMPTY, None)

    def read(self, path: str, most: int = -1) -> bytes:
        """The content of `path`, or its first bytes; empty, with a problem noted, if that fails."""
        try:
            with open(f"{self._base}/{path}", "rb") as file:
                return file.read(most)
        except OSError as error:
            self.problems.append(problems.unreadable(self.root, path, error))
            return b""


def _kind(entry: os.DirEntry[str]) -> Kind:
    # A junction of Windows is a link for us: it may lead out of the tree.
    if entry.is_symlink() or getattr(entry, "is_junction", bool)():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"


# ---- What is ours


def marker_of(text: str) -> Marker | None:
    """Landform's mark in a main.tf.json; of two sides of a conflict the files of both."""
    found = [marker for side in _sides(text) if (marker := _side_marker(side))]
    if not found:
        return None
    files = dict.fromkeys(name for marker in found for name in marker.files)
    return found[0]._replace(files=tuple(files))


def _side_marker(text: str) -> Marker | None:
    # The mark is the first key: reading on costs time, and the rest may be damaged.
    head = _HEAD.match(text)
    try:
        comment = (
            json.JSONDecoder().raw_decode(text, head.end())[0] if head else json.loads(text)["//"]
        )
        mark = comment["landform"]
        files = tuple(mark["files"])
        if all(isinstance(word, str) for word in (mark["component"], mark["kind"], *files)):
            return Marker(mark["component"], mark["kind"], files)
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    return None


def _sides(text: str) -> tuple[str, ...]:
    """The text itself, or the two sides of a file with git's conflict marks in it."""
    if "<<<<<<< " not in text or not re.search(r"^<{7} ", text, re.MULTILINE):
        return (text,)
    sides: tuple[list[str], list[str]] = ([], [])
    both = (0, 1)
    belongs = {"<<<<<<<": (0,), "|||||||": (), "=======": (1,), ">>>>>>>": both}
    current: tuple[int, ...] = both
    for line in text.splitlines(keepends=True):
        if (mark := line[:7]) in belongs:
            current = belongs[mark]
            continue
        for side in current:
            sides[side].append(line)
    return "".join(sides[0]), "".join(sides[1])


def text_of(content: bytes) -> str:
    """The content of one of our JSON files as text; never fails."""
    return content.decode("utf-8", "replace").removeprefix("\ufeff")


def _mapping(text: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _marked_stacks(disk: Disk, besides: Container[str] = ()) -> Iterator[tuple[str, Marker]]:
    for cloud in CLOUDS:
        for account in _folders(disk, cloud):
            for stack in _folders(disk, account):
                if stack in besides or disk.names(stack).get(MAIN) != "file":
                    continue
                if marker := disk.marker(f"{stack}/{MAIN}"):
                    yield stack, marker


def _folders(disk: Disk, path: str) -> list[str]:
    """The folders in `path`; none if `path` is itself no folder."""
    if disk.find(path)[0] != "folder":
        return []
    return [f"{path}/{name}" for name, kind in disk.names(path).items() if kind == "folder"]


_HEAD_BYTES = 1000
# How a ledger starts that Landform wrote: to read all of a large one takes hundreds of megabytes.
_LEDGER = re.compile(
    r'\{\s*"version": 1,\s*(?:"organization": "([a-z0-9-]*)",\s*)?"(stacks|edges)": \['
)


def _ledger_owner(text: str, entries: str) -> str | None:
    """The organisation of a manifest or access ledger of ours ("" if it names none), or None."""
    head = _LEDGER.match(text)
    if head is not None and head[2] == entries:
        return head[1] or ""
    for side in _sides(text):
        value = _mapping(side)
        if value and value.get("version") == 1 and isinstance(value.get(entries), list):
            owner = value.get("organization", "")
            return owner if isinstance(owner, str) else None
    return None


def _owned_ledgers(disk: Disk, tree: Mapping[str, bytes]) -> Iterator[str]:
    wanted = _ledger_owner(text_of(tree.get("manifest.json", b"")), "stacks") or ""
    for path, entries in LEDGERS.items():
        if disk.is_file(path):
            start = text_of(disk.read(path, most=_HEAD_BYTES))
            head = _LEDGER.match(start)
            whole = start if head else text_of(disk.read(path))
            owner = _ledger_owner(whole, entries)
            if owner is not None and (owner == wanted or not owner or not wanted):
                yield path


def owned_files(disk: Disk, tree: Mapping[str, bytes], claims: Claims) -> frozenset[str]:
    """The files on disk that are ours."""
    found = set(_owned_ledgers(disk, tree))
    for stack, marker in _marked_stacks(disk):
        found.add(f"{stack}/{MAIN}")
        files = (f"{stack}/{name}" for name in marker.files if name != MAIN)
        found.update(path for path in files if not unsafe(path) and disk.is_file(path))
    for path, digest in claims.items():
        if disk.is_file(path) and (
            digest is None or digest_of(disk.read(path)) in (digest, _EMPTY)
        ):
            found.add(path)
    return frozenset(found)


def digest_of(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


# What a power failure can leave of a file that was renamed into place; nobody loses it.
_EMPTY = digest_of(b"")


# ---- The journal


def read_journal(disk: Disk) -> Claims:
    """The journal of an interrupted run: paths that were at stake.

    A path with None was ours before; one with a SHA-256 digest was new, and is ours only if the
    file has that content.
    """
    if JOURNAL not in disk.names(""):
        return {}
    before = len(disk.problems)
    journal = _mapping(text_of(disk.read(JOURNAL))) if disk.is_file(JOURNAL) else None
    paths = journal.get("paths") if journal and journal.get("version") == 1 else None
    if isinstance(paths, dict) and all(
        not unsafe(path) and (digest is None or isinstance(digest, str))
        for path, digest in paths.items()
    ):
        return paths
    if len(disk.problems) == before:
        disk.problems.append(problems.journal_damaged(disk.root, JOURNAL))
    return {}
