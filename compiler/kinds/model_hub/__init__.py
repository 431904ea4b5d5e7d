"""`model-hub`: one registry of models, deployed to many accounts.

The hub's account holds the registry: a model-package group for each model, one bucket with the
artifacts (a prefix for each group) under one key, and the repositories of the images. Roles of
`register_from` add versions, roles of `approve_by` approve them. Each deployment serves a group on an
endpoint in each of its accounts; the hub's own account among them serves centrally.

An account of `register_from` without a role gets one, `<organization>-<component>-register`, which
SageMaker's jobs and pipelines of that account run as to register; who may pass it there is for the
account to say, as is what else a job needs. Components of the account may name the hub, too, such as
an `ml-pipeline` with `register`. Where neither that nor `approve_by` is written, nobody is named who
may approve: the hub's account has its administrators do it, in the console.

With `promote: on-approval` a Lambda function in each of those accounts follows the hub's approvals: it
makes the endpoint on the first one, moves it to the newest approved version on each later one, and
back when that version is rejected. Terraform does not know the endpoint, which is there only when a
version is. With `promote: {pinned: 7}` Terraform owns model, endpoint configuration, endpoint and
scaling, and the blueprint says which version is served. The version must be in the registry, approved,
before it is applied; the role that Terraform acts as gets a policy of its own for the hub's version.

Roles of `invoke_by` call the endpoint: those of its own account directly, those of others as its
invoker role (`sts:AssumeRole`), since an endpoint has no policy of its own.

What to know: artifacts must lie in the hub's bucket, below the group's prefix, and so under its key;
SageMaker would otherwise encrypt them with a key that no other account may use. A registered version
must say `ModelApprovalStatus: PendingManualApproval`, and name the group by its ARN. A group's policy
admits whole accounts, as SageMaker's groups do not say that they know roles: the identity policies
narrow it, and the ledger marks such entries. Expressions in `deployments` see the hub's account. What a
function made stays when its deployment is taken out, and is yours to delete.
"""

from __future__ import annotations

from compiler.kinds.draft import Draft
from compiler.kinds.endpoints.resources import alerts
from compiler.kinds.model_hub import registry, serving
from compiler.kinds.model_hub.inputs import Inputs
from compiler.kinds.model_hub.places import Parties, declare
from compiler.kinds.services import topic_encryption
from compiler.organization.kind import Kind
from compiler.organization.records import Account
from compiler.terraform.stack import Value, reference


def build(draft: Draft) -> None:
    """Declare every party first, then what each account holds."""
    parties = declare(draft)
    home = parties.inputs.account
    registry.people(parties)
    notified = _notified(parties, home)
    registry.routing(parties, notified)
    _registry_outputs(parties)
    for site in parties.sites:
        here = notified if site.account == home else _notified(parties, site.account)
        serving.serve(parties, site, here)
    _serving_outputs(parties)


def _notified(parties: Parties, account: Account) -> list[Value]:
    """The topic of an account's alarms, where it has any and somebody is to be told."""
    draft, inputs = parties.draft, parties.inputs
    names = registry.undelivered_alarm(parties) if account == inputs.account else []
    site = next((each for each in parties.sites if each.account == account), None)
    if site:
        names += [name for placed in site.endpoints for name in placed.alarms]
    if not inputs.alerts or not names:
        return []
    services = [topic_encryption("cloudwatch.amazonaws.com")]
    key = (
        site.key if site else draft.key(account, "alerts", "alerts", "Messages of alarms", services)
    )
    return alerts(draft, account, key, inputs.alerts.notify, names)


def _registry_outputs(parties: Parties) -> None:
    draft, hub = parties.draft, parties.hub
    repositories: dict[str, Value] = {
        name: group.repository.image("")[:-1]
        for name, group in sorted(hub.groups.items())
        if group.repository
    }
    outputs: tuple[tuple[str, Value, str], ...] = (
        ("bucket", hub.bucket.bucket, "name of the bucket of the artifacts"),
        ("key_arn", reference(hub.key.address, "arn"), "ARN of the key of the artifacts"),
        (
            "artifact_prefixes",
            {name: group.prefix for name, group in sorted(hub.groups.items())},
            "what the keys of each group's artifacts start with",
        ),
        (
            "group_arns",
            {name: group.group.arn for name, group in sorted(hub.groups.items())},
            "ARN of each model-package group, the name to register versions under",
        ),
    )
    if repositories:
        outputs += (("repository_urls", repositories, "address of each group's repository"),)
    for name, value, description in outputs:
        draft.output(hub.account, name, value, description)


def _serving_outputs(parties: Parties) -> None:
    draft = parties.draft
    for site in parties.sites:
        placed = {each.served.part: each for each in site.endpoints}
        maps: tuple[tuple[str, dict[str, Value], str], ...] = (
            (
                "endpoint_names",
                {part: each.served.endpoint for part, each in placed.items()},
                "name of each endpoint",
            ),
            (
                "endpoint_arns",
                {part: each.served.endpoint_arn for part, each in placed.items()},
                "ARN of each endpoint",
            ),
            (
                "execution_role_arns",
                {part: each.served.execution.arn for part, each in placed.items()},
                "ARN of the role that each endpoint runs as",
            ),
            (
                "invoker_role_arns",
                {part: each.invoker.arn for part, each in placed.items() if each.invoker},
                "ARN of the role that callers of other accounts assume",
            ),
            (
                "deployer_arns",
                {
                    part: each.served.place.arn("lambda", f"function:{each.served.function_name}")
                    for part, each in placed.items()
                    if each.deployer
                },
                "ARN of the function that follows approvals",
            ),
        )
        for name, values, description in maps:
            if values:
                draft.output(site.account, name, values, description)


KIND = Kind(
    name="model-hub",
    summary="One registry of models, deployed to many accounts (SageMaker, EventBridge, Lambda)",
    inputs=Inputs,
    build=build,
    home="account",
)
