"""The project's monthly budget and who is warned."""

from __future__ import annotations

from compiler.kinds.account_baseline import BUDGET_WARNINGS
from compiler.kinds.draft import Draft
from compiler.kinds.project_baseline.inputs import Budget
from compiler.kinds.project_baseline.services import on
from compiler.organization.records import Project
from compiler.terraform.names import labels, shorten
from compiler.terraform.stack import Expression, Value, reference

# Source: Cloud Billing Budget API reference, Budget, displayName.
NAME_LENGTH = 60
_BASIS = {"ACTUAL": "CURRENT_SPEND", "FORECASTED": "FORECASTED_SPEND"}


def budget(draft: Draft, project: Project, given: Budget) -> None:
    """The budget; only those whom it names are warned, through a channel for each."""
    amount: dict[str, Value] = {"units": str(given.monthly_usd or given.monthly)}
    if given.monthly_usd:
        amount = {"currency_code": "USD", **amount}
    draft.add(
        project,
        "google_billing_budget",
        "monthly",
        {
            "billing_account": given.billing_account,
            "display_name": shorten(draft.prefix(project.id), NAME_LENGTH),
            "budget_filter": [
                {"calendar_period": "MONTH", "projects": [f"projects/{draft.number(project)}"]}
            ],
            "amount": [{"specified_amount": [amount]}],
            "threshold_rules": [
                {"threshold_percent": percent / 100, "spend_basis": _BASIS[kind]}
                for percent, kind in BUDGET_WARNINGS
            ],
            "all_updates_rule": [
                {
                    "disable_default_iam_recipients": True,
                    "monitoring_notification_channels": _channels(draft, project, given),
                }
            ],
        },
        depends_on=(on("billingbudgets"),),
    )


def _channels(draft: Draft, project: Project, given: Budget) -> list[Expression]:
    channels = []
    for address, name in labels(given.notify).items():
        channel = draft.add(
            project,
            "google_monitoring_notification_channel",
            f"budget_{name}",
            {
                "project": project.id,
                "display_name": address,
                "type": "email",
                "labels": {"email_address": address},
            },
            depends_on=(on("monitoring"),),
        )
        channels.append(reference(channel, "id"))
    return channels
