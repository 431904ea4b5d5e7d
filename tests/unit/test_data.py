"""The data tables against the packages they are derived from, and against known values.

The installed botocore, moto and cfn-lint may be newer than those a table names: then the table
must still hold (nothing in it has gone or changed), and with the same versions it must be complete.
CI installs what the lock says: there other versions are a failure.
"""

import gzip
import json
import re
import subprocess
import sys
import time
from datetime import date
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import botocore.session
import pytest
from hypothesis import given, strategies

from compiler import data
from compiler.data import iam
from compiler.data.arns import overlaps
from compiler.data.packed import Packed
from compiler.data.packed import write as packed_write
from compiler.data.tables import TABLES, table
from tests.needs import lacking
from tools import iam_data, refresh_data

FOLDER = Path(data.__file__).parent
SAME_BOTOCORE = f"botocore {metadata.version('botocore')}" in table("aws_regions")["source"]
SAME_MOTO = f"moto {metadata.version('moto')} " in iam._policies().header["source"]


@cache
def service(name: str):
    return botocore.session.Session().get_service_model(name)


def member(path: str):
    """The shape of `"service Operation Member.Member"`, by botocore's own model classes."""
    name, operation, members = path.split()
    shape = service(name).operation_model(operation).input_shape
    for step in members.split("."):
        shape = shape.members[step]
    return shape


# The files


def test_every_file_is_a_table_and_every_table_a_file():
    assert tuple(sorted(path.stem for path in FOLDER.glob("*.json"))) == TABLES


@pytest.mark.parametrize("name", TABLES)
def test_a_table_names_its_source_and_date(name):
    content = table(name)
    assert len(content["source"]) > 20
    assert date(2026, 11, 1) <= date.fromisoformat(content["date"])
    assert (FOLDER / f"{name}.json").stat().st_size < 60_000
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert text == refresh_data.render(json.loads(text)), "not in the refresh script's layout"


def test_importing_reads_no_table():
    program = (
        "import sys, functools, typing, collections.abc, types\n"
        "def hook(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).endswith('.json'):\n"
        "        print(arguments[0])\n"
        "sys.addaudithook(hook)\n"
        "import compiler.data\n"
        "print('json' in sys.modules)\n"
        "compiler.data.partition_of('eu-west-1')\n"
        "compiler.data.partition_of('eu-west-2')\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=FOLDER.parent.parent,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "False"
    assert [Path(line).name for line in lines[1:]] == ["aws_regions.json"]


def test_an_unknown_entry_says_what_is_known():
    with pytest.raises(data.UnknownEntry) as caught:
        data.partition_of("eu-wset-1")
    assert caught.value.what == "AWS region"
    assert caught.value.value == "eu-wset-1"
    assert "eu-west-1" in caught.value.known
    assert list(caught.value.known) == sorted(caught.value.known)
    assert "2026-11-21" in str(caught.value)


# Regions


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-west-1", "aws", "amazonaws.com"),
        ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ],
)
def test_regions_have_their_partition(region, partition, suffix):
    assert data.partition_of(region) == partition
    assert data.dns_suffix(partition) == suffix


def test_partitions_are_those_of_botocore():
    session = botocore.session.Session()
    available = session.get_available_partitions()
    assert set(data.partitions()) <= set(available)
    endpoints = json.loads((files("botocore") / "data" / "endpoints.json").read_text("utf-8"))
    suffixes = {row["partition"]: row["dnsSuffix"] for row in endpoints["partitions"]}
    assert {name: data.dns_suffix(name) for name in data.partitions()} == suffixes
    if SAME_BOTOCORE:
        assert set(data.partitions()) == set(available)


