"""The stacks of one side of a comparison, and the blueprint that they come from.

Takes a compilation, or the folder of an organisation in the output; gives revisions. The text of a
root module follows from its document alone, so nothing goes through CDKTF here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from compiler.blueprint.files import BlueprintFiles, SourceFile, display_path
from compiler.blueprint.yaml_merge import merge_documents
from compiler.blueprint.yaml_tree import parse
from compiler.compilation import Compilation, Compiled
from compiler.diagnostics import Span
from compiler.diff.records import Revision, Sources, StackView
from compiler.manifest import digest, waves
from compiler.terraform.stack import Stack
from compiler.terraform.text import canonical
from compiler.tree_present import MAIN

Shown = Callable[[str], str]


def compiled_revisions(compilation: Compilation) -> Iterator[tuple[str, Revision]]:
    """Of each organisation. A compilation without errors compiled all blueprints that it read."""
    for compiled, files in zip(compilation.blueprints, compilation.read, strict=True):
        wave = waves({stack.path: stack.depends_on for stack in compiled.stacks})
        views = {stack.path: _view(compiled, stack, wave) for stack in compiled.stacks}
        yield compiled.organization, Revision(stacks=views, sources=_sources(files))


def _view(compiled: Compiled, stack: Stack, wave: Mapping[str, int]) -> StackView:
    document = compiled.documents[stack.path]
    files = {asset.path: asset.content for asset in stack.assets}
    return StackView(
        path=stack.path,
        home=stack.account,
        id=stack.account_id,
        component=stack.component,
        kind=stack.kind,
        wave=wave[stack.path],
        document=document,
        region=stack.region,
        assets={path: _hash(content) for path, content in files.items()},
        digest=digest({MAIN: canonical(document).encode(), **files}),
        span=compiled.spans.get(stack.path),
        waits_for=stack.depends_on,
        former=stack.state if stack.renamed_from else None,
    )


def _hash(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _sources(files: BlueprintFiles) -> Sources:
    trees = [(file.path, tree) for file in files.files if (tree := parse(file.text, file.path)[0])]
    root, _ = merge_documents(trees)
    return Sources(
        root=root,
        kinds={Path(file.path).stem: (file.path, file.text) for file in files.kinds},
        files={
            path: (file.path, file.text)
            for path, file in files.beside.found.items()
            if isinstance(file, SourceFile)
        },
    )


def read_revision(
    root: Path, stacks: Sequence[Mapping[str, Any]], documents: Mapping[str, Mapping[str, Any]]
) -> Revision:
    """From the stacks in a manifest, and their root modules."""
    return Revision(stacks={s["path"]: _read(root, s, documents[s["path"]]) for s in stacks})


def _read(root: Path, stack: Mapping[str, Any], document: Mapping[str, Any]) -> StackView:
    path = str(stack["path"])
    files = _files(root / path, document)
    # What the manifest says is of what was written then; somebody may have edited a file since.
    own = None if files is None else digest({MAIN: canonical(document).encode(), **files})
    return StackView(
        path=path,
        home=stack.get("account") or stack["project"],
        id=stack["id"],
        component=stack["component"],
        kind=stack["kind"],
        wave=stack["wave"],
        document=document,
        region=stack["region"],
        assets=None if files is None else {n: _hash(content) for n, content in files.items()},
        digest=own or stack["digest"],
        span=Span(display_path(root / path / MAIN), 1, 1, 1, 1),
        waits_for=tuple(stack["depends_on"]),
        former=stack.get("renamed_from"),
    )


def _files(folder: Path, document: Mapping[str, Any]) -> dict[str, bytes] | None:
    """The assets; None where one is not there: of a revision only some files are read."""
    try:
        return {name: (folder / name).read_bytes() for name in document["//"]["landform"]["files"]}
    except (KeyError, OSError, TypeError):
        return None


def renamed(revision: Revision, shown: Shown, span: Callable[[Span], Span]) -> Revision:
    """The same with the paths as the user knows them."""
    stacks = {
        path: replace(view, span=view.span and span(view.span))
        for path, view in revision.stacks.items()
    }
    return replace(
        revision,
        stacks=stacks,
        sources=revision.sources and replace(revision.sources, shown=shown),
    )
