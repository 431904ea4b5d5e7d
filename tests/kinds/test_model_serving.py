"""The acceptance checks of a cluster, read off the generated documents of every variant."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from compiler.data import eks_addons, eks_versions
from tests.kinds.serving import LONG, VARIANTS, Serving, addresses, serving

pytestmark = pytest.mark.parametrize("name", VARIANTS)

# Level, and whether it is narrowed to namespaces.
ACCESS_POLICIES = {
    ("admin", False): "AmazonEKSClusterAdminPolicy",
    ("admin", True): "AmazonEKSAdminPolicy",
    ("edit", False): "AmazonEKSEditPolicy",
    ("edit", True): "AmazonEKSEditPolicy",
    ("view", False): "AmazonEKSViewPolicy",
    ("view", True): "AmazonEKSViewPolicy",
}
WORKER_POLICIES = {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"}
FIRST = {"vpc_cni", "eks_pod_identity_agent"}
CALLS_AWS = {name for name, addon in eks_addons().items() if addon.policy}


def cluster(s: Serving) -> dict[str, Any]:
    (found,) = s.all("aws_eks_cluster").values()
    return found


def one(blocks: Any) -> dict[str, Any]:
    (found,) = blocks
    assert isinstance(found, dict)
    return found


def pods_roles(s: Serving) -> dict[str, tuple[str, str]]:
    """The roles of associations: (namespace, service account)."""
    found = {}
    for body in s.all("aws_eks_pod_identity_association").values():
        (address,) = addresses(body["role_arn"])
        found[address.partition(".")[2]] = (body["namespace"], body["service_account"])
    for body in s.all("aws_eks_addon").values():
        for association in body.get("pod_identity_association", []):
            (address,) = addresses(association["role_arn"])
            namespace = eks_addons()[body["addon_name"]].namespace
            found[address.partition(".")[2]] = (namespace, association["service_account"])
    return found


def test_1_roles_of_the_control_plane_and_of_nodes(name: str) -> None:
    s = serving(name)
    control, node = one(s.trust("cluster")), one(s.trust("node"))
    assert control["Principal"] == {"Service": "eks.amazonaws.com"}
    assert control["Action"] == ["sts:AssumeRole"]
    account = s.stack.account_id
    arn = f"arn:{s.partition}:eks:{s.region}:{account}:cluster/{s.cluster_name}"
    assert control["Condition"] == {
        "ArnEquals": {"aws:SourceArn": arn},
        "StringEquals": {"aws:SourceAccount": account},
    }
    assert s.attached("cluster") == {"AmazonEKSClusterPolicy"}
    suffix = "amazonaws.com.cn" if s.partition == "aws-cn" else "amazonaws.com"
    assert node["Principal"] == {"Service": f"ec2.{suffix}"}
    assert s.attached("node") == WORKER_POLICIES
    arns = [b["policy_arn"] for b in s.all("aws_iam_role_policy_attachment").values()]
    assert all(arn.startswith(f"arn:{s.partition}:iam::aws:policy/") for arn in arns)


def test_2_who_uses_the_api_is_written_down(name: str) -> None:
    s = serving(name)
    assert one(cluster(s)["access_config"]) == {
        "authentication_mode": "API",
        "bootstrap_cluster_creator_admin_permissions": False,
    }
    policies = s.all("aws_eks_access_policy_association")
    assert policies.keys() == s.all("aws_eks_access_entry").keys()
    assert len(policies) == len(s.given["access"])
    admins = [
        body
        for body in policies.values()
        if body["policy_arn"].endswith("/AmazonEKSClusterAdminPolicy")
        and one(body["access_scope"]) == {"type": "cluster"}
    ]
    assert admins
    expected = [
        (ACCESS_POLICIES[each["level"], "namespaces" in each], each.get("namespaces"))
        for each in s.given["access"]
    ]
    given = [
        (body["policy_arn"].rpartition("/")[2], one(body["access_scope"]).get("namespaces"))
        for body in policies.values()
    ]
    assert sorted(given, key=str) == sorted(expected, key=str)
    for body in policies.values():
        scope = one(body["access_scope"])
        assert scope["type"] == ("namespace" if scope.get("namespaces") else "cluster")
        start = f"arn:{s.partition}:eks::aws:cluster-access-policy/AmazonEKS"
        assert body["policy_arn"].startswith(start)


def test_3_entries_are_of_other_roles_than_nodes_and_each_once(name: str) -> None:
    s = serving(name)
    entries = s.all("aws_eks_access_entry")
    arns = [body["principal_arn"] for body in entries.values()]
    assert len(set(arns)) == len(arns)
    node = s.all("aws_iam_role")["node"]["name"]
    assert not [arn for arn in arns if arn.endswith(f"/{node}") or "aws_iam_role.node" in arn]
    assert {body["type"] for body in entries.values()} == {"STANDARD"}
    expected = set()
    for given in s.given["access"]:
        if "assume" in given:
            expected.add(f"${{aws_iam_role.through_{given['assume']}.arn}}")
        else:
            account = s.id(given.get("account", s.account))
            expected.add(f"arn:{s.partition}:iam::{account}:role/{given['role']}")
    assert set(arns) == expected


def test_entries_follow_a_role_that_is_made_again(name: str) -> None:
    """An entry knows its role by id, and its policies go with it."""
    s = serving(name)
    for key, body in s.all("aws_eks_access_entry").items():
        role = addresses(body["principal_arn"])
        wanted = [f"{address}.unique_id" for address in role]
        assert body.get("lifecycle", {}).get("replace_triggered_by", []) == wanted
        association = s.all("aws_eks_access_policy_association")[key]
        assert association["lifecycle"]["replace_triggered_by"] == [
            f"aws_eks_access_entry.{key}.access_entry_arn"
        ]


def test_4_version_and_upgrade_policy(name: str) -> None:
    s = serving(name)
    known = {version.name: version for version in eks_versions()}
    version = known[cluster(s)["version"]]
    support = one(cluster(s)["upgrade_policy"])["support_type"]
    assert support == s.given.get("support", "standard").upper()
    assert version.in_standard_support or support == "EXTENDED"
    for body in s.all("aws_eks_node_group").values():
        assert body["version"] == "${aws_eks_cluster.cluster.version}"


def test_5_pools_with_gpus(name: str) -> None:
    s = serving(name)
    groups = s.all("aws_eks_node_group")
    assert len(groups) == len(s.given["pools"])
    for pool, given in s.given["pools"].items():
        body = groups[pool.replace("-", "_")]
        gpu = given["instance"].startswith(("g", "p"))
        assert body["instance_types"] == [given["instance"]]
        assert body["ami_type"].endswith("_NVIDIA") == gpu
        assert not body["ami_type"].startswith("AL2_")
        assert ("ARM_64" in body["ami_type"]) == (given["instance"].partition(".")[0][-1] == "g")
        taints = body.get("taint", [])
        wanted = [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]
        assert taints == (wanted if gpu else [])
        assert body["labels"].get("landform/accelerator") == ("nvidia" if gpu else None)
        assert body["labels"]["landform/pool"] == pool


def test_6_addresses_of_the_api(name: str) -> None:
    s = serving(name)
    network = one(cluster(s)["vpc_config"])
    assert network["endpoint_private_access"] is True
    public = network.get("public_access_cidrs", [])
    assert network["endpoint_public_access"] == bool(public)
    assert public == s.given.get("api", {}).get("public_from", [])
    rules = s.all("aws_vpc_security_group_ingress_rule")
    blocks = {b["cidr_ipv4"] for n, b in rules.items() if n.startswith("api_")}
    assert blocks == set(s.given.get("api", {}).get("private_from", []))
    for block in [*public, *blocks]:
        assert ipaddress.ip_network(block).prefixlen >= 8


def test_7_roles_of_pods_are_those_pods_alone(name: str) -> None:
    s = serving(name)
    roles = pods_roles(s)
    assert len(roles) == len(s.workloads) + len(
        CALLS_AWS & {body["addon_name"] for body in s.all("aws_eks_addon").values()}
    )
    for role, (namespace, service_account) in roles.items():
        statement = one(s.trust(role))
        assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
        assert statement["Condition"] == {
            "StringEquals": {
                "aws:RequestTag/eks-cluster-arn": s.cluster_arn,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": service_account,
                "aws:SourceAccount": s.id(s.account),
            }
        }
    # One association for each service account, and no second one through an add-on.
    assert len(set(roles.values())) == len(roles)


def test_8_what_nodes_need_to_get_ready_comes_before_them(name: str) -> None:
    s = serving(name)
    addons = s.all("aws_eks_addon")
    assert FIRST | {"kube_proxy", "coredns", "metrics_server"} <= addons.keys()
    groups = {f"aws_eks_node_group.{group}" for group in s.all("aws_eks_node_group")}
    for addon, body in addons.items():
        after = set(body.get("depends_on", []))
        assert not (after & groups and addon in FIRST)
        assert groups <= after or addon in FIRST | {"kube_proxy"}
        assert body["resolve_conflicts_on_update"] == "OVERWRITE"
    attachments = {
        f"aws_iam_role_policy_attachment.{key}"
        for key, body in s.all("aws_iam_role_policy_attachment").items()
        if "aws_iam_role.node" in body["role"]
    }
    for body in s.all("aws_eks_node_group").values():
        assert {f"aws_eks_addon.{addon}" for addon in FIRST} <= set(body["depends_on"])
        assert attachments <= set(body["depends_on"])
    text = s.policy(addons["vpc_cni"]["configuration_values"])
    assert text == {"enableNetworkPolicy": "true"}
    assert s.attached("addon_vpc_cni") == {"AmazonEKS_CNI_Policy"}
    assert one(addons["vpc_cni"]["pod_identity_association"])["service_account"] == "aws-node"
    assert cluster(s)["bootstrap_self_managed_addons"] is False


def test_9_machines(name: str) -> None:
    s = serving(name)
    templates = s.all("aws_launch_template")
    assert templates.keys() == s.all("aws_eks_node_group").keys()
    for body in templates.values():
        metadata = one(body["metadata_options"])
        assert metadata["http_tokens"] == "required"
        assert metadata["http_put_response_hop_limit"] == 1
        volumes = [one(each["ebs"]) for each in body["block_device_mappings"]]
        assert volumes
        assert {each["encrypted"] for each in volumes} == {"true"}
        assert {each["volume_type"] for each in volumes} == {"gp3"}
        # With these the group would refuse the template, or ignore them.
        assert not body.keys() & {"image_id", "instance_type", "iam_instance_profile"}
    for key, body in s.all("aws_eks_node_group").items():
        assert not body.keys() & {"disk_size", "remote_access", "node_group_name"}
        assert one(body["launch_template"]) == {
            "id": f"${{aws_launch_template.{key}.id}}",
            "version": f"${{aws_launch_template.{key}.latest_version}}",
        }
        assert body["lifecycle"] == {
            "create_before_destroy": True,
            "ignore_changes": ["scaling_config[0].desired_size"],
        }
        scaling = one(body["scaling_config"])
        assert scaling["min_size"] <= scaling["desired_size"] <= scaling["max_size"]
        assert one(body["node_repair_config"]) == {"enabled": True}


def test_10_hubs_admit_who_reads_and_pulls(name: str) -> None:
    s = serving(name)
    account = s.stack.account_id
    node = s.all("aws_iam_role")["node"]["name"]
    hub = "aws/shared/models"
    for workload, given in s.workloads.items():
        if "reads" not in given:
            continue
        role = s.all("aws_iam_role")[f"pods_{workload.replace('-', '_')}"]["name"]
        arn = f"arn:{s.partition}:iam::{account}:role/{role}"
        prefix = f"{given['reads']['group']}/{given['reads'].get('path', '')}"
        key = s.policy(s.all("aws_kms_key", hub)["artifacts"]["policy"], hub)
        assert "kms:Decrypt" in allowed(key, arn)
        if account != s.id("shared"):
            bucket = s.policy(s.all("aws_s3_bucket_policy", hub)["artifacts"]["policy"], hub)
            assert allowed(bucket, arn) == {"s3:GetObject", "s3:ListBucket"}
            read = [x for x in bucket["Statement"] if "s3:GetObject" in x["Action"]]
            mine = [x for x in read if arn in json.dumps(x)]
            assert mine
            assert all(one_text(x["Resource"]).endswith(f"/{prefix}*") for x in mine)
            listing = [x for x in bucket["Statement"] if "s3:ListBucket" in x["Action"]]
            asked = [x["Condition"]["StringLike"] for x in listing if arn in json.dumps(x)]
            assert asked == [{"s3:prefix": [f"{prefix}*"]}]
            pulled = f"arn:{s.partition}:iam::{account}:role/{node}"
            policies = s.all("aws_ecr_repository_policy", hub).values()
            found = [
                allowed(s.policy(body["policy"], hub), pulled)
                for body in policies
                if given["image"].replace("/", "_").replace("-", "_") in body["repository"]
            ]
            assert found == [
                {
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                }
            ]


def allowed(policy: dict[str, Any], arn: str) -> set[str]:
    """The actions that a policy allows a role, in either spelling of its principal."""
    found: set[str] = set()
    root = f"{arn.rpartition(':')[0]}:root"
    for statement in policy["Statement"]:
        if statement["Effect"] != "Allow":
            continue
        principal = statement["Principal"].get("AWS")
        exact = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn", [])
        exact = [exact] if isinstance(exact, str) else exact
        if principal == arn or (principal == root and arn in exact):
            found |= set(statement["Action"])
    return found


def one_text(values: Any) -> str:
    (found,) = values
    return str(found)


def test_logs_are_there_before_the_cluster(name: str) -> None:
    s = serving(name)
    group = s.all("aws_cloudwatch_log_group")["cluster"]
    assert group["name"] == f"/aws/eks/{s.cluster_name}/cluster"
    assert group["kms_key_id"] == "${aws_kms_key.logs.arn}"
    assert group["retention_in_days"] == s.given.get("log_retention_days", 90)
    after = set(cluster(s)["depends_on"])
    assert {
        "aws_cloudwatch_log_group.cluster",
        "aws_iam_role_policy_attachment.cluster_AmazonEKSClusterPolicy",
        "aws_iam_role_policy.cluster",
    } <= after
    types = {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    assert set(cluster(s)["enabled_cluster_log_types"]) == types
    key = s.policy(s.all("aws_kms_key")["logs"]["policy"])
    (logs,) = [x for x in key["Statement"] if "Service" in x["Principal"]]
    arn = f"arn:{s.partition}:logs:{s.region}:{s.stack.account_id}:log-group:{group['name']}"
    assert arn in logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]


def test_secrets_have_a_key_that_only_the_maker_of_the_cluster_lends(name: str) -> None:
    s = serving(name)
    (encryption,) = cluster(s)["encryption_config"]
    assert encryption["resources"] == ["secrets"]
    assert encryption["provider"] == [{"key_arn": "${aws_kms_key.secrets.arn}"}]
    key = s.policy(s.all("aws_kms_key")["secrets"]["policy"])
    (lent,) = [x for x in key["Statement"] if "kms:CreateGrant" in x["Action"]]
    assert set(lent["Action"]) == {"kms:CreateGrant", "kms:DescribeKey"}
    # EKS supports no kms:GrantIsForAWSResource when a cluster is made, so it may ask for none.
    assert "Bool" not in lent["Condition"]
    deploy = s.blueprint.get("deploy", {}).get("aws", {})
    ambient = deploy.get("bootstrap_role", "OrganizationAccountAccessRole")
    deployer = s.given.get("created_by") or deploy.get("role") or ambient
    # Nobody else of the account, and both halves, before the cluster is made.
    arn = f"arn:{s.partition}:iam::{s.stack.account_id}:role/{deployer}"
    assert lent["Condition"]["ArnEquals"] == {"aws:PrincipalArn": arn}
    several = "for_each" in s.given
    name = f"deploy_{s.account}" if several else "deploy"
    inline = s.all("aws_iam_role_policy")[name]
    assert inline["role"] == deployer.rpartition("/")[2]
    (own,) = s.policy(inline["policy"])["Statement"]
    assert own["Action"] == lent["Action"]
    assert own["Resource"] == ["${aws_kms_key.secrets.arn}"]
    assert "Condition" not in own
    assert f"aws_iam_role_policy.{name}" in cluster(s)["depends_on"]
    role = s.all("aws_iam_role")["cluster"]["name"]
    arn = f"arn:{s.partition}:iam::{s.stack.account_id}:role/{role}"
    assert {"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"} <= allowed(key, arn)


def test_nodes_and_interfaces_are_in_private_subnets(name: str) -> None:
    s = serving(name)
    subnets = one(cluster(s)["vpc_config"])["subnet_ids"]
    for body in s.all("aws_eks_node_group").values():
        assert body["subnet_ids"] == subnets
    create = s.given["network"].get("create")
    if not create:
        assert subnets == s.given["network"]["subnet_ids"]
        assert not s.all("aws_subnet")
        return
    made = s.all("aws_subnet")
    private = {key for key in made if key.startswith("private_")}
    assert set(subnets) == {f"${{aws_subnet.{key}.id}}" for key in private}
    blocks = [ipaddress.ip_network(body["cidr_block"]) for body in made.values()]
    vpc = ipaddress.ip_network(create["cidr"])
    assert all(block.subnet_of(vpc) for block in blocks)
    assert not [1 for i, a in enumerate(blocks) for b in blocks[:i] if a.overlaps(b)]
    zones = [
        body.get("availability_zone_id") or body.get("availability_zone")
        for key, body in made.items()
        if key in private
    ]
    count = create.get("zones", 3)
    assert len(set(zones)) == len(zones) == (count if isinstance(count, int) else len(count))
    assert not {"use1-az3", "usw1-az2", "cac1-az3"} & set(zones)
    assert {body["map_public_ip_on_launch"] for body in made.values()} == {False}
    for key, body in made.items():
        tag = "internal-elb" if key in private else "elb"
        assert body["tags"][f"kubernetes.io/role/{tag}"] == "1"


def test_ways_out_of_a_network_that_is_made(name: str) -> None:
    s = serving(name)
    create = s.given["network"].get("create")
    if not create:
        assert not s.all("aws_vpc")
        return
    nat = create.get("nat", "per-zone")
    private = [key for key in s.all("aws_subnet") if key.startswith("private_")]
    gateways = s.all("aws_nat_gateway")
    assert len(gateways) == {"per-zone": len(private), "one": 1, "none": 0}[nat]
    routes = s.all("aws_route")
    assert len([key for key in routes if key in private]) == (0 if nat == "none" else len(private))
    assert bool(s.all("aws_internet_gateway")) == (nat != "none")
    associated = s.all("aws_route_table_association")
    assert associated.keys() == s.all("aws_subnet").keys()
    for key in private:
        table = associated[key]["route_table_id"]
        assert table == f"${{aws_route_table.{key}.id}}"
        assert table in s.all("aws_vpc_endpoint")["s3"]["route_table_ids"]
        if nat != "none":
            assert routes[key]["nat_gateway_id"].startswith("${aws_nat_gateway.")
    services = {body["service_name"] for body in s.all("aws_vpc_endpoint").values()}
    assert f"com.amazonaws.{s.region}.s3" in services
    closed = nat == "none" or create.get("endpoints", False)
    assert (f"com.amazonaws.{s.region}.eks-auth" in services) == closed
    assert bool(s.all("aws_flow_log")) == create.get("flow_logs", True)


def test_no_tags_of_a_load_balancer_s_security_group(name: str) -> None:
    """Two groups with the cluster's owned tag break the load-balancer controller."""
    s = serving(name)
    for body in s.all("aws_security_group").values():
        assert not [key for key in body.get("tags", {}) if key.startswith("kubernetes.io/cluster")]
        assert "egress" not in body


