"""Rules that every policy of the output must keep, whoever wrote it.

`check_policies` takes root modules as Terraform JSON and gives findings; `check_policy` takes one
policy that is already resolved. A finding has a code of `compiler.access.codes`. Nothing is guessed:
a policy that cannot be read is a finding itself. No effects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from compiler.access import evaluation
from compiler.access.rules import (
    actions,
    conditions,
    grammar,
    keys,
    principals,
    privileges,
    resources,
    services,
)
from compiler.access.rules.buckets import guards
from compiler.access.rules.calls import calls
from compiler.access.rules.collect import Documents, attachments, policies
from compiler.access.rules.deploying import deploying
from compiler.access.rules.exceptions import BUILT_IN
from compiler.access.rules.google import check_google
from compiler.access.rules.records import Attachment, Finding, Policy, Statement, Tuning

__all__ = [
    "Attachment",
    "Finding",
    "Policy",
    "Statement",
    "Tuning",
    "check_policies",
    "check_policy",
    "judge",
    "tune",
]

Rule = Callable[[Statement], Iterator[Finding]]
_EVERYWHERE: tuple[Rule, ...] = (
    grammar.elements,
    actions.wide,
    actions.inverted,
    actions.unknown,
    actions.empty,
    resources.everything,
    resources.mismatched,
    conditions.operators,
    conditions.keys,
    principals.presence,
    privileges.unbounded,
)
_ADMITTING: tuple[Rule, ...] = (
    *_EVERYWHERE,
    principals.anybody,
    principals.foreign_account,
    services.further_actions,
)
# What is asked of a statement, by the side of its policy.
STATEMENT_RULES: Mapping[str, tuple[Rule, ...]] = {
    "boundary": _EVERYWHERE,
    "identity": (*_EVERYWHERE, privileges.passing),
    "key": (*_ADMITTING, principals.any_source, keys.use_by_account),
    "organization": _EVERYWHERE,
    "resource": (*_ADMITTING, principals.any_source),
    "trust": (*_ADMITTING, principals.several, principals.web_identity, services.any_customer),
}
POLICY_RULES: tuple[Callable[[Policy], Iterator[Finding]], ...] = (
    grammar.policy_elements,
    grammar.repeated_sids,
    keys.administration,
)


def check_policies(documents: Documents, tunings: Iterable[Tuning] = ()) -> tuple[Finding, ...]:
    """What is wrong with the policies of these root modules (by stack path), in their order."""
    kept, _ = judge(documents, evaluation.collect(documents), tunings)
    return kept


def judge(
    documents: Documents, known: evaluation.Policies | None, tunings: Iterable[Tuning] = ()
) -> tuple[tuple[Finding, ...], tuple[Tuning, ...]]:
    """The same, and the tunings that take nothing away.

    `known` are the policies of these documents, on which requests are tried; None where the
    documents have errors, so that they cannot be collected.
    """
    found: list[Finding] = []
    for policy in policies(documents):
        found += check_policy(policy)
        policy.forget()
    for attachment in attachments(documents):
        found += privileges.attached(attachment)
    if known is not None:
        found += (*guards(known), *calls(known, documents), *deploying(known, documents))
    found += check_google(documents)
    kept, _ = tune(found, BUILT_IN)
    return tune(kept, tunings)


def check_policy(policy: Policy) -> Iterator[Finding]:
    """What is wrong with one policy; if its grammar is, the other rules read what they can."""
    for rule in POLICY_RULES:
        yield from rule(policy)
    rules = STATEMENT_RULES[policy.side]
    for statement in policy.statements:
        for check in rules:
            yield from check(statement)


def tune(
    found: Iterable[Finding], tunings: Iterable[Tuning]
) -> tuple[tuple[Finding, ...], tuple[Tuning, ...]]:
    """The findings that no tuning takes away, and the tunings that took nothing away."""
    tunings = tuple(tunings)
    used: set[Tuning] = set()
    kept = []
    for finding in found:
        fitting = [tuning for tuning in tunings if tuning.covers(finding)]
        used.update(fitting)
        if not fitting:
            kept.append(finding)
    return tuple(kept), tuple(tuning for tuning in tunings if tuning not in used)
