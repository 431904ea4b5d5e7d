"""Where moto deviates from AWS: small patches, each with the documented wire format it restores.

`install()` changes moto's classes in this process: call it only in the server's own process. Found
with moto 5.2 and the AWS provider 5.100.0. `UNSUPPORTED` in `simulated_aws` lists what remains.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.awslambda.models import LambdaFunction
from moto.budgets.responses import BudgetsResponse
from moto.codecommit import models as codecommit_models
from moto.codecommit.responses import CodeCommitResponse
from moto.codepipeline.models import CodePipeline
from moto.core.responses import ActionResult
from moto.ec2.models.launch_templates import LaunchTemplateBackend
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.responses import SageMakerResponse
from moto.stepfunctions.responses import StepFunctionResponse


def codepipeline_timestamps() -> None:
    """CodePipeline (AWS JSON 1.1) gives `created` and `updated` as seconds, a number; moto text.

    https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineMetadata.html
    """

    def metadata(self: Any) -> dict[str, Any]:
        return {
            "pipelineArn": self._arn,
            "created": self._created.timestamp(),
            "updated": self._updated.timestamp(),
        }

    CodePipeline.metadata = property(metadata)  # type: ignore[method-assign,assignment]


def step_functions_validation() -> None:
    """ValidateStateMachineDefinition, which the provider calls for every plan; moto lacks it.

    Gives `{"result": "OK"|"FAIL", "diagnostics": [{"severity", "code", "message"}]}`.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
    """

    def validate_state_machine_definition(self: Any) -> ActionResult:
        problems = definition_problems(self._get_param("definition"))
        diagnostics = [
            {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": problem}
            for problem in problems
        ]
        result = "FAIL" if problems else "OK"
        return ActionResult({"result": result, "diagnostics": diagnostics, "truncated": False})

    _add(StepFunctionResponse, validate_state_machine_definition)


def definition_problems(text: str) -> list[str]:
    """What is wrong with a state machine's definition: JSON, StartAt, and the targets of `Next`."""
    try:
        definition = json.loads(text)
    except ValueError as error:
        return [f"not JSON: {error}"]
    return _machine_problems(definition)


def _machine_problems(machine: Any) -> list[str]:
    states = machine.get("States") if isinstance(machine, dict) else None
    if not isinstance(states, dict) or not states:
        return ["States is missing"]
    problems = []
    if machine.get("StartAt") not in states:
        problems.append(f"StartAt names no state: {machine.get('StartAt')}")
    for name, state in states.items():
        steps = [state, *state.get("Choices", []), *state.get("Catch", [])]
        targets = [step[key] for step in steps for key in ("Next", "Default") if key in step]
        problems += [f"{name} goes to {t}, which is no state" for t in targets if t not in states]
        terminal = state.get("End") or state.get("Type") in ("Succeed", "Fail", "Choice")
        if not terminal and "Next" not in state:
            problems.append(f"{name} has neither Next nor End")
        inner = [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]
        problems += [problem for machine in inner for problem in _machine_problems(machine)]
    return problems


def step_functions_versions() -> None:
    """ListStateMachineVersions, which the provider calls for every refresh; moto lacks it.

    Gives `{"stateMachineVersions": [{"stateMachineVersionArn", "creationDate"}]}`.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineVersions.html
    """

    def list_state_machine_versions(self: Any) -> ActionResult:
        machine = self.stepfunction_backend.describe_state_machine(
            self._get_param("stateMachineArn")
        )
        latest = machine.latest_version
        versions = [{"stateMachineVersionArn": latest.arn}] if latest else []
        return ActionResult({"stateMachineVersions": versions})

    _add(StepFunctionResponse, list_state_machine_versions)


