"""The rules of policies: each on statements that keep and break it, and on our own output."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from compiler.access.codes import CODES
from compiler.access.rules import Policy, Tuning, check_policies, check_policy, tune
from compiler.access.rules.collect import ARGUMENTS, policies
from compiler.access.rules.exceptions import (
    ARN_SENDERS,
    BUILT_IN,
    EVERYTHING,
    GLOBAL_KEYS,
    MORE_RESOURCES,
    NARROWED_BY,
    SOURCELESS,
)
from compiler.access.rules.keys import ADMINISTRATION, FURTHER
from compiler.access.rules.services import BECOMING, SENDERS, TAGGING, USES
from compiler.data import iam
from compiler.terraform.schema.index import open_index

REPOSITORY = Path(__file__).resolve().parents[2]
HERE, OTHER = "111111111111", "222222222222"
ROOT = f"arn:aws:iam::{OTHER}:root"
ROLE = f"arn:aws:iam::{OTHER}:role/train"
KEY = f"arn:aws:kms:eu-west-1:{HERE}:key/*"
GROUP = "aws_sagemaker_model_package_group_policy.churn"
ADDRESSES = {
    "identity": ("aws_iam_role_policy.a", ""),
    "boundary": ("aws_iam_policy.a", ""),
    "trust": ("aws_iam_role.a", "sts"),
    "key": ("aws_kms_key.a", "kms"),
    "resource": ("aws_s3_bucket_policy.a", "s3"),
    "organization": ("aws_organizations_policy.a", ""),
}


ADMINISTERED = {
    "Sid": "Administration",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{HERE}:root"},
    "Action": list(ADMINISTRATION),
    "Resource": "*",
}


def policy(side, *statements, **changes):
    address, service = ADDRESSES[side]
    if side == "key":
        statements = (ADMINISTERED, *statements)
    given = {
        "stack": "aws/shared/churn",
        "account": HERE,
        "address": address,
        "argument": "policy",
        "side": side,
        "service": service,
        "body": {"Version": "2012-10-17", "Statement": list(statements)},
    }
    return Policy(**{**given, **changes})


def codes(side, *statements, **changes):
    return [finding.code for finding in check_policy(policy(side, *statements, **changes))]


def can(action, resource="*", condition=None, **more):
    """An identity statement."""
    body = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return body if condition is None else {**body, "Condition": condition}


def admits(principal, action="sts:AssumeRole", condition=None, **more):
    """A statement of trust, or of a resource."""
    body = {"Effect": "Allow", "Principal": principal, "Action": action, **more}
    return body if condition is None else {**body, "Condition": condition}


def deny(action, **more):
    return {"Effect": "Deny", "Principal": "*", "Action": action, **more}


GET, OBJECTS, BUCKET = "s3:GetObject", "arn:aws:s3:::acme/*", "arn:aws:s3:::acme"
PASS, PASSED = "iam:PassRole", {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
OWN = f"arn:aws:iam::{HERE}:role/serve"
EXACT = {"ArnEquals": {"aws:PrincipalArn": ROLE}}
ALIAS = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/acme"}}
METRICS, LAMBDA = "cloudwatch:PutMetricData", {"Service": "lambda.amazonaws.com"}
GITHUB = {"Federated": f"arn:aws:iam::{HERE}:oidc-provider/token.actions.githubusercontent.com"}
WEB = "sts:AssumeRoleWithWebIdentity"

ISSUER = "token.actions.githubusercontent.com"
TOKEN = {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "repo:a/b:ref:c"}
GRANT, S3 = "kms:CreateGrant", {"Service": "s3.amazonaws.com"}
FOR_AWS = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
LINK = "iam:CreateServiceLinkedRole"


def subject(*subjects):
    """The trust of GitHub's tokens with these subjects, or with any that fits them."""
    return admits(GITHUB, WEB, {"StringLike": {**TOKEN, f"{ISSUER}:sub": list(subjects)}})


SOURCE = {"StringEquals": {"aws:SourceAccount": HERE}}

