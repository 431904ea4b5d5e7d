"""The function that registers an approved release in a model hub."""

import importlib

import boto3
import pytest

from tests.unit.deployer_aws import (
    BUCKET,
    EXECUTION,
    IMAGE,
    KEY,
    SECRET,
    Account,
    Pipeline,
    connect,
    failure,
    refused,
)

GROUP = "arn:aws:sagemaker:eu-central-1:999999999999:model-package-group/acme-models-churn"
HUB = "acme-models-artifacts-999999999999"
MODEL = f"churn/{EXECUTION}/model.tar.gz"
SIZE = 700 * 1024 * 1024


class Hub(Account):
    """The pipeline's account and the hub's registry; `copied` are the ranges of each copy."""

    def __init__(self):
        super().__init__()
        self.packages, self.copied, self.size = {}, {}, 1000

    def head_object(self, Bucket, Key):
        assert Bucket == BUCKET
        assert Key.endswith(f"{EXECUTION}/output/model.tar.gz")
        return {"ContentLength": self.size, "ETag": '"1"'}

    def copy_object(self, Bucket, Key, CopySource, TaggingDirective):
        assert TaggingDirective == "REPLACE"
        assert CopySource["Bucket"] == BUCKET
        self.copied[Bucket, Key] = ["whole"]

    def create_multipart_upload(self, Bucket, Key, **more):
        assert not {"ServerSideEncryption", "SSEKMSKeyId"} & set(more), "the bucket's default key"
        self.copied[Bucket, Key] = []
        return {"UploadId": "upload"}

    def upload_part_copy(self, Bucket, Key, CopySourceRange, **_):
        self.copied[Bucket, Key].append(CopySourceRange)
        return {"CopyPartResult": {"ETag": '"1"'}}

    def complete_multipart_upload(self, Bucket, Key, **_):
        self.copied[Bucket, Key].append("done")

    def create_model_package(self, ClientToken, **given):
        assert (HUB, MODEL) in self.copied, "copied before it is registered"
        self.packages.setdefault(ClientToken, given)
        number = list(self.packages).index(ClientToken) + 1
        return {"ModelPackageArn": f"{GROUP.replace('-group/', '/')}/{number}"}

    def put_job_success_result(self, jobId, **result):
        self._result(jobId, result)

    def answer(self, operation, given, caller):
        # The function reports by itself: no role of another account.
        assert caller == "FUNCTION"
        return super().answer(operation, given, "ASSUMED" if "codepipeline" in operation else "")


@pytest.fixture
def aws(monkeypatch):
    account = connect(monkeypatch, Hub())
    settings = {"CONTENT_TYPE": "text/csv", "GROUP_ARN": GROUP, "HUB_BUCKET": HUB}
    for name, value in {**settings, "HUB_PREFIX": "churn/", "IMAGE": IMAGE}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("REPORTER_ROLE_ARN")
    return account


def pipeline(aws):
    found = Pipeline(aws)
    found.handler = importlib.import_module("deployer.registrar").handler
    return found


def test_a_release_becomes_an_approved_version(aws):
    aws.release()
    result = pipeline(aws).invoke()
    assert result["outputVariables"] == {"model_package": f"{GROUP.replace('-group/', '/')}/1"}
    assert "continuationToken" not in result
    ((token, given),) = aws.packages.items()
    assert EXECUTION.endswith(token)
    assert given["ModelPackageGroupName"] == GROUP
    assert given["ModelApprovalStatus"] == "Approved"
    (container,) = given["InferenceSpecification"]["Containers"]
    assert container == {"Image": IMAGE, "ModelDataUrl": f"s3://{HUB}/{MODEL}"}
    assert given["InferenceSpecification"]["SupportedContentTypes"] == ["text/csv"]
    assert given["CustomerMetadataProperties"]["revision"] == "3f1c9d2"
    assert aws.copied == {(HUB, MODEL): ["whole"]}


def test_a_large_model_is_copied_in_parts(aws):
    aws.release()
    aws.size = SIZE
    pipeline(aws).invoke()
    assert len(aws.copied[HUB, MODEL]) == 4
    assert aws.copied[HUB, MODEL][-1] == "done"


def test_an_event_that_comes_twice_makes_one_version(aws):
    aws.release()
    first = pipeline(aws)
    event = first.event()
    first.invoke(event)
    first.invoke(event)
    assert len(aws.packages) == 1


def test_what_is_not_to_be_believed_is_not_registered(aws):
    aws.release(key=KEY.replace("1234", "9999"))
    kind, message = failure(pipeline(aws).invoke())
    assert kind == "ConfigurationError"
    assert "encrypted with" in message
    assert not aws.packages
    assert not aws.copied


def test_another_image_is_refused(aws, monkeypatch):
    monkeypatch.setenv("IMAGE", "222222222222.dkr.ecr.eu-west-1.amazonaws.com/other:1")
    aws.release()
    kind, _ = failure(pipeline(aws).invoke())
    assert kind == "ConfigurationError"
    assert not aws.packages


def test_a_hub_that_does_not_admit_is_reported(aws):
    aws.release()
    aws.failures = {
        "sagemaker.CreateModelPackage": [refused("AccessDeniedException", "not authorized")]
    }
    kind, message = failure(pipeline(aws).invoke())
    assert kind == "PermissionError"
    assert "not authorized" in message


def test_credentials_stay_out_of_the_log(aws, caplog):
    caplog.set_level("DEBUG", logger="deployer")
    aws.release()
    pipeline(aws).invoke()
    assert caplog.records
    assert SECRET not in caplog.text
    assert boto3.DEFAULT_SESSION
