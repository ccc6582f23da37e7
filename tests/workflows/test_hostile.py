"""Hostile files get a reason and nothing else, within the memory and the time of each function.

`scripts/reliability hostile` throws more of them, all at every function, and those that take seconds each.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.workflows.driver import Driver, Outcome
from tests.workflows.hostile import PLACES, Siege, check_ended
from tests.workflows.hostile_files import Hostile, files

FILES = [file for file in files(seed=1, damaged=3) if not file.heavy]
# Files of one kind stand together: this takes some of each.
THROUGH = FILES[::12]


@pytest.fixture(scope="module")
def siege(driver: Driver) -> Siege:
    return Siege(driver)


def test_there_are_hundreds_and_the_same_ones_every_time() -> None:
    assert len(FILES) > 140
    assert len({file.name for file in FILES}) == len(FILES)
    again = {file.name: file for file in files(seed=1, damaged=3)}
    for file in THROUGH:
        assert again[file.name].make() == file.make()


# All at once: more than most tests do.
@pytest.mark.timeout(600)
def test_each_task_gives_a_reason_within_its_memory_and_time(siege: Siege) -> None:
    said = siege.besiege(FILES, of_functions=1)

    assert len(said) == len(FILES)
    for name, limits in siege.limits().items():
        assert limits.peak_mb < limits.memory_mb, name
        assert limits.longest_s < limits.timeout_s, name


@pytest.fixture(scope="module")
def outcomes(siege: Siege) -> Mapping[tuple[str, str], Outcome]:
    return siege.through(THROUGH)


@pytest.mark.parametrize("file", THROUGH, ids=str)
@pytest.mark.parametrize("place", PLACES)
def test_each_file_gets_its_record(
    place: str, file: Hostile, outcomes: Mapping[tuple[str, str], Outcome]
) -> None:
    check_ended(outcomes[place, file.name], f"{file} at {place}")
