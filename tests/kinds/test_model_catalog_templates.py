"""The templates that the compiler writes, and what the launch role may do with what they make."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from compiler.data import hosting_instance_types
from compiler.kinds.model_catalog.names import PRODUCT_LENGTH, TOKEN_LENGTH
from tests.kinds.catalog import (
    ACCOUNTS,
    BARE,
    FIFTY,
    HUB,
    MODEL,
    NOTEBOOK,
    TEAM,
    VARIANTS,
    Catalog,
    blueprint,
    catalog,
    compiled,
    problems,
)
from tests.terraform.conditions import like

# SageMaker's limit of a name, less a dash and the 12 characters that CloudFormation appends.
LONGEST_ID = 63 - 13
MADE = "AbCdEf123456"
# What CloudFormation calls to make, read, change and delete a resource of a type, and on what.
# Source: the handlers' permissions in each type's schema of the CloudFormation registry.
CALLS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "AWS::SageMaker::Model": (
        "model",
        ("AddTags", "CreateModel", "DeleteModel", "DescribeModel", "ListTags"),
    ),
    "AWS::SageMaker::EndpointConfig": (
        "endpoint-config",
        (
            *("AddTags", "CreateEndpoint", "CreateEndpointConfig", "DeleteEndpointConfig"),
            *("DeleteTags", "DescribeEndpointConfig", "ListTags", "UpdateEndpoint"),
        ),
    ),
    "AWS::SageMaker::Endpoint": (
        "endpoint",
        (
            *("AddTags", "CreateEndpoint", "DeleteEndpoint", "DeleteTags", "DescribeEndpoint"),
            *("ListTags", "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities"),
        ),
    ),
}
SCALING = (
    *("DeregisterScalableTarget", "RegisterScalableTarget", "DescribeScalableTargets"),
    *("DeleteScalingPolicy", "DescribeScalingPolicies", "PutScalingPolicy"),
)


@pytest.mark.rig  # cfn-lint reads each region's specification
def test_every_template_is_valid() -> None:
    """By cfn-lint, without a warning: those of ours and those that the tests stand for a team's."""
    where: dict[str, str] = {}
    regions: dict[str, set[str]] = {}
    for name in VARIANTS:
        c = catalog(name)
        for address, _, text in c.templates():
            where.setdefault(text, f"{name} {address}")
            regions.setdefault(text, set()).add(c.region)
    assert len(where) > 8
    for text, several in regions.items():
        found = lint(text, config=ManualArgs(regions=sorted(several)))
        # The role of a team's template and its names are the team's.
        assert not [str(each) for each in found], where[text]


def models(c: Catalog) -> Iterator[tuple[str, Any]]:
    """The templates of models, read."""
    for address, _, text in c.templates():
        if "AWS::SageMaker::EndpointConfig" in text:
            yield address, json.loads(text)


def allowed(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    return any(
        any(like(action, pattern) for pattern in statement["Action"])
        and any(like(resource, pattern) for pattern in statement["Resource"])
        for statement in statements
    )


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "templates-only"])
def test_the_launch_role_makes_what_the_templates_hold(name: str) -> None:
    c = catalog(name)
    for account in c.launching:
        statements = c.statements(account, "launch")
        for address, template in models(c):
            for logical, resource in template["Resources"].items():
                kind, calls = CALLS.get(resource["Type"], ("", ()))
                # SageMaker writes names in lower case into ARNs.
                arn = c.arn(account, "sagemaker", f"{kind}/{f'{logical}-{MADE}'.lower()}")
                other = c.arn(account, "sagemaker", f"{kind}/other-{MADE.lower()}")
                for call in calls:
                    assert allowed(statements, f"sagemaker:{call}", arn), (address, call)
                    # Scaling asks for the configuration of any name, and only reads it.
                    any_name = call == "DescribeEndpointConfig"
                    found = allowed(statements, f"sagemaker:{call}", other)
                    assert found is any_name, (address, call)
            target = c.arn(account, "application-autoscaling", "scalable-target/1a2b")
            for call in SCALING:
                assert allowed(statements, f"application-autoscaling:{call}", target), call


