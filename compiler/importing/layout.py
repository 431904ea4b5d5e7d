"""How added parts of a blueprint look: YAML text for plain values.

What is written reads back as the same value by the rules of `compiler.blueprint.yaml_tree`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from compiler.importing.records import Given

# A line that is longer is laid out as a block.
WIDTH = 100
# Texts that need no quotes, whatever reads them: no number, no word with a meaning of its own.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"false", "n", "no", "null", "off", "on", "true", "y", "yes"})


def scalar(value: str | int) -> str:
    """A text or number as it is written.

    >>> scalar("workloads/dev"), scalar("012345678901"), scalar("yes")
    ('workloads/dev', '"012345678901"', '"yes"')
    """
    if isinstance(value, int):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # JSON's strings are YAML's; what is not printed is escaped, as the reader refuses it.
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def flow(value: Given) -> str:
    """In one line: `{id: "111111111111", unit: platform}`."""
    if isinstance(value, Mapping):
        items = (f"{scalar(key)}: {flow(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    return scalar(value)


def block(
    key: str,
    value: Given,
    indent: int,
    comments: Mapping[tuple[str, ...], str],
    path: tuple[str, ...],
    *,
    open: bool = False,
) -> list[str]:
    """The lines of one entry, in one line where it fits; `open` lays a mapping out in any case.

    `comments` are by path; `path` is that of the entry.
    """
    margin = " " * indent
    comment = comments.get(path, "")
    behind = f"  # {comment}" if comment else ""
    short = f"{margin}{scalar(key)}: {flow(value)}"
    if not isinstance(value, Mapping) or (not open and len(short) <= WIDTH) or not value:
        return [short + behind]
    lines = [f"{margin}{scalar(key)}:{behind}"]
    for name, item in value.items():
        lines += block(name, item, indent + 2, comments, (*path, name))
    return lines
