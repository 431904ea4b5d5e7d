"""`landform access --why` answers for every edge of the examples, and names the half that is gone.

`DOMAIN` says which edges of the domain's description the examples have. The numbers are those of
its five systems: 1 central models, 2 training on Google, 3 a catalog, 4 a pipeline, 5 a cluster.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from compiler.access import report
from compiler.access.ledger import Binding, Edge, Evidence
from compiler.access.proof_index import index
from compiler.cli.entry import landform
from compiler.compilation import Compiled, compile_blueprints
from tests.access.evaluation_reasons import NOT_NEEDED
from tests.access.evaluation_support import GENERATED, forgetting

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"


@dataclass(frozen=True)
class LeftOut:
    """Why no example has the edge in its ledger."""

    because: str


RUN_TIME = "what a Kubernetes object or a product says at run time is no grant of ours"
# Kind and edge, as globs; several where one edge of the domain is several grants.
DOMAIN: dict[str, tuple[str, ...] | LeftOut] = {
    "1-E1": (
        "model-hub/deployer-*-describes-group",
        "model-hub/deployer-*-describes-versions",
    ),
    "1-E2": ("model-hub/deployer-*-makes-models", "model-hub/deployer-*-uses-versions"),
    "1-E3": (
        "model-hub/execution-*-reads-model",
        "model-hub/execution-*-lists-model",
        "model-hub/execution-*-uses-artifacts",
    ),
    "1-E4": ("model-hub/execution-*-pulls-image", "model-hub/execution-*-enters-registry"),
    "1-E5": ("model-hub/events-tell-*",),
    "1-E6": ("model-hub/role-*-becomes-invoker-*",),
    "1-E7": ("model-hub/invoker-*-invokes",),
    "1-E8": (
        "model-hub/role-trainer-*-registers-version",
        "model-hub/role-trainer-*-registers-in-group",
    ),
    "1-E9": ("model-hub/role-*-approves-*",),
    "2-E1": ("training-access/*-finds-cluster-*",),
    "2-E2": (
        "training-access/*-edits-scope-*",
        "training-access/*-edits-fleet-*",
        "training-access/*-edits-namespaces-*",
        "training-access/*-edits-train-in-*",
    ),
    "2-E3": ("training-access/*-uses-vertex-*",),
    "2-E4": ("training-access/submitter-acts-as-trainer-*",),
    "2-E5": (
        "training-access/trainer-reads-*-pods-*",
        "training-access/trainer-writes-*-pods-*",
    ),
    # With `workload.impersonate`: tests/cases/training-access/one-project, runner-becomes-account-train.
    "2-E6": LeftOut("pods have their identity directly (2-E5); no service account stands for them"),
    "2-E7": ("training-access/nodes-pull-images-*", "training-access/nodes-work-*"),
    "2-E8": (
        "training-access/aiplatform-pulls-images-*",
        "training-access/aiplatform-code-pulls-images-*",
    ),
    "2-E9": (
        "training-access/aiplatform-uses-key-*",
        "training-access/compute-uses-key-*",
        "training-access/container-uses-key-*",
        "training-access/storage-uses-key-*",
    ),
    # With `cluster.network.host`: tests/kinds/test_training_access.py.
    "2-E10": LeftOut("each project has its own network in the examples, no host project"),
    "2-E11": LeftOut("to be avoided: the service account is kept in the project of the jobs"),
    "2-E12": ("training-access/submitter-is-workflow-*",),
    "2-E13": LeftOut("each fleet is in the project of its clusters"),
    "2-E14": LeftOut("no example asks for Binary Authorization"),
    "2-E15": LeftOut("perimeters of VPC Service Controls are the organisation's, no grant"),
    "3-E1": (
        "model-catalog/portfolio-is-shared-to-unit-*",
        "model-catalog/portfolio-is-shared-to-account-*",
    ),
    "3-E2": (
        "model-catalog/user-*-launches-products",
        "model-catalog/user-*-manages-launched",
        "model-catalog/user-*-sees-portfolio",
        "model-catalog/shared-user-*-sees-portfolio",
    ),
    "3-E3": ("model-catalog/servicecatalog-becomes-launch-*",),
    "3-E4": ("model-catalog/launch-*-reads-templates",),
    "3-E5": (
        "model-catalog/launch-*-manages-stacks",
        "model-catalog/launch-*-makes-endpoints",
        "model-catalog/launch-*-scales",
        "model-catalog/launch-*-passes-run-role",
    ),
    "3-E6": ("model-catalog/run-*-reads-model", "model-catalog/run-*-pulls-image"),
    "3-E7": ("model-catalog/launch-*-uses-versions",),
    "3-E8": LeftOut("templates are uploaded by the deploying role, whose policies are the team's"),
    "3-E9": LeftOut("products are CloudFormation's; no external engine"),
    "4-E1": ("ml-pipeline/pipeline-assumes-train-action",),
    "4-E2": ("ml-pipeline/pipeline-assumes-deploy-action-*",),
    "4-E3": (
        "ml-pipeline/pipeline-reads-artifacts",
        "ml-pipeline/pipeline-writes-artifacts",
        "ml-pipeline/pipeline-reads-bucket",
        "ml-pipeline/pipeline-uses-artifacts",
    ),
    "4-E4": (
        "ml-pipeline/pipeline-uses-connection",
        "ml-pipeline/pipeline-reads-repository",
        "ml-pipeline/pipeline-reads-source",
    ),
    "4-E5": (
        "ml-pipeline/train-action-reads-artifacts",
        "ml-pipeline/train-action-writes-artifacts",
        "ml-pipeline/train-action-lists-artifacts",
        "ml-pipeline/train-action-uses-artifacts",
    ),
    "4-E6": ("ml-pipeline/train-action-deploys-state-machine",),
    "4-E7": ("ml-pipeline/train-action-passes-stack-role",),
    "4-E8": (
        "ml-pipeline/train-action-starts-training",
        "ml-pipeline/train-action-watches-training",
    ),
    "4-E9": (
        "ml-pipeline/stack-makes-state-machine",
        "ml-pipeline/stack-passes-machine-role",
    ),
    "4-E10": LeftOut("the definition stands in the template, so nothing is fetched"),
    "4-E11": (
        "ml-pipeline/state-machine-trains",
        "ml-pipeline/state-machine-follows-training",
        "ml-pipeline/state-machine-passes-train-role",
    ),
    "4-E12": (
        "ml-pipeline/train-reads-data",
        "ml-pipeline/train-lists-data",
        "ml-pipeline/train-writes-models",
        "ml-pipeline/train-uses-artifacts",
    ),
    "4-E13": ("ml-pipeline/state-machine-writes-manifest",),
    "4-E14": ("ml-pipeline/train-pulls-image", "ml-pipeline/serve-*-pulls-image"),
    "4-E15": ("ml-pipeline/deploy-action-*-invokes-deployer",),
    "4-E16": LeftOut("the deploy action has no input artifacts"),
    "4-E17": ("ml-pipeline/deployer-*-reports", "ml-pipeline/reporter-*-reports"),
    "4-E18": ("ml-pipeline/deployer-*-reads-manifest",),
    "4-E19": (
        "ml-pipeline/deployer-*-makes-models",
        "ml-pipeline/deployer-*-makes-configurations",
        "ml-pipeline/deployer-*-makes-endpoint",
        "ml-pipeline/deployer-*-passes-serve-role",
    ),
    "4-E20": ("ml-pipeline/serve-*-reads-models", "ml-pipeline/serve-*-uses-artifacts"),
    "4-E21": ("ml-pipeline/start-starts-pipeline",),
    "4-E22": ("ml-pipeline/approver-*-decides", "ml-pipeline/approver-*-looks"),
    "5-E1": (
        "model-serving/node-pulls-*",
        "model-serving/node-enters-registry",
        "model-serving/node-has-AmazonEC2ContainerRegistryPullOnly",
    ),
    "5-E2": LeftOut("pods read the hub directly (5-E2'); no reader role between them"),
    "5-E2'": (
        "model-serving/pods-*-reads-model",
        "model-serving/pods-*-lists-model",
        "model-serving/pods-*-uses-*-artifacts",
    ),
    "5-E3": ("model-serving/pods-becomes-pods-*", "model-serving/pods-*-are-pods"),
    "5-E4": (
        "model-serving/deploy-is-assumed",
        "model-serving/through-deploy-finds-cluster",
        "model-serving/role-*-delivery-edits-cluster",
    ),
    "5-E4'": (
        "model-serving/access-role-*-finds-cluster",
        "model-serving/role-platform-admin-*-admins-cluster",
    ),
    "5-E5": LeftOut("DNS is the team's: no zone is written by the kind"),
    "5-E6": LeftOut("subnets are the account's own or made by the kind; none are shared"),
    "5-E7": LeftOut("Pod Identity in place of identity providers of clusters"),
    "5-E8": LeftOut("node groups and Auto Mode; no queue of Karpenter"),
}


@cache
def examples() -> dict[str, Compiled]:
    compilation = compile_blueprints(BLUEPRINTS)
    assert compilation.diagnostics == ()
    return {one.organization: one for one in compilation.blueprints}


@cache
def about(example: str) -> report.Asked:
    one = examples()[example]
    return report.asked(one.documents, one.entries, one.world.organization.aws_id)


@cache
def kinds() -> dict[str, set[str]]:
    """Each edge of the examples as kind and edge, with the examples that have it."""
    found: dict[str, set[str]] = {}
    for example, one in examples().items():
        kind = {each.name: each.kind for each in one.world.components}
        for entry in one.entries:
            name = f"{kind[entry.component]}/{entry.id.partition('/')[2]}"
            found.setdefault(name, set()).add(example)
    return found


@pytest.mark.parametrize("number", DOMAIN)
def test_the_examples_have_the_edges_of_the_domain(number: str) -> None:
    patterns = DOMAIN[number]
    if isinstance(patterns, LeftOut):
        assert patterns.because
        return
    for pattern in patterns:
        assert [name for name in kinds() if fnmatchcase(name, pattern)], pattern


# By their folders: what is compiled at import is compiled by every process of the test run.
EXAMPLES = tuple(sorted(path.name for path in GENERATED.iterdir()))


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_edge_is_allowed_and_its_statements_are_named(example: str) -> None:
    """By what the edge rests on; another statement is named only where it says as much."""
    places = {stack: str(span) for stack, span in examples()[example].spans.items()}
    for edge in examples()[example].edges:
        texts = [report.why_text(answer(about(example), edge, a), places) for a in edge.actions]
        for text in texts:
            assert text.startswith("allowed: "), text
            assert f"  declared as {edge.id}\n" in text
        for half in edge.statements:
            named = f"  {half.side}: Allow by {half.stack} {half.address} {half.sid}\n"
            assert ".yaml:" in places[half.stack]
            whole = f"{named}    {places[half.stack]}\n"
            assert any(whole in text for text in texts) or reasons(example, edge, half), texts


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_half_that_is_gone_is_named(example: str) -> None:
    """Each half of each edge is taken out once."""
    missed = 0
    for edge in examples()[example].edges:
        for half in edge.statements:
            written: dict[str, Any] = half.json()
            known = forgetting(about(example).known.policies, written)
            less = replace(about(example), known=index(known, about(example).edges))
            answers = [answer(less, edge, action) for action in edge.actions]
            refused = [found for found in answers if not found.answer.allowed]
            words = f"  missing {half.side}: {half.stack} {half.address} {half.sid}\n"
            if reasons(example, edge, half):
                assert refused == [], words
            else:
                assert any(words in report.why_text(found, {}) for found in refused), words
                missed += 1
    assert missed >= len(examples()[example].edges) / 2


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_binding_is_allowed_by_itself(example: str) -> None:
    """One with a condition depends on the condition, and on nothing else."""
    places = {stack: str(span) for stack, span in examples()[example].spans.items()}
    for binding in examples()[example].bindings:
        question = f"{binding.member} {binding.role} {binding.resource}"
        found = report.answer(about(example), question)
        expected = {binding.condition} if binding.condition else set()
        assert found.answer.verdict == ("depends" if binding.condition else "allowed"), question
        assert found.answer.depends_on == expected
        assert binding in found.edges
        text = report.why_text(found, places)
        named = f"  binding: Allow by {binding.stack} {binding.address} {binding.role}\n"
        assert f"{named}    {places[binding.stack]}\n" in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_binding_that_is_gone_is_missed(example: str) -> None:
    known = about(example)
    for binding in examples()[example].bindings:
        documents: dict[str, Any] = dict(known.documents)
        document = documents[binding.stack]
        kind, _, name = binding.address.partition(".")
        kept = {key: each for key, each in document["resource"][kind].items() if key != name}
        resource = {**document["resource"], kind: kept}
        documents[binding.stack] = {**document, "resource": resource}
        less = replace(known, documents=documents)
        found = report.answer(less, f"{binding.member} {binding.role} {binding.resource}")
        assert (binding.stack, binding.address) not in {
            (link.stack, link.address) for link in found.answer.chain
        }
        text = report.why_text(found, {})
        if found.answer.denied:
            assert f"no binding gives {binding.member} {binding.role}" in text
        else:  # a group has the role too: whether the member is in it is not known here
            assert f"it depends on whether {binding.member} is in group:" in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_right_is_allowed_by_its_resources(example: str) -> None:
    places = {stack: str(span) for stack, span in examples()[example].spans.items()}
    for right in examples()[example].rights:
        for action in right.name.split("+"):
            question = f"{right.principal} {action} {right.resource}"
            found = report.answer(about(example), question)
            # A portfolio that a variable names is nobody's until somebody gives it.
            unknown = "var." in right.resource
            assert found.answer.verdict == ("depends" if unknown else "allowed"), question
            assert right in found.edges
            text = report.why_text(found, places)
            for address in right.addresses:
                named = f"  {right.side}: Allow by {right.stack} {address} {right.sid}".rstrip()
                assert f"{named}\n    {places[right.stack]}\n" in text
            assert f"  declared as {right.id}\n" in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_right_that_is_gone_is_missed(example: str) -> None:
    known = about(example)
    for right in examples()[example].rights:
        if right.side == "trust":
            continue  # a policy's statement: its edges are taken out above
        kept = [each for each in known.given if each.address not in right.addresses]
        less = replace(known, given=tuple(kept))
        found = report.answer(less, f"{right.principal} {right.name} {right.resource}")
        assert found.answer.denied
        words = f"nothing gives {right.principal} {right.name} on {right.resource}"
        assert words in report.why_text(found, {})


def test_one_question_about_several_grants_names_all() -> None:
    """A key of one account is every key of it to a policy: the pipeline's grants on two of them."""
    edge = next(e for e in examples()["article"].edges if e.id == "churn/pipeline-uses-artifacts")
    found = answer(about("article"), edge, "kms:Decrypt")
    assert {each.id for each in found.edges} == {
        "churn/pipeline-uses-artifacts",
        "churn/pipeline-uses-notifications",
    }
    keys = {link.address for link in found.answer.chain if link.side == "key"}
    assert keys == {"aws_kms_key.artifacts", "aws_kms_key.notifications"}
    assert "  and on arn:aws:kms:" in report.why_text(found, {})


