"""`happypath search`: any picture or document by what is in it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import typer
from rich.cells import cell_len

from happypath.cli import display
from happypath.cli.options import AsJson, Prefix, app, installation_of
from happypath.errors import UsageError
from happypath.operations.visible import visible
from happypath.project import PREFIX

# On each side of what cannot be read, so that a terminal does not break the line.
_AROUND_CHARACTERS = 38
# Click keeps the lines of a paragraph that begins with \b as they are.
_HELP = """Find pictures and documents by what is in them, the newest first.

\b
label:Person>90              a label, and how sure, in percent
words:"new york"             words, one after the other
york                         a word
people>=2                    how many: people, faces, pages, cars, …
place:sample-park            also workflow: type: camera: film:
after:2026-11-01             and before:2026-11-01T10:05, in UTC
-label:Car                   not
label:Car OR label:Bus       either; what is side by side must all hold
(label:Car OR label:Bus) taxi
"""


# A query may begin with what it denies.
@app.command(help=_HELP, context_settings={"ignore_unknown_options": True})
def search(
    query: Annotated[str, typer.Argument(help="What to find, in single quotes.")],
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 25,
    cursor: Annotated[
        str | None, typer.Option(help="Where to go on: what was said at the end of the page before.")
    ] = None,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Prints what a query finds; where there is more, the cursor is on standard error."""
    from happypath.operations import search as searching

    installation = installation_of(prefix)
    try:
        page = searching.search_far(installation, query, limit=limit, cursor=cursor)
    except searching.UnreadableQueryError as error:
        raise UsageError(f"{error}\n{_pointed(query, error.column)}") from None
    if as_json:
        display.show_json(page.found)
    elif page.found:
        display.show_found(
            (
                each["key"],
                datetime.fromisoformat(each["at"]),
                "; ".join(map(searching.in_words, each["found"])),
            )
            for each in page.found
        )
    if not page.found and cursor is None:
        display.show_notice(searching.why_nothing(installation))
    if page.cursor is not None:
        display.show_notice(f"There is more: --cursor {page.cursor}")


def _pointed(query: str, column: int) -> str:
    """A query, or what of a long one is about a column, and below it a caret at that column.

    >>> print(_pointed("東京 label:", 4))
    東京 label:
         ^
    """
    line = re.sub(r"\s", " ", query)
    at = column - 1
    before = visible(line[:at])
    if len(before) > _AROUND_CHARACTERS:
        before = f"…{before[-_AROUND_CHARACTERS:]}"
    after = visible(line[at : at + _AROUND_CHARACTERS])
    return f"{before}{after}\n{' ' * cell_len(before)}^"
