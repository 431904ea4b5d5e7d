"""`landform import` against a simulated AWS Organization."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from compiler.cli.entry import landform
from tests.importing.simulated import Organization, grown, run

REPOSITORY = Path(__file__).parents[2]


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in folder.rglob("*")
        if path.is_file()
    }


def in_order(before: str, after: str) -> bool:
    """Whether every line of the one stands in the other, in the same order."""
    rest = iter(after.splitlines())
    return all(any(line == other for other in rest) for line in before.splitlines())


# ---- A new blueprint


@pytest.mark.rig  # too long for the fast tests
def test_a_large_organisation_becomes_a_blueprint(aws: Organization) -> None:
    made = grown(aws, 300)
    closed = next(id for name, id in made.ids.items() if name.startswith("Team "))
    aws.client.close_account(AccountId=closed)

    shown = run("acme", "--name", "acme")
    assert shown.exit_code == 0
    assert not Path("acme").exists()
    assert shown.stdout.startswith("--- /dev/null\n+++ acme/landform.yaml\n")
    assert "299 accounts" in shown.stderr
    assert f"({closed}) is suspended: left out" in shown.stderr

    written = run("acme", "--name", "acme", "--write")
    assert written.exit_code == 0
    assert written.stdout == shown.stdout
    assert list(contents(Path("acme"))) == ["landform.yaml"]

    read = yaml.safe_load(Path("acme/landform.yaml").read_text("utf-8"))
    said = {"id": aws.id, "management_account": "master"}
    assert read["organization"] == {"name": "acme", "aws": said}
    by_id = {account["id"]: account for account in read["accounts"].values()}
    assert len(by_id) == 299
    # The simulated AWS gives 20 accounts a page; this unit has more.
    big = [id for id, account in by_id.items() if account.get("unit") == "workloads/prod/payments"]
    assert len(big) >= 49
    assert (
        read["units"]["workloads/prod/donnees/eu"]["aws"]["ou"]
        == (aws.units["Workloads/Prod/Données/EU"])
    )
    for name, id in made.ids.items():
        if id != closed and name.startswith("Team "):
            assert by_id[id]["tags"]["n"] == name.removeprefix("Team ")

    checked = CliRunner().invoke(landform, ["validate", "acme"])
    assert checked.exit_code == 0, checked.output
    again = run("acme", "--check")
    assert again.exit_code == 0
    assert again.stdout == ""
    assert "nothing to add" in again.stderr


def test_the_name_is_needed_for_a_new_blueprint(aws: Organization) -> None:
    without = run("acme")
    assert without.exit_code == 2
    assert "--name" in without.stderr
    wrong = run("acme", "--name", "Acme Corp")
    assert wrong.exit_code == 2
    assert "a-z" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ((), "blueprints/acme/landform.yaml"),
        (("there",), "there/landform.yaml"),
        (("there/acme.yaml",), "there/acme.yaml"),
    ],
)
def test_where_a_new_blueprint_comes(
    aws: Organization, arguments: tuple[str, ...], file: str
) -> None:
    assert run(*arguments, "--name", "acme", "--write").exit_code == 0
    assert list(contents(Path())) == [file]
    assert run(*arguments, "--check").exit_code == 0


# ---- One that is there


@pytest.fixture
def folder(aws: Organization) -> Path:
    """The example organisation, without its ids."""
    target = Path("blueprints/organisation")
    shutil.copytree(REPOSITORY / "blueprints" / "organisation", target)
    main = target / "landform.yaml"
    text = main.read_text("utf-8")
    main.write_text(re.sub(r"(?m)^  aws: \{id: o-.*\n", "", text, count=1), "utf-8")
    return target


def test_hand_written_parts_stay(aws: Organization, folder: Path) -> None:
    accounts = folder / "accounts.yaml"
    accounts.write_text(
        accounts.read_text("utf-8").replace("  sandbox:", "  # ours, since 2019\n  sandbox:"),
        "utf-8",
    )
    grown(aws, 30)
    before = contents(folder)
    checked = run("--check")
    assert checked.exit_code == 3, checked.output
    done = run("--write")
    assert done.exit_code == 0
    after = contents(folder)
    assert [name for name in sorted(before) if before[name] != after[name]] == [
        "accounts.yaml",
        "landform.yaml",
    ]
    # Two units of the example are in the simulated organisation too: they get its ids.
    filled = ("  workloads:", "  workloads/prod:")
    kept = [line for line in before["accounts.yaml"].splitlines() if not line.startswith(filled)]
    assert in_order("\n".join(kept), after["accounts.yaml"])
    assert "  workloads: {tags: {tier: workload}, aws: {ou: ou-" in after["accounts.yaml"]
    assert "vars: {max_instances: 8, monthly_usd: 5000}, aws: {ou: ou-" in after["accounts.yaml"]
    assert "  name: acme\n" in after["landform.yaml"]
    assert f"  aws: {{id: {aws.id}, management_account: master}}\n" in after["landform.yaml"]
    # None of the example's own accounts is in the simulated organisation.
    assert 'account "production" (333333333333) is not in the organisation' in done.stderr
    checked = CliRunner().invoke(landform, ["validate"])
    assert checked.exit_code == 0, checked.output
    assert run("--check").exit_code == 0
    assert contents(folder) == after


def test_new_lines_come_into_the_file_that_has_the_most_of_them(aws: Organization) -> None:
    folder = Path("acme")
    folder.mkdir()
    start = "landform: 1\norganization: {name: acme}\n"
    (folder / "landform.yaml").write_text(start, "utf-8")
    (folder / "a.yaml").write_text('accounts:\n  a: {id: "111111111111"}\n', "utf-8")
    more = 'accounts:\n  b: {id: "222222222222"}\n  c: {id: "444444444444"}\n'
    (folder / "z.yaml").write_text(more, "utf-8")
    ou = aws.unit("Dev")
    assert run("acme", "--write").exit_code == 0
    assert contents(folder) == {
        "a.yaml": 'accounts:\n  a: {id: "111111111111"}\n',
        "landform.yaml": "landform: 1\norganization: {name: acme, aws: {id: "
        + aws.id
        + ", management_account: master}}\n\nunits:\n  dev: {aws: {ou: "
        + ou
        + "}}\n",
        "z.yaml": more + '  master: {id: "123456789012"}\n',
    }


def test_one_of_several_blueprints_is_chosen_by_name(aws: Organization, folder: Path) -> None:
    other = folder.parent / "other.yaml"
    other.write_text("landform: 1\norganization: {name: other}\n", "utf-8")
    several = run()
    assert several.exit_code == 2
    assert "acme, other" in several.stderr
    assert run("--name", "other", "--write").exit_code == 0
    assert aws.id in other.read_text("utf-8")
    third = run("--name", "third", "--write")
    assert third.exit_code == 0
    assert (folder.parent / "third" / "landform.yaml").is_file()


def test_errors_of_components_are_no_obstacle(aws: Organization) -> None:
    """They may name accounts that the import brings."""
    place = Path("acme.yaml")
    place.write_text(
        "landform: 1\norganization: {name: acme}\n"
        "components:\n  base: {kind: account-baseline, account: master, region: eu-west-1}\n",
        "utf-8",
    )
    assert CliRunner().invoke(landform, ["validate", "acme.yaml"]).exit_code == 1
    assert run("acme.yaml", "--write").exit_code == 0
    assert CliRunner().invoke(landform, ["validate", "acme.yaml"]).exit_code == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("landform: 1\norganization: {name: acme}\naccounts: [\n", "E010"),
        ("landform: 1\norganization: {name: acme}\naccounts: {one: {id: '1'}}\n", "E204"),
        ("landform: 1\norganization: {name: acme}\naccounts: []\n", "E203"),
        ("landform: 1\norganization: {name: acme, aws: {id: o-zzzzzzzzzz}}\n", "E906"),
        (
            "landform: 1\norganization: &o {name: acme}\ndefaults: {vars: {o: *o}}\n",
            "E907",
        ),
    ],
)
def test_errors_of_the_blueprint(aws: Organization, text: str, code: str) -> None:
    Path("acme.yaml").write_text(text, "utf-8")
    done = run("acme.yaml", "--write")
    assert done.exit_code == 1
    assert f"error[{code}]" in done.stderr or code in done.stderr
    assert "acme.yaml:" in done.stderr
    assert Path("acme.yaml").read_text("utf-8") == text
    as_json = json.loads(run("acme.yaml", "--write", "--format", "json").stdout)
    assert code in {found["code"] for found in as_json["diagnostics"]}


# ---- Formats and switches


def test_json(aws: Organization) -> None:
    id = aws.account("Two Words", "Dev", {"env": "dev"})
    found: dict[str, Any] = json.loads(run("a.yaml", "--name", "acme", "--format", "json").stdout)
    assert found["version"] == 1
    assert found["organization"] == {"id": aws.id, "management_account": "123456789012"}
    assert {
        "path": ["accounts", "two-words"],
        "value": {"id": id, "unit": "dev", "tags": {"env": "dev"}},
        "replaces": False,
    } in found["changes"]
    assert [file["path"] for file in found["files"]] == ["a.yaml"]
    assert found["written"] is False
    assert not Path("a.yaml").exists()


def test_tags_are_left_out_or_chosen(aws: Organization) -> None:
    aws.account("One", tags={"env": "dev", "cost": "7"})
    assert "tags:" not in run("a.yaml", "--name", "acme", "--no-tags").stdout
    assert "tags: {env: dev}}" in run("a.yaml", "--name", "acme", "--tag", "e*").stdout


def test_colours(aws: Organization) -> None:
    plain = run("a.yaml", "--name", "acme").stdout
    colored = run("a.yaml", "--name", "acme", "--color", "always").stdout
    assert "\x1b[" not in plain
    assert "\x1b[32m+landform: 1\x1b[0m\n" in colored


def test_check_writes_nothing(aws: Organization) -> None:
    assert run("a.yaml", "--name", "acme", "--check").exit_code == 3
    assert run("a.yaml", "--name", "acme", "--check", "--write").exit_code == 2
    assert not Path("a.yaml").exists()


# ---- Writing


def test_a_link_stays_a_link_and_the_mode_a_mode(aws: Organization) -> None:
    real = Path("real.yaml")
    real.write_text("landform: 1\norganization: {name: acme}\n", "utf-8")
    real.chmod(0o640)
    Path("acme.yaml").symlink_to(real)
    assert run("acme.yaml", "--write").exit_code == 0
    assert Path("acme.yaml").is_symlink()
    assert aws.id in real.read_text("utf-8")
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir()) == ["acme.yaml", "real.yaml"]


def test_a_place_where_nothing_can_be_written(aws: Organization) -> None:
    Path("file").write_text("", "utf-8")
    done = run("file/acme.yaml", "--name", "acme", "--write")
    assert done.exit_code == 1
    assert "E908" in done.stderr


def test_a_file_that_changes_meanwhile_is_left_alone(
    aws: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compiler.cli.commands import import_

    place = Path("acme.yaml")
    place.write_text("landform: 1\norganization: {name: acme}\n", "utf-8")
    ask = import_.read_organization

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        place.write_text("# somebody's\n", "utf-8")
        return ask(*arguments, **options)

    monkeypatch.setattr(import_, "read_organization", meanwhile)
    done = run("acme.yaml", "--write")
    assert done.exit_code == 1
    assert "E908" in done.stderr
    assert place.read_text("utf-8") == "# somebody's\n"
