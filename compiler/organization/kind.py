"""What a kind is: a record of a name, a model of its inputs and a function that builds its stacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from compiler.blueprint.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of component.

    `home` is the input whose first account or project is the component's own: it gives the region
    and the scope of expressions; a kind that cannot be read has none. `per` says that the kind is
    for one account or project and may use `for_each`; `home` is then set to each match. `scopes` maps an input to the input that
    names the accounts it is about: such an input is evaluated in the scope of each of them.
    `build` takes the draft of a component (`compiler.kinds.draft.Draft`) and declares its parts.
    `in_projects` says that `home` names Google projects; `manual` is the kind's page where its module
    has none.
    """

    name: str
    summary: str
    inputs: type[Shape]
    build: Callable[[Any], None]
    home: str
    per: Literal["account", "project"] | None = None
    scopes: Mapping[str, str] = field(default_factory=dict)
    in_projects: bool = False
    manual: str = ""
