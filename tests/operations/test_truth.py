"""Files that say what should become of pictures: as people write them, and as spreadsheets save them."""

from __future__ import annotations

import codecs
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from happypath.operations.accuracy.truth import Label, TruthError, matched, parse, read

TEXT = 'photo,accepted,reason,placeType\r\n"a, b.jpg",no,TOO_BAD,park\r\n\r\nünï.jpg,YES,,\r\n'


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.replace(", b", "~").replace(",", ";").replace("~", ", b").encode(),
        TEXT.replace(", b", "~").replace(",", "\t").replace("~", ", b").encode(),
        TEXT.replace("\r\n", "\n").encode().rstrip(),
    ],
)
def test_a_file_is_read_however_it_was_saved(data: bytes) -> None:
    bad, good = parse(data, "truth.csv")
    assert (bad.photo, bad.accepted, bad.reason, bad.place_type) == ("a, b.jpg", False, "TOO_BAD", "park")
    assert (good.photo, good.accepted, good.reason, good.line) == ("ünï.jpg", True, "", 4)


@pytest.mark.parametrize("word", ["yes", "no", "TRUE", "False", "1", "0", " yes "])
def test_answers(word: str) -> None:
    (label,) = parse(f"accepted,photo\n{word},./a.jpg\n".encode(), "t")
    assert label == Label("a.jpg", word.strip().lower() in {"yes", "true", "1"}, line=2)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "line 1: the column photo is missing"),
        (b"photo\na.jpg\n", "line 1: the column accepted is missing"),
        (b"photo,accepted\n", "labels no picture"),
        (b"photo,accepted,colour\na,yes,red\n", "line 1: there is no column 'colour'"),
        (b"photo,accepted,photo\n", "line 1: there are two columns photo"),
        (b"photo,accepted\na.jpg,maybe\n", "line 2: accepted is 'maybe': write yes or no"),
        (b"photo,accepted\na.jpg,\n", "line 2: accepted is ''"),
        (b"photo,accepted\n,yes\n", "line 2: the photo is missing"),
        (b"photo,accepted\na.jpg\n", "line 2: there are 1 values and 2 columns"),
        (b"photo,accepted\na, b.jpg,yes\n", "put a value with a comma into quotes"),
        (b"photo,accepted\na.jpg,yes\n\na.jpg,no\n", "line 4: a.jpg has a label already, in line 2"),
        (b'photo,accepted\n"a.jpg,yes\n', "line 2: unexpected end of data. Close quotes"),
        (b"photo,accepted,reason\na.jpg,yes,TOO_BAD\n", "is to be accepted, and has a reason TOO_BAD"),
        (b"photo,accepted,reason\na.jpg,no,too bad\n", "'too bad' is no reason"),
        (b"photo,accepted,placeType\na.jpg,no,a/b\n", "must not hold a slash"),
        (b"photo,accepted\n\xe9.jpg,yes\n", "line 2: it is not UTF-8"),
        (b"photo,accepted\n\x00,yes\n", "line 2: it is no text"),
        (b"photo,accepted\n\x1b[31m,yes\n", r"line 2: the photo '\x1b[31m' has characters that are not seen"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: it is not UTF-8"),
        (b"\xff\xfea", "it is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(data: bytes, complaint: str) -> None:
    with pytest.raises(TruthError) as raised:
        list(parse(data, "truth.csv"))
    assert complaint in str(raised.value)
    assert str(raised.value).startswith("truth.csv")
    assert str(raised.value).isprintable()


@given(st.binary(max_size=200))
def test_any_bytes_are_labels_or_a_clear_error(data: bytes) -> None:
    with suppress(TruthError):
        labels = list(parse(b"photo,accepted,reason,placeType\n" + data, "t"))
        assert all(label.photo and label.line > 1 for label in labels)
        assert labels


def test_labels_and_pictures_must_be_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    # A Mac decomposes the names of files.
    for name in ("a.jpg", "b/c.jpg", normalize("NFD", "ü.jpg"), ".DS_Store"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    file = folder / "truth.csv"
    file.write_text("photo,accepted\na.jpg,yes\nb/c.jpg,no\nü.jpg,no\n", encoding="utf-8")

    labels = read(file)
    found = matched(labels, folder, str(file))
    assert [path.name for path in found.values()] == ["a.jpg", "c.jpg", normalize("NFD", "ü.jpg")]

    with pytest.raises(
        TruthError, match=r"b/c\.jpg and 1 more in .*/set have no label: write a line for each"
    ):
        matched(labels[:1], folder, str(file))
    (folder / "a.jpg").unlink()
    with pytest.raises(TruthError, match=r"truth\.csv, line 2: there is no file a\.jpg in .*/set"):
        matched(labels, folder, str(file))
    with pytest.raises(TruthError, match="is no folder"):
        matched(labels, folder / "nowhere", str(file))
    with pytest.raises(TruthError, match=r"nothing\.csv cannot be read: No such file"):
        read(tmp_path / "nothing.csv")
    # What lies outside of the folder is no picture of it, whatever a label says.
    with pytest.raises(TruthError, match="there is no file"):
        matched([Label("../set/b/c.jpg", True)], folder, str(file))
