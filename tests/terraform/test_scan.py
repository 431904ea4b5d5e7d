"""A public scanner's findings in the compiled output are mended, or accepted with a written reason.

checkov knows no severities without its vendor's service, so every failed check counts. It does not
resolve `jsonencode(local…)`, in which our policies stand: the scanned copy has them inlined.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from compiler.kinds.scan import accepted
from tests.needs import lacking
from tests.terraform.conftest import GENERATED

pytestmark = pytest.mark.rig

# By its interpreter: the first line of a script cannot name a path with a space.
BESIDE = Path(__file__).parents[2] / ".venv-scan" / "bin" / "python"
_POLICY = re.compile(r"\$\{jsonencode\(local\.(\w+)\)\}")


class Finding(NamedTuple):
    check: str
    kind: str
    type: str


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[Finding, str]:
    """What the scanner finds in `generated/`, and an example of each."""
    return scan(GENERATED, tmp_path_factory.mktemp("scan"))


def scan(generated: Path, folder: Path) -> dict[Finding, str]:
    checkov = scanner()
    if checkov is None:
        lacking("checkov is not installed: make .venv-scan/made")
    kinds = dict(copies(generated, folder / "copy"))
    command = [*checkov, "-d", str(folder / "copy"), "--framework", "terraform_json"]
    command += ["--output", "json", "--compact"]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "HOME": str(folder), "LOG_LEVEL": "ERROR"},
    )
    report = json.loads(run.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 100, "the scanner reads the output at all"
    found: dict[Finding, str] = {}
    for each in report["results"]["failed_checks"]:
        path = Path(each["file_abs_path"]).relative_to(folder / "copy")
        found.setdefault(
            Finding(each["check_id"], kinds[path], _type(each, folder / "copy" / path)),
            f"{path.parent}: {each['resource']}: {each['check_name']}",
        )
    return found


def scanner() -> list[str] | None:
    """How to call it, if it is there."""
    if BESIDE.exists():
        return [str(BESIDE), "-m", "checkov.main"]
    found = shutil.which("checkov")
    return [found] if found else None


def copies(generated: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    """Copy every root module with its policies inlined; gives each one's path and kind."""
    for source in sorted(generated.rglob("main.tf.json")):
        module = json.loads(source.read_text())
        kind = module["//"]["landform"]["kind"]
        local = module.pop("locals", {})
        # It would take the constraint for that of a provider.
        del module["terraform"]["required_version"]
        path = source.relative_to(generated)
        target = folder / path
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(_inlined(module, local), indent=1))
        yield path, kind


def _inlined(value: Any, local: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _inlined(item, local) for key, item in value.items()}
    if isinstance(value, list):
        return [_inlined(item, local) for item in value]
    if isinstance(value, str) and (match := _POLICY.fullmatch(value)):
        return json.dumps(local[match[1]])
    return value


def _type(finding: dict[str, Any], module: Path) -> str:
    """The type of the resource; the scanner calls some only `resource.<name>`."""
    type, _, name = finding["resource"].partition(".")
    if type != "resource":
        return str(type)
    line = finding["file_line_range"][0]
    lines = module.read_text().splitlines()[: line + 1]
    headings = [m[1] for text in lines if (m := re.match(r'  "((?:aws|google)_\w+)": \{', text))]
    assert headings, f"{name} stands below its type"
    return headings[-1]


def test_every_finding_has_a_written_reason(findings: dict[Finding, str]) -> None:
    known = {(each.check, kind, each.type) for each in accepted() for kind in each.kinds}
    assert {str(each): where for each, where in findings.items() if each not in known} == {}


def test_every_reason_is_needed(findings: dict[Finding, str]) -> None:
    known = {Finding(each.check, kind, each.type) for each in accepted() for kind in each.kinds}
    assert known - set(findings) == set()


def test_the_scanner_sees_a_weakening(tmp_path: Path) -> None:
    """A wildcard in a policy of ours is found: so the copy is what it should be."""
    copy = tmp_path / "generated"
    shutil.copytree(GENERATED / "article", copy / "article")
    main = copy / "article" / "aws" / "training" / "churn" / "main.tf.json"
    module = json.loads(main.read_text())
    name = next(name for name in module["locals"] if name.startswith("iam_role_policy_"))
    statement = module["locals"][name]["Statement"][0]
    statement["Action"], statement["Resource"] = ["*"], ["*"]
    main.write_text(json.dumps(module, indent=2))
    found = scan(copy, tmp_path / "scanned")
    assert any(each.check == "CKV_AWS_62" for each in found), "full administrative privileges"
