"""The grants of a kind's file, declared on a draft: the compiler writes every half of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.access.google import Member, On, OnBucket, OnRegistry, OnServiceAccount, WholeProject
from compiler.access.parties import (
    Assume,
    Events,
    Group,
    Images,
    KeyUse,
    Listing,
    Objects,
    Own,
    Packages,
    Provided,
    Role,
    Target,
)
from compiler.access.policy import sid
from compiler.blueprint import nodes
from compiler.blueprint.written import Written
from compiler.kinds.registries import tokens
from compiler.kinds.team.build import Building, Made
from compiler.kinds.team.file import Section, entries
from compiler.kinds.team.model import GrantPart, TargetPart
from compiler.organization.records import Home, Project


def declare(building: Building) -> None:
    """Every grant of the file."""
    for id_, entry in building.file.grants.items():
        if _called_as_another(building, id_, entry):
            continue
        if "role" in entries(entry.value):
            _bind(building, id_, entry)
        else:
            _grant(building, id_, entry)
    _enter_registries(building)


def _enter_registries(building: Building) -> None:
    """The token of those who move images, at the line of the grant that takes it."""
    draft = building.draft
    for images, token in tuple(tokens(draft.grants)):
        stack = token.principal.place.stack
        written = draft.written[stack, f"grant.{images.id}"]
        assert written.node is not None, "a grant has something below its id"
        if building.claim(token.id, nodes.Entry(written.span, written.node)):
            draft.grants.append(token)
            building.write_down(stack, f"grant.{token.id}", written)
            building.write_down(stack, f"statement.{sid(token.id)}", Written(written.span))


def _called_as_another(building: Building, id_: str, entry: nodes.Entry) -> bool:
    """Whether `for_each` gives the grant an id that another has: `reads-eu` in `prod`, `reads` in `eu-prod`."""
    draft = building.draft
    for other in building.file.grants if draft.several else ():
        rest = id_.removeprefix(f"{other}-")
        if rest == id_:
            continue
        homes = {each.home.name for each in draft.neighbours.named(draft.component.name)}
        for home in sorted(name for name in homes if f"{rest}-{name}" in homes):
            message = (
                f'the grants "{other}" and "{id_}" are both called "{id_}-{home}" under for_each'
            )
            building.problem(message, entry, "rename the grant")
            return True
    return False


def _owner(building: Building, category: str, entry: nodes.Entry) -> tuple[str, Section | None]:
    """The principal's name, as it is written, and the section that declares it."""
    node = entries(entry.value)["principal"].value
    name = str(nodes.plain(node))
    return name, building.file.parts(category).get(name)


# -------------------------------------------------------------------- AWS


def _grant(building: Building, id_: str, entry: nodes.Entry) -> None:
    name, section = _owner(building, "roles", entry)
    principals = building.made.get(("roles", name), [])
    assert section is not None, "the file was checked to declare it"
    numbers: dict[str, int] = {}
    for made in principals:
        scope = building.scope(section, made.home)
        grant = building.read(GrantPart, entry, scope, f'the grant "{id_}"')
        if grant is None:
            continue
        numbers[made.home.name] = numbers.get(made.home.name, 0) + 1
        ending = f"-{made.home.name}" if section.several or building.draft.several else ""
        ending += f"-{numbers[made.home.name]}" if _several_in(principals, made.home) else ""
        role: Role = made.party
        for suffix, target in _targets(building, grant.resource, made.home, section, role, entry):
            full = f"{id_}{ending}{suffix}"
            # What is granted of a key itself is called after the role and the key.
            if not isinstance(target, KeyUse) and not building.claim(full, entry):
                continue
            building.draft.grant(full, role, grant.actions, target, grant.conditions)
            for stack in {role.place.stack, _stack(target)} - {""}:
                building.write_down(stack, f"grant.{full}", Written(*entry))
                building.write_down(stack, f"statement.{sid(full)}", Written(entry.key_span))


def _several_in(principals: Sequence[Made], home: Home) -> bool:
    return sum(made.home.name == home.name for made in principals) > 1


def _stack(target: Target) -> str:
    for name in ("bucket", "key", "role", "repository", "group", "bus"):
        party = getattr(target, name, None)
        if party is not None:
            return str(party.place.stack)
    return ""


