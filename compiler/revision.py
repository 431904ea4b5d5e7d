"""Both sides of a comparison: a blueprint, a folder of generated output, or either at a revision.

Takes a path, or a revision of git and a path, gives what access needs to know of each organisation.
A revision is read from git's objects into a temporary folder and compiled in memory; work tree and
index are not touched. Where the folder holds Landform's output it is read as it is.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compiler import git
from compiler.access.delta.records import Home, Snapshot
from compiler.access.ledger import Binding, Edge, Entry, Evidence, Right
from compiler.blueprint.files import MARKER, display_path
from compiler.compilation import Compilation, Compiled, compile_blueprints
from compiler.diagnostics import Diagnostic, Span, has_errors
from compiler.diff.records import Revision
from compiler.manifest import VERSION
from compiler.organization.records import Home as Declared
from compiler.organization.records import Project
from compiler.revision_stacks import compiled_revisions, read_revision, renamed
from compiler.tree_present import MAIN

MANIFEST, LEDGER = "manifest.json", "access.json"
# Which accounts and projects are production: a step of the unit's path, or the value of a tag.
PRODUCTION = ("prod", "production")
PRODUCTION_TAGS = ("env", "environment", "stage")


class SideError(ValueError):
    """What was named is no blueprint, output or revision; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one side of a comparison holds. `label` is how it is called.

    `snapshots` and `revisions` are by organisation; there are none where `diagnostics` have errors.
    `there` is false where the path did not exist at that revision. `folders` are those of the
    organisations, where output was read.
    """

    label: str
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)
    revisions: Mapping[str, Revision] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    there: bool = True

    @property
    def failed(self) -> bool:
        """Whether it has errors."""
        return has_errors(self.diagnostics)


def named(text: str, path: Path) -> Side:
    """The other side, by what the user wrote: a folder or file, or a revision of `path`.

    What is both must be written as a path (`./main`) or as a whole name (`refs/heads/main`).
    """
    folder = Path(text).expanduser()
    if text.startswith(("./", "../", "/", "~")) or text in (".", ".."):
        return from_path(folder, label=text)
    # `Path.exists` raises where a name is longer than one can be.
    if not text or not os.path.exists(folder):
        return at_revision(text, path)
    if _is_revision(text, path):
        raise SideError(
            f'"{text}" is a path and a revision: write "./{text}" for the path, or the whole name '
            f'("refs/heads/{text}") for the revision'
        )
    return from_path(folder, label=text)


def of_the_same(before: Side, after: Side, path: Path) -> Side:
    """The other side, of the organisation that `path` is about where it is one of several there.

    A blueprint beside others is compared with a folder that holds the output of all of them.
    """
    one = path.is_file() or (path / MARKER).is_file() or _is_output(path)
    if not one or len(before.snapshots) < 2:
        return before
    own = after.snapshots.keys()
    return replace(
        before,
        snapshots={name: each for name, each in before.snapshots.items() if name in own},
        revisions={name: each for name, each in before.revisions.items() if name in own},
        folders={name: each for name, each in before.folders.items() if name in own},
    )


def _is_revision(text: str, path: Path) -> bool:
    """Without git, or outside of a repository, nothing is."""
    try:
        return git.commit_of(text, path) is not None
    except (git.GitError, git.RepositoryError):
        return False


def from_path(path: Path, label: str) -> Side:
    """What lies there now; a path that doesn't exist is an error like any other of a blueprint."""
    roots = [path] if _is_output(path) else sorted(_outputs(path))
    if not roots:
        return _compiled(compile_blueprints(path), label)
    found = [_generated(root) for root in roots]
    return Side(
        label=label,
        snapshots={name: snapshot for name, snapshot, _ in found},
        revisions={name: revision for name, _, revision in found},
        folders={name: root for (name, *_), root in zip(found, roots, strict=True)},
    )


def at_revision(revision: str, path: Path) -> Side:
    """The same path at a revision of its repository."""
    commit = git.commit_of(revision, path)
    if commit is None:
        raise SideError(
            f'"{revision}" is neither a path nor a revision of the repository of '
            f'"{display_path(path)}"{_why_not_there(path)}'
        )
    with tempfile.TemporaryDirectory(prefix="landform-") as folder:
        place = git.extract(commit, path, Path(folder))
        if place is None:
            return Side(label=revision, there=False)
        side = from_path(place, label=revision)
        return _renamed(side, _shown_as(display_path(Path(folder)), revision))