def test_regions_are_those_of_botocore():
    listed = json.loads((files("botocore") / "data" / "partitions.json").read_text("utf-8"))
    theirs = {
        (region, partition["id"])
        for partition in listed["partitions"]
        for region in partition["regions"]
        if not region.endswith("-global")
    }
    ours = {(region.name, region.partition) for region in data.aws_regions().values()}
    assert ours <= theirs
    if SAME_BOTOCORE:
        assert ours == theirs
    assert list(data.aws_regions()) == sorted(data.aws_regions())


def test_services_are_in_known_regions():
    """Older endpoint data, made apart from the partition data, has no region that we lack."""
    session = botocore.session.Session()
    for partition in data.partitions():
        for region in session.get_available_regions("ec2", partition):
            assert data.aws_regions()[region].partition == partition


def test_opt_in():
    regions = data.aws_regions()
    assert [regions[name].opt_in for name in ("eu-west-1", "ap-northeast-3")] == [False, False]
    assert [regions[name].opt_in for name in ("eu-south-1", "af-south-1")] == [True, True]
    assert not any(region.opt_in for region in regions.values() if region.partition != "aws")
    assert sum(not region.opt_in for region in regions.values() if region.partition == "aws") == 17


def test_patterns_place_every_known_region_and_a_new_one():
    for region in data.aws_regions().values():
        assert data.partition_by_pattern(region.name) == region.partition
    assert data.partition_by_pattern("eu-west-7") == "aws"
    assert data.partition_by_pattern("cn-south-1") == "aws-cn"
    assert data.partition_by_pattern("europe-west4") is None


def test_google_regions():
    regions = data.google_regions()
    assert len(regions) == 43
    assert regions["us-central1"].zones == tuple(f"us-central1-{x}" for x in "abcf")
    assert regions["europe-west1"].zones[0] == "europe-west1-b"
    assert all(len(region.zones) >= 3 for region in regions.values())
    assert all(re.fullmatch(r"[a-z]+-[a-z]+\d+", name) for name in regions)
    assert not set(table("google_regions")["restricted"]) & set(regions)


# SageMaker images


# The registry paths and the example code of the SageMaker developer guide.
DOCUMENTED = """
xgboost 1.7-1 us-east-1 683313688378 amazonaws.com sagemaker-xgboost:1.7-1
xgboost 1.7-1 cn-north-1 450853457545 amazonaws.com.cn sagemaker-xgboost:1.7-1
sklearn 1.2-1 us-west-2 246618743249 amazonaws.com sagemaker-scikit-learn:1.2-1-cpu-py3
kmeans 1 eu-west-1 438346466558 amazonaws.com kmeans:1
blazingtext 1 us-east-1 811284229777 amazonaws.com blazingtext:1
"""


@pytest.mark.parametrize("line", DOCUMENTED.strip().splitlines())
def test_builtin_images(line):
    algorithm, version, region, account, suffix, image = line.split()
    uri = f"{account}.dkr.ecr.{region}.{suffix}/{image}"
    assert data.builtin_image(algorithm, version, region) == uri


def test_image_registry_arn():
    arn = data.image_registry_arn("xgboost", "1.7-1", "cn-north-1")
    assert arn == "arn:aws-cn:ecr:cn-north-1:450853457545:repository/sagemaker-xgboost"


def test_every_image_is_well_formed():
    images = table("sagemaker_images")
    seen = 0
    for algorithm in data.builtin_algorithms():
        for version in data.builtin_versions(algorithm):
            registry = images["registries"][images["algorithms"][algorithm][version]["registry"]]
            for region in registry:
                uri = data.builtin_image(algorithm, version, region)
                arn = data.image_registry_arn(algorithm, version, region)
                match = re.fullmatch(
                    rf"(\d{{12}})\.dkr\.ecr\.{region}\.[a-z0-9.-]+/([a-z0-9-]+):[\w.-]+", uri
                )
                assert match, uri
                assert arn.endswith(f":{match[1]}:repository/{match[2]}")
                seen += 1
    assert seen > 800
    assert set(images["registries"]) == {
        row["registry"] for rows in images["algorithms"].values() for row in rows.values()
    }


