"""The check of a root module: what it finds in wrong documents, and that right ones pass."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.terraform.document import document
from compiler.terraform.schema.check import Problem, check
from compiler.terraform.schema.index import open_index
from compiler.terraform.stack import JsonText, Output, Resource, Stack, reference

INDEX = open_index()

STAGE = {
    "name": "Source",
    "action": [
        {"name": "a", "category": "Source", "owner": "AWS", "provider": "S3", "version": "1"}
    ],
}
PIPELINE = {
    "name": "churn",
    "role_arn": "${aws_iam_role.pipeline.arn}",
    "artifact_store": [{"type": "S3", "location": "${aws_s3_bucket.data.bucket}"}],
    "stage": [STAGE, STAGE],
}
RULE = {
    "from_port": 443,
    "to_port": 443,
    "protocol": "tcp",
    "cidr_blocks": ["10.0.0.0/8"],
    "description": "",
    "ipv6_cidr_blocks": [],
    "prefix_list_ids": [],
    "security_groups": [],
    "self": False,
}
GOOD: dict[str, Any] = {
    "//": {"landform": {"component": "churn", "kind": "ml-pipeline", "files": []}},
    "terraform": {"required_version": ">= 1.10"},
    "provider": {
        "aws": [
            {
                "region": "eu-west-1",
                "allowed_account_ids": ["111111111111"],
                "assume_role": [{"role_arn": "arn:aws:iam::111111111111:role/deploy"}],
                "default_tags": [{"tags": {"owner": "ml"}}],
            }
        ]
    },
    "locals": {"trust": {"Resource": "${aws_s3_bucket.data.arn}/*", "Sid": "$${aws:username}"}},
    "data": {"aws_caller_identity": {"me": {}}, "aws_availability_zones": {"zones": {}}},
    "resource": {
        "aws_s3_bucket": {
            "data": {"bucket": "data", "force_destroy": "true", "tags": {"a": 1}},
            "many": {"count": 2, "bucket": "m-${count.index}"},
            "each": {"for_each": {"k": "v"}, "bucket": "${each.key}"},
        },
        "aws_iam_role": {
            "pipeline": {
                "name": "pipeline",
                "assume_role_policy": "${jsonencode(local.trust)}",
                "depends_on": ["aws_s3_bucket.data", "data.aws_caller_identity.me"],
                "lifecycle": {"create_before_destroy": True, "ignore_changes": ["tags"]},
            }
        },
        "aws_codepipeline": {"churn": PIPELINE},
        "aws_security_group": {"web": {"name": "web", "ingress": [RULE]}},
        "terraform_data": {"note": {"input": {"any": ["thing"]}}},
    },
    "output": {"arn": {"description": "d", "value": "${aws_codepipeline.churn.arn}"}},
}


def problems(**sections: Any) -> tuple[Problem, ...]:
    return check({**GOOD, **sections}, INDEX)


def of_resource(type_: str, body: Mapping[str, Any], mode: str = "resource") -> tuple[Problem, ...]:
    changed = copy.deepcopy(GOOD)
    changed[mode].setdefault(type_, {})["new"] = body
    return check(changed, INDEX)


def of_value(value: Any) -> tuple[Problem, ...]:
    return problems(output={"o": {"value": value}})


def test_a_right_document_has_no_problems() -> None:
    assert check(GOOD, INDEX) == ()


def test_a_rendered_stack_has_no_problems() -> None:
    role = Resource(
        type="aws_iam_role",
        name="train",
        arguments={"name": "t", "assume_role_policy": JsonText({"Id": "${aws:username}"})},
    )
    stack = Stack(
        cloud="aws",
        account="a",
        account_id="111111111111",
        component="churn",
        kind="k",
        region="eu-west-1",
        terraform={"required_version": ">= 1.10"},
        providers={"aws": {"region": "eu-west-1"}},
        resources=(role,),
        outputs=(Output(name="o", value=reference(role.address, "arn"), description="d"),),
    )
    assert check(document(stack), INDEX) == ()


S3 = "aws_s3_bucket"
TEMPLATE = "aws_launch_template"

# type, body, path of the only problem, words of its message, words of its hint
WRONG: list[tuple[str, dict[str, Any], tuple[str | int, ...], str, str]] = [
    ("aws_s3_bukcet", {}, (), "no resource type", "`aws_s3_bucket`"),
    ("aws_caller_identity", {}, (), "no resource type", "there is a data source"),
    ("azurerm_thing", {}, (), "no resource type", ""),
    (S3, {"bukcet": "x"}, ("bukcet",), "not an argument", "`bucket`"),
    (S3, {"versionning": {}}, ("versionning",), "not an argument", "`versioning`"),
    (S3, {"versioning": {"enable": True}}, ("versioning", "enable"), "not an", "`enabled`"),
    (S3, {"arn": "x"}, ("arn",), "computed by the provider", ""),
    (S3, {"id": "x"}, ("id",), "computed by the provider", ""),
    (S3, {"bucket": {"a": 1}}, ("bucket",), "an object where a string", ""),
    (S3, {"bucket": ["x"]}, ("bucket",), "a list where a string", ""),
    (S3, {"force_destroy": "yes"}, ("force_destroy",), '"yes" where a bool', ""),
    (S3, {"force_destroy": 1}, ("force_destroy",), "the number 1 where a bool", ""),
    (S3, {"tags": {"a": {"b": "c"}}}, ("tags", "a"), "an object where a string", ""),
    (S3, {"tags": ["a"]}, ("tags",), "a list where a mapping", ""),
    (S3, {"versioning": [{}, {}]}, ("versioning",), "2 blocks `versioning` where at most 1", ""),
    (S3, {"versioning": "x"}, ("versioning",), "must be an object or a list", ""),
    (S3, {"versioning": ["x"]}, ("versioning", 0), "must be an object", ""),
    (S3, {"region": "eu-west-1"}, ("region",), "needs aws provider 6: 5.100.0 refuses", "leave"),
    (S3, {"bucket": "a", "bucket_prefix": "b"}, ("bucket_prefix",), "exclude each other", ""),
    (TEMPLATE, {"name": "x", "default_version": True}, ("default_version",), "bool true", ""),
    (TEMPLATE, {"name": "x", "default_version": "v5"}, ("default_version",), '"v5" where', ""),
    (TEMPLATE, {"name": "x", "default_version": " 5"}, ("default_version",), '" 5" where', ""),
    (TEMPLATE, {"security_group_names": "a"}, ("security_group_names",), "where a list", ""),
    (
        TEMPLATE,
        {"security_group_names": ["a", ["b"]]},
        ("security_group_names", 1),
        "a list where a string",
        "",
    ),
    ("aws_iam_role", {"name": "x"}, ("assume_role_policy",), "argument `assume_role", ""),
    ("aws_iam_role", {"assume_role_policy": None}, ("assume_role_policy",), "is missing", ""),
    (
        "aws_codepipeline",
        {k: v for k, v in PIPELINE.items() if k != "artifact_store"},
        ("artifact_store",),
        "the block `artifact_store` is missing",
        "",
    ),
    (
        "aws_codepipeline",
        {**PIPELINE, "artifact_store": {"type": "S3"}},
        ("artifact_store", "location"),
        "the argument `location` is missing",
        "",
    ),
    ("aws_codepipeline", {**PIPELINE, "stage": []}, ("stage",), "is missing", ""),
    ("aws_codepipeline", {**PIPELINE, "stage": [STAGE]}, ("stage",), "at least 2", "CodePipeline"),
    (
        "aws_codepipeline",
        {**PIPELINE, "stage": [STAGE, {"name": "x", "action": [{**STAGE["action"][0], "nam": 1}]}]},
        ("stage", 1, "action", 0, "nam"),
        "not an argument",
        "`name`",
    ),
    (
        "aws_security_group",
        {"ingress": [{k: v for k, v in RULE.items() if k != "self"}]},
        ("ingress", 0, "self"),
        "`self` is missing",
        "null",
    ),
    ("aws_security_group", {"ingress": RULE}, ("ingress",), "an object where a list", ""),
    (
        "aws_security_group",
        {"ingress": [{**RULE, "selff": 1}]},
        ("ingress", 0, "selff"),
        "not expected",
        "`self`",
    ),
    ("terraform_data", {"inputs": 1}, ("inputs",), "not an argument", "`input`"),
    ("aws_lambda_function", {"function_name": "f", "role": "r"}, ("filename",), "one of", "code"),
    (
        "aws_ecr_repository",
        {"name": "r", "timeouts": {"dlete": "1m"}},
        ("timeouts", "dlete"),
        "",
        "",
    ),
    ("aws_s3vectors_index", {}, (), "needs a newer aws provider: 5.100.0", ""),
    ("aws_opsworks_stack", {}, (), "gone in provider 6.25.0", ""),
    ("google_storage_bucket", {"name": "b"}, ("location",), "is missing", ""),
    (
        "google_storage_bucket",
        {"name": "b", "location": "EU", "project_number": 5},
        ("project_number",),
        "computed",
        "",
    ),
    (S3, {"lifecycle": {"prevent_destory": True}}, ("lifecycle", "prevent_destory"), "", "prevent"),
    (S3, {"lifecycle": {"prevent_destroy": "${true}"}}, ("lifecycle", "prevent_destroy"), "", ""),
    (
        S3,
        {"lifecycle": {"ignore_changes": ["tagz"]}},
        ("lifecycle", "ignore_changes", 0),
        "",
        "`tag",
    ),
    (S3, {"count": 1, "for_each": {"a": "b"}}, ("for_each",), "exclude each other", ""),
    (S3, {"depends_on": ["aws_s3_bucket.dat"]}, ("depends_on", 0), "no such resource", ".data`"),
    (S3, {"depends_on": ["aws_s3_bucket.data.arn"]}, ("depends_on", 0), "whole resource", ""),
    (S3, {"depends_on": "aws_s3_bucket.data"}, ("depends_on",), "must be a list", ""),
    (S3, {"bucket": "${each.key}"}, ("bucket",), "`for_each` is set", ""),
    (S3, {"bucket": "${count.index}"}, ("bucket",), "`count` is set", ""),
    (S3, {"bucket": "${self.arn}"}, ("bucket",), "`self` exists only", ""),
    (S3, {"tags": {"${local.x}": "v"}}, ("tags",), "no such local value", ""),
    (S3, {"bucket": "${local.trust"}, ("bucket",), "cannot be read", ""),
    (
        S3,
        {"dynamic": {"corsrule": {"for_each": [], "content": {}}}},
        ("dynamic", "corsrule"),
        "",
        "",
    ),
    (S3, {"dynamic": {"cors_rule": {"for_each": []}}}, ("dynamic", "cors_rule"), "`content`", ""),
]


@pytest.mark.parametrize(
    ("type_", "body", "path", "message", "hint"), WRONG, ids=[f"{w[0]}-{w[2]}" for w in WRONG]
)
def test_one_wrong_thing_is_one_problem(
    type_: str, body: dict[str, Any], path: tuple[str | int, ...], message: str, hint: str
) -> None:
    found = of_resource(type_, body)
    if type_ in ("aws_s3vectors_index", "aws_opsworks_stack"):  # their arguments are missing too
        found = found[:1]
    assert len(found) == 1, found
    assert (found[0].address, found[0].path) == (f"{type_}.new", path)
    assert message in found[0].message
    assert hint in (found[0].hint or "")


RIGHT: list[tuple[str, dict[str, Any]]] = [
    (S3, {"bucket": 5}),
    (S3, {"bucket": True}),
    (S3, {"force_destroy": "1", "bucket": None}),
    (S3, {"force_destroy": "${1 == 1}"}),
    (S3, {"versioning": {"enabled": True}}),
    (S3, {"versioning": [{"enabled": True}]}),
    (S3, {"versioning": [], "cors_rule": None}),
    (S3, {"//": "a comment", "tags": "${local.trust}"}),
    (S3, {"timeouts": {"create": "5m"}}),
    (S3, {"lifecycle": {"replace_triggered_by": ["aws_s3_bucket.data.arn"]}}),
    (S3, {"tags": {"a": None}}),
    (TEMPLATE, {"name": "abc", "default_version": "5"}),
    (TEMPLATE, {"name": "abc", "default_version": "1e3"}),
    (TEMPLATE, {"name": "abc", "vpc_security_group_ids": [5]}),
    ("aws_security_group", {"ingress": [{**RULE, "description": None}]}),
    (
        S3,
        {
            "dynamic": {
                "cors_rule": {
                    "for_each": [1],
                    "iterator": "it",
                    "content": {"allowed_methods": ["GET"], "allowed_origins": ["${it.value}"]},
                }
            }
        },
    ),
    ("aws_wafv2_rule_group", {"capacity": 1, "scope": "REGIONAL", "visibility_config": {
        "cloudwatch_metrics_enabled": True, "metric_name": "m", "sampled_requests_enabled": True}}),
    ("google_storage_bucket", {"name": "b", "location": "EU", "labels": {"a": "b"}}),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "body"), RIGHT)
def test_what_terraform_accepts_passes(type_: str, body: dict[str, Any]) -> None:
    assert of_resource(type_, body) == ()


GOOD_REFERENCES = [
    "${aws_s3_bucket.data.arn}",
    "${aws_s3_bucket.data}",
    "${aws_s3_bucket.data.tags.anything}",
    '${aws_s3_bucket.data.tags["x y"]}',
    "${aws_s3_bucket.many[0].arn}",
    "${aws_s3_bucket.many[*].arn}",
    "${aws_s3_bucket.many.*.arn}",
    "${aws_s3_bucket.many}",
    '${aws_s3_bucket.each["k"].arn}',
    "${aws_codepipeline.churn.stage[0].action[0].name}",
    "${aws_codepipeline.churn.stage[*].action[0].configuration.anything}",
    "${aws_codepipeline.churn.stage.0.name}",
    "${aws_codepipeline.churn.artifact_store[*].location}",
    "${aws_codepipeline.churn.trigger_all[0].provider_type}",
    "${aws_s3_bucket.data.versioning[0].enabled}",
    "${data.aws_caller_identity.me.account_id}",
    "${data.aws_availability_zones.zones.names[0]}",
    "${terraform_data.note.output.any.thing}",
    "${path.module}/${path.root}/${terraform.workspace}",
    "${[for k, v in local.trust : k if v != null]}",
    "$${nothing.here.at.all} %%{ if",
]


@pytest.mark.parametrize("value", GOOD_REFERENCES)
def test_good_references(value: str) -> None:
    assert of_value(value) == ()


BAD_REFERENCES = [
    ("${aws_s3_bucket.data.arnn}", "no attribute `arnn`", "`arn`"),
    ("${aws_s3_bucket.dat.arn}", "no such resource", "`aws_s3_bucket.data`"),
    ("${aws_s3_bucket}", "refers to nothing", ""),
    ("${aws_s3_bucket.many.arn}", "has `count`", ""),
    ("${aws_s3_bucket.each.arn}", "has `for_each`", ""),
    ("${aws_s3_bucket.each[*].arn}", "values(", ""),
    ("${aws_s3_bucket.data[0].arn}", "neither `count` nor `for_each`", ""),
    ("${aws_s3_bucket.data.arn.x}", "a string has nothing inside it", ""),
    ("${aws_s3_bucket.data.arn[0]}", "a string has nothing inside it", ""),
    ("${aws_codepipeline.churn.region}", "oldest provider", ""),
    ("${{aws_s3_bucket.data.id = 1}}", "parentheses", ""),
    ("${aws_codepipeline.churn.stage.name}", "asked of a list", "`[0]`"),
    ("${aws_codepipeline.churn.stage[0].nam}", "no attribute `nam`", "`name`"),
    ("${aws_codepipeline.churn.stage[*].action[0].nam}", "no attribute `nam`", "`name`"),
    ("${aws_codepipeline.churn.artifact_store[0].location}", "a set has no elements", "one("),
    ("${aws_codepipeline.churn.trigger_all[0].provider}", "no attribute", "`provider_type`"),
    ("${data.aws_caller_identity.me.acount_id}", "no attribute", "`account_id`"),
    ("${data.aws_caller_identity.you.account_id}", "no such resource", "data.aws_caller"),
    ("${local.trst}", "no such local value", "`local.trust`"),
    ("${var.x}", "no var blocks", ""),
    ("${module.x.y}", "no module blocks", ""),
    ("${foo}", "refers to nothing", ""),
    ("${path.modul}", "there is no `path.modul`", ""),
    ("${each.key}", "`for_each` is set", ""),
    ('${jsonencode({"a" = "x-${local.nope}"})}', "no such local value", ""),
    ("%{ for x in [1] }${x}${local.nope}%{ endfor }", "no such local value", ""),
    ("${[for x in [1] : x]}${x.y.z}", "no such resource", ""),
    ("${local.trust", "cannot be read", ""),
]


@pytest.mark.parametrize(("value", "message", "hint"), BAD_REFERENCES)
def test_bad_references(value: str, message: str, hint: str) -> None:
    found = of_value({"deep": [value]})
    assert len(found) == 1, found
    assert (found[0].address, found[0].path) == ("output.o", ("value", "deep", 0))
    assert message in found[0].message
    assert hint in (found[0].hint or "")


def test_references_in_locals_and_data_sources() -> None:
    found = problems(
        locals={"trust": {"a": "${local.trust}", "b": ["${local.no}"]}},
        data={
            "aws_caller_identity": {"me": {}},
            "aws_availability_zones": {"z": {"state": "${x.y.z}"}},
        },
    )
    assert [(p.address, p.path) for p in found] == [
        ("local.trust", ("b", 0)),
        ("data.aws_availability_zones.z", ("state",)),
    ]


def test_data_sources_are_checked() -> None:
    found = of_resource("aws_iam_role", {"nam": "x"}, mode="data")
    assert [(p.address, p.path) for p in found] == [
        ("data.aws_iam_role.new", ("nam",)),
        ("data.aws_iam_role.new", ("name",)),
    ]
    (missing,) = of_resource("aws_caller_identiti", {}, mode="data")
    assert missing.hint == "did you mean `aws_caller_identity`?"


def test_provider_blocks_are_checked() -> None:
    (found,) = problems(provider={"aws": [{"region": "x", "assume_role": [{"role": "y"}]}]})
    assert (found.address, found.path) == ("provider.aws", ("assume_role", 0, "role"))
    (unknown,) = problems(provider={"amazon": {}})
    assert unknown.address == "provider.amazon"
    assert problems(provider={"aws": {"region": "x", "alias": "y"}}) == ()


def test_sections_and_outputs() -> None:
    (section,) = problems(resources={})
    assert section.hint == "did you mean `resource`?"
    (output,) = problems(output={"o": {"description": "d"}})
    assert output == Problem("output.o", (), "an output needs a `value`")


def test_only_the_newest_provider() -> None:
    right = {"resource": {S3: {"a": {"region": "eu-west-1"}}}, "output": {}}
    reference_ = {**right, "output": {"o": {"value": "${aws_s3_bucket.a.region}"}}}
    assert check(right, INDEX)
    assert check(right, INDEX, older=False) == ()
    assert check(reference_, INDEX, older=False) == ()
    newest = {"resource": {"aws_s3vectors_vector_bucket": {"a": {"vector_bucket_name": "abc"}}}}
    assert check(newest, INDEX)
    assert check(newest, INDEX, older=False) == ()


def test_all_problems_at_once() -> None:
    body = {"bukcet": 1, "arn": "x", "tags": {"a": [1]}, "acl": "${local.no}"}
    assert [p.path for p in of_resource(S3, body)] == [
        ("bukcet",),
        ("arn",),
        ("tags", "a"),
        ("acl",),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just("${local.trust}"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("name", "stage", "action", "tags", "lifecycle", "dynamic", "content", "for_each")
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(("stage", "name", "dynamic", "lifecycle", "tags")), JSON))
def test_no_document_breaks_the_check(body: dict[str, Any]) -> None:
    """Whatever stands in a team's own kind, the answer is problems, not an exception."""
    found = of_resource("aws_codepipeline", body)
    assert all(problem.message and problem.address for problem in found)


