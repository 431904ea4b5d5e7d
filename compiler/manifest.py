"""What goes beside the stacks: the manifest, for pipelines, and the access ledger, for reviewers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter

from compiler.access.ledger import Entry, ledger
from compiler.terraform.document import Json
from compiler.terraform.stack import Stack
from compiler.terraform.text import canonical

VERSION = 1


def output_tree(
    organization: str,
    stacks: Iterable[Stack],
    edges: Iterable[Entry],
    texts: Mapping[str, bytes],
) -> dict[str, bytes]:
    """The files of one organisation by their path below its folder; `texts` are the root modules."""
    ordered = list(stacks)
    tree: dict[str, bytes] = {}
    digests: dict[str, str] = {}
    for stack in ordered:
        files = {"main.tf.json": texts[stack.path]}
        files |= {asset.path: asset.content for asset in stack.assets}
        digests[stack.path] = digest(files)
        tree |= {f"{stack.path}/{path}": content for path, content in files.items()}
    tree["manifest.json"] = canonical(manifest(organization, ordered, digests)).encode()
    tree["access.json"] = canonical(ledger(edges)).encode()
    return tree


def manifest(
    organization: str, stacks: Iterable[Stack], digests: Mapping[str, str]
) -> dict[str, Json]:
    """The stacks sorted by path, each with its wave: 0 needs nothing, n needs something of n - 1."""
    ordered = sorted(stacks, key=lambda stack: stack.path)
    wave = waves({stack.path: stack.depends_on for stack in ordered})
    return {
        "version": VERSION,
        "organization": organization,
        "stacks": [
            {
                "path": stack.path,
                "cloud": stack.cloud,
                ("account" if stack.cloud == "aws" else "project"): stack.account,
                "id": stack.account_id,
                "region": stack.region,
                "component": stack.component,
                "kind": stack.kind,
                **({"renamed_from": stack.state} if stack.renamed_from else {}),
                "wave": wave[stack.path],
                "depends_on": list(stack.depends_on),
                "resources": sum(r.mode == "managed" for r in stack.resources),
                "digest": digests[stack.path],
            }
            for stack in ordered
        ],
    }


def waves(depends_on: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """The wave of each stack. Raises graphlib.CycleError where stacks wait for each other."""
    wave: dict[str, int] = {}
    for path in TopologicalSorter(depends_on).static_order():
        wave[path] = max((wave[other] + 1 for other in depends_on.get(path, ())), default=0)
    return wave


def digest(files: Mapping[str, bytes]) -> str:
    """One hash over a stack's files and their names: `sha256:…`."""
    total = hashlib.sha256()
    for path, content in sorted(files.items()):
        total.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
    return f"sha256:{total.hexdigest()}"
