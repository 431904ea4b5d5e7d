"""The blueprint's own keys as pydantic models; a kind's inputs are the kind's.

The same models check a blueprint and make its JSON Schema, so the two cannot differ.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from compiler.blueprint.shapes import NAME, NAME_RULE, Matching, Shape, Text, problem, similar_name
from compiler.blueprint.versions import overlap
from compiler.blueprint.wording import quoted

Name = Annotated[Text, Matching(NAME, NAME_RULE)]
OrganizationName = Annotated[
    Text,
    Matching(
        r"[a-z][a-z0-9-]{0,39}",
        "1 to 40 of a-z, 0-9 and -, starting with a letter",
        lambda text: similar_name(text, 40),
    ),
]
AwsOrganizationId = Annotated[
    Text,
    Matching(
        r"o-[a-z0-9]{10,32}",
        "an organisation id such as o-abc123defg",
        "`aws organizations describe-organization` shows it; without it, leave the key out",
    ),
]
GoogleOrganizationId = Annotated[
    Text,
    Matching(r"[0-9]{1,20}", "the organisation's number", "`gcloud organizations list` shows it"),
]
RegionName = Annotated[
    Text,
    Matching(r"[a-z]{2,16}(?:-[a-z]+)+-?[0-9]{1,2}", "a region's name: eu-west-1, europe-west4"),
]
AccountId = Annotated[
    Text, Matching(r"[0-9]{12}", "12 digits", "copy the id from the account's settings page")
]
ProjectId = Annotated[
    Text,
    Matching(
        r"[a-z][a-z0-9-]{4,28}[a-z0-9]",
        "a project id: 6 to 30 of a-z, 0-9 and -, starting with a letter, not ending in -",
        "`gcloud projects list` shows ids; the name that people see is another",
    ),
]
ProjectNumber = Annotated[
    Text,
    Matching(
        r"[0-9]{6,20}",
        "a project number: 6 to 20 digits",
        "`gcloud projects describe` shows it; without it, leave the key out",
    ),
]
UNIT_PATH = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")
UNIT_RULE = "a path of names with / between them: workloads/prod"
UnitPath = Annotated[Text, Matching(UNIT_PATH.pattern, UNIT_RULE)]
OuId = Annotated[
    Text,
    Matching(r"ou-[a-z0-9-]+|r-[a-z0-9]+", "an organisational unit's id such as ou-ab12-cdef3456"),
]
RoleName = Annotated[
    Text,
    Matching(
        r"[\w+=,.@-]{1,64}",
        "a role's name: 1 to 64 of letters, digits and +=,.@_-",
        "the name only: no ARN, and no path",
    ),
]
StackPath = Annotated[
    Text,
    Matching(
        rf"(?:aws|google)/{NAME}/{NAME}",
        "a stack's path: aws/<account>/<component> or google/<project>/<component>",
    ),
]
BucketName = Annotated[
    Text,
    Matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name: 3 to 63 of a-z, 0-9, . and -"),
]


# Source: Tagging AWS Resources, "Tag naming limits and requirements".
# Which characters are allowed differs from service to service, so that is left to them.
def _tag(kind: str, longest: int) -> AfterValidator:
    """What every service of AWS wants of a tag."""

    def validate(text: str) -> str:
        if len(text) > longest:
            raise problem("E204", f"must have at most {longest} characters, not {len(text)}")
        if kind == "key" and text.lower().startswith("aws:"):
            raise problem("E204", "must not start with aws:, which AWS keeps for itself")
        return text

    return AfterValidator(validate)


Tags = dict[Annotated[Text, _tag("key", 128)], Annotated[Text, _tag("value", 256)]]
Vars = dict[Text, Any]


class AwsOrganization(Shape):
    """The AWS side of the organisation."""

    id: AwsOrganizationId | None = Field(
        default=None, description="adds aws:PrincipalOrgID guards to every cross-account statement"
    )
    partition: Literal["aws", "aws-cn", "aws-us-gov"] = Field(
        default="aws", description="the AWS partition"
    )
    management_account: Text | None = Field(
        default=None,
        description="account that manages the organisation: AWS makes no OrganizationAccountAccessRole "
        "there, so that its stack that creates `deploy.aws.role` acts as the credentials at hand",
    )
    regions: list[RegionName] = Field(
        default_factory=list, description="regions newer than Landform's own table, to be accepted"
    )


class GoogleOrganization(Shape):
    """The Google side of the organisation."""

    id: GoogleOrganizationId | None = Field(default=None, description="the organisation's number")
    domain: Text | None = Field(default=None, description="the organisation's domain")
    regions: list[RegionName] = Field(
        default_factory=list, description="regions newer than Landform's own table, to be accepted"
    )


class OrganizationModel(Shape):
    """Who the blueprint is about."""

    name: OrganizationName = Field(description="prefixes every name in the cloud")
    aws: AwsOrganization = Field(default_factory=AwsOrganization)
    google: GoogleOrganization = Field(default_factory=GoogleOrganization)


class AwsSettings(Shape):
    """Inherited settings for AWS accounts."""

    region: Text | None = Field(
        default=None, description="region of components whose home is the account"
    )
    ou: OuId | None = Field(default=None, description="id of the organisational unit in AWS")


class GoogleSettings(Shape):
    """Inherited settings for Google projects."""

    region: Text | None = Field(
        default=None, description="region of components whose home is the project"
    )


class Settings(Shape):
    """What defaults, units, accounts and projects can all set; the nearer one wins."""

    aws: AwsSettings = Field(default_factory=AwsSettings)
    google: GoogleSettings = Field(default_factory=GoogleSettings)
    tags: Tags = Field(
        default_factory=dict, description="AWS default_tags and Google default_labels"
    )
    vars: Vars = Field(default_factory=dict, description="values for expressions: {{ vars.name }}")


class AccountModel(Settings):
    """An AWS account."""

    id: AccountId = Field(description="12 digits")
    unit: UnitPath | None = Field(default=None, description="path of the unit that it is in")


class ProjectModel(Settings):
    """A Google Cloud project."""

    id: ProjectId = Field(description="the project id")
    number: ProjectNumber | None = Field(default=None, description="the project number")
    unit: UnitPath | None = Field(default=None, description="path of the unit that it is in")


class AwsDeploy(Shape):
    """Who Terraform acts as in AWS accounts."""

    role: RoleName = Field(description="role that Terraform assumes in every account")
    bootstrap_role: RoleName = Field(
        default="OrganizationAccountAccessRole",
        description="role that it assumes for the stack that creates `role`",
    )


class GoogleDeploy(Shape):
    """Who Terraform acts as in Google projects."""

    service_account: Text = Field(
        description="e-mail of the service account that Terraform impersonates"
    )


class DeployModel(Shape):
    """Who Terraform acts as; absent: the ambient credentials."""

    aws: AwsDeploy | None = None
    google: GoogleDeploy | None = None


class AwsState(Shape):
    """State in S3, locked with a lock file."""

    bucket: BucketName = Field(description="name of the bucket")
    region: Text = Field(description="region of the bucket")


class GoogleState(Shape):
    """State in Google Cloud Storage."""

    bucket: Text = Field(description="name of the bucket")


class StateModel(Shape):
    """Where Terraform keeps state; absent: local state beside each stack."""

    aws: AwsState | None = None
    google: GoogleState | None = None


_VERSION = r"(?:=|!=|>=?|<=?|~>)?\s*[0-9]+(?:\.[0-9]+){0,2}(?:-[0-9A-Za-z.-]+)?"
Constraint = Annotated[
    Text,
    Matching(
        rf"\s*{_VERSION}\s*(?:,\s*{_VERSION}\s*)*",
        "a version constraint such as >= 5.100.0, < 7.0.0",
        "the operators are =, !=, >, >=, <, <= and ~>, with commas between",
    ),
]


# Whose schemas are known: compiler.terraform.schema.index.
AWS_VERSIONS = ">= 5.100.0, < 7.0.0"
GOOGLE_VERSIONS = ">= 6.50.0, < 7.0.0"


def _admitting(known: str) -> AfterValidator:
    """Some of the versions whose schemas are known: the stacks are written and checked for those."""

    def validate(constraint: str) -> str:
        if not overlap(constraint, known):
            message = f"must admit some of the versions {known}, not {quoted(constraint)}"
            raise problem(
                "E204", message, "stacks are written for those: widen it, or leave it out"
            )
        return constraint

    return AfterValidator(validate)


class ProvidersModel(Shape):
    """Version constraints for required_providers."""

    aws: Annotated[Constraint, _admitting(AWS_VERSIONS)] = Field(
        default=AWS_VERSIONS, description="constraint on hashicorp/aws"
    )
    google: Annotated[Constraint, _admitting(GOOGLE_VERSIONS)] = Field(
        default=GOOGLE_VERSIONS, description="constraint on hashicorp/google"
    )


class ForEach(Shape):
    """One instance of the component for each match of a selector."""

    accounts: Any = Field(default=None, description="selector of accounts")
    projects: Any = Field(default=None, description="selector of projects")


Address = Annotated[
    Text,
    Matching(
        r"""[a-z][a-z0-9_]*\.[A-Za-z_][\w-]*(?:\[(?:[0-9]+|"[^"\\$%]*")\])?""",
        "the Terraform address of a resource: aws_s3_bucket.artifacts",
    ),
]


