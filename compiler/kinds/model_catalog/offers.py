"""The products: what each of their versions deploys, found in a hub or read from the team's files."""

from __future__ import annotations

from compiler.blueprint.cloudformation import CloudFormation, read_template
from compiler.data import image_registries
from compiler.diagnostics import Diagnostic
from compiler.kinds.draft import Draft
from compiler.kinds.model_catalog.inputs import Inputs, Product
from compiler.kinds.model_catalog.names import (
    ENDPOINT,
    PRODUCT_LENGTH,
    Offer,
    logical_id,
    run_role_name,
)
from compiler.kinds.model_catalog.templates import INSTANCE_TYPE, MAX_INSTANCES
from compiler.kinds.model_hub.names import HubGroup, find_group
from compiler.organization.records import Component


def offers(draft: Draft) -> tuple[Offer, ...] | None:
    """Every product, by name; None, with reports, where something is wrong with one."""
    inputs: Inputs = draft.component.inputs
    found = [_offer(draft, name, given) for name, given in sorted(inputs.products.items())]
    if not all(found):
        return None
    made = tuple(offer for offer in found if offer)
    return made if _apart(draft, made) else None


def _apart(draft: Draft, found: tuple[Offer, ...]) -> bool:
    """Whether no two products of other roles call their endpoints alike: a role writes the logs of all
    endpoints that are called as its own."""
    seen: dict[str, Offer] = {}
    for offer in found:
        if offer.group is None:
            continue
        other = seen.setdefault(logical_id(draft, offer.name, ENDPOINT), offer)
        if other.runs_as != offer.runs_as:
            draft.problem(
                "E204",
                f'component "{draft.component.name}": the endpoints of the products "{other.name}" and '
                f'"{offer.name}" are called alike, and each could write the other\'s logs',
                hint=f"another name: its first {PRODUCT_LENGTH} letters and digits are to differ",
                at=("products", offer.name),
            )
            return False
    return True


def _offer(draft: Draft, name: str, given: Product) -> Offer | None:
    if given.from_ is not None:
        at = ("products", name, "from")
        group = find_group(draft, given.from_.hub, given.from_.group, at, registry=True)
        if group is None or not _servable(draft, group, at):
            return None
        return Offer(name=name, given=given, group=group, templates={}, reads=(group,), runs=True)
    reads = _reads(draft, name, given)
    templates = _templates(draft, name, given)
    if reads is None or templates is None:
        return None
    own = run_role_name(draft, name)
    runs = any(role == own for each in templates.values() for role, _ in each.roles())
    if given.reads and not runs:
        draft.problem(
            "E204",
            f'component "{draft.component.name}": "products.{name}.reads" is for the role "{own}", '
            "which no template of the product hands on",
            hint=f"write role/{own} in the template, or leave reads out",
            at=("products", name, "reads"),
        )
        return None
    return Offer(name=name, given=given, group=None, templates=templates, reads=reads, runs=runs)


def _reads(draft: Draft, name: str, given: Product) -> tuple[HubGroup, ...] | None:
    """The groups that a team's template reads."""
    found = []
    for index, each in enumerate(given.reads):
        group = find_group(draft, each.hub, each.group, ("products", name, "reads", index))
        if group is not None:
            found.append(group)
    return tuple(found) if len(found) == len(given.reads) else None


def _servable(draft: Draft, group: HubGroup, at: tuple[str, ...]) -> bool:
    """Whether the execution role would know what to pull."""
    if group.repository or group.image:
        return True
    draft.problem(
        "E342",
        f'component "{draft.component.name}": "{".".join(at)}.group" names "{group.name}", which has '
        'neither "repository" nor "image": nothing could be pulled',
        hint="write repository: under the group",
        at=(*at, "group"),
    )
    return False


