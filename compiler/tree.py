"""The output tree on disk: the only writer of generated files (`tree_present` reads it).

Takes a complete tree `{path: content}` with paths relative to `generated/<organization>/`, forward
slashes; gives `Changes` and diagnostics; `apply_changes` makes the disk equal to the tree.

Ownership is read from the files: `manifest.json` and `access.json` by their shape, a stack's
`main.tf.json` by its `"//".landform` mark, assets because a mark lists them. Everything else is a
user's file and stays. A tree with git's conflict marks still counts as ours (both sides are read),
so that compiling again resolves a merge.

Each file is written beside its place and renamed over it, so that it is whole, old or new,
whenever the process dies. `.landform.journal` exists from before the first change until after the
last and names every path at stake: what an interrupted run had written or was about to remove
counts as ours in the next run, which finishes the work. Only the journal is synced to
the disk: after a power failure the rest can be made again from the blueprint, and syncing
thousands of files would cost more than making them. `.landform.lock` is locked through the
operating system, so the lock dies with its process.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from compiler import output_codes as problems
from compiler.diagnostics import Diagnostic, has_errors
from compiler.files import Files, Moved
from compiler.terraform.names import reserved_name
from compiler.tree_present import (
    CLOUDS,
    JOURNAL,
    LEDGERS,
    LOCK,
    MAIN,
    PART,
    Claims,
    Disk,
    Kind,
    Marker,
    PresentStack,
    digest_of,
    folded,
    marker_of,
    owned_files,
    read_journal,
    stacks_present,
    text_of,
    unsafe,
)

__all__ = [
    "Changes",
    "DefectiveTree",
    "PresentStack",
    "apply_changes",
    "plan_changes",
    "reserved_name",
    "stacks_present",
]


class DefectiveTree(ValueError):
    """The compiler made a tree that must not be written: a defect of ours, not a user's mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs between the disk and a tree: relative paths, each tuple sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether anything is to be written or removed."""
        return bool(self.added or self.changed or self.removed)


class _Plan(NamedTuple):
    changes: Changes
    obstacles: tuple[str, ...]  # what must go before the first write: wrong type or wrong case
    claims: Claims  # the journal of an interrupted run, empty if there is none
    problems: tuple[Diagnostic, ...]


def plan_changes(root: Path, tree: Mapping[str, bytes]) -> tuple[Changes, tuple[Diagnostic, ...]]:
    """Compare the disk below `root` with `tree`; writes nothing.

    With an error among the diagnostics the changes must not be applied. Stacks of ours that `tree`
    lacks are in `removed`: whether they may go is the caller's question (see `stacks_present`).
    Raises DefectiveTree for a path that could leave `root`, or an asset that no mark lists.
    """
    try:
        plan = _plan(root, tree)
    except Moved:
        return Changes(), (problems.tree_moved(root),)
    return plan.changes, plan.problems


def apply_changes(
    root: Path, tree: Mapping[str, bytes], changes: Changes
) -> tuple[Diagnostic, ...]:
    """Make the disk below `root` equal to `tree`; gives the error that stopped it, if any.

    `changes` is what `plan_changes` said, without errors; it is checked again under the lock. Also
    call it when nothing is pending: it clears up after an interrupted run.
    """
    if not changes.pending and not any(os.path.lexists(root / n) for n in (LOCK, JOURNAL, PART)):
        return ()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / LOCK):
            plan = _plan(root, tree)
            if has_errors(plan.problems):
                return plan.problems
            if plan.changes != changes:
                return (problems.tree_moved(root),)
            _carry_out(root, tree, plan)
    except _Busy:
        return (problems.busy(root),)
    except Moved:
        return (problems.tree_moved(root),)
    except OSError as error:
        return (problems.write_failure(root, error),)
    return ()


# ---- What may be written


