"""The acceptance checks of a catalog, read off the generated documents of every variant.

Of the relations of a catalog these are no grants, and so no edges of the ledger: the share of the
portfolio (`test_4`), the trust of Service Catalog in the launch role (`test_2`), and the right of whoever
applies the stack to read the templates, which is theirs (`test_templates_need_no_key`).
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from compiler.blueprint.cloudformation import read_template
from tests.kinds.catalog import HUB, VARIANTS, Catalog, catalog
from tests.terraform.conditions import like

pytestmark = pytest.mark.parametrize("name", VARIANTS)

CONSTRAINTS = "aws_servicecatalog_constraint"
SHARES = "aws_servicecatalog_portfolio_share"
PRINCIPALS = "aws_servicecatalog_principal_portfolio_association"
ARTIFACTS = "aws_servicecatalog_provisioning_artifact"
PRODUCTS = "aws_servicecatalog_product"


def test_1_launch_constraints_name_a_local_role(name: str) -> None:
    c = catalog(name)
    launch = [b for b in c.resources(CONSTRAINTS).values() if b["type"] == "LAUNCH"]
    assert [b["parameters"] for b in launch] == [
        {"LocalRoleName": c.launch_role} for _ in c.given["products"]
    ]
    for account in {"shared", *c.launching}:
        names = [role["name"] for role in c.resources("aws_iam_role", account).values()]
        assert names.count(c.launch_role) == 1, account
    assert "RoleArn" not in json.dumps(c.resources(CONSTRAINTS))


def test_2_only_service_catalog_becomes_the_launch_role(name: str) -> None:
    c = catalog(name)
    for account in {"shared", *c.launching}:
        role = c.resources("aws_iam_role", account)["launch"]
        (statement,) = role["assume_role_policy"]["Statement"]
        assert statement["Principal"] == {"Service": "servicecatalog.amazonaws.com"}
        assert statement["Action"] == ["sts:AssumeRole"]
        assert role["path"] == "/"


def test_3_constraints_come_after_their_association(name: str) -> None:
    c = catalog(name)
    associations = c.resources("aws_servicecatalog_product_portfolio_association")
    of_product = {body["product_id"]: key for key, body in associations.items()}
    assert len(of_product) == len(associations) == len(c.given["products"])
    launched: list[tuple[str, str]] = []
    for body in c.resources(CONSTRAINTS).values():
        key = of_product[body["product_id"]]
        assert associations[key]["portfolio_id"] == body["portfolio_id"]
        after = body["depends_on"]
        assert f"aws_servicecatalog_product_portfolio_association.{key}" in after
        if body["type"] == "LAUNCH":
            launched.append((body["product_id"], body["portfolio_id"]))
            assert "aws_iam_role.launch" in after
    assert len(launched) == len(set(launched)) == len(associations)
    types = {body["type"] for body in c.resources(CONSTRAINTS).values()}
    assert types <= {"LAUNCH", "TEMPLATE"}


def test_4_shares_need_no_acceptance(name: str) -> None:
    c = catalog(name)
    for body in c.resources(SHARES).values():
        assert body["type"] != "ACCOUNT"
        assert body["wait_for_acceptance"] is False
        assert body["share_principals"] is (body["type"] != "ORGANIZATION_MEMBER_ACCOUNT")
        assert body["share_tag_options"] is bool(c.given.get("tag_options"))
    management = c.given.get("management_account")
    if management is None:
        return
    (access,) = c.resources("aws_servicecatalog_organizations_access", management).values()
    assert access["enabled"] is True
    administrators = c.resources("aws_organizations_delegated_administrator", management)
    if management == "shared":
        assert not administrators
        first = next(iter(c.resources(SHARES).values()))
        assert "aws_servicecatalog_organizations_access.organization" in first["depends_on"]
        return
    (administrator,) = administrators.values()
    assert administrator["account_id"] == HUB
    assert administrator["service_principal"] == "servicecatalog.amazonaws.com"
    assert "aws_servicecatalog_organizations_access.organization" in administrator["depends_on"]
    assert f"aws/{management}/catalog" in hub_after(c)


def test_4_who_applies_the_management_stack_may_turn_sharing_on(name: str) -> None:
    """The role for applying has no writing action of Organizations of its own."""
    c = catalog(name)
    management = c.given.get("management_account")
    if management is None:
        return
    policies = c.resources("aws_iam_role_policy", management)
    if "deploy" not in c.blueprint:
        assert "terraform" not in policies
        return
    policy = policies["terraform"]
    assert policy["role"] == c.blueprint["deploy"]["aws"]["role"]
    allowed = {}
    for statement in policy["policy"]["Statement"]:
        assert all(action.startswith("organizations:") for action in statement["Action"])
        allowed.update({action.partition(":")[2]: statement for action in statement["Action"]})
    ours = {"StringEquals": {"organizations:ServicePrincipal": "servicecatalog.amazonaws.com"}}
    writing = {
        *("EnableAWSServiceAccess", "DisableAWSServiceAccess"),
        *("RegisterDelegatedAdministrator", "DeregisterDelegatedAdministrator"),
    }
    for action in writing:
        assert allowed[action]["Condition"] == ours
    organization = c.blueprint["organization"]["aws"].get("id", "o-*")
    member = f"arn:{c.partition}:organizations::{c.id(management)}:account/{organization}/{HUB}"
    assert allowed["RegisterDelegatedAdministrator"]["Resource"] == [member]
    assert allowed["DeregisterDelegatedAdministrator"]["Resource"] == [member]
    reading = ("Describe", "List")
    assert all(a.startswith(reading) for a in allowed.keys() - writing)
    for type in (
        "aws_servicecatalog_organizations_access",
        "aws_organizations_delegated_administrator",
    ):
        for body in c.resources(type, management).values():
            assert "aws_iam_role_policy.terraform" in body["depends_on"]


def test_4_shares_reach_exactly_the_accounts_that_launch(name: str) -> None:
    c = catalog(name)
    accounts = c.blueprint["accounts"]
    reached: list[str] = []
    for body in c.resources(SHARES).values():
        principal = body["principal_id"]
        if body["type"] == "ORGANIZATION_MEMBER_ACCOUNT":
            reached += [each for each in accounts if c.id(each) == principal]
            continue
        start = f"arn:{c.partition}:organizations::{c.id(c.given['management_account'])}"
        organization = c.blueprint["organization"]["aws"]["id"]
        if body["type"] == "ORGANIZATION":
            assert principal == f"{start}:organization/{organization}"
            reached += [each for each in accounts if each != "shared"]
        else:
            ou = principal.removeprefix(f"{start}:ou/{organization}/")
            units = c.blueprint["units"].items()
            (unit,) = [path for path, given in units if given.get("aws", {}).get("ou") == ou]
            of_account = {each: given.get("unit", "") for each, given in accounts.items()}
            reached += [
                each for each, own in of_account.items() if f"{own}/".startswith(f"{unit}/")
            ]
    assert sorted(reached) == sorted(set(c.launching) - {"shared"})


def test_4_shares_are_one_after_the_other(name: str) -> None:
    """Several at a time are throttled, and stay broken."""
    c = catalog(name)
    shares = c.resources(SHARES)
    before = {f"{SHARES}.{key}" for key in shares}
    chained = [[each for each in body["depends_on"] if each in before] for body in shares.values()]
    firsts = [index for index, after in enumerate(chained) if not after]
    assert len(firsts) == (1 if shares else 0)
    linked = [after[0] for after in chained if after]
    assert len(linked) == len(set(linked)) == max(len(shares) - 1, 0)


def test_5_shared_principals_are_exact_names(name: str) -> None:
    c = catalog(name)
    patterns, roles = set(), set()
    for body in c.resources(PRINCIPALS).values():
        arn = body["principal_arn"]
        if body["principal_type"] == "IAM_PATTERN":
            assert arn.split(":")[:5] == ["arn", c.partition, "iam", "", ""]
            assert not set(arn) & set("*?")
            patterns.add(arn.partition(":role/")[2])
        else:
            assert body["principal_type"] == "IAM"
            roles.add(arn)
    alone = alone_in(c)
    within = [account for account in c.launching if account != "shared" and account not in alone]
    for account in within:  # a name is shared with every account of every unit
        assert patterns == set(c.users(account)), account
    assert within or not patterns
    assert not patterns or c.partition == "aws"
    here = c.users("shared") if "shared" in c.launching else []
    assert roles == {c.role("shared", user) for user in here}
    assert len(patterns) <= 10


def alone_in(c: Catalog) -> set[str]:
    """The accounts that the portfolio is shared to one by one."""
    found = {
        body["principal_id"]
        for body in c.resources(SHARES).values()
        if body["type"] == "ORGANIZATION_MEMBER_ACCOUNT"
    }
    return {account for account in c.blueprint["accounts"] if c.id(account) in found}


def test_5_who_sees_the_portfolio_of_one_account_is_said_there(name: str) -> None:
    """Principals are shared with units only; the portfolio's id is known when the hub is applied."""
    c = catalog(name)
    alone = alone_in(c)
    for account in set(c.launching) - {"shared"}:
        variables = c.stack(account).get("variable", {})
        found = c.resources(PRINCIPALS, account).values()
        if account not in alone or not c.users(account):
            assert not variables
            assert not found
            continue
        assert variables["portfolio_id"]["default"] == ""
        assert {body["principal_arn"] for body in found} == {
            c.role(account, user) for user in c.users(account)
        }
        for body in found:
            assert body["principal_type"] == "IAM"
            assert body["portfolio_id"] == "${var.portfolio_id}"
            assert body["count"] == '${var.portfolio_id == "" ? 0 : 1}'


