"""Access that stands in no policy of IAM, as the generated files give it.

Takes root modules by path, gives one `Given` for each principal, what it gets, and on what: access
entries of EKS and their access policies, roles of pods, Kubernetes roles of fleets, shares of Service
Catalog and RAM, principals of portfolios, attached policies of AWS; and roles of services and of identity
providers, whose trust policies no grant writes. What only the cloud knows becomes a
symbol, as in `Module`; what only Terraform knows is in `unknown`.
Sources: the provider's documentation of each type; EKS user guide, "Grant IAM users access to
Kubernetes with EKS access entries"; Service Catalog API reference, CreatePortfolioShare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from compiler.access.evaluation.attachments import attachments
from compiler.access.evaluation.google_names import google_module, resource_name
from compiler.access.evaluation.module import Module, Resource, Value, module
from compiler.access.evaluation.text import HOLE, Partial, Text, joined, split
from compiler.access.evaluation.text import unknown as unknown_text
from compiler.access.ledger import Side
from compiler.data import eks_addons
from compiler.terraform.document import Json

Documents = Mapping[str, Mapping[str, Json]]

# Who no grant is for: AWS's services, and identity providers.
PROVIDED = ("Service", "Federated")
ENTRY = "aws_eks_access_entry"
# What an entry gives that has neither a policy nor a group: the rights of everybody signed in.
SIGNED_IN = "kubernetes:system:authenticated"
CREATOR_POLICY = "AmazonEKSClusterAdminPolicy"
_FLEET = "google_gke_hub_scope_rbac_role_binding"
_POLICY_START = ":eks::aws:cluster-access-policy/"
_ATTACHING = (
    *("aws_iam_policy_attachment", "aws_iam_role", "aws_iam_role_policy_attachment"),
    "aws_iam_user_policy_attachment",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One right of one principal. The fields are those of the ledger's `Right`.

    `owner` is the id of the account or project of what it is on. `unknown` are Terraform's
    references that decide whether, or what, it is.
    """

    stack: str
    owner: str
    side: Side
    principal: str
    name: str
    resource: str
    addresses: tuple[str, ...]
    namespaces: tuple[str, ...] = ()
    sid: str = ""
    conditions: tuple[str, ...] = ()
    unknown: frozenset[str] = frozenset()

    @property
    def address(self) -> str:
        """The resource that says it."""
        return self.addresses[-1]


