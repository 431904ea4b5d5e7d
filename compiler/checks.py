"""What must hold of finished stacks, whatever kind made them.

Each check takes stacks and where their components are declared, and gives diagnostics.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from compiler.access.evaluation import Policies
from compiler.access.fold import longest, size
from compiler.access.google_proof import prove_bindings
from compiler.access.ledger import Binding, Edge, Right
from compiler.access.proof import Finding, prove_known
from compiler.access.proof_rights import prove_rights
from compiler.access.rules import Tuning, judge
from compiler.blueprint.written import Places
from compiler.data import policy_limit_of
from compiler.diagnostics import Diagnostic, Span, in_order
from compiler.terraform.document import Json
from compiler.terraform.order import circle
from compiler.terraform.schema.check import check
from compiler.terraform.schema.index import open_index
from compiler.terraform.stack import JsonText, Resource, Stack, Value
from compiler.terraform.synth import EngineInputError, engine_form

# Resources with a name that is unique in an account and region; the argument that names them.
# Source: each service's API reference, the Create call's "already exists" error.
NAMED_IN_REGION = {
    "aws_accessanalyzer_analyzer": "analyzer_name",
    "aws_cloudwatch_event_bus": "name",
    "aws_cloudwatch_event_rule": "name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_codecommit_repository": "repository_name",
    "aws_codeconnections_connection": "name",
    "aws_codepipeline": "name",
    "aws_ecr_repository": "name",
    "aws_eks_cluster": "name",
    "aws_kms_alias": "name",
    "aws_lambda_function": "function_name",
    "aws_sagemaker_model_package_group": "model_package_group_name",
    "aws_sfn_state_machine": "name",
    "aws_sns_topic": "name",
    "aws_sqs_queue": "name",
    "aws_ssm_parameter": "name",
    "google_artifact_registry_repository": "repository_id",
    "google_compute_router": "name",
    "google_compute_subnetwork": "name",
    "google_container_cluster": "name",
    "google_kms_key_ring": "name",
}
NAMED_IN_ACCOUNT = {
    "aws_budgets_budget": "name",
    "aws_iam_openid_connect_provider": "url",
    "aws_iam_role": "name",
    "google_compute_network": "name",
    "google_gke_hub_namespace": "scope_namespace_id",
    "google_gke_hub_scope": "scope_id",
    "google_iam_workload_identity_pool": "workload_identity_pool_id",
    "google_service_account": "account_id",
}
NAMED_IN_THE_WORLD = {"aws_s3_bucket": "bucket", "google_storage_bucket": "name"}
# Names that are one name in upper and in lower case.
# Source: IAM API reference, CreateRole, RoleName.
ANY_CASE = ("aws_iam_role",)
# Settings of which an account, or a region of it, has one.
ONE_IN_ACCOUNT = ("aws_iam_account_password_policy", "aws_s3_account_public_access_block")
ONE_IN_REGION = ("aws_ebs_encryption_by_default",)


def check_collisions(stacks: Iterable[Stack], spans: Mapping[str, Span]) -> Iterator[Diagnostic]:
    """Two stacks that would make the same thing: the second apply would fail or take it over."""
    first: dict[tuple[str, ...], Stack] = {}
    both: dict[tuple[str, str], list[str]] = {}
    by_path: dict[str, Stack] = {}
    for stack in stacks:
        by_path[stack.path] = stack
        for identity, what in _identities(stack):
            other = first.setdefault(identity, stack)
            if other is not stack:
                both.setdefault((other.path, stack.path), []).append(what)
    for (one, two), things in both.items():
        other, stack = by_path[one], by_path[two]
        others = "another thing" if len(things) == 2 else f"{len(things) - 1} other things"
        more = f"; and {others}" if len(things) > 1 else ""
        yield Diagnostic(
            code="E401",
            message=f'components "{other.component}" and "{stack.component}" both make '
            f"{things[0]}{more}",
            span=spans[two],
            hint="rename one, or let one component have it",
            related=((f'"{other.component}"', spans[one]),),
        )


def check_order(stacks: Iterable[Stack], spans: Mapping[str, Span]) -> Iterator[Diagnostic]:
    """Stacks that wait for each other: none of them could be the first to be applied."""
    found = circle({stack.path: stack.depends_on for stack in stacks})
    if found:
        yield Diagnostic(
            code="E406",
            message=f"stacks wait for each other: {' → '.join(found)}",
            span=spans[found[0]],
            hint="make two components of one, or take out what one of them needs of the other",
            related=tuple((f'the stack "{path}"', spans[path]) for path in found[1:-1]),
        )


def check_instances(stacks: Iterable[Stack], spans: Mapping[str, Span]) -> Iterator[Diagnostic]:
    """Instances of `for_each` that make one stack in yet another account, each with a part of its own.

    What they make alike is one stack: that of a role which all of them admit.
    """
    first: dict[str, Stack] = {}
    for stack in stacks:
        if first.setdefault(stack.path, stack) != stack:
            yield Diagnostic(
                code="E401",
                message=f'component "{stack.component}": its for_each makes the stack "{stack.path}" '
                "for several accounts, and not all of them the same",
                span=spans[stack.path],
                hint="write a component for each account",
            )


def _identities(stack: Stack) -> Iterator[tuple[tuple[str, ...], str]]:
    account, region = f"account {stack.account_id}", f"region {stack.region}"
    where = f'in {"project" if stack.cloud == "google" else "account"} "{stack.account}"'
    for what, name in stack.claims:
        yield (account, region, what, name), f'the {what} "{name}" {where}'
    for resource in stack.resources:
        if resource.mode != "managed":
            continue
        type_ = resource.type
        if type_ in ONE_IN_ACCOUNT:
            yield (account, type_), f"{type_} {where}, which has only one"
        elif type_ in ONE_IN_REGION:
            yield (account, region, type_), (f"{type_} {where}, which has only one in a region")
        elif regional := _name(resource, NAMED_IN_REGION):
            yield (account, region, type_, regional), f'{type_} "{regional}" {where}'
        elif own := _name(resource, NAMED_IN_ACCOUNT):
            yield (account, type_, _folded(type_, own)), f'{type_} "{own}" {where}'
        elif unique := _name(resource, NAMED_IN_THE_WORLD):
            yield (type_, unique), f'{type_} "{unique}", whose name is unique in the world'
        elif type_ == "aws_eks_access_entry":
            cluster, principal = _entry(resource, stack)
            what = f'the access entry of {principal} in the cluster "{cluster}" {where}'
            yield (account, region, type_, cluster, principal), what


def _entry(resource: Resource, stack: Stack) -> tuple[str, str]:
    """The cluster and the principal of an access entry; a cluster of the same stack is a reference."""
    cluster = resource.arguments.get("cluster_name")
    if not isinstance(cluster, str):
        own = (r.arguments.get("name") for r in stack.resources if r.type == "aws_eks_cluster")
        cluster = next(own, None)
    principal = resource.arguments.get("principal_arn")
    here = f"{stack.path}/{resource.address}"
    return (
        cluster if isinstance(cluster, str) else here,
        principal if isinstance(principal, str) else here,
    )


def _folded(what: str, name: str) -> str:
    return name.lower() if what in ANY_CASE else name


def _name(resource: Resource, table: Mapping[str, str]) -> str | None:
    value = resource.arguments.get(table.get(resource.type, ""))
    return value if isinstance(value, str) else None


def check_schema(
    stacks: Iterable[Stack],
    documents: Mapping[str, Mapping[str, Json]],
    places: Places,
) -> Iterator[Diagnostic]:
    """What the providers' schemas would refuse."""
    index = open_index()
    for stack in stacks:
        for problem in check(documents[stack.path], index):
            place = ".".join(str(step) for step in problem.path)
            at = f"{problem.address}: {place}" if place else problem.address
            span, related = places.at(stack.path, problem.address, problem.path)
            yield Diagnostic(
                code="E501",
                message=f"{stack.path}: {at}: {problem.message}",
                span=span,
                hint=problem.hint,
                related=related,
            )