KEPT = [
    ("identity", can([GET, "s3:PutObject*"], OBJECTS)),
    ("identity", can(["s3:GetObject", "s3:ListBucket"], [BUCKET, OBJECTS])),
    ("identity", can("S3:getobject", OBJECTS)),
    ("identity", can(GET, "${aws_s3_bucket.data.arn}/*")),
    ("identity", can(GET, "arn:aws:s3:::acme/$${aws:username}/*")),
    ("identity", can("kms:Decrypt", "${aws_kms_key.data.arn}")),
    ("identity", can("sqs:SendMessage", "${module.queue.arn}")),
    ("identity", can("kms:Decrypt", KEY, ALIAS)),
    ("identity", can("ecr:GetAuthorizationToken")),
    ("identity", can(METRICS, "*", {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}})),
    ("identity", can(GET, OBJECTS, {"StringEquals": {"s3:ExistingObjectTag/stage": "prod"}})),
    ("identity", can(GET, OBJECTS, {"ForAllValues:StringLikeIfExists": {"AWS:calledvia": "a"}})),
    ("identity", can(PASS, OWN, PASSED)),
    ("identity", {"Sid": "None", "Effect": "Deny", "Action": "*", "Resource": "*"}),
    ("identity", {"Effect": "Deny", "NotAction": ["iam:*"], "Resource": "*"}),
    ("boundary", can("*")),
    ("boundary", can(["s3:*", "iam:PassRole"])),
    ("organization", can("*")),
    ("trust", admits(LAMBDA)),
    ("trust", admits({"AWS": ROOT}, condition=EXACT)),
    ("trust", admits({"AWS": ROLE})),
    ("key", admits({"AWS": f"arn:aws:iam::{HERE}:root"}, "kms:DescribeKey", Resource="*")),
    (
        "trust",
        admits(
            GITHUB,
            WEB,
            {"StringEquals": TOKEN},
        ),
    ),
    ("key", admits({"AWS": ROOT}, "kms:Decrypt", EXACT, Resource="*")),
    ("resource", deny("s3:*", Resource=[BUCKET, OBJECTS])),
    ("resource", admits({"AWS": ROLE}, GET, Resource=OBJECTS)),
]

KEPT += [
    ("trust", subject("repo:acme/*", "repo:acme/platform:*")),
    ("identity", can(GRANT, "${aws_kms_key.a.arn}", FOR_AWS)),
    ("identity", can(LINK, OWN, {"StringEquals": {"iam:AWSServiceName": "a.amazonaws.com"}})),
    ("resource", admits(S3, GET, SOURCE, Resource=OBJECTS)),
    ("key", admits({"Service": "events.amazonaws.com"}, "kms:Decrypt", Resource="*")),
    (
        "key",
        admits(
            {"Service": "logs.eu-west-1.amazonaws.com"},
            "kms:Decrypt",
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:*:111111111111:*"}},
            Resource="*",
        ),
    ),
]

ROOT_HERE = {"AWS": f"arn:aws:iam::{HERE}:root"}
MAKER, STEPS = {"Service": "sagemaker.amazonaws.com"}, {"Service": "states.amazonaws.com"}
RULES = {"Service": "events.amazonaws.com"}
RULE = f"arn:aws:events:eu-west-1:{HERE}:rule/a"
PODS = {"Service": "pods.eks.amazonaws.com"}
TAGS = {
    "aws:RequestTag/eks-cluster-name": "serve",
    "aws:RequestTag/kubernetes-namespace": "churn",
    "aws:RequestTag/kubernetes-service-account": "server",
}
OF_POD = {"StringEquals": TAGS}
BOTH = ["sts:AssumeRole", "sts:TagSession"]
CLUSTERS, CLUSTER = {"Service": "eks.amazonaws.com"}, f"arn:aws:eks:eu-west-1:{HERE}:cluster/a"
REGISTERS = "sagemaker:CreateModelPackage"
PACKAGES = f"arn:aws:sagemaker:eu-west-1:{HERE}:model-package/churn/*"
LAUNCHED = "servicecatalog:TerminateProvisionedProduct"
ALARMS, TOPIC = {"Service": "cloudwatch.amazonaws.com"}, f"arn:aws:sns:eu-west-1:{HERE}:a"
SNS = {"address": "aws_sns_topic_policy.a", "service": "sns"}
ALARM = {"ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:eu-west-1:{HERE}:alarm:a"}}
DIMENSION = {
    "StringEquals": {
        "application-autoscaling:service-namespace": "sagemaker",
        "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
    }
}
SCALE = "application-autoscaling:PutScalingPolicy"
TARGET = f"arn:aws:application-autoscaling:eu-west-1:{HERE}:scalable-target/*"

