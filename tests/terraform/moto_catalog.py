"""Service Catalog, and the delegated administrators of Organizations, as far as the catalog needs them.

Moto has a part of Service Catalog only. Here a call is refused where AWS would refuse it: a constraint
before its association, a launch role that is not in the account, a template that is not in the bucket,
a share with a unit before the organisation lets the account share, principals shared with an account
alone. A portfolio that is shared to an account is there too. State is kept per account and region.
Wire formats are those of the service models in botocore (AWS JSON 1.1).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends

Body = dict[str, Any]
Reply = tuple[int, Body]

CREATED = 1_767_225_600
_URL = re.compile(r"https://([a-z0-9.-]+?)\.s3[.-][a-z0-9.-]*amazonaws\.com/(.+)")
_PARTITION = "aws"


class RefusedError(Exception):
    """What AWS answers: an error's name and words."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True)
class Shelf:
    """One account's catalog in one region; associations are pairs or triples of ids."""

    account: str
    region: str
    portfolios: dict[str, Body] = field(default_factory=dict)
    products: dict[str, Body] = field(default_factory=dict)
    artifacts: dict[str, dict[str, Body]] = field(default_factory=dict)
    constraints: dict[str, Body] = field(default_factory=dict)
    options: dict[str, Body] = field(default_factory=dict)
    tags: dict[str, list[Body]] = field(default_factory=dict)
    offered: set[tuple[str, str]] = field(default_factory=set)
    principals: set[tuple[str, str, str]] = field(default_factory=set)
    tagged: set[tuple[str, str]] = field(default_factory=set)
    budgets: set[tuple[str, str]] = field(default_factory=set)
    shares: dict[tuple[str, str, str], Body] = field(default_factory=dict)


_shelves: dict[tuple[str, str], Shelf] = {}
# All accounts of a simulation are of one organisation.
_shared: set[str] = set()
_administrators: set[str] = set()


def service_catalog(account: str, region: str, action: str, body: Body) -> Reply:
    """Answer one call."""
    shelf = _shelves.setdefault((account, region), Shelf(account, region))
    call = getattr(_Calls(shelf), _snake(action), None)
    if call is None:
        return 400, {"__type": "UnknownOperationException", "message": action}
    try:
        return 200, call(body) or {}
    except RefusedError as refused:
        return 400, {"__type": refused.kind, "message": str(refused)}


def organizations(account: str, action: str, body: Body) -> Reply | None:
    """The three calls about delegated administrators; None for the others, which moto has."""
    if action == "RegisterDelegatedAdministrator":
        if body["ServicePrincipal"] == "servicecatalog.amazonaws.com" and not _shared:
            message = "the service has no access to the organisation"
            return 400, {"__type": "ConstraintViolationException", "message": message}
        if body["AccountId"] in _administrators:
            return 400, {"__type": "AccountAlreadyRegisteredException", "message": "registered"}
        _administrators.add(body["AccountId"])
        return 200, {}
    if action == "DeregisterDelegatedAdministrator":
        _administrators.discard(body["AccountId"])
        return 200, {}
    if action == "ListDelegatedAdministrators":
        return 200, {
            "DelegatedAdministrators": [_administrator(account, a) for a in _administrators]
        }
    return None


def _administrator(management: str, account: str) -> Body:
    return {
        "Id": account,
        "Arn": f"arn:aws:organizations::{management}:account/o-abc123defg/{account}",
        "Email": f"{account}@acme.example",
        "Name": account,
        "Status": "ACTIVE",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": CREATED,
        "DelegationEnabledDate": CREATED,
    }


def _snake(action: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=AWS)(?=[A-Z])", "_", action).lower()


def _id(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:13]}"


def _missing(what: str) -> RefusedError:
    return RefusedError("ResourceNotFoundException", f"{what} does not exist")


def _invalid(message: str) -> RefusedError:
    return RefusedError("InvalidParametersException", message)


