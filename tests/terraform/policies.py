"""The policies that stand in the simulated AWS after an apply, as plain data.

Reads through boto3, account by account; no effects. What comes back is what AWS was told, not what
the compiler meant: the access tests judge these with `evaluate`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.terraform.simulated_aws import SimulatedAws

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role; `identity` are its inline policies by name and its attached ones by ARN."""

    arn: str
    trust: Document
    identity: dict[str, Document]
    boundary: Document | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A KMS key with its aliases (`alias/…`)."""

    arn: str
    policy: Document
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """The policies of one account: roles by name, keys and other resource policies by ARN."""

    id: str
    roles: dict[str, Role] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    resources: dict[str, Document] = field(default_factory=dict)


def read_policies(aws: SimulatedAws, places: Iterable[tuple[str, str]]) -> dict[str, Account]:
    """The policies of each account in each of its regions; `places` are (account id, region)."""
    accounts: dict[str, Account] = {}
    for account, region in sorted(set(places)):
        if account not in accounts:
            accounts[account] = Account(account, _roles(aws, account))
            accounts[account].resources.update(_buckets(aws, account))
        accounts[account].keys.update(_keys(aws, account, region))
        for reader in (_repositories, _functions, _topics, _queues, _groups, _buses):
            accounts[account].resources.update(reader(aws, account, region))
    return accounts


def _roles(aws: SimulatedAws, account: str) -> dict[str, Role]:
    iam = aws.client("iam", account)
    return {role["RoleName"]: _role(iam, role) for role in _pages(iam, "list_roles", "Roles")}


def _role(iam: Any, role: dict[str, Any]) -> Role:
    name = role["RoleName"]
    identity: dict[str, Document] = {}
    for policy in _pages(iam, "list_role_policies", "PolicyNames", RoleName=name):
        found = iam.get_role_policy(RoleName=name, PolicyName=policy)
        identity[policy] = found["PolicyDocument"]
    attached = _pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    for policy in attached:
        identity[policy["PolicyArn"]] = _managed(iam, policy["PolicyArn"])
    boundary = iam.get_role(RoleName=name)["Role"].get("PermissionsBoundary")
    limit = _managed(iam, boundary["PermissionsBoundaryArn"]) if boundary else None
    return Role(role["Arn"], role["AssumeRolePolicyDocument"], identity, limit)


def _managed(iam: Any, arn: str) -> Document:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)
    document: Document = found["PolicyVersion"]["Document"]
    return document


def _keys(aws: SimulatedAws, account: str, region: str) -> dict[str, Key]:
    kms = aws.client("kms", account, region)
    aliases: dict[str, list[str]] = {}
    for alias in _pages(kms, "list_aliases", "Aliases"):
        aliases.setdefault(alias.get("TargetKeyId", ""), []).append(alias["AliasName"])
    keys = {}
    for key in _pages(kms, "list_keys", "Keys"):
        text = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]
        names = tuple(sorted(aliases.get(key["KeyId"], [])))
        keys[key["KeyArn"]] = Key(key["KeyArn"], json.loads(text), names)
    return keys


def _buckets(aws: SimulatedAws, account: str) -> dict[str, Document]:
    """Every bucket of the account; one without a policy has no statements."""
    s3 = aws.client("s3", account)
    found: dict[str, Document] = {}
    for bucket in s3.list_buckets()["Buckets"]:
        try:
            text = s3.get_bucket_policy(Bucket=bucket["Name"])["Policy"]
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
            text = '{"Statement": []}'
        found[f"arn:aws:s3:::{bucket['Name']}"] = json.loads(text)
    return found


def _repositories(aws: SimulatedAws, account: str, region: str) -> dict[str, Document]:
    ecr = aws.client("ecr", account, region)
    found: dict[str, Document] = {}
    for repository in _pages(ecr, "describe_repositories", "repositories"):
        try:
            text = ecr.get_repository_policy(repositoryName=repository["repositoryName"])
        except ecr.exceptions.RepositoryPolicyNotFoundException:
            continue
        found[repository["repositoryArn"]] = json.loads(text["policyText"])
    return found


def _functions(aws: SimulatedAws, account: str, region: str) -> dict[str, Document]:
    client = aws.client("lambda", account, region)
    found: dict[str, Document] = {}
    for function in _pages(client, "list_functions", "Functions"):
        try:
            text = client.get_policy(FunctionName=function["FunctionName"])["Policy"]
        except client.exceptions.ResourceNotFoundException:
            continue
        found[function["FunctionArn"].removesuffix(":$LATEST")] = json.loads(text)
    return found


def _topics(aws: SimulatedAws, account: str, region: str) -> dict[str, Document]:
    sns = aws.client("sns", account, region)
    found: dict[str, Document] = {}
    for topic in _pages(sns, "list_topics", "Topics"):
        attributes = sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
        if attributes.get("Policy"):
            found[topic["TopicArn"]] = json.loads(attributes["Policy"])
    return found


def _queues(aws: SimulatedAws, account: str, region: str) -> dict[str, Document]:
    sqs = aws.client("sqs", account, region)
    found: dict[str, Document] = {}
    for url in sqs.list_queues().get("QueueUrls", []):
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "Policy"])
        attributes = answer["Attributes"]
        if attributes.get("Policy"):
            found[attributes["QueueArn"]] = json.loads(attributes["Policy"])
    return found


def _groups(aws: SimulatedAws, account: str, region: str) -> dict[str, Document]:
    sagemaker = aws.client("sagemaker", account, region)
    found: dict[str, Document] = {}
    listed = _pages(sagemaker, "list_model_package_groups", "ModelPackageGroupSummaryList")
    for group in listed:
        try:
            text = sagemaker.get_model_package_group_policy(
                ModelPackageGroupName=group["ModelPackageGroupName"]
            )["ResourcePolicy"]
        except sagemaker.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            continue
        found[group["ModelPackageGroupArn"]] = json.loads(text)
    return found


def _buses(aws: SimulatedAws, account: str, region: str) -> dict[str, Document]:
    events = aws.client("events", account, region)
    buses = events.list_event_buses()["EventBuses"]
    return {bus["Arn"]: json.loads(bus["Policy"]) for bus in buses if bus.get("Policy")}


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[key]
