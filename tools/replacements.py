"""Make the AWS part of `compiler/diff/replacements.json` again, by asking the provider itself.

Run `python tools/replacements.py --provider PATH --date 2026-11-21 [--check] [TYPE…]` with the package `grpcio`
installed (it is in no lock: nothing else needs it); PATH is the executable of the AWS provider, version
5.100.0, and each TYPE is added to those in the table. For every argument the provider is asked to plan a change of it
alone, over a resource that has all arguments and over one that has only the required ones; what it
answers with `requires_replace` is written. Nothing is applied, no request leaves the machine. `--check` writes
nothing and exits with 1 if the table would change.

The provider answers with an error where a value is none that it takes: VALID has the few that it must have.
The protocol: https://github.com/hashicorp/terraform/tree/main/docs/plugin-protocol, version 5.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from compiler.terraform.schema.index import open_index
from compiler.terraform.schema.records import Block, NestedBlock, Type

TABLE = Path(__file__).parents[1] / "compiler" / "diff" / "replacements.json"
# What go-plugin wants to see in the environment before it serves.
COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
DEEPEST = 5
_ROLE = "arn:aws:iam::111111111111:role/"
# Values of arguments where "aaa" is refused, or stands against another one: (before, after).
VALID: Mapping[str, tuple[Any, Any]] = {
    "aws_cloudwatch_metric_alarm.extended_statistic": (None, None),
    "aws_cloudwatch_metric_alarm.metric_query": ([], []),
    "aws_codeconnections_connection.connection_status": ("AVAILABLE", "AVAILABLE"),
    "aws_codeconnections_connection.host_arn": (None, "bbb"),
    "aws_codeconnections_connection.provider_type": ("GitHub", "GitLab"),
    "aws_eks_pod_identity_association.role_arn": (f"{_ROLE}a", f"{_ROLE}b"),
    "aws_s3_bucket_lifecycle_configuration.rule": ([], []),
    "aws_s3_bucket_lifecycle_configuration.transition_default_minimum_object_size": (
        "varies_by_storage_class",
        "all_storage_classes_128K",
    ),
    "aws_sns_topic.archive_policy": (None, None),
    "aws_sns_topic.content_based_deduplication": (False, False),
    "aws_sns_topic.fifo_throughput_scope": (None, None),
}
_SAMPLES: Mapping[str, tuple[Any, Any]] = {
    "string": ("aaa", "bbb"),
    "number": (11, 12),
    "bool": (False, True),
    "dynamic": ("aaa", "bbb"),
}
_CIDR = ("10.0.0.0/16", "10.1.0.0/16")

Key = tuple[str, ...]


# ---- The wire: messages of protocol buffers, values in MessagePack


def field(number: int, content: bytes) -> bytes:
    """One field that holds bytes, a text or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(message: bytes) -> dict[int, list[Any]]:
    """The fields of a message by number."""
    found: dict[int, list[Any]] = {}
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(message):
        tag = varint()
        content: Any = varint()
        if tag & 7 == 2:
            content, place = message[place : place + content], place + content
        found.setdefault(tag >> 3, []).append(content)
    return found


def packed(value: Any) -> bytes:
    """MessagePack, always in the longest form of a kind."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, str):
        return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, list):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(packed, value))
    pairs = b"".join(packed(key) + packed(item) for key, item in value.items())
    return b"\xdf" + struct.pack(">I", len(value)) + pairs


def dynamic(value: Any) -> bytes:
    """A DynamicValue."""
    return field(1, packed(value))


# ---- The provider


class Provider:
    """A running provider, configured with keys that are none."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        schema = open_index().provider("aws")
        assert schema is not None
        assert schema.older is not None
        given = {
            "access_key": "none",
            "secret_key": "none",
            "region": "eu-west-1",
            "skip_credentials_validation": True,
            "skip_metadata_api_check": "true",
            "skip_region_validation": True,
            "skip_requesting_account_id": True,
        }
        configuration = {**nothing(schema.older), **given}
        answer = self._call("Configure", field(1, b"1.11.4") + field(2, dynamic(configuration)))
        if 1 in fields(answer):
            raise SystemExit(f"the provider refuses its configuration: {answer!r}")

    def forces(self, type: str, prior: Any, proposed: Any, block: Block) -> set[str] | None:
        """What the change replaces the resource for; None where the provider answers with an error."""
        request = (
            field(1, type.encode())
            + field(2, dynamic(prior))
            + field(3, dynamic(proposed))
            + field(4, dynamic(configured(proposed, block)))
        )
        answer = fields(self._call("PlanResourceChange", request))
        if any(fields(each).get(1) == [1] for each in answer.get(4, ())):
            return None
        return {_root(path) for path in answer.get(2, ())}

    def _call(self, method: str, request: bytes) -> bytes:
        call = self._channel.unary_unary(f"/tfplugin5.Provider/{method}")
        answer: bytes = call(request, timeout=60)
        return answer


