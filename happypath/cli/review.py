"""What a person decides: `review` lists what waits, `approve` and `refuse` decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from happypath.cli import display
from happypath.cli.options import AsJson, Prefix, app, installation_of
from happypath.project import PREFIX

if TYPE_CHECKING:
    from functions.review.review import Review
    from happypath.operations.review import ReviewQueue

reviews = typer.Typer(help="List what waits for a person, the oldest first, and decide.")
app.add_typer(reviews, name="review")

Name = Annotated[
    str,
    typer.Argument(
        metavar="REVIEW", help="Its id; or the upload's key, its id, or a part of the key that no other has."
    ),
]
Note = Annotated[str, typer.Option(help="What else is to be said of it.")]
Reason = Annotated[str, typer.Option(help="Why, such as TOO_DARK or 'too dark'.")]


@reviews.callback(invoke_without_command=True)
def review(context: typer.Context, prefix: Prefix = PREFIX, as_json: AsJson = False) -> None:
    """List what waits for a person, the oldest first, and decide."""
    if context.invoked_subcommand is not None:
        return
    queue = _queue(prefix)
    waiting = queue.waiting()
    if as_json:
        display.show_json([each.as_json(queue.now()) for each in waiting])
    elif waiting:
        display.show_reviews([each.as_json(queue.now()) for each in waiting])
    else:
        display.show_notice("Nothing waits for a person.")


@reviews.command()
def show(name: Name, prefix: Prefix = PREFIX, as_json: AsJson = False) -> None:
    """Show one review: what the models saw, who has it, and how it ended."""
    _do(prefix, as_json, lambda queue: queue.show(name))


@reviews.command()
def claim(name: Name, prefix: Prefix = PREFIX, as_json: AsJson = False) -> None:
    """Reserve a review for yourself, until you decide or pass it on, or the claim lapses."""
    _do(prefix, as_json, lambda queue: queue.claim(name))


@reviews.command("pass")
def pass_on(name: Name, prefix: Prefix = PREFIX, as_json: AsJson = False) -> None:
    """Give up your claim: somebody else is to decide."""
    _do(prefix, as_json, lambda queue: queue.pass_on(name))


@app.command()
@reviews.command()
def approve(name: Name, note: Note = "", prefix: Prefix = PREFIX, as_json: AsJson = False) -> None:
    """Accept a photo that waits for a person."""
    _do(prefix, as_json, lambda queue: queue.approve(name, note))


@app.command()
@reviews.command()
def refuse(
    name: Name, reason: Reason, note: Note = "", prefix: Prefix = PREFIX, as_json: AsJson = False
) -> None:
    """Refuse a photo that waits for a person."""
    _do(prefix, as_json, lambda queue: queue.refuse(name, reason, note))


def _queue(prefix: str) -> ReviewQueue:
    from happypath.operations.review import ReviewQueue

    return ReviewQueue(installation_of(prefix))


def _do(prefix: str, as_json: bool, work: Callable[[ReviewQueue], Review]) -> None:
    """Does something with a review, and shows how it is then."""
    queue = _queue(prefix)
    now = work(queue).as_json(queue.now())
    if as_json:
        display.show_json(now)
    else:
        display.show_review(now)
