"""Which line sets an inherited value, and which lines it overrode (the language, "Inheritance")."""

from __future__ import annotations

import pytest

from compiler.blueprint import nodes
from compiler.blueprint.yaml_tree import parse
from compiler.explaining import layers
from compiler.kinds import KINDS
from compiler.organization.records import Home
from compiler.organization.resolve import resolve
from tests.explaining.blueprint import TEXT, line


def tree() -> nodes.Mapping:
    found, wrong = parse(TEXT, "acme.yaml")
    assert found is not None
    assert not wrong
    return found


def home(name: str) -> Home:
    world, _ = resolve(tree(), KINDS)
    assert world is not None
    return world.organization.accounts[name]


Expected = tuple[object, int, list[tuple[object, int]]]
UNIT, DEFAULT = line("tags: {env: work}"), line("vars: {max: 2")
OWN = line("vars: {max: 8}")

OF_PRODUCTION: dict[str, Expected] = {
    "region": ("eu-central-1", OWN, [("eu-west-1", line("aws: {region: eu-west-1}"))]),
    "tags.env": (
        "prod",
        line("tags: {env: prod}"),
        [("work", UNIT), ("none", line("tags: {owner"))],
    ),
    "tags.owner": ("ml", line("tags: {owner"), []),
    "vars.max": (8, OWN, [(3, UNIT), (2, DEFAULT)]),
    "vars.days": (30, DEFAULT, []),
    "vars.size.small": (1, DEFAULT, []),
    "vars.size.large": (9, line("tags: {env: prod}"), [(2, DEFAULT)]),
}


def shown(found: tuple[layers.Setting, ...]) -> dict[str, Expected]:
    return {
        ".".join(each.path): (
            each.line.written,
            each.line.span.line,
            [(over.written, over.span.line) for over in each.overrode],
        )
        for each in found
    }


def test_of_an_account() -> None:
    found = layers.settings(layers.of_home(tree(), home("production")), (), "aws")
    assert shown(found) == OF_PRODUCTION


def test_of_a_component_in_an_account() -> None:
    own = layers.of_component(tree(), "churn")
    found = shown(layers.settings(layers.of_home(tree(), home("production")), own, "aws"))
    changed = {
        "tags.env": (
            "own",
            line("tags: {team: churn"),
            [(value, at) for value, at, _ in [OF_PRODUCTION["tags.env"]]]
            + OF_PRODUCTION["tags.env"][2],
        ),
        "tags.team": ("churn", line("tags: {team: churn"), [("base", line("tags: {team: base"))]),
        "vars.days": (60, line("vars: {days: 60}"), [(30, DEFAULT)]),
    }
    assert found == {**OF_PRODUCTION, **changed}


def test_a_variable_of_a_component_merges_with_the_inherited_one() -> None:
    text = TEXT.replace("vars: {days: 60}", "vars: {size: {large: 5}}")
    root, _ = parse(text, "acme.yaml")
    assert root is not None
    world, _ = resolve(root, KINDS)
    assert world is not None
    own = layers.of_component(root, "churn")
    account = world.organization.accounts["production"]
    found = shown(layers.settings(layers.of_home(root, account), own, "aws"))
    assert found["vars.size.small"] == OF_PRODUCTION["vars.size.small"]
    assert [value for value, _ in found["vars.size.large"][2]] == [9, 2]
    (component,) = (each for each in world.components if each.name == "churn")
    assert component.vars == {"size": {"large": 5}}


def test_keys_of_a_component_that_extends_another() -> None:
    found = shown(layers.inputs(layers.of_component(tree(), "churn"), ("kind", "extends")))
    assert found["deploy.endpoint"] == (
        "churn",
        line("deploy: {endpoint: churn}"),
        [("base", line("deploy: {endpoint: base"))],
    )
    assert found["deploy.min"] == (1, line("deploy: {endpoint: base"), [])


def test_components_in_a_circle_end() -> None:
    root, _ = parse("components:\n  a: {extends: b}\n  b: {extends: a}\n", "x.yaml")
    assert root is not None
    assert [each.name for each in layers.of_component(root, "a")] == [
        "components.b",
        "components.a",
    ]


@pytest.mark.parametrize("name", ["shared", "training", "production"])
def test_the_last_line_is_what_holds(name: str) -> None:
    """Against the values that the compiler takes."""
    account = home(name)
    found = layers.settings(layers.of_home(tree(), account), (), "aws")
    for each in found:
        key, *path = each.path
        value: object = {"region": account.region, "tags": account.tags, "vars": account.vars}[key]
        for step in path:
            assert isinstance(value, dict)
            value = value[step]
        assert value == each.line.written
