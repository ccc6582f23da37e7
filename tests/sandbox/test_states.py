"""What a definition says is what the interpreter does, where no execution could show it soon."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser


def parsed(definition: dict[str, Any]) -> Any:
    return AmazonStateLanguageParser.parse(json.dumps(definition))[0]


@pytest.mark.parametrize(("limits", "timeout_s"), [({}, 99999999), ({"TimeoutSeconds": 100}, 100)])
def test_heartbeats_set_no_limit_of_time(limits: dict[str, int], timeout_s: int, sandbox: Any) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": "url", "MessageBody.$": "$$.Task.Token"},
        "HeartbeatSeconds": 70,
        "End": True,
        **limits,
    }
    program: Any = AmazonStateLanguageParser.parse(json.dumps({"StartAt": "Task", "States": {"Task": task}}))[
        0
    ]
    assert program.states.states["Task"].timeout.timeout_seconds == timeout_s
