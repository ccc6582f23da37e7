"""`happypath compare`: what another version would decide."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from happypath import samples
from happypath.cli import display
from happypath.cli.options import (
    AsJson,
    Prefix,
    RealRekognition,
    app,
    check_place,
    check_place_type,
    existing,
    installation_of,
    known_workflow,
)
from happypath.errors import UsageError
from happypath.operations.installation import Installation
from happypath.project import PREFIX

if TYPE_CHECKING:
    from happypath.operations.shadow import Subject


@app.command()
def compare(
    one: Annotated[str, typer.Argument(metavar="ONE", help="A workflow.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.")],
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PHOTO]...", help="Photos; the samples when neither they nor --last are given."
        ),
    ] = None,
    last: Annotated[
        int | None, typer.Option(metavar="N", help="The installation's last N uploads.", min=1)
    ] = None,
    place: Annotated[
        str | None, typer.Option(metavar="ID", help="The photos' place: compare on the installation.")
    ] = None,
    place_type: Annotated[
        str | None,
        typer.Option(help="Their place's type, in a sandbox made for the comparison; else the samples'."),
    ] = None,
    real_rekognition: RealRekognition = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Run photos through two workflows as a dry run, and show where their decisions differ.

    Nothing is published and no record is changed. With --last or --place the workflows are those of the
    installation; else a sandbox is made for the comparison. The exit status is 1 if any decision differs.
    """
    if known_workflow(one) == known_workflow(other):
        raise UsageError(f"{one} and {other} are one workflow: name two.")
    check_place(place)
    check_place_type(place_type)
    for_a_sandbox = place_type is not None or real_rekognition
    if last is not None and (photos or place is not None or for_a_sandbox):
        raise UsageError("--last takes photos and their places from the uploads: give neither with it.")
    if place is not None and (for_a_sandbox or not photos):
        raise UsageError(
            "--place is the place of photos on the installation: name photos, and no --place-type."
        )
    given = existing(photos or [])

    from happypath.operations import compare as comparing
    from happypath.operations import shadow

    found: list[comparing.Comparison] = []
    with ExitStack() as opened, display.notices.status("Comparing …") as status:
        if last is not None:
            installation = installation_of(prefix)
            subjects = comparing.last(installation, last, (one, other))
        elif place is not None:
            installation = installation_of(prefix)
            subjects = [shadow.Subject(str(path), place) for path in given]
        else:
            status.update("Starting the sandbox …")
            installation, subjects = _sandboxed(opened, (one, other), given, place_type, real_rekognition)
        for comparison in comparing.compare(installation, (one, other), subjects):
            found.append(comparison)
            status.update(f"{len(found)} of {len(subjects)} compared …")
            if not as_json:
                display.show_comparison(comparison)
    if as_json:
        display.show_json([each.as_json() for each in found])
    else:
        display.show_differences(found, (one, other))
    if any(each.differs for each in found):
        raise typer.Exit(1)


def _sandboxed(
    opened: ExitStack,
    workflows: tuple[str, str],
    photos: list[Path],
    place_type: str | None,
    real_rekognition: bool,
) -> tuple[Installation, list[Subject]]:
    """A sandbox with workflows, and photos, or the samples, at places in it."""
    from happypath.operations import run as runs
    from happypath.operations.shadow import Subject

    of_each = [samples.of(workflow) for workflow in workflows]
    own = [of_each[0].photo(path, place_type) for path in photos]
    chosen = own or list(dict.fromkeys(photo for each in of_each for photo in each.at(place_type)))
    installation = opened.enter_context(runs.installed(workflows, chosen, real_rekognition=real_rekognition))
    return installation, [Subject(str(photo.path), photo.place_id) for photo in chosen]
