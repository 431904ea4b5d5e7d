"""What the deployer refuses, and that it says so."""

import json

import pytest

from tests.unit.deployer_aws import (
    BUCKET,
    EXECUTION,
    IMAGE,
    LATER,
    REPORT_FAILURE,
    RUNS,
    VOLUME_KEY,
    Pipeline,
    connect,
    failure,
    refused,
)


@pytest.fixture
def aws(monkeypatch):
    return connect(monkeypatch)


BAD_MANIFESTS = {
    "other run": ({"run": LATER}, "ConfigurationError", "another run"),
    "other version": ({"version": 2}, "ConfigurationError", "version is not 1"),
    "no image": ({"image": None}, "ConfigurationError", "image is missing"),
    "foreign bucket": (
        {"model_data": f"s3://somebody-elses/models/{EXECUTION}/model.tar.gz"},
        *("ConfigurationError", f"not below s3://{BUCKET}/models/{EXECUTION}/"),
    ),
    "bucket of a similar name": (
        {"model_data": f"s3://{BUCKET}.evil/models/{EXECUTION}/model.tar.gz"},
        *("ConfigurationError", "model_data is not below"),
    ),
    "model of another run": (
        {"model_data": f"s3://{BUCKET}/models/{LATER}/model.tar.gz"},
        *("ConfigurationError", "model_data is not below"),
    ),
    "model of a run of a longer name": (
        {"model_data": f"s3://{BUCKET}/models/{EXECUTION}0/model.tar.gz"},
        *("ConfigurationError", "model_data is not below"),
    ),
    "data as a model": (
        {"model_data": f"s3://{BUCKET}/data/{EXECUTION}/model.tar.gz"},
        *("ConfigurationError", "model_data is not below"),
    ),
    "other image": ({"image": f"{IMAGE}-2"}, "ConfigurationError", f"{IMAGE}-2, not {IMAGE}"),
    "image by another tag": (
        {"image": IMAGE.replace("1.7-1", "latest")},
        *("ConfigurationError", "image is"),
    ),
    "not an archive": (
        {"model_data": f"s3://{BUCKET}/models/{EXECUTION}/model.pkl"},
        *("ConfigurationError", "not an s3:// address of a .tar.gz"),
    ),
    "not s3": (
        {"model_data": "https://example.com/model.tar.gz"},
        *("ConfigurationError", "not an s3:// address"),
    ),
    "strange revision": ({"revision": "a\nb"}, "ConfigurationError", "revision has characters"),
}


@pytest.mark.parametrize("case", BAD_MANIFESTS)
def test_manifest_that_is_not_believed(aws, case):
    changes, kind, words = BAD_MANIFESTS[case]
    aws.release()
    body, headers = aws.objects[BUCKET, f"releases/{EXECUTION}/manifest.json"]
    manifest = {k: v for k, v in (json.loads(body) | changes).items() if v is not None}
    aws.objects[BUCKET, f"releases/{EXECUTION}/manifest.json"] = (
        json.dumps(manifest).encode(),
        headers,
    )
    found, message = failure(Pipeline(aws).invoke())
    assert found == kind
    assert words in message
    assert aws.calls == ["s3.GetObject", *REPORT_FAILURE]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "not encrypted with a KMS key"),
        ({"ServerSideEncryption": "AES256"}, "not encrypted with a KMS key"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": VOLUME_KEY}, "87654321"),
    ],
)
def test_wrong_key(aws, headers, words):
    aws.release()
    address = (BUCKET, f"releases/{EXECUTION}/manifest.json")
    aws.objects[address] = (aws.objects[address][0], headers)
    kind, message = failure(Pipeline(aws).invoke())
    assert (kind, words in message) == ("ConfigurationError", True)
    assert aws.calls == ["s3.GetObject", *REPORT_FAILURE]


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"version": 1}', b"\xff", b" " * 70_000])
def test_manifest_that_is_not_one(aws, body):
    aws.release()
    address = (BUCKET, f"releases/{EXECUTION}/manifest.json")
    aws.objects[address] = (body, aws.objects[address][1])
    failure(Pipeline(aws).invoke())
    assert aws.calls == ["s3.GetObject", *REPORT_FAILURE]


