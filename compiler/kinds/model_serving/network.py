"""The network: subnets that exist, or a VPC with a private and a public subnet in each zone.

Subnets are numbered as the zones are, so that a further zone changes none of those that exist.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from compiler.access.parties import Own
from compiler.data import UnknownEntry, eks_zone_ids
from compiler.kinds.draft import Draft
from compiler.kinds.model_serving.inputs import CreatedNetwork, Inputs
from compiler.kinds.model_serving.names import Parties, Subnets, flow_log_group, identifier
from compiler.kinds.parts import service_trust
from compiler.organization.records import Account
from compiler.terraform.stack import Value, reference

HTTPS = 443
ANYWHERE = "0.0.0.0/0"
# What nodes and pods call. Source: EKS user guide, "Deploy private clusters with limited internet
# access", and "Access Amazon EKS using AWS PrivateLink" for eks and eks-auth.
ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "sts")
# Load balancers find their subnets by these tags. Source: EKS user guide, "Route internet traffic
# with AWS Load Balancer Controller", subnet tagging.
PUBLIC_TAG = "kubernetes.io/role/elb"
PRIVATE_TAG = "kubernetes.io/role/internal-elb"
_VPC = "aws_vpc.vpc"
_PARTS_BITS = 3


@dataclass(frozen=True, slots=True)
class _Zone:
    """One zone. `place` is its name or id, as the argument that takes it."""

    number: int
    place: dict[str, Value]
    private: str
    public: str


def zones(draft: Draft, inputs: Inputs) -> list[str] | None:
    """The names or ids of the zones of a network to create; reports what cannot be."""
    create = inputs.network.create
    assert create is not None, "there is a network to create"
    region = draft.component.region
    at = ("network", "create", "zones")
    what = f'component "{draft.component.name}": "network.create.zones"'
    if isinstance(create.zones, list):
        before = len(draft.diagnostics)
        for index, zone in enumerate(create.zones):
            if "-az" not in zone and zone[:-1] != region:
                message = f'{what}: the zone "{zone}" is not in {region}'
                draft.problem("E204", message, at=(*at, index))
        return create.zones if len(draft.diagnostics) == before else None
    try:
        known = eks_zone_ids(region)
    except UnknownEntry:
        hint = f"name them: zones: [{region}a, {region}b]"
        draft.problem("E204", f"{what}: the zones of {region} are not known", hint=hint, at=at)
        return None
    if create.zones > len(known):
        message = f"{what}: {region} has {len(known)} zones for clusters, not {create.zones}"
        draft.problem("E204", message, hint=f"zones: {len(known)}", at=at)
        return None
    return list(known[: create.zones])


def build(parties: Parties, names: list[str]) -> Subnets:
    """The VPC; `names` are its zones."""
    draft, account = parties.draft, parties.account
    create = parties.inputs.network.create
    assert create is not None, "there is a network to create"
    draft.add(
        account,
        "aws_vpc",
        "vpc",
        {
            "cidr_block": create.cidr,
            "enable_dns_hostnames": True,
            "enable_dns_support": True,
            "tags": {"Name": draft.prefix("vpc")},
        },
    )
    # Without rules: what forgets its security group reaches nothing.
    vpc_id = reference(_VPC, "id")
    draft.add(account, "aws_default_security_group", "vpc", {"vpc_id": vpc_id})
    subnets = _zones(create, names)
    for zone in subnets:
        _subnet(draft, account, zone, "private", zone.private, PRIVATE_TAG)
    if create.nat != "none":
        _public(draft, account, subnets)
    _private_routes(draft, account, create, subnets)
    _endpoints(parties, create, subnets)
    if create.flow_logs:
        _flow_logs(parties)
    ids = tuple(reference(f"aws_subnet.private_{zone.number}", "id") for zone in subnets)
    return Subnets(vpc_id=vpc_id, subnet_ids=ids)


def _zones(create: CreatedNetwork, names: list[str]) -> list[_Zone]:
    """Eight parts: the first ones are private, one for each zone; the last is split for the public."""
    parts = list(ipaddress.IPv4Network(create.cidr).subnets(_PARTS_BITS))
    public = list(parts[-1].subnets(_PARTS_BITS))
    return [
        _Zone(
            number=number,
            place={"availability_zone_id" if "-az" in name else "availability_zone": name},
            private=str(parts[number - 1]),
            public=str(public[number - 1]),
        )
        for number, name in enumerate(names, start=1)
    ]


def _subnet(draft: Draft, account: Account, zone: _Zone, kind: str, block: str, tag: str) -> None:
    draft.add(
        account,
        "aws_subnet",
        f"{kind}_{zone.number}",
        {
            "vpc_id": reference(_VPC, "id"),
            "cidr_block": block,
            "map_public_ip_on_launch": False,
            **zone.place,
            "tags": {"Name": draft.prefix(f"{kind}-{zone.number}"), tag: "1"},
        },
    )


def _public(draft: Draft, account: Account, zones: list[_Zone]) -> None:
    """Subnets of load balancers and NAT gateways, and their way to the internet."""
    vpc_id = reference(_VPC, "id")
    tags = {"Name": draft.prefix("public")}
    gateway = draft.add(account, "aws_internet_gateway", "public", {"vpc_id": vpc_id, "tags": tags})
    table = draft.add(account, "aws_route_table", "public", {"vpc_id": vpc_id, "tags": tags})
    draft.add(
        account,
        "aws_route",
        "public",
        {
            "route_table_id": reference(table, "id"),
            "destination_cidr_block": ANYWHERE,
            "gateway_id": reference(gateway, "id"),
        },
    )
    for zone in zones:
        _subnet(draft, account, zone, "public", zone.public, PUBLIC_TAG)
        _associate(draft, account, f"public_{zone.number}", table)


def _associate(draft: Draft, account: Account, subnet: str, table: str) -> None:
    draft.add(
        account,
        "aws_route_table_association",
        subnet,
        {
            "subnet_id": reference(f"aws_subnet.{subnet}", "id"),
            "route_table_id": reference(table, "id"),
        },
    )


def _private_routes(
    draft: Draft, account: Account, create: CreatedNetwork, zones: list[_Zone]
) -> None:
    """A route table for each zone, so that each can have a gateway of its own."""
    with_gateway = {"per-zone": zones, "one": zones[:1], "none": []}[create.nat]
    for zone in with_gateway:
        _nat_gateway(draft, account, zone)
    for zone in zones:
        name = f"private_{zone.number}"
        tags = {"Name": draft.prefix(f"private-{zone.number}")}
        table = draft.add(
            account, "aws_route_table", name, {"vpc_id": reference(_VPC, "id"), "tags": tags}
        )
        _associate(draft, account, name, table)
        if not with_gateway:
            continue
        nearest = zone if zone in with_gateway else with_gateway[0]
        gateway = f"aws_nat_gateway.zone_{nearest.number}"
        draft.add(
            account,
            "aws_route",
            name,
            {
                "route_table_id": reference(table, "id"),
                "destination_cidr_block": ANYWHERE,
                "nat_gateway_id": reference(gateway, "id"),
            },
        )


def _nat_gateway(draft: Draft, account: Account, zone: _Zone) -> None:
    name = f"zone_{zone.number}"
    tags = {"Name": draft.prefix(f"nat-{zone.number}")}
    address = draft.add(account, "aws_eip", name, {"domain": "vpc", "tags": tags})
    draft.add(
        account,
        "aws_nat_gateway",
        name,
        {
            "allocation_id": reference(address, "id"),
            "subnet_id": reference(f"aws_subnet.public_{zone.number}", "id"),
            "tags": tags,
        },
        depends_on=("aws_internet_gateway.public",),
    )


def _endpoints(parties: Parties, create: CreatedNetwork, zones: list[_Zone]) -> None:
    """S3 always, which costs nothing and has models and image layers; the others where asked."""
    draft, account, region = parties.draft, parties.account, parties.place.region
    vpc_id = reference(_VPC, "id")
    draft.add(
        account,
        "aws_vpc_endpoint",
        "s3",
        {
            "vpc_id": vpc_id,
            "service_name": f"com.amazonaws.{region}.s3",
            "vpc_endpoint_type": "Gateway",
            "route_table_ids": [
                reference(f"aws_route_table.private_{zone.number}", "id") for zone in zones
            ],
            "tags": {"Name": draft.prefix("s3")},
        },
    )
    if not create.private:
        return
    group = draft.add(
        account,
        "aws_security_group",
        "endpoints",
        {
            "name": draft.name("endpoints", "aws_security_group"),
            "description": "Private endpoints of AWS services, for the whole VPC",
            "vpc_id": vpc_id,
        },
    )
    draft.add(
        account,
        "aws_vpc_security_group_ingress_rule",
        "endpoints",
        {
            "security_group_id": reference(group, "id"),
            "description": "HTTPS from the VPC",
            "cidr_ipv4": create.cidr,
            "ip_protocol": "tcp",
            "from_port": HTTPS,
            "to_port": HTTPS,
        },
    )
    for service in ENDPOINTS:
        draft.add(
            account,
            "aws_vpc_endpoint",
            identifier(service),
            {
                "vpc_id": vpc_id,
                "service_name": f"com.amazonaws.{region}.{service}",
                "vpc_endpoint_type": "Interface",
                "private_dns_enabled": True,
                "subnet_ids": [
                    reference(f"aws_subnet.private_{zone.number}", "id") for zone in zones
                ],
                "security_group_ids": [reference(group, "id")],
                "tags": {"Name": draft.prefix(service)},
            },
        )


def _flow_logs(parties: Parties) -> None:
    """Source: VPC user guide, "Publish flow logs to CloudWatch Logs", IAM role."""
    draft, account, place = parties.draft, parties.account, parties.place
    source = place.arn("ec2", "vpc-flow-log/*")
    trust = service_trust("vpc-flow-logs.amazonaws.com", place.id, source)
    role = parties.role("flow_logs", "flow-logs", "Writes the VPC's flow logs", [trust])
    name = flow_log_group(draft)
    group = draft.add(
        account,
        "aws_cloudwatch_log_group",
        "flow_logs",
        {
            "name": name,
            "retention_in_days": parties.inputs.log_retention_days,
            "kms_key_id": reference(parties.logs.address, "arn"),
        },
    )
    parties.grant(
        "flow-logs-are-written",
        role,
        ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
        Own(place, place.arn("logs", f"log-group:{name}:*")),
    )
    parties.grant("flow-logs-find-group", role, ("logs:DescribeLogGroups",), Own(place, "*"))
    draft.add(
        account,
        "aws_flow_log",
        "vpc",
        {
            "vpc_id": reference(_VPC, "id"),
            "traffic_type": "ALL",
            "log_destination_type": "cloud-watch-logs",
            "log_destination": reference(group, "arn"),
            "iam_role_arn": reference("aws_iam_role.flow_logs", "arn"),
            "tags": {"Name": draft.prefix("vpc")},
        },
        depends_on=("aws_iam_role_policy.flow_logs",),
    )
