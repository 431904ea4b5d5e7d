"""What a kind declares while it builds a component: stacks in the making.

A kind's build function names roles, keys, buckets and grants, and adds the other resources as they
are. `finish` then writes every policy and gives the stacks and the ledger's edges. One draft
belongs to one component.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from compiler.access.grants import Access
from compiler.access.ledger import Edge
from compiler.access.parties import Bucket, Grant, Key, Place, Repository, Role, Target
from compiler.access.policy import Statement
from compiler.data import dns_suffix, name_limit
from compiler.diagnostics import Diagnostic, Span
from compiler.kinds import parts
from compiler.organization.records import Account, Component, Organization
from compiler.organization.roots import aws_providers, aws_terraform
from compiler.terraform.names import shorten
from compiler.terraform.stack import Asset, Output, Resource, Stack, Value


@dataclass(slots=True)
class _Part:
    """The stack of one account, so far."""

    account: Account
    place: Place
    resources: list[Resource] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    depends_on: set[str] = field(default_factory=set)
    claims: list[tuple[str, str]] = field(default_factory=list)
    creates_deploy_role: bool = False


@dataclass(slots=True)
class Draft:
    """The stacks of one component in the making. `diagnostics` are the kind's own findings."""

    component: Component
    organization: Organization
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _parts: dict[str, _Part] = field(default_factory=dict)
    _roles: list[Role] = field(default_factory=list)
    _keys: list[Key] = field(default_factory=list)
    _buckets: list[Bucket] = field(default_factory=list)
    _repositories: list[Repository] = field(default_factory=list)
    _grants: list[Grant] = field(default_factory=list)

    def place(self, account: Account) -> Place:
        """The component's stack in that account."""
        return self._part(account).place

    def name(self, part: str, resource_type: str) -> str:
        """`<organization>-<component>-<part>`, within the limit of names of that type."""
        return shorten(self.prefix(part), name_limit(resource_type))

    def prefix(self, part: str) -> str:
        """`<organization>-<component>-<part>`, at any length."""
        return f"{self.organization.name}-{self.component.name}-{part}"

    def unique_name(self, part: str, account: Account, resource_type: str) -> str:
        """A name that no other organisation has: it ends in the account id."""
        return shorten(self.prefix(part), name_limit(resource_type), f"-{account.id}")

    def tags(self, account: Account) -> dict[str, str]:
        """The tags of everything in that account, also of what is made at run time."""
        own = {"landform-component": self.component.name}
        return dict(sorted({**account.tags, **own, **self.component.tags}.items()))

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

        `several` says that the component has the same role in several accounts.
        """
        role = Role(
            place=self.place(account),
            name=name,
            role_name=self.name(part, "aws_iam_role"),
            trust=tuple(trust),
            description=description,
            several=several,
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
        bucket = Bucket(
            place=self.place(account),
            name=name,
            bucket=self.unique_name(part, account, "aws_s3_bucket"),
            key=key,
        )
        self._buckets.append(bucket)
        return bucket

    def repository(
        self, account: Account, name: str, repository: str, *, existing: bool
    ) -> Repository:
        """A container repository; an existing one gets only its policy."""
        found = Repository(
            place=self.place(account), name=name, repository=repository, existing=existing
        )
        self._repositories.append(found)
        return found

    def grant(
        self,
        id: str,
        principal: Role,
        actions: Sequence[str],
        target: Target,
        conditions: Mapping[str, Mapping[str, Value]] | None = None,
    ) -> None:
        """Allow `principal` to do `actions` on `target`: all halves, everywhere."""
        self._grants.append(
            Grant(
                id=id,
                principal=principal,
                actions=tuple(actions),
                target=target,
                conditions=conditions or {},
            )
        )

    def add(
        self,
        account: Account,
        type: str,
        name: str,
        arguments: Mapping[str, Value],
        *,
        depends_on: Sequence[str] = (),
        lifecycle: Mapping[str, Value] | None = None,
    ) -> str:
        """A resource as it is; gives its address."""
        resource = Resource(
            type=type,
            name=name,
            arguments=arguments,
            depends_on=tuple(depends_on),
            lifecycle=lifecycle or {},
        )
        self._part(account).resources.append(resource)
        return resource.address

    def output(self, account: Account, name: str, value: Value, description: str) -> None:
        """An output of the component's stack in that account."""
        self._part(account).outputs.append(Output(name=name, value=value, description=description))

    def asset(self, account: Account, path: str, content: bytes) -> None:
        """A file beside the stack: `path` starts with `assets/`."""
        self._part(account).assets.append(Asset(path=path, content=content))

    def claim(self, account: Account, what: str, name: str) -> None:
        """Something with a name of its own in the account that no resource here shows."""
        self._part(account).claims.append((what, name))

    def after(self, account: Account, *others: Account) -> None:
        """The stack in `account` is to be applied after those in `others`."""
        own = self._part(account)
        paths = (self._part(other).place.stack for other in others)
        own.depends_on.update(path for path in paths if path != own.place.stack)

    def creates_deploy_role(self, account: Account) -> None:
        """This stack makes the role that all others of the account are applied as."""
        self._part(account).creates_deploy_role = True

    def problem(
        self, code: str, message: str, span: Span | None = None, hint: str | None = None
    ) -> None:
        """Report what is wrong with the component, at its key unless `span` is better."""
        span = span or self.component.span
        self.diagnostics.append(Diagnostic(code=code, message=message, span=span, hint=hint))

    def finish(self) -> tuple[tuple[Stack, ...], tuple[Edge, ...]]:
        """Write all policies; the stacks sorted by path, and the edges sorted by id."""
        access = Access(self.component.name, self.component.origin)
        access.add(self._grants)
        by_stack = {part.place.stack: part for part in self._parts.values()}
        for role in self._roles:
            by_stack[role.place.stack].resources += parts.role(role, access)
        for key in self._keys:
            by_stack[key.place.stack].resources += parts.key(key, access)
        for bucket in self._buckets:
            by_stack[bucket.place.stack].resources += parts.bucket(bucket, access)
        for repository in self._repositories:
            by_stack[repository.place.stack].resources += parts.repository(repository, access)
        stacks = [self._stack(part) for part in self._parts.values()]
        return tuple(sorted(stacks, key=lambda stack: stack.path)), access.edges()

    def _part(self, account: Account) -> _Part:
        if account.name not in self._parts:
            place = Place(
                account=account.name,
                id=account.id,
                stack=f"aws/{account.name}/{self.component.name}",
                partition=self.organization.partition,
                region=self.component.region,
                organization=self.organization.aws_id,
                suffix=dns_suffix(self.organization.partition),
            )
            self._parts[account.name] = _Part(account, place)
        return self._parts[account.name]

    def _stack(self, part: _Part) -> Stack:
        return Stack(
            cloud="aws",
            account=part.account.name,
            account_id=part.account.id,
            component=self.component.name,
            kind=self.component.kind,
            region=self.component.region,
            terraform=aws_terraform(self.organization, part.place.stack),
            providers=aws_providers(
                self.organization,
                part.account,
                self.component.region,
                self.tags(part.account),
                bootstrap=part.creates_deploy_role,
            ),
            resources=tuple(part.resources),
            outputs=tuple(part.outputs),
            assets=tuple(part.assets),
            depends_on=tuple(sorted(part.depends_on)),
            claims=tuple(part.claims),
            creates_deploy_role=part.creates_deploy_role,
        )
