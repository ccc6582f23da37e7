"""Filter expressions, as an operator writes them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happypath.sandbox.xray.filters import FilterError, Subject, parse

TRACE = Subject(
    duration_s=2.5,
    response_s=0.2,
    flags=frozenset({"ok"}),
    annotations={
        "uploadId": ["cat", 'a "quoted" \\ one'],
        "status": ["RECEIVED", "FAILED"],
        "tries": [3],
        "new": [True],
    },
    services=(
        Subject(name="happypath-StartExecution", type="AWS::Lambda", flags=frozenset({"ok"}), response_s=0.2),
        Subject(
            name="happypath-v4",
            type="AWS::StepFunctions::StateMachine",
            flags=frozenset({"fault"}),
            response_s=2.3,
        ),
    ),
)

TRUE = [
    "ok",
    "ok = true",
    "fault = false",
    "fault != true",
    "!fault",
    "NOT fault",
    "duration > 2",
    "duration >= 2.5 AND responsetime < 1",
    "responsetime = 0.2",
    "duration != 3",
    'annotation.uploadId = "cat"',
    'annotation[uploadId] = "cat"',
    "annotation.uploadId",
    'annotation.uploadId BEGINSWITH "ca"',
    'annotation.uploadId ENDSWITH "at"',
    'annotation.uploadId CONTAINS "a"',
    'annotation.uploadId = "a \\"quoted\\" \\\\ one"',
    'annotation.status != "PROCESSED"',
    "annotation.tries = 3",
    "annotation.tries >= 3",
    "annotation.new = true",
    'service("happypath-v4")',
    "service()",
    'service("happypath-v4") { fault }',
    'service("happypath-v4") { fault = true AND responsetime > 2 }',
    'service(id(name: "happypath-v4", type: "AWS::StepFunctions::StateMachine")) { !ok }',
    'service(id(type: "AWS::Lambda"))',
    'ok AND (annotation.status = "FAILED" OR duration > 100)',
    "fault OR ok AND duration > 2",
    "duration>2",
]
FALSE = [
    "fault",
    "ok AND fault",
    "fault AND ok OR error",
    "!(ok)",
    "duration < 2.5",
    "annotation.nobody",
    'annotation.uploadId = "dog"',
    'annotation.tries = "3"',
    "annotation.uploadId = 3",
    "annotation.new = false",
    "annotation.tries = true",
    'service("happypath-v3")',
    'service("happypath-StartExecution") { fault }',
    'service(id(name: "happypath-v4", type: "AWS::Lambda"))',
]
BROKEN = [
    "",
    "duration",
    "duration >",
    'duration > "2"',
    "duration CONTAINS 2",
    "ok AND",
    "ok ok",
    "(ok",
    "ok)",
    "nonsense",
    'http.url = "x"',
    "annotation.uploadId = cat",
    'annotation.uploadId < "cat"',
    "annotation[uploadId",
    'annotation.uploadId = "cat',
    'service("happypath-v4"',
    'service("happypath-v4") { fault',
    'service(id(color: "red"))',
    "service(3)",
    "ok = maybe",
    "ok = 1",
    "(" * 1999 + "ok",
    "ok OR " * 400 + "ok",
    "ok; fault",
]


@pytest.mark.parametrize("expression", TRUE)
def test_what_holds(expression: str) -> None:
    assert parse(expression)(TRACE)


@pytest.mark.parametrize("expression", FALSE)
def test_what_does_not_hold(expression: str) -> None:
    assert not parse(expression)(TRACE)


@pytest.mark.parametrize("expression", BROKEN)
def test_what_cannot_be_used(expression: str) -> None:
    with pytest.raises(FilterError, match="Invalid filter expression"):
        parse(expression)


@settings(deadline=None)
@given(st.text(st.sampled_from(' "\\abservic(){}[]=!<>.,:13ANDOR')))
def test_any_text_is_an_expression_or_an_error(text: str) -> None:
    with suppress(FilterError):
        parse(text)(TRACE)
