from __future__ import annotations

import dataclasses

import pytest

from functions.platform import settings
from functions.platform.settings import (
    DecodingSettings,
    IngestSettings,
    PublishSettings,
    ResizeSettings,
    SettingError,
    read,
)

ENVIRONMENT = {
    "TABLE_NAME": "table",
    "LIVE_PARAMETER": "/live",
    "STATE_MACHINE_PREFIX": "arn:aws:states:us-east-1:123456789012:stateMachine:happypath-",
    "QUEUE_URL": "https://sqs.example.com/uploads",
    "HOLD_SECONDS": "900",
    "MAX_PIXELS": "1000",
    "DISTRIBUTION_BUCKET": "distribution",
    "DISTRIBUTION_URL": "https://photos.example.com",
}


def test_reads_each_variable_as_its_type() -> None:
    assert read(IngestSettings, ENVIRONMENT).hold_seconds == 900
    assert read(ResizeSettings, ENVIRONMENT) == ResizeSettings(
        max_pixels=1000, distribution_bucket="distribution", table_name="table"
    )


@pytest.mark.parametrize("kind", [IngestSettings, DecodingSettings, ResizeSettings, PublishSettings])
def test_each_missing_variable_is_named(kind: type[object]) -> None:
    read(kind, ENVIRONMENT)
    for each in dataclasses.fields(kind):  # type: ignore[arg-type]
        variable = each.name.upper()
        without = {name: value for name, value in ENVIRONMENT.items() if name != variable}
        with pytest.raises(SettingError, match=f"{variable} is missing: set it in the template"):
            read(kind, without)


@pytest.mark.parametrize(
    ("kind", "variable", "value"),
    [
        (IngestSettings, "TABLE_NAME", ""),
        (IngestSettings, "HOLD_SECONDS", "901"),
        (IngestSettings, "HOLD_SECONDS", "-1"),
        (IngestSettings, "HOLD_SECONDS", "1.5"),
        (DecodingSettings, "MAX_PIXELS", "0"),
        (DecodingSettings, "MAX_PIXELS", "many"),
        (DecodingSettings, "MAX_PIXELS", "٨٠٠"),
    ],
)
def test_a_senseless_value_is_named_with_its_variable(kind: type[object], variable: str, value: str) -> None:
    with pytest.raises(SettingError) as raised:
        read(kind, {**ENVIRONMENT, variable: value})
    assert variable in str(raised.value)
    assert repr(value) in str(raised.value)


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "from-the-process")
    assert settings.read(PublishSettings).table_name == "from-the-process"