KEPT += [
    ("trust", admits(MAKER, condition=SOURCE)),
    (
        "trust",
        admits(STEPS, condition={"ArnLike": {"aws:SourceArn": f"arn:aws:states:*:{HERE}:*:a"}}),
    ),
    ("trust", admits(RULES, condition={"ArnEquals": {"aws:SourceArn": RULE}})),
    ("trust", admits(RULES, condition={"ArnEquals": {"aws:SourceArn": "${aws_x.a.arn}"}})),
    ("trust", admits(PODS, BOTH, OF_POD)),
    ("trust", admits(CLUSTERS, condition={"ArnEquals": {"aws:SourceArn": CLUSTER}, **SOURCE})),
    (
        "identity",
        can(REGISTERS, PACKAGES, {"StringEquals": {"sagemaker:ModelApprovalStatus": "Rejected"}}),
    ),
    ("identity", can(LAUNCHED, "*", {"StringEquals": {"servicecatalog:userLevel": "self"}})),
    ("key", admits(ROOT_HERE, "kms:RetireGrant", Resource="*")),
    (
        "key",
        admits(ROOT_HERE, "kms:Decrypt", {"ArnEquals": {"aws:PrincipalArn": OWN}}, Resource="*"),
    ),
    ("identity", can(SCALE, TARGET, DIMENSION)),
]

