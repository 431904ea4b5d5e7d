"""A root module read as Terraform reads it: locals put in, references to what AWS would answer.

Only what the generated modules use is understood; any other expression is an error, not a guess.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.terraform.policies import Account, Document, Key, Role

LOCAL = re.compile(r"\$\{jsonencode\(local\.(\w+)\)\}")
REFERENCE = re.compile(r"(?<!\$)\$\{(\w+)\.(\w+)\.(\w+)\}")
# Of which service an ARN is, what stands before the name, and the argument that holds the name.
ARNS = {
    "aws_codepipeline": ("codepipeline", "", "name"),
    "aws_cloudwatch_event_bus": ("events", "event-bus/", "name"),
    "aws_cloudwatch_event_rule": ("events", "rule/", "name"),
    "aws_iam_role": ("iam", "role/", "name"),
    "aws_sns_topic": ("sns", "", "name"),
    "aws_sqs_queue": ("sqs", "", "name"),
    "aws_ecr_repository": ("ecr", "repository/", "name"),
    "aws_lambda_function": ("lambda", "function:", "function_name"),
    "aws_sfn_state_machine": ("states", "stateMachine:", "name"),
    "aws_cloudwatch_log_group": ("logs", "log-group:", "name"),
}


@dataclass(frozen=True)
class Module:
    """A root module of one account and region, with its assets by path."""

    path: str
    account: str
    region: str
    partition: str
    document: Mapping[str, Any]
    assets: Mapping[str, bytes]

    def resources(self, type: str) -> dict[str, dict[str, Any]]:
        """Every resource of a type by name, resolved."""
        return {name: self.body(type, name) for name in self.document["resource"].get(type, {})}

    def body(self, type: str, name: str) -> dict[str, Any]:
        """One resource, resolved; JSON texts stay texts."""
        found = self.resolve(self.document["resource"][type][name])
        assert isinstance(found, dict)
        return found

    def resolve(self, value: Any) -> Any:
        """The value without expressions."""
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        local = LOCAL.fullmatch(text)
        if local:
            return json.dumps(self.resolve(self.document["locals"][local[1]]))
        made = REFERENCE.sub(lambda match: self.attribute(*match.groups()), text)
        left = made.replace("$${", "")
        known = ("${path.module}", "${filebase64sha256(", "${self.")
        assert "${" not in left or any(each in left for each in known), made
        return made.replace("$${", "${").replace("%%{", "%{")

    def attribute(self, type: str, name: str, attribute: str) -> str:
        """What AWS would answer."""
        body = self.document["resource"][type][name]
        if type == "aws_kms_key":
            key = hashlib.sha256(f"{self.path} {name}".encode()).hexdigest()
            parts = (key[:8], key[8:12], key[12:16], key[16:20], key[20:32])
            id = "-".join(parts)
            return id if attribute == "key_id" else self.arn("kms", f"key/{id}")
        if type == "aws_s3_bucket" and attribute == "id":
            return str(body["bucket"])
        if type == "aws_codeconnections_connection":
            return self.arn("codeconnections", "connection/01234567-0123-0123-0123-0123456789ab")
        if type == "aws_sqs_queue" and attribute == "id":
            return f"https://sqs.{self.region}.amazonaws.com/{self.account}/{body['name']}"
        if type == "aws_sagemaker_endpoint_configuration" and attribute == "name":
            return f"{body['name_prefix']}20260101000000000000000001"
        if attribute != "arn":
            return str(self.resolve(body[attribute]))
        service, prefix, argument = ARNS[type]
        if type == "aws_cloudwatch_event_rule" and "event_bus_name" in body:
            prefix += f"{self.resolve(body['event_bus_name'])}/"
        return self.arn(service, prefix + body[argument])

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this module's account."""
        region = "" if service == "iam" else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"

    def policies(self) -> dict[tuple[str, str], Document]:
        """Every policy document by (address, side), as access.json calls them."""
        found: dict[tuple[str, str], Document] = {}
        for type, argument, side in (
            ("aws_iam_role", "assume_role_policy", "trust"),
            ("aws_iam_role_policy", "policy", "identity"),
            ("aws_kms_key", "policy", "key"),
            ("aws_s3_bucket_policy", "policy", "resource"),
            ("aws_ecr_repository_policy", "policy", "resource"),
            ("aws_sns_topic_policy", "policy", "resource"),
            ("aws_sqs_queue_policy", "policy", "resource"),
            ("aws_cloudwatch_event_bus_policy", "policy", "resource"),
            ("aws_sagemaker_model_package_group_policy", "resource_policy", "resource"),
        ):
            for name, body in self.resources(type).items():
                found[f"{type}.{name}", side] = json.loads(body[argument])
        return found

    def _resource_policies(self) -> dict[str, Document]:
        found = {}
        for body in self.resources("aws_s3_bucket_policy").values():
            found[f"arn:{self.partition}:s3:::{body['bucket']}"] = json.loads(body["policy"])
        for body in self.resources("aws_ecr_repository_policy").values():
            arn = self.arn("ecr", f"repository/{body['repository']}")
            found[arn] = json.loads(body["policy"])
        for body in self.resources("aws_sns_topic_policy").values():
            found[body["arn"]] = json.loads(body["policy"])
        for body in self.resources("aws_cloudwatch_event_bus_policy").values():
            arn = self.arn("events", f"event-bus/{body['event_bus_name']}")
            found[arn] = json.loads(body["policy"])
        for body in self.resources("aws_sagemaker_model_package_group_policy").values():
            arn = self.arn("sagemaker", f"model-package-group/{body['model_package_group_name']}")
            found[arn] = json.loads(body["resource_policy"])
        for body in self.resources("aws_s3_bucket").values():
            found.setdefault(f"arn:{self.partition}:s3:::{body['bucket']}", {"Statement": []})
        return found

    def _keys(self) -> dict[str, Key]:
        found = {}
        for name, body in self.resources("aws_kms_key").items():
            arn = self.attribute("aws_kms_key", name, "arn")
            aliases = self.resources("aws_kms_alias").values()
            mine = tuple(a["name"] for a in aliases if arn.endswith(a["target_key_id"]))
            found[arn] = Key(arn, json.loads(body["policy"]), mine)
        return found


def accounts_of(modules: Iterable[Module], known_roles: Iterable[str]) -> dict[str, Account]:
    """The policies of all accounts; `known_roles` are ARNs, to tell the paths of existing roles."""
    arns = {(arn.split(":")[4], arn.rpartition("/")[2]): arn for arn in known_roles}
    accounts: dict[str, Account] = {}
    for module in modules:
        account = accounts.setdefault(module.account, Account(module.account))
        for body in module.resources("aws_iam_role").values():
            name = body["name"]
            arn = module.arn("iam", f"role{body['path']}{name}")
            account.roles[name] = Role(arn, json.loads(body["assume_role_policy"]), {})
        for body in module.resources("aws_iam_role_policy").values():
            name = body["role"]
            if name not in account.roles:
                account.roles[name] = Role(arns[module.account, name], {"Statement": []}, {})
            account.roles[name].identity[body["name"]] = json.loads(body["policy"])
        account.keys.update(module._keys())
        account.resources.update(module._resource_policies())
    return accounts
