"""A root module against the providers' schemas, without Terraform.

`check` takes the JSON value that `compiler.terraform.document` makes and the index, and gives
every problem that Terraform or the provider's schema would refuse, in the order of the document.
It runs nothing and reads nothing but the index.

For AWS both versions of the index count: an argument must be right for the newest provider and,
unless `older` is false, for 5.100.0 too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.diagnostics import nearest
from compiler.terraform.document import SECTIONS, Json
from compiler.terraform.schema.body import body_findings
from compiler.terraform.schema.index import META_ARGUMENTS, PROVIDERS, Index, Mode, Schema
from compiler.terraform.schema.lifecycle import meta_findings
from compiler.terraform.schema.problem import Finding, Path, Problem
from compiler.terraform.schema.records import Block
from compiler.terraform.schema.references import Module, Place
from compiler.terraform.schema.rules import rule_findings

__all__ = ["Problem", "check"]

_SECTIONS: tuple[tuple[str, Mode], ...] = (("data", "data"), ("resource", "managed"))
_ROOT = frozenset(SECTIONS)


def check(document: Mapping[str, Json], index: Index, *, older: bool = True) -> tuple[Problem, ...]:
    """All problems of a root module.

    `older` says that the module must also be valid on the older provider version that the index
    knows (AWS 5.100.0).
    """
    return tuple(_problems(document, index, older))


def _problems(document: Mapping[str, Json], index: Index, older: bool) -> Iterator[Problem]:
    module = Module(document, index, older)
    for key in document:
        if key not in _ROOT:
            hint = _did_you_mean(nearest(key, _ROOT))
            yield Problem(key, (), f"`{key}` is no section of a stack", hint)
    yield from _providers(module)
    for name, value in _mapping(document.get("locals")).items():
        for finding in module.findings(value, Place(f"local.{name}")):
            yield _problem(f"local.{name}", finding)
    for section, mode in _SECTIONS:
        for type_, bodies in _mapping(document.get(section)).items():
            for name, body in _mapping(bodies).items():
                yield from _resource(module, mode, type_, name, body)
    for name, body in _mapping(document.get("output")).items():
        yield from _output(module, name, body)


def _providers(module: Module) -> Iterator[Problem]:
    for name, value in _mapping(module.document.get("provider")).items():
        schema = module.index.provider(name)
        address = f"provider.{name}"
        if schema is None:
            hint = _did_you_mean(nearest(name, PROVIDERS))
            yield Problem(address, (), f"there is no schema of the provider `{name}`", hint)
            continue
        bodies = [value] if isinstance(value, Mapping) else value
        for body in bodies if isinstance(bodies, Sequence) else ():
            if isinstance(body, Mapping):
                yield from _body(module, "provider", address, schema, body)


def _resource(module: Module, mode: Mode, type_: str, name: str, body: Json) -> Iterator[Problem]:
    address = f"{'data.' if mode == 'data' else ''}{type_}.{name}"
    schema = module.index.schema(mode, type_)
    if not isinstance(body, Mapping):
        yield Problem(address, (), "a resource must be an object")
    elif schema is None:
        yield _unknown_type(module.index, mode, type_, address)
        for finding in module.findings(body, _place(address, body, None)):
            yield _problem(address, finding)
    else:
        yield from _version_problems(module, address, schema)
        yield from _body(module, mode, address, schema, body)
        if mode == "managed":
            for finding in rule_findings(type_, body, schema.block):
                yield _problem(address, finding)


def _unknown_type(index: Index, mode: Mode, type_: str, address: str) -> Problem:
    what = "data source" if mode == "data" else "resource"
    provider = type_.partition("_")[0]
    candidates = index.types(mode, provider if provider in PROVIDERS else None)
    other: Mode = "managed" if mode == "data" else "data"
    if index.schema(other, type_):
        hint: str | None = f"there is a {'resource' if mode == 'data' else 'data source'} `{type_}`"
    else:
        hint = _did_you_mean(nearest(type_, candidates))
    return Problem(address, (), f"there is no {what} type `{type_}`", hint)


def _version_problems(module: Module, address: str, schema: Schema) -> Iterator[Problem]:
    """A type that only one of the two provider versions has."""
    provider = address.removeprefix("data.").partition("_")[0]
    if schema.newer is None:
        version = _version(module.index, provider, "version")
        yield Problem(address, (), f"the type is gone in provider {version}")
    elif schema.older is None and module.older:
        older = _version(module.index, provider, "older_version")
        message = f"the type needs a newer {provider} provider: {older} does not have it"
        yield Problem(address, (), message)


def _body(
    module: Module, mode: Mode, address: str, schema: Schema, body: Mapping[str, Json]
) -> Iterator[Problem]:
    meta = META_ARGUMENTS[mode]
    findings = list(body_findings(body, schema.block, (), meta))
    if module.older and schema.newer and schema.older and schema.newer is not schema.older:
        findings = _both_versions(module, address, schema, body, findings, meta)
    if mode != "provider":
        findings += meta_findings(body, schema.block, mode)
    findings += module.findings(body, _place(address, body, schema))
    for finding in findings:
        yield _problem(address, finding)


def _both_versions(
    module: Module,
    address: str,
    schema: Schema,
    body: Mapping[str, Json],
    newer: list[Finding],
    meta: frozenset[str],
) -> list[Finding]:
    """The findings of the newer version, and those that only the older one has."""
    assert schema.newer is not None
    assert schema.older is not None
    older = list(body_findings(body, schema.older, (), meta))
    if not older and not newer:
        return []
    provider = address.removeprefix("data.").removeprefix("provider.").partition("_")[0]
    old = _version(module.index, provider, "older_version")
    new = _version(module.index, provider, "version")
    known_new = {(f.code, f.path) for f in newer}
    known_old = {(f.code, f.path) for f in older}
    result = []
    for finding in newer:
        gone = finding.code == "unknown" and (finding.code, finding.path) not in known_old
        if gone and _exists(schema.older, finding.path):
            message = f"`{finding.path[-1]}` is gone in {provider} provider {new}"
            finding = finding._replace(message=message, hint=None)
        result.append(finding)
    for finding in older:
        if (finding.code, finding.path) in known_new:
            continue
        if finding.code in ("unknown", "computed"):
            major = new.partition(".")[0]
            message = f"`{finding.path[-1]}` needs {provider} provider {major}: {old} refuses it"
            result.append(finding._replace(message=message, hint="leave it out"))
        else:
            message = f"{finding.message} (on {provider} provider {old})"
            result.append(finding._replace(message=message))
    return result


def _exists(block: Block | None, path: Path) -> bool:
    for step in path:
        if isinstance(step, int) or block is None:
            continue
        if step in block.attributes:
            return True
        nested = block.blocks.get(step)
        if nested is None:
            return False
        block = nested.block
    return True


def _output(module: Module, name: str, body: Json) -> Iterator[Problem]:
    address = f"output.{name}"
    if not isinstance(body, Mapping) or "value" not in body:
        yield Problem(address, (), "an output needs a `value`")
    else:
        for finding in module.findings(body, Place(address)):
            yield _problem(address, finding)


def _place(address: str, body: Mapping[str, Json], schema: Schema | None) -> Place:
    return Place(address, "count" in body, "for_each" in body, schema)


def _version(index: Index, provider: str, which: str) -> str:
    return str(index.versions(provider)[which])


def _problem(address: str, finding: Finding) -> Problem:
    return Problem(address, finding.path, finding.message, finding.hint, finding.code)


def _did_you_mean(name: str | None) -> str | None:
    return f"did you mean `{name}`?" if name else None


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
