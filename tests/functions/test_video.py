"""Films: what is planned, found, hidden and joined, and what is refused."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from functions.analysis.region import Region
from functions.decision import Reason, Rejection
from functions.imaging.obscuring import Style
from functions.platform.aws import client
from functions.platform.rules import RuleError
from functions.upload import Upload
from functions.video import find, frames, join, looking, plan, redact
from functions.video.film import opened
from functions.video.looking import Looker
from functions.video.orientation import Box, Orientation
from functions.video.pieces import MOST_PIECES, Plan, cut
from functions.video.tracks import covers
from functions.video.vorbis import without_comments
from tests.films import MARK, damaged, film, with_vorbis
from tests.functions import account
from tests.functions.test_moderation import CONTEXT

PLANNED = plan.Rules(max_seconds=3600, max_pixels=10_000_000, piece_seconds=1)
FOUND = find.Rules(min_confidence=50, every=3)
REDACTED = redact.Rules(min_confidence=50, check_every=10, style=Style.BLUR, margin=0.2, hold_seconds=0.2)


def marks(image: Image.Image) -> list[Region]:
    """Where the mark is that films have in place of a face."""
    red, green, blue = image.convert("RGB").split()
    found = Image.merge(
        "RGB",
        [
            channel.point(lambda tone, wanted=wanted: 255 if abs(tone - wanted) < 70 else 0)
            for channel, wanted in zip((red, green, blue), MARK, strict=True)
        ],
    ).convert("L")
    box = found.point(lambda tone: 255 if tone == 255 else 0).getbbox()
    if box is None or (box[2] - box[0]) * (box[3] - box[1]) < 16:
        return []
    left, top, right, bottom = box
    width, height = image.size
    return [Region(left / width, top / height, (right - left) / width, (bottom - top) / height, "face", 99.0)]


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Finds marks instead of faces; how many pictures it was shown at a time."""
    shown: list[int] = []

    def faces(_: Looker, images: Sequence[Image.Image]) -> list[list[Region]]:
        shown.append(len(images))
        return [marks(image) for image in images]

    monkeypatch.setattr(Looker, "_faces", faces)
    return shown