def test_alarms_and_logs_are_those_of_the_catalogs_endpoints() -> None:
    c = catalog("units")
    ((_, template), *_) = models(c)
    (endpoint,) = [k for k, r in template["Resources"].items() if r["Type"].endswith("::Endpoint")]
    made = f"{endpoint}-{MADE}"
    alarm = c.arn("dev", "cloudwatch", f"alarm:TargetTracking-endpoint/{made}/variant/AllTraffic-x")
    assert allowed(c.statements("dev", "launch"), "cloudwatch:PutMetricAlarm", alarm)
    group = c.arn("dev", "logs", f"log-group:/aws/sagemaker/Endpoints/{made}:log-stream:x")
    assert allowed(c.statements("dev", "run_churn_endpoint"), "logs:PutLogEvents", group)
    assert not allowed(c.statements("dev", "run_notebook"), "logs:PutLogEvents", group)
    group = c.arn("dev", "logs", "log-group:/aws/sagemaker/Endpoints/acme-catalog-notebook-x:")
    for role, writes in (("run_notebook", True), ("run_churn_endpoint", False)):
        found = allowed(c.statements("dev", role), "logs:PutLogEvents", f"{group}log-stream:x")
        assert found is writes


def test_models_that_share_a_role_write_the_logs_of_each() -> None:
    c = catalog("one-role-for-models")
    endpoints = [
        key
        for _, template in models(c)
        for key, resource in template["Resources"].items()
        if resource["Type"].endswith("::Endpoint")
    ]
    assert len(set(endpoints)) == 2
    for endpoint in endpoints:
        group = f"log-group:/aws/sagemaker/Endpoints/{endpoint}-{MADE}:log-stream:x"
        arn = c.arn("dev", "logs", group)
        assert allowed(c.statements("dev", "run_scoring"), "logs:PutLogEvents", arn)


def test_the_types_in_our_templates_are_all_known() -> None:
    types = {
        resource["Type"]
        for name in VARIANTS
        for _, template in models(catalog(name))
        for resource in template["Resources"].values()
    }
    assert types == {
        *CALLS,
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
    }


def test_parameters_have_the_limits_of_the_blueprint() -> None:
    for _, template in models(catalog("units")):
        parameters = template["Parameters"]
        assert parameters["InstanceType"]["AllowedValues"] == ["ml.m6i.large", "ml.m6i.xlarge"]
        for name in ("MinInstances", "MaxInstances"):
            assert (parameters[name]["MinValue"], parameters[name]["MaxValue"]) == (1, 4)


def test_without_a_list_any_instance_type_may_be_chosen() -> None:
    c = catalog("any-instances")
    for _, template in models(c):
        parameter = template["Parameters"]["InstanceType"]
        assert not {"AllowedValues", "Default"} & parameter.keys()
        pattern = re.compile(parameter["AllowedPattern"])
        assert all(pattern.fullmatch(each) for each in hosting_instance_types())
        assert not pattern.fullmatch("m6i.large")
    rules = [
        set(body["parameters"]["Rules"])
        for body in c.resources("aws_servicecatalog_constraint").values()
        if body["type"] == "TEMPLATE"
    ]
    assert rules == [{"MaxInstances"}]


def test_a_version_with_a_package_asks_for_none() -> None:
    texts = dict(models(catalog("units")))
    pinned, free = texts["churn_endpoint_v1"], texts["churn_endpoint_v2"]
    assert "ModelPackageVersion" not in pinned["Parameters"]
    assert ":model-package/acme-models-churn/3" in json.dumps(pinned)
    assert free["Parameters"]["ModelPackageVersion"]["MinValue"] == 1
    assert "model-package/acme-models-churn/${ModelPackageVersion}" in json.dumps(free)


