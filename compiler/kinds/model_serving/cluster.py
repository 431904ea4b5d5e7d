"""The control plane: its role, keys and log group, its address, what a client needs of it."""

from __future__ import annotations

from compiler.access.parties import KeyUse
from compiler.kinds.draft import Draft
from compiler.kinds.model_serving.inputs import Inputs
from compiler.kinds.model_serving.names import (
    CLUSTER,
    Parties,
    Subnets,
    cluster_name,
    flow_log_group,
    identifier,
    log_group,
)
from compiler.kinds.services import log_encryption
from compiler.terraform.stack import Expression, Value, reference, template

HTTPS = 443
LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def parties(draft: Draft, inputs: Inputs) -> Parties:
    """Declare the keys."""
    account, name = inputs.account, cluster_name(draft, inputs)
    place = draft.place(account)
    groups = [log_group(name)]
    if inputs.network.create and inputs.network.create.flow_logs:
        groups.append(flow_log_group(draft))
    return Parties(
        draft=draft,
        inputs=inputs,
        name=name,
        secrets=draft.key(account, "secrets", "secrets", f"Secrets of the cluster {name}"),
        logs=draft.key(
            account, "logs", "logs", f"Logs of the cluster {name}", [log_encryption(place, *groups)]
        ),
    )


def _lending(parties: Parties) -> str:
    """Lets whoever makes the cluster lend the key of its secrets to EKS; gives what comes before.

    That role alone, as no condition is left to narrow it by: EKS does not support
    kms:GrantIsForAWSResource for CreateCluster. Without a word in the blueprint it is the role that
    AWS makes in every account of an organisation.
    Source: EKS user guide, "Create an Amazon EKS cluster": the caller needs kms:DescribeKey and
    kms:CreateGrant, without that condition.
    """
    deploy = parties.draft.organization.deploy
    name = parties.inputs.created_by or deploy.aws_role or deploy.aws_bootstrap_role
    label = f"deploy_{identifier(parties.account.name)}" if parties.several else "deploy"
    role = parties.draft.existing_role(parties.account, label, name)
    lent = KeyUse(parties.secrets)
    parties.grant("deploy-lends-secrets", role, ("kms:CreateGrant", "kms:DescribeKey"), lent)
    return f"aws_iam_role_policy.{label}"


def build(parties: Parties, subnets: Subnets) -> None:
    """The cluster, after everything that it uses from its first minute on."""
    draft, account, inputs = parties.draft, parties.account, parties.inputs
    draft.claim(account, "EKS cluster", parties.name)
    # Of the role: what the control plane does with the key. ListGrants is for EKS's health checks.
    # Source: terraform-aws-modules/terraform-aws-eks, issue 1913.
    parties.grant(
        "cluster-encrypts-secrets",
        parties.cluster,
        ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"),
        KeyUse(parties.secrets),
    )
    attached = parties.managed_policy(parties.cluster, "AmazonEKSClusterPolicy")
    logs = draft.add(
        account,
        "aws_cloudwatch_log_group",
        "cluster",
        {
            "name": log_group(parties.name),
            "retention_in_days": inputs.log_retention_days,
            "kms_key_id": reference(parties.logs.address, "arn"),
        },
    )
    public = inputs.api.public_from
    network: dict[str, Value] = {
        "subnet_ids": list(subnets.subnet_ids),
        "security_group_ids": _callers(parties, subnets),
        "endpoint_private_access": True,
        "endpoint_public_access": bool(public),
        "public_access_cidrs": sorted(set(public)) or None,
    }
    arguments: dict[str, Value] = {
        "name": parties.name,
        "version": inputs.version,
        "role_arn": reference("aws_iam_role.cluster", "arn"),
        "vpc_config": [network],
        "access_config": [
            {
                "authentication_mode": "API",
                "bootstrap_cluster_creator_admin_permissions": False,
            }
        ],
        # Its add-ons are EKS's own, from the first: see `addons`.
        "bootstrap_self_managed_addons": False,
        "enabled_cluster_log_types": list(LOG_TYPES),
        "encryption_config": [
            {
                "resources": ["secrets"],
                "provider": [{"key_arn": reference(parties.secrets.address, "arn")}],
            }
        ],
        "upgrade_policy": [{"support_type": inputs.support.upper()}],
        "zonal_shift_config": [{"enabled": True}] if inputs.zonal_shift else None,
    }
    after = (attached, "aws_iam_role_policy.cluster", logs, _lending(parties))
    draft.add(account, "aws_eks_cluster", "cluster", arguments, depends_on=after)
    _outputs(parties, subnets)