class ComponentModel(Shape):
    """The keys of every component; all others are inputs of its kind."""

    kind: Text = Field(description="what it is; `landform kinds` lists the kinds")
    for_each: ForEach | None = Field(
        default=None, description="one instance for each account or project"
    )
    when: bool = Field(default=True, description="an instance is made only where this is true")
    extends: Name | None = Field(default=None, description="component whose keys are taken over")
    region: Text | None = Field(default=None, description="region of all its stacks")
    tags: Tags = Field(default_factory=dict, description="tags on top of the account's")
    vars: Vars = Field(default_factory=dict, description="vars on top of the account's")
    renamed_from: Name | None = Field(
        default=None, description="name that it had: its state and its names in the cloud keep it"
    )
    adopt: dict[Name, dict[Address, Text]] = Field(
        default_factory=dict,
        description="what exists already: import ids by account or project, and Terraform address",
    )


RuleCode = Annotated[Text, Matching(r"E8[0-9]{2}", "the code of a rule: E804")]
Pattern = Annotated[
    Text, Matching(r"[\w./*?-]+", "a path or name in which * and ? stand for any letters")
]


def _reason(text: str) -> str:
    """What a reviewer can weigh: a dash or a single word is not."""
    if len(text.split()) < MIN_REASON_WORDS:
        raise problem("E204", "must say why, in a few words", "name what makes it right there")
    return text


