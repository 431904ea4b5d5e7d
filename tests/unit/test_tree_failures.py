"""What stops a run of the writer: obstacles, refusals of the system, other runs, journals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from compiler import tree as tree_module
from compiler import tree_present
from compiler.tree import (
    apply_changes,
    plan_changes,
    stacks_present,
)
from tests.unit.output_tree import (
    JOURNAL,
    LOCK,
    PART,
    files,
    main,
    manifest,
    put,
    refused,
    small_tree,
    write,
)


def permissions_count() -> bool:
    """Whether the system refuses what a mode forbids: it does not for root, nor on Windows."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o500)
        return not os.access(Path(folder), os.W_OK)


needs_permissions = pytest.mark.skipif(
    not permissions_count(), reason="this user may read and write everything"
)
# ---- What stands in the way


def test_a_folder_where_a_file_belongs(tmp_path: Path) -> None:
    put(tmp_path, "manifest.json/notes.md")
    assert refused(tmp_path, small_tree()) == ["E702"]


def test_an_empty_folder_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "manifest.json" / "deep").mkdir(parents=True)
    write(tmp_path, small_tree())
    assert files(tmp_path) == small_tree()


def test_a_file_where_a_folder_belongs(tmp_path: Path) -> None:
    put(tmp_path, "aws/shared")
    assert refused(tmp_path, small_tree()) == ["E702"]


def test_the_root_is_a_file(tmp_path: Path) -> None:
    root = put(tmp_path, "acme")
    assert "E702" in refused(root, small_tree())
    assert root.read_bytes() == b"mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_special_file_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    changes, diagnostics = plan_changes(tmp_path, small_tree())
    assert [d.code for d in diagnostics] == ["E702"]
    assert apply_changes(tmp_path, small_tree(), changes) == diagnostics


@pytest.mark.parametrize("place", ["aws", "aws/shared", "aws/shared/churn/assets", "manifest.json"])
def test_links_are_not_followed(tmp_path: Path, place: str) -> None:
    root, outside = tmp_path / "acme", tmp_path / "outside"
    write(root, small_tree())
    (root / place).rename(outside)
    (root / place).symlink_to(outside)
    before = outside.read_bytes() if outside.is_file() else files(outside)
    changes, diagnostics = plan_changes(root, small_tree())
    assert {d.code for d in diagnostics} == {"E703"}
    assert apply_changes(root, small_tree(), changes) == diagnostics
    assert (outside.read_bytes() if outside.is_file() else files(outside)) == before


def test_a_linked_folder_is_never_cleaned(tmp_path: Path) -> None:
    root, outside = tmp_path / "acme", tmp_path / "outside"
    put(outside, "churn/main.tf.json", main())
    root.mkdir()
    (root / "aws").mkdir()
    (root / "aws" / "shared").symlink_to(outside)
    assert not write(root, {}).pending
    assert stacks_present(root) == {}


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link", small_tree())
    assert files(tmp_path / "real") == small_tree()


@pytest.mark.parametrize("path", ["AWS/x", "aws/Shared/notes.md", "Manifest.json"])
def test_a_users_file_in_other_case(tmp_path: Path, path: str) -> None:
    put(tmp_path, path)
    assert refused(tmp_path, small_tree()) == ["E704"]


def test_two_of_ours_in_different_case(tmp_path: Path) -> None:
    tree = {
        "aws/a/c/main.tf.json": main("assets/Lib/a", "assets/lib/b"),
        "aws/a/c/assets/Lib/a": b"",
        "aws/a/c/assets/lib/b": b"",
    }
    assert refused(tmp_path, tree) == ["E704"]


def test_no_guesses_about_what_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, small_tree())
    (tmp_path / "aws/shared/churn/assets/handler.zip").write_bytes(b"edited")

    def failing(path: Any, mode: str) -> Any:
        if str(path).endswith("churn/main.tf.json"):
            raise PermissionError(13, "Permission denied", str(path))
        return open(path, mode)

    monkeypatch.setattr(tree_present, "open", failing, raising=False)
    _, diagnostics = plan_changes(tmp_path, small_tree())
    assert [d.code for d in diagnostics] == ["E705"]


@needs_permissions
@pytest.mark.parametrize("place", ["aws", "aws/shared/churn/main.tf.json", "manifest.json"])
def test_unreadable(tmp_path: Path, place: str) -> None:
    write(tmp_path, small_tree())
    (tmp_path / place).chmod(0)
    _, diagnostics = plan_changes(tmp_path, small_tree())
    (tmp_path / place).chmod(0o755)
    assert [d.code for d in diagnostics] == ["E705"]
    assert files(tmp_path) == small_tree()