@pytest.mark.parametrize(
    ("algorithm", "version", "region", "what", "known"),
    [
        ("xgbost", "1.7-1", "eu-west-1", "SageMaker algorithm", "xgboost"),
        ("xgboost", "1.6-1", "eu-west-1", "version of xgboost", "1.7-1"),
        ("xgboost", "latest", "eu-west-1", "version of xgboost", "1.7-1"),
        ("lda", "1", "ap-east-1", "region of lda 1", "eu-west-1"),
    ],
)
def test_an_unknown_image_says_what_is_known(algorithm, version, region, what, known):
    for function in (data.builtin_image, data.image_registry_arn):
        with pytest.raises(data.UnknownEntry) as caught:
            function(algorithm, version, region)
        assert caught.value.what == what
        assert known in caught.value.known


# SageMaker instance types


@pytest.mark.parametrize(
    ("ours", "shape"),
    [
        (data.training_instance_types, "TrainingInstanceType"),
        (data.hosting_instance_types, "ProductionVariantInstanceType"),
    ],
)
def test_instance_types_are_those_of_botocore(ours, shape):
    theirs = service("sagemaker").shape_for(shape).enum
    assert set(ours()) <= set(theirs)
    if SAME_BOTOCORE:
        assert list(ours()) == sorted(theirs)


def test_local_storage_is_that_of_ec2():
    packed = files("moto") / "ec2" / "resources" / "instance_types.json.gz"
    ec2 = json.loads(gzip.decompress(packed.read_bytes()))
    compared = 0
    for name in {*data.training_instance_types(), *data.hosting_instance_types()}:
        row = ec2.get(name.removeprefix("ml."))
        if row is not None:
            assert data.has_local_storage(name) == bool(row["InstanceStorageSupported"]), name
            compared += 1
    assert compared > 300


def test_local_storage():
    local = "g4dn.xlarge g5.2xlarge p4d.24xlarge p6e-gb200.36xlarge m5d.large r6gd.large"
    other = "m5.large m6i.xlarge m7i-flex.large inf1.xlarge inf2.xlarge p3.2xlarge p2.xlarge"
    for name in [*local.split(), "trn1.32xlarge", "dl1.24xlarge"]:
        assert data.has_local_storage(f"ml.{name}"), name
    for name in other.split():
        assert not data.has_local_storage(f"ml.{name}"), name


@pytest.mark.parametrize("name", ["ml.m99.large", "m5.large", "ml.m5", "ml.m5.", ""])
def test_an_unknown_instance_type(name):
    with pytest.raises(data.UnknownEntry) as caught:
        data.has_local_storage(name)
    assert "ml.m5.large" in caught.value.known


def test_the_rule_on_volume_keys_is_still_documented():
    text = service("sagemaker").shape_for("ResourceConfig").members["VolumeKmsKeyId"].documentation
    assert re.search(r"can't request a <code>VolumeKmsKeyId</code> .* with local storage", text)
    shape = service("sagemaker").shape_for("CreateEndpointConfigInput")
    assert "local storage" in shape.members["KmsKeyId"].documentation


# Names


MODELLED = [
    (section, name, row)
    for section, key in (("aws_limits", "names"), ("aws_policies", "policies"))
    for name, row in table(section)[key].items()
    if "model" in row
]


@pytest.mark.parametrize(("section", "name", "row"), MODELLED, ids=lambda value: str(value)[:40])
def test_limits_are_those_of_the_service_model(section, name, row):
    assert row["max"] == member(row["model"]).metadata["max"]
    shown = data.name_limit(name) if section == "aws_limits" else data.policy_limit(name).maximum
    assert shown == row["max"]