def codecommit_repositories() -> None:
    """CodeCommit (AWS JSON 1.1): dates are seconds, and `kmsKeyId` and tags are kept; moto drops them.

    ListBranches of a new repository gives none, as nothing is pushed; moto lacks it.

    https://docs.aws.amazon.com/codecommit/latest/APIReference/API_RepositoryMetadata.html
    """

    def create_repository(self: Any) -> str:
        created = json.loads(original(self))["repositoryMetadata"]
        stored = self.codecommit_backend.repositories[created["repositoryName"]]
        stored.tags = self._get_param("tags") or {}
        if key := self._get_param("kmsKeyId"):
            stored.repository_metadata["kmsKeyId"] = key
        return json.dumps({"repositoryMetadata": stored.repository_metadata})

    def list_tags_for_resource(self: Any) -> str:
        name = self._get_param("resourceArn").rpartition(":")[2]
        return json.dumps({"tags": self.codecommit_backend.repositories[name].tags})

    def list_branches(self: Any) -> str:
        self.codecommit_backend.get_repository(self._get_param("repositoryName"))
        return json.dumps({"branches": []})

    original = CodeCommitResponse.create_repository
    CodeCommitResponse.create_repository = create_repository  # type: ignore[method-assign]
    _add(CodeCommitResponse, list_tags_for_resource)
    _add(CodeCommitResponse, list_branches)
    seconds = {"iso_8601_datetime_with_milliseconds": lambda: datetime.now(UTC).timestamp()}
    vars(codecommit_models).update(seconds)


def budget_subscribers_and_tags() -> None:
    """DescribeSubscribersForNotification and ListTagsForResource of a budget; moto lacks both.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_DescribeSubscribersForNotification.html
    """

    def describe_subscribers_for_notification(self: Any) -> str:
        budgets = self.backend.budgets[self._get_param("AccountId")]
        wanted = _notification_key(self._get_param("Notification"))
        notifications = budgets[self._get_param("BudgetName")].notifications
        found = [n.subscribers for n in notifications if _notification_key(n.details) == wanted]
        return json.dumps({"Subscribers": found[0] if found else []})

    def list_tags_for_resource(self: Any) -> str:
        _, account, name = self._get_param("ResourceARN").rsplit(":", 2)
        budget = self.backend.budgets[account][name.removeprefix("budget/")]
        return json.dumps({"ResourceTags": getattr(budget, "landform_tags", [])})

    def create_budget(self: Any) -> str:
        answer = original(self)
        budget = self.backend.budgets[self._get_param("AccountId")]
        name = self._get_param("Budget")["BudgetName"]
        budget[name].landform_tags = self._get_param("ResourceTags") or []
        return answer

    original = BudgetsResponse.create_budget
    BudgetsResponse.create_budget = create_budget  # type: ignore[method-assign]
    _add(BudgetsResponse, describe_subscribers_for_notification)
    _add(BudgetsResponse, list_tags_for_resource)


def _notification_key(details: dict[str, Any]) -> tuple[Any, ...]:
    keys = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
    return tuple(details.get(key) for key in keys)


def model_package_group_policies() -> None:
    """Put-, Get- and DeleteModelPackageGroupPolicy keep one policy per group; moto lacks them.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_PutModelPackageGroupPolicy.html
    """

    def group(self: Any) -> Any:
        name = self._get_param("ModelPackageGroupName")
        return self.sagemaker_backend.describe_model_package_group(name)

    def put_model_package_group_policy(self: Any) -> ActionResult:
        found = group(self)
        found.landform_policy = self._get_param("ResourcePolicy")
        return ActionResult({"ModelPackageGroupArn": found.arn})

    def get_model_package_group_policy(self: Any) -> ActionResult:
        policy = getattr(group(self), "landform_policy", None)
        if policy is None:
            raise ValidationError("Cannot find Model Package Group Policy")
        return ActionResult({"ResourcePolicy": policy})

    def delete_model_package_group_policy(self: Any) -> ActionResult:
        group(self).landform_policy = None
        return ActionResult({})

    _add(SageMakerResponse, put_model_package_group_policy)
    _add(SageMakerResponse, get_model_package_group_policy)
    _add(SageMakerResponse, delete_model_package_group_policy)