class Folder:
    """A workspace on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, name: str, file: Path) -> None:
        shutil.copy(file, self._path / name.replace("/", "-"))

    def get(self, name: str, file: Path) -> None:
        shutil.copy(self._path / name.replace("/", "-"), file)


def redacted(
    data: bytes, folder: Path, by: redact.Rules = REDACTED, planned: plan.Rules = PLANNED
) -> tuple[bytes, Plan]:
    """What the tasks make of a film, one after the other."""
    made = plan.plan(io.BytesIO(data), planned)
    seen: dict[int, list[Box]] = {}
    for piece in made.pieces:
        with opened(io.BytesIO(data)) as source:
            find.find(source, made, piece, FOUND, seen)
    work: Any = Folder(folder)
    for number, piece in enumerate(made.pieces):
        with opened(io.BytesIO(data)) as source:
            redact.redact(source, made, piece, seen, by, folder / "piece.mp4")
        work.put(redact.piece_name(number), folder / "piece.mp4")
    with opened(io.BytesIO(data)) as source:
        join.join(source, made, work, folder / "film.mp4")
    return (folder / "film.mp4").read_bytes(), made


def pictures(data: bytes) -> list[Any]:
    with av.open(io.BytesIO(data), "r") as container:
        return list(container.decode(video=0))


def times(data: bytes) -> list[Fraction]:
    return [(frame.pts or 0) * Fraction(frame.time_base) for frame in pictures(data)]


def packets(data: bytes, kind: str) -> list[tuple[Fraction, bytes]]:
    with av.open(io.BytesIO(data), "r") as container:
        stream = getattr(container.streams, kind)[0]
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


RANDOM = random.Random(17)
UNEVEN = list(accumulate(RANDOM.choices([20, 33, 41, 100], k=25)))
KINDS: dict[str, dict[str, Any]] = {
    "usual": {},
    "uneven times": {"times": UNEVEN},
    "with sound": {"sound": True},
    "turned": {"turned": 90},
    "upside down": {"turned": 180},
    "odd": {"width": 161, "height": 121, "pixels": "yuv444p"},
    "deep": {"pixels": "yuv420p10le"},
    "wide pixels": {"shape": Fraction(2)},
    "out of order": {"options": {"preset": "fast", "bf": "3"}},
    "matroska": {"kind": "matroska"},
    "webm": {"kind": "webm", "codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime"}},
    "transport stream": {"kind": "mpegts", "time_base": Fraction(1, 25)},
    "avi": {"kind": "avi", "codec": "mjpeg", "pixels": "yuvj420p", "time_base": Fraction(1, 25)},
    "one picture": {"frames": 1},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_stays_what_it_is_and_its_faces_go(kind: str, tmp_path: Path, detector: list[int]) -> None:
    data = film(faces=True, metadata={"title": "At home", "location": "+48.2+016.4/"}, **KINDS[kind])
    made, _ = redacted(data, tmp_path)
    before, after = pictures(data), pictures(made)

    assert all(marks(_upright(frame)) for frame in before)
    assert not any(marks(_upright(frame)) for frame in after)
    assert len(after) == len(before)
    assert times(made) == times(data)
    assert {(frame.width, frame.height) for frame in after} == {(before[0].width, before[0].height)}
    assert after[0].rotation == before[0].rotation
    with av.open(io.BytesIO(data)) as one, av.open(io.BytesIO(made)) as other:
        assert (other.streams.video[0].sample_aspect_ratio or 1) == (
            one.streams.video[0].sample_aspect_ratio or 1
        )
        assert other.metadata.keys() <= {"major_brand", "minor_version", "compatible_brands"}
        assert [stream.type for stream in other.streams] == [stream.type for stream in one.streams]
    if KINDS[kind].get("sound"):
        assert packets(made, "audio") == packets(data, "audio")


def test_what_is_said_in_the_header_of_the_sound_is_left_out(tmp_path: Path, detector: list[int]) -> None:
    data = with_vorbis(film(), b"ARTIST=Prudence")
    made, _ = redacted(data, tmp_path)
    assert b"Prudence" in data
    assert b"Prudence" not in made
    assert [each for _, each in packets(made, "audio")] == [each for _, each in packets(data, "audio")]
    with av.open(io.BytesIO(made), "r") as container:
        assert sum(frame.samples for frame in container.decode(container.streams.audio[0])) == 40 * 1024


@pytest.mark.parametrize(
    "header",
    [
        *(b"", b"\x02", b"\x02\xff", b"\x02\x01\x01", b"\x00\x1e\x01vorbis"),
        b"\x02\x07\x07\x01vorbis\x01vorbis\x01vorbis",
    ],
)
def test_a_header_of_sound_that_is_none_is_refused(header: bytes) -> None:
    with pytest.raises(Rejection, match="header of the film's sound") as refused:
        without_comments(header)
    assert refused.value.decision.reason == "CORRUPT_VIDEO"


def _upright(frame: Any) -> Image.Image:
    image: Image.Image = frame.to_image()
    return image


def test_a_film_is_worked_on_in_pieces_and_a_face_at_a_seam_is_hidden_on_both_sides(
    tmp_path: Path, detector: list[int]
) -> None:
    data = film(faces=True, frames=50, key_every=25, options={"preset": "ultrafast", "sc_threshold": "0"})
    made, planned = redacted(data, tmp_path)

    second = int(1 / planned.time_base)
    assert [(piece.start, piece.end, piece.frames) for piece in planned.pieces] == [
        (0, second, 25),
        (second, None, 25),
    ]
    assert not any(marks(_upright(frame)) for frame in pictures(made))
    # Small pictures share a sheet, so that few questions are asked.
    assert sum(detector) > len(detector)


def test_what_is_still_seen_is_redacted_again_and_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detector that is sure of a face whatever it is shown."""
    always = [Region(0.4, 0.4, 0.2, 0.2, "face", 99.0)]
    monkeypatch.setattr(Looker, "_faces", lambda _, images: [always for _ in images])

    with pytest.raises(Rejection) as refused:
        redacted(film(), tmp_path)

    assert refused.value.decision.reason == Reason.STILL_VISIBLE