@pytest.mark.parametrize(
    ("resource_type", "path", "text"),
    [
        ("aws_lambda_function", "lambda CreateFunction FunctionName", r"limited to 64 char"),
        ("aws_cloudformation_stack", "cloudformation CreateStack StackName", r"than 128 char"),
        ("aws_sns_topic", "sns CreateTopic Name", r"1 and 256 char"),
        ("aws_sqs_queue", "sqs CreateQueue QueueName", r"up to 80 char"),
    ],
)
def test_limits_are_those_of_the_reference(resource_type, path, text):
    found = re.search(text, member(path).documentation)
    assert found
    assert str(data.name_limit(resource_type)) in found[0]


@pytest.mark.parametrize(
    ("resource_type", "limit"),
    [
        ("aws_iam_role", 64),
        ("aws_s3_bucket", 63),
        ("aws_sfn_state_machine", 80),
        ("aws_codepipeline", 100),
        ("aws_cloudwatch_event_rule", 64),
        ("aws_kms_alias", 256),
        ("aws_sagemaker_endpoint", 63),
        ("aws_sagemaker_training_job", 63),
        ("aws_codeconnections_connection", 32),
        ("aws_cloudwatch_log_group", 512),
        ("aws_iam_policy", 128),
    ],
)
def test_known_name_limits(resource_type, limit):
    assert data.name_limit(resource_type) == limit


def test_name_limits_have_a_source_and_unknown_types_are_refused():
    for row in table("aws_limits")["names"].values():
        assert ("model" in row) != ("source" in row)
    with pytest.raises(data.UnknownEntry):
        data.name_limit("aws_vpc")


# Policies and values


@pytest.mark.parametrize(
    ("resource_type", "argument", "kind", "maximum"),
    [
        ("aws_iam_role_policy", "policy", "role_inline", 10240),
        ("aws_iam_role", "assume_role_policy", "role_trust", 2048),
        ("aws_iam_policy", "policy", "managed", 6144),
        ("aws_s3_bucket_policy", "policy", "s3_bucket", 20 * 1024),
        ("aws_kms_key", "policy", "kms_key", 32 * 1024),
        ("aws_sns_topic_policy", "policy", "sns_topic", 30 * 1024),
        ("aws_sqs_queue_policy", "policy", "sqs_queue", 8192),
        ("aws_ecr_repository_policy", "policy", "ecr_repository", 10240),
        ("aws_cloudwatch_event_bus_policy", "policy", "event_bus", 10240),
    ],
)
def test_policy_limits(resource_type, argument, kind, maximum):
    limit = data.policy_limit_of(resource_type, argument)
    assert limit == data.policy_limit(kind)
    assert limit.maximum == maximum


def test_policy_limits_are_complete():
    for kind in data.policy_kinds():
        limit = data.policy_limit(kind)
        assert limit.unit in ("characters", "bytes")
        assert limit.source.startswith(("https://docs.aws.amazon.com/", "botocore, "))
        iam = kind.endswith(("_inline", "_trust")) or kind == "managed"
        assert limit.white_space is not iam
    assert data.policy_limit("role_inline").shared
    assert data.policy_limit_of("aws_iam_role", "name") is None
    with pytest.raises(data.UnknownEntry):
        data.policy_limit("bucket")


def test_event_bus_policy_size_is_that_of_the_reference():
    text = service("events").operation_model("PutPermission").documentation
    assert "cannot exceed 10 KB" in text


def test_log_retention():
    text = service("logs").shape_for("Days").documentation
    numbers = re.findall(r"\d+", text[text.index("Possible values") : text.index("</p>")])
    assert data.log_retention_days() == tuple(int(number) for number in numbers)
    assert {1, 90, 365, 3653} <= set(data.log_retention_days())


def test_kms_deletion_window():
    shortest, longest = data.kms_deletion_window_days()
    text = service("kms").shape_for("ScheduleKeyDeletionRequest")
    found = re.search(r"between (\d+) and (\d+)", text.members["PendingWindowInDays"].documentation)
    assert (shortest, longest) == tuple(int(number) for number in found.groups()) == (7, 30)


