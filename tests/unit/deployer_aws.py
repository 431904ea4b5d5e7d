"""An AWS for the deployer: real boto3 clients whose answers come from `Account`.

botocore validates each request against the service's model before `Account` sees it.
"""

import copy
import importlib
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import boto3
from botocore.exceptions import ClientError

ROOT = Path(__file__).parents[2] / "compiler/kinds/endpoints"
# Names of training runs: the executions of the state machine.
EXECUTION = "acme-churn-0a1b2c3d-1111-2222-3333-444455556666"
LATER = "acme-churn-9f8e7d6c-1111-2222-3333-444455556666"
RUNS = "arn:aws:states:eu-west-1:222222222222:execution:acme-churn-train"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1"
KEY = "arn:aws:kms:eu-west-1:111111111111:key/12345678-1234-1234-1234-123456789012"
VOLUME_KEY = "arn:aws:kms:eu-central-1:333333333333:key/87654321-1234-1234-1234-123456789012"
BUCKET = "acme-churn-111111111111"
PREFIX = "acme-churn-deploy-to-production-account-"
ENVIRONMENT = {
    "ENDPOINT_NAME": "churn",
    "NAME_PREFIX": PREFIX,
    "EXECUTION_ROLE_ARN": "arn:aws:iam::333333333333:role/acme-churn-serve",
    "REPORTER_ROLE_ARN": "arn:aws:iam::111111111111:role/acme-churn-reporter",
    "IMAGE": IMAGE,
    "INSTANCE_TYPE": "ml.m6i.large",
    "NETWORK_ISOLATION": "true",
    "MIN_INSTANCES": "2",
    "MAX_INSTANCES": "4",
    "INVOCATIONS_PER_INSTANCE": "600",
    "VOLUME_KEY_ARN": VOLUME_KEY,
    "ROLLBACK_ALARMS": '["churn-errors", "churn-latency"]',
    "TAGS": '{"owner": "ml-platform", "env": "prod"}',
}
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REPORT = ["sts.AssumeRole", "codepipeline.PutJobSuccessResult"]
REPORT_FAILURE = ["sts.AssumeRole", "codepipeline.PutJobFailureResult"]
PREPARE = ["s3.GetObject", "sagemaker.CreateModel", "sagemaker.CreateEndpointConfig"]
SCALE = [
    "application-autoscaling.RegisterScalableTarget",
    "application-autoscaling.PutScalingPolicy",
]
TARGET = "endpoint/churn/variant/AllTraffic"


def refused(code, message, operation="Operation", status=400):
    answer = {"Error": {"Code": code, "Message": message}}
    return ClientError(answer | {"ResponseMetadata": {"HTTPStatusCode": status}}, operation)


