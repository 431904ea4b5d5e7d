"""Who administers a key: its own account, which may not use it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from compiler.access.rules.principals import NARROWING
from compiler.access.rules.records import Finding, Policy, Statement
from compiler.data import iam

# Without one of these in the policy nobody but AWS Support could do it again: Terraform makes,
# changes and deletes the key with them, people cancel a deletion or revoke a grant.
# Source: KMS developer guide, "Default key policy", key administrators.
ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
# Those of keys with imported material and of several regions, and those that no key knows.
FURTHER = (
    "kms:DeleteImportedKeyMaterial",
    "kms:DescribeCustomKeyStores",
    "kms:GetParametersForImport",
    "kms:ImportKeyMaterial",
    "kms:ListAliases",
    "kms:ListKeys",
    "kms:ReplicateKey",
    "kms:RetireGrant",
    "kms:SynchronizeMultiRegionKey",
    "kms:UpdatePrimaryRegion",
)
_ROOT = re.compile(r"(?:arn:[\w-]+:iam::)?(\d{12})(?::root)?")


def administration(policy: Policy) -> Iterator[Finding]:
    """E824: a key that its account cannot administer."""
    if policy.side != "key" or not policy.account or not policy.statements:
        return
    named = [s for s in policy.statements if s.allows and not s.conditions and _means_own(s)]
    known = _names(action for statement in named for action in statement.actions)
    lacking = [action for action in ADMINISTRATION if action not in known]
    if lacking:
        more = f", and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        yield policy.finding(
            "E824",
            f"nobody of account {policy.account} may {lacking[0]}{more}",
            "give the account's root all actions of administration, without conditions",
        )


def use_by_account(statement: Statement) -> Iterator[Finding]:
    """E824: a key that each identity policy of its account may open."""
    if statement.side != "key" or not statement.allows or not _means_own(statement):
        return
    if statement.demanding(*NARROWING):
        return
    more = sorted(_names(statement.actions) - {*ADMINISTRATION, *FURTHER})
    if more:
        yield statement.finding(
            "E824",
            f"any identity policy of account {statement.policy.account} can allow {more[0]}",
            "leave the use of the key to the roles that grants name",
        )


def _means_own(statement: Statement) -> bool:
    """Whether the key's own account is a principal."""
    found = (_ROOT.fullmatch(name) for kind, name in statement.principals if kind == "AWS")
    return any(each is not None and each[1] == statement.policy.account for each in found)


def _names(patterns: Iterable[str]) -> set[str]:
    return {action.name for pattern in patterns for action in iam.matching_actions(pattern)}