def _callers(parties: Parties, subnets: Subnets) -> list[Value] | None:
    """Admits other networks to the private address of the API."""
    draft, account, blocks = parties.draft, parties.account, parties.inputs.api.private_from
    if not blocks:
        return None
    group = draft.add(
        account,
        "aws_security_group",
        "api",
        {
            "name": draft.name("api", "aws_security_group"),
            "description": f"Who calls the private address of the cluster {parties.name}",
            "vpc_id": subnets.vpc_id,
        },
    )
    for index, block in enumerate(sorted(set(blocks)), start=1):
        draft.add(
            account,
            "aws_vpc_security_group_ingress_rule",
            f"api_{index}",
            {
                "security_group_id": reference(group, "id"),
                "description": "Kubernetes API",
                "cidr_ipv4": block,
                "ip_protocol": "tcp",
                "from_port": HTTPS,
                "to_port": HTTPS,
            },
        )
    return [reference(group, "id")]


def _outputs(parties: Parties, subnets: Subnets) -> None:
    account = parties.account
    security_group = Expression(f"${{{CLUSTER}.vpc_config[0].cluster_security_group_id}}")
    outputs: tuple[tuple[str, Value, str], ...] = (
        ("cluster_name", parties.cluster_name, "name of the cluster"),
        ("cluster_arn", reference(CLUSTER, "arn"), "ARN of the cluster"),
        ("cluster_endpoint", reference(CLUSTER, "endpoint"), "address of the Kubernetes API"),
        ("cluster_certificate_authority", _authority(), "certificate of the API, base64"),
        (
            "oidc_issuer",
            Expression(f"${{{CLUSTER}.identity[0].oidc[0].issuer}}"),
            "issuer of the service accounts' tokens",
        ),
        ("cluster_security_group_id", security_group, "security group of the nodes and the API"),
        ("kubeconfig", _kubeconfig(parties), "kubeconfig that asks the aws command for its tokens"),
        ("cluster_role_arn", parties.cluster.arn, "ARN of the role of the control plane"),
        ("node_role_arn", parties.node.arn, "ARN of the role of the nodes"),
        ("vpc_id", subnets.vpc_id, "id of the VPC"),
        ("subnet_ids", list(subnets.subnet_ids), "ids of the subnets of nodes"),
    )
    for name, value, description in outputs:
        parties.draft.output(account, name, value, description)


def _authority() -> Expression:
    return Expression(f"${{{CLUSTER}.certificate_authority[0].data}}")


def _kubeconfig(parties: Parties) -> Expression:
    """For kubectl, with no secret in it: the caller's own credentials make a token each time.

    Source: EKS user guide, "Connect kubectl to an EKS cluster by creating a kubeconfig file".
    """
    name, arn = parties.name, parties.arn
    return template(
        "apiVersion: v1\n"
        "kind: Config\n"
        f'current-context: "{name}"\n'
        "clusters:\n"
        f'- name: "{arn}"\n'
        "  cluster:\n"
        "    server: ",
        reference(CLUSTER, "endpoint"),
        "\n    certificate-authority-data: ",
        _authority(),
        "\ncontexts:\n"
        f'- name: "{name}"\n'
        "  context:\n"
        f'    cluster: "{arn}"\n'
        f'    user: "{arn}"\n'
        "users:\n"
        f'- name: "{arn}"\n'
        "  user:\n"
        "    exec:\n"
        "      apiVersion: client.authentication.k8s.io/v1beta1\n"
        "      command: aws\n"
        "      args: [--region, "
        f'"{parties.place.region}", eks, get-token, --cluster-name, "{name}", --output, json]\n'
        "      interactiveMode: IfAvailable\n",
    )
