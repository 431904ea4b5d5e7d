"""The ledger for people: a table, a matrix of principals and accounts, and the answer to "why".

Takes edges and policies, gives text. On Google the principal is a member, the action a role and the
account a project. `places` says for a stack where its component is declared.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase

from compiler.access import google_why, natural, rights_why
from compiler.access.asked_actions import inapplicable, misspelled, several
from compiler.access.evaluation import Decision, Request
from compiler.access.evaluation.rights import Given, rights
from compiler.access.ledger import Binding, Edge, Entry, Right, ledger, right_text
from compiler.access.proof import Documents, Judge, gather, missing_halves, why_not
from compiler.access.proof_index import Index, covered, index
from compiler.access.rules import Tuning
from compiler.access.rules.google_members import is_member
from compiler.terraform.document import Json

COLUMNS = ("principal", "actions", "resource", "edge")


class QueryError(ValueError):
    """A question that names nothing, or several things, or an action that there is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The answer to one question; `edges` are those of the ledger that say so.

    Where several say so, each in circumstances or on a key of its own, `others` are their requests.
    `beside` is what the principal has on the resource beside policies: rights inside a cluster.
    `needs` is what the request takes and the answer is about, the use of a bucket's key.
    """

    request: Request
    answer: Decision
    edges: tuple[Entry, ...]
    others: tuple[Request, ...] = ()
    beside: tuple[Given, ...] = ()
    needs: Request | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An edge of either cloud as people read it; `own` and `home` are accounts or projects."""

    id: str
    principal: str
    own: str
    actions: tuple[str, ...]
    resource: str
    home: str


def row(edge: Entry) -> Row:
    """What an edge says."""
    if isinstance(edge, Binding):
        own = edge.member_project or ""
        return Row(edge.id, edge.member, own, (edge.role,), edge.resource, edge.project)
    if isinstance(edge, Right):
        own = edge.principal_home
        return Row(edge.id, edge.principal, own, (edge.text,), edge.resource, edge.home)
    return Row(
        edge.id,
        edge.principal_arn,
        edge.principal_account,
        edge.actions,
        edge.resource_arn,
        edge.resource_account,
    )


def chosen(edges: Iterable[Entry], who: str, to: str, action: str) -> tuple[Entry, ...]:
    """The edges that fit all three filters, sorted by id; each is a part of a text, or a glob."""
    return tuple(
        edge
        for edge in sorted(edges, key=lambda edge: edge.id)
        if _fits(who, (row(edge).principal, row(edge).own))
        and _fits(to, (row(edge).resource, row(edge).home))
        and _fits(action, row(edge).actions)
    )


def _fits(wanted: str, texts: Iterable[str]) -> bool:
    pattern = wanted.lower()
    if "*" not in pattern and "?" not in pattern:
        pattern = f"*{pattern}*"
    return any(fnmatchcase(text.lower(), pattern) for text in texts)


def rows(edges: Iterable[Entry]) -> list[tuple[str, ...]]:
    """One row of texts for each edge, in the order of COLUMNS."""
    found = (row(edge) for edge in edges)
    return [(r.principal, " ".join(r.actions), r.resource, r.id) for r in found]


def homes(edges: Sequence[Entry]) -> list[tuple[str, str]]:
    """For each edge its principal and the column of its account or project.

    Both are called by their names; where an account and a project have one name, by their paths.
    """
    accounts = {edge.resource_account for edge in edges if isinstance(edge, Edge)}
    projects = {edge.project for edge in edges if isinstance(edge, Binding)}
    found = []
    for edge in edges:
        home = row(edge).home
        if home in accounts and home in projects:
            home = f"{'google' if isinstance(edge, Binding) else 'aws'}/{home}"
        found.append((row(edge).principal, home))
    return found


def matrix(edges: Sequence[Entry]) -> list[tuple[str, ...]]:
    """How many edges each principal has in each account or project; the first row has those."""
    placed = homes(edges)
    columns = sorted({home for _, home in placed})
    found = [("principal", *columns)]
    for principal in sorted({principal for principal, _ in placed}):
        own = [home for each, home in placed if each == principal]
        found.append((principal, *(str(own.count(column) or "") for column in columns)))
    return found


