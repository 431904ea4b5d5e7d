"""`model-catalog`: approved models and templates that people of many accounts launch themselves.

A Service Catalog portfolio in the catalog's account holds the products. A product is a model of a
`model-hub` (its CloudFormation template, an endpoint with autoscaling, is written here), or a template
of the team's own: a file below the blueprint's folder with `AWSTemplateFormatVersion`, which is then no
part of the blueprint. Versions are listed, the oldest first; a changed template makes its version anew,
and what was launched stays as it is until somebody updates it. A
model's version with `package` deploys that one, or one of those listed; without, whoever launches says the
number, and nothing is known to refuse one that is not approved: list what may be launched. Every product
has one more version, `not-for-launch`, which Terraform must make it with and which refuses to be launched.

The portfolio is shared within the organisation: with a whole unit whose `aws.ou` is known if all its
accounts are to launch, none of them has a role of `audience` for itself (`account`), and
`organization.aws.id` and `management_account` are given (the three make the unit's ARN), else account
by account. Each account that launches has the launch role, under one name, a role for each product that
what is launched of it runs as, and a policy of ours on each role of `audience`. With units the
principals are shared by name: whoever may make a role of just that name and path there can launch, so
give each role of `audience` a path that only you make roles in (`team/data-scientist`; AWS names this
way to more rights at CreatePortfolioShare). AWS announced the sharing of names for its standard
partition only: in others no unit is shared to. An account that is shared to alone gets no names: its
own stack says exactly which roles see the portfolio, once it is told the portfolio's id.

A launched endpoint reads the model of its own product and no other, unless products share a role
(`runs_as`). Each role takes room in the policy of the hub's bucket, and hubs of their own have more: it
is enough for 4 roles in 50 accounts, or for 15 in 8.

A template of the team's own says in `permissions` what the launch role needs for it. Where it hands on
`arn:${AWS::Partition}:iam::${AWS::AccountId}:role/<organization>-<component>-<product>-run`, the launch
role may pass that role to SageMaker. It reads the models that the product's `reads` names, and writes
the logs of endpoints whose names start with `<organization>-<component>-<product>-`. A template names
no account but those of hubs and of AWS's image registries, and what the product's `accounts` lists.

With `deploy.aws.role` that role gets in the management account what turning sharing on and naming an
administrator take, since AWS's PowerUserAccess has no writing action of Organizations.

Of several catalogs with one `management_account` the first by name turns sharing on for all; the tag
options of an account belong to one catalog.

What to do by hand, once: in each account that is shared to alone, give its stack the output
`portfolio_id` of the catalog's own stack after that is applied (`portfolio_id = "port-…"` in
`terraform.tfvars` beside the stack, which Landform never touches, or `TF_VAR_portfolio_id` at each
apply) and apply it again: before, nobody there sees the portfolio. Without `management_account`, turn on Service Catalog's access to the
organisation and make the account a delegated administrator; with `budget`, activate
`landform-component` as a cost allocation tag. Roles of `audience` must exist before their account's
stack is applied. Whoever applies the catalog's stack reads the templates in its bucket.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.access.parties import Bucket, Role
from compiler.kinds.draft import Draft
from compiler.kinds.model_catalog import hub, launching, management
from compiler.kinds.model_catalog.inputs import Inputs
from compiler.kinds.model_catalog.names import (
    Catalog,
    Launching,
    Offer,
    launch_role_name,
    run_role_name,
)
from compiler.kinds.model_catalog.offers import offers
from compiler.kinds.model_hub.names import apart, identifier, role_label
from compiler.kinds.parts import service_trust
from compiler.organization.kind import Kind
from compiler.organization.records import Account


def build(draft: Draft) -> None:
    """Declare every party first, then what each account holds."""
    found = offers(draft)
    if found is None or not _others(draft, found):
        return
    catalog = _catalog(draft, found)
    for each in catalog.launching:
        launching.build(catalog, each)
    hub.build(catalog, management.organization_access(catalog))
    if catalog.inputs.budget:
        management.budgets(catalog, catalog.inputs.budget)
    # What is seen in an account can be launched there.
    draft.after(catalog.inputs.account, *(each.account for each in catalog.launching))


def _others(draft: Draft, found: tuple[Offer, ...]) -> bool:
    """Whether `audience` names no role that is made here, which exists in each account that launches: its
    policy is that of the one who launches, or of what is launched."""
    before = len(draft.diagnostics)
    own = {launch_role_name(draft).lower(): "launches"}
    # IAM takes names that differ in case only for the same, whatever their paths.
    own |= {
        run_role_name(draft, o.runs_as).lower(): "what is launched runs as" for o in found if o.runs
    }
    inputs: Inputs = draft.component.inputs
    for index, given in enumerate(inputs.audience):
        does = own.get(given.role.rpartition("/")[2].lower())
        if does:
            draft.problem(
                "E204",
                f'component "{draft.component.name}": "audience.{index}" is "{given.role}", the role '
                f"that {does}",
                hint="name a role that people or pipelines have",
                at=("audience", index),
            )
    return len(draft.diagnostics) == before


def _catalog(draft: Draft, found: tuple[Offer, ...]) -> Catalog:
    inputs: Inputs = draft.component.inputs
    home = draft.place(inputs.account)
    accounts = _accounts(inputs)
    running = sorted({offer.runs_as for offer in found if offer.runs})
    labels = apart((name, account.name) for name in running for account in accounts)
    launchers = tuple(
        _launching(draft, account, {name: labels[name, account.name] for name in running})
        for account in accounts
    )
    here = [each.launch for each in launchers if each.account.id == inputs.account.id]
    templates = Bucket(
        place=home,
        name="templates",
        bucket=draft.unique_name("templates", inputs.account, "aws_s3_bucket"),
        # Terraform writes and reads the templates, as whoever applies it: no key names that role.
        key=None,
    )
    return Catalog(
        draft=draft,
        inputs=inputs,
        hub=home,
        hub_launch=here[0] if here else _launch_role(draft, inputs.account),
        templates=draft.own_bucket(templates),
        offers=found,
        launching=launchers,
    )


def _accounts(inputs: Inputs) -> list[Account]:
    """The accounts that launch, by name: those shared to, and the hub where its roles may launch."""
    found = {account.id: account for account in inputs.share_to}
    if any(given.account and given.account.id == inputs.account.id for given in inputs.audience):
        found.setdefault(inputs.account.id, inputs.account)
    return sorted(found.values(), key=lambda account: account.name)


def _launching(draft: Draft, account: Account, running: Mapping[str, str]) -> Launching:
    """`running` are the roles that what is launched runs as, with what grants call each here."""
    inputs: Inputs = draft.component.inputs
    named = [
        given.role
        for given in inputs.audience
        if given.account is None or given.account.id == account.id
    ]
    # A role may be named for every account and for this one.
    users = [_user(draft, account, role) for role in dict.fromkeys(named)]
    return Launching(
        account=account,
        launch=_launch_role(draft, account),
        runs={name: _run_role(draft, account, name, label) for name, label in running.items()},
        users=tuple(users),
    )


def _user(draft: Draft, account: Account, role: str) -> Role:
    """A role that exists already, under the same name in each account."""
    path, _, role_name = role.rpartition("/")
    return draft.own_role(
        Role(
            place=draft.place(account),
            name=identifier(f"user_{role_label(role)}"),
            role_name=role_name,
            path=f"/{path}/" if path else "/",
            existing=True,
            several=True,
        )
    )


def _launch_role(draft: Draft, account: Account) -> Role:
    """The role that Service Catalog launches with. It is trusted without `aws:SourceAccount`: which
    context keys Service Catalog sends when it assumes the role is not documented, and a launch fails
    where one is missing. Who launches must be a principal of a portfolio that names this role.
    Source: Service Catalog administrator guide, "Launch constraints": the trust there has none."""
    return draft.own_role(
        Role(
            place=draft.place(account),
            name="launch",
            role_name=launch_role_name(draft),
            trust=(service_trust("servicecatalog.amazonaws.com"),),
            description=f"Launches the products of {draft.component.name}",
            several=True,
        )
    )


def _run_role(draft: Draft, account: Account, runs_as: str, label: str) -> Role:
    return draft.own_role(
        Role(
            place=draft.place(account),
            name=f"run_{identifier(label)}",
            role_name=run_role_name(draft, runs_as),
            trust=(service_trust("sagemaker.amazonaws.com", account.id),),
            description=f"What is launched as {runs_as} from {draft.component.name} runs as it",
            several=True,
        )
    )


KIND = Kind(
    name="model-catalog",
    summary="Approved models that accounts launch themselves (Service Catalog, CloudFormation)",
    inputs=Inputs,
    build=build,
    home="account",
)
