"""Places: listed, added, changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from happypath.console.changes import Form, change
from happypath.console.forms import typed
from happypath.console.parts import Parts
from happypath.console.templating import page
from happypath.operations import places

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.console.console import Console


def index(request: Request) -> Response:
    """The page. `id` names a place to be changed."""
    console: Console = request.app.state.console
    parts = Parts()
    nothing = places.Places([], True, 0)
    asked = request.query_params.get("id", "")
    found = parts.get("The list of places", lambda: places.listed(console.installation), nothing)
    chosen = parts.get("The place", lambda: places.find(console.installation, asked), None)
    return page(request, "places.html", parts, found=found, chosen=chosen, asked=asked)


def as_json(request: Request) -> Response:
    """The same as JSON."""
    found = places.listed(request.app.state.console.installation)
    return JSONResponse(
        {
            "places": [
                {"placeId": each.place_id, "type": each.place_type, "name": each.name}
                for each in found.places
            ],
            "isWhole": found.is_whole,
        }
    )


@change("/places")
def put(console: Console, form: Form) -> str:
    """Adds a place, or changes one."""
    is_new = form.get("new") == "yes"
    place_id = typed(form, "id") if is_new else form.get("id", "")
    place = places.Place(place_id, typed(form, "type"), typed(form, "name"))
    places.put(console.installation, place, is_new=is_new)
    return f"{place.place_id} is {'added' if is_new else 'changed'}: a {place.place_type}."


routes = [
    Route("/places", index),
    Route("/places", put, methods=["POST"]),
    Route("/places.json", as_json),
]