def test_missing_manifest(aws):
    kind, message = failure(Pipeline(aws).invoke())
    assert kind == "RevisionUnavailable"
    assert f"s3://{BUCKET}/releases/{EXECUTION}/manifest.json" in message


def test_manifest_denied(aws):
    aws.failures["s3.GetObject"] = [refused("AccessDenied", "Access Denied", status=403)]
    kind, message = failure(Pipeline(aws).invoke())
    assert kind == "PermissionError"
    assert "key's policy" in message


def test_model_denied(aws):
    aws.release()
    denied = refused("AccessDeniedException", "not authorized to perform: iam:PassRole")
    aws.failures["sagemaker.CreateModel"] = [denied]
    kind, message = failure(Pipeline(aws).invoke())
    assert (kind, "iam:PassRole" in message) == ("PermissionError", True)
    assert aws.calls == ["s3.GetObject", "sagemaker.CreateModel", *REPORT_FAILURE]


def test_model_refused(aws):
    aws.release()
    bad = refused("ValidationException", "Invalid image address")
    aws.failures["sagemaker.CreateModel"] = [bad]
    kind, message = failure(Pipeline(aws).invoke())
    assert (kind, "Invalid image address" in message) == ("JobFailed", True)


@pytest.mark.parametrize(
    "parameters",
    [
        {"bucket": f"s3://{BUCKET}"},
        {"bucket": ""},
        {"run": EXECUTION},
        {"run": f"{RUNS}:acme-churn-0a1b2c3d-latest"},
        {"run": f"{RUNS}:{EXECUTION}/.."},
        {"run": f"{RUNS.replace('execution', 'stateMachine')}:{EXECUTION}"},
        {"run": "#{Train.ExecutionArn}"},
        {"kms_key_arn": "arn:aws:kms:eu-west-1:111111111111:alias/churn"},
        {"kms_key_arn": ""},
    ],
)
def test_wrong_parameters(aws, parameters):
    aws.release()
    kind, message = failure(Pipeline(aws, **parameters).invoke())
    assert (kind, message.startswith("UserParameters: ")) == ("ConfigurationError", True)
    assert next(iter(parameters)) in message
    assert aws.calls == REPORT_FAILURE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENDPOINT_NAME", ""),
        ("IMAGE", ""),
        ("NAME_PREFIX", "a" * 41),
        ("NAME_PREFIX", "under_score"),
        ("MIN_INSTANCES", "0"),
        ("MIN_INSTANCES", "5"),
        ("MAX_INSTANCES", "many"),
        ("NETWORK_ISOLATION", ""),
        ("NETWORK_ISOLATION", "True"),
        ("INVOCATIONS_PER_INSTANCE", "0"),
        ("ROLLBACK_ALARMS", "{}"),
        ("ROLLBACK_ALARMS", json.dumps([str(number) for number in range(11)])),
        ("CAPTURE", '{"percentage": 20}'),
        ("VPC", '{"subnet_ids": []}'),
        ("TAGS", "owner"),
    ],
)
def test_wrong_environment(aws, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    kind, message = failure(Pipeline(aws).invoke())
    assert (kind, message.startswith(f"environment variable {name}: ")) == (
        "ConfigurationError",
        True,
    )
    assert aws.calls == REPORT_FAILURE


@pytest.mark.parametrize("token", ["nonsense", "[]", '{"phase": "done"}', '{"other": 1}', "5"])
def test_foreign_token(aws, token):
    pipeline = Pipeline(aws)
    pipeline.token = token
    assert failure(pipeline.invoke())[0] == "JobFailed"


def test_messages_are_bounded(aws):
    aws.release()
    aws.failures["sagemaker.CreateModel"] = [refused("ValidationException", "long " * 5000)]
    assert len(failure(Pipeline(aws).invoke())[1]) == 2000


def test_no_reporter_no_work(aws, monkeypatch):
    monkeypatch.delenv("REPORTER_ROLE_ARN")
    with pytest.raises(KeyError):
        Pipeline(aws).invoke()
    assert aws.calls == []


def test_event_of_something_else(aws):
    with pytest.raises(KeyError):
        Pipeline(aws).handler({"Records": []}, None)
    assert aws.calls == []