BROKEN = [
    (
        "E820",
        "identity",
        can(
            SCALE,
            TARGET,
            {"StringEquals": {SCALE.split(":")[0] + ":service-namespace": "sagemaker"}},
        ),
    ),
    ("E823", "trust", admits(MAKER)),
    ("E823", "trust", admits(MAKER, condition={"StringEquals": {"aws:SourceAccount": OTHER}})),
    (
        "E823",
        "trust",
        admits(MAKER, condition={"StringEqualsIfExists": {"aws:SourceAccount": HERE}}),
    ),
    (
        "E823",
        "trust",
        admits(STEPS, condition={"ArnLike": {"aws:SourceArn": "arn:aws:states:*:*:*"}}),
    ),
    ("E823", "trust", admits(RULES, condition=SOURCE)),
    ("E823", "trust", admits(RULES, condition={"ArnLike": {"aws:SourceArn": RULE[:-1] + "*"}})),
    ("E824", "key", admits(ROOT_HERE, "kms:Decrypt", Resource="*")),
    ("E824", "key", admits(ROOT_HERE, "kms:Create*", Resource="*")),
    (
        "E824",
        "key",
        admits(ROOT_HERE, "kms:Sign", {"Bool": {"aws:SecureTransport": "true"}}, Resource="*"),
    ),
    ("E825", "trust", admits(LAMBDA, ["sts:AssumeRole", "sts:TagSession"])),
    ("E825", "trust", admits(PODS, condition=OF_POD)),
    ("E820", "identity", can(LAUNCHED)),
    ("E820", "identity", can(REGISTERS, PACKAGES)),
    ("E823", "trust", admits(CLUSTERS, condition=SOURCE)),
    (
        "E823",
        "trust",
        admits(CLUSTERS, condition={"ArnEquals": {"aws:SourceArn": CLUSTER.replace(HERE, OTHER)}}),
    ),
    (
        "E823",
        "trust",
        admits(
            CLUSTERS,
            condition={
                "ArnEquals": {"aws:SourceArn": CLUSTER},
                "StringEquals": {"aws:SourceAccount": OTHER},
            },
        ),
    ),
    ("E823", "trust", admits(LAMBDA, condition={"StringEquals": {"aws:SourceAccount": OTHER}})),
    ("E823", "trust", admits(PODS, BOTH)),
    *(("E823", "trust", admits(PODS, BOTH, {"StringLike": {**TAGS, key: "*"}})) for key in TAGS),
    ("E825", "trust", admits(GITHUB, [WEB, "sts:TagSession"], {"StringEquals": TOKEN})),
    ("E825", "key", admits(ALARMS, ["kms:Decrypt", "kms:Sign"], Resource="*")),
    ("E825", "resource", admits(S3, "s3:DeleteObject", SOURCE, Resource=OBJECTS)),
    ("E801", "identity", can("*", OBJECTS)),
    ("E801", "identity", can(["s3:PutObject", "s3:*"], OBJECTS)),
    ("E801", "identity", can("s3*:Get*", OBJECTS)),
    ("E801", "key", admits({"AWS": ROLE}, "kms:*", Resource="*")),
    ("E802", "identity", {"Effect": "Allow", "NotAction": "iam:*", "Resource": OBJECTS}),
    ("E802", "identity", {"Effect": "Allow", "Action": GET, "NotResource": OBJECTS}),
    ("E802", "resource", {"Effect": "Allow", "NotPrincipal": {"AWS": ROLE}, "Action": GET}),
    ("E804", "identity", can(GET)),
    ("E804", "identity", can("kms:GenerateDataKey*")),
    ("E804", "identity", can("kms:Decrypt", KEY)),
    ("E804", "identity", can("kms:Decrypt", KEY, {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}})),
    ("E804", "identity", can(GET, "arn:aws:s3:::*")),
    ("E804", "identity", can("sts:AssumeRole", f"arn:aws:iam::{OTHER}:role/*")),
    ("E804", "identity", can(METRICS)),
    ("E804", "identity", can(METRICS, "*", {"StringLikeIfExists": {"cloudwatch:namespace": "a"}})),
    ("E805", "identity", can("s3:GetObjects", OBJECTS)),
    ("E805", "identity", can("s4:GetObject", OBJECTS)),
    ("E805", "identity", can("GetObject", OBJECTS)),
    ("E805", "resource", deny("s3:PutObjekt", Resource=OBJECTS)),
    ("E806", "identity", can(GET, BUCKET)),
    ("E806", "identity", can("s3:ListBucket", OBJECTS)),
    ("E806", "identity", can([GET, "s3:ListBucket"], OBJECTS)),
    ("E806", "identity", can(GET, [OBJECTS, "arn:aws:sqs:eu-west-1:111111111111:a"])),
    ("E806", "identity", can("ecr:GetAuthorizationToken", "arn:aws:ecr:eu-west-1:1:repository/a")),
    ("E806", "identity", can("kms:Decrypt", "${aws_sns_topic.a.arn}")),
    ("E806", "identity", can(GET, "${aws_s3_bucket.a.arn}")),
    ("E806", "key", admits({"AWS": ROLE}, GET, Resource="*")),
    ("E806", "trust", admits(LAMBDA, "s3:GetObject")),
    ("E807", "identity", can(GET, OBJECTS, {"StringEqual": {"aws:SourceAccount": HERE}})),
    ("E807", "identity", can(GET, OBJECTS, {"NullIfExists": {"aws:SourceAccount": "true"}})),
    ("E808", "identity", can(GET, OBJECTS, {"StringEquals": {"aws:SourceAcount": HERE}})),
    ("E808", "identity", can(GET, OBJECTS, {"StringLike": {"s3:prefix": "data/*"}})),
    ("E808", "identity", can(GET, OBJECTS, {"StringEquals": {"kms:ViaService": "s3"}})),
    ("E808", "trust", admits(GITHUB, WEB, {"StringEquals": {"gitlab.example:sub": "a"}})),
    ("E809", "identity", can(GET, OBJECTS, Principal={"AWS": ROLE})),
    ("E809", "trust", {"Effect": "Allow", "Action": "sts:AssumeRole"}),
    ("E809", "resource", can(GET, OBJECTS)),
    ("E810", "resource", admits("*", GET, Resource=OBJECTS)),
    ("E810", "resource", admits({"AWS": "*"}, GET, EXACT, Resource=OBJECTS)),
    ("E810", "key", admits({"AWS": ["*"]}, "kms:Decrypt", Resource="*")),
    ("E811", "trust", admits({"AWS": ROOT})),
    ("E811", "trust", admits({"AWS": OTHER})),
    ("E811", "trust", admits({"AWS": f"arn:aws:iam::{HERE}:root"})),
    (
        "E811",
        "trust",
        admits({"AWS": ROOT}, condition={"StringEquals": {"aws:PrincipalOrgID": "o"}}),
    ),
    ("E811", "key", admits({"AWS": ROOT}, "kms:Decrypt", Resource="*")),
    (
        "E811",
        "resource",
        admits({"AWS": ROOT}, GET, {"ArnLike": {"aws:PrincipalArn": "*"}}, Resource=OBJECTS),
    ),
    (
        "E811",
        "resource",
        admits({"AWS": ROOT}, GET, {"ArnNotEquals": {"aws:PrincipalArn": ROLE}}, Resource=OBJECTS),
    ),
    (
        "E811",
        "trust",
        admits({"AWS": ROOT}, condition={"ArnLikeIfExists": {"aws:PrincipalArn": ROLE}}),
    ),
    (
        "E811",
        "trust",
        admits({"AWS": ROOT}, condition={"ArnLike": {"aws:PrincipalArn": ROLE[:-5] + "*"}}),
    ),
    ("E812", "identity", can(PASS, OWN)),
    ("E812", "identity", can("iam:Pass*", OWN)),
    ("E812", "identity", can(PASS, OWN[:-1] + "*", PASSED)),
    ("E812", "identity", can(PASS, OWN, {"StringLike": {"iam:PassedToService": "*"}})),
    ("E812", "identity", can(PASS, OWN, {"StringEqualsIfExists": PASSED["StringEquals"]})),
    ("E813", "trust", admits({"Service": ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]})),
    ("E813", "trust", admits({**LAMBDA, "AWS": ROLE})),
    ("E815", "identity", can("s3:Obtain*", OBJECTS)),
    ("E815", "identity", can([], OBJECTS)),
    ("E815", "identity", can(GET, [])),
    ("E815", "trust", admits({"AWS": []})),
    ("E815", "identity", can(GET, OBJECTS, {"StringEquals": {"aws:SourceAccount": []}})),
    ("E819", "trust", admits(GITHUB, WEB)),
    ("E819", "trust", admits(GITHUB, WEB, {"StringEquals": {f"{ISSUER}:aud": "sts"}})),
    ("E819", "trust", admits(GITHUB, WEB, {"StringEquals": {f"{ISSUER}:sub": "repo:a/b:c"}})),
    ("E819", "trust", admits(GITHUB, WEB, {"StringLike": {**TOKEN, f"{ISSUER}:sub": "repo:*"}})),
    ("E819", "trust", admits(GITHUB, WEB, {"StringLikeIfExists": TOKEN})),
    ("E819", "trust", subject("repo:*:ref:refs/heads/main")),
    ("E819", "trust", subject("repo:*/platform:ref:refs/heads/main")),
    ("E819", "trust", subject("repo:acme*")),
    ("E819", "trust", subject("repo:acme/platform:*", "repo:*")),
    ("E820", "identity", can(GRANT, "${aws_kms_key.a.arn}")),
    ("E820", "key", admits({"AWS": ROLE}, "kms:CreateGrant", Resource="*")),
    ("E820", "identity", can(LINK, OWN)),
    ("E821", "resource", admits(S3, GET, Resource=OBJECTS)),
    ("E821", "resource", admits(S3, GET, {"ArnLike": {"aws:SourceArn": "*"}}, Resource=OBJECTS)),
    ("E821", "key", admits({"Service": "sns.amazonaws.com"}, "kms:Decrypt", Resource="*")),
    ("E816", "identity", {"effect": "Allow", "Action": GET, "Resource": OBJECTS}),
    ("E816", "identity", {"Effect": "allow", "Action": GET, "Resource": OBJECTS}),
    ("E816", "identity", {"Effect": "Allow", "Action": GET}),
    ("E816", "identity", {"Effect": "Allow", "Resource": OBJECTS}),
    ("E816", "identity", can(GET, "acme/*")),
    ("E816", "identity", can(GET, OBJECTS, Sid="with-dash")),
    ("E816", "trust", admits(LAMBDA, Resource="*")),
    ("E816", "trust", admits("lambda.amazonaws.com")),
    ("E816", "trust", admits({"Services": "lambda.amazonaws.com"})),
    ("E816", "key", admits({"AWS": ROLE}, "kms:Decrypt")),
]


