"""With whom the portfolio is shared: whole organisational units where that says no more than meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.organization.records import Account, Organization


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One share: its name in Terraform, Service Catalog's type, and with whom."""

    name: str
    type: str
    principal: str


def shares(organization: Organization, hub: Account, to: Sequence[Account]) -> list[Share]:
    """The shares that reach exactly the accounts, in the order of their names.

    A unit in AWS is shared to with all that is below it. So it is taken only where every account of
    the blueprint in it is meant: in another one people would see products that cannot be launched.
    Source: Service Catalog API reference, CreatePortfolioShare and OrganizationNode.
    """
    units = _units(organization, hub, to)
    found = [_unit(organization, ou) for ou in sorted(set(units.values()))]
    for account in sorted(to, key=lambda account: account.name):
        if account is not hub and account.id != hub.id and not _within(account, units):
            name = f"account_{account.name}".replace("-", "_")
            found.append(Share(name=name, type="ORGANIZATION_MEMBER_ACCOUNT", principal=account.id))
    return found


def _units(organization: Organization, hub: Account, to: Sequence[Account]) -> dict[str, str]:
    """The units to share to, by their path, with their ids in AWS; none of them within another."""
    meant = {account.id for account in (*to, hub)}
    whole: dict[str, str] = {}
    for account in to:
        if account.unit is None or account.ou is None:
            continue
        if account.ou.startswith("r-") and organization.aws_id is None:
            continue  # the root is shared to by the organisation's id
        if all(each.id in meant for each in _below(organization, account.unit)):
            whole[account.unit] = account.ou
    return {path: ou for path, ou in whole.items() if not any(_above(o, path) for o in whole)}


def _below(organization: Organization, unit: str) -> Iterator[Account]:
    for account in organization.accounts.values():
        if account.unit == unit or _above(unit, account.unit or ""):
            yield account


def _above(outer: str, inner: str) -> bool:
    return inner.startswith(f"{outer}/")


def _within(account: Account, units: dict[str, str]) -> bool:
    unit = account.unit or ""
    return any(unit == path or _above(path, unit) for path in units)


def _unit(organization: Organization, ou: str) -> Share:
    if ou.startswith("r-") and organization.aws_id:
        return Share(name="organization", type="ORGANIZATION", principal=organization.aws_id)
    return Share(name=f"unit_{ou}".replace("-", "_"), type="ORGANIZATIONAL_UNIT", principal=ou)
