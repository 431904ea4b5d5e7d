"""Does work for stacks that wait for each other, several at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait


def run_in_order(
    depends_on: Mapping[str, Sequence[str]],
    work: Callable[[str], bool],
    *,
    jobs: int,
    failed: Collection[str] = (),
    stopping: Callable[[], bool] = lambda: False,
) -> dict[str, tuple[str, ...]]:
    """Call `work` for each key as soon as all that it depends on are done, and say what was stopped.

    `work` gives whether it succeeded. Where it did not, the keys that depend on it, also through
    others, are not started; all others are. The result has these keys, each with those that it
    waited for in vain. `failed` did not succeed earlier; what is in neither counts as done. After
    `stopping` says yes nothing is started, and what was not is in nobody's result.
    """
    waiting = dict.fromkeys(depends_on)
    lost = set(failed)
    blocked: list[str] = []
    running: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(jobs) as pool:
        while True:
            pending = {*waiting, *running.values()}
            for key in list(waiting):
                needs = depends_on[key]
                if not lost.isdisjoint(needs):
                    blocked.append(key)
                    lost.add(key)
                    del waiting[key]
                elif len(running) < jobs and not stopping() and pending.isdisjoint(needs):
                    running[pool.submit(work, key)] = key
                    del waiting[key]
            if not running:
                # Those behind one that was stopped in this round are looked at in the next.
                if stopping() or not any(lost.intersection(depends_on[key]) for key in waiting):
                    # Of several needs another may have failed since.
                    return {k: tuple(n for n in depends_on[k] if n in lost) for k in blocked}
                continue
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                key = running.pop(future)
                if not future.result():
                    lost.add(key)