class Account:
    """SageMaker, Application Auto Scaling, S3, STS and CodePipeline, as far as they are used.

    `failures` are errors to raise, by operation, each once; `calls` and `requests` what was asked.
    """

    def __init__(self):
        self.calls, self.requests, self.failures = [], [], {}
        self.objects, self.models, self.configurations = {}, {}, {}
        self.endpoint, self.targets, self.policies, self.results = None, {}, {}, {}

    def answer(self, operation, given, caller):
        self.calls.append(operation)
        self.requests.append(given)
        assert (caller == "ASSUMED") == operation.startswith("codepipeline."), caller
        if self.failures.get(operation):
            raise self.failures[operation].pop(0)
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation.partition(".")[2]).lower()
        return getattr(self, name)(**given) or {}

    def last(self, operation):
        found = [r for c, r in zip(self.calls, self.requests, strict=True) if c == operation]
        return found[-1]

    def take(self):
        """The calls since the last look."""
        calls, self.calls, self.requests = self.calls, [], []
        return calls

    # The services.
    def get_object(self, Bucket, Key):
        if (Bucket, Key) not in self.objects:
            raise refused("NoSuchKey", "The specified key does not exist.", "GetObject", 404)
        body, headers = self.objects[Bucket, Key]
        return {"Body": io.BytesIO(body), **headers}

    def create_model(self, ModelName, **body):
        if ModelName in self.models:
            raise refused("ValidationException", "Cannot create already existing model")
        self.models[ModelName] = body
        return {"ModelArn": f"arn:aws:sagemaker:eu-central-1:333333333333:model/{ModelName}"}

    def describe_model(self, ModelName):
        if ModelName not in self.models:
            raise refused("ValidationException", f"Could not find model {ModelName}.")

    def create_endpoint_config(self, EndpointConfigName, **body):
        if EndpointConfigName in self.configurations:
            raise refused("ValidationException", "Cannot create already existing endpoint config")
        assert body["ProductionVariants"][0]["ModelName"] in self.models
        self.configurations[EndpointConfigName] = body

    def describe_endpoint_config(self, EndpointConfigName):
        if EndpointConfigName not in self.configurations:
            raise refused("ValidationException", "Could not find endpoint configuration.")
        variants = self.configurations[EndpointConfigName]["ProductionVariants"]
        return {"ProductionVariants": variants}

    def create_endpoint(self, EndpointName, EndpointConfigName, **_):
        if self.endpoint:
            raise refused("ValidationException", "Cannot create already existing endpoint")
        self.endpoint = {
            "EndpointStatus": "Creating",
            "EndpointConfigName": EndpointConfigName,
            "ProductionVariants": [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}],
        }

    def update_endpoint(self, EndpointConfigName, **_):
        if self.endpoint["EndpointStatus"] != "InService":
            raise refused("ValidationException", "Cannot update in-progress endpoint")
        new, old = (
            self.describe_endpoint_config(name)["ProductionVariants"][0]["InstanceType"]
            for name in (EndpointConfigName, self.endpoint["EndpointConfigName"])
        )
        if new != old and self.targets:
            raise refused("ValidationException", "The variant is registered for auto scaling")
        self.endpoint["EndpointStatus"] = "Updating"
        self.endpoint["PendingDeploymentSummary"] = {"EndpointConfigName": EndpointConfigName}

    def describe_endpoint(self, EndpointName):
        if not self.endpoint:
            raise refused("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return copy.deepcopy(self.endpoint)

    def delete_endpoint(self, EndpointName):
        assert self.endpoint["EndpointStatus"] == "Failed"
        self.endpoint["EndpointStatus"] = "Deleting"

    def register_scalable_target(self, ResourceId, MinCapacity, MaxCapacity, **_):
        self.targets[ResourceId] = (MinCapacity, MaxCapacity)

    def deregister_scalable_target(self, ResourceId, **_):
        if not self.targets.pop(ResourceId, None):
            raise refused("ObjectNotFoundException", "No scalable target registered")
        self.policies.clear()

    def put_scaling_policy(self, PolicyName, **body):
        self.policies[PolicyName] = body
        return {"PolicyARN": "arn:aws:autoscaling:eu-central-1:333333333333:scalingPolicy:1"}

    def delete_scaling_policy(self, PolicyName, **_):
        if not self.policies.pop(PolicyName, None):
            raise refused("ObjectNotFoundException", "No scaling policy found")

    def assume_role(self, RoleArn, **_):
        assert RoleArn == ENVIRONMENT["REPORTER_ROLE_ARN"]
        keys = {"AccessKeyId": "ASSUMED", "SecretAccessKey": SECRET, "SessionToken": "token"}
        return {"Credentials": keys | {"Expiration": "2026-01-01T00:00:00Z"}}

    def put_job_success_result(self, jobId, **result):
        self._result(jobId, result)

    def put_job_failure_result(self, jobId, **result):
        self._result(jobId, result)

    def _result(self, job, result):
        if job in self.results:
            raise refused("InvalidJobStateException", "The job has a result already")
        self.results[job] = result

    # What happens with time, or by other hands.
    def settle(self, failure=None):
        """The deployment ends: well, or with a rollback, or (the first one) with a failure."""
        pending = self.endpoint.pop("PendingDeploymentSummary", None)
        if failure:
            self.endpoint["FailureReason"] = failure
        if failure and not pending:
            self.endpoint["EndpointStatus"] = "Failed"
            return
        self.endpoint["EndpointStatus"] = "InService"
        if pending and not failure:
            self.endpoint["EndpointConfigName"] = pending["EndpointConfigName"]

    def release(self, execution=EXECUTION, key=KEY, **changes):
        manifest = {
            "version": 1,
            "run": execution,
            "training_job": execution,
            "image": IMAGE,
            "model_data": f"s3://{BUCKET}/models/{execution}/{execution}/output/model.tar.gz",
            "revision": "3f1c9d2",
        } | changes
        headers = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        body = json.dumps({k: v for k, v in manifest.items() if v is not None}).encode()
        self.objects[BUCKET, f"releases/{execution}/manifest.json"] = (body, headers)


SESSION = boto3.Session("FUNCTION", "secret", region_name="eu-central-1")


def connect(monkeypatch, account=None):
    """An account that boto3 speaks to, with the environment and the path of the Lambda runtime."""
    account = account or Account()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", SESSION)
    monkeypatch.setattr(CURRENT, "account", account, raising=False)
    return account


# Whom the one session (its clients are slow to make the first time) speaks to.
CURRENT = SimpleNamespace()


def _remember(params, context, **_):
    context["given"] = copy.deepcopy(params)


def _answer(model, context, request_signer, **_):
    operation = f"{model.service_model.service_name}.{model.name}"
    caller = request_signer._credentials.access_key
    try:
        answer = CURRENT.account.answer(operation, context["given"], caller)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return SimpleNamespace(status_code=status), error.response
    known = model.output_shape.members if model.output_shape else {}
    assert not set(answer) - set(known), f"the fake's answer to {operation} is not AWS's"
    return SimpleNamespace(status_code=200), answer | {"ResponseMetadata": {}}


SESSION.events.register("provide-client-params", _remember)
SESSION.events.register("before-call", _answer)


class Pipeline:
    """CodePipeline: a new job for each invocation, the token of the last one in it."""

    def __init__(self, account, execution=EXECUTION, **parameters):
        self.account, self.number, self.token = account, 0, None
        self.parameters = {
            "bucket": BUCKET,
            "run": f"{RUNS}:{execution}",
            "kms_key_arn": KEY,
        } | parameters
        self.handler = importlib.import_module("deployer.handler").handler

    def event(self):
        data = {
            "actionConfiguration": {
                "configuration": {
                    "FunctionName": "acme-churn-deploy",
                    "UserParameters": json.dumps(self.parameters),
                }
            },
            "inputArtifacts": [],
            "outputArtifacts": [],
            "artifactCredentials": {"accessKeyId": "AKIA", "secretAccessKey": SECRET},
        }
        if self.token:
            data["continuationToken"] = self.token
        job = (
            f"{self.parameters['run'].rpartition(':')[2][11:19]}-0000-0000-0000-{self.number:012d}"
        )
        return {"CodePipeline.job": {"id": job, "accountId": "111111111111", "data": data}}

    def invoke(self, event=None):
        """One invocation; gives what was reported."""
        if event is None:
            self.number += 1
        event = event or self.event()
        assert self.handler(event, None) is None
        result = self.account.results[event["CodePipeline.job"]["id"]]
        self.token = result.get("continuationToken")
        return result

    def deploy(self):
        """Run to the end, every deployment going well."""
        for _ in range(5):
            result = self.invoke()
            if not self.token:
                return result
            if self.account.endpoint["EndpointStatus"] in ("Creating", "Updating"):
                self.account.settle()
        raise AssertionError("not done after five invocations")


def failure(result):
    details = result["failureDetails"]
    return details["type"], details["message"]


def deployed(aws, **parameters):
    """An endpoint from an execution before, and the next execution's pipeline."""
    aws.release(EXECUTION)
    Pipeline(aws).deploy()
    aws.release(LATER)
    aws.take()
    return Pipeline(aws, LATER, **parameters)
