"""An import from one end to the other: the blueprint, the organisation, the lines, the files."""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.diagnostics import Diagnostic, Span
from compiler.importing.codes import NOT_WRITTEN
from compiler.importing.editing import edited
from compiler.importing.matching import match, same_organization
from compiler.importing.records import Change, LiveOrganization, Note
from compiler.importing.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEdit:
    """A file as it was and as it shall be; `before` is None for one that is not there yet."""

    path: str
    before: str | None
    after: str

    @property
    def diff(self) -> str:
        """The unified diff; "" where nothing changes."""
        lines = difflib.unified_diff(
            _lines(self.before or ""),
            _lines(self.after),
            fromfile=self.path if self.before is not None else os.devnull,
            tofile=self.path,
        )
        return "".join(lines)


def _lines(text: str) -> list[str]:
    """With a mark where the last one has no end, as git has it."""
    lines = text.replace("\r\n", "\n").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What an import would do; `edits` has only files that change."""

    live: LiveOrganization
    changes: tuple[Change, ...]
    notes: tuple[Note, ...]
    edits: tuple[FileEdit, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def plan_import(target: Target, live: LiveOrganization, tags: tuple[str, ...]) -> Import:
    """The lines that the blueprint lacks, in the text of its files."""
    organization = target.organization
    assert organization is not None, "a blueprint with errors is not imported into"
    other = same_organization(live, organization, target.root)
    if other:
        return Import(live=live, changes=(), notes=(), edits=(), diagnostics=other)
    update = match(live, organization, target.root, tags=tags)
    changes = (*_first(target), *update.changes)
    edits: list[FileEdit] = []
    wrong: list[Diagnostic] = []
    for path, own in _by_file(target, changes).items():
        before = target.texts.get(path)
        after, found = edited(before or "", path, own)
        wrong += found
        edits.append(FileEdit(path=path, before=before, after=after))
    return Import(
        live=live,
        changes=changes,
        notes=update.notes,
        edits=() if wrong else tuple(edits),
        diagnostics=tuple(wrong),
    )


def _first(target: Target) -> Iterator[Change]:
    """What a new blueprint starts with."""
    if target.name is not None:
        yield Change(path=("landform",), value=1)
        yield Change(path=("organization", "name"), value=target.name)


def _by_file(target: Target, changes: Iterable[Change]) -> Mapping[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(target.file_of(change), []).append(change)
    return dict(sorted(found.items()))


def write(edits: Iterable[FileEdit]) -> tuple[Diagnostic, ...]:
    """Write the files, each in one step; stops at the first that cannot be written."""
    for edit in edits:
        try:
            changed = _replaced(edit)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            return (_not_written(edit, f"cannot be written: {reason}"),)
        if changed:
            return (_not_written(edit, "was changed while AWS was asked"),)
    return ()


def _replaced(edit: FileEdit) -> bool:
    """Whether it could not be done because the file is another one by now."""
    # A link stays one: what it leads to is written.
    target = Path(os.path.realpath(edit.path))
    if edit.before is None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            return True
    elif target.read_bytes() != edit.before.encode():
        return True
    handle, part = tempfile.mkstemp(prefix=".landform-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(edit.after.encode())
        if edit.before is None:
            os.chmod(part, 0o666 & ~_umask())
        else:
            shutil.copymode(target, part)
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
    return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _not_written(edit: FileEdit, what: str) -> Diagnostic:
    return Diagnostic(
        code=NOT_WRITTEN,
        message=f'"{edit.path}" {what}',
        span=Span(edit.path, 1, 1, 1, 1),
        hint="remove the cause and run again",
    )
