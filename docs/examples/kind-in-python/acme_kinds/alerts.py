"""A topic for alerts with its e-mail subscriptions, made of CDKTF constructs.

The typed bindings know every argument, so an editor completes them and mypy checks them.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from compiler.kinds.api import (
    Draft,
    EmailAddresses,
    Kind,
    OneAccount,
    Shape,
    add_constructs,
    labels,
)


class Inputs(Shape):
    """What a component of this kind gives."""

    account: OneAccount = Field(description="the account of the topic")
    notify: EmailAddresses = Field(min_length=1, description="who gets the alerts")


def build(draft: Draft) -> None:
    """The constructs' resources become the component's stack."""
    inputs: Inputs = draft.component.inputs
    name = draft.name("alerts", "aws_sns_topic")

    def constructs(stack: Any) -> None:
        # Imported when a component is built: the bindings are large.
        from cdktf import TerraformOutput
        from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
        from cdktf_cdktf_provider_aws.sns_topic_subscription import SnsTopicSubscription

        topic = SnsTopic(stack, "alerts", name=name)
        for address, label in labels(inputs.notify).items():
            SnsTopicSubscription(
                stack, f"mail_{label}", topic_arn=topic.arn, protocol="email", endpoint=address
            )
        TerraformOutput(stack, "topic", value=topic.arn, description="the topic's ARN")

    add_constructs(draft, inputs.account, constructs)


KIND = Kind(
    name="alerts",
    summary="A topic for alerts, with e-mail subscriptions",
    inputs=Inputs,
    build=build,
    home="account",
    per="account",
)
