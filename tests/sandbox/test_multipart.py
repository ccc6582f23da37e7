"""Forms as they come: in any pieces, of any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from happypath.sandbox.front.multipart import (
    MOST_FIELDS_BYTES,
    FieldsTooLargeError,
    Form,
    MalformedFormError,
    read,
)

TYPE = "multipart/form-data; boundary=b"
NAMES = st.text(st.characters(categories=["Ll"]), min_size=1, max_size=5).filter(lambda name: name != "file")
# Bytes that look much like a boundary.
FILES = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"b", b"\r\n--", b"\x00", b"x"])).map(b"".join)


def part(name: str, value: bytes, more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


def body(fields: dict[str, str], file: bytes) -> bytes:
    parts = [part(name, value.encode()) for name, value in fields.items()]
    return b"".join([*parts, part("file", file, '; filename="a/b.jpg"'), b"--b--\r\n"])


@given(
    fields=st.dictionaries(
        NAMES, st.text(st.characters(exclude_characters="\r\n-", codec="utf-8"), max_size=9)
    ),
    file=FILES.filter(lambda file: b"\r\n--b" not in b"\r\n" + file),
    piece=st.integers(1, 50),
)
def test_a_form_is_the_same_in_whatever_pieces_it_comes(
    fields: dict[str, str], file: bytes, piece: int
) -> None:
    whole = body(fields, file)
    form = Form(TYPE)
    for at in range(0, len(whole), piece):
        form.feed(whole[at : at + piece])
    form.feed(b"")
    assert form.fields == {name.lower(): value for name, value in fields.items()}
    assert (form.file(whole), form.file_bytes) == (file, len(file))
    assert form.file_name == "b.jpg"


@given(junk=st.binary(max_size=200), at=st.integers(0, 300), piece=st.integers(1, 100))
def test_what_is_no_form_is_refused_and_never_breaks_anything(junk: bytes, at: int, piece: int) -> None:
    whole = body({"key": "k"}, b"data")
    bent = whole[:at] + junk + whole[at:]
    form = Form(TYPE)
    try:
        for start in range(0, len(bent), piece):
            form.feed(bent[start : start + piece])
        form.feed(b"")
    except MalformedFormError:
        return
    assert form.file_bytes == len(form.file(bent))


@pytest.mark.parametrize(
    "content_type", [None, "", "multipart/form-data", 'multipart/form-data; boundary=""']
)
def test_a_form_without_a_boundary_is_none(content_type: str | None) -> None:
    with pytest.raises(MalformedFormError):
        read(content_type, body({"key": "k"}, b"data"))


@pytest.mark.parametrize(
    "whole",
    [
        body({"key": "k" * MOST_FIELDS_BYTES}, b""),
        b"x" * 2 * MOST_FIELDS_BYTES,
        part("file", b"", '; filename="f"') + b"--b\r\n" + b"X: " + b"x" * 100_000,
        part("file", b"", '; filename="f"') + part("late", b"x" * 100_000) + b"--b--\r\n",
    ],
)
def test_what_is_no_file_has_its_limit_before_and_behind(whole: bytes) -> None:
    form = Form(TYPE)
    for at in range(0, 2 * MOST_FIELDS_BYTES, 1000):
        try:
            form.feed(whole[at : at + 1000])
        except FieldsTooLargeError:
            return
    pytest.fail("it is taken")


def test_the_first_of_several_fields_and_files_counts() -> None:
    whole = part("key", b"1") + part("KEY", b"2") + part("file", b"one") + part("file", b"two") + b"--b--\r\n"
    form = read(TYPE, whole)
    assert (form.fields, form.file(whole)) == ({"key": "1"}, b"one")