def test_6_templates_are_objects_of_the_stack(name: str) -> None:
    c = catalog(name)
    objects = c.resources("aws_s3_object")
    allowed = {HUB} if any("from" in p for p in c.given["products"].values()) else set()
    for address, url, text in c.templates():
        match = re.fullmatch(
            r"https://\$\{aws_s3_bucket\.templates\.bucket_regional_domain_name\}/"
            r"\$\{aws_s3_object\.([\w-]+)\.key\}",
            url,
        )
        assert match is not None
        assert match[1] in objects, address
        template, problems = read_template(text, "template")
        assert not problems
        assert template is not None
        assert {id for id, _ in template.accounts()} <= allowed, address


def test_6_every_version_is_there(name: str) -> None:
    c = catalog(name)
    wanted = {
        (product, version["name"], "DEPRECATED" if version.get("deprecated") else "DEFAULT")
        for product, given in c.given["products"].items()
        for version in given["versions"]
    }
    products = {f"${{{PRODUCTS}.{key}.id}}": body for key, body in c.resources(PRODUCTS).items()}
    found = {
        (products[body["product_id"]]["name"], body["name"], body["guidance"])
        for body in c.resources(ARTIFACTS).values()
    }
    assert found == wanted
    assert all(body["active"] for body in c.resources(ARTIFACTS).values())


