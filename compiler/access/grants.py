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
    Grant,
    Images,
    Key,
    KeyUse,
    Listing,
    Objects,
    Own,
    Place,
    Repository,
    Role,
)
from compiler.access.policy import Conditions, Statement, both, sid
from compiler.data import policy_limit_of
from compiler.terraform.names import HASH_LENGTH
from compiler.terraform.stack import Value, reference

# What S3 asks of a bucket's key on behalf of the caller, by the S3 action.
# Source: S3 user guide, "Using server-side encryption with AWS KMS keys", permissions.
KEY_ACTIONS = {
    "s3:GetObject": ("kms:Decrypt", "kms:DescribeKey"),
    "s3:GetObjectVersion": ("kms:Decrypt", "kms:DescribeKey"),
    "s3:PutObject": ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"),
}
# Bytes of a resource's policy for the statements that it has besides those of grants.
OWN_ROOM = 3000
# The actions that a service calls through S3 and never by itself.
VIA_S3 = frozenset({"kms:Decrypt", "kms:GenerateDataKey*"})


class HalfGrantError(Exception):
    """A kind declared a grant of which one half cannot be written: a defect of the kind."""


# Whose policy a statement stands in: (stack path, side, Terraform address of the policy).
Home = tuple[str, str, str]


@dataclass(slots=True)
class Access:
    """The statements of one component's grants, by the policy that they belong in.

    `add` takes grants; afterwards `identity`, `trust`, `bucket` and `key` give the statements of
    each policy in the order of the grants, and `edges` the ledger.
    """

    component: str
    origin: str
    _statements: dict[Home, dict[str, Statement]] = field(default_factory=dict)
    _edges: list[Edge] = field(default_factory=list)
    _key_users: dict[str, tuple[Role, Key]] = field(default_factory=dict)
    _trusted: dict[str, dict[str, Role]] = field(default_factory=dict)
    _sids: dict[str, str] = field(default_factory=dict)
    _folded: dict[Home, dict[str, str]] = field(default_factory=dict)

    def add(self, grants: Iterable[Grant]) -> None:
        """Write every statement of every grant; call it once, with all of them."""
        for grant in grants:
            self._add(grant)
        for home, statements in self._statements.items():
            _, side, address = home
            limit = policy_limit_of(address.partition(".")[0], "policy")
            if limit is None or side not in ("resource", "key"):
                continue
            kept, self._folded[home] = fold(tuple(statements.values()), limit.maximum - OWN_ROOM)
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

    def key_users(self, key: Key) -> tuple[Role, ...]:
        """The roles that the key's policy admits, in the order of the grants."""
        users = {role.arn: role for role, used in self._key_users.values() if used == key}
        return tuple(users.values())

    def edges(self) -> tuple[Edge, ...]:
        """The ledger's edges, sorted by id."""
        uses = [self._key_edge(use, *users) for use, users in self._key_users.items()]
        edges = [self._with_folded(edge) for edge in self._edges]
        return tuple(sorted([*edges, *uses], key=lambda edge: edge.id))

    def _with_folded(self, edge: Edge) -> Edge:
        """The edge with the sids that its statements have after folding."""
        return replace(edge, statements=tuple(self._found(e) for e in edge.statements))

    def _found(self, evidence: Evidence) -> Evidence:
        home = (evidence.stack, evidence.side, evidence.address)
        name = self._folded.get(home, {}).get(evidence.sid, evidence.sid)
        return replace(evidence, sid=name)

    def _sid(self, identifier: str) -> str:
        """`sid`, with a hash where another identifier has it: accounts `prod-1` and `prod1`."""
        plain = sid(identifier)
        if self._sids.setdefault(plain, identifier) == identifier:
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
            self._images(grant, target.repository)
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
            self._put(
                _trust(role), _admitting(self._sid(grant.id), grant, role.place, grant.conditions)
            ),
        ]
        self._edge(grant, role.place.account, role.arn, evidence)

    def _objects(self, grant: Grant, target: Objects) -> None:
        bucket = target.bucket
        arn = f"{bucket.arn}/{target.pattern}"
        evidence = [self._identity(grant, (arn,), grant.conditions)]
        if _crosses(grant.principal.place, bucket.place):
            statement = _admitting(self._sid(grant.id), grant, bucket.place, {}, resources=(arn,))
            evidence.append(self._put(_bucket(bucket), statement))
        needed = [a for action in grant.actions for a in KEY_ACTIONS.get(action, ())]
        if needed:
            actions = tuple(sorted(set(needed)))
            evidence += self._use_key(grant, bucket.key, actions, via_s3=target.via_s3)
        self._edge(grant, bucket.place.account, arn, evidence)

    def _listing(self, grant: Grant, target: Listing) -> None:
        bucket = target.bucket
        conditions = grant.conditions
        if target.prefixes:
            keys: Value = [f"{prefix}*" for prefix in target.prefixes]
            conditions = both(conditions, {"StringLike": {"s3:prefix": keys}})
        evidence = [self._identity(grant, (bucket.arn,), conditions)]
        if _crosses(grant.principal.place, bucket.place):
            statement = _admitting(
                self._sid(grant.id), grant, bucket.place, conditions, resources=(bucket.arn,)
            )
            evidence.append(self._put(_bucket(bucket), statement))
        self._edge(grant, bucket.place.account, bucket.arn, evidence)

    def _images(self, grant: Grant, repository: Repository) -> None:
        evidence = [self._identity(grant, (repository.arn,), grant.conditions)]
        if _crosses(grant.principal.place, repository.place):
            statement = _admitting(self._sid(grant.id), grant, repository.place, {})
            evidence.append(self._put(_repository(repository), statement))
        self._edge(grant, repository.place.account, repository.arn, evidence)

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
        verb = "lends" if for_service else "uses"
        identifier = f"{role.label}-{verb}-{key.name}".replace("_", "-")
        self._key_users[identifier] = (role, key)
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
            sid=self._sid(identifier), actions=actions, resources=(resource,), conditions=own
        )
        admitted = Statement(
            sid=self._sid(identifier),
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
        statement = Statement(
            sid=self._sid(grant.id),
            actions=tuple(sorted(grant.actions)),
            resources=resources,
            conditions=conditions,
        )
        return self._put(_identity(grant.principal), statement)

    def _put(self, home: Home, statement: Statement, *, widen: bool = False) -> Evidence:
        statements = self._statements.setdefault(home, {})
        before = statements.get(statement.sid)
        if before is not None:
            if not widen:
                raise HalfGrantError(f"two grants of {self.component} are called {statement.sid}")
            statement = _wider(before, statement)
        statements[statement.sid] = statement
        stack, side, address = home
        return Evidence(stack=stack, address=address, side=side, sid=statement.sid)

    def _key_edge(self, use: str, role: Role, key: Key) -> Edge:
        """The use of a key, once for all the grants of a role that need it."""
        identifier = self._sid(use)
        homes = (_identity(role), _key(key))
        actions = self._statements[_identity(role)][identifier].actions
        return Edge(
            id=f"{self.component}/{use}",
            component=self.component,
            origin=self.origin,
            principal_account=role.place.account,
            principal_arn=role.arn,
            actions=actions,
            resource_account=key.place.account,
            resource_arn=_key_arn(key),
            statements=tuple(
                self._found(Evidence(stack=stack, address=address, side=side, sid=identifier))
                for stack, side, address in homes
            ),
        )

    def _edge(self, grant: Grant, owner: str, arn: str, evidence: list[Evidence]) -> None:
        self._edges.append(
            Edge(
                id=f"{self.component}/{grant.id}",
                component=self.component,
                origin=self.origin,
                principal_account=grant.principal.place.account,
                principal_arn=grant.principal.arn,
                actions=tuple(sorted(grant.actions)),
                resource_account=owner,
                resource_arn=arn,
                statements=tuple(evidence),
            )
        )


def _wider(before: Statement, after: Statement) -> Statement:
    """One statement for two uses of a key: the actions of both, the conditions that both have."""
    shared = {
        operator: {
            key: value
            for key, value in keys.items()
            if after.conditions.get(operator, {}).get(key) == value
        }
        for operator, keys in before.conditions.items()
    }
    return Statement(
        sid=before.sid,
        actions=tuple(sorted({*before.actions, *after.actions})),
        principal=before.principal,
        resources=before.resources,
        conditions={operator: keys for operator, keys in shared.items() if keys},
    )


def _admitting(
    name: str, grant: Grant, owner: Place, conditions: Conditions, resources: tuple[Value, ...] = ()
) -> Statement:
    """The owner's half: the same actions, for exactly the grant's principal."""
    return Statement(
        sid=name,
        actions=tuple(sorted(grant.actions)),
        principal=_principal(grant.principal, owner),
        resources=resources,
        conditions=both(conditions, _narrowed(grant.principal, owner)),
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


def _by_root(role: Role, owner: Place) -> bool:
    """Whether a policy of the owner names the role by its account and its ARN as a condition.

    IAM turns a role's ARN into its id: it must exist then, and one made again is another role.
    """
    return role.existing or _crosses(role.place, owner)


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


def _key(key: Key) -> Home:
    return key.place.stack, "key", key.address
