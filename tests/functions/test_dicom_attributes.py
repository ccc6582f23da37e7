"""What DICOM attributes say of a patient is gone afterwards, wherever it stood."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, SecondaryCaptureImageStorage

from functions.decision import Rejection
from functions.dicom import identity
from functions.dicom.profile import make_anonymous
from functions.dicom.pseudonyms import installation_secret, pseudonyms
from functions.dicom.redaction import Limits, Look, redacted
from functions.platform.aws import client
from functions.redact.finding import Sought
from tests import scans
from tests.functions.looks import looking

PSEUDONYM = pseudonyms(b"secret")
LOOK = Look(Sought(frozenset({"text"}), 50, ("L", "R")), 0.25)
LIMITS = Limits(20_000_000, 20_000_000, 100, 100)


def anonymous(made: Dataset, **options: Any) -> Dataset:
    """The data set of the file that becomes of this one; nothing is burned into its pixels."""
    with pytest.MonkeyPatch.context() as patched, looking(patched):
        done = redacted(scans.written(made, **options), PSEUDONYM, LOOK, LIMITS)
    read = dcmread(BytesIO(done.dicom))
    assert read.pixel_array.shape == (made.Rows, made.Columns)
    return read


def item(**attributes: Any) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def icon() -> Dataset:
    made = scans.dataset()
    return item(**{keyword: made[keyword].value for keyword in made.dir("Rows", "Columns", "Bits", "Pixel")})


def test_a_file_says_nothing_of_its_patient_and_says_that_it_was_made_so() -> None:
    found = anonymous(scans.dataset(AccessionNumber="A-900412", PatientSex="F", PatientAge="064Y"))

    assert (found.PatientName, found.PatientID, found.PatientBirthDate, found.PatientSex) == ("", "", "", "")
    assert (found.AccessionNumber, found.StudyDate) == ("", "")
    assert "PatientAge" not in found
    assert found.PatientIdentityRemoved == "YES"
    assert found.BurnedInAnnotation == "NO"
    assert "PS3.15" in found.DeidentificationMethod
    assert [each.CodeValue for each in found.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert found.SOPClassUID == SecondaryCaptureImageStorage
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID
    assert "SourceApplicationEntityTitle" not in found.file_meta
    assert found.preamble == b"\0" * 128


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_it_is_gone_in_what_is_nested_too(depth: int) -> None:
    inner = item(
        PatientName=scans.NAME,
        ReferringPhysicianName="Eager^Eve",
        StudyDate="20110525",
        ReferencedSOPInstanceUID=f"{scans.ROOT}.3",
        CodeMeaning="Hand",
    )
    for _ in range(depth):
        inner = item(AnatomicRegionSequence=Sequence([inner]))
    made = scans.dataset(AnatomicRegionSequence=Sequence([inner]))
    found = anonymous(made).AnatomicRegionSequence[0]
    for _ in range(depth):
        found = found.AnatomicRegionSequence[0]
    assert (found.PatientName or "", found.ReferringPhysicianName, found.StudyDate) == ("", "", "")
    assert found.CodeMeaning == "Hand"
    assert found.ReferencedSOPInstanceUID == PSEUDONYM(f"{scans.ROOT}.3")


def test_what_no_standard_knows_and_what_can_hide_words_is_gone() -> None:
    made = scans.dataset()
    made.private_block(0x0009, "WINTERBOTTOM", create=True).add_new(1, "LO", "hidden")
    made.add_new(0x60000010, "US", 64)
    made.add_new(0x60003000, "OW", b"\xff" * 512)
    made.add_new(0x601E3000, "OW", b"\xff" * 512)
    made.add_new(0x50003000, "OW", b"\1\2")
    made.add_new(0x00091001, "LO", "odd")
    made.add_new(0x00080FFF, "LO", "of no standard")
    made.IconImageSequence = Sequence([icon()])
    made.EncapsulatedDocument = b"%PDF-1.4 Prudence Winterbottom"
    made.ContentSequence = Sequence([item(TextValue="Prudence")])
    made.ImageComments = "Prudence"
    made.DerivationDescription = "free text"
    made.PixelSpacingCalibrationDescription = "stays"
    found = anonymous(made)

    groups = {each.tag.group for each in found}
    assert groups <= {0x0008, 0x0010, 0x0012, 0x0020, 0x0028, 0x0040, 0x0042, 0x7FE0}
    assert 0x00080FFF not in found
    assert not {"IconImageSequence", "ImageComments", "DerivationDescription"} & set(found.dir())
    assert found.get("EncapsulatedDocument") in {None, b"\0\0"}
    assert len(found.get("ContentSequence", ())) == 0
    assert found.PixelSpacingCalibrationDescription == "stays"


def test_uids_of_a_study_belong_together_and_lead_nobody_back() -> None:
    one, two = (anonymous(scans.dataset(SOPInstanceUID=f"{scans.ROOT}.{number}")) for number in (5, 6))
    assert one.StudyInstanceUID == two.StudyInstanceUID == PSEUDONYM(f"{scans.ROOT}.1")
    assert one.SOPInstanceUID != two.SOPInstanceUID
    for uid in (one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID):
        assert UID(uid).is_valid
        assert uid.startswith("2.25.")
    # By another key it is another.
    assert pseudonyms(b"other")(f"{scans.ROOT}.1") != one.StudyInstanceUID


def test_the_secret_of_an_installation_is_the_same_whenever_it_is_asked_for() -> None:
    kms = client("kms")
    keys = [
        kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
        for _ in "ab"
    ]
    assert installation_secret(keys[0]) == installation_secret(keys[0]) != installation_secret(keys[1])


def test_a_name_is_gone_from_attributes_that_stay() -> None:
    made = scans.dataset(
        Manufacturer="Scans for prudence, Inc.",
        ManufacturerModelName="Prudential 3",
        ImageType=["DERIVED", "SECONDARY", "WINTERBOTTOM"],
        SoftwareVersions=["1.0", "of 20110525"],
        ConvolutionKernel="SOFT",
    )
    found = anonymous(made)
    assert found.ManufacturerModelName == "Prudential 3"
    assert found.ConvolutionKernel == "SOFT"
    assert not {"Manufacturer", "ImageType", "SoftwareVersions"} & set(found.dir())


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    ("charset", "name"),
    [("ISO_IR 100", "Müller^Käthe"), ("ISO_IR 192", "Ωmega^Ŝtefan"), (["", "ISO 2022 IR 87"], "山田^太郎")],
)
def test_names_of_any_alphabet_are_known_again(charset: Any, name: str, implicit: bool) -> None:
    made = scans.dataset(
        SpecificCharacterSet=charset, PatientName=name, Manufacturer=f"by {name.split('^', maxsplit=1)[0]}"
    )
    syntax = "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1"
    found = anonymous(made, syntax=syntax, implicit=implicit)
    assert (found.PatientName, found.SpecificCharacterSet) == ("", "ISO_IR 192")
    assert "Manufacturer" not in found
    assert found.file_meta.TransferSyntaxUID == syntax


def test_bytes_that_still_say_whose_it_is_are_found() -> None:
    said = identity.identity(scans.dataset())
    assert {"winterbottom", "prudence", "wb-4711-0815", "19470308"} <= said.texts
    assert f"{scans.ROOT}.1" in said.uids
    file = scans.scan()
    assert identity.mentions(file, said, attributes_end=len(file)) >= 7
    for pixels, number in (
        (b"WINTERBOTTOM", 1),
        (b"Winterbottom", 1),
        # A slope or noise may have as much.
        (b"19470308", 0),
        (b"", 0),
    ):
        assert identity.mentions(b"\0" * 99 + pixels + b"\0" * 99, said, attributes_end=50) == number
    # A part of another word or number is none of them.
    attributes = b"WINTERBOTTOMS 119470308 0.194703081"
    assert identity.mentions(attributes, said, attributes_end=len(attributes)) == 0


@pytest.mark.timeout(30)
def test_a_million_digits_are_no_uid() -> None:
    """Where each of them was one's possible beginning, this took an hour."""
    digits = b"1" * 1_000_000
    said = identity.Identity(frozenset(), frozenset({"1.2.3.4"}))
    assert identity.mentions(digits, said, attributes_end=len(digits)) == 0
    assert identity.mentions(digits + b" 1.2.3.4", said, attributes_end=len(digits) + 8) == 1


