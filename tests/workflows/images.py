"""Pictures on request, as a browser asks for them, and all that their function does."""

from __future__ import annotations

import io
from datetime import timedelta
from functools import cache

import requests
from PIL import Image

from happypath.operations import images
from tests.workflows.driver import Driver
from tests.workflows.tasks import accepted


def published(driver: Driver, body: bytes | None = None, workflow: str = "v1") -> str:
    """The key of a photo that is published."""
    driver.go_live(workflow)
    row = accepted(workflow)
    key = driver.new_key_of(workflow, row)
    driver.upload(driver.picture(row) if body is None else body, key)
    assert driver.ended(key).status == "PROCESSED"
    return key


def address(driver: Driver, operations: str, key: str) -> str:
    """Where a picture is, without a signature."""
    return images.address(f"/i/{operations}/{key}", images.outputs_of(driver.installation)["Url"])


def signed(driver: Driver, operations: str, key: str) -> str:
    """Where a picture is, signed."""
    return images.sign(driver.installation, f"/i/{operations}/{key}", timedelta(minutes=5))


def get(url: str, **headers: str) -> requests.Response:
    """What is there, without following where it leads."""
    return requests.get(
        url,
        headers={"accept": "*/*", **{name.replace("_", "-"): each for name, each in headers.items()}},
        timeout=60,
        allow_redirects=False,
    )


def opened(response: requests.Response) -> Image.Image:
    """The picture in a response."""
    assert response.status_code == 200, response.text
    with Image.open(io.BytesIO(response.content)) as image:
        image.load()
        return image.copy()


def noise(width: int, height: int) -> bytes:
    """A photo whose pictures are large."""
    body = io.BytesIO()
    Image.effect_noise((width, height), 200).save(body, "JPEG", quality=90)
    return body.getvalue()


@cache
def noisy(driver: Driver) -> str:
    """The key of a published photo of which a picture is larger than Lambda's answers."""
    return published(driver, noise(2400, 2400))


@cache
def small(driver: Driver) -> str:
    """The key of a photo of which only something smaller is published."""
    return published(driver, workflow="avatar")


def gone(driver: Driver) -> str:
    """The key of a photo of which all that is published goes, and its record is still to say so."""
    key = published(driver, workflow="avatar")
    bucket = driver.installation.core["DistributionBucket"]
    for name in driver.published(key).renditions:
        driver.installation.client("s3").delete_object(Bucket=bucket, Key=f"{key}/{name}")
    return key


def ask_in_all_ways(driver: Driver) -> None:
    """What needs each right of the function: the photo, a rendition, the key, faces, and what is large."""
    get(address(driver, "inside,320x", small(driver)))
    # Whether it is gone is asked, too.
    get(address(driver, "inside,320x", gone(driver)))
    # Nobody has looked for its faces yet.
    get(address(driver, "face,320x320", published(driver)))
    large = get(signed(driver, "inside,2400x2400,q95", noisy(driver)))
    if large.status_code == 302:
        requests.get(large.headers["location"], timeout=60)
