"""A run that is killed, fails or is interrupted at any moment leaves whole files, and the next repairs.

Three ways to die: SIGKILL at random moments of the clock (seeded), SIGKILL at every single step, and
an error or Ctrl-C raised at every single step. A step is a call that changes the disk, before and
after; a write also half-way.
"""

from __future__ import annotations

import builtins
import errno
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from compiler import tree as tree_module
from compiler.tree import apply_changes, plan_changes

# Each step of a run waits for the disk.
pytestmark = [
    pytest.mark.rig,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process"),
    # Python 3.12 warns of a fork beside threads that other tests left; the child uses none.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]

Tree = Mapping[str, bytes]
OURS = (".landform.journal", ".landform.lock", ".landform.part")
STEPS = ("replace", "unlink", "rmdir", "mkdir", "fsync")


def stack(path: str, note: str, assets: Mapping[str, bytes]) -> dict[str, bytes]:
    mark = {"component": path.split("/")[2], "kind": "test", "files": sorted(assets)}
    document = {"//": {"landform": mark}, "locals": {"note": note}}
    return {
        f"{path}/main.tf.json": json.dumps(document, indent=1).encode(),
        **{f"{path}/{name}": content for name, content in assets.items()},
    }


def manifest(note: str) -> dict[str, bytes]:
    value = {"version": 1, "organization": "acme", "stacks": [note]}
    return {"manifest.json": json.dumps(value).encode()}


A: Tree = {
    **manifest("a"),
    "access.json": b'{"version": 1, "edges": [], "rights": []}',
    **stack("aws/one/same", "same", {"assets/kept": b"kept"}),
    **stack("aws/one/edit", "a", {"assets/change": b"a" * 9000, "assets/go/deep/old": b"old"}),
    **stack("aws/one/gone", "a", {"assets/x": b"x"}),
    **stack("aws/two/turn", "a", {"assets/file": b"file", "assets/folder/f": b"f"}),
}
B: Tree = {
    **manifest("b"),
    "access.json": b'{"version": 1, "edges": [], "rights": []}',
    **stack("aws/one/same", "same", {"assets/kept": b"kept"}),
    **stack("aws/one/edit", "b", {"assets/change": b"b" * 9000, "assets/new/deep/n": b"new"}),
    **stack("aws/two/turn", "b", {"assets/file/f": b"f", "assets/folder": b"file"}),
    **stack("google/three/added", "b", {"assets/x": b"y"}),
}
C: Tree = {
    **manifest("c"),
    **stack("aws/one/edit", "c", {"assets/new/deep": b"now a file"}),
    **stack("google/three/other", "c", {"assets/x": b"z"}),
}
MINE: Tree = {
    "aws/one/edit/terraform.tfstate": b"state",
    "aws/one/gone/assets/notes.md": b"notes",
    "aws/one/gone/.terraform/x": b"x",
    "README.md": b"readme",
}


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def start(root: Path, tree: Tree) -> None:
    """`tree` and the user's own files, freshly made without the code under test."""
    shutil.rmtree(root, ignore_errors=True)
    for path, content in (*tree.items(), *MINE.items()):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def run(root: Path, tree: Tree) -> tuple[str, ...]:
    changes, diagnostics = plan_changes(root, tree)
    assert diagnostics == ()
    return tuple(d.code for d in apply_changes(root, tree, changes))


def check_whole(root: Path, *trees: Tree) -> None:
    """Every file is one tree's version of it, or the user's; nothing is missing that all have."""
    found = files(root)
    for path, content in found.items():
        if path.rpartition("/")[2] not in OURS:
            assert content in [tree[path] for tree in (*trees, MINE) if path in tree], path
    everywhere = set(trees[0]).intersection(*trees[1:])
    assert everywhere | set(MINE) <= found.keys()


def check_exact(root: Path, tree: Tree) -> None:
    """The tree and the user's files, and no empty folder."""
    assert files(root) == {**tree, **MINE}
    assert all(any(path.iterdir()) for path in root.rglob("*") if path.is_dir())


class Fuse:
    """Counts steps, and does `action` at number `at` (from 1; 0 is never)."""

    def __init__(self, at: int, action: Callable[[], None]) -> None:
        self.at = at
        self.action = action
        self.count = 0
        self.name = ""  # of the step at which it acted

    def step(self, name: str) -> None:
        self.count += 1
        if self.count == self.at:
            self.name = name
            self.action()


@contextmanager
def fused(fuse: Fuse) -> Iterator[None]:
    """Every step of `compiler.tree` goes through `fuse`."""
    os_unlink = os.unlink

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            name = (
                f"{real.__name__} {os.path.basename(path)}" if real is os_unlink else real.__name__
            )
            fuse.step(name)
            result = real(path, *arguments, **options)
            fuse.step(name)
            return result

        return call

    class Halves:
        def __init__(self, path: Any, mode: str) -> None:
            fuse.step("open")
            self.file = builtins.open(path, mode, buffering=0)  # noqa: SIM115
            self.flush, self.fileno = self.file.flush, self.file.fileno

        def __enter__(self) -> Halves:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, content: bytes) -> None:
            fuse.step("write")
            self.file.write(content[: len(content) // 2])
            fuse.step("write")
            self.file.write(content[len(content) // 2 :])
            fuse.step("write")

    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, around(getattr(os, name)))
        patch.setattr(tree_module, "open", Halves, raising=False)
        yield


def killed_at(root: Path, tree: Tree, at: int) -> bool:
    """Run in a process of its own that is killed at step `at`; whether it was."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with fused(Fuse(at, lambda: os.kill(os.getpid(), signal.SIGKILL))):
                code = len(run(root, tree))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def steps(root: Path, old: Tree, new: Tree) -> int:
    start(root, old)
    fuse = Fuse(0, lambda: None)
    with fused(fuse):
        assert run(root, new) == ()
    check_exact(root, new)
    return fuse.count


def test_killed_at_every_step(tmp_path: Path) -> None:
    count = steps(tmp_path, A, B)
    assert count > 80
    for at in range(1, count + 1):
        start(tmp_path, A)
        assert killed_at(tmp_path, B, at)
        check_whole(tmp_path, A, B)
        target = (B, A, C)[at % 3]  # the blueprint may have changed in between
        assert run(tmp_path, target) == (), at
        check_exact(tmp_path, target)


@pytest.mark.rig  # too long for the fast tests
def test_killed_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(20)
    for _ in range(40):
        start(tmp_path, A)
        for _ in range(4):
            killed_at(tmp_path, chance.choice([A, B, C]), chance.randint(1, 120))
        target = chance.choice([A, B, C])
        assert run(tmp_path, target) == ()
        check_exact(tmp_path, target)


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "E708"), (errno.EACCES, "E707")],
)
def test_an_error_at_every_step(tmp_path: Path, number: int, code: str) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    count = steps(tmp_path, A, B)
    silent = []
    for at in range(1, count + 1):
        start(tmp_path, A)
        fuse = Fuse(at, fail)
        with fused(fuse):
            codes = run(tmp_path, B)
        if not codes:
            silent.append(fuse.name)
        assert codes in ((), (code,)), at
        if codes:
            check_whole(tmp_path, A, B)
            # What stopped cleared up behind it: only the journal may stay.
            assert not [p for p in files(tmp_path) if p.endswith(".part")], at
        target = (A, B, C)[at % 3]
        assert run(tmp_path, target) == ()
        check_exact(tmp_path, target)
    # A folder that cannot be made, but is there, is no failure; nor is a lock file that stays.
    assert set(silent) == {"mkdir", "unlink .landform.lock"}


def test_interrupted_from_the_keyboard_at_every_step(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    for at in range(1, steps(tmp_path, A, B) + 1):
        start(tmp_path, A)
        with pytest.raises(KeyboardInterrupt), fused(Fuse(at, interrupt)):
            run(tmp_path, B)
        check_whole(tmp_path, A, B)
        assert run(tmp_path, B) == ()
        check_exact(tmp_path, B)


def large(note: str, accounts: range) -> Tree:
    tree = dict(manifest(note))
    for account in accounts:
        even = account % 2 == 0
        assets = {f"assets/{note if even else 'x'}.txt": f"{note}{account}".encode() * 500}
        tree |= stack(f"aws/a{account}/c", note if even else "same", assets)
    return tree


@pytest.mark.rig  # too long for the fast tests
def test_killed_at_random_moments(tmp_path: Path) -> None:
    old, new = large("old", range(0, 24)), large("new", range(8, 32))
    start(tmp_path, old)
    began = time.perf_counter()
    assert run(tmp_path, new) == ()
    duration = time.perf_counter() - began
    chance = random.Random(7)
    interrupted = rounds = 0
    while rounds < 40 or (interrupted < 20 and rounds < 200):
        rounds += 1
        start(tmp_path, old)
        child = os.fork()
        if child == 0:
            try:
                run(tmp_path, new)
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, 1.2) * duration)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        interrupted += (tmp_path / ".landform.journal").exists()
        check_whole(tmp_path, old, new)
        assert run(tmp_path, new) == ()
        check_exact(tmp_path, new)
    assert interrupted >= 20
