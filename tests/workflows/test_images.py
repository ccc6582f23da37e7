"""Pictures on request in the sandbox: by CloudFront and a function URL, of what is published."""

from __future__ import annotations

import io

import pytest
import requests
from PIL import Image

from happypath.operations import images as operations
from happypath.project import PREFIX
from tests.functions.pictures import difference
from tests.live import start_anew
from tests.workflows import images
from tests.workflows.driver import Driver, wait_until
from tests.workflows.photos import sample


@pytest.fixture(scope="module")
def key(driver: Driver) -> str:
    return images.published(driver, sample("astronaut"))


def test_twelve_sizes_of_one_photo_in_the_type_that_a_browser_takes(driver: Driver, key: str) -> None:
    browser = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
    for width in range(50, 650, 50):
        for accept, kind in ((browser, "AVIF"), ("image/webp,*/*", "WEBP"), ("*/*", "JPEG")):
            answer = images.get(images.signed(driver, f"inside,{width}x", key), accept=accept)
            with Image.open(io.BytesIO(answer.content)) as picture:
                assert (picture.width, picture.format) == (width, kind)
            if width > 100:
                break
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    again = images.get(answer.url, accept=browser, if_none_match=answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_a_face_is_in_the_middle_of_its_picture(driver: Driver, key: str) -> None:
    picture = images.opened(images.get(images.address(driver, "face,400x400", key)))
    record = driver.installation.record(key)
    assert record is not None
    (face,) = record["faces"]
    left, top, width, height = map(float, face)
    with Image.open(io.BytesIO(sample("astronaut"))) as photo:
        middle = (left + width / 2) * photo.width, (top + height / 2) * photo.height
        side = max(400, 2 * width * photo.width, 2 * height * photo.height)
        around = (middle[0] - side / 2, max(0.0, middle[1] - side / 2))
        part = photo.resize((400, 400), box=(*around, around[0] + side, around[1] + side))
    assert difference(part, picture) < 6


def test_thirty_megapixels_arrive_whole(driver: Driver) -> None:
    key = images.published(driver, images.noise(6708, 4480))
    # Larger than an answer of Lambda's may be.
    answer = images.get(images.signed(driver, "inside,6708x4480,q90", key))
    assert answer.status_code == 302
    assert f"/{PREFIX}-images-" in answer.headers["location"]
    whole = requests.get(answer.headers["location"], timeout=60)
    assert len(whole.content) > 6_000_000
    assert images.opened(whole).size == (6708, 4480)
    # Nobody but who has that address gets it.
    assert requests.get(answer.headers["location"].partition("?")[0], timeout=60).status_code == 403


def test_only_cloudfront_may_ask_the_function(driver: Driver, key: str) -> None:
    url = driver.installation.client("lambda").get_function_url_config(FunctionName=f"{PREFIX}-images")
    assert url["AuthType"] == "AWS_IAM"
    host = url["FunctionUrl"].split("/")[2]
    path = f"/i/inside,320x/{key}"
    for base in (f"/_aws/lambda-url/{host.partition('.')[0]}", ""):
        answer = requests.get(driver.sandbox.endpoint + base + path, headers={"host": host}, timeout=30)
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_what_is_refused_or_deleted_is_not_shown(driver: Driver, key: str) -> None:
    driver.go_live("v2")
    refused = driver.new_key(name="wine.jpg")
    driver.upload(sample("wine"), refused)
    assert driver.ended(refused).status == "REJECTED"
    assert images.get(images.address(driver, "inside,320x", refused)).status_code == 404

    gone = images.published(driver)
    assert images.get(images.address(driver, "inside,320x", gone)).status_code == 200
    driver.delete(gone)
    wait_until(
        lambda: images.get(images.address(driver, "inside,320x", gone)).status_code == 404, "it is gone"
    )


def test_of_an_avatar_only_the_small_picture_is_shown(driver: Driver) -> None:
    key = images.published(driver, sample("mountains"), "avatar")
    assert images.opened(images.get(images.address(driver, "inside,320x", key))).size == (128, 128)


def test_a_signed_address_holds_when_there_is_a_new_key_and_not_when_there_are_two(
    driver: Driver, key: str
) -> None:
    addresses = []
    for _ in range(3):
        addresses.append(images.signed(driver, "cover,300x200", key))
        operations.replace_key(driver.installation)
    start_anew(driver.installation, f"{driver.sandbox.prefix}-images")
    statuses = [images.get(each).status_code for each in addresses]
    assert statuses == [403, 403, 200]


def test_a_function_that_dies_is_a_bad_gateway_and_the_next_answer_is_good(driver: Driver, key: str) -> None:
    url = images.address(driver, "inside,320x", key)
    with driver.sandbox.faults("function:images=kill"):
        answer = images.get(url)
    assert (answer.status_code, answer.json()) == (502, {"message": "Internal Server Error"})
    assert images.get(url).status_code == 200
    with driver.sandbox.faults("function:images=throttle"):
        assert images.get(url).status_code == 429


def test_what_is_gone_while_its_record_says_that_it_is_there_is_not_found(driver: Driver) -> None:
    assert images.get(images.address(driver, "inside,320x", images.gone(driver))).status_code == 404
