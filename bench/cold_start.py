"""How long a function's environment takes to be ready, beside a handler that only makes a boto3 client."""

from __future__ import annotations

import compileall
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.frame import Bar, Chart, Contender, Result, Table, interleaved, number, progress, ratio, spread
from bench.processes import ENVIRONMENT, ran
from happypath.project import ROOT, TEMPLATES

BARE = "import boto3\nboto3.client('s3')"
_SHOWN_PACKAGES = 8


def run(rounds: int) -> Result:
    """Starts each function's module, and the bare handler, in fresh processes."""
    modules = handlers()
    code = {"boto3": BARE, **{module: f"import {module}" for module in modules}}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(ROOT / "functions", root / "functions", ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(root, quiet=2)
        progress("  cold start: " + ", ".join(code))
        cpu: dict[str, list[float]] = {name: [] for name in code}

        def contender(name: str) -> Contender:
            def start() -> float:
                process = ran(code[name], root)
                cpu[name].append(process.cpu_ms)
                return process.wall_ms

            return start

        wall = interleaved({name: contender(name) for name in code}, rounds)
        imports = Table(
            "What is imported, by package, in ms of its own",
            ["handler", "all imports", "the most"],
            [_imports(name, code[name], root) for name in code],
        )
    # The first round is not counted here, either.
    cpu = {name: values[1:] for name, values in cpu.items()}
    to_bare = {module: ratio(wall[module], wall["boto3"]) for module in modules}
    return Result(
        about=(
            "A fresh Python process from its start until the handler's module is imported, traced as on "
            f"Lambda: milliseconds, median and the middle half of {rounds} rounds. The bare handler imports "
            "boto3 and makes an S3 client. Ours include every client that the handler is going to need."
        ),
        bars=[
            Bar(f"{_short(module)}, time of the bare handler's", 1.25, to_bare[module]) for module in modules
        ],
        tables=[
            Table(
                "Cold start",
                ["handler", "wall, ms", "CPU, ms", "÷ bare, wall", "÷ bare, CPU"],
                [
                    [
                        _short(name),
                        spread(wall[name]),
                        spread(cpu[name]),
                        number(ratio(wall[name], wall["boto3"])),
                        number(ratio(cpu[name], cpu["boto3"])),
                    ]
                    for name in code
                ],
            ),
            imports,
        ],
        chart=Chart(
            "Time until a handler is ready",
            "ms",
            ["wall"],
            [(_short(name), (statistics.median(wall[name]),)) for name in code],
        ),
        data={name: statistics.median(wall[name]) for name in code},
    )


def handlers() -> list[str]:
    """The modules of all handlers that the templates name, in the order in which an upload meets them."""
    found: dict[str, None] = {}
    for template in sorted(TEMPLATES.glob("*/template.yaml")):
        for match in re.finditer(
            r"Handler: (functions\.[\w.]+)\.handler", template.read_text(encoding="utf-8")
        ):
            found[match[1]] = None
    return list(found)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| \s*([\w.]+)")


def _imports(name: str, code: str, root: Path) -> list[str | float]:
    """One run with -X importtime, summed by package."""
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        env={**ENVIRONMENT, "LAMBDA_TASK_ROOT": str(root), "PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    packages: Counter[str] = Counter()
    for microseconds, module in _IMPORT.findall(process.stderr):
        packages[_library(module.partition(".")[0])] += int(microseconds)
    most = ", ".join(
        f"{package} {count / 1000:.0f}" for package, count in packages.most_common(_SHOWN_PACKAGES)
    )
    return [_short(name), number(sum(packages.values()) / 1000), most]


def _library(module: str) -> str:
    return "Python" if module in sys.stdlib_module_names or module.startswith("_") else module
