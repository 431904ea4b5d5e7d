"""A component of a team's own kind: its file's parts, resources and outputs, declared on a draft."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from compiler.access.parties import Role
from compiler.access.policy import Statement
from compiler.access.rules.services import SENDERS
from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.shapes import Shape, Text, check
from compiler.blueprint.written import Written
from compiler.diagnostics import Diagnostic
from compiler.kinds import parts
from compiler.kinds.draft import Draft
from compiler.kinds.inputs import RoleReference
from compiler.kinds.team import model
from compiler.kinds.team.file import KindFile, Section, entries
from compiler.kinds.team.scope import inputs_scope, scope_in
from compiler.kinds.team.static import MADE
from compiler.kinds.team.text import holds_marks, shaped, terraform
from compiler.organization.records import Account, Home, Project
from compiler.organization.scope import Scope
from compiler.terraform.document import local_name
from compiler.terraform.order import circle
from compiler.terraform.schema.index import Mode
from compiler.terraform.stack import JsonText, Value

Part = TypeVar("Part", bound=Shape)
# Source: KMS developer guide, "Key policies": letters, digits and spaces.
_SID = re.compile(r"[A-Za-z0-9 ]+")


@dataclass(frozen=True, slots=True)
class Made:
    """A part that was declared: who has it, what it is, and what expressions see of it.

    A section for several accounts makes a part once in each; a list of roles several in one.
    """

    home: Home
    party: Any


@dataclass(slots=True)
class Building:
    """The build of one component. `made` are its parts by category and name."""

    file: KindFile
    draft: Draft
    inputs: Scope = field(default_factory=dict)
    made: dict[tuple[str, str], list[Made]] = field(default_factory=dict)
    _ids: set[str] = field(default_factory=set)
    _facts: dict[tuple[str, str, str], object] = field(default_factory=dict)

    def prepare(self) -> bool:
        """Read the inputs; false, with a report, where they cannot be worked with."""
        components = tuple(n for n, s in self.file.inputs.items() if s.type == "component")
        before = len(self.draft.diagnostics)
        for name in components:
            self._check_component(name)
        self.inputs = inputs_scope(self.draft, components)
        component = self.draft.component
        seen = (self.inputs, component.tags, component.vars, component.home.tags)
        if any(holds_marks(each) for each in (*seen, component.home.vars)):
            self.draft.problem(
                "E204", f'component "{component.name}" must not hold U+FDD0 to U+FDD3'
            )
        return len(self.draft.diagnostics) == before

    def _check_component(self, name: str) -> None:
        value, kind = getattr(self.draft.component.inputs, name), self.file.inputs[name].kind
        if value is None:
            return
        known = self.draft.neighbours.named(value)
        if kind is not None or len(known) != 1:
            # Reports what is wrong with it.
            self.draft.other(value, kind or (known[0].kind if known else "component"), at=(name,))

    # ---------------------------------------------------------------- the file's sections

    def homes(self, section: Section) -> list[Home]:
        """The accounts or projects of a section; none where the input is left out."""
        value = getattr(self.draft.component.inputs, section.input)
        return value if isinstance(value, list) else [value] if value is not None else []

    def scope(self, section: Section | None, home: Home) -> Scope:
        """What expressions about one account or project see, with the parts made so far."""
        scope = scope_in(self.draft, home, self.inputs)
        for category in model.PARTS:
            facts = {}
            for name, owner in self.file.parts(category).items():
                own = section is not None and owner.input == section.input
                if own or not owner.several:
                    where = home if own else next(iter(self.homes(owner)), None)
                    facts[name] = self._facts.get((category, name, where.name)) if where else None
            if facts:
                scope[category] = facts
        return scope

    def read(self, kind: type[Part], entry: nodes.Entry, scope: Scope, what: str) -> Part | None:
        """A part of the file as its model, with its expressions evaluated; None where it is not
        made, or wrong."""
        if not _wanted(entry, scope):
            return None
        evaluated, failed = evaluate(entry.value, scope)
        self.tell(failed)
        if failed:
            return None
        made, found = check(kind, evaluated, what=what, owner=entry.key_span)
        self.tell(found)
        return made if made is not None and getattr(made, "when", True) else None

    def tell(self, found: tuple[Diagnostic, ...]) -> None:
        """Report what is wrong in the kind's file, with the component that shows it."""
        component = self.draft.component
        where = (f'used by component "{component.name}"', component.span)
        known = {(d.code, d.span) for d in self.draft.diagnostics}
        new = [replace(d, related=(*d.related, where)) for d in found]
        self.draft.diagnostics += [d for d in new if (d.code, d.span) not in known]

    def problem(self, message: str, entry: nodes.Entry, hint: str | None = None) -> None:
        """Report something at a key of the kind's file."""
        found = Diagnostic(code="E204", message=message, span=entry.key_span, hint=hint)
        self.tell((found,))

    def claim(self, id_: str, entry: nodes.Entry) -> bool:
        """Whether no other grant of the component has that id; a report where one has.

        The uses of keys, which come with grants, are called after the role and the key.
        """
        roles = [m.party for (c, _), made in self.made.items() if c == "roles" for m in made]
        keys = {
            f"{name.replace('_', '-')}{ending}"
            for (c, name), made in self.made.items()
            if c == "keys"
            for ending in ("", *(f"-{each.home.name}" for each in made))
        }
        uses = {f"{role.label}-uses-{key}" for role in roles for key in keys}
        if id_ in self._ids or id_ in uses:
            message = f'two grants are called "{id_}", one of them by its account or its key'
            self.problem(message, entry, "rename the grant")
            return False
        self._ids.add(id_)
        return True

    def write_down(self, stack: str, address: str, written: Written) -> None:
        """Remember where the kind's file says a part of a stack."""
        self.draft.written[stack, address] = written

    # ---------------------------------------------------------------- parts

    def declare_parts(self) -> None:
        """Every part of every section: others may name them."""
        for section in self.file.sections:
            for home in self.homes(section):
                if isinstance(home, Account):
                    self._declare_aws(section, home)
                else:
                    self._declare_google(section, home)

    def _parts(
        self, section: Section, home: Home, category: str, kind: type[Part]
    ) -> list[tuple[str, nodes.Entry, Part]]:
        """The parts of a category, those that are made."""
        scope = scope_in(self.draft, home, self.inputs)
        found = []
        for name, entry in section.group(category).items():
            part = self.read(kind, entry, scope, f'"{category}.{name}"')
            if part is not None:
                found.append((name, entry, part))
        return found

    def _keep(
        self, category: str, name: str, entry: nodes.Entry, home: Home, party: Any, facts: object
    ) -> None:
        self.made.setdefault((category, name), []).append(Made(home, party))
        self._facts[category, name, home.name] = facts
        stack = party.site.stack if isinstance(home, Project) else party.place.stack
        for type_ in MADE[category]:
            self.write_down(stack, f"{type_}.{party.name}", Written(entry.key_span))

    def _declare_aws(self, section: Section, home: Account) -> None:
        draft, place = self.draft, self.draft.place(home)
        for name, entry, key in self._parts(section, home, "keys", model.KeyPart):
            words = key.description or f"{draft.component.name}: {name}"
            statements = self._statements(key.statements, entry)
            made = draft.key(home, name, _part(name), words, statements)
            self._keep("keys", name, entry, home, made, {"alias": made.alias})
        keys = {name: made[-1].party for (c, name), made in self.made.items() if c == "keys"}
        for name, entry, bucket in self._parts(section, home, "buckets", model.BucketPart):
            if bucket.key not in keys or keys[bucket.key].place != place:
                self.problem(f'the bucket "{name}" is made where its key is not', entry)
                continue
            own = draft.bucket(home, name, _part(name), keys[bucket.key])
            self._keep("buckets", name, entry, home, own, {"name": own.bucket, "arn": own.arn})
        for name, entry, part in self._parts(section, home, "repositories", model.RepositoryPart):
            repository = part.existing or draft.name(_part(name), "aws_ecr_repository")
            found = draft.repository(home, name, repository, existing=part.existing is not None)
            url = found.image("").rstrip(":")
            facts = {"name": repository, "arn": found.arn, "url": url}
            self._keep("repositories", name, entry, home, found, facts)
        for name, entry, group in self._parts(section, home, "model_groups", model.ModelGroupPart):
            own_group = draft.model_group(home, name, group.name)
            facts = {"name": group.name, "arn": own_group.arn}
            self._keep("model_groups", name, entry, home, own_group, facts)
        for name, entry, _ in self._parts(section, home, "buses", model.BusPart):
            bus = draft.bus(home, name, _part(name))
            self._keep("buses", name, entry, home, bus, {"name": bus.bus, "arn": bus.arn})
        for name, entry, role in self._parts(section, home, "roles", model.RolePart):
            if role.existing is None:
                self._role(section, home, name, entry, role)
            else:
                self._existing(section, home, name, entry, role)

    def _statements(
        self, statements: list[dict[str, Any]], entry: nodes.Entry
    ) -> tuple[Statement, ...]:
        """A key's statements for services, as records."""
        made = []
        for number, body in enumerate(statements, start=1):
            actions = body.get("Action")
            listed = actions if isinstance(actions, list) else [actions]
            known = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
            service = body.get("Principal")
            if (
                set(body) - known
                or not all(isinstance(action, str) for action in listed)
                or not isinstance(service, dict)
                or not _services(service.get("Service", []))
                or body.get("Effect", "Allow") != "Allow"
                or body.get("Resource", "*") != "*"
                or not _conditions(body.get("Condition", {}))
                or not _SID.fullmatch(str(body.get("Sid", "A")))
                or not isinstance(body.get("Sid", "A"), str)
            ):
                message = f"statement {number} of the key is none that it can have"
                hint = "{Sid, Principal: {Service: …}, Action: […], Condition: {…}}"
                self.problem(message, entry, hint)
                continue
            made.append(
                Statement(
                    sid=str(body.get("Sid", f"Service{number}")),
                    actions=tuple(str(action) for action in listed),
                    principal=service,
                    resources=("*",),
                    conditions=body.get("Condition", {}),
                )
            )
        return tuple(made)

    def _role(
        self, section: Section, home: Account, name: str, entry: nodes.Entry, role: model.RolePart
    ) -> None:
        services = role.service if isinstance(role.service, list) else [role.service or ""]
        trust = []
        for number, service in enumerate(filter(None, services), start=1):
            # The account is a guard where the service says for which one it acts.
            sent = SENDERS.get(service, ())
            guard = home.id if any("aws:SourceAccount" in keys for keys in sent) else None
            statement = parts.service_trust(service, guard, role.source_arn)
            trust.append(statement if number == 1 else replace(statement, sid=f"Service{number}"))
        words = role.description or f"{self.draft.component.name}: {name}"
        several = section.several
        made = self.draft.role(home, name, _part(name), words, trust, several=several)
        facts = {"name": made.role_name, "arn": made.arn}
        self._keep("roles", name, entry, home, made, facts)

    def _existing(
        self, section: Section, home: Account, name: str, entry: nodes.Entry, role: model.RolePart
    ) -> None:
        """Roles that an input names: a value of type role, a list of them, or a name."""
        listed = role.existing if isinstance(role.existing, list) else [role.existing]
        facts = []
        for number, value in enumerate(listed, start=1):
            where, path = self._reference(value, home, entry)
            if where is None:
                continue
            folder, _, role_name = path.rpartition("/")
            made = Role(
                place=self.draft.place(where),
                name=f"{name}_{number}" if isinstance(role.existing, list) else name,
                role_name=role_name,
                path=f"/{folder}/" if folder else "/",
                existing=True,
                several=section.several or self.draft.several,
            )
            facts.append({"name": made.role_name, "arn": made.arn})
            # The same role, named for each of several accounts, is one.
            if all(each.party != made for each in self.made.get(("roles", name), ())):
                self.draft.own_role(made)
                self._keep("roles", name, entry, home, made, facts[-1])
            self._facts["roles", name, home.name] = facts[-1]
        if isinstance(role.existing, list):
            self._facts["roles", name, home.name] = facts

    def _reference(
        self, value: object, home: Account, entry: nodes.Entry
    ) -> tuple[Account | None, str]:
        plain = {"role": value} if isinstance(value, str) else value
        account = plain.get("account") if isinstance(plain, dict) else None
        accounts = self.draft.organization.accounts
        named = accounts.get(account["name"]) if isinstance(account, dict) else home
        role = plain.get("role") if isinstance(plain, dict) else None
        if not isinstance(role, str):
            self.problem('"existing" must be a role\'s name, or an input of type role', entry)
            return None, ""
        place = entry.key_span
        named_node = nodes.Mapping({"role": nodes.Entry(place, nodes.Scalar(role, place))}, place)
        made, found = check(RoleReference, named_node, what="an existing role", owner=place)
        self.tell(found)
        return (named if made else None), role

    def _declare_google(self, section: Section, home: Project) -> None:
        self.draft.site(home)
        category = "service_accounts"
        for name, entry, part in self._parts(section, home, category, model.ServiceAccountPart):
            words = part.description or f"{self.draft.component.name}: {name}"
            made = self.draft.service_account(home, name, part.id, words)
            facts = {"name": part.id, "email": made.email, "member": made.member.text}
            self._keep(category, name, entry, home, made, facts)

    # ---------------------------------------------------------------- resources

    def add_resources(self) -> None:
        """Resources, data sources, outputs and assets of every section."""
        for section in self.file.sections:
            for home in self.homes(section):
                scope = self.scope(section, home)
                stack = f"{home.cloud}/{home.name}/{self.draft.component.name}"
                for type_, name, entry in section.bodies("resources"):
                    self._add("managed", home, stack, type_, name, entry, scope)
                for type_, name, entry in section.bodies("data"):
                    self._add("data", home, stack, type_, name, entry, scope)
                for name, entry in section.group("outputs").items():
                    self._output(home, stack, name, entry, scope)
                for path, entry in section.group("assets").items():
                    self._asset(home, path, entry, scope)
        self._after()

    def _add(
        self,
        mode: Mode,
        home: Home,
        stack: str,
        type_: str,
        name: str,
        entry: nodes.Entry,
        scope: Scope,
    ) -> None:
        value, found = terraform(entry.value, scope)
        self.tell(found)
        if found or not isinstance(value, Mapping):
            return
        arguments = shaped(mode, type_, value)
        names = ("depends_on", "lifecycle")
        meta: dict[str, Any] = {key: arguments.pop(key) for key in names if key in arguments}
        if not _addresses(meta.get("depends_on", [])):
            arguments["depends_on"] = meta.pop("depends_on")
        if not isinstance(meta.get("lifecycle", {}), Mapping):
            arguments["lifecycle"] = meta.pop("lifecycle")
        address = self.draft.add(
            home,
            type_,
            name,
            arguments,
            mode="data" if mode == "data" else "managed",
            depends_on=meta.get("depends_on", ()),
            lifecycle=meta.get("lifecycle"),
        )
        written = Written(*entry)
        self.write_down(stack, address, written)
        for argument, each in arguments.items():
            below = written.below(argument)
            if isinstance(each, JsonText) and below:
                self.write_down(stack, f"local.{local_name(type_, name, argument)}", below)

    def _output(self, home: Home, stack: str, name: str, entry: nodes.Entry, scope: Scope) -> None:
        if not _wanted(entry, scope):
            return
        body = dict(entries(entry.value))
        value, found = terraform(body.pop("value").value, scope)
        self.tell(found)
        rest = nodes.Entry(entry.key_span, nodes.Mapping(body, entry.value.span))
        said = self.read(_OutputWords, rest, scope, f'"outputs.{name}"')
        if said is not None and not found:
            self.draft.output(home, name, value, said.description)
            self.write_down(stack, f"output.{name}", Written(*entry))

    def _asset(self, home: Home, path: str, entry: nodes.Entry, scope: Scope) -> None:
        node, found = evaluate(entry.value, scope)
        self.tell(found)
        if found:
            return
        if not isinstance(node, nodes.Scalar) or node.value is None:
            self.problem(f'the asset "{path}" must be text', entry)
            return
        self.draft.asset(home, f"assets/{path}", str(node.value).encode())

    def _after(self) -> None:
        """The order that sections say; where they share accounts, a stack may come after itself."""
        by_input = {section.input: section for section in self.file.sections}
        waits: dict[str, set[str]] = {}
        for section in self.file.sections:
            before = [home for name in section.after for home in self.homes(by_input[name])]
            for home in self.homes(section):
                self.draft.after(home, *before)
                paths = {_path(other) for other in before} - {_path(home)}
                waits.setdefault(_path(home), set()).update(paths)
            found = circle(waits)
            if found:
                listed = " → ".join(f'"{name}"' for name in found)
                message = f'"after" makes stacks wait for each other: those of {listed}'
                hint = "an account or project plays both parts: name it for one of them"
                self.problem(message, section.node.entries["after"], hint)
                return


class _OutputWords(Shape):
    """An output without its value, which is Terraform's."""

    description: Text
    when: bool = True


def _wanted(entry: nodes.Entry, scope: Scope) -> bool:
    """False where `when` says so: what else stands there may then have no value."""
    when = entries(entry.value).get("when")
    return when is None or nodes.plain(evaluate(when.value, scope)[0]) is not False


def _path(home: Home) -> str:
    return f"{home.cloud}/{home.name}"


def _part(name: str) -> str:
    return name.replace("_", "-")


def _conditions(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(keys, dict) and keys and all(map(model.condition_value, keys.values()))
        for keys in value.values()
    )


def _services(value: object) -> bool:
    listed = value if isinstance(value, list) else [value]
    return all(map(model.service_principal, listed))


def _addresses(value: Value) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