def as_text(edges: Sequence[Entry], exceptions: Iterable[Tuning] = ()) -> str:
    """The edges by principal, then the matrix, then the exceptions from rules that are in force."""
    lines: list[str] = []
    last = ""
    for each in sorted(map(row, edges), key=lambda each: (each.principal, each.id)):
        if each.principal != last:
            lines += ["", each.principal] if lines else [each.principal]
            last = each.principal
        lines += [f"  {each.id}", f"    {' '.join(each.actions)}", f"    on {each.resource}"]
    excepted = [line for each in exceptions for line in _exception(each)]
    if excepted:
        excepted = ["exceptions from rules", *excepted, ""]
    if not edges:
        return "\n".join(["no such access", "", *excepted] if excepted else ["no such access", ""])
    table = matrix(edges)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    cells = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in table)
    shown = [*lines, "", *(line.rstrip() for line in cells), ""]
    return "\n".join([*shown, *excepted] if excepted else shown)


def _exception(given: Tuning) -> tuple[str, str]:
    return f"  {given.code} {given.place}", f"    {given.reason}"


def as_markdown(edges: Sequence[Entry], exceptions: Iterable[Tuning] = ()) -> str:
    """The same as tables."""
    access = _markdown([COLUMNS, *rows(edges)])
    excepted = [(each.code, each.place, each.reason) for each in exceptions]
    last = f"\n{_markdown([('rule', 'exception', 'reason'), *excepted])}" if excepted else ""
    return f"{access}\n{_markdown(matrix(edges))}{last}"


def _markdown(table: Sequence[tuple[str, ...]]) -> str:
    lines = [
        "| " + " | ".join(c.replace("|", "\\|").replace("*", "\\*") for c in r) + " |"
        for r in table
    ]
    lines.insert(1, "|" + " --- |" * len(table[0]))
    return "\n".join(lines) + "\n"


def as_csv(edges: Sequence[Entry], _: Iterable[Tuning] = ()) -> str:
    """The table of edges alone."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows(edges)])
    return stream.getvalue()


def as_json(edges: Sequence[Entry], exceptions: Iterable[Tuning] = ()) -> str:
    """As in access.json, with the matrix and the exceptions beside it."""
    counts: dict[str, dict[str, int]] = {}
    for principal, home in homes(edges):
        own = counts.setdefault(principal, {})
        own[home] = own.get(home, 0) + 1
    body = {**ledger(edges), "matrix": counts, "exceptions": [asdict(each) for each in exceptions]}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """What questions are about: the documents and their ledger, read once."""

    documents: Documents
    edges: tuple[Edge, ...]
    bindings: tuple[Binding, ...]
    rights: tuple[Right, ...]
    given: tuple[Given, ...]
    known: Index


def asked(documents: Documents, entries: Iterable[Entry], organization: str | None) -> Asked:
    """Ready for questions; `organization` is AWS's id of it."""
    found = tuple(entries)
    edges = tuple(entry for entry in found if isinstance(entry, Edge))
    bound = tuple(entry for entry in found if isinstance(entry, Binding))
    beside = tuple(entry for entry in found if isinstance(entry, Right))
    known = index(gather(documents, edges, organization), edges)
    return Asked(documents, edges, bound, beside, rights(documents), known)


def why(
    documents: Documents, entries: Iterable[Entry], organization: str | None, question: str
) -> Why:
    """The answer to "PRINCIPAL ACTION RESOURCE", or on Google "MEMBER ROLE RESOURCE"."""
    return answer(asked(documents, entries, organization), question)