@pytest.mark.parametrize(("side", "statement"), KEPT, ids=lambda value: str(value)[:70])
def test_a_right_statement_is_silent(side, statement):
    assert codes(side, statement) == []


@pytest.mark.parametrize(("code", "side", "statement"), BROKEN, ids=lambda value: str(value)[:70])
def test_a_wrong_statement_is_found(code, side, statement):
    assert code in codes(side, statement)


def test_every_code_of_a_statement_has_a_case():
    of_policies = {"E803", "E814", "E817", "E818"}
    of_documents = {"E822", "E826", "E827", "E828"}  # tests/access/test_meaning_rules.py
    of_rules = {code.code for code in CODES if code.code < "E829"}  # E829 is about exceptions
    assert {code for code, _, _ in BROKEN} | of_policies | of_documents == of_rules


def test_a_misspelled_name_has_a_hint():
    wrong = can(["s3:GetObjekt"], OBJECTS, {"StringEqual": {"aws:SourceAcount": HERE}})
    hints = {f.code: f.hint for f in check_policy(policy("identity", wrong))}
    assert hints["E805"] == "did you mean s3:GetObject?"
    assert hints["E807"] == "did you mean StringEquals?"
    wrong = can(GET, OBJECTS, {"StringEquals": {"aws:SourceAcount": HERE}})
    (found,) = check_policy(policy("identity", wrong))
    assert found.hint == "did you mean aws:SourceAccount?"


