"""DICOM files through the real workflow, with words really read: before, in it, and once more afterwards."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from happypath.project import usually_live
from happypath.sandbox.rekognition import reader
from tests import scans
from tests.workflows.driver import Driver, Outcome

pytestmark = pytest.mark.skipif(not reader.can_be_installed(), reason="no reader for this machine")


@pytest.fixture(autouse=True)
def _live(driver: Driver) -> None:
    driver.go_live(usually_live())


def test_hospital_date_and_id_cannot_be_read_afterwards_and_marks_of_sides_stay(driver: Driver) -> None:
    folder = files("pydicom").joinpath("data/test_files")
    frames = scans.with_words("WINTERBOTTOM, PRUDENCE", "L", size=(600, 200))
    # A second frame, on which nothing else is.
    frames = np.concatenate([frames, np.full_like(frames, 20)])
    sent = {
        "rgb": folder.joinpath("examples_rgb_color.dcm").read_bytes(),
        "palette": folder.joinpath("examples_palette.dcm").read_bytes(),
        "sides": scans.written(scans.dataset(frames)),
        "ct": folder.joinpath("CT_small.dcm").read_bytes(),
        "plan": folder.joinpath("rtplan.dcm").read_bytes(),
    }
    keys = {name: f"redact-dicom/{driver.new_id(name)}.dcm" for name in sent}
    for name, body in sent.items():
        driver.upload(body, keys[name])
    ended = {name: driver.ended(key) for name, key in keys.items()}

    for name, seen, unseen in (
        ("rgb", {"BAPTIST", "MED", "LYMPH"}, {"BAPTIST", "MED", "CTR", "630P630", "78F78", "2:09:04"}),
        ("palette", {"PHILIPS", "5/25/2011"}, {"PHILIPS", "HEALTHCARE", "5/25/2011", "11-05-25-142825"}),
        ("sides", {"WINTERBOTTOM,"}, {"WINTERBOTTOM,", "PRUDENCE", "PRUDENCE."}),
    ):
        assert seen <= read_on(dcmread(BytesIO(sent[name])))
        left = read_on(published(ended[name]))
        assert not left & unseen
        # A tick of a scale may pass for a letter.
        assert max(map(len, left), default=0) < 3
    assert (published(ended["sides"]).pixel_array[:, 80:110, 20:36] == frames[:, 80:110, 20:36]).all()

    scan = published(ended["ct"])
    assert not [each for each in scan.iterall() if each.tag.is_private]
    assert not [each for each in scan.iterall() if each.VR == "PN" and str(each.value)]
    assert b"CompressedSamples" not in ended["ct"].renditions["redacted.dcm"]
    assert (scan.pixel_array == dcmread(BytesIO(sent["ct"])).pixel_array).all()
    assert scan.Manufacturer == "GE MEDICAL SYSTEMS"

    assert (ended["plan"].status, ended["plan"].reason) == ("REJECTED", "UNSUPPORTED_TYPE")
    assert not ended["plan"].is_published


def published(outcome: Outcome) -> Dataset:
    assert outcome.status == "PROCESSED"
    with Image.open(BytesIO(outcome.renditions["preview.png"])) as preview:
        assert preview.width > 0
    return dcmread(BytesIO(outcome.renditions["redacted.dcm"]))


def read_on(scan: Dataset) -> set[str]:
    """The words of the first frame, in capitals, as it is read."""
    pixels: Any = scan.pixel_array
    if scan.PhotometricInterpretation == "PALETTE COLOR":
        pixels = (apply_color_lut(pixels, scan) >> 8).astype(np.uint8)
    frame = pixels if scan.get("NumberOfFrames", 1) == 1 else pixels[0]
    picture = Image.fromarray(frame).convert("RGB")
    # In another size than the workflow looks at.
    scale = 900 / max(picture.size)
    lines = reader.read(picture.resize((round(picture.width * scale), round(picture.height * scale))))
    return {word.upper() for line in lines for word in line.whole.text.split() if word.isascii()}
