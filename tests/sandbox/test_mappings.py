"""Event source mappings that are enabled and disabled; `test_streams.py` has what is of streams."""

from __future__ import annotations

from typing import Any

import pytest

from happypath.sandbox.sandbox import Sandbox
from tests.roles import make_role
from tests.sandbox.iam.test_assumed_roles import make_function
from tests.waiting import until


def waiting(sqs: Any, url: str) -> int:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(attributes[f"ApproximateNumberOfMessages{name}"]) for name in ("", "NotVisible"))


@pytest.mark.timeout(120)
def test_a_queue_is_polled_only_while_its_mapping_is_enabled() -> None:
    with Sandbox(tracing=False) as sandbox:
        client, sqs = sandbox.client("lambda"), sandbox.client("sqs")
        make_function(sandbox, "reads", make_role(sandbox.client("iam"), "reads"))
        urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("disabled", "enabled")}
        mappings = {
            name: client.create_event_source_mapping(
                FunctionName="reads",
                EventSourceArn=f"arn:aws:sqs:us-east-1:123456789012:{name}",
                Enabled=name == "enabled",
            )["UUID"]
            for name in urls
        }
        for url in urls.values():
            sqs.send_message(QueueUrl=url, MessageBody="a")
        # By then both mappings were found.
        until(lambda: waiting(sqs, urls["enabled"]) == 0, "the enabled one is polled")
        (message,) = sqs.receive_message(
            QueueUrl=urls["disabled"],
            VisibilityTimeout=0,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )["Messages"]
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
        client.update_event_source_mapping(UUID=mappings["disabled"], Enabled=True)
        until(lambda: waiting(sqs, urls["disabled"]) == 0, "the other one is polled, too")
