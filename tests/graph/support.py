"""Graphs for the tests of this folder: small ones by hand, and those of the examples."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from compiler.access.ledger import Binding, Edge, Evidence
from compiler.compilation import Compiled, compile_blueprints
from compiler.graph.model import graph_of
from compiler.graph.records import Graph, Home, Stack
from tests.needs import lacking

ROOT = Path(__file__).parents[2]
ORGANISATION = ROOT / "blueprints" / "organisation"


@cache
def compiled() -> Compiled:
    """The example with everything in it."""
    compilation = compile_blueprints(ORGANISATION)
    assert compilation.diagnostics == ()
    (one,) = compilation.blueprints
    return one


@cache
def acme() -> Graph:
    """The same as a graph."""
    return graph_of(compiled())


def stack(path: str, **given: Any) -> Stack:
    """A stack by its path, `aws/shared/churn`."""
    cloud, home, component = path.split("/")
    settled: dict[str, Any] = {
        "region": "eu-west-1",
        "kind": "ml-pipeline",
        "wave": 0,
        "depends_on": (),
        "resources": ("aws_kms_key.key", "aws_s3_bucket.data", "data.aws_region.here"),
    }
    return Stack(path=path, home=f"{cloud}/{home}", component=component, **(settled | given))


def edge(id: str, source: str, target: str, **given: Any) -> Edge:
    """A role of the first stack reads a bucket of the second."""
    own, home = source.split("/")[1], target.split("/")[1]
    settled: dict[str, Any] = {
        "component": source.split("/")[2],
        "origin": "components.x",
        "principal_account": own,
        "principal_arn": "arn:aws:iam::111111111111:role/reader",
        "actions": ("s3:GetObject",),
        "resource_account": home,
        "resource_arn": f"arn:aws:s3:::{home}-data/*",
        "statements": (
            Evidence(stack=source, address="aws_iam_role_policy.x", side="identity", sid="Reads"),
            Evidence(stack=target, address="aws_s3_bucket_policy.x", side="resource", sid="Reads"),
        ),
    }
    return Edge(id=id, **(settled | given))


def binding(id: str, path: str, member: str, project: str | None = None) -> Binding:
    """A member may read a bucket of the stack's project."""
    return Binding(
        id=id,
        component=path.split("/")[2],
        origin="components.x",
        member=member,
        member_project=project,
        role="roles/storage.objectViewer",
        project=path.split("/")[1],
        resource="//storage.googleapis.com/data",
        stack=path,
        address="google_storage_bucket_iam_member.x",
    )


def graph(*stacks: Stack, units: dict[str, str] | None = None, **given: Any) -> Graph:
    """An organisation of these stacks; `units` are by account or project."""
    homes = {}
    for each in stacks:
        cloud, name = each.home.split("/")
        unit = (units or {}).get(name, "")
        homes[each.home] = Home(cloud=cloud, name=name, id="1" * 12, unit=unit)
    settled: dict[str, Any] = {"organization": "acme", "entries": ()}
    ordered = tuple(sorted(stacks, key=lambda each: each.path))
    return Graph(stacks=ordered, homes=dict(sorted(homes.items())), **(settled | given))


def package(name: str, folder: Path) -> Path:
    """The files of a package of npm; `name` has its version."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        lacking("Node.js with npm is not here: install both")
    try:
        command = [npm, "pack", "--silent", "--ignore-scripts", name]
        done = subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=180
        )
    except (subprocess.SubprocessError, OSError) as error:
        lacking(f"{name} is not here: npm pack failed: {error}")
    # Python 3.11 has the filter since 3.11.4.
    safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(folder, **safely)
    return folder / "package"
