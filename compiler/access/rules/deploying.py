"""Roles that nobody can become, and those that Terraform works as, which become themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.access.evaluation import Policies, Request, decide
from compiler.access.evaluation.module import module
from compiler.access.evaluation.records import Holder
from compiler.access.rules.records import Finding
from compiler.terraform.document import Json

_BECOMING = "sts:assumerolewithwebidentity"


def deploying(policies: Policies, documents: Mapping[str, Mapping[str, Json]]) -> Iterator[Finding]:
    """E828: every role of these stacks."""
    applying = set(_named(documents))
    for role in policies.holders.values():
        if not role.address.startswith("aws_iam_role.") or not role.policy.statements:
            continue
        by_token, others = _ways_in(role)
        if not by_token and not others:
            yield _finding(role, "nobody can become this role", "admit who is to work as it")
        elif role.arn in applying and not others and not _becomes_itself(policies, role.arn):
            yield _finding(
                role,
                "who became this role with a token cannot become it by its name, as Terraform does",
                "let the role assume itself: in its trust policy, and in a policy of its own",
            )


def _named(documents: Mapping[str, Mapping[str, Json]]) -> Iterator[str]:
    for stack, document in documents.items():
        found = module(stack, document) if stack.startswith("aws/") else None
        provider = document.get("provider")
        blocks = provider.get("aws") if isinstance(provider, Mapping) else None
        for block in blocks if isinstance(blocks, list | tuple) else (blocks,):
            assumed = block.get("assume_role") if isinstance(block, Mapping) else None
            for each in assumed if isinstance(assumed, list | tuple) else (assumed,):
                if found is not None and isinstance(each, Mapping):
                    arn = found.text(each.get("role_arn"))
                    if isinstance(arn, str):
                        yield arn


def _ways_in(role: Holder) -> tuple[bool, bool]:
    """Whether a token opens the role, and whether the trust names a principal other than itself."""
    by_token, others = False, False
    for statement in role.policy.statements:
        if not statement.allows:
            continue
        by_token = by_token or _BECOMING in statement.actions
        named = {
            value.text
            for condition in statement.conditions
            if condition.key == "aws:principalarn"
            for value in condition.values
        } or {form for form in statement.principals if not form.startswith("federated/")}
        others = others or bool(named - {role.arn})
    return by_token, others


def _becomes_itself(policies: Policies, arn: str) -> bool:
    """What is attached by name only may allow it, so that only a certain no counts."""
    request = Request(principal=arn, action="sts:AssumeRole", resource=arn, complete=True)
    return not decide(policies, request).denied


def _finding(role: Holder, message: str, hint: str) -> Finding:
    return Finding(
        code="E828",
        message=message,
        hint=hint,
        stack=role.stack,
        address=role.address,
        argument="assume_role_policy",
        sid="",
    )