def test_a_version_with_several_packages_offers_just_these() -> None:
    """Without a list, a version that nobody approved could be asked for."""
    versions = [{"name": "v1", "package": [3, 5]}]
    changes = {"catalog": {"products": {"churn-endpoint": {**MODEL, "versions": versions}}}}
    c = compiled(blueprint(changes))
    (text,) = [text for _, _, text in c.templates() if "ModelPackageVersion" in text]
    template = json.loads(text)
    parameter = template["Parameters"]["ModelPackageVersion"]
    assert (parameter["AllowedValues"], parameter["Default"]) == ([3, 5], 5)
    assert "model-package/acme-models-churn/${ModelPackageVersion}" in text
    assert not lint(text, config=ManualArgs(regions=[c.region]))


@pytest.mark.parametrize("component", ["c", "a-component-with-31-characters-"])
@pytest.mark.parametrize("product", ["p", "a-product-whose-name-has-31-cha"])
def test_names_that_cloudformation_makes_are_not_cut(component: str, product: str) -> None:
    value = blueprint({"catalog": {"products": {product: MODEL}, "launch_role": None}})
    value["organization"]["name"] = "an-organisation-with-forty-characters-xx"
    value["components"][component] = value["components"].pop("catalog")
    one = Catalog("", value, compiled_as(value, component))
    found = [template for _, template in models(one)]
    assert found
    for template in found:
        for logical in template["Resources"]:
            assert logical.isalnum()
            assert len(logical) <= LONGEST_ID
    assert TOKEN_LENGTH + PRODUCT_LENGTH + len("endpoint") <= LONGEST_ID


def compiled_as(value: dict[str, Any], component: str) -> Any:
    """Compiled, with the documents of the component under the name that tests look for."""
    made = compiled(value).compiled
    documents = {
        path.removesuffix(f"/{component}") + "/catalog"
        if path.endswith(f"/{component}")
        else path: d
        for path, d in made.documents.items()
    }
    stacks = tuple(
        replace(stack, component="catalog") if stack.component == component else stack
        for stack in made.stacks
    )
    return replace(made, documents=documents, stacks=stacks)


@pytest.mark.parametrize(
    ("accounts", "products", "given"),
    [(50, 15, {"runs_as": "scoring"}), (50, 4, {}), (8, 15, {})],
)
def test_many_models_in_many_accounts(
    accounts: int, products: int, given: Mapping[str, Any]
) -> None:
    """What the manual says of the room in the policy of the hub's bucket; roles there stay exact."""
    spokes = {f"spoke-{n}": FIFTY[f"spoke-{n}"] for n in range(accounts)}
    own = {name: ACCOUNTS[name] for name in ("management", "shared")}
    changes = {"accounts": {**own, **spokes}, "catalog": {"tag_options": None}}
    value = blueprint({**VARIANTS["fifty"], **changes})
    groups = {f"group-{n}": {"repository": f"images/group-{n}"} for n in range(products)}
    value["components"]["models"]["groups"] = groups
    value["components"]["catalog"]["products"] = {
        f"product-{n}": {**MODEL, "from": {"hub": "models", "group": f"group-{n}"}, **given}
        for n in range(products)
    }
    c = compiled(value)
    assert len(c.launching) == accounts
    for account in c.launching:
        passing = [s for s in c.statements(account, "launch") if "iam:PassRole" in s["Action"]]
        passed = sorted(role for statement in passing for role in statement["Resource"])
        assert passed == sorted(c.role(account, role) for role in c.runs)
        for role in c.resources("aws_iam_role_policy", account):
            assert len(json.dumps(c.statements(account, role))) < 10_240


