"""Stacks that are gone from the blueprint: nothing that they applied may be orphaned.

A stack on disk that no component makes is an error until the blueprint lists it under `removed`;
then it is a tombstone, a root module without resources, so that the next apply destroys what the
old one made. Looks at the output folder, writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from compiler.compilation import Compiled
from compiler.diagnostics import Diagnostic
from compiler.organization.roots import account_of, region_of, role_of
from compiler.terraform.document import Json
from compiler.terraform.stack import Stack
from compiler.tree import PresentStack

STATE = "terraform.tfstate"


def bury(
    compiled: Compiled, present: Mapping[str, Mapping[str, Json]]
) -> tuple[Compiled, tuple[Diagnostic, ...]]:
    """The same with each tombstone keeping the backend and providers that its stack had.

    `present` are the root modules on disk by stack path: the old stack's region and role are known
    only there. A tombstone that takes the deploy role away comes after the account's others.
    """
    documents = dict(compiled.documents)
    stacks = {stack.path: stack for stack in compiled.stacks}
    for path in compiled.world.removed:
        old = present.get(path, {})
        kept = {key: old[key] for key in ("terraform", "provider") if key in old}
        documents[path] = {**documents[path], **kept}
        if region := region_of(documents[path]):
            stacks[path] = replace(stacks[path], region=region)
    found: list[Diagnostic] = []
    for path in compiled.world.removed:
        if _made_deploy_role(compiled, stacks[path], documents[path]):
            stacks[path] = replace(stacks[path], depends_on=_neighbours(compiled, stacks, path))
            found += _still_needed(compiled, stacks, path)
    buried = replace(compiled, stacks=tuple(stacks.values()), documents=documents)
    return buried, tuple(found)


def orphans(
    compiled: Compiled, present: Mapping[str, PresentStack], root: Path, *, prune: bool
) -> tuple[Diagnostic, ...]:
    """Stacks that may hold resources and that nothing in the blueprint stands for any more.

    With `prune` only those are reported whose local state says that they do.
    """
    made = {stack.path for stack in compiled.stacks}
    gone = [path for path, old in present.items() if path not in made and not old.tombstone]
    if prune:
        return tuple(_applied(compiled, gone, root))
    if not gone:
        return ()
    lines = "".join(f"\n  - {path}" for path in gone)
    return (
        Diagnostic(
            code="E601",
            message=f"no component makes {_quoted(gone)} any more, and what it applied would be "
            "orphaned",
            span=compiled.world.span,
            hint=f"to plan the destroy, add to the blueprint:\nremoved:{lines}\n"
            "or, if it was never applied, compile with --prune",
        ),
    )


def _applied(compiled: Compiled, gone: list[str], root: Path) -> Iterator[Diagnostic]:
    for path in gone:
        state = root / path / STATE
        if _holds_resources(state):
            yield Diagnostic(
                code="E605",
                message=f'"{path}" is to be pruned, but its state beside it holds resources',
                span=compiled.world.span,
                hint=f"list it under removed, apply, and take the line out; the state is {state}",
            )


def _holds_resources(state: Path) -> bool:
    """Whether a local state file lists any resource; one that cannot be read counts as if."""
    try:
        return bool(json.loads(state.read_text(encoding="utf-8")).get("resources"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, AttributeError):
        return True


def _made_deploy_role(compiled: Compiled, stack: Stack, document: Mapping[str, Json]) -> bool:
    """Whether the stack was applied as the bootstrap role, as only the maker of the other one is.

    On Google that is with the ambient credentials, where the project has a service account to act as.
    """
    deploy = compiled.world.organization.deploy
    if stack.cloud == "google":
        return stack.account in deploy.google_service_accounts and account_of(document) is None
    if deploy.aws_role in (None, deploy.aws_bootstrap_role):
        return False
    return role_of(document) == deploy.aws_bootstrap_role


def _neighbours(compiled: Compiled, stacks: Mapping[str, Stack], path: str) -> tuple[str, ...]:
    removed = compiled.world.removed
    own = stacks[path]
    return tuple(sorted(p for p in removed if p != path and _together(stacks[p], own)))


def _together(one: Stack, other: Stack) -> bool:
    """In the same account or project."""
    return (one.cloud, one.account) == (other.cloud, other.account)


def _still_needed(
    compiled: Compiled, stacks: Mapping[str, Stack], path: str
) -> Iterator[Diagnostic]:
    removed = compiled.world.removed
    own = stacks[path]
    living = [p for p, s in stacks.items() if p not in removed and _together(s, own)]
    if living:
        noun = "service account" if own.cloud == "google" else "role"
        yield Diagnostic(
            code="E604",
            message=f'"{path}" made the {noun} that {_quoted(living)} is applied as, and is listed '
            "under removed",
            span=removed[path],
            hint="remove the other stacks there first; to rename the component, move its state "
            "to the new stack's key and compile with --prune",
        )


def _quoted(paths: list[str]) -> str:
    return ", ".join(f'"{path}"' for path in paths)