def test_lambda_runtimes():
    runtimes = data.lambda_python_runtimes()
    names = [runtime.name for runtime in runtimes]
    assert set(names) <= set(service("lambda").shape_for("Runtime").enum)
    assert names.index("python3.9") < names.index("python3.12")
    assert "python3.7" not in names, "no new functions since January 2024"
    dates = {runtime.name: runtime.deprecated for runtime in runtimes}
    assert dates["python3.12"] == "2028-10-31"
    for runtime in runtimes:
        assert runtime.create_block is None or runtime.create_block > table("aws_values")["date"]


# What version 5 of the Terraform provider knows: see tests/terraform/test_provider_schema.py too


def test_both_majors_of_the_provider_take_common_values():
    for value in ("python3.12", "python3.13", "ml.m5.large", "ml.m7i.large", "ml.g6.xlarge"):
        assert not data.provider_5_rejects(value)
    assert data.provider_5_rejects("python3.14")
    assert data.provider_5_rejects("ml.p6-b200.48xlarge")


# The refresh script


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("aws_regions", refresh_data.aws_regions),
        ("sagemaker_instances", refresh_data.sagemaker_instances),
        ("ec2_instances", refresh_data.ec2_instances),
        ("aws_zones", refresh_data.aws_zones),
        ("aws_limits", lambda: refresh_data.refreshed_limits("aws_limits", "names")),
        ("aws_policies", lambda: refresh_data.refreshed_limits("aws_policies", "policies")),
        ("aws_values", refresh_data.aws_values),
    ],
)
def test_the_script_makes_the_same_tables(name, made):
    if not SAME_BOTOCORE:
        lacking("the tables are of another botocore: python tools/refresh_data.py")
    facts = {key: value for key, value in made().items() if key not in ("date", "source")}
    kept = {key: value for key, value in table(name).items() if key not in ("date", "source")}
    assert facts == kept


# IAM actions and managed policies

NEEDED = (
    "s3 kms iam sts sagemaker sagemaker-geospatial codepipeline codecommit codebuild codeconnections"
    " codestar-connections cloudformation states lambda events logs cloudwatch xray sns sqs ecr ssm"
    " secretsmanager ec2 eks eks-auth elasticloadbalancing autoscaling application-autoscaling"
    " servicecatalog organizations ram budgets access-analyzer dynamodb athena glue fsx"
    " elasticfilesystem route53 aps"
)


@pytest.mark.parametrize("name", ["aws_iam", "aws_managed_policies"])
def test_a_packed_table_names_its_source_and_is_small(name):
    path = FOLDER / f"{name}.index"
    header = Packed(path).header
    assert len(header["source"]) > 20
    assert date(2026, 11, 1) <= date.fromisoformat(header["date"])
    assert path.stat().st_size < 250_000


def test_every_service_of_a_platform_is_known():
    assert set(NEEDED.split()) <= set(iam.service_prefixes())
    assert iam.service("sts") is iam.service("sts")
    assert iam.service("stz") is None
    assert sum(len(iam.service(prefix).actions) for prefix in iam.service_prefixes()) > 20_000


def test_every_action_is_well_formed():
    for prefix in iam.service_prefixes():
        known = iam.service(prefix)
        for resource in known.resources.values():
            assert len(resource.arn.split(":", 5)) == 6, resource
        for short, found in known.actions.items():
            assert found.name.lower() == f"{prefix}:{short}"
            assert found.level in iam.LEVELS.values()
            assert {*found.required} <= {resource.name for resource in found.resources}
            assert set(found.takes_key) <= set(known.condition_keys)


