"""Exceptions from rules, in a blueprint whose own kind breaks one on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from compiler.cli.entry import landform
from compiler.compilation import Compilation, compile_blueprints

KIND = """\
summary: A scan that reads parameters which it finds
inputs:
  account: {type: account, description: where it runs}
stacks:
  account:
    roles:
      reader: {description: reads, service: lambda.amazonaws.com}
grants:
  reader-reads-parameters:
    principal: reader
    actions: ["ssm:GetParameter"]
    resource: {arn: "arn:aws:ssm:{{ component.region }}:{{ account.id }}:parameter/*"}
"""
BLUEPRINT = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts:
  shared: {id: "111111111111"}
  other: {id: "222222222222"}
components:
  scan: {kind: scan, account: shared}
  again: {kind: scan, account: other}
"""
REASON = "what the scan finds is not known before"


def compiled(folder: Path, *exceptions: dict[str, str], code: str = "E804") -> Compilation:
    (folder / "kinds").mkdir(exist_ok=True)
    (folder / "kinds" / "scan.yaml").write_text(KIND, encoding="utf-8")
    rules = {"rules": {code: list(exceptions)}} if exceptions else {}
    text = BLUEPRINT + "".join(f"{key}: {json.dumps(value)}\n" for key, value in rules.items())
    (folder / "landform.yaml").write_text(text, encoding="utf-8")
    return compile_blueprints(folder)


def exception(**changes: str) -> dict[str, str]:
    given = {"stack": "aws/*/*", "address": "aws_iam_role_policy.reader", "reason": REASON}
    return {**given, **changes}


def codes(compilation: Compilation) -> list[str]:
    return [found.code for found in compilation.diagnostics]


def test_without_an_exception_the_rule_counts(tmp_path: Path) -> None:
    assert set(codes(compiled(tmp_path))) == {"E804"}


@pytest.mark.parametrize(
    "given",
    [
        (exception(),),
        (exception(statement="ReaderReads*"),),
        (exception(stack="aws/shared/scan"), exception(stack="aws/o?her/again", address="*")),
    ],
)
def test_with_an_exception_it_does_not(given: tuple[dict[str, str], ...], tmp_path: Path) -> None:
    assert codes(compiled(tmp_path, *given)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"stack": "aws/shared"},
        {"address": "aws_iam_role_policy.read"},
        {"statement": "Other*"},
        {"statement": "readerreadsparameters"},
    ],
)
def test_an_exception_is_exact(changes: dict[str, str], tmp_path: Path) -> None:
    assert set(codes(compiled(tmp_path, exception(**changes)))) == {"E804", "E829"}


def test_an_exception_is_from_one_rule(tmp_path: Path) -> None:
    assert set(codes(compiled(tmp_path, exception(), code="E805"))) == {"E804", "E829"}


def test_an_exception_for_one_stack_leaves_the_other(tmp_path: Path) -> None:
    found = compiled(tmp_path, exception(stack="aws/other/*")).diagnostics
    assert [each.code for each in found] == ["E804"]
    assert "aws/shared/scan" in found[0].message


@pytest.mark.parametrize("format_", ["text", "markdown", "json"])
def test_exceptions_in_force_are_shown(format_: str, tmp_path: Path) -> None:
    compiled(tmp_path, exception())
    arguments = ["access", str(tmp_path), "--format", format_]
    result = CliRunner().invoke(landform, arguments)
    assert result.exit_code == 0, result.output
    assert REASON in result.stdout
    if format_ == "json":
        assert json.loads(result.stdout)["exceptions"] == [
            {"code": "E804", **exception(), "statement": "*"}
        ]
    asked = CliRunner().invoke(landform, [*arguments, "--who", "reader"])
    assert REASON not in asked.stdout
