"""Fixtures of the rig. A machine without Terraform skips its tests, but never under CI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import lacking
from tests.terraform.applications import Applications, Case
from tests.terraform.applied import Applied
from tests.terraform.generated import read_organisations
from tests.terraform.rig import left_out
from tests.terraform.simulated_aws import SimulatedAws, simulated_aws
from tests.terraform.terraform_cli import Terraform, TerraformMissing
from tests.terraform.variants import APPLIED, compile_variants

GENERATED = Path(__file__).parents[2] / "generated"
SAMPLE = Path(__file__).parent / "sample"
# The example of the article in both orders; the whole organisation and the unseen ones in one.
CASES = (
    Case("acme"),
    Case("article"),
    Case("article", reverse=True),
    Case("catalog"),
    Case("hubs"),
    Case("serving"),
    Case("training"),
    *(Case(name, reverse=name == "northwind", variant=True) for name in APPLIED),
)


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The real CLI with a workspace for the whole run: one plug-in cache, one lock file."""
    try:
        return Terraform.find(tmp_path_factory.mktemp("terraform"))
    except TerraformMissing as missing:
        lacking(str(missing))


@pytest.fixture
def aws() -> Iterator[SimulatedAws]:
    """An empty AWS for one test."""
    with simulated_aws() as simulation:
        yield simulation


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unseen blueprints, compiled: a folder like `generated/`."""
    return compile_variants(tmp_path_factory.mktemp("variants"))


@pytest.fixture(scope="session")
def applications(
    request: pytest.FixtureRequest, terraform: Terraform, variants: Path
) -> Iterator[Applications]:
    """Everything that the selected tests want applied, side by side."""
    wanted = {item.callspec.params.get("applied") for item in request.session.items if _cased(item)}
    cases = [case for case in CASES if case in wanted]
    roots = {True: variants, False: GENERATED}
    running = Applications(terraform, [(c, roots[c.variant] / c.organisation) for c in cases])
    yield running
    running.close()


@pytest.fixture(scope="session", params=CASES, ids=str)
def applied(request: pytest.FixtureRequest, applications: Applications) -> Applied:
    """One organisation after its apply; nothing is applied twice in a run."""
    return applications.result(request.param)


def _cased(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and hasattr(item, "callspec")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which compiled stacks the simulated AWS cannot take; `test_apply` holds the list."""
    for organisation in read_organisations(GENERATED):
        for path, reasons in left_out(organisation).items():
            line = f"not applied: {organisation.name}/{path}: {'; '.join(reasons)}"
            terminalreporter.write_line(line, yellow=True)
