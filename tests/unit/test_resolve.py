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
    world, wrong = resolved(EVERYWHERE, "b: {extends: a, for_each: null}")
    assert world is None
    assert [(d.code, d.message) for d in wrong] == [("E201", 'component "b" lacks "account"')]