def _why_not_there(path: Path) -> str:
    """What the repository lacks as a whole, with the step that helps, or ""."""
    if git.commit_of("HEAD", path) is None:
        return ", whose branch has no commit yet; commit first, or compare with a folder"
    if git.is_shallow(path):
        return ", which is a shallow clone and may lack it: git fetch --unshallow"
    return ""


# ---- A blueprint


def _compiled(compilation: Compilation, label: str) -> Side:
    failed = has_errors(compilation.diagnostics)
    snapshots = {} if failed else {c.organization: snapshot(c) for c in compilation.blueprints}
    return Side(
        label=label,
        snapshots=snapshots,
        revisions={} if failed else dict(compiled_revisions(compilation)),
        diagnostics=compilation.diagnostics,
        sources=compilation.sources,
    )


def snapshot(compiled: Compiled) -> Snapshot:
    """What access needs to know of a compiled blueprint."""
    organization = compiled.world.organization
    homes: tuple[Declared, ...] = (
        *organization.accounts.values(),
        *organization.projects.values(),
    )
    return Snapshot(
        documents=compiled.documents,
        edges=compiled.entries,
        homes={
            home.id: Home(
                name=home.name,
                id=home.id,
                production=_production(home.unit, home.tags),
                number=home.number if isinstance(home, Project) else None,
            )
            for home in homes
        },
        places=compiled.spans,
        organization=organization.aws_id,
        states={stack.path: stack.state for stack in compiled.stacks if stack.renamed_from},
    )


def _production(unit: str | None, tags: Mapping[str, str]) -> str:
    """Why an account or a project counts as production, or ""."""
    for step in (unit or "").split("/"):
        if step.lower() in PRODUCTION:
            return f"unit {unit}"
    for name, value in sorted(tags.items()):
        if name.lower() in PRODUCTION_TAGS and value.lower() in PRODUCTION:
            return f"tag {name}: {value}"
    return ""


# ---- Generated output


def _is_output(path: Path) -> bool:
    return (path / MANIFEST).is_file() and (path / LEDGER).is_file()


def _outputs(path: Path) -> Iterator[Path]:
    """The organisations' folders directly in it."""
    if path.is_dir() and not (path / "landform.yaml").exists():
        yield from (child for child in path.iterdir() if _is_output(child))


def _generated(root: Path) -> tuple[str, Snapshot, Revision]:
    manifest = _json(root / MANIFEST)
    if manifest.get("version") != VERSION:
        raise SideError(f'"{display_path(root / MANIFEST)}" is of another version of Landform')
    try:
        snapshot = _read(root, manifest)
        revision = read_revision(root, manifest["stacks"], snapshot.documents)
        return str(manifest["organization"]), snapshot, revision
    except (AttributeError, KeyError, TypeError) as error:
        raise SideError(
            f'"{display_path(root)}" is not as Landform wrote it ({error}); compile it again'
        ) from error


