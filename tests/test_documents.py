"""The sample documents: what the script draws is what is committed, and the sandbox knows each of them."""

from __future__ import annotations

import hashlib
import runpy
from collections.abc import Mapping

import pytest
from PIL import Image, ImageChops

from happypath.project import SAMPLES
from happypath.sandbox.rekognition.recorded import sample_answers

FOLDER = SAMPLES / "documents"
COMMITTED = sorted(path.name for path in FOLDER.glob("*.png"))


SCRIPT = runpy.run_path(str(FOLDER / "draw.py"))


@pytest.fixture(scope="module")
def drawn() -> Mapping[str, Image.Image]:
    documents: Mapping[str, Image.Image] = SCRIPT["documents"]()
    return documents


def test_there_are_invoices_of_three_vendors_and_licences_of_three_states() -> None:
    invoices, licences = SCRIPT["INVOICES"], SCRIPT["LICENCES"]
    assert len({invoice.vendor for invoice in invoices.values()}) == 3
    assert len({licence.state for licence in licences.values()}) == 3
    assert sorted(f"{name}.png" for name in (*invoices, *licences)) == COMMITTED


@pytest.mark.parametrize("name", COMMITTED)
def test_a_document_is_as_the_script_draws_it(name: str, drawn: Mapping[str, Image.Image]) -> None:
    with Image.open(FOLDER / name) as committed:
        difference = ImageChops.difference(committed.convert("RGB"), drawn[name])
    # Another FreeType may round an edge otherwise.
    different = difference.convert("L").point(lambda level: 255 if level > 8 else 0).getbbox()
    assert different is None, "run: python samples/documents/draw.py"


@pytest.mark.parametrize("name", COMMITTED)
def test_the_sandbox_has_labels_for_a_document_and_reads_its_words_itself(name: str) -> None:
    answers = sample_answers()[hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()]
    assert answers["photo"] == name
    assert "DetectText" not in answers
    labels = {label["Name"] for label in answers["DetectLabels"]["Labels"]}
    assert ("Invoice" if name.startswith("invoice") else "Driving License") in labels
    parents = {parent["Name"] for label in answers["DetectLabels"]["Labels"] for parent in label["Parents"]}
    assert parents <= labels
