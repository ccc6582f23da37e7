"""What a request says: who asks, and for what. Everything in it is hostile."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from functions.platform.values import whole
from functions.upload import InvalidKeyError, parse_key

# API Gateway's event, payload format 2.0:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
HttpEvent: TypeAlias = Mapping[str, Any]

# S3 puts the name of the file here, so a form's key would not be the one that was given.
_FILENAME_VARIABLE = "${filename}"
_MOST_FILE_NAME_BYTES = 128
_MOST_SHOWN = 40
_MOST_BODY_CHARACTERS = 16_384
# Of a file's name, and what an id has before it (`functions.api.upload_id`).
_MOST_NAME_BYTES = 41 + _MOST_FILE_NAME_BYTES


class RequestError(Exception):
    """A request is refused: with a status of HTTP, a sentence, and one for each field that is wrong.

    `more` is what a program needs to know beside sentences.
    """

    def __init__(
        self,
        status: int,
        message: str,
        errors: Mapping[str, str] | None = None,
        more: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.errors, self.more = status, errors or {}, more or {}


def bad_fields(errors: Mapping[str, str]) -> RequestError:
    """The refusal of a request for its fields."""
    return RequestError(400, " ".join(errors.values()), errors)


@dataclass(frozen=True)
class Caller:
    """Who asks. A person is known by the issuer and the subject of the token.

    Without one it is a principal of the account, who was let in by IAM: such as the server of an application,
    which knows its users itself.
    """

    person: tuple[str, str] | None

    @classmethod
    def of(cls, event: HttpEvent) -> Caller:
        """The caller as API Gateway's authorizer has it.

        Raises:
            RequestError: there was no authorizer (401), or the token names no subject (403).
        """
        authorizer = event["requestContext"].get("authorizer") or {}
        if "iam" in authorizer:
            return cls(None)
        if "jwt" not in authorizer:
            raise RequestError(401, "The caller is not authenticated.")
        claims = authorizer["jwt"]["claims"]
        issuer, subject = claims.get("iss"), claims.get("sub")
        if not issuer or not subject:
            raise RequestError(403, "The token names no subject.")
        return cls((issuer, subject))


@dataclass(frozen=True)
class Asked:
    """The photo that somebody wants to upload."""

    place_id: str
    # As the upload's key has it.
    file_name: str
    # The most that the file may have.
    size_bytes: int
    content_type: str


def asked(event: HttpEvent, *, max_size_bytes: int, content_types: Collection[str]) -> Asked:
    """Reads the body of a request for a form.

    Raises:
        RequestError: it is no JSON object, or too large a one, or fields are missing, senseless or unknown.
    """
    read: dict[str, Callable[[Any], Any]] = {
        "placeId": _place,
        "fileName": _file_name,
        "sizeBytes": lambda value: _size(value, max_size_bytes),
        "contentType": lambda value: _one_of(value, content_types),
    }
    given = _object(event)
    errors = {name: f"There is no field {shown(name)}." for name in given if name not in read}
    values = {}
    for name, parse in read.items():
        if name not in given:
            errors[name] = f"{name} is missing."
            continue
        try:
            values[name] = parse(given[name])
        except ValueError as error:
            errors[name] = f"{name} {error}."
    if errors:
        raise bad_fields(errors)
    return Asked(values["placeId"], values["fileName"], values["sizeBytes"], values["contentType"])


def texts(event: HttpEvent, *known: str) -> Mapping[str, str]:
    """The fields of a request's body, each a text.

    Raises:
        RequestError: it is no JSON object, or too large a one, or a field is unknown or no text.
    """
    given = _object(event)
    errors = {name: f"There is no field {shown(name)}." for name in given if name not in known}
    errors |= {name: f"{name} must be a text." for name in known if not isinstance(given.get(name, ""), str)}
    if errors:
        raise bad_fields(errors)
    return given


def place(place_id: str) -> str:
    """A place's id as a path names it.

    Raises:
        RequestError: no upload can have such a place (404).
    """
    try:
        return _place(place_id)
    except ValueError:
        raise RequestError(404, "There is no such place.") from None


def folder(asked: Asked, caller: Caller, own_folders: Collection[str]) -> str:
    """Where a photo goes: to its place, or in a place of `own_folders` to the folder of the person.

    Raises:
        RequestError: it needs a person's folder, and there is none (400), or none can have this name (403).
    """
    if asked.place_id not in own_folders:
        return asked.place_id
    if caller.person is None:
        raise bad_fields({"placeId": f"placeId {asked.place_id} is for people with tokens of their own."})
    _, subject = caller.person
    made = f"{asked.place_id}/{subject}"
    try:
        # The check of a place, in which there is no slash either.
        _place(subject)
        parse_key(f"{made}/{'x' * _MOST_NAME_BYTES}")
    except ValueError:
        raise RequestError(403, "The token's subject cannot be the name of a folder.") from None
    return made


def query(event: HttpEvent, *known: str) -> Mapping[str, str]:
    """The parameters in the query of a request.

    Raises:
        RequestError: one of them is unknown.
    """
    given: Mapping[str, str] = event.get("queryStringParameters") or {}
    if unknown := [name for name in given if name not in known]:
        raise bad_fields({name: f"There is no parameter {shown(name)}." for name in unknown})
    return given


def limit(query: Mapping[str, str], usual: int, most: int) -> int:
    """How many of a list are asked for.

    Raises:
        RequestError: that is no whole number, or too many.
    """
    try:
        return whole(1, most)(query.get("limit", str(usual)))
    except ValueError as error:
        raise bad_fields({"limit": f"limit {error}."}) from None


def shown(text: str) -> str:
    """A text of the caller's in a sentence: not all of a long one, and with nothing that acts.

    >>> shown("size\\n" + "e" * 100)
    "'size\\\\neeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee…'"
    """
    return ascii(text[:_MOST_SHOWN])[:-1] + ("…'" if len(text) > _MOST_SHOWN else "'")


def _object(event: HttpEvent) -> dict[str, Any]:
    body = event.get("body") or ""
    # Each unknown field would be answered.
    if len(body) > _MOST_BODY_CHARACTERS:
        raise RequestError(413, f"The body must have at most {_MOST_BODY_CHARACTERS} characters.")
    try:
        # What its type calls no text comes so.
        given = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise RequestError(400, "The body must be a JSON object.")
    return given


def _place(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that is not empty")
    # Neither control characters, nor such as turn the direction of a text, nor half of a surrogate pair.
    if not value.isprintable() or "/" in value or _FILENAME_VARIABLE in value:
        raise ValueError("must have no slash, no characters that cannot be seen, and no ${filename}")
    try:
        parse_key(f"{value}/{'x' * _MOST_NAME_BYTES}")
    except InvalidKeyError as error:
        raise ValueError(f"cannot begin a key: {error}") from None
    return value


def _file_name(value: Any) -> str:
    """The name of a file as a key may have it: letters and digits of any script, `.`, `_` and `-`.

    >>> _file_name("C:\\\\photos\\\\a picnic (1).JPG"), _file_name("../../größer.jpg")
    ('a_picnic_1_.JPG', 'größer.jpg')
    """
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that is not empty")
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", value))[-1]
    # Of Unicode's categories: letters, marks and numbers.
    kept = "".join(each if each in "._-" or unicodedata.category(each)[0] in "LMN" else "_" for each in last)
    tidy = re.sub(r"_{2,}", "_", kept).lstrip("._-")
    if not any(map(str.isalnum, tidy)):
        raise ValueError("must have a letter or a digit")
    stem, dot, extension = tidy.rpartition(".")
    ending = f"{dot}{extension}" if stem and len(extension.encode()) <= 16 else ""  # as long as any in use
    room = _MOST_FILE_NAME_BYTES - len(ending.encode())
    return tidy.removesuffix(ending).encode()[:room].decode(errors="ignore") + ending


def _size(value: Any, most: int) -> int:
    # Not a text with digits.
    return whole(1, most)(value if type(value) is int else None)


def _one_of(value: Any, known: Collection[str]) -> str:
    if value not in known:
        raise ValueError(f"must be one of {', '.join(known)}")
    return str(value)
