"""Find and read the files of blueprints: the only place that reads them.

Takes a path, gives each blueprint's files with their text, and diagnostics. Reads the file system,
and the working directory for the paths that it shows; writes nothing. Hidden files and folders
(`.git`, `.terraform`) are never part of a blueprint, nor are CloudFormation templates: those say what
they are by `AWSTemplateFormatVersion`, and a component may name them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from compiler.blueprint.cloudformation import is_template
from compiler.diagnostics import Diagnostic, Span, in_order, nearest

MARKER = "landform.yaml"
SUFFIXES = (".yaml", ".yml")
# A blueprint of 1,000 accounts takes less than 200 KB; a file over this is some other file.
MAXIMUM_BYTES = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of a blueprint. `path` is how it is shown; `text` is the whole file."""

    path: str
    text: str


@dataclass(slots=True)
class Beside:
    """The files below a blueprint's folder that its components name, such as templates.

    `found` are those that were asked for, by the path below the folder.
    """

    folder: Path
    found: dict[str, SourceFile | Diagnostic] = field(default_factory=dict)

    def read(self, path: str) -> SourceFile | Diagnostic | None:
        """The file, or why it cannot be read; None where there is none. Each is read once."""
        if path not in self.found:
            file = self.folder / path
            linked = [each for each in self._folders(file) if each.is_symlink()]
            problems = [_linked_folder(each) for each in linked]
            if not problems and not file.is_symlink() and not file.exists():
                return None
            source = None if problems else _read(file, self.folder, problems)
            self.found[path] = source or problems[0]
        return self.found[path]

    def _folders(self, file: Path) -> list[Path]:
        return [each for each in file.parents if self.folder in each.parents]

    @property
    def sources(self) -> tuple[SourceFile, ...]:
        """The files that were read."""
        return tuple(each for each in self.found.values() if isinstance(each, SourceFile))


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueprintFiles:
    """The files of one blueprint, each list sorted by path.

    `path` shows the file or folder that the blueprint is, `root` is the same for the file system.
    `kinds` are the team's own kinds: the YAML files directly in `kinds/`. `beside` are other files,
    below the folder that holds the blueprint.
    """

    path: str
    root: Path
    files: tuple[SourceFile, ...]
    kinds: tuple[SourceFile, ...] = ()
    beside: Beside = field(default_factory=lambda: Beside(Path()))


def read_blueprints(
    path: Path,
) -> tuple[tuple[BlueprintFiles, ...], tuple[Diagnostic, ...]]:
    """Read the blueprint at `path`, or the several in that folder, sorted by path.

    A file that can't be read is left out, with a diagnostic that says why.
    """
    found: list[Diagnostic] = []
    try:
        if path.is_dir():
            blueprints = _read_folder(path, found)
        elif path.exists():
            blueprints = [_single(path, _read(path, path.parent, found))]
        else:
            blueprints = []
            found.append(_missing(path))
    except OSError as error:
        return (), (*in_order(found), _unreadable(display_path(path), error))
    return tuple(blueprints), in_order(found)


def holds_several(path: Path) -> bool:
    """Whether it is a folder that holds several blueprints, one per file or folder in it."""
    return path.is_dir() and not (path / MARKER).is_file()


