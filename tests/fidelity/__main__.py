"""`scripts/fidelity`: runs the cases, and says for each service how many hold."""

from __future__ import annotations

import argparse
from collections import Counter

from rich.console import Console
from rich.table import Table

from tests.fidelity.case import Case, read
from tests.fidelity.runner import UNLIKELY_S, MismatchError, Runner, SetupError, is_documented

_COUNTED = ("passed", "differs", "failed")


def main() -> int:
    """Returns the exit status: 1 if a case fails."""
    parser = argparse.ArgumentParser(prog="scripts/fidelity", description=__doc__)
    parser.add_argument(
        "services", nargs="*", help="files of tests/fidelity/cases, without .yaml; all, if none"
    )
    parser.add_argument("-k", metavar="TEXT", default="", help="only the cases whose name contains this")
    parser.add_argument("--list", action="store_true", help="lists the cases with their sources; runs none")
    parser.add_argument(
        "--patches",
        action="store_true",
        help="leaves out each patch of moto that cases name: these must fail, else moto no longer needs it",
    )
    chosen = parser.parse_args()
    cases = read()
    if unknown := set(chosen.services) - {case.service for case in cases}:
        parser.error(f"there are no cases of {', '.join(sorted(unknown))}")
    cases = [
        case
        for case in cases
        if (not chosen.services or case.service in chosen.services) and chosen.k in case.id
    ]
    console = Console(highlight=False, soft_wrap=True)
    if chosen.list:
        for case in cases:
            console.print(f"{case.id}\n    {case.source}", markup=False)
        return 0
    return _run_without_patches(cases, console) if chosen.patches else _run(cases, console)


def _run(cases: list[Case], console: Console) -> int:
    # moto takes a second to import, which --list need not wait for.
    from happypath.sandbox.sandbox import Sandbox

    counted: dict[str, Counter[str]] = {case.service: Counter() for case in cases}
    with Sandbox(retry_wait_scale=0.001) as sandbox:
        runner = Runner(sandbox)
        for case in cases:
            outcome, why = _outcome(runner, case)
            counted[case.service][outcome] += 1
            if why:
                console.print(f"{case.id}\n    {why}", markup=False)
    table = Table("service", *_COUNTED, "cases")
    total: Counter[str] = Counter()
    for service, counter in counted.items():
        total += counter
        table.add_row(service, *(str(counter[each]) for each in _COUNTED), str(counter.total()))
    table.add_section()
    table.add_row("all", *(str(total[each]) for each in _COUNTED), str(total.total()))
    console.print(table)
    return 1 if total["failed"] else 0


def _run_without_patches(cases: list[Case], console: Console) -> int:
    from happypath.sandbox.sandbox import Sandbox

    status = 0
    for patch in sorted({patch for case in cases for patch in case.patches}):
        with Sandbox(retry_wait_scale=0.001, tracing=False, without_patches=[patch]) as sandbox:
            runner = Runner(sandbox, patience_s=UNLIKELY_S)
            for case in cases:
                if patch not in case.patches or case.differs:
                    continue
                try:
                    runner.run(case)
                except Exception:  # without its patch, moto may fail in any way
                    continue
                console.print(f"Without the patch {patch} this holds, too:\n    {case.id}", markup=False)
                status = 1
    return status


def _outcome(runner: Runner, case: Case) -> tuple[str, str]:
    """What became of a case, and why, where it fails."""
    if case.differs and not is_documented(case.differs):
        return "failed", f"docs/sandbox.md does not say: {case.differs}"
    try:
        runner.run(case)
    except MismatchError as error:
        return ("differs", "") if case.differs else ("failed", str(error))
    except SetupError as error:
        return "failed", f"its setup fails: {error}"
    if case.differs:
        return "failed", f"the sandbox does it: docs/sandbox.md need no longer say: {case.differs}"
    return "passed", ""


if __name__ == "__main__":
    raise SystemExit(main())
