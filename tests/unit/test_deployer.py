"""The deployer from the first invocation to the report: deployments, races and faults."""

import json
import re
import sys

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from compiler.terraform.archive import archive
from tests.unit.deployer_aws import (
    BUCKET,
    ENVIRONMENT,
    EXECUTION,
    PREPARE,
    REPORT,
    REPORT_FAILURE,
    ROOT,
    SCALE,
    SECRET,
    TARGET,
    VOLUME_KEY,
    Pipeline,
    connect,
    deployed,
    failure,
    refused,
)


@pytest.fixture
def aws(monkeypatch):
    return connect(monkeypatch)


def test_first_deployment(aws):
    aws.release()
    pipeline = Pipeline(aws)
    result = pipeline.invoke()
    assert aws.take() == [
        *PREPARE,
        "sagemaker.DescribeEndpoint",
        "sagemaker.CreateEndpoint",
        *REPORT,
    ]
    assert len(result["continuationToken"]) < 200
    assert "outputVariables" not in result

    pipeline.invoke()
    assert aws.take() == ["sagemaker.DescribeEndpoint", *REPORT]
    assert pipeline.token

    aws.settle()
    result = pipeline.invoke()
    assert aws.take() == ["sagemaker.DescribeEndpoint", *SCALE, *REPORT]
    (configuration,) = aws.configurations
    assert result["outputVariables"] == {"endpoint": "churn", "configuration": configuration}
    assert not pipeline.token
    assert aws.targets == {TARGET: (2, 4)}
    tracking = aws.policies["churn-invocations"]["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 600
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    assert tracking["PredefinedMetricSpecification"] == metric


def test_what_is_created(aws, monkeypatch):
    monkeypatch.setenv(
        "CAPTURE",
        json.dumps({"percentage": 20, "s3_uri": "s3://capture/churn"}),
    )
    vpc = {"subnet_ids": ["subnet-1", "subnet-2"], "security_group_ids": ["sg-1"]}
    monkeypatch.setenv("VPC", json.dumps(vpc))
    aws.release()
    Pipeline(aws).invoke()
    ((name, model),) = aws.models.items()
    assert re.fullmatch(r"acme-churn-deploy-to-production-account-0a1b2c3d-[0-9a-f]{12}", name)
    assert len(name) <= 63
    assert model["ExecutionRoleArn"] == ENVIRONMENT["EXECUTION_ROLE_ARN"]
    assert model["PrimaryContainer"] == {
        "Image": "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        "ModelDataUrl": f"s3://{BUCKET}/models/{EXECUTION}/{EXECUTION}/output/model.tar.gz",
    }
    assert model["EnableNetworkIsolation"] is True
    assert model["VpcConfig"] == {
        "Subnets": ["subnet-1", "subnet-2"],
        "SecurityGroupIds": ["sg-1"],
    }
    tags = {tag["Key"]: tag["Value"] for tag in model["Tags"]}
    assert tags == {
        "owner": "ml-platform",
        "env": "prod",
        "training-run": EXECUTION,
        "revision": "3f1c9d2",
        "training-job": EXECUTION,
    }
    ((configuration_name, configuration),) = aws.configurations.items()
    assert len(configuration_name) <= 63
    assert configuration["KmsKeyId"] == VOLUME_KEY
    assert configuration["DataCaptureConfig"] == {
        "EnableCapture": True,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://capture/churn",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }
    (variant,) = configuration["ProductionVariants"]
    assert (variant["ModelName"], variant["InstanceType"]) == (name, "ml.m6i.large")
    assert variant["InitialInstanceCount"] == 2


def test_network_of_the_container(aws, monkeypatch):
    monkeypatch.setenv("NETWORK_ISOLATION", "false")
    aws.release()
    Pipeline(aws).invoke()
    (model,) = aws.models.values()
    assert model["EnableNetworkIsolation"] is False


def test_no_volume_key_for_local_storage(aws, monkeypatch):
    monkeypatch.setenv("VOLUME_KEY_ARN", "")
    aws.release()
    Pipeline(aws).invoke()
    (configuration,) = aws.configurations.values()
    assert "KmsKeyId" not in configuration
    assert "DataCaptureConfig" not in configuration


def test_update(aws):
    pipeline = deployed(aws)
    pipeline.invoke()
    assert aws.calls == [
        *PREPARE,
        "sagemaker.DescribeEndpoint",
        "sagemaker.DescribeEndpointConfig",
        "sagemaker.UpdateEndpoint",
        *REPORT,
    ]
    request = aws.last("sagemaker.UpdateEndpoint")
    assert request["RetainAllVariantProperties"] is True
    excluded = request["ExcludeRetainedVariantProperties"]
    assert [item["VariantPropertyType"] for item in excluded] == [
        "DesiredWeight",
        "DataCaptureConfig",
    ]
    deployment = request["DeploymentConfig"]
    alarms = deployment["AutoRollbackConfiguration"]["Alarms"]
    assert alarms == [{"AlarmName": "churn-errors"}, {"AlarmName": "churn-latency"}]
    policy = deployment["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert policy["TerminationWaitInSeconds"] == 300
    aws.settle()
    aws.take()
    result = pipeline.invoke()
    assert aws.calls == ["sagemaker.DescribeEndpoint", *SCALE, *REPORT]
    assert result["outputVariables"]["configuration"] == aws.endpoint["EndpointConfigName"]
    assert "9f8e7d6c" in aws.endpoint["EndpointConfigName"]


@pytest.mark.parametrize(("alarms", "instances"), [("[]", 2), ("", 2), ('["churn-errors"]', 1)])
def test_no_canary_without_alarms_or_with_one_instance(aws, monkeypatch, alarms, instances):
    pipeline = deployed(aws)
    monkeypatch.setenv("ROLLBACK_ALARMS", alarms)
    aws.endpoint["ProductionVariants"][0]["DesiredInstanceCount"] = instances
    pipeline.invoke()
    deployment = aws.last("sagemaker.UpdateEndpoint")["DeploymentConfig"]
    policy = deployment["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    watched = instances == 1
    assert ("AutoRollbackConfiguration" in deployment) == watched
    assert policy["TerminationWaitInSeconds"] == (300 if watched else 0)


def test_rollback_is_a_failure(aws):
    pipeline = deployed(aws)
    before = aws.endpoint["EndpointConfigName"]
    pipeline.invoke()
    aws.settle(failure="alarm churn-errors went off")
    aws.take()
    kind, message = failure(pipeline.invoke())
    assert kind == "JobFailed"
    assert "rolled back" in message
    assert "churn-errors" in message
    assert aws.calls == ["sagemaker.DescribeEndpoint", *SCALE, *REPORT_FAILURE]
    assert aws.endpoint["EndpointConfigName"] == before


def test_failed_creation_then_another_try(aws):
    aws.release()
    pipeline = Pipeline(aws)
    pipeline.invoke()
    aws.settle(failure="The container did not pass the ping health check.")
    kind, message = failure(pipeline.invoke())
    assert kind == "JobFailed"
    assert "ping health check" in message
    assert not aws.targets

    aws.take()
    retry = Pipeline(aws)
    retry.number = 100
    retry.invoke()
    assert aws.take()[-4:] == [
        "sagemaker.DescribeEndpoint",
        "sagemaker.DeleteEndpoint",
        *REPORT,
    ]
    retry.invoke()
    assert aws.take() == ["sagemaker.DescribeEndpoint", *REPORT]
    aws.endpoint = None
    retry.invoke()
    assert aws.take() == ["sagemaker.DescribeEndpoint", "sagemaker.CreateEndpoint", *REPORT]
    aws.settle()
    assert retry.invoke()["outputVariables"]["endpoint"] == "churn"


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack"])
def test_busy_endpoint_is_waited_for(aws, status):
    pipeline = deployed(aws)
    aws.endpoint["EndpointStatus"] = status
    for _ in range(8):
        pipeline.invoke()
        assert pipeline.token
    assert "sagemaker.UpdateEndpoint" not in aws.calls
    assert aws.calls.count("sagemaker.CreateModel") == 1
    aws.endpoint["EndpointStatus"] = "InService"
    pipeline.invoke()
    assert "sagemaker.UpdateEndpoint" in aws.calls


@pytest.mark.parametrize("status", ["OutOfService", "UpdateRollbackFailed"])
@pytest.mark.parametrize("invocations", [0, 1])
def test_states_that_need_a_person(aws, status, invocations):
    pipeline = deployed(aws)
    for _ in range(invocations):
        pipeline.invoke()
    aws.endpoint["EndpointStatus"] = status
    kind, message = failure(pipeline.invoke())
    assert (kind, status in message) == ("JobFailed", True)


def test_endpoint_deleted_meanwhile(aws):
    pipeline = deployed(aws)
    pipeline.invoke()
    aws.endpoint = None
    assert failure(pipeline.invoke()) == ("JobFailed", "endpoint churn was deleted meanwhile")


def test_already_deployed(aws):
    aws.release()
    Pipeline(aws).deploy()
    aws.take()
    again = Pipeline(aws)
    again.number = 100
    result = again.invoke()
    assert result["outputVariables"]["configuration"] == aws.endpoint["EndpointConfigName"]
    assert aws.calls == [
        *("s3.GetObject", "sagemaker.CreateModel", "sagemaker.DescribeModel"),
        *("sagemaker.CreateEndpointConfig", "sagemaker.DescribeEndpointConfig"),
        "sagemaker.DescribeEndpoint",
        *SCALE,
        *REPORT,
    ]


def test_changed_settings_make_a_new_configuration(aws, monkeypatch):
    aws.release()
    Pipeline(aws).deploy()
    monkeypatch.setenv("VOLUME_KEY_ARN", "")
    again = Pipeline(aws)
    again.number = 100
    again.deploy()
    assert len(aws.configurations) == 2
    assert len(aws.models) == 1


def test_changed_instance_type_takes_the_target_out_first(aws, monkeypatch):
    pipeline = deployed(aws)
    monkeypatch.setenv("INSTANCE_TYPE", "ml.g5.xlarge")
    pipeline.invoke()
    assert aws.take()[3:-2] == [
        "sagemaker.DescribeEndpoint",
        "sagemaker.DescribeEndpointConfig",
        "application-autoscaling.DeregisterScalableTarget",
        "sagemaker.UpdateEndpoint",
    ]
    assert not aws.targets
    aws.settle(failure="no capacity")
    pipeline.invoke()
    assert aws.targets == {TARGET: (2, 4)}


def test_refused_update_gives_scaling_back(aws, monkeypatch):
    pipeline = deployed(aws)
    monkeypatch.setenv("INSTANCE_TYPE", "ml.g5.xlarge")
    limit = refused("ResourceLimitExceeded", "The account-level service limit is 0 Instances")
    aws.failures["sagemaker.UpdateEndpoint"] = [limit]
    kind, message = failure(pipeline.invoke())
    assert (kind, "service limit" in message) == ("JobFailed", True)
    assert aws.targets == {TARGET: (2, 4)}


def test_equal_bounds_delete_the_policy(aws, monkeypatch):
    pipeline = deployed(aws)
    assert aws.policies
    monkeypatch.setenv("MAX_INSTANCES", "2")
    pipeline.invoke()
    aws.settle()
    aws.take()
    pipeline.invoke()
    assert aws.calls == [
        "sagemaker.DescribeEndpoint",
        "application-autoscaling.RegisterScalableTarget",
        "application-autoscaling.DeleteScalingPolicy",
        *REPORT,
    ]
    assert (aws.targets, aws.policies) == ({TARGET: (2, 2)}, {})


def test_equal_bounds_from_the_beginning(aws, monkeypatch):
    monkeypatch.setenv("MAX_INSTANCES", "2")
    aws.release()
    assert "outputVariables" in Pipeline(aws).deploy()
    assert aws.targets == {TARGET: (2, 2)}


def test_scaling_in_change_is_tried_again(aws):
    aws.release()
    pipeline = Pipeline(aws)
    pipeline.invoke()
    aws.settle()
    concurrent = refused("ConcurrentUpdateException", "Concurrent updates")
    aws.failures["application-autoscaling.RegisterScalableTarget"] = [concurrent]
    pipeline.invoke()
    assert pipeline.token
    assert "outputVariables" in pipeline.invoke()


def test_double_delivery_of_the_first_event(aws):
    aws.release()
    pipeline = Pipeline(aws)
    pipeline.number = 1
    event = pipeline.event()
    first = pipeline.invoke(event)
    aws.take()
    assert pipeline.invoke(event) == first
    assert "sagemaker.CreateEndpoint" not in aws.calls
    assert len(aws.models) == len(aws.configurations) == 1


def test_double_delivery_where_the_second_reports(aws):
    """The first delivery started the update and died before its report."""
    pipeline = deployed(aws)
    pipeline.number = 1
    event = pipeline.event()
    aws.failures["codepipeline.PutJobSuccessResult"] = [refused("InternalError", "", status=500)]
    with pytest.raises(ClientError):
        pipeline.handler(event, None)
    assert aws.endpoint["EndpointStatus"] == "Updating"
    pipeline.invoke(event)
    assert aws.calls.count("sagemaker.UpdateEndpoint") == 1
    aws.settle(failure="alarm")
    assert "rolled back" in failure(pipeline.invoke())[1]


def test_two_deliveries_at_once(aws, monkeypatch):
    """The other delivery's update comes between this one's look and its own update."""
    pipeline = deployed(aws)
    plain = aws.describe_endpoint_config

    def overtaken(EndpointConfigName):
        monkeypatch.setattr(aws, "describe_endpoint_config", plain)
        (ours,) = (name for name in aws.configurations if "9f8e7d6c" in name)
        aws.update_endpoint(ours)
        return plain(EndpointConfigName)

    monkeypatch.setattr(aws, "describe_endpoint_config", overtaken)
    result = pipeline.invoke()
    assert "already deploying" in result["executionDetails"]["summary"]
    aws.settle()
    assert "outputVariables" in pipeline.invoke()


def test_double_delivery_of_the_last_event(aws):
    aws.release()
    pipeline = Pipeline(aws)
    pipeline.invoke()
    aws.settle()
    pipeline.number += 1
    event = pipeline.event()
    first = pipeline.invoke(event)
    assert pipeline.invoke(event) == first
    assert aws.targets == {TARGET: (2, 4)}


@pytest.mark.parametrize("operation", ["sts.AssumeRole", "codepipeline.PutJobFailureResult"])
def test_failing_report_fails_the_function(aws, operation):
    aws.failures[operation] = [refused("AccessDenied", "no")]
    with pytest.raises(ClientError, match="AccessDenied"):
        Pipeline(aws).invoke()
    assert aws.results == {}


def test_failing_report_of_success_is_not_turned_into_a_failure(aws):
    aws.release()
    pipeline = Pipeline(aws)
    pipeline.invoke()
    aws.settle()
    aws.take()
    denied = refused("AccessDeniedException", "no")
    aws.failures["codepipeline.PutJobSuccessResult"] = [denied]
    with pytest.raises(ClientError):
        pipeline.invoke()
    assert "codepipeline.PutJobFailureResult" not in aws.calls


def test_configuration_not_visible_yet(aws):
    aws.release()
    unseen = refused("ValidationException", "Could not find endpoint configuration.")
    aws.failures["sagemaker.CreateEndpoint"] = [unseen] * 2
    pipeline = Pipeline(aws)
    pipeline.invoke()
    pipeline.invoke()
    assert not aws.endpoint
    assert pipeline.token
    assert "outputVariables" in pipeline.deploy()


def test_what_never_becomes_visible_is_a_failure(aws):
    aws.release()
    unseen = refused("ValidationException", "Could not find model data at s3://…")
    aws.failures["sagemaker.CreateModel"] = [unseen] * 5
    pipeline = Pipeline(aws)
    results = [pipeline.invoke() for _ in range(5)]
    assert all("continuationToken" in result for result in results[:4])
    assert "model data" in failure(results[4])[1]


@pytest.mark.parametrize(
    "fault",
    [
        refused("ThrottlingException", "Rate exceeded"),
        refused("InternalFailure", "oops", status=500),
    ],
)
def test_a_passing_fault_does_not_end_the_deployment(aws, fault):
    aws.release()
    pipeline = Pipeline(aws)
    pipeline.invoke()
    aws.failures["sagemaker.DescribeEndpoint"] = [fault]
    pipeline.invoke()
    assert pipeline.token
    aws.settle()
    assert "outputVariables" in pipeline.invoke()


def test_only_faults_in_a_row_count(aws):
    aws.release()
    pipeline = Pipeline(aws)
    pipeline.invoke()
    for _ in range(6):
        aws.failures["sagemaker.DescribeEndpoint"] = [refused("ThrottlingException", "slow")]
        assert all("continuationToken" in pipeline.invoke() for _ in range(2))


def test_unreachable_service(aws, monkeypatch):
    def unreachable(**_):
        raise EndpointConnectionError(endpoint_url="https://s3.example")

    monkeypatch.setattr(aws, "get_object", unreachable)
    pipeline = Pipeline(aws)
    results = [pipeline.invoke() for _ in range(5)]
    assert failure(results[4])[0] == "SystemUnavailable"


def test_unforeseen_errors_are_reported_without_their_text(aws, monkeypatch, caplog):
    def broken(**_):
        raise RuntimeError(SECRET)

    monkeypatch.setattr(aws, "get_object", broken)
    kind, message = failure(Pipeline(aws).invoke())
    assert (kind, message) == ("JobFailed", "unexpected RuntimeError, see the function's log")
    assert "Traceback" in caplog.text


def test_credentials_of_the_event_are_not_logged(aws, caplog):
    caplog.set_level("DEBUG", logger="deployer")
    aws.release()
    Pipeline(aws).deploy()
    assert "deployer" in {record.name.partition(".")[0] for record in caplog.records}
    assert SECRET not in caplog.text


def test_it_runs_from_its_archive(aws, monkeypatch, tmp_path):
    """As the Lambda runtime finds it: `deployer/` in a zip, the handler `deployer.handler.handler`."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "deployer"]:
        monkeypatch.delitem(sys.modules, name)
    files = {
        f"deployer/{path.name}": path.read_bytes() for path in (ROOT / "deployer").glob("*.py")
    }
    path = tmp_path / "deployer.zip"
    path.write_bytes(archive(files))
    monkeypatch.syspath_prepend(str(path))
    aws.release()
    pipeline = Pipeline(aws)
    assert sys.modules["deployer.handler"].__file__.startswith(str(path))
    assert "outputVariables" in pipeline.deploy()
    for name in [name for name in sys.modules if name.partition(".")[0] == "deployer"]:
        monkeypatch.delitem(sys.modules, name)
