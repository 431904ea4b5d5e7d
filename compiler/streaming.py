"""A blueprint compiled share by share, so that memory holds a few hundred stacks at most.

What is made is the same as of the whole at once (`compiler.compilation.build`): the files, the manifest, the
ledger. What stays of a share are its files, its rows of the manifest and its entries of the ledger as text. While
a share is built and checked, the engine has those before it.

A share that an earlier run found sound, and whose files stand in the output folder, is not built again.
"""

from __future__ import annotations

import gc
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from compiler.access.ledger import list_of
from compiler.access.rules.records import Tuning
from compiler.blueprint.files import Beside
from compiler.checks import check_needed, once
from compiler.compilation import Among, Compiled, Found, build
from compiler.diagnostics import Diagnostic, Span, has_errors
from compiler.files import Files, Texts
from compiler.manifest import (
    bare,
    digest_of,
    entry_text,
    ledger_pieces,
    listed,
    manifest_of,
    stack_of,
)
from compiler.organization.kind import Kind
from compiler.organization.resolve import World
from compiler.printing import Printer
from compiler.share_records import Row, ShareRecord, ShareRecords
from compiler.shares import Share, shares
from compiler.terraform.stack import Stack
from compiler.terraform.text import canonical
from compiler.tree_present import MAIN

# Stacks that another process puts through the engine sooner than this one: it has to start, and both need memory.
WORTH_A_PROCESS: Final = 400

# Shares that wait for the engine while the next is built.
AHEAD: Final = 1

# Shares after which memory is looked through; little is held by itself alone.
TIDY: Final = 8

# How many of the components are done.
Watch = Callable[[int, int], None]


@dataclass(slots=True)
class Streaming:
    """Compiles blueprints for the output folder `out`; without one only to check them.

    `records` are those of earlier runs, `known` the fingerprints of documents that need no engine. `shard`
    (2, 5) is the second fifth of the shares: what is made is then partial, and leaves the others' files.
    """

    out: Path | None = None
    executor: Executor | None = None
    known: Collection[bytes] = frozenset()
    records: ShareRecords = field(default_factory=ShareRecords)
    watch: Watch = lambda done, of: None
    shard: tuple[int, int] = (1, 1)

    def __call__(
        self, world: World, kinds: Mapping[str, Kind], beside: Beside
    ) -> tuple[Compiled, Found]:
        """As `compiler.compilation.build`; a blueprint in several shares comes without its resources."""
        among = Among.of(world.components)
        parts = shares(world, kinds, beside, among, self.records.program)
        number, of = self.shard
        if len(parts) == 1 and number == 1:
            return build(world, kinds, beside, self.printer(parts))
        parts = parts[number - 1 :: of]
        work = _Work(self, world)
        _let_go()
        new = [share for share in parts if not work.remembers(share)]
        total = sum(len(share.components) for share in parts)
        done = total - sum(len(share.components) for share in new)
        for built, share in enumerate(new, 1):
            self.watch(done, total)
            done += len(share.components)
            part = replace(world, components=share.components)
            printer = self.printer(new)
            compiled, found = build(part, kinds, beside, printer, among, share.drafts)
            work.take(share, compiled, found)
            del compiled
            if built % TIDY == 0:
                _let_go()
        return work.finished()

    def printer(self, new: Iterable[Share]) -> Printer:
        """One for one of these shares."""
        worth = sum(share.stacks for share in new) >= WORTH_A_PROCESS
        return Printer(self.executor if worth else None, self.known)


def _let_go() -> None:
    """Free what is held by itself alone, where nobody does; what is left then is not looked at again."""
    if not gc.isenabled():
        gc.collect()
        gc.freeze()


