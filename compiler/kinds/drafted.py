"""The stack of a component in one account or project, as long as things are added to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from compiler.access.google import Site
from compiler.access.parties import Place
from compiler.data import dns_suffix
from compiler.organization.records import Component, Home, Organization, Project
from compiler.organization.roots import aws_providers, google_providers, label, terraform_block
from compiler.terraform.stack import Asset, Output, Resource, Stack, Variable, odd

# Source: Terraform, "Identifiers"; only what is ASCII.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(slots=True)
class Drafted:
    """A stack so far. `place` is None on Google, `site` on AWS."""

    home: Home
    path: str
    region: str
    place: Place | None = None
    site: Site | None = None
    resources: list[Resource] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    depends_on: set[str] = field(default_factory=set)
    claims: list[tuple[str, str]] = field(default_factory=list)
    creates_deploy_role: bool = False

    def hold(self, part: Resource | Output) -> None:
        """Add it. Raises TypeError for what is no value of Terraform's JSON."""
        given = [part.arguments, part.lifecycle] if isinstance(part, Resource) else part.value
        for wrong in odd(given):
            raise TypeError(f"{part.address}: {wrong}")
        if isinstance(part, Resource):
            self.resources.append(part)
        else:
            self.outputs.append(part)

    def defects(self) -> Iterator[str]:
        """Names that Terraform would not take, and different things of one address."""
        first: dict[str, Resource | Output] = {}
        parts: list[Resource | Output] = [*self.resources, *self.outputs]
        for part in parts:
            if first.setdefault(part.address, part) != part:
                yield f"two that differ are called {part.address}"
        for address, part in first.items():
            if not _NAME.fullmatch(part.name):
                yield f"{address}: a name in Terraform has letters, digits, _ and -, no digit first"

    def stack(self, organization: Organization, component: Component) -> Stack:
        """The stack as it is now, with providers and state."""
        home = self.home
        tags, bootstrap = tags_in(home, component), self.creates_deploy_role
        if isinstance(home, Project):
            providers = google_providers(organization, home, self.region, tags, bootstrap=bootstrap)
        else:
            providers = aws_providers(organization, home, self.region, tags, bootstrap=bootstrap)
        return Stack(
            cloud=home.cloud,
            account=home.name,
            account_id=home.id,
            component=component.name,
            kind=component.kind,
            region=self.region,
            terraform=terraform_block(organization, home.cloud, self.path),
            providers=providers,
            resources=tuple(self.resources),
            outputs=tuple(self.outputs),
            variables=tuple(self.variables),
            assets=tuple(self.assets),
            depends_on=tuple(sorted(self.depends_on)),
            claims=tuple(self.claims),
            creates_deploy_role=self.creates_deploy_role,
        )


def empty(organization: Organization, home: Home, path: str, region: str) -> Drafted:
    """The stack at `path` before anything is added."""
    if isinstance(home, Project):
        site = Site(project=home.name, id=home.id, number=home.number, stack=path, region=region)
        return Drafted(home, path, region, site=site)
    place = Place(
        account=home.name,
        id=home.id,
        stack=path,
        partition=organization.partition,
        region=region,
        organization=organization.aws_id,
        suffix=dns_suffix(organization.partition),
    )
    return Drafted(home, path, region, place=place)


def tags_in(home: Home, component: Component) -> dict[str, str]:
    """The tags of everything of the component in that account; labels on Google."""
    tags = {**home.tags, "landform-component": component.name, **component.tags}
    if isinstance(home, Project):
        tags = {label(key): label(value) for key, value in tags.items()}
    return dict(sorted(tags.items()))
