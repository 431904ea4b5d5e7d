"""What a blueprint lacks of an organisation, and what stays as a person wrote it."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.importing.names import account_base, distinct, unit_base
from compiler.importing.records import LiveAccount, LiveOrganization, LiveUnit
from compiler.importing.run import Import, plan_import
from compiler.importing.target import find

ROOT, DEV, PROD, TEAM = "r-ab12", "ou-ab12-dddddddd", "ou-ab12-pppppppp", "ou-ab12-tttttttt"
LIVE = LiveOrganization(
    id="o-abc123defg",
    partition="aws",
    management="999999999999",
    roots=(ROOT,),
    units=(
        LiveUnit(id=DEV, name="Dev", parent=ROOT),
        LiveUnit(id=PROD, name="Prod", parent=ROOT),
        LiveUnit(id=TEAM, name="Team X", parent=PROD),
    ),
    accounts=(
        LiveAccount(id="111111111111", name="One", parent=DEV, tags={"env": "dev"}),
        LiveAccount(id="222222222222", name="Two", parent=TEAM),
        LiveAccount(id="999999999999", name="Acme", parent=ROOT),
    ),
)
START = """\
landform: 1
organization: {name: acme, aws: {id: o-abc123defg, management_account: acme}}
units:
  dev: {aws: {ou: ou-ab12-dddddddd}}
  prod: {aws: {ou: ou-ab12-pppppppp}}
  prod/team-x: {aws: {ou: ou-ab12-tttttttt}}
accounts:
  one: {id: "111111111111", unit: dev, tags: {env: dev}}
  two: {id: "222222222222", unit: prod/team-x}
  acme: {id: "999999999999"}
