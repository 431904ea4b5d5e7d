"""With whom the portfolio is shared: whole organisational units where that says no more than meant."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from compiler.organization.records import Account, Organization

MEMBER = "ORGANIZATION_MEMBER_ACCOUNT"
# The partition that principals are shared by name in: AWS announced it for no other.
NAMES_ARE_SHARED_IN = "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One share: its name in Terraform, Service Catalog's type, and with whom."""

    name: str
    type: str
    principal: str

    @property
    def of_unit(self) -> bool:
        """Whether it is with a unit or the organisation: only those share principals too.

        Source: Service Catalog API reference, CreatePortfolioShare, SharePrincipals.
        """
        return self.type != MEMBER


def shares(
    organization: Organization,
    hub: Account,
    to: Sequence[Account],
    management: Account | None,
    apart: Collection[str],
) -> list[Share]:
    """The shares that reach exactly the accounts: units first, then accounts by name.

    A unit in AWS is shared to with all that is below it. So it is taken only where every account of
    the blueprint in it is meant: in another one people would see products that cannot be launched.
    Nor where the id of one is in `apart`, since that one's roles are others: a principal that is shared
    is a role's name, in every account of every unit.
    The provider wants a unit's ARN, which holds the organisation's id and that of its management
    account: where one of them is not known, the accounts are shared to one by one.
    Source: Service Catalog API reference, CreatePortfolioShare; Organizations, "ARN formats".
    """
    units: dict[str, str] = {}
    found: list[Share] = []
    by_name = organization.partition == NAMES_ARE_SHARED_IN
    if by_name and management is not None and organization.aws_id is not None:
        start = f"arn:{organization.partition}:organizations::{management.id}"
        units = _units(organization, {account.id for account in (*to, hub)} - {*apart}, to)
        found = [_unit(start, organization.aws_id, ou) for ou in sorted(set(units.values()))]
    for account in sorted(to, key=lambda account: account.name):
        if account.id != hub.id and not _within(account, units):
            name = f"account_{account.name}".replace("-", "_")
            found.append(Share(name=name, type=MEMBER, principal=account.id))
    return found


def _units(
    organization: Organization, meant: Collection[str], to: Sequence[Account]
) -> dict[str, str]:
    """The units to share to, by their path, with their ids in AWS; none of them within another, and
    all accounts of the blueprint in them among `meant`."""
    whole: dict[str, str] = {}
    for account in to:
        if account.unit is None or account.ou is None:
            continue
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


def _unit(start: str, organization: str, ou: str) -> Share:
    """The share of one unit; the root of all is the organisation itself."""
    if ou.startswith("r-"):
        arn = f"{start}:organization/{organization}"
        return Share(name="organization", type="ORGANIZATION", principal=arn)
    arn = f"{start}:ou/{organization}/{ou}"
    return Share(name=f"unit_{ou}".replace("-", "_"), type="ORGANIZATIONAL_UNIT", principal=arn)