def sagemaker_serving() -> None:
    """Models, endpoint configurations and endpoints are described as they were asked for: moto drops
    network isolation and the deployment's settings, and adds empty blocks that nobody asked for.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModel.html
    """
    for thing, made in (
        ("model", ("ModelArn", "CreationTime")),
        ("endpoint_config", ("EndpointConfigArn", "CreationTime")),
    ):
        _described_as_created(thing, made)
    create, describe = SageMakerResponse.create_endpoint, SageMakerResponse.describe_endpoint

    def create_endpoint(self: Any) -> ActionResult:
        _asked(self)[self._get_param("EndpointName")] = self._get_param("DeploymentConfig")
        return create(self)

    def describe_endpoint(self: Any) -> ActionResult:
        answer: Any = describe(self).result
        deployment = _asked(self).get(self._get_param("EndpointName"))
        kept = {key: value for key, value in answer.items() if value not in (None, {})}
        more = {"LastDeploymentConfig": deployment} if deployment else {}
        return ActionResult({**kept, **more})

    SageMakerResponse.create_endpoint = create_endpoint  # type: ignore[method-assign]
    SageMakerResponse.describe_endpoint = describe_endpoint  # type: ignore[method-assign]


def _described_as_created(thing: str, made: tuple[str, ...]) -> None:
    """`made` are the members of the description that the request does not have."""
    create = getattr(SageMakerResponse, f"create_{thing}")
    describe = getattr(SageMakerResponse, f"describe_{thing}")

    def created(self: Any) -> ActionResult:
        answer: ActionResult = create(self)
        asked = json.loads(self.body)
        _asked(self)[f"{thing} {asked[_NAMES[thing]]}"] = asked
        return answer

    def described(self: Any) -> ActionResult:
        answer = describe(self).result
        asked = _asked(self)[f"{thing} {self._get_param(_NAMES[thing])}"]
        own = {key: answer[key] for key in made}
        return ActionResult({**own, **{k: v for k, v in asked.items() if k != "Tags"}})

    setattr(SageMakerResponse, f"create_{thing}", created)
    setattr(SageMakerResponse, f"describe_{thing}", described)


_NAMES = {"model": "ModelName", "endpoint_config": "EndpointConfigName"}


def _asked(response: Any) -> dict[str, Any]:
    """The requests that the backend of this account and region was sent, by name."""
    kept: dict[str, Any] = vars(response.sagemaker_backend).setdefault("landform_asked", {})
    return kept


def scalable_target_tags() -> None:
    """Application Auto Scaling keeps the tags of a registration and lists them; moto drops them.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ListTagsForResource.html
    """

    def register_scalable_target(self: Any) -> str:
        answer = original(self)
        kept = vars(self.applicationautoscaling_backend).setdefault("landform_tags", {})
        kept.setdefault(json.loads(answer)["ScalableTargetARN"], self._get_param("Tags") or {})
        return answer

    def list_tags_for_resource(self: Any) -> str:
        kept = vars(self.applicationautoscaling_backend).get("landform_tags", {})
        return json.dumps({"Tags": kept[self._get_param("ResourceARN")]})

    original = ApplicationAutoScalingResponse.register_scalable_target
    ApplicationAutoScalingResponse.register_scalable_target = register_scalable_target  # type: ignore[method-assign]
    _add(ApplicationAutoScalingResponse, list_tags_for_resource)


def bucket_policies_are_not_judged() -> None:
    """S3 applies a Deny only where its conditions hold; moto ignores them and refuses every upload.

    Judging is `evaluate`'s work, so moto's own answer is made neutral.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
    """

    def get_permission(self: Any, action: str, resource: str) -> PermissionResult:
        return PermissionResult.NEUTRAL

    FakeBucket.get_permission = get_permission  # type: ignore[method-assign]


def log_delivery_policy() -> None:
    """S3 reads any valid policy of a logging target; moto's reader breaks on `"Principal": "*"`.

    Statements with such a principal are left out of what it reads, as they never name the log
    delivery service. https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """

    def enabled(target_bucket: Any, target_prefix: str | None) -> bool:
        statements = json.loads(target_bucket.policy or b'{"Statement": []}')["Statement"]
        for statement in statements:
            principal = statement.get("Principal")
            service = principal.get("Service") if isinstance(principal, dict) else None
            if (
                statement.get("Effect") == "Allow"
                and "logging.s3.amazonaws.com" in _listed(service)
                and "s3:PutObject" in _listed(statement.get("Action"))
                and _covers(statement, f"{target_bucket.arn}/{target_prefix or ''}")
            ):
                return True
        return False

    FakeBucket._log_permissions_enabled_policy = staticmethod(enabled)  # type: ignore[method-assign]


