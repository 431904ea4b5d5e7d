"""What the policies in the simulated AWS allow, against what the ledger says.

Each function gives what is wrong as texts, none when all is well, so that a test's failure names
every deviation at once. The statements themselves are compared in `statements`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.circumstances import EXPANDED
from tests.terraform.applied import Applied
from tests.terraform.evaluate import Verdict
from tests.terraform.ledger import Edge
from tests.terraform.questions import (
    Question,
    ask,
    listing,
    natural,
    prefixes,
    questions,
)

OUTSIDE = "999999999999"
OTHER_ORGANISATION = "o-zzzzzzzzzz"


def refused_edges(applied: Applied) -> list[str]:
    """Edges that are not allowed as a whole, or across accounts not by both sides."""
    wrong = []
    for edge in applied.edges:
        asked_for = list(edge_questions(applied, edge))
        if not asked_for:
            wrong.append(f"{edge.id}: promises nothing that can be asked for")
        for question in asked_for:
            verdict = ask(applied, edge.principal, question)
            if not _granted(applied, edge, verdict):
                wrong.append(f"{edge.id}: {question.action} on {question.resource}: {verdict}")
    return wrong


def _granted(applied: Applied, edge: Edge, verdict: Verdict) -> bool:
    if applied.provided(edge):
        return verdict.identity.grants
    if applied.crosses(edge):
        return verdict.allowed and verdict.identity.grants and verdict.resource.grants
    return verdict.allowed


def edge_questions(applied: Applied, edge: Edge) -> Iterator[Question]:
    """What an edge promises, as requests on real things; a listing at each prefix that it needs."""
    for pattern in edge.actions:
        for action in EXPANDED.get(pattern, (pattern,)):
            for thing in applied.things(edge):
                if action == "s3:ListBucket":
                    reads = [
                        p for p in prefixes(applied, thing) if _listed(applied, edge, thing, p)
                    ]
                    yield from (listing(thing, prefix) for prefix in reads)
                else:
                    yield Question(action, thing, natural(applied, action, thing))


def _listed(applied: Applied, edge: Edge, bucket: str, prefix: str) -> bool:
    """Who may only list, lists what he reads; who may also look at the bucket, lists all of it.

    The names of all states are no secret between deploy roles: what the states hold is.
    """
    if len(edge.actions) > 1:
        return True
    if edge.id.endswith("-lists-states"):
        return prefix.startswith(("aws/", "env:/"))
    reads = Question("s3:GetObject", f"{bucket}/{prefix}x", prefix=prefix)
    return in_ledger(applied, edge.principal, reads)


def in_ledger(applied: Applied, principal: str, question: Question) -> bool:
    """Whether some edge says that this role may do this."""
    return any(
        edge.principal == principal
        and applied.covers(edge, question.action, question.resource)
        and (
            question.action != "s3:ListBucket"
            or _listed(applied, edge, question.resource, question.prefix)
        )
        for edge in applied.edges
    )


def by_account(applied: Applied, principal: str, question: Question) -> bool:
    """Whether the owner's side admits the principal's whole account, which the ledger says then."""
    account = principal.split(":")[4]
    return any(
        edge.principal.split(":")[4] == account
        and any(evidence.admits == "account" for evidence in edge.statements)
        and applied.covers(edge, question.action, question.resource)
        for edge in applied.edges
    )


def asked(applied: Applied) -> Iterator[tuple[str, Question, bool]]:
    """Every role with every question that its own account's administration does not settle."""
    for question in questions(applied):
        owner = applied.owner(question.resource)
        for role in applied.roles:
            own = role.split(":")[4] == owner
            if not (own and role in applied.administrators):
                yield role, question, own


def matrix_differences(applied: Applied) -> list[str]:
    """Where the policies allow a role more or less than the ledger says, on both sides together.

    Across accounts each side by itself must say what the ledger says: half of an edge is a
    defect too. `administrator` shows the owner's side as a role with every permission meets it.
    """
    wrong = []
    for role, question, own in asked(applied):
        verdict = ask(applied, role, question)
        # What the owner opens to a whole account, a policy of AWS may say of a role there.
        attached = not own and role in applied.administrators
        expected = in_ledger(applied, role, question) or (
            attached and by_account(applied, role, question) and verdict.identity.grants
        )
        got = {"both": verdict.allowed}
        if not own and not attached:
            got["identity"] = verdict.identity.grants
        if not own and not by_account(applied, role, question):
            got["owner"] = ask(applied, role, question, administrator=True).allowed
        if set(got.values()) != {expected}:
            name = f"{role} {question.action} {question.resource} {question.prefix}"
            wrong.append(f"{name}: ledger says {expected}, policies {got}")
    return wrong


