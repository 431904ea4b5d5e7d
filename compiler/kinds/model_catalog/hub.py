"""The catalog's own account: templates, portfolio, products, constraints, shares."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from compiler.access.ledger import Side
from compiler.kinds.model_catalog import templates
from compiler.kinds.model_catalog.inputs import PLACEHOLDER, Version
from compiler.kinds.model_catalog.names import Catalog, Offer
from compiler.kinds.model_catalog.sharing import Share
from compiler.kinds.model_hub.names import identifier
from compiler.terraform.names import HASH_LENGTH
from compiler.terraform.stack import Expression, JsonText, Value, reference, template

PORTFOLIO = "aws_servicecatalog_portfolio.catalog"
BUCKET = "aws_s3_bucket.templates"
TYPE = "CLOUD_FORMATION_TEMPLATE"


def build(catalog: Catalog, sharing_after: tuple[str, ...]) -> None:
    """Everything in the catalog's own account but its launch role.

    `sharing_after` are addresses there that come before any share.
    """
    draft, inputs = catalog.draft, catalog.inputs
    draft.add(
        inputs.account,
        "aws_servicecatalog_portfolio",
        "catalog",
        {
            "name": inputs.portfolio.name,
            "provider_name": inputs.portfolio.provider,
            "description": inputs.portfolio.description or inputs.portfolio.name,
        },
    )
    name = identifier(PLACEHOLDER)
    fallback = _template(catalog, f"{PLACEHOLDER}.json", templates.placeholder(), name)
    ready: list[str] = []
    for offer in catalog.offers:
        ready += _product(catalog, offer, fallback)
    ready += _principals(catalog)
    ready += _tag_options(catalog)
    _shares(catalog, (*sharing_after, *ready))
    _outputs(catalog)


def _template(catalog: Catalog, path: str, text: str, name: str, key: str = "") -> str:
    """A template beside the stack and in the bucket; gives the object's address.

    Service Catalog copies a template when a version is made, as whoever applies the stack. Objects
    have at most 10 tags (S3 user guide, "Categorizing your storage using tags"), so that the provider's
    are left out.
    """
    content = text.encode()
    draft, account = catalog.draft, catalog.inputs.account
    draft.asset(account, f"assets/templates/{path}", content)
    json_text = path.endswith(".json")
    return draft.add(
        account,
        "aws_s3_object",
        name,
        {
            "bucket": reference(BUCKET, "id"),
            "key": key or path,
            "source": Expression(f"${{path.module}}/assets/templates/{path}"),
            "source_hash": hashlib.sha256(content).hexdigest(),
            "content_type": "application/json" if json_text else "application/yaml",
            "override_provider": [{"default_tags": [{"tags": {}}]}],
        },
        depends_on=(
            "aws_s3_bucket_server_side_encryption_configuration.templates",
            "aws_s3_bucket_versioning.templates",
        ),
    )


def _url(object_address: str) -> Expression:
    domain = reference(BUCKET, "bucket_regional_domain_name")
    return template("https://", domain, "/", reference(object_address, "key"))


def _product(catalog: Catalog, offer: Offer, fallback: str) -> list[str]:
    """One product with its versions; gives the addresses of what makes it ready to be seen."""
    draft, account, given = catalog.draft, catalog.inputs.account, offer.given
    name = identifier(offer.name)
    product = draft.add(
        account,
        "aws_servicecatalog_product",
        name,
        {
            "name": offer.name,
            "owner": given.owner or catalog.inputs.portfolio.provider,
            "type": TYPE,
            "description": given.description or _description(offer),
            "support_email": given.support.email,
            "support_url": given.support.url,
            "support_description": given.support.description,
            "provisioning_artifact_parameters": [
                {
                    "name": PLACEHOLDER,
                    "description": "Cannot be launched: choose another version",
                    "type": TYPE,
                    "template_url": _url(fallback),
                    "disable_template_validation": False,
                }
            ],
        },
    )
    versions = [_version(catalog, offer, version, product) for version in given.versions]
    offered = draft.add(
        account,
        "aws_servicecatalog_product_portfolio_association",
        name,
        {"portfolio_id": reference(PORTFOLIO, "id"), "product_id": reference(product, "id")},
    )
    return [*versions, *_constraints(catalog, offer, product, offered)]


def _description(offer: Offer) -> str:
    if offer.group is not None:
        return f"An endpoint of the model {offer.group.name}"
    return offer.name


def _version(catalog: Catalog, offer: Offer, version: Version, product: str) -> str:
    """One version. A changed template is a new object, and so makes the version anew."""
    if offer.group is not None:
        text = templates.endpoint(catalog.draft, offer, version, _common_tags(catalog))
        suffix = "json"
    else:
        own = offer.template(version)
        text, suffix = own.text, own.path.rpartition(".")[2]
    digest = hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]
    name = f"{identifier(offer.name)}_{_terraform_name(version.name)}"
    folder = f"{offer.name}/{version.name}"
    object_address = _template(
        catalog, f"{folder}.{suffix}", text, name, f"{folder}/{digest}.{suffix}"
    )
    return catalog.draft.add(
        catalog.inputs.account,
        "aws_servicecatalog_provisioning_artifact",
        name,
        {
            "product_id": reference(product, "id"),
            "name": version.name,
            "description": version.description or f"{offer.name} {version.name}",
            "type": TYPE,
            "template_url": _url(object_address),
            "disable_template_validation": False,
            "active": True,
            "guidance": "DEPRECATED" if version.deprecated else "DEFAULT",
        },
        lifecycle={"create_before_destroy": True},
    )


def _terraform_name(version: str) -> str:
    """A version's name as a part of a Terraform name, as different as the version's is."""
    plain = "".join(c if c.isalnum() or c == "_" else "_" for c in version)
    if plain == version:
        return plain
    return f"{plain}_{hashlib.sha256(version.encode()).hexdigest()[:HASH_LENGTH]}"


def _common_tags(catalog: Catalog) -> dict[str, str]:
    """The tags that are the same in every account that launches."""
    found = [catalog.draft.tags(launching.account) for launching in catalog.launching]
    first, *others = found
    return {key: value for key, value in first.items() if all(o.get(key) == value for o in others)}


def _constraints(catalog: Catalog, offer: Offer, product: str, offered: str) -> list[str]:
    """The launch role, which must exist here too, and what of the parameters may be chosen.

    `LocalRoleName`, never `RoleArn`: with that one, what is launched would be made and billed here.
    Source: Service Catalog API reference, CreateConstraint; administrator guide, "Sharing a portfolio".
    """

    def constraint(part: str, type: str, parameters: Mapping[str, Value], *after: str) -> str:
        return catalog.draft.add(
            catalog.inputs.account,
            "aws_servicecatalog_constraint",
            f"{identifier(offer.name)}_{part}",
            {
                "portfolio_id": reference(PORTFOLIO, "id"),
                "product_id": reference(product, "id"),
                "type": type,
                "description": f"{offer.name}: {part}",
                "parameters": JsonText(parameters),
            },
            depends_on=(offered, *after),
        )

    role = catalog.hub_launch
    found = [
        constraint(
            "launch", "LAUNCH", {"LocalRoleName": role.role_name}, f"aws_iam_role.{role.name}"
        )
    ]
    rules = templates.rules(offer)
    if rules:
        found.append(constraint("template", "TEMPLATE", {"Rules": rules}))
    return found


def _principals(catalog: Catalog) -> list[str]:
    """Who sees the portfolio: here a role itself, in a unit that it is shared with every role of that
    name and path. An account that is shared to alone says itself who sees it (`launching`).

    A pattern has no account, and no wildcards here: who may make a role of just that name in an
    account that is shared to can launch. Source: Service Catalog API reference,
    AssociatePrincipalWithPortfolio.
    """
    partition, draft = catalog.hub.partition, catalog.draft
    here: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    for launching in catalog.launching:
        for user in launching.users:
            if launching.account.id == catalog.inputs.account.id:
                here[user.name] = user.arn
            elif launching.account.id not in catalog.alone:
                pattern = f"arn:{partition}:iam:::role{user.path}{user.role_name}"
                elsewhere[f"shared_{user.name}"] = pattern
    rows = [("IAM", name, arn) for name, arn in here.items()]
    rows += [("IAM_PATTERN", name, arn) for name, arn in elsewhere.items()]
    made = []
    for type, name, arn in rows:
        address = draft.add(
            catalog.inputs.account,
            "aws_servicecatalog_principal_portfolio_association",
            name,
            {
                "portfolio_id": reference(PORTFOLIO, "id"),
                "principal_arn": arn,
                "principal_type": type,
            },
        )
        id = f"{name.replace('_', '-')}-sees-portfolio"
        home = catalog.inputs.account.name if type == "IAM" else ""
        _right(catalog, id, "portfolio", "PortfolioPrincipal", arn, home, address)
        made.append(address)
    return made


def _right(
    catalog: Catalog, id: str, side: Side, name: str, principal: str, home: str, address: str
) -> None:
    """Put into the ledger what a principal gets of the portfolio, whose id only AWS knows."""
    portfolio = f"portfolio/<{catalog.hub.stack}/{PORTFOLIO}>"
    catalog.draft.right(
        catalog.inputs.account,
        id,
        side,
        name,
        principal=principal,
        principal_home=home,
        resource=catalog.hub.arn("catalog", portfolio),
        addresses=(address,),
    )


def _tag_options(catalog: Catalog) -> list[str]:
    draft, account = catalog.draft, catalog.inputs.account
    found = []
    pairs = [(key, value) for key, values in catalog.inputs.tag_options.items() for value in values]
    for key, value in sorted(pairs):
        draft.claim(account, "Service Catalog tag option", f"{key}={value}")
        digest = hashlib.sha256(f"{key}={value}".encode()).hexdigest()[:HASH_LENGTH]
        name = f"tag_{digest}"
        option = draft.add(
            account, "aws_servicecatalog_tag_option", name, {"key": key, "value": value}
        )
        found.append(
            draft.add(
                account,
                "aws_servicecatalog_tag_option_resource_association",
                name,
                {
                    "resource_id": reference(PORTFOLIO, "id"),
                    "tag_option_id": reference(option, "id"),
                },
            )
        )
    return found


def _shares(catalog: Catalog, ready: tuple[str, ...]) -> None:
    """One share after the other: several at a time are throttled, and what fails then stays broken
    (hashicorp/terraform-provider-aws#24729). None waits for an acceptance: shares within the
    organisation need none."""
    inputs = catalog.inputs
    before = ready
    for share in catalog.shares:
        address = catalog.draft.add(
            inputs.account,
            "aws_servicecatalog_portfolio_share",
            share.name,
            {
                "portfolio_id": reference(PORTFOLIO, "id"),
                "type": share.type,
                "principal_id": share.principal,
                "share_principals": share.of_unit,
                "share_tag_options": bool(inputs.tag_options),
                "wait_for_acceptance": False,
            },
            depends_on=before,
        )
        _shared(catalog, share, address)
        before = (address,)


def _shared(catalog: Catalog, share: Share, address: str) -> None:
    accounts = catalog.draft.organization.accounts.values()
    home = next((each.name for each in accounts if each.id == share.principal), "")
    principal = share.principal
    if not share.of_unit:
        principal = f"arn:{catalog.hub.partition}:iam::{principal}:root"
    name = "PortfolioShareWithPrincipals" if share.of_unit else "PortfolioShare"
    id = f"portfolio-is-shared-to-{share.name.replace('_', '-')}"
    _right(catalog, id, "share", name, principal, home, address)


def _outputs(catalog: Catalog) -> None:
    products: dict[str, Value] = {
        offer.name: reference(f"aws_servicecatalog_product.{identifier(offer.name)}", "id")
        for offer in catalog.offers
    }
    outputs: tuple[tuple[str, Value, str], ...] = (
        ("portfolio_id", reference(PORTFOLIO, "id"), "id of the portfolio"),
        ("portfolio_arn", reference(PORTFOLIO, "arn"), "ARN of the portfolio"),
        ("product_ids", products, "ids of the products by name"),
        ("templates_bucket", reference(BUCKET, "id"), "bucket of the products' templates"),
    )
    if all(each.launch is not catalog.hub_launch for each in catalog.launching):
        description = "ARN of the launch role here, which may do nothing"
        outputs = (*outputs, ("launch_role_arn", catalog.hub_launch.arn, description))
    for name, value, description in outputs:
        catalog.draft.output(catalog.inputs.account, name, value, description)