def check_rules(
    documents: Mapping[str, Mapping[str, Json]],
    policies: Policies | None,
    exceptions: Iterable[Tuning],
    places: Places,
) -> tuple[list[Diagnostic], tuple[Tuning, ...]]:
    """Policies that break a rule which every policy must keep, whoever declared it.

    `policies` are what the documents say, None where they have errors. Gives the exceptions that
    nothing here needs, too.
    """
    found, idle = judge(documents, policies, exceptions)
    told = []
    for finding in found:
        span, related = places.statement(
            finding.stack, finding.address, finding.argument, finding.sid
        )
        told.append(
            Diagnostic(
                code=finding.code,
                message=f"{finding.place}: {finding.message}",
                span=span,
                hint=finding.hint,
                related=related,
            )
        )
    return told, idle if policies is not None else ()


def check_needed(idle: Iterable[Tuning], exceptions: Mapping[Tuning, Span]) -> Iterator[Diagnostic]:
    """Exceptions of the blueprint, by where they are written, that nothing needs."""
    for exception in idle:
        yield Diagnostic(
            code="E829",
            message=f"nothing breaks {exception.code} in {exception.place}",
            span=exceptions[exception],
            hint="take the exception out, or correct its patterns",
        )


def once(found: Iterable[Diagnostic], files: Collection[str]) -> Iterator[Diagnostic]:
    """Without what is told at the same line of one of the kinds' files already, of another account.

    In the order in which they are told, so that it is the same account whatever was looked at first.
    """
    told: set[tuple[str, Span, str]] = set()
    for diagnostic in in_order(found):
        span = diagnostic.span
        if span is not None and span.path in files:
            # The schema's findings start with the stack; several may be about one line.
            what = diagnostic.message.partition(": ")[2] if diagnostic.code == "E501" else ""
            if (diagnostic.code, span, what) in told:
                continue
            told.add((diagnostic.code, span, what))
        yield diagnostic


