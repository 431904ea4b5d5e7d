"""From grants to the statements that make them true, and the ledger of both.

A grant takes one to four statements, in the stacks of the principal and of the owner: identity
policy, trust policy, bucket policy, key policy. All of them are written from the one declaration
here, so one half cannot be forgotten. A principal of another account, and a role that somebody else
makes, is written as its account's root narrowed by aws:PrincipalArn: it need not exist when the
policy is made, and one that is made again keeps its access.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from compiler.access.fold import fold
from compiler.access.ledger import Edge, Evidence
from compiler.access.parties import (
    Assume,
    Bucket,
    Bus,
    Events,
    Grant,
    Group,
    Images,
    Key,
    KeyUse,
    Listing,
    ModelGroup,
    Objects,
    Own,
    Packages,
    Place,
    Repository,
    Role,
    key_of,
)
from compiler.access.policy import Conditions, Statement, both, sid, wider
from compiler.data import PolicyLimit, policy_limit_of
from compiler.terraform.names import HASH_LENGTH
from compiler.terraform.stack import Value, reference

# What S3 asks of a bucket's key on behalf of the caller, by the S3 action.
# Source: S3 user guide, "Using server-side encryption with AWS KMS keys", permissions.
KEY_ACTIONS = {
    "s3:GetObject": ("kms:Decrypt", "kms:DescribeKey"),
    "s3:GetObjectVersion": ("kms:Decrypt", "kms:DescribeKey"),
    "s3:PutObject": ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"),
}
# Bytes of a policy for the statements that it has besides those of grants, by its side.
OWN_ROOM = {"resource": 3000, "key": 3000, "trust": 500, "identity": 100}
# What makes a version of a model-package group, whose status a condition holds.
REGISTERS = "sagemaker:CreateModelPackage"
# What Terraform calls the policy of a resource.
POLICY_ARGUMENTS = ("policy", "resource_policy", "assume_role_policy")
# The actions that a service calls through S3 and never by itself.
VIA_S3 = frozenset({"kms:Decrypt", "kms:GenerateDataKey*"})


class HalfGrantError(Exception):
    """A kind declared a grant of which one half cannot be written: a defect of the kind."""


# Whose policy a statement stands in: (stack path, side, Terraform address of the policy).
Home = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _KeyUse:
    """One role's use of one key, for all of a component's grants that need it."""

    grant: Grant
    identifier: str
    role: Role
    key: Key


@dataclass(slots=True)
class Access:
    """The statements of all grants of an organisation, by the policy that they belong in.

    `add` takes grants; afterwards `identity`, `trust`, `bucket` and `key` give the statements of
    each policy in the order of the grants, and `edges` the ledger. One component's grant may need a
    statement in another's policy; its sid there starts with the name of the one that asks.
    """

    _statements: dict[Home, dict[str, Statement]] = field(default_factory=dict)
    _edges: dict[str, Edge] = field(default_factory=dict)
    _key_uses: dict[str, _KeyUse] = field(default_factory=dict)
    # By the key's stack and name: scanning all uses for each key would take the square of their number.
    _users: dict[str, dict[str, dict[str, Role]]] = field(default_factory=dict)
    # The stacks of keys that only their account tells apart for a role.
    _alike: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    _trusted: dict[str, dict[str, Role]] = field(default_factory=dict)
    _sids: dict[tuple[Home, str], str] = field(default_factory=dict)
    _folded: dict[Home, dict[str, str]] = field(default_factory=dict)

    def add(self, grants: Iterable[Grant]) -> None:
        """Write every statement of every grant; call it once, with all of them."""
        grants = tuple(grants)
        for grant in grants:
            if key := key_of(grant.target):
                alike = self._alike.setdefault(_alike(grant.principal, key), set())
                alike.add(key.place.stack)
        for grant in grants:
            self._add(grant)
        for home, statements in self._statements.items():
            _, side, address = home
            limit = _limit(address.partition(".")[0])
            if limit is None or side not in OWN_ROOM:
                continue
            room = limit.maximum - OWN_ROOM[side]
            kept, self._folded[home] = fold(tuple(statements.values()), room)
            self._statements[home] = {statement.sid: statement for statement in kept}

    def identity(self, role: Role) -> tuple[Statement, ...]:
        """What the role may do, for its inline policy."""
        return self._of(_identity(role))

    def trust(self, role: Role) -> tuple[Statement, ...]:
        """Who may become the role, beside its own `trust`."""
        return self._of(_trust(role))

    def trusted(self, role: Role) -> tuple[Role, ...]:
        """The roles that may become the role, in the order of the grants."""
        return tuple(self._trusted.get(role.arn, {}).values())

    def bucket(self, bucket: Bucket) -> tuple[Statement, ...]:
        """Who of other accounts may use the bucket."""
        return self._of(_bucket(bucket))

    def key(self, key: Key) -> tuple[Statement, ...]:
        """Who may use the key."""
        return self._of(_key(key))

    def repository(self, repository: Repository) -> tuple[Statement, ...]:
        """Who of other accounts may pull the images."""
        return self._of(_repository(repository))

    def group(self, group: ModelGroup) -> tuple[Statement, ...]:
        """What other accounts may do with the model-package group and its packages."""
        return self._of(_group(group))

    def bus(self, bus: Bus) -> tuple[Statement, ...]:
        """Who of other accounts may put events on the bus."""
        return self._of(_bus(bus))

    def key_users(self, key: Key) -> tuple[Role, ...]:
        """The roles that the key's policy admits, in the order of the grants."""
        return tuple(self._users.get(key.place.stack, {}).get(key.name, {}).values())

    def edges(self) -> tuple[Edge, ...]:
        """The ledger's edges, sorted by id."""
        uses = [self._key_edge(use) for use in self._key_uses.values()]
        edges = [self._with_final(edge) for edge in self._edges.values()]
        return tuple(sorted([*edges, *uses], key=lambda edge: edge.id))

    def _with_final(self, edge: Edge) -> Edge:
        """The edge with its statements as they are after folding and widening."""
        return replace(edge, statements=tuple(self._found(e) for e in edge.statements))

    def _found(self, evidence: Evidence) -> Evidence:
        home = (evidence.stack, evidence.side, evidence.address)
        name = self._folded.get(home, {}).get(evidence.sid, evidence.sid)
        return replace(evidence, sid=name, conditions=self._statements[home][name].conditions)

    def _sid(self, home: Home, component: str, identifier: str) -> str:
        """A sid that no other identifier has in that policy: accounts `prod-1` and `prod1`."""
        stack, _, _ = home
        if stack.rpartition("/")[2] != component:
            identifier = f"{component}-{identifier}"
        plain = sid(identifier)
        if self._sids.setdefault((home, plain), identifier) == identifier:
            return plain
        return plain + hashlib.sha256(identifier.encode()).hexdigest()[:HASH_LENGTH]

    def _of(self, home: Home) -> tuple[Statement, ...]:
        return tuple(self._statements.get(home, {}).values())

    def _add(self, grant: Grant) -> None:
        target = grant.target
        if isinstance(target, Assume):
            self._assume(grant, target.role)
        elif isinstance(target, Objects):
            self._objects(grant, target)
        elif isinstance(target, Listing):
            self._listing(grant, target)
        elif isinstance(target, KeyUse):
            self._use_key(grant, target.key, grant.actions, for_service=target.for_service)
        elif isinstance(target, Images):
            repository = target.repository
            self._admitted(grant, repository.place, repository.arn, _repository(repository))
        elif isinstance(target, Events):
            bus = target.bus
            self._admitted(grant, bus.place, bus.arn, _bus(bus), None, (bus.arn,), target.only)
        elif isinstance(target, Group):
            self._model_group(grant, target.group, target.group.arn, "group")
        elif isinstance(target, Packages):
            self._model_group(grant, target.group, target.group.packages, "packages")
        elif isinstance(target, Own):
            self._own(grant, target)
        else:
            evidence = [self._identity(grant, (target.arn,), grant.conditions)]
            self._edge(grant, target.arn.split(":")[4], target.arn, evidence)

    def _assume(self, grant: Grant, role: Role) -> None:
        if role.existing:
            raise HalfGrantError(f"{grant.id}: the trust policy of {role.arn} is not ours to write")
        self._trusted.setdefault(role.arn, {})[grant.principal.arn] = grant.principal
        evidence = [
            self._identity(grant, (role.arn,), grant.conditions),
            self._admit(_trust(role), grant, role.place, grant.conditions),
        ]
        self._edge(grant, role.place.account, role.arn, evidence)

    def _objects(self, grant: Grant, target: Objects) -> None:
        bucket = target.bucket
        arn = f"{bucket.arn}/{target.pattern}"
        evidence = [self._identity(grant, (arn,), grant.conditions)]
        if _crosses(grant.principal.place, bucket.place):
            evidence.append(self._admit(_bucket(bucket), grant, bucket.place, {}, (arn,)))
        needed = [a for action in grant.actions for a in KEY_ACTIONS.get(action, ())]
        if needed and bucket.key:
            actions = tuple(sorted(set(needed)))
            evidence += self._use_key(grant, bucket.key, actions, via_s3=target.via_s3)
        self._edge(grant, bucket.place.account, arn, evidence)

    def _listing(self, grant: Grant, target: Listing) -> None:
        bucket = target.bucket
        conditions = grant.conditions
        if target.prefixes:
            keys: Value = [f"{prefix}*" for prefix in target.prefixes]
            conditions = both(conditions, {"StringLike": {"s3:prefix": keys}})
        self._admitted(grant, bucket.place, bucket.arn, _bucket(bucket), conditions, (bucket.arn,))

    def _admitted(
        self,
        grant: Grant,
        owner: Place,
        arn: str,
        home: Home,
        conditions: Conditions | None = None,
        resources: tuple[Value, ...] = (),
        only: Conditions | None = None,
    ) -> None:
        """Both halves of the use of something with a policy of its own, at `home`.

        `conditions` hold on both sides, `only` on the owner's; without the former those of the grant
        hold on the principal's.
        """
        asked = grant.conditions if conditions is None else conditions
        evidence = [self._identity(grant, (arn,), asked)]
        if _crosses(grant.principal.place, owner):
            admits = both(conditions or {}, only or {})
            evidence.append(self._admit(home, grant, owner, admits, resources))
        self._edge(grant, owner.account, arn, evidence)

    def _model_group(self, grant: Grant, group: ModelGroup, arn: str, part: str) -> None:
        """Both halves of the use of a model-package group.

        Whether its policy honours aws:PrincipalArn is not documented, and a role there hides the
        group from the account's other tools: it admits the account, and the principal's side
        narrows it. Source: SageMaker developer guide, "Cross-account discoverability for model
        registry". Registering has statements of its own, with the status that all grants of the
        account ask for, so that no other role there registers an approved version. That a group's
        policy honours conditions is not documented either; where it ignores one, nothing is lost.
        """
        principal = grant.principal.place
        evidence = [self._identity(grant, (arn,), grant.conditions)]
        if _crosses(principal, group.place):
            home = _group(group)
            registers = REGISTERS in grant.actions
            label = f"{principal.account}-{'registers-' if registers else ''}{part}"
            statement = Statement(
                sid=self._sid(home, group.place.component, label),
                actions=tuple(sorted(grant.actions)),
                principal={"AWS": principal.root},
                resources=(arn,),
                conditions=grant.conditions if registers else {},
            )
            found = self._put(home, statement, widen=True)
            evidence.append(replace(found, whole_account=True))
        self._edge(grant, group.place.account, arn, evidence)

    def _own(self, grant: Grant, target: Own) -> None:
        if _crosses(grant.principal.place, target.place):
            raise HalfGrantError(f"{grant.id}: {target.arn} has no policy that could admit it")
        written = target.arn if target.value is None else target.value
        evidence = [self._identity(grant, (written,), grant.conditions)]
        self._edge(grant, target.place.account, target.arn, evidence)

    def _use_key(
        self,
        grant: Grant,
        key: Key,
        actions: tuple[str, ...],
        *,
        via_s3: bool = False,
        for_service: bool = False,
    ) -> list[Evidence]:
        """Both halves of using a key; several grants of one role on one key share them."""
        role = grant.principal
        conditions: Conditions = {}
        if via_s3:
            actions = tuple(a for a in actions if a in VIA_S3)
            service = f"s3.{key.place.region}.{key.place.suffix}"
            conditions = {"StringEquals": {"kms:ViaService": service}}
        verb = "lends" if "kms:CreateGrant" in actions else "uses"
        foreign = key.place.component != grant.component
        name = f"{key.place.component}-{key.name}" if foreign else key.name
        if len(self._alike[_alike(role, key)]) > 1:
            name += f"-{key.place.account}"
        identifier = f"{role.label}-{verb}-{name}".replace("_", "-")
        use = _KeyUse(grant, identifier, role, key)
        self._key_uses.setdefault(f"{grant.component}/{identifier}", use)
        users = self._users.setdefault(key.place.stack, {}).setdefault(key.name, {})
        users.setdefault(role.arn, role)
        if for_service:
            conditions = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        if role.place.stack == key.place.stack:
            resource: Value = reference(key.address, "arn")
            own = conditions
        else:
            # The key's id is not known outside its stack; its alias is.
            resource = _key_arn(key)
            alias: Conditions = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": key.alias}}
            own = both(conditions, alias)
        asked = Statement(
            sid=self._sid(_identity(role), grant.component, identifier),
            actions=actions,
            resources=(resource,),
            conditions=own,
        )
        admitted = Statement(
            sid=self._sid(_key(key), grant.component, identifier),
            actions=actions,
            principal=_principal(role, key.place),
            resources=("*",),
            conditions=both(conditions, _narrowed(role, key.place)),
        )
        return [
            self._put(_identity(role), asked, widen=True),
            self._put(_key(key), admitted, widen=True),
        ]

    def _identity(
        self, grant: Grant, resources: tuple[Value, ...], conditions: Conditions
    ) -> Evidence:
        home = _identity(grant.principal)
        statement = Statement(
            sid=self._sid(home, grant.component, grant.id),
            actions=tuple(sorted(grant.actions)),
            resources=resources,
            conditions=conditions,
        )
        return self._put(home, statement)

    def _admit(
        self,
        home: Home,
        grant: Grant,
        owner: Place,
        conditions: Conditions,
        resources: tuple[Value, ...] = (),
    ) -> Evidence:
        """The owner's half: the same actions, for exactly the grant's principal."""
        statement = Statement(
            sid=self._sid(home, grant.component, grant.id),
            actions=tuple(sorted(grant.actions)),
            principal=_principal(grant.principal, owner),
            resources=resources,
            conditions=both(conditions, _narrowed(grant.principal, owner)),
        )
        return self._put(home, statement)

    def _put(self, home: Home, statement: Statement, *, widen: bool = False) -> Evidence:
        stack, side, address = home
        statements = self._statements.setdefault(home, {})
        before = statements.get(statement.sid)
        if before is not None:
            if not widen:
                raise HalfGrantError(f"{stack}: {address} has two grants called {statement.sid}")
            statement = wider(before, statement)
        statements[statement.sid] = statement
        return Evidence(stack=stack, address=address, side=side, sid=statement.sid)

    def _key_edge(self, use: _KeyUse) -> Edge:
        """The use of a key, once for all the grants of a role that need it."""
        grant, role, key = use.grant, use.role, use.key
        sids = {
            home: self._sid(home, grant.component, use.identifier)
            for home in (_identity(role), _key(key))
        }
        return Edge(
            id=f"{grant.component}/{use.identifier}",
            component=grant.component,
            origin=grant.origin,
            principal_account=role.place.account,
            principal_arn=role.arn,
            actions=self._statements[_identity(role)][sids[_identity(role)]].actions,
            resource_account=key.place.account,
            resource_arn=_key_arn(key),
            statements=tuple(
                self._found(Evidence(stack=stack, address=address, side=side, sid=name))
                for (stack, side, address), name in sids.items()
            ),
        )

    def _edge(self, grant: Grant, owner: str, arn: str, evidence: list[Evidence]) -> None:
        identifier = f"{grant.component}/{grant.id}"
        if identifier in self._edges:
            raise HalfGrantError(f"two grants are called {identifier}")
        self._edges[identifier] = Edge(
            id=identifier,
            component=grant.component,
            origin=grant.origin,
            principal_account=grant.principal.place.account,
            principal_arn=grant.principal.arn,
            actions=tuple(sorted(grant.actions)),
            resource_account=owner,
            resource_arn=arn,
            statements=tuple(evidence),
        )


