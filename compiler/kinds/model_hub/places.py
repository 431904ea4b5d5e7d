"""Where a hub's models are served: the accounts, the endpoints and their roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.access.parties import Bus, Key, Role
from compiler.access.policy import Statement
from compiler.kinds.draft import Draft
from compiler.kinds.endpoints.served import (
    FUNCTION_ALARM,
    ROLLBACK_ALARMS,
    Served,
    model_prefix,
)
from compiler.kinds.inputs import RoleReference
from compiler.kinds.model_hub.inputs import Deployment, Inputs, Pinned
from compiler.kinds.model_hub.names import Hub, HubGroup, apart, identifier, parties, role_label
from compiler.kinds.parts import service_trust
from compiler.kinds.services import log_encryption, topic_encryption
from compiler.organization.records import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One endpoint in one account.

    `deployer` is the role of the function that follows approvals, `terraform` the role that Terraform
    acts as for a pinned version: one of them is None. `callers` may invoke the endpoint: those of
    its account by themselves, the others as `invoker`, which is None where there are none.
    """

    deployment: Deployment
    group: HubGroup
    served: Served
    callers: tuple[Role, ...]
    invoker: Role | None = None
    deployer: Role | None = None
    terraform: Role | None = None

    @property
    def account(self) -> Account:
        """The account that serves."""
        return self.served.account

    @property
    def pinned(self) -> Pinned | None:
        """The version that the blueprint names, if it does."""
        promote = self.deployment.promote
        return promote if isinstance(promote, Pinned) else None

    @property
    def alarms(self) -> list[str]:
        """The names of its alarms."""
        parts = ROLLBACK_ALARMS if self.pinned else (*ROLLBACK_ALARMS, FUNCTION_ALARM)
        return [self.served.alarm(part) for part in parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An account that serves. `bus` takes the hub's events, where functions follow them and the
    account is not the hub's own."""

    account: Account
    key: Key
    endpoints: tuple[Placed, ...]
    bus: Bus | None

    @property
    def following(self) -> tuple[Placed, ...]:
        """The endpoints that follow approvals."""
        return tuple(each for each in self.endpoints if each.deployer)


@dataclass(slots=True)
class Parties:
    """Every party of a hub, declared before any of them is used.

    `registers` are the roles that we make in the accounts of `register_from`, by account.
    """

    draft: Draft
    hub: Hub
    roles: dict[tuple[str, str], Role]
    registers: dict[str, Role]
    sites: tuple[Site, ...] = ()

    @property
    def inputs(self) -> Inputs:
        """The component's inputs."""
        return self.hub.inputs

    def existing(self, account: Account, role: str) -> Role:
        """A role that the blueprint names, one for all its uses."""
        return self.roles[account.name, role]

    def registrar(self, account: Account, role: str | None) -> Role:
        """Who registers from the account: the role that the blueprint names, or ours."""
        return self.existing(account, role) if role else self.registers[account.name]


def declare(draft: Draft) -> Parties:
    """The hub with its groups, the roles that the blueprint names, and all sites."""
    hub = parties(draft)
    found = Parties(draft, hub, _named_roles(draft, hub.inputs), _registers(draft, hub.inputs))
    labels = apart(
        (deployment.endpoint.name.lower(), account.name)
        for deployment in hub.inputs.deployments
        for account in deployment.to
    )
    accounts = {
        account.name: account for deployment in hub.inputs.deployments for account in deployment.to
    }
    found.sites = tuple(_site(found, accounts[name], labels) for name in sorted(accounts))
    return found


def applied_by(draft: Draft, pinned: Pinned) -> str:
    """The role that Terraform acts as in the accounts with a pinned version.

    Without a word in the blueprint it is the one that AWS makes in every account of an organisation.
    """
    deploy = draft.organization.deploy
    return pinned.by or deploy.aws_role or deploy.aws_bootstrap_role


def _registers(draft: Draft, inputs: Inputs) -> dict[str, Role]:
    """A role of each account that is named without one, for SageMaker's jobs and pipelines there."""
    accounts = {
        account.name: account
        for registrar in inputs.register_from
        if registrar.role is None
        for account in registrar.account
    }
    return {
        name: draft.role(
            account,
            "register",
            "register",
            f"Jobs and pipelines of SageMaker register models in {draft.component.name} with it",
            [service_trust("sagemaker.amazonaws.com", account.id)],
            several=True,
        )
        for name, account in sorted(accounts.items())
    }


def _named(draft: Draft, inputs: Inputs) -> Iterator[tuple[Account, str]]:
    for registrar in inputs.register_from:
        if registrar.role:
            yield from ((account, registrar.role) for account in registrar.account)
    yield from ((inputs.account, each.role) for each in inputs.approve_by)
    for deployment in inputs.deployments:
        for account in deployment.to:
            yield from ((each.account or account, each.role) for each in deployment.invoke_by)
            if isinstance(deployment.promote, Pinned):
                yield account, applied_by(draft, deployment.promote)


def _named_roles(draft: Draft, inputs: Inputs) -> dict[tuple[str, str], Role]:
    """The roles by account and name, in that order: where they are named does not matter."""
    named = {(account.name, role): account for account, role in _named(draft, inputs)}
    labels = apart((role_label(role), account) for account, role in named)
    return {
        (name, role): draft.existing_role(
            account, identifier(f"role_{labels[role_label(role), name]}_{name}"), role
        )
        for (name, role), account in sorted(named.items(), key=lambda item: item[0])
    }


def _site(found: Parties, account: Account, labels: dict[tuple[str, str], str]) -> Site:
    draft, inputs = found.draft, found.inputs
    here = [each for each in inputs.deployments if account in each.to]
    here.sort(key=lambda each: each.endpoint.name.lower())
    named = [(each, labels[each.endpoint.name.lower(), account.name]) for each in here]
    groups = [
        f"/aws/lambda/{draft.name(f'deployer-{label}', 'aws_lambda_function')}"
        for each, label in named
        if each.promote == "on-approval"
    ]
    place = draft.place(account)
    services = [log_encryption(place, *groups)] if groups else []
    if inputs.alerts:
        services.append(topic_encryption("cloudwatch.amazonaws.com"))
    key = draft.key(account, "serving", "serving", "Endpoints, their deployers, alarms", services)
    foreign = account != inputs.account
    return Site(
        account=account,
        key=key,
        endpoints=tuple(_placed(found, account, key, each, label) for each, label in named),
        bus=draft.bus(account, "approvals", "approvals") if foreign and groups else None,
    )


def _placed(
    found: Parties, account: Account, key: Key, deployment: Deployment, label: str
) -> Placed:
    draft, endpoint = found.draft, deployment.endpoint
    pinned = isinstance(deployment.promote, Pinned)

    def role(part: str, description: str, *trust: Statement) -> Role:
        name = identifier(f"{part}_{label}")
        return draft.role(account, name, f"{part}-{label}", description, trust, several=True)

    execution = role(
        "execution",
        f"SageMaker serves {endpoint.name} with it",
        service_trust("sagemaker.amazonaws.com", account.id),
    )
    callers = tuple(_callers(found, account, deployment.invoke_by))
    foreign = any(caller.place.account != account.name for caller in callers)
    served = Served(
        draft=draft,
        account=account,
        endpoint=endpoint.name,
        serving=endpoint,
        execution=execution,
        key=key,
        models=model_prefix(draft.organization.name, draft.component.name, endpoint.name),
        part=label,
    )
    group = found.hub.groups[deployment.group]
    return Placed(
        deployment=deployment,
        group=group,
        served=served,
        callers=callers,
        invoker=role("invoker", f"Callers of other accounts invoke {endpoint.name} as it")
        if foreign
        else None,
        deployer=None
        if pinned
        else role(
            "deployer",
            f"Keeps {endpoint.name} at the approved version",
            service_trust("lambda.amazonaws.com"),
        ),
        terraform=found.existing(account, applied_by(draft, deployment.promote))
        if isinstance(deployment.promote, Pinned)
        else None,
    )


def _callers(found: Parties, account: Account, references: list[RoleReference]) -> Iterator[Role]:
    seen = set()
    for reference in references:
        role = found.existing(reference.account or account, reference.role)
        if role.arn not in seen:
            seen.add(role.arn)
            yield role