def test_7_the_launch_role_passes_what_templates_name(name: str) -> None:
    c = catalog(name)
    named = {
        role
        for _, _, text in c.templates()
        for role in re.findall(r"::\$\{AWS::AccountId\}:role/([\w-]+)", text)
    }
    assert named == c.runs.keys()
    for account in c.launching:
        passing = [s for s in c.statements(account, "launch") if "iam:PassRole" in s["Action"]]
        passed = [role for statement in passing for role in statement["Resource"]]
        assert sorted(passed) == sorted(c.role(account, role) for role in named)
        for statement in passing:
            assert statement["Condition"] == {
                "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
            }
        roles = {role["name"] for role in c.resources("aws_iam_role", account).values()}
        assert roles == {c.launch_role, *named}


def test_8_the_model_hub_admits_what_runs(name: str) -> None:
    c = catalog(name)
    hub = c.stack("shared", "models")["resource"]
    wanted = {
        c.role(account, role) for account in c.launching for role, read in c.runs.items() if read
    }
    foreign = {role for role in wanted if f"::{HUB}:" not in role}
    bucket = hub["aws_s3_bucket_policy"]["artifacts"]["policy"]
    assert admitted(bucket, "s3:GetObject") >= foreign
    key = hub["aws_kms_key"]["artifacts"]["policy"]
    assert admitted(key, "kms:Decrypt") >= wanted
    groups = {p["from"]["group"] for p in c.given["products"].values() if "from" in p}
    of_churn = {r for r in foreign if "churn" in c.runs[r.rpartition("/")[2]]}
    if of_churn:
        repository = hub["aws_ecr_repository_policy"].values()
        assert any(admitted(body["policy"], "ecr:BatchGetImage") == of_churn for body in repository)
    for group in groups if foreign else ():
        policy = hub["aws_sagemaker_model_package_group_policy"][group]["resource_policy"]
        roots = {f"{each.partition(':role/')[0]}:root" for each in foreign}
        assert admitted(policy, "sagemaker:CreateModel") >= roots


