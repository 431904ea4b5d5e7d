"""Kinds' files and components with random damage: each is told, none is a traceback."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.compilation import compile_blueprints
from compiler.kinds.available import kinds_at
from compiler.kinds.manual import manual
from compiler.kinds.schema import schema_text

CASES = Path(__file__).parents[1] / "cases" / "team-kinds"
MUTANTS = 15
# What is put in the place of something else.
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, "", "x", "a b", "{{", "{{ inputs.x }}", "{{ inputs }}", "{{ none }}",
    "{{ [1] }}", "{{ {'a': [1]} }}", "{{ account.id }}", "${x}", "${aws_s3_bucket.data.arn}", "*",
    "arn:aws:s3:::x", [], ["x"], [None], {}, {"a": None}, {"x": {"y": "z"}}, "reader", "main",
)  # fmt: skip


def cases() -> list[str]:
    return sorted(path.name for path in CASES.iterdir())


def paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, list):
        items = list(enumerate(tree))
    return [(*path, key) for key, _ in items] + [
        found for key, item in items for found in paths(item, (*path, key))
    ]


def mutated(tree: Any, chance: random.Random) -> Any:
    tree = copy.deepcopy(tree)
    *above, last = chance.choice(paths(tree))
    holder = tree
    for step in above:
        holder = holder[step]
    way = chance.random()
    if way < 0.65:
        holder[last] = copy.deepcopy(chance.choice(ODD))
    elif way < 0.8:
        del holder[last]
    elif isinstance(holder, dict):
        holder[chance.choice(["when", "existing", "x", "for_each"])] = copy.deepcopy(holder[last])
    return tree


@pytest.mark.parametrize("seed", range(MUTANTS))
@pytest.mark.parametrize("name", cases())
def test_no_damage_is_a_traceback(name: str, seed: int, tmp_path: Path) -> None:
    chance = random.Random(f"{name} {seed}")
    source = CASES / name / "blueprint"
    (kind_file,) = (source / "kinds").iterdir()
    kind = yaml.safe_load(kind_file.read_text(encoding="utf-8"))
    blueprint = yaml.safe_load((source / "landform.yaml").read_text(encoding="utf-8"))
    if seed % 4:
        kind = mutated(kind, chance)
    else:
        blueprint["components"] = mutated(blueprint["components"], chance)
    (tmp_path / "kinds").mkdir()
    dumped = {"landform.yaml": blueprint, f"kinds/{kind_file.name}": kind}
    for path, tree in dumped.items():
        (tmp_path / path).write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    compilation = compile_blueprints(tmp_path)
    assert compilation.blueprints or compilation.diagnostics
    assert all(found.span for found in compilation.diagnostics)
    if seed % 5 == 1:  # the schema of all kinds takes longer than the rest
        kinds, _, _ = kinds_at(tmp_path)
        assert schema_text(kinds)
        assert all(manual(each) for each in kinds.values())