@pytest.mark.parametrize(
    ("name", "level", "resources", "required", "key"),
    [
        (
            "s3:GetObject",
            "Read",
            {"object", "accesspointobject"},
            set(),
            "s3:ExistingObjectTag/<key>",
        ),
        ("s3:ListBucket", "List", {"bucket"}, set(), "s3:prefix"),
        ("iam:PassRole", "Permissions management", {"role"}, {"role"}, "iam:PassedToService"),
        ("kms:Decrypt", "Write", {"key"}, {"key"}, "kms:ResourceAliases"),
        ("ecr:GetAuthorizationToken", "Read", set(), set(), None),
        ("cloudwatch:PutMetricData", "Write", set(), set(), "cloudwatch:namespace"),
        ("sagemaker:CreateModel", "Write", {"model"}, {"model"}, "sagemaker:VpcSubnets"),
    ],
)
def test_known_actions(name, level, resources, required, key):
    found = iam.action(name)
    assert found == iam.action(name.lower())
    assert found.level == level
    assert required == {*found.required}
    assert resources <= {resource.name for resource in found.resources}
    assert bool(resources) == bool(found.resources)
    assert key is None or key in found.takes_key


@pytest.mark.parametrize(
    "name", ["s3:GetObjects", "s3:Get*", "s4:GetObject", "GetObject", "", ":", "s3:", "*"]
)
def test_an_unknown_action_is_none(name):
    assert iam.action(name) is None


def test_patterns_of_actions():
    def names(pattern):
        return [found.name for found in iam.matching_actions(pattern)]

    assert names("sts:assumerole") == ["sts:AssumeRole"]
    assert "kms:ReEncryptFrom" in names("KMS:ReEncrypt*")
    assert names("s3:GetObjec?") == ["s3:GetObject"]
    assert names("s3:") == names("s3") == names("nothing:*") == names("") == []
    assert {"s3:GetObject", "s3express:CreateSession"} <= {*names("s3*:*")}
    assert len(names("*")) == len(names("*:*")) > 20_000
    assert names("s3:*") == sorted(names("s3:*"), key=str.lower)


