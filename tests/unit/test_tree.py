"""The output tree: what counts as ours, what stops a run, and what a run leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from compiler import tree as tree_module
from compiler import tree_present
from compiler.output_codes import CODES
from compiler.tree import (
    Changes,
    DefectiveTree,
    apply_changes,
    plan_changes,
    reserved_name,
    stacks_present,
)


def permissions_count() -> bool:
    """Whether the system refuses what a mode forbids: it does not for root, nor on Windows."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o500)
        return not os.access(Path(folder), os.W_OK)


needs_permissions = pytest.mark.skipif(
    not permissions_count(), reason="this user may read and write everything"
)
JOURNAL, LOCK, PART = ".landform.journal", ".landform.lock", ".landform.part"


def main(*files: str, component: str = "churn", note: str = "", **sections: Any) -> bytes:
    mark = {"component": component, "kind": "ml-pipeline", "files": list(files)}
    document = {"//": {"landform": mark}, "locals": {"note": note}, **sections}
    return json.dumps(document, indent=2).encode()


def manifest(organization: str = "acme", note: str = "") -> bytes:
    value = {"version": 1, "organization": organization, "stacks": [{"path": note}]}
    return json.dumps(value, indent=2).encode()


def small_tree() -> dict[str, bytes]:
    return {
        "manifest.json": manifest(),
        "access.json": b'{"version": 1, "edges": []}',
        "aws/shared/churn/main.tf.json": main("assets/handler.zip", "assets/k8s/pod.yaml"),
        "aws/shared/churn/assets/handler.zip": b"PK\x00\xff",
        "aws/shared/churn/assets/k8s/pod.yaml": b"kind: Pod\n",
        "google/train/access/main.tf.json": main(component="access"),
    }


def write(root: Path, tree: Mapping[str, bytes]) -> Changes:
    changes, diagnostics = plan_changes(root, tree)
    assert diagnostics == ()
    assert apply_changes(root, tree, changes) == ()
    return changes


def files(root: Path) -> dict[str, bytes]:
    found = (path for path in sorted(root.rglob("*")) if not path.is_dir() or path.is_symlink())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def folders(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir()}


def put(root: Path, path: str, content: bytes = b"mine") -> Path:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def refused(root: Path, tree: Mapping[str, bytes]) -> list[str]:
    """The codes that stop the run; checks that nothing is written then, even when forced."""
    before = files(root) if root.is_dir() else None
    changes, diagnostics = plan_changes(root, tree)
    assert all(d.hint and d.message for d in diagnostics)
    if root.is_dir():
        assert apply_changes(root, tree, changes) == diagnostics
        assert files(root) == before
    return [d.code for d in diagnostics]


# ---- The ordinary life of a tree


def test_first_run_writes_everything(tmp_path: Path) -> None:
    root = tmp_path / "generated" / "acme"
    changes = write(root, small_tree())
    assert changes == Changes(added=tuple(sorted(small_tree())))
    assert files(root) == small_tree()


def test_planning_writes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "generated" / "acme"
    assert plan_changes(root, small_tree())[0].pending
    assert not root.parent.exists()