MIN_REASON_WORDS = 3


class RuleException(Shape):
    """A place in which a rule about policies does not count."""

    stack: Pattern = Field(description="path of the stack, or a pattern: aws/*/churn")
    address: Pattern = Field(
        description="Terraform address there, or a pattern: aws_iam_role_policy.train"
    )
    statement: Pattern = Field(
        default="*", description="Sid of the statement, or a pattern; default: all of the policy"
    )
    reason: Annotated[Text, AfterValidator(_reason)] = Field(
        description="why it is right there; `landform access` shows it"
    )


class BlueprintModel(Shape):
    """A whole blueprint."""

    landform: Literal[1] = Field(description="version of the language")
    organization: OrganizationModel
    defaults: Settings = Field(default_factory=Settings)
    units: dict[UnitPath, Settings] = Field(default_factory=dict)
    accounts: dict[Name, AccountModel] = Field(default_factory=dict)
    projects: dict[Name, ProjectModel] = Field(default_factory=dict)
    deploy: DeployModel = Field(default_factory=DeployModel)
    state: StateModel = Field(default_factory=StateModel)
    providers: ProvidersModel = Field(default_factory=ProvidersModel)
    components: dict[Name, ComponentModel] = Field(default_factory=dict)
    rules: dict[RuleCode, list[RuleException]] = Field(
        default_factory=dict, description="exceptions from rules about policies, by code"
    )
    removed: list[StackPath] = Field(
        default_factory=list, description="stacks whose component is gone: their destroy is planned"
    )
