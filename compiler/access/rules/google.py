"""Rules of Google stacks: what no binding may say, and types that nobody should make any more.

`check_google` takes root modules by path and gives findings with codes E841 to E849; E817 and E819
are those of AWS's policies, for what cannot be read and for providers that trust everybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from compiler.access.evaluation.google import Allowed, bindings, modules
from compiler.access.evaluation.google_names import GoogleModule, is_known
from compiler.access.evaluation.module import Resource
from compiler.access.evaluation.text import HOLE, Text
from compiler.access.rules.google_members import PUBLIC, is_member, is_public
from compiler.access.rules.records import Finding
from compiler.terraform.document import Json

Documents = Mapping[str, Mapping[str, Json]]

# Source: IAM documentation, "Basic and predefined roles".
BASIC = frozenset(
    f"roles/{name}" for name in ("owner", "editor", "viewer", "admin", "writer", "reader")
)
# What a service account as a resource takes of a platform.
# Source: IAM documentation, "Roles for service account authentication".
ACCOUNT_ROLES = (
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.serviceAccountUser",
    "roles/iam.workloadIdentityUser",
)
_ROLE = re.compile(r"roles/[A-Za-z0-9_.]+|(?:projects|organizations)/[a-z0-9:.-]+/roles/[\w.]+")
# Source: IAM documentation, "Create and manage custom roles", where each can be granted.
_OWN_ROLE = re.compile(r"projects/([^/]+)/roles/")
# Whole policies that would lock out whoever else has a role there.
_WHOLE = ("google_folder", "google_organization", "google_project")

# Types that Google has retired, or that only the beta provider has, and what takes their place.
# Sources: the provider's upgrade guides for 7.0.0 and 8.0.0; Vertex AI documentation, "Feature Store
# (Legacy)"; Cloud TPU documentation, "TPU Node deprecation"; the provider's documentation of each.
REFUSED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"google_ml_engine_\w+", "AI Platform is retired: use Vertex AI"),
        (
            r"google_notebooks_\w+",
            "user-managed notebooks are retired: use google_workbench_instance",
        ),
        (r"google_tpu_node", "TPU nodes are retired: use a node pool or a TPU VM"),
        (r"google_tpu_v2_\w+", "only the beta provider has it: use a GKE node pool with TPUs"),
        (
            r"google_vertex_ai_featurestore\w*",
            "the legacy feature store is retired: use google_vertex_ai_feature_online_store",
        ),
        (r"google_container_registry", "Container Registry is retired: use Artifact Registry"),
        (
            r"google_project_service_identity",
            "only the beta provider has it: write the agent's address from the project's number",
        ),
        (
            r"google_vertex_ai_\w+_iam_(?:member|binding|policy)",
            "only the beta provider has it: bind roles/aiplatform.* on the project",
        ),
        (r"google_vertex_ai_metadata_store", "only the beta provider has it: leave it out"),
    )
)


def check_google(documents: Documents) -> Iterator[Finding]:
    """What is wrong with the Google stacks among these root modules."""
    allowed = bindings(documents)
    for each in allowed:
        for rule in BINDING_RULES:
            yield from rule(each)
    yield from _fighting(allowed)
    for module in modules(documents):
        yield from _types(module)
        for resource in module.resources("google_project_service"):
            yield from _disabling(module, resource)
        for resource in module.resources("google_iam_workload_identity_pool_provider"):
            yield from _unconditional(module, resource)


def _unreadable(allowed: Allowed) -> Iterator[Finding]:
    for argument, text in (
        ("member", allowed.member),
        ("role", allowed.role),
        (allowed.target, allowed.resource),
    ):
        if not is_known(text):
            yield _finding(
                allowed,
                "E817",
                argument,
                f'"{shown(text)}" is known only to Terraform',
                "write the member, the role and the resource as text",
            )
            return


def _roles(allowed: Allowed) -> Iterator[Finding]:
    role = shown(allowed.role)
    if role in BASIC or shown(allowed.member).startswith(
        ("projectOwner:", "projectEditor:", "projectViewer:")
    ):
        what = role if role in BASIC else shown(allowed.member)
        yield _finding(
            allowed,
            "E841",
            "role" if role in BASIC else "member",
            f'"{what}" is a basic role, or whoever has one',
            "name the roles of the services that are needed: roles/aiplatform.user",
        )
    elif role.startswith("roles/ml."):
        yield _finding(
            allowed,
            "E842",
            "role",
            f'"{role}" is a role of AI Platform, which is retired',
            "use a role of Vertex AI: roles/aiplatform.user",
        )
    elif (owner := _OWN_ROLE.match(role)) and owner[1] != allowed.project:
        yield _finding(
            allowed,
            "E842",
            "role",
            f'"{role}" can be bound in its own project only, and this is {allowed.project}',
            "define the role in each project, or in the organisation",
        )
    elif is_known(allowed.role) and allowed.mode != "list" and not _ROLE.fullmatch(role):
        yield _finding(
            allowed,
            "E842",
            "role",
            f'"{role}" is no role\'s name',
            "write roles/<service>.<role>, or projects/<id>/roles/<role> for an own one",
        )


def _agents(allowed: Allowed) -> Iterator[Finding]:
    if "serviceAgent" in shown(allowed.role):
        yield _finding(
            allowed,
            "E844",
            "role",
            f'"{shown(allowed.role)}" is for Google\'s own service agents',
            "name a role that is made for people or workloads; an agent gets its own from Google, or, "
            "made on request, once by hand (gcloud projects add-iam-policy-binding)",
        )


def _members(allowed: Allowed) -> Iterator[Finding]:
    member = shown(allowed.member)
    if is_public(member):
        yield _finding(
            allowed,
            "E845",
            "member",
            f'"{member}" is everybody',
            "name a group, a service account or a workload",
        )
    elif is_known(allowed.member) and allowed.mode != "list" and not is_member(member):
        if member.startswith(("projectOwner:", "projectEditor:", "projectViewer:")):
            return
        yield _finding(
            allowed,
            "E849",
            "member",
            f'"{member}" has no form that allow policies know',
            "write group:ml@acme.example, serviceAccount:<address>, or "
            "principal://iam.googleapis.com/projects/<number>/…",
        )


def _accounts(allowed: Allowed) -> Iterator[Finding]:
    if allowed.target != "google_service_account" or not is_known(allowed.resource):
        return
    if not shown(allowed.resource).startswith("//iam.googleapis.com/projects/"):
        given = shown(allowed.resource).removeprefix("//iam.googleapis.com/")
        yield _finding(
            allowed,
            "E846",
            "service_account_id",
            f'"{given}" is no resource name',
            "write projects/<project id>/serviceAccounts/<address>",
        )
    if is_known(allowed.role) and allowed.role not in ACCOUNT_ROLES:
        yield _finding(
            allowed,
            "E846",
            "role",
            f'a service account as a resource does not take "{shown(allowed.role)}"',
            "bind it on the project, or use one of " + ", ".join(ACCOUNT_ROLES),
        )


BINDING_RULES: tuple[Callable[[Allowed], Iterator[Finding]], ...] = (
    _unreadable,
    _roles,
    _agents,
    _members,
    _accounts,
)


def _fighting(allowed: tuple[Allowed, ...]) -> Iterator[Finding]:
    """E843: two resources of Terraform that take a role from each other's members."""
    first: dict[tuple[str, str, str], Allowed] = {}
    whole: dict[tuple[str, str], Allowed] = {}
    for each in allowed:
        if each.mode == "policy":
            whole.setdefault((each.target, shown(each.resource)), each)
        elif each.mode == "binding":
            first.setdefault((each.target, shown(each.resource), shown(each.role)), each)
    told: set[tuple[str, str]] = set()
    for each in allowed:
        place = (each.stack, each.address)
        if place in told or each.mode == "list":
            continue
        owner = whole.get((each.target, shown(each.resource))) or first.get(
            (each.target, shown(each.resource), shown(each.role))
        )
        if each.mode == "policy" and each.target in _WHOLE:
            words = "replaces every binding there is, also those that Google makes"
        elif owner is not None and (owner.stack, owner.address) != place:
            words = f"and {owner.stack} {owner.address} take members from each other"
        else:
            continue
        told.add(place)
        yield _finding(
            each,
            "E843",
            "policy_data" if each.mode == "policy" else "role",
            f"{each.address.partition('.')[0]} {words}",
            "use google_…_iam_member for each member",
        )


