"""Which resources of a module attach policies to roles and users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.access.evaluation.module import Module, Resource
from compiler.access.evaluation.text import Text
from compiler.terraform.document import Json

# Type → the arguments that name the owner and give the document.
_INLINE = {"aws_iam_role_policy": "role", "aws_iam_user_policy": "user"}
_ATTACHED = {"aws_iam_role_policy_attachment": "role", "aws_iam_user_policy_attachment": "user"}


@dataclass(frozen=True, slots=True)
class Attachment:
    """Policies of one principal: `owner` is its kind and name.

    `documents` are inline documents, `arns` managed policies.
    """

    resource: Resource
    owner: tuple[str, Text]
    documents: tuple[Json, ...] = ()
    arns: tuple[Json, ...] = ()

    def policies(self) -> Iterator[Json]:
        """The documents, and `{"arn": …}` for each managed policy."""
        yield from self.documents
        for arn in self.arns:
            yield {"arn": arn}


def attachments(module: Module) -> Iterator[Attachment]:
    """All of a module's attachments."""
    for resource in module.resources(*_INLINE):
        kind = _INLINE[resource.type]
        owner = (kind, module.text(resource.arguments.get(kind)))
        yield Attachment(resource, owner, documents=(resource.arguments.get("policy"),))
    for resource in module.resources(*_ATTACHED):
        kind = _ATTACHED[resource.type]
        owner = (kind, module.text(resource.arguments.get(kind)))
        yield Attachment(resource, owner, arns=(resource.arguments.get("policy_arn"),))
    for resource in module.resources("aws_iam_policy_attachment"):
        for kind in ("role", "user"):
            for name in _sequence(resource.arguments.get(f"{kind}s")):
                owner = (kind, module.text(name))
                yield Attachment(resource, owner, arns=(resource.arguments.get("policy_arn"),))
    for resource in module.resources("aws_iam_role"):
        yield from _own(module, resource)


def _own(module: Module, resource: Resource) -> Iterator[Attachment]:
    """The two deprecated arguments of a role itself."""
    documents = tuple(
        block.get("policy")
        for block in _sequence(resource.arguments.get("inline_policy"))
        if isinstance(block, dict)
    )
    arns = tuple(_sequence(resource.arguments.get("managed_policy_arns")))
    if documents or arns:
        yield Attachment(resource, ("role", module.name(resource)), documents, arns)


def _sequence(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else []