@dataclass(frozen=True, slots=True)
class _Calls:
    """The calls by their names in lower case."""

    shelf: Shelf

    # ---------------------------------------------------------------- portfolios

    def create_portfolio(self, body: Body) -> Body:
        made = _id("port")
        self.shelf.tags[made] = body.get("Tags", [])
        self.shelf.portfolios[made] = {
            "Id": made,
            "ARN": self._arn("portfolio", made),
            "DisplayName": body["DisplayName"],
            "Description": body.get("Description"),
            "ProviderName": body["ProviderName"],
            "CreatedTime": CREATED,
        }
        return self.describe_portfolio({"Id": made})

    def describe_portfolio(self, body: Body) -> Body:
        found = self._portfolio(body["Id"])
        return {
            "PortfolioDetail": found,
            "Tags": self.shelf.tags[body["Id"]],
            "TagOptions": [
                self.shelf.options[o] for r, o in sorted(self.shelf.tagged) if r == body["Id"]
            ],
            "Budgets": self._budgets(body["Id"]),
        }

    def associate_principal_with_portfolio(self, body: Body) -> None:
        self._portfolio(body["PortfolioId"])
        arn, kind = body["PrincipalARN"], body["PrincipalType"]
        if kind == "IAM" and not self._role(arn.rpartition("/")[2]):
            raise _invalid(f"{arn} does not exist")
        if kind == "IAM_PATTERN" and arn.split(":")[4]:
            raise _invalid(f"{arn} has an account")
        self.shelf.principals.add((body["PortfolioId"], arn, kind))

    def list_principals_for_portfolio(self, body: Body) -> Body:
        found = [
            {"PrincipalARN": arn, "PrincipalType": kind}
            for portfolio, arn, kind in sorted(self.shelf.principals)
            if portfolio == body["PortfolioId"]
        ]
        return {"Principals": found}

    # ---------------------------------------------------------------- products

    def create_product(self, body: Body) -> Body:
        made = _id("prod")
        self.shelf.artifacts[made] = {}
        artifact = self._artifact(made, body["ProvisioningArtifactParameters"])
        self.shelf.tags[made] = body.get("Tags", [])
        self.shelf.products[made] = {
            "ProductViewSummary": {
                "Id": f"prodview-{made}",
                "ProductId": made,
                "Name": body["Name"],
                "Owner": body["Owner"],
                "ShortDescription": body.get("Description"),
                "Type": body["ProductType"],
                "Distributor": body.get("Distributor"),
                "HasDefaultPath": False,
                "SupportEmail": body.get("SupportEmail"),
                "SupportDescription": body.get("SupportDescription"),
                "SupportUrl": body.get("SupportUrl"),
            },
            "Status": "AVAILABLE",
            "ProductARN": self._arn("product", made),
            "CreatedTime": CREATED,
        }
        found = self.describe_product_as_admin({"Id": made})
        return {**found, "ProvisioningArtifactDetail": artifact}

    def describe_product_as_admin(self, body: Body) -> Body:
        if body["Id"] not in self.shelf.products:
            raise _missing(body["Id"])
        return {
            "ProductViewDetail": self.shelf.products[body["Id"]],
            "ProvisioningArtifactSummaries": [
                {k: v for k, v in each.items() if k in ("Id", "Name", "Description", "CreatedTime")}
                for each in self.shelf.artifacts[body["Id"]].values()
            ],
            "Tags": self.shelf.tags[body["Id"]],
            "Budgets": self._budgets(body["Id"]),
        }

    def create_provisioning_artifact(self, body: Body) -> Body:
        made = self._artifact(body["ProductId"], body["Parameters"])
        return self.describe_provisioning_artifact(
            {"ProductId": body["ProductId"], "ProvisioningArtifactId": made["Id"]}
        )

    def update_provisioning_artifact(self, body: Body) -> Body:
        found = self._version(body["ProductId"], body["ProvisioningArtifactId"])
        found |= {k: body[k] for k in ("Name", "Description", "Active", "Guidance") if k in body}
        return self.describe_provisioning_artifact(body)

    def describe_provisioning_artifact(self, body: Body) -> Body:
        found = self._version(body["ProductId"], body["ProvisioningArtifactId"])
        detail = {k: v for k, v in found.items() if k != "Url"}
        return {
            "ProvisioningArtifactDetail": detail,
            "Info": {"TemplateUrl": found["Url"]},
            "Status": "AVAILABLE",
        }

    def associate_product_with_portfolio(self, body: Body) -> None:
        self._portfolio(body["PortfolioId"])
        if body["ProductId"] not in self.shelf.products:
            raise _missing(body["ProductId"])
        self.shelf.offered.add((body["PortfolioId"], body["ProductId"]))

    def list_portfolios_for_product(self, body: Body) -> Body:
        found = [p for p, product in sorted(self.shelf.offered) if product == body["ProductId"]]
        return {"PortfolioDetails": [self.shelf.portfolios[each] for each in found]}

    # ---------------------------------------------------------------- constraints

    def create_constraint(self, body: Body) -> Body:
        pair = (body["PortfolioId"], body["ProductId"])
        if pair not in self.shelf.offered:
            raise _missing("the product in the portfolio")
        parameters = json.loads(body["Parameters"])
        if body["Type"] == "LAUNCH":
            self._launchable(pair, parameters)
        made = _id("cons")
        self.shelf.constraints[made] = {
            "ConstraintDetail": {
                "ConstraintId": made,
                "Type": body["Type"],
                "Description": body.get("Description"),
                "Owner": self.shelf.account,
                "PortfolioId": pair[0],
                "ProductId": pair[1],
            },
            "ConstraintParameters": body["Parameters"],
            "Status": "AVAILABLE",
        }
        return self.shelf.constraints[made]

    def _launchable(self, pair: tuple[str, str], parameters: Body) -> None:
        for each in self.shelf.constraints.values():
            detail = each["ConstraintDetail"]
            if (detail["PortfolioId"], detail["ProductId"]) == pair and detail["Type"] == "LAUNCH":
                raise RefusedError("DuplicateResourceException", "there is a launch constraint")
        role = parameters.get("LocalRoleName")
        if role is None or len(parameters) != 1 or not self._role(role):
            raise _invalid(f"{parameters} names no role of the account")

    def describe_constraint(self, body: Body) -> Body:
        if body["Id"] not in self.shelf.constraints:
            raise _missing(body["Id"])
        return self.shelf.constraints[body["Id"]]

    # ---------------------------------------------------------------- tags and budgets

    def create_tag_option(self, body: Body) -> Body:
        for each in self.shelf.options.values():
            if (each["Key"], each["Value"]) == (body["Key"], body["Value"]):
                raise RefusedError("DuplicateResourceException", "there is such a tag option")
        made = _id("tag")
        owner = self.shelf.account
        self.shelf.options[made] = {**body, "Active": True, "Id": made, "Owner": owner}
        return {"TagOptionDetail": self.shelf.options[made]}

    def describe_tag_option(self, body: Body) -> Body:
        if body["Id"] not in self.shelf.options:
            raise _missing(body["Id"])
        return {"TagOptionDetail": self.shelf.options[body["Id"]]}

    def associate_tag_option_with_resource(self, body: Body) -> None:
        self.shelf.tagged.add((body["ResourceId"], body["TagOptionId"]))

    def list_resources_for_tag_option(self, body: Body) -> Body:
        ids = [r for r, option in sorted(self.shelf.tagged) if option == body["TagOptionId"]]
        found = []
        for each in ids:
            portfolio = self._portfolio(each)
            keys = ("Id", "ARN", "Description", "CreatedTime")
            found.append({**{k: portfolio[k] for k in keys}, "Name": portfolio["DisplayName"]})
        return {"ResourceDetails": found}

    def associate_budget_with_resource(self, body: Body) -> None:
        self.shelf.budgets.add((body["ResourceId"], body["BudgetName"]))

    def list_budgets_for_resource(self, body: Body) -> Body:
        return {"Budgets": self._budgets(body["ResourceId"])}

    # ---------------------------------------------------------------- shares

    def enable_aws_organizations_access(self, _: Body) -> None:
        _shared.add(self.shelf.account)

    def get_aws_organizations_access_status(self, _: Body) -> Body:
        return {"AccessStatus": "ENABLED" if self.shelf.account in _shared else "DISABLED"}

    def create_portfolio_share(self, body: Body) -> Body:
        self._portfolio(body["PortfolioId"])
        node = body.get("OrganizationNode")
        if node is None:
            raise _invalid("a share with an account alone is to be accepted, which nobody does")
        if not _shared or self.shelf.account not in (_shared | _administrators):
            raise _invalid("the organisation does not let this account share")
        if node["Type"] == "ACCOUNT" and body.get("SharePrincipals"):
            raise _invalid("principals are shared with a unit or the organisation")
        name = node["Value"].rpartition("/")[2]
        kinds = {"ACCOUNT": "ORGANIZATION_MEMBER_ACCOUNT"}
        kind = kinds.get(node["Type"], node["Type"])
        self.shelf.shares[body["PortfolioId"], kind, name] = {
            "PrincipalId": name,
            "Type": kind,
            "Accepted": True,
            "ShareTagOptions": body.get("ShareTagOptions", False),
            "SharePrincipals": body.get("SharePrincipals", False),
        }
        return {"PortfolioShareToken": f"share-{name}"}

    def describe_portfolio_share_status(self, body: Body) -> Body:
        name = body["PortfolioShareToken"].removeprefix("share-")
        return {
            "PortfolioShareToken": body["PortfolioShareToken"],
            "OrganizationNodeValue": name,
            "Status": "COMPLETED",
            "ShareDetails": {"SuccessfulShares": [name], "ShareErrors": []},
        }

    def describe_portfolio_shares(self, body: Body) -> Body:
        found = [
            share
            for (portfolio, kind, _), share in self.shelf.shares.items()
            if (portfolio, kind) == (body["PortfolioId"], body["Type"])
        ]
        return {"PortfolioShareDetails": found}

    # ---------------------------------------------------------------- what the calls share

    def _arn(self, kind: str, id: str) -> str:
        return f"arn:{_PARTITION}:catalog:{self.shelf.region}:{self.shelf.account}:{kind}/{id}"

    def _portfolio(self, id: str) -> Body:
        if id in self.shelf.portfolios:
            return self.shelf.portfolios[id]
        for shelf in _shelves.values():
            for portfolio, _, principal in shelf.shares:
                if (portfolio, principal) == (id, self.shelf.account):
                    return shelf.portfolios[id]
        raise _missing(id)

    def _version(self, product: str, id: str) -> Body:
        if id not in self.shelf.artifacts.get(product, {}):
            raise _missing(id)
        return self.shelf.artifacts[product][id]

    def _artifact(self, product: str, given: Body) -> Body:
        if product not in self.shelf.artifacts:
            raise _missing(product)
        url = given["Info"]["LoadTemplateFromURL"]
        if not self._is_template(url):
            raise _invalid(f"{url} is no template")
        made = _id("pa")
        self.shelf.artifacts[product][made] = {
            "Id": made,
            "Name": given.get("Name"),
            "Description": given.get("Description"),
            "Type": given["Type"],
            "CreatedTime": CREATED,
            "Active": True,
            "Guidance": "DEFAULT",
            "Url": url,
        }
        return self.shelf.artifacts[product][made]

    def _is_template(self, url: str) -> bool:
        """Whether there is such an object, with the text of a template."""
        match = _URL.fullmatch(url)
        if match is None:
            return False
        backend = s3_backends[self.shelf.account][_PARTITION]
        try:
            found = backend.get_object(match[1], match[2])
        except JsonRESTError:
            return False
        return found is not None and b"AWSTemplateFormatVersion" in found.value

    def _role(self, name: str) -> bool:
        roles: Iterator[Any] = iter(iam_backends[self.shelf.account][_PARTITION].roles.values())
        return any(role.name == name for role in roles)

    def _budgets(self, resource: str) -> list[Body]:
        return [{"BudgetName": b} for r, b in sorted(self.shelf.budgets) if r == resource]
