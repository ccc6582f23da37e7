"""Thirty uploads while everything goes wrong that can; `scripts/reliability uploads` makes five hundred."""

from __future__ import annotations

from tests.workflows.driver import Driver
from tests.workflows.uploads import Crowd, uploads


def test_each_of_many_uploads_ends_once_and_as_its_record_says(driver: Driver) -> None:
    ends = Crowd(driver).upload(uploads(driver, seed=4, count=30), seed=4, patience_s=100)

    for end in ends:
        end.check()
    assert {end.status for end in ends} >= {"PROCESSED", "REJECTED"}