@pytest.mark.parametrize(
    ("blueprint", "number"),
    [("ml-pipeline", "4-E12"), ("model-hub", "1-E3"), ("model-serving", "5-E2'")],
)
def test_the_command_says_the_same(blueprint: str, number: str) -> None:
    """The command line for one edge of a system; all others by the function that it calls."""
    path = BLUEPRINTS / f"{blueprint}.yaml"
    one = compile_blueprints(path).blueprints[0]
    patterns = DOMAIN[number]
    assert isinstance(patterns, tuple)
    wanted = f"*{patterns[0].partition('/')[2]}"
    edge = next(each for each in one.edges if fnmatchcase(each.id, wanted))
    question = f"{edge.principal_arn} {edge.actions[0]} {edge.resource_arn}"
    result = CliRunner().invoke(landform, ["access", str(path), "--why", question])
    places = {
        stack: f"{stack}/main.tf.json, declared at {span}" for stack, span in one.spans.items()
    }
    assert result.exit_code == 0
    assert result.stdout == report.why_text(
        answer(about(one.organization), edge, edge.actions[0]), places
    )


def answer(known: report.Asked, edge: Edge, action: str) -> report.Why:
    """As the command answers it."""
    return report.answer(known, f"{edge.principal_arn} {action} {edge.resource_arn}")