def test_names_that_read_alike_when_joined_stay_apart() -> None:
    """`a` of the account `b-c` and `a-b` of the account `c`, in either order."""
    accounts = {
        **ACCOUNTS,
        "endpoint-dev": {"id": "700000000001"},
        "dev-x": {"id": "700000000002"},
    }
    products = {
        "churn": MODEL,
        "churn-endpoint": MODEL,
        "x-tools": BARE,
        "tools": BARE,
    }
    changes = {"share_to": ["dev", "endpoint-dev", "dev-x"], "products": products}
    c = compiled(blueprint({"accounts": accounts, "catalog": changes}))
    for account in c.launching:
        passing = [s for s in c.statements(account, "launch") if "iam:PassRole" in s["Action"]]
        passed = sorted(role for statement in passing for role in statement["Resource"])
        assert passed == [
            c.role(account, f"acme-catalog-{name}-run") for name in ("churn-endpoint", "churn")
        ]


@pytest.mark.parametrize(
    ("role", "says"),
    [
        ("role/acme-catalog-churn-endpoint-run", 'of product "churn-endpoint"'),
        ("role/acme-catalog-run", "of no product"),
    ],
)
def test_a_template_hands_on_the_role_of_its_own_product(role: str, says: str) -> None:
    own = "role/acme-catalog-notebook-run"
    (found,) = problems(blueprint({}), {"templates/notebook.yaml": NOTEBOOK.replace(own, role)})
    assert found.span is not None
    assert (found.code, found.span.path.rpartition("/")[2]) == ("E204", "notebook.yaml")
    assert found.span.line == 1 + NOTEBOOK.splitlines().index(
        next(line for line in NOTEBOOK.splitlines() if own in line)
    )
    assert says in found.message
    assert found.hint == f"write {own}"


def test_a_role_over_the_limit_is_told_by_its_shortened_name() -> None:
    own = "role/acme-catalog-notebook-run"
    product, limit = "a-product-whose-name-has-31-cha", 64
    value = blueprint({"catalog": {"products": {product: TEAM}}})
    value["organization"]["name"] = "an-organisation-with-forty-characters-xx"
    whole = f"an-organisation-with-forty-characters-xx-catalog-{product}-run"
    text = NOTEBOOK.replace(own, f"role/{whole}")
    (found,) = problems(value, {"templates/notebook.yaml": text})
    assert f'names the role "{whole}" of no product' in found.message
    assert found.hint is not None
    short = found.hint.removeprefix("write role/")
    assert len(short) == limit
    assert not problems(value, {"templates/notebook.yaml": text.replace(whole, short)})


@pytest.mark.parametrize(
    ("product", "says"),
    [
        ({**MODEL, "reads": [{"hub": "models", "group": "fraud"}]}, "is for a template"),
        ({**MODEL, "runs_as": "notebook"}, "the role of a template"),
        ({**TEAM, "runs_as": "scoring"}, 'is for a product with "from"'),
        ({**BARE, "reads": [{"hub": "models", "group": "churn"}]}, "which no template"),
        ({**TEAM, "reads": [{"hub": "models", "group": "fruad"}]}, "reads.0"),
        ({**TEAM, "reads": [{"hub": "models", "group": "fraud"}] * 2}, "twice"),
    ],
)
def test_what_a_launched_product_reads_is_said_where_it_means_something(
    product: Mapping[str, Any], says: str
) -> None:
    name = "other" if product.get("from") or product["template"] == BARE["template"] else "notebook"
    products = {"notebook": TEAM, name: product}
    (found,) = problems(blueprint({"catalog": {"products": products}}))
    assert says in found.message


def test_two_catalogs_of_one_account_do_not_make_each_others_endpoints() -> None:
    value = blueprint({"catalog": {"tag_options": None, "management_account": None}})
    value["components"]["catalog-x"] = {
        **value["components"]["catalog"],
        "launch_role": "other-launch",
        "products": {"churn": MODEL},
    }
    c = compiled(value)
    statements: dict[str, list[dict[str, Any]]] = {}
    made_by: dict[str, str] = {}
    for component in ("catalog", "catalog-x"):
        stack: Any = c.stack("dev", component)
        policies = stack["resource"]["aws_iam_role_policy"]
        statements[component] = policies["launch"]["policy"]["Statement"]
        (asset,) = [
            asset.content.decode()
            for made in c.compiled.stacks
            for asset in made.assets
            if made.component == component
            and asset.path.endswith(("churn/v2.json", "endpoint/v2.json"))
        ]
        resources = json.loads(asset)["Resources"].items()
        (logical,) = [key for key, body in resources if body["Type"].endswith("::Endpoint")]
        made_by[component] = c.arn("dev", "sagemaker", f"endpoint/{logical}-{MADE}".lower())
    for maker, arn in made_by.items():
        for component, own in statements.items():
            assert allowed(own, "sagemaker:DeleteEndpoint", arn) is (component == maker)


