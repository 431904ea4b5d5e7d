"""The typed bindings build the same resources of every kind as our stacks say."""

import copy
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.terraform import synth
from tests.needs import lacking

pytestmark = pytest.mark.rig  # loads the typed bindings in an engine of its own, three times

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGES = ("cdktf_cdktf_provider_aws", "cdktf_cdktf_provider_google")
ADDRESSES = ("depends_on", "provider")


@pytest.fixture(scope="module", autouse=True)
def bindings():
    missing = [package for package in PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        lacking(f"{', '.join(missing)} not installed: pip install landform[bindings]")


@pytest.fixture
def construct(tmp_path):
    def run(documents: dict) -> dict:
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("CDKTF_", "SYNTH_HCL_", "JSII_", "NODE_"))
        }
        environment |= synth.engine_settings() | {"TMPDIR": str(tmp_path)}
        environment["NODE_OPTIONS"] = f'--require "{HERE / "lazy.js"}"'
        done = subprocess.run(
            [sys.executable, str(HERE / "construct.py"), str(tmp_path / "out")],
            input=json.dumps(documents),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def fixture() -> dict:
    return json.loads((HERE / "fixture.tf.json").read_text())


def stacks() -> dict[str, dict]:
    files = sorted((ROOT / "generated").glob("**/main.tf.json"))
    return {str(file.relative_to(ROOT)): json.loads(file.read_text()) for file in files}


def normal(value: object) -> object:
    """The two ways to write one block, a mapping and a list of one mapping, as one."""
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict):
            return normal(value[0])
        return [normal(item) for item in value]
    return value


def expected(document: dict) -> dict[str, object]:
    return {
        f"{prefix}{kind}.{name}": normal(
            {key: value for key, value in body.items() if key not in ADDRESSES}
        )
        for prefix, section in (("", "resource"), ("data.", "data"))
        for kind, members in document.get(section, {}).items()
        for name, body in members.items()
    }


def differences(documents: dict, built: dict) -> list[str]:
    """One line for each resource that the typed layer refuses or builds otherwise."""
    found = []
    for name, document in documents.items():
        for address, ours in expected(document).items():
            answer = built[name].get(address, {"error": "not built"})
            if "error" in answer:
                found.append(f"{name} {address}: {answer['error']}")
            elif normal(answer["body"]) != ours:
                found.append(f"{name} {address}: typed {normal(answer['body'])}, ours {ours}")
    return found


def test_the_typed_classes_build_what_our_stacks_say(construct):
    documents = stacks() | {"fixture": fixture()}
    assert differences(documents, construct(documents)) == []


WRONG = {
    "misspelt argument": ("aws_s3_bucket", ("data",), {"bukcet": "x"}, "no argument 'bukcet'"),
    "misspelt argument in a list of blocks": (
        "aws_sagemaker_model",
        ("churn", "container", 1),
        {"model_data_uri": "s3://x"},
        "no argument 'model_data_uri'",
    ),
    "text for a number": ("aws_kms_key", ("key",), {"deletion_window_in_days": "x"}, "'x' is not"),
    "list for text": ("aws_iam_role", ("train",), {"name": ["a"]}, "['a'] is not"),
    "mapping for text": (
        "google_container_node_pool",
        ("gpu", "node_config", 0, "taint", 0),
        {"value": {"a": "b"}},
        "{'a': 'b'} is not",
    ),
    "required argument missing": (
        "aws_iam_role",
        ("train",),
        {"assume_role_policy": None},
        "missing",
    ),
    "unknown type": ("aws_s4_bucket", (), {"data": {"bucket": "x"}}, "s4_bucket"),
}


def test_a_wrong_argument_is_found(construct):
    documents = {}
    for name, (kind, path, change, _) in WRONG.items():
        documents[name] = copy.deepcopy(fixture())
        target = documents[name]["resource"].setdefault(kind, {})
        for step in path:
            target = target[step]
        target.update({key: value for key, value in change.items() if value is not None})
        for key in [key for key, value in change.items() if value is None]:
            del target[key]
    found = differences(documents, construct(documents))
    assert len(found) == len(WRONG), found
    for line, (name, (kind, _, _, complaint)) in zip(found, WRONG.items(), strict=True):
        assert line.startswith(f"{name} {kind}.")
        assert complaint in line


def test_a_difference_in_what_is_built_is_found(construct):
    documents = {"fixture": fixture()}
    built = construct(documents)
    built["fixture"]["aws_kms_key.key"]["body"]["enable_key_rotation"] = False
    del built["fixture"]["aws_sagemaker_model.churn"]["body"]["container"][0]["model_data_url"]
    del built["fixture"]["data.aws_vpc.here"]
    found = differences(documents, built)
    assert [line.split(" ")[1].rstrip(":") for line in found] == [
        "aws_kms_key.key",
        "aws_sagemaker_model.churn",
        "data.aws_vpc.here",
    ]
