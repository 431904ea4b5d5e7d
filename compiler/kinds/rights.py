"""Attached policies of AWS: the attachment and its entry in the ledger."""

from __future__ import annotations

from compiler.access.parties import Role
from compiler.kinds.draft import Draft
from compiler.organization.records import Account
from compiler.terraform.stack import reference


def managed_policy(draft: Draft, account: Account, role: Role, policy: str, name: str) -> str:
    """Attach a policy of AWS to a role that the component makes; gives the attachment's address.

    `policy` is its name with its path, `name` what the attachment is called in Terraform.
    """
    partition = draft.place(account).partition
    address = draft.add(
        account,
        "aws_iam_role_policy_attachment",
        name,
        {
            "role": reference(f"aws_iam_role.{role.name}", "name"),
            "policy_arn": f"arn:{partition}:iam::aws:policy/{policy}",
        },
    )
    draft.right(
        account,
        f"{role.label}-has-{policy.replace('/', '-')}",
        "managed-policy",
        policy,
        principal=role.arn,
        principal_home=account.name,
        resource="*",
        addresses=(address,),
    )
    return address
