"""Runs benchmarks by name, or all of them, and writes down what they found: `scripts/bench`."""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path

from bench import report, resize
from bench.frame import Result, progress
from bench.photos import photos_in

# In the order of the report, each with how many rounds it takes; fewer make it quick, and its figures rough.
BENCHMARKS = {
    "resize": 7,
    "images": 3,
    "dimensions": 5,
    "cold_start": 9,
    "start": 3,
    "sandbox": 1,
    "console": 3,
    "memory": 1,
    "redact": 3,
    "dicom": 1,
    "tracing": 2,
    "redact_video": 3,
    "search": 3,
    "scaling": 1,
}


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all without one"
    )
    parser.add_argument("--rounds", type=int, help="how often contenders take turns")
    parser.add_argument(
        "--photos",
        metavar="FOLDER",
        type=Path,
        help="run `resize` alone, on the JPEG photos of a folder; print what was found, and write nothing",
    )
    parser.add_argument("--dry", action="store_true", help="print what was found, and write nothing")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - BENCHMARKS.keys())
    if options.rounds is not None and options.rounds < 2:
        parser.error("a median and a spread take at least two rounds")
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}: choose of {', '.join(BENCHMARKS)}")
    if options.photos:
        if options.names not in ([], ["resize"]):
            parser.error("--photos is for resize alone")
        result = resize.run(options.rounds or BENCHMARKS["resize"], photos_in(options.photos))
        print(f"{report.tables(result)}\n\n{report.shown({'resize': result})}")
        return
    results: dict[str, Result] = {}
    for name in options.names or BENCHMARKS:
        started = time.monotonic()
        progress(name)
        results[name] = importlib.import_module(f"bench.{name}").run(options.rounds or BENCHMARKS[name])
        progress(f"  {time.monotonic() - started:.0f} s")
        if not options.dry:
            # Each at once: what the next one meets takes nothing from it.
            report.keep({name: results[name]})
            report.write(list(BENCHMARKS))
    print(report.shown(results))


if __name__ == "__main__":
    main()
