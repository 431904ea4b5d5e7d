"""The schema of every AWS and Google resource and data source, read from the shipped index.

`open_index()` opens the files `aws.index` and `google.index` beside this module (made by
`extract`) the first time that a type of theirs is asked for; a type is decoded when it is asked
for, once per process. What the index knows, and from where:

- AWS provider 6.25.0, from the bindings cdktf-cdktf-provider-aws 21.22.1, and its differences
  to provider 5.100.0, from the bindings 20.1.0;
- Google provider 6.50.0, from cdktf-cdktf-provider-google 16.12.1;
- Terraform's own `terraform_data` and `terraform_remote_state` (Terraform 1.11).

Not in it, because the bindings do not tell: limits of blocks other than 0, 1 and any number,
allowed values, conflicts, and the inside of five large blocks (`definition` of the three
QuickSight types, `rule.statement` of the two WAFv2 types), which accept anything. The file also
says what it was made from: `versions()`.

Effects: reads the two files. Raises KeyError for no type: an unknown one is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from compiler.terraform.schema.archive import Archive
from compiler.terraform.schema.encoding import (
    NEWER,
    OLDER,
    Encoded,
    decode_block,
    differs,
    select,
)
from compiler.terraform.schema.records import Attribute, Block, Type

Mode = Literal["managed", "data", "provider"]

PROVIDERS = ("aws", "google")

_KEY = {"managed": "resource", "data": "data", "provider": "provider"}

_ANY = Type("dynamic")
_TEXT = Type("string")

# https://developer.hashicorp.com/terraform/language/resources/terraform-data (1.11) and
# https://developer.hashicorp.com/terraform/language/state/remote-state-data (1.11)
_TERRAFORM = {
    "resource terraform_data": Block(
        {
            "id": Attribute(_TEXT, computed=True),
            "input": Attribute(_ANY, optional=True),
            "output": Attribute(_ANY, computed=True),
            "triggers_replace": Attribute(_ANY, optional=True),
        },
        {},
    ),
    "data terraform_remote_state": Block(
        {
            "backend": Attribute(_TEXT, required=True),
            "config": Attribute(_ANY, optional=True),
            "defaults": Attribute(_ANY, optional=True),
            "outputs": Attribute(_ANY, computed=True),
            "workspace": Attribute(_TEXT, optional=True),
        },
        {},
    ),
}

# Arguments and blocks that Terraform itself adds to every resource, data source or provider.
META_ARGUMENTS: dict[Mode, frozenset[str]] = {
    "managed": frozenset(
        ("depends_on", "count", "for_each", "provider", "lifecycle", "provisioner", "connection")
    ),
    "data": frozenset(("depends_on", "count", "for_each", "provider", "lifecycle")),
    "provider": frozenset(("alias", "version")),
}


@dataclass(frozen=True, slots=True)
class Schema:
    """One type, in the index's version of the provider and in the older one.

    `newer` or `older` is None where that version does not have the type. Both are the same
    object where they do not differ, and for providers of which the index has one version.
    """

    newer: Block | None
    older: Block | None

    @property
    def block(self) -> Block:
        """The newest block there is."""
        block = self.newer or self.older
        assert block is not None
        return block


@dataclass(slots=True)
class Index:
    """The schemas of all providers in `folder`."""

    folder: Path = Path(__file__).parent
    _archives: dict[str, Archive] = field(default_factory=dict)
    _schemas: dict[str, Schema | None] = field(default_factory=dict)

    def resource(self, type_: str) -> Schema | None:
        """A managed resource's schema, or None: `aws_s3_bucket`."""
        return self.schema("managed", type_)

    def data_source(self, type_: str) -> Schema | None:
        """A data source's schema, or None: `aws_caller_identity`."""
        return self.schema("data", type_)

    def provider(self, name: str) -> Schema | None:
        """The schema of a provider's own block, or None: `aws`."""
        return self.schema("provider", name)

    def schema(self, mode: Mode, type_: str) -> Schema | None:
        """A schema of any mode."""
        key = f"{_KEY[mode]} {type_}"
        if key not in self._schemas:
            self._schemas[key] = self._read(key, type_.partition("_")[0])
        return self._schemas[key]

    def types(self, mode: Mode = "managed", provider: str | None = None) -> tuple[str, ...]:
        """All types of a mode in sorted order; of one provider where it is given."""
        prefix = f"{_KEY[mode]} "
        keys = [key for key in _TERRAFORM if provider in (None, "terraform")]
        for name in PROVIDERS:
            if provider in (None, name):
                keys += self._archive(name).all_keys()
        return tuple(sorted(key[len(prefix) :] for key in keys if key.startswith(prefix)))

    def versions(self, provider: str) -> dict[str, object]:
        """The index file's own words: version, source, older_version, older_source."""
        return dict(self._archive(provider).header)

    def _read(self, key: str, provider: str) -> Schema | None:
        if key in _TERRAFORM:
            return Schema(_TERRAFORM[key], _TERRAFORM[key])
        if provider not in PROVIDERS:
            return None
        entry = self._archive(provider).entry(key)
        return None if entry is None else _schema(entry)

    def _archive(self, provider: str) -> Archive:
        if provider not in self._archives:
            self._archives[provider] = Archive(self.folder / f"{provider}.index")
        return self._archives[provider]


def _schema(entry: Encoded) -> Schema:
    newer = _version(entry, NEWER)
    older = _version(entry, OLDER) if differs(entry) else newer
    return Schema(newer, older)


def _version(entry: Encoded, side: Literal[0, 1]) -> Block | None:
    selected = select(entry, side)
    return None if selected is None else decode_block(selected, side)


@cache
def open_index() -> Index:
    """The shipped index, one per process."""
    return Index()
