"""What the organisation's management account and each account that launches hold beside roles."""

from __future__ import annotations

from compiler.access.parties import Own
from compiler.access.policy import Conditions
from compiler.kinds.draft import Draft
from compiler.kinds.model_catalog.inputs import Budget
from compiler.kinds.model_catalog.names import Catalog
from compiler.organization.records import Account, Component
from compiler.terraform.stack import Value, reference

SERVICE = "servicecatalog.amazonaws.com"
TRUSTED_ACCESS = (
    "organizations:DisableAWSServiceAccess",
    "organizations:EnableAWSServiceAccess",
)
DELEGATION = (
    "organizations:DeregisterDelegatedAdministrator",
    "organizations:RegisterDelegatedAdministrator",
)
READS_ORGANIZATION = (
    "organizations:DescribeOrganization",
    "organizations:ListAWSServiceAccessForOrganization",
    "organizations:ListDelegatedAdministrators",
)
# Percent of the budget, and whether of what was spent or of what is forecast.
BUDGET_WARNINGS = ((80, "ACTUAL"), (100, "ACTUAL"), (100, "FORECASTED"))
# The tag that everything of a component has.
COMPONENT_TAG = "landform-component"


def organization_access(catalog: Catalog) -> tuple[str, ...]:
    """Turn on sharing in the organisation, and let the catalog's account share.

    Either is there once for all catalogs: the first of them by name makes it, and the others come
    after. Gives the addresses in the catalog's own stack that come before a share. Only the
    management account, or a delegated administrator that it names, shares with units.
    Source: Service Catalog API reference, CreatePortfolioShare and EnableAWSOrganizationsAccess.
    """
    draft, hub, account = catalog.draft, catalog.inputs.account, catalog.inputs.management_account
    if account is None:
        return ()
    access_by, administrator_by = _makers(draft, account, hub)
    own = draft.component.name
    access: tuple[str, ...] = ()
    allowed = _allowed(draft, account, hub) if own in (access_by, administrator_by) else ()
    if access_by == own:
        kind = "aws_servicecatalog_organizations_access"
        access = (draft.add(account, kind, "organization", {"enabled": True}, depends_on=allowed),)
    if administrator_by == own:
        draft.add(
            account,
            "aws_organizations_delegated_administrator",
            "catalog",
            {"account_id": hub.id, "service_principal": SERVICE},
            depends_on=(*allowed, *access),
        )
        draft.after_stacks(account, f"aws/{account.name}/{access_by}")
    makers = [maker for maker in (access_by, administrator_by) if maker]
    draft.after_stacks(hub, *(f"aws/{account.name}/{maker}" for maker in makers))
    return access if account.id == hub.id else ()


def _allowed(draft: Draft, account: Account, hub: Account) -> tuple[str, ...]:
    """What the role that applies stacks needs in the management account, where the blueprint names it.

    PowerUserAccess has no writing action of Organizations. Gives the policy's address.
    Sources: Organizations user guide, "Service Catalog and AWS Organizations"; Service Authorization
    Reference, "AWS Organizations".
    """
    applied_by = draft.organization.deploy.aws_role
    if applied_by is None:
        return ()
    role = draft.existing_role(account, "terraform", applied_by)
    place, organization = role.place, draft.organization
    ours: Conditions = {"StringEquals": {"organizations:ServicePrincipal": SERVICE}}
    start = f"arn:{organization.partition}:organizations::{account.id}"
    member = f"{start}:account/{organization.aws_id or 'o-*'}/{hub.id}"
    grants = (
        ("turns-on-sharing", TRUSTED_ACCESS, "*", ours),
        ("names-administrator", DELEGATION, member, ours),
        ("reads-organization", READS_ORGANIZATION, "*", None),
    )
    for part, actions, resource, conditions in grants:
        draft.grant(f"{role.label}-{part}", role, actions, Own(place, resource), conditions)
    return (f"aws_iam_role_policy.{role.name}",)


def _makers(draft: Draft, account: Account, hub: Account) -> tuple[str, str | None]:
    """The components that turn sharing on, and that make the hub an administrator of it."""
    catalogs = [
        (each.name, each.inputs.account.id)
        for each in draft.neighbours.such("model-catalog", _managed)
        if each.inputs.management_account.id == account.id
    ]
    of_hub = [name for name, home in catalogs if home == hub.id != account.id]
    return min(name for name, _ in catalogs), min(of_hub, default=None)


def _managed(component: Component) -> bool:
    return component.inputs.management_account is not None


def budgets(catalog: Catalog, given: Budget) -> None:
    """A budget in each account that launches, where the costs arise, and one on the portfolio.

    Both count what has the component's tag, which the organisation must have activated as a cost
    allocation tag. A budget that Service Catalog shows must be in the portfolio's account.
    Source: Service Catalog administrator guide, "Managing budgets".
    """
    draft, hub = catalog.draft, catalog.inputs.account
    if draft.organization.partition != "aws":
        draft.problem(
            "E324",
            f'component "{draft.component.name}" has a budget in US dollars, which AWS Budgets does '
            f'not have in the partition "{draft.organization.partition}"',
            hint="leave budget out",
            at=("budget",),
        )
        return
    accounts = {hub.id: hub, **{each.account.id: each.account for each in catalog.launching}}
    for account in accounts.values():
        _budget(draft, account, given)
    draft.add(
        hub,
        "aws_servicecatalog_budget_resource_association",
        "catalog",
        {
            "budget_name": reference("aws_budgets_budget.catalog", "name"),
            "resource_id": reference("aws_servicecatalog_portfolio.catalog", "id"),
        },
    )


def _budget(draft: Draft, account: Account, given: Budget) -> None:
    tag = f"user:{COMPONENT_TAG}${draft.component.name}"
    arguments: dict[str, Value] = {
        "name": draft.name("launched", "aws_budgets_budget"),
        "budget_type": "COST",
        "limit_amount": str(given.monthly_usd),
        "limit_unit": "USD",
        "time_unit": "MONTHLY",
        "cost_filter": [{"name": "TagKeyValue", "values": [tag]}],
    }
    if given.notify:
        arguments["notification"] = [
            {
                "comparison_operator": "GREATER_THAN",
                "notification_type": kind,
                "threshold": percent,
                "threshold_type": "PERCENTAGE",
                "subscriber_email_addresses": sorted(given.notify),
            }
            for percent, kind in BUDGET_WARNINGS
        ]
    draft.add(account, "aws_budgets_budget", "catalog", arguments)
