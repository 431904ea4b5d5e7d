"""The hub's deployer: approvals, rejections, rollbacks, what came late, twice or never."""

import io
import json
import re
import sys
import zipfile

import pytest
from botocore.exceptions import ClientError

from compiler.kinds.endpoints.resources import COMMON
from compiler.terraform.archive import archive
from tests.unit.approvals_aws import CHANGED, GROUP, LOOK, MAKE, PACKAGES, SCALE, SCHEDULED, hub
from tests.unit.deployer_aws import ENVIRONMENT, ROOT, VOLUME_KEY, refused

TWO_PAGES = ["sagemaker.ListModelPackages", *LOOK]


@pytest.fixture
def aws(monkeypatch):
    return hub(monkeypatch)


def serving(aws, number=1):
    """An endpoint that serves the version, settled and scaled."""
    aws.invoke(aws.decide(number, "Approved", event=f"first-{number}"))
    aws.settle()
    aws.invoke(CHANGED)
    assert aws.served() == number
    return aws


def test_the_first_day_without_an_approved_version(aws):
    aws.versions = {1: "PendingManualApproval", 2: "Rejected"}
    assert aws.invoke(SCHEDULED) == LOOK
    assert aws.endpoint is None


def test_an_approval_makes_the_endpoint(aws):
    event = aws.decide(7, "Approved")
    calls = aws.invoke(event)
    described = "sagemaker.DescribeModelPackage"
    assert calls == [*TWO_PAGES[:2], described, LOOK[1], *MAKE, "sagemaker.CreateEndpoint"]
    ((name, model),) = aws.models.items()
    assert re.fullmatch(r"acme-churn-deploy-to-production-account-00000007-[0-9a-f]{12}", name)
    assert model["PrimaryContainer"] == {"ModelPackageName": f"{PACKAGES}/7"}
    assert model["ExecutionRoleArn"] == ENVIRONMENT["EXECUTION_ROLE_ARN"]
    assert model["EnableNetworkIsolation"] is True
    tags = {tag["Key"]: tag["Value"] for tag in model["Tags"]}
    assert tags["model-package"] == f"{PACKAGES}/7"
    assert tags["model-version"] == "7"
    assert tags["owner"] == "ml-platform"
    ((_, configuration),) = aws.configurations.items()
    assert configuration["KmsKeyId"] == VOLUME_KEY


def test_the_endpoint_s_own_event_registers_scaling(aws):
    aws.invoke(aws.decide(1, "Approved"))
    assert aws.invoke(CHANGED) == TWO_PAGES
    aws.settle()
    assert aws.invoke(CHANGED) == [*TWO_PAGES, *MAKE_FOUND, *SCALE]
    assert aws.targets == {"endpoint/churn/variant/AllTraffic": (2, 4)}


# Model and configuration are there already: the creation is refused and both are found.
MAKE_FOUND = [
    "sagemaker.CreateModel",
    "sagemaker.DescribeModel",
    "sagemaker.CreateEndpointConfig",
    "sagemaker.DescribeEndpointConfig",
]


def test_a_newer_approval_updates_with_the_alarms(aws):
    serving(aws)
    calls = aws.invoke(aws.decide(2, "Approved", event="second"))
    assert calls[-2:] == ["sagemaker.UpdateEndpoint", "sagemaker.AddTags"]
    assert aws.endpoint["EndpointStatus"] == "Updating"
    aws.settle()
    aws.invoke(CHANGED)
    assert aws.served() == 2