@dataclass(slots=True)
class _Work:
    """One blueprint, as far as it is done."""

    by: Streaming
    world: World
    files: Files = field(init=False)
    printer: Printer = field(init=False)
    spans: dict[str, Span] = field(init=False)
    idle: dict[str, Tuning] = field(init=False)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    kind_files: set[str] = field(default_factory=set)
    stacks: list[Stack] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    entries: dict[str, Texts] = field(default_factory=lambda: defaultdict(Texts))
    waiting: deque[tuple[Share, Compiled, bool]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.files = Files((self.by.out or Path()) / self.world.organization.name)
        self.printer = self.by.printer(())
        self.spans = {each.name: each.span for each in self.world.components}
        self.idle = {repr(exception): exception for exception in self.world.exceptions}

    def remembers(self, share: Share) -> bool:
        """Whether the share needs no building."""
        record = self.by.records.get(share.fingerprint) if self.by.out else None
        if record is None:
            return False
        files = (
            (f"{s}/{p}", digest) for s, own in record.files.items() for p, digest in own.items()
        )
        if not all(self.files.keep(path, digest) for path, digest in files):
            return False
        self.stacks += map(stack_of, record.rows)
        self._narrow(record.idle)
        self._add(record)
        return True

    def take(self, share: Share, compiled: Compiled, found: Sequence[Diagnostic]) -> None:
        """A share that was built."""
        self.diagnostics += found
        self.kind_files |= compiled.kind_files
        self.stacks += map(bare, compiled.stacks)
        self._narrow([repr(exception) for exception in compiled.idle])
        if has_errors(self.diagnostics) or self.by.out is None:
            self.waiting.clear()  # nothing is written
            return
        self.waiting.append((share, compiled, not found))
        while len(self.waiting) > AHEAD:
            self._print(*self.waiting.popleft())

    def finished(self) -> tuple[Compiled, Found]:
        """All shares together."""
        while self.waiting:
            self._print(*self.waiting.popleft())
        partial = self.by.shard[1] > 1
        if not partial:  # another shard may need what none here does
            self.diagnostics += check_needed(self.idle.values(), self.world.exceptions)
        diagnostics = tuple(once(self.diagnostics, self.kind_files))
        if self.by.out and partial:
            self.files.keep_others({stack.path for stack in self.stacks})
        elif self.by.out and not has_errors(diagnostics):
            name = self.world.organization.name
            self.files.add("manifest.json", canonical(manifest_of(name, self.rows)).encode())
            lists = {name: texts.sorted() for name, texts in self.entries.items()}
            self.files.write("access.json", ledger_pieces(lists))
        compiled = Compiled(
            world=self.world,
            stacks=tuple(sorted(self.stacks, key=lambda stack: stack.path)),
            edges=(),
            bindings=(),
            rights=(),
            documents={},
            spans={stack.path: self.spans[stack.component] for stack in self.stacks},
            printer=self.printer,
            files=self.files,
            partial=partial,
        )
        return compiled, diagnostics

    def _print(self, share: Share, compiled: Compiled, clean: bool) -> None:
        texts = compiled.printer.texts(compiled.documents)
        self.printer.printed |= compiled.printer.printed
        rows, files = [], {}
        for stack in compiled.stacks:
            own = {MAIN: texts.pop(stack.path)} | {a.path: a.content for a in stack.assets}
            digests = {path: self.files.add(f"{stack.path}/{path}", own[path]) for path in own}
            files[stack.path] = digests
            total = digest_of({path: bytes.fromhex(digest) for path, digest in digests.items()})
            rows.append(listed(stack, total))
        record = ShareRecord(
            rows=tuple(rows),
            files=files,
            entries=tuple((list_of(e), e.id, entry_text(e)) for e in compiled.entries),
            idle=tuple(repr(exception) for exception in compiled.idle),
        )
        self._add(record)
        if clean:
            self.by.records.put(share.fingerprint, record)

    def _add(self, record: ShareRecord) -> None:
        self.rows += record.rows
        for name, id, text in record.entries:
            self.entries[name].add([(id, text)])

    def _narrow(self, idle: Collection[str]) -> None:
        """What one share needs is needed."""
        self.idle = {text: each for text, each in self.idle.items() if text in idle}
