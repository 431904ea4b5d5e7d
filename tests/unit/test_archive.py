"""Archives: the same bytes always, and readable by everyone else's zip."""

import hashlib
import io
import stat
import subprocess
import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.terraform.archive import archive

FILES = {
    "deployer/handler.py": b"def handler(event, context):\n    return None\n",
    "deployer/__init__.py": b"",
    "notes/größe.txt": "Größe: 1 µm\n".encode(),
    "data.bin": bytes(range(256)),
}
DIGEST = "aafdbbc71dd11713a050d6f056d1a3c13d0d4091b79c16c65bb0ae97f1e4cb2f"


def test_bytes_are_pinned():
    assert hashlib.sha256(archive(FILES)).hexdigest() == DIGEST


def test_empty_archive_is_the_end_record_alone():
    assert archive({}) == b"PK\x05\x06" + bytes(18)


def test_order_of_the_mapping_does_not_matter():
    assert archive(dict(reversed(FILES.items()))) == archive(FILES)


def test_metadata_is_fixed():
    with zipfile.ZipFile(io.BytesIO(archive(FILES))) as opened:
        members = opened.infolist()
    assert [member.filename for member in members] == sorted(FILES)
    for member in members:
        assert member.date_time == (1980, 1, 1, 0, 0, 0)
        assert member.compress_type == zipfile.ZIP_STORED
        assert member.external_attr >> 16 == stat.S_IFREG | 0o644
        assert member.create_system == 3
        assert member.extra == b""
        assert member.comment == b""


@given(
    st.dictionaries(
        st.text("abcé_-", min_size=1, max_size=8).map(lambda name: f"folder/{name}.py"),
        st.binary(max_size=200),
        max_size=6,
    )
)
def test_round_trip(files):
    with zipfile.ZipFile(io.BytesIO(archive(files))) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == files


def test_python_imports_from_it(tmp_path):
    path = tmp_path / "code.zip"
    path.write_bytes(archive({"greeting/__init__.py": b"WORD = 'hello'\n"}))
    code = f"import sys; sys.path.insert(0, {str(path)!r}); import greeting; print(greeting.WORD)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "hello\n", done.stderr


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up", "a/../../up", "a//b", "./a", "", ".", "a/", "a\\b", "a\0b"]
)
def test_names_that_would_escape_are_refused(name):
    with pytest.raises(ValueError, match="relative file name"):
        archive({name: b""})
