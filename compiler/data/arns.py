"""Whether a pattern of ARNs and the ARN format of a resource type have an ARN in common.

A format has `${Name}` for what varies; a pattern is what a policy says, with `*` and `?`, and
`${…}` of Terraform or of a policy variable for text that is known only later. No effects.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

# In a format: names that cannot have a slash, from each service's rules of naming. Other
# placeholders stand for anything: a role's path, a log group and an object's key have slashes.
NO_SLASH = frozenset(
    ("BucketName", "FunctionName", "PipelineName", "StageName", "StateMachineName", "TopicName")
)
_PLACEHOLDER = re.compile(r"\$?\$\{([^}]*)\}")

# A pattern taken apart: each item is a character, or one of these.
_ANY = "*"
_ANY_BUT_SLASH = "*/"
_ONE = "?"
_WILD = frozenset((_ANY, _ANY_BUT_SLASH, _ONE))


def overlaps(form: str, pattern: str) -> bool:
    """Whether some ARN is of the format and matches the pattern.

    >>> overlaps("arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::acme-*")
    True
    >>> overlaps("arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::acme/*")
    False
    """
    if pattern == "*" or _PLACEHOLDER.match(pattern):
        return True
    wanted, written = _form_parts(form), _split(pattern)
    if len(written) < len(wanted):
        # "arn:aws:s3*" and the like: a wildcard that goes over several parts.
        return _meet(_form_items(form), _pattern_items(pattern))
    # No generator: this is asked for each action and resource of each policy.
    for part, own in zip(wanted, written, strict=False):
        if part not in (_ANY, own) and not _part(part, own):
            return False
    return True


@lru_cache(maxsize=4096)
def _part(form: str, written: str) -> bool:
    if "*" not in written and "?" not in written and "$" not in written:
        return _expression(form).fullmatch(written) is not None
    return _meet(_form_items(form), _pattern_items(written))


@cache
def _expression(form: str) -> re.Pattern[str]:
    """A format for texts without wildcards: the same answer as `_meet`, sooner."""
    parts = {_ANY: ".*", _ANY_BUT_SLASH: "[^/]*"}
    return re.compile("".join(parts.get(i, re.escape(i)) for i in _form_items(form)), re.DOTALL)


@cache
def _form_parts(form: str) -> list[str]:
    """The six parts of a format; one that stands for anything is `*`."""
    parts = form.split(":", 5)
    return [_ANY if _form_items(part) == (_ANY,) else part for part in parts]


def _split(pattern: str) -> list[str]:
    """The six parts of an ARN; a colon inside `${…}` parts nothing."""
    if "$" not in pattern:
        return pattern.split(":", 5)
    hidden = _PLACEHOLDER.sub(lambda found: found[0].replace(":", "\0"), pattern)
    return [part.replace("\0", ":") for part in hidden.split(":", 5)]


@cache
def _form_items(text: str) -> tuple[str, ...]:
    items: list[str] = []
    for position, part in enumerate(_PLACEHOLDER.split(text)):
        if position % 2 == 0:
            # Formats have a few plain wildcards of their own.
            items += [_ANY if c == "*" else c for c in part]
        else:
            items.append(_ANY_BUT_SLASH if part in NO_SLASH else _ANY)
    return tuple(items)


def _pattern_items(text: str) -> tuple[str, ...]:
    return tuple(_PLACEHOLDER.sub("*", text))


def _meet(form: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether two patterns have a text in common: which pairs of positions can be reached."""
    # What both start with, letter by letter, needs no table.
    same = 0
    for item, other in zip(form, pattern, strict=False):
        if item in _WILD or other in _WILD:
            break
        if item != other:
            return False
        same += 1
    form, pattern = form[same:], pattern[same:]
    reached = [True] + [False] * len(pattern)
    for place, item in enumerate(pattern):
        reached[place + 1] = reached[place] and item == _ANY
    for item in form:
        before, reached = reached, [False] * (len(pattern) + 1)
        wild = item in (_ANY, _ANY_BUT_SLASH)
        reached[0] = wild and before[0]
        for place, other in enumerate(pattern):
            skips = other == _ANY and (reached[place] or before[place + 1])
            stays = wild and before[place + 1]
            takes = wild and reached[place] and not (item == _ANY_BUT_SLASH and other == "/")
            both = not wild and before[place] and (item == other or other == _ONE)
            reached[place + 1] = skips or stays or takes or both
    return reached[-1]
