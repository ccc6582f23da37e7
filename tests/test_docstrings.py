"""The examples in docstrings: each gives what it says."""

from __future__ import annotations

import doctest
import importlib
import os
import re

import pytest

from bench.processes import ENVIRONMENT
from happypath.project import ROOT

FOLDERS = ("bench", "functions", "happypath", "samples", "tests")
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if re.search(r"^ *>>> ", path.read_text(encoding="utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_give_what_they_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in ENVIRONMENT.items():
        # The tasks read it when they are imported; the tests of the tasks have set their own.
        monkeypatch.setenv(variable, os.environ.get(variable, value))
    monkeypatch.chdir(ROOT)
    assert doctest.testmod(importlib.import_module(name)).failed == 0