def display_path(path: Path) -> str:
    """Relative to the working directory when below it, else as given; forward slashes."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the working directory was deleted
        return path.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")
    absolute = Path(os.path.abspath(path))
    shown = absolute.relative_to(here) if absolute.is_relative_to(here) else path
    # Names of files may hold any bytes; what can't be encoded must not stop a later print.
    return shown.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _read_folder(folder: Path, found: list[Diagnostic]) -> list[BlueprintFiles]:
    if (folder / MARKER).is_file():
        return [_read_root(folder, found)]
    blueprints = []
    for child in _children(folder):
        if child.is_dir():
            # Checked before the marker is looked for: the link may lead anywhere.
            if child.is_symlink():
                if (child / MARKER).is_file():
                    found.append(_linked_folder(child))
            elif (child / MARKER).is_file():
                blueprints.append(_read_root(child, found))
            elif stray := _blueprint_file(child):
                found.append(_without_marker(child, stray))
        elif child.suffix in SUFFIXES:
            source = _read(child, folder, found)
            if source is None or not is_template(source.text):
                blueprints.append(_single(child, source))
    if not blueprints and not found:
        found.append(_empty_folder(folder))
    return blueprints


def _single(path: Path, source: SourceFile | None) -> BlueprintFiles:
    return BlueprintFiles(
        path=display_path(path),
        root=path,
        files=(source,) if source else (),
        beside=Beside(path.parent),
    )


def _read_root(folder: Path, found: list[Diagnostic]) -> BlueprintFiles:
    """A folder with the marker: everything below it, its `kinds/` apart."""
    own_kinds = folder / "kinds"
    read = _read_all(_walk(folder, own_kinds, found), folder, found)
    files = tuple(source for source in read if not is_template(source.text))
    kinds: tuple[SourceFile, ...] = ()
    if own_kinds.is_symlink():
        found.append(_linked_folder(own_kinds))
    elif own_kinds.is_dir():
        paths = (p for p in _children(own_kinds) if p.suffix in SUFFIXES and not p.is_dir())
        kinds = _read_all(paths, folder, found)
    return BlueprintFiles(
        path=display_path(folder), root=folder, files=files, kinds=kinds, beside=Beside(folder)
    )


def _walk(folder: Path, own_kinds: Path, found: list[Diagnostic]) -> Iterator[Path]:
    for child in _children(folder):
        if child.is_dir():
            if child == own_kinds:
                continue
            if child.is_symlink():
                found.append(_linked_folder(child))
                continue
            try:
                yield from _walk(child, own_kinds, found)
            except OSError as error:
                found.append(_unreadable(display_path(child), error))
        elif child.suffix in SUFFIXES:
            yield child


def _blueprint_file(folder: Path) -> Path | None:
    """A YAML file below a folder that is no template, so that it was meant for a blueprint."""
    try:
        return next(
            (each for each in _walk(folder, folder / ".kinds", []) if not _is_template(each)), None
        )
    except OSError:
        return None


def _is_template(file: Path) -> bool:
    source = _read(file, file.parent, [])
    return source is not None and is_template(source.text)


def _children(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if not child.name.startswith("."))


def _read_all(
    paths: Iterator[Path], boundary: Path, found: list[Diagnostic]
) -> tuple[SourceFile, ...]:
    sources = [_read(path, boundary, found) for path in paths]
    return tuple(sorted((s for s in sources if s), key=lambda source: source.path))


def _read(path: Path, boundary: Path, found: list[Diagnostic]) -> SourceFile | None:
    shown = display_path(path)
    try:
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(boundary.resolve()):
            found.append(_linked_out(shown, path, boundary))
            return None
        content = _bytes(path)
    # Python 3.11 and 3.12 raise RuntimeError for links in a circle, later ones OSError.
    except (OSError, RuntimeError) as error:
        found.append(_unreadable(shown, error))
        return None
    problem = _problem(content, shown)
    if problem:
        found.append(problem)
        return None
    return SourceFile(path=shown, text=content.decode("utf-8"))


def _bytes(path: Path) -> bytes:
    """At most one byte more than the limit. A pipe or device is refused: reading it may block."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(None, "it is not a regular file")
    with path.open("rb") as file:
        return file.read(MAXIMUM_BYTES + 1)


