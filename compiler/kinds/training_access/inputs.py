"""The inputs of `training-access`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from compiler.blueprint.shapes import NAME, NAME_RULE, Matching, Shape, Text, problem
from compiler.blueprint.validation import Finding, problems
from compiler.diagnostics import nearest
from compiler.kinds.inputs import (
    EmailAddress,
    OneAccount,
    OneProject,
    Projects,
    RolePath,
)
from compiler.kinds.training_access.cluster_inputs import Cluster, KubernetesName, Namespace

Level = Literal["read", "write"]

PersonaName = Annotated[Text, Matching(NAME, NAME_RULE)]
GitHubRepository = Annotated[
    Text,
    Matching(
        r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}", "a repository with its owner: acme/train"
    ),
]
GitHubId = Annotated[Text, Matching(r"[1-9][0-9]{0,19}", "a number that GitHub gave, in digits")]
Ref = Annotated[Text, Matching(r"refs/[\w./-]+", "a full ref: refs/heads/main")]
RepositoryName = Annotated[
    Text,
    Matching(
        r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "a repository's name: 1 to 63 of a-z, 0-9 and -, starting with a letter, not ending in -",
    ),
]
Location = Annotated[
    Text,
    Matching(
        r"asia|europe|us|[a-z]+-[a-z]+[0-9]+",
        "a region (europe-west4) or a multi-region (asia, europe, us)",
    ),
]
# Source: Cloud Storage documentation, "About Cloud Storage buckets", bucket names.
BucketName = Annotated[
    Text,
    Matching(
        r"(?!goog)(?!.*google)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
        "a bucket's name: 3 to 63 of a-z, 0-9 and ._-, without google in it",
    ),
]
# Source: EKS API reference, CreateCluster, name.
EksClusterName = Annotated[
    Text,
    Matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", "a cluster's name: letters, digits, - and _"),
]


class Workload(Shape):
    """Pods that run as one Kubernetes service account."""

    namespace: Namespace = Field(description="namespace in the cluster")
    service_account: KubernetesName = Field(description="Kubernetes service account of the pods")
    impersonate: bool = Field(
        default=False,
        description="the pods become a Google service account, for APIs that take no workload "
        "identities; default: buckets admit the Kubernetes service account itself",
    )


class GitHub(Shape):
    """A repository whose workflows submit jobs."""

    repository: GitHubRepository = Field(description="repository with its owner: acme/train")
    ref: Ref | None = Field(
        default=None, description="the only ref that may: refs/heads/main; default: any"
    )
    owner_id: GitHubId | None = Field(
        default=None,
        description="id of the owner, in digits: a name that was given up can be taken by somebody else",
    )

    @property
    def condition(self) -> str:
        """What a token must say, as CEL.

        Source: GitHub docs, "OpenID Connect", claims; IAM documentation, "Configure Workload
        Identity Federation with deployment pipelines".
        """
        claims = {
            "repository": self.repository,
            "ref": self.ref,
            "repository_owner_id": self.owner_id,
        }
        return " && ".join(f"assertion.{k} == '{v}'" for k, v in claims.items() if v is not None)


class AwsRole(Shape):
    """The same persona in AWS."""

    role: RolePath = Field(
        description="role that exists in each account of `eks`, with its path: team/ml-engineer"
    )


def _from_repository(value: Any) -> Any:
    return {"repository": value} if isinstance(value, str) else value


Repository = Annotated[
    GitHub, BeforeValidator(_from_repository, json_schema_input_type=GitHub | Text)
]

NODES = "nodes"
FORMS = ("group", "workload", "github")


class Persona(Shape):
    """Who it is, in one of three forms, and what it may do in every training project."""

    group: EmailAddress | None = Field(default=None, description="a Google group")
    workload: Workload | None = Field(default=None, description="pods of the cluster")
    github: Repository | None = Field(
        default=None,
        description="workflows of a GitHub repository: acme/train, or more of it than its name",
    )
    cluster: Literal["view", "edit", "admin"] | None = Field(
        default=None, description="rights in the namespaces of the clusters"
    )
    vertex: Literal["viewer", "user", "admin"] | None = Field(
        default=None, description="rights in Vertex AI; default: user where it acts as others"
    )
    data: Level | None = Field(default=None, description="rights in the bucket of datasets")
    checkpoints: Level | None = Field(default=None, description="rights in that of checkpoints")
    images: Level | None = Field(default=None, description="rights in the registry")
    acts_as: list[PersonaName] = Field(
        default_factory=list, description="workload personas whose jobs it starts"
    )
    aws: AwsRole | None = Field(
        default=None,
        description="the same persona in the EKS clusters of `eks`; nothing is made of it without them",
    )

    @property
    def vertex_level(self) -> str | None:
        """The rights in Vertex AI: who starts jobs as others needs to be a user there."""
        return self.vertex or ("user" if self.acts_as else None)

    @property
    def is_google(self) -> bool:
        """Whether it is anybody in Google Cloud."""
        return any(getattr(self, form) is not None for form in FORMS)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = [form for form in FORMS if getattr(self, form) is not None]
        if len(given) > 1 or (not given and self.aws is None):
            raise problem(
                "E204",
                f"must be exactly one of group, workload and github, not {len(given)} of them",
                "group: ml-eng@acme.example",
            )
        found = [*self._misplaced(), *self._pointless()]
        if found:
            raise problems(found)
        return self

    def _misplaced(self) -> Iterator[Finding]:
        if self.workload is not None:
            for name in ("cluster", "acts_as", "aws"):
                if getattr(self, name):
                    message = f'does not take "{name}": pods get their rights in the cluster there'
                    yield Finding("E204", message, f"take {name} out", (name,))
        if not self.is_google:
            for name in ("vertex", "data", "checkpoints", "images", "acts_as"):
                if getattr(self, name):
                    message = f'has "{name}", and is nobody in Google Cloud'
                    yield Finding("E204", message, "add group, workload or github", (name,))
        if self.aws is not None and self.cluster is None and self.workload is None:
            message = "names a role of AWS, but no rights in clusters"
            yield Finding("E204", message, "add cluster: view", ("aws",))

    def _pointless(self) -> Iterator[Finding]:
        rights = ("cluster", "vertex", "data", "checkpoints", "images", "acts_as")
        if self.workload is None and not any(getattr(self, name) for name in rights):
            hint = f"add one of {', '.join(rights)}"
            yield Finding("E204", "may do nothing", hint)


class BucketReference(Shape):
    """A bucket; one that exists already gets members only."""

    name: BucketName = Field(description="name of the bucket, unique in the world")
    existing: bool | None = Field(
        default=None, description="the bucket exists already; default: what `data.existing` says"
    )


def _from_bucket(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Bucket = Annotated[
    BucketReference, BeforeValidator(_from_bucket, json_schema_input_type=BucketReference | Text)
]


class Data(Shape):
    """The buckets that training reads and writes."""

    project: OneProject = Field(description="project of the buckets, and of their key")
    datasets: Bucket | None = Field(
        default=None, description="bucket of the training data: its name, or more of it"
    )
    checkpoints: Bucket | None = Field(
        default=None, description="bucket of what training writes: its name, or more of it"
    )
    existing: bool = Field(default=False, description="the buckets exist already")

    @property
    def buckets(self) -> dict[str, str]:
        """The buckets' names by what they hold."""
        given = {"datasets": self.datasets, "checkpoints": self.checkpoints}
        return {what: bucket.name for what, bucket in given.items() if bucket is not None}

    def is_existing(self, what: str) -> bool:
        """Whether the bucket of that is there already."""
        bucket: BucketReference = getattr(self, what)
        return self.existing if bucket.existing is None else bucket.existing

    @model_validator(mode="after")
    def _some_bucket(self) -> Self:
        names = list(self.buckets.values())
        if not names:
            raise problem("E204", "names no bucket", "datasets: acme-datasets")
        if len(set(names)) < len(names):
            message = f'is "{names[0]}" again, the bucket of datasets'
            raise problem("E204", message, "give each its own bucket", ("checkpoints",))
        return self


