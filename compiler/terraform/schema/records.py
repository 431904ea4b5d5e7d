"""A provider's schema as values: types, attributes, blocks.

The words are those of Terraform's `providers schema -json`. Records are shared between types and
must not be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Nesting = Literal["single", "list", "set", "map"]
Kind = Literal["string", "number", "bool", "dynamic", "list", "set", "map", "object"]


@dataclass(frozen=True, slots=True)
class Type:
    """A Terraform type. `element` belongs to list, set and map, `fields` to object."""

    kind: Kind
    element: Type | None = None
    fields: Mapping[str, Type] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.kind == "object":
            return f"object({', '.join(self.fields)})"
        return f"{self.kind}({self.element})" if self.element else self.kind


@dataclass(frozen=True, slots=True)
class Attribute:
    """An argument or a result. Computed and not optional means that it cannot be set."""

    type: Type
    required: bool = False
    optional: bool = False
    computed: bool = False

    @property
    def settable(self) -> bool:
        """Whether a configuration may give it a value."""
        return self.required or self.optional


@dataclass(frozen=True, slots=True)
class NestedBlock:
    """A block inside a block.

    `minimum` is 1 for a required block, `maximum` is 1 or None (not known): the bindings, where
    this comes from, tell no other limits.
    """

    nesting: Nesting
    minimum: int
    maximum: int | None
    block: Block

    @property
    def required(self) -> bool:
        """Whether at least one must be there."""
        return self.minimum > 0


@dataclass(frozen=True, slots=True)
class Block:
    """The content of a resource, a data source or a nested block, by name in sorted order."""

    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, NestedBlock]


@dataclass(frozen=True, slots=True)
class Provider:
    """Everything that one version of a provider accepts; `configuration` is its own block."""

    configuration: Block
    resources: Mapping[str, Block]
    data_sources: Mapping[str, Block]