def rights(documents: Documents) -> tuple[Given, ...]:
    """Everything that the stacks give beside policies, in the order of their paths."""
    found: list[Given] = []
    for stack, document in sorted(documents.items()):
        types = document.get("resource")
        known = READERS.keys() & types.keys() if isinstance(types, Mapping) else ()
        if not known:
            continue
        made = module(stack, document) or google_module(stack, document)
        if made is None:
            continue
        for read in dict.fromkeys(
            read for kind in READERS if kind in known for read in READERS[kind]
        ):
            found += read(_Reading(made))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A module while it is read."""

    module: Module

    def given(
        self,
        resource: Resource,
        side: Side,
        principal: Text,
        name: Text,
        on: Text,
        *,
        namespaces: tuple[Text, ...] = (),
        before: tuple[str, ...] = (),
    ) -> Given:
        """The record, with each text as it is shown; `before` are addresses that it needs."""
        texts = (principal, name, on, *namespaces)
        unknown = frozenset(ref for text in texts for ref in split(text)[1] if not self._made(ref))
        if resource.repeated:
            unknown |= {resource.address}
        return Given(
            stack=self.module.stack,
            owner=self.module.account,
            side=side,
            principal=self.shown(principal),
            name=self.shown(name),
            resource=self.shown(on),
            addresses=(*before, resource.address),
            namespaces=tuple(sorted({self.shown(each) for each in namespaces})),
            unknown=unknown,
        )

    def shown(self, text: Text) -> str:
        """The text; what it lacks is named by where it comes from, as an id that AWS makes up."""
        characters, lacking = split(text)
        one = next(iter(lacking)).removesuffix(".id") if len(lacking) == 1 else None
        return characters.replace(HOLE, f"<{self.module.stack}/{one}>" if one else "…")

    def _made(self, reference: str) -> bool:
        """Whether it is the id of something of this module, which is as good as a name."""
        kind, _, rest = reference.partition(".")
        name, _, attribute = rest.partition(".")
        types = self.module.document.get("resource")
        named = types.get(kind) if isinstance(types, Mapping) else None
        return attribute == "id" and isinstance(named, Mapping) and name in named

    def text(self, resource: Resource, argument: str) -> Text:
        """One argument."""
        return self.module.text(resource.arguments.get(argument, ""))

    def cluster(self, resource: Resource) -> Text:
        """The ARN of the cluster that a resource names."""
        return self.module.arn_of("aws_eks_cluster", self.text(resource, "cluster_name"))

    def root(self, account: Text) -> Text:
        """An account, given by its id, as a principal."""
        whole = isinstance(account, str) and account.isdigit()
        start = f"arn:{self.module.partition}:iam::"
        return f"{start}{account}:root" if whole else account


# -------------------------------------------------------------------- EKS


def _eks(reading: _Reading) -> Iterator[Given]:
    """Entries, and the access policies of each."""
    module = reading.module
    entries: dict[tuple[str, str], Resource] = {}
    for entry in module.resources(ENTRY):
        entries[_place(reading, entry)] = entry
    used = set()
    for each in module.resources("aws_eks_access_policy_association"):
        place = _place(reading, each)
        needed = entries.get(place)
        used.add(place)
        for namespaces in _scopes(reading, each):
            yield reading.given(
                each,
                "access-entry",
                reading.text(each, "principal_arn"),
                _policy(reading, each),
                reading.cluster(each),
                namespaces=namespaces,
                before=(needed.address,) if needed else (),
            )
    for entry in module.resources(ENTRY):
        for name in _entry_names(reading, entry, policies=_place(reading, entry) in used):
            principal = reading.text(entry, "principal_arn")
            yield reading.given(entry, "access-entry", principal, name, reading.cluster(entry))


def _place(reading: _Reading, resource: Resource) -> tuple[str, str]:
    principal = reading.shown(reading.text(resource, "principal_arn"))
    return reading.shown(reading.cluster(resource)), principal


def _policy(reading: _Reading, association: Resource) -> Text:
    """The name of an access policy."""
    arn = reading.text(association, "policy_arn")
    return _name_after(arn, f"arn:{reading.module.partition}{_POLICY_START}")


def _scopes(reading: _Reading, association: Resource) -> Iterator[tuple[Text, ...]]:
    """The namespaces of each scope; none is the whole cluster."""
    for block in _blocks(association.arguments.get("access_scope")) or [{}]:
        kind = reading.module.text(block.get("type", "cluster"))
        given = block.get("namespaces")
        named = given if isinstance(given, list) else [] if given is None else [given]
        narrow = tuple(reading.module.text(each) for each in named)
        yield narrow if kind == "namespace" else ()


def _entry_names(reading: _Reading, entry: Resource, *, policies: bool) -> Iterator[Text]:
    """What an entry gives by itself: groups of Kubernetes, or what its type is for."""
    kind = reading.module.text(entry.arguments.get("type") or "STANDARD")
    given = entry.arguments.get("kubernetes_groups")
    groups = given if isinstance(given, list) else [] if given is None else [given]
    for group in groups:
        yield joined(["kubernetes-group:", reading.module.text(group)])
    if kind != "STANDARD":
        yield joined(["node:", kind])
    elif not groups and not policies:
        yield SIGNED_IN


def _clusters(reading: _Reading) -> Iterator[Given]:
    """Whoever makes a cluster administers it, unless the cluster says no.

    EKS assumes yes where nothing is said, the provider no where the block is there without the word.
    Sources: EKS API reference, CreateAccessConfigRequest; hashicorp/terraform-provider-aws#36259.
    """
    module = reading.module
    for cluster in module.resources("aws_eks_cluster"):
        blocks = _blocks(cluster.arguments.get("access_config"))
        said = [
            module.text(block.get("bootstrap_cluster_creator_admin_permissions") or "false")
            for block in blocks
        ] or ["true"]
        if said != ["false"]:
            whole = f"<creator of {module.stack}/{cluster.address}>"
            principal = f"arn:{module.partition}:iam::{module.account}:role/{whole}"
            arn = module.arn(cluster)
            yield reading.given(cluster, "access-entry", principal, CREATOR_POLICY, arn)


def _pods(reading: _Reading) -> Iterator[Given]:
    """Roles of pods, by their namespace and service account."""
    module = reading.module
    for each in module.resources("aws_eks_pod_identity_association"):
        pods = _service_account(
            reading, each, reading.text(each, "namespace"), reading.text(each, "service_account")
        )
        role = reading.text(each, "role_arn")
        yield reading.given(each, "pod-identity", pods, "PodIdentity", role)
        if each.arguments.get("target_role_arn"):
            target = reading.text(each, "target_role_arn")
            yield reading.given(each, "pod-identity", pods, "PodIdentity", target)
    known = eks_addons()
    for addon in module.resources("aws_eks_addon"):
        for block in _blocks(addon.arguments.get("pod_identity_association")):
            name = reading.text(addon, "addon_name")
            row = known.get(name) if isinstance(name, str) else None
            namespace: Text = (
                row.namespace if row else unknown_text(f"namespace of {addon.address}")
            )
            account = module.text(block.get("service_account", ""))
            pods = _service_account(reading, addon, namespace, account)
            role = module.text(block.get("role_arn", ""))
            yield reading.given(addon, "pod-identity", pods, "PodIdentity", role)


def _service_account(reading: _Reading, resource: Resource, namespace: Text, account: Text) -> Text:
    return joined([reading.cluster(resource), "/serviceaccount/", namespace, "/", account])


# -------------------------------------------------------------------- fleets


def _fleet(reading: _Reading) -> Iterator[Given]:
    """Roles of Kubernetes in the namespaces of a fleet's scope."""
    google = google_module(reading.module.stack, reading.module.document)
    if google is None:
        return
    reading = _Reading(google)
    for each in google.resources(_FLEET):
        on = resource_name(google, "google_gke_hub_scope", each.arguments)
        for argument in ("group", "user"):
            if each.arguments.get(argument):
                member = _member(argument, reading.text(each, argument))
                for name in _fleet_roles(reading, each):
                    yield reading.given(each, "fleet", member, name, on)


