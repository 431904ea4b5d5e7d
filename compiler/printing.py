"""The text of root modules, after their way through CDKTF: in other processes, while these are checked.

A printer is told of the documents as soon as there are any, and asked for their texts when all checks are done.
What the engine once gave back as it was needs no engine again: `known` holds the fingerprints of
such documents, and their text follows from themselves.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Final

from compiler.terraform.document import Json
from compiler.terraform.synth import EngineError, synthesize
from compiler.terraform.text import canonical

# Documents given to a process at once.
SHARE: Final = 100

Document = Mapping[str, Json]
Texts = dict[str, bytes]


class Printer:
    """Prints the documents of one blueprint.

    `executor` runs the engine elsewhere; without one it is this process. `printed` are the fingerprints of
    what was printed.
    """

    def __init__(
        self, executor: Executor | None = None, known: Collection[bytes] = frozenset()
    ) -> None:
        self.printed: set[bytes] = set()
        self._executor = executor
        self._known = known
        self._begun: dict[str, Document] = {}
        self._written: dict[str, tuple[Document, str]] = {}
        self._futures: list[Future[Texts]] = []

    def begin(self, documents: Mapping[str, Document]) -> frozenset[str]:
        """Start with these; gives the paths of those that are not known."""
        self._written = {path: (each, _json(each)) for path, each in documents.items()}
        new = [path for path, (_, text) in self._written.items() if not self._knows(text)]
        if self._executor is not None:
            paths = sorted(new)
            for start in range(0, len(paths), SHARE):
                share = {path: self._written[path][1] for path in paths[start : start + SHARE]}
                with _ended():
                    self._futures.append(self._executor.submit(_synthesized_elsewhere, share))
            self._begun = {path: documents[path] for path in new}
        return frozenset(new)

    def texts(self, documents: Mapping[str, Document]) -> Texts:
        """The text of each by path; those that `begin` was not told of, or that changed, are made here."""
        texts: Texts = {}
        with _ended():
            for future in self._futures:
                texts |= future.result()
        here: dict[str, Document] = {}
        for path, each in documents.items():
            known, text = self._written.pop(path, (None, ""))
            if known is not each:
                text = _json(each)
            if self._knows(text):
                texts[path] = canonical(each).encode()
            elif path not in texts or self._begun[path] is not each:
                here[path] = each
            self.printed.add(fingerprint(text))
        if here:
            texts |= synthesized(here)
        return {path: texts[path] for path in documents}

    def _knows(self, text: str) -> bool:
        return bool(self._known) and fingerprint(text) in self._known


@contextmanager
def _ended() -> Iterator[None]:
    """What died is a failed tool: when it is waited for, and when it is given more."""
    try:
        yield
    except BrokenExecutor as error:
        raise EngineError(f"the engine's process ended: {error}") from error


def synthesized(documents: Mapping[str, Document]) -> Texts:
    """Through the engine of this process."""
    return {path: canonical(value).encode() for path, value in synthesize(documents).items()}


def _synthesized_elsewhere(texts: Mapping[str, str]) -> Texts:
    return synthesized({path: json.loads(text) for path, text in texts.items()})


def fingerprint(text: str) -> bytes:
    """Of a document, as JSON: the same for the same values only."""
    return hashlib.sha256(text.encode()).digest()


def _json(document: Document) -> str:
    """What another process is given: it takes less than pickles, and numbers that know how they were
    written are numbers."""
    return _JSON.encode(document)


_JSON: Final = json.JSONEncoder(separators=(",", ":"))


@contextmanager
def processes(jobs: int) -> Iterator[Executor | None]:
    """As many processes as `jobs`, this one included; they start when there is work for them."""
    if jobs < 2:
        yield None
        return
    # Not forked: the engine's pipes cannot be shared.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(jobs - 1, mp_context=context, initializer=_begun)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _begun() -> None:
    """What a process does first. Ctrl-C is the business of the one that waits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """One that is killed cannot tell: this one would wait for work forever, and its Node for it."""
    parent.join()
    os._exit(1)
