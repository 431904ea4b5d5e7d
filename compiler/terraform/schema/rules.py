"""What providers demand beyond the facts in the index.

A small table for the types that Landform's kinds write. Each rule has its source: the limits are
the `min_items` and `max_items` of `terraform providers schema -json` of the AWS provider 5.100.0,
the others the provider's documentation of the type (registry.terraform.io, providers hashicorp/aws
6.25.0 and hashicorp/google 6.50.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.terraform.document import Json
from compiler.terraform.schema.problem import Finding
from compiler.terraform.schema.records import Block


@dataclass(frozen=True, slots=True)
class Limit:
    """How many blocks `name` a resource takes at its top level."""

    name: str
    minimum: int
    maximum: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """Exactly one (or at most one, where `required` is false) of `names` must be given."""

    names: tuple[str, ...]
    reason: str
    required: bool = True


RULES: Mapping[str, tuple[Limit | OneOf, ...]] = {
    "aws_codepipeline": (
        Limit("stage", 2, None, "CodePipeline wants a source stage and one that uses it"),
    ),
    "aws_codebuild_project": (
        Limit("secondary_sources", 0, 12, "CodeBuild takes twelve secondary sources"),
        Limit("secondary_artifacts", 0, 12, "CodeBuild takes twelve secondary artifacts"),
    ),
    "aws_sagemaker_endpoint_configuration": (
        Limit("production_variants", 1, 10, "an endpoint serves at most ten variants"),
        Limit("shadow_production_variants", 0, 10, "an endpoint shadows at most ten variants"),
        OneOf(("name", "name_prefix"), "they exclude each other", required=False),
    ),
    "aws_s3_bucket_cors_configuration": (
        Limit("cors_rule", 1, 100, "a bucket takes a hundred CORS rules"),
    ),
    "aws_s3_bucket": (
        OneOf(("bucket", "bucket_prefix"), "they exclude each other", required=False),
    ),
    "aws_iam_role": (OneOf(("name", "name_prefix"), "they exclude each other", required=False),),
    "aws_iam_role_policy": (
        OneOf(("name", "name_prefix"), "they exclude each other", required=False),
    ),
    "aws_iam_policy": (OneOf(("name", "name_prefix"), "they exclude each other", required=False),),
    "aws_lambda_function": (
        OneOf(("filename", "image_uri", "s3_bucket"), "the function's code comes from one place"),
    ),
    "aws_eks_node_group": (
        OneOf(
            ("node_group_name", "node_group_name_prefix"), "they exclude each other", required=False
        ),
        Limit("taint", 0, 50, "EKS takes fifty taints for a node group"),
    ),
    "aws_budgets_budget": (
        OneOf(("name", "name_prefix"), "they exclude each other", required=False),
    ),
    "aws_cloudwatch_event_rule": (
        OneOf(("name", "name_prefix"), "they exclude each other", required=False),
    ),
}


def rule_findings(type_: str, body: Mapping[str, Json], block: Block) -> Iterator[Finding]:
    """What the table says about one managed resource.

    And that `id` cannot be set where the schema calls it optional and computed: so the plug-in
    SDK declares the id that it adds itself, and then refuses it ("Invalid or unknown key").
    """
    identity = block.attributes.get("id")
    if body.get("id") is not None and identity and identity.optional and identity.computed:
        yield Finding("computed", ("id",), "`id` is computed by the provider", "take it out")
    for rule in RULES.get(type_, ()):
        finding = _limit(rule, body) if isinstance(rule, Limit) else _one_of(rule, body)
        if finding:
            yield finding


def _limit(rule: Limit, body: Mapping[str, Json]) -> Finding | None:
    dynamic = body.get("dynamic")
    if isinstance(dynamic, Mapping) and rule.name in dynamic:
        return None
    value = body.get(rule.name)
    if value is None or value == []:
        return None  # a missing required block is a finding of its own
    count = 1 if isinstance(value, Mapping) or not isinstance(value, Sequence) else len(value)
    if rule.minimum <= count and (rule.maximum is None or count <= rule.maximum):
        return None
    bound = f"at least {rule.minimum}" if count < rule.minimum else f"at most {rule.maximum}"
    message = f"{count} blocks `{rule.name}` where {bound} must be"
    return Finding("count", (rule.name,), message, rule.reason)


def _one_of(rule: OneOf, body: Mapping[str, Json]) -> Finding | None:
    given = [name for name in rule.names if body.get(name) is not None]
    if len(given) == 1 or (not given and not rule.required):
        return None
    names = ", ".join(f"`{name}`" for name in (given or rule.names))
    if given:
        return Finding("exclusive", (given[1],), f"{names} exclude each other", rule.reason)
    return Finding("missing", (rule.names[0],), f"one of {names} is missing", rule.reason)