def _member(argument: str, named: Text) -> Text:
    """As IAM writes who it is."""
    whole = named if isinstance(named, str) else ""
    if argument == "user" and whole.endswith(".gserviceaccount.com"):
        return f"serviceAccount:{whole}"
    return joined(["principal:" if whole.startswith("//") else f"{argument}:", named])


def _fleet_roles(reading: _Reading, binding: Resource) -> Iterator[Text]:
    for block in _blocks(binding.arguments.get("role")):
        for argument in ("predefined_role", "custom_role"):
            if block.get(argument):
                yield joined(["kubernetes:", reading.module.text(block[argument])])


# -------------------------------------------------------------------- shares


def _portfolios(reading: _Reading) -> Iterator[Given]:
    """With whom a portfolio is shared, and who sees it."""
    for share in reading.module.resources("aws_servicecatalog_portfolio_share"):
        principals = reading.text(share, "share_principals")
        name = "PortfolioShareWithPrincipals" if principals == "true" else "PortfolioShare"
        principal = reading.root(reading.text(share, "principal_id"))
        yield reading.given(share, "share", principal, name, _portfolio(reading, share))
    for each in reading.module.resources("aws_servicecatalog_principal_portfolio_association"):
        principal = reading.text(each, "principal_arn")
        portfolio = _portfolio(reading, each)
        yield reading.given(each, "portfolio", principal, "PortfolioPrincipal", portfolio)


def _portfolio(reading: _Reading, resource: Resource) -> Text:
    made = reading.module
    start = f"arn:{made.partition}:catalog:{made.region}:{made.account}:portfolio/"
    return joined([start, reading.text(resource, "portfolio_id")])


def _resource_shares(reading: _Reading) -> Iterator[Given]:
    """What RAM shares: each resource of a share, with each of its principals."""
    associated = list(reading.module.resources("aws_ram_resource_association"))
    for each in reading.module.resources("aws_ram_principal_association"):
        share = reading.text(each, "resource_share_arn")
        principal = reading.root(reading.text(each, "principal"))
        named = reading.shown(share)
        on: list[tuple[Text, tuple[str, ...]]] = [
            (reading.text(resource, "resource_arn"), (resource.address,))
            for resource in associated
            if reading.shown(reading.text(resource, "resource_share_arn")) == named
        ]
        for arn, before in on or [(share, ())]:
            yield reading.given(each, "share", principal, "ResourceShare", arn, before=before)


