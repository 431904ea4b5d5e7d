"""Single changes of the bindings of Google stacks: what a defect of a kind would do."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Documents = Mapping[str, Mapping[str, Any]]
OTHER = "acme-other"
# Arguments that say on what a binding is.
PLACES = (
    *("bucket", "crypto_key_id", "location", "project", "repository", "scope_id"),
    "service_account_id",
)


@dataclass(frozen=True)
class Mutant:
    """`operator` is what was done to the binding `address` of `stack`."""

    operator: str
    stack: str
    address: str
    documents: Documents

    def __str__(self) -> str:
        return f"{self.operator} {self.stack} {self.address}"


def mutants(documents: Documents) -> Iterator[Mutant]:
    """Every mutant of every binding, in the order of the documents."""
    for stack, document in documents.items():
        for type_, named in document.get("resource", {}).items():
            if not type_.endswith("_iam_member"):
                continue
            for name, body in named.items():
                for operator, changed in _changes(type_, name, body):
                    made = copy.deepcopy(dict(document))
                    del made["resource"][type_][name]
                    for key, more in changed.items():
                        made["resource"].setdefault(key, {}).update(more)
                    yield Mutant(operator, stack, f"{type_}.{name}", {**documents, stack: made})
        yield from _moved(documents, stack)


_Changed = tuple[str, dict[str, dict[str, Any]]]


def _changes(type_: str, name: str, body: dict[str, Any]) -> Iterator[_Changed]:
    def same(**changes: Any) -> dict[str, dict[str, Any]]:
        return {type_: {name: {**body, **changes}}}

    yield "drop", {}
    service = body["role"].partition(".")[0]
    yield "widen the role", same(role=f"{service}.admins")
    yield "owner", same(role="roles/owner")
    kind, _, rest = body["member"].partition(":")
    yield (
        "another member",
        same(member=f"{kind}:x{rest}" if kind != "principal" else "user:a@b.example"),
    )
    yield "everybody", same(member="allAuthenticatedUsers")
    yield (
        "one more member",
        {**same(), type_: {name: body, "more": {**body, "member": "group:o@acme.example"}}},
    )
    yield (
        "one more role",
        {**same(), type_: {name: body, "more": {**body, "role": f"{service}.admins"}}},
    )
    for argument in PLACES:
        if argument in body:
            yield f"another {argument}", same(**{argument: f"{body[argument]}-x"})
    if "condition" in body:
        yield (
            "drop the condition",
            {type_: {name: {k: v for k, v in body.items() if k != "condition"}}},
        )
        other = [{"title": "any", "expression": "true"}]
        yield "another condition", same(condition=other)
    else:
        yield "a condition", same(condition=[{"title": "never", "expression": "false"}])
    binding = {k: v for k, v in body.items() if k != "member"}
    yield (
        "a binding in its place",
        {type_.replace("_member", "_binding"): {name: {**binding, "members": [body["member"]]}}},
    )
    data = json.dumps({"bindings": [{"role": body["role"], "members": [body["member"]]}]})
    policy = {k: v for k, v in body.items() if k in PLACES}
    yield (
        "a policy in its place",
        {type_.replace("_member", "_policy"): {name: {**policy, "policy_data": data}}},
    )


def _moved(documents: Documents, stack: str) -> Iterator[Mutant]:
    """All bindings of a stack in the stack of another project."""
    document = documents[stack]
    kept = {t: n for t, n in document["resource"].items() if not t.endswith("_iam_member")}
    moved = {t: n for t, n in document["resource"].items() if t.endswith("_iam_member")}
    for other in documents:
        if other.split("/")[1] != stack.split("/")[1] and moved:
            here = {**document, "resource": kept}
            there = {**documents[other], "resource": {**documents[other]["resource"], **moved}}
            yield Mutant("moved", stack, other, {**documents, stack: here, other: there})
            break
    # What lies in a bucket that exists already could be anywhere.
    if moved.keys() - {"google_storage_bucket_iam_member"}:
        provider = {"google": [{**document["provider"]["google"][0], "project": OTHER}]}
        swapped = {**document, "provider": provider}
        yield Mutant("the provider's project", stack, OTHER, {**documents, stack: swapped})
