"""The sandbox does what AWS does, case by case; where it does not, docs/sandbox.md says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fidelity.case import Case, MalformedCaseError, read
from tests.fidelity.runner import MismatchError, Runner, compare, is_documented

CASES = read()


@pytest.fixture(scope="session")
def runner(sandbox: Any) -> Runner:
    return Runner(sandbox)


# The sandbox is named so that the test counts among those that need it.
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_sandbox_does_as_aws(case: Case, runner: Runner, sandbox: Any) -> None:
    if case.differs is None:
        runner.run(case)
        return
    assert is_documented(case.differs), f"docs/sandbox.md does not say: {case.differs}"
    with pytest.raises(MismatchError):
        runner.run(case)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": None}, {"b": 2}),
        ({"a": {"b": [1, {"c": "d"}]}}, {"a": '{"b": [1, {"c": "d", "e": 0}]}'}),
        (1, 1.0),
    ],
)
def test_an_answer_may_say_more(expected: Any, actual: Any) -> None:
    compare(expected, actual, "here")


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({"a": None}, {"a": 1}),
        ([1], [1, 2]),
        ([1, 2], [2, 1]),
        (True, 1),
        ({"a": 1}, "no JSON"),
        ({"a": 1}, [1]),
    ],
)
def test_an_answer_may_not_say_less_or_something_else(expected: Any, actual: Any) -> None:
    with pytest.raises(MismatchError):
        compare(expected, actual, "here")


@pytest.mark.parametrize(
    "written",
    [
        "- {name: a, calls: [{s3.list_buckets: {}}]}",
        "- {name: a, source: hearsay, calls: [{s3.list_buckets: {}}]}",
        "- {name: a, source: 'https://a', calls: []}",
        "- {name: a, source: 'https://a', calls: [{s3.list_buckets: {}, sqs.list_queues: {}}]}",
        "- {name: a, source: 'https://a', calls: [{s3.list_buckets: {}, answers: {}}]}",
        "- {name: a, source: 'https://a', definition: {}}",
        "- {name: a, source: 'https://a', calls: [{s3.list_buckets: {}}], status: FAILED}",
        "\n".join(["- {name: a, source: 'https://a', calls: [{s3.list_buckets: {}}]}"] * 2),
    ],
)
def test_a_malformed_case_is_named(written: str, tmp_path: Any) -> None:
    (tmp_path / "service.yaml").write_text(written)
    with pytest.raises(MalformedCaseError, match=r"'a'|: a:"):
        read(tmp_path)