def test_a_role_reads_the_models_of_its_own_product(name: str) -> None:
    """On either side: in its own policy, and in that of the hub's bucket."""
    c = catalog(name)
    policies = c.stack("shared", "models")["resource"]["aws_s3_bucket_policy"]
    shared = policies["artifacts"]["policy"]["Statement"]
    artifacts = f"arn:{c.partition}:s3:::acme-models-artifacts-{HUB}"
    for account in c.launching:
        roles = c.resources("aws_iam_role", account)
        names = {body["name"]: key for key, body in roles.items() if key.startswith("run_")}
        assert names.keys() == c.runs.keys()
        for role, groups in c.runs.items():
            arn = c.role(account, role)
            at_hub = [s for s in shared if s["Effect"] == "Allow" and arn in _narrowed(s)]
            sides = [c.statements(account, names[role])]
            sides += [at_hub] if account != "shared" else []
            for statements in sides:
                objects = {
                    resource
                    for statement in statements
                    if "s3:GetObject" in statement["Action"]
                    for resource in statement["Resource"]
                }
                assert objects == {f"{artifacts}/{group}/*" for group in groups}
                listed = {
                    prefix
                    for statement in statements
                    if "s3:ListBucket" in statement["Action"]
                    for prefix in statement["Condition"]["StringLike"]["s3:prefix"]
                }
                assert listed == {f"{group}/*" for group in groups}


def _narrowed(statement: dict[str, Any]) -> list[str]:
    """The roles that a statement of the hub's is for."""
    condition = statement.get("Condition", {})
    names = condition.get("ArnEquals", {}).get("aws:PrincipalArn", [])
    return names if isinstance(names, list) else [names]


def admitted(policy: dict[str, Any], action: str) -> set[str]:
    """The roles that a resource's policy lets do something, or whole accounts."""
    found: set[str] = set()
    for statement in policy["Statement"]:
        principal = statement["Principal"]
        if statement["Effect"] != "Allow" or "AWS" not in principal:
            continue
        if any(like(action, pattern) for pattern in statement["Action"]):
            named = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn")
            several = named or principal["AWS"]
            found |= set(several) if isinstance(several, list) else {several}
    return found


def test_9_nothing_that_is_closed(name: str) -> None:
    c = catalog(name)
    for path, document in c.compiled.documents.items():
        types = set(re.findall(r'"(aws_\w+)": ', json.dumps(document)))
        assert not [each for each in types if "appregistry" in each], path
        assert "TERRAFORM_OPEN_SOURCE" not in json.dumps(document)
    for body in c.resources(PRODUCTS).values():
        assert body["type"] == "CLOUD_FORMATION_TEMPLATE"


def hub_after(c: Catalog) -> set[str]:
    (stack,) = [stack for stack in c.compiled.stacks if stack.path == "aws/shared/catalog"]
    return set(stack.depends_on)


def test_launch_roles_are_there_before_anything_is_shared(name: str) -> None:
    c = catalog(name)
    assert hub_after(c) >= {f"aws/{each}/catalog" for each in c.launching if each != "shared"}


