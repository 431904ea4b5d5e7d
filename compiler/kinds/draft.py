"""What a kind declares while it builds a component: stacks in the making.

A kind's build function names roles, keys, buckets and grants, and adds the other resources as they
are. When all components are built, the grants of all of them are written together, since one may
need a statement in another's stack; `finish` then writes every policy and gives the stacks. One
draft belongs to one component.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from compiler.access.google import Bound, Member, On, ServiceAccount, Site
from compiler.access.grants import Access
from compiler.access.ledger import Right, Side
from compiler.access.parties import (
    Bucket,
    Bus,
    Grant,
    Key,
    ModelGroup,
    Place,
    Repository,
    Role,
    Target,
)
from compiler.access.policy import Statement
from compiler.blueprint.files import Beside
from compiler.blueprint.written import Written
from compiler.data import name_limit
from compiler.diagnostics import Diagnostic, Span, nearest
from compiler.kinds import parts
from compiler.kinds.drafted import Drafted, empty, tags_in
from compiler.kinds.neighbours import Neighbours
from compiler.kinds.trusts import trusts
from compiler.organization.records import Account, Component, Home, Organization, Project
from compiler.terraform.names import shorten
from compiler.terraform.stack import (
    Asset,
    Expression,
    Output,
    Resource,
    Stack,
    Value,
    Variable,
    reference,
)


@dataclass(slots=True)
class Draft:
    """The stacks of one component in the making. `diagnostics` are the kind's own findings.

    `neighbours` are all components of the blueprint, for one that names another; `beside` are the
    files below its folder that inputs name. `written` says by stack and address where a kind's file
    has a resource, for what is found out about it later.
    """

    component: Component
    organization: Organization
    neighbours: Neighbours = field(default_factory=Neighbours)
    beside: Beside = field(default_factory=lambda: Beside(Path()))
    diagnostics: list[Diagnostic] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    bindings: list[Bound] = field(default_factory=list)
    rights: list[Right] = field(default_factory=list)
    written: dict[tuple[str, str], Written] = field(default_factory=dict)
    _stacks: dict[str, Drafted] = field(default_factory=dict)
    _roles: list[Role] = field(default_factory=list)
    _keys: list[Key] = field(default_factory=list)
    _buckets: list[Bucket] = field(default_factory=list)
    repositories: list[Repository] = field(default_factory=list)
    _groups: list[ModelGroup] = field(default_factory=list)
    _buses: list[Bus] = field(default_factory=list)
    _service_accounts: list[ServiceAccount] = field(default_factory=list)

    @property
    def several(self) -> bool:
        """Whether `for_each` makes the component in several places."""
        return len(self.neighbours.named(self.component.name)) > 1

    def _own(self, id: str, *others: str | None) -> str:
        """The id of a grant or right: no other instance of the component has it.

        It ends in the name of the instance's account, unless the kind has that in the id itself, or that of
        one of the `others` that it is about.
        """
        home = self.component.home.name
        return f"{id}-{home}" if self.several and not _has(id, home, *others) else id

    def other(self, name: str, kind: str, at: Sequence[str | int]) -> Draft | None:
        """Another component, as a draft to declare its parties on again; what is added is lost.

        `at` is the input that names it. None, with a report, where there is none of that kind.
        """
        if name in self.neighbours.unsound:
            return None
        found = self.neighbours.named(name)
        if len(found) == 1 and found[0].kind == kind:
            return Draft(found[0], self.organization, self.neighbours, self.beside)
        of_kind = self.neighbours.declared(kind)
        if found:
            related: tuple[tuple[str, Span], ...] = (("the component", found[0].span),)
            what = f'is of kind "{found[0].kind}"' if found[0].kind != kind else "is several stacks"
            message = f'"{name}" {what}, and a {kind} is wanted'
        elif name in self.organization.unmade:
            message = f'"{name}" is not made here: its "when" is false'
            hint = "give both the same when, or name one that is made"
            related = (("its when", self.organization.unmade[name]),)
            self.problem("E341", self._called(at) + message, hint=hint, at=at, related=related)
            return None
        else:
            related = ()
            message = f'no component is called "{name}"'
        guess = nearest(name, of_kind)
        hint = f'did you mean "{guess}"?' if guess else f"{kind}s: {', '.join(of_kind) or 'none'}"
        self.problem("E341", self._called(at) + message, hint=hint, at=at, related=related)
        return None

    def _called(self, at: Sequence[str | int]) -> str:
        path = ".".join(str(step) for step in at)
        return f'component "{self.component.name}": "{path}": '

    def place(self, account: Account) -> Place:
        """The component's stack in that account."""
        place = self._stack(account).place
        assert place is not None, "an account has a place"
        return place

    def site(self, project: Project) -> Site:
        """The component's stack in that project."""
        site = self._stack(project).site
        assert site is not None, "a project has a site"
        return site

    def number(self, project: Project) -> str:
        """The project's number, which members of its own are named by; reports a missing one."""
        if project.number is None:
            if not any(d.span == project.span for d in self.diagnostics):
                self.problem(
                    "E343",
                    f'component "{self.component.name}" needs the number of project '
                    f'"{project.name}"',
                    project.span,
                    "write number: beside its id (gcloud projects describe shows it)",
                )
            return "0"
        return project.number

    def name(self, part: str, resource_type: str) -> str:
        """`<organization>-<component>-<part>`, within the limit of names of that type."""
        return shorten(self.prefix(part), name_limit(resource_type))

    def prefix(self, part: str) -> str:
        """`<organization>-<component>-<part>`, at any length."""
        return f"{self.organization.name}-{self.component.name}-{part}"

    def unique_name(self, part: str, account: Account, resource_type: str) -> str:
        """A name in AWS that no other organisation has: it ends in the account id."""
        return shorten(self.prefix(part), name_limit(resource_type), f"-{account.id}")

    def tags(self, home: Home) -> dict[str, str]:
        """The tags of everything in that account, also of what is made at run time; labels on Google."""
        return tags_in(home, self.component)

    def role(
        self,
        account: Account,
        name: str,
        part: str,
        description: str,
        trust: Sequence[Statement] = (),
        *,
        several: bool = False,
    ) -> Role:
        """A role of this component. `trust` admits a service; grants admit other roles.

        `several` says that the component has the same role in several accounts, as it has under `for_each`.
        """
        role = Role(
            place=self.place(account),
            name=name,
            role_name=self.name(part, "aws_iam_role"),
            trust=tuple(trust),
            description=description,
            several=several or self.several,
        )
        self._roles.append(role)
        return role

    def existing_role(self, account: Account, name: str, role: str) -> Role:
        """A role that the blueprint names: it gets an inline policy of ours and nothing else.

        `role` is its name with its path: `team/approver`.
        """
        path, _, role_name = role.rpartition("/")
        found = Role(
            place=self.place(account),
            name=name,
            role_name=role_name,
            path=f"/{path}/" if path else "/",
            existing=True,
            several=self.several and not _has(name, account.name),
        )
        self._roles.append(found)
        return found

    def key(
        self,
        account: Account,
        name: str,
        part: str,
        description: str,
        services: Sequence[Statement] = (),
    ) -> Key:
        """A customer key with its alias."""
        key = Key(
            place=self.place(account),
            name=name,
            alias=f"alias/{self.prefix(part)}",
            description=description,
            services=tuple(services),
        )
        self._keys.append(key)
        return key

    def bucket(self, account: Account, name: str, part: str, key: Key) -> Bucket:
        """A bucket with its whole family of guards, encrypted with `key`."""
        return self.own_bucket(
            Bucket(
                place=self.place(account),
                name=name,
                bucket=self.unique_name(part, account, "aws_s3_bucket"),
                key=key,
            )
        )

    def own_bucket(self, bucket: Bucket) -> Bucket:
        """A bucket of this component that is not like the others."""
        self._buckets.append(bucket)
        return bucket

    def own_role(self, role: Role) -> Role:
        """A role of this component that is not like the others."""
        self._roles.append(role)
        return role

    def repository(
        self, account: Account, name: str, repository: str, *, existing: bool
    ) -> Repository:
        """A container repository; an existing one gets only its policy."""
        found = Repository(
            place=self.place(account), name=name, repository=repository, existing=existing
        )
        self.repositories.append(found)
        return found

    def model_group(self, account: Account, name: str, group: str) -> ModelGroup:
        """A SageMaker model-package group, with its policy for other accounts."""
        found = ModelGroup(place=self.place(account), name=name, group=group)
        self._groups.append(found)
        return found

    def bus(self, account: Account, name: str, part: str) -> Bus:
        """An event bus, with its policy for other accounts."""
        bus_name = self.name(part, "aws_cloudwatch_event_bus")
        bus = Bus(place=self.place(account), name=name, bus=bus_name)
        self._buses.append(bus)
        return bus

    def service_account(
        self, project: Project, name: str, account_id: str, description: str
    ) -> ServiceAccount:
        """A service account of this component; `account_id` is its address before the @."""
        found = ServiceAccount(
            site=self.site(project), name=name, account_id=account_id, description=description
        )
        self._service_accounts.append(found)
        return found

    def bind(
        self,
        id: str,
        member: Member,
        role: str,
        on: On,
        condition: tuple[str, str] | None = None,
        after: Sequence[str] = (),
    ) -> None:
        """Give `member` the role on `on`: one binding, in the stack of the project that owns it.

        `condition` is a title and a CEL expression; `after` are addresses there that come first.
        """
        self.bindings.append(
            Bound(
                id=id,
                component=self.component.name,
                origin=self.component.origin,
                member=member,
                role=role,
                on=on,
                condition=condition,
                after=tuple(after),
                entry_id=self._own(id, member.project, on.site.project),
            )
        )

    def grant(
        self,
        id: str,
        principal: Role,
        actions: Sequence[str],
        target: Target,
        conditions: Mapping[str, Mapping[str, Value]] | None = None,
    ) -> None:
        """Allow `principal` to do `actions` on `target`: all halves, everywhere."""
        self.grants.append(
            Grant(
                id=self._own(id),
                component=self.component.name,
                origin=self.component.origin,
                principal=principal,
                actions=tuple(actions),
                target=target,
                conditions=conditions or {},
            )
        )

    def right(
        self,
        home: Home,
        id: str,
        side: Side,
        name: str,
        *,
        principal: str,
        resource: str,
        addresses: Sequence[str],
        namespaces: Sequence[str] = (),
        principal_home: str = "",
    ) -> None:
        """Put into the ledger what `addresses` of the stack in `home` give beside policies.

        The last address is the resource that says it. Compiling fails where it says something else.
        """
        self.rights.append(
            Right(
                id=f"{self.component.name}/{self._own(id)}",
                component=self.component.name,
                origin=self.component.origin,
                side=side,
                principal=principal,
                principal_home=principal_home,
                name=name,
                home=home.name,
                resource=resource,
                stack=self._stack(home).path,
                addresses=tuple(addresses),
                namespaces=tuple(sorted(set(namespaces))),
            )
        )

    def add(
        self,
        home: Home,
        type: str,
        name: str,
        arguments: Mapping[str, Value],
        *,
        mode: Literal["managed", "data"] = "managed",
        depends_on: Sequence[str] = (),
        lifecycle: Mapping[str, Value] | None = None,
    ) -> str:
        """A resource, or a data source, as it is; gives its address.

        Raises TypeError for what is no value of Terraform's JSON: a kind in Python gives anything.
        """
        resource = Resource(
            type=type,
            name=name,
            arguments=arguments,
            mode=mode,
            depends_on=tuple(depends_on),
            lifecycle=lifecycle or {},
        )
        self._stack(home).hold(resource)
        return resource.address

    def resources(self, home: Home) -> tuple[Resource, ...]:
        """What was added so far to the stack in that account or project."""
        return tuple(self._stack(home).resources)

    def output(self, home: Home, name: str, value: Value, description: str) -> None:
        """An output of the component's stack in that account or project."""
        self._stack(home).hold(Output(name=name, value=value, description=description))

    def variable(self, home: Home, name: str, description: str) -> Expression:
        """A text that whoever applies the component's stack there may give; it is empty by default."""
        self._stack(home).variables.append(Variable(name=name, description=description))
        return reference("var", name)

    def asset(self, home: Home, path: str, content: bytes) -> None:
        """A file beside the stack: `path` starts with `assets/`."""
        self._stack(home).assets.append(Asset(path=path, content=content))

    def claim(self, home: Home, what: str, name: str) -> None:
        """Something with a name of its own in the account that no resource here shows."""
        self._stack(home).claims.append((what, name))

    def after(self, home: Home, *others: Home) -> None:
        """The stack in `home` is to be applied after those of this component in `others`."""
        self.after_stacks(home, *(self._stack(other).path for other in others))

    def after_stacks(self, home: Home, *paths: str) -> None:
        """The stack in `home` is to be applied after those at `paths`, of any component."""
        own = self._stack(home)
        own.depends_on.update(path for path in paths if path != own.path)

    def creates_deploy_role(self, home: Home) -> None:
        """This stack makes the role, or service account, that all others there are applied as."""
        self._stack(home).creates_deploy_role = True

    def problem(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        hint: str | None = None,
        *,
        at: Sequence[str | int] = (),
        related: tuple[tuple[str, Span], ...] = (),
    ) -> None:
        """Report what is wrong: at `span`, or at the input `at`, or at the component's key."""
        place = span or self.component.span_of(*at)
        if not at and span is None:
            place = self.component.span
        self.diagnostics.append(
            Diagnostic(code=code, message=message, span=place, hint=hint, related=related)
        )

    def finish(self, access: Access) -> tuple[Stack, ...]:
        """Write all policies and bindings; the stacks sorted by path."""
        self.rights += trusts(self._roles, self.component)
        by_stack = self._stacks
        for role in self._roles:
            by_stack[role.place.stack].resources += parts.role(role, access)
        for key in self._keys:
            by_stack[key.place.stack].resources += parts.key(key, access)
        for bucket in self._buckets:
            by_stack[bucket.place.stack].resources += parts.bucket(bucket, access)
        for repository in self.repositories:
            by_stack[repository.place.stack].resources += parts.repository(repository, access)
        for group in self._groups:
            by_stack[group.place.stack].resources += parts.model_group(group, access)
        for bus in self._buses:
            by_stack[bus.place.stack].resources += parts.bus(bus, access)
        for account in self._service_accounts:
            by_stack[account.site.stack].resources.append(parts.service_account(account))
        for bound in self.bindings:
            by_stack[bound.on.site.stack].resources.append(bound.resource)
        for path, drafted in sorted(self._stacks.items()):
            for wrong in drafted.defects():
                self._defect(path, wrong)
        return tuple(
            drafted.stack(self.organization, self.component)
            for _, drafted in sorted(self._stacks.items())
        )

    def _defect(self, path: str, wrong: str) -> None:
        kind = self.component.kind
        message = f'component "{self.component.name}": the kind "{kind}" failed: {path}: {wrong}'
        self.problem("E332", message, hint="this is a defect of the kind, not of the blueprint")

    def _stack(self, home: Home) -> Drafted:
        path = f"{home.cloud}/{home.name}/{self.component.name}"
        if path not in self._stacks:
            self._stacks[path] = empty(self.organization, home, path, self._region(home))
        return self._stacks[path]

    def _region(self, home: Home) -> str:
        """The component's region; in the other cloud the account's or project's own."""
        if home.cloud == self.component.home.cloud:
            return self.component.region
        if home.region is None:
            self.problem(
                "E309",
                f'component "{self.component.name}" has no region in "{home.name}": it has none',
                hint=f"write {home.cloud}: {{region: …}} under defaults",
            )
        return home.region or "none"


def _has(id: str, *names: str | None) -> bool:
    """Whether an id or a name in Terraform has one of these names in it, as whole words."""
    words = f"-{id.replace('_', '-')}-"
    return any(f"-{name}-" in words for name in names if name)