# -------------------------------------------------------------------- policies of AWS


def _managed(reading: _Reading) -> Iterator[Given]:
    """Policies that are attached by their ARN; those that the module makes are read as policies."""
    module = reading.module
    arns: dict[tuple[str, str], Text] = {}
    for resource in module.resources("aws_iam_role", "aws_iam_user"):
        kind = resource.type.removeprefix("aws_iam_")
        arns[kind, reading.shown(module.name(resource))] = module.arn(resource)
    for attachment in attachments(module):
        kind, name = attachment.owner
        start = f"arn:{module.partition}:iam::{module.account}:{kind}/"
        principal = arns.get((kind, reading.shown(name)), joined([start, name]))
        for given in attachment.arns:
            if isinstance(given, str) and "${aws_iam_policy." in given:
                continue
            policy = _name_after(module.text(given), f"arn:{module.partition}:iam::aws:policy/")
            yield reading.given(attachment.resource, "managed-policy", principal, policy, "*")


def _name_after(arn: Text, start: str) -> Text:
    """What AWS calls a policy of its own; any other is shown whole."""
    return arn.removeprefix(start) if isinstance(arn, str) else arn


# -------------------------------------------------------------------- trust


def _trusts(reading: _Reading) -> Iterator[Given]:
    """Services and identity providers that may become a role."""
    module = reading.module
    for role in module.resources("aws_iam_role"):
        document = module.policy(role.arguments.get("assume_role_policy"))
        bodies = _listed(document.get("Statement") if isinstance(document, Mapping) else None)
        for body in bodies:
            if isinstance(body, Mapping) and body.get("Effect") == "Allow":
                yield from _trusted(reading, role, body)


def _trusted(reading: _Reading, role: Resource, body: Mapping[str, Value]) -> Iterator[Given]:
    principal = body.get("Principal")
    for kind in PROVIDED if isinstance(principal, Mapping) else ():
        for who in _listed(principal.get(kind) if isinstance(principal, Mapping) else None):
            given = reading.given(
                role,
                "trust",
                _text(who),
                trust_name(_listed(body.get("Action"))),
                reading.module.arn(role),
            )
            yield replace(
                given, sid=str(body.get("Sid", "")), conditions=conditions_of(body.get("Condition"))
            )


def _text(value: object) -> Text:
    return (
        value if isinstance(value, str | Partial) else unknown_text("a principal that is no text")
    )


def _listed(value: object) -> Sequence[object]:
    """What IAM takes as one or as several."""
    return value if isinstance(value, list | tuple) else [] if value is None else [value]


def trust_name(actions: Iterable[object]) -> str:
    """What a trust policy's statement gives: its actions, as one name."""
    return "+".join(sorted(map(str, actions)))


def conditions_of(condition: object) -> tuple[str, ...]:
    """The conditions of a statement as texts, `StringEquals aws:SourceAccount = …`; what only Terraform
    knows is left out."""
    found = []
    for operator, keys in condition.items() if isinstance(condition, Mapping) else ():
        for key, value in keys.items() if isinstance(keys, Mapping) else ():
            values = _listed(value)
            if all(type(each) in (str, int, bool) for each in values):
                found.append(f"{operator} {key} = {', '.join(sorted(map(str, values)))}")
    return tuple(sorted(found))


def _blocks(value: Json) -> list[Mapping[str, Json]]:
    listed = value if isinstance(value, list | tuple) else [value]
    return [each for each in listed if isinstance(each, Mapping)]


_Reader = Callable[[_Reading], Iterator[Given]]
READERS: Mapping[str, tuple[_Reader, ...]] = {
    ENTRY: (_eks,),
    "aws_eks_access_policy_association": (_eks,),
    "aws_eks_addon": (_pods,),
    "aws_eks_cluster": (_clusters,),
    "aws_eks_pod_identity_association": (_pods,),
    **dict.fromkeys(_ATTACHING, (_managed,)),
    "aws_iam_role": (_managed, _trusts),
    "aws_ram_principal_association": (_resource_shares,),
    "aws_servicecatalog_portfolio_share": (_portfolios,),
    "aws_servicecatalog_principal_portfolio_association": (_portfolios,),
    _FLEET: (_fleet,),
}
