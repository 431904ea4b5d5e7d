"""`account-baseline`: what every account gets.

No public S3, encrypted EBS volumes, an access analyzer, a password policy; where asked, a budget, a
state bucket, and the role that Terraform is applied with, which a GitHub Actions workflow assumes
through OpenID Connect. The stack that makes that role is itself applied as `deploy.aws.bootstrap_role`,
and before every other stack of its account. AWS makes `OrganizationAccountAccessRole`, the default, in the
accounts that it creates in an organisation, and not in the management account: name that one in
`organization.aws.management_account`, and its stack is applied with the credentials at hand, which
must be of that account. An account that was invited has no such role either: make it there first.

The state bucket admits each account's deploy role to the states of that account's own stacks; its policy
has room for 40 such accounts.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from compiler.access.parties import Bucket, Listing, Objects, Own, Role
from compiler.access.policy import Statement
from compiler.blueprint.shapes import Matching, Shape, Text, problem
from compiler.kinds.draft import Draft
from compiler.kinds.inputs import EmailAddresses, OneAccount
from compiler.kinds.rights import managed_policy
from compiler.organization.kind import Kind
from compiler.organization.records import Account, Component
from compiler.terraform.stack import Value, reference

GITHUB = "token.actions.githubusercontent.com"
PASSWORD_LENGTH = 14
PASSWORDS_REMEMBERED = 24
PASSWORD_DAYS = 90
# Percent of the budget, and whether of what was spent or of what is forecast.
BUDGET_WARNINGS = ((80, "ACTUAL"), (100, "ACTUAL"), (100, "FORECASTED"))
STATE_VERSION_DAYS = 365
# Each takes up to 480 bytes of the bucket's policy, which S3 limits to 20 KB.
STATE_ACCOUNTS = 40

GitHubId = Annotated[Text, Matching(r"[1-9][0-9]{0,19}", "a number that GitHub gave, in digits")]
# A managed user's name ends in _ and its enterprise's short code.
GitHubOwner = Annotated[
    Text,
    Matching(r"(?=.{1,39}$)[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*", "an owner's name at GitHub"),
]
GitHubName = Annotated[
    Text, Matching(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}", "a repository's name at GitHub")
]
Ref = Annotated[Text, Matching(r"refs/[\w./-]+", "a full ref: refs/heads/main")]
PolicyName = Annotated[
    Text,
    Matching(
        r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,128}",
        "the name of an AWS managed policy: PowerUserAccess, job-function/Billing",
        "the name only, not the ARN",
    ),
]


class GitHub(Shape):
    """The workflow that may assume the deploy role."""

    owner: GitHubOwner = Field(description="owner of the repository")
    repository: GitHubName = Field(description="name of the repository")
    ref: Ref = Field(default="refs/heads/main", description="the only ref that may deploy")
    owner_id: GitHubId | None = Field(
        default=None,
        description="id of the owner, in digits: for a repository whose tokens have immutable subject "
        "claims, as those made or renamed since 15 July 2026 do; with repository_id",
    )
    repository_id: GitHubId | None = Field(
        default=None, description="id of the repository, in digits; with owner_id"
    )

    @model_validator(mode="after")
    def _both_ids(self) -> Self:
        given = {"owner_id": self.owner_id, "repository_id": self.repository_id}
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == 1:
            (other,) = given.keys() - set(missing)
            message = f"needs {missing[0]} beside it: a subject claim has both ids or neither"
            raise problem("E204", message, f"add {missing[0]}, or leave both out", (other,))
        return self

    @property
    def subject(self) -> str:
        """The `sub` claim of the workflow's tokens.

        Source: GitHub docs, "OpenID Connect", and changelog of 23 April 2026, "Immutable subject
        claims for GitHub Actions OIDC tokens".
        """
        owner = f"{self.owner}@{self.owner_id}" if self.owner_id else self.owner
        name = f"{self.repository}@{self.repository_id}" if self.repository_id else self.repository
        return f"repo:{owner}/{name}:ref:{self.ref}"


class DeployFrom(Shape):
    """The role named by `deploy.aws.role`, and who assumes it."""

    github: GitHub
    policies: list[PolicyName] = Field(
        default_factory=list, description="AWS managed policies of the role; none by default"
    )
    existing_provider: bool = Field(
        default=False, description="the account has GitHub's OIDC provider already"
    )


class Budget(Shape):
    """A monthly budget with warnings."""

    monthly_usd: int = Field(ge=1, le=1_000_000_000, description="limit, US dollars a month")
    notify: EmailAddresses = Field(
        min_length=1, max_length=10, description="who is warned at 80 and 100 percent"
    )


class Inputs(Shape):
    """What every account gets."""

    account: OneAccount = Field(description="the account; set by for_each")
    deploy_from: DeployFrom | None = Field(default=None, description="who may apply Terraform")
    budget: Budget | None = Field(default=None, description="monthly budget")
    state_bucket: bool = Field(
        default=False, description="makes the bucket that state.aws.bucket names, in its account"
    )
    password_policy: bool = Field(default=True, description="sets the policy for IAM passwords")
    access_analyzer: bool = Field(default=True, description="makes an access analyzer")

    @model_validator(mode="after")
    def _policies_once(self) -> Self:
        names = self.deploy_from.policies if self.deploy_from else []
        for name in names:
            if names.count(name) > 1:
                raise problem("E204", f'names the policy "{name}" twice')
        return self


def build(draft: Draft) -> None:
    """One stack: the account's own settings."""
    inputs: Inputs = draft.component.inputs
    account = inputs.account
    _storage(draft, account)
    if inputs.access_analyzer:
        name = draft.name("analyzer", "aws_accessanalyzer_analyzer")
        arguments: dict[str, Value] = {"analyzer_name": name, "type": "ACCOUNT"}
        address = draft.add(account, "aws_accessanalyzer_analyzer", "account", arguments)
        draft.output(
            account, "analyzer_arn", reference(address, "arn"), "ARN of the access analyzer"
        )
    if inputs.password_policy:
        _passwords(draft, account)
    if inputs.deploy_from:
        _deploy_role(draft, account, inputs.deploy_from)
    if inputs.budget:
        _budget(draft, account, inputs.budget)
    if inputs.state_bucket:
        _state_bucket(draft, account)


