"""What became of an upload, in sentences for people."""

from __future__ import annotations

from functions.decision import Reason

_STATUSES = {
    "WAITING": "The photo has not arrived yet.",
    "RECEIVED": "The photo has arrived and is being looked at.",
    "IN_REVIEW": "A person is going to look at the photo.",
    "PROCESSED": "The photo is accepted.",
    "FAILED": "Something went wrong on our side. Nothing was decided about the photo.",
    "DELETED": "The photo was deleted.",
}
# Those of `Reason`, and those that are rules of our state machines; any other is said by its name.
_REASONS = {
    Reason.IMAGE_TOO_SMALL: "The photo is too small.",
    Reason.IMAGE_TOO_LARGE: "The photo has too many pixels.",
    Reason.IMAGE_TOO_NARROW: "The photo is too long for its width.",
    Reason.IMAGE_TOO_COMPLEX: "The photo's file is too complicated to be read.",
    Reason.UNSUPPORTED_TYPE: "Files of this type are not accepted.",
    Reason.CORRUPT_IMAGE: "The photo's file is damaged or incomplete.",
    Reason.NOT_DICOM: "The file is no DICOM file.",
    Reason.UNSUPPORTED_TRANSFER_SYNTAX: "DICOM files that are compressed in this way are not accepted.",
    Reason.TOO_MANY_FRAMES: "The file has too many frames.",
    Reason.INVALID_KEY: "The photo's name or its place cannot be used.",
    Reason.TOO_MANY_FACES: "There are more faces on the photo than can be made unrecognisable.",
    Reason.TOO_MANY_WORDS: "There is more in the file than can be searched.",
    Reason.TOO_MUCH_TEXT: "There is more text in it than can be dealt with.",
    Reason.STILL_VISIBLE: "Not all that must not be seen on the photo could be made unrecognisable.",
    Reason.NOT_A_VIDEO: "This is no video, or none of a kind that is accepted.",
    Reason.CORRUPT_VIDEO: "The video's file is damaged or incomplete.",
    Reason.UNSUPPORTED_CODEC: "The video is coded in a way that is not accepted.",
    Reason.VIDEO_TOO_LONG: "The video is too long.",
    Reason.VIDEO_TOO_LARGE: "The video is too large.",
    Reason.KEY_FRAMES_TOO_FAR: "The video has too few key frames. Encode it anew, with more of them.",
    Reason.TOO_MANY_PAGES: "The document has too many pages.",
    Reason.TOO_MANY_SCANNED_PAGES: "The document has too many pages that are pictures of text.",
    Reason.ENCRYPTED_DOCUMENT: "The document opens only with a password.",
    Reason.CORRUPT_DOCUMENT: "The document's file is damaged or incomplete.",
    Reason.DOCUMENT_TOO_LARGE: "The document is too large.",
    Reason.TOOK_TOO_LONG: "The document takes too long to be read.",
    "FAILED_MODERATION": "The photo shows something that must not be published.",
    "NO_PEOPLE_ALLOWED": "The photo shows people; photos of this place must not.",
    "LABEL_NOT_ALLOWED": "The photo shows something that it must not show.",
    "PRODUCT_MISSING": "The photo does not show the product.",
    "PRODUCT_REPEATED": "The photo shows the product too often.",
    "OUT_OF_CONTEXT": "The photo does not show what belongs to the product.",
    "WORDS_NOT_ALLOWED": "The photo has words that must not be published.",
    "TEXT_NOT_ALLOWED": "The photo has text where it must not have any, or too much.",
    "SCORE_TOO_LOW": "All in all, too much speaks against the photo.",
    "NO_MATCH": "The picture does not show what is required.",
    "UNKNOWN_PLACE": "The place is not known.",
    "UNSUPPORTED_PLACE_TYPE": "Photos of places of this type are not accepted.",
    "REFUSED_BY_REVIEWER": "A person has looked at the photo and refused it.",
    "REVIEW_EXPIRED": "Nobody has looked at the photo in time.",
    Reason.NEEDS_REVIEW: "A person would have to look at the photo.",
}


def sentence(status: str, reason: str | None = None) -> str:
    """The state of an upload, as a record has it (`objStatus`), with the reason of a rejection.

    >>> sentence("REJECTED", "NO_PEOPLE_ALLOWED")
    'The photo shows people; photos of this place must not.'
    >>> sentence("REJECTED", "NO_FLASH_ALLOWED")
    'The photo was refused: no flash allowed.'
    """
    if status != "REJECTED":
        return _STATUSES.get(status, f"The state of the photo is {in_words(status)}.")
    return _REASONS.get(
        reason or "", f"The photo was refused: {in_words(reason or 'NO_REASON_IS_RECORDED')}."
    )


def in_words(name: str) -> str:
    """A reason or a status as words.

    >>> in_words("NO_PEOPLE_ALLOWED")
    'no people allowed'
    """
    return name.replace("_", " ").lower()
