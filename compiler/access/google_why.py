"""Who has a role on a Google resource, and by which bindings.

A role on a project is a role on all that lies in it. Who is in a group or a domain is not known
here, nor what a condition will say: such answers depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.access.evaluation import Decision, Request
from compiler.access.evaluation.decide import Link
from compiler.access.evaluation.google import Allowed, Documents, bindings, buckets
from compiler.access.evaluation.google_names import PROJECTS, is_known, project_of
from compiler.access.ledger import Binding
from compiler.access.rules.google import shown
from compiler.access.rules.google_members import PUBLIC

# Members of one person or workload, who may be in a group or a domain besides.
_SINGLE = ("user:", "serviceAccount:", "principal:")
_MANY = ("group:", "domain:", "principalSet:")


def decide_role(documents: Documents, request: Request, entries: Sequence[Binding]) -> Decision:
    """Whether `principal`, a member, has `action`, a role, on `resource`."""
    scopes = _scopes(documents, request, entries)
    fitting = [
        allowed
        for allowed in bindings(documents)
        if allowed.role == request.action and allowed.resource in scopes
    ]
    own = [allowed for allowed in fitting if _is(request.principal, allowed)]
    certain = [allowed for allowed in own if allowed.condition is None]
    if certain:
        return Decision("allowed", tuple(map(_link, certain)))
    maybe = dict(_reasons(request.principal, own, fitting))
    if maybe:
        chain = tuple(_link(allowed) for allowed in fitting if shown(allowed.member) in maybe)
        return Decision("depends", chain, depends_on=frozenset(maybe.values()))
    words = f"no binding gives {request.principal} {request.action} on {request.resource}"
    return Decision("denied", (), missing=(words,))


def resources(documents: Documents, entries: Sequence[Binding]) -> set[str]:
    """The full names of everything that a binding or an entry is on, and of buckets and projects."""
    allowed = bindings(documents)
    found = {each.resource for each in allowed if isinstance(each.resource, str)}
    found |= {f"{PROJECTS}{each.project}" for each in allowed}
    found |= {f"//storage.googleapis.com/{name}" for name in buckets(documents)}
    return found | {entry.resource for entry in entries}


def members(documents: Documents, entries: Sequence[Binding]) -> set[str]:
    """Every member of a binding or an entry."""
    found = {each.member for each in bindings(documents) if isinstance(each.member, str)}
    return found | {entry.member for entry in entries}


def roles(documents: Documents, entries: Sequence[Binding]) -> set[str]:
    """Every role of a binding or an entry."""
    found = {each.role for each in bindings(documents) if isinstance(each.role, str)}
    return found | {entry.role for entry in entries}


def _scopes(documents: Documents, request: Request, entries: Sequence[Binding]) -> set[str]:
    """The resource, and the project that it lies in."""
    project = project_of(request.resource, buckets(documents))
    if project is None:
        stacks = {entry.stack for entry in entries if entry.resource == request.resource}
        ids = {each.project for each in bindings(documents) if each.stack in stacks}
        project = ids.pop() if len(ids) == 1 else None
    return {request.resource} | ({f"{PROJECTS}{project}"} if project else set())


def _is(member: str, allowed: Allowed) -> bool:
    """Whether the binding is certainly for the member."""
    if allowed.member in (member, *PUBLIC):
        return True
    whole = allowed.member if isinstance(allowed.member, str) else ""
    pool = whole.removeprefix("principalSet://").removesuffix("*")
    return whole.endswith("/*") and member.partition("://")[2].startswith(pool)


def _reasons(
    member: str, own: Sequence[Allowed], fitting: Sequence[Allowed]
) -> Iterator[tuple[str, str]]:
    """(member of a binding, what would have to be so for it to count)."""
    for allowed in own:
        yield shown(allowed.member), shown(allowed.condition or "")
    if not member.startswith(_SINGLE):
        return
    for allowed in fitting:
        whole = shown(allowed.member)
        if allowed not in own and (whole.startswith(_MANY) or not is_known(allowed.member)):
            yield whole, f"whether {member} is in {whole}"


def _link(allowed: Allowed) -> Link:
    return Link(allowed.stack, allowed.address, shown(allowed.role), "binding", "Allow")
