"""A film in several pieces, of which one fails: it alone is done again, and the film is whole."""

from __future__ import annotations

import io

import av
import pytest

from tests.films import film
from tests.workflows.driver import Driver

# Three pieces: a key frame every ten seconds.
TIMES = range(0, 25_000, 250)
FILM = film(times=TIMES, key_every=40)
PIECES = 3


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        ("function:redact-video-VideoFind=kill@2", "Find in piece"),
        ("function:redact-video-VideoRedact=kill@1", "Redact piece"),
    ],
)
def test_a_piece_whose_process_dies_is_done_again_alone(driver: Driver, fault: str, again: str) -> None:
    driver.go_live("redact-video")
    key = driver.new_key("redact-video", "home.mp4")
    with driver.sandbox.faults(fault):
        driver.upload(FILM, key)
        outcome = driver.ended(key)

    assert outcome.status == "PROCESSED"
    once = {"Plan": 1, "Find in piece": PIECES, "Redact piece": PIECES, "Join": 1}
    once[again] += 1
    assert once.items() <= outcome.attempts.items()
    (body,) = outcome.renditions.values()
    with av.open(io.BytesIO(body), "r") as container:
        shown = [round(1000 * (frame.time or 0)) for frame in container.decode(video=0)]
    assert shown == list(TIMES)
