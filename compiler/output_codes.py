"""What can go wrong with the output tree: the codes E701 to E711, and their diagnostics.

The functions take the tree's root, a path relative to it, and the cause; they give a Diagnostic
without a span, as no line of a blueprint is to blame. `wrong` and `right` of the codes show folders
and commands for the same reason.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from compiler.codes import Code
from compiler.diagnostics import Diagnostic

NOT_OURS = "E701"
IN_THE_WAY = "E702"
SYMBOLIC_LINK = "E703"
CASE_CLASH = "E704"
UNREADABLE = "E705"
BUSY = "E706"
NOT_PERMITTED = "E707"
DISK_FULL = "E708"
WRITE_FAILED = "E709"
JOURNAL_DAMAGED = "E710"
TREE_MOVED = "E711"
# After these some files may have been written already.
PARTLY_WRITTEN = frozenset({NOT_PERMITTED, DISK_FULL, WRITE_FAILED})

CODES: tuple[Code, ...] = (
    Code(
        code=NOT_OURS,
        title="a file that Landform did not write is in the way",
        explanation=(
            "Landform would write this file, but one of that name exists and does not carry Landform's "
            "mark, so it is somebody's work. Landform never overwrites such a file, and writes nothing "
            "at all in this run. Move the file away, or delete it if it is not needed; a file that "
            "Landform wrote and that lost its mark comes back with the next run."
        ),
        wrong="generated/acme/aws/shared/churn/main.tf.json   # written by hand",
        right="generated/acme/aws/shared/churn/notes.md       # a name that Landform does not use",
    ),
    Code(
        code=IN_THE_WAY,
        title="a folder stands where a file belongs, or a file where a folder belongs",
        explanation=(
            "The path that Landform would write is taken by something of another type, and not "
            "everything in it is Landform's own. Nothing was written. Move it away or choose another "
            "output folder with --out."
        ),
        wrong="generated/acme/aws/shared        # a file",
        right="generated/acme/aws/shared/       # a folder, made by Landform",
    ),
    Code(
        code=SYMBOLIC_LINK,
        title="a symbolic link inside the output tree",
        explanation=(
            "A part of the path below the organisation's folder is a symbolic link. Writing through it "
            "would change files outside of the tree, so Landform does not follow it; nothing was "
            "written. Replace the link by a real folder. (The output folder itself may be a link.)"
        ),
        wrong="generated/acme/aws -> ../../elsewhere",
        right="generated/acme/aws/",
    ),
    Code(
        code=CASE_CLASH,
        title="two paths differ only in upper and lower case",
        explanation=(
            "On the file systems of macOS and Windows these two names are one file, so that one would "
            "overwrite the other in a colleague's checkout. Landform refuses them on every system. "
            "Rename one of the two."
        ),
        wrong="assets/Handler.py\nassets/handler.py",
        right="assets/handler.py\nassets/handler_v2.py",
    ),
    Code(
        code=UNREADABLE,
        title="the output tree cannot be read",
        explanation=(
            "Landform reads what is there before it decides what to write, and the system refused. "
            "Without that it cannot tell its own files from yours, so nothing was written. Give the "
            "user who runs Landform read permission on the output folder."
        ),
        wrong="chmod 000 generated/acme/aws",
        right="chmod 755 generated/acme/aws",
    ),
    Code(
        code=BUSY,
        title="another run is writing this tree",
        explanation=(
            "Two runs that write one organisation's folder would mix their files, so the second stops "
            "before its first change. Wait for the other one and run again. The lock belongs to the "
            "process: a run that was killed does not hold it, and the file .landform.lock need not be "
            "deleted."
        ),
        wrong="landform compile & landform compile",
        right="landform compile && landform compile",
    ),
    Code(
        code=NOT_PERMITTED,
        title="writing is not permitted",
        explanation=(
            "The system refused to write, rename or remove a file: the folder or the whole file system is "
            "read-only, or it belongs to somebody else. Each file is whole, old or new. Give "
            "permission or choose another folder with --out; the next run does the rest."
        ),
        wrong="chmod 555 generated/acme && landform compile",
        right="chmod 755 generated/acme && landform compile",
    ),
    Code(
        code=DISK_FULL,
        title="no space is left for the output",
        explanation=(
            "The disk or the user's quota is full. Each file is whole, old or new, and the half-written "
            "one was removed. Make space and run again: the next run does the rest."
        ),
        wrong="landform compile --out /full/disk",
        right="landform compile --out generated",
    ),
    Code(
        code=WRITE_FAILED,
        title="the system failed to write",
        explanation=(
            "The system gave an error that is neither a permission nor a full disk, a path that is too "
            "long for example. Each file is whole, old or new. Remove the cause; the next run "
            "does the rest."
        ),
        wrong="landform compile --out a-folder-name-of-300-characters",
        right="landform compile --out generated",
    ),
    Code(
        code=JOURNAL_DAMAGED,
        title="the journal of an interrupted run is damaged",
        explanation=(
            "While it writes, Landform keeps the file .landform.journal, which names the paths "
            "that are about to change, so that the next run can repair an interrupted one. This one is "
            "not what Landform wrote. Nothing was written. Restore the tree from version control, delete "
            "the journal, and run again."
        ),
        wrong="echo > generated/acme/.landform.journal",
        right="git restore generated/acme && rm generated/acme/.landform.journal",
    ),
    Code(
        code=TREE_MOVED,
        title="the output tree changed while Landform was at work",
        explanation=(
            "Between deciding what to write and writing it, another process changed files in the output "
            "folder, so the decision no longer holds. Nothing was written. Run again."
        ),
        wrong="landform compile & git checkout other-branch",
        right="git checkout other-branch && landform compile",
    ),
)


def not_ours(root: Path, path: str) -> Diagnostic:
    """A user's file stands where we would write."""
    return Diagnostic(
        code=NOT_OURS,
        message=f'"{_shown(root, path)}" exists and was not written by Landform',
        hint="move it away, or delete it if nobody needs it; then compile again",
    )