@pytest.mark.parametrize("action", ADMINISTRATION)
def test_a_key_can_be_administered_by_its_account(action):
    less = {**ADMINISTERED, "Action": [each for each in ADMINISTRATION if each != action]}
    narrowed = {**ADMINISTERED, "Condition": {"ArnEquals": {"aws:PrincipalArn": OWN}}}
    for statement in (less, narrowed):
        body = {"Version": "2012-10-17", "Statement": [statement]}
        assert codes("key", body=body) == ["E824"]
    wild = {**less, "Action": [*less["Action"], action[:-1] + "?"]}
    assert codes("key", body={"Version": "2012-10-17", "Statement": [wild]}) == []


def test_an_alarm_is_named_where_it_publishes():
    assert codes("resource", admits(ALARMS, "sns:Publish", ALARM, Resource=TOPIC), **SNS) == []
    by_account = admits(ALARMS, "sns:Publish", SOURCE, Resource=TOPIC)
    assert codes("resource", by_account, **SNS) == ["E821"]
    assert codes("resource", admits(RULES, "sns:Publish", Resource=TOPIC), **SNS) == []


def test_the_arn_of_a_bucket_does_not_say_whose_it_is():
    notifies = {"ArnLike": {"aws:SourceArn": BUCKET}}
    alone = admits(S3, "sns:Publish", notifies, Resource=TOPIC)
    assert codes("resource", alone, **SNS) == ["E821"]
    both = admits(S3, "sns:Publish", {**notifies, **SOURCE}, Resource=TOPIC)
    assert codes("resource", both, **SNS) == []


def test_a_model_package_group_takes_a_plain_root():
    statement = admits({"AWS": ROOT}, ["sagemaker:DescribeModelPackage", REGISTERS])
    assert codes("resource", statement, address=GROUP, service="sagemaker") == []
    assert "E811" in codes("resource", statement, service="sagemaker")


def test_a_policy_has_one_of_each_sid():
    one = can(GET, OBJECTS, Sid="One")
    assert codes("identity", one, {**one, "Sid": "Two"}) == []
    assert codes("identity", one, one) == ["E814"]


@pytest.mark.parametrize("version", [None, "2008-10-17"])
def test_a_policy_has_the_version_in_which_variables_work(version):
    assert codes("identity", body={"Version": version, "Statement": can(GET, OBJECTS)}) == ["E816"]


def test_a_policy_has_statements():
    assert codes("identity") == ["E816"]


# Documents


def document(type_, arguments, **more):
    provider = {"aws": [{"allowed_account_ids": [HERE]}]}
    return {"aws/a/b": {"provider": provider, "resource": {type_: {"x": arguments}}, **more}}


def found(type_, arguments, **more):
    return [(f.code, f.address) for f in check_policies(document(type_, arguments, **more))]


BAD = {"Version": "2012-10-17", "Statement": [can(GET, BUCKET)]}


@pytest.mark.parametrize(
    ("written", "more"),
    [
        ("${jsonencode(local.p)}", {"locals": {"p": BAD}}),
        ("${local.p}", {"locals": {"p": "${jsonencode(local.q)}", "q": BAD}}),
        (json.dumps(BAD), {}),
    ],
)
def test_policies_are_resolved(written, more):
    expected = [("E806", "aws_iam_role_policy.x")]
    assert found("aws_iam_role_policy", {"policy": written}, **more) == expected


def test_a_policy_that_terraform_makes_is_told():
    written = "${data.aws_iam_policy_document.x.json}"
    expected = [("E817", "aws_iam_role_policy.x")]
    assert found("aws_iam_role_policy", {"policy": written}) == expected


def test_inline_policies_of_a_role_are_read():
    inline = [{"name": "a", "policy": json.dumps(BAD)}]
    assert found("aws_iam_role", {"inline_policy": inline}) == [("E806", "aws_iam_role.x")]


def test_a_permission_of_lambda_is_a_statement():
    given = {"function_name": "release", "action": "lambda:InvokeFunction"}
    rule = {"source_arn": f"arn:aws:events:eu-west-1:{HERE}:rule/a"}
    right = {**given, "principal": "events.amazonaws.com", **rule}
    assert found("aws_lambda_permission", right) == []
    assert found("aws_lambda_permission", {**given, "principal": "*"})[0][0] == "E810"
    assert found("aws_lambda_permission", {**given, "principal": OTHER})[0][0] == "E811"
    wrong = {**right, "action": "lambda:InvokeFunktion"}
    assert found("aws_lambda_permission", wrong)[0][0] == "E805"


