"""The inputs of `model-catalog`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from compiler.blueprint.models import AccountId, RoleName
from compiler.blueprint.shapes import NAME, NAME_RULE, Matching, Shape, Text, problem
from compiler.blueprint.validation import Finding, problems
from compiler.data import hosting_instance_types
from compiler.diagnostics import nearest
from compiler.kinds.inputs import (
    Accounts,
    ComponentName,
    EmailAddress,
    EmailAddresses,
    OneAccount,
    Role,
)
from compiler.terraform.names import reserved_name

# The version that a product is made with: see `templates.placeholder`.
PLACEHOLDER = "not-for-launch"
# Source: Service Catalog API reference, AssociatePrincipalWithPortfolio: patterns of a portfolio.
MAXIMUM_AUDIENCE = 10
# Source: Service Catalog API reference, CreateTagOption: characters of a key and of a value.
_TAG = r"[\w .:/=+@-]"


def _portable(value: str) -> str:
    for name in value.split("/"):
        if name.endswith(".") or reserved_name(name):
            raise problem("E204", f'must not hold "{name}", which Windows cannot store')
    return value


ProductName = Annotated[Text, Matching(NAME, NAME_RULE), AfterValidator(_portable)]
VersionName = Annotated[
    Text,
    Matching(r"[A-Za-z0-9](?:[\w.-]{0,38}[A-Za-z0-9])?", "a version's name: v1, 2026-11"),
    AfterValidator(_portable),
]
TemplatePath = Annotated[
    Text,
    Matching(
        r"(?:[\w-][\w.-]{0,60}/){0,6}[\w-][\w.-]{0,60}\.(?:json|template|yaml|yml)",
        "the path of a .json, .yaml, .yml or .template file below the blueprint's folder",
    ),
    AfterValidator(_portable),
]
InstanceType = Annotated[
    Text, Matching(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an instance type: ml.m6i.large")
]
PackageNumber = Annotated[int, Field(ge=1, le=99999)]
PermittedAction = Annotated[
    Text, Matching(r"[a-z0-9-]+:[A-Za-z*]+", "an action with its service: sagemaker:CreateApp")
]
PermittedResource = Annotated[
    Text,
    Matching(
        r"\*|[a-z0-9-]+:[\w!.*'()/:+=,@-]+",
        "a service and a resource of the launching account: sagemaker:app/*, or *",
    ),
]
TagKey = Annotated[Text, Matching(_TAG + "{1,128}", "a tag's key of at most 128 characters")]
TagValue = Annotated[Text, Matching(_TAG + "{1,256}", "a tag's value of at most 256 characters")]


class Portfolio(Shape):
    """What the catalog is called."""

    name: Annotated[Text, Field(max_length=100)] = Field(description="name that people see")
    provider: Annotated[Text, Field(max_length=50)] = Field(description="who offers it")
    description: Annotated[Text, Field(max_length=2000)] | None = Field(
        default=None, description="what is in it"
    )


class FromHub(Shape):
    """The group of a model-hub whose versions the product deploys."""

    hub: ComponentName = Field(description="name of the model-hub component")
    group: Text = Field(description="name of the group in it")


class Version(Shape):
    """One version of a product."""

    name: VersionName = Field(description="name of the version: v2")
    deprecated: bool = Field(
        default=False, description="what was launched goes on, and nobody launches it anew"
    )
    description: Annotated[Text, Field(max_length=2000)] | None = Field(
        default=None, description="what is new in it"
    )
    package: PackageNumber | Annotated[list[PackageNumber], Field(min_length=1)] | None = Field(
        default=None,
        description="number of the model version in the hub's group, or several to choose from; "
        "default: who launches says any number, approved or not",
    )
    template: TemplatePath | None = Field(
        default=None, description="template of this version, where it is not the product's"
    )


class Parameters(Shape):
    """What may be chosen at the launch; a template constraint holds it."""

    instance: list[InstanceType] = Field(
        default_factory=list,
        min_length=1,
        description="instance types of the parameter InstanceType; all by default",
    )
    max_instances: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="most instances of the parameter MaxInstances; default: 1 for a model, no limit for a "
        "template of the team's own",
    )


class Permission(Shape):
    """What the launch role may do for a template of the team's own."""

    actions: list[PermittedAction] = Field(min_length=1, description="actions: sagemaker:CreateApp")
    resources: list[PermittedResource] = Field(
        min_length=1,
        description="resources of the launching account, without arn and account: sagemaker:app/*",
    )
    conditions: dict[
        Text,
        Annotated[
            dict[Text, Text | Annotated[list[Text], Field(min_length=1)]], Field(min_length=1)
        ],
    ] = Field(default_factory=dict, description="conditions, as IAM writes them")


