"""Permissions that let somebody give themselves, or others, more.

Tables of 2026-11-21. Beside the rows here, each action counts whose access level AWS gives as
"Permissions management" (`compiler.data.iam`, the service authorization reference). Sources of the
rows: IAM user guide, "Grant a user permissions to pass a role to an AWS service"; KMS developer
guide, "Key administrators" and "Grants"; Rhino Security Labs, "AWS IAM privilege escalation -
methods and mitigation" (2018, the methods still stand); Google Cloud, "IAM basic and predefined
roles" and "Roles for service account authentication".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from compiler.access.delta.terms import Terms, spelled
from compiler.access.evaluation.text import like
from compiler.data import iam
from compiler.terraform.document import Json

# By action in lower case.
NAMED: Mapping[str, str] = {
    "iam:addusertogroup": "adds itself to a group that may do more",
    "iam:attachgrouppolicy": "attaches any policy to a group",
    "iam:attachrolepolicy": "attaches any policy to a role",
    "iam:attachuserpolicy": "attaches any policy to a user",
    "iam:createaccesskey": "makes credentials of another user",
    "iam:createloginprofile": "makes a password of another user",
    "iam:createpolicyversion": "rewrites a policy that is attached",
    "iam:createrole": "makes roles",
    "iam:createuser": "makes users",
    "iam:deleterolepermissionsboundary": "takes the limit off a role",
    "iam:deleteuserpermissionsboundary": "takes the limit off a user",
    "iam:passrole": "lets a service act as the role",
    "iam:putgrouppolicy": "writes a group's policy",
    "iam:putrolepermissionsboundary": "moves the limit of a role",
    "iam:putrolepolicy": "writes a role's policy",
    "iam:putuserpermissionsboundary": "moves the limit of a user",
    "iam:putuserpolicy": "writes a user's policy",
    "iam:setdefaultpolicyversion": "brings an older policy back",
    "iam:updateassumerolepolicy": "says who becomes a role",
    "iam:updateloginprofile": "sets another user's password",
    "kms:creategrant": "hands the use of a key on",
    "kms:disablekey": "makes a key, and what it encrypts, unusable",
    "kms:putkeypolicy": "says who uses a key",
    "kms:schedulekeydeletion": "destroys a key, and what it encrypts",
    "lambda:addpermission": "says who runs a function",
    "lambda:updatefunctioncode": "runs its own code as the function's role",
    "organizations:attachpolicy": "changes the limits of accounts",
    "organizations:detachpolicy": "takes limits off accounts",
    "organizations:leaveorganization": "takes an account out of the organisation",
    "organizations:updatepolicy": "changes the limits of accounts",
    "s3:deletebucketpolicy": "takes away a bucket's refusals",
    "s3:putbucketacl": "opens a bucket",
    "s3:putbucketpolicy": "says who reaches a bucket",
    "s3:putbucketpublicaccessblock": "lets buckets be opened",
    "s3:putaccountpublicaccessblock": "lets buckets be opened",
    "secretsmanager:putresourcepolicy": "says who reads a secret",
    "sts:assumeroot": "becomes the root user of a member account",
}
# Rights inside a cluster, by their name in the ledger. An administrator of namespaces writes roles and
# role bindings there. Sources: EKS user guide, "Review access policy permissions"; Kubernetes,
# "Using RBAC Authorization", user-facing roles.
RIGHTS: Mapping[str, str] = {
    "AmazonEKSAdminPolicy": "says who may do what in namespaces",
    "AmazonEKSClusterAdminPolicy": "does everything in the cluster",
    "kubernetes:ADMIN": "says who may do what in namespaces",
}
# An action that a condition keeps harmless: a service does it for the caller's own resources.
HARMLESS_WITH: Mapping[str, str] = {
    "iam:createservicelinkedrole": "iam:awsservicename",
    "kms:creategrant": "kms:grantisforawsresource",
}
# Roles of Google Cloud, and the words that mark roles which manage access.
GOOGLE: Mapping[str, str] = {
    "roles/cloudkms.admin": "says who uses a key",
    "roles/editor": "changes almost everything of a project",
    "roles/iam.serviceAccountKeyAdmin": "makes credentials of service accounts",
    "roles/iam.serviceAccountTokenCreator": "acts as a service account",
    "roles/iam.serviceAccountUser": "runs workloads as a service account",
    "roles/iam.workloadIdentityUser": "acts as a service account",
    "roles/owner": "does everything in a project",
    "roles/resourcemanager.projectIamAdmin": "says who has which role in a project",
    "roles/storage.admin": "says who reaches a bucket",
}
# AWS gives the level to a few actions that only read.
_READING = ("Describe", "Get", "List", "Search")
_GOOGLE_WORDS = ("iamadmin", "securityadmin", "roleadmin", "serviceaccountadmin")


def reason(action: str, alternatives: Iterable[Terms]) -> str:
    """Why the action (in lower case, perhaps with a wildcard) is privileged, "" if it is not."""
    if action.partition(":")[0].strip("*?") == "":
        return "every action of every service"
    ways = list(alternatives)
    return next((why for name, why in _reasons(action) if not _harmless(name, ways)), "")


@lru_cache(maxsize=16384)
def _reasons(action: str) -> tuple[tuple[str, str], ...]:
    """Each privileged action that the pattern stands for, in lower case, and why it is."""
    # In front where the action is a pattern.
    whole = f"{spelled(action)} includes " if "*" in action or "?" in action else ""
    found = [
        (name, f"{whole}{spelled(name)}, which {why}" if whole else f"{spelled(name)} {why}")
        for name, why in NAMED.items()
        if name == action or ("*" in action and like(action)(name))
    ]
    found += [
        (
            known.name.lower(),
            f"{whole}{known.name}{', which' if whole else ''} manages permissions",
        )
        for known in iam.matching_actions(action)
        if known.level == "Permissions management"
        and not known.name.partition(":")[2].startswith(_READING)
    ]
    return tuple(found)


def _harmless(name: str, ways: list[Terms]) -> bool:
    key = HARMLESS_WITH.get(name)
    return key is not None and bool(ways) and all(key in {t.key for t in way} for way in ways)


def attached(name: str) -> Mapping[str, Json] | None:
    """The text of a policy of AWS, by its name or ARN; None where it is not known."""
    return iam.managed_policy(
        name if name.startswith("arn:") else f"arn:aws:iam::aws:policy/{name}"
    )


def attached_reason(name: str) -> str:
    """Why an attached policy of AWS is privileged, "" if it is not; its conditions are taken to hold."""
    text = attached(name)
    statements = text.get("Statement") if text else None
    for body in statements if isinstance(statements, list) else ():
        if not isinstance(body, Mapping) or body.get("Effect") != "Allow":
            continue
        named = body.get("Action", "*")  # with NotAction it is almost everything
        for action in named if isinstance(named, list) else [named]:
            why = reason(str(action).lower(), [])
            if why:
                return f"{name}: {why}"
    return ""


def role_reason(role: str) -> str:
    """Why a role of Google Cloud, or a right in a cluster, is privileged, "" if it is not."""
    if role in RIGHTS:
        return f"{role} {RIGHTS[role]}"
    if role in GOOGLE:
        return f"{role} {GOOGLE[role]}"
    last = role.rpartition("/")[2].rpartition(".")[2].lower()
    return f"{role} manages permissions" if last in _GOOGLE_WORDS else ""
