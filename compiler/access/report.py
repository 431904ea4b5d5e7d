"""The ledger for people: a table, a matrix of principals and accounts, and the answer to "why".

Takes edges and policies, gives text. `places` says for a stack where its component is declared.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from compiler.access import natural
from compiler.access.evaluation import Decision, Request
from compiler.access.ledger import Edge, ledger
from compiler.access.proof import Documents, Judge, gather, missing_halves, why_not
from compiler.access.proof_index import Index, covered, index

COLUMNS = ("principal", "actions", "resource", "edge")


class QueryError(ValueError):
    """A question that names nothing, or several things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The answer to one question; `edges` are those of the ledger that say so."""

    request: Request
    answer: Decision
    edges: tuple[Edge, ...]


def chosen(edges: Iterable[Edge], who: str, to: str, action: str) -> tuple[Edge, ...]:
    """The edges that fit all three filters, sorted by id; each is a part of a text, or a glob."""
    return tuple(
        edge
        for edge in sorted(edges, key=lambda edge: edge.id)
        if _fits(who, (edge.principal_arn, edge.principal_account))
        and _fits(to, (edge.resource_arn, edge.resource_account))
        and _fits(action, edge.actions)
    )


def _fits(wanted: str, texts: Iterable[str]) -> bool:
    pattern = wanted.lower()
    if "*" not in pattern and "?" not in pattern:
        pattern = f"*{pattern}*"
    return any(fnmatchcase(text.lower(), pattern) for text in texts)


def rows(edges: Iterable[Edge]) -> list[tuple[str, ...]]:
    """One row of texts for each edge, in the order of COLUMNS."""
    return [(e.principal_arn, " ".join(e.actions), e.resource_arn, e.id) for e in edges]


def matrix(edges: Sequence[Edge]) -> list[tuple[str, ...]]:
    """How many edges each principal has in each account; the first row has the accounts."""
    accounts = sorted({edge.resource_account for edge in edges})
    found = [("principal", *accounts)]
    for principal in sorted({edge.principal_arn for edge in edges}):
        own = [edge.resource_account for edge in edges if edge.principal_arn == principal]
        counts = (str(own.count(account) or "") for account in accounts)
        found.append((principal, *counts))
    return found


def as_text(edges: Sequence[Edge]) -> str:
    """The edges by principal, then the matrix."""
    lines: list[str] = []
    last = ""
    for edge in sorted(edges, key=lambda edge: (edge.principal_arn, edge.id)):
        if edge.principal_arn != last:
            lines += ["", edge.principal_arn] if lines else [edge.principal_arn]
            last = edge.principal_arn
        lines += [f"  {edge.id}", f"    {' '.join(edge.actions)}", f"    on {edge.resource_arn}"]
    if not edges:
        return "no such access\n"
    table = matrix(edges)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    cells = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in table)
    return "\n".join([*lines, "", *(line.rstrip() for line in cells), ""])


def as_markdown(edges: Sequence[Edge]) -> str:
    """Both tables."""
    access = _markdown([COLUMNS, *rows(edges)])
    return f"{access}\n{_markdown(matrix(edges))}"


def _markdown(table: Sequence[tuple[str, ...]]) -> str:
    lines = [
        "| " + " | ".join(c.replace("|", "\\|").replace("*", "\\*") for c in r) + " |"
        for r in table
    ]
    lines.insert(1, "|" + " --- |" * len(table[0]))
    return "\n".join(lines) + "\n"


def as_csv(edges: Sequence[Edge]) -> str:
    """The table alone."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows(edges)])
    return stream.getvalue()


def as_json(edges: Sequence[Edge]) -> str:
    """As in access.json, with the matrix beside it."""
    counts: dict[str, dict[str, int]] = {}
    for edge in edges:
        own = counts.setdefault(edge.principal_arn, {})
        own[edge.resource_account] = own.get(edge.resource_account, 0) + 1
    return json.dumps({**ledger(edges), "matrix": counts}, indent=2, ensure_ascii=False) + "\n"


def why(
    documents: Documents, edges: Sequence[Edge], organization: str | None, question: str
) -> Why:
    """The answer to "PRINCIPAL ACTION RESOURCE"."""
    words = question.split()
    if len(words) != 3:
        raise QueryError('a question is "PRINCIPAL ACTION RESOURCE"')
    policies = gather(documents, edges, organization)
    known = index(policies, edges)
    everybody = {edge.principal_arn for edge in edges}
    everybody |= {each.arn for each in policies.principals.values()}
    everything = {edge.resource_arn for edge in edges} | set(policies.holders)
    principal = _one(words[0], everybody, "principal")
    own = [edge for edge in edges if edge.principal_arn == principal]
    fitting = {e.resource_arn for e in own if covered([e], words[1].lower(), e.resource_arn)}
    resource = _one(words[2], fitting, "resource") if _hits(words[2], fitting) else None
    if resource is None:
        resource = _one(words[2], everything, "resource")
    saying = tuple(edge for edge in own if covered([edge], words[1].lower(), resource))
    request = _request(known, saying, principal, words[1], resource)
    asked, answer = Judge(policies).decide(request)
    return Why(request=asked, answer=answer, edges=saying)


def _request(
    known: Index, edges: Sequence[Edge], principal: str, action: str, resource: str
) -> Request:
    """With the context of the edge that says so; without one, nothing is said of the context."""
    if not edges:
        return Request(principal=principal, action=action, resource=resource)
    edge = edges[0]
    statements = [found.statement for each in edge.statements for found in known.of(each)]
    if "*" in resource and resource != "*":
        resource = natural.resource_of(known, edge)
    context = natural.context(statements, action)
    return Request(
        principal=principal,
        action=action.replace("*", natural.ANY),
        resource=resource,
        context=context,
        complete=True,
    )


def _hits(part: str, known: Iterable[str]) -> list[str]:
    texts = sorted(set(known))
    exact = [text for text in texts if part in (text, text.rsplit("/", 1)[-1])]
    last = [text for text in texts if text.endswith(f"-{part}")]
    return exact or last or [text for text in texts if part in text]


def _one(part: str, known: Iterable[str], what: str) -> str:
    """A whole ARN is taken as it is; a part must be in one known ARN only."""
    found = _hits(part, known)
    if part in found or (not found and part.startswith("arn:")) or part == "*":
        return part
    if len(found) == 1:
        return found[0]
    if not found:
        raise QueryError(f'no {what} of the blueprint has "{part}" in its ARN')
    listed = "".join(f"\n  {text}" for text in found[:9])
    raise QueryError(f'"{part}" is in the ARNs of {len(found)} {what}s; say more:{listed}')


def why_text(found: Why, places: Mapping[str, str]) -> str:
    """The verdict, then the statements behind it, or what is missing."""
    request, answer = found.request, found.answer
    lines = [f"{answer.verdict}: {request.principal} {request.action} {request.resource}"]
    lines += [f"  with {key} = {value}" for key, value in sorted(request.context.items())]
    for link in answer.chain:
        lines.append(f"  {link.side}: {link.effect} by {link.stack} {link.address} {link.sid}")
        if link.stack in places:
            lines.append(f"    {places[link.stack]}")
    if not answer.allowed:
        lines.append(f"  {why_not(answer)}")
        for edge in found.edges:
            for half in missing_halves(edge, answer):
                lines.append(f"  missing {half.side}: {half.stack} {half.address} {half.sid}")
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
        "chain": chain,
        "missing": list(answer.missing),
        "depends_on": sorted(answer.depends_on),
        "edges": [edge.id for edge in found.edges],
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