def check_access(
    documents: Mapping[str, Mapping[str, Json]],
    policies: Policies,
    edges: Sequence[Edge],
    places: Places,
) -> Iterator[Diagnostic]:
    """What the policies allow and the ledger doesn't say, and the other way round."""
    for finding in prove_known(documents, policies, edges):
        yield _of_finding(finding, places)


def check_bindings(
    documents: Mapping[str, Mapping[str, Json]],
    bindings: Sequence[Binding],
    places: Places,
) -> Iterator[Diagnostic]:
    """The same for Google: what the bindings say, and what the ledger says."""
    for finding in prove_bindings(documents, bindings):
        yield _of_finding(finding, places)


def check_rights(
    documents: Mapping[str, Mapping[str, Json]],
    rights: Sequence[Right],
    places: Places,
) -> Iterator[Diagnostic]:
    """The same for access beside policies: entries of clusters, shares, attached policies of AWS."""
    for finding in prove_rights(documents, rights):
        yield _of_finding(finding, places)


def _of_finding(finding: Finding, places: Places) -> Diagnostic:
    span, related = places.statement(finding.stack, finding.address, "policy", finding.sid)
    return Diagnostic(
        code=finding.code,
        message=finding.message,
        span=span,
        hint=finding.hint,
        related=related,
    )


def check_engine(
    documents: Mapping[str, Mapping[str, Json]], places: Places
) -> Iterator[Diagnostic]:
    """Text of the blueprint, or of a kind's file, that CDKTF would take for a mark of its own."""
    for path, value in documents.items():
        try:
            engine_form(path, value)
        except EngineInputError as error:
            span, related = places.at(path, *_addressed(error.place))
            yield Diagnostic(
                code="E502",
                message=str(error),
                span=span,
                hint="change the text in the blueprint that this comes from",
                related=related,
            )


# What an address starts with, and of how many keys of a root module it is made, by section.
_ADDRESSES = {
    "resource": ("", 2),
    "data": ("data.", 2),
    "output": ("output.", 1),
    "locals": ("local.", 1),
}


def _addressed(place: tuple[str, ...]) -> tuple[str, tuple[str | int, ...]]:
    """A place in a root module as an address and the path below it."""
    section, *keys = place or ("",)
    start, count = _ADDRESSES.get(section, ("", 0))
    below = tuple(int(key) if key.isdigit() else key for key in keys[count:])
    return start + ".".join(keys[:count]), below


