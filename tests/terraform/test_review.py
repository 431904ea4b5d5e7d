"""What `diff` and `affected` say, held against the plans of the real Terraform.

The earlier revision of a pair is applied to the simulated AWS, the later one is planned over it.
What the plan makes and destroys must be what was said, what it replaces must be among what "may be
replaced", and a stack that is not affected must plan no change.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from compiler.cli.entry import landform
from compiler.diff import Difference, Revision, compare
from compiler.diff.affected import affected
from compiler.revision import from_path
from tests.access.delta_support import CASES, inside
from tests.terraform.generated import CompiledOrganisation, CompiledStack, read_organisation
from tests.terraform.override import FILE, write_override
from tests.terraform.rig import JOBS, Rig
from tests.terraform.simulated_aws import simulated_aws
from tests.terraform.terraform_cli import Terraform

# Pairs of which the earlier revision is the same are planned over one application.
GROUPS = (
    ("one-of-two-components", "removed-listed"),
    ("value-consumed", "network-replaced"),
    ("kind-edited",),
)
ACTIONS = {
    ("no-op",): "",
    ("read",): "",
    ("create",): "create",
    ("update",): "change",
    ("delete",): "destroy",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("review")


def compiled(blueprint: Path, out: Path) -> CompiledOrganisation:
    done = CliRunner().invoke(
        landform, ["compile", str(blueprint), "--out", str(out), "--no-cache"]
    )
    assert done.exit_code == 0, done.output
    (root,) = (each.parent for each in out.glob("*/manifest.json"))
    return read_organisation(root)


def planned(rig: Rig, stack: CompiledStack) -> dict[str, str]:
    """What the plan does to each resource, by its address without the instance."""
    terraform = rig.terraform.with_environment(rig.aws.environment)
    copy = rig.folder(stack)
    if copy.exists():
        state = (copy / "terraform.tfstate").read_bytes()
        shutil.rmtree(copy)
        rig.terraform.copy(stack.folder, copy.name)
        (copy / "terraform.tfstate").write_bytes(state)
    else:
        rig.terraform.copy(stack.folder, copy.name)
    write_override(stack, copy)
    terraform.init(copy)
    terraform.run(copy, "plan", "-input=false", "-out=plan", "-parallelism=30")
    changes = json.loads(terraform.run(copy, "show", "-json", "plan"))["resource_changes"]
    found = {
        change["address"].partition("[")[0]: ACTIONS[tuple(change["change"]["actions"])]
        for change in changes
        if change["mode"] == "managed"
    }
    return {address: action for address, action in found.items() if action}


def said(difference: Difference) -> Mapping[str, dict[str, set[str]]]:
    """What the comparison says of each stack's resources."""
    found: dict[str, dict[str, set[str]]] = {}
    for stack in difference.stacks:
        own = found.setdefault(stack.path, {})
        for change in stack.resources:
            if change.managed:
                own.setdefault(change.action, set()).add(change.address)
                if change.replaces:
                    own.setdefault("replace", set()).add(change.address)
    return found


@pytest.mark.rig
@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_the_plan_does_what_was_said(
    names: tuple[str, ...], terraform: Terraform, folder: Path
) -> None:
    first = inside(CASES / names[0] / "before")
    with simulated_aws() as aws:
        rig = Rig(terraform, aws, f"review-{names[0]}")
        before = compiled(first, folder / names[0] / "before")
        rig.create_existing(before)
        for wave in before.waves:
            with ThreadPoolExecutor(JOBS) as pool:
                list(pool.map(rig.apply, wave))
        for name in names:
            assert same_text(first, inside(CASES / name / "before"))
            _one(rig, name, folder / names[0] / "before", folder / names[0] / name)


def same_text(one: Path, other: Path) -> bool:
    files = [one] if one.is_file() else [each for each in one.rglob("*") if each.is_file()]
    return all(
        each.read_bytes() == (other / each.relative_to(one)).read_bytes()
        if each != one
        else each.read_bytes() == other.read_bytes()
        for each in files
    )


def _one(rig: Rig, name: str, applied: Path, out: Path) -> None:
    shutil.copytree(applied, out)  # a tombstone keeps what its stack had
    sides = [inside(CASES / name / side) for side in ("before", "after")]
    after = compiled(sides[1], out)
    (organization,) = {stack.parent.name for stack in out.glob("*/manifest.json")}
    revisions = [
        from_path(side, side.name).revisions.get(organization, Revision()) for side in sides
    ]
    claims = said(compare(organization, *revisions))
    touched = {one.path for one in affected(organization, *revisions) if one.planned}
    with ThreadPoolExecutor(JOBS) as pool:
        plans = list(pool.map(lambda stack: planned(rig, stack), after.stacks))
    for stack, plan in zip(after.stacks, plans, strict=True):
        claim = claims.get(stack.path, {})
        real = dict(_by_action(plan))
        told = f"{name}: {stack.path}: {real}"
        if stack.path not in touched:
            assert not real, told
        replaced = real.get("replace", set())
        assert replaced <= claim.get("replace", set()), told
        assert real.get("create", set()) == claim.get("create", set()), told
        assert real.get("destroy", set()) == claim.get("destroy", set()), told
        follows = set(_following(stack, replaced))
        assert real.get("change", set()) <= claim.get("change", set()) | follows, told
    assert not list(out.rglob(FILE))


def _following(stack: CompiledStack, replaced: set[str]) -> Iterator[str]:
    """The resources that have a value of a replaced one, which is known when that is made."""
    for kind, named in stack.document.get("resource", {}).items():
        for name, body in named.items():
            text = json.dumps(body)
            if any(f"{address}." in text for address in replaced):
                yield f"{kind}.{name}"


def _by_action(changes: Mapping[str, str]) -> Iterator[tuple[str, set[str]]]:
    for action in set(changes.values()):
        yield action, {address for address, each in changes.items() if each == action}
