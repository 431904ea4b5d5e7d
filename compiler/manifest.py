"""What goes beside the stacks: the manifest, for pipelines, and the access ledger, for reviewers."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

from compiler.access.ledger import Entry, ledger, list_of
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
    return manifest_of(organization, [listed(stack, digests[stack.path]) for stack in stacks])


def manifest_of(organization: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Json]:
    """The same of what `listed` gave."""
    ordered = sorted(rows, key=lambda row: str(row["path"]))
    wave = waves({row["path"]: row["depends_on"] for row in ordered})
    return {
        "version": VERSION,
        "organization": organization,
        "stacks": [{**row, "wave": wave[row["path"]]} for row in ordered],
    }


def listed(stack: Stack, digest: str) -> dict[str, Json]:
    """A stack as the manifest has it, but for its wave, which depends on others."""
    return {
        "path": stack.path,
        "cloud": stack.cloud,
        ("account" if stack.cloud == "aws" else "project"): stack.account,
        "id": stack.account_id,
        "region": stack.region,
        "component": stack.component,
        "kind": stack.kind,
        **({"renamed_from": stack.state} if stack.renamed_from else {}),
        "depends_on": list(stack.depends_on),
        "resources": sum(r.mode == "managed" for r in stack.resources),
        "digest": digest,
    }


def bare(stack: Stack) -> Stack:
    """The stack without what is in it."""
    return stack_of(listed(stack, ""))


def stack_of(row: Mapping[str, Any]) -> Stack:
    """The same of what `listed` gave."""
    former = row.get("renamed_from")
    return Stack(
        cloud=row["cloud"],
        account=row["account" if row["cloud"] == "aws" else "project"],
        account_id=row["id"],
        component=row["component"],
        kind=row["kind"],
        region=row["region"],
        terraform={},
        providers={},
        depends_on=tuple(row["depends_on"]),
        renamed_from=former and former.rpartition("/")[2],
    )


def waves(depends_on: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """The wave of each stack. Raises graphlib.CycleError where stacks wait for each other."""
    wave: dict[str, int] = {}
    for path in TopologicalSorter(depends_on).static_order():
        wave[path] = max((wave[other] + 1 for other in depends_on.get(path, ())), default=0)
    return wave


def digest(files: Mapping[str, bytes]) -> str:
    """One hash over a stack's files and their names: `sha256:…`."""
    return digest_of({path: hashlib.sha256(content).digest() for path, content in files.items()})


def digest_of(hashes: Mapping[str, bytes]) -> str:
    """The same of the files' own hashes."""
    total = hashlib.sha256()
    for path, own in sorted(hashes.items()):
        total.update(path.encode() + b"\0" + own)
    return f"sha256:{total.hexdigest()}"


def ledger_pieces(lists: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """access.json of its entries' texts by their list, in their order.

    It may be too large to be held as a whole. Lists that are empty are left out of `lists`.
    """
    rest = _shape(lists)
    for name in (each for each in ledger(()) if each in lists):
        before, _, rest = rest.partition("{}")
        between = "," + before[before.rindex("\n") :]
        for text in lists[name]:
            yield before
            yield text
            before = between
    yield rest


def entry_text(entry: Entry) -> str:
    """An entry as it stands in access.json."""
    before, _, after = _shape_of_one(list_of(entry)).partition("{}")
    return canonical(ledger((entry,))).removeprefix(before).removesuffix(after)


@cache
def _shape_of_one(filled: str) -> str:
    return _shape((filled,))


def _shape(filled: Collection[str]) -> str:
    """access.json with `{}` for the entries of each of these lists."""
    return canonical({**ledger(()), **{name: [{}] for name in filled}})