def answer(about: Asked, question: str) -> Why:
    """The same for one of several questions."""
    words = question.split()
    if len(words) != 3:
        raise QueryError(
            'a question is "PRINCIPAL ACTION RESOURCE", on Google "MEMBER ROLE RESOURCE"'
        )
    name = _right_named(about, words[1])
    if name:
        return _why_right(about, words[0], name, words[2])
    documents, edges, bound, known = about.documents, about.edges, about.bindings, about.known
    policies = known.policies
    everybody = {edge.principal_arn for edge in edges}
    everybody |= {each.arn for each in policies.principals.values()}
    everybody |= google_why.members(documents, bound)
    if not _hits(words[0], everybody):
        everybody |= rights_why.principals(about.given, about.rights)
    principal = _one(words[0], everybody, "principal")
    if is_member(principal):
        return _why_role(documents, bound, principal, words[1], words[2])
    _refuse(misspelled(words[1]))
    everything = {edge.resource_arn for edge in edges} | set(policies.holders)
    if not _hits(words[2], everything):
        everything |= rights_why.resources(about.given, about.rights)
    own = [edge for edge in edges if edge.principal_arn == principal]
    fitting = {e.resource_arn for e in own if covered([e], words[1].lower(), e.resource_arn)}
    resource = _one(words[2], fitting, "resource") if _hits(words[2], fitting) else None
    if resource is None:
        resource = _one(words[2], everything, "resource")
    granted = tuple(edge for edge in own if covered([edge], words[1].lower(), resource))
    trusting = rights_why.trusting(about.rights, principal, words[1], resource)
    saying: tuple[Entry, ...] = (*granted, *trusting)
    if not saying:
        # What the ledger says is so, whatever the table of actions says, patterns too.
        _refuse(several(words[1]))
        _refuse(inapplicable(words[1], resource))
    requests = [rights_why.request(known, each, words[1]) for each in trusting]
    if granted or not requests:
        requests += _requests(known, granted, principal, words[1], resource)
    judge = Judge(policies)
    beside = rights_why.held(about.given, principal, resource)
    decisions = [judge.decide(request) for request in requests]
    for request, (last, decision) in zip(requests, decisions, strict=True):
        if not decision.allowed:
            needs = None if last is request else last
            return Why(request=request, answer=decision, edges=saying, beside=beside, needs=needs)
    chain = tuple(dict.fromkeys(link for _, decision in decisions for link in decision.chain))
    whole = Decision("allowed", chain)
    others = tuple(requests[1:])
    return Why(request=requests[0], answer=whole, edges=saying, others=others, beside=beside)


def _right_named(about: Asked, word: str) -> str:
    """The right that a question is about, by its name or a part that only one has; "" if none."""
    names = rights_why.names(about.given, about.rights)
    return _one(word, names, "right") if "*" not in word and _hits(word, names) else ""


def _why_right(about: Asked, who: str, name: str, on: str) -> Why:
    principal = _one(who, rights_why.principals(about.given, about.rights), "principal")
    own = rights_why.resources(about.given, about.rights, principal, name)
    known = own if _hits(on, own) else rights_why.resources(about.given, about.rights)
    request = Request(principal=principal, action=name, resource=_one(on, known, "resource"))
    decision, where = rights_why.decide(about.given, request)
    asked = replace(request, context={"namespaces": where}) if where else request
    saying = tuple(
        each
        for each in about.rights
        if (each.principal, each.name, each.resource) == (principal, name, request.resource)
    )
    return Why(request=asked, answer=decision, edges=saying)


def _why_role(
    documents: Documents, entries: Sequence[Binding], member: str, role: str, on: str
) -> Why:
    role = _one(role, google_why.roles(documents, entries), "role")
    own = {e.resource for e in entries if (e.member, e.role) == (member, role)}
    known = own if _hits(on, own) else google_why.resources(documents, entries)
    resource = _one(on, known, "resource")
    request = Request(principal=member, action=role, resource=resource)
    saying = tuple(
        entry
        for entry in entries
        if (entry.member, entry.role, entry.resource) == (member, role, resource)
    )
    decision = google_why.decide_role(documents, request, entries)
    return Why(request=request, answer=decision, edges=saying)


def _requests(
    known: Index, edges: Sequence[Edge], principal: str, action: str, resource: str
) -> Iterator[Request]:
    """In the context of each edge that says so; without one, nothing is said of the context."""
    wild = "*" in resource and resource != "*"
    if not edges:
        whole = resource if wild else ""
        yield Request(principal=principal, action=action, resource=resource, whole=whole)
    seen = []
    for edge in edges:
        asking = natural.conditions(natural.declared(known, edge), action)
        one, whole = natural.resource_of(known, edge) if wild else (resource, "")
        request = Request(
            principal=principal,
            action=action.replace("*", natural.ANY),
            resource=one,
            context=natural.context(asking),
            absent=natural.absent(asking),
            whole=whole,
        )
        if request not in seen:
            seen.append(request)
            yield request