def test_the_ledger_has_every_relation(name: str) -> None:
    """3-E2, 3-E4, 3-E5, 3-E6 and 3-E7 by their ids, for each account that launches."""
    c = catalog(name)
    modelled = any("from" in product for product in c.given["products"].values())
    for account in c.launching:
        launch = f"catalog/launch-{account}"
        wanted = {f"{launch}-{part}" for part in ("manages-stacks", "reads-templates")}
        for role, groups in c.runs.items():
            called = role.removeprefix("acme-catalog-").removesuffix("-run")
            wanted.add(f"{launch}-{called}-passes-run-role")
            run = f"catalog/run-{called}-{account}"
            for group in groups:
                wanted |= {f"{run}-models-{group}-{part}-model" for part in ("reads", "lists")}
                image = "pulls-image" if group == "churn" else "pulls-builtin-image"
                wanted |= {f"{run}-models-{group}-{image}", f"{run}-uses-models-artifacts"}
        if modelled:
            parts = ("makes-models", "makes-configurations", "makes-endpoints", "scales")
            wanted |= {f"{launch}-{part}" for part in parts}
            wanted.add(f"{launch}-models-churn-uses-versions")
        assert wanted <= c.edges.keys(), account
        for user in c.users(account):
            arn = c.role(account, user)
            own = [e for e in c.edges.values() if e["principal"]["arn"] == arn]
            ids = {e["id"].rpartition(f"-{account}-")[2] for e in own}
            asks = {"asks-endpoints"} if modelled else set()
            assert ids == {"launches-products", "manages-launched", "reads-outputs"} | asks


def test_crossing_relations_have_both_halves(name: str) -> None:
    c = catalog(name)
    crossing = [
        edge
        for edge in c.edges.values()
        if edge["resource"]["account"] in c.blueprint["accounts"]
        and edge["resource"]["account"] != edge["principal"]["account"]
    ]
    for edge in crossing:
        sides = {statement["side"] for statement in edge["statements"]}
        assert "identity" in sides
        assert sides & {"resource", "key"}, edge["id"]
    elsewhere = set(c.launching) - {"shared"}
    modelled = any("from" in product for product in c.given["products"].values())
    assert {edge["principal"]["account"] for edge in crossing} == (elsewhere if modelled else set())


def test_the_hub_that_does_not_launch_gives_its_role_nothing(name: str) -> None:
    c = catalog(name)
    assert bool(c.statements("shared", "launch")) is ("shared" in c.launching)


def test_people_manage_only_what_they_launched(name: str) -> None:
    c = catalog(name)
    for account in c.launching:
        policies = c.resources("aws_iam_role_policy", account)
        users = [body for key, body in policies.items() if key.startswith("user_")]
        assert {body["role"] for body in users} == {u.rpartition("/")[2] for u in c.users(account)}
        for body in users:
            for statement in body["policy"]["Statement"]:
                if all(a.startswith("sagemaker:InvokeEndpoint") for a in statement["Action"]):
                    (endpoints,) = statement["Resource"]
                    assert endpoints.startswith(c.arn(account, "sagemaker", "endpoint/acmecatalog"))
                    continue
                assert all(a.startswith("servicecatalog:") for a in statement["Action"])
                known = {"servicecatalog:GetProvisionedProductOutputs"}
                changing = [a for a in statement["Action"] if "ProvisionedProduct" in a]
                if set(changing) - known:
                    assert statement["Condition"] == {
                        "StringEquals": {"servicecatalog:userLevel": "self"}
                    }


def test_the_launch_role_has_no_more_than_its_stacks(name: str) -> None:
    c = catalog(name)
    for account in c.launching:
        assert not c.resources("aws_iam_role_policy_attachment", account)
        for statement in c.statements(account, "launch"):
            stacks = [a for a in statement["Action"] if a.endswith("Stack")]
            if stacks:
                assert statement["Resource"] == [c.arn(account, "cloudformation", "stack/SC-*")]
            if statement["Resource"] == ["*"]:
                reading = ("Get", "Describe", "Validate")
                verbs = [action.partition(":")[2] for action in statement["Action"]]
                assert all(verb.startswith(reading) for verb in verbs)


def test_people_ask_what_the_templates_of_models_launch(name: str) -> None:
    """CloudFormation names an endpoint by its logical id and characters of its own."""
    c = catalog(name)
    ids = {
        key
        for _, _, text in c.templates()
        if text.startswith("{")
        for key, resource in json.loads(text)["Resources"].items()
        if resource["Type"] == "AWS::SageMaker::Endpoint"
    }
    for account in c.launching:
        policies = c.resources("aws_iam_role_policy", account)
        for key, body in policies.items():
            if not key.startswith("user_"):
                continue
            asking = [
                statement["Resource"][0]
                for statement in body["policy"]["Statement"]
                if "sagemaker:InvokeEndpoint" in statement["Action"]
            ]
            assert len(asking) == bool(ids)
            for id in ids:
                assert like(c.arn(account, "sagemaker", f"endpoint/{id}-a1B2c3D4e5F6"), asking[0])


