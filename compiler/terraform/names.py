"""Names in the cloud: fixed when the blueprint is compiled, and never over the cloud's limit.

A name is `<organization>-<component>-<part>`; what must be unique in the world ends in the account
id. A name over the limit keeps its start and ends in `-` and eight characters of its SHA-256, so
that two long names that start alike stay two. Names that become folders are none of Windows' devices.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

HASH_LENGTH = 8

# Names that Windows keeps for devices, whatever the extension (learn.microsoft.com, "Naming Files,
# Paths, and Namespaces").
_DEVICES = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{n}{i}" for n in ("com", "lpt") for i in range(1, 10)
}


def shorten(name: str, limit: int, ending: str = "") -> str:
    """`name` + `ending` in at most `limit` characters; the ending is never shortened.

    >>> shorten("acme-churn-train", 64)
    'acme-churn-train'
    >>> shorten("acme-churn-artifacts", 24, "-111111111111")
    'ac-a99628ab-111111111111'
    """
    room = limit - len(ending)
    if len(name) <= room:
        return name + ending
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: room - HASH_LENGTH - 1].rstrip('-')}-{digest}{ending}"


def labels(texts: Iterable[str]) -> dict[str, str]:
    """Each text as a part of a name in Terraform: its letters and digits, in whatever order they come.

    Texts that give the same end in a hash. A number would be another's as soon as one before it is gone.

    >>> labels(["b@acme.example", "a@acme.example"])
    {'a@acme.example': 'a_acme_example', 'b@acme.example': 'b_acme_example'}
    >>> labels(["a-b", "a_b"])
    {'a-b': 'a_b_d44362d6', 'a_b': 'a_b_648fa9b3'}
    """
    plain = {text: re.sub(r"[^A-Za-z0-9]", "_", text) for text in sorted(set(texts))}
    same = Counter(plain.values())
    return {
        text: f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]}"
        if same[name] > 1
        else name
        for text, name in plain.items()
    }


def reserved_name(name: str) -> bool:
    """Whether Windows refuses `name` as that of a file or folder.

    >>> reserved_name("aux"), reserved_name("auxiliary")
    (True, False)
    """
    return name.partition(".")[0].rstrip().casefold() in _DEVICES