def _root(path: bytes) -> str:
    """The first step of an AttributePath."""
    step = fields(fields(path)[1][0])
    return str(step[1][0].decode())


@contextmanager
def started(executable: Path) -> Iterator[Provider]:
    """The provider as go-plugin starts it: it says its socket, and serves until it is killed."""
    environment = {
        **os.environ,
        "TF_PLUGIN_MAGIC_COOKIE": COOKIE,
        "PLUGIN_PROTOCOL_VERSIONS": "5",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    grpc = import_module("grpc")
    process = subprocess.Popen(
        [executable], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split("|")[3]
        with grpc.insecure_channel(f"unix:{address}") as channel:
            yield Provider(channel)
    finally:
        process.kill()
        process.wait()


# ---- Values


def nothing(block: Block) -> dict[str, Any]:
    """A block without anything."""
    empty = {name: _none(nested) for name, nested in block.blocks.items()}
    return {**dict.fromkeys(block.attributes), **empty}


def _none(nested: NestedBlock) -> Any:
    return [] if nested.nesting in ("list", "set") else {} if nested.nesting == "map" else None


def sample(name: str, type: Type, side: int) -> Any:
    """A value of the type: one for before, another one for after."""
    if type.kind in ("list", "set"):
        assert type.element is not None
        return [sample(name, type.element, side)]
    if type.kind == "map":
        assert type.element is not None
        return {"k": sample(name, type.element, side)}
    if type.kind == "object":
        return {key: sample(key, each, side) for key, each in type.fields.items()}
    if type.kind == "string" and "cidr" in name:
        return _CIDR[side]
    return _SAMPLES[type.kind][side]


def filled(block: Block, keep: Key | None, depth: int = 0) -> dict[str, Any]:
    """A resource with all arguments; with `keep` only what is required, and what is at that place."""
    found: dict[str, Any] = {}
    for name, attribute in block.attributes.items():
        given = keep is None or attribute.required or not attribute.optional or keep[:1] == (name,)
        given = given or (depth == 0 and name in ("id", "arn", "tags_all"))
        found[name] = sample(name, attribute.type, 0) if given else None
    for name, nested in block.blocks.items():
        inner = None if keep is None else keep[1:] if keep[:1] == (name,) else ()
        wanted = keep is None or nested.required or keep[:1] == (name,)
        if name == "timeouts" or not wanted or depth > DEEPEST - 1:
            found[name] = _none(nested)
            continue
        value = filled(nested.block, inner, depth + 1)
        found[name] = [value] if nested.nesting in ("list", "set") else value
    return found


def configured(value: Any, block: Block) -> Any:
    """What of it a configuration may say."""
    found = dict(value)
    for name, attribute in block.attributes.items():
        if not attribute.settable:
            found[name] = None
    for name, nested in block.blocks.items():
        inner = found[name]
        if isinstance(inner, list):
            found[name] = [configured(each, nested.block) for each in inner]
        elif inner:
            found[name] = configured(inner, nested.block)
    return found


def leaves(block: Block, above: Key = ()) -> Iterator[tuple[Key, Type]]:
    """The arguments, also those inside of blocks."""
    for name, attribute in block.attributes.items():
        if attribute.settable:
            yield (*above, name), attribute.type
    for name, nested in block.blocks.items():
        if name != "timeouts" and len(above) < DEEPEST:
            yield from leaves(nested.block, (*above, name))


def blocks(block: Block, above: Key = ()) -> Iterator[Key]:
    """The blocks, those outside first."""
    for name, nested in block.blocks.items():
        if name != "timeouts" and len(above) < DEEPEST:
            yield (*above, name)
            yield from blocks(nested.block, (*above, name))


def changed(value: Any, path: Key, new: Any) -> Any:
    """A copy with another value at the place; KeyError or IndexError where there is no such place."""
    found = copy.deepcopy(value)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
        inner = inner[0] if isinstance(inner, list) else inner
    if path[-1] not in inner:
        raise KeyError(path[-1])
    inner[path[-1]] = new
    return found


# ---- The measurement


def measured(provider: Provider, type: str, block: Block) -> list[str]:
    """What forces a new resource of the type, as the table writes it."""
    forcing = {
        ".".join(path)
        for path, kind in leaves(block)
        if _argument(provider, type, block, path, kind)
    }
    whole: list[str] = []
    for path in sorted(blocks(block), key=len):
        name = ".".join(path)
        inside = {
            leaf
            for leaf in map(".".join, (key for key, _ in leaves(block)))
            if leaf.startswith(f"{name}.")
        }
        if inside and inside <= forcing and not name.startswith(tuple(f"{w}." for w in whole)):
            whole.append(name)
    found = {leaf for leaf in forcing if not leaf.startswith(tuple(f"{name}." for name in whole))}
    found |= set(whole)
    for path in blocks(block):
        name = ".".join(path)
        known = any(
            each == name or each.startswith(f"{name}.") or name.startswith(f"{each}.")
            for each in found
        )
        if not known and _removal(provider, type, block, path):
            found.add(f"{name}!")
    return sorted(found)


def _argument(provider: Provider, type: str, block: Block, path: Key, kind: Type) -> bool:
    new = VALID.get(f"{type}.{'.'.join(path)}", (None, sample(path[-1], kind, 1)))[1]
    return any(
        _forced(provider, type, block, prior, path, new)
        for prior in (filled(block, None), filled(block, path))
    )


def _removal(provider: Provider, type: str, block: Block, path: Key) -> bool:
    return _forced(provider, type, block, filled(block, None), path, [])


def _forced(provider: Provider, type: str, block: Block, prior: Any, path: Key, new: Any) -> bool:
    for name, (before, _) in VALID.items():
        kind, _, argument = name.partition(".")
        if kind == type:
            prior[argument] = before
    try:
        proposed = changed(prior, path, new)
    except (IndexError, KeyError, TypeError):
        return False
    usual = provider.forces(type, prior, prior, block) or set()
    found = provider.forces(type, prior, proposed, block)
    return found is not None and path[0] in found - usual


def written(table: Mapping[str, Any]) -> str:
    """The table's text: a line for each type."""
    lines = ["{", f'  "date": {json.dumps(table["date"])},', '  "sources": {']
    lines.append(
        ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in table["sources"].items())
    )
    lines += ["  },", '  "types": {']
    lines.append(
        ",\n".join(
            f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(table["types"].items())
        )
    )
    return "\n".join([*lines, "  }", "}", ""])


def main() -> None:
    """Measure, and write what changed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--provider", type=Path, required=True)
    parser.add_argument("--date", required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("types", nargs="*")
    arguments = parser.parse_args()
    text = TABLE.read_text(encoding="utf-8")
    table = json.loads(text)
    names = {*arguments.types, *(name for name in table["types"] if name.startswith("aws_"))}
    with started(arguments.provider) as provider:
        for name in sorted(names):
            schema = open_index().resource(name)
            if schema is None or schema.older is None:
                raise SystemExit(f"the index has no {name} of provider 5.100.0")
            table["types"][name] = measured(provider, name, schema.older)
    if written(table) == text:
        print("the table is as it was")
        return
    if arguments.check:
        sys.exit("the table is not what the provider says")
    TABLE.write_text(written({**table, "date": arguments.date}), encoding="utf-8")


if __name__ == "__main__":
    main()
