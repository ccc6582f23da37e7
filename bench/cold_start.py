"""How long a function's environment takes to be ready, beside a handler that only makes a boto3 client."""

from __future__ import annotations

import compileall
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from bench import certificates
from bench.account import EXECUTION, served
from bench.frame import Bar, Chart, Contender, Result, Table, interleaved, number, progress, ratio, spread
from bench.processes import ENVIRONMENT, ran
from happypath import samples
from happypath.operations import cost
from happypath.project import NEWEST, ROOT, SAMPLES, TEMPLATES, WORKFLOWS, template_of

BARE = "import boto3\nclient = boto3.client('s3')"
_SHOWN_PACKAGES = 8
# What the bare handler does when it is invoked: one call.
_BARE_WORK = """
def handler(event, context):
    client.get_object(Bucket=event["detail"]["bucket"], Key=event["detail"]["key"])["Body"].read()
"""
# Printed last: how long the first invocation took, and how long a later one, in ms.
_INVOKED = """
import json, sys, time
from types import SimpleNamespace
event = json.loads(sys.argv[1])
def invoked():
    started = time.perf_counter()
    handler(event, SimpleNamespace(aws_request_id="bench"))
    return (time.perf_counter() - started) * 1000
first, *_, later = [invoked() for _ in range(4)]
print(json.dumps([first, later]))
"""
_PHOTO = SAMPLES / "photos" / "coffee.jpg"
_DETAIL = {"bucket": "uploads", "key": f"place/{_PHOTO.name}", "version": "1"}
# What each handler finds of its own in it: the state machine's payload, and a batch of messages.
_EVENT = {
    "executionArn": EXECUTION,
    "detail": {**_DETAIL, "placeId": "place", "ID": _PHOTO.name, "workflow": NEWEST},
    "renditions": {"width": 1, "height": 1, "tile": {"key": "tile"}, "scaled": {"key": "scaled"}},
    "Records": [
        {
            "messageId": "message",
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "body": json.dumps(
                {"source": "custom.happyPath", "detail-type": "uploadComplete", "detail": _DETAIL}
            ),
        }
    ],
}
# Sampled, so that the trace is made and sent; nobody receives it.
_TRACE = {"_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}


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
        progress("  cold start: the first invocation, and a later one")
        # Half as often: the figures are a tenth of the others.
        invoked = _invoked(code, root, max(2, rounds // 2))
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
            "boto3 and makes an S3 client. Ours include every client that the handler is going to need. Then "
            f"each is invoked with {_PHOTO.name}, against a server in another process that answers at once, "
            "over TLS; the bare handler fetches the photo. What the first invocation takes beyond a later "
            "one is what the start left to it. All is compiled, as `sam build` does it with Python 3.13."
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
            Table(
                "First invocation",
                ["handler", "the first, ms", "a later one, ms", "beyond, ms", "start and first, ÷ bare"],
                [_first(name, wall, invoked) for name in code],
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


def rules(module: str) -> Any:
    """The rules that a state machine sends to a handler, as it is deployed with samples; None for others."""
    for workflow in WORKFLOWS:
        machine = cost.read(workflow)
        parameters = template_of(workflow)["Parameters"]
        values = {name: each.get("Default") for name, each in parameters.items()}
        values |= samples.of(workflow).parameters
        for state, function in machine.function_of.items():
            if machine.handler[function] == f"{module}.handler":
                text = json.dumps(machine.states[state]["Parameters"]["Payload"].get("rules"))
                return json.loads(Template(text).substitute(values))
    return None


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _invoked(code: Mapping[str, str], root: Path, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """What the first invocation of each handler took, and what a later one, in ms, by rounds."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in code}
    certificate, trusted = certificates.make(root)
    with served(_PHOTO.parent, certificate) as endpoint:
        variables = {"AWS_ENDPOINT_URL": endpoint, "AWS_CA_BUNDLE": str(trusted), **_TRACE}

        def contender(name: str) -> Contender:
            handler = BARE + _BARE_WORK if code[name] == BARE else f"from {name} import handler"
            event = json.dumps(_EVENT | {"rules": rules(name)})

            def invoke() -> float:
                process = ran(handler + _INVOKED, root, event, variables=variables)
                first, later = json.loads(process.said.rpartition("\n")[2])
                found[name].append((first, later))
                return process.wall_ms

            return invoke

        interleaved({name: contender(name) for name in code}, rounds)
    return {name: pairs[1:] for name, pairs in found.items()}


def _first(
    name: str, wall: Mapping[str, list[float]], invoked: Mapping[str, list[tuple[float, float]]]
) -> list[str | float]:
    first, later = ([pair[place] for pair in invoked[name]] for place in (0, 1))
    both, bare = (
        statistics.median(wall[each]) + statistics.median(pair[0] for pair in invoked[each])
        for each in (name, "boto3")
    )
    beyond = statistics.median(one - other for one, other in zip(first, later, strict=True))
    return [_short(name), spread(first), spread(later), number(beyond), number(both / bare)]


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