def _targets(
    building: Building,
    resource: TargetPart,
    home: Home,
    section: Section,
    role: Role,
    entry: nodes.Entry,
) -> Iterator[tuple[str, Target]]:
    """What the grant is about, with the end of its id: once for each account that has the part.

    A part that the principal's own section declares is that of the same account.
    """
    if resource.arn is not None:
        target = _by_arn(building, resource.arn, role, entry)
        if target is not None:
            yield "", target
        return
    for category, key in (
        ("buckets", resource.bucket),
        ("keys", resource.key),
        ("repositories", resource.repository),
        ("roles", resource.role),
        ("model_groups", resource.model_group or resource.packages),
        ("buses", resource.bus),
    ):
        if key is None:
            continue
        owner = building.file.parts(category)[key]
        same = owner.input == section.input
        for made in building.made.get((category, key), []):
            if same and made.home.name != home.name:
                continue
            suffix = f"-{made.home.name}" if owner.several and not same else ""
            yield suffix, _target(category, made, resource)


def _target(category: str, made: Made, resource: TargetPart) -> Target:
    party = made.party
    if category == "buckets":
        if resource.objects is not None:
            return Objects(party, resource.objects)
        return Listing(party, tuple(resource.prefixes))
    if category == "keys":
        return KeyUse(party)
    if category == "repositories":
        return Images(party)
    if category == "roles":
        return Assume(party)
    if category == "buses":
        return Events(party)
    return Group(party) if resource.model_group is not None else Packages(party)


def _by_arn(building: Building, arn: str, role: Role, entry: nodes.Entry) -> Target | None:
    """Something of the principal's own account; another account's half could not be written."""
    pieces = arn.split(":", 5)
    if arn == "*":
        return Own(role.place, "*")
    target = entries(entries(entry.value)["resource"].value)["arn"]
    if len(pieces) < 6 or pieces[0] != "arn":
        building.problem(
            f'"{arn}" is no ARN', target, "arn:aws:<service>:<region>:<account>:…, or *"
        )
        return None
    account = pieces[4]
    if account == "aws":
        return Provided(arn)
    if account not in ("", role.place.id):
        message = f'"{arn}" is of another account, whose half could not be written'
        building.problem(message, target, "declare what it is about as a part of the kind")
        return None
    return Own(role.place, arn)


# -------------------------------------------------------------------- Google


def _bind(building: Building, id_: str, entry: nodes.Entry) -> None:
    name, section = _owner(building, "service_accounts", entry)
    if section is None:
        home = building.draft.component.home
        _bind_one(building, id_, entry, None, home, None, "")
        return
    for made in building.made.get(("service_accounts", name), []):
        ending = f"-{made.home.name}" if section.several else ""
        _bind_one(building, id_, entry, made.party.member, made.home, section, ending)


def _bind_one(
    building: Building,
    id_: str,
    entry: nodes.Entry,
    member: Member | None,
    home: Home,
    section: Section | None,
    ending: str,
) -> None:
    scope = building.scope(section, home)
    grant = building.read(GrantPart, entry, scope, f'the grant "{id_}"')
    if grant is None:
        return
    said = grant.condition
    condition = (said.title, said.expression) if said else None
    for suffix, on in _places(building, grant.resource, home, section):
        full = f"{id_}{ending}{suffix}"
        if not building.claim(full, entry):
            continue
        building.draft.bind(full, member or Member(grant.principal), str(grant.role), on, condition)
        written = Written(*entry)
        building.write_down(on.site.stack, f"grant.{full}", written)
        building.write_down(on.site.stack, f"{on.type}.{full.replace('-', '_')}", written)


def _places(
    building: Building, resource: TargetPart, home: Home, section: Section | None
) -> Iterator[tuple[str, On]]:
    draft = building.draft
    if resource.service_account is not None:
        owner = building.file.parts("service_accounts")[resource.service_account]
        same = section is not None and owner.input == section.input
        for made in building.made.get(("service_accounts", resource.service_account), []):
            if same and made.home.name != home.name:
                continue
            account = made.party
            suffix = f"-{made.home.name}" if owner.several and not same else ""
            yield suffix, OnServiceAccount(account.site, account.account_id, account.address)
        return
    project = getattr(draft.component.inputs, str(resource.project))
    if not isinstance(project, Project):
        return
    site = draft.site(project)
    if resource.bucket is not None:
        yield "", OnBucket(site, resource.bucket, _address(building, project, resource.bucket))
    elif resource.repository is not None:
        address = _address(building, project, resource.repository)
        yield "", OnRegistry(site, resource.repository, str(resource.location), address)
    else:
        yield "", WholeProject(site)


_NAMED = {"google_storage_bucket": "name", "google_artifact_registry_repository": "repository_id"}


def _address(building: Building, project: Project, name: str) -> str | None:
    """The resource of the same stack that has that name, which a binding must come after."""
    return next(
        (
            resource.address
            for resource in building.draft.resources(project)
            if resource.arguments.get(_NAMED.get(resource.type, "")) == name
        ),
        None,
    )
