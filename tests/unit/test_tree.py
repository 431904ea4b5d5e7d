"""The output tree: its ordinary life, what counts as ours, and the defects it refuses."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from compiler.output_codes import CODES
from compiler.tree import (
    Changes,
    DefectiveTree,
    apply_changes,
    plan_changes,
    reserved_name,
    stacks_present,
)
from tests.unit.output_tree import (
    JOURNAL,
    LOCK,
    PART,
    files,
    folders,
    main,
    manifest,
    put,
    refused,
    small_tree,
    write,
)

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
