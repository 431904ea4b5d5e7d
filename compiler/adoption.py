"""What exists already and becomes a stack's: Terraform's import blocks, held to the finished stacks.

Terraform itself finds a wrong address when it plans, and a wrong name never: it would import what it is
told to and replace it by a thing of the name that the stack says, which destroys what was to be kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from compiler.diagnostics import Diagnostic, Span, nearest
from compiler.organization.adopting import written
from compiler.organization.records import Adopted, Component
from compiler.terraform.stack import Resource, Stack

# Types whose import id is the argument, which cannot be changed without making the thing anew.
# Source: documentation of provider aws 5.100.0, "Import" of each; google 6.50.0, google_storage_bucket.
NAMED_BY = {
    "aws_s3_bucket": "bucket",
    **dict.fromkeys(
        (
            *("aws_cloudwatch_event_bus", "aws_cloudwatch_log_group", "aws_codepipeline"),
            *("aws_ecr_repository", "aws_eks_cluster", "aws_iam_role", "aws_kms_alias"),
            *("aws_sagemaker_endpoint", "aws_sagemaker_model", "aws_ssm_parameter"),
            *("aws_sagemaker_endpoint_configuration", "google_storage_bucket"),
        ),
        "name",
    ),
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_codecommit_repository": "repository_name",
    "aws_lambda_function": "function_name",
    "aws_sagemaker_model_package_group": "model_package_group_name",
    # By an ARN that ends in the name.
    "aws_sfn_state_machine": "name",
    "aws_sns_topic": "name",
}
REPEATED = frozenset({"count", "for_each"})


def adopt(
    components: Iterable[Component], stacks: Iterable[Stack]
) -> tuple[list[Stack], tuple[Diagnostic, ...]]:
    """The stacks with what the components adopt, and what cannot be adopted."""
    work = _Adoption({stack.path: stack for stack in stacks})
    instances: dict[str, Component] = {}
    for component in components:
        if "adopt" in component.tree.entries:
            instances.setdefault(component.name, component)
        for each in component.adopted:
            work.add(component, each)
    for component in instances.values():
        work.check_places(component)
    return list(work.stacks.values()), tuple(work.diagnostics)


@dataclass(slots=True)
class _Adoption:
    """`stacks` by path, which get their imports one by one."""

    stacks: dict[str, Stack]
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _taken: dict[tuple[str, str, str], Span] = field(default_factory=dict)

    def add(self, component: Component, wanted: Adopted) -> None:
        path = f"{wanted.cloud}/{wanted.home}/{component.name}"
        stack = self.stacks.get(path)
        if stack is None:
            return  # told once for the component, see check_places
        what = f'component "{component.name}": "adopt.{wanted.home}"'
        problem = self._address(what, stack, wanted) or self._other(what, stack, wanted)
        if problem:
            self.diagnostics.append(problem)
            return
        imports = {**stack.imports, wanted.address: wanted.id}
        self.stacks[path] = replace(stack, imports=imports)

    def check_places(self, component: Component) -> None:
        """Accounts in which the component has no stack."""
        homes: dict[str, list[str]] = defaultdict(list)
        for stack in self.stacks.values():
            if stack.component == component.name:
                homes[stack.cloud].append(stack.account)
        told = set()
        for name, address, place, _ in written(component.tree):
            cloud = "google" if address.startswith("google_") else "aws"
            if name in homes[cloud] or (cloud, name) in told:
                continue
            told.add((cloud, name))
            noun = "project" if cloud == "google" else "account"
            guess = nearest(name, homes[cloud])
            known = ", ".join(sorted(homes[cloud])) or f"no {noun}"
            self.diagnostics.append(
                Diagnostic(
                    code="E319",
                    message=f'component "{component.name}": "adopt" names the {noun} "{name}", and the '
                    "component has no stack there",
                    span=place,
                    hint=f'did you mean "{guess}"?' if guess else f"it has stacks in {known}",
                )
            )

    def _address(self, what: str, stack: Stack, wanted: Adopted) -> Diagnostic | None:
        """A resource that is not there, or of which there are several."""
        base, index, _ = wanted.address.partition("[")
        managed = {r.address: r for r in stack.resources if r.mode == "managed"}
        resource = managed.get(base)
        if resource is None:
            message = f'{what}: the stack "{stack.path}" has no resource "{base}"'
            return _problem("E319", message, wanted, _hint(base, managed))
        several = REPEATED & resource.arguments.keys()
        if bool(index) != bool(several):
            message = f'{what}: "{base}" is ' + ("several resources" if several else "one resource")
            hint = f'say which: {base}["key"]' if several else "leave the brackets out"
            return _problem("E319", message, wanted, hint)
        return None

    def _other(self, what: str, stack: Stack, wanted: Adopted) -> Diagnostic | None:
        """What would be replaced, is elsewhere, or is adopted already."""
        base = wanted.address.partition("[")[0]
        resource = next(r for r in stack.resources if r.address == base)
        account = _account(wanted.id)
        if account and account != stack.account_id:
            message = f'{what}: "{wanted.id}" is in account {account}, not in {stack.account_id}'
            return _problem("E320", message, wanted, "name the account that it is in")
        name = _name(resource)
        if name is not None and not _is_called(wanted.id, name):
            return _problem(
                "E320",
                f'{what}: "{wanted.address}" is called "{name}" in the stack: Terraform would destroy '
                f'"{wanted.id}" and make that',
                wanted,
                "names are fixed: adopt a thing of this very name, or leave the other as it is",
            )
        place = self._taken.setdefault((stack.path, resource.type, wanted.id), wanted.span)
        if place != wanted.span:
            message = f'{what}: "{wanted.id}" is adopted twice as {resource.type}'
            return _problem("E320", message, wanted, None, (("the first", place),))
        return None


def _problem(
    code: str,
    message: str,
    wanted: Adopted,
    hint: str | None,
    related: tuple[tuple[str, Span], ...] = (),
) -> Diagnostic:
    return Diagnostic(code=code, message=message, span=wanted.span, hint=hint, related=related)


def _hint(address: str, managed: Mapping[str, Resource]) -> str:
    guess = nearest(address, managed)
    if guess:
        return f'did you mean "{guess}"?'
    kind = address.partition(".")[0]
    same = sorted(name for name in managed if name.startswith(f"{kind}."))
    return f"of that type it has {', '.join(same)}" if same else f"it has no {kind} at all"


def _name(resource: Resource) -> str | None:
    """The name that its id must say, where it is a literal one."""
    name = resource.arguments.get(NAMED_BY.get(resource.type, ""))
    return name if isinstance(name, str) else None


def _is_called(id: str, name: str) -> bool:
    """Whether an import id is of a thing of that name: the name, an ARN or path that ends in it.

    Since provider aws 6 an id may end in `@` and a region.
    """
    return any(each == name or each.endswith((f":{name}", f"/{name}")) for each in _forms(id))


def _forms(id: str) -> Iterator[str]:
    yield id
    if "@" in id:
        yield id.rpartition("@")[0]


def _account(id: str) -> str | None:
    """The account that an ARN names."""
    parts = id.split(":")
    return parts[4] if parts[0] == "arn" and len(parts) > 5 and parts[4] != "aws" else None
