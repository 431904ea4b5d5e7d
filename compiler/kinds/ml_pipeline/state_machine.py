"""The state machine that trains and writes the release manifest, and its CloudFormation template.

One definition serves both ways of making it. What the blueprint says about training it reads at
run time from an SSM parameter of the training account, so that the template in the source never
lags behind the blueprint; what only the shared account knows, the key's ARN above all, comes with
the pipeline's input: `kms_key_arn` and `revision`. What a run makes lies under the execution's name.
"""

from __future__ import annotations

import json

from compiler.terraform.stack import Value

MANIFEST = "releases/{}/manifest.json"
# In the settings where the blueprint says `train.network`.
NETWORK = "$.read.settings.network"


def definition(partition: str, settings_parameter: str, bucket: str) -> dict[str, Value]:
    """The Amazon States Language value.

    `settings_parameter` is the SSM parameter's name, `bucket` the bucket's. Whether training is in
    a network is asked at run time: VpcConfig may be left out, but not be null.
    """
    tasks = f"arn:{partition}:states:::"
    return {
        "Comment": "Trains a model and writes the release manifest that production deploys from.",
        "StartAt": "ReadSettings",
        "States": {
            "ReadSettings": {
                "Type": "Task",
                "Resource": f"{tasks}aws-sdk:ssm:getParameter",
                "Parameters": {"Name": settings_parameter},
                "ResultSelector": {"settings.$": "States.StringToJson($.Parameter.Value)"},
                "ResultPath": "$.read",
                "Next": "Where",
            },
            "Where": {
                "Type": "Choice",
                "Choices": [{"Variable": NETWORK, "IsPresent": True, "Next": "TrainInNetwork"}],
                "Default": "Train",
            },
            "Train": _train(tasks, bucket, {}),
            "TrainInNetwork": _train(tasks, bucket, {"VpcConfig.$": NETWORK}),
            "Release": _release(tasks, bucket),
        },
    }


def _train(tasks: str, bucket: str, network: dict[str, Value]) -> dict[str, Value]:
    return {
        "Type": "Task",
        "Resource": f"{tasks}sagemaker:createTrainingJob.sync",
        "Parameters": {
            "TrainingJobName.$": "$$.Execution.Name",
            "RoleArn.$": "$.read.settings.role_arn",
            "AlgorithmSpecification": {
                "TrainingImage.$": "$.read.settings.image",
                "TrainingInputMode": "File",
            },
            "HyperParameters.$": "$.read.settings.hyperparameters",
            "InputDataConfig": [
                {
                    "ChannelName": "train",
                    "ContentType.$": "$.read.settings.content_type",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri.$": "$.read.settings.data",
                            "S3DataDistributionType": "FullyReplicated",
                        }
                    },
                }
            ],
            "OutputDataConfig": {
                "S3OutputPath.$": f"States.Format('s3://{bucket}/models/{{}}', $$.Execution.Name)",
                "KmsKeyId.$": "$.kms_key_arn",
            },
            "ResourceConfig.$": "$.read.settings.resources",
            "StoppingCondition.$": "$.read.settings.stopping",
            "EnableNetworkIsolation.$": "$.read.settings.network_isolation",
            **network,
        },
        "ResultSelector": {
            "job.$": "$.TrainingJobName",
            "model_data.$": "$.ModelArtifacts.S3ModelArtifacts",
            "image.$": "$.AlgorithmSpecification.TrainingImage",
        },
        "ResultPath": "$.trained",
        "Retry": [
            {
                "ErrorEquals": ["SageMaker.ResourceLimitExceededException"],
                "IntervalSeconds": 60,
                "BackoffRate": 2,
                "MaxAttempts": 3,
            },
            # Errors that the API's model does not name, throttling among them, come as this one.
            # A failed training job is another: States.TaskFailed.
            {
                "ErrorEquals": ["SageMaker.AmazonSageMakerException"],
                "IntervalSeconds": 10,
                "BackoffRate": 2,
                "MaxAttempts": 3,
            },
        ],
        "Next": "Release",
    }


def _release(tasks: str, bucket: str) -> dict[str, Value]:
    """The manifest, encrypted with the bucket's default key; the deployer looks at which that was."""
    return {
        "Type": "Task",
        "Resource": f"{tasks}aws-sdk:s3:putObject",
        "Parameters": {
            "Bucket": bucket,
            "Key.$": f"States.Format('{MANIFEST}', $$.Execution.Name)",
            "ContentType": "application/json",
            "Body": {
                "version": 1,
                "run.$": "$$.Execution.Name",
                "revision.$": "$.revision",
                "training_job.$": "$.trained.job",
                "image.$": "$.trained.image",
                "model_data.$": "$.trained.model_data",
            },
        },
        "End": True,
    }


def template(machine: dict[str, Value]) -> bytes:
    """The CloudFormation template (JSON) that the pipeline deploys from the source."""
    value = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The state machine of the training pipeline, deployed by the pipeline itself.",
        "Parameters": {
            "StateMachineName": {"Type": "String"},
            "RoleArn": {"Type": "String", "Description": "role that the state machine runs as"},
            "LogGroupArn": {"Type": "String", "Description": "log group of its executions"},
        },
        "Resources": {
            "StateMachine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "StateMachineName": {"Ref": "StateMachineName"},
                    "StateMachineType": "STANDARD",
                    "RoleArn": {"Ref": "RoleArn"},
                    "LoggingConfiguration": {
                        "Level": "ERROR",
                        "IncludeExecutionData": False,
                        "Destinations": [
                            {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Ref": "LogGroupArn"}}}
                        ],
                    },
                    "Definition": machine,
                },
            }
        },
        "Outputs": {"StateMachineArn": {"Value": {"Ref": "StateMachine"}}},
    }
    return (json.dumps(value, indent=2) + "\n").encode()
