"""What docs/sandbox.md says that differs from AWS does differ: each point is shown, or says why it is not.

A point is a bullet or, where a service has none, its paragraph. A case with `differs` shows a point that
holds its sentence. Other points are in one of the two tables below, by a part of their text.
"""

from __future__ import annotations

import re

import pytest

from happypath.project import ROOT
from tests.fidelity.case import DIFFERENCES, read

# A part of a point → the test that fails once the sandbox does as AWS does.
SHOWN_BY = {
    "REST and WebSocket APIs": "sandbox/apigateway/test_unserved.py::test_what_is_not_served_says_so",
    "No issuer beyond this machine": (
        "sandbox/apigateway/test_tokens.py::test_nobody_beyond_this_machine_is_asked_for_keys"
    ),
    "each environment has a file system of its own": (
        "sandbox/test_host.py::test_where_there_are_no_namespaces_the_code_cannot_be_written_to"
    ),
    "at most as many environments as the machine has processors": (
        "sandbox/test_host.py::test_no_more_environments_than_allowed_and_the_rest_wait"
    ),
    "A condition key that the sandbox does not know denies": (
        "sandbox/iam/test_evaluation.py::test_an_unknown_condition_key_denies_and_says_so"
    ),
    "DeleteObjects asks for": (
        "sandbox/iam/test_enforcement.py::test_deleting_many_asks_for_no_right_to_versions"
    ),
    "A key that the account does not have may sign": (
        "sandbox/test_calls.py::test_a_person_may_have_any_access_key"
    ),
    "an update that fails stops": (
        "sandbox/test_change_sets.py::test_what_cannot_be_made_is_the_stacks_status"
    ),
    "refuses the stack `search-opensearch`": (
        "sandbox/test_deploying.py"
        "::test_a_stack_of_services_that_the_sandbox_lacks_is_refused_before_it_is_built"
    ),
    "have canned responses": (
        "sandbox/test_rekognition.py::test_every_sample_has_a_recorded_answer_and_the_file_says_where_it_comes_from"
    ),
    "In any other photo it finds faces": "sandbox/test_rekognition.py::test_detectors_moderate_nothing",
    "Faces are found by": "sandbox/test_faces.py::test_what_the_detector_cannot_know_is_refused",
    "Text is really read": ("sandbox/test_reader.py::test_without_the_reader_the_answer_says_how_to_get_it"),
    "Each photo is looked at once": (
        "sandbox/test_remembered.py::test_who_would_wait_too_long_is_throttled_and_asks_again"
    ),
    "nothing is cached or compressed": (
        "sandbox/test_cloudfront.py::test_what_is_replaced_or_gone_is_seen_at_once"
    ),
    "`RegionsOfInterest` and image properties": (
        "sandbox/test_reader.py::test_what_the_sandbox_cannot_do_it_says"
    ),
    "`--real-rekognition` sends photos": (
        "sandbox/test_rekognition.py::test_the_real_service_gets_the_photo_itself_and_answers_everything"
    ),
}
# A part of a point → why no test shows it.
NOT_SHOWN = {
    "`Timeout` starts when the function is ready": "of time only: a start would have to last 10 s",
    "checked every 20 ms": "of time only",
    "tried again after 1 s and 2 s": "of time only: tests shorten the waits further",
    "Most of what `www-authenticate` says": "what is unknown cannot be compared",
    "there is no HTTPS": "of host names and TLS",
    "a replacement speaks the same API": "of the machine: it runs where awslambdaric has no wheel",
    "**IAM** is enforced": "what is enforced is as on AWS; its exceptions are the points below it",
    "There are no organizations, and no other accounts": "of time, and of accounts that are not there",
    "X-Ray takes segments whatever": "the daemon's datagrams have no signature, so there is nobody to deny",
    "What else AWS checks of them by trying": "AWS does not say what it tries",
    "failed messages are visible again after 2 s": "of time only",
    "Waits between attempts are a sixtieth": "of time only",
    "A stream has one shard": "of time: on AWS a shard ends after hours, and an item after days",
    "AWS's codes and, where they are known": "what is unknown cannot be compared",
    "is called at `sync-`": "of host names",
    "is told of its parent's trace": "what AWS does where a parent is not traced is not published",
    "Clients must send the bucket in the path": "of host names",
    "It delivers to SQS, Lambda, and to HTTP addresses": "nothing outside this machine can be asked",
    "Rules with a schedule exist, and never fire": "of time: the shortest schedule is a minute",
    "How many wildcards a pattern may have": "AWS's own limit is not published",
    "**X-Ray**": "docs/tracing.md has them; tests/tracing shows them",
}


def _points() -> list[str]:
    section = DIFFERENCES.read_text(encoding="utf-8").partition("## What differs from AWS\n")[2]
    section = section.partition("\n## ")[0]
    found = re.findall(r"(?:^|\n)((?:- |\*\*).+?)(?=\n- |\n\n|\s*$)", section, re.DOTALL)
    points = (" ".join(each.split()) for each in found)
    # A service's name alone is the heading of its points.
    return [each for each in points if not re.fullmatch(r"\*\*.+\*\*", each)]


POINTS = _points()


def test_the_page_has_points() -> None:
    assert len(POINTS) > 40


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point[:50])
def test_a_difference_is_shown_or_says_why_not(point: str) -> None:
    sentences = [" ".join(case.differs.split()) for case in read() if case.differs]
    assert any(each in point for each in [*sentences, *SHOWN_BY, *NOT_SHOWN]), (
        "add a case with `differs`, or say in SHOWN_BY which test shows it"
    )


@pytest.mark.parametrize("part", [*SHOWN_BY, *NOT_SHOWN])
def test_the_tables_speak_of_the_page(part: str) -> None:
    assert sum(part in point for point in POINTS) == 1


@pytest.mark.parametrize("test", SHOWN_BY.values())
def test_what_shows_a_difference_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / "tests" / path).read_text(encoding="utf-8")