def test_second_run_touches_nothing(tmp_path: Path) -> None:
    write(tmp_path, small_tree())
    old = time.time_ns() - 10**12
    for path in tmp_path.rglob("*"):
        os.utime(path, ns=(old, old))
    changes = write(tmp_path, small_tree())
    assert changes == Changes(same=tuple(sorted(small_tree())))
    assert not changes.pending
    assert {path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == {old}


def test_unchanged_files_keep_their_time(tmp_path: Path) -> None:
    write(tmp_path, small_tree())
    kept = tmp_path / "aws/shared/churn/assets/handler.zip"
    os.utime(kept, ns=(5, 5))
    tree = small_tree() | {"google/train/access/main.tf.json": main(note="new")}
    assert write(tmp_path, tree).changed == ("google/train/access/main.tf.json",)
    assert kept.stat().st_mtime_ns == 5


def test_stale_files_and_empty_folders_go(tmp_path: Path) -> None:
    write(tmp_path, small_tree())
    tree = {
        "manifest.json": manifest(),
        "aws/shared/churn/main.tf.json": main("assets/handler.zip"),
        "aws/shared/churn/assets/handler.zip": b"PK\x00\xff",
    }
    changes = write(tmp_path, tree)
    assert changes.removed == (
        "access.json",
        "aws/shared/churn/assets/k8s/pod.yaml",
        "google/train/access/main.tf.json",
    )
    assert files(tmp_path) == tree
    assert folders(tmp_path) == {
        "aws",
        "aws/shared",
        "aws/shared/churn",
        "aws/shared/churn/assets",
    }


def test_users_files_stay(tmp_path: Path) -> None:
    write(tmp_path, small_tree())
    mine = {
        "google/train/access/.terraform/modules/x.json": b"{}",
        "google/train/access/terraform.tfstate": b"state",
        "google/train/access/.terraform.lock.hcl": b"lock",
        "aws/shared/churn/assets/notes.md": b"notes",
        "aws/other/README.md": b"readme",
        "aws/shared/own/main.tf.json": b'{"resource": {}}',
        "README.md": b"top",
    }
    for path, content in mine.items():
        put(tmp_path, path, content)
    (tmp_path / "aws" / "empty").mkdir()
    assert not write(tmp_path, small_tree()).pending
    write(tmp_path, {})
    assert files(tmp_path) == mine
    assert "aws/empty" in folders(tmp_path)
    assert "aws/shared/churn/assets/k8s" not in folders(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_mode_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write(tmp_path, small_tree())
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {
        0o644
    }


def test_a_file_becomes_a_folder_and_back(tmp_path: Path) -> None:
    one = {"aws/a/c/main.tf.json": main("assets/x"), "aws/a/c/assets/x": b"file"}
    two = {"aws/a/c/main.tf.json": main("assets/x/y/z"), "aws/a/c/assets/x/y/z": b"deep"}
    for tree in (one, two, one):
        write(tmp_path, tree)
        assert files(tmp_path) == tree


def test_a_name_changes_its_case(tmp_path: Path) -> None:
    one = {"aws/a/c/main.tf.json": main("assets/Lib/X.py"), "aws/a/c/assets/Lib/X.py": b"1"}
    two = {"aws/a/c/main.tf.json": main("assets/lib/x.py"), "aws/a/c/assets/lib/x.py": b"2"}
    write(tmp_path, one)
    write(tmp_path, two)
    assert files(tmp_path) == two


# ---- Ownership


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("aws/shared/churn/main.tf.json", b'{"resource": {}}'),
        ("aws/shared/churn/main.tf.json", b"not json"),
        ("aws/shared/churn/main.tf.json", b'{"//": {"landform": {"files": "x"}}}'),
        ("aws/shared/churn/main.tf.json", b'{"//": "landform"}'),
        ("aws/shared/churn/main.tf.json", b'{"//": ' + b"[" * 100_000),
        ("aws/shared/churn/main.tf.json", b"\xff\xfe\x00"),
        ("aws/shared/churn/assets/handler.zip", b"mine"),
        ("manifest.json", b'{"name": "an app"}'),
        ("manifest.json", manifest("another")),
        ("manifest.json", manifest().replace(b'"version": 1', b'"version": 2')),
        ("access.json", b"[]"),
    ],
)
def test_a_users_file_is_a_collision(tmp_path: Path, path: str, content: bytes) -> None:
    put(tmp_path, path, content)
    assert refused(tmp_path, small_tree()) == ["E701"]


def test_all_collisions_are_reported_at_once(tmp_path: Path) -> None:
    for path in small_tree():
        put(tmp_path, path)
    assert refused(tmp_path, small_tree()) == ["E701"] * len(small_tree())


def test_equal_content_is_no_collision(tmp_path: Path) -> None:
    put(tmp_path, "aws/shared/churn/assets/handler.zip", b"PK\x00\xff")
    assert "aws/shared/churn/assets/handler.zip" in write(tmp_path, small_tree()).same


def test_hand_edited_output_is_restored(tmp_path: Path) -> None:
    write(tmp_path, small_tree())
    edited = tmp_path / "aws/shared/churn/main.tf.json"
    edited.write_bytes(edited.read_bytes()[:-30])  # the mark at the top is still there
    (tmp_path / "aws/shared/churn/assets/handler.zip").write_bytes(b"edited")
    assert len(write(tmp_path, small_tree()).changed) == 2
    assert files(tmp_path) == small_tree()


def test_a_sorted_copy_keeps_its_mark(tmp_path: Path) -> None:
    # A formatter may put "//" anywhere.
    body = json.loads(main(note="x"))
    put(tmp_path, "aws/a/c/main.tf.json", json.dumps(dict(reversed(body.items()))).encode())
    assert write(tmp_path, {}).removed == ("aws/a/c/main.tf.json",)


def test_conflict_marks_of_git_are_resolved(tmp_path: Path) -> None:
    def conflict(ours: bytes, theirs: bytes) -> bytes:
        return b"<<<<<<< HEAD\n%s\n||||||| base\n{}\n=======\n%s\n>>>>>>> topic\n" % (ours, theirs)

    stack = "aws/shared/churn"
    put(tmp_path, f"{stack}/main.tf.json", conflict(main("assets/a"), main("assets/b")))
    put(tmp_path, f"{stack}/assets/a")
    put(tmp_path, f"{stack}/assets/b")
    put(tmp_path, f"{stack}/assets/c")
    put(tmp_path, "manifest.json", conflict(manifest(note="a"), manifest(note="b")))
    changes = write(tmp_path, small_tree())
    assert changes.removed == (f"{stack}/assets/a", f"{stack}/assets/b")
    assert files(tmp_path) == small_tree() | {f"{stack}/assets/c": b"mine"}