def test_a_boundary_may_be_wide():
    text = json.dumps({"Version": "2012-10-17", "Statement": [can("*")]})
    policies_ = {"limit": {"name": "limit", "policy": text}, "wide": {"name": "w", "policy": text}}
    role = {"a": {"permissions_boundary": f"arn:aws:iam::{HERE}:policy/limit"}}
    stack = {"resource": {"aws_iam_policy": policies_, "aws_iam_role": role}}
    assert {f.address for f in check_policies({"a": stack})} == {"aws_iam_policy.wide"}
    role["a"]["permissions_boundary"] = "${aws_iam_policy.wide.arn}"
    assert {f.address for f in check_policies({"a": stack})} == {"aws_iam_policy.limit"}


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:iam::aws:policy/AmazonSageMakerFullAccess", "E803"),
        ("arn:aws:iam::aws:policy/AdministratorAccess", "E803"),
        ("arn:aws-cn:iam::aws:policy/PowerUserAccess", "E803"),
        ("arn:aws:iam::aws:policy/AmazonEKSClusterPolicie", "E818"),
        ("arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole", "E818"),
        ("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole", None),
        ("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy", None),
        ("${aws_iam_policy.own.arn}", None),
    ],
)
def test_attached_policies(arn, code):
    expected = [(code, "aws_iam_role_policy_attachment.x")] if code else []
    assert found("aws_iam_role_policy_attachment", {"policy_arn": arn}) == expected


def test_a_rule_is_tuned_with_a_reason():
    documents = document("aws_iam_role_policy", {"policy": json.dumps(BAD)})
    (finding,) = check_policies(documents)
    assert finding.place == "aws/a/b aws_iam_role_policy.x.policy 1"
    fitting = Tuning(
        code="E806",
        stack="aws/a/*",
        address="aws_iam_role_policy.*",
        statement="?",
        reason="said so",
    )
    other = Tuning(code="E801", address="*", reason="said so")
    assert check_policies(documents, [fitting]) == ()
    assert tune([finding], [fitting, other]) == ((), (other,))


# The tables of exceptions


def test_exceptions_name_things_that_are():
    for name, row in EVERYTHING.items():
        assert iam.action(name) is not None, name
        assert row.reason
        assert row.source.startswith("https://docs.aws.amazon.com/")
    for name, forms in MORE_RESOURCES.items():
        known = iam.action(name)
        for form in forms:
            assert known is not None
            assert not iam.arn_matches_resource_type(known, form), "the table has it now"
    assert all(tuning.reason for tuning in BUILT_IN)
    assert all("https://docs.aws.amazon.com/" in reason for reason in SOURCELESS.values())
    for name, groups in NARROWED_BY.items():
        assert {key for keys in groups for key in keys} <= set(iam.action(name).takes_key), name
    assert {"aws:principalarn", "aws:sourcearn", "aws:sourceaccount"} < GLOBAL_KEYS
    assert not ARN_SENDERS & SOURCELESS.keys()


def test_tables_of_services_name_actions_that_are():
    tables = (*BECOMING.values(), *TAGGING.values(), *USES.values(), ADMINISTRATION, FURTHER)
    for name in (action for table in tables for action in table):
        assert iam.action(name) is not None, name
    assert not set(ADMINISTRATION) & set(FURTHER)
    assert {service for service, _ in ARN_SENDERS} <= USES.keys()
    assert all(name.endswith(".amazonaws.com") for name in SENDERS)


def test_every_argument_that_is_read_exists():
    index = open_index()
    for type_, argument in ARGUMENTS:
        schema = index.resource(type_)
        assert schema is not None, type_
        assert argument in schema.block.attributes, (type_, argument)


# Our own output


@cache
def generated(organization):
    folder = REPOSITORY / "generated" / organization
    stacks = sorted(folder.rglob("main.tf.json"))
    return {
        str(path.parent.relative_to(folder)): json.loads(path.read_text(encoding="utf-8"))
        for path in stacks
    }


ORGANIZATIONS = sorted(path.name for path in (REPOSITORY / "generated").iterdir())


@pytest.mark.parametrize("organization", ORGANIZATIONS)
def test_the_output_keeps_the_rules(organization):
    documents = generated(organization)
    assert list(policies(documents))
    assert [f"{f.code} {f.place}: {f.message}" for f in check_policies(documents)] == []


def statements(documents) -> Iterator[tuple[Policy, int]]:
    for one in policies(documents):
        for number in range(len(one.statements)):
            yield one, number


