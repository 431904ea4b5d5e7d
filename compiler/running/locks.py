"""One `.terraform.lock.hcl` for each provider set: kept below `locks/`, copied to every stack.

A provider set is what `required_providers` asks for; nearly always a whole organisation has one for
each cloud. `generated/<organization>/locks/<names>-<hash>.terraform.lock.hcl` is the kept one, whose
name has a hash of the set. The writer of the tree (`compiler.tree`) neither makes nor removes these
files: they lack its mark, and only Terraform can make them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.running.programs import Line, Programs
from compiler.running.stacks import LOCK, MAIN, RunStack

FOLDER = "locks"
# Those that HashiCorp builds its own providers for and that people and pipelines run on.
PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64")


class LockError(RuntimeError):
    """Terraform could not make a lock file."""


@dataclass(frozen=True, slots=True)
class ProviderSet:
    """Stacks that ask for the same providers; `kept` is where their lock file is kept."""

    kept: Path
    wanted: Mapping[str, Any]
    stacks: tuple[RunStack, ...]

    def outdated(self) -> list[RunStack]:
        """The stacks whose lock file is not the kept one; all where none is kept."""
        content = read(self.kept)
        return [s for s in self.stacks if content is None or read(s.lock) != content]


def provider_sets(root: Path, stacks: Iterable[RunStack]) -> list[ProviderSet]:
    """The sets of an organisation in `root`, sorted by the name of their file."""
    found: dict[str, tuple[Mapping[str, Any], list[RunStack]]] = {}
    for stack in stacks:
        wanted = stack.providers()
        found.setdefault(set_name(wanted), (wanted, []))[1].append(stack)
    return [
        ProviderSet(root / FOLDER / name, wanted, tuple(members))
        for name, (wanted, members) in sorted(found.items())
    ]


def set_name(wanted: Mapping[str, Any]) -> str:
    """`aws-google-1a2b3c4d.terraform.lock.hcl`."""
    text = json.dumps(wanted, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{'-'.join(sorted(wanted))}-{digest}{LOCK}"


def kept_for(stack: RunStack) -> Path:
    """Where the lock file of this stack's provider set is kept."""
    root = stack.folder.parents[stack.path.count("/")]
    return root / FOLDER / set_name(stack.providers())


def make(
    providers: ProviderSet,
    programs: Programs,
    executable: str,
    *,
    platforms: Sequence[str] = PLATFORMS,
    mirror: Path | None = None,
    upgrade: bool = False,
    tell: Line | None = None,
) -> bytes:
    """The lock file of a set, by `terraform providers lock`, with the versions of the kept one.

    With `upgrade` the newest versions that are allowed. `mirror` is a folder as `terraform providers
    mirror` makes it; without it, the registries are asked. Raises LockError.
    """
    with tempfile.TemporaryDirectory(prefix="landform-lock-") as folder:
        module = {"terraform": {"required_providers": providers.wanted}}
        Path(folder, MAIN).write_text(json.dumps(module), encoding="utf-8")
        target = Path(folder, LOCK)
        if not upgrade and (known := read(providers.kept)) is not None:
            target.write_bytes(known)
        words = [f"-platform={name}" for name in platforms]
        words += [f"-fs-mirror={mirror.resolve()}"] if mirror else []
        command = [executable, f"-chdir={folder}", "providers", "lock", "-no-color", *words]
        done = programs.run(command, os.environ, tell)
        if done.code:
            raise LockError((done.errors or done.output).strip())
        return target.read_bytes()


def spread(providers: ProviderSet, content: bytes) -> list[Path]:
    """Keep `content` and copy it to every stack; gives the files that changed."""
    targets = (providers.kept, *(stack.lock for stack in providers.stacks))
    changed = [target for target in targets if read(target) != content]
    for target in changed:
        write(target, content)
    return changed


def read(file: Path) -> bytes | None:
    """Its content, None where there is none."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def write(file: Path, content: bytes) -> None:
    """Put `content` there in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(content)
    part.replace(file)
