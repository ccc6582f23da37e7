"""What should become of pictures: a file that a person has written."""

from __future__ import annotations

import csv
import io
import mimetypes
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from functions.decision import REASON
from happypath.errors import UsageError

COLUMNS = ("photo", "accepted", "reason", "placeType")
_ANSWERS = {
    **dict.fromkeys(("yes", "true", "1"), True),
    **dict.fromkeys(("no", "false", "0"), False),
}
# More than anybody labels by hand, and a file that is something else is refused before it is read.
_MOST_BYTES = 50_000_000


class TruthError(UsageError):
    """The file cannot be used; the message names the line, what is wrong, and what to do."""


@dataclass(frozen=True)
class Label:
    """What should become of one picture.

    `photo` is its path in the folder of pictures, with slashes; `reason` is why it is to be refused, and ""
    where that is not said; `place_type` is "" where the file does not say it.
    """

    photo: str
    accepted: bool
    reason: str = ""
    place_type: str = ""
    line: int = 0


def read(file: Path) -> list[Label]:
    """The labels of a CSV file.

    Its first line names its columns: `photo` and `accepted` (yes or no, true or false, 1 or 0), and those of
    `reason` and `placeType` that it has. It is UTF-8, with a byte order mark or without, or UTF-16 with one,
    as spreadsheets save it; commas, semicolons or tabs part the columns.

    Raises:
        TruthError: the file cannot be read or used.
    """
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise TruthError(
                f"{file} has more than {_MOST_BYTES // 1_000_000} MB: it is no list of pictures."
            )
        data = file.read_bytes()
    except OSError as error:
        raise TruthError(f"{file} cannot be read: {error.strerror}.") from error
    return list(parse(data, str(file)))


def parse(data: bytes, name: str) -> Iterator[Label]:
    """The labels of a file's bytes; `name` is what messages call it.

    >>> list(parse(b"photo,accepted\\ncat.jpg,yes\\n", "truth.csv"))
    [Label(photo='cat.jpg', accepted=True, reason='', place_type='', line=2)]

    Raises:
        TruthError: as `read`.
    """
    text = _decoded(data, name)
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    # Quotes that are not closed are an error, and do not swallow the rest of the file.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = _columns(next(rows, []), name)
        lines: dict[str, int] = {}
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            label = _label(row, columns, f"{name}, line {rows.line_num}", rows.line_num)
            before = lines.setdefault(normalize("NFC", label.photo), label.line)
            if before != label.line:
                raise TruthError(
                    f"{name}, line {label.line}: {label.photo} has a label already, in line {before}: "
                    "remove one of them."
                )
            yield label
    except csv.Error as error:
        raise TruthError(
            f"{name}, line {rows.line_num}: {error}. Close quotes, and write a quote within them twice."
        ) from None
    if not lines:
        raise TruthError(f"{name} labels no picture: below its first line, write a line for each.")


def _decoded(data: bytes, name: str) -> str:
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TruthError(f"{name}, line {line}: it is not UTF-8: save the file as CSV in UTF-8.") from None
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise TruthError(f"{name}, line {line}: it is no text: save the file as CSV in UTF-8.")
    return text


def _columns(head: list[str], name: str) -> dict[str, int]:
    """Which column has what, by the names of our own."""
    known = {column.lower(): column for column in COLUMNS}
    found: dict[str, int] = {}
    for number, cell in enumerate(head):
        column = known.get(cell.strip().lower())
        if column is None:
            # A label without its column's name would not be missed.
            raise TruthError(
                f"{name}, line 1: there is no column {cell.strip()!r}: name each of the columns "
                f"{', '.join(COLUMNS)} that the file has."
            )
        if column in found:
            raise TruthError(f"{name}, line 1: there are two columns {column}: remove one of them.")
        found[column] = number
    for column in COLUMNS[:2]:
        if column not in found:
            raise TruthError(
                f"{name}, line 1: the column {column} is missing: begin the file with the line photo,accepted"
            )
    return found