def test_two_catalogs_turn_sharing_on_once() -> None:
    value = blueprint({"catalog": {"tag_options": None}})
    value["components"]["a-catalog"] = {
        **value["components"]["catalog"],
        "launch_role": None,
        "products": {"churn": MODEL},
    }
    del value["components"]["a-catalog"]["launch_role"]
    c = compiled(value)
    stacks = {stack.path: stack for stack in c.compiled.stacks}
    first: Any = c.stack("management", "a-catalog")
    assert set(first["resource"]) == {
        "aws_servicecatalog_organizations_access",
        "aws_organizations_delegated_administrator",
    }
    assert "aws/management/catalog" not in stacks
    for path in ("aws/shared/catalog", "aws/shared/a-catalog"):
        assert "aws/management/a-catalog" in stacks[path].depends_on


def test_a_change_makes_versions_anew_and_never_the_product() -> None:
    """A product with what was launched of it cannot be replaced."""
    before = catalog("units")
    parameters = {"instance": ["ml.m5.large"], "max_instances": 9}
    changed = {**MODEL, "parameters": parameters}
    after = compiled(blueprint({"catalog": {"products": {"churn-endpoint": changed}}}))
    name, products = "churn_endpoint", "aws_servicecatalog_product"
    assert before.resources(products)[name] == after.resources(products)[name]
    keys = [
        {c.resources("aws_s3_object")[f"{name}_{v}"]["key"] for v in ("v1", "v2")}
        for c in (before, after)
    ]
    assert not keys[0] & keys[1]
    for c in (before, after):
        artifacts = c.resources("aws_servicecatalog_provisioning_artifact")
        for version in ("v1", "v2"):
            body = artifacts[f"{name}_{version}"]
            assert f"aws_s3_object.{name}_{version}.key" in body["template_url"]
            assert body["lifecycle"] == {"create_before_destroy": True}


def test_deprecating_a_version_changes_its_guidance_only() -> None:
    versions = [{"name": "v1", "package": 3}, {"name": "v2", "deprecated": True}]
    before = catalog("units").stack("shared")
    changed = {"churn-endpoint": {**MODEL, "versions": versions}, "notebook": TEAM}
    after = compiled(blueprint({"catalog": {"products": changed}})).stack("shared")
    artifacts = "aws_servicecatalog_provisioning_artifact"
    for version, guidance in (("v1", "DEFAULT"), ("v2", "DEPRECATED")):
        after["resource"][artifacts][f"churn_endpoint_{version}"]["guidance"] = (
            "DEPRECATED" if guidance == "DEFAULT" else "DEFAULT"
        )
    assert before == after


def test_the_version_that_a_product_is_made_with_refuses_every_launch() -> None:
    c = catalog("units")
    bodies = c.resources("aws_servicecatalog_product").values()
    urls = {body["provisioning_artifact_parameters"][0]["template_url"] for body in bodies}
    assert len(urls) == 1
    text = next(text for _, url, text in c.templates() if url in urls)
    template = json.loads(text)
    (rule,) = template["Rules"].values()
    assert "RuleCondition" not in rule
    allowed_values = template["Parameters"]["InstanceType"]["AllowedValues"]
    wanted = [each["Assert"]["Fn::Equals"] for each in rule["Assertions"]]
    assert [{"Ref": "InstanceType"}, "never"] in wanted
    assert "never" not in allowed_values
    assert c.resources("aws_s3_object")["not_for_launch"]["key"] == "not-for-launch.json"