def broken(one, number, change):
    """The codes found in a policy after a change to one statement; None if it has nothing to change."""
    body = copy.deepcopy(one.body)
    if not change(body["Statement"][number]):
        return None
    return {finding.code for finding in check_policy(replace(one, body=body))}


def everything(statement):
    statement["Action"] = "*"
    return True


def every_resource(statement):
    return named(statement) and bool(statement.update(Resource="*") or True)


def another_service(statement):
    lexicon = "arn:aws:polly:eu-west-1:111111111111:lexicon/a"
    return named(statement) and bool(statement.update(Resource=lexicon) or True)


def named(statement):
    return statement.get("Resource", ["*"]) != ["*"]


def misspelled_action(statement):
    actions = statement["Action"]
    first, *others = [actions] if isinstance(actions, str) else actions
    statement["Action"] = [first + "Qz", *others]
    return True


def misspelled_effect(statement):
    statement["Effect"] = "allow"
    return True


def misspelled_key(statement):
    for keys in statement.get("Condition", {}).values():
        name = next(iter(keys))
        # What stands behind the slash is a tag's name, and any may be one.
        key, slash, tag = name.partition("/")
        keys[f"{key[:-1]}_{slash}{tag}"] = keys.pop(name)
        return True
    return False


def misspelled_operator(statement):
    conditions = statement.get("Condition", {})
    for name in list(conditions)[:1]:
        conditions[name[:-1]] = conditions.pop(name)
    return bool(conditions)


def everybody(statement):
    return "Principal" in statement and bool(statement.update(Principal="*") or True)


def without_principal(statement):
    return statement.pop("Principal", None) is not None


def without_condition(statement):
    return statement.pop("Condition", None) is not None


MUTATIONS = [
    (everything, {"E801"}, "Allow"),
    (misspelled_action, {"E805", "E815"}, None),
    (misspelled_effect, {"E816"}, None),
    (misspelled_key, {"E808"}, None),
    (misspelled_operator, {"E807"}, None),
    (everybody, {"E810"}, "Allow"),
    (without_principal, {"E809"}, None),
    (another_service, {"E806"}, None),
]


@pytest.mark.parametrize(
    ("change", "expected", "effect"), MUTATIONS, ids=lambda v: getattr(v, "__name__", "")
)
def test_a_mutated_output_is_found(change, expected, effect):
    missed, seen = [], 0
    for one, number in statements(generated("acme")):
        if effect and one.statements[number].body["Effect"] != effect:
            continue
        codes_ = broken(one, number, change)
        if codes_ is None:
            continue
        seen += 1
        if not codes_ & expected:
            missed.append((one.stack, one.address, one.statements[number].sid))
    assert seen > 20
    assert missed == []


def test_a_resource_widened_to_all_is_found():
    """Apart from the actions that table and documentation give no resource."""
    seen = 0
    for one, number in statements(generated("acme")):
        statement = one.statements[number]
        if not statement.allows or one.side != "identity":
            continue
        codes_ = broken(one, number, every_resource)
        if codes_ is not None:
            seen += 1
            assert "E804" in codes_, (one.address, statement.sid)
    assert seen > 80


def narrows(statement):
    """Whether the conditions are what keeps a statement from being wide by itself.

    A model group's policy admits whole accounts: the identity side is what must be narrow.
    """
    if statement.policy.address.startswith("aws_sagemaker_model_package_group_policy."):
        return False
    foreign = (
        name.endswith(":root")
        and (statement.side == "trust" or name.split(":")[4] != statement.policy.account)
        for _, name in statement.principals
    )
    wide = (name.endswith((":key/*", "scalable-target/*")) for name in statement.resources)
    if any(kind == "Federated" for kind, _ in statement.principals):
        return True
    service = statement.policy.service
    sources = {name for kind, name in statement.principals if kind == "Service"}
    if service != "sts" and any((service, name) not in SOURCELESS for name in sources):
        return True
    named = {PASS, METRICS, GRANT, LINK} & {*statement.actions}
    return any(foreign) or any(wide) or bool(named)


def test_a_dropped_condition_is_found_where_it_is_what_narrows():
    seen = 0
    for one, number in statements(generated("acme")):
        statement = one.statements[number]
        if statement.allows and statement.conditions and narrows(statement):
            seen += 1
            found_ = broken(one, number, without_condition)
            assert found_ & {"E804", "E811", "E812", "E819", "E820", "E821"}, (
                one.address,
                statement.sid,
            )
    assert seen > 40
