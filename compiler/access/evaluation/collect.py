"""From root modules to `Policies`: who has which policy, what has which policy.

Takes the documents of one organisation's stacks by path, gives frozen records. Reads nothing
else: the contents of AWS's own managed policies, and the organisation of each account, are
arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from compiler.access.evaluation.attachments import attachments
from compiler.access.evaluation.documents import Reader, opaque
from compiler.access.evaluation.module import Module, Resource, module
from compiler.access.evaluation.patterns import Pattern
from compiler.access.evaluation.permissions import invocation_statements
from compiler.access.evaluation.records import (
    Bundle,
    Document,
    Holder,
    Policies,
    Principal,
    Problem,
    Source,
    Statement,
)
from compiler.access.evaluation.shapes import POLICY_TYPES, SHAPES, PolicyType
from compiler.access.evaluation.text import Partial, Text, split
from compiler.terraform.document import Json

# The document of an AWS managed policy by its ARN, None where it is not known.
Managed = Callable[[str], Document | None]


def collect(
    documents: Mapping[str, Mapping[str, Json]],
    *,
    managed: Managed | None = None,
    organizations: Mapping[str, str] | None = None,
    provided: Collection[str] = (),
) -> Policies:
    """The policies of these root modules.

    `managed` gives AWS managed policies by ARN; one that is attached, or a boundary, and that it lacks
    makes answers depend on it. `organizations` gives the AWS organisation of account ids, also of accounts
    without stacks. `provided` are accounts of AWS that open their resources to every caller.
    """
    collector = Collector(managed or _none, organizations or {})
    modules = [
        found
        for stack, document in sorted(documents.items())
        if stack.startswith("aws/") and (found := module(stack, document)) is not None
    ]
    for each in modules:
        collector.resources(each)
    for each in modules:
        collector.policies(each)
    return collector.result(frozenset(provided))


@dataclass(slots=True)
class _Entity:
    """A role or user while its policies are gathered."""

    arn: str
    account: str
    made: bool
    stack: str
    address: str
    statements: list[Statement] = field(default_factory=list)
    boundary: tuple[Statement, ...] | None = None


@dataclass(slots=True)
class _Target:
    """A resource while its policies are gathered."""

    arn: str
    account: str
    stack: str
    address: str
    statements: list[Statement] = field(default_factory=list)
    written: bool = False


@dataclass(slots=True)
class Collector:
    """Gathers modules, one after the other: first all resources, then all policies."""

    managed: Managed
    organizations: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    _accounts: set[str] = field(default_factory=set)
    _entities: dict[tuple[str, str], _Entity] = field(default_factory=dict)
    _targets: dict[str, _Target] = field(default_factory=dict)
    _arns: dict[tuple[str, str], str] = field(default_factory=dict)
    _documents: dict[str, tuple[Module, Resource]] = field(default_factory=dict)
    _aliases: dict[str, list[str]] = field(default_factory=dict)
    _unknown_aliases: dict[str, frozenset[str]] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)
    _encryption: dict[str, Text] = field(default_factory=dict)
    # Policies whose owner is not known: they may belong to any principal of the account.
    _loose: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def _reader(self) -> Reader:
        return Reader(self.problems)

    def resources(self, module: Module) -> None:
        """What a module makes: roles, users, policies, and everything that can have a policy."""
        self._accounts.add(module.account)
        for resource in module.resources(*(kind for kind in module.types() if kind in SHAPES)):
            arn = module.arn(resource)
            if isinstance(arn, Partial):
                continue
            self._arns[module.stack, resource.address] = arn
            if resource.type in ("aws_iam_role", "aws_iam_user"):
                kind = resource.type.removeprefix("aws_iam_")
                name = f"{kind}/{arn.rsplit('/', 1)[1]}"
                self._entities[module.account, name] = _Entity(
                    arn, module.account, True, module.stack, resource.address
                )
            if resource.type == "aws_iam_policy":
                self._documents[arn] = (module, resource)
            self._targets[arn] = _Target(arn, module.account, module.stack, resource.address)

    def policies(self, module: Module) -> None:
        """What a module attaches to principals and resources."""
        for resource in module.resources(*module.types()):
            row = POLICY_TYPES.get(resource.type)
            if row is not None:
                self._resource_policy(module, resource, row)
        for resource, target, statements in invocation_statements(module):
            self._attach(module, resource, target, "resource", statements)
        for identity in attachments(module):
            self._identity(module, identity.resource, identity.owner, identity.policies())
        for resource in module.resources("aws_iam_role", "aws_iam_user"):
            self._boundary(module, resource)
        for resource in module.resources("aws_kms_alias"):
            self._alias(module, resource)
        self._encrypted(module)

    def result(self, provided: frozenset[str]) -> Policies:
        """Everything, frozen."""
        return Policies(
            accounts=frozenset(self._accounts),
            organizations=self.organizations,
            principals={place: self._principal(each) for place, each in self._entities.items()},
            holders={arn: self._holder(each) for arn, each in self._targets.items()},
            aliases={key: tuple(sorted(names)) for key, names in self._aliases.items()},
            unknown_aliases=self._unknown_aliases,
            keys=self._keys,
            encryption=self._encryption,
            provided=provided,
            arns=self._arns,
            problems=tuple(self.problems),
        )

    def _principal(self, entity: _Entity) -> Principal:
        loose = self._loose.get(entity.account)
        source = Source(entity.stack, entity.address, "identity")
        extra = opaque(source, loose) if loose else ()
        return Principal(
            arn=entity.arn,
            account=entity.account,
            made=entity.made,
            stack=entity.stack,
            address=entity.address,
            identity=Bundle((*entity.statements, *extra)),
            boundary=None if entity.boundary is None else Bundle(entity.boundary),
        )

    def _holder(self, target: _Target) -> Holder:
        statements = tuple(target.statements)
        if ":kms:" in target.arn and not target.written:
            source = Source(target.stack, target.address, "key")
            statements = (_default_key_policy(source, target.account),)
        return Holder(
            arn=target.arn,
            account=target.account,
            stack=target.stack,
            address=target.address,
            policy=Bundle(statements),
        )

    def _resource_policy(self, module: Module, resource: Resource, row: PolicyType) -> None:
        document = resource.arguments.get(row.argument)
        if document is None:
            return
        if row.target:
            given = resource.arguments.get(row.target, "default")
            target = module.arn_of(row.of, module.text(given))
        else:
            target = module.arn(resource)
        source = Source(module.stack, resource.address, row.side)
        statements = self._reader.statements(module.policy(document), source)
        if resource.repeated:
            statements = opaque(source, frozenset({resource.address}))
        self._attach(module, resource, target, row.side, statements)

    def _attach(
        self,
        module: Module,
        resource: Resource,
        target: Text,
        side: str,
        statements: tuple[Statement, ...],
    ) -> None:
        """Put the statements on the resource; on all that it may be where that is not known."""
        arn, lacking = split(target)
        if not lacking:
            owner = _Target(arn, module.account, module.stack, resource.address)
            found = self._targets.setdefault(arn, owner)
            found.statements += statements
            found.written = True
            return
        service = arn.split(":")[2] if arn.count(":") >= 5 else ""
        for each in self._targets.values():
            if each.account == module.account and each.arn.split(":")[2] == service:
                source = Source(module.stack, resource.address, side)
                each.statements += opaque(source, lacking)
                each.written = True

    def _identity(
        self, module: Module, resource: Resource, owner: tuple[str, Text], policies: Iterator[Json]
    ) -> None:
        kind, named = owner
        name, lacking = split(named)
        source = Source(module.stack, resource.address, "identity")
        if lacking or resource.repeated:
            reason = lacking or frozenset({resource.address})
            self._loose[module.account] = self._loose.get(module.account, frozenset()) | reason
            return
        entity = self._entities.get((module.account, f"{kind}/{name}"))
        if entity is None:
            arn = f"arn:{module.partition}:iam::{module.account}:{kind}/{name}"
            entity = _Entity(arn, module.account, False, module.stack, resource.address)
            self._entities[module.account, f"{kind}/{name}"] = entity
        for policy in policies:
            entity.statements += self._contents(module, policy, source)

    def _contents(self, module: Module, policy: Json, source: Source) -> tuple[Statement, ...]:
        """The statements of an inline document, or of a managed policy given by its ARN."""
        if not (isinstance(policy, Mapping) and "arn" in policy):
            return self._reader.statements(module.policy(policy), source)
        named = module.text(policy["arn"])
        if isinstance(named, Partial):
            return opaque(source, named.unknown)
        document = self.managed(named)
        if document is not None:
            return self._reader.statements(module.value(_escaped(document)), source)
        if named not in self._documents:
            return opaque(source, frozenset({named}))
        home, made = self._documents[named]
        place = Source(home.stack, made.address, source.side)
        return self._reader.statements(home.policy(made.arguments.get("policy")), place)

    def _boundary(self, module: Module, resource: Resource) -> None:
        given = resource.arguments.get("permissions_boundary")
        arn = module.arn(resource)
        if given is None or isinstance(arn, Partial):
            return
        kind = resource.type.removeprefix("aws_iam_")
        entity = self._entities[module.account, f"{kind}/{arn.rsplit('/', 1)[1]}"]
        source = Source(module.stack, resource.address, "boundary")
        entity.boundary = self._contents(module, {"arn": given}, source)

    def _alias(self, module: Module, resource: Resource) -> None:
        name = module.text(resource.arguments.get("name"))
        target = module.arn_of("aws_kms_key", module.text(resource.arguments.get("target_key_id")))
        lacking = split(name)[1] | split(target)[1]
        if resource.repeated:
            lacking |= {resource.address}
        if isinstance(name, str) and isinstance(target, str) and not lacking:
            self._aliases.setdefault(target, []).append(name)
            place = f"arn:{module.partition}:kms:{module.region}:{module.account}:{name}"
            self._keys[place] = target
            return
        before = self._unknown_aliases.get(module.account, frozenset())
        self._unknown_aliases[module.account] = before | lacking

    def _encrypted(self, module: Module) -> None:
        """Which key a bucket, a topic or a queue is encrypted with."""
        for resource in module.resources("aws_sns_topic", "aws_sqs_queue"):
            given = resource.arguments.get("kms_master_key_id")
            if given is not None:
                self._encrypt(module.arn(resource), module.text(given), module)
        for resource in module.resources("aws_s3_bucket_server_side_encryption_configuration"):
            bucket = module.arn_of("aws_s3_bucket", module.text(resource.arguments.get("bucket")))
            for given in _master_keys(resource.arguments.get("rule")):
                self._encrypt(bucket, module.text(given), module)

    def _encrypt(self, arn: Text, key: Text, module: Module) -> None:
        if isinstance(key, str) and key.startswith("alias/"):
            key = f"arn:{module.partition}:kms:{module.region}:{module.account}:{key}"
        if isinstance(arn, str):
            self._encryption[arn] = module.arn_of("aws_kms_key", key)


def _none(_: str) -> None:
    return None


def _default_key_policy(source: Source, account: str) -> Statement:
    """The policy of a key that has none of its own: the policies of its account decide."""
    return Statement(
        source=source,
        sid="(default key policy)",
        allows=True,
        actions=("kms:*",),
        resources=(Pattern("*"),),
        principals=frozenset({f"account/{account}"}),
    )


def _master_keys(rules: Json) -> Iterator[Json]:
    for rule in rules if isinstance(rules, list) else []:
        for default in rule.get("apply_server_side_encryption_by_default", []):
            if default.get("kms_master_key_id") is not None:
                yield default["kms_master_key_id"]


def _escaped(value: Json) -> Json:
    """A plain JSON value as Terraform would write it, so that it can be read like the others."""
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