def _read(root: Path, manifest: Mapping[str, Any]) -> Snapshot:
    stacks = manifest["stacks"]
    documents = {stack["path"]: _document(root / stack["path"] / MAIN) for stack in stacks}
    homes: dict[str, Home] = {}
    for stack in stacks:
        name = stack.get("account") or stack["project"]
        why = _production(None, _tags(documents[stack["path"]]))
        known = homes.get(stack["id"])
        if known is None or not known.production:
            homes[stack["id"]] = Home(name=name, id=stack["id"], production=why)
    return Snapshot(
        documents=documents,
        edges=tuple(_entry(entry) for entry in _entries(root / LEDGER)),
        homes=homes,
        places={path: Span(display_path(root / path / MAIN), 1, 1, 1, 1) for path in documents},
        organization=_organization_of(documents),
        states={s["path"]: s["renamed_from"] for s in stacks if "renamed_from" in s},
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SideError(f'"{display_path(path)}" cannot be read: {error}') from error
    if not isinstance(found, dict):
        raise SideError(f'"{display_path(path)}" is not what Landform wrote')
    return found


# How deep mappings lie in each section of a stack's document.
_DEPTH = {
    "//": 1,
    "terraform": 1,
    "locals": 1,
    "output": 2,
    "variable": 2,
    "resource": 3,
    "data": 3,
}


def _document(path: Path) -> dict[str, Any]:
    """A stack's document. One of another form would look like a stack that allows nothing."""
    found = _json(path)
    sound = all(_nested(found.get(name, {}), depth) for name, depth in _DEPTH.items())
    providers = found.get("provider", {})
    sound = sound and isinstance(providers, dict) and all(map(_blocks, providers.values()))
    if not sound or not found:
        raise SideError(f'"{display_path(path)}" is not what Landform wrote; compile it again')
    return found


def _nested(value: object, depth: int) -> bool:
    """Whether it is mappings in mappings, so many deep."""
    if depth == 0:
        return True
    return isinstance(value, dict) and all(_nested(each, depth - 1) for each in value.values())


def _blocks(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _entries(path: Path) -> list[dict[str, Any]]:
    body = _json(path)
    lists = body.get("edges"), body.get("rights", [])
    if not all(isinstance(each, list) and _blocks(each) for each in lists):
        raise SideError(f'"{display_path(path)}" is not what Landform wrote; compile it again')
    return [entry for each in lists if isinstance(each, list) for entry in each]


def _tags(document: Mapping[str, Any]) -> dict[str, str]:
    """The tags or labels that the providers set on everything."""
    found: dict[str, str] = {}
    for blocks in document.get("provider", {}).values():
        for block in blocks:
            for tags in block.get("default_tags", ()):
                found |= tags.get("tags", {})
            found |= block.get("default_labels", {})
    return {name: str(value) for name, value in found.items()}


def _organization_of(documents: Mapping[str, Any]) -> str | None:
    """AWS's id of the organisation, as the conditions say it: output has no other place for it."""
    found: set[str] = set()

    def look(value: object) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if key == "aws:PrincipalOrgID":
                    found.update([item] if isinstance(item, str) else item)
                look(item)
        elif isinstance(value, list):
            for item in value:
                look(item)

    for document in documents.values():
        look(document.get("locals"))
    return min(found) if len(found) == 1 else None


def _entry(entry: Mapping[str, Any]) -> Entry:
    principal, resource = entry["principal"], entry["resource"]
    if "right" in entry:
        return _right(entry)
    if principal["cloud"] == "google":
        return Binding(
            id=entry["id"],
            component=entry["component"],
            origin=entry["origin"],
            member=principal["member"],
            member_project=principal.get("project"),
            role=entry["role"],
            project=resource["project"],
            resource=resource["name"],
            stack=entry["binding"]["stack"],
            address=entry["binding"]["address"],
            condition=entry.get("condition"),
        )
    return Edge(
        id=entry["id"],
        component=entry["component"],
        origin=entry["origin"],
        principal_account=principal["account"],
        principal_arn=principal["arn"],
        actions=tuple(entry["actions"]),
        resource_account=resource["account"],
        resource_arn=resource["arn"],
        statements=tuple(
            Evidence(
                stack=each["stack"],
                address=each["address"],
                side=each["side"],
                sid=each["sid"],
                whole_account=each.get("admits") == "account",
            )
            for each in entry["statements"]
        ),
    )


def _right(entry: Mapping[str, Any]) -> Right:
    principal, resource, given = entry["principal"], entry["resource"], entry["statements"]
    google = principal["cloud"] == "google"
    home = "project" if google else "account"
    return Right(
        id=entry["id"],
        component=entry["component"],
        origin=entry["origin"],
        side=given[-1]["side"],
        principal=principal.get("service") or principal["member" if google else "arn"],
        principal_home=principal.get(home, ""),
        name=entry["right"],
        namespaces=tuple(entry.get("namespaces", ())),
        home=resource[home],
        resource=resource["name" if google else "arn"],
        stack=given[-1]["stack"],
        addresses=tuple(each["address"] for each in given),
        sid=given[-1]["sid"],
    )


# ---- The paths of a revision, as the user knows them


def _shown_as(folder: str, revision: str) -> Callable[[str], str]:
    def shown(text: str) -> str:
        return text.replace(f"{folder}/", f"{revision}:").replace(folder, f"{revision}:")

    return shown


def _renamed(side: Side, shown: Callable[[str], str]) -> Side:
    def span(at: Span) -> Span:
        return at._replace(path=shown(at.path))

    return replace(
        side,
        snapshots={
            name: replace(one, places={stack: span(at) for stack, at in one.places.items()})
            for name, one in side.snapshots.items()
        },
        revisions={name: renamed(one, shown, span) for name, one in side.revisions.items()},
        diagnostics=tuple(
            replace(
                found,
                message=shown(found.message),
                hint=found.hint and shown(found.hint),
                span=found.span and span(found.span),
                related=tuple((label, span(at)) for label, at in found.related),
            )
            for found in side.diagnostics
        ),
        sources={shown(path): text for path, text in side.sources.items()},
    )
