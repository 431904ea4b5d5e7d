"""SageMaker's built-in images and instance types.

Takes names as a blueprint has them, gives image URIs, ARNs and sorted names, from
`sagemaker_images.json` and `sagemaker_instances.json`. Raises `UnknownEntry` with what is known.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from compiler.data.regions import dns_suffix, partition_of
from compiler.data.tables import table, unknown


class _Image(NamedTuple):
    account: str
    region: str
    repository: str
    tag: str


def builtin_algorithms() -> tuple[str, ...]:
    """The algorithms and frameworks with an image that AWS maintains, sorted."""
    return tuple(sorted(table("sagemaker_images")["algorithms"]))


def builtin_versions(algorithm: str) -> tuple[str, ...]:
    """The versions of an algorithm, oldest first; `UnknownEntry` for an unknown algorithm.

    >>> builtin_versions("kmeans")
    ('1',)
    """
    algorithms = table("sagemaker_images")["algorithms"]
    if algorithm not in algorithms:
        known = tuple(algorithms)
        raise unknown("SageMaker algorithm", algorithm, known, "sagemaker_images")
    return tuple(algorithms[algorithm])


def builtin_image(algorithm: str, version: str, region: str) -> str:
    """The ECR URI with tag, the same image for training and for hosting.

    `UnknownEntry` when the algorithm, its version, or its registry in that region is unknown.

    >>> builtin_image("xgboost", "1.7-1", "eu-west-1")
    '141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1'
    """
    image = _image(algorithm, version, region)
    host = f"{image.account}.dkr.ecr.{region}.{dns_suffix(partition_of(region))}"
    return f"{host}/{image.repository}:{image.tag}"


def image_registry_arn(algorithm: str, version: str, region: str) -> str:
    """The ARN of the ECR repository that the pulling role needs; raises as `builtin_image` does.

    The token action `ecr:GetAuthorizationToken` takes `*` all the same.

    >>> image_registry_arn("kmeans", "1", "us-east-1")
    'arn:aws:ecr:us-east-1:382416733822:repository/kmeans'
    """
    image = _image(algorithm, version, region)
    place = f"{partition_of(region)}:ecr:{region}:{image.account}"
    return f"arn:{place}:repository/{image.repository}"


@cache
def image_registries() -> frozenset[str]:
    """The ids of the accounts of AWS that the images are in, of all regions.

    >>> "141502667606" in image_registries()
    True
    """
    registries = table("sagemaker_images")["registries"].values()
    return frozenset(account for regions in registries for account in regions.values())


def training_instance_types() -> tuple[str, ...]:
    """The types that CreateTrainingJob takes, sorted: `("ml.c4.2xlarge", …)`."""
    return _types("training")


def hosting_instance_types() -> tuple[str, ...]:
    """The types that a production variant of an endpoint takes, sorted."""
    return _types("hosting")


def has_local_storage(instance_type: str) -> bool:
    """Whether the type's family has local NVMe storage; `UnknownEntry` for an unknown family.

    A training job on such a type must not name a volume key (`VolumeKmsKeyId`). An endpoint's
    `KmsKeyId` does not reach the local storage; see `rules` in the table for the documented text.

    >>> has_local_storage("ml.g5.xlarge"), has_local_storage("ml.m5.xlarge")
    (True, False)
    """
    families = table("sagemaker_instances")["families"]
    prefix, _, rest = instance_type.partition(".")
    family, _, size = rest.partition(".")
    if prefix != "ml" or not size or family not in families:
        known = tuple(sorted({*training_instance_types(), *hosting_instance_types()}))
        raise unknown("SageMaker instance type", instance_type, known, "sagemaker_instances")
    return bool(families[family]["local_storage"])


@cache
def _types(use: str) -> tuple[str, ...]:
    families = table("sagemaker_instances")["families"]
    return tuple(
        sorted(
            f"ml.{family}.{size}"
            for family, row in families.items()
            for size in row.get(use, "").split()
        )
    )


def _image(algorithm: str, version: str, region: str) -> _Image:
    name = "sagemaker_images"
    versions = builtin_versions(algorithm)
    if version not in versions:
        raise unknown(f"version of {algorithm}", version, versions, name)
    row = table(name)["algorithms"][algorithm][version]
    accounts = table(name)["registries"][row["registry"]]
    if region not in accounts:
        raise unknown(f"region of {algorithm} {version}", region, tuple(accounts), name)
    return _Image(accounts[region], region, row["repository"], row.get("tag", version))
