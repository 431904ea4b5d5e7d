"""A compiled pipeline, its documents read back as Terraform would, its names built anew.

Names, ARNs and the sets of accounts come from the blueprint by the documented rules, not from the
compiler: the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from compiler.access.ledger import ledger
from compiler.compilation import Compiled
from tests.kinds.documents import Module, accounts_of
from tests.terraform.policies import Account, Document


@dataclass(frozen=True)
class Pipeline:
    """One compiled variant. `shared`, `training` and `production` are account names."""

    name: str
    blueprint: Mapping[str, Any]
    compiled: Compiled

    @property
    def given(self) -> Mapping[str, Any]:
        """The component's inputs."""
        found: Mapping[str, Any] = self.blueprint["components"]["churn"]
        return found

    @property
    def organization(self) -> str | None:
        """The AWS organisation's id."""
        found: str | None = self.blueprint["organization"]["aws"].get("id")
        return found

    @property
    def partition(self) -> str:
        return str(self.blueprint["organization"]["aws"]["partition"])

    @property
    def region(self) -> str:
        return str(self.blueprint["defaults"]["aws"]["region"])

    @property
    def suffix(self) -> str:
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    @property
    def shared(self) -> str:
        return str(self.given["shared"])

    @property
    def training(self) -> str:
        return str(self.given["training"])

    @property
    def production(self) -> list[str]:
        found = self.given["production"]
        return [found] if isinstance(found, str) else list(found)

    @property
    def data(self) -> str:
        """The prefix of what is trained on."""
        return str(self.given["train"].get("data", "data/"))

    @property
    def own_image(self) -> bool:
        return "repository" in self.given["train"]["image"]

    @property
    def by_cloudformation(self) -> bool:
        return self.given.get("state_machine", "cloudformation") == "cloudformation"

    @property
    def source(self) -> str:
        return str(next(iter(self.given["source"])))

    def id(self, account: str) -> str:
        """The account's 12 digits."""
        return str(self.blueprint["accounts"][account]["id"])

    def arn(self, account: str, service: str, resource: str, *, region: bool = True) -> str:
        """An ARN of something in an account."""
        where = self.region if region else ""
        return f"arn:{self.partition}:{service}:{where}:{self.id(account)}:{resource}"

    def role(self, account: str, part: str) -> str:
        """The ARN of a role of the component."""
        return self.arn(account, "iam", f"role/acme-churn-{part}", region=False)

    @property
    def pipeline_role(self) -> str:
        return self.role(self.shared, "pipeline")

    @property
    def train_action(self) -> str:
        return self.role(self.training, "train-action")

    @property
    def stack_role(self) -> str:
        return self.role(self.training, "state-machine-stack")

    @property
    def machine_role(self) -> str:
        return self.role(self.training, "state-machine")

    @property
    def train(self) -> str:
        return self.role(self.training, "train")

    @property
    def start(self) -> str:
        return self.role(self.shared, "start")

    def deploy_action(self, account: str) -> str:
        return self.role(account, "deploy-action")

    def deployer(self, account: str) -> str:
        return self.role(account, "deployer")

    def serve(self, account: str) -> str:
        return self.role(account, "serve")

    def reporter(self, account: str) -> str:
        return self.role(self.shared, f"reporter-{account}")

    @property
    def uploaders(self) -> list[str]:
        """The ARNs of the roles that may write data."""
        return self._named_roles("uploaders")

    @property
    def source_uploaders(self) -> list[str]:
        """The ARNs of the roles that may write the S3 source."""
        return self._named_roles("source_uploaders")

    def _named_roles(self, key: str) -> list[str]:
        found = []
        for given in self.given.get(key, []):
            account = given.get("account", self.shared) if isinstance(given, dict) else self.shared
            name = given["role"] if isinstance(given, dict) else given
            found.append(self.arn(account, "iam", f"role/{name}", region=False))
        return found

    @property
    def approvers(self) -> list[str]:
        names = self.given["approval"]["by"]
        return [self.arn(self.shared, "iam", f"role/{name}", region=False) for name in names]

    @property
    def bucket(self) -> str:
        return f"arn:{self.partition}:s3:::acme-churn-artifacts-{self.id(self.shared)}"

    @property
    def key(self) -> str:
        """The ARN of the bucket's key, as the documents were read back."""
        keys = self.accounts[self.id(self.shared)].keys.values()
        (found,) = [key.arn for key in keys if "alias/acme-churn-artifacts" in key.aliases]
        return found

    @cached_property
    def modules(self) -> dict[str, Module]:
        """The root modules by stack path."""
        return {
            stack.path: Module(
                stack.path,
                stack.account_id,
                stack.region,
                self.partition,
                self.compiled.documents[stack.path],
                {asset.path: asset.content for asset in stack.assets},
            )
            for stack in self.compiled.stacks
        }

    def module(self, account: str) -> Module:
        """The component's root module in an account."""
        return self.modules[f"aws/{account}/churn"]

    @property
    def codepipeline(self) -> dict[str, Any]:
        """The pipeline resource, resolved."""
        return self.module(self.shared).body("aws_codepipeline", "pipeline")

    def actions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The pipeline's actions with their stages, in order."""
        for stage in self.codepipeline["stage"]:
            for action in stage["action"]:
                yield stage["name"], action

    @cached_property
    def edges(self) -> list[dict[str, Any]]:
        """The edges of access.json."""
        found: Any = ledger(self.compiled.edges)["edges"]
        return list(found)

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """Every policy, in the form that the evaluator reads; existing roles have their paths."""
        return accounts_of(self.modules.values(), {e["principal"]["arn"] for e in self.edges})

    def roles(self) -> dict[str, Any]:
        """Every role by ARN."""
        return {r.arn: r for account in self.accounts.values() for r in account.roles.values()}

    def key_policy(self) -> Document:
        return self.accounts[self.id(self.shared)].keys[self.key].policy

    def bucket_policy(self) -> Document:
        return self.accounts[self.id(self.shared)].resources[self.bucket]