def _principal(role: Role, owner: Place) -> Value:
    return {"AWS": role.place.root if _by_root(role, owner) else role.arn}


def _narrowed(role: Role, owner: Place) -> Conditions:
    if not _by_root(role, owner):
        return {}
    exact: Conditions = {"ArnEquals": {"aws:PrincipalArn": role.arn}}
    if owner.organization is None:
        return exact
    return both(exact, {"StringEquals": {"aws:PrincipalOrgID": owner.organization}})


def _alike(role: Role, key: Key) -> tuple[str, str, str]:
    return role.arn, key.place.component, key.name


def _limit(resource_type: str) -> PolicyLimit | None:
    """How long the policy of a resource of that type may be."""
    found = (policy_limit_of(resource_type, argument) for argument in POLICY_ARGUMENTS)
    return next((limit for limit in found if limit), None)


def _by_root(role: Role, owner: Place) -> bool:
    """Whether a policy of the owner names the role by its account and its ARN as a condition.

    IAM turns a role's ARN into its id: it must exist then, and one made again is another role.
    """
    return role.existing or role.place.stack != owner.stack


def _crosses(principal: Place, owner: Place) -> bool:
    return principal.id != owner.id


def _key_arn(key: Key) -> str:
    return key.place.arn("kms", "key/*")


def _identity(role: Role) -> Home:
    return role.place.stack, "identity", f"aws_iam_role_policy.{role.name}"


def _trust(role: Role) -> Home:
    return role.place.stack, "trust", f"aws_iam_role.{role.name}"


def _bucket(bucket: Bucket) -> Home:
    return bucket.place.stack, "resource", f"aws_s3_bucket_policy.{bucket.name}"


def _repository(repository: Repository) -> Home:
    return repository.place.stack, "resource", f"aws_ecr_repository_policy.{repository.name}"


def _group(group: ModelGroup) -> Home:
    address = f"aws_sagemaker_model_package_group_policy.{group.name}"
    return group.place.stack, "resource", address


def _bus(bus: Bus) -> Home:
    return bus.place.stack, "resource", f"aws_cloudwatch_event_bus_policy.{bus.name}"


def _key(key: Key) -> Home:
    return key.place.stack, "key", key.address
