"""Where Lambda sends what it gives up: queues and topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

# A service's name in boto3 → a client of it.
Clients: TypeAlias = Callable[[str], Any]


def send(clients: Clients, arn: str, body: str, attributes: dict[str, Any]) -> None:
    """Sends a message to a queue or a topic.

    Raises:
        ValueError: the ARN is of neither.
        botocore.exceptions.ClientError: there is none of that name.
    """
    match arn.split(":"):
        case [_, _, "sqs", _, _, queue]:
            sqs = clients("sqs")
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
        case [_, _, "sns", *_]:
            clients("sns").publish(TopicArn=arn, Message=body, MessageAttributes=attributes)
        case _:
            raise ValueError("the sandbox sends to SQS, SNS, Lambda and EventBridge")