@pytest.mark.parametrize(
    "name",
    ["../other/main.tf.json", "/etc/passwd", "../../../../outside", "assets//x", "a\\b", "./x", "",
     "terraform.tfstate", ".terraform.lock.hcl", ".terraform/x", "../../../manifest.json"],
)  # fmt: skip
def test_a_forged_mark_gives_nothing_away(tmp_path: Path, name: str) -> None:
    root = tmp_path / "generated" / "acme"
    outside = put(tmp_path, "outside")
    victims = [
        "aws/a/other/main.tf.json",
        "aws/a/c/terraform.tfstate",
        "aws/a/c/.terraform.lock.hcl",
    ]
    for victim in victims:
        put(root, victim)
    put(root, "aws/a/c/main.tf.json", main(name))
    assert write(root, {}).removed == ("aws/a/c/main.tf.json",)
    assert outside.read_bytes() == b"mine"
    assert sorted(files(root)) == sorted(victims)


def test_main_listed_by_another_mark_is_not_owned_through_it(tmp_path: Path) -> None:
    put(tmp_path, "aws/a/c/main.tf.json", main("main.tf.json", "sub/main.tf.json"))
    put(tmp_path, "aws/a/c/sub/main.tf.json", b"listed, so ours")
    assert len(write(tmp_path, {}).removed) == 2
    assert files(tmp_path) == {}


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
    real, rounds = tree_module._lock, []

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


# ---- Defects of the compiler


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../x", "aws/../../x", "aws\\x", "a\0b", "aws//x", "", ".", "aws/con/c/x", "AUX.txt",
     "aws/a/c/assets/x.", "aws/a/c/assets/x ", "a:b", "lpt1", JOURNAL, LOCK, f"aws/a/c/{PART}",
     "aws/a/c/terraform.tfstate", "aws/a/c/.terraform/x", "x" * 256, "a\nb", "cafe\u0301", "\ud800"],
)  # fmt: skip
def test_paths_that_must_not_be_written(tmp_path: Path, path: str) -> None:
    with pytest.raises(DefectiveTree):
        plan_changes(tmp_path, {path: b""})
    with pytest.raises(DefectiveTree):
        apply_changes(tmp_path, {path: b""}, Changes(added=(path,)))
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    "tree",
    [
        {"README.md": b""},
        {"aws/a/c/assets/x": b""},
        {"aws/a/c/main.tf.json": b"{}"},
        {"aws/a/c/main.tf.json": main(), "aws/a/c/assets/x": b""},
        {"azure/a/c/main.tf.json": main()},
        {"aws/a/c/d/main.tf.json": main()},
        {
            "aws/a/c/main.tf.json": main("assets/x", "assets/x/y"),
            "aws/a/c/assets/x": b"",
            "aws/a/c/assets/x/y": b"",
        },
    ],
)
def test_trees_that_the_next_run_would_not_own(tmp_path: Path, tree: dict[str, bytes]) -> None:
    with pytest.raises(DefectiveTree):
        plan_changes(tmp_path, tree)


def test_names_that_windows_reserves() -> None:
    assert all(map(reserved_name, ["con", "AUX", "nul.txt", "com1", "lpt9.a.b", "prn "]))
    assert not any(map(reserved_name, ["console", "com", "com0", "auxiliary", "a.con"]))


# ---- The stacks that are there


def test_stacks_present(tmp_path: Path) -> None:
    tree = small_tree() | {
        "aws/shared/old/main.tf.json": main(component="old"),
        "aws/shared/live/main.tf.json": main(component="live", resource={"aws_s3_bucket": {}}),
    }
    write(tmp_path, tree)
    put(tmp_path, "aws/shared/hand/main.tf.json", b"{}")
    found = stacks_present(tmp_path, besides={"google/train/access"})
    assert list(found) == ["aws/shared/churn", "aws/shared/live", "aws/shared/old"]
    churn = found["aws/shared/churn"]
    assert (churn.cloud, churn.account, churn.component) == ("aws", "shared", "churn")
    assert (churn.kind, churn.files) == (
        "ml-pipeline",
        ("assets/handler.zip", "assets/k8s/pod.yaml"),
    )
    assert churn.document == json.loads(tree["aws/shared/churn/main.tf.json"])
    assert found["aws/shared/old"].tombstone
    assert not found["aws/shared/live"].tombstone


def test_a_damaged_stack_is_no_tombstone(tmp_path: Path) -> None:
    put(tmp_path, "aws/a/c/main.tf.json", main()[:-5])
    (stack,) = stacks_present(tmp_path).values()
    assert stack.document is None
    assert not stack.tombstone


def test_no_stacks_in_a_missing_folder(tmp_path: Path) -> None:
    assert stacks_present(tmp_path / "missing") == {}


# ---- The codes


def test_codes_are_complete() -> None:
    assert [code.code for code in CODES] == [f"E{n}" for n in range(701, 712)]
    for code in CODES:
        assert code.title
        assert code.wrong
        assert code.right
        assert 2 <= code.explanation.count(". ") + 1 <= 5
