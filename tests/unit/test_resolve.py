"""What a blueprint's words come to: where components are made, what selectors select, what is told of them."""

from __future__ import annotations

import pytest

from compiler.blueprint.yaml_tree import parse
from compiler.diagnostics import Diagnostic
from compiler.kinds import KINDS
from compiler.organization.resolve import World, resolve

HEAD = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
units: {w: {}, w/dev: {}, w/prod: {tags: {tier: gold}}, empty: {}}
accounts:
  alpha: {id: "111111111111", unit: w/prod, tags: {env: prod}}
  beta: {id: "222222222222", unit: w/dev, tags: {env: dev}}
  zed: {id: "333333333333"}
components:
"""
EVERYWHERE = 'a: {kind: account-baseline, for_each: {accounts: "**"}}'


def resolved(*components: str, head: str = HEAD) -> tuple[World | None, tuple[Diagnostic, ...]]:
    text = head + "".join(f"  {component}\n" for component in components)
    tree, wrong = parse(text, "acme.yaml")
    assert tree is not None
    assert not wrong
    return resolve(tree, KINDS)


def homes(name: str, *components: str) -> list[str]:
    """Where the component of that name is made."""
    world, wrong = resolved(*components)
    assert world is not None, wrong
    return [each.home.name for each in world.components if each.name == name]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("", ["alpha", "beta", "zed"]),
        ("account: zed", ["zed"]),
        ("for_each: {accounts: beta}", ["beta"]),
        ("for_each: null, account: alpha", ["alpha"]),
    ],
)
def test_the_own_word_on_where_it_is_made_replaces_what_is_taken_over(
    own: str, expected: list[str]
) -> None:
    assert homes("b", EVERYWHERE, f"b: {{extends: a, {own}}}") == expected


def test_the_nearest_word_in_a_chain_counts() -> None:
    chain = (EVERYWHERE, "b: {extends: a, account: zed}", "c: {extends: b}")
    assert homes("c", *chain) == ["zed"]
    assert homes("d", *chain, "d: {extends: c, for_each: {accounts: beta}}") == ["beta"]


def test_without_for_each_the_account_is_wanted_again() -> None:
    _, wrong = resolved(EVERYWHERE, "b: {extends: a, for_each: null}")
    assert [(d.code, d.message) for d in wrong] == [("E201", 'component "b" lacks "account"')]


@pytest.mark.parametrize(
    "selector",
    [
        '{unit: "w/*", except: {unit: empty}}',
        '{unit: "w/*", except: zed}',
        '{unit: "w/*", except: []}',
        '{unit: ["w/*", empty]}',
        '{unit: "w/**", except: {unit: "empty/**"}}',
    ],
)
def test_what_is_there_may_be_left_out_also_where_it_is_not_selected(selector: str) -> None:
    component = f"a: {{kind: account-baseline, for_each: {{accounts: {selector}}}}}"
    assert homes("a", component) == ["alpha", "beta"]


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("{unit: w/pro}", 'did you mean "w/prod"?'),
        ("{unit: x}", "units: empty, w, w/dev, w/prod"),
        ('{unit: "**", except: {unit: "emty/**"}}', 'did you mean "empty/**"?'),
        ("{tags: {en: prod}}", 'did you mean "env"?'),
        ("{tags: {env: prd}}", 'did you mean "prod"?'),
        ("{tags: {env: x}}", "values of env: dev, prod"),
    ],
)
def test_what_was_probably_meant_is_said(selector: str, hint: str) -> None:
    _, wrong = resolved(f"a: {{kind: account-baseline, for_each: {{accounts: {selector}}}}}")
    assert [(d.code, d.hint) for d in wrong] == [("E302", hint)]


def test_of_accounts_with_errors_not_all_tags_are_known() -> None:
    head = HEAD.replace("tags: {env: prod}", 'tags: {env: "{{ vars.nope }}"}')
    _, wrong = resolved(EVERYWHERE.replace('"**"', "{tags: {env: other}}"), head=head)
    assert "E102" in [d.code for d in wrong]
    assert not [d for d in wrong if d.code == "E302" and "none has it" in d.message]


LONG = "a" * 40
HINTS = [
    # what is written, what instead of it, the hint
    ("name: acme", "name: Acme_Corp", 'for example "acme-corp"'),
    ("name: acme", f"name: {LONG}a", f'for example "{LONG}"'),
    ("{name: acme}", "acme", "write {name: acme}"),
    ("name: acme", "name: acme, aws: {partition: aws-ch}", 'did you mean "aws-cn"?'),
    ("name: acme", "name: acme, aws: {partition: china}", "write one of these as it stands here"),
    ("zed: {", f"{LONG}: {{", f'for example "{"a" * 31}"'),
    ("  a: {kind", f"  {LONG}: {{kind", f'for example "{"a" * 31}"'),
    ("eu-west-1", "EU-WEST-1", 'did you mean "eu-west-1"?'),
    ('accounts: "**"', 'accounts: "*"', '"**" selects every account'),
    ('accounts: "**"', "accounts: w/*", 'write {unit: "w/*"}'),
    ("for_each: {accounts", "when: 1, for_each: {accounts", "write true"),
    ('for_each: {accounts: "**"}', 'account: "**"', "name the one that is meant"),
    ("}}\n", '}, tags: {t: "{{ 1 == 1 }}"}}\n', "{{ … | string }}"),
    ("}}\n", "}, tags: {t: true}}\n", 'in quotes it is text: "true"'),
    ("}}\n", '}, password_policy: "{{ 1 }}"}\n', "for true or false, compare it"),
    ("}}\n", "}, budget: {monthly_usd: 0, notify: [a@b.example]}}\n", "raise it to 1 or more"),
    ("}}\n", "}, budget: []}\n", "{} where it has none"),
    ("}}\n", "}, budget: much}\n", "write its keys below it, indented"),
    ("}}\n", "}, budget: {monthly_usd: 1, notify: [a]}}\n", "write the whole address"),
]


@pytest.mark.parametrize(("written", "instead", "hint"), HINTS)
def test_what_to_do_is_said(written: str, instead: str, hint: str) -> None:
    text = f"{HEAD}  {EVERYWHERE}\n"
    before, _, after = text.rpartition(written) if written == "}}\n" else text.partition(written)
    tree, _ = parse(before + instead + after, "acme.yaml")
    assert tree is not None
    _, wrong = resolve(tree, KINDS)
    assert wrong
    assert all(hint in (d.hint or "") for d in wrong), wrong