def test_the_launch_role_reads_any_configuration_and_changes_its_own(name: str) -> None:
    """RegisterScalableTarget describes an endpoint's configuration as the caller."""
    c = catalog(name)
    if not any("from" in product for product in c.given["products"].values()):
        return
    for account in c.launching:
        every = c.arn(account, "sagemaker", "endpoint-config/*")
        of_all = [s for s in c.statements(account, "launch") if every in s["Resource"]]
        assert [s["Action"] for s in of_all] == [["sagemaker:DescribeEndpointConfig"]]


def test_templates_need_no_key(name: str) -> None:
    """Terraform writes and reads them as a role that no key's policy names."""
    c = catalog(name)
    (body,) = c.resources("aws_s3_bucket_server_side_encryption_configuration").values()
    (rule,) = body["rule"]
    assert rule["apply_server_side_encryption_by_default"] == [{"sse_algorithm": "AES256"}]
    assert not c.resources("aws_kms_key")
    for guard in ("public_access_block", "ownership_controls", "versioning", "policy"):
        assert c.resources(f"aws_s3_bucket_{guard}").keys() == {"templates"}


def test_objects_have_no_default_tags(name: str) -> None:
    """S3 objects have at most ten tags."""
    for body in catalog(name).resources("aws_s3_object").values():
        assert body["override_provider"] == [{"default_tags": [{"tags": {}}]}]


def test_template_constraints_speak_of_parameters_that_every_version_has(name: str) -> None:
    c = catalog(name)
    rules = {
        body["product_id"]: body["parameters"]["Rules"]
        for body in c.resources(CONSTRAINTS).values()
        if body["type"] == "TEMPLATE"
    }
    products = {f"${{{PRODUCTS}.{key}.id}}": body for key, body in c.resources(PRODUCTS).items()}
    for product, body in products.items():
        given = c.given["products"][body["name"]].get("parameters", {})
        own = rules.get(product, {})
        assert bool(own) is bool(given)
        if "instance" in given:
            (assertion,) = own["InstanceType"]["Assertions"]
            assert assertion["Assert"] == {
                "Fn::Contains": [given["instance"], {"Ref": "InstanceType"}]
            }
        versions = [b for b in c.resources(ARTIFACTS).values() if b["product_id"] == product]
        urls = {b["template_url"] for b in (*versions, *body["provisioning_artifact_parameters"])}
        for _, url, text in c.templates():
            if url in urls:
                declared = yaml.safe_load(re.sub(r"!\w+", "", text)).get("Parameters", {})
                assert own.keys() <= declared.keys()


def test_outputs(name: str) -> None:
    c = catalog(name)
    outputs = c.hub["output"]
    assert {"portfolio_id", "portfolio_arn", "product_ids", "launch_role_arn"} <= outputs.keys()
    assert outputs["product_ids"]["value"].keys() == c.given["products"].keys()
    for account in c.launching:
        own = c.stack(account)["output"]
        assert own["launch_role_arn"]["value"] == c.role(account, c.launch_role)
        arns = own.get("execution_role_arns", {"value": {}})["value"]
        assert set(arns.values()) == {c.role(account, role) for role in c.runs}


def test_budgets_are_where_costs_arise_and_on_the_portfolio(name: str) -> None:
    c = catalog(name)
    with_budget = {a for a in c.blueprint["accounts"] if f"aws/{a}/catalog" in c.compiled.documents}
    found = {a for a in with_budget if c.resources("aws_budgets_budget", a)}
    if "budget" not in c.given:
        assert not found
        return
    assert found == {"shared", *c.launching}
    (association,) = c.resources("aws_servicecatalog_budget_resource_association").values()
    assert association["resource_id"] == "${aws_servicecatalog_portfolio.catalog.id}"
    for account in found:
        (body,) = c.resources("aws_budgets_budget", account).values()
        assert body["limit_amount"] == "500"
        assert body["cost_filter"][0]["values"] == ["user:landform-component$catalog"]
