"""`landform access`: the ledger as tables, and why something is allowed or not."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from compiler.access import report
from compiler.cli.entry import landform
from compiler.compilation import Compiled, compile_blueprints

REPOSITORY = Path(__file__).parent.parent
ONE = REPOSITORY / "blueprints" / "ml-pipeline.yaml"
ORGANIZATION = "o-abc123defg"
ROLE = "arn:aws:iam::222222222222:role/article-churn-train"
BUCKET = "arn:aws:s3:::article-churn-artifacts-111111111111"


def access(*arguments: str, path: Path = ONE) -> Result:
    return CliRunner().invoke(landform, ["access", str(path), *arguments])


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_blueprints(ONE).blueprints[0]


def test_the_json_is_the_ledger_with_a_matrix() -> None:
    result = access("--format", "json")
    assert result.exit_code == 0
    body = json.loads(result.stdout)
    written = json.loads((REPOSITORY / "generated/article/access.json").read_text())
    assert {key: body[key] for key in written} == written
    counts = sum(n for own in body["matrix"].values() for n in own.values())
    assert counts == len(body["edges"]) + len(body["rights"])


def test_filters_hold_together() -> None:
    result = access("--format", "csv", "--who", "training", "--to", "SHARED", "--action", "s3:Get*")
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["edge"] for row in table} == {
        "churn/train-reads-data",
        "churn/train-action-reads-artifacts",
    }
    assert all("s3:GetObject" in row["actions"].split() for row in table)
    assert {row["principal"].split(":")[4] for row in table} == {"222222222222"}


def test_text_and_markdown_show_edges_and_matrix() -> None:
    text = access("--who", "article-churn-train", "--to", "models/").stdout
    assert text.splitlines() == [
        ROLE,
        "  churn/train-writes-models",
        "    s3:PutObject",
        f"    on {BUCKET}/models/*",
        "",
        f"{'principal'.ljust(len(ROLE))}  shared",
        f"{ROLE}  1",
    ]
    page = access("--who", "article-churn-train", "--to", "models/", "--format", "markdown").stdout
    assert f"| {ROLE} | s3:PutObject | {BUCKET}/models/\\* | churn/train-writes-models |" in page
    assert "| principal | shared |" in page


def test_the_matrix_as_csv() -> None:
    """Who has how many edges where: the numbers of the JSON, with a column for each account."""
    result = access("--format", "csv-matrix")
    assert result.exit_code == 0
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    found = {
        row.pop("principal"): {home: int(count) for home, count in row.items() if count}
        for row in table
    }
    assert found == json.loads(access("--format", "json").stdout)["matrix"]
    few = access("--format", "csv-matrix", "--who", "article-churn-train", "--to", "models/").stdout
    assert few == f"principal,shared\n{ROLE},1\n"
    assert access("--format", "csv-matrix", "--who", "nobody-of-this").stdout == "principal\n"
    several = access("--format", "csv-matrix", path=REPOSITORY / "blueprints")
    assert (several.exit_code, "several organisations" in several.stderr) == (2, True)


def test_nothing_fits() -> None:
    result = access("--who", "nobody-of-this-name")
    assert (result.exit_code, result.stdout) == (0, "no such access\n")


def test_why_shows_both_halves_and_the_blueprint_line(compiled: Compiled) -> None:
    result = access("--why", "train s3:GetObject data/", "--format", "json")
    body = json.loads(result.stdout)
    assert (body["verdict"], body["principal"]) == ("allowed", ROLE)
    edge = next(e for e in compiled.edges if e.id == "churn/train-reads-data")
    chain = {(e["stack"], e["address"], e["side"], e["sid"]) for e in body["chain"]}
    assert chain == {(e.stack, e.address, e.side, e.sid) for e in edge.statements}
    line = ONE.read_text(encoding="utf-8").split("\n").index("  churn:") + 1
    assert {each["declared"].endswith(f":{line}:3") for each in body["chain"]} == {True}
    root = REPOSITORY / "generated/article"
    for each in body["chain"]:
        assert each["sid"] in (root / each["file"]).read_text(encoding="utf-8")
    text = access("--why", "train s3:GetObject data/").stdout
    for each in body["chain"]:
        assert f"\n    {each['file']}, declared at {each['declared']}\n" in text


def test_why_not_says_what_is_missing() -> None:
    result = access("--why", f"train s3:DeleteObject {BUCKET}/data/x")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"denied: {ROLE} s3:DeleteObject {BUCKET}/data/x\n")
    assert "no statement of the identity policies" in result.stdout
    assert f"no statement of the policy of {BUCKET} admits {ROLE}" in result.stdout
    assert "declared by no grant" in result.stdout


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (
            "train s3:GetObjekt data/",
            'AWS has no action "s3:GetObjekt": did you mean "s3:GetObject"?',
        ),
        ("train GetObject data/", 'AWS has no action "GetObject": write it as service:Action'),
        (
            f"train s3:DeleteObject {BUCKET}",
            f'"s3:DeleteObject" is never about {BUCKET}, but about',
        ),
        (f"train kms:CreateKey {BUCKET}", '"kms:CreateKey" is about no resource: ask about "*"'),
        (
            f"train s3:getobj??? {BUCKET}/data/x",
            '"s3:getobj???" is a pattern: ask about one action, as "s3:GetObject"',
        ),
        (f"train s3:* {BUCKET}/data/x", '"s3:*" is a pattern: ask about one action'),
    ],
)
def test_why_refuses_actions_that_there_are_not(question: str, says: str) -> None:
    """Denied would be true of them, and would hide the mistake."""
    result = access("--why", question)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())


def test_why_takes_any_case() -> None:
    result = access("--why", "train S3:GETOBJECT data/")
    assert result.stdout.startswith("allowed: ")


def test_why_has_an_answer_for_each_edge(compiled: Compiled) -> None:
    for edge in compiled.edges:
        for action in edge.actions:
            question = f"{edge.principal_arn} {action} {edge.resource_arn}"
            found = report.why(compiled.documents, compiled.edges, ORGANIZATION, question)
            assert found.answer.allowed, question
            assert edge in found.edges
            used = {(link.stack, link.address) for link in found.answer.chain}
            assert used, question


def test_why_names_the_missing_half(compiled: Compiled) -> None:
    """The bucket's policy taken out: its half is named."""
    documents = json.loads(json.dumps(compiled.documents))
    del documents["aws/shared/churn"]["resource"]["aws_s3_bucket_policy"]
    question = f"{ROLE} s3:GetObject {BUCKET}/data/*"
    found = report.why(documents, compiled.edges, ORGANIZATION, question)
    text = report.why_text(found, {})
    assert found.answer.denied
    assert "missing resource: aws/shared/churn aws_s3_bucket_policy.artifacts" in text


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("--why", "train s3:GetObject"), ONE),
        (("--why", "article s3:GetObject data/"), ONE),
        (("--why", "nobody s3:GetObject data/"), ONE),
        (("--why", "train s3:GetObject data/", "--format", "csv"), ONE),
        (("--format", "json"), REPOSITORY / "blueprints"),
        (("--format", "sarif"), ONE),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], path: Path) -> None:
    assert access(*arguments, path=path).exit_code == 2


def test_several_blueprints_one_after_the_other() -> None:
    text = access("--to", "models/", path=REPOSITORY / "blueprints").stdout
    headings = [line for line in text.splitlines() if line.startswith("# ")]
    names = [path.name for path in (REPOSITORY / "generated").iterdir()]
    assert sorted(headings) == [f"# {name}" for name in sorted(names)]
    assert len(headings) > 1


def test_errors_of_the_blueprint_stop_it(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(ONE.read_text(encoding="utf-8").replace("shared: shared", "shared: shard"))
    result = access(path=wrong)
    assert (result.exit_code, result.stdout) == (1, "")
