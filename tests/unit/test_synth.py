"""The engine: what goes in comes out, what it cannot carry is refused, what breaks is one error."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.cdktf_app import write_app
from compiler.terraform import synth
from compiler.terraform.stack import Asset, Stack
from compiler.terraform.synth import EngineError, EngineInputError, build_app, synthesize
from compiler.terraform.text import canonical

ROOT = Path(__file__).parents[2]

SMALL = {
    "//": {"landform": {"component": "churn"}},
    "terraform": {"required_version": ">= 1.5"},
    "resource": {"aws_s3_bucket": {"data": {"bucket": "acme-churn"}}},
}

TEXTS = [
    "${aws_kms_key.key.arn}",
    "$${x}",
    "$$${x}",
    "%{if a}b%{endif}",
    "%%{",
    '${jsonencode({a = "b"})}',
    '${replace("a}b", "}", "${x}")}',
    "é 漢 😀 \u2028",
    '"quoted" \\ back\n\ttab \x00\x7f',
    "1e5",
    "-1.8881545897087503e+289",
    "",
    "null",
    "{}",
    "a/b.c",
    "__proto__",
]


def through(value):
    """The value as an argument, once through the engine."""
    document = {"resource": {"aws_x": {"y": {"argument": value}}}}
    back = synthesize({"aws/a/b": document})["aws/a/b"]
    return back["resource"]["aws_x"]["y"]["argument"]


@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back_as_it_went_in(text):
    assert through([text, {"k": text}]) == [text, {"k": text}]


def test_all_texts_are_byte_identical():
    values = {f"k{index}": text for index, text in enumerate(TEXTS)}
    assert canonical(through(values)) == canonical(values)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        [[], {}, [{}]],
        {"a": {}, "b": []},
        [1, 1.5, 0.1, 5e-324, 2**53 - 1, -(2**53) + 1, 0],
        {"10": 1, "2": 2, "a.b": 3, "": 4, "${x}": 5},
        {
            "constructor": {"a": 1},
            "toString": "x",
            "resolve": "y",
            "hasOwnProperty": 1,
            "length": 3,
        },
        {"typeName": "a", "toJSON": "b", "creationStack": [], "then": 1},
        [True, False, "true"],
    ],
)
def test_values_come_back_as_they_went_in(value):
    assert canonical(through(value)) == canonical(value)


def test_whole_floats_have_the_same_text_before_and_after():
    values = [1.0, 1e6, -0.0]
    assert through(values) == values
    assert canonical(through(values)) == canonical(values) == "[1, 1000000, 0]\n"


def test_tuples_come_back_as_lists():
    assert through(({"a": (1,)},)) == [{"a": [1]}]


def test_deep_values():
    value = "leaf"
    for level in range(140):
        value = {"a": value} if level % 2 else [value]
    assert through(value) == value


words = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(TEXTS)
keys = words.filter(lambda key: key != "__proto__")
numbers = (st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15)).filter(
    lambda number: number != -123456789
)
values = st.recursive(
    words | numbers | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_any_value_comes_back(value):
    assert canonical(through(value)) == canonical(value)


def test_our_comment_is_kept_and_nothing_of_the_engine():
    assert synthesize({"aws/shared/churn": SMALL}) == {"aws/shared/churn": SMALL}
    bare = {"resource": SMALL["resource"]}
    assert synthesize({"aws/shared/churn": bare}) == {"aws/shared/churn": bare}


@pytest.mark.parametrize(
    "backend",
    [{"s3": {"bucket": "b", "use_lockfile": True}}, {"gcs": {"bucket": "b"}}, {"local": {}}],
)
def test_a_backend_is_the_only_one(backend):
    document = SMALL | {"terraform": {"backend": backend}}
    assert synthesize({"aws/a/b": document})["aws/a/b"] == document


def test_more_stacks_than_a_batch(monkeypatch):
    monkeypatch.setattr(synth, "BATCH", 3)
    documents = {f"aws/a{n}/c": {"output": {"n": {"value": n}}} for n in range(8)}
    assert synthesize(documents) == documents
    assert list(synthesize(documents)) == list(documents)


def test_paths_that_look_alike_stay_apart():
    documents = {
        path: {"output": {"path": {"value": path}}}
        for path in ("aws/a-b/c", "aws/a/b-c", "aws/ab/c")
    }
    assert synthesize(documents) == documents


@pytest.mark.parametrize(
    "path",
    ["", "..", "aws/../x", "aws/a b/c", "aws/A/c", "aws//c", "a/b_c", "/a", "a/", "a*", "a" * 300],
)
def test_a_path_that_the_engine_would_mangle_is_refused(path):
    with pytest.raises(EngineInputError, match=r"is no stack (path|id)"):
        synthesize({path: SMALL})


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (float("nan"), "does not keep"),
        (float("inf"), "does not keep"),
        (2**53, "does not keep"),
        (1e300, "does not keep"),
        (-123456789, "takes it for its own"),
        (None, "lose a NoneType"),
        ([{"a": [None]}], r"aws_x\.y\.argument\.0\.a\.0: .*lose a NoneType"),
        (b"x", "lose a bytes"),
        ({1: 2}, "a key that is no string"),
        ({"__proto__": {}}, "takes it for its own"),
        ({"$jsii.byref": "x"}, "takes it for its own"),
        ({"_children": 1, "_metadata": 1}, "takes it for its own"),
        ("a ${TfToken[TOKEN.0]}", "takes it for its own"),
        (["#{TfToken[TOKEN.0]}"], "takes it for its own"),
        ({"&{TfToken[TOKEN.0]}": 1}, r"argument\.&\{TfToken.*takes it for its own"),
        ("String Map Token Value", "takes it for its own"),
        ("\ud800", "half a character"),
    ],
)
def test_a_value_that_the_engine_would_change_is_refused_with_its_place(value, complaint):
    with pytest.raises(EngineInputError, match=complaint) as caught:
        through(value)
    assert "aws/a/b: resource.aws_x.y.argument" in str(caught.value)


def test_too_deep_is_refused():
    value = []
    for _ in range(500):
        value = [value]
    with pytest.raises(EngineInputError, match="too deep"):
        through(value)


@pytest.mark.parametrize(
    "document",
    [{"a.b": {}}, {"//": "text"}, {"//": {"metadata": {}}}, {"//": {"outputs": {}}}, {"": {}}],
)
def test_sections_that_the_engine_would_mix_up_are_refused(document):
    with pytest.raises(EngineInputError):
        synthesize({"aws/a/b": document})


def test_an_app_for_the_cdktf_command_line(tmp_path):
    stacks = {
        "acme_aws_shared_churn": SMALL,
        "acme_aws_prod_churn": SMALL | {"terraform": {"backend": {"s3": {"bucket": "b"}}}},
    }
    assets = {"acme_aws_shared_churn": {"assets/deep/a.zip": b"PK", "assets/b.yaml": b"b: 1\n"}}
    build_app(stacks, assets, tmp_path / "cdktf.out")
    manifest = json.loads((tmp_path / "cdktf.out/manifest.json").read_text())
    assert sorted(manifest["stacks"]) == sorted(stacks)
    for name, document in stacks.items():
        folder = tmp_path / "cdktf.out" / manifest["stacks"][name]["workingDirectory"]
        written = json.loads((folder / "cdk.tf.json").read_text())
        assert written.pop("//")["landform"] == document["//"]["landform"]
        assert written == {key: value for key, value in document.items() if key != "//"}
        assert str(tmp_path) not in (folder / "cdk.tf.json").read_text()
        files = {
            str(file.relative_to(folder)): file.read_bytes()
            for file in sorted((folder / "assets").rglob("*"))
            if file.is_file()
        }
        assert files == assets.get(name, {})


@pytest.mark.parametrize("name", ["aws/shared/churn", "a__b", "..", "A", ""])
def test_an_id_that_the_engine_would_mangle_is_refused(tmp_path, name):
    with pytest.raises(EngineInputError, match="is no stack id"):
        build_app({name: SMALL}, {}, tmp_path / "out")


@pytest.mark.parametrize("path", ["../x", "/etc/x", "assets/../../x"])
def test_an_asset_outside_its_stack_is_refused(tmp_path, path):
    with pytest.raises(EngineInputError, match="outside"):
        build_app({"a": SMALL}, {"a": {path: b""}}, tmp_path / "out")


def test_assets_of_no_stack_are_refused(tmp_path):
    with pytest.raises(EngineInputError, match="no stack"):
        build_app({"a": SMALL}, {"b": {}}, tmp_path / "out")


# --- in a process of its own ----------------------------------------------------------------------


def run(code: str, cwd: Path, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """Run Python code that can import the compiler; None takes a variable away."""
    merged = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=cwd,
        env={key: value for key, value in merged.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=120,
    )


ONE_STACK = """
    import os, sys
    from compiler.terraform.synth import EngineError, synthesize
    document = {"output": {"a": {"value": "${b}"}}}
    before = dict(os.environ)
    try:
        assert synthesize({"aws/a/b": document}) == {"aws/a/b": document}
    except EngineError as error:
        print("EngineError", error)
    else:
        print("same")
    assert dict(os.environ) == before
