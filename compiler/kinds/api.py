"""What a kind that is written in Python imports, in one place. See docs/your-own-kinds.md.

A kind is a `Kind`: a name, a model of its inputs, and a function that declares the parts of a
component on a `Draft`.
"""

from compiler.access.google import (
    Member,
    OnBucket,
    OnRegistry,
    OnServiceAccount,
    WholeProject,
)
from compiler.access.parties import (
    Assume,
    Bucket,
    Bus,
    Events,
    Group,
    Images,
    Key,
    KeyUse,
    Listing,
    ModelGroup,
    Objects,
    Own,
    Packages,
    Provided,
    Repository,
    Role,
)
from compiler.access.policy import Statement, policy
from compiler.blueprint.shapes import Matching, Shape, Text, problem
from compiler.kinds.constructs import ConstructError, add_constructs
from compiler.kinds.draft import Draft
from compiler.kinds.inputs import (
    Accounts,
    ComponentName,
    EmailAddress,
    EmailAddresses,
    OneAccount,
    OneProject,
    Projects,
    RoleReference,
)
from compiler.kinds.inputs import Role as RoleInput
from compiler.kinds.parts import service_trust
from compiler.organization.kind import Kind
from compiler.organization.records import Account, Component, Organization, Project
from compiler.terraform.names import labels, shorten
from compiler.terraform.stack import Expression, JsonText, reference, template

__all__ = [
    "Account",
    "Accounts",
    "Assume",
    "Bucket",
    "Bus",
    "Component",
    "ComponentName",
    "ConstructError",
    "Draft",
    "EmailAddress",
    "EmailAddresses",
    "Events",
    "Expression",
    "Group",
    "Images",
    "JsonText",
    "Key",
    "KeyUse",
    "Kind",
    "Listing",
    "Matching",
    "Member",
    "ModelGroup",
    "Objects",
    "OnBucket",
    "OnRegistry",
    "OnServiceAccount",
    "OneAccount",
    "OneProject",
    "Organization",
    "Own",
    "Packages",
    "Project",
    "Projects",
    "Provided",
    "Repository",
    "Role",
    "RoleInput",
    "RoleReference",
    "Shape",
    "Statement",
    "Text",
    "WholeProject",
    "add_constructs",
    "labels",
    "policy",
    "problem",
    "reference",
    "service_trust",
    "shorten",
    "template",
]