def test_a_uid_in_a_text_is_one() -> None:
    found = anonymous(scans.dataset(Manufacturer=f"study {scans.ROOT}.1", ManufacturerModelName="1.2.3.4.5"))
    assert ("Manufacturer" in found, found.ManufacturerModelName) == (False, "1.2.3.4.5")


def test_more_names_than_any_file_has_are_refused() -> None:
    people = Sequence([item(PersonName=f"Nobody^Number{number}") for number in range(2_001)])
    with pytest.raises(Rejection) as refused:
        anonymous(scans.dataset(AnatomicRegionSequence=people))
    assert refused.value.decision.reason == "IMAGE_TOO_COMPLEX"


@pytest.mark.parametrize("value", [b"\xff\xfe\x00garbage", b"1\\2\\x"])
def test_what_cannot_be_decoded_is_no_longer_there(value: bytes) -> None:
    made = scans.dataset()
    make_anonymous(made, PSEUDONYM)
    file = scans.written(scans.dataset(ConvolutionKernel="KERNEL", SliceThickness="1.25"))
    spoilt = file.replace(b"1.25", value[:4])
    with pytest.MonkeyPatch.context() as patched, looking(patched):
        done = redacted(spoilt, PSEUDONYM, LOOK, LIMITS)
    assert value[:4] not in done.dicom[:-10_000]


def test_every_attribute_of_the_table_is_done_as_it_says() -> None:
    """All that the profile has an action for, at once, with values that are known again."""
    from pydicom.datadict import dictionary_VR

    from functions.dicom.profile import _TABLE

    made = scans.dataset(np.zeros((1, 8, 8), np.uint8))
    left = 0
    for tag in _TABLE:
        if tag >> 16 in {0x0000, 0x0002, 0x0004, 0x7FE0}:
            continue
        vr = dictionary_VR(tag)
        if vr in {"LO", "SH", "PN", "LT", "ST", "UT", "UC"}:
            made.add_new(tag, vr, "Zyzzyva")
        elif vr == "UI":
            made.add_new(tag, vr, f"{scans.ROOT}.{tag}")
        elif vr == "SQ":
            made.add_new(tag, vr, [item(PatientName="Zyzzyva")])
        elif vr in {"OB", "UN"}:
            made.add_new(tag, vr, b"Zyzzyva!")
        else:
            continue
        left += 1
    assert left >= 400
    found = anonymous(made)
    file = BytesIO()
    found.save_as(file)
    assert b"zyzzyva" not in file.getvalue().lower()
    assert scans.ROOT.encode() not in file.getvalue()
