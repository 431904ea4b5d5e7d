"""What `landform explain` can be asked about, as text.

    aws/shared/churn                                           a stack
    aws/shared/churn:aws_kms_key.artifacts                     a resource or data source, an output
    aws/shared/churn:aws_kms_key.artifacts.deletion_window     an attribute of it
    aws/shared/churn:aws_s3_bucket_policy.artifacts.policy.TrainReadsData     a statement, by its Sid
    accounts.production.vars.max_instances                     a value of the blueprint

A stack may be named by the path of its folder or file: `generated/acme/aws/shared/churn/main.tf.json`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from compiler.terraform.stack import Cloud

_STACK = re.compile(
    r"(?:.*/)?(?P<path>(?P<cloud>aws|google)/[^/:]+/[^/:]+)(?:/(?:main\.tf\.json)?)?(?::(?P<part>.*))?"
)
_IN_STACK = re.compile(r"(?P<address>(?:data\.)?\w+\.[\w-]+)(?:\.(?P<path>.+)|(?P<index>\[.+))?")
_STEP = re.compile(r"\[(\"?)([^\]\"]*)\1\]|([^.\[\]]+)")
SECTIONS = ("accounts", "projects", "components")


@dataclass(frozen=True, slots=True, kw_only=True)
class InStack:
    """A stack; with `address` something in it, with `path` a part of that.

    `organization` is the name of the folder before the stack's, where there is one.
    """

    stack: str
    cloud: Cloud
    address: str | None = None
    path: tuple[str, ...] = ()
    organization: str | None = None

    def __str__(self) -> str:
        return (
            f"{self.stack}:{'.'.join([self.address, *self.path])}" if self.address else self.stack
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InBlueprint:
    """An account, a project or a component; with `path` a value of it."""

    section: str
    name: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join([self.section, self.name, *self.path])


Address = InStack | InBlueprint


def read(text: str) -> Address | None:
    """The address, or None for a text that has not the form of one."""
    found = _STACK.fullmatch(text)
    if found:
        cloud: Cloud = "google" if found["cloud"] == "google" else "aws"
        before = text[: found.start("path")].rstrip("/").rpartition("/")[2] or None
        stack = InStack(stack=found["path"], cloud=cloud, organization=before)
        return stack if not found["part"] else _part(stack, found["part"])
    section, _, rest = text.partition(".")
    name, *path = steps(rest)
    if section in SECTIONS and name:
        return InBlueprint(section=section, name=name, path=tuple(path))
    return None


def _part(stack: InStack, text: str) -> InStack | None:
    found = _IN_STACK.fullmatch(text)
    if found is None:
        return None
    return InStack(
        stack=stack.stack,
        cloud=stack.cloud,
        organization=stack.organization,
        address=found["address"],
        path=tuple(filter(None, steps(found["path"] or found["index"] or ""))),
    )


def steps(text: str) -> list[str]:
    """The steps of a path: `a.b[0]["c.d"]` and `a.b.0.c` alike.

    >>> steps('environment[0].variables["A.B"]')
    ['environment', '0', 'variables', 'A.B']
    """
    return [inner or plain for _, inner, plain in _STEP.findall(text)] or [""]