def _types(module: GoogleModule) -> Iterator[Finding]:
    """E848: types of the past, and of the beta provider."""
    for prefix, section in (("", "resource"), ("data.", "data")):
        types = module.document.get(section)
        for type_, named in types.items() if isinstance(types, Mapping) else ():
            instead = next((hint for form, hint in REFUSED if form.fullmatch(type_)), None)
            for name in named if instead and isinstance(named, Mapping) else ():
                yield Finding(
                    code="E848",
                    message=f"{type_} is not to be used",
                    hint=instead or "",
                    stack=module.stack,
                    address=f"{prefix}{type_}.{name}",
                    argument="type",
                    sid="",
                )


def _disabling(module: GoogleModule, service: Resource) -> Iterator[Finding]:
    """E847: destroying the stack would turn the service off for everything in the project."""
    if service.arguments.get("disable_on_destroy") is not False:
        yield Finding(
            code="E847",
            message="disable_on_destroy is not false",
            hint="write disable_on_destroy: false",
            stack=module.stack,
            address=service.address,
            argument="disable_on_destroy",
            sid="",
        )


def _unconditional(module: GoogleModule, provider: Resource) -> Iterator[Finding]:
    """E819: a provider whose every token is taken."""
    condition = provider.arguments.get("attribute_condition")
    if "oidc" in provider.arguments and not (isinstance(condition, str) and condition.strip()):
        yield Finding(
            code="E819",
            message="every token of the issuer is trusted",
            hint="add attribute_condition: assertion.repository == 'acme/platform'",
            stack=module.stack,
            address=provider.address,
            argument="attribute_condition",
            sid="",
        )


def shown(text: Text) -> str:
    """A text for people: what Terraform fills in is `…`."""
    return (text if isinstance(text, str) else text.text).replace(HOLE, "…")


def _finding(allowed: Allowed, code: str, argument: str, message: str, hint: str) -> Finding:
    return Finding(
        code=code,
        message=message,
        hint=hint,
        stack=allowed.stack,
        address=allowed.address,
        argument=argument,
        sid="",
    )


__all__ = ["ACCOUNT_ROLES", "BASIC", "PUBLIC", "REFUSED", "check_google", "shown"]
