"""Fidelity cases: what AWS does, as data, each with the page or the recording that says so.

A file of `cases/` is a list of cases of one service; CONTRIBUTING.md gives their form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
# Speaks of the sandbox as a whole: what is left different is in there, in words.
DIFFERENCES = Path(__file__).parents[2] / "docs" / "sandbox.md"

# libyaml reads several times faster; PyYAML's wheels have it.
_FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FASTEST):  # type: ignore[misc]  # one of two classes
    """Reads YAML in which `!repeat [a, 1025]` is a text of 1,025 letters."""


def _repeated(loader: Any, node: Any) -> str:
    text, times = loader.construct_sequence(node)
    return str(text) * int(times)


_Loader.add_constructor("!repeat", _repeated)
_CALL = frozenset({"save", "answer", "error", "eventually"})
_ERROR = frozenset({"Code", "status", "message"})
_CASE = frozenset({"name", "source", "patch", "differs", "setup", "calls"})
_EXECUTION = frozenset({"definition", "type", "input", "status", "error", "cause", "output", "history"})


@dataclass(frozen=True)
class Call:
    """A call of boto3, and what must come of it."""

    service: str
    operation: str
    arguments: Mapping[str, Any]
    # variable → JMESPath into the answer
    save: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    error: Mapping[str, Any] | None = None
    eventually: bool = False


@dataclass(frozen=True)
class Execution:
    """An execution of a state machine, and how it must end. None is what is not looked at."""

    definition: Any
    type: str
    input: Any
    status: str
    error: str | None
    cause: str | None
    output: Any
    has_output: bool
    history: Sequence[str] | None


@dataclass(frozen=True)
class Case:
    """One thing that AWS does."""

    service: str
    name: str
    source: str
    # Without any one of these, the case fails.
    patches: Sequence[str]
    # The sentence of docs/sandbox.md, where the sandbox does not do it.
    differs: str | None
    setup: Sequence[Call]
    execution: Execution | None
    calls: Sequence[Call]

    @property
    def id(self) -> str:
        """Unique among all cases."""
        return f"{self.service}: {self.name}"


class MalformedCaseError(ValueError):
    """A case is not written as cases are."""


def read(folder: Path = CASES) -> list[Case]:
    """All cases, by file and in their order.

    Raises:
        MalformedCaseError: one is not written as cases are, or has another's name.
    """
    cases = [case for path in sorted(folder.glob("*.yaml")) for case in _of(path)]
    names = [case.id for case in cases]
    for name in {each for each in names if names.count(each) > 1}:
        raise MalformedCaseError(f"{name}: two cases have this name")
    return cases


def _of(path: Path) -> Iterator[Case]:
    try:
        cases = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader) or ()
    except yaml.YAMLError as error:
        raise MalformedCaseError(f"{path.name}: {error}") from error
    for written in cases:
        try:
            yield _case(path.stem, written)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            name = written.get("name") if isinstance(written, dict) else written
            raise MalformedCaseError(f"{path.name}: {name!r}: {error!r}") from error


def _case(service: str, written: Mapping[str, Any]) -> Case:
    _only(written, _CASE | _EXECUTION)
    if not written["source"].startswith(("https://", "recorded: ")):
        raise ValueError("the source is neither an https address nor a recording")
    if "definition" not in written:
        _only(written, _CASE)
        if not written.get("calls"):
            raise ValueError("a case has calls or a definition")
    patches = written.get("patch", [])
    return Case(
        service=service,
        name=written["name"],
        source=written["source"],
        patches=[patches] if isinstance(patches, str) else list(patches),
        differs=written.get("differs"),
        setup=[_call(each) for each in written.get("setup", ())],
        execution=_execution(written) if "definition" in written else None,
        calls=[_call(each) for each in written.get("calls", ())],
    )


def _call(written: Mapping[str, Any]) -> Call:
    named = [key for key in written if "." in key]
    if len(named) != 1:
        raise ValueError(f"a call names one operation, not {named}")
    _only(written, _CALL | set(named))
    service, _, operation = named[0].partition(".")
    if error := written.get("error"):
        _only(error, _ERROR)
    return Call(
        service=service,
        operation=operation,
        arguments=written[named[0]] or {},
        save=written.get("save", {}),
        answer=written.get("answer"),
        error=error,
        eventually=written.get("eventually", False),
    )


def _execution(written: Mapping[str, Any]) -> Execution:
    return Execution(
        definition=written["definition"],
        type=written.get("type", "STANDARD"),
        input=written.get("input", {}),
        status=written["status"],
        error=written.get("error"),
        cause=written.get("cause"),
        output=written.get("output"),
        has_output="output" in written,
        history=written.get("history"),
    )


def _only(written: Mapping[str, Any], known: frozenset[str] | set[str]) -> None:
    if unknown := set(written) - known:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