class Registry(Shape):
    """The container repository that training pulls from."""

    project: OneProject = Field(description="project of the repository")
    repository: RepositoryName = Field(description="name of the Artifact Registry repository")
    location: Location | None = Field(
        default=None, description="its region or multi-region; default: the component's region"
    )
    existing: bool = Field(default=False, description="the repository exists already")

    @model_validator(mode="after")
    def _key_in_reach(self) -> Self:
        if self.location and "-" not in self.location and not self.existing:
            message = f'is the multi-region "{self.location}", for an existing repository only'
            raise problem("E204", message, "name a region: europe-west4", ("location",))
        return self


class EksCluster(Shape):
    """An EKS cluster in which the personas get the same rights: one of the blueprint, or another."""

    account: OneAccount = Field(description="account of the cluster")
    cluster: EksClusterName = Field(description="name of the cluster")
    existing: bool = Field(
        default=False,
        description="the cluster is not the blueprint's, in an account where a model-serving makes others",
    )


class Inputs(Shape):
    """The same access to training clusters everywhere."""

    projects: Projects = Field(description="training projects: the same matrix in each")
    personas: dict[PersonaName, Persona] = Field(
        min_length=1, max_length=100, description="who may do what, by name"
    )
    cluster: Cluster | None = Field(
        default=None,
        description="a GKE cluster in each training project; expressions see each project in turn; "
        "default: none, for Vertex AI alone",
    )
    data: Data | None = Field(default=None, description="buckets")
    registry: Registry | None = Field(default=None, description="container repository")
    eks: list[EksCluster] = Field(
        default_factory=list,
        max_length=50,
        description="EKS clusters where personas with `aws` have the rights that `cluster` says",
    )
    namespaces: list[Namespace] = Field(
        default_factory=list,
        max_length=100,
        description="namespaces of the clusters that personas have rights in, beside those of the "
        "workloads; default where there are none: training",
    )

    @property
    def all_namespaces(self) -> list[str]:
        """The namespaces that the rights in clusters are about, sorted."""
        used = {p.workload.namespace for p in self.personas.values() if p.workload}
        return sorted({*used, *self.namespaces} or {"training"})

    def has_account(self, persona: str) -> bool:
        """Whether a workload persona has a Google service account beside its Kubernetes one."""
        workload = self.personas[persona].workload
        return self.is_acted_as(persona) or (workload is not None and workload.impersonate)

    def is_acted_as(self, persona: str) -> bool:
        """Whether others start jobs as it."""
        return any(persona in other.acts_as for other in self.personas.values())

    @model_validator(mode="after")
    def _relations(self) -> Self:
        found = [
            *self._names(),
            *self._targets(),
            *self._actors(),
            *self._clouds(),
            *self._twins(),
            *self._owners(),
        ]
        if found:
            raise problems(found)
        return self

    def _names(self) -> Iterator[Finding]:
        if NODES in self.personas:
            message = f'has the name "{NODES}", which the service account of the nodes has'
            yield Finding("E204", message, "give it another name", ("personas", NODES), True)

    def _targets(self) -> Iterator[Finding]:
        """What personas ask for must be there."""
        buckets = self.data.buckets if self.data else {}
        for name, persona in self.personas.items():
            wanted = {
                "data": (persona.data, "datasets" in buckets, "data.datasets"),
                "checkpoints": (persona.checkpoints, "checkpoints" in buckets, "data.checkpoints"),
                "images": (persona.images, self.registry is not None, "registry"),
            }
            for key, (asked, there, input_) in wanted.items():
                if asked and not there:
                    message = f'is for "{input_}", which this component does not have'
                    yield Finding("E204", message, f"add {input_}", ("personas", name, key))
            in_eks = persona.aws is not None and self.eks
            if persona.cluster and persona.is_google and self.cluster is None and not in_eks:
                message = 'is for "cluster", which this component does not have'
                hint = "add cluster" if persona.aws is None else "add cluster, or eks"
                yield Finding("E204", message, hint, ("personas", name, "cluster"))

    def _actors(self) -> Iterator[Finding]:
        workloads = [name for name, persona in self.personas.items() if persona.workload]
        for name, persona in self.personas.items():
            for index, other in enumerate(persona.acts_as):
                at = ("personas", name, "acts_as", index)
                if other in persona.acts_as[:index]:
                    yield Finding("E204", f'names "{other}" twice', None, at)
                elif other not in workloads:
                    what = "is no workload" if other in self.personas else "is no persona"
                    guess = nearest(other, workloads)
                    hint = f'did you mean "{guess}"?' if guess else "name a persona with workload"
                    yield Finding("E204", f'names "{other}", which {what}', hint, at)
            if persona.workload and self.cluster is None and not self.is_acted_as(name):
                message = "is nobody: there is no cluster, and no persona acts as it"
                hint = f"add cluster, or acts_as: [{name}] to who starts its jobs"
                yield Finding("E204", message, hint, ("personas", name, "workload"))

    def _clouds(self) -> Iterator[Finding]:
        with_roles = [name for name, persona in self.personas.items() if persona.aws]
        for name in with_roles:
            if not self.eks and not self.personas[name].is_google:
                message = "is nobody: there is no EKS cluster, and it names no one in Google Cloud"
                hint = "eks: [{account: training, cluster: train}]"
                yield Finding("E204", message, hint, ("personas", name, "aws"))
        if self.eks and not with_roles:
            hint = "add aws: {role: …} to a persona"
            yield Finding("E204", "names clusters, but no persona has a role there", hint, ("eks",))
        clusters = [(each.account.name, each.cluster) for each in self.eks]
        for index, cluster in enumerate(clusters):
            if cluster in clusters[:index]:
                yield Finding("E204", "names the same cluster twice", None, ("eks", index))

    def _owners(self) -> Iterator[Finding]:
        """A provider takes what any persona's claims take, and members know repositories by name only:
        an owner's id that one persona asks for must be asked for by all of that repository."""
        first: dict[str, str] = {}
        for name, persona in self.personas.items():
            if persona.github is None:
                continue
            other = first.setdefault(persona.github.repository.lower(), name)
            wanted = self.personas[other].github
            if wanted is not None and wanted.owner_id != persona.github.owner_id:
                message = f'has another owner_id than that of "{other}", for the same repository'
                hint = "give both the same owner_id"
                yield Finding("E204", message, hint, ("personas", name, "github"))

    def _twins(self) -> Iterator[Finding]:
        """Two personas that are the same somebody would own the same bindings."""
        first: dict[tuple[str, object], str] = {}
        for name, persona in self.personas.items():
            workload, github = persona.workload, persona.github
            identities: tuple[tuple[str, object], ...] = (
                ("group", persona.group and persona.group.lower()),
                ("workload", workload and (workload.namespace, workload.service_account)),
                ("github", github and (github.repository.lower(), github.ref)),
                ("aws", persona.aws and persona.aws.role),
            )
            for form, who in identities:
                if not who:
                    continue
                other = first.setdefault((form, who), name)
                if other != name:
                    message = f'is the same as that of "{other}"'
                    hint = "give one persona the rights of both"
                    yield Finding("E204", message, hint, ("personas", name, form))
