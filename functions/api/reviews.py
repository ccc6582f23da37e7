"""The handler of the API's reviews: which photos wait for a person, and what that person says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from functions.api import request
from functions.api.answering import HttpAnswer, Route, answer, answered
from functions.api.groups import member
from functions.api.request import Caller, HttpEvent, RequestError
from functions.api.reviewer import check_not_own
from functions.ingest.record import utc_now
from functions.platform.aws import client, prepare
from functions.platform.observability import logger
from functions.platform.settings import ReviewApiSettings, read
from functions.review.review import Review
from functions.review.reviews import MalformedVerdictError, NoReviewError, NotYoursError, Reviews

SETTINGS = read(ReviewApiSettings)
prepare("dynamodb", "kms", "s3")

_IN_A_LIST, _MOST_IN_A_LIST = 25, 100
# How long the address of a photo can be used.
_PHOTO_SECONDS = 300
# In a list a review is what somebody needs who chooses one.
_IN_LIST = (
    "id",
    "placeId",
    "uploadId",
    "workflow",
    "status",
    "askedAt",
    "waited_s",
    "expiresAt",
    "claimedBy",
)
# Nobody outside needs the account's names of things.
_WITHIN = ("bucket", "version", "executionArn", "reviewArn")

_Act: TypeAlias = Callable[[Reviews, Review, str, Mapping[str, str]], Review]


def handler(event: HttpEvent, context: Any) -> HttpAnswer:
    """Answers a request of somebody who may decide reviews."""
    return answered("reviews", event, context, _ROUTES)


def _reviews() -> Reviews:
    return Reviews(client("dynamodb"), SETTINGS.table_name)


def _reviewer(event: HttpEvent, caller: Caller) -> str:
    return member(
        event,
        caller,
        claim=SETTINGS.reviewer_claim,
        groups=SETTINGS.reviewer_groups,
        otherwise="You may not decide about photos.",
    )


def _list(event: HttpEvent, caller: Caller) -> HttpAnswer:
    _reviewer(event, caller)
    most = request.limit(request.query(event, "limit"), _IN_A_LIST, _MOST_IN_A_LIST)
    now, waiting = utc_now(), _reviews().waiting()
    first = [review.as_json(now) for review in waiting[:most]]
    return answer(
        200,
        {"waiting": len(waiting), "reviews": [{name: each[name] for name in _IN_LIST} for each in first]},
    )


def _show(event: HttpEvent, caller: Caller) -> HttpAnswer:
    _reviewer(event, caller)
    request.query(event)
    return answer(200, _shown(_found(event, caller)))


def _route(act: _Act, *fields: str) -> Route:
    """The route of something that a person does to a review, with a body of these fields, which are texts."""

    def route(event: HttpEvent, caller: Caller) -> HttpAnswer:
        by = _reviewer(event, caller)
        request.query(event)
        given = request.texts(event, *fields) if fields else {}
        seen = _found(event, caller)
        try:
            review = act(_reviews(), seen, by, given)
        except NotYoursError as error:
            raise RequestError(409, str(error)) from None
        except MalformedVerdictError as error:
            raise RequestError(400, str(error)) from None
        logger.info("a person acted", extra={"review": review.id, "status": review.status})
        return answer(200, _shown(review))

    return route


def _found(event: HttpEvent, caller: Caller) -> Review:
    """The review that a path names.

    Raises:
        RequestError: there is none (404), or it is of the caller's own photo (403).
    """
    review_id = event["pathParameters"]["reviewId"]
    try:
        # The name of an execution. DynamoDB takes no key that is longer than a thousand bytes, or empty.
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", review_id):
            raise NoReviewError(review_id)
        review = _reviews().show(review_id)
    except NoReviewError:
        raise RequestError(404, "There is no such review.") from None
    check_not_own(review.key, caller, seal_key=SETTINGS.seal_key, own_folders=SETTINGS.own_folders)
    return review


def _shown(review: Review) -> dict[str, Any]:
    """A review, and an address at which its photo is seen for some minutes: as no page, whatever it is."""
    found = {name: each for name, each in review.as_json(utc_now()).items() if name not in _WITHIN}
    if review.is_open:
        which = {"Bucket": review.bucket, "Key": review.key, "ResponseContentDisposition": "attachment"}
        if review.version is not None:
            which["VersionId"] = review.version
        found["photo"] = client("s3").generate_presigned_url(
            "get_object", Params=which, ExpiresIn=_PHOTO_SECONDS
        )
    return found


_ROUTES: Mapping[str, Route] = {
    "GET /reviews": _list,
    "GET /reviews/{reviewId}": _show,
    "POST /reviews/{reviewId}/claim": _route(lambda reviews, seen, by, _: reviews.claim(seen.id, by)),
    "POST /reviews/{reviewId}/pass": _route(lambda reviews, seen, by, _: reviews.pass_on(seen.id, by)),
    "POST /reviews/{reviewId}/approve": _route(lambda reviews, seen, by, _: reviews.approve(seen.id, by)),
    "POST /reviews/{reviewId}/refuse": _route(
        lambda reviews, seen, by, given: reviews.refuse(
            seen.id, by, given.get("reason", ""), given.get("note", "")
        ),
        "reason",
        "note",
    ),
}
