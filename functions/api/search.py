"""The handler of the API's search: uploads by what is on and in them, for people of a group.

Who may search finds all uploads, whoever asked to upload them. What is found is told, and where it is
published; nobody gets an original, which this function cannot even read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.api import cursor, request
from functions.api.answering import HttpAnswer, Route, answer, answered
from functions.api.groups import member
from functions.api.request import Caller, HttpEvent, RequestError, bad_fields
from functions.catalogue.query import QueryError
from functions.catalogue.search import MOST_ON_A_PAGE, TooBroadError, search
from functions.catalogue.tables import Tables
from functions.platform.aws import client, prepare
from functions.platform.settings import SearchApiSettings, read
from functions.upload import published_renditions

SETTINGS = read(SearchApiSettings)
prepare("dynamodb", "kms")

_ON_A_PAGE = 25
# The route, by which its cursors are told from those of other lists.
_LIST = "search"


def handler(event: HttpEvent, context: Any) -> HttpAnswer:
    """Answers a request of somebody who may search."""
    return answered("search", event, context, _ROUTES)


def _search(event: HttpEvent, caller: Caller) -> HttpAnswer:
    member(
        event,
        caller,
        claim=SETTINGS.reviewer_claim,
        groups=SETTINGS.searcher_groups,
        otherwise="You may not search.",
    )
    given = request.query(event, "q", "limit", "cursor")
    if "q" not in given:
        raise bad_fields({"q": "q is missing: the query."})
    query = given["q"]
    most = request.limit(given, _ON_A_PAGE, MOST_ON_A_PAGE)
    begin = (
        cursor.opened(SETTINGS.seal_key, given["cursor"], _LIST, query, kind="query")
        if "cursor" in given
        else None
    )
    tables = Tables(client("dynamodb"), SETTINGS.catalogue_table, SETTINGS.table_name)
    try:
        page = search(tables, query, limit=most, cursor=begin)
    except QueryError as error:
        raise RequestError(400, str(error), {"q": str(error)}, {"column": error.column}) from None
    except TooBroadError as error:
        raise bad_fields({"q": str(error)}) from None
    following = page.cursor and cursor.issue(SETTINGS.seal_key, page.cursor, _LIST, query)
    return answer(200, {"uploads": [_upload(each) for each in page.found], "cursor": following})


def _upload(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without the account's names of things."""
    return {
        "uploadId": found["key"],
        **{name: found[name] for name in ("placeId", "workflow", "type", "at", "found")},
        "renditions": published_renditions(SETTINGS.distribution_url, found.get("renditions", {})),
    }


_ROUTES: Mapping[str, Route] = {"GET /search": _search}