def _templates(draft: Draft, name: str, given: Product) -> dict[str, CloudFormation] | None:
    """The template of each version, by the version's name."""
    found: dict[str, CloudFormation] = {}
    for index, version in enumerate(given.versions):
        at: tuple[str | int, ...] = ("products", name, "template")
        if version.template:
            at = ("products", name, "versions", index, "template")
        path = version.template or given.template
        assert path is not None, "a product without a hub has a template"
        template = _template(draft, path, at)
        if template is not None and _fits(draft, template, name, given):
            found[version.name] = template
    return found if len(found) == len(given.versions) else None


def _template(draft: Draft, path: str, at: tuple[str | int, ...]) -> CloudFormation | None:
    source = draft.beside.read(path)
    if source is None:
        draft.problem(
            "E204",
            f'component "{draft.component.name}": "{".".join(map(str, at))}" names "{path}", which is '
            "not there",
            hint="the path is below the folder of the blueprint",
            at=at,
        )
        return None
    if isinstance(source, Diagnostic):
        draft.diagnostics.append(source)
        return None
    template, problems = read_template(source.text, source.path)
    draft.diagnostics += [each for each in problems if each not in draft.diagnostics]
    return template


def _fits(draft: Draft, template: CloudFormation, name: str, given: Product) -> bool:
    """Whether the template has the parameters that are constrained, and no account's id but a hub's,
    whose artifacts and images are read from everywhere."""
    before = len(draft.diagnostics)
    wanted = {"instance": INSTANCE_TYPE, "max_instances": MAX_INSTANCES}
    for key, parameter in wanted.items():
        if getattr(given.parameters, key) and parameter not in template.parameters:
            draft.problem(
                "E204",
                f'component "{draft.component.name}": "products.{name}.parameters.{key}" is about the '
                f'parameter "{parameter}", which "{template.path}" does not have',
                hint=f"its parameters: {', '.join(template.parameters) or 'none'}",
                at=("products", name, "parameters", key),
            )
    _own_role(draft, template, name)
    _own_account(draft, template, given)
    return len(draft.diagnostics) == before


def _own_account(draft: Draft, template: CloudFormation, given: Product) -> None:
    """Report the id of an account: a template is launched in several. Those of hubs are theirs, and those
    of AWS's registries are AWS's."""
    known = {account.id: account.name for account in draft.organization.accounts.values()}
    hubs = {each.inputs.account.id for each in draft.neighbours.such("model-hub", _any)}
    meant = {*image_registries(), *given.accounts, *known}
    strangers = {each for each in template.owners() if each[0] not in meant}
    for id, span in dict.fromkeys(template.accounts()):
        if id in known and id not in hubs:
            draft.problem(
                "E204",
                f'"{template.path}" holds the id {id} of account "{known[id]}", and is launched in '
                "others too",
                span,
                "write ${AWS::AccountId}, or make it a parameter",
            )
        elif (id, span) in strangers:
            draft.problem(
                "E204",
                f'"{template.path}" holds the id {id} of an account that is not the blueprint\'s',
                span,
                "write ${AWS::AccountId}, or make it a parameter; where it is meant, list it under the "
                f'product: accounts: ["{id}"]',
            )


def _own_role(draft: Draft, template: CloudFormation, name: str) -> None:
    """Report the role of another product, or of no product: what is launched reads its own models."""
    inputs: Inputs = draft.component.inputs
    own = run_role_name(draft, name)
    # A name over IAM's limit is shortened: as it would be otherwise, it is nobody's.
    others = {draft.prefix(f"{other}-run"): "of no product" for other in inputs.products}
    others |= {run_role_name(draft, other): f'of product "{other}"' for other in inputs.products}
    others |= {draft.prefix("run"): "of no product"}
    for role, span in template.roles():
        if role in others and role != own:
            draft.problem(
                "E204",
                f'"{template.path}" names the role "{role}" {others[role]}, and is launched as '
                f'product "{name}"',
                span,
                f"write role/{own}",
            )


def _any(_: Component) -> bool:
    return True
