from __future__ import annotations

import dataclasses

import pytest

from functions import settings
from functions.settings import (
    DimensionsSettings,
    IngestSettings,
    MatchSettings,
    PublishSettings,
    RekognitionSettings,
    ResizeSettings,
    SettingError,
    read,
)

INGEST = {
    "TABLE_NAME": "table",
    "LIVE_PARAMETER": "/live",
    "STATE_MACHINE_PREFIX": "arn:aws:states:us-east-1:123456789012:stateMachine:happypath-",
    "QUEUE_URL": "https://sqs.example.com/uploads",
    "HOLD_SECONDS": "900",
}
DIMENSIONS = {"MIN_PIXELS": "800", "MAX_PIXELS": "1000", "ALLOWED_TYPES": "jpg, PNG,webp"}


def test_reads_each_variable_as_its_type() -> None:
    assert read(IngestSettings, INGEST).hold_seconds == 900
    assert read(DimensionsSettings, DIMENSIONS) == DimensionsSettings(
        min_pixels=800, max_pixels=1000, allowed_types=frozenset({"jpg", "png", "webp"})
    )


@pytest.mark.parametrize(
    "kind",
    [
        IngestSettings,
        DimensionsSettings,
        MatchSettings,
        RekognitionSettings,
        ResizeSettings,
        PublishSettings,
    ],
)
def test_each_missing_variable_is_named(kind: type[object]) -> None:
    environment = {
        **INGEST,
        **DIMENSIONS,
        "MIN_CONFIDENCE": "80",
        "REQUIRED_LABELS": "",
        "REQUIRED_WORDS": "NEW YORK",
        "DISTRIBUTION_BUCKET": "distribution",
        "TABLE_NAME": "table",
        "DISTRIBUTION_URL": "https://photos.example.com",
    }
    read(kind, environment)
    for each in dataclasses.fields(kind):  # type: ignore[arg-type]
        variable = each.name.upper()
        without = {name: value for name, value in environment.items() if name != variable}
        with pytest.raises(SettingError, match=variable):
            read(kind, without)


@pytest.mark.parametrize(
    ("kind", "environment", "variable", "value"),
    [
        (IngestSettings, INGEST, "TABLE_NAME", ""),
        (IngestSettings, INGEST, "HOLD_SECONDS", "901"),
        (IngestSettings, INGEST, "HOLD_SECONDS", "-1"),
        (IngestSettings, INGEST, "HOLD_SECONDS", "1.5"),
        (DimensionsSettings, DIMENSIONS, "MIN_PIXELS", "0"),
        (DimensionsSettings, DIMENSIONS, "MIN_PIXELS", "٨٠٠"),
        (DimensionsSettings, DIMENSIONS, "MAX_PIXELS", "many"),
        (DimensionsSettings, DIMENSIONS, "ALLOWED_TYPES", ""),
        (DimensionsSettings, DIMENSIONS, "ALLOWED_TYPES", "jpg,gif"),
        (RekognitionSettings, {"MAX_PIXELS": "1"}, "MIN_CONFIDENCE", "100.1"),
        (RekognitionSettings, {"MAX_PIXELS": "1"}, "MIN_CONFIDENCE", "nan"),
        (RekognitionSettings, {"MAX_PIXELS": "1"}, "MIN_CONFIDENCE", "sure"),
    ],
)
def test_a_senseless_value_is_named_with_its_variable(
    kind: type[object], environment: dict[str, str], variable: str, value: str
) -> None:
    with pytest.raises(SettingError) as raised:
        read(kind, {**environment, variable: value})
    assert variable in str(raised.value)
    assert repr(value) in str(raised.value)


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "from-the-process")
    assert settings.read(PublishSettings).table_name == "from-the-process"


def test_required_entries_are_parted_by_commas_and_may_be_phrases() -> None:
    environment = {
        "MIN_CONFIDENCE": "70",
        "MAX_PIXELS": "1",
        "REQUIRED_LABELS": " Driving License ,Person,,Person",
    }
    found = read(MatchSettings, {**environment, "REQUIRED_WORDS": ""})
    assert (found.required_labels, found.required_words) == (("Driving License", "Person"), ())


@pytest.mark.parametrize("nothing", ["", " , ,"])
def test_a_matcher_that_requires_nothing_is_a_slip(nothing: str) -> None:
    environment = {"MIN_CONFIDENCE": "70", "MAX_PIXELS": "1"}
    with pytest.raises(SettingError, match="Nothing is required"):
        read(MatchSettings, {**environment, "REQUIRED_LABELS": nothing, "REQUIRED_WORDS": nothing})


def test_an_entry_that_any_picture_would_have_is_refused() -> None:
    environment = {"MIN_CONFIDENCE": "70", "MAX_PIXELS": "1", "REQUIRED_LABELS": ""}
    with pytest.raises(SettingError, match=r"REQUIRED_WORDS .* letter or digit"):
        read(MatchSettings, {**environment, "REQUIRED_WORDS": "New York, --"})
