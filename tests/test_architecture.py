"""The directions of imports, who may use which library, and the size of modules and functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
LONGEST_MODULE = 500
LONGEST_FUNCTION = 60

# The function that accounts with endpoints run: not imported by the compiler, imports nothing of it.
SHIPPED = "compiler.kinds.endpoints.deployer"

# Lists of resources and permissions, written as one value each: no branches, nothing to name apart.
LONG = {
    "compiler.kinds.parts": ("bucket",),
}

# From the bottom up: a module may import from its own layer and those below.
LAYERS = (
    ("compiler.__init__", "compiler.codes", "compiler.diagnostics"),
    ("compiler.data",),
    ("compiler.terraform",),
    ("compiler.access", "compiler.blueprint"),
    ("compiler.organization",),
    ("compiler.kinds",),
    (
        "compiler.adoption",
        "compiler.checks",
        "compiler.importing",
        "compiler.ordering",
        "compiler.output_codes",
        "compiler.renaming",
        "compiler.stack_codes",
    ),
    (
        "compiler.files",
        "compiler.git",
        "compiler.manifest",
        "compiler.printing",
        "compiler.tree",
        "compiler.tree_present",
        "compiler.catalogue",
    ),
    ("compiler.compilation", "compiler.diagnosis"),
    ("compiler.removal",),
    (
        "compiler.cache",
        "compiler.diff",
        "compiler.emission",
        "compiler.executors",
        "compiler.explaining",
        "compiler.revision",
        "compiler.revision_stacks",
        "compiler.share_records",
        "compiler.shares",
        "compiler.streaming",
    ),
    ("compiler.running",),
    ("compiler.graph",),
    ("compiler.cli",),
    ("compiler.__main__", "compiler.cdktf_app"),
)

# Each library in the few modules that are made for it.
USERS = {
    "boto3": ("compiler.importing.aws", f"{SHIPPED}.aws"),
    "botocore": ("compiler.importing.aws", f"{SHIPPED}.aws"),
    "cdktf": ("compiler.terraform.synth",),
    "click": ("compiler.cli",),
    "cdktf_cdktf_provider_aws": (),
    "cdktf_cdktf_provider_google": (),
    "distributed": ("compiler.executors",),
    "jinja2": (
        "compiler.blueprint.evaluation",
        "compiler.blueprint.expressions",
        "compiler.blueprint.sandbox",
        "compiler.kinds.model_serving.rendering",
    ),
    "jsii": ("compiler.terraform.synth",),
    "pydantic": ("compiler.blueprint", "compiler.kinds"),
    "pydantic_core": ("compiler.blueprint", "compiler.organization"),
    "rich": ("compiler.cli",),
    "subprocess": (
        "compiler.diagnosis",
        "compiler.git",
        "compiler.running.programs",
        "compiler.terraform",
    ),
    "tests": (),
    "yaml": ("compiler.blueprint.yaml_tree", "compiler.kinds.scan"),
    "yamlcore": ("compiler.blueprint.yaml_tree",),
}


@dataclass(frozen=True)
class Module:
    name: str
    path: Path
    tree: ast.Module
    lines: int


@cache
def modules() -> Mapping[str, Module]:
    found = {}
    for path in sorted((REPOSITORY / "compiler").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        found[name] = Module(name, path, ast.parse(text), len(text.splitlines()))
    return found


def imports(module: Module) -> tuple[str, ...]:
    """Dotted names of modules, also of those imported inside functions and by name."""
    return _imports()[module.name]


@cache
def _imports() -> Mapping[str, tuple[str, ...]]:
    return {name: tuple(_read(module)) for name, module in modules().items()}


def _read(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.name.split(".")
                if module.path.name != "__init__.py":
                    package.pop()
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in modules() else base
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            first = node.args[0]
            assert isinstance(first, ast.Constant) or module.name in BY_VARIABLE, (
                f"{module.name} imports by a name that this test cannot read"
            )
            if isinstance(first, ast.Constant):
                yield str(first.value)


# Reads the bindings' modules, thousands, whose names come from their own index.
BY_VARIABLE = ("compiler.terraform.schema.bindings", "compiler.terraform.schema.extract")


def _imports_by_name(call: ast.Call) -> bool:
    target = call.func
    return isinstance(target, ast.Attribute) and target.attr == "import_module"


def within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def layer(name: str) -> int:
    name = "compiler.__init__" if name == "compiler" else name
    levels = [level for level, places in enumerate(LAYERS) if within(name, places)]
    assert len(levels) == 1, f"{name} stands in {len(levels)} layers: give it one place in LAYERS"
    return levels[0]


def test_every_import_points_down() -> None:
    wrong = [
        f"{module.name} imports {target}"
        for module in modules().values()
        for target in imports(module)
        if target.split(".")[0] == "compiler" and layer(target) > layer(module.name)
    ]
    assert not wrong


def test_access_and_blueprint_do_not_know_each_other() -> None:
    """They share a layer, and nothing else."""
    pairs = (("compiler.access", "compiler.blueprint"), ("compiler.blueprint", "compiler.access"))
    for here, there in pairs:
        users = [m.name for m in modules().values() if within(m.name, (here,)) if there in used(m)]
        assert not users


def used(module: Module) -> set[str]:
    """The rooms that a module imports from."""
    return {".".join(target.split(".")[:2]) for target in imports(module)}


def test_no_module_imports_itself_through_others() -> None:
    graph = {
        module.name: {target for target in imports(module) if target in modules()}
        for module in modules().values()
    }
    # Raises CycleError, which names the circle.
    assert len(list(TopologicalSorter(graph).static_order())) == len(modules())


@pytest.mark.parametrize("library", sorted(USERS))
def test_library_is_used_only_where_it_belongs(library: str) -> None:
    users = {
        module.name
        for module in modules().values()
        if any(target.split(".")[0] == library for target in imports(module))
    }
    assert not {user for user in users if not within(user, USERS[library])}
    idle = [place for place in USERS[library] if not any(within(user, (place,)) for user in users)]
    assert not idle, "no longer used there: take it out of USERS"


def test_shipped_function_stands_alone() -> None:
    """It runs where only the standard library and boto3 are."""
    for module in modules().values():
        inside = within(module.name, (SHIPPED,))
        for target in imports(module):
            if inside:
                assert not within(target, ("compiler",)) or within(target, (SHIPPED,)), module.name
            else:
                assert not within(target, (SHIPPED,)), module.name


def test_sizes() -> None:
    found = {
        name: {function for function, lines in functions(module) if lines > LONGEST_FUNCTION}
        for name, module in modules().items()
    }
    assert not [name for name, module in modules().items() if module.lines > LONGEST_MODULE]
    assert {name: long for name, long in found.items() if long - {*LONG.get(name, ())}} == {}
    short = {name for name, allowed in LONG.items() if {*allowed} - found.get(name, set())}
    assert not short, "no longer long: take it out of LONG"


def functions(module: Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_input_of_this_test_is_the_whole_compiler() -> None:
    assert {"compiler.cli.entry", "compiler.terraform.synth", SHIPPED} <= modules().keys()
    assert "compiler.diagnostics" in set(imports(modules()["compiler.compilation"]))