def _storage(draft: Draft, account: Account) -> None:
    draft.add(
        account,
        "aws_s3_account_public_access_block",
        "account",
        {
            "block_public_acls": True,
            "block_public_policy": True,
            "ignore_public_acls": True,
            "restrict_public_buckets": True,
        },
    )
    draft.add(account, "aws_ebs_encryption_by_default", "account", {"enabled": True})


def _passwords(draft: Draft, account: Account) -> None:
    draft.add(
        account,
        "aws_iam_account_password_policy",
        "account",
        {
            "minimum_password_length": PASSWORD_LENGTH,
            "require_lowercase_characters": True,
            "require_numbers": True,
            "require_symbols": True,
            "require_uppercase_characters": True,
            "allow_users_to_change_password": True,
            "max_password_age": PASSWORD_DAYS,
            "password_reuse_prevention": PASSWORDS_REMEMBERED,
        },
    )


def _deploy_role(draft: Draft, account: Account, given: DeployFrom) -> None:
    """The role that every other stack of the account is applied as."""
    name = draft.organization.deploy.aws_role
    if name is None:
        draft.problem(
            "E322",
            f'component "{draft.component.name}" has deploy_from, but no role has a name',
            hint="name it: deploy: {aws: {role: landform-deploy}}",
        )
        return
    place = draft.place(account)
    provider_arn = place.arn("iam", f"oidc-provider/{GITHUB}", region=False)
    after = []
    if not given.existing_provider:
        arguments: dict[str, Value] = {
            "url": f"https://{GITHUB}",
            "client_id_list": ["sts.amazonaws.com"],
        }
        after.append(draft.add(account, "aws_iam_openid_connect_provider", "github", arguments))
    role_arn = place.arn("iam", f"role/{name}", region=False)
    workflow = Statement(
        sid="Workflow",
        principal={"Federated": provider_arn},
        actions=("sts:AssumeRoleWithWebIdentity",),
        conditions={
            "StringEquals": {
                f"{GITHUB}:aud": "sts.amazonaws.com",
                f"{GITHUB}:sub": given.github.subject,
            }
        },
    )
    # The provider block assumes the role by its name, also where the workflow has it already.
    itself = Statement(
        sid="Itself",
        principal={"AWS": place.root},
        actions=("sts:AssumeRole",),
        conditions={"ArnEquals": {"aws:PrincipalArn": role_arn}},
    )
    role = draft.own_role(
        Role(
            place=place,
            name="deploy",
            role_name=name,
            trust=(workflow, itself),
            description="Terraform is applied with it",
            several=True,
            after=tuple(after),
        )
    )
    # Its trust alone is not enough: the condition stands on the account's root.
    draft.grant(f"{role.label}-becomes-itself", role, ("sts:AssumeRole",), Own(place, role_arn))
    _keeps_state(draft, account, role)
    for policy_name in sorted(given.policies):
        label = "deploy_" + "".join(c if c.isalnum() else "_" for c in policy_name)
        managed_policy(draft, account, role, policy_name, label)
    draft.creates_deploy_role(account)
    draft.output(
        account, "deploy_role_arn", role_arn, "ARN of the role that Terraform is applied with"
    )


