"""The affected stacks for the tools that plan them: GitHub's matrix, GitLab's child pipeline, Atlantis.

Each keeps the order of applying: what is in a later wave waits. What has no folder any more is in none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from compiler.cli.affected_report import entry
from compiler.diff.affected import Affected

# A matrix makes at most 256 jobs:
# https://docs.github.com/en/actions/reference/limits#existing-system-limits
MATRIX = 256


def _waves(found: Sequence[Affected]) -> Iterator[tuple[int, list[Affected]]]:
    planned = sorted(
        (one for one in found if one.planned), key=lambda one: (one.view.wave, one.key)
    )
    for wave, members in groupby(planned, key=lambda one: one.view.wave):
        yield wave, list(members)


# ---- GitHub Actions


def as_matrix(found: Sequence[Affected], out: str) -> str:
    """One line: `{"count", "chunks": [{"name", "wave", "matrix": {"include": […]}}]}`.

    A chunk is what one matrix can hold, and of one wave. Chunk after chunk is the order of applying.
    A matrix without jobs is an error of GitHub's, so a workflow asks `count` first.
    """
    chunks = []
    for wave, members in _waves(found):
        parts = [members[start : start + MATRIX] for start in range(0, len(members), MATRIX)]
        for number, part in enumerate(parts, start=1):
            name = f"wave {wave}" if len(parts) == 1 else f"wave {wave}, {number} of {len(parts)}"
            include = [entry(one, out) for one in part]
            chunks.append({"name": name, "wave": wave, "matrix": {"include": include}})
    count = sum(len(members) for _, members in _waves(found))
    return json.dumps({"count": count, "chunks": chunks}, separators=(",", ":")) + "\n"


# ---- GitLab


def as_gitlab(found: Sequence[Affected], out: str, include: str | None) -> str:
    """A child pipeline: a job for each stack, a stage for each wave.

    All jobs extend `.landform`, which the file `include` of the repository defines, or this one. A
    pipeline without jobs is an error of GitLab's (gitlab-org/gitlab#368248), so there is always one. Not
    `needs`, of which a job has at most 50: stages say the same.
    """
    waves = list(_waves(found))
    lines = ["# Made by landform affected."]
    if include:
        lines += ["include:", f"  - local: {_text(include)}"]
    stages = [f"wave-{wave}" for wave, _ in waves] or ["none"]
    lines += ["stages:", *(f"  - {stage}" for stage in stages)]
    if not include:
        lines += [
            ".landform:",
            "  script:",
            '    - terraform -chdir="$LANDFORM_FOLDER" init -input=false',
            '    - terraform -chdir="$LANDFORM_FOLDER" plan -input=false',
        ]
    if not waves:
        lines += ["nothing:", "  stage: none", "  script:", "    - echo no stack is affected"]
    for wave, members in waves:
        for one in members:
            lines += _job(one, wave, out)
    return "\n".join(lines) + "\n"


def _job(one: Affected, wave: int, out: str) -> Iterator[str]:
    values = {
        "LANDFORM_STACK": one.key,
        "LANDFORM_FOLDER": f"{out}/{one.key}",
        "LANDFORM_ACTION": one.action,
        "LANDFORM_HOME": one.view.home,
        "LANDFORM_ID": one.view.id,
        "LANDFORM_REGION": one.view.region,
    }
    yield f"{_text(one.key)}:"
    yield "  extends: .landform"
    yield f"  stage: wave-{wave}"
    # One at a time for each state, whichever pipeline it is.
    yield f"  resource_group: {_text(one.key)}"
    yield "  variables:"
    yield from (f"    {name}: {_text(value)}" for name, value in values.items())


def _text(value: str) -> str:
    """A text of YAML: JSON's are among them."""
    return json.dumps(value)


# ---- Atlantis


def as_atlantis(found: Sequence[Affected], out: str) -> str:
    """`atlantis.yaml`, version 3, with projects alone: the rest is the server's and the team's.

    `execution_order_group` and not `depends_on`: with both an `atlantis apply` of several refuses
    what it has just made possible (runatlantis/atlantis#5791). Everything in a stack's folder counts as
    modified, as assets are no Terraform files. Without members Atlantis would look for projects
    itself, so there that is turned off. Keys: server/core/config/raw/ in runatlantis/atlantis.
    """
    lines = ["# Made by landform affected.", "version: 3"]
    waves = list(_waves(found))
    if not waves:
        return "\n".join([*lines, "autodiscover:", "  mode: disabled", "projects: []"]) + "\n"
    lines.append("projects:")
    for wave, members in waves:
        for one in members:
            lines += [
                f"  - name: {_text(one.key)}",
                f"    dir: {_text(f'{out}/{one.key}')}",
                f"    execution_order_group: {wave}",
                "    autoplan:",
                "      enabled: true",
                '      when_modified: ["**/*"]',
            ]
    return "\n".join(lines) + "\n"