def test_the_update_keeps_the_scaled_fleet_and_rolls_back_by_alarm(aws, monkeypatch):
    serving(aws)
    kept = {}
    monkeypatch.setattr(
        type(aws), "update_endpoint", lambda self, **given: kept.update(given), raising=True
    )
    aws.invoke(aws.decide(2, "Approved"))
    assert kept["RetainAllVariantProperties"] is True
    alarms = kept["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert [alarm["AlarmName"] for alarm in alarms] == ["churn-errors", "churn-latency"]


def test_a_later_rejection_goes_back(aws):
    serving(aws)
    aws.invoke(aws.decide(2, "Approved", event="second"))
    aws.settle()
    aws.invoke(CHANGED)
    aws.invoke(aws.decide(2, "Rejected", event="third"))
    aws.settle()
    aws.invoke(CHANGED)
    assert aws.served() == 1


def test_a_rejection_of_the_only_version_keeps_what_serves_and_fails(aws):
    serving(aws)
    with pytest.raises(Exception, match=r"no version .* is approved; endpoint churn keeps"):
        aws.invoke(aws.decide(1, "Rejected"))
    assert aws.served() == 1
    assert aws.endpoint["EndpointStatus"] == "InService"


def test_an_approval_of_an_older_version_changes_nothing(aws):
    serving(aws, 5)
    calls = aws.invoke(aws.decide(3, "Approved"))
    assert "sagemaker.UpdateEndpoint" not in calls
    assert aws.served() == 5


def test_a_list_that_lags_behind_an_approval(aws):
    serving(aws)
    event = aws.decide(2, "Approved", event="second")
    aws.listed = {2: "PendingManualApproval"}
    aws.invoke(event)
    aws.settle()
    assert aws.served() == 2


def test_a_list_that_lags_behind_a_rejection(aws):
    serving(aws, 1)
    aws.versions[2] = "Approved"
    aws.invoke(SCHEDULED)
    aws.settle()
    event = aws.decide(2, "Rejected")
    aws.listed = {2: "Approved"}
    aws.invoke(event)
    aws.settle()
    assert aws.served() == 1


def test_an_event_that_never_came(aws):
    aws.versions = {1: "Approved", 2: "Approved"}
    aws.invoke(SCHEDULED)
    assert aws.version_of(aws.endpoint["EndpointConfigName"]) == 2


def test_a_version_that_did_not_complete_is_passed_over(aws):
    aws.versions, aws.broken = {1: "Approved", 2: "Approved"}, {2}
    aws.invoke(SCHEDULED)
    assert aws.version_of(aws.endpoint["EndpointConfigName"]) == 1


def test_an_event_of_a_version_that_did_not_complete(aws):
    serving(aws)
    aws.broken = {2}
    calls = aws.invoke(aws.decide(2, "Approved"))
    assert "sagemaker.UpdateEndpoint" not in calls


def test_an_event_of_another_group_is_a_look_and_no_more(aws):
    event = aws.decide(1, "Approved")
    event["detail"]["ModelPackageArn"] = f"{PACKAGES}-two/9"
    calls = aws.invoke(event)
    assert "sagemaker.DescribeModelPackage" not in calls
    assert aws.version_of(aws.endpoint["EndpointConfigName"]) == 1


def test_an_event_that_comes_twice(aws):
    event = aws.decide(1, "Approved")
    aws.invoke(event)
    calls = aws.invoke(event)
    assert "sagemaker.CreateEndpoint" not in calls
    aws.settle()
    calls = aws.invoke(event)
    assert not {"sagemaker.CreateEndpoint", "sagemaker.UpdateEndpoint"} & set(calls)


def rolled_back(aws):
    """Version 2 was tried and the alarms sent it back to 1."""
    serving(aws)
    event = aws.decide(2, "Approved", event="second")
    aws.invoke(event)
    aws.settle("alarm churn-errors")
    assert aws.served() == 1
    return event


def test_a_rolled_back_version_is_not_tried_every_hour(aws):
    event = rolled_back(aws)
    for again in (CHANGED, SCHEDULED, event):
        with pytest.raises(Exception, match=r"did not take .*/2: alarm churn-errors; approve"):
            aws.invoke(again)
        assert aws.endpoint["EndpointStatus"] == "InService"
        assert aws.targets, "the old fleet scales"


def test_approving_it_again_tries_it_again(aws):
    rolled_back(aws)
    aws.invoke(aws.decide(2, "Approved", event="third"))
    assert aws.endpoint["EndpointStatus"] == "Updating"
    aws.settle()
    aws.invoke(CHANGED)
    assert aws.served() == 2


def test_a_newer_version_after_a_rollback_is_tried(aws):
    rolled_back(aws)
    aws.invoke(aws.decide(3, "Approved", event="third"))
    aws.settle()
    aws.invoke(CHANGED)
    assert aws.served() == 3


def test_a_first_endpoint_that_failed_is_not_made_for_ever(aws):
    aws.invoke(aws.decide(1, "Approved", event="first"))
    aws.settle("no capacity")
    for event in (CHANGED, SCHEDULED):
        with pytest.raises(Exception, match=r"churn is Failed and did not take .*: no capacity"):
            aws.invoke(event)
    assert "sagemaker.DeleteEndpoint" in aws.invoke(aws.decide(1, "Approved", event="second"))
    aws.endpoint = None
    aws.invoke(CHANGED)
    assert aws.endpoint["EndpointStatus"] == "Creating"


def test_a_failed_endpoint_makes_room_for_another_version(aws):
    aws.invoke(aws.decide(1, "Approved", event="first"))
    aws.settle("no capacity")
    assert "sagemaker.DeleteEndpoint" in aws.invoke(aws.decide(2, "Approved", event="second"))


def test_an_approval_while_another_is_deployed(aws):
    serving(aws)
    aws.invoke(aws.decide(2, "Approved", event="second"))
    calls = aws.invoke(aws.decide(3, "Approved", event="third"))
    assert "sagemaker.UpdateEndpoint" not in calls
    aws.settle()
    aws.invoke(CHANGED)
    aws.settle()
    assert aws.served() == 3


def test_two_invocations_at_once(aws):
    """The other one was a moment faster; its update is not taken for an attempt of ours."""
    serving(aws)
    describe = type(aws).describe_endpoint
    answers = iter([describe(aws, "churn")])
    aws.describe_endpoint = lambda EndpointName: next(answers, None) or describe(aws, EndpointName)
    aws.endpoint["EndpointStatus"] = "Updating"
    calls = aws.invoke(aws.decide(3, "Approved", event="third"))
    assert "sagemaker.UpdateEndpoint" in calls
    assert "sagemaker.AddTags" not in calls
    aws.settle()
    aws.invoke(CHANGED)
    aws.settle()
    assert aws.served() == 3


def test_a_refused_update_fails_the_invocation(aws):
    serving(aws)
    aws.failures = {"sagemaker.UpdateEndpoint": [refused("AccessDeniedException", "no")]}
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.invoke(aws.decide(2, "Approved"))
    aws.invoke(SCHEDULED)
    assert aws.endpoint["EndpointStatus"] == "Updating"


def test_a_changed_setting_is_deployed_without_an_event(aws, monkeypatch):
    serving(aws)
    monkeypatch.setenv("INSTANCE_TYPE", "ml.m6i.2xlarge")
    aws.invoke(SCHEDULED)
    assert aws.endpoint["EndpointStatus"] == "Updating"
    assert not aws.targets, "a registered variant takes no other instance type"
    aws.settle()
    aws.invoke(CHANGED)
    assert aws.targets


def test_an_endpoint_that_people_must_see_to(aws):
    serving(aws)
    aws.endpoint["EndpointStatus"] = "OutOfService"
    aws.versions[2] = "Approved"
    with pytest.raises(Exception, match="churn is OutOfService"):
        aws.invoke(SCHEDULED)


@pytest.mark.parametrize("value", ["", "hubs-models-churn", GROUP.replace("sagemaker", "s3")])
def test_a_group_that_is_no_arn(aws, monkeypatch, value):
    monkeypatch.setenv("GROUP_ARN", value)
    with pytest.raises(Exception, match="GROUP_ARN"):
        aws.invoke(SCHEDULED)


def test_the_archive_holds_what_the_handler_needs(aws, monkeypatch, tmp_path):
    """As the Lambda runtime finds it: `deployer/` in a zip, and no module beside."""
    names = {*COMMON, "approvals", "versions"}
    sources = {
        f"deployer/{name}.py": (ROOT / "deployer" / f"{name}.py").read_bytes() for name in names
    }
    path = tmp_path / "deployer.zip"
    path.write_bytes(archive(sources))
    assert len(zipfile.ZipFile(io.BytesIO(path.read_bytes())).namelist()) == len(names)
    for name in [name for name in sys.modules if name.partition(".")[0] == "deployer"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(path))
    handler = __import__("deployer.approvals").approvals.handler
    assert sys.modules["deployer.approvals"].__file__.startswith(str(path))
    handler(json.loads(json.dumps(aws.decide(1, "Approved"))), None)
    assert aws.endpoint["EndpointStatus"] == "Creating"
    for name in [name for name in sys.modules if name.partition(".")[0] == "deployer"]:
        monkeypatch.delitem(sys.modules, name)
