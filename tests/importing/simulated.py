"""A simulated AWS Organization, and what the command says of it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from click.testing import CliRunner, Result

from compiler.cli.entry import landform

REGION = "us-east-1"


@dataclass
class Organization:
    """Makes units and accounts; `ids` are those of the accounts, by the names they were made with."""

    client: Any = field(default_factory=lambda: boto3.client("organizations", region_name=REGION))
    root: str = ""
    id: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.id = self.client.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        self.root = self.client.list_roots()["Roots"][0]["Id"]

    def unit(self, path: str) -> str:
        """`Workloads/Dev`, with what is above it."""
        if path not in self.units:
            above, _, name = path.rpartition("/")
            parent = self.unit(above) if above else self.root
            made = self.client.create_organizational_unit(ParentId=parent, Name=name)
            self.units[path] = made["OrganizationalUnit"]["Id"]
        return self.units[path]

    def account(self, name: str, unit: str = "", tags: Mapping[str, str] | None = None) -> str:
        made = self.client.create_account(Email=f"{len(self.ids)}@acme.example", AccountName=name)
        id: str = made["CreateAccountStatus"]["AccountId"]
        self.ids[name] = id
        if unit:
            self.move(id, self.root, self.unit(unit))
        if tags:
            self.tag(id, tags)
        return id

    def tag(self, id: str, tags: Mapping[str, str]) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.client.tag_resource(ResourceId=id, Tags=pairs)

    def move(self, id: str, source: str, target: str) -> None:
        self.client.move_account(AccountId=id, SourceParentId=source, DestinationParentId=target)


def grown(made: Organization, accounts: int) -> Organization:
    """Units four levels deep, one of which holds more accounts than a page; names of all sorts."""
    chance = random.Random(7)
    paths = ["Security", "Workloads", "Sandbox (People)"]
    for environment in ("Dev", "Test", "Prod"):
        for team in ("Payments", "Search & Ads", "Données"):
            paths += [f"Workloads/{environment}/{team}", f"Workloads/{environment}/{team}/EU"]
    for number in range(accounts - 1):
        # The management account is one too.
        path = chance.choice(paths) if number % 5 else "Workloads/Prod/Payments"
        name = chance.choice([f"Team {number}", f"team-{number % 20}", f"{number} Prod", "Legacy"])
        made.account(name, path, {"env": path.split("/")[-1].strip("()"), "n": str(number)})
    return made


def run(*arguments: str | Path) -> Result:
    """`landform import`, in this process."""
    return CliRunner().invoke(landform, ["import", *map(str, arguments)], catch_exceptions=False)
