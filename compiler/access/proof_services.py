"""Which AWS service works as which role, and whether the role trusts it.

A service gets its role by iam:PassRole, whose condition names the service, or from the resource
that Terraform makes. For pods it tags the session with their cluster, namespace and service account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compiler.access import natural
from compiler.access.evaluation.context import Request
from compiler.access.evaluation.module import module
from compiler.access.evaluation.rights import rights
from compiler.access.ledger import Edge
from compiler.access.proof_index import Index
from compiler.terraform.document import Json

# Type → its argument with a role, and the service that works as the role.
# Source: each service's developer guide, execution or service role.
_WORKS_AS = {
    "aws_cloudwatch_event_target": ("role_arn", "events.amazonaws.com"),
    "aws_codebuild_project": ("service_role", "codebuild.amazonaws.com"),
    "aws_codepipeline": ("role_arn", "codepipeline.amazonaws.com"),
    "aws_lambda_function": ("role", "lambda.amazonaws.com"),
    "aws_sfn_state_machine": ("role_arn", "states.amazonaws.com"),
}


# Source: EKS user guide, "Grant Pods access to AWS resources based on tags", session tags.
_PODS = "pods.eks.amazonaws.com"
_POD_TYPES = frozenset({"aws_eks_addon", "aws_eks_pod_identity_association"})
_POD_TAGS = ("eks-cluster-arn", "kubernetes-namespace", "kubernetes-service-account")


@dataclass(frozen=True, slots=True)
class Use:
    """A service that works as a role; `by` says where that is seen. `tags` are the session's."""

    service: str
    role: str
    stack: str
    by: str
    tags: tuple[str, ...] = ()


def uses(
    known: Index, documents: Mapping[str, Mapping[str, Json]], edges: Iterable[Edge]
) -> Iterator[Use]:
    """Every use of a role that these stacks make, once for each service, role and tags."""
    seen: set[tuple[str, str, tuple[str, ...]]] = set()
    for use in (*_passed(known, edges), *_referred(documents), *_pods(documents)):
        place = use.service, use.role, use.tags
        if use.role in known.policies.holders and place not in seen:
            seen.add(place)
            yield use


def request(known: Index, use: Use) -> Request:
    """The service becomes the role, on behalf of the role's own account."""
    statements = [s for s in known.policies.holders[use.role].policy.statements if s.allows]
    context = natural.context(natural.conditions(statements, "sts:AssumeRole"))
    tags = zip(_POD_TAGS, use.tags, strict=False)
    context.update({f"aws:requesttag/{tag}": value for tag, value in tags})
    return Request(
        principal=use.service,
        action="sts:AssumeRole",
        resource=use.role,
        context={**context, **natural.source(statements, use.role.split(":")[4])},
    )


def _passed(known: Index, edges: Iterable[Edge]) -> Iterator[Use]:
    for edge in edges:
        if "iam:PassRole" not in edge.actions:
            continue
        for asked in natural.requests(known, edge):
            service = asked.context.get("iam:passedtoservice")
            if asked.action == "iam:PassRole" and isinstance(service, str) and edge.statements:
                yield Use(service, asked.resource, edge.statements[0].stack, edge.id)


def _referred(documents: Mapping[str, Mapping[str, Json]]) -> Iterator[Use]:
    for stack, document in documents.items():
        made = module(stack, document) if stack.startswith("aws/") else None
        if made is None:
            continue
        for resource in made.resources(*(kind for kind in made.types() if kind in _WORKS_AS)):
            argument, service = _WORKS_AS[resource.type]
            given = resource.arguments.get(argument)
            role = None if given is None else made.text(given)
            if isinstance(role, str):
                yield Use(service, role, stack, f"{stack} {resource.address}")


def _pods(documents: Mapping[str, Mapping[str, Json]]) -> Iterator[Use]:
    serving = {
        stack: document
        for stack, document in documents.items()
        if isinstance(types := document.get("resource"), Mapping) and _POD_TYPES & types.keys()
    }
    for given in rights(serving):
        cluster, found, pods = given.principal.partition("/serviceaccount/")
        if found and not given.unknown:
            tags = (cluster, *pods.split("/"))
            yield Use(_PODS, given.resource, given.stack, f"{given.stack} {given.address}", tags)
