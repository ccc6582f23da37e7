"""`happypath run`: photos through one workflow, in a sandbox made for the run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.status import Status

from happypath import samples
from happypath.cli import display
from happypath.cli.console import serve_uploads
from happypath.cli.options import (
    AsJson,
    FaultRules,
    Iam,
    Parameters,
    RealRekognition,
    Seed,
    app,
    check_place_type,
    existing,
    faults_of,
    given_parameters,
    known_workflow,
)
from happypath.errors import UsageError
from happypath.operations import parameters
from happypath.operations.installation import Installation
from happypath.project import NEWEST, WORKFLOWS


@app.command()
def run(
    photos: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PHOTO]...", help="Photos; the samples when none is given."),
    ] = None,
    workflow: Annotated[str, typer.Option(help=f"The workflow to run, of {', '.join(WORKFLOWS)}.")] = NEWEST,
    place_type: Annotated[
        str | None,
        typer.Option(help="The type of the photos' place: that of the first sample, unless given."),
    ] = None,
    parameter: Parameters = None,
    out: Annotated[Path, typer.Option(help="The folder for the published photos.")] = Path("out"),
    as_json: AsJson = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an upload's end.", min=1)] = 300.0,
    real_rekognition: RealRekognition = False,
    iam: Iam = True,
    fault: FaultRules = None,
    seed: Seed = 0,
    console: Annotated[
        bool, typer.Option("--console", help="Keep the sandbox afterwards, and serve its console.")
    ] = False,
) -> None:
    """Run photos through a workflow, in a sandbox made for the run.

    Parameters that its template has no default for have the samples' values (samples/), unless given.
    """
    known_workflow(workflow)
    check_place_type(place_type)
    of_workflow = samples.of(workflow)
    asked_for = given_parameters(workflow, parameter)
    chosen_parameters = {**of_workflow.parameters, **asked_for}
    parameters.check_all(workflow, chosen_parameters)
    faults = faults_of(fault, seed)
    given = existing(photos or [])
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be made: {error.strerror}.") from error

    from happypath.operations import run as runs

    own = [of_workflow.photo(path, place_type) for path in given]
    chosen = own or of_workflow.at(place_type)
    if taken := [f"{name}={value}" for name, value in chosen_parameters.items() if name not in asked_for]:
        display.show_notice(f"{', '.join(taken)}: as for the samples. --parameter sets others.")
    results: list[runs.Result] = []

    def stay(installation: Installation) -> None:
        """Shows what is known by now, and keeps the sandbox until the console is stopped."""
        status.stop()
        if as_json:
            display.show_json([result.as_json() for result in results])
        serve_uploads(installation, faults, [f"{each.place_id}/{each.upload_id}" for each in results])

    with display.notices.status("Starting the sandbox …") as status:
        ended = runs.run(
            chosen,
            workflow,
            out,
            timeout_s=timeout,
            real_rekognition=real_rekognition,
            faults=faults,
            iam=iam,
            parameters=chosen_parameters,
            tell=_progress(status, as_json),
            **({"stay": stay} if console else {}),
        )
        # The sandbox is closed before an error is shown.
        with closing(ended):
            for result in ended:
                results.append(result)
                status.update(f"{len(results)} of {len(chosen)} ended …")
                if not as_json:
                    display.show_result(result)
    if as_json and not console:
        display.show_json([result.as_json() for result in results])
    for rule in faults.unmet():
        display.notices.print(f"No call met the fault {rule}.", markup=False, soft_wrap=True)
    # That a person is asked is what is meant to come of an upload that the models are not sure of.
    as_meant = {"PROCESSED", "REJECTED", "IN_REVIEW"}
    if any(result.status not in as_meant or result.unrecorded for result in results):
        raise typer.Exit(1)


def _progress(status: Status, as_json: bool) -> Callable[[str], None] | None:
    """Shows what the run is doing, in the status line; nothing of it beside JSON."""
    return None if as_json else lambda doing: status.update(f"{escape(doing)} …")
