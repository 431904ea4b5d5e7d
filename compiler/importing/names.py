"""Names for the blueprint from names in AWS, where nearly every character is allowed, and doubles too.

The same accounts always get the same names, in whatever order AWS lists them. A name that is in the
blueprint stays: only what is new is named.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from compiler.terraform.names import reserved_name

ACCOUNT_LENGTH = 31
# Not limited by the language; AWS allows 128.
UNIT_LENGTH = 128
# Of an id, as many characters from its end as it takes.
_SUFFIXES = (4, 6, 8, 12)


def slug(text: str, others: str = "") -> str:
    """Lower case, accents dropped, and a dash for whatever is no letter, digit or one of `others`.

    >>> slug("Données (Prod)")
    'donnees-prod'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(rf"[^a-z0-9{re.escape(others)}]+", "-", plain).strip("-")


def account_base(name: str) -> str:
    """A name that an account may have; several accounts may come to the same.

    >>> account_base("3rd Party")
    'account-3rd-party'
    """
    found = slug(name)
    if not found[:1].isalpha() or reserved_name(found):
        found = f"account-{found}"
    return found[:ACCOUNT_LENGTH].strip("-")


def unit_base(name: str, id: str) -> str:
    """A step of a unit's path."""
    return slug(name, "_") or id


def distinct(bases: Mapping[str, str], taken: Iterable[str], longest: int) -> dict[str, str]:
    """A name for each id, all different and none of `taken`.

    Those that come to the same name all get the end of their id behind it, so that none of them
    depends on which is the first.

    >>> distinct({"111111111111": "dev", "222222222222": "dev", "333333333333": "prod"}, (), 31)
    {'333333333333': 'prod', '111111111111': 'dev-1111', '222222222222': 'dev-2222'}
    """
    used = set(taken)
    shared = Counter(bases.values())
    free = {id: base for id, base in bases.items() if shared[base] == 1 and base not in used}
    named = dict(sorted(free.items(), key=lambda pair: pair[1]))
    used |= set(named.values())
    for base in sorted({base for id, base in bases.items() if id not in named}):
        group = sorted(id for id, other in bases.items() if other == base)
        made = _with_suffixes(base, group, used, longest)
        named |= made
        used |= set(made.values())
    return named


def _with_suffixes(base: str, group: list[str], used: set[str], longest: int) -> dict[str, str]:
    for length in _SUFFIXES:
        made = {id: _with(base, id[-length:].strip("-"), longest) for id in group}
        if len(set(made.values())) == len(group) and not used & set(made.values()):
            return made
    # Somebody gave such a name to another account by hand.
    made = {}
    for id in group:
        number = 2
        while (name := _with(base, f"{id}-{number}", longest)) in used:
            number += 1
        made[id] = name
    return made


def _with(base: str, suffix: str, longest: int) -> str:
    return f"{base[: longest - len(suffix) - 1].rstrip('-')}-{suffix}"