"""


def test_importing_it_starts_nothing(tmp_path):
    done = run(
        """
        import sys
        from compiler.terraform import synth
        assert synth.synthesize({}) == {}
        assert not {"cdktf", "jsii", "constructs"} & set(sys.modules)
        """,
        tmp_path,
        JSII_NODE="/nowhere/node",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "environment",
    [
        # Each is a process that starts Node: those that cannot hide each other are in one.
        {
            "CDKTF_CONTEXT_JSON": "{not json",
            "CDKTF_OUTDIR": "elsewhere",
            "CDKTF_TARGET_STACK_ID": "x",
            "JSII_DEBUG": "1",
        },
        {"SYNTH_HCL_OUTPUT": "true", "JSII_RUNTIME": "/nowhere.js"},
        {
            "NODE_OPTIONS": "--require /nowhere.js",
            "NODE_EXTRA_CA_CERTS": "/nowhere.pem",
            "PATH": "/nowhere",
        },
        # Where there is no place for it, the engine unpacks its code each time.
        pytest.param({"HOME": "/proc/nowhere", "XDG_CACHE_HOME": None}, marks=pytest.mark.rig),
        pytest.param({"XDG_CACHE_HOME": "relative"}, marks=pytest.mark.rig),
    ],
    ids=lambda environment: "+".join(environment),
)
def test_the_environment_changes_nothing(tmp_path, environment):
    (tmp_path / "work").mkdir()
    (tmp_path / "temporary").mkdir()
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "temporary")}
    done = run(ONE_STACK, tmp_path / "work", **(cache | environment))
    assert (done.returncode, done.stdout, done.stderr) == (0, "same\n", "")
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [path for path in (tmp_path / "work").rglob("*") if path.is_file()] == []


@pytest.mark.rig
def test_a_cache_that_others_may_write_is_not_used(tmp_path):
    folder = tmp_path / "cache" / "landform" / "engine"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    done = run(ONE_STACK, tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "same\n", "")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("node", ["/nowhere/node", "/bin/true", "/bin/false", "/etc/passwd"])
def test_without_node_there_is_one_clear_error(tmp_path, node):
    done = run(ONE_STACK, tmp_path, JSII_NODE=node)
    assert done.returncode == 0
    assert done.stdout.startswith("EngineError ")
    assert "landform doctor" in done.stdout
    assert node in done.stdout
    assert done.stderr == ""


def test_a_dead_engine_is_one_clear_error(tmp_path):
    done = run(
        """
        from compiler.terraform.synth import EngineError, synthesize
        documents = {"aws/a/b": {"output": {"a": {"value": 1}}}}
        synthesize(documents)
        from jsii._runtime import kernel
        kernel.provider._process._process.kill()
        kernel.provider._process._process.wait()
        for _ in range(2):
            try:
                synthesize(documents)
            except EngineError as error:
                print("EngineError", error)
        """,
        tmp_path,
    )
    assert done.returncode == 0
    assert done.stdout.count("EngineError the engine failed: ") == 2
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process")
def test_a_disk_without_room_for_the_engine_is_one_clear_error(tmp_path):
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    done = run(full + textwrap.dedent(ONE_STACK), tmp_path)
    assert done.stdout.startswith("EngineError the engine failed: [Errno 27]"), done.stdout
    assert done.stderr == ""


def test_a_forked_worker_is_told_to_spawn(tmp_path):
    done = run(
        """
        import os
        from compiler.terraform.synth import EngineError, synthesize
        import warnings
        # Python 3.12 warns of forking a process with threads, which is the case to be tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        documents = {"aws/a/b": {"output": {"a": {"value": 1}}}}
        synthesize(documents)
        child = os.fork()
        if child == 0:
            try:
                synthesize(documents)
            except EngineError as error:
                print("EngineError", error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(synthesize(documents) == documents)
        """,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "spawn" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[1] == "True"


def test_threads_take_turns(tmp_path):
    done = run(
        """
        from concurrent.futures import ThreadPoolExecutor
        from compiler.terraform.synth import synthesize
        documents = {f"aws/a{n}/b": {"output": {"a": {"value": n}}} for n in range(5)}
        with ThreadPoolExecutor(4) as pool:
            print(all(back == documents for back in pool.map(synthesize, [documents] * 8)))
        """,
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_the_version_names_the_library_and_node():
    version = synth.engine_version()
    assert version.startswith("cdktf 0.")
    assert ", node v" in version


def test_an_engine_that_changes_a_value_is_caught(monkeypatch):
    monkeypatch.setattr(synth, "_stripped", lambda value: value)
    with pytest.raises(EngineError, match="changed the stack aws/a/b"):
        synthesize({"aws/a/b": SMALL})


def test_the_app_names_stacks_after_the_organization(tmp_path):
    stack = Stack(
        cloud="aws",
        account="shared",
        account_id="111111111111",
        component="churn",
        kind="ml-pipeline",
        region="eu-west-1",
        terraform={"required_version": ">= 1.5"},
        providers={"aws": {"region": "eu-west-1"}},
        assets=(Asset(path="assets/a.py", content=b"pass\n"),),
    )
    write_app({"acme": [stack], "beta": [stack]}, tmp_path)
    assert sorted(path.name for path in (tmp_path / "stacks").iterdir()) == [
        "acme_aws_shared_churn",
        "beta_aws_shared_churn",
    ]
    folder = tmp_path / "stacks" / "beta_aws_shared_churn"
    assert (folder / "assets/a.py").read_bytes() == b"pass\n"
    written = json.loads((folder / "cdk.tf.json").read_text())
    assert written["//"]["landform"]["files"] == ["assets/a.py"]
    assert written["provider"] == {"aws": [{"region": "eu-west-1"}]}


def test_cdktf_json_names_the_app_and_nothing_else():
    settings_file = json.loads((ROOT / "cdktf.json").read_text())
    assert settings_file["app"] == f"python -m {write_app.__module__}"
    assert settings_file["sendCrashReports"] == "false"
    assert settings_file["terraformProviders"] == settings_file["terraformModules"] == []
    assert "projectId" not in settings_file