@pytest.mark.parametrize(
    ("model", "prefix", "most"),
    # The list is some months behind the newest operations.
    [
        ("codepipeline", "codepipeline", 1),
        ("kms", "kms", 5),
        ("sns", "sns", 1),
        ("stepfunctions", "states", 2),
        ("sagemaker", "sagemaker", 50),
    ],
)
def test_operations_of_botocore_are_actions(model, prefix, most):
    """In these services each operation is an action of the same name."""
    names = {f"{prefix}:{name}" for name in service(model).operation_names}
    unknown = {name for name in names if iam.action(name) is None}
    assert len(unknown) <= most, sorted(unknown)


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("s3:GetObject", "arn:aws:s3:::acme/*", True),
        ("s3:GetObject", "arn:aws:s3:::acme", False),
        ("s3:GetObject", "arn:aws:s3:::acme*", True),
        ("s3:GetObject", "arn:aws-cn:s3:::acme/data/$${aws:username}/?", True),
        ("s3:ListBucket", "arn:aws:s3:::acme/*", False),
        ("s3:ListBucket", "arn:aws:s3:*", True),
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:111111111111:key/*", True),
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:111111111111:alias/a", False),
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:111111111111:*", True),
        ("sts:AssumeRole", "arn:aws:iam::111111111111:role/team/a", True),
        ("sts:AssumeRole", "arn:aws:iam::111111111111:user/a", False),
        ("sts:AssumeRole", "arn:aws:iam:eu-west-1:111111111111:role/a", False),
        ("codepipeline:PutApprovalResult", "arn:aws:codepipeline:eu-west-1:1:p/s/a", True),
        ("codepipeline:GetPipeline", "arn:aws:codepipeline:eu-west-1:1:p/s", False),
        ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:/a/b:log-stream:*", True),
        ("sqs:SendMessage", "arn:aws:sns:eu-west-1:1:a", False),
        ("sqs:SendMessage", "*", True),
        ("sqs:SendMessage", "${aws_sqs_queue.a.arn}", True),
        ("ecr:GetAuthorizationToken", "*", False),
    ],
)
def test_arns_of_an_action(name, pattern, expected):
    assert iam.arn_matches_resource_type(iam.action(name), pattern) is expected


@given(
    parts=strategies.lists(strategies.sampled_from("ab/*?"), max_size=6),
    text=strategies.text("ab/", max_size=6),
)
def test_patterns_meet_where_a_text_matches_both(parts, text):
    """Of two patterns that one text matches, it is never said that they have nothing in common."""
    pattern = "".join(parts)
    if iam._pattern(pattern).fullmatch(text):
        assert overlaps(f"arn:${{Partition}}:a:b:c:{text}", f"arn:aws:a:b:c:{pattern}")
        assert overlaps("arn:${Partition}:a:b:c:${Name}", f"arn:aws:a:b:c:{pattern}")
    elif "/" not in pattern:
        assert not overlaps(f"arn:${{Partition}}:a:b:c:{text}", f"arn:aws:a:b:c:{pattern}")


def test_nearest_actions():
    assert iam.nearest_action("sagemaker:CreateTrainingJobs") == "sagemaker:CreateTrainingJob"
    assert iam.nearest_action("stepfunctions:x") is None


def test_managed_policies():
    document = iam.managed_policy("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly")
    (statement,) = document["Statement"]
    assert "ecr:BatchGetImage" in statement["Action"]
    for name in ("PowerUserAccess", "IAMFullAccess", "AmazonEKSClusterPolicy"):
        assert iam.managed_policy(name)["Statement"]
        assert iam.managed_policy_path(name) == "/"
    assert iam.managed_policy_path("AWSLambdaBasicExecutionRole") == "/service-role/"
    assert iam.managed_policy("PowerUser") is iam.managed_policy_path("PowerUser") is None
    assert len(iam.managed_policy_names()) > 1_000


def test_reading_a_service_is_quick():
    """Median of fresh reads; the bound is wide of it, for slow machines."""
    packed = Packed(FOLDER / "aws_iam.index")
    times = []
    for _ in range(15):
        start = time.process_time()
        assert packed.entry("sagemaker")["actions"]
        times.append(time.process_time() - start)
    assert sorted(times)[7] < 0.01


def test_a_packed_file_gives_what_was_written(tmp_path):
    entries = {"a": {"x": [1, "é"]}, "b": []}
    path = tmp_path / "t.index"
    path.write_bytes(packed_write({"source": "s", "date": "d"}, entries, b'{"x":[1'))
    packed = Packed(path)
    assert {name: packed.entry(name) for name in packed.names} == entries
    assert packed.header == {"format": 1, "source": "s", "date": "d"}
    assert packed.entry("c") is packed.entry("") is None
    path.write_bytes(b'{"format": 2}\n')
    with pytest.raises(ValueError, match="format 2"):
        Packed(path)


def test_the_script_makes_the_same_managed_policies():
    if not SAME_MOTO:
        lacking("the table is of another moto: python tools/refresh_data.py")
    header, entries = iam_data.managed_policies()
    assert header["source"] == iam._policies().header["source"]
    packed = iam._policies()
    assert {name: packed.entry(name) for name in packed.names} == entries


def test_the_script_reads_a_definition():
    key = "aws:ResourceTag/${TagKey}"
    uses = {
        "": {"required": False, "condition_keys": ["b:k"]},
        "thing": {"required": True, "condition_keys": []},
    }
    entry = iam_data._service(
        {
            "resources": {"thing": {"arn": "arn:${Partition}:b:::t/${T}", "condition_keys": [key]}},
            "privileges": {"Do": {"access_level": "Write", "resource_types": uses}},
            "conditions": {key: {}, "b:k": {}},
        }
    )
    found = iam._service("b", entry).actions["do"]
    assert (found.name, found.level, found.required) == ("b:Do", "Write", ("thing",))
    assert found.condition_keys == ("b:k",)
    assert found.takes_key == (key, "b:k")
    assert found.resources[0].arn == "arn:${Partition}:b:::t/${T}"
