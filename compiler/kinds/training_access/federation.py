"""Workflows of GitHub that become a service account, without any key."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.access.google import Member, OnServiceAccount
from compiler.data.google import google_role
from compiler.kinds.training_access.ground import Ground
from compiler.kinds.training_access.inputs import GitHub
from compiler.kinds.training_access.people import Train
from compiler.terraform.names import shorten
from compiler.terraform.stack import reference

ISSUER = "https://token.actions.githubusercontent.com"
# Source: IAM API reference, workloadIdentityPools.create: 4 to 32 characters, not starting with gcp-.
POOL_LIMIT = 32
RESERVED = "gcp-"
PROVIDER = "github"
# What of a token IAM sees. A repository with its ref is one attribute, so that a member can name both.
# The subject is what audit logs call a workflow: assertion.sub has the name of a branch or environment
# in it, and a token whose subject is longer than 127 bytes is refused, so it is the repository and run.
# Source: IAM documentation, "Configure Workload Identity Federation with deployment pipelines", and
# IAM API reference, WorkloadIdentityPoolProvider, attributeMapping.
MAPPING = {
    "google.subject": "assertion.repository_id + ':' + assertion.run_id",
    "attribute.repository": "assertion.repository",
    "attribute.repository_ref": "assertion.repository + '@' + assertion.ref",
}


@dataclass(frozen=True, slots=True)
class Federation:
    """The pool and provider of one training project, and who may become which account."""

    ground: Ground
    train: Train

    @property
    def pool(self) -> str:
        """The pool's id; the prefix gcp- is Google's."""
        name = self.ground.draft.prefix(PROVIDER)
        return shorten(f"x-{name}" if name.startswith(RESERVED) else name, POOL_LIMIT)

    @property
    def path(self) -> str:
        """The pool's resource name."""
        return f"projects/{self.train.number}/locations/global/workloadIdentityPools/{self.pool}"

    def build(self) -> None:
        """Admit the repositories of all submitters, and each to its own account only."""
        ground, train, project = self.ground, self.train, self.train.project
        draft = ground.draft
        services = [ground.service(project, name) for name in ("iam", "iamcredentials", "sts")]
        pool = draft.add(
            project,
            "google_iam_workload_identity_pool",
            PROVIDER,
            {
                "project": project.id,
                "workload_identity_pool_id": self.pool,
                "display_name": self.pool,
                "description": "Workflows that submit training jobs",
            },
            depends_on=services,
        )
        submitters = {name: ground.inputs.personas[name].github for name in train.submitters}
        conditions = sorted(github.condition for github in submitters.values() if github)
        provider = draft.add(
            project,
            "google_iam_workload_identity_pool_provider",
            PROVIDER,
            {
                "project": project.id,
                "workload_identity_pool_id": reference(pool, "workload_identity_pool_id"),
                "workload_identity_pool_provider_id": PROVIDER,
                "display_name": "GitHub Actions",
                "attribute_mapping": MAPPING,
                "attribute_condition": " || ".join(
                    f"({each})" if len(conditions) > 1 else each for each in conditions
                ),
                "oidc": [{"issuer_uri": ISSUER}],
            },
        )
        for name, github in submitters.items():
            if github is None:
                continue
            account = train.submitters[name]
            on = OnServiceAccount(train.site, account.account_id, account.address)
            id = f"{name}-is-workflow-{project.name}"
            draft.bind(id, self._member(github, provider), google_role("becomes"), on)
        draft.output(
            project,
            "workload_identity_provider",
            f"{self.path}/providers/{PROVIDER}",
            "workload_identity_provider of google-github-actions/auth",
        )

    def _member(self, github: GitHub, provider: str) -> Member:
        who = f"attribute.repository/{github.repository}"
        if github.ref is not None:
            who = f"attribute.repository_ref/{github.repository}@{github.ref}"
        text = f"principalSet://iam.googleapis.com/{self.path}/{who}"
        return Member(text, self.train.project.name, self.train.site.stack, provider)
