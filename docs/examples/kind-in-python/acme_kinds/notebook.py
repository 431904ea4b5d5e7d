"""A SageMaker notebook whose results go to a bucket, in another account where wanted.

The notebook's role may write below its own name in the bucket, and nothing else.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from compiler.kinds.api import (
    Draft,
    Kind,
    Matching,
    Objects,
    OneAccount,
    Shape,
    Text,
    reference,
    service_trust,
    shorten,
)

# SageMaker API reference, CreateNotebookInstance.
NAME_LIMIT = 63


class Inputs(Shape):
    """What a component of this kind gives."""

    account: OneAccount = Field(description="the account of the notebook")
    publish_to: OneAccount = Field(description="the account of the bucket for its results")
    instance: Annotated[
        Text, Matching(r"ml\.[a-z0-9]+\.[a-z0-9]+", "an instance type such as ml.t3.medium")
    ] = Field(default="ml.t3.medium", description="instance type")


def build(draft: Draft) -> None:
    """A bucket with its key in one account, a notebook with its role in the other."""
    inputs: Inputs = draft.component.inputs
    key = draft.key(inputs.publish_to, "results", "results", "encrypts the notebook's results")
    bucket = draft.bucket(inputs.publish_to, "results", "results", key)
    role = draft.role(
        inputs.account,
        "notebook",
        "notebook",
        "works in the notebook",
        [service_trust("sagemaker.amazonaws.com", inputs.account.id)],
    )
    # Identity policy, bucket policy and both halves of the key's use come from this one line.
    draft.grant(
        "notebook-writes-results",
        role,
        ("s3:PutObject",),
        Objects(bucket, f"{draft.component.name}/*"),
    )
    draft.add(
        inputs.account,
        "aws_sagemaker_notebook_instance",
        "notebook",
        {
            "name": shorten(draft.prefix("notebook"), NAME_LIMIT),
            "instance_type": inputs.instance,
            "role_arn": reference("aws_iam_role.notebook", "arn"),
            "direct_internet_access": "Disabled",
            "root_access": "Disabled",
        },
    )
    draft.output(
        inputs.account,
        "url",
        reference("aws_sagemaker_notebook_instance.notebook", "url"),
        "where the notebook is",
    )


KIND = Kind(
    name="notebook",
    summary="A notebook whose results go to a bucket",
    inputs=Inputs,
    build=build,
    home="account",
)
