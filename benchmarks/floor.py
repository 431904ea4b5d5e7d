"""The floor: what the same files cost with nothing but the standard library.

`json.dumps` of every root module, and all files written where nothing was. Reading them first is not counted.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from benchmarks.measure import Taken


def floor(tree: Path, scratch: Path) -> Taken:
    """Write the files of `tree` again, below `scratch`, which is removed at the end."""
    documents, others = {}, {}
    for path in sorted(tree.rglob("*")):
        if path.is_file():
            content, name = path.read_bytes(), path.relative_to(tree)
            if path.suffix == ".json":
                documents[name] = json.loads(content)
            else:
                others[name] = content
    begin, used = time.perf_counter(), time.process_time()
    for name, document in documents.items():
        others[name] = json.dumps(document, indent=2, sort_keys=True).encode()
    for name, content in others.items():
        target = scratch / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    taken = Taken(
        wall=time.perf_counter() - begin,
        cpu=time.process_time() - used,
        peak=0,
    )
    shutil.rmtree(scratch)
    return taken
