"""A blueprint in shares comes to what it comes to as a whole, and only what changed is built again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.organisation import blueprint
from compiler import printing, shares, streaming
from compiler.cache import Cache
from compiler.cli.entry import landform
from compiler.compilation import Among, Compilation, build, compile_blueprints
from compiler.emission import apply, plan_all
from compiler.organization.resolve import World
from compiler.share_records import ShareRecords
from compiler.streaming import Streaming
from compiler.terraform.document import Json
from compiler.terraform.text import canonical

ROOT = Path(__file__).parent.parent
BLUEPRINTS = [
    path
    for pattern in ("blueprints/*", "docs/examples/*.yaml", "tests/cases/*/*/blueprint*")
    for path in sorted(ROOT.glob(pattern))
    if path.is_dir() or path.suffix == ".yaml"
]
ERRORS = sorted((ROOT / "tests" / "errors").glob("E[4-8]*"))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each island is a share; the engine is not what is looked at here."""
    monkeypatch.setattr(shares, "FEW", 1)
    monkeypatch.setattr(shares, "LEAST", 1)
    monkeypatch.setattr(shares, "MOST", 1)
    monkeypatch.setattr(printing, "synthesized", printed)


def printed(documents: Mapping[str, Mapping[str, Json]]) -> dict[str, bytes]:
    return {path: canonical(each).encode() for path, each in documents.items()}


def trees(compilation: Compilation) -> dict[str, dict[str, bytes]]:
    return {one.organization: dict(one.tree()) for one in compilation.blueprints}


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_same_bytes(path: Path, tmp_path: Path) -> None:
    whole, parts = compile_blueprints(path), compile_blueprints(path, Streaming(out=tmp_path))
    assert parts.diagnostics == whole.diagnostics
    assert trees(parts) == trees(whole)


@pytest.mark.parametrize("path", ERRORS, ids=lambda p: p.name)
def test_the_same_errors(path: Path, tmp_path: Path) -> None:
    whole, parts = compile_blueprints(path), compile_blueprints(path, Streaming(out=tmp_path))
    assert parts.diagnostics == whole.diagnostics


LINE = """\
summary: A bucket
inputs: {account: {type: account}}
stacks:
  account:
    resources:
      aws_s3_bucket: {x: {bucket: "acme-{{ component.name }}"}}
"""
TOLD_ONCE = """\
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts: {one: {id: "111111111111"}, two: {id: "222222222222"}}
components:
  aa: {kind: account-baseline, account: two}
  bb: {kind: line, account: one}
  cc: {kind: line, account: two}
"""


def test_a_line_of_a_kind_is_told_of_the_same_account(tmp_path: Path) -> None:
    """The island of the second account comes first."""
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "line.yaml").write_text(LINE)
    (tmp_path / "landform.yaml").write_text(TOLD_ONCE)
    whole = compile_blueprints(tmp_path)
    assert [(found.code, found.message[:9]) for found in whole.diagnostics] == [
        ("E822", "aws/one/b")
    ]
    assert compile_blueprints(tmp_path, Streaming()).diagnostics == whole.diagnostics


def test_some_are_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the tests above compare the whole with itself."""
    seen: list[int] = []
    really = shares.shares

    def counted(*given: Any) -> tuple[shares.Share, ...]:
        made = really(*given)
        seen.append(len(made))
        return made

    monkeypatch.setattr(streaming, "shares", counted)
    for path in BLUEPRINTS:
        compile_blueprints(path, Streaming())
    assert sum(number > 1 for number in seen) > 10


# ---- What is built again


@cache
def whole(text: str) -> dict[str, dict[str, bytes]]:
    """What a blueprint compiles to as a whole: the same each time."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "landform.yaml"
        file.write_text(text)
        return trees(compile_blueprints(file))


