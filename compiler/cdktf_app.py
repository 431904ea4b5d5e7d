"""The blueprints as an app of the cdktf command line: `cdktf synth`, `cdktf diff <stack>`, and so on.

`cdktf.json` names this module. It takes the folder `blueprints/` of the working directory and writes
the stacks that `landform compile` writes, as `<organization>_<cloud>_<account>_<component>`, into the
folder that the command line names in CDKTF_OUTDIR (else `cdktf.out`). Exit codes are `landform`'s.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from compiler.cli.render import render
from compiler.compilation import compile_blueprints
from compiler.diagnostics import has_errors
from compiler.terraform.document import Json, document
from compiler.terraform.stack import Stack
from compiler.terraform.synth import EngineError, build_app

BLUEPRINTS = Path("blueprints")


def stack_id(organization: str, stack: Stack) -> str:
    """`acme_aws_shared_churn`: none of the four parts has an underscore, so ids cannot meet."""
    return f"{organization}_{stack.path.replace('/', '_')}"


def write_app(organizations: Mapping[str, Iterable[Stack]], outdir: Path) -> None:
    """Write every stack of every organisation, with its assets. Raises as `build_app` does."""
    stacks: dict[str, Mapping[str, Json]] = {}
    assets: dict[str, dict[str, bytes]] = {}
    for organization, members in organizations.items():
        for stack in members:
            name = stack_id(organization, stack)
            stacks[name] = document(stack)
            assets[name] = {asset.path: asset.content for asset in stack.assets}
    build_app(stacks, assets, outdir)


def main() -> int:
    """Compile and write. Problems go to standard error, which the command line shows."""
    compilation = compile_blueprints(BLUEPRINTS)
    found = compilation.diagnostics
    sys.stderr.write(render(found, compilation.sources, "text", color=False))
    if has_errors(found):
        return 1
    compiled = {one.organization: one.stacks for one in compilation.blueprints}
    try:
        write_app(compiled, Path(os.environ.get("CDKTF_OUTDIR") or "cdktf.out"))
    except EngineError as error:
        print(error, file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
