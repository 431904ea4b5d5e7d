"""Stacks that are gone from the blueprint: nothing that they applied may be orphaned.

A stack on disk that no component makes is an error until the blueprint lists it under `removed`;
then it is a tombstone, a root module without resources, so that the next apply destroys what the
old one made. What counts is the state: that of a renamed component has its former name, and must stay
some stack's. Looks at the output folder, writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from compiler.compilation import Compiled
from compiler.diagnostics import Diagnostic, Span
from compiler.organization.roots import STATE_FILE, account_of, region_of, role_of
from compiler.terraform.document import Json, document
from compiler.terraform.stack import Stack
from compiler.tree import PresentStack
from compiler.tree_present import (
    MAIN,
    MANIFEST,
    RecordedStack,
    organizations_present,
    stacks_present,
    stacks_recorded,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What stands in an organisation's folder.

    `recorded` are the stacks of its manifest. `present` are those root modules, of all on disk, that the
    blueprint does not make or lists under `removed`, and those whose state is to be destroyed.
    """

    root: Path
    recorded: Mapping[str, RecordedStack] = field(default_factory=dict)
    present: Mapping[str, PresentStack] = field(default_factory=dict)


def before(compiled: Compiled, root: Path) -> Before:
    """Read it."""
    recorded, removed = stacks_recorded(root), compiled.world.removed
    holders = {each.path for each in recorded.values() if each.state in removed}
    living = {stack.path for stack in compiled.stacks} - set(removed) - holders
    return Before(root=root, recorded=recorded, present=stacks_present(root, besides=living))


def bury(compiled: Compiled, old: Before) -> tuple[Compiled, tuple[Diagnostic, ...]]:
    """The same with each tombstone keeping the backend and providers that its stack had.

    The old stack's region and role are known only on disk. A tombstone that takes the deploy role away
    comes after the account's others.
    """
    documents = dict(compiled.documents)
    stacks = {stack.path: stack for stack in compiled.stacks}
    for path in compiled.world.removed:
        former, kept = _former(path, old.present)
        stacks[path] = replace(stacks[path], renamed_from=former)
        documents[path] = {**document(stacks[path]), **kept}
        if region := region_of(documents[path]):
            stacks[path] = replace(stacks[path], region=region)
    found: list[Diagnostic] = []
    for path in compiled.world.removed:
        if _made_deploy_role(compiled, stacks[path], documents[path]):
            stacks[path] = replace(stacks[path], depends_on=_neighbours(compiled, stacks, path))
            found += _still_needed(compiled, stacks, path)
    buried = replace(compiled, stacks=tuple(stacks.values()), documents=documents)
    return buried, tuple(found)


def _former(path: str, present: Mapping[str, PresentStack]) -> tuple[str | None, dict[str, Json]]:
    """The former name of a stack to be destroyed, and the parts of the root module that had its state.

    That may be one of another path, a renamed component's: its backend leads to the state from there.
    """
    own = present.get(path)
    if own is not None and own.document:
        return own.renamed_from, _parts(own, "terraform", "provider")
    holder = next((each for each in present.values() if each.state == path), None)
    return None, _parts(holder, "provider") if holder else {}


def _parts(old: PresentStack, *keys: str) -> dict[str, Json]:
    module = old.document or {}
    return {key: module[key] for key in keys if key in module}


def orphans(compiled: Compiled, old: Before, *, prune: bool) -> tuple[Diagnostic, ...]:
    """States that may hold resources and that no stack of the blueprint has any more.

    With `prune` only those are reported whose local state says that they do.
    """
    made = {stack.path for stack in compiled.stacks}
    kept = {stack.state for stack in compiled.stacks}
    gone = {
        path: each.state
        for path, each in old.present.items()
        if path not in made and not each.tombstone and each.state not in kept
    }
    changed = {
        path: each.state
        for path, each in old.recorded.items()
        if path in made and each.state not in kept
    }
    if prune:
        return tuple(_applied(gone | changed, old.root, compiled.world.span))
    return (*_exchanged(compiled, gone | changed), *_unmade(compiled, gone, old))


def _unmade(compiled: Compiled, gone: Mapping[str, str], old: Before) -> Iterator[Diagnostic]:
    """Stacks that no component makes; what a renamed one says that it was is told of there."""
    taken = {stack.state for stack in compiled.stacks if stack.renamed_from}
    paths = [path for path in gone if path not in taken]
    if not paths:
        return
    lines = "".join(f"\n  - {path}" for path in paths)
    yield Diagnostic(
        code="E601",
        message=f"no component makes {_quoted(paths)} any more, and what it applied would be "
        "orphaned",
        span=compiled.world.span,
        hint=f"{_renamed(compiled, paths, old)}to plan the destroy, add to the blueprint:\n"
        f"removed:{lines}\nor, if it was never applied, compile with --prune",
    )


