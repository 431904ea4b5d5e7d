"""A Terraform for tests: does what `fake.json` in the stack's folder says, and writes a log.

`fake.json`: {"actions": {address: [action]}, "fail": step, "hang": step, "stubborn": bool}. What is
applied stands in `terraform.tfstate` as `{"resources": [...]}`. The log, in FAKE_LOG, has a line for
each start and end: `begin plan aws/a/c`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def log(text: str) -> None:
    with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as file:
        file.write(text + "\n")


def main() -> int:
    folder = Path(sys.argv[1].removeprefix("-chdir="))
    step, *words = sys.argv[2:]
    name = "/".join(folder.parts[-3:])
    file = folder / "fake.json"
    told = json.loads(file.read_text()) if file.exists() else {}
    log(f"begin {step} {name}")
    if told.get("hang") == step:
        return hang(told, step, name)
    time.sleep(0.02)
    if told.get("fail") == step:
        print("working on it")
        print(f"Error: cannot {step}\n\nthe reason", file=sys.stderr)
        return 1
    code = STEPS[step](folder, told, words)
    log(f"end {step} {name}")
    return code


def hang(told: dict, step: str, name: str) -> int:
    """Ends on SIGINT; a stubborn one only when it is killed."""

    def interrupted(number: int, frame: object) -> None:
        log(f"SIGINT {step} {name}")
        if not told.get("stubborn"):
            print("Error: interrupted", file=sys.stderr)
            sys.exit(1)

    signal.signal(signal.SIGINT, interrupted)
    log(f"hanging {step} {name}")
    for _ in range(600):
        time.sleep(0.1)
    return 1


def init(folder: Path, told: dict, words: list[str]) -> int:
    lock = folder / ".terraform.lock.hcl"
    if not lock.exists():
        log(f"chose versions {'/'.join(folder.parts[-3:])}")
        lock.write_text("# made by init\n")
    assert Path(os.environ["TF_PLUGIN_CACHE_DIR"]).is_dir()
    return 0


def plan(folder: Path, told: dict, words: list[str]) -> int:
    print("\x1b[31mPlan:\x1b[0m something\n\nsecond line")
    out = next(word for word in words if word.startswith("-out=")).removeprefix("-out=")
    state = folder / "terraform.tfstate"
    there = json.loads(state.read_text())["resources"] if state.exists() else []
    document = json.loads((folder / "main.tf.json").read_text())
    wanted = [f"{t}.{n}" for t, names in document.get("resource", {}).items() for n in names]
    actions = {a: ["no-op"] if a in there else ["create"] for a in wanted}
    actions |= {address: ["delete"] for address in there if address not in wanted}
    actions |= told.get("actions", {})
    changes = [{"address": a, "change": {"actions": b}} for a, b in actions.items()]
    Path(out).write_text(json.dumps({"resource_changes": changes, "wanted": wanted}))
    return 0


def show(folder: Path, told: dict, words: list[str]) -> int:
    print(Path(words[-1]).read_text())
    return 0


def apply(folder: Path, told: dict, words: list[str]) -> int:
    wanted = json.loads(Path(words[-1]).read_text())["wanted"]
    (folder / "terraform.tfstate").write_text(json.dumps({"resources": wanted}))
    print("Apply complete!")
    return 0


def providers(folder: Path, told: dict, words: list[str]) -> int:
    lock = folder / ".terraform.lock.hcl"
    before = lock.read_text() if lock.exists() else "# fresh\n"
    platforms = [word for word in words if word.startswith("-platform=")]
    asked = sorted(json.loads((folder / "main.tf.json").read_text())["terraform"])
    lock.write_text(before + f"# {asked} {' '.join(platforms)}\n")
    return 0


STEPS = {"init": init, "plan": plan, "show": show, "apply": apply, "providers": providers}

if __name__ == "__main__":
    sys.exit(main())
