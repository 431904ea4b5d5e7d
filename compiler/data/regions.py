"""Regions of AWS and Google Cloud, and the partitions of AWS.

Takes names, gives names and small records from `aws_regions.json` and `google_regions.json`.
A region that is not in its table raises `UnknownEntry`; whether a newer one is allowed is the
caller's decision, and `partition_by_pattern` helps it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from compiler.data.tables import table, unknown


class AwsRegion(NamedTuple):
    """One AWS region. `opt_in`: an account has to enable it before its first use."""

    name: str
    partition: str
    description: str
    opt_in: bool


class GoogleRegion(NamedTuple):
    """One Google Cloud region with its general-purpose zones: `("europe-west1-b", …)`."""

    name: str
    location: str
    zones: tuple[str, ...]


@cache
def aws_regions() -> Mapping[str, AwsRegion]:
    """All AWS regions of all partitions by name, sorted. Pseudo-regions (aws-global) are left out."""
    regions = {
        name: AwsRegion(name, partition, row["description"], row["opt_in"])
        for partition, entry in table("aws_regions")["partitions"].items()
        for name, row in entry["regions"].items()
    }
    return MappingProxyType(dict(sorted(regions.items())))


@cache
def google_regions() -> Mapping[str, GoogleRegion]:
    """The Google Cloud regions that any project can use, by name, sorted."""
    return MappingProxyType(
        {
            name: GoogleRegion(
                name, row["location"], tuple(f"{name}-{letter}" for letter in row["zones"])
            )
            for name, row in sorted(table("google_regions")["regions"].items())
        }
    )


def partitions() -> tuple[str, ...]:
    """The AWS partitions: `aws`, `aws-cn`, …"""
    return tuple(table("aws_regions")["partitions"])


def partition_of(region: str) -> str:
    """The partition of an AWS region; `UnknownEntry` for a region that is not in the table.

    >>> partition_of("cn-north-1")
    'aws-cn'
    """
    regions = aws_regions()
    if region not in regions:
        raise unknown("AWS region", region, tuple(regions), "aws_regions")
    return regions[region].partition


def partition_by_pattern(region: str) -> str | None:
    """The partition whose naming pattern fits, for a region newer than the table; else None.

    >>> partition_by_pattern("eu-west-9")
    'aws'
    """
    import re

    for name, entry in table("aws_regions")["partitions"].items():
        if re.fullmatch(entry["pattern"], region):
            return str(name)
    return None


def dns_suffix(partition: str) -> str:
    """The suffix of a partition's service endpoints; `UnknownEntry` for an unknown partition.

    >>> dns_suffix("aws-cn")
    'amazonaws.com.cn'
    """
    entries = table("aws_regions")["partitions"]
    if partition not in entries:
        raise unknown("AWS partition", partition, tuple(entries), "aws_regions")
    return str(entries[partition]["dns_suffix"])
