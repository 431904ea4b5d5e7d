"""Read a provider's schema out of its CDKTF bindings, without importing them.

Takes the path of a jsii tarball or of a wheel that holds one; gives a `records.Provider`. Reads
the file, has no other effect. Raises `BindingsError` where the sources are not as expected:
better no index than a wrong one.

Each `lib/<type>/index.js` carries an inline source map with the generated TypeScript, which is
the only place that still tells computed from optional and a set from a list. Three things are
read from it, per class:

- the comment `// name - computed: …, optional: …, required: …` of every attribute;
- its getter or member, which gives the type of what cannot be set;
- its entry `{value, isBlock, type, storageClassType}` in the HCL writer, which gives the type
  of what can.

Very large resources are spread over `index-structs/structsN.js`; all files of a folder are read
as one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from compiler.terraform.schema.jsii import BindingsError, sources
from compiler.terraform.schema.records import (
    Attribute,
    Block,
    Kind,
    NestedBlock,
    Nesting,
    Provider,
    Type,
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the HCL writer says about a settable attribute."""

    mapped: str  # the writer's conversion, e.g. `cdktf.listMapperHcl(fooToHclTerraform, true)`
    block: bool
    shape: str  # simple, list, set, map, struct
    storage: str


@dataclass(frozen=True, slots=True)
class _Member:
    """What a class says about one attribute."""

    name: str
    computed: bool
    optional: bool
    required: bool
    source: str  # the lines from the comment to the end of the getter


_PROPERTY = re.compile(
    r"^  // (\S+) - computed: (true|false), optional: (true|false), required: (true|false)$",
    re.MULTILINE,
)
_ENTRY = re.compile(
    r"^ +(\w+): \{\n +value: (.*),\n +isBlock: (true|false),\n +type: \"(\w+)\",\n"
    r" +storageClassType: \"(\w+)\",\n",
    re.MULTILINE,
)
_CLASS = re.compile(
    r"^export class (\w+) extends cdktf\.(\w+) \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL
)
_WRITER = re.compile(r"^export function (\w+)ToHclTerraform\((.*?)^\}\n", re.MULTILINE | re.DOTALL)
_INTERFACE = re.compile(r"^export interface (\w+) \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^ +(\w+): \{\n +value: .*\(struct!\.(\w+)\),$", re.MULTILINE)
_TYPE_NAME = re.compile(r'static readonly tfResourceType = "(\w+)"')
_NESTED = re.compile(
    r"= new (?:\w+\.)?(\w+)(List|Map|OutputReference)\(this, \"\w+\"(?:, (\w+))?\)"
)
_GETTER = re.compile(r"get(String|Number|Boolean|Any)?(List|Map|MapList)?Attribute\('")
_CORE = re.compile(
    r"= new cdktf\.(String|Number|Boolean|Any)(Map|MapList|List)\(this, \"\w+\"(?:, (\w+))?\)"
)
_STORAGE = re.compile(r"(string|number|boolean|any)((?:Map|List)*)$")

_SIMPLE: Mapping[str, Kind] = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "any": "dynamic",
}


def read_provider(path: Path) -> Provider:
    """The schema of the provider whose bindings `path` holds."""
    resources: dict[str, Block] = {}
    data_sources: dict[str, Block] = {}
    configuration: Block | None = None
    for folder, text in sources(path):
        found = _Source(folder, text).construct()
        if found is None:
            continue
        base, name, block = found
        if base == "TerraformResource":
            resources[name] = block
        elif base == "TerraformDataSource":
            data_sources[name] = block
        else:  # `alias` is Terraform's own, CDKTF adds it
            arguments = {n: a for n, a in block.attributes.items() if n != "alias"}
            configuration = Block(arguments, block.blocks)
    if configuration is None or not resources:
        raise BindingsError(f"{path} holds no provider")
    return Provider(configuration, _sorted(resources), _sorted(data_sources))


def _sorted(blocks: Mapping[str, Block]) -> dict[str, Block]:
    return dict(sorted(blocks.items()))


