"""A registry and an account for the hub's deployer, on top of the fake AWS of the pipeline's."""

import importlib

from tests.unit.deployer_aws import Account, connect, refused

GROUP = "arn:aws:sagemaker:eu-central-1:111111111111:model-package-group/hubs-models-churn"
PACKAGES = GROUP.replace("-group/", "/")
ENDPOINT = "arn:aws:sagemaker:eu-central-1:333333333333:endpoint/churn"
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
CHANGED = {
    "source": "aws.sagemaker",
    "detail-type": "SageMaker Endpoint State Change",
    "detail": {"EndpointName": "churn", "EndpointStatus": "IN_SERVICE"},
}
LOOK = ["sagemaker.ListModelPackages", "sagemaker.DescribeEndpoint"]
MAKE = ["sagemaker.CreateModel", "sagemaker.CreateEndpointConfig"]
SCALE = [
    "application-autoscaling.RegisterScalableTarget",
    "application-autoscaling.PutScalingPolicy",
]


class Hub(Account):
    """`versions` maps a number to its approval; `listed` to what a list that lags behind says."""

    def __init__(self):
        super().__init__()
        self.versions, self.listed, self.broken, self.tags = {}, {}, set(), {}

    def list_model_packages(
        self, ModelPackageGroupName, ModelApprovalStatus, MaxResults, SortOrder, NextToken=None, **_
    ):
        assert ModelPackageGroupName == GROUP
        assert (ModelApprovalStatus, SortOrder) == ("Approved", "Descending")
        seen = {**self.versions, **self.listed}
        found = sorted((n for n, status in seen.items() if status == "Approved"), reverse=True)
        # A page that is empty but for its token, as the API may give one.
        if NextToken is None and found:
            return {"ModelPackageSummaryList": [], "NextToken": "more"}
        return {"ModelPackageSummaryList": [self._summary(n) for n in found[:MaxResults]]}

    def _summary(self, number):
        return {
            "ModelPackageArn": f"{PACKAGES}/{number}",
            "ModelPackageStatus": "Failed" if number in self.broken else "Completed",
            "CreationTime": 0,
        }

    def describe_model_package(self, ModelPackageName):
        number = int(ModelPackageName.rpartition("/")[2])
        if number not in self.versions:
            raise refused("ValidationException", "Could not find model package")
        status = {"ModelApprovalStatus": self.versions[number]}
        return {**self._summary(number), **status}

    def create_endpoint(self, EndpointName, EndpointConfigName, Tags, **more):
        super().create_endpoint(EndpointName, EndpointConfigName, **more)
        self.tags = {tag["Key"]: tag["Value"] for tag in Tags}
        self.endpoint["EndpointArn"] = ENDPOINT

    def add_tags(self, ResourceArn, Tags):
        assert ResourceArn == ENDPOINT
        self.tags |= {tag["Key"]: tag["Value"] for tag in Tags}

    def list_tags(self, ResourceArn, NextToken=None, **_):
        assert ResourceArn == ENDPOINT
        pairs = [{"Key": key, "Value": value} for key, value in sorted(self.tags.items())]
        if NextToken is None:
            return {"Tags": pairs[1:], "NextToken": "more"}
        return {"Tags": pairs[:1]}

    # What happens by other hands; each gives the event that tells of it.
    def decide(self, number, status, event="event-1"):
        self.versions[number] = status
        return {
            "id": event,
            "source": "aws.sagemaker",
            "detail-type": "SageMaker Model Package State Change",
            "detail": {
                "ModelPackageGroupName": "hubs-models-churn",
                "ModelPackageArn": f"{PACKAGES}/{number}",
                "ModelApprovalStatus": status,
            },
        }

    def served(self):
        """The number of the version that the endpoint serves."""
        return self.version_of(self.endpoint["EndpointConfigName"])

    def version_of(self, configuration):
        variant = self.configurations[configuration]["ProductionVariants"][0]
        container = self.models[variant["ModelName"]]["PrimaryContainer"]
        assert set(container) == {"ModelPackageName"}
        return int(container["ModelPackageName"].rpartition("/")[2])


def hub(monkeypatch):
    """An account with the function's environment, and the function."""
    account = connect(monkeypatch, Hub())
    monkeypatch.setenv("GROUP_ARN", GROUP)
    for name in ("IMAGE", "REPORTER_ROLE_ARN"):
        monkeypatch.delenv(name)
    handler = importlib.import_module("deployer.approvals").handler

    def invoke(event):
        account.take()
        assert handler(event, None) is None
        return account.take()

    account.invoke = invoke
    return account