def test_names_in_the_cloud(name: str) -> None:
    s = serving(name)
    assert cluster(s)["name"] == s.cluster_name
    for body in s.all("aws_iam_role").values():
        assert len(body["name"]) <= 64
        assert "name_prefix" not in body
    for body in s.all("aws_launch_template").values():
        assert len(body["name"]) <= 128
    for body in s.all("aws_eks_node_group").values():
        assert len(body["node_group_name_prefix"]) <= 63 - 26
    if name == "long":
        assert s.component == LONG


def test_only_arguments_of_both_major_versions_of_the_provider(name: str) -> None:
    s = serving(name)
    assert "deletion_protection" not in cluster(s)
    for body in s.all("aws_eks_pod_identity_association").values():
        assert body.keys() == {"cluster_name", "namespace", "role_arn", "service_account"}


def test_outputs(name: str) -> None:
    s = serving(name)
    outputs = s.outputs()
    assert outputs["cluster_name"] == "${aws_eks_cluster.cluster.name}"
    assert outputs["cluster_endpoint"] == "${aws_eks_cluster.cluster.endpoint}"
    authority = "${aws_eks_cluster.cluster.certificate_authority[0].data}"
    assert outputs["cluster_certificate_authority"] == authority
    assert outputs["oidc_issuer"] == "${aws_eks_cluster.cluster.identity[0].oidc[0].issuer}"
    roles = s.all("aws_iam_role")
    start = f"arn:{s.partition}:iam::{s.stack.account_id}:role/"
    assert outputs["node_role_arn"] == start + roles["node"]["name"]
    for workload in s.workloads:
        key = workload.replace("-", "_")
        assert outputs[f"pods_{key}_role_arn"] == start + roles[f"pods_{key}"]["name"]


