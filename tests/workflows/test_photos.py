"""Photos that are uploaded end as they should, in every version, by the way that they should."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from tests.statemachines.definitions import VERSIONS
from tests.workflows.driver import Driver, Outcome, wait_until
from tests.workflows.photos import bomb, drawn, gif, sample, truncated

RESIZED = ("Resizer", "Publish")
MODERATED = ("Moderator", "Moderation Result?")
MEASURED = ("Check Dimensions", "Dimensions Result?")
PLACED = (*MEASURED, "Get place type from DynamoDB", "Place type?")
LABELLED = ("Get labels", "Check for people")
REFUSED_BY_RESIZER = ("Resizer", "Read refusal", "Refused as unreadable", "RecordFailState")
REFUSED_BY_MODERATION = ("Refused by moderation", "RecordFailState")
REFUSED_FOR_DIMENSIONS = ("Refused for dimensions", "RecordFailState")

# The way of an accepted photo, at the place where v4 moderates and at those where it looks for people.
AT_PARKS: dict[str, tuple[str, ...]] = {
    "v1": RESIZED,
    "v2": (*MODERATED, *RESIZED),
    "v3": (*MEASURED, *MODERATED, *RESIZED),
    "v4": (*PLACED, *MODERATED, *RESIZED),
}
AT_TABLES = {**AT_PARKS, "v4": (*PLACED, *LABELLED, *RESIZED)}
# The way of a photo that cannot be used: the first task that looks at it refuses.
UNUSABLE: dict[str, tuple[str, ...]] = {
    "v1": REFUSED_BY_RESIZER,
    "v2": (*MODERATED, *REFUSED_BY_MODERATION),
    "v3": (*MEASURED, *REFUSED_FOR_DIMENSIONS),
    "v4": (*MEASURED, *REFUSED_FOR_DIMENSIONS),
}


@dataclass(frozen=True)
class Case:
    """An upload, and by version the reason why it is refused (None: published) and the way that it goes."""

    name: str
    body: Callable[[], bytes]
    place: str
    reasons: dict[str, str | None]
    paths: dict[str, tuple[str, ...]]
    detail: dict[str, Any] = field(default_factory=dict)
    # What follows the number in the upload id, and the extension.
    suffix: str = ".jpg"


def published(name: str, body: Callable[[], bytes], place: str = "park", **more: Any) -> Case:
    """A photo that no version objects to; v4 alone looks at what the place is."""
    if place == "park":
        return Case(name, body, "the-park", dict.fromkeys(VERSIONS), AT_PARKS, **more)
    return Case(name, body, f"the-{place}", {"v4": None}, AT_TABLES, **more)


def with_key(name: str, suffix: str) -> Case:
    """A key is the same to every version; v1 has the least to do."""
    return Case(f"key with {name}", lambda: drawn("JPEG"), "the-park", {"v1": None}, AT_PARKS, suffix=suffix)


def unusable(name: str, body: Callable[[], bytes], reason: str | None, **more: Any) -> Case:
    return Case(name, body, "the-park", dict.fromkeys(VERSIONS, reason), UNUSABLE, **more)


def at_no_such_place(place: str, state: str, reason: str, **detail: Any) -> Case:
    """v4 asks what a place is; the versions before it do not."""
    return Case(
        f"at {place}",
        lambda: drawn("JPEG"),
        place,
        {"v4": reason},
        {"v4": (*PLACED, state, "RecordFailState")},
        {"placeId": place, **detail},
    )


CASES = [
    published("mountains", lambda: sample("mountains")),
    published("coffee in a restaurant", lambda: sample("coffee"), "restaurant"),
    published("coffee in a cafe", lambda: sample("coffee"), "cafe"),
    published("wine in a bar", lambda: sample("wine"), "bar"),
    published("PNG", lambda: drawn("PNG"), suffix=".png"),
    published("WebP", lambda: drawn("WEBP"), suffix=".webp"),
    published("WebP in a bar", lambda: drawn("WEBP"), "bar", suffix=".webp"),
    published("PNG named jpg, of an odd key", lambda: drawn("PNG"), suffix=" +%20 größer.jpg"),
    with_key("spaces", " on a  fine day .jpg"),
    with_key("plus", "+1+1.jpg"),
    with_key("percent", "-100%-%20-%2F.jpg"),
    with_key("letters beyond ASCII", "-Größe-山-🏔.jpg"),
    with_key("dots and no extension", "..a.b"),
    Case(
        "wine in a park",
        lambda: sample("wine"),
        "the-park",
        {"v1": None, "v2": "FAILED_MODERATION", "v3": "FAILED_MODERATION", "v4": "FAILED_MODERATION"},
        {
            "v1": RESIZED,
            "v2": (*MODERATED, *REFUSED_BY_MODERATION),
            "v3": (*MEASURED, *MODERATED, *REFUSED_BY_MODERATION),
            "v4": (*PLACED, *MODERATED, *REFUSED_BY_MODERATION),
        },
    ),
    Case(
        "a person in a restaurant",
        lambda: sample("astronaut"),
        "the-restaurant",
        {"v3": None, "v4": "NO_PEOPLE_ALLOWED"},
        {"v3": AT_TABLES["v3"], "v4": (*PLACED, *LABELLED, "Refused for people", "RecordFailState")},
    ),
    Case(
        "a small photo",
        lambda: sample("coffee-small"),
        "the-cafe",
        {"v1": None, "v2": None, "v3": "IMAGE_TOO_SMALL", "v4": "IMAGE_TOO_SMALL"},
        {**AT_TABLES, "v3": UNUSABLE["v3"], "v4": UNUSABLE["v4"]},
    ),
    Case("at a place that nobody knows", lambda: drawn("JPEG"), "nowhere", {"v3": None}, AT_PARKS),
    unusable("GIF named jpg", gif, "UNSUPPORTED_TYPE", detail={"type": "gif"}),
    unusable("text", lambda: b"This is not a photo.\n" * 99, "CORRUPT_IMAGE"),
    unusable("empty file", lambda: b"", "CORRUPT_IMAGE"),
    unusable(
        "30,000 x 30,000 pixels",
        bomb,
        "IMAGE_TOO_LARGE",
        detail={"type": "png", "width_px": 30_000, "height_px": 30_000},
        suffix=".png",
    ),
    # Its header is that of a good photo, so the first to notice is who looks at the picture.
    Case(
        "half a JPEG",
        truncated,
        "the-park",
        dict.fromkeys(VERSIONS, "CORRUPT_IMAGE"),
        {
            "v1": UNUSABLE["v1"],
            "v2": UNUSABLE["v2"],
            "v3": (*MEASURED, *MODERATED, *REFUSED_BY_MODERATION),
            "v4": (*PLACED, *MODERATED, *REFUSED_BY_MODERATION),
        },
        {"type": "jpg"},
    ),
    at_no_such_place("nowhere", "Unknown place", "UNKNOWN_PLACE"),
    at_no_such_place("the-museum", "Unsupported place type", "UNSUPPORTED_PLACE_TYPE", type="museum"),
    at_no_such_place("the-place-without-type", "Place without type", "UNSUPPORTED_PLACE_TYPE", type=None),
    at_no_such_place("the-place-with-a-number", "Place without type", "UNSUPPORTED_PLACE_TYPE", type=None),
]


@pytest.fixture(scope="module")
def uploads(driver: Driver) -> dict[tuple[str, str], str]:
    """The keys of all cases, uploaded to each version in turn; those of one run while the next are made."""

    def is_claimed(key: str) -> bool:
        return driver.installation.record(key) is not None

    found: dict[tuple[str, str], str] = {}
    for version in VERSIONS:
        driver.go_live(version)
        for case in CASES:
            if version in case.reasons:
                key = driver.new_key(case.place, version + case.suffix)
                driver.upload(case.body(), key)
                found[version, case.name] = key
        wait_until(lambda: all(map(is_claimed, found.values())), "all are claimed")
    return found


@pytest.mark.parametrize(
    ("version", "case"),
    [
        pytest.param(version, case, id=f"{version}-{case.name}")
        for version in VERSIONS
        for case in CASES
        if version in case.reasons
    ],
)
def test_an_upload_ends_as_it_should(
    version: str, case: Case, uploads: dict[tuple[str, str], str], driver: Driver
) -> None:
    key = uploads[version, case.name]
    outcome = driver.ended(key)
    reason = case.reasons[version]

    assert (outcome.status, outcome.reason) == ("REJECTED" if reason else "PROCESSED", reason)
    assert outcome.execution == "SUCCEEDED"
    assert outcome.path == case.paths[version]
    assert set(outcome.attempts.values()) == {1}
    record = outcome.record
    assert (record["workflow"], record["placeId"], record["key"]) == (version, case.place, key)
    assert f":happypath-{version}:" in record["executionArn"]
    assert record["version"]
    assert record["receivedAt"] <= record["finishedAt"]
    if reason:
        assert record["detail"].items() >= case.detail.items()
        assert not outcome.is_published
    else:
        assert "detail" not in record
        check_published(outcome)


def check_published(outcome: Outcome) -> None:
    assert outcome.photo is not None
    assert outcome.photo["type"] == "photo"
    assert set(outcome.renditions) == {"tile.jpg", "scaled.jpg"}
    sizes = {}
    for name, body in outcome.renditions.items():
        with Image.open(io.BytesIO(body)) as rendition:
            assert rendition.format == "JPEG"
            sizes[name] = rendition.size
    assert sizes["tile.jpg"] == (400, 400)
    assert sizes["scaled.jpg"][0] == min(600, outcome.photo["width"])
    assert outcome.photo["tileURL"].endswith("/tile.jpg")
    assert outcome.photo["scaledURL"].endswith("/scaled.jpg")
