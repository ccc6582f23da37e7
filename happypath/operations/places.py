"""The places that photos are of: listed, looked up, added and changed.

Their listings are among all other items of the table, so that to list them is to read it. That is given up
after so many items; a place that is known by its id is found at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from functions.upload import InvalidKeyError, parse_key
from happypath.errors import UsageError
from happypath.operations.installation import Installation

LISTING = "listing"
MOST_LOOKED_AT = 50_000
MOST_LISTED = 1_000
_ID_BYTES = 200
_TEXT_LENGTH = 200


@dataclass(frozen=True)
class Place:
    """A place's listing; without a type, no workflow that asks for one accepts its photos."""

    place_id: str
    place_type: str
    name: str


@dataclass(frozen=True)
class Places:
    """The places that were found, by id. `is_whole` says that there are no others."""

    places: list[Place]
    is_whole: bool
    looked_at: int


def listed(installation: Installation) -> Places:
    """The places of an installation."""
    dynamodb = installation.client("dynamodb")
    query: dict[str, Any] = {
        "TableName": installation.core["Table"],
        "FilterExpression": "SK = :listing",
        "ExpressionAttributeValues": {":listing": {"S": LISTING}},
        "ProjectionExpression": "PK, #type, #name",
        "ExpressionAttributeNames": {"#type": "type", "#name": "name"},
    }
    found: list[Place] = []
    looked_at = 0
    while True:
        page = dynamodb.scan(**query)
        looked_at += page["ScannedCount"]
        found += [_place(item) for item in page["Items"]]
        go_on = page.get("LastEvaluatedKey")
        if not go_on or looked_at >= MOST_LOOKED_AT or len(found) >= MOST_LISTED:
            return Places(sorted(found, key=lambda each: each.place_id), not go_on, looked_at)
        query["ExclusiveStartKey"] = go_on


def find(installation: Installation, place_id: str) -> Place | None:
    """The place of that id; None if there is none."""
    if not place_id:
        return None
    item = (
        installation.client("dynamodb")
        .get_item(
            TableName=installation.core["Table"],
            Key={"PK": {"S": place_id}, "SK": {"S": LISTING}},
            ConsistentRead=True,
        )
        .get("Item")
    )
    return _place(item) if item else None


def put(installation: Installation, place: Place, *, is_new: bool) -> None:
    """Adds a place, or changes its type and name; what else its listing says stays.

    Raises:
        UsageError: no photo could be of such a place, or it is there already (not, if it is not new).
    """
    check_id(place.place_id)
    for what, text in (("type", place.place_type), ("name", place.name)):
        if not text.strip() or len(text) > _TEXT_LENGTH:
            raise UsageError(f"A place needs a {what}, of at most {_TEXT_LENGTH} characters.")
    if "/" in place.place_type:
        raise UsageError(f"The type {place.place_type!r} must not hold a slash.")
    dynamodb = installation.client("dynamodb")
    condition = "attribute_not_exists(PK)" if is_new else "attribute_exists(PK)"
    try:
        dynamodb.update_item(
            TableName=installation.core["Table"],
            Key={"PK": {"S": place.place_id}, "SK": {"S": LISTING}},
            UpdateExpression="SET #type = :type, #name = :name",
            ConditionExpression=condition,
            ExpressionAttributeNames={"#type": "type", "#name": "name"},
            ExpressionAttributeValues={":type": {"S": place.place_type}, ":name": {"S": place.name}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        said = "There is a place" if is_new else "There is no place"
        what = "change that one" if is_new else "add it"
        raise UsageError(f"{said} {place.place_id}: {what}.") from None


def check_id(place_id: str) -> None:
    """Refuses what no photo's key can begin with.

    Raises:
        UsageError: with what is wrong.
    """
    try:
        parse_key(f"{place_id}/photo.jpg")
    except InvalidKeyError as error:
        raise UsageError(f"{place_id[:_ID_BYTES]!r} is no id of a place: {error}.") from None
    if "/" in place_id or len(place_id.encode()) > _ID_BYTES:
        raise UsageError(f"A place's id has no slash, and at most {_ID_BYTES} bytes.")


def _place(item: dict[str, dict[str, Any]]) -> Place:
    said = {name: str(text) for name, value in item.items() for text in value.values()}
    return Place(said["PK"], said.get("type", ""), said.get("name", ""))
