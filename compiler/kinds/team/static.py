"""What can be said of a kind's file before any component uses it.

Names are checked here: of inputs, of parts, in expressions and in grants; and the resources against
the providers' schemas, as far as they are written without expressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.blueprint import nodes
from compiler.blueprint.expressions import Use, uses
from compiler.blueprint.written import Written
from compiler.diagnostics import Diagnostic, Span
from compiler.kinds.team.file import KindFile, Section, entries, visible
from compiler.kinds.team.inputs import guess
from compiler.kinds.team.model import PARTS, InputSchema
from compiler.kinds.team.scope import COMPONENT_KEYS, HOME_KEYS, ROLE_KEYS, ROOTS
from compiler.kinds.team.targets import GOOGLE_TARGETS, TARGETS
from compiler.kinds.team.text import inside_terraform, is_json
from compiler.terraform.document import Json
from compiler.terraform.order import circle
from compiler.terraform.schema.check import check
from compiler.terraform.schema.index import Mode, open_index

# What expressions can take of a part, by category.
FACTS: Mapping[str, tuple[str, ...]] = {
    "keys": ("alias",),
    "buckets": ("name", "arn"),
    "repositories": ("name", "arn", "url"),
    "roles": ("name", "arn"),
    "model_groups": ("name", "arn"),
    "buses": ("name", "arn"),
    "service_accounts": ("name", "email", "member"),
}
# The resources that stand for a part, which its kind's own resources must not be.
MADE: Mapping[str, tuple[str, ...]] = {
    "keys": ("aws_kms_key", "aws_kms_alias"),
    "buckets": (
        "aws_s3_bucket",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_notification",
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
    ),
    "repositories": (
        "aws_ecr_repository",
        "aws_ecr_lifecycle_policy",
        "aws_ecr_repository_policy",
    ),
    "roles": ("aws_iam_role", "aws_iam_role_policy"),
    "model_groups": (
        "aws_sagemaker_model_package_group",
        "aws_sagemaker_model_package_group_policy",
    ),
    "buses": ("aws_cloudwatch_event_bus", "aws_cloudwatch_event_bus_policy"),
    "service_accounts": ("google_service_account",),
}
# What the clouds' parts are made of.
_CLOUD_OF = {category: "google" if category == "service_accounts" else "aws" for category in PARTS}
# A reference that stands for any value: what an expression will give.
_ANYTHING = "${terraform.workspace}"


def findings(file: KindFile) -> Iterator[Diagnostic]:
    """Everything that is wrong with a file of sound form."""
    yield from _structure(file)
    yield from _parts(file)
    yield from _in_order(file)
    yield from _addresses(file)
    yield from _grants(file)
    yield from _expressions(file)
    for section in file.sections:
        yield from _schema(section)


def _text(node: nodes.Node | None) -> str | None:
    """A scalar as the text that it is taken for; None for anything else, and for an expression."""
    value = nodes.plain(node) if isinstance(node, nodes.Scalar) else None
    if value is None or isinstance(value, bool):
        return None
    return value.text if isinstance(value, nodes.WrittenInt | nodes.WrittenFloat) else str(value)


def _told(code: str, message: str, span: Span, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code=code, message=message, span=span, hint=hint)


def _structure(file: KindFile) -> Iterator[Diagnostic]:
    """Expressions in the place of what must be written out, for names to be known."""
    for node in _written_out(file):
        if isinstance(node, nodes.Scalar) and nodes.has_template(node):
            message = "an expression cannot stand for all of this"
            yield _told("E104", message, node.span, "write its keys, with expressions as values")


def _written_out(file: KindFile) -> Iterator[nodes.Node]:
    """Everything of the file that must be a mapping or a list of names."""
    yield from (node for key in ("stacks", "grants") if (node := file.root.get(key)) is not None)
    for stack in entries(file.root.get("stacks")).values():
        yield stack.value
        for key, group in entries(stack.value).items():
            yield group.value
            inner = entries(group.value).values()
            if key != "assets":
                yield from (entry.value for entry in inner)
            if key in ("resources", "data"):
                yield from (body.value for e in inner for body in entries(e.value).values())
    for grant in file.grants.values():
        yield grant.value
        yield from (e.value for key, e in entries(grant.value).items() if key == "resource")


# -------------------------------------------------------------------- parts


def _parts(file: KindFile) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str], Span] = {}
    for section in file.sections:
        for category, cloud in _CLOUD_OF.items():
            for name, entry in section.group(category).items():
                if cloud != section.cloud:
                    message = f'"{category}" are of {_cloud(cloud)}, and "{section.input}" is not'
                    yield _told("E204", message, entry.key_span)
                if (category, name) in first:
                    message = f'"{category}.{name}" is declared twice'
                    hint = f"first at {first[category, name]}: grants name it without its stack"
                    yield _told("E204", message, entry.key_span, hint)
                first.setdefault((category, name), entry.key_span)
        yield from _bucket_keys(section)
        yield from _trusted(file, section)
        yield from _after(file, section)


def _cloud(cloud: str) -> str:
    return "AWS accounts" if cloud == "aws" else "Google projects"


def _bucket_keys(section: Section) -> Iterator[Diagnostic]:
    keys = section.group("keys")
    for name, entry in section.group("buckets").items():
        key = entries(entry.value).get("key")
        value = _text(key.value) if key else None
        if key and value is not None and value not in keys:
            message = f'the bucket "{name}" names the unknown key "{value}"'
            yield _told("E204", message, key.value.span, guess(value, keys))


def _trusted(file: KindFile, section: Section) -> Iterator[Diagnostic]:
    """A role that nobody may become, which AWS refuses: its trust policy would be empty."""
    resources = [entries(grant.value).get("resource") for grant in file.grants.values()]
    roles = [entries(entry.value).get("role") for entry in resources if entry]
    named = {_text(entry.value) for entry in roles if entry}
    for name, entry in section.group("roles").items():
        if isinstance(entry.value, nodes.Mapping) and not (
            name in named or {"service", "existing"} & entry.value.entries.keys()
        ):
            message = f'nobody may become the role "{name}"'
            hint = "write service (lambda.amazonaws.com) or existing, or a grant of {role} to it"
            yield _told("E204", message, entry.key_span, hint)


def _after(file: KindFile, section: Section) -> Iterator[Diagnostic]:
    known = {other.input: other for other in file.sections if other.input != section.input}
    node = section.node.get("after")
    for item in node.items if isinstance(node, nodes.Sequence) else ():
        value = _text(item)
        if value is not None and value not in known:
            message = f'"after" names "{value}", which has no stack of its own'
            yield _told("E204", message, item.span, guess(value, known))


def _in_order(file: KindFile) -> Iterator[Diagnostic]:
    """Stacks that would each be applied after the other."""
    before = {section.input: section.after for section in file.sections}
    found = circle(before)
    if found:
        place = next(s for s in file.sections if s.input == found[0]).node.entries["after"]
        listed = " → ".join(f'"{name}"' for name in found)
        message = f'"after" makes stacks wait for each other: {listed}'
        yield _told("E204", message, place.key_span, "leave one of them out")


def _addresses(file: KindFile) -> Iterator[Diagnostic]:
    """The same address twice: one account may play both parts, and the one would hide the other."""
    first: dict[str, Span] = {}
    for section in file.sections:
        for category, types in MADE.items():
            for name, entry in section.group(category).items():
                for type_ in types:
                    first.setdefault(f"{type_}.{name}", entry.key_span)
    for section in file.sections:
        for key, prefix in (("resources", ""), ("data", "data.")):
            for type_, name, entry in section.bodies(key):
                address = f"{prefix}{type_}.{name}"
                if address in first:
                    hint = f"the other is at {first[address]}; one account may have both stacks"
                    message = f"{address} is declared twice"
                    yield _told("E204", message, entry.key_span, hint)
                first.setdefault(address, entry.key_span)
        yield from _outputs(file, section)


def _outputs(file: KindFile, section: Section) -> Iterator[Diagnostic]:
    before = file.sections[: [s.input for s in file.sections].index(section.input)]
    for key in ("outputs", "assets"):
        taken = {name: e for other in before for name, e in other.group(key).items()}
        for name, entry in section.group(key).items():
            if name in taken:
                hint = f"the other is at {taken[name].key_span}; one account may have both stacks"
                yield _told("E204", f'"{key}.{name}" is declared twice', entry.key_span, hint)


# -------------------------------------------------------------------- grants


def _grants(file: KindFile) -> Iterator[Diagnostic]:
    for id_, entry in file.grants.items():
        body = entries(entry.value)
        if not body:
            continue  # told as what it is
        google = "role" in body
        if google == ("actions" in body):
            message = f'the grant "{id_}" needs actions (AWS) or a role (Google)'
            yield _told("E204", message, entry.key_span, "one of the two")
            continue
        yield from _principal(file, id_, body, google=google)
        yield from _target(file, id_, body, google=google)
        wrong = "conditions" if google else "condition"
        if wrong in body:
            hint = "condition: {title, expression}" if google else "conditions: {StringEquals: {…}}"
            message = f'the grant "{id_}": "{wrong}" belongs to the other cloud'
            yield _told("E204", message, body[wrong].key_span, hint)


def _principal(
    file: KindFile, id_: str, body: Mapping[str, nodes.Entry], *, google: bool
) -> Iterator[Diagnostic]:
    category = "service_accounts" if google else "roles"
    known = file.parts(category)
    entry = body.get("principal")
    value = _text(entry.value) if entry else None
    if entry is None or value is None or value in known:
        return
    if google and (":" in value or "{{" in value):
        return
    what = "service account" if google else "role"
    message = f'the grant "{id_}" names the unknown {what} "{value}"'
    yield _told("E204", message, entry.value.span, guess(value, known))


def _target(
    file: KindFile, id_: str, body: Mapping[str, nodes.Entry], *, google: bool
) -> Iterator[Diagnostic]:
    entry = body.get("resource")
    if entry is None or not isinstance(entry.value, nodes.Mapping):
        return
    keys = entry.value.entries
    forms = GOOGLE_TARGETS if google else TARGETS
    if not any(set(keys) == form.required | (set(keys) & form.optional) for form in forms):
        message = f'the grant "{id_}": the resource is none of those that a grant can be about'
        yield _told("E204", message, entry.key_span, "; ".join(form.words for form in forms))
        return
    if google and "project" in keys:
        known: Mapping[str, object] = {
            s.input: s for s in file.sections if s.cloud == "google" and not s.several
        }
        node = keys["project"].value
        schema = file.inputs.get(_text(node) or "")
        if schema is not None and schema.type == "project" and _text(node) not in known:
            message = f'the grant "{id_}" is about "{_text(node)}", which has no stack'
            hint = f"its binding stands in one: write {_text(node)}: {{}} under stacks"
            yield _told("E204", message, node.span, hint)
        else:
            yield from _named(id_, "input of one project", node, known)
    for form in forms:
        if set(keys) >= form.required and form.category:
            node = keys[form.part].value
            yield from _named(id_, form.part.replace("_", " "), node, file.parts(form.category))
    role = keys.get("role")
    name = _text(role.value) if role else None
    owner = file.parts("roles").get(name) if name else None
    if role and owner and "existing" in entries(owner.group("roles")[str(name)].value):
        message = f'the grant "{id_}": the role "{name}" exists already, and its trust is not ours'
        yield _told("E204", message, role.value.span, "let the kind make a role to become")


def _named(
    id_: str, what: str, node: nodes.Node, known: Mapping[str, object]
) -> Iterator[Diagnostic]:
    value = _text(node)
    if value is not None and value not in known:
        message = f'the grant "{id_}" names the unknown {what} "{value}"'
        yield _told("E204", message, node.span, guess(value, known))


# -------------------------------------------------------------------- expressions


def _expressions(file: KindFile) -> Iterator[Diagnostic]:
    for key in ("inputs", "summary", "description"):
        node = file.root.get(key)
        if node is not None:
            for span in nodes.template_spans(node):
                message = f'"{key}" of a kind takes no expressions'
                yield _told("E104", message, span, "they are evaluated for each component")
    for section in file.sections:
        for key, entry in section.node.entries.items():
            # Parts are made before others can name them.
            parts = {} if key in PARTS else visible(file, section)
            yield from _named_in(file, entry.value, section.cloud, parts)
            if key in ("resources", "data", "outputs"):
                yield from inside_terraform(entry.value)
    for entry in file.grants.values():
        body = entries(entry.value)
        google = "role" in body
        name = _text(body["principal"].value) if "principal" in body else None
        owner = file.parts("service_accounts" if google else "roles").get(name or "")
        cloud = owner.cloud if owner else "google" if google else "aws"
        yield from _named_in(file, entry.value, cloud, visible(file, owner))


def _named_in(
    file: KindFile, node: nodes.Node, cloud: str, parts: Mapping[str, Mapping[str, Section]]
) -> Iterator[Diagnostic]:
    named, broken = uses(node)
    yield from broken
    home = "account" if cloud == "aws" else "project"
    roots = {**ROOTS, home: HOME_KEYS[home], **dict.fromkeys(k for k in parts if parts[k])}
    for use in named:
        yield from _use(file, use, roots, parts)


def _use(
    file: KindFile,
    use: Use,
    roots: Mapping[str, tuple[str, ...] | None],
    parts: Mapping[str, Mapping[str, Section]],
) -> Iterator[Diagnostic]:
    (root, place), *rest = use
    if root not in roots:
        yield _told("E102", f'"{root}" is not defined', place, guess(root, roots))
        return
    if not rest:
        return
    if root == "inputs":
        yield from _input_use(root, rest, file.inputs)
    elif root in parts:
        yield from _known(root, rest[0], parts[root])
        if rest[0][0] in parts[root] and len(rest) > 1:
            yield from _known(f"{root}.{rest[0][0]}", rest[1], dict.fromkeys(FACTS[root]))
    else:
        keys = roots[root]
        if keys is not None:
            yield from _known(root, rest[0], dict.fromkeys(keys))


def _input_use(
    base: str, steps: list[tuple[str, Span]], known: Mapping[str, InputSchema]
) -> Iterator[Diagnostic]:
    name = steps[0][0]
    yield from _known(base, steps[0], known)
    if name not in known or len(steps) == 1:
        return
    schema, base = known[name], f"{base}.{name}"
    if schema.type in ("account", "project"):
        yield from _known(base, steps[1], dict.fromkeys(HOME_KEYS[schema.type]))
    elif schema.type == "role":
        yield from _known(base, steps[1], dict.fromkeys(ROLE_KEYS))
    elif schema.type == "component":
        yield from _known(base, steps[1], dict.fromkeys(COMPONENT_KEYS))
    elif schema.properties:
        yield from _input_use(base, steps[1:], schema.properties)


def _known(base: str, step: tuple[str, Span], known: Mapping[str, object]) -> Iterator[Diagnostic]:
    name, place = step
    if name not in known:
        yield _told("E102", f'"{base}" has no "{name}"', place, guess(name, known))


# -------------------------------------------------------------------- the providers' schemas


def _schema(section: Section) -> Iterator[Diagnostic]:
    """What the providers would refuse, whatever the expressions give."""
    written: dict[str, Written] = {}
    document: dict[str, dict[str, dict[str, Json]]] = {"resource": {}, "data": {}}
    for category, types in MADE.items():
        for name in section.group(category):
            for type_ in types:
                document["resource"].setdefault(type_, {})[name] = {}
    kinds: tuple[tuple[str, str, Mode], ...] = (
        ("resources", "resource", "managed"),
        ("data", "data", "data"),
    )
    for key, part, mode in kinds:
        for type_, name, entry in section.bodies(key):
            provider = type_.partition("_")[0]
            address = f"{'data.' if mode == 'data' else ''}{type_}.{name}"
            if provider not in (section.cloud, "terraform"):
                message = f'{address} is not of the cloud of "{section.input}"'
                yield _told("E204", message, entry.key_span)
                continue
            if "provider" in entries(entry.value):
                place = entries(entry.value)["provider"].key_span
                message = f"{address}: a stack has one provider, which Landform writes"
                yield _told("E204", message, place, "take it out")
            known = open_index().schema(mode, type_) is not None
            place = entry.key_span if known else section.group(key)[type_].key_span
            written[address] = Written(place, entry.value)
            document[part].setdefault(type_, {})[name] = _body(mode, type_, entry.value)
    for name, entry in section.group("outputs").items():
        written[f"output.{name}"] = Written(*entry)
    outputs = {
        name: {"value": _static(entries(entry.value)["value"].value)}
        for name, entry in section.group("outputs").items()
        if "value" in entries(entry.value)
    }
    for problem in check({**document, "output": outputs}, open_index()):
        where = written.get(problem.address)
        # What an expression gives may fit.
        may_fit = problem.code in ("type", "missing", "count") and _open(where, problem.path)
        if where is not None and not may_fit:
            yield told(problem.address, problem.path, problem.message, where, problem.hint)


def told(
    address: str, path: tuple[str | int, ...], message: str, where: Written, hint: str | None
) -> Diagnostic:
    """A finding of the schema check, where the kind's file says the resource."""
    place = ".".join(str(step) for step in path)
    at = f"{address}: {place}" if place else address
    return _told("E501", f"{at}: {message}", where.at(path), hint)


def _body(mode: Mode, type_: str, node: nodes.Node) -> dict[str, Json]:
    body = _static(node)
    if not isinstance(body, dict):
        return {}
    schema = open_index().schema(mode, type_)
    for name, attribute in schema.block.attributes.items() if schema else ():
        # Written as JSON; what is in it is checked when it is filled in.
        if attribute.type.kind == "string" and is_json(name, body.get(name)):
            body[name] = _ANYTHING
    return body


def _static(node: nodes.Node) -> Json:
    if isinstance(node, nodes.Mapping):
        return {key: _static(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, nodes.Sequence):
        return [_static(item) for item in node.items]
    return _ANYTHING if nodes.has_template(node) else node.value


def _open(where: Written | None, path: tuple[str | int, ...]) -> bool:
    """Whether the value there comes from an expression, which may give anything."""
    node = where.node if where else None
    for step in path:
        if isinstance(node, nodes.Mapping) and step in node.entries:
            node = node.entries[str(step)].value
        elif isinstance(node, nodes.Sequence) and isinstance(step, int):
            node = node.items[step]
        else:
            break
    return isinstance(node, nodes.Scalar) and nodes.has_template(node)