def _problem(content: bytes, path: str) -> Diagnostic | None:
    """Why `content` can't be a blueprint's text, or None."""
    if len(content) > MAXIMUM_BYTES:
        return Diagnostic(
            code="E007",
            message=f'"{path}" is larger than {MAXIMUM_BYTES // 1_000_000} MB',
            span=_at(path, b""),
            hint="move what is not a blueprint out of the folder, or divide the file",
        )
    if not content.strip():
        return Diagnostic(
            code="E009",
            message=f'"{path}" is empty; the YAML of a blueprint was expected',
            span=_at(path, b""),
            hint="write the blueprint, or delete the file",
        )
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        mark = "UTF-8 byte order mark" if content.startswith(b"\xef") else "UTF-16 mark"
        return Diagnostic(
            code="E005",
            message=f'"{path}" starts with a {mark}; plain UTF-8 was expected',
            span=_at(path, b""),
            hint='save it as "UTF-8", without a byte order mark',
        )
    return _bad_byte(content, path)


def _bad_byte(content: bytes, path: str) -> Diagnostic | None:
    if b"\0" in content:
        return Diagnostic(
            code="E006",
            message=f'"{path}" is not text: it has a zero byte',
            span=_at(path, content[: content.index(b"\0")]),
            hint="put a text file in its place, or rename it if it is no blueprint",
        )
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return Diagnostic(
            code="E004",
            message=f'"{path}" is not UTF-8: byte 0x{content[error.start]:02x} here',
            span=_at(path, content[: error.start]),
            hint="save the file as UTF-8",
        )
    return None


def _at(path: str, before: bytes) -> Span:
    """The place after `before`, the start of the file."""
    lines = before.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    line, column = len(lines), len(lines[-1]) + 1
    return Span(path, line, column, line, column)


def _missing(path: Path) -> Diagnostic:
    shown = display_path(path)
    if path.is_symlink():
        return _unreadable(shown, OSError(None, "the link leads to nothing"))
    beside = path.parent
    names = [child.name for child in _children(beside)] if beside.is_dir() else []
    close = nearest(path.name, names)
    return Diagnostic(
        code="E001",
        message=f'"{shown}" does not exist; a blueprint file or folder was expected',
        hint=f'did you mean "{display_path(beside / close)}"?'
        if close
        else "give the path of a blueprint, or make one with `landform init`",
    )


def _empty_folder(folder: Path) -> Diagnostic:
    return Diagnostic(
        code="E002",
        message=f'"{display_path(folder)}" holds no blueprint: no *.yaml or *.yml file, '
        f"and no folder with a {MARKER}",
        hint=f"add a {MARKER}, or make a blueprint with `landform init`",
    )


def _without_marker(folder: Path, file: Path) -> Diagnostic:
    shown, inside = display_path(folder), file.relative_to(folder).as_posix()
    names = [child.name for child in _children(folder)]
    other = next(
        (name for name in names if name.lower() in ("landform.yml", "landform.yaml")), None
    )
    return Diagnostic(
        code="E002",
        message=f'"{shown}" is no blueprint: it holds "{inside}", but no {MARKER} itself',
        span=_at(display_path(file), b""),
        hint=f'rename "{other}" to {MARKER}'
        if other
        else f"add a {MARKER}, or move what is not a blueprint out of the folder",
    )


def _unreadable(path: str, error: Exception) -> Diagnostic:
    reason = (error.strerror if isinstance(error, OSError) else None) or "its links form a circle"
    return Diagnostic(
        code="E003",
        message=f'"{path}" cannot be read: {reason[:1].lower()}{reason[1:]}',
        span=_at(path, b""),
        hint="check the file's permissions and links, or move it out of the blueprint",
    )


def _linked_folder(folder: Path) -> Diagnostic:
    shown = display_path(folder)
    return Diagnostic(
        code="E008",
        message=f'"{shown}" is a symbolic link to a folder; a real folder was expected',
        span=_at(shown, b""),
        hint="put the folder itself there: a linked one is read twice, or comes from elsewhere",
    )


def _linked_out(shown: str, path: Path, boundary: Path) -> Diagnostic:
    return Diagnostic(
        code="E008",
        message=f'"{shown}" is a symbolic link out of "{display_path(boundary)}"',
        span=_at(shown, b""),
        hint=f'put a copy of "{os.readlink(path)}" in its place',
    )