def eventbridge_notifications() -> None:
    """S3 keeps and returns an empty `EventBridgeConfiguration` element; moto drops it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
    """

    def from_body(self: Any) -> dict[str, Any]:
        configuration = dict(read(self))
        if "EventBridgeConfiguration" in configuration:
            configuration["EventBridgeConfiguration"] = {}
        return configuration

    def get_bucket_notification(self: Any) -> Any:
        status, headers, body = write(self)
        stored = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if stored and stored.event_bridge is not None:
            text = body.decode() if isinstance(body, bytes) else body
            end = "</NotificationConfiguration>"
            if text.rstrip().endswith("/>"):  # moto has nothing else to tell
                text = f"{text.rstrip()[:-2]}>{end}"
            body = text.replace(end, f"<EventBridgeConfiguration/>{end}")
            headers = {k: v for k, v in headers.items() if k.lower() != "content-length"}
        return status, headers, body

    read, write = S3Response._notification_config_from_body, S3Response.get_bucket_notification
    S3Response._notification_config_from_body = from_body  # type: ignore[method-assign]
    S3Response.get_bucket_notification = get_bucket_notification  # type: ignore[method-assign]


def lambda_configuration() -> None:
    """Lambda returns `DeadLetterConfig` and `LoggingConfig` as they were given; moto drops them.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
    """
    keys = ("DeadLetterConfig", "LoggingConfig")

    def __init__(self: Any, account_id: str, spec: dict[str, Any], *rest: Any, **more: Any) -> None:
        create(self, account_id, spec, *rest, **more)
        self.landform_given = {key: spec[key] for key in keys if key in spec}

    def update_configuration(self: Any, updates: dict[str, Any]) -> dict[str, Any]:
        update(self, updates)
        self.landform_given |= {key: updates[key] for key in keys if key in updates}
        found: dict[str, Any] = self.get_configuration()
        return found

    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        return {**get(self, on_create), **self.landform_given}

    create, update = LambdaFunction.__init__, LambdaFunction.update_configuration
    get = LambdaFunction.get_configuration
    LambdaFunction.__init__ = __init__  # type: ignore[method-assign]
    LambdaFunction.update_configuration = update_configuration  # type: ignore[method-assign,assignment]
    LambdaFunction.get_configuration = get_configuration  # type: ignore[method-assign]


def launch_template_tags() -> None:
    """The tags of a launch template are its own; moto also stores them as those of what it launches.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
    """

    def create_launch_template(
        self: Any, name: str, description: str, data: dict[str, Any], tags: dict[str, Any]
    ) -> Any:
        given = data.get("TagSpecifications", [])
        own = [each for each in given if each["ResourceType"] != "launch-template"]
        data = {**data, "TagSpecifications": own} if given else data
        return create(self, name, description, data, tags)

    create = LaunchTemplateBackend.create_launch_template
    LaunchTemplateBackend.create_launch_template = create_launch_template  # type: ignore[method-assign]


def _covers(statement: dict[str, Any], prefix: str) -> bool:
    patterns = _listed(statement.get("Resource"))
    return any(pattern.endswith("*") and prefix.startswith(pattern[:-1]) for pattern in patterns)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _add(response_class: type, action: Callable[..., Any]) -> None:
    """Add an action; refuse to replace one that a newer moto has."""
    if hasattr(response_class, action.__name__):
        raise RuntimeError(f"moto has {response_class.__name__}.{action.__name__} now")
    setattr(response_class, action.__name__, action)


CORRECTIONS: tuple[Callable[[], None], ...] = (
    codepipeline_timestamps,
    step_functions_validation,
    step_functions_versions,
    codecommit_repositories,
    budget_subscribers_and_tags,
    model_package_group_policies,
    sagemaker_serving,
    scalable_target_tags,
    bucket_policies_are_not_judged,
    log_delivery_policy,
    eventbridge_notifications,
    lambda_configuration,
    launch_template_tags,
)


def install() -> None:
    """Apply every correction to this process's moto."""
    for correction in CORRECTIONS:
        correction()
