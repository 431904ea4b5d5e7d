"""The proof for Google: every binding of the stacks is in the ledger, and every entry has its binding.

`prove_bindings` takes root modules and the ledger's entries, gives findings. An allow policy has one
half, so an entry is true when its binding stands in the stack of the project that owns the resource,
with this member, role, resource and condition; what else binds has no entry. Not looked at: deny
policies, principal access boundaries, organisation policies and perimeters, which can only take
away. No effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.access.evaluation.google import Allowed, Documents, bindings, buckets
from compiler.access.evaluation.google_names import google_module, is_known, project_of
from compiler.access.ledger import Binding
from compiler.access.proof import Finding
from compiler.access.rules.google import shown

# Where a binding stands, and what it says.
_Place = tuple[str, str]


def prove_bindings(documents: Documents, entries: Sequence[Binding]) -> tuple[Finding, ...]:
    """Everything in which the ledger and the bindings differ."""
    standing: dict[_Place, list[Allowed]] = {}
    for allowed in bindings(documents):
        standing.setdefault((allowed.stack, allowed.address), []).append(allowed)
    declared: dict[_Place, list[Binding]] = {}
    found: list[Finding] = []
    owned = buckets(documents)
    for entry in entries:
        declared.setdefault((entry.stack, entry.address), []).append(entry)
        several = standing.get((entry.stack, entry.address), [])
        found += _untrue(several, entry) or _elsewhere(documents, owned, entry)
    for place, several in standing.items():
        for allowed in several:
            found += _undeclared(allowed, declared.get(place, []))
    return tuple(found)


def _untrue(standing: Sequence[Allowed], entry: Binding) -> list[Finding]:
    """An entry without its binding, or whose binding says something else."""
    if not standing:
        return [
            Finding(
                code="E832",
                message=f"{entry.id}: there is no binding {entry.address} in {entry.stack}",
                hint="the binding is missing: write it in the stack of the project that owns the "
                "resource",
                stack=entry.stack,
            )
        ]
    if any(says(allowed, entry) for allowed in standing):
        return []
    return [
        Finding(
            code="E831",
            message=f"{entry.id}: {entry.stack} {entry.address} {difference(standing[0], entry)}",
            hint="the binding and the ledger come from one grant: declare it as one",
            stack=entry.stack,
        )
    ]


def _elsewhere(documents: Documents, owned: Mapping[str, str], entry: Binding) -> Iterator[Finding]:
    """A binding that stands in the stack of another project than the one that owns the resource."""
    module = google_module(entry.stack, documents[entry.stack])
    here = module.account if module else ""
    owner = project_of(entry.resource, owned) or here
    where = f"the project {here}" if here else "no project"
    if entry.stack.split("/")[1] != entry.project or owner != here:
        yield Finding(
            code="E831",
            message=f"{entry.id}: {entry.stack} is a stack of {where}, and {entry.resource} is in "
            f"{entry.project if owner == here else owner}",
            hint="write the binding in the stack of the project that owns the resource",
            stack=entry.stack,
            address=entry.address,
        )


def says(allowed: Allowed, entry: Binding) -> bool:
    """Whether the binding is exactly the entry's."""
    return (allowed.member, allowed.role, allowed.resource, allowed.condition) == (
        entry.member,
        entry.role,
        entry.resource,
        entry.condition,
    )


def difference(allowed: Allowed, entry: Binding) -> str:
    """The first thing in which they differ, in words."""
    for what, there, declared in (
        ("the member", allowed.member, entry.member),
        ("the role", allowed.role, entry.role),
        ("the resource", allowed.resource, entry.resource),
    ):
        if there != declared:
            return f'has {what} "{shown(there)}", and "{declared}" is declared'
    there = "none" if allowed.condition is None else f'"{shown(allowed.condition)}"'
    wanted = "none" if entry.condition is None else f'"{entry.condition}"'
    return f"has the condition {there}, and {wanted} is declared"


def _undeclared(allowed: Allowed, entries: Sequence[Binding]) -> Iterator[Finding]:
    if any(says(allowed, entry) for entry in entries):
        return
    if entries and allowed.mode == "member":
        return  # told as the entry's difference
    known = is_known(allowed.member) and is_known(allowed.role) and is_known(allowed.resource)
    what = f"gives {shown(allowed.member)} {shown(allowed.role) or 'access'}"
    yield Finding(
        code="E833",
        message=f"{allowed.stack} {allowed.address}: {what} on {shown(allowed.resource)}, and no "
        f"edge {'says so' if known else 'can say so'}",
        hint="declare it as a grant, or take it out",
        stack=allowed.stack,
        address=allowed.address,
    )