class _Source:
    """The TypeScript of one resource, data source or provider."""

    def __init__(self, folder: str, text: str) -> None:
        self.folder = folder
        self.classes = {m[1]: (m[2], m[3]) for m in _CLASS.finditer(text)}
        self.interfaces = {m[1]: m[2] for m in _INTERFACE.finditer(text)}
        self.writers = {m[1].lower(): m[2] for m in _WRITER.finditer(text)}

    def construct(self) -> tuple[str, str, Block] | None:
        """The construct's base class, Terraform type and content; None for a mere helper file."""
        for base, body in self.classes.values():
            if base in ("TerraformResource", "TerraformDataSource", "TerraformProvider"):
                name = _TYPE_NAME.search(body)
                if name is None:
                    raise BindingsError(f"{self.folder}: no type name")
                return base, name[1], self.block(body, body)
        return None

    def block(self, body: str, writer: str) -> Block:
        """The block that a class body and its HCL writer describe."""
        entries = _entries(writer)
        attributes: dict[str, Attribute] = {}
        blocks: dict[str, NestedBlock] = {}
        for member in sorted(_members(body), key=lambda m: m.name):
            entry = entries.pop(member.name, None)
            nested = self.nested_block(member, entry) if entry else None
            if nested:
                blocks[member.name] = nested
            else:
                attributes[member.name] = Attribute(
                    self.type(member, entry), member.required, member.optional, member.computed
                )
        if entries:
            raise BindingsError(f"{self.folder}: {sorted(entries)} are written but not declared")
        return Block(attributes, blocks)

    def struct(self, name: str) -> Block:
        """The block of the nested struct `name`."""
        writer = self.writers.get(name.lower(), "")
        if f"{name}OutputReference" in self.classes:
            return self.block(self.classes[f"{name}OutputReference"][1], writer)
        if not writer:
            raise BindingsError(f"{self.folder}: no class for {name}")
        return self.block(self.plain_members(name, writer), writer)

    def plain_members(self, name: str, writer: str) -> str:
        """Member lines for a struct without a class: those of the provider's own block.

        Only the interface says there what is required: `readonly roleArn?: string`.
        """
        interface = self.interfaces.get(name, "")
        lines = []
        for entry, value in _FIELD.findall(writer):
            required = f"  readonly {value}: " in interface
            flags = f"optional: {_word(not required)}, required: {_word(required)}"
            lines.append(f"  // {entry} - computed: false, {flags}\n")
        return "".join(lines)

    def nested_block(self, member: _Member, entry: _Entry) -> NestedBlock | None:
        """The member as a real block; None when it is an attribute after all.

        The provider's "attribute as block" is written with `listMapperHcl(…, false)`, a map or
        an optional and computed struct of the plug-in framework is an object attribute.
        """
        if not entry.block or entry.shape == "map" or entry.mapped.endswith(", false)"):
            return None
        found = _NESTED.search(member.source)
        name = found[1] if found else re.sub(r"List$", "", entry.storage)
        minimum = int(member.required)
        if entry.shape == "struct":
            if member.computed:
                return None
            return NestedBlock("single", minimum, 1 if minimum else None, self.struct(name))
        single = ", true)" not in entry.mapped
        return NestedBlock(
            cast(Nesting, entry.shape), minimum, 1 if single else None, self.struct(name)
        )

    def type(self, member: _Member, entry: _Entry | None) -> Type:
        """The type of an attribute."""
        nested = _NESTED.search(member.source)
        if nested and "new cdktf." not in member.source:
            block = self.struct(nested[1])
            element = Type("object", fields=_object_fields(block))
            if nested[2] == "List":
                return Type("set" if nested[3] == "true" else "list", element)
            return Type("map", element) if nested[2] == "Map" else element
        if entry:
            return self.entry_type(entry)
        return self.getter_type(member)

    def entry_type(self, entry: _Entry) -> Type:
        """`stringMapList` and its like, of shape list, set, map or simple."""
        found = _STORAGE.match(entry.storage)
        if not found:
            raise BindingsError(f"{self.folder}: unknown storage {entry.storage}")
        type_ = Type(_SIMPLE[found[1]])
        wrappers = re.findall("Map|List", found[2])
        for number, wrapper in enumerate(wrappers, start=1):
            outermost = number == len(wrappers)
            is_set = wrapper == "List" and outermost and entry.shape == "set"
            type_ = Type("set" if is_set else "map" if wrapper == "Map" else "list", type_)
        return type_

    def getter_type(self, member: _Member) -> Type:
        """The type of a computed attribute of simple elements."""
        found = _CORE.search(member.source) or _GETTER.search(member.source)
        if not found:
            if "interpolationForAttribute" in member.source:
                return Type("dynamic")
            raise BindingsError(f"{self.folder}: {member.name} has no known getter")
        wrapper = found[2]
        simple: Type = Type(_SIMPLE[(found[1] or "String").lower()])
        if wrapper == "MapList":
            return Type("list", Type("map", simple))
        if wrapper == "Map":
            return Type("map", simple)
        if wrapper == "List":
            is_set = "tolist" in member.source or (found.re is _CORE and found[3] == "true")
            return Type("set" if is_set else "list", simple)
        return simple


def _word(value: bool) -> str:
    return "true" if value else "false"


def _members(body: str) -> Iterator[_Member]:
    starts = list(_PROPERTY.finditer(body))
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(body)
        flags = (start[2] == "true", start[3] == "true", start[4] == "true")
        source = body[start.end() : end]
        getter_end = source.find("\n  }\n")
        yield _Member(start[1], *flags, source[: getter_end + 1])


def _entries(writer: str) -> dict[str, _Entry]:
    start = writer.find("const attrs = {")
    found = _ENTRY.finditer(writer, max(start, 0))
    return {
        m[1]: _Entry(re.sub(r"\((?:this|struct!)\.[\w.]+\)$", "", m[2]), m[3] == "true", m[4], m[5])
        for m in found
    }


def _object_fields(block: Block) -> dict[str, Type]:
    """The fields of an object attribute; blocks inside it can only be objects too."""
    fields = {name: attribute.type for name, attribute in block.attributes.items()}
    for name, nested in block.blocks.items():
        element = Type("object", fields=_object_fields(nested.block))
        fields[name] = element if nested.nesting == "single" else Type(nested.nesting, element)
    return dict(sorted(fields.items()))