def _budget(draft: Draft, account: Account, given: Budget) -> None:
    if draft.organization.partition != "aws":
        draft.problem(
            "E324",
            f'component "{draft.component.name}" has a budget in US dollars, which AWS Budgets does '
            f'not have in the partition "{draft.organization.partition}"',
            hint="leave budget out",
        )
        return
    draft.add(
        account,
        "aws_budgets_budget",
        "monthly",
        {
            "name": draft.prefix("monthly"),
            "budget_type": "COST",
            "limit_amount": str(given.monthly_usd),
            "limit_unit": "USD",
            "time_unit": "MONTHLY",
            "notification": [
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": kind,
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_email_addresses": sorted(given.notify),
                }
                for percent, kind in BUDGET_WARNINGS
            ],
        },
    )


def _state_bucket(draft: Draft, account: Account) -> None:
    """The bucket of Terraform state: private, versioned, TLS only, never destroyed by accident."""
    name = draft.organization.state.aws_bucket
    if name is None:
        draft.problem(
            "E323",
            f'component "{draft.component.name}" has state_bucket, but no bucket has a name',
            hint="name it: state: {aws: {bucket: acme-tfstate, region: eu-west-1}}",
        )
        return
    region = draft.organization.state.aws_region
    if draft.place(account).region != region:
        draft.problem(
            "E323",
            f'component "{draft.component.name}" would make the state bucket in '
            f'{draft.place(account).region}, but state.aws.region is "{region}"',
            hint="make both the same: a backend finds its bucket only in its own region",
        )
        return
    deployed = len(draft.neighbours.such(KIND.name, _has_deploy_role))
    if deployed > STATE_ACCOUNTS:
        draft.problem(
            "E323",
            f'component "{draft.component.name}" has state_bucket, and {deployed} accounts with '
            f"deploy_from would share it: its policy has room for {STATE_ACCOUNTS}",
            hint="make the bucket yourself, with a policy for your organisation",
        )
        return
    draft.own_bucket(_bucket(draft, account))


def _bucket(draft: Draft, account: Account) -> Bucket:
    """The state bucket. It has no key of its own: that would be one more thing to lose."""
    name = draft.organization.state.aws_bucket
    assert name is not None, "the bucket has a name"
    return Bucket(
        place=draft.place(account),
        name="state",
        bucket=name,
        key=None,
        version_days=STATE_VERSION_DAYS,
        precious=True,
    )


def _keeps_state(draft: Draft, account: Account, role: Role) -> None:
    """Let the account's deploy role read and write the states of its own stacks, and lock them.

    Each may list the names of all states, so that one statement of the bucket's policy can hold many
    accounts. Source: Terraform documentation, "Backend Type: s3", permissions required; the prefix
    `env:/` is where `init` looks for workspaces.
    """
    if draft.organization.state.aws_bucket is None:
        return
    # Several would be several buckets of one name, which is told at each of them.
    for owner in draft.neighbours.such(KIND.name, _has_state_bucket)[:1]:
        # Its backend is there only then.
        home = owner.inputs.account
        draft.after_stacks(account, f"aws/{home.name}/{owner.name}")
        bucket = _bucket(Draft(owner, draft.organization), home)
        states = Objects(bucket, f"aws/{role.place.account}/*")
        actions = ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")
        draft.grant(f"{role.label}-keeps-state", role, actions, states)
        listing = Listing(bucket, ("aws/", "env:/"))
        draft.grant(f"{role.label}-lists-states", role, ("s3:ListBucket",), listing)


def _has_deploy_role(component: Component) -> bool:
    inputs: Inputs = component.inputs
    return inputs.deploy_from is not None


def _has_state_bucket(component: Component) -> bool:
    inputs: Inputs = component.inputs
    return inputs.state_bucket


KIND = Kind(
    name="account-baseline",
    summary="What every AWS account gets: guards, deploy role, budget",
    inputs=Inputs,
    build=build,
    home="account",
    per="account",
)
