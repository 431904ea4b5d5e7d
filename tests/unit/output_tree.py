"""Small output trees, and what the tests of the writer ask of the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.tree import (
    Changes,
    apply_changes,
    plan_changes,
)

JOURNAL, LOCK, PART = ".landform.journal", ".landform.lock", ".landform.part"


def main(*files: str, component: str = "churn", note: str = "", **sections: Any) -> bytes:
    mark = {"component": component, "kind": "ml-pipeline", "files": list(files)}
    document = {"//": {"landform": mark}, "locals": {"note": note}, **sections}
    return json.dumps(document, indent=2).encode()


def manifest(organization: str = "acme", note: str = "") -> bytes:
    value = {"version": 1, "organization": organization, "stacks": [{"path": note}]}
    return json.dumps(value, indent=2).encode()


def small_tree() -> dict[str, bytes]:
    return {
        "manifest.json": manifest(),
        "access.json": b'{"version": 1, "edges": [], "rights": []}',
        "aws/shared/churn/main.tf.json": main("assets/handler.zip", "assets/k8s/pod.yaml"),
        "aws/shared/churn/assets/handler.zip": b"PK\x00\xff",
        "aws/shared/churn/assets/k8s/pod.yaml": b"kind: Pod\n",
        "google/train/access/main.tf.json": main(component="access"),
    }


def write(root: Path, tree: Mapping[str, bytes]) -> Changes:
    changes, diagnostics = plan_changes(root, tree)
    assert diagnostics == ()
    assert apply_changes(root, tree, changes) == ()
    return changes


def files(root: Path) -> dict[str, bytes]:
    found = (path for path in sorted(root.rglob("*")) if not path.is_dir() or path.is_symlink())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def folders(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir()}


def put(root: Path, path: str, content: bytes = b"mine") -> Path:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def refused(root: Path, tree: Mapping[str, bytes]) -> list[str]:
    """The codes that stop the run; checks that nothing is written then, even when forced."""
    before = files(root) if root.is_dir() else None
    changes, diagnostics = plan_changes(root, tree)
    assert all(d.hint and d.message for d in diagnostics)
    if root.is_dir():
        assert apply_changes(root, tree, changes) == diagnostics
        assert files(root) == before
    return [d.code for d in diagnostics]