"""


def imported(
    text: str, live: LiveOrganization = LIVE, tags: tuple[str, ...] = ("*",)
) -> tuple[str, Import]:
    """The text after an import, which is the same after a second one; and what the import was."""
    place = Path("acme.yaml")
    place.write_text(text, "utf-8")
    target = find(place, None)
    assert not target.diagnostics
    planned = plan_import(target, live, tags)
    assert not planned.diagnostics
    after = planned.edits[0].after if planned.edits else text
    place.write_text(after, "utf-8")
    again = find(place, None)
    assert not again.diagnostics
    assert plan_import(again, live, tags).changes == ()
    return after, planned


def added(text: str, live: LiveOrganization = LIVE) -> list[str]:
    after, _ = imported(text, live)
    before = text.split("\n")
    return [line for line in after.split("\n") if line not in before]


def notes(text: str, live: LiveOrganization = LIVE) -> list[tuple[str, int | None]]:
    _, planned = imported(text, live)
    return [(note.kind, note.span and note.span.line) for note in planned.notes]


def changed(id: str, **values: Any) -> LiveOrganization:
    accounts = (replace(each, **values) if each.id == id else each for each in LIVE.accounts)
    return replace(LIVE, accounts=tuple(accounts))


def test_nothing_is_missing() -> None:
    assert imported(START)[1].changes == ()
    assert notes(START) == []


def test_everything_is_missing() -> None:
    text = "landform: 1\norganization: {name: acme}\n"
    assert added(text) == [
        "organization: {name: acme, aws: {id: o-abc123defg, management_account: acme}}",
        "units:",
        "  dev: {aws: {ou: ou-ab12-dddddddd}}",
        "  prod: {aws: {ou: ou-ab12-pppppppp}}",
        "  prod/team-x: {aws: {ou: ou-ab12-tttttttt}}",
        "accounts:",
        '  acme: {id: "999999999999"}',
        '  one: {id: "111111111111", unit: dev, tags: {env: dev}}',
        '  two: {id: "222222222222", unit: prod/team-x}',
    ]


# ---- Units


def test_a_unit_is_known_by_its_ou_whatever_it_is_called() -> None:
    text = START.replace("prod/team-x", "shops/x").replace("  prod:", "  shops:")
    assert added(text) == []
    new = LiveUnit(id="ou-ab12-nnnnnnnn", name="New", parent=PROD)
    assert added(text, replace(LIVE, units=(*LIVE.units, new))) == [
        "  shops/new: {aws: {ou: ou-ab12-nnnnnnnn}}"
    ]


def test_a_unit_without_ou_is_known_by_its_path() -> None:
    text = START.replace("dev: {aws: {ou: ou-ab12-dddddddd}}", "Dev: {tags: {env: dev}}")
    text = text.replace("unit: dev", "unit: Dev")
    assert added(text) == ["  Dev: {tags: {env: dev}, aws: {ou: ou-ab12-dddddddd}}"]


def test_units_of_one_name_are_told_apart() -> None:
    more = LiveUnit(id="ou-ab12-zzzz9999", name="DEV!", parent=ROOT)
    live = replace(LIVE, units=(*LIVE.units, more))
    assert added(START, live) == ["  dev-9999: {aws: {ou: ou-ab12-zzzz9999}}  # DEV!"]


def test_new_units_stand_below_what_they_are_in() -> None:
    more = (
        LiveUnit(id="ou-ab12-aaaaaaa1", name="A", parent=ROOT),
        LiveUnit(id="ou-ab12-zzzzzzz1", name="Z", parent=ROOT),
        LiveUnit(id="ou-ab12-aaaaaaa2", name="B", parent="ou-ab12-aaaaaaa1"),
    )
    lines = added(START, replace(LIVE, units=(*LIVE.units, *more)))
    assert [line.partition(":")[0].strip() for line in lines] == ["a", "a/b", "z"]


def test_a_unit_that_is_elsewhere_or_gone_is_noted() -> None:
    text = START.replace("prod/team-x", "dev/team-x")
    assert notes(text) == [("unit-elsewhere", 6)]
    gone = replace(LIVE, units=LIVE.units[1:], accounts=LIVE.accounts[1:])
    assert notes(START, gone) == [("unit-gone", 4), ("account-gone", 8)]


def test_a_unit_may_be_the_root() -> None:
    text = START.replace("accounts:", "  acme: {aws: {ou: r-ab12}}\naccounts:")
    new = LiveUnit(id="ou-ab12-nnnnnnnn", name="New", parent=ROOT)
    live = replace(LIVE, units=(*LIVE.units, new))
    assert added(text, live) == [
        "  acme/new: {aws: {ou: ou-ab12-nnnnnnnn}}",
        '  acme: {id: "999999999999", unit: acme}',
    ]


# ---- Accounts


def test_an_account_is_known_by_its_id() -> None:
    text = START.replace("  one:", "  shop:  # once called one\n   ")
    assert added(text) == []
    assert added(START, changed("111111111111", name="Renamed")) == []


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"])
def test_an_account_that_cannot_be_used_is_left_out(state: str) -> None:
    live = changed("111111111111", state=state)
    assert notes(START, live) == [("account-not-active", 8)]
    without = START.replace('  one: {id: "111111111111", unit: dev, tags: {env: dev}}\n', "")
    assert added(without, live) == []
    assert notes(without, live) == [("account-left-out", None)]


def test_an_account_that_is_gone_stays_and_is_noted() -> None:
    live = replace(LIVE, accounts=LIVE.accounts[1:])
    assert added(START, live) == []
    assert notes(START, live) == [("account-gone", 8)]


def test_an_account_is_followed_to_another_unit() -> None:
    live = changed("111111111111", parent=TEAM)
    assert added(START, live) == [
        '  one: {id: "111111111111", unit: prod/team-x, tags: {env: dev}}'
    ]


def test_an_account_that_left_all_units_is_noted() -> None:
    live = changed("111111111111", parent=ROOT)
    assert added(START, live) == []
    assert notes(START, live) == [("account-at-root", 8)]


def test_a_unit_that_a_person_made_up_is_kept() -> None:
    text = START.replace("accounts:", "  mine: {}\naccounts:").replace("unit: dev,", "unit: mine,")
    assert added(text) == []
    assert notes(text) == []


def test_an_account_without_a_unit_gets_its_unit() -> None:
    text = START.replace(", unit: dev", "")
    assert added(text) == ['  one: {id: "111111111111", tags: {env: dev}, unit: dev}']


# ---- Tags


def test_a_tag_is_added_where_no_one_says_it() -> None:
    text = START.replace(", tags: {env: dev}", "")
    assert added(text) == ['  one: {id: "111111111111", unit: dev, tags: {env: dev}}']
    inherited = text.replace("dddddddd}}", "dddddddd}, tags: {env: dev}}")
    assert added(inherited) == []


def test_a_tag_that_differs_is_kept_and_noted() -> None:
    text = START.replace("env: dev", "env: development")
    assert added(text) == []
    assert notes(text) == [("tag-differs", 8)]
    inherited = START.replace(", tags: {env: dev}", "")
    inherited = inherited.replace("dddddddd}}", "dddddddd}, tags: {env: none}}")
    assert added(inherited) == []
    assert notes(inherited) == [("tag-differs", 8)]


def test_a_new_account_says_only_what_it_does_not_inherit() -> None:
    text = START.replace('  one: {id: "111111111111", unit: dev, tags: {env: dev}}\n', "")
    text = text.replace("dddddddd}}", "dddddddd}, tags: {env: dev, tier: low}}")
    live = changed("111111111111", tags={"env": "dev", "tier": "high"})
    assert added(text, live) == ['  one: {id: "111111111111", unit: dev, tags: {tier: high}}']


@pytest.mark.parametrize(
    ("key", "value", "left_out"),
    [
        ("a", "", True),
        ("a", "{{ vars.x }}", True),
        ("a", "{% x %}", True),
        ("a", "one\ntwo", True),
        ("a", "x" * 257, True),
        ("a", "yes", False),
        ("a", "${x}", False),
        ("Cost Center:1", "=x", False),
        ("a", "ü \U0001f600", False),
    ],
)
def test_a_tag_that_no_blueprint_can_hold_is_left_out(key: str, value: str, left_out: bool) -> None:
    live = changed("222222222222", tags={key: value})
    after, planned = imported(START, live)
    assert [note.kind for note in planned.notes] == (["tag-left-out"] if left_out else [])
    assert (after == START) == left_out
    account = find(Path("acme.yaml"), None).organization
    assert account is not None
    assert account.accounts["two"].tags == ({} if left_out else {key: value})


def test_only_the_tags_that_are_wanted() -> None:
    live = changed("222222222222", tags={"env": "prod", "cost-center": "1", "aws:x": "y"})
    after, _ = imported(START, live, ("cost-*", "aws:*"))
    assert '  two: {id: "222222222222", unit: prod/team-x, tags: {cost-center: "1"}}' in after


# ---- The organisation


def test_the_partition_is_written_where_it_is_another() -> None:
    text = START.replace("id: o-abc123defg, ", "")
    assert added(text, replace(LIVE, partition="aws-us-gov")) == [
        "organization: {name: acme, aws: {management_account: acme, id: o-abc123defg, "
        "partition: aws-us-gov}}"
    ]


def test_the_management_account_is_named() -> None:
    text = START.replace(", management_account: acme", "").replace("  acme:", "  root:")
    assert added(text) == [
        "organization: {name: acme, aws: {id: o-abc123defg, management_account: root}}"
    ]
    other = START.replace("management_account: acme", "management_account: one")
    assert added(other) == []
    assert notes(other) == [("management-differs", 2)]
    # Where it is not in the list, nothing is said of it.
    gone = replace(LIVE, management="888888888888")
    assert added(text, gone) == []


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (START.replace("o-abc123defg", "o-zzzzzzzzzz"), 38),
        (START.replace("aws: {id", "aws: {partition: aws-cn, id"), 45),
    ],
)
def test_another_organisation_is_refused(text: str, column: int) -> None:
    Path("acme.yaml").write_text(text, "utf-8")
    planned = plan_import(find(Path("acme.yaml"), None), LIVE, ("*",))
    (found,) = planned.diagnostics
    assert found.code == "E906"
    assert found.span
    assert (found.span.line, found.span.column) == (2, column)
    assert planned.edits == ()


# ---- Names

TEXTS = st.text(max_size=40) | st.sampled_from(["dev", "Dev", "con", "3", "", "ü", "dev-1111"])
IDS = st.from_regex(r"[0-9]{12}", fullmatch=True)


@given(st.dictionaries(IDS, TEXTS, max_size=12), st.sets(TEXTS.map(account_base)), st.randoms())
def test_names_are_valid_and_do_not_depend_on_the_order(
    names: dict[str, str], taken: set[str], chance: random.Random
) -> None:
    bases = {id: account_base(name) for id, name in names.items()}
    made = distinct(bases, taken, 31)
    assert made.keys() == names.keys()
    assert len(set(made.values())) == len(made)
    assert not taken & set(made.values())
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name) for name in made.values())
    shuffled = list(bases.items())
    chance.shuffle(shuffled)
    assert distinct(dict(shuffled), taken, 31) == made


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Production (EU)", "production-eu"),
        ("2nd Try", "account-2nd-try"),
        ("日本", "account"),
        ("NUL", "account-nul"),
        ("x" * 40, "x" * 31),
        ("a" * 30 + " b", "a" * 30),
    ],
)
def test_account_base(name: str, made: str) -> None:
    assert account_base(name) == made


def test_unit_base() -> None:
    assert unit_base("Shared_Services / EU", "ou-1") == "shared_services-eu"
    assert unit_base("日本", "ou-ab12-cdef3456") == "ou-ab12-cdef3456"


def test_names_that_somebody_gave_by_hand_are_left_alone() -> None:
    bases = {"111111111111": "dev", "222222221111": "dev"}
    assert distinct(bases, {"dev-111111"}, 31) == {
        "111111111111": "dev-11111111",
        "222222221111": "dev-22221111",
    }
    every = {f"dev-{'1' * length}" for length in (4, 6, 8, 12)}
    assert distinct({"1" * 12: "dev"}, {"dev", *every}, 31) == {"1" * 12: f"dev-{'1' * 12}-2"}