def test_kubeconfig_holds_no_secret(name: str) -> None:
    import yaml

    s = serving(name)
    text = s.outputs()["kubeconfig"]
    config = yaml.safe_load(text.replace("${", "$").replace("}", ""))
    (user,), (context,) = config["users"], config["contexts"]
    (made,) = config["clusters"]
    assert config["current-context"] == context["name"]
    assert context["context"] == {"cluster": made["name"], "user": user["name"]}
    command = user["user"]["exec"]
    assert user["user"].keys() == {"exec"}
    assert command["command"] == "aws"
    arguments = command["args"]
    assert arguments[:2] == ["--region", s.region]
    assert arguments[2:6] == ["eks", "get-token", "--cluster-name", s.cluster_name]
    assert made["cluster"]["server"] == "$aws_eks_cluster.cluster.endpoint"


def test_every_edge_is_in_the_ledger(name: str) -> None:
    s = serving(name)
    edges = {edge["id"]: edge for edge in s.edges() if edge["component"] == s.component}
    for workload, given in s.workloads.items():
        if "reads" not in given:
            continue
        role = f"pods-{workload}-{s.account}" if "for_each" in s.given else f"pods-{workload}"
        read = edges[f"{s.component}/{role}-reads-model"]
        crosses = s.account != "shared"
        sides = [x["side"] for x in read["statements"]]
        assert sides.count("resource") == int(crosses)
        assert sides.count("key") == 1
        assert f"{s.component}/{role}-lists-model" in edges
    pulled = {w["image"] for w in s.workloads.values() if "reads" in w}
    pulls = [e for e in edges.values() if "ecr:BatchGetImage" in e["actions"]]
    clusters = len(s.given["for_each"]["accounts"]) if "for_each" in s.given else 1
    assert len(pulls) == len(pulled) * clusters
    for given in s.given["access"]:
        if "assume" in given:
            edge = edges[f"{s.component}/{given['assume']}-is-assumed"]
            assert [x["side"] for x in edge["statements"]] == ["identity", "trust"]
            assert edge["principal"]["arn"].endswith(f":role/{given['role']}")