class Support(Shape):
    """Whom to ask about a product."""

    email: EmailAddress | None = Field(default=None, description="address to write to")
    url: (
        Annotated[Text, Matching(r"https://\S+", "an address that starts with https://")] | None
    ) = Field(default=None, description="page to read: https://wiki.acme.example/churn")
    description: Annotated[Text, Field(max_length=8191)] | None = Field(
        default=None, description="what is answered there"
    )


class Product(Shape):
    """Something that can be launched: a model of a hub, or a template of the team's own."""

    from_: FromHub | None = Field(
        default=None, alias="from", description="the model: {hub: models, group: churn}"
    )
    template: TemplatePath | None = Field(
        default=None, description="or a CloudFormation template below the blueprint's folder"
    )
    versions: list[Version] = Field(min_length=1, description="its versions, the oldest first")
    parameters: Parameters = Field(default_factory=Parameters, description="what may be chosen")
    permissions: list[Permission] = Field(
        default_factory=list,
        description="what the launch role needs for the team's template; for a model it is known",
    )
    runs_as: ProductName | None = Field(
        default=None,
        description="what the role of a launched model is called; products that say the same share "
        "one, which reads the models of all of them; default: the product's name",
    )
    accounts: list[AccountId] = Field(
        default_factory=list,
        description="ids of accounts that are not the blueprint's and that the team's template may "
        "name, such as AWS's own of a public layer",
    )
    reads: list[FromHub] = Field(
        default_factory=list,
        description="groups whose models and images what is launched of the team's template reads",
    )
    description: Annotated[Text, Field(max_length=8191)] | None = Field(
        default=None, description="what people see of it"
    )
    owner: Annotated[Text, Field(max_length=8191)] | None = Field(
        default=None, description="who answers for it; default: the portfolio's provider"
    )
    support: Support = Field(default_factory=Support, description="whom to ask about it")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.from_ is None) == (self.template is None):
            what = "both of them" if self.from_ else "neither"
            message = f'must have either "from" or "template", not {what}'
            raise problem("E204", message, "from: {hub: models, group: churn}")
        found = [*self._versions(), *(self._of_model() if self.from_ else self._of_team())]
        if found:
            raise problems(found)
        return self

    def _versions(self) -> Iterator[Finding]:
        seen: dict[str, int] = {}
        for index, version in enumerate(self.versions):
            name = version.name.lower()
            path = ("versions", index, "name")
            if name == PLACEHOLDER:
                message = f'must not be "{PLACEHOLDER}", which every product is made with'
                yield Finding("E204", message, "call it v1", path)
            if seen.setdefault(name, index) != index:
                message = f'is "{version.name}", which another version is called'
                yield Finding("E204", message, "give each version a name of its own", path)

    def _of_model(self) -> Iterator[Finding]:
        known = hosting_instance_types()
        for index, instance in enumerate(self.parameters.instance):
            if instance not in known:
                guess = nearest(instance, known)
                message = f'names the instance type "{instance}", which SageMaker does not have for hosting'
                hint = f'did you mean "{guess}"?' if guess else None
                yield Finding("E204", message, hint, ("parameters", "instance", index))
        if self.permissions:
            message = 'is for a template of the team\'s own; what "from" needs is known'
            yield Finding("E204", message, "leave it out", ("permissions",))
        if self.reads:
            message = (
                "is for a template of the team's own; a model is read by what is launched of it"
            )
            yield Finding("E204", message, "leave it out", ("reads",))
        if self.accounts:
            message = "is for a template of the team's own"
            yield Finding("E204", message, "leave it out", ("accounts",))
        for index, version in enumerate(self.versions):
            package = version.package
            if isinstance(package, list) and len(set(package)) < len(package):
                yield Finding("E204", "has a number twice", None, ("versions", index, "package"))
            if version.template:
                message = 'is for a product with "template"'
                yield Finding("E204", message, "leave it out", ("versions", index, "template"))

    def _of_team(self) -> Iterator[Finding]:
        seen: set[tuple[str, str]] = set()
        for index, each in enumerate(self.reads):
            if (each.hub, each.group) in seen:
                message = f'names the group "{each.group}" of "{each.hub}" twice'
                yield Finding("E204", message, "leave one of them out", ("reads", index))
            seen.add((each.hub, each.group))
        if self.runs_as:
            message = 'is for a product with "from": the template names the role'
            yield Finding("E204", message, "leave it out", ("runs_as",))
        for index, version in enumerate(self.versions):
            if version.package is not None:
                message = 'is for a product with "from"'
                yield Finding("E204", message, "leave it out", ("versions", index, "package"))