def crossing(applied: Applied) -> set[tuple[str, str, str]]:
    """(role, action, thing) of all that is allowed across accounts; listings with their prefix."""
    return {
        (role, question.action, question.resource + (question.prefix and f" {question.prefix}"))
        for role, question, own in asked(applied)
        if not own and ask(applied, role, question).allowed
    }


def strangers_allowed(applied: Applied) -> list[str]:
    """What an administrator gets who is no role of the blueprint: from each account of the
    organisation, and from outside with another organisation's id or with ours."""
    wrong = []
    for question in questions(applied):
        owner = applied.owner(question.resource)
        partition = question.resource.split(":")[1]
        for account in [*applied.accounts, OUTSIDE]:
            if account == owner:
                continue  # `owners_using_keys` asks for its own account's administrator
            foreign = f"arn:{partition}:iam::{account}:role/foreign"
            if by_account(applied, foreign, question):
                continue  # the ledger says so
            others = [None, OTHER_ORGANISATION] if account == OUTSIDE else [None]
            for organization in others:
                verdict = ask(
                    applied, foreign, question, administrator=True, organization=organization
                )
                if verdict.allowed:
                    wrong.append(f"{foreign} {question}")
    return wrong


def other_organisations_allowed(applied: Applied) -> list[str]:
    """Crossing edges that still hold for the right ARN in the wrong organisation."""
    return [
        f"{edge.id}: {question}"
        for edge in applied.edges
        if applied.crosses(edge)
        for question in edge_questions(applied, edge)
        if not by_account(applied, edge.principal, question)
        and ask(applied, edge.principal, question, organization=OTHER_ORGANISATION).allowed
    ]


def other_components_allowed(applied: Applied) -> list[str]:
    """What a role of one component, made administrator, gets of another component in another account
    beyond what the ledger says."""
    makers = _makers(applied)
    return [
        f"{role} {question}"
        for role, question, own in asked(applied)
        if not own
        and role in makers
        and _maker(makers, question.resource) not in (None, makers[role])
        and not by_account(applied, role, question)
        and not in_ledger(applied, role, question)
        and ask(applied, role, question, administrator=True).allowed
    ]


def _makers(applied: Applied) -> dict[str, str]:
    """The component that made each thing, by ARN."""
    return {
        str(given["arn"]): path.rpartition("/")[2]
        for path, state in applied.states.items()
        for given in state.values()
        if given.get("arn")
    }


def _maker(makers: dict[str, str], resource: str) -> str | None:
    return makers.get(resource) or makers.get(resource.split("/")[0])


def owners_using_keys(applied: Applied) -> list[str]:
    """What an administrator of a key's own account may do with data, not being named by its policy."""
    uses = ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo", "CreateGrant")
    wrong = []
    for given in applied.attributes("aws_kms_key"):
        arn = given["arn"]
        administrator = f"arn:{arn.split(':')[1]}:iam::{arn.split(':')[4]}:role/administrator"
        for action in (f"kms:{use}" for use in uses):
            question = Question(action, arn, natural(applied, action, arn))
            if ask(applied, administrator, question, administrator=True).allowed:
                wrong.append(f"{administrator} {action} {arn}")
    return wrong


def wrong_uploads(applied: Applied) -> list[str]:
    """Writers of encrypted buckets: which header is refused or let through against the rule."""
    return [
        f"{edge.id}: {headers}: {verdict}"
        for edge in applied.edges
        if "s3:PutObject" in edge.actions
        for thing in applied.things(edge)
        for headers, right in _uploads(applied, thing)
        for verdict in [ask(applied, edge.principal, Question("s3:PutObject", thing, (headers,)))]
        if verdict.allowed != right
    ]


def _uploads(applied: Applied, thing: str) -> Iterator[tuple[dict[str, str], bool]]:
    algorithm = "s3:x-amz-server-side-encryption"
    key = f"{algorithm}-aws-kms-key-id"
    right = _key_of(applied, thing.split("/")[0])
    yield {}, True
    if right:  # a bucket that exists already keeps its own rules
        yield {"aws:SecureTransport": "false"}, False
        yield {algorithm: "aws:kms"}, True
        yield {algorithm: "aws:kms", key: right}, True
        yield {algorithm: "AES256"}, False
        yield {algorithm: "aws:kms", key: re.sub(r"[^/]+$", "another", right)}, False


def _key_of(applied: Applied, bucket: str) -> str | None:
    """The key that a bucket encrypts with by default, if it is one of ours."""
    name = bucket.rpartition(":")[2]
    for given in applied.attributes("aws_s3_bucket_server_side_encryption_configuration"):
        if given["bucket"] == name:
            default = given["rule"][0]["apply_server_side_encryption_by_default"][0]
            return default["kms_master_key_id"] or None
    return None
