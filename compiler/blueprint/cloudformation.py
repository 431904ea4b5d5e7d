"""A team's CloudFormation template: found among a blueprint's files, read and checked.

Takes a file's text, gives what others need to know of it, and diagnostics at its lines; no effects.
What CloudFormation itself would say of properties is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from compiler.blueprint import nodes
from compiler.blueprint.wording import written
from compiler.blueprint.yaml_tree import parse
from compiler.diagnostics import Diagnostic, Span, in_order, nearest

FORMAT = "AWSTemplateFormatVersion"
FORMAT_VERSION = "2010-09-09"
# Source: CloudFormation user guide, "Template sections".
SECTIONS = (
    FORMAT,
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
)
# Source: CloudFormation user guide, "Intrinsic function reference", the short forms.
_FUNCTIONS = frozenset(
    (
        *("And", "Base64", "Cidr", "Condition", "Contains", "EachMemberEquals", "EachMemberIn"),
        *("Equals", "FindInMap", "GetAZs", "GetAtt", "If", "ImportValue", "Join", "Length", "Not"),
        *("Or", "Ref", "RefAll", "Select", "Split", "Sub", "ToJsonString", "Transform", "ValueOf"),
    )
)
_TAG = re.compile(r'"!(\w+)" is a tag')
_MARK = re.compile(rf"""^["']?{FORMAT}["']?[ \t]*:""", re.MULTILINE)
# Source: CloudFormation user guide, "Understand CloudFormation quotas", template body in S3.
MAXIMUM_BYTES = 1_000_000
_ROLE = re.compile(r":role/([\w+=,.@/-]+)")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
# Where it can be nothing but an account's id: in an ARN, or in the address of a container registry.
_OWNER = re.compile(r"(?<=:)\d{12}(?=:)|(?<!\d)\d{12}(?=\.dkr\.ecr\.)")


@dataclass(frozen=True, slots=True)
class CloudFormation:
    """A template: the file as it is shown, its text, its tree."""

    path: str
    text: str
    tree: nodes.Mapping

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters."""
        found = self.tree.get("Parameters")
        return tuple(found.entries) if isinstance(found, nodes.Mapping) else ()

    def roles(self) -> Iterator[tuple[str, Span]]:
        """The name of every role whose ARN it writes out, with its path, and where."""
        for value, span in _texts(self.tree):
            for match in _ROLE.findall(value):
                yield match, span

    def accounts(self) -> Iterator[tuple[str, Span]]:
        """What looks like the id of an account, and where."""
        for value, span in _texts(self.tree):
            for match in _ACCOUNT.findall(value):
                yield match, span

    def owners(self) -> Iterator[tuple[str, Span]]:
        """What is the id of an account and nothing else, and where: in an ARN, in an image's address, or
        a whole text, as principals are written."""
        for value, span in _scalars(self.tree):
            if isinstance(value, str):
                whole = [value] if _ACCOUNT.fullmatch(value) else []
                for match in whole or _OWNER.findall(value):
                    yield match, span


def is_template(text: str) -> bool:
    """Whether a YAML file is a CloudFormation template, and so no part of a blueprint."""
    return _MARK.search(text) is not None


def read_template(text: str, path: str) -> tuple[CloudFormation | None, tuple[Diagnostic, ...]]:
    """The template in a file's text; None where it has errors. `path` is how its positions name it."""
    tree, parsed = parse(text, path)
    found = [diagnostic for diagnostic in parsed if not _is_function(diagnostic)]
    if tree is not None:
        found += _wrong(tree, text, path)
    if tree is None or found:
        return None, in_order(found)
    return CloudFormation(path, text, tree), ()


def _is_function(diagnostic: Diagnostic) -> bool:
    match = _TAG.match(diagnostic.message) if diagnostic.code == "E016" else None
    return match is not None and match[1] in _FUNCTIONS


def _wrong(tree: nodes.Mapping, text: str, path: str) -> Iterator[Diagnostic]:
    start = Span(path, 1, 1, 1, 1)
    if len(text.encode()) > MAXIMUM_BYTES:
        message = f'"{path}" is larger than the {MAXIMUM_BYTES:,} bytes that CloudFormation takes'
        yield _problem("E204", message, start, "divide it into several products")
    version = tree.entries.get(FORMAT)
    if version is None:
        message = f'"{path}" is no CloudFormation template: it has no "{FORMAT}"'
        yield _problem("E201", message, start, f'write {FORMAT}: "{FORMAT_VERSION}" at its top')
    elif nodes.plain(version.value) != FORMAT_VERSION:
        message = (
            f'"{FORMAT}" must be "{FORMAT_VERSION}", not {written(nodes.plain(version.value))}'
        )
        hint = f'{FORMAT}: "{FORMAT_VERSION}" is the only one that CloudFormation has'
        yield _problem("E204", message, version.value.span, hint)
    for key, entry in tree.entries.items():
        if key not in SECTIONS:
            guess = nearest(key, SECTIONS)
            hint = f'did you mean "{guess}"?' if guess else f"sections: {', '.join(SECTIONS)}"
            message = f'a template has no section "{key}"'
            yield _problem("E202", message, entry.key_span, hint)
    yield from _resources(tree, path, start)


def _resources(tree: nodes.Mapping, path: str, start: Span) -> Iterator[Diagnostic]:
    section = tree.entries.get("Resources")
    if section is None:
        message = f'"{path}" makes nothing: it has no "Resources"'
        yield _problem("E201", message, start, "write Resources: with one resource or more")
        return
    if not isinstance(section.value, nodes.Mapping) or not section.value.entries:
        message = '"Resources" must be a mapping of one resource or more'
        yield _problem("E203", message, section.key_span, "Bucket: {Type: AWS::S3::Bucket}")
        return
    for name, entry in section.value.entries.items():
        found = entry.value.get("Type") if isinstance(entry.value, nodes.Mapping) else None
        type_ = nodes.plain(found) if found else None
        if not isinstance(type_, str) or "::" not in type_:
            message = f'resource "{name}" has no "Type"'
            if found is not None:
                message = f'"Type" of resource "{name}" must be that of a resource'
            span = found.span if found else entry.key_span
            yield _problem("E204" if found else "E201", message, span, "Type: AWS::S3::Bucket")


def _problem(code: str, message: str, span: Span, hint: str) -> Diagnostic:
    return Diagnostic(code=code, message=message, span=span, hint=hint)


def _texts(node: nodes.Node) -> Iterator[tuple[str, Span]]:
    """Every text and number of the tree, keys included, and where it is."""
    for value, span in _scalars(node):
        if not isinstance(value, bool) and value is not None:
            yield str(value), span


def _scalars(node: nodes.Node) -> Iterator[tuple[nodes.ScalarValue, Span]]:
    """Every value of the tree, keys included, and where it is."""
    if isinstance(node, nodes.Mapping):
        for key, entry in node.entries.items():
            yield key, entry.key_span
            yield from _scalars(entry.value)
    elif isinstance(node, nodes.Sequence):
        for item in node.items:
            yield from _scalars(item)
    else:
        yield node.value, node.span