def _renamed(compiled: Compiled, gone: Iterable[str], old: Before) -> str:
    """What to write if a component that is new is one of those under another name."""
    was = {
        (each.cloud, each.account, each.kind): each for each in map(old.present.get, gone) if each
    }
    for stack in compiled.stacks:
        each = was.get((stack.cloud, stack.account, stack.kind))
        new = stack.path not in old.recorded and not (old.root / stack.path / MAIN).exists()
        if each is not None and new and not stack.renamed_from:
            former = each.renamed_from or each.component
            return f'if "{stack.component}" is a new name for it, write renamed_from: {former} there;\n'
    return ""


def _exchanged(compiled: Compiled, lost: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Components whose stacks would have another state than they have; each is told of once."""
    told = set()
    for stack in compiled.stacks:
        # Its own state, or that of the stack that it says it was, which may have been renamed before.
        path = stack.path if stack.path in lost else stack.state
        if path not in lost or path in compiled.world.removed or stack.component in told:
            continue
        if path != stack.path and not stack.renamed_from:
            continue
        told.add(stack.component)
        state = lost[path]
        former = state.rpartition("/")[2]
        who = "it" if path == stack.path else f'"{stack.path}"'
        if state == stack.path:
            hint = "take renamed_from out: the stack was compiled under its own name before"
        else:
            hint = (
                f'write renamed_from: {former}; or list "{state}" under removed, and everything is '
                "destroyed and made anew"
            )
        yield Diagnostic(
            code="E606",
            message=f'the state of "{path}" is kept under "{state}", and {who} would have that under '
            f'"{stack.state}": what is applied would be orphaned',
            span=compiled.spans[stack.path],
            hint=f"{hint}; if it was never applied, compile with --prune",
        )


def lost_organization(root: Path, *, prune: bool) -> Iterator[Diagnostic]:
    """What speaks against dropping the folder of an organisation that no blueprint makes any more."""
    present = stacks_present(root)
    states = {path: each.state for path, each in present.items() if not each.tombstone}
    if prune:
        yield from _applied(states, root, None)
    elif states:
        stacks = "a stack" if len(states) == 1 else f"{len(states)} stacks"
        yield Diagnostic(
            code="E601",
            message=f'"{root}" has {stacks}, and no blueprint of the folder makes the organisation '
            f'"{root.name}" any more: what is applied would be orphaned',
            hint="bring its blueprint back; to destroy what it made, list its stacks there under removed, "
            "apply, and take it away then;\nif other blueprints make it, give them an output folder of "
            "their own with --out; or, if it was never applied, compile with --prune",
        )


def _applied(gone: Mapping[str, str], root: Path, span: Span | None) -> Iterator[Diagnostic]:
    for path, place in gone.items():
        state = root / place / STATE_FILE
        if _holds_resources(state):
            yield Diagnostic(
                code="E605",
                message=f'"{path}" is to be pruned, but its local state holds resources',
                span=span,
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


def renamed_organizations(blueprints: Iterable[Compiled], out: Path) -> Iterator[Diagnostic]:
    """Organisations that are new in `out`, where another one, which nothing here makes, has their stacks."""
    blueprints = list(blueprints)
    own = {each.organization for each in blueprints}
    new = [each for each in blueprints if not (out / each.organization / MANIFEST).exists()]
    if not new:
        return
    others = {
        name: {(each.path, each.id) for each in stacks_recorded(out / name).values()}
        for name in organizations_present(out, besides=own)
    }
    for compiled in new:
        stacks = {(stack.path, stack.account_id) for stack in compiled.stacks}
        for name, there in others.items():
            if both := sorted(path for path, _ in stacks & there):
                yield Diagnostic(
                    code="E607",
                    message=f'"{out / name}" has {_quoted(both)} in the same accounts, and nothing '
                    f'makes it any more: was the organisation "{name}" renamed?',
                    span=compiled.world.span,
                    hint=f"keep the name {name}, with which all names in the cloud start; or destroy "
                    "its stacks first, and delete the folder; if both are meant, compile with --prune once",
                )


def _made_deploy_role(compiled: Compiled, stack: Stack, document: Mapping[str, Json]) -> bool:
    """Whether the stack was applied as the bootstrap role, as only the maker of the other one is.

    On Google that is with the ambient credentials, where the project has a service account to act as;
    in the management account too.
    """
    organization = compiled.world.organization
    deploy = organization.deploy
    if stack.cloud == "google":
        return stack.account in deploy.google_service_accounts and account_of(document) is None
    if deploy.aws_role and stack.account == organization.management_account:
        return "provider" in document and role_of(document) is None
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
            hint="remove the other stacks there first; if the component was renamed, write "
            "renamed_from in it instead",
        )


def _quoted(paths: Iterable[str]) -> str:
    return ", ".join(f'"{path}"' for path in paths)