class Budget(Shape):
    """A monthly budget of what is launched, in each account that launches."""

    monthly_usd: int = Field(ge=1, description="limit, US dollars a month and account")
    notify: EmailAddresses = Field(
        default_factory=list,
        max_length=10,
        description="who is warned at 80 and 100 percent; default: nobody, it is only shown",
    )


class Inputs(Shape):
    """Approved models and templates that people of many accounts launch themselves."""

    account: OneAccount = Field(description="account with portfolio, products and templates")
    management_account: OneAccount | None = Field(
        default=None,
        description="the organisation's management account: turns on sharing there, and makes "
        "`account` the delegated administrator; default: both are so already",
    )
    portfolio: Portfolio = Field(description="what the catalog is called")
    share_to: Accounts = Field(
        description="accounts that launch; a unit whose `aws.ou` is known is shared to as a whole"
    )
    launch_role: RoleName | None = Field(
        default=None,
        description="name of the role that launches, in every account; default: "
        "<organization>-<component>-launch",
    )
    audience: list[Role] = Field(
        min_length=1,
        max_length=MAXIMUM_AUDIENCE,
        description="roles that may launch; default account: each that launches",
    )
    products: dict[ProductName, Product] = Field(min_length=1, description="products by name")
    tag_options: dict[TagKey, list[TagValue]] = Field(
        default_factory=dict,
        description="tags that a launch must choose a value of: {cost-center: [research, sales]}",
    )
    budget: Budget | None = Field(default=None, description="monthly budget of what is launched")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = [*self._audience(), *self._roles(), *self._tags()]
        if found:
            raise problems(found)
        return self

    def _audience(self) -> Iterator[Finding]:
        known = {self.account.name, *(account.name for account in self.share_to)}
        seen: set[tuple[str, str]] = set()
        for index, given in enumerate(self.audience):
            path = ("audience", index)
            if given.account is not None and given.account.name not in known:
                message = f'is a role of "{given.account.name}", where nothing is shared to'
                hint = f"add {given.account.name} to share_to, or leave account out"
                yield Finding("E204", message, hint, (*path, "account"))
            here = (given.role, given.account.name if given.account else "")
            if here in seen:
                yield Finding("E204", f'names the role "{given.role}" twice', None, path)
            seen.add(here)

    def _roles(self) -> Iterator[Finding]:
        for name, product in self.products.items():
            other = self.products.get(product.runs_as or name)
            if other is not None and other.template and not product.template:
                message = (
                    f'is "{product.runs_as}", which the role of a template of the team\'s is called'
                )
                hint = "call it otherwise; what a template reads stands in its reads"
                yield Finding("E204", message, hint, ("products", name, "runs_as"))

    def _tags(self) -> Iterator[Finding]:
        for key, values in self.tag_options.items():
            path = ("tag_options", key)
            if key.lower().startswith("aws:"):
                message = "must not start with aws:, which AWS keeps for itself"
                yield Finding("E204", message, None, path)
            if not values or len(set(values)) != len(values):
                message = "must have one value or more, each once"
                yield Finding("E204", message, None, path)