def check_sizes(stacks: Iterable[Stack], spans: Mapping[str, Span]) -> Iterator[Diagnostic]:
    """Policies, and CodePipeline's configuration values, that AWS would find too long; too many tags."""
    for stack in stacks:
        yield from _tag_counts(stack, spans[stack.path])
        for resource in stack.resources:
            yield from _policy_sizes(resource, stack, spans[stack.path])
            if resource.type == "aws_ssm_parameter":
                yield from _parameter_size(resource, stack, spans[stack.path])
            if resource.type == "aws_codepipeline":
                yield from _configuration_sizes(resource, stack, spans[stack.path])


# Source: Tagging AWS Resources, "Tag naming limits and requirements"; Resource Manager
# documentation, "Requirements for labels".
MOST_TAGS = {"aws": 50, "google": 64}


def _tag_counts(stack: Stack, span: Span) -> Iterator[Diagnostic]:
    """The default tags with those of the resource that has most of its own."""
    defaults = _default_tags(stack)
    own = (resource.arguments.get("tags") for resource in stack.resources)
    every = [defaults, *(defaults | tags.keys() for tags in own if isinstance(tags, Mapping))]
    count, limit = max(map(len, every)), MOST_TAGS[stack.cloud]
    if count > limit:
        noun, cloud = ("tags", "AWS") if stack.cloud == "aws" else ("labels", "Google Cloud")
        yield Diagnostic(
            code="E407",
            message=f"{stack.path}: a resource would have {count} {noun}, and {cloud} allows {limit}",
            span=span,
            hint="take some out of the component, its account, the account's units or defaults",
        )


def _default_tags(stack: Stack) -> set[str]:
    provider = stack.providers.get(stack.cloud)
    block = provider if isinstance(provider, Mapping) else {}
    tags = block.get("default_labels", block.get("default_tags"))
    inner = tags[0].get("tags") if isinstance(tags, list) and isinstance(tags[0], Mapping) else tags
    return set(inner) if isinstance(inner, Mapping) else set()


def _policy_sizes(resource: Resource, stack: Stack, span: Span) -> Iterator[Diagnostic]:
    for argument, value in resource.arguments.items():
        limit = policy_limit_of(resource.type, argument) if isinstance(value, JsonText) else None
        if limit is None or not isinstance(value, JsonText):
            continue
        text = longest(value.value)
        length = len(text.encode()) if limit.unit == "bytes" else len(text)
        if length > limit.maximum:
            yield Diagnostic(
                code="E403",
                message=f"{stack.path}: {resource.address}: {argument} has {length} {limit.unit}, "
                f"and AWS allows {limit.maximum}",
                span=span,
                hint="split the component: fewer accounts or roles in each",
            )


# Source: Systems Manager user guide, "Managing parameter tiers", the standard tier.
PARAMETER_LIMIT = 4096


def _parameter_size(resource: Resource, stack: Stack, span: Span) -> Iterator[Diagnostic]:
    value = resource.arguments.get("value")
    length = size(value.value) if isinstance(value, JsonText) else 0
    if length > PARAMETER_LIMIT:
        yield Diagnostic(
            code="E405",
            message=f"{stack.path}: {resource.address}: the value has {length} bytes, and Systems "
            f"Manager allows {PARAMETER_LIMIT}",
            span=span,
            hint="give training fewer or shorter hyperparameters",
        )


# Source: CodePipeline API reference, ActionDeclaration, configuration.
CONFIGURATION_LIMIT = 1000


def _configuration_sizes(resource: Resource, stack: Stack, span: Span) -> Iterator[Diagnostic]:
    for action in _actions(resource):
        configuration = action.get("configuration")
        for key, value in configuration.items() if isinstance(configuration, Mapping) else ():
            length = len(str(json.loads(longest(value))))
            if length > CONFIGURATION_LIMIT:
                yield Diagnostic(
                    code="E404",
                    message=f'{stack.path}: the action "{action.get("name")}": {key} has {length} '
                    f"characters, and CodePipeline allows {CONFIGURATION_LIMIT}",
                    span=span,
                )


def _actions(resource: Resource) -> Iterator[Mapping[str, Value]]:
    stages = resource.arguments.get("stage")
    for stage in stages if isinstance(stages, Sequence) else ():
        actions = stage.get("action") if isinstance(stage, Mapping) else None
        for action in actions if isinstance(actions, Sequence) else ():
            if isinstance(action, Mapping):
                yield action