def test_a_face_that_was_missed_is_found_in_the_result_and_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first questions, those about the film as it came, nothing is answered."""
    asked: list[int] = []

    def faces(_: Looker, images: Sequence[Image.Image]) -> list[list[Region]]:
        asked.append(len(images))
        return [marks(image) if len(asked) > 1 else [] for image in images]

    monkeypatch.setattr(Looker, "_faces", faces)
    made, _ = redacted(film(faces=True, frames=10), tmp_path)

    assert not any(marks(_upright(frame)) for frame in pictures(made))


def test_a_black_box_is_black(tmp_path: Path, detector: list[int]) -> None:
    black, _ = redacted(film(faces=True), tmp_path, by=redact.Rules(50, 10, Style.BLACK, 0.2, 0.2))
    middle = _upright(pictures(black)[12])
    tones = middle.resize((1, 1), Image.Resampling.BOX, box=(70, 50, 90, 70)).getpixel((0, 0))

    assert isinstance(tones, tuple)
    assert max(tones) < 12


# Frames for other workflows

UPLOAD = Upload("uploads", "redact-video/home.mp4", "redact-video", "home.mp4")
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:redact-video:one"
SENT = {"frames_every_s": "1", "frames_prefix": "frames/of"}


def _invoked(data: bytes, *, owner: str = EXECUTION, **more: Any) -> dict[str, bytes]:
    """What is among the uploads beside the film, once the tasks are through with it."""
    account.make_table()
    account.put("workflow", UPLOAD.key, executionArn=owner, objStatus="RECEIVED")
    s3 = client("s3")
    for bucket in ("uploads", "work", "distribution"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="uploads", Key=UPLOAD.key, Body=data)
    event = {"detail": UPLOAD.as_detail(), "executionArn": EXECUTION}
    of_plan = {"max_seconds": "9", "max_pixels": "99999", "piece_seconds": "1", **SENT, **more}
    of_redact = {
        "min_confidence": "50",
        "check_every": "10",
        "style": "blur",
        "margin": "0.2",
        "hold_seconds": "0.2",
    }
    pieces = plan.handler({**event, "rules": of_plan}, CONTEXT)["pieces"]
    for each in pieces:
        find.handler({**event, "piece": each, "rules": {"min_confidence": "50", "every": "3"}}, CONTEXT)
    for each in pieces:
        redact.handler({**event, "piece": each, "rules": of_redact}, CONTEXT)
        # Nothing goes out before all pieces are there.
        assert _uploads().keys() == {UPLOAD.key}
    join.handler(event, CONTEXT)
    return {key: body for key, body in _uploads().items() if key != UPLOAD.key}


def _uploads() -> dict[str, bytes]:
    s3 = client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="uploads")["Contents"]]
    return {key: s3.get_object(Bucket="uploads", Key=key)["Body"].read() for key in keys}


def test_redacted_frames_go_on_to_other_workflows_once_the_film_is_redacted(detector: list[int]) -> None:
    data = film(faces=True, frames=70, key_every=25, turned=90, shape=Fraction(2), sound=True)
    sent = _invoked(data)

    assert list(sent) == [f"frames/of/redact-video/home.mp4/{second}.jpg" for second in (0, 1, 2)]
    for body in sent.values():
        with Image.open(io.BytesIO(body)) as still:
            # 160 x 120 pixels, each twice as wide as high, turned.
            assert (still.format, still.size) == ("JPEG", (60, 160))
            assert not marks(still)
            assert not still.getexif()
    assert join.handler({"detail": UPLOAD.as_detail(), "executionArn": EXECUTION}, CONTEXT)
    assert _uploads().keys() - sent.keys() == {UPLOAD.key}


def test_of_an_execution_that_lost_its_record_no_frame_goes_out(detector: list[int]) -> None:
    assert _invoked(film(), owner="arn:of:another") == {}


@pytest.mark.parametrize("prefix", ["", "redact-video", "redact-video/frames", "a//b", ".dry-run", "a" * 999])
def test_frames_that_would_come_back_or_have_no_key_are_an_error_before_anything_is_read(prefix: str) -> None:
    with pytest.raises(RuleError, match="frames_prefix"):
        _invoked(film(), frames_prefix=prefix)


def test_more_frames_than_one_execution_can_send_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MOST", 1)
    with pytest.raises(Rejection) as refused:
        plan.plan(io.BytesIO(film(frames=50)), plan.Rules(9, 99_999, 1, 1, 1, "frames"))

    assert refused.value.decision.reason == Reason.VIDEO_TOO_LONG


# What is refused


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.NOT_A_VIDEO),
        (b"no film", Reason.NOT_A_VIDEO),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", Reason.NOT_A_VIDEO),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", Reason.NOT_A_VIDEO),
        (film(kind="matroska", frames=200)[:4000], Reason.CORRUPT_VIDEO),
        (film(kind="avi", codec="ffv1", time_base=Fraction(1, 25)), Reason.UNSUPPORTED_CODEC),
    ],
    ids=["empty", "text", "playlist", "list of files", "cut off", "codec"],
)
def test_what_is_no_film_is_refused(data: bytes, reason: str, detector: list[int], tmp_path: Path) -> None:
    with pytest.raises(Rejection) as refused:
        redacted(data, tmp_path)

    assert refused.value.decision.reason == reason


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        ({"max_seconds": 0.5}, Reason.VIDEO_TOO_LONG),
        ({"max_pixels": 1000}, Reason.VIDEO_TOO_LARGE),
    ],
)
def test_a_film_beyond_the_rules_is_refused(by: dict[str, Any], reason: str) -> None:
    usual = {"max_seconds": 3600, "max_pixels": 10_000_000, "piece_seconds": 1}
    with pytest.raises(Rejection) as refused:
        plan.plan(io.BytesIO(film()), plan.Rules(**{**usual, **by}))

    assert refused.value.decision.reason == reason


def test_hostile_films_end_in_a_reason_or_as_films(tmp_path: Path, detector: list[int]) -> None:
    """Cut off, and with bytes that are others: 220 of them."""
    chance = random.Random(4)
    kinds = [
        film(64, 48, frames=8, sound=True),
        film(64, 48, frames=8, kind="matroska", sound=True),
        film(64, 48, frames=8, kind="mpegts", time_base=Fraction(1, 25)),
        film(64, 48, frames=8, kind="avi", codec="mpeg4", time_base=Fraction(1, 25)),
    ]
    ends: dict[str, int] = {}
    for number in range(220):
        data = bytearray(kinds[number % len(kinds)])
        if number % 3 == 0:
            del data[chance.randrange(len(data)) :]
        else:
            for _ in range(chance.choice((1, 4, 40))):
                data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            redacted(bytes(data), tmp_path)
            end = "PROCESSED"
        except Rejection as refused:
            end = str(refused.decision.reason)
        ends[end] = ends.get(end, 0) + 1

    assert sum(ends.values()) == 220
    assert ends.keys() <= {"PROCESSED", *map(str, Reason)}
    assert len(ends) > 2


# Pieces


def test_pieces_end_at_key_frames_and_none_is_too_long() -> None:
    pieces = cut(
        range(10_000), range(0, 10_000, 50), time_base=Fraction(1, 25), pixels=100, piece_seconds=9.0
    )

    assert {piece.frames for piece in pieces[:-1]} == {250}
    assert sum(piece.frames for piece in pieces) == 10_000
    assert all(piece.end == after.start for piece, after in pairwise(pieces))


def test_a_film_without_key_frames_enough_is_refused_before_anything_is_paid_for() -> None:
    with pytest.raises(Rejection) as refused:
        cut(range(100_000), [0], time_base=Fraction(1, 25), pixels=1_000_000, piece_seconds=10.0)

    assert refused.value.decision.reason == Reason.KEY_FRAMES_TOO_FAR


def test_however_long_a_film_is_its_execution_can_hold_the_pieces() -> None:
    pieces = cut(
        range(500_000), range(0, 500_000, 10), time_base=Fraction(1, 25), pixels=100, piece_seconds=1.0
    )

    assert len(pieces) <= MOST_PIECES


# Boxes


def test_a_face_is_hidden_between_the_pictures_in_which_it_was_found_and_at_both_ends() -> None:
    here, there = Box(0.1, 0.1, 0.2, 0.2), Box(0.15, 0.1, 0.25, 0.2)
    hidden = covers({0: [], 3: [here], 6: [there], 9: [], 12: []}, hold=4)

    assert {(cover.first, cover.last) for cover in hidden} == {(-1, 3), (3, 6), (6, 10)}
    (between,) = (cover for cover in hidden if cover.first == 3)
    assert between.box == here.united(there)


def test_a_face_that_is_missed_for_a_moment_is_kept_and_one_elsewhere_is_another() -> None:
    here, elsewhere = Box(0.1, 0.1, 0.2, 0.2), Box(0.8, 0.8, 0.9, 0.9)

    kept = covers({0: [here], 3: [], 6: [here]}, hold=6)
    assert any(cover.first <= 3 <= cover.last for cover in kept)
    apart = covers({0: [here], 3: [elsewhere]}, hold=6)
    assert {cover.box for cover in apart} == {here, elsewhere}


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("upside_down", [False, True])
def test_what_was_seen_upright_is_found_in_the_stored_picture(
    swapped: bool, mirrored: bool, upside_down: bool
) -> None:
    way = Orientation(swapped, mirrored, upside_down)
    stored = Image.new("RGB", (80, 40))
    stored.paste((255, 255, 255), (10, 4, 30, 12))
    upright = way.upright(stored)
    left, top, right, bottom = upright.getbbox() or (0, 0, 0, 0)
    width, height = upright.size

    box = way.stored(left / width, top / height, (right - left) / width, (bottom - top) / height)

    assert box == pytest.approx((10 / 80, 4 / 40, 30 / 80, 12 / 40))


def test_faces_on_a_sheet_belong_to_their_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [Image.new("RGB", (100, 80), (20 * number, 0, 0)) for number in range(5)]
    view = looking.View(Orientation(), Fraction(1), 330)

    def found(picture: Any, _: Any, *, side_px: int) -> list[Region]:
        width, height = picture.raster.size
        # In the fifth picture, the second of the second row: three fit beside each other.
        return [Region((108 + 50) / width, (88 + 20) / height, 10 / width, 8 / height, "face", 99.0)]

    monkeypatch.setattr(looking, "find", found)
    with Looker(view, 50) as looker:
        faces = looker._faces(images)

    assert [len(each) for each in faces] == [0, 0, 0, 0, 1]
    assert (faces[4][0].left, faces[4][0].top) == pytest.approx((0.5, 0.25))


def test_a_film_that_breaks_in_the_middle_is_refused_and_not_shortened(
    tmp_path: Path, detector: list[int]
) -> None:
    with pytest.raises(Rejection) as refused:
        redacted(damaged(film(faces=True)), tmp_path)

    assert refused.value.decision.reason == Reason.CORRUPT_VIDEO