def _check_tree(tree: Mapping[str, bytes]) -> None:
    """Raise DefectiveTree unless the next run will recognise every file of it as ours."""
    listed = set(LEDGERS)
    for path in tree:
        if reason := unsafe(path):
            raise DefectiveTree(f"{path!r} {reason}")
        if _is_main(path):
            marker = _marker(tree, path)
            if marker is None:
                raise DefectiveTree(f"{path!r} has no mark of Landform")
            stack = path.removesuffix(MAIN)
            listed.update((path, *(stack + name for name in marker.files)))
    if strays := sorted(tree.keys() - listed):
        raise DefectiveTree(
            f"no {MAIN} lists {strays[0]!r}: the next run would not know it as ours"
        )
    for path in tree:
        if parent := next((p for p in _parents(path) if p in tree), None):
            raise DefectiveTree(f"{parent!r} is a file and a folder")


def _marker(tree: Mapping[str, bytes], path: str) -> Marker | None:
    return tree.marker(path) if isinstance(tree, Files) else marker_of(text_of(tree[path]))


def _is_main(path: str) -> bool:
    cloud, *rest = path.split("/")
    return len(rest) == 3 and cloud in CLOUDS and rest[-1] == MAIN


def _case_clashes(root: Path, tree: Mapping[str, bytes]) -> list[Diagnostic]:
    spellings: dict[str, str] = {}
    clashes = {}
    for path in sorted(tree):
        for part in (path, *_parents(path)):
            if (first := spellings.setdefault(folded(part), part)) != part:
                clashes[part] = problems.case_clash(root, part, first)
    return list(clashes.values())


def _parents(path: str) -> Iterator[str]:
    """The folders above `path`, deepest first, without the root."""
    while path := path.rpartition("/")[0]:
        yield path


def _journal(tree: Mapping[str, bytes], plan: _Plan) -> bytes:
    changes = plan.changes
    paths: dict[str, str | None] = dict(plan.claims)
    known = tree.digests if isinstance(tree, Files) else {}
    paths.update((path, known.get(path) or digest_of(tree[path])) for path in changes.added)
    paths.update(dict.fromkeys((*changes.changed, *changes.removed)))
    return json.dumps({"version": 1, "paths": dict(sorted(paths.items()))}, indent=0).encode()


# ---- Deciding


def _plan(root: Path, tree: Mapping[str, bytes]) -> _Plan:
    _check_tree(tree)
    disk = Disk(root, tree.contents if isinstance(tree, Files) else None)
    claims = read_journal(disk)
    owned = owned_files(disk, tree, claims)
    found: dict[str, list[str]] = {"added": [], "changed": [], "same": []}
    obstacles: dict[str, Kind] = {}
    for path in sorted(tree):
        kind, at = disk.find(path)
        there = (kind, at) == ("file", path)
        if there and _same(disk, path, tree):
            found["same"].append(path)
            continue
        if isinstance(tree, Files) and not tree.new(path):
            raise Moved(str(root / path))
        found["changed" if there else "added"].append(path)
        if not there and kind != "absent":
            obstacles[at] = kind
    stale = owned - tree.keys()
    changes = Changes(
        removed=tuple(sorted(stale)), **{name: tuple(paths) for name, paths in found.items()}
    )
    # Without having read all, who owns what is a guess: then only say what cannot be read.
    wrong = dict.fromkeys(disk.problems) or (
        *_case_clashes(root, tree),
        *(problems.not_ours(root, path) for path in changes.changed if path not in owned),
        *_blocked(disk, obstacles, stale | _own_parts(claims)),
        *_foreign_parts(disk, changes, claims),
    )
    return _Plan(changes, tuple(obstacles), claims, tuple(wrong) or tuple(disk.problems))


def _same(disk: Disk, path: str, tree: Mapping[str, bytes]) -> bool:
    if isinstance(tree, Files):
        return disk.digest(path) == tree.digests[path]
    return disk.read(path) == tree[path]


def _blocked(
    disk: Disk, obstacles: Mapping[str, Kind], going: frozenset[str]
) -> Iterator[Diagnostic]:
    """The obstacles that do not go away when the files `going` are removed."""
    for at, kind in obstacles.items():
        if kind == "link":
            yield problems.symbolic_link(disk.root, at)
        elif any(path not in going for path in disk.below(at)):
            if kind == "twin":
                yield problems.case_clash(disk.root, at, None)
            else:
                yield problems.in_the_way(disk.root, at, kind)


