"""Answers of `landform explain`, as text and JSON.

JSON, version 1; keys are added, never changed. Lines are {"name", "written", "span"}, with "overrode" where
they are inherited.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from compiler.diagnostics import Span
from compiler.explaining.address import InBlueprint
from compiler.explaining.answer import Answer, Granted
from compiler.explaining.layers import Line, Setting
from compiler.explaining.parts import MORE, Path
from compiler.explaining.trials import Follows

# A longer value says less; JSON has all of it.
_LONGEST = 100
_ATTRIBUTES = 4


def as_text(answer: Answer) -> str:
    """A paragraph for each thing that there is to say."""
    return "\n".join("\n".join(part) + "\n" for part in _parts(answer) if part)


def _parts(answer: Answer) -> Iterator[list[str]]:
    component, home = answer.component, answer.home
    value = "" if answer.value is None or not answer.address.path else f" = {_short(answer.value)}"
    yield [f"{answer.address}{value}"]
    noun = "account" if home.cloud == "aws" else "project"
    unit = f", unit {home.unit}" if home.unit else ""
    rows = [
        ("component", f"{component.name}, of kind {component.kind}", _lines(answer.lines.span)),
        *(("extends", each.name.partition(".")[2], str(each.span)) for each in answer.extends),
        (noun, f"{home.name} ({home.id}){unit}", str(home.span)),
    ]
    if answer.for_each:
        written = _short(answer.for_each.written)
        rows.insert(-1, ("for each", written, str(answer.for_each.span)))
    if answer.declared:
        rows.append(("declared", "by the kind's file", str(answer.declared)))
    yield _table(rows)
    if answer.address.address is None:
        yield from _of_stack(answer)
    else:
        yield from _of_part(answer)


def _of_stack(answer: Answer) -> Iterator[list[str]]:
    yield [
        f"{len(answer.resources)} resources and data sources:",
        *(f"  {each}" for each in sorted(answer.resources)),
    ]
    yield ["inherited:", *_settings(answer.settings)] if answer.settings else []


def _of_part(answer: Answer) -> Iterator[list[str]]:
    what = "this" if answer.address.path else "it"
    if not answer.own:
        yield [f"It is not of {answer.component.name}'s own making: grants of others need it here."]
    elif answer.because:
        yield ["it is there because of:", *_follows(answer.because, answer)]
    if answer.follows:
        yield [f"{what} follows:", *_follows(answer.follows, answer)]
    elif answer.own:
        kind = answer.component.kind
        yield [f"No line of the blueprint changes {what}: kind {kind} sets it."]
    if answer.grants:
        yield ["grants that stand in it:", *_granted(answer.grants)]


def settings_text(address: InBlueprint, found: Iterable[Setting]) -> str:
    """Each value at or below an address of the blueprint."""
    return "\n".join([f"{address}", *_settings(found)]) + "\n"


def _settings(found: Iterable[Setting]) -> list[str]:
    rows: list[str] = []
    for each in found:
        rows.append(f"  {'.'.join(each.path)}: {_short(each.line.written)}")
        rows += _table([("", f"    {each.line.name}", str(each.line.span))], "")
        rows += _overrode(each.overrode, "    ")
    return rows


def _overrode(lines: Iterable[Line], margin: str) -> list[str]:
    return [f"{margin}overrode {_short(each.written)}  {each.name}  {each.span}" for each in lines]


def _follows(found: Iterable[Follows], answer: Answer) -> list[str]:
    rows: list[str] = []
    for each in found:
        written = "" if each.whole else f": {_short(each.written)}"
        rows.append(f"  {each.name}{written}  {each.span}")
        if each.untried and each.attributes:
            rows.append("    no other value is valid beside the other lines; this holds the same")
        if not answer.address.path and each.attributes:
            rows.append(f"    changes {_attributes(each.attributes)}")
        rows += _overrode(each.overrode, "    ")
    return rows


def _attributes(paths: tuple[Path, ...]) -> str:
    names = list(dict.fromkeys(map(_attribute, paths)))
    more = f" and {len(names) - _ATTRIBUTES} more" if len(names) > _ATTRIBUTES else ""
    return ", ".join(names[:_ATTRIBUTES]) + more


def _attribute(path: Path) -> str:
    """A statement as a whole, whatever differs in it: `policy.TrainReadsData`."""
    path = _there(path)
    if "Statement" in path:
        place = path.index("Statement")
        path = (*path[:place], *path[place + 1 : place + 2])
    return ".".join(map(str, path)) or "all of it"


def _there(path: Path) -> Path:
    return path[:-1] if path[-1:] == (MORE,) else path


def _granted(found: Iterable[Granted]) -> list[str]:
    rows: list[str] = []
    for each in found:
        sids = f" (statement {', '.join(each.sids)})" if each.sids else ""
        rows += [
            f"  {each.id}{sids}  {each.origin.span}",
            f"    {each.says}",
        ]
    return rows


def _table(rows: list[tuple[str, str, str]], gap: str = "  ") -> list[str]:
    first = max(len(row[0]) for row in rows)
    second = max(len(row[1]) for row in rows)
    return [f"{a:<{first}}{gap}{b:<{second}}  {c}".rstrip() for a, b, c in rows]


def _lines(span: Span) -> str:
    end = f"-{span.end_line}" if span.end_line > span.line else ""
    return f"{span}{f' (lines {span.line}{end})' if end else ''}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


# ---- JSON


def as_json(answer: Answer) -> str:
    """The same for programs."""
    component, home = answer.component, answer.home
    found: dict[str, Any] = {
        "version": 1,
        "address": str(answer.address),
        "stack": answer.address.stack,
        "component": {
            "name": component.name,
            "kind": component.kind,
            "span": answer.lines.span._asdict(),
            "extends": [_line(each) for each in answer.extends],
            "for_each": _line(answer.for_each) if answer.for_each else None,
        },
        ("account" if home.cloud == "aws" else "project"): {
            "name": home.name,
            "id": home.id,
            "unit": home.unit,
            "span": home.span._asdict(),
        },
    }
    if answer.address.address is None:
        found["resources"] = sorted(answer.resources)
        found["settings"] = [_setting(each) for each in answer.settings]
    else:
        found |= {
            "value": answer.value,
            "own": answer.own,
            "declared": answer.declared._asdict() if answer.declared else None,
            "because": [_followed(each) for each in answer.because],
            "follows": [_followed(each) for each in answer.follows],
            "grants": [_grant(each) for each in answer.grants],
        }
    return _dumped(found)


def settings_json(address: InBlueprint, found: Iterable[Setting]) -> str:
    """Each value at or below an address of the blueprint, for programs."""
    rows = [_setting(each) for each in found]
    return _dumped({"version": 1, "address": str(address), "settings": rows})


def _dumped(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False, default=str) + "\n"


def _line(line: Line) -> dict[str, Any]:
    return {"name": line.name, "written": line.written, "span": line.span._asdict()}


def _setting(setting: Setting) -> dict[str, Any]:
    overrode = [_line(each) for each in setting.overrode]
    return {"path": list(setting.path), **_line(setting.line), "overrode": overrode}


def _followed(found: Follows) -> dict[str, Any]:
    return {
        "name": found.name,
        "written": found.written,
        "span": found.span._asdict(),
        "attributes": [list(path) for path in dict.fromkeys(map(_there, found.attributes))],
        "overrode": [_line(each) for each in found.overrode],
        "untried": found.untried,
    }


def _grant(found: Granted) -> dict[str, Any]:
    return {
        "id": found.id,
        "says": found.says,
        "statements": list(found.sids),
        "origin": found.origin.name,
        "span": found.origin.span._asdict(),
    }