def in_the_way(root: Path, path: str, kind: str) -> Diagnostic:
    """`kind` is what stands there: "file", "folder", or "other" (a device, a socket)."""
    wanted = {"file": "a folder", "folder": "a file"}.get(kind, "a file or folder")
    found = {"file": "a file", "folder": "a folder with files of others"}.get(
        kind, "a special file"
    )
    return Diagnostic(
        code=IN_THE_WAY,
        message=f'"{_shown(root, path)}" is {found}, where Landform needs {wanted}',
        hint="move it away, or choose another output folder with --out",
    )


def symbolic_link(root: Path, path: str) -> Diagnostic:
    """`path` is a link, and we would write to it or through it."""
    return Diagnostic(
        code=SYMBOLIC_LINK,
        message=f'"{_shown(root, path)}" is a symbolic link: Landform does not write through it',
        hint="replace the link by a real file or folder, or remove it",
    )


def case_clash(root: Path, path: str, other: str | None) -> Diagnostic:
    """`other` is the second path of ours, or None where `path` is a user's file on disk."""
    shown = f'"{_shown(root, path)}"'
    if other is None:
        message = f"{shown} differs only in upper and lower case from a path that Landform writes"
    else:
        message = f'{shown} and "{_shown(root, other)}" differ only in upper and lower case'
    return Diagnostic(
        code=CASE_CLASH,
        message=message,
        hint="rename one of the two: on macOS and Windows they are the same file",
    )


def unreadable(root: Path, path: str, error: OSError) -> Diagnostic:
    """Reading or listing `path` failed."""
    return Diagnostic(
        code=UNREADABLE,
        message=f'"{_shown(root, path)}" cannot be read: {_reason(error)}',
        hint="give read permission on the output folder, or choose another one with --out",
    )


def busy(root: Path) -> Diagnostic:
    """Another process holds the lock."""
    return Diagnostic(
        code=BUSY,
        message=f'"{_shown(root, "")}" is being written by another run of Landform',
        hint="wait until it is done, then run again",
    )


def journal_damaged(root: Path, path: str) -> Diagnostic:
    """The journal is not what we write."""
    return Diagnostic(
        code=JOURNAL_DAMAGED,
        message=f'"{_shown(root, path)}" is damaged: an interrupted run cannot be repaired from it',
        hint="restore the folder from version control, delete the file, then run again",
    )


def tree_moved(root: Path) -> Diagnostic:
    """The disk is not what it was when the changes were planned."""
    return Diagnostic(
        code=TREE_MOVED,
        message=f'"{_shown(root, "")}" was changed by another process while Landform was at work',
        hint="run again",
    )


def write_failure(root: Path, error: OSError) -> Diagnostic:
    """Writing, renaming or removing failed; `error.filename` says what, where it is known."""
    known = isinstance(error.filename, str | os.PathLike)
    place = Path(error.filename).as_posix() if known else _shown(root, "")
    done = "what was written is whole, and the next run does the rest"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        code, advice = DISK_FULL, "make space"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        code, advice = NOT_PERMITTED, "give write permission, or choose another folder with --out"
    else:
        code, advice = WRITE_FAILED, "remove the cause"
    return Diagnostic(
        code=code,
        message=f'"{place}" cannot be written: {_reason(error)}',
        hint=f"{advice}, then run again: {done}",
    )


def _shown(root: Path, path: str) -> str:
    return (root / path).as_posix()


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