def _foreign_parts(disk: Disk, changes: Changes, claims: Claims) -> Iterator[Diagnostic]:
    """Files that have the name of our temporary ones in a folder where no run of ours was."""
    folders = {_folder(path) for path in (*changes.added, *changes.changed)}
    for part in sorted({_part(folder) for folder in folders} - _own_parts(claims)):
        kind, at = disk.find(part)
        if at == part != PART and kind not in ("absent", "twin"):
            yield problems.not_ours(disk.root, part)


def _own_parts(claims: Claims) -> frozenset[str]:
    """The temporary files that the interrupted run can have left."""
    return frozenset(_part(_folder(path)) for path in claims)


def _part(folder: str) -> str:
    return f"{folder}/{PART}" if folder else PART


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


# ---- Writing


def _carry_out(root: Path, tree: Mapping[str, bytes], plan: _Plan) -> None:
    changes = plan.changes
    _unlink(root / PART)  # of a run that died while it wrote its journal
    if not changes.pending and not os.path.lexists(root / JOURNAL):
        return
    _replace(root / JOURNAL, _journal(tree, plan), sync=True)
    for part in sorted(_own_parts(plan.claims)):
        _unlink(root / part)
    first = [path for path in changes.removed if _at_or_below(path, plan.obstacles)]
    for path in first:
        _unlink(root / path)
    for path in plan.obstacles:
        _remove_empty_below(root / path)
    for path in sorted((*changes.added, *changes.changed), key=_turn):
        _replace(root / path, tree[path])
    for path in sorted(set(changes.removed).difference(first), key=_turn):
        _unlink(root / path)
    _prune(root, (*plan.claims, *changes.removed))
    _unlink(root / JOURNAL)


def _at_or_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _turn(path: str) -> tuple[bool, str, bool, str]:
    """Stack by stack, main.tf.json after the assets that it reads; the ledgers at last."""
    stack = "/".join(path.split("/")[:3])
    return path in LEDGERS, stack, _is_main(path), path


def _replace(target: Path, content: bytes, *, sync: bool = False) -> None:
    """Put `content` at `target` in one step; its mode is 0666 less the umask."""
    part = target.with_name(PART)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "xb") as file:
            try:
                file.write(content)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            except BaseException:
                _discard(part)
                raise
        try:
            os.replace(part, target)
        except BaseException:
            _discard(part)
            raise
    except OSError as error:
        error.filename = str(target)  # not the temporary name; a full disk has none at all
        raise


def _discard(part: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(part)


def _unlink(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


def _remove_empty_below(path: Path) -> None:
    """Remove `path` and all folders in it; that they hold no file was checked."""
    if stat.S_ISDIR(_mode(path)):
        for folder, _, _ in os.walk(path, topdown=False):
            _remove_if_empty(Path(folder))


def _mode(path: Path) -> int:
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return 0


def _prune(root: Path, paths: Iterable[str]) -> None:
    """Remove the folders of `paths` that became empty, and those above them."""
    folders = {parent for path in paths for parent in _parents(path)}
    for folder in sorted(folders, key=lambda name: (-name.count("/"), name)):
        _remove_if_empty(root / folder)


def _remove_if_empty(folder: Path) -> None:
    # Looked at first: where only the folder above is read-only, rmdir says "permission denied"
    # of a full one, too.
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        with os.scandir(folder) as entries:
            if next(entries, None):
                return
        os.rmdir(folder)


# ---- One run at a time


class _Busy(Exception):
    """Another process holds the lock."""


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock at `path`; the file goes when the lock is released."""
    handle = _open_locked(path)
    while not _is_at(handle, path):  # the holder before us removed it while we opened it
        os.close(handle)
        handle = _open_locked(path)
    try:
        yield
    finally:
        # Removed before it is released, so that nobody can lock the file that goes. (Windows
        # refuses to remove an open file: there it stays, unlocked and empty.)
        try:
            with contextlib.suppress(OSError):
                os.unlink(path)
        finally:
            os.close(handle)


def _open_locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        _lock(handle)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise _Busy from None

else:
    import fcntl

    def _lock(handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _Busy from None