def _label(row: list[str], columns: Mapping[str, int], where: str, line: int) -> Label:
    if len(row) != len(columns):
        raise TruthError(
            f"{where}: there are {len(row)} values and {len(columns)} columns: put a value with a comma into "
            "quotes."
        )
    photo, accepted, reason, place_type = (
        row[columns[column]].strip() if column in columns else "" for column in COLUMNS
    )
    if not photo:
        raise TruthError(f"{where}: the photo is missing: name it by its path in the folder.")
    if not photo.isprintable():
        # A terminal would obey what cannot be seen.
        raise TruthError(f"{where}: the photo {photo!r} has characters that are not seen: rename the file.")
    if accepted.lower() not in _ANSWERS:
        raise TruthError(f"{where}: accepted is {accepted!r}: write yes or no, true or false, 1 or 0.")
    is_accepted = _ANSWERS[accepted.lower()]
    if reason and is_accepted:
        raise TruthError(
            f"{where}: {photo} is to be accepted, and has a reason {reason}: remove one of them."
        )
    if reason and not REASON.fullmatch(reason):
        raise TruthError(
            f"{where}: {reason!r} is no reason: write it as records have it, such as FAILED_MODERATION."
        )
    if "/" in place_type:
        raise TruthError(f"{where}: the place's type {place_type!r} must not hold a slash.")
    return Label(photo.removeprefix("./"), is_accepted, reason, place_type, line)


def at_one_place(labels: Iterable[Label], name: str) -> None:
    """Refuses labels that say of which type of place a picture is, where all are of one place.

    Raises:
        TruthError: one does.
    """
    for label in labels:
        if label.place_type:
            raise TruthError(
                f"{name}, line {label.line}: all pictures are of the one place that is named: leave out the "
                "column placeType."
            )


def known_reasons(labels: Iterable[Label], reasons: Collection[str], name: str, workflow: str) -> None:
    """Refuses labels with a reason for which the workflow refuses nothing.

    Raises:
        TruthError: one has such a reason.
    """
    for label in labels:
        if label.reason and label.reason not in reasons:
            raise TruthError(
                f"{name}, line {label.line}: {workflow} refuses nothing for the reason {label.reason}: "
                f"choose among {', '.join(sorted(reasons))}."
            )


def matched(labels: Iterable[Label], folder: Path, name: str) -> dict[Label, Path]:
    """The picture of each label: a file below the folder.

    Raises:
        TruthError: the folder is none, a picture is missing or lies elsewhere, or one has no label.
    """
    if not folder.is_dir():
        raise TruthError(f"{folder} is no folder: name the folder with the pictures.")
    # A Mac decomposes the letters of names.
    there = {
        normalize("NFC", path.relative_to(folder).as_posix()): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    found: dict[Label, Path] = {}
    for label in labels:
        path = there.pop(normalize("NFC", label.photo), None)
        if path is None:
            raise TruthError(
                f"{name}, line {label.line}: there is no file {label.photo} in {folder}: correct its path, "
                "which is from that folder, or remove the line."
            )
        found[label] = path
    unlabelled = [each for each, path in there.items() if is_picture(path)]
    if unlabelled:
        more = f" and {len(unlabelled) - 1} more" if len(unlabelled) > 1 else ""
        first = unlabelled[0] if unlabelled[0].isprintable() else repr(unlabelled[0])
        raise TruthError(
            f"{first}{more} in {folder} {'have' if more else 'has'} no label: write a line for each "
            f"into {name}, or move what is not to be measured elsewhere."
        )
    return found


def is_picture(path: Path) -> bool:
    """Whether a file is called a picture: a folder may hold the labels, notes and plots, too."""
    kind = mimetypes.guess_type(path.name)[0] or ""
    return kind.startswith("image/") and kind != "image/svg+xml"
