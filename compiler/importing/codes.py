"""What can go wrong with an import: the codes E901 to E908."""

from __future__ import annotations

from compiler.codes import Code

NO_LIBRARY = "E901"
NO_CREDENTIALS = "E902"
REFUSED = "E903"
AWS_FAILED = "E904"
NO_ORGANIZATION = "E905"
OTHER_ORGANIZATION = "E906"
NOT_EXTENSIBLE = "E907"
NOT_WRITTEN = "E908"
# AWS, or the library for it, is to blame: not the blueprint.
OF_AWS = frozenset({NO_LIBRARY, NO_CREDENTIALS, REFUSED, AWS_FAILED, NO_ORGANIZATION})

CODES: tuple[Code, ...] = (
    Code(
        code=NO_LIBRARY,
        title="the library that talks to AWS is not installed",
        explanation=(
            "Only `landform import` asks AWS anything, so boto3 is not installed with Landform but is an "
            "extra of it. Install the extra into the environment in which Landform runs."
        ),
        wrong="pip install landform && landform import",
        right='pip install "landform[import]" && landform import',
    ),
    Code(
        code=NO_CREDENTIALS,
        title="there are no usable credentials for AWS",
        explanation=(
            "Landform takes credentials from where the AWS command line takes them: the environment, a "
            "profile, a role. There are none, they are incomplete, or they have expired. "
            "`aws sts get-caller-identity` shows what is there; a profile is named with --profile."
        ),
        wrong="env -u AWS_PROFILE landform import",
        right="aws sso login --profile management && landform import --profile management",
    ),
    Code(
        code=REFUSED,
        title="AWS refuses to show the organisation",
        explanation=(
            "The credentials are valid, but may not do one of the calls that the import takes. Only the "
            "management account and delegated administrators may list an organisation, with these "
            "permissions of organizations: DescribeOrganization, ListRoots, ListAccountsForParent, "
            "ListOrganizationalUnitsForParent, ListTagsForResource. Without the last one, leave tags "
            "out with --no-tags."
        ),
        wrong="landform import --profile developer",
        right="landform import --profile organization-reader --no-tags",
    ),
    Code(
        code=AWS_FAILED,
        title="AWS could not be asked, or did not answer",
        explanation=(
            "The network, a proxy or AWS itself failed, or AWS throttled the calls for longer than "
            "Landform tries again. Nothing was written. Run it again later; an import asks AWS for a few "
            "hundred things one after the other, and never changes anything there."
        ),
        wrong="HTTPS_PROXY=http://nowhere:1 landform import",
        right="landform import",
    ),
    Code(
        code=NO_ORGANIZATION,
        title="the account is in no organisation",
        explanation=(
            "The credentials belong to an account that is not a part of an AWS Organization, so there is "
            "nothing to import. Use credentials of the organisation's management account."
        ),
        wrong="landform import --profile standalone",
        right="landform import --profile management",
    ),
    Code(
        code=OTHER_ORGANIZATION,
        title="the blueprint is about another organisation",
        explanation=(
            "`organization.aws` in the blueprint says another id or partition than AWS does, so the "
            "credentials belong to some other organisation. Its accounts would be mixed with yours, so "
            "nothing was written. Choose other credentials with --profile, or another blueprint."
        ),
        wrong="organization: {name: acme, aws: {id: o-abc123defg}}   # and AWS says o-zzz999zzzz",
        right="organization: {name: acme, aws: {id: o-abc123defg}}   # and AWS says the same",
    ),
    Code(
        code=NOT_EXTENSIBLE,
        title="lines cannot be added where the blueprint has that part",
        explanation=(
            "The import adds lines to what is written and changes no other. Here that is not possible: "
            "the part is an alias of another one, or is laid out in a way that would change something "
            "else with it. Nothing was written. Write the line by hand, or write the part out; then run "
            "again."
        ),
        wrong='accounts:\n  one: &same {id: "111111111111"}\n  two: *same',
        right='accounts:\n  one: {id: "111111111111"}\n  two: {id: "222222222222"}',
    ),
    Code(
        code=NOT_WRITTEN,
        title="a file of the blueprint cannot be written",
        explanation=(
            "The system refused, or the file is no longer what was read when the lines were made. Each "
            "file is whole, old or new. Remove the cause and run again."
        ),
        wrong="chmod 444 blueprints/acme.yaml && chmod 555 blueprints && landform import --write",
        right="chmod 755 blueprints && landform import --write",
    ),
)