def reasons(example: str, edge: Edge, half: Evidence) -> list[str]:
    """Why AWS doesn't need the statement: another one says as much."""
    written: dict[str, Any] = edge.json()
    told: dict[str, Any] = half.json()
    return [name for name, holds in NOT_NEEDED.items() if holds(example, written, told)]


def test_every_binding_and_edge_is_of_a_component() -> None:
    entries: list[Edge | Binding] = []
    for one in examples().values():
        entries += [*one.edges, *one.bindings]
    assert set(examples()) == set(EXAMPLES)
    assert len(entries) > 600
    assert all(entry.id.startswith(f"{entry.component}/") for entry in entries)


def test_the_answer_is_about_the_question_where_the_key_refuses() -> None:
    """The root of an account administers its keys and may not use them; the bucket's is one."""
    known = about("article")
    edge = next(e for e in known.edges if e.id == "churn/train-reads-data")
    question = f"arn:aws:iam::111111111111:root s3:GetObject {edge.resource_arn}"
    found = report.answer(known, question)
    assert found.answer.denied
    assert f"{found.request.principal} {found.request.action} {found.request.resource}" == question
    assert found.needs is not None
    assert found.needs.action == "kms:Decrypt"
    text = report.why_text(found, {})
    assert text.startswith(f"denied: {question}\n  which takes kms:Decrypt on arn:aws:kms:")
    body = json.loads(report.why_json(found, {}))
    assert (body["action"], body["resource"]) == ("s3:GetObject", edge.resource_arn)
    assert body["needs"]["action"] == "kms:Decrypt"