class Organisation:
    """Twelve accounts, compiled and written; says which components are built."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.source, self.out = folder / "blueprint", folder / "out"
        self.cache = Cache(folder / "cache")
        self.built: set[str] = set()

        def noted(world: World, *given: Any) -> Any:
            self.built |= {f"{each.name} {each.home.name}" for each in world.components}
            return build(world, *given)

        monkeypatch.setattr(streaming, "build", noted)

    def compile(self) -> set[str]:
        """What is built; what is written must be what is written without a cache."""
        self.built.clear()
        maker = Streaming(out=self.out, records=ShareRecords(self.cache))
        compilation = compile_blueprints(self.source, maker)
        assert not compilation.diagnostics
        outputs = plan_all(compilation.blueprints, self.out, prune=True)
        assert not apply(outputs)
        for name, tree in whole((self.source / "landform.yaml").read_text()).items():
            root = self.out / name
            on_disk = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
            assert on_disk == tree.keys()
            assert all((root / path).read_bytes() == content for path, content in tree.items())
        return set(self.built)

    def edit(self, old: str, new: str) -> None:
        file = self.source / "landform.yaml"
        text = file.read_text()
        assert re.search(old, text), old
        file.write_text(re.sub(old, new, text, count=1))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of an organisation, compiled; each test has a copy."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        made = Organisation(folder, patch)
        made.source.mkdir()
        (made.source / "landform.yaml").write_text(blueprint(12, plain=True))
        assert len(made.compile()) == EVERYTHING
        assert not made.compile()
    return folder


@pytest.fixture
def organisation(compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Organisation:
    shutil.copytree(compiled, tmp_path, dirs_exist_ok=True)
    return Organisation(tmp_path, monkeypatch)


def test_a_copy_is_the_same_organisation(organisation: Organisation) -> None:
    assert not organisation.compile()


EVERYTHING = 12 + 4
SECOND = {
    "p00001 shared-00001",
    *(f"baseline {part}-00001" for part in ("shared", "training", "production")),
}


def test_another_line_somewhere_builds_nothing(organisation: Organisation) -> None:
    """Positions are told in diagnostics only."""
    organisation.edit("^", "# a comment\n\n")
    organisation.edit("organization: {name: bench, ", "organization: { name: bench, ")
    assert not organisation.compile()


CHANGES: dict[str, tuple[str, str]] = {
    "an input": ("(endpoint: p00001.*max: )4", r"\g<1>5"),
    "an account's id": ("100000000004", "100000000099"),
    "an account's tags": ("(training-00001: {)", r"\1tags: {a: b}, "),
    "an account's region": ("(shared-00001: {)", r"\1aws: {region: eu-central-1}, "),
    "an expression": ("(p00001:\n)", r'\1    tags: {t: "{{ component.name }}"}\n'),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_one_component_sees_builds_its_island(what: str, organisation: Organisation) -> None:
    organisation.edit(*CHANGES[what])
    assert organisation.compile() == SECOND
    assert not organisation.compile()


SHARED: dict[str, tuple[str, str]] = {
    "tags of all": ("owner: ml-platform", "owner: others"),
    "the AWS organisation": ("o-bench12345", "o-bench12346"),
    "the deploy role": ("role: landform-deploy", "role: deployer"),
    "where state is kept": ("bench-tfstate,", "bench-state,"),
    "a provider's version": ("^", 'providers: {aws: ">= 6.0.0, < 7.0.0"}\n'),
    "an input of all": ("monthly_usd: 1000", "monthly_usd: 1001"),
}


@pytest.mark.parametrize("what", SHARED)
def test_what_all_depend_on_builds_all(what: str, organisation: Organisation) -> None:
    organisation.edit(*SHARED[what])
    assert len(organisation.compile()) == EVERYTHING


def test_a_component_and_an_account_more_build_themselves(organisation: Organisation) -> None:
    organisation.edit("accounts:\n", 'accounts:\n  another: {id: "900000000000", unit: shared}\n')
    assert organisation.compile() == {"baseline another"}
    organisation.edit("  another: .*\n", "")
    assert not organisation.compile()


def test_what_joins_two_islands_builds_both(organisation: Organisation) -> None:
    organisation.edit(
        "(p00001:.*\n.*\n.*\n.*\n *production: )\\[.*\\]", r"\1[production-00001, production-00002]"
    )
    both = SECOND | {each.replace("00001", "00002") for each in SECOND}
    assert organisation.compile() == both


def test_another_landform_builds_all(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compiler.share_records.program", lambda: "another")
    assert len(organisation.compile()) == EVERYTHING


def _changed(folder: Path, change: Callable[[bytes], bytes]) -> None:
    for file in folder.iterdir():
        file.write_bytes(change(file.read_bytes()))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "lost": shutil.rmtree,
    "truncated": lambda p: _changed(p, lambda content: content[:-1]),
    "empty": lambda p: _changed(p, lambda content: b""),
    "garbage": lambda p: _changed(p, lambda content: bytes(reversed(content))),
    "one bit": lambda p: _changed(p, lambda c: c[:40] + bytes([c[40] ^ 1]) + c[41:]),
    "exchanged": lambda p: _exchange(p),
}


def _exchange(folder: Path) -> None:
    """Each record under the name of another."""
    files = sorted(folder.iterdir())
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, contents[1:] + contents[:1], strict=True):
        file.write_bytes(content)


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_cache_costs_a_compile(how: str, organisation: Organisation) -> None:
    DAMAGES[how](organisation.cache.folder / "shares")
    assert len(organisation.compile()) == EVERYTHING
    assert not organisation.compile()


def test_a_stack_that_was_edited_is_built_again(organisation: Organisation) -> None:
    file = organisation.out / "bench/aws/training-00001/p00001/main.tf.json"
    file.write_bytes(file.read_bytes() + b"\n")
    assert organisation.compile() == SECOND


def test_an_asset_that_is_gone_is_made_again(organisation: Organisation) -> None:
    next((organisation.out / "bench/aws/shared-00001").rglob("assets/**/*.zip")).unlink()
    assert organisation.compile() == SECOND


def test_what_somebody_else_changes_meanwhile_is_told(organisation: Organisation) -> None:
    maker = Streaming(out=organisation.out, records=ShareRecords(organisation.cache))
    compilation = compile_blueprints(organisation.source, maker)
    file = organisation.out / "bench/aws/training-00001/p00001/main.tf.json"
    content = file.read_bytes()
    file.write_bytes(content + b"\n")
    (output,) = plan_all(compilation.blueprints, organisation.out)
    assert [found.code for found in output.diagnostics] == ["E711"]
    file.write_bytes(content)
    (output,) = plan_all(compilation.blueprints, organisation.out)
    assert not output.diagnostics


# ---- Shards


def sharded(source: Path, out: Path, number: int, of: int) -> None:
    maker = Streaming(out=out, shard=(number, of))
    compilation = compile_blueprints(source, maker)
    assert not compilation.diagnostics
    outputs = plan_all(compilation.blueprints, out)
    assert not [found for output in outputs for found in output.diagnostics]
    assert not apply(outputs)


def test_shards_are_disjoint_and_together_all(organisation: Organisation, tmp_path: Path) -> None:
    ledgers = {"manifest.json", "access.json"}
    whole = {
        path: content
        for path, content in on_disk(organisation.out / "bench").items()
        if path not in ledgers
    }
    apart: list[set[str]] = []
    for number in (1, 2, 3):
        sharded(organisation.source, tmp_path / str(number), number, 3)
        apart.append(set(on_disk(tmp_path / str(number) / "bench")))
        sharded(organisation.source, tmp_path / "together", number, 3)
    assert all(apart)
    assert sum(map(len, apart)) == len(set().union(*apart))
    assert on_disk(tmp_path / "together" / "bench") == whole


def test_a_shard_leaves_the_others_files(organisation: Organisation) -> None:
    before = on_disk(organisation.out / "bench")
    organisation.edit(*SHARED["an input of all"])
    sharded(organisation.source, organisation.out, 1, 4)
    after = on_disk(organisation.out / "bench")
    changed = {path for path in before if after[path] != before[path]}
    assert before.keys() == after.keys()
    assert {path.split("/")[1].rpartition("-")[2] for path in changed} == {"00000"}
    assert len(organisation.compile()) == EVERYTHING  # a shard leaves no record
    assert {"manifest.json", "access.json"} <= before.keys()


def on_disk(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "a/b", "1/-1", "1/99999"])
def test_a_shard_of_another_form_is_wrong_usage(shard: str) -> None:
    assert CliRunner().invoke(landform, ["compile", "--shard", shard]).exit_code == 2


# ---- Fingerprints


SCRIPT = """\
import sys
from pathlib import Path
from compiler import shares
from compiler.cache import Cache
from compiler.compilation import compile_blueprints
from compiler.share_records import ShareRecords
from compiler.streaming import Streaming

shares.FEW = shares.LEAST = shares.MOST = 1
source, out, cache = map(Path, sys.argv[1:])
compile_blueprints(source, Streaming(out=out, records=ShareRecords(Cache(cache))))
"""


@pytest.mark.rig
def test_the_same_in_other_processes(organisation: Organisation, tmp_path: Path) -> None:
    """With another seed of hashes, which sets are ordered by."""
    for seed in ("1", "2"):
        folders = (organisation.source, organisation.out, tmp_path / seed)
        subprocess.run(
            [sys.executable, "-c", SCRIPT, *map(str, folders)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        )
    one, two = ({f.name for f in (tmp_path / seed / "shares").iterdir()} for seed in ("1", "2"))
    assert len(one) == 4
    assert one == two


def test_what_a_kind_cannot_be_known_by_is_not_taken_apart(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "_packed", lambda value: None)
    assert len(organisation.compile()) == EVERYTHING
    assert Among.of(()).neighbours.named("p00001") == ()