def test_reading_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, small_tree())
    real = os.scandir

    def failing(path: Any) -> Any:
        if str(path).endswith("shared"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", failing)
    changes, diagnostics = plan_changes(tmp_path, small_tree())
    assert [d.code for d in diagnostics] == ["E705"]
    assert "aws/shared" in diagnostics[0].message
    assert apply_changes(tmp_path, small_tree(), changes) == diagnostics


# ---- Failures while writing


@needs_permissions
def test_a_read_only_folder(tmp_path: Path) -> None:
    write(tmp_path, small_tree())
    tree = small_tree() | {"manifest.json": manifest(note="new")}
    changes, _ = plan_changes(tmp_path, tree)
    tmp_path.chmod(0o555)
    (failure,) = apply_changes(tmp_path, tree, changes)
    tmp_path.chmod(0o755)
    assert failure.code == "E707"
    assert files(tmp_path) == small_tree()


@needs_permissions
def test_an_unchanged_tree_needs_no_permission(tmp_path: Path) -> None:
    write(tmp_path, small_tree())
    tmp_path.chmod(0o555)
    try:
        write(tmp_path, small_tree())
    finally:
        tmp_path.chmod(0o755)


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    name = "assets/" + "/".join(["x" * 250] * 20)
    tree = {"aws/a/c/main.tf.json": main(name), f"aws/a/c/{name}": b""}
    changes, diagnostics = plan_changes(tmp_path, tree)
    codes = [d.code for d in diagnostics or apply_changes(tmp_path, tree, changes)]
    assert codes in (["E705"], ["E709"])
    assert files(tmp_path).keys() <= {JOURNAL}


def test_the_output_folder_cannot_be_made(tmp_path: Path) -> None:
    put(tmp_path, "generated")
    root = tmp_path / "generated" / "acme"
    changes, diagnostics = plan_changes(root, small_tree())
    assert diagnostics or apply_changes(root, small_tree(), changes)
    assert (tmp_path / "generated").read_bytes() == b"mine"


def test_the_tree_moved_between_plan_and_apply(tmp_path: Path) -> None:
    changes, _ = plan_changes(tmp_path, small_tree())
    put(tmp_path, "manifest.json", manifest(note="other run"))
    (failure,) = apply_changes(tmp_path, small_tree(), changes)
    assert failure.code == "E711"
    assert list(files(tmp_path)) == ["manifest.json"]


def test_a_users_temporary_file_is_a_collision(tmp_path: Path) -> None:
    put(tmp_path, f"aws/shared/churn/assets/{PART}")
    assert refused(tmp_path, small_tree()) == ["E701"]


# ---- Locks and journals


HOLD = """
import pathlib, sys, time
from compiler.tree import _locked
with _locked(pathlib.Path(sys.argv[1]) / ".landform.lock"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_at_once_and_a_killed_one(tmp_path: Path) -> None:
    changes, _ = plan_changes(tmp_path, small_tree())
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        (failure,) = apply_changes(tmp_path, small_tree(), changes)
        assert failure.code == "E706"
        assert list(files(tmp_path)) == [LOCK]
        other.kill()
    assert list(files(tmp_path)) == [LOCK]  # stale: nobody holds it
    write(tmp_path, small_tree())
    assert files(tmp_path) == small_tree()


def test_a_stale_lock_goes_even_when_nothing_is_pending(tmp_path: Path) -> None:
    write(tmp_path, small_tree())
    put(tmp_path, LOCK, b"")
    write(tmp_path, small_tree())
    assert files(tmp_path) == small_tree()


def test_a_lock_that_was_replaced_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The holder before us removes the file after we opened it and before we lock it.
    real = tree_module._lock
    rounds: list[int] = []

    def lock(handle: int) -> None:
        if not rounds:
            (tmp_path / LOCK).unlink()
        rounds.append(handle)
        real(handle)

    monkeypatch.setattr(tree_module, "_lock", lock)
    write(tmp_path, small_tree())
    assert len(rounds) == 2
    assert files(tmp_path) == small_tree()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"version": 2, "paths": {}}', b'{"version": 1, "paths": {"../x": null}}',
     b'{"version": 1, "paths": {"x": 1}}'],
)  # fmt: skip
def test_a_damaged_journal(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, JOURNAL, content)
    assert refused(tmp_path, small_tree()) == ["E710"]


def test_a_journal_does_not_give_away_a_users_file(tmp_path: Path) -> None:
    # An interrupted run was about to add it; since then a user made a file of that name.
    paths = {"aws/a/c/assets/new": "0" * 64}
    put(tmp_path, JOURNAL, json.dumps({"version": 1, "paths": paths}).encode())
    put(tmp_path, "aws/a/c/assets/new")
    write(tmp_path, {})
    assert files(tmp_path) == {"aws/a/c/assets/new": b"mine"}
