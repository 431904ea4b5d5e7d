"""Google's part of the ledger for people: rows, matrix, and who has a role by which bindings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from compiler.access import report
from compiler.access.ledger import Binding, Edge
from compiler.cli.entry import landform
from tests.access.test_google_proof import ML, POD, RUNNER, entries, made

OWNER = "arn:aws:iam::222222222222:role/acme-churn-train"
AWS = Edge(
    id="churn/train-reads-data",
    component="churn",
    origin="components.churn",
    principal_account="training",
    principal_arn=OWNER,
    actions=("s3:GetObject",),
    resource_account="data",
    resource_arn="arn:aws:s3:::acme-churn/data/*",
    statements=(),
)
BOTH: tuple[report.Entry, ...] = (*entries(), AWS)


def ask(question: str) -> report.Why:
    return report.why(made(), BOTH, None, question)


def test_filters_speak_of_members_roles_and_projects() -> None:
    def ids(who: str = "", to: str = "", action: str = "") -> list[str]:
        return [edge.id.partition("/")[2] for edge in report.chosen(BOTH, who, to, action)]

    assert ids(who="group:") == ["ml-acts-as-runner", "ml-edits", "ml-uses-vertex"]
    assert ids(who="train", to="data") == [
        "pod-reads",
        "runner-encrypts",
        "runner-pulls",
        "train-reads-data",
    ]
    assert ids(action="objectViewer") == ["pod-reads"]
    assert ids(to="acme-data-sets") == ["pod-reads"]


def test_projects_stand_beside_accounts_in_the_matrix() -> None:
    table = report.matrix(BOTH)
    assert table[0] == ("principal", "aws/data", "google/data", "train")
    assert {row[0]: row[1:] for row in table[1:]} == {
        OWNER: ("1", "", ""),
        ML.text: ("", "", "3"),
        POD.text: ("", "1", ""),
        RUNNER.text: ("", "2", ""),
    }
    assert report.matrix(entries())[0] == ("principal", "data", "train")


def test_all_formats_show_both_clouds() -> None:
    text = report.as_text(BOTH)
    assert (
        "group:ml@acme.example\n"
        "  access/ml-acts-as-runner\n"
        "    roles/iam.serviceAccountUser\n"
        "    on //iam.googleapis.com/projects/acme-train/serviceAccounts/" in text
    )
    assert f"{OWNER}\n  churn/train-reads-data\n" in text
    page = report.as_markdown(BOTH)
    assert "| group:ml@acme.example | roles/aiplatform.user |" in page
    sheet = report.as_csv(BOTH).splitlines()
    assert len(sheet) == 1 + len(BOTH)
    body = json.loads(report.as_json(BOTH))
    clouds = [edge["principal"]["cloud"] for edge in body["edges"]]
    assert sorted(set(clouds)) == ["aws", "google"]
    assert body["matrix"][RUNNER.text] == {"google/data": 2}
    assert body["matrix"][OWNER] == {"aws/data": 1}


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
def test_why_has_an_answer_for_each_entry(entry: Binding) -> None:
    found = ask(f"{entry.member} {entry.role} {entry.resource}")
    assert found.edges == (entry,)
    assert found.answer.verdict == ("depends" if entry.condition else "allowed")
    (link,) = found.answer.chain
    assert (link.stack, link.address) == (entry.stack, entry.address)


def test_why_takes_parts_of_names() -> None:
    found = ask("ml@acme.example aiplatform.user acme-train")
    assert found.answer.allowed
    text = report.why_text(found, {"google/train/access": "blueprint.yaml:9:3"})
    assert text == (
        "allowed: group:ml@acme.example roles/aiplatform.user "
        "//cloudresourcemanager.googleapis.com/projects/acme-train\n"
        "  binding: Allow by google/train/access google_project_iam_member.ml_uses_vertex "
        "roles/aiplatform.user\n"
        "    blueprint.yaml:9:3\n"
        "  declared as access/ml-uses-vertex\n"
    )


def test_why_not() -> None:
    found = ask(f"{ML.text} roles/storage.admin //storage.googleapis.com/acme-data-sets")
    assert found.answer.denied
    text = report.why_text(found, {})
    assert text.startswith("denied: group:ml@acme.example roles/storage.admin ")
    assert "no binding gives group:ml@acme.example roles/storage.admin on" in text
    assert text.endswith("  declared by no grant\n")


def test_a_role_on_the_project_is_a_role_on_what_lies_in_it() -> None:
    endpoint = "//aiplatform.googleapis.com/projects/acme-train/locations/europe-west4/endpoints/1"
    assert ask(f"{ML.text} roles/aiplatform.user {endpoint}").answer.allowed
    elsewhere = endpoint.replace("acme-train", "acme-data")
    assert ask(f"{ML.text} roles/aiplatform.user {elsewhere}").answer.denied


def test_what_is_not_known_here_is_not_guessed() -> None:
    """Who is in a group, and what a condition will say."""
    found = ask("user:ada@acme.example roles/aiplatform.user acme-train")
    assert found.answer.verdict == "depends"
    assert "whether user:ada@acme.example is in group:ml@acme.example" in report.why_text(found, {})
    found = ask(f"{POD.text} roles/storage.objectViewer acme-data-sets")
    assert found.answer.depends_on == {'request.time < timestamp("2027-01-01T00:00:00Z")'}
    other = POD.text.replace("runner", "other")
    assert ask(f"{other} roles/storage.objectViewer acme-data-sets").answer.denied


@pytest.mark.parametrize(
    "question",
    [
        "ml@acme.example aiplatform.user",
        "nobody@acme aiplatform.user acme-train",
        "ml@acme.example no-such-role acme-train",
        "ml@acme.example aiplatform.user no-such-place",
    ],
)
def test_questions_about_nothing(question: str) -> None:
    with pytest.raises(report.QueryError):
        ask(question)


EXAMPLE = Path(__file__).parents[2] / "docs/examples/project-baseline.yaml"


def command(*arguments: str) -> str:
    result = CliRunner().invoke(landform, ["access", str(EXAMPLE), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_shows_google() -> None:
    account = "serviceAccount:terraform@acme-train-eu.iam.gserviceaccount.com"
    text = command("--who", account, "--action", "container.admin")
    assert text.splitlines() == [
        account,
        "  baseline/deployer-train-eu-has-container-admin",
        "    roles/container.admin",
        "    on //cloudresourcemanager.googleapis.com/projects/acme-train-eu",
        "",
        f"{'principal'.ljust(len(account))}  train-eu",
        f"{account}  1",
    ]
    body = json.loads(command("--to", "train-eu", "--format", "json"))
    assert {edge["resource"]["project"] for edge in body["edges"]} == {"train-eu"}
    assert command("--to", "train-eu", "--format", "csv").count("\n") == 1 + len(body["edges"])
    page = command("--to", "train-eu", "--format", "markdown")
    assert "| principal | train-eu |" in page


def test_the_command_says_why() -> None:
    line = EXAMPLE.read_text(encoding="utf-8").split("\n").index("  baseline:") + 1
    question = "terraform@acme-train-eu container.admin acme-train-eu"
    body = json.loads(command("--why", question, "--format", "json"))
    assert (body["verdict"], body["edges"]) == (
        "allowed",
        ["baseline/deployer-train-eu-has-container-admin"],
    )
    (link,) = body["chain"]
    assert (link["side"], link["stack"]) == ("binding", "google/train-eu/baseline")
    assert link["declared"].endswith(f":{line}:3")