@given(JSON)
def test_no_section_breaks_the_check(value: Any) -> None:
    for section in ("provider", "locals", "data", "resource", "output"):
        problems(**{section: value})
        problems(**{section: {S3: value}})


@given(st.sampled_from(sorted(PIPELINE)))
def test_every_required_part_is_missed(name: str) -> None:
    body = {key: value for key, value in PIPELINE.items() if key != name}
    assert [p.path for p in of_resource("aws_codepipeline", body)] == [(name,)]


def test_forty_resources_take_milliseconds() -> None:
    resources = copy.deepcopy(GOOD["resource"])
    resources["aws_codepipeline"] |= {f"p{n}": PIPELINE for n in range(10)}
    resources[S3] |= {f"b{n}": {"bucket": f"b{n}", "tags": {"a": "b"}} for n in range(25)}
    whole = {**GOOD, "resource": resources}

    def once() -> float:
        start = time.process_time()
        assert check(whole, INDEX) == ()
        return time.process_time() - start

    assert min(once() for _ in range(10)) < 0.01


@pytest.mark.parametrize(
    ("value", "message"),
    [("${var.portfolio_id}", None), ("${var.portfolio}", "there is no such variable")],
)
def test_references_to_variables(value: str, message: str | None) -> None:
    found = problems(
        variable={"portfolio_id": {"type": "string", "default": ""}},
        output={"o": {"value": value}},
    )
    assert [p.message.partition(": ")[2] for p in found] == ([message] if message else [])
    assert all(p.hint == "did you mean `var.portfolio_id`?" for p in found)