def _hits(part: str, known: Iterable[str]) -> list[str]:
    texts = sorted(set(known))
    exact = [text for text in texts if part in (text, text.rsplit("/", 1)[-1])]
    last = [text for text in texts if text.endswith(f"-{part}")]
    return exact or last or [text for text in texts if part in text]


def _refuse(reason: str | None) -> None:
    """Refuse a question for a reason, if there is one."""
    if reason is not None:
        raise QueryError(reason)


def _one(part: str, known: Iterable[str], what: str) -> str:
    """A whole ARN, member, role or name is taken as it is; a part must be in one known only."""
    found = _hits(part, known)
    whole = part.startswith(("arn:", "//", "roles/")) or is_member(part)
    if part in found or (not found and whole) or part == "*":
        return part
    if len(found) == 1:
        return found[0]
    if not found:
        raise QueryError(f'no {what} of the blueprint has "{part}" in its ARN or name')
    listed = "".join(f"\n  {text}" for text in found[:9])
    raise QueryError(f'"{part}" is in {len(found)} {what}s; say more:{listed}')


def why_text(found: Why, places: Mapping[str, str]) -> str:
    """The verdict, then the statements behind it, or what is missing."""
    request, answer = found.request, found.answer
    lines = [f"{answer.verdict}: {request.principal} {request.action} {request.resource}"]
    lines += [f"  with {key} = {value}" for key, value in sorted(request.context.items())]
    for other in found.others:
        lines += [f"  and on {other.resource}"] if other.resource != request.resource else []
        lines += [f"  or with {key} = {value}" for key, value in sorted(other.context.items())]
    if found.needs is not None:
        lines.append(f"  which takes {found.needs.action} on {found.needs.resource}")
        lines += [f"    with {key} = {value}" for key, value in sorted(found.needs.context.items())]
    for link in answer.chain:
        place = f"{link.stack} {link.address} {link.sid}".rstrip()
        lines.append(f"  {link.side}: {link.effect} by {place}")
        if link.stack in places:
            lines.append(f"    {places[link.stack]}")
    if not answer.allowed:
        lines.append(f"  {why_not(answer)}")
        for edge in found.edges:
            for half in missing_halves(edge, answer) if isinstance(edge, Edge) else ():
                lines.append(f"  missing {half.side}: {half.stack} {half.address} {half.sid}")
    for given in found.beside:
        what = right_text(given.side, given.name, given.namespaces)
        lines.append(f"  beside policies: {what} by {given.stack} {given.address} ({given.side})")
    lines += [f"  declared as {edge.id}" for edge in found.edges] or ["  declared by no grant"]
    return "\n".join(lines) + "\n"


def why_json(found: Why, places: Mapping[str, str]) -> str:
    """The same as JSON."""
    request, answer = found.request, found.answer
    chain = [
        {
            "stack": link.stack,
            "address": link.address,
            "sid": link.sid,
            "side": link.side,
            "effect": link.effect,
            "declared": places.get(link.stack),
        }
        for link in answer.chain
    ]
    body = {
        "verdict": answer.verdict,
        "principal": request.principal,
        "action": request.action,
        "resource": request.resource,
        "context": {key: request.context[key] for key in sorted(request.context)},
        "needs": _needs(found.needs),
        "chain": chain,
        "missing": list(answer.missing),
        "depends_on": sorted(answer.depends_on),
        "edges": [edge.id for edge in found.edges],
        "beside": [rights_why.json(given) for given in found.beside],
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _needs(request: Request | None) -> Json:
    """What the answer is about where it is not the request itself."""
    if request is None:
        return None
    return {
        "action": request.action,
        "resource": request.resource,
        "context": {key: _listed(request.context[key]) for key in sorted(request.context)},
    }


def _listed(value: str | tuple[str, ...]) -> Json:
    return value if isinstance(value, str) else list(value)