def test_a_template_of_the_team_is_published_as_it_is() -> None:
    c = catalog("units")
    assert c.assets["assets/templates/notebook/v1.yaml"] == NOTEBOOK


def test_permissions_of_the_team_are_those_of_each_account() -> None:
    c = catalog("nothing-passed")
    for account in c.launching:
        found = [s for s in c.statements(account, "launch") if s["Sid"].endswith("Group1")]
        (statement,) = found
        group = c.arn(account, "sagemaker", "model-package-group/research")
        assert statement["Resource"] == [group]


@pytest.mark.parametrize(
    ("written", "arn"),
    [
        ("s3:acme-research-*", "arn:aws:s3:::acme-research-*"),
        ("iam:role/research/*", "arn:aws:iam::222222222222:role/research/*"),
        ("sqs:jobs", "arn:aws:sqs:eu-west-1:222222222222:jobs"),
    ],
)
def test_resources_are_written_without_account(written: str, arn: str) -> None:
    actions = {"s3": "s3:CreateBucket", "iam": "iam:GetRole", "sqs": "sqs:CreateQueue"}
    permission = {"actions": [actions[written.partition(":")[0]]], "resources": [written]}
    product = {**TEAM, "permissions": [permission]}
    c = compiled(blueprint({"catalog": {"products": {"notebook": product}}}))
    (statement,) = [s for s in c.statements("dev", "launch") if s["Sid"].endswith("Notebook1")]
    assert statement["Resource"] == [arn]


@pytest.mark.parametrize(
    ("product", "alike"),
    [("churnendpoint", True), ("churn-endpoint-2", False), ("churn-end-point", True)],
)
def test_products_whose_endpoints_are_called_alike_are_told(product: str, alike: bool) -> None:
    """The run role of each writes the logs of endpoints that are called so."""
    products = {"churn-endpoint": MODEL, product: MODEL}
    found = problems(blueprint({"catalog": {"products": products}}), {})
    assert [each.code for each in found] == ["E204"] * alike
    assert all(f'"{product}"' in each.message and each.hint for each in found)


def test_alike_products_may_share_their_role() -> None:
    products = {name: {**MODEL, "runs_as": "both"} for name in ("churn-endpoint", "churnendpoint")}
    assert problems(blueprint({"catalog": {"products": products}}), {}) == ()


STRANGER = "999999999999"


@pytest.mark.parametrize(
    ("written", "refused"),
    [
        ("!Sub 'arn:${AWS::Partition}:iam::999999999999:role/x'", True),
        ("arn:aws:lambda:eu-west-1:999999999999:layer:x:1", True),
        ("999999999999.dkr.ecr.eu-west-1.amazonaws.com/x:1", True),
        ("{Ref: '999999999999'}", True),
        ("999999999999", False),  # a number of something
        ("s3://bucket-999999999999/x", False),
        ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1", False),
        (f"arn:aws:s3:eu-west-1:{HUB}:accesspoint/x", False),
    ],
)
def test_an_account_that_nobody_declared_is_told(written: str, refused: bool) -> None:
    line = f"      LifecycleConfigName: {written}"
    found = problems(blueprint({}), {"templates/notebook.yaml": f"{NOTEBOOK}{line}\n"})
    assert [each.code for each in found] == ["E204"] * refused
    for each in found:
        assert each.span is not None
        assert each.span.line == 1 + NOTEBOOK.count("\n")
        assert f"the id {STRANGER} of an account that is not" in each.message
    products = {"notebook": {**TEAM, "accounts": [STRANGER]}}
    changed = {"templates/notebook.yaml": f"{NOTEBOOK}{line}\n"}
    assert problems(blueprint({"catalog": {"products": products}}), changed) == ()


def test_a_product_of_a_model_names_no_accounts() -> None:
    products = {"churn-endpoint": {**MODEL, "accounts": [STRANGER]}}
    (found,) = problems(blueprint({"catalog": {"products": products}}))
    assert "template of the team's own" in found.message
