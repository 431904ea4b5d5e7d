"""The index and the tables against the real AWS provider 5.100.0: its schema, what `validate` refuses.

Needs Terraform, as `terraform_cli` finds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from compiler import data
from compiler.data.tables import table
from compiler.terraform.schema.check import check
from compiler.terraform.schema.index import Mode, open_index
from compiler.terraform.schema.records import Block, Type
from tests.terraform.terraform_cli import Terraform

pytestmark = pytest.mark.rig

VERSION = "5.100.0"
ROOT = {
    "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": VERSION}}},
    "provider": {"aws": [{"region": "eu-west-1"}]},
}

FLATTENED = "the bindings flatten this recursive block, and the index takes anything there"
REQUIRED = "the provider's validator wants this single block, its schema does not say so"
OBJECT = "an optional object attribute: the bindings tell it from a single block only if computed"
COMPUTED_BLOCK = "a block of computed values alone: the bindings make an object of it"
INNER_SET = "the bindings tell a set from a list only on the outermost level of a type"

# Every difference there may be, by type and the path of the first name that differs.
EXPLAINED: Mapping[tuple[str, str], str] = {
    ("resource aws_quicksight_analysis", "definition"): FLATTENED,
    ("resource aws_quicksight_dashboard", "definition"): FLATTENED,
    ("resource aws_quicksight_template", "definition"): FLATTENED,
    ("data aws_quicksight_analysis", "definition"): FLATTENED,
    ("resource aws_wafv2_rule_group", "rule.statement"): FLATTENED,
    ("resource aws_wafv2_web_acl", "rule.statement"): FLATTENED,
    ("resource aws_resiliencehub_resiliency_policy", "policy.az"): REQUIRED,
    ("resource aws_resiliencehub_resiliency_policy", "policy.hardware"): REQUIRED,
    ("resource aws_resiliencehub_resiliency_policy", "policy.software"): REQUIRED,
    ("resource aws_verifiedpermissions_schema", "definition"): REQUIRED,
    ("resource aws_s3tables_table_bucket", "encryption_configuration"): OBJECT,
    **{
        ("data aws_lb_listener_rule", path): COMPUTED_BLOCK
        for path in (
            "action.authenticate_cognito",
            "action.authenticate_oidc",
            "action.fixed_response",
            "action.forward.stickiness",
            "action.redirect",
            "condition.host_header",
            "condition.http_header",
            "condition.http_request_method",
            "condition.path_pattern",
            "condition.source_ip",
        )
    },
    ("data aws_opensearchserverless_security_config", "saml_options"): COMPUTED_BLOCK,
    (
        "data aws_networkmanager_core_network_policy_document",
        "segment_actions.via.with_edge_override.edge_sets",
    ): INNER_SET,
}

Root = Callable[..., Any]


@pytest.fixture(scope="module")
def root(terraform: Terraform) -> Root:
    """Runs a Terraform command in a root module with the provider; gives its JSON."""
    folder = terraform.workspace / "provider-schema"
    folder.mkdir()

    def run(*words: str, document: Mapping[str, Any] = ROOT) -> Any:
        (folder / "main.tf.json").write_text(json.dumps(document))
        return terraform.answer(folder, *words)

    (folder / "main.tf.json").write_text(json.dumps(ROOT))
    terraform.init(folder)
    return run


# --- the schema


def test_the_older_version_is_the_real_providers_schema(root: Root) -> None:
    answer = root("providers", "schema", "-json")
    real = next(iter(answer["provider_schemas"].values()))
    sections: dict[Mode, Any] = {
        "managed": real["resource_schemas"],
        "data": real["data_source_schemas"],
        "provider": {"aws": real["provider"]},
    }
    differences = {
        (f"{'resource' if mode == 'managed' else mode} {type_}", path)
        for mode, schemas in sections.items()
        for type_, path in _section_differences(mode, schemas)
    }
    assert differences == set(EXPLAINED)


def _section_differences(mode: Mode, schemas: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    index = open_index()
    names = ["aws"] if mode == "provider" else index.types(mode, "aws")
    older = {}
    for name in names:
        schema = index.schema(mode, name)
        if schema and schema.older:
            older[name] = schema.older
    assert older.keys() == schemas.keys()
    for name in sorted(older):
        ours, theirs = dict(_ours(older[name])), dict(_theirs(schemas[name]["block"]))
        wrong = sorted(p for p in ours.keys() | theirs.keys() if ours.get(p) != theirs.get(p))
        for path in wrong:
            if not any(path.startswith(f"{parent}.") for parent in wrong):
                yield name, path


def _ours(block: Block, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, attribute in block.attributes.items():
        flags = (attribute.required, attribute.optional, attribute.computed)
        yield prefix + name, (_type(attribute.type), *flags)
    for name, nested in block.blocks.items():
        yield prefix + name, ("block", nested.nesting, nested.minimum, nested.maximum)
        yield from _ours(nested.block, f"{prefix}{name}.")


def _type(type_: Type) -> object:
    if type_.kind == "object":
        return ["object", {name: _type(field) for name, field in type_.fields.items()}]
    return [type_.kind, _type(type_.element)] if type_.element else type_.kind


def _theirs(block: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, attribute in block.get("attributes", {}).items():
        flags = [attribute.get(flag, False) for flag in ("required", "optional", "computed")]
        yield prefix + name, (attribute["type"], *flags)
    for name, nested in block.get("block_types", {}).items():
        most = nested.get("max_items")
        limits = (min(nested.get("min_items", 0), 1), most if most == 1 else None)
        yield prefix + name, ("block", nested["nesting_mode"], *limits)
        yield from _theirs(nested["block"], f"{prefix}{name}.")


# --- the check


def _bucket(**body: Any) -> dict[str, Any]:
    return {"resource": {"aws_s3_bucket": {"a": {"bucket": "landform-test", **body}}}}


def _output(value: Any) -> dict[str, Any]:
    buckets = {"a": {"bucket": "landform-a"}, "many": {"count": 2}}
    return {
        "resource": {"aws_s3_bucket": buckets},
        "locals": {"text": "x"},
        "output": {"o": {"value": value}},
    }


def _launch(**body: Any) -> dict[str, Any]:
    return {"resource": {"aws_launch_template": {"l": {"name": "abc", **body}}}}


# What the check and Terraform must judge alike.
DOCUMENTS: Mapping[str, dict[str, Any]] = {
    "right": _bucket(),
    "number for a string": _bucket(bucket=12345),
    "object for a string": _bucket(acl={"a": 1}),
    "text for a bool": _bucket(force_destroy="true"),
    "digit text for a bool": _bucket(force_destroy="1"),
    "wrong text for a bool": _bucket(force_destroy="yes"),
    "number for a bool": _bucket(force_destroy=1),
    "text for a number": _launch(default_version="1e3"),
    "wrong text for a number": _launch(default_version=" 5"),
    "bool for a number": _launch(default_version=True),
    "text for a set": _launch(vpc_security_group_ids="a"),
    "unknown argument": _bucket(bukcet="x"),
    "computed argument": _bucket(arn="x"),
    "argument of provider 6": _bucket(region="eu-west-1"),
    "id": _bucket(id="x"),
    "list of one block": _bucket(versioning=[{"enabled": True}]),
    "too many blocks": _bucket(versioning=[{}, {}]),
    "text for a block": _bucket(versioning="x"),
    "missing argument": {"resource": {"aws_iam_role": {"r": {"name": "r"}}}},
    "incomplete object": {
        "resource": {"aws_security_group": {"s": {"name": "s", "ingress": [{"from_port": 1}]}}}
    },
    "unknown in lifecycle": _bucket(lifecycle={"prevent_destory": True}),
    "unknown in ignore_changes": _bucket(lifecycle={"ignore_changes": ["tagz"]}),
    "depends_on nothing": _bucket(depends_on=["aws_s3_bucket.b"]),
    "depends_on an attribute": _bucket(depends_on=["data.aws_region.r.name"])
    | {"data": {"aws_region": {"r": {}}}},
    "reference": _output("${aws_s3_bucket.a.arn}"),
    "reference to no attribute": _output("${aws_s3_bucket.a.arnn}"),
    "reference to no resource": _output("${aws_s3_bucket.b.arn}"),
    "reference inside a string": _output("${aws_s3_bucket.a.arn.x}"),
    "reference to all instances": _output("${aws_s3_bucket.many.arn}"),
    "reference to one instance": _output("${aws_s3_bucket.many[0].arn}"),
    "set by number": _output("${aws_s3_bucket.a.cors_rule[0].allowed_methods[0]}"),
    "splat": _output("${aws_s3_bucket.many[*].arn}"),
    "unknown local": _output("${local.no}"),
    "bare name": _output("${foo}"),
    "for-expression": _output('${{for k, v in {a = 1} : k => "${v}-${local.text}" if v != null}}'),
    "leaked variable": _output("${[for x in [1] : x]}${x.y.z}"),
    "nested quotes": _output('${"a ${"b } ${local.text}"}"}'),
    "directives": _output("%{ for x in [1] }${x}%{ endfor }%{ if true }a%{ endif }"),
    "loop without end": _output("%{ for x in [1] }"),
    "escapes": _output("$${foo.bar} %%{ if }"),
    "heredoc": _output("${<<EOT\nhello ${local.text}\nEOT\n}"),
    "reference as a key": _output("${{aws_s3_bucket.a.id = 1}}"),
    "not closed": _output("${local.text"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_check_judges_as_terraform_does(root: Root, name: str) -> None:
    document = {**ROOT, **DOCUMENTS[name]}
    answer = root("validate", "-json", document=document)
    errors = [d["summary"] for d in answer["diagnostics"] if d["severity"] == "error"]
    problems = check(document, open_index())
    assert bool(problems) == bool(errors), (problems, errors)


# --- the tables

ENUMERATED: Mapping[str, Mapping[str, Any]] = {
    "aws_lambda_function": {
        "function_name": "a",
        "role": "arn:aws:iam::111111111111:role/a",
        "runtime": "none",
        "handler": "a.b",
        "filename": "a.zip",
    },
    "aws_sagemaker_endpoint_configuration": {
        "production_variants": [{"model_name": "a", "instance_type": "none"}]
    },
}


def test_the_table_says_which_values_the_provider_rejects(root: Root) -> None:
    """The provider's message on a wrong value lists the right ones."""
    resources = {name: {"a": arguments} for name, arguments in ENUMERATED.items()}
    answer = root("validate", "-json", document={**ROOT, "resource": resources})
    accepted = {}
    for finding in answer["diagnostics"]:
        if said := re.search(r"expected (\w+) to be one of", finding["summary"]):
            accepted[said[1]] = set(re.findall(r'"([^"]+)"', finding["summary"]))
    assert set(accepted) == {"runtime", "instance_type"}
    runtimes = {runtime.name for runtime in data.lambda_python_runtimes()}
    instances = set(data.hosting_instance_types())
    rejected = (runtimes - accepted["runtime"]) | (instances - accepted["instance_type"])
    assert sorted(rejected) == table("aws_values")["provider_5_rejects"]["values"]
